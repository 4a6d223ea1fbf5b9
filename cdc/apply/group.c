/*
 * group.c - the target transaction being put together.
 */
#include "cdc/apply/engine.h"
#include "schema/base/clock.h"

#define GROUP_BYTES_MAX ((size_t)16 << 20) /* of row images; as SQL text about the same */
#define GROUP_TRANSACTIONS_MAX 50000
#define GROUP_AGE_MAX_US ((uint64_t)1000 * 1000)

void group_reset(struct group *g)
{
    net_reset(&g->net);
    op_list_reset(&g->ops);
    arena_reset(&g->arena);
    g->net.minus_zero = 0;
    g->transactions = g->changes = g->net_rows = g->cascades = 0;
    g->opened_us = 0;
    g->is_sent = false;
}

bool group_is_empty(const struct group *g)
{
    return g->transactions == 0 && g->net.rows == 0 && g->ops.n == 0 && !g->is_sent;
}

static void lane_advance(struct apply *a)
{
    a->lane.lsn = a->group.lsn;
    a->lane.gtid = a->group.gtid;
    a->lane.position = a->group.position;
    a->lane.commit_us = a->group.commit_us;
}

bool group_send(struct apply *a, const struct unit *unit, struct err *err)
{
    uint64_t lsn;

    if (target_submit(a->target, unit, err) && target_reap(a->target, &lsn, err))
        return true;
    a->failed = target_failed_table(a->target);
    return false;
}

bool apply_flush(struct apply *a, bool ends, struct err *err)
{
    struct group *g = &a->group;
    uint64_t since = clock_steady_us();
    struct unit unit = {
        .prev_lsn = a->lane.lsn, .begins = !g->is_sent, .ends = ends, .one_by_one = a->one_by_one};

    if (!g->is_sent && !scope_keep(a, err))
        return false;
    if (group_is_empty(g))
        return true;
    net_flush(&g->net, &g->ops);
    unit.ops = g->ops.ops;
    unit.n_ops = g->ops.n;
    unit.lsn = ends ? g->lsn : a->tx.lsn;
    unit.gtid = g->gtid;
    unit.position = g->position;
    unit.commit_us = g->commit_us;
    if (!group_send(a, &unit, err))
        return false;
    g->is_sent = true;
    g->net_rows += g->ops.rows;
    op_list_reset(&g->ops);
    arena_reset(&g->arena);
    if (!ends) {
        lane_note_time(a, &a->stats.target_us, since);
        return true;
    }
    lane_advance(a);
    lane_note_committed(a, clock_steady_us() - since);
    group_reset(g);
    a->one_by_one = false;
    return true;
}

static size_t rows_max(const struct apply *a)
{
    return a->config.group_rows_max ? a->config.group_rows_max : TARGET_UNIT_ROWS_MAX;
}

bool group_is_full(const struct apply *a)
{
    const struct group *g = &a->group;

    return g->net.rows + g->ops.rows >= rows_max(a) || g->arena.used >= GROUP_BYTES_MAX;
}

/* At a transaction boundary: is it time to commit the group? */
bool group_is_ready(const struct apply *a, uint64_t until)
{
    const struct group *g = &a->group;

    return g->is_sent || group_is_full(a) || g->lsn >= until ||
           g->transactions >= GROUP_TRANSACTIONS_MAX ||
           (g->transactions && clock_steady_us() - g->opened_us >= GROUP_AGE_MAX_US);
}
