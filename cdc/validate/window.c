#include <assert.h>
#include <stdlib.h>

#include "cdc/validate/work.h"
#include "schema/base/clock.h"
#include "schema/base/xalloc.h"
#include "schema/cascade.h"

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

/* The source's engine changes rows of child tables without a word. */
static void take_cascade(struct validate *v, struct cascade *cascade, const struct change *c)
{
    if (cascade_is_unlogged(c) && cascade_reaches(cascade, c, mark_cascaded, v))
        return;
}

static bool take_item(void *ctx, struct cascade *cascade, const struct queue_item *item)
{
    struct validate *v = ctx;

    if (item->kind == QUEUE_CHANGE) {
        take_change(v, &item->change);
        take_cascade(v, cascade, &item->change);
    } else if (item->kind == QUEUE_DDL) {
        take_ddl(v, &item->ddl);
    }
    return false; /* all of them */
}

bool slice_read_window(struct validate *v, struct err *err)
{
    bool enough;

    for (size_t i = 0; i < v->n_tables; i++)
        forget_touched(&v->tables[i]);
    if (!snapshot_window_read(&v->config->queue, v->lo, v->hi, take_item, v, &enough, err))
        return false;
    put_off_cascaded(v);
    return true;
}

/* Outside FROZEN it has no bracket. */
static bool open_source_view(struct validate *v, struct check_worker *w,
                             const struct lane_place *lane, struct err *err)
{
    const struct validate_config *c = v->config;

    if (c->mode == VALIDATE_OFFLINE)
        return snapshot_view_open_loose(w->source, &w->view, err);
    if (!snapshot_view_open(w->source, &c->queue, lane, &w->view, err))
        return false;
    v->lo = w->view.lo < v->lo ? w->view.lo : v->lo;
    v->hi = w->view.hi > v->hi ? w->view.hi : v->hi;
    return true;
}

static bool hold_lane(struct validate *v, struct err *err)
{
    const struct snapshot_lane *lane = v->config->lane;

    if (lane && !v->is_held)
        v->is_held = lane->hold(lane->ctx, err);
    return !lane || v->is_held;
}

void slice_release_lane(struct validate *v)
{
    if (v->is_held)
        v->config->lane->release(v->config->lane->ctx);
    v->is_held = false;
}

static bool run_lane(struct validate *v, struct err *err)
{
    const struct snapshot_lane *lane = v->config->lane;
    struct lane_place place;

    if (!lane->run(lane->ctx, v->hi, err))
        return false;
    lane->place(lane->ctx, &place);
    v->result->lsn = v->hi;
    v->result->gtid = place.gtid;
    v->result->position = place.position;
    return true;
}

bool slice_fence(struct validate *v, uint32_t n_workers, struct err *err)
{
    const struct validate_config *c = v->config;
    struct lane_place place = {0};

    if (!hold_lane(v, err))
        return false;
    if (c->mode == VALIDATE_FROZEN)
        c->lane->place(c->lane->ctx, &place);
    v->lo = UINT64_MAX;
    v->hi = 0;
    v->slice_us = clock_steady_us();
    for (uint32_t i = 0; i < n_workers; i++) {
        if (!open_source_view(v, &v->workers[i], &place, err))
            return false;
    }
    if (c->mode == VALIDATE_FROZEN)
        return run_lane(v, err);
    v->lo = v->hi = 0;
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
    if (c->mode == VALIDATE_FROZEN)
        slice_release_lane(v);
    return true;
}

void slice_close(struct validate *v)
{
    struct err ignored = ERR_INIT;

    /* A view that cannot be closed is gone with its connection. */
    for (uint32_t i = 0; i < v->n_workers; i++) {
        struct check_worker *w = &v->workers[i];

        snapshot_view_close(w->source, &w->view);
        if (w->has_target_view && !target_view_close(w->target, &ignored))
            ignored.kind = ERR_NONE;
        w->has_target_view = false;
    }
}
