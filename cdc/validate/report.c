#include <stdio.h>
#include <stdlib.h>

#include "cdc/validate/work.h"
#include "schema/base/digest.h"
#include "schema/base/xalloc.h"

/* MariaDB stores -0.0 as 0 by every protocol. */
static bool is_zero(const struct value *v)
{
    return (v->kind == VALUE_DOUBLE && v->d == 0) || (v->kind == VALUE_FLOAT && v->f == 0);
}

bool rows_equal(const struct table *t, const struct value *source, const struct value *target,
                uint32_t *columns, uint32_t *n)
{
    *n = 0;
    for (uint32_t i = 0; i < t->n_columns; i++) {
        const struct value *a = &source[i], *b = &target[i];

        if (a->kind == VALUE_ABSENT || b->kind == VALUE_ABSENT || value_equal(a, b) ||
            (is_zero(a) && is_zero(b)))
            continue;
        columns[(*n)++] = i;
    }
    return *n == 0;
}

static void remember(struct check_table *t, struct bytes key, const struct value *source,
                     const struct value *target, int64_t copies)
{
    const struct value *row = source ? source : target;
    struct bad_row *bad = arena_alloc(&t->bad_arena, sizeof(*bad));
    struct value *copy = arena_alloc(&t->bad_arena, t->table->n_columns * sizeof(*copy));

    /* With a key only the key is kept: the row is read anew when it is repaired. */
    for (uint32_t i = 0; i < t->table->n_columns; i++) {
        copy[i].kind = VALUE_ABSENT;
        if (!t->table->n_row_key)
            copy[i] = value_copy(&t->bad_arena, &row[i]);
    }
    for (uint32_t i = 0; i < t->table->n_row_key; i++) {
        uint32_t c = t->table->row_key[i];

        copy[c] = value_copy(&t->bad_arena, &row[c]);
    }
    *bad = (struct bad_row){copy, source ? copies : -copies};
    map_put(&t->bad, key, bad);
}

static void put_whole_row(struct buf *b, const struct check_table *t, const struct value *row)
{
    for (uint32_t i = 0; i < t->table->n_columns; i++) {
        if (t->columns[i])
            value_put_key(b, &row[i]);
    }
}

static void name_key(const struct check_table *t, const struct value *row, struct buf *key)
{
    if (t->table->n_row_key)
        put_row_key(key, t->table, row);
    else
        put_whole_row(key, t, row);
}

void report_row(struct validate *v, struct check_table *t, const struct value *source,
                const struct value *target, uint64_t copies)
{
    struct difference d = {.table = t->table, .source = source, .target = target};
    uint32_t *columns = xcalloc(t->table->n_columns + 1, sizeof(*columns));
    struct buf key = BUF_INIT;
    bool is_new, has_room;

    d.kind = !target ? MISSING_ON_TARGET : !source ? MISSING_ON_SOURCE : ROW_DIFFERS;
    if (source && target)
        rows_equal(t->table, source, target, columns, &d.n_columns);
    d.columns = columns;
    name_key(t, source ? source : target, &key);
    key_hash(buf_bytes(&key), d.key_hash);
    pool_lock(&v->pool);
    is_new = !map_get(&t->bad, buf_bytes(&key));
    has_room = t->differences < VALIDATE_DIFFERENCES_MAX;
    if (is_new && has_room)
        remember(t, buf_bytes(&key), source, target, (int64_t)copies);
    for (uint64_t i = 0; is_new && i < copies; i++) {
        t->differences++;
        v->result->differences++;
        if (has_room && v->config->difference)
            v->config->difference(v->config->ctx, &d);
    }
    pool_unlock(&v->pool);
    buf_release(&key);
    free(columns);
}

void report_table(struct validate *v, struct check_table *t, const char *what)
{
    pool_lock(&v->pool);
    snprintf(t->note, sizeof(t->note), "%s", what);
    t->differences++;
    v->result->differences++;
    pool_unlock(&v->pool);
}

void report_done(struct validate *v, struct check_table *t)
{
    if (t->was_reported)
        return;
    t->was_reported = true;
    v->result->tables++;
    v->result->tables_differing += t->differences > 0;
    v->result->rows += t->rows;
    if (v->config->table_done)
        v->config->table_done(v->config->ctx, t->table, t->rows, t->differences,
                              t->note[0] ? t->note : NULL);
}
