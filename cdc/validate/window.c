#include <assert.h>
#include <stdlib.h>

#include "cdc/queue/wait.h"
#include "cdc/source/view.h"
#include "cdc/validate/work.h"
#include "schema/base/clock.h"
#include "schema/base/stop.h"
#include "schema/base/xalloc.h"
#include "schema/cascade.h"

#define READ_TIMEOUT_MS 1000

static struct check_table *find_table(struct validate *v, const struct table *table)
{
    for (size_t i = 0; table && i < v->n_tables; i++) {
        struct check_table *t = &v->tables[i];

        if (strcmp(t->table->db, table->db) == 0 && strcmp(t->table->name, table->name) == 0)
            return t;
    }
    return NULL;
}

/* The state of a key after this image: the last one wins. */
static void touch(struct check_table *t, const struct value *image, bool is_there)
{
    struct arena *arena = &t->touched_arena;
    struct buf key = BUF_INIT;
    struct touched_key *k = arena_alloc(arena, sizeof(*k));
    struct value *copy = arena_alloc(arena, t->table->n_columns * sizeof(*copy));

    for (uint32_t i = 0; i < t->table->n_columns; i++)
        copy[i] = value_copy(arena, &image[i]);
    *k = (struct touched_key){copy, is_there ? copy : NULL};
    put_row_key(&key, t->table, image);
    map_put(&t->touched, buf_bytes(&key), k);
    buf_release(&key);
}

static void take_change(struct validate *v, const struct change *c)
{
    struct check_table *t = find_table(v, c->table);

    if (!t || t->step == CHECK_DONE)
        return;
    t->is_touched = true;
    /* Another shape means DDL inside the window: the table waits for the next slice. */
    if (!t->table->n_row_key || c->table->n_columns != t->table->n_columns)
        return;
    if (c->before)
        touch(t, c->before, false);
    if (c->after)
        touch(t, c->after, true);
}

static bool mark_cascaded(void *ctx, const struct table *child)
{
    struct check_table *t = find_table(ctx, child);

    if (t && t->step != CHECK_DONE)
        t->is_cascaded = true;
    return false;
}

/* The source's engine changes rows of child tables without a word. */
static void take_cascade(struct validate *v, struct cascade *cascade, const struct change *c)
{
    if (cascade_is_unlogged(c) && cascade_reaches(cascade, c, mark_cascaded, v))
        return;
}

/* What a view shows of such a table cannot be brought to hi: it waits for a quiet window. */
static void put_off_cascaded(struct validate *v)
{
    for (size_t i = 0; i < v->n_tables; i++) {
        struct check_table *t = &v->tables[i];

        if (!t->is_cascaded || t->step == CHECK_DONE)
            continue;
        if (++t->tries >= VALIDATE_BLOCKED_MAX)
            validate_give_up(v, t,
                             "not compared to its end: unlogged foreign-key cascades reached "
                             "it in every view of it");
        else if (t->step == CHECK_PLAN)
            t->step = CHECK_LATER;
        else
            t->is_blocked = true;
    }
}

static void take_ddl(struct validate *v, const struct ddl *ddl)
{
    for (uint32_t i = 0; i < ddl->n_effects; i++) {
        struct check_table *before = find_table(v, ddl->effects[i].before);
        struct check_table *after = find_table(v, ddl->effects[i].after);

        if (before)
            before->has_ddl = true;
        if (after)
            after->has_ddl = true;
    }
}

static void forget_touched(struct check_table *t)
{
    map_reset(&t->touched);
    arena_reset(&t->touched_arena);
    t->is_touched = t->has_ddl = t->is_cascaded = t->touched_taken = t->is_blocked = false;
}

bool slice_read_window(struct validate *v, struct err *err)
{
    bool ok = false;
    struct queue_reader *reader = NULL;
    struct cascade cascade = {0};
    uint64_t lsn = v->lo;

    for (size_t i = 0; i < v->n_tables; i++)
        forget_touched(&v->tables[i]);
    if (v->lo >= v->hi)
        return true;
    if (!queue_reader_open(v->config->queue_dir, v->config->queue, v->lo, &reader, err))
        return false;
    cascade_bind(&cascade, queue_reader_catalog(reader));
    while (lsn < v->hi) {
        struct queue_item item;
        bool got;

        if (!queue_read(reader, READ_TIMEOUT_MS, &got, &item, err))
            goto done;
        if (stop_requested()) {
            err_set(err, ERR_STOPPED, "validate was asked to stop");
            goto done;
        }
        if (!got)
            continue;
        if (item.kind == QUEUE_CHANGE) {
            take_change(v, &item.change);
            take_cascade(v, &cascade, &item.change);
        } else if (item.kind == QUEUE_DDL)
            take_ddl(v, &item.ddl);
        else if (item.kind == QUEUE_END)
            lsn = item.end.lsn;
    }
    put_off_cascaded(v);
    ok = true;
done:
    cascade_release(&cascade);
    queue_reader_close(reader);
    return ok;
}

/* One view's bracket widens the slice's. */
static bool open_source_view(struct validate *v, struct check_worker *w, const struct gtid *lane,
                             uint64_t lane_lsn, struct err *err)
{
    const struct validate_config *c = v->config;
    struct source_view_bounds bounds = {0};
    uint64_t lo, hi;
    bool ok = false;

    if (c->mode == VALIDATE_OFFLINE) {
        ok = source_view_open(w->source, &bounds, err);
        w->has_source_view = ok;
        goto done;
    }
    if (!source_view_open_behind(w->source, lane, &bounds, err))
        goto done;
    w->has_source_view = true;
    if (!queue_wait_position(c->queue_dir, c->queue, lane_lsn, &bounds.hi, c->capture_ended, &hi,
                             err) ||
        !queue_find_within(c->queue_dir, c->queue, lane_lsn, &bounds.lo, &lo, err))
        goto done;
    v->lo = lo < v->lo ? lo : v->lo;
    v->hi = hi > v->hi ? hi : v->hi;
    ok = true;
done:
    place_release(&bounds.lo);
    return ok;
}

static void note_position(struct validate *v)
{
    struct apply_stats stats;

    if (v->config->mode == VALIDATE_OFFLINE)
        return;
    apply_stats_read(v->config->apply, &stats);
    v->result->lsn = v->hi;
    v->result->gtid = stats.gtid;
    v->result->position = stats.position;
}

bool slice_fence(struct validate *v, uint32_t n_workers, struct err *err)
{
    const struct validate_config *c = v->config;
    struct apply_stats stats = {0};
    uint64_t lane_lsn = 0;

    if (!v->is_held && c->mode == VALIDATE_FROZEN) {
        if (c->lane_hold && !c->lane_hold(c->lane_ctx, err))
            return false;
        v->is_held = true;
    }
    if (c->mode == VALIDATE_FROZEN) {
        apply_stats_read(c->apply, &stats);
        lane_lsn = apply_lsn(c->apply);
    }
    v->lo = UINT64_MAX;
    v->hi = 0;
    v->slice_us = clock_steady_us();
    for (uint32_t i = 0; i < n_workers; i++) {
        if (!open_source_view(v, &v->workers[i], &stats.gtid, lane_lsn, err))
            return false;
    }
    if (c->mode == VALIDATE_OFFLINE) {
        v->lo = v->hi = 0;
        return true;
    }
    if (lane_lsn < v->hi && !apply_run(c->apply, v->hi, err))
        return false;
    note_position(v);
    return true;
}

bool slice_open(struct validate *v, struct err *err)
{
    const struct validate_config *c = v->config;

    if (!slice_fence(v, v->n_workers, err))
        return false;
    for (uint32_t i = 0; i < v->n_workers; i++) {
        if (!target_view_open(v->workers[i].target, err))
            return false;
        v->workers[i].has_target_view = true;
        v->workers[i].is_blocked = false;
    }
    if (!validate_read_tables(v, err) || (v->is_first_slice && !wanted_compare(v, err)) ||
        !slice_read_window(v, err))
        return false;
    if (c->mode == VALIDATE_FROZEN && c->lane_resume) {
        c->lane_resume(c->lane_ctx);
        v->is_held = false;
    }
    return true;
}

void slice_close(struct validate *v)
{
    struct err ignored = ERR_INIT;

    /* A view that cannot be closed is gone with its connection. */
    for (uint32_t i = 0; i < v->n_workers; i++) {
        struct check_worker *w = &v->workers[i];

        if (w->has_source_view && !source_view_close(w->source, &ignored))
            ignored.kind = ERR_NONE;
        if (w->has_target_view && !target_view_close(w->target, &ignored))
            ignored.kind = ERR_NONE;
        w->has_source_view = w->has_target_view = false;
    }
}
