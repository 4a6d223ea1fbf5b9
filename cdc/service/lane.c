#include "cdc/service/lane.h"

#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/cond.h"
#include "schema/base/log.h"
#include "schema/base/stop.h"

#define JOIN_S 60
#define JOIN_SLICE_US 100000

void lane_init(struct lane *l, struct apply *apply)
{
    memset(l, 0, sizeof(*l));
    l->apply = apply;
    pthread_mutex_init(&l->lock, NULL);
    cond_init(&l->changed);
}

static void *lane_main(void *arg)
{
    struct lane *l = arg;

    pthread_mutex_lock(&l->lock);
    while (!l->ended && !l->leaving) {
        struct err err = ERR_INIT;
        bool ok;

        while (l->holds && !l->leaving)
            pthread_cond_wait(&l->changed, &l->lock);
        if (l->leaving)
            break;
        l->running = true;
        pthread_mutex_unlock(&l->lock);
        ok = apply_run(l->apply, l->until, &err);
        pthread_mutex_lock(&l->lock);
        l->running = false;
        if (ok || err.kind != ERR_STOPPED || strcmp(err.reason, "paused") != 0) {
            l->ended = true;
            l->ok = ok;
            l->err = err;
        }
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

bool lane_hold(struct lane *l, struct err *err)
{
    bool ok = true;

    pthread_mutex_lock(&l->lock);
    l->holds++;
    while (l->running) {
        apply_pause(l->apply);
        pthread_cond_wait(&l->changed, &l->lock);
    }
    /* The holder may run it itself. */
    apply_unpause(l->apply);
    if (l->ended && !l->ok) {
        l->holds--;
        *err = l->err;
        err_context(err, "the lane has stopped");
        ok = false;
    }
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
        (void)cond_wait_until(&l->changed, &l->lock, clock_steady_us() + JOIN_SLICE_US);
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
