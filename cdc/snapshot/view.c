#include "cdc/snapshot/view.h"

#include "cdc/queue/followed.h"
#include "cdc/queue/wait.h"
#include "schema/base/clock.h"
#include "schema/base/stop.h"
#include "schema/ddl/ddl.h"

#define VISIBLE_MAX_US ((uint64_t)60 * 1000 * 1000)
#define VISIBLE_PAUSE_US 10000
#define READ_TIMEOUT_MS 1000

/* What a view must hold: all up to where the lane stands. */
static bool know_lane(const struct snapshot_queue *queue, const struct lane_place *lane,
                      struct place *out, struct err *err)
{
    if (lane->gtid.kind != GTID_NONE)
        return place_add(out, &lane->gtid, err);
    return lane->lsn > 0 || queue_find_start(queue->dir, queue->options, out, err);
}

/* Again and again until the lower bound holds that. */
static bool open_behind(struct source *s, const struct place *least,
                        struct source_view_bounds *bounds, struct err *err)
{
    uint64_t give_up_us = clock_steady_us() + VISIBLE_MAX_US;

    for (;;) {
        if (!source_view_open(s, bounds, err))
            return false;
        if (!place_has_gtids(least) || place_contains(&bounds->lo, least))
            return true;
        source_view_bounds_release(bounds);
        if (!source_view_close(s, err))
            return false;
        if (stop_requested()) {
            err_set(err, ERR_STOPPED, "asked to stop");
            return false;
        }
        if (clock_steady_us() > give_up_us) {
            err_reason(err, ERR_DATA, "diverged",
                       "the source does not have the transaction that the lane stands at");
            return false;
        }
        clock_sleep_us(VISIBLE_PAUSE_US);
    }
}

bool snapshot_view_open(struct source *s, const struct snapshot_queue *queue,
                        const struct lane_place *lane, struct snapshot_view *v, struct err *err)
{
    bool ok = false;
    struct source_view_bounds bounds = {0};
    struct place least = {0};
    struct queue_goal goal;

    *v = (struct snapshot_view){.queue = *queue};
    if (!know_lane(queue, lane, &least, err) || !open_behind(s, &least, &bounds, err))
        goto done;
    v->is_open = true;
    v->opened_us = clock_steady_us();
    goal = (struct queue_goal){&bounds.hi, &bounds.committing};
    if (!queue_wait(queue->dir, queue->options, lane->lsn, &goal, queue->capture_ended, &v->hi,
                    err) ||
        !queue_find_within(queue->dir, queue->options, lane->lsn, &bounds.lo, &v->lo, err))
        goto done;
    /* The upper bound may be a binlog end, the lower one is a set: each is right by itself. */
    if (v->hi < v->lo)
        v->hi = v->lo;
    ok = true;
done:
    source_view_bounds_release(&bounds);
    place_release(&least);
    if (!ok)
        snapshot_view_close(s, v);
    return ok;
}

bool snapshot_view_open_loose(struct source *s, struct snapshot_view *v, struct err *err)
{
    struct source_view_bounds bounds = {0};

    *v = (struct snapshot_view){0};
    v->is_open = source_view_open(s, &bounds, err);
    v->opened_us = clock_steady_us();
    source_view_bounds_release(&bounds);
    return v->is_open;
}

void snapshot_view_close(struct source *s, struct snapshot_view *v)
{
    struct err ignored = ERR_INIT;

    /* A view that cannot be closed is gone with its connection. */
    if (v->is_open && !source_view_close(s, &ignored))
        ignored.kind = ERR_NONE;
    queue_reader_close(v->at_lo);
    queue_reader_close(v->at_hi);
    followed_free(v->followed);
    *v = (struct snapshot_view){0};
}

/* ---- a definition that was read inside the view ---- */

/* What comes behind the view must be in the queue. */
static bool check_followed(const struct snapshot_view *v, const struct table *table,
                           struct err *err)
{
    uint64_t since = followed_since(v->followed, table->db, table->name);

    if (since <= v->lo)
        return true;
    if (since == FOLLOWED_NEVER) {
        err_reason(err, ERR_DATA, "not_followed",
                   "the process that captures leaves its rows out; start it again with a "
                   "configuration that copies the table");
        return false;
    }
    err_reason(err, ERR_RETRY, "table_changed",
               "table %s.%s: the view is older than its rows in the queue", table->db, table->name);
    err->side = ERR_SIDE_SOURCE; /* only a newer view can do */
    return false;
}

static bool know_ends(struct snapshot_view *v, struct err *err)
{
    const struct snapshot_queue *q = &v->queue;
    bool changed;

    if (!v->at_lo && v->lo < v->hi && !queue_reader_open(q->dir, q->options, v->lo, &v->at_lo, err))
        return false;
    if (!v->at_hi && !queue_reader_open(q->dir, q->options, v->hi, &v->at_hi, err))
        return false;
    return v->followed || followed_read(queue_fs(q->options), q->dir, &v->followed, &changed, err);
}

/* ---- the window ---- */

static bool walk(struct queue_reader *reader, struct cascade *cascade, uint64_t lsn, uint64_t hi,
                 snapshot_window_fn *fn, void *ctx, bool *enough, struct err *err)
{
    while (lsn < hi && !*enough) {
        struct queue_item item;
        bool got;

        if (!queue_read(reader, READ_TIMEOUT_MS, &got, &item, err))
            return false;
        if (stop_requested()) {
            err_set(err, ERR_STOPPED, "asked to stop");
            return false;
        }
        if (!got)
            continue;
        *enough = fn(ctx, cascade, &item);
        if (item.kind == QUEUE_END)
            lsn = item.end.lsn;
    }
    return true;
}

bool snapshot_window_read(const struct snapshot_queue *queue, uint64_t lo, uint64_t hi,
                          snapshot_window_fn *fn, void *ctx, bool *enough, struct err *err)
{
    struct queue_reader *reader = NULL;
    struct cascade cascade = {0};
    bool ok;

    *enough = false;
    if (lo >= hi)
        return true;
    if (!queue_reader_open(queue->dir, queue->options, lo, &reader, err))
        return false;
    cascade_bind(&cascade, queue_reader_catalog(reader));
    ok = walk(reader, &cascade, lo, hi, fn, ctx, enough, err);
    cascade_release(&cascade);
    queue_reader_close(reader);
    return ok;
}

/* ---- a definition that was read inside the view, and the window ---- */

/* Does the name pass from one table to another? Its rows before that are told under another. */
static bool passes_name(void *ctx, struct cascade *cascade, const struct queue_item *item)
{
    const struct table *t = ctx;

    (void)cascade;
    for (uint32_t i = 0; item->kind == QUEUE_DDL && i < item->ddl.n_effects; i++) {
        const struct ddl_effect *e = &item->ddl.effects[i];

        if (e->before && e->after && !table_same_name(e->before, e->after) &&
            (table_same_name(e->before, t) || table_same_name(e->after, t)))
            return true;
    }
    return false;
}

bool snapshot_view_check(struct snapshot_view *v, const struct table *table, struct err *err)
{
    const struct table *before, *behind;
    bool changed;

    if (!know_ends(v, err) || !check_followed(v, table, err) ||
        !snapshot_window_read(&v->queue, v->lo, v->hi, passes_name, (void *)(uintptr_t)table,
                              &changed, err))
        return false;
    behind = catalog_get(queue_reader_catalog(v->at_hi), table->db, table->name);
    before =
        v->at_lo ? catalog_get(queue_reader_catalog(v->at_lo), table->db, table->name) : behind;
    if (!changed && (!before || ddl_same_table(before, table)) && behind &&
        ddl_same_table(behind, table))
        return true;
    err_reason(err, ERR_RETRY, "table_changed",
               "table %s.%s: its definition changed around the view", table->db, table->name);
    err->side = ERR_SIDE_SOURCE; /* or it would end the attempt, not put the table off */
    return false;
}
