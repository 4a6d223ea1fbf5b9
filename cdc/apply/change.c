/*
 * change.c - one row change into the group, and the foreign-key cascade that follows from it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cdc/apply/engine.h"
#include "schema/base/log.h"
#include "schema/base/xalloc.h"

static enum cascade_standing standing(void *ctx, const struct table *t)
{
    struct apply *a = ctx;

    switch (tables_mode(&a->tables, t, a->tx.lsn)) {
    case TABLES_STRICT:
        return CASCADE_EXACT;
    case TABLES_HEAL:
        return CASCADE_OPEN;
    case TABLES_SKIP:
        break;
    }
    return CASCADE_AWAY;
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

/* ---- a broken chain ---- */

/* Is it only a matter of time until the table is followed, or until the lane comes to where it
 * went? */
static bool comes_again(struct apply *a, const struct table *t)
{
    const struct table_state *s = tables_get(&a->tables, t->db, t->name);

    if (!s || s->life == TABLE_DROPPED)
        return mapping_wants(a->config.mapping, t->db, t->name);
    return s->life != TABLE_STOPPED && s->life != TABLE_OUT;
}

static void break_table(void *ctx, const struct table *t, const struct table *by)
{
    struct apply *a = ctx;
    const struct table_state *s = tables_get(&a->tables, t->db, t->name);
    unsigned long long lsn = (unsigned long long)a->tx.lsn;
    bool again = by == t || comes_again(a, by);
    char why[512];
    uint64_t hi;

    if (standing(a, t) == CASCADE_AWAY)
        return; /* marked a moment ago */
    if (by == t)
        snprintf(why, sizeof(why), "at lsn %llu a foreign-key cascade reached it in its load", lsn);
    else if (again)
        snprintf(why, sizeof(why),
                 "at lsn %llu a foreign-key cascade reached it through table %.64s.%.64s, which is "
                 "still to be loaded",
                 lsn, by->db, by->name);
    else
        snprintf(why, sizeof(why),
                 "at lsn %llu a foreign-key cascade reached it through table %.64s.%.64s, which is "
                 "not copied or stopped; copy that table, then load both anew",
                 lsn, by->db, by->name);
    if (s->life == TABLE_COLLAPSE)
        log_info("apply", "table %s.%s must be loaded anew: %s", t->db, t->name, why);
    else
        log_error("apply", "table %s.%s %s: %s", t->db, t->name,
                  again ? "must be loaded anew" : "stops", why);
    if (!again && a->config.stop_all_on_stopped_table) {
        a->stops = true;
        return;
    }
    hi = s->hi > a->lane.lsn ? s->hi : a->lane.lsn;
    tables_move(&a->tables, t, again ? LIFE_REPLACED : LIFE_FAILED, again ? 0 : hi, again ? 0 : hi,
                why);
}

/*
 * Tables that the cascade cannot be performed on leave the lane before this transaction: what
 * is in the group is dropped and done again without them.
 */
static bool break_chain(struct apply *a, const struct change *change, struct err *err)
{
    a->stops = false;
    cascade_breaks(&a->cascade, change, standing, break_table, a);
    err_reason(err, ERR_DATA, a->stops ? "cascade_stops" : CASCADE_BROKEN_REASON,
               "lsn %llu: a foreign-key cascade from table %s.%s cannot be performed",
               (unsigned long long)a->tx.lsn, change->table->db, change->table->name);
    return false;
}

static bool run_cascade(struct apply *a, const struct change *change, struct err *err)
{
    struct cascade_runner runner = {.ctx = a,
                                    .cascade = &a->cascade,
                                    .arena = &a->group.arena,
                                    .standing = standing,
                                    .emit = emit,
                                    .read = read_children};
    struct change kept = *change;

    /* The operations outlive the queue's item. */
    kept.before = net_copy_row(&a->group.arena, change->table, change->before);
    if (change->after)
        kept.after = net_copy_row(&a->group.arena, change->table, change->after);
    if (cascade_reaches(&a->cascade, change, pending, a))
        net_flush(&a->group.net, &a->group.ops);
    a->tx_changes++;
    return cascade_run(&runner, &kept, err);
}

/* Verdicts hold while tables stand as they did. */
static void follow_standings(struct apply *a)
{
    bool passing = a->tx.lsn <= a->tables.settled;

    if (!passing && a->stood == a->tables.changes)
        return;
    cascade_restand(&a->cascade);
    a->stood = passing ? 0 : a->tables.changes;
}

/* A parent that is not copied may have children that are. */
static bool cascade_change(struct apply *a, const struct change *change, struct err *err)
{
    if (!cascade_is_unlogged(change))
        return true;
    follow_standings(a);
    switch (cascade_judge(&a->cascade, change, standing, a)) {
    case CASCADE_NONE:
        return true;
    case CASCADE_STATEMENT:
    case CASCADE_READING:
        return run_cascade(a, change, err);
    case CASCADE_BROKEN:
        break;
    }
    return break_chain(a, change, err);
}

bool apply_change(struct apply *a, const struct change *change, struct err *err)
{
    enum tables_mode mode = tables_mode(&a->tables, change->table, a->tx.lsn);

    if (mode != TABLES_SKIP) {
        a->tx_changes++;
        a->group.changes++;
        if (!net_add(&a->group.net, change, mode == TABLES_HEAL ? NET_HEAL : NET_STRICT, err)) {
            err_context(err, "lsn %llu", (unsigned long long)a->tx.lsn);
            a->failed = change->table;
            return false;
        }
    }
    return cascade_change(a, change, err);
}
