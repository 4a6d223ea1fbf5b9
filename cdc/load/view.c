#include "cdc/source/view.h"
#include "cdc/load/work.h"
#include "cdc/queue/followed.h"
#include "cdc/queue/wait.h"
#include "schema/base/clock.h"
#include "schema/base/stop.h"
#include "schema/ddl/ddl.h"

#define READ_TIMEOUT_MS 1000

bool load_view_open(struct load *l, struct source *s, struct load_view *v, struct err *err)
{
    bool ok = false;
    const struct load_config *c = l->config;
    struct source_view_bounds bounds = {0};
    bool changed;

    if (!source_view_open_behind(s, &l->lane_gtid, &bounds, err))
        goto done;
    v->is_open = true;
    v->opened_us = clock_steady_us();
    if (!queue_wait_position(c->queue_dir, c->queue, l->lane_lsn, &bounds.hi, c->capture_ended,
                             &v->hi, err) ||
        !queue_find_within(c->queue_dir, c->queue, l->lane_lsn, &bounds.lo, &v->lo, err))
        goto done;
    /* The upper bound is a binlog end, the lower one a set: both are right by themselves. */
    if (v->hi < v->lo)
        v->hi = v->lo;
    ok = queue_reader_open(c->queue_dir, c->queue, v->hi, &v->at_hi, err) &&
         followed_read(queue_fs(c->queue), c->queue_dir, &v->followed, &changed, err);
done:
    place_release(&bounds.lo);
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
    queue_reader_close(v->at_hi);
    followed_free(v->followed);
    *v = (struct load_view){0};
}

/* What comes behind the view must be in the queue. */
static bool check_followed(const struct load_view *v, const struct table *table, struct err *err)
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

bool load_view_check(const struct load_view *v, const struct table *table, struct err *err)
{
    const struct table *then = catalog_get(queue_reader_catalog(v->at_hi), table->db, table->name);

    if (!check_followed(v, table, err))
        return false;
    if (then && ddl_same_table(then, table))
        return true;
    err_reason(err, ERR_RETRY, "table_changed",
               "table %s.%s: its definition changed after the view was opened", table->db,
               table->name);
    err->side = ERR_SIDE_SOURCE; /* or it would end the attempt, not put the table off */
    return false;
}

bool load_view_find(struct load *l, const struct load_view *v, load_touches_fn *touches, void *ctx,
                    bool *found, struct err *err)
{
    bool ok = false;
    struct queue_reader *reader = NULL;
    struct cascade cascade = {0};
    uint64_t lsn = v->lo;

    *found = false;
    if (v->lo == v->hi)
        return true;
    if (!queue_reader_open(l->config->queue_dir, l->config->queue, v->lo, &reader, err))
        return false;
    cascade_bind(&cascade, queue_reader_catalog(reader));
    while (lsn < v->hi && !*found) {
        struct queue_item item;
        bool got;

        if (!queue_read(reader, READ_TIMEOUT_MS, &got, &item, err))
            goto done;
        if (stop_requested()) {
            err_set(err, ERR_STOPPED, "load was asked to stop");
            goto done;
        }
        if (!got)
            continue;
        *found = touches(ctx, &cascade, &item);
        if (item.kind == QUEUE_END)
            lsn = item.end.lsn;
    }
    ok = true;
done:
    cascade_release(&cascade);
    queue_reader_close(reader);
    return ok;
}
