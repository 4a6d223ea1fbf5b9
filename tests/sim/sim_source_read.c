/*
 * sim_source_read.c - views, and what is read in them and outside.
 *
 * A transaction is first in the binlog, then the engine shows it, then gtid_executed tells it; a
 * view shows the first `view` transactions, whatever comes later. The dictionary knows no views:
 * a definition is always the newest one, and a view that is older than DDL that touched the
 * table's rows can read them no more. A view that has read a table keeps DDL away from it.
 */
#include <stdlib.h>
#include <string.h>

#include "schema/base/xalloc.h"
#include "tests/lib/memory_server.h"
#include "tests/sim/sim_source_parts.h"

bool sim_view_open(struct source *base, struct source_view_bounds *bounds, struct err *err)
{
    struct sim_link *l = sim_link_of(base);

    memset(bounds, 0, sizeof(*bounds));
    if (!sim_enter(l, err))
        return false;
    sim_settle(l->s);
    bounds->lo = sim_place(l->s->executed);
    if (!sim_enter(l, err))
        goto fail;
    sim_settle(l->s);
    l->view = l->s->visible;
    if (!sim_enter(l, err))
        goto fail;
    bounds->committing = sim_place(sim_source_count(l->s));
    if (!sim_enter(l, err))
        goto fail;
    sim_settle(l->s);
    bounds->hi = sim_place(l->s->executed);
    bounds->hi.at = sim_binlog_end(l->s);
    l->in_view = true;
    return true;
fail:
    source_view_bounds_release(bounds);
    return false;
}

bool sim_view_close(struct source *base, struct err *err)
{
    struct sim_link *l = sim_link_of(base);

    sim_view_end(l);
    return sim_enter(l, err);
}

/* ---- lists ---- */

static int by_name(const void *a, const void *b)
{
    const struct table *x = *(const struct table *const *)a, *y = *(const struct table *const *)b;
    int order = strcmp(x->db, y->db);

    return order ? order : strcmp(x->name, y->name);
}

bool sim_list_tables(struct source *base, source_table_fn *fn, void *ctx, struct err *err)
{
    struct sim_link *l = sim_link_of(base);
    struct sim_source *s = l->s;
    const struct table **defs;
    size_t n = 0;
    bool ok = true;

    if (!sim_enter(l, err))
        return false;
    defs = xcalloc(s->n_tables + 1, sizeof(*defs));
    for (size_t i = 0; i < s->n_tables; i++)
        if (s->tables[i]->died == SIM_NEVER)
            defs[n++] = sim_def(s->tables[i]);
    qsort(defs, n, sizeof(*defs), by_name);
    for (size_t i = 0; ok && i < n; i++) {
        struct source_table t = {defs[i]->db, defs[i]->name, sim_dice(s, 40), 30};

        ok = fn(ctx, &t, err);
    }
    free(defs);
    return ok;
}

bool sim_list_databases(struct source *base, const char *only, source_database_fn *fn, void *ctx,
                        struct err *err)
{
    struct sim_link *l = sim_link_of(base);
    const char **names, *charset, *collation;
    size_t n;
    bool ok = true;

    if (!sim_enter(l, err))
        return false;
    n = catalog_databases(l->s->catalog, &names);
    for (size_t i = 0; ok && i < n; i++)
        if ((!only || strcmp(only, names[i]) == 0) &&
            catalog_database(l->s->catalog, names[i], &charset, &collation))
            ok = fn(ctx, names[i], charset, collation, err);
    free(names);
    return ok;
}

/* ---- definitions ---- */

static bool no_table(const char *db, const char *name, struct err *err)
{
    err_reason(err, ERR_DATA, "no_table", "%s.%s is not a base table", db, name);
    err->side = ERR_SIDE_SOURCE;
    return false;
}

static void pin(struct sim_link *l, struct sim_table *t)
{
    for (size_t i = 0; i < l->n_pinned; i++)
        if (l->pinned[i] == t)
            return;
    l->pinned = xrealloc(l->pinned, (l->n_pinned + 1) * sizeof(struct sim_table *));
    l->pinned[l->n_pinned++] = t;
    t->pins++;
}

/* The table as the server would open it for a statement of this connection. */
static bool open_table(struct sim_link *l, const char *db, const char *name, struct sim_table **out,
                       struct err *err)
{
    struct sim_source *s = l->s;
    struct sim_table *t = sim_find(s, s->count, db, name);

    if (!t)
        return no_table(db, name, err);
    if (l->in_view && t->rebuilt > l->view) {
        err_reason(err, ERR_RETRY, "table_changed", "%s.%s: its definition has changed", db, name);
        err->side = ERR_SIDE_SOURCE;
        return false;
    }
    if (l->in_view)
        pin(l, t);
    *out = t;
    return true;
}

bool sim_read_table(struct source *base, const char *db, const char *name, struct table **out,
                    struct err *err)
{
    struct sim_link *l = sim_link_of(base);
    struct sim_table *t;

    *out = NULL;
    if (!sim_enter(l, err) || !open_table(l, db, name, &t, err)) {
        err_context(err, "definition of %s.%s", db, name);
        return false;
    }
    *out = table_clone(sim_def(t));
    return true;
}

/* ---- rows ---- */

struct found {
    const struct value **rows; /* of the asked definition; values live as long as the source */
    size_t n;
    struct arena arena;
};

static void found_release(struct found *f)
{
    free(f->rows);
    arena_release(&f->arena);
}

/* Where each column that is asked for stands now. */
static bool map_columns(const struct table *now, const struct table *asked, uint32_t *at,
                        struct err *err)
{
    for (uint32_t i = 0; i < asked->n_columns; i++) {
        at[i] = table_column(now, asked->columns[i].name);
        if (at[i] == UINT32_MAX) {
            err_server(err, ERR_SERVER, ERR_SIDE_SOURCE, 1054, "%s.%s: unknown column", asked->db,
                       asked->name);
            return false;
        }
    }
    return true;
}

static const struct value *take_columns(struct arena *arena, const struct value *row,
                                        const uint32_t *at, uint32_t n)
{
    struct value *values = arena_alloc(arena, n * sizeof(*values));

    for (uint32_t i = 0; i < n; i++)
        values[i] = row[at[i]];
    return values;
}

static bool find(struct sim_link *l, const struct table *asked, const struct selection *which,
                 struct found *f, struct err *err)
{
    uint32_t at[TABLE_COLUMNS_MAX];
    struct sim_table *t;
    uint64_t n;

    *f = (struct found){0};
    if (!sim_enter(l, err) || !open_table(l, asked->db, asked->name, &t, err) ||
        !map_columns(sim_def(t), asked, at, err))
        return false;
    n = l->in_view ? l->view : l->s->count;
    f->rows = xcalloc(t->n_rows + 1, sizeof(*f->rows));
    for (size_t i = 0; i < t->n_rows; i++) {
        const struct value *row;

        if (!sim_shown(&t->rows[i], n))
            continue;
        row = take_columns(&f->arena, t->rows[i].values, at, asked->n_columns);
        if (memory_selects(asked, which, row))
            f->rows[f->n++] = row;
    }
    return true;
}

/* The owner's function may let the world move. */
static bool still_there(const struct sim_link *l, struct err *err)
{
    if (!l->dead)
        return true;
    err_server(err, ERR_RETRY, ERR_SIDE_SOURCE, 2013, "the connection to the source ended");
    return false;
}

bool sim_read_rows(struct source *base, const struct table *t, const struct selection *which,
                   bool order, uint64_t limit, source_value_fn *row, void *ctx, struct err *err)
{
    struct sim_link *l = sim_link_of(base);
    struct found f;
    bool ok = find(l, t, which, &f, err);

    if (ok && order)
        memory_sort(t, f.rows, f.n);
    if (limit && f.n > limit)
        f.n = limit;
    for (size_t i = 0; ok && i < f.n; i++)
        ok = row(ctx, f.rows[i], err) && still_there(l, err);
    found_release(&f);
    return ok;
}

bool sim_read_sums(struct source *base, const struct table *t, const bool *columns,
                   const struct selection *which, struct canon_sums *out, struct err *err)
{
    struct buf form = BUF_INIT;
    struct found f;
    bool ok = find(sim_link_of(base), t, which, &f, err);

    *out = (struct canon_sums){0};
    for (size_t i = 0; ok && i < f.n; i++) {
        buf_reset(&form);
        canon_put_row(&form, t, columns, f.rows[i]);
        canon_add(out, buf_bytes(&form));
    }
    found_release(&f);
    buf_release(&form);
    return ok;
}

bool sim_read_hashes(struct source *base, const struct table *t, const bool *columns,
                     const struct selection *which, canon_hash_fn *fn, void *ctx, struct err *err)
{
    struct sim_link *l = sim_link_of(base);
    struct value *key = xcalloc(t->n_columns + 1, sizeof(*key));
    struct buf form = BUF_INIT;
    struct found f;
    bool ok = find(l, t, which, &f, err);

    for (size_t i = 0; ok && i < f.n; i++) {
        uint64_t hash;

        buf_reset(&form);
        canon_put_row(&form, t, columns, f.rows[i]);
        hash = canon_hash64(buf_bytes(&form));
        for (uint32_t c = 0; c < t->n_columns; c++)
            key[c].kind = VALUE_ABSENT;
        for (uint32_t k = 0; k < t->n_row_key; k++)
            key[t->row_key[k]] = f.rows[i][t->row_key[k]];
        ok = fn(ctx, key, &hash, err) && still_there(l, err);
    }
    free(key);
    found_release(&f);
    buf_release(&form);
    return ok;
}

bool sim_read_bound(struct source *base, const struct table *t, const struct value *from,
                    uint64_t rows, struct arena *arena, struct value **key, struct err *err)
{
    struct selection behind = {.low = from};
    struct found f;
    bool ok = find(sim_link_of(base), t, &behind, &f, err);

    *key = NULL;
    if (ok && rows < f.n) {
        memory_sort(t, f.rows, f.n);
        *key = arena_alloc(arena, t->n_row_key * sizeof(**key));
        for (uint32_t i = 0; i < t->n_row_key; i++)
            (*key)[i] = value_copy(arena, &f.rows[rows][t->row_key[i]]);
    }
    found_release(&f);
    return ok;
}
