#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "cdc/validate/work.h"
#include "schema/base/xalloc.h"

#define BATCH_ROWS 200

/* ---- level 1: count and sums ---- */

static struct selection chunk_range(const struct check_table *t, size_t chunk)
{
    return (struct selection){.low = chunk > 0 ? t->bounds[chunk - 1] : NULL,
                              .high = chunk + 1 < t->n_chunks ? t->bounds[chunk] : NULL};
}

static bool chunk_equal(struct check_worker *w, struct check_table *t,
                        const struct selection *range, bool *equal, struct err *err)
{
    struct canon_sums source = {0}, target = {0};

    if (!source_read_sums(w->source, t->table, t->columns, range, &source, err) ||
        !target_read_sums(w->target, t->table, range, &target, err))
        return false;
    *equal = canon_sums_equal(&source, &target);
    pool_lock(&w->v->pool);
    t->rows += source.rows;
    w->v->result->minus_zero += source.minus_zeros;
    w->v->result->chunks++;
    pool_unlock(&w->v->pool);
    return true;
}

/* ---- level 2: keys and row hashes of both sides ---- */

struct pair {
    const struct value *key; /* full width */
    uint64_t source, target;
    bool on_source, on_target;
    bool is_unhashed;
};

struct merge {
    const struct table *table;
    struct arena *arena;
    struct map pairs; /* key bytes to struct pair */
    bool is_source;
};

void put_row_key(struct buf *b, const struct table *t, const struct value *row)
{
    for (uint32_t i = 0; i < t->n_row_key; i++)
        value_put_key(b, &row[t->row_key[i]]);
}

static bool take_hash(void *ctx, const struct value *row, const uint64_t *hash, struct err *err)
{
    struct merge *m = ctx;
    struct buf bytes = BUF_INIT;
    void **slot;
    struct pair *p;

    (void)err;
    put_row_key(&bytes, m->table, row);
    slot = map_slot(&m->pairs, buf_bytes(&bytes));
    if (!*slot) {
        struct value *key = arena_alloc(m->arena, m->table->n_columns * sizeof(*key));

        for (uint32_t i = 0; i < m->table->n_columns; i++)
            key[i] = value_copy(m->arena, &row[i]);
        *slot = arena_alloc(m->arena, sizeof(*p));
        ((struct pair *)*slot)->key = key;
    }
    p = *slot;
    if (!hash)
        p->is_unhashed = true;
    else
        *(m->is_source ? &p->source : &p->target) = *hash;
    if (m->is_source)
        p->on_source = true;
    else
        p->on_target = true;
    buf_release(&bytes);
    return true;
}

static bool is_suspect(const struct pair *p)
{
    return !p->on_source || !p->on_target || p->is_unhashed || p->source != p->target;
}

/* ---- level 3: full rows ---- */

size_t fetch_batch(const struct table *t)
{
    size_t batch = BATCH_ROWS;

    for (uint32_t i = 0; i < t->n_columns; i++) {
        switch (t->columns[i].type) {
        case COLUMN_MEDIUMTEXT:
        case COLUMN_LONGTEXT:
        case COLUMN_MEDIUMBLOB:
        case COLUMN_LONGBLOB:
        case COLUMN_JSON:
        case COLUMN_GEOMETRY:
            return 1;
        case COLUMN_TEXT:
        case COLUMN_BLOB:
        case COLUMN_VECTOR:
            batch = BATCH_ROWS / 10;
            break;
        default:
            break;
        }
    }
    return batch;
}

struct fetch {
    const struct table *table;
    struct arena *arena;
    struct map *out;
};

static bool take_row(void *ctx, const struct value *row, struct err *err)
{
    struct fetch *f = ctx;
    struct buf key = BUF_INIT;
    struct value *copy = arena_alloc(f->arena, f->table->n_columns * sizeof(*copy));

    (void)err;
    for (uint32_t i = 0; i < f->table->n_columns; i++)
        copy[i] = value_copy(f->arena, &row[i]);
    put_row_key(&key, f->table, row);
    map_put(f->out, buf_bytes(&key), copy);
    buf_release(&key);
    return true;
}

bool fetch_source(struct source *s, const struct table *t, const struct value *const *rows,
                  size_t n, struct arena *arena, struct map *out, struct err *err)
{
    struct fetch f = {t, arena, out};
    struct selection which = {.keys = rows, .n_keys = n};

    return source_read_rows(s, t, &which, false, 0, take_row, &f, err);
}

bool fetch_target(struct target *target, const struct table *t, const struct value *const *rows,
                  size_t n, struct arena *arena, struct map *out, struct err *err)
{
    struct fetch f = {t, arena, out};
    struct selection which = {.keys = rows, .n_keys = n};

    return target_read_rows(target, t, &which, false, 0, take_row, &f, err);
}

static bool has_text_key(const struct table *t)
{
    for (uint32_t i = 0; i < t->n_row_key; i++) {
        if (column_is_text(&t->columns[t->row_key[i]]))
            return true;
    }
    return false;
}

static const struct value *by_key(const struct map *rows, const struct table *t,
                                  const struct value *key)
{
    struct buf bytes = BUF_INIT;
    const struct value *row;

    put_row_key(&bytes, t, key);
    row = map_get(rows, buf_bytes(&bytes));
    buf_release(&bytes);
    return row;
}

/*
 * The row that the target has under this key by its collation, though its bytes differ: one
 * damaged row, not a missing and an extra one. Taken out of `target` so that it is told once.
 */
static bool find_twin(struct check_worker *w, const struct table *t, const struct value *key,
                      struct arena *arena, struct map *told, const struct value **twin,
                      struct err *err)
{
    bool ok = false;
    struct map found = {0};
    struct map_entry *e;

    *twin = NULL;
    if (!has_text_key(t))
        return true;
    if (!fetch_target(w->target, t, &key, 1, arena, &found, err))
        goto done;
    for (size_t i = 0; (e = map_next(&found, &i)) != NULL;) {
        *twin = e->value;
        map_put(told, e->key, e->value);
    }
    ok = true;
done:
    map_release(&found);
    return ok;
}

static bool judge(struct check_worker *w, struct check_table *t, const struct value *key,
                  const struct value *source, const struct value *target, struct arena *arena,
                  struct map *told, struct err *err)
{
    bool ok = false;
    uint32_t *columns = xcalloc(t->table->n_columns + 1, sizeof(*columns)), n;

    if (source && !target && !find_twin(w, t->table, key, arena, told, &target, err))
        goto done;
    if ((source || target) &&
        (!source || !target || !rows_equal(t->table, source, target, columns, &n)))
        report_row(w->v, t, source, target, 1);
    ok = true;
done:
    free(columns);
    return ok;
}

/* Rows with a source first: they find their twins, which must not be told as extra then. */
static bool judge_batch(struct check_worker *w, struct check_table *t,
                        const struct value *const *keys, size_t n, struct map *told,
                        struct err *err)
{
    bool ok = false;
    struct arena arena = {0};
    struct map source = {0}, target = {0};

    if (!fetch_source(w->source, t->table, keys, n, &arena, &source, err) ||
        !fetch_target(w->target, t->table, keys, n, &arena, &target, err))
        goto done;
    for (size_t i = 0; i < n; i++) {
        const struct value *s = by_key(&source, t->table, keys[i]);

        if (s && !judge(w, t, keys[i], s, by_key(&target, t->table, keys[i]), &arena, told, err))
            goto done;
    }
    for (size_t i = 0; i < n; i++) {
        const struct value *r = by_key(&target, t->table, keys[i]);

        if (by_key(&source, t->table, keys[i]) || !r || by_key(told, t->table, keys[i]))
            continue;
        if (!judge(w, t, keys[i], NULL, r, &arena, told, err))
            goto done;
    }
    ok = true;
done:
    map_release(&source);
    map_release(&target);
    arena_release(&arena);
    return ok;
}

/* Keys on the source come first, over all batches, for the same reason. */
static size_t list_suspects(struct check_table *t, struct map *pairs, const struct value **keys)
{
    size_t n = 0;

    for (int pass = 0; pass < 2; pass++) {
        struct map_entry *e;

        for (size_t i = 0; (e = map_next(pairs, &i)) != NULL;) {
            const struct pair *p = e->value;

            if (p->on_source != (pass == 0) || !is_suspect(p) || map_get(&t->touched, e->key))
                continue;
            keys[n++] = p->key;
        }
    }
    return n;
}

/* Other workers may be at other chunks of the table. */
static bool has_enough(struct validate *v, const struct check_table *t)
{
    bool enough;

    pool_lock(&v->pool);
    enough = t->differences >= VALIDATE_DIFFERENCES_MAX;
    pool_unlock(&v->pool);
    return enough;
}

static bool compare_rows(struct check_worker *w, struct check_table *t,
                         const struct selection *range, struct err *err)
{
    bool ok = false;
    struct arena arena = {0};
    struct merge m = {.table = t->table, .arena = &arena, .is_source = true};
    struct map told = {0};
    const struct value **keys = NULL;
    size_t n, batch = fetch_batch(t->table);

    if (!source_read_hashes(w->source, t->table, t->columns, range, take_hash, &m, err))
        goto done;
    m.is_source = false;
    if (!target_read_hashes(w->target, t->table, range, take_hash, &m, err))
        goto done;
    keys = xcalloc(m.pairs.count + 1, sizeof(*keys));
    n = list_suspects(t, &m.pairs, keys);
    for (size_t i = 0; i < n; i += batch) {
        if (has_enough(w->v, t))
            break;
        if (validate_must_stop(err) ||
            !judge_batch(w, t, keys + i, n - i < batch ? n - i : batch, &told, err))
            goto done;
    }
    ok = true;
done:
    free(keys);
    map_release(&told);
    map_release(&m.pairs);
    arena_release(&arena);
    return ok;
}

bool keyed_chunk(struct check_worker *w, struct check_table *t, size_t chunk, struct err *err)
{
    struct selection range = chunk_range(t, chunk);
    bool equal = false;

    return chunk_equal(w, t, &range, &equal, err) && (equal || compare_rows(w, t, &range, err));
}

/* ---- keys that changed within the window: the queue says what they are at hi ---- */

static bool judge_touched(struct check_worker *w, struct check_table *t,
                          struct touched_key *const *touched, size_t n, struct map *told,
                          struct err *err)
{
    bool ok = false;
    struct arena arena = {0};
    struct map target = {0};
    const struct value **keys = xcalloc(n, sizeof(*keys));

    for (size_t i = 0; i < n; i++)
        keys[i] = touched[i]->key;
    if (!fetch_target(w->target, t->table, keys, n, &arena, &target, err))
        goto done;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n; i++) {
            const struct value *r = by_key(&target, t->table, keys[i]);

            if ((touched[i]->row != NULL) != (pass == 0) ||
                (pass == 1 && by_key(told, t->table, keys[i])))
                continue;
            if (!judge(w, t, keys[i], touched[i]->row, r, &arena, told, err))
                goto done;
        }
    }
    ok = true;
done:
    free(keys);
    map_release(&target);
    arena_release(&arena);
    return ok;
}

bool keyed_touched(struct check_worker *w, struct check_table *t, struct err *err)
{
    bool ok = false;
    size_t n = 0, batch = fetch_batch(t->table);
    struct map told = {0};
    struct map_entry *e;
    struct touched_key **all = xcalloc(t->touched.count + 1, sizeof(*all));

    for (size_t i = 0; (e = map_next(&t->touched, &i)) != NULL;)
        all[n++] = e->value;
    for (size_t i = 0; i < n; i += batch) {
        if (validate_must_stop(err) ||
            !judge_touched(w, t, all + i, n - i < batch ? n - i : batch, &told, err))
            goto done;
    }
    ok = true;
done:
    map_release(&told);
    free(all);
    return ok;
}
