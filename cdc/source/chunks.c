#include "cdc/source/chunks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/source/link.h"
#include "schema/base/buf.h"
#include "schema/base/xalloc.h"
#include "targets/sqlread.h"

struct walk {
    const struct table *table;
    struct arena *arena;
    struct value *row; /* room for a full-width row */
    struct value *key; /* the last bound, or NULL */
};

static bool take_key(void *ctx, const struct bytes *columns, unsigned n, struct err *err)
{
    struct walk *w = ctx;
    const struct table *t = w->table;

    assert(n == t->n_row_key);
    if (!sql_read_exact_key(t, columns, SQL_MYSQL, w->row, err))
        return false;
    w->key = arena_alloc(w->arena, n * sizeof(*w->key));
    for (uint32_t i = 0; i < t->n_row_key; i++)
        w->key[i] = value_copy(w->arena, &w->row[t->row_key[i]]);
    return true;
}

static void put_step(struct buf *sql, const struct table *t, const struct value *from,
                     uint64_t rows)
{
    struct selection behind = {.low = from};

    buf_reset(sql);
    buf_put_str(sql, "SELECT ");
    sql_put_exact_key(sql, t, SQL_MYSQL);
    buf_put_str(sql, " FROM ");
    sql_put_table(sql, t->db, t->name);
    sql_put_where(sql, t, &behind, SQL_MYSQL);
    sql_put_order(sql, t);
    buf_putf(sql, " LIMIT 1 OFFSET %llu", (unsigned long long)rows);
}

bool chunks_walk(struct source *s, const struct table *t, uint64_t rows_per_chunk,
                 struct arena *arena, struct key_bounds *out, struct err *err)
{
    bool ok = false;
    struct buf sql = BUF_INIT;
    struct walk w = {t, arena, xcalloc(t->n_columns + 1, sizeof(*w.row)), NULL};
    const struct value **keys = NULL;
    size_t n = 0, cap = 0;

    assert(t->n_row_key > 0 && rows_per_chunk > 0);
    for (;;) {
        const struct value *from = w.key;

        /* A table far larger than its statistics say must not give chunks without end. */
        if (n && n % (CHUNKS_MAX / 10) == 0)
            rows_per_chunk *= 2;
        w.key = NULL;
        put_step(&sql, t, from, rows_per_chunk);
        if (!source_query_raw(s, &sql, take_key, &w, err))
            goto done;
        if (!w.key)
            break;
        if (n == cap) {
            cap = cap ? cap * 2 : 64;
            keys = xrealloc(keys, cap * sizeof(*keys));
        }
        keys[n++] = w.key;
    }
    out->keys = arena_alloc(arena, (n + 1) * sizeof(*keys));
    if (n)
        memcpy(out->keys, keys, n * sizeof(*keys));
    out->n = n;
    ok = true;
done:
    free(keys);
    free(w.row);
    buf_release(&sql);
    return ok;
}
