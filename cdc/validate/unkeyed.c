#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "cdc/validate/work.h"
#include "schema/base/digest.h"
#include "schema/base/xalloc.h"

/* Distinct images kept in memory while two multisets are compared, some 100 bytes each. */
#define IMAGES_MAX 5000000

struct tally {
    int64_t source, target;
    const struct value *row; /* of the first side that shows it in the second pass */
};

struct multiset {
    struct check_table *t;
    struct map images; /* digest of the image to struct tally */
    struct arena arena;
    bool is_source;
    bool keep_rows; /* second pass: only images whose counts differ, with their rows */
    uint64_t rows;
};

/* -0.0 and 0 are one value here, as on MariaDB. */
static void put_image(struct buf *b, const struct check_table *t, const struct value *row)
{
    for (uint32_t i = 0; i < t->table->n_columns; i++) {
        struct value v = row[i];

        if (!t->columns[i])
            continue;
        if (v.kind == VALUE_DOUBLE && v.d == 0)
            v.d = 0;
        if (v.kind == VALUE_FLOAT && v.f == 0)
            v.f = 0;
        value_put_key(b, &v);
    }
}

static bool take_image(void *ctx, const struct value *row, struct err *err)
{
    struct multiset *m = ctx;
    const struct table *table = m->t->table;
    struct buf image = BUF_INIT;
    char digest[SHA256_HEX_SIZE];
    struct bytes key = {(const uint8_t *)digest, 32};
    struct tally *tally;

    put_image(&image, m->t, row);
    sha256_hex(buf_bytes(&image), digest);
    buf_release(&image);
    tally = map_get(&m->images, key);
    if (m->keep_rows) {
        if (tally && tally->source != tally->target && !tally->row) {
            struct value *copy = arena_alloc(&m->arena, table->n_columns * sizeof(*copy));

            for (uint32_t i = 0; i < table->n_columns; i++)
                copy[i] = value_copy(&m->arena, &row[i]);
            tally->row = copy;
        }
        return true;
    }
    if (!tally) {
        if (m->images.count >= IMAGES_MAX) {
            err_reason(err, ERR_DATA, "too_many_images",
                       "table %s.%s without a row key has too many rows to be compared", table->db,
                       table->name);
            return false;
        }
        tally = arena_alloc(&m->arena, sizeof(*tally));
        map_put(&m->images, key, tally);
    }
    m->rows += m->is_source;
    *(m->is_source ? &tally->source : &tally->target) += 1;
    return true;
}

static bool read_both(struct check_worker *w, struct multiset *m, struct err *err)
{
    m->is_source = true;
    if (!source_read_rows(w->source, m->t->table, NULL, false, 0, take_image, m, err))
        return false;
    m->is_source = false;
    return target_read_rows(w->target, m->t->table, NULL, false, 0, take_image, m, err);
}

static size_t count_unequal(const struct multiset *m)
{
    size_t n = 0;
    struct map_entry *e;

    for (size_t i = 0; (e = map_next(&m->images, &i)) != NULL;) {
        const struct tally *tally = e->value;

        n += tally->source != tally->target;
    }
    return n;
}

static void report_unequal(struct validate *v, const struct multiset *m)
{
    struct map_entry *e;

    for (size_t i = 0; (e = map_next(&m->images, &i)) != NULL;) {
        const struct tally *tally = e->value;

        if (tally->source > tally->target)
            report_row(v, m->t, tally->row, NULL, (uint64_t)(tally->source - tally->target));
        else if (tally->source < tally->target)
            report_row(v, m->t, NULL, tally->row, (uint64_t)(tally->target - tally->source));
    }
}

static bool compare_images(struct check_worker *w, struct check_table *t, struct err *err)
{
    bool ok = false;
    struct multiset m = {.t = t};

    if (!read_both(w, &m, err))
        goto done;
    pool_lock(&w->v->pool);
    t->rows += m.rows;
    w->v->result->chunks++;
    pool_unlock(&w->v->pool);
    if (count_unequal(&m)) {
        m.keep_rows = true;
        if (!read_both(w, &m, err))
            goto done;
        report_unequal(w->v, &m);
    }
    ok = true;
done:
    if (!ok && err->kind == ERR_DATA && strcmp(err->reason, "too_many_images") == 0) {
        pool_lock(&w->v->pool);
        snprintf(t->note, sizeof(t->note), "not compared: no row key and too many rows");
        w->v->result->tables_skipped++;
        pool_unlock(&w->v->pool);
        ok = true;
    }
    map_release(&m.images);
    arena_release(&m.arena);
    return ok;
}

/*
 * Equal rows have no name, so what the queue holds for the window cannot be put on top of an
 * unknown point in it: such a table is compared when nothing in the window touches it.
 */
bool unkeyed_table(struct check_worker *w, struct check_table *t, struct err *err)
{
    if (t->is_touched) {
        pool_lock(&w->v->pool);
        if (++t->tries < VALIDATE_TRIES_MAX) {
            t->step = CHECK_LATER;
        } else {
            snprintf(t->note, sizeof(t->note),
                     "not compared: no row key, and written in every view of it");
            w->v->result->tables_skipped++;
            t->step = CHECK_DONE;
        }
        pool_unlock(&w->v->pool);
        return true;
    }
    if (!compare_images(w, t, err))
        return false;
    pool_lock(&w->v->pool);
    t->step = CHECK_DONE;
    pool_unlock(&w->v->pool);
    return true;
}
