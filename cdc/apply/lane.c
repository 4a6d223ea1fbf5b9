/*
 * lane.c - the lane: its connection, its reader, its progress, and what it did so far.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cdc/apply/engine.h"
#include "schema/base/clock.h"
#include "schema/base/stop.h"
#include "schema/base/xalloc.h"

/* ---- stats ---- */

void lane_note_committed(struct apply *a, uint64_t target_us)
{
    const struct group *g = &a->group;

    pthread_mutex_lock(&a->mutex);
    a->stats.lsn = a->lane.lsn;
    a->stats.gtid = a->lane.gtid;
    a->stats.position = a->lane.position;
    a->stats.commit_us = a->lane.commit_us;
    a->stats.applied_us = clock_wall_us();
    a->stats.transactions += g->transactions;
    a->stats.groups++;
    a->stats.changes += g->changes;
    a->stats.net_rows += g->net_rows;
    a->stats.cascades += g->cascades;
    a->stats.minus_zero += g->net.minus_zero;
    a->stats.target_us += target_us;
    pthread_mutex_unlock(&a->mutex);
}

void lane_note_time(struct apply *a, uint64_t *counter, uint64_t since_us)
{
    pthread_mutex_lock(&a->mutex);
    *counter += clock_steady_us() - since_us;
    pthread_mutex_unlock(&a->mutex);
}

static void note_lane(struct apply *a)
{
    pthread_mutex_lock(&a->mutex);
    a->stats.lsn = a->lane.lsn;
    a->stats.gtid = a->lane.gtid;
    a->stats.position = a->lane.position;
    a->stats.commit_us = a->lane.commit_us;
    pthread_mutex_unlock(&a->mutex);
}

void apply_stats_read(struct apply *a, struct apply_stats *out)
{
    pthread_mutex_lock(&a->mutex);
    *out = a->stats;
    pthread_mutex_unlock(&a->mutex);
}

/* ---- connections ---- */

void lane_drop_work(struct apply *a)
{
    group_reset(&a->group);
    a->in_tx = false;
    a->failed = NULL; /* it lives in the reader's memory */
    cascade_release(&a->cascade);
    queue_reader_close(a->reader);
    a->reader = NULL;
    if (a->target)
        target_rollback(a->target);
}

static bool take_over(struct apply *a, struct err *err)
{
    struct lane_state lane;

    if (!target_take_back(a->target, a->channel, 0, a->queue_uuid, a->epoch_max, &lane, err)) {
        a->epoch_max += err->kind == ERR_RETRY && a->lane.epoch;
        return false;
    }
    a->lane = lane;
    a->epoch_max = lane.epoch;
    note_lane(a);
    return tables_read(&a->tables, a->target, a->channel, err) && scope_check(a, err);
}

bool lane_open_target(struct apply *a, struct err *err)
{
    target_close(a->target);
    a->target = NULL;
    if (!target_enter(a->config.target, &a->target, err))
        return false;
    if (target_state_init(a->target, err) && take_over(a, err))
        return true;
    target_close(a->target);
    a->target = NULL;
    return false;
}

bool lane_open_reader(struct apply *a, struct err *err)
{
    if (a->reader)
        return true;
    if (!queue_reader_open(a->config.queue_dir, a->config.queue, a->lane.lsn, &a->reader, err))
        return false;
    cascade_bind(&a->cascade, queue_reader_catalog(a->reader));
    return true;
}

/* A new connection gets a new decision of the guard. */
bool lane_error_is_retried(const struct err *err)
{
    return err->kind == ERR_RETRY || strcmp(err->reason, "permit_expired") == 0;
}

bool lane_asked_to_stop(struct apply *a, struct err *err)
{
    if (atomic_load(&a->pause)) {
        err_reason(err, ERR_STOPPED, "paused", "apply is paused");
        return true;
    }
    if (stop_requested()) {
        err_reason(err, ERR_STOPPED, "", "a stop was requested");
        return true;
    }
    return false;
}

/* ---- life ---- */

bool apply_open(const struct apply_config *config, struct apply **out, struct err *err)
{
    struct apply *a = xcalloc(1, sizeof(*a));
    struct queue_identity id;
    struct queue_end end;

    *out = NULL;
    a->config = *config;
    snprintf(a->channel, sizeof(a->channel), "%s", config->channel);
    pthread_mutex_init(&a->mutex, NULL);
    a->epoch_max = UINT64_MAX; /* whoever it was before */
    net_init(&a->group.net, &a->group.arena);
    tables_init(&a->tables);
    if (!queue_read_end(config->queue_dir, config->queue, &id, &end, err))
        goto failed;
    memcpy(a->queue_uuid, id.uuid, sizeof(a->queue_uuid));
    if (!lane_open_target(a, err))
        goto failed;
    *out = a;
    return true;
failed:
    apply_close(a);
    return false;
}

void apply_close(struct apply *a)
{
    if (!a)
        return;
    queue_reader_close(a->reader);
    target_close(a->target);
    net_release(&a->group.net);
    op_list_release(&a->group.ops);
    arena_release(&a->group.arena);
    cascade_release(&a->cascade);
    tables_release(&a->tables);
    followed_free(a->followed);
    pthread_mutex_destroy(&a->mutex);
    free(a);
}

void apply_pause(struct apply *a)
{
    atomic_store(&a->pause, true);
}

void apply_unpause(struct apply *a)
{
    atomic_store(&a->pause, false);
}

uint64_t apply_lsn(const struct apply *a)
{
    return a->lane.lsn;
}

void apply_join(const struct apply *a, struct target *target)
{
    target_join(target, a->channel, 0, a->lane.epoch);
}

bool apply_reload_tables(struct apply *a, struct err *err)
{
    /* A lane that stood still while the target went away has not noticed yet. */
    if (!a->target)
        return lane_open_target(a, err);
    if (tables_read(&a->tables, a->target, a->channel, err) && scope_check(a, err))
        return true;
    if (lane_error_is_retried(err)) {
        lane_drop_work(a);
        target_close(a->target);
        a->target = NULL;
    }
    return false;
}
