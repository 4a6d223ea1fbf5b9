#include <stdlib.h>

#include "cdc/load/work.h"
#include "cdc/queue/queue.h"
#include "schema/base/clock.h"
#include "schema/base/xalloc.h"
#include "schema/cascade.h"
#include "schema/ddl/ddl.h"

#define TRIES_MAX 10
#define PAUSE_FIRST_US 100000
#define PAUSE_MAX_US 5000000

static bool is_same(const struct table *table, const struct load_table *t)
{
    return table && strcmp(table->db, t->db) == 0 && strcmp(table->name, t->name) == 0;
}

static bool is_it(void *ctx, const struct table *child)
{
    return is_same(child, ctx);
}

/* Its own change, or one of a parent whose cascades the source did not log. */
static bool change_touches(struct cascade *cascade, const struct change *change,
                           struct load_table *t)
{
    return is_same(change->table, t) ||
           (cascade_is_unlogged(change) && cascade_reaches(cascade, change, is_it, t));
}

static bool item_touches(void *ctx, struct cascade *cascade, const struct queue_item *item)
{
    struct load_table *t = ctx;

    if (item->kind == QUEUE_CHANGE)
        return change_touches(cascade, &item->change, t);
    if (item->kind != QUEUE_DDL)
        return false;
    for (uint32_t i = 0; i < item->ddl.n_effects; i++) {
        if (is_same(item->ddl.effects[i].before, t) || is_same(item->ddl.effects[i].after, t))
            return true;
    }
    return false;
}

static bool item_defines(void *ctx, struct cascade *cascade, const struct queue_item *item)
{
    return item->kind == QUEUE_DDL && item_touches(ctx, cascade, item);
}

/* Did the table get its name behind the view, before it was read? */
static bool was_renamed(struct load *l, struct load_table *t, bool *renamed, struct err *err)
{
    uint64_t now;

    return load_know_now(l, &now, err) &&
           snapshot_window_read(&l->config->queue, t->lo, now, item_defines, t, renamed, err);
}

/*
 * Equal rows have no name, so a window cannot be collapsed: the view is exact for this
 * table only if nothing within (lo, hi] touched it.
 */
static bool is_quiet(struct load *l, struct load_table *t, struct snapshot_view *v, bool *quiet,
                     struct err *err)
{
    bool touched = false;
    bool ok = snapshot_window_read(&l->config->queue, v->lo, v->hi, item_touches, t, &touched, err);

    *quiet = !touched;
    return ok;
}

static bool read_definition(struct load *l, struct load_table *t, struct snapshot_view *v,
                            struct err *err)
{
    struct buf text = BUF_INIT;

    table_free(t->table);
    t->table = NULL;
    if (!source_read_table(l->source, t->db, t->name, &t->table, err) ||
        !snapshot_view_check(v, t->table, err))
        return false;
    ddl_print_table(t->table, &text);
    free(t->definition);
    t->definition = xstrdup(buf_cstr(&text));
    buf_release(&text);
    return true;
}

/* The lane has come to hi; did DDL send the table back on the way? */
static bool is_still_loading(struct load *l, const struct load_table *t, bool *still,
                             struct err *err)
{
    struct table_state *states = NULL;
    size_t n = 0;

    *still = false;
    if (!target_tables_read(l->target, l->config->channel, &states, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(states[i].db, t->db) == 0 && strcmp(states[i].name, t->name) == 0)
            *still = states[i].life == TABLE_LOAD;
    }
    table_states_free(states, n);
    return true;
}

/* One try under one view. The lane is brought to the view's hi while the table is still
 * LOAD, so from there on every change of it is strict. */
static bool try_once(struct load *l, struct load_table *t, bool *loaded, struct err *err)
{
    bool ok = false, quiet = false, still = false, renamed = false;
    struct snapshot_view v = {0};
    uint64_t hi;

    *loaded = false;
    if (!snapshot_view_open(l->source, &l->config->queue, &l->lane, &v, err) ||
        !read_definition(l, t, &v, err) || !is_quiet(l, t, &v, &quiet, err))
        goto done;
    if (t->table->n_row_key) {
        t->step = STEP_AGAIN;
        ok = true;
        goto done;
    }
    if (quiet) {
        t->lo = t->hi = v.hi;
        t->rows = 0;
        if (!load_make_table(l, t, l->target, NULL, 0, err) ||
            !load_copy_rows(l, t, l->source, l->target, NULL, err))
            goto done;
        hi = v.hi;
        snapshot_view_close(l->source, &v);
        if (!was_renamed(l, t, &renamed, err))
            goto done;
        if (renamed) {
            ok = true;
            goto done;
        }
        if (!load_reload_lane(l, err) || !load_run_lane(l, hi, err) ||
            !is_still_loading(l, t, &still, err))
            goto done;
        if (still && !load_make_strict(l, t, l->target, err))
            goto done;
        *loaded = still;
    }
    ok = true;
done:
    snapshot_view_close(l->source, &v);
    return ok && (!*loaded || load_reload_lane(l, err));
}

bool load_copy_unkeyed(struct load *l, struct load_table *t, struct err *err)
{
    uint64_t pause_us = PAUSE_FIRST_US;

    l->phase = "copy";
    l->at_table = t->name;
    for (unsigned i = 0; i < TRIES_MAX; i++) {
        bool loaded = false;

        load_report(l, true);
        if (!try_once(l, t, &loaded, err)) {
            if (err->kind == ERR_DATA && strcmp(err->reason, "no_table") == 0) {
                t->step = STEP_GONE;
                return true;
            }
            if (load_is_table_error(err)) {
                struct err why = *err;

                return load_stop_table(l, t, l->target, &why, err);
            }
            if (!source_is_blocked(err))
                return false;
        }
        if (loaded || t->step == STEP_AGAIN)
            return true;
        if (load_must_stop(err))
            return false;
        clock_sleep_us(pause_us);
        pause_us = pause_us * 2 > PAUSE_MAX_US ? PAUSE_MAX_US : pause_us * 2;
    }
    load_refuse(l, t,
                "it has no row key and was being written in every view of it; add a primary key"
                " (it may be invisible: ALTER TABLE ... ADD COLUMN row_id BIGINT UNSIGNED"
                " INVISIBLE AUTO_INCREMENT PRIMARY KEY) or stop its writers for a moment, then"
                " load again");
    return true;
}
