#include <stdlib.h>

#include "cdc/validate/work.h"
#include "schema/base/xalloc.h"

#define REPAIR_ROWS 100

static const struct touched_key *touched(const struct check_table *t, const struct value *key)
{
    struct buf bytes = BUF_INIT;
    const struct touched_key *k;

    put_row_key(&bytes, t->table, key);
    k = map_get(&t->touched, buf_bytes(&bytes));
    buf_release(&bytes);
    return k;
}

/* What the rows of these keys are at hi: from the view, or from the queue if they changed
 * inside the window. */
static bool rows_at_hi(struct validate *v, struct check_table *t, const struct value *const *keys,
                       size_t n, struct arena *arena, const struct value **rows, size_t *n_rows,
                       struct err *err)
{
    bool ok = false;
    struct map source = {0};
    struct map_entry *e;

    *n_rows = 0;
    if (!fetch_source(v->workers[0].source, t->table, keys, n, arena, &source, err))
        goto done;
    for (size_t i = 0; (e = map_next(&source, &i)) != NULL;) {
        if (!touched(t, e->value))
            rows[(*n_rows)++] = e->value;
    }
    for (size_t i = 0; i < n; i++) {
        const struct touched_key *k = touched(t, keys[i]);

        if (k && k->row)
            rows[(*n_rows)++] = k->row;
    }
    ok = true;
done:
    map_release(&source);
    return ok;
}

static bool rewrite(struct validate *v, const struct check_table *t,
                    const struct value *const *keys, size_t n_keys, const struct value *const *rows,
                    size_t n_rows, struct err *err)
{
    const struct snapshot_lane *lane = v->config->lane;

    return !validate_must_stop(err) &&
           lane->repair(lane->ctx, t->table, keys, n_keys, rows, n_rows, err);
}

static bool repair_keyed(struct validate *v, struct check_table *t, struct err *err)
{
    bool ok = false;
    size_t n = 0, n_rows, batch = fetch_batch(t->table);
    const struct value **keys = xcalloc(t->bad.count + 1, sizeof(*keys));
    const struct value **rows = xcalloc(2 * REPAIR_ROWS + 1, sizeof(*rows));
    struct arena arena = {0};
    struct map_entry *e;

    batch = batch > REPAIR_ROWS ? REPAIR_ROWS : batch;
    for (size_t i = 0; (e = map_next(&t->bad, &i)) != NULL;)
        keys[n++] = ((struct bad_row *)e->value)->row;
    for (size_t i = 0; i < n; i += batch) {
        size_t m = n - i < batch ? n - i : batch;

        arena_reset(&arena);
        if (!rows_at_hi(v, t, keys + i, m, &arena, rows, &n_rows, err) ||
            !rewrite(v, t, keys + i, m, rows, n_rows, err))
            goto done;
        v->result->repaired += m;
    }
    ok = true;
done:
    arena_release(&arena);
    free(rows);
    free(keys);
    return ok;
}

/*
 * Without a key the differences of the compare are differences of counts; they still hold if
 * nothing behind the compare's position touched those images, for the lane carries every
 * later change to both sides alike.
 */
static bool repair_unkeyed(struct validate *v, struct check_table *t, struct err *err)
{
    struct map_entry *e;

    for (size_t i = 0; (e = map_next(&t->bad, &i)) != NULL;) {
        const struct bad_row *bad = e->value;
        int64_t step = bad->copies < 0 ? 1 : -1;

        for (int64_t left = bad->copies; left; left += step) {
            bool ok = bad->copies < 0 ? rewrite(v, t, &bad->row, 1, NULL, 0, err)
                                      : rewrite(v, t, NULL, 0, &bad->row, 1, err);

            if (!ok)
                return false;
            v->result->repaired++;
        }
    }
    return true;
}

/* A new fence, with the lane held until all is written: rows are those of its hi. */
bool repair_all(struct validate *v, struct err *err)
{
    bool ok = false;

    for (size_t i = 0; i < v->n_tables; i++) {
        /* The window's keys are looked up again for the tables in hand only. */
        if (v->tables[i].bad.count)
            v->tables[i].step = CHECK_CHUNKS;
    }
    if (!slice_fence(v, 1, err) || !slice_read_window(v, err))
        goto done;
    for (size_t i = 0; i < v->n_tables; i++) {
        struct check_table *t = &v->tables[i];

        if (!t->bad.count || t->has_ddl || t->is_cascaded)
            continue;
        if (!(t->table->n_row_key ? repair_keyed(v, t, err) : repair_unkeyed(v, t, err)))
            goto done;
    }
    ok = true;
done:
    slice_close(v);
    return ok;
}
