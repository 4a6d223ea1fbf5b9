/*
 * memory_state.c - the slots of targets/store/store.h: its tables are tables as all others, with
 * the same transactions and locks.
 */
#include "tests/lib/memory_ops.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/xalloc.h"

bool memory_state_make(struct target *t, unsigned version, struct err *err)
{
    struct memory_target *m = memory_of(t);

    (void)version;
    return memory_point(m, MEMORY_BEFORE_DEFINE, err) && memory_point(m, MEMORY_AFTER_DEFINE, err);
}

/* ---- rows ---- */

/* Are the values that are asked for so? */
static bool matches(const struct value *row, const struct value *where, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (where[i].kind != VALUE_ABSENT && !value_equal(&row[i], &where[i]))
            return false;
    return true;
}

static int by_key(const void *a, const void *b, void *ctx)
{
    const struct value *x = *(const struct value *const *)a;
    const struct value *y = *(const struct value *const *)b;
    const struct table *def = ctx;

    for (uint32_t i = 0; i < def->n_row_key; i++) {
        int order = memory_compare(&x[i], &y[i]);

        if (order)
            return order;
    }
    return 0;
}

bool memory_state_read(struct target *t, enum state_id id, unsigned version,
                       const struct value *key, unsigned n_key, state_row_fn *fn, void *ctx,
                       struct err *err)
{
    struct memory_target *m = memory_of(t);
    struct memory_table *table = &m->session.server->state[id];
    const struct value **rows;
    size_t n = 0;
    struct map_entry *e;
    bool ok = memory_point(m, MEMORY_READ, err);

    (void)version; /* it is never an older one */
    rows = xcalloc(table->rows.count + 1, sizeof(*rows));
    for (size_t i = 0; ok && (e = map_next(&table->rows, &i)) != NULL;) {
        uint32_t copies;
        const struct value *row = memory_sees(&m->session, e->value, &copies);

        if (row && matches(row, key, n_key))
            rows[n++] = row;
    }
    if (n > 1)
        qsort_r(rows, n, sizeof(*rows), by_key, table->def);
    for (size_t i = 0; ok && i < n; i++)
        ok = fn(ctx, rows[i], err);
    free(rows);
    return ok;
}

/* ---- changes ---- */

static bool insert(struct memory_target *m, struct memory_table *table,
                   const struct state_change *c, struct err *err)
{
    struct memory_row *row = memory_row(table, c->cells);
    uint32_t copies;

    if (!memory_lock(&m->session, row, err))
        return false;
    if (c->act == STATE_ADD && memory_sees(&m->session, row, &copies))
        return true;
    return memory_set(&m->session, row, c->cells, 1, err);
}

static bool set(struct memory_target *m, struct memory_table *table, const struct state_change *c,
                struct err *err)
{
    struct memory_row *row = memory_row(table, c->where);
    struct value cells[STATE_COLUMNS_MAX];
    const struct value *now;
    uint32_t copies;

    if (!memory_lock(&m->session, row, err))
        return false;
    now = memory_sees(&m->session, row, &copies);
    if (!now || !matches(now, c->where, table->def->n_columns)) {
        store_fenced(c, err);
        return false;
    }
    for (uint32_t i = 0; i < table->def->n_columns; i++)
        cells[i] = c->cells[i].kind == VALUE_ABSENT ? now[i] : c->cells[i];
    return memory_set(&m->session, row, cells, 1, err);
}

static bool drop(struct memory_target *m, struct memory_table *table, const struct state_change *c,
                 struct err *err)
{
    struct map_entry *e;

    for (size_t i = 0; (e = map_next(&table->rows, &i)) != NULL;) {
        uint32_t copies;
        const struct value *now = memory_sees(&m->session, e->value, &copies);

        if (now && matches(now, c->where, table->def->n_columns) &&
            !memory_set(&m->session, e->value, NULL, 0, err))
            return false;
    }
    return true;
}

bool memory_change(struct memory_target *m, const struct state_change *changes, size_t n,
                   struct err *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < n; i++) {
        const struct state_change *c = &changes[i];
        struct memory_table *table = &m->session.server->state[c->id];

        if (c->act == STATE_SET)
            ok = set(m, table, c, err);
        else if (c->act == STATE_REMOVE)
            ok = drop(m, table, c, err);
        else
            ok = insert(m, table, c, err);
    }
    return ok;
}

bool memory_guard(struct memory_target *m, struct err *err)
{
    struct arena arena = {0};
    struct state_change guard = store_guard(&m->base, &arena);
    struct memory_table *table = &m->session.server->state[guard.id];
    uint32_t copies;
    const struct value *now = memory_sees(&m->session, memory_row(table, guard.where), &copies);
    bool ok = now && matches(now, guard.where, table->def->n_columns);

    if (!ok)
        store_fenced(&guard, err);
    arena_release(&arena);
    return ok;
}

bool memory_state_change(struct target *t, const struct state_change *changes, size_t n,
                         struct err *err)
{
    struct memory_target *m = memory_of(t);
    bool ok;

    assert(!m->session.in_transaction && !m->load);
    if (m->session.dead)
        return memory_point(m, MEMORY_READ, err);
    m->session.in_transaction = true;
    ok = memory_change(m, changes, n, err) && memory_commit_all(m, err);
    memory_rollback(&m->session);
    return ok;
}
