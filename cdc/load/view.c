#include "cdc/load/work.h"
#include "cdc/queue/queue.h"
#include "schema/base/clock.h"
#include "schema/base/stop.h"

#define CAPTURE_SILENT_MAX_US ((uint64_t)120 * 1000 * 1000)
#define LANE_VISIBLE_MAX_US ((uint64_t)60 * 1000 * 1000)
#define POLL_US 10000

static bool stopped(struct err *err)
{
    if (!stop_requested())
        return false;
    err_set(err, ERR_STOPPED, "load was asked to stop");
    return true;
}

/*
 * Open a view whose lower bound holds everything that the lane has applied. The binlog shows
 * a transaction before the engine does, so a lane that follows closely may be ahead of a
 * fresh view for a moment; the window (lo, hi] would then miss what lies between.
 */
static bool open_behind_lane(struct load *l, struct source *s, struct source_view_bounds *bounds,
                             struct err *err)
{
    uint64_t give_up_us = clock_steady_us() + LANE_VISIBLE_MAX_US;

    for (;;) {
        if (!source_view_open(s, bounds, err))
            return false;
        if (!l->lane_gtid.gno || gtid_set_has(bounds->lo, &l->lane_gtid))
            return true;
        gtid_set_free(bounds->lo);
        bounds->lo = NULL;
        if (!source_view_close(s, err) || stopped(err))
            return false;
        if (clock_steady_us() > give_up_us) {
            err_reason(err, ERR_DATA, "diverged",
                       "the source does not have the transaction that the lane stands at");
            return false;
        }
        clock_sleep_us(POLL_US);
    }
}

/* The LSN that the binlog end `at` stands for, waiting until capture has come that far. */
static bool find_hi(struct load *l, const struct position *at, uint64_t *hi, struct err *err)
{
    const struct load_config *c = l->config;
    uint64_t quiet_since_us = clock_steady_us();
    struct queue_end last = {0};

    for (;;) {
        struct queue_identity id;
        struct queue_end end;

        if (!queue_read_end(c->queue_dir, c->queue, &id, &end, err))
            return false;
        /* Nothing behind the lane: the queue need not be walked, and has no LSN to give. */
        if (end.lsn == l->lane_lsn &&
            (position_compare(&end.end, at) >= 0 ||
             (end.seen.file[0] && position_compare(&end.seen, at) >= 0))) {
            *hi = end.lsn;
            return true;
        }
        if (end.lsn > l->lane_lsn) {
            if (queue_find_position(c->queue_dir, c->queue, l->lane_lsn, at, hi, err))
                return true;
            if (err->kind != ERR_RETRY || strcmp(err->reason, "not_yet") != 0)
                return false;
        }
        if (end.lsn != last.lsn || end.idle_us != last.idle_us ||
            position_compare(&end.seen, &last.seen) != 0)
            quiet_since_us = clock_steady_us();
        last = end;
        if (stopped(err))
            return false;
        if (clock_steady_us() - quiet_since_us > CAPTURE_SILENT_MAX_US) {
            err_reason(err, ERR_RETRY, "capture_silent",
                       "the queue has not grown to the source's position; capture must run");
            return false;
        }
        clock_sleep_us(POLL_US);
    }
}

bool load_view_open(struct load *l, struct source *s, struct load_view *v, struct err *err)
{
    bool ok = false;
    const struct load_config *c = l->config;
    struct source_view_bounds bounds = {0};

    if (!open_behind_lane(l, s, &bounds, err))
        goto done;
    v->is_open = true;
    v->opened_us = clock_steady_us();
    if (!find_hi(l, &bounds.hi, &v->hi, err))
        goto done;
    if (!queue_find_gtids(c->queue_dir, c->queue, l->lane_lsn, bounds.lo, &v->lo, err))
        goto done;
    /* The upper bound is a binlog end, the lower one a set: both are right by themselves. */
    if (v->hi < v->lo)
        v->hi = v->lo;
    ok = true;
done:
    gtid_set_free(bounds.lo);
    if (!ok)
        load_view_close(s, v);
    return ok;
}

void load_view_close(struct source *s, struct load_view *v)
{
    struct err ignored = ERR_INIT;

    /* A view that cannot be closed is gone with its connection. */
    if (v->is_open && !source_view_close(s, &ignored))
        ignored.kind = ERR_NONE;
    *v = (struct load_view){0};
}
