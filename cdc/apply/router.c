/*
 * router.c - from the queue's items to groups; transaction boundaries and barriers.
 */
#include "cdc/apply/engine.h"
#include "schema/base/clock.h"
#include "schema/base/stop.h"

#define WAIT_MS 100

static void end_transaction(struct apply *a, const struct tx_end *end)
{
    struct group *g = &a->group;

    g->transactions++;
    g->lsn = a->tx.lsn;
    g->gtid = a->tx.gtid;
    g->position = end->end;
    g->commit_us = a->tx.commit_us;
    a->in_tx = false;
}

static void begin_transaction(struct apply *a, const struct tx_begin *begin)
{
    a->tx = *begin;
    a->tx_changes = 0;
    a->tx_ddl = 0;
    a->in_tx = true;
    if (!a->group.opened_us)
        a->group.opened_us = clock_steady_us();
}

static bool take_item(struct apply *a, const struct queue_item *item, struct err *err)
{
    switch (item->kind) {
    case QUEUE_BEGIN:
        begin_transaction(a, &item->begin);
        return true;
    case QUEUE_CHANGE:
        if (!apply_change(a, &item->change, err))
            return false;
        return !group_is_full(a) || apply_flush(a, false, err);
    case QUEUE_DDL:
        return apply_ddl(a, &item->ddl, err);
    case QUEUE_END:
        end_transaction(a, &item->end);
        return true;
    }
    return true;
}

/* How long the next read may wait: a group in hand is not kept waiting. */
static unsigned read_wait_ms(const struct apply *a)
{
    return a->in_tx || group_is_empty(&a->group) ? WAIT_MS : 0;
}

static bool read_item(struct apply *a, bool *got, struct queue_item *item, struct err *err)
{
    uint64_t since = clock_steady_us();
    bool ok = queue_read(a->reader, read_wait_ms(a), got, item, err);

    if (ok && !*got)
        lane_note_time(a, &a->stats.wait_us, since);
    return ok;
}

static bool run_boundary(struct apply *a, uint64_t until, bool *done, struct err *err)
{
    struct err stop = ERR_INIT;
    bool stopping = lane_asked_to_stop(a, &stop);

    *done = false;
    if ((stopping || (a->group.transactions && group_is_ready(a, until))) &&
        !apply_flush(a, true, err))
        return false;
    *done = a->lane.lsn >= until;
    if (stopping && !*done) {
        *err = stop;
        return false;
    }
    return true;
}

bool router_run(struct apply *a, uint64_t until, struct err *err)
{
    struct queue_item item;
    bool got = false;
    bool done = false;

    a->failed = NULL;
    for (;;) {
        if (!a->in_tx && !run_boundary(a, until, &done, err))
            return false;
        if (done)
            return true;
        /* A long transaction is given up at once when the process is to end. */
        if (a->in_tx && stop_requested() && lane_asked_to_stop(a, err))
            return false;
        if (!read_item(a, &got, &item, err))
            return false;
        if (!got && !a->in_tx) {
            if (!apply_flush(a, true, err) || !target_keep(a->target, err))
                return false;
            a->is_caught_up = true;
        }
        if (got && !take_item(a, &item, err))
            return false;
    }
}

/* The definition changes of the transaction that the reader stands before. */
static bool settle(struct apply *a, struct err *err)
{
    struct queue_item item;
    bool got = true;

    for (;;) {
        if (!queue_read(a->reader, WAIT_MS, &got, &item, err))
            return false;
        /* Rows of that transaction, if there are any, come behind its definition changes. */
        if (!got || item.kind == QUEUE_END || item.kind == QUEUE_CHANGE)
            return true;
        if (!take_item(a, &item, err))
            return false;
    }
}

bool apply_settle(struct apply *a, struct err *err)
{
    bool begun = false;
    bool ok;

    if (!target_ddl_begun(a->target, a->lane.lsn, &begun, err))
        return false;
    if (!begun)
        return true;
    lane_drop_work(a);
    ok = lane_open_reader(a, err) && settle(a, err);
    lane_drop_work(a);
    return ok;
}
