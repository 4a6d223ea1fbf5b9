/*
 * change.c - one row change into the group, and the foreign-key cascade that follows from it.
 */
#include <stdlib.h>

#include "cdc/apply/engine.h"
#include "schema/base/xalloc.h"

static bool follows(void *ctx, const struct table *child)
{
    struct apply *a = ctx;

    return tables_mode(&a->tables, child, a->tx.lsn) != TABLES_SKIP;
}

static bool emit(void *ctx, const struct op *op, struct err *err)
{
    struct apply *a = ctx;

    (void)err;
    op_list_add(&a->group.ops, op);
    a->group.cascades++;
    return true;
}

static bool pending(void *ctx, const struct table *child)
{
    struct apply *a = ctx;

    return net_has(&a->group.net, child->db, child->name);
}

struct collect {
    struct arena *arena;
    const struct table *table;
    const struct value **rows;
    size_t n, cap;
};

static bool collect_row(void *ctx, const struct value *row, struct err *err)
{
    struct collect *c = ctx;

    (void)err;
    if (c->n == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 16;
        c->rows = xrealloc(c->rows, c->cap * sizeof(*c->rows));
    }
    c->rows[c->n++] = net_copy_row(c->arena, c->table, row);
    return true;
}

/* The children whose foreign key equals the parent's columns. */
static void select_children(struct arena *arena, const struct table *child,
                            const struct foreign_key *fk, const struct table *parent,
                            const struct value *image, struct selection *out)
{
    uint32_t *columns = arena_alloc(arena, fk->n_columns * sizeof(*columns));
    struct value *values = arena_alloc(arena, fk->n_columns * sizeof(*values));

    for (uint32_t i = 0; i < fk->n_columns; i++) {
        columns[i] = table_column(child, fk->columns[i]);
        values[i] = image[table_column(parent, fk->ref_columns[i])];
    }
    *out = (struct selection){.columns = columns, .values = values, .n_columns = fk->n_columns};
}

/*
 * The rows of the cascade so far are in the arena, so it must not be reset here: the
 * operations are sent, the memory stays until the group's next flush.
 */
static bool send_for_reading(struct apply *a, struct err *err)
{
    struct group *g = &a->group;
    struct unit unit = {.prev_lsn = a->lane.lsn,
                        .lsn = a->tx.lsn,
                        .begins = !g->is_sent,
                        .one_by_one = a->one_by_one};

    net_flush(&g->net, &g->ops);
    if (g->is_sent && g->ops.n == 0)
        return true;
    unit.ops = g->ops.ops;
    unit.n_ops = g->ops.n;
    if (!group_send(a, &unit, err))
        return false;
    g->is_sent = true;
    g->net_rows += g->ops.rows;
    op_list_reset(&g->ops);
    return true;
}

static bool read_children(void *ctx, const struct table *child, const struct foreign_key *fk,
                          const struct table *parent, const struct value *image,
                          const struct value ***rows, size_t *n, struct err *err)
{
    struct apply *a = ctx;
    struct collect c = {&a->group.arena, child, NULL, 0, 0};
    struct selection which;
    bool ok;

    select_children(&a->group.arena, child, fk, parent, image, &which);
    ok = send_for_reading(a, err) && target_read_rows(a->target, child, &which, false,
                                                      CASCADE_ROWS_MAX + 1, collect_row, &c, err);
    if (ok && c.n > CASCADE_ROWS_MAX) {
        err_reason(err, ERR_DATA, "cascade_rows",
                   "one row cascades to more than %d rows of table %s.%s", CASCADE_ROWS_MAX,
                   child->db, child->name);
        ok = false;
    }
    *rows = arena_alloc(&a->group.arena, (c.n + 1) * sizeof(**rows));
    if (c.n)
        memcpy(*rows, c.rows, c.n * sizeof(**rows));
    *n = c.n;
    free(c.rows);
    return ok;
}

static bool may_cascade(struct apply *a, const struct cascade_env *env, const struct table *t)
{
    static char yes, no;
    void **slot = map_slot(&a->cascading, bytes_of(&t, sizeof(t)));

    if (!*slot)
        *slot = cascade_possible(env, t) ? &yes : &no;
    return *slot == &yes;
}

static bool run_cascade(struct apply *a, const struct cascade_env *env, const struct change *change,
                        struct err *err)
{
    struct change kept = *change;

    /* The operations outlive the queue's item. */
    kept.before = net_copy_row(&a->group.arena, change->table, change->before);
    if (change->after)
        kept.after = net_copy_row(&a->group.arena, change->table, change->after);
    if (cascade_reaches(env, change->table, pending, a))
        net_flush(&a->group.net, &a->group.ops);
    return cascade_run(env, &kept, err);
}

bool apply_change(struct apply *a, const struct change *change, struct err *err)
{
    struct cascade_env env = {.ctx = a,
                              .catalog = queue_reader_catalog(a->reader),
                              .arena = &a->group.arena,
                              .follows = follows,
                              .emit = emit,
                              .read = read_children};
    enum tables_mode mode = tables_mode(&a->tables, change->table, a->tx.lsn);

    /* A parent that is not copied may have children that are. */
    if (mode != TABLES_SKIP) {
        a->tx_changes++;
        a->group.changes++;
        if (!net_add(&a->group.net, change, mode == TABLES_HEAL ? NET_HEAL : NET_STRICT, err)) {
            err_context(err, "lsn %llu", (unsigned long long)a->tx.lsn);
            a->failed = change->table;
            return false;
        }
    }
    if (!may_cascade(a, &env, change->table) || !cascade_applies(&env, change))
        return true;
    a->tx_changes++;
    return run_cascade(a, &env, change, err);
}
