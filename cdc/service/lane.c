#include "cdc/service/lane.h"

#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/cond.h"
#include "schema/base/log.h"
#include "schema/base/stop.h"

#define JOIN_S 60
#define SLICE_US 100000
#define HELD_TOLD_EVERY_US ((uint64_t)900 * 1000000)

void lane_init(struct lane *l, struct apply *apply)
{
    memset(l, 0, sizeof(*l));
    l->apply = apply;
    l->hold_max_us = (uint64_t)LANE_HOLD_MAX_S * 1000000;
    l->held_max_us = (uint64_t)LANE_HELD_MAX_S * 1000000;
    pthread_mutex_init(&l->lock, NULL);
    cond_init(&l->changed);
}

static void end(struct lane *l, bool ok, const struct err *err)
{
    l->ended = true;
    l->ok = ok;
    l->err = *err;
    pthread_cond_broadcast(&l->changed);
}

/* With the lock. False: the lane is to end. */
static bool wait_for_release(struct lane *l)
{
    uint64_t since = clock_steady_us(), told = since, now = since;
    struct err err = ERR_INIT;

    while (l->holds && !l->leaving && now - since < l->held_max_us) {
        (void)cond_wait_until(&l->changed, &l->lock, now + SLICE_US);
        now = clock_steady_us();
        if (now - told < HELD_TOLD_EVERY_US)
            continue;
        told = now;
        log_warn("service", "a validation holds the lane, and nothing else is applied");
    }
    if (l->holds && !l->leaving) {
        err_reason(&err, ERR_IO, "lane_held", "the lane was held for more than %llu s",
                   (unsigned long long)(l->held_max_us / 1000000));
        end(l, false, &err);
    }
    return !l->holds && !l->leaving;
}

static void *lane_main(void *arg)
{
    struct lane *l = arg;

    pthread_mutex_lock(&l->lock);
    while (!l->ended && !l->leaving) {
        struct err err = ERR_INIT;
        bool ok;

        if (!wait_for_release(l))
            break;
        l->running = true;
        pthread_mutex_unlock(&l->lock);
        ok = apply_run(l->apply, l->until, &err);
        pthread_mutex_lock(&l->lock);
        l->running = false;
        if (ok || err.kind != ERR_STOPPED || strcmp(err.reason, "paused") != 0)
            end(l, ok, &err);
        pthread_cond_broadcast(&l->changed);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

void lane_start(struct lane *l, uint64_t until)
{
    l->until = until;
    l->started = pthread_create(&l->thread, NULL, lane_main, l) == 0;
    if (!l->started) {
        l->ended = true;
        err_set(&l->err, ERR_IO, "cannot start a thread for the lane");
    }
}

/* With the lock. */
static bool wait_for_boundary(struct lane *l, struct err *err)
{
    uint64_t until = clock_steady_us() + l->hold_max_us;

    while (l->running && !stop_requested() && clock_steady_us() < until) {
        apply_pause(l->apply);
        (void)cond_wait_until(&l->changed, &l->lock, clock_steady_us() + SLICE_US);
    }
    if (l->running && stop_requested())
        err_set(err, ERR_STOPPED, "asked to stop");
    else if (l->running)
        err_reason(err, ERR_REFUSED, "lane_busy",
                   "the lane has not come to the end of a transaction or of a definition change "
                   "within %llu s; try again later ('domicile status')",
                   (unsigned long long)(l->hold_max_us / 1000000));
    else if (l->ended && !l->ok) {
        *err = l->err;
        err_context(err, "the lane has stopped");
    } else {
        return true;
    }
    return false;
}

bool lane_hold(struct lane *l, struct err *err)
{
    bool ok;

    pthread_mutex_lock(&l->lock);
    l->holds++;
    ok = wait_for_boundary(l, err);
    l->holds -= !ok;
    /* The holder may run it itself; and nobody waits for one that was not in time but lane_join. */
    if (ok || !l->leaving)
        apply_unpause(l->apply);
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    return ok;
}

void lane_release(struct lane *l)
{
    pthread_mutex_lock(&l->lock);
    if (l->holds)
        l->holds--;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

bool lane_ended(struct lane *l, bool *ok, struct err *err)
{
    bool ended;

    pthread_mutex_lock(&l->lock);
    ended = l->ended;
    *ok = l->ok;
    if (ended && !l->ok)
        *err = l->err;
    pthread_mutex_unlock(&l->lock);
    return ended;
}

void lane_wait(struct lane *l, uint64_t timeout_us)
{
    uint64_t end_us = clock_steady_us() + timeout_us;

    pthread_mutex_lock(&l->lock);
    while (!l->ended && !stop_requested() && cond_wait_until(&l->changed, &l->lock, end_us))
        continue;
    pthread_mutex_unlock(&l->lock);
}

void lane_join(struct lane *l)
{
    uint64_t until = clock_steady_us() + (uint64_t)JOIN_S * 1000000;

    if (!l->started)
        return;
    pthread_mutex_lock(&l->lock);
    l->leaving = true;
    pthread_cond_broadcast(&l->changed);
    if (l->running)
        apply_pause(l->apply);
    while (l->running) {
        (void)cond_wait_until(&l->changed, &l->lock, clock_steady_us() + SLICE_US);
        if (!l->running || clock_steady_us() < until || stop_requested())
            continue;
        log_warn("service", "the lane has not ended for %d s; its statement is left alone", JOIN_S);
        stop_request(); /* whoever joins the lane is about to end */
    }
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
    l->started = false;
    if (!l->ended)
        l->ended = l->ok = true;
}

/* ---- slots ---- */

static struct apply *apply_of(void *ctx)
{
    return ((struct lane *)ctx)->apply;
}

static void slot_place(void *ctx, struct lane_place *out)
{
    struct apply_stats stats;

    apply_stats_read(apply_of(ctx), &stats);
    *out = (struct lane_place){apply_lsn(apply_of(ctx)), stats.gtid, stats.position};
}

static void slot_join(void *ctx, struct target *target)
{
    apply_join(apply_of(ctx), target);
}

static bool slot_run(void *ctx, uint64_t until, struct err *err)
{
    return apply_lsn(apply_of(ctx)) >= until || apply_run(apply_of(ctx), until, err);
}

static bool slot_reload(void *ctx, struct err *err)
{
    return apply_reload_tables(apply_of(ctx), err);
}

static bool slot_settle(void *ctx, struct err *err)
{
    return apply_settle(apply_of(ctx), err);
}

static bool slot_repair(void *ctx, const struct table *table, const struct value *const *keys,
                        size_t n_keys, const struct value *const *rows, size_t n_rows,
                        struct err *err)
{
    return apply_repair(apply_of(ctx), table, keys, n_keys, rows, n_rows, err);
}

static bool slot_hold(void *ctx, struct err *err)
{
    return lane_hold(ctx, err);
}

static void slot_release(void *ctx)
{
    lane_release(ctx);
}

struct snapshot_lane lane_slots(struct lane *l)
{
    return (struct snapshot_lane){.place = slot_place,
                                  .join = slot_join,
                                  .run = slot_run,
                                  .reload = slot_reload,
                                  .settle = slot_settle,
                                  .repair = slot_repair,
                                  .hold = slot_hold,
                                  .release = slot_release,
                                  .ctx = l};
}
