/*
 * cascaded.c - tables that unlogged foreign-key cascades reach, while they do.
 *
 * The first round reads all tables in parallel, under views of many places. The lane, which
 * performs cascades on exact tables only, sends back every table that one reached inside its
 * window, or behind a table that was not exact. From the second round on such tables are
 * loaded here: parents first, each alone (tables that reach each other together), under one view
 * whose window (lo, hi] holds no change that cascades into them.
 *
 * Why that is exact: within (lo, hi] only logged changes touch the table, so the collapse
 * makes it equal to the source at hi. A cascade up to lo is in what the view shows, and the lane
 * leaves the table alone there. One behind hi finds the table exact, and all tables on the
 * way to it too: they came before it, and are exact from then on. So no cascade sends the table
 * back again, and each is loaded here once. Such a view is not renewed while it is read.
 */
#include <stdlib.h>

#include "cdc/load/work.h"
#include "cdc/queue/queue.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/cascade.h"

#define TRIES_MAX 1000
#define TRY_FOR_US ((uint64_t)600 * 1000 * 1000) /* a try may wait for a lock */
#define PAUSE_US 5000

static struct load_table *find_table(struct load *l, const struct table *table)
{
    for (size_t i = 0; i < l->n_tables; i++)
        if (strcmp(l->tables[i].db, table->db) == 0 && strcmp(l->tables[i].name, table->name) == 0)
            return &l->tables[i];
    return NULL;
}

/* ---- what is to be loaded here, and what can never be ---- */

struct planner {
    struct load *load;
    struct err *err;
    bool failed;
};

static enum cascade_standing standing(void *ctx, const struct table *t)
{
    const struct planner *p = ctx;

    return mapping_wants(p->load->config->mapping, t->db, t->name) ? CASCADE_EXACT : CASCADE_AWAY;
}

static void refuse_broken(void *ctx, const struct table *t, const struct table *by)
{
    struct planner *p = ctx;
    struct load_table *table = find_table(p->load, t);
    struct err why = ERR_INIT;

    if (p->failed || !table || table->step == STEP_PRESENT || table->step == STEP_REFUSED)
        return;
    err_reason(&why, ERR_DATA, "cascade_broken",
               "foreign-key cascades reach it through table %.64s.%.64s, which is not copied; copy "
               "that table too, or exclude this one",
               by->db, by->name);
    p->failed = !load_stop_table(p->load, table, p->load->target, &why, p->err);
}

static void set_aside(struct load *l, struct cascade *c, const struct catalog *catalog)
{
    for (size_t i = 0; i < l->n_tables; i++) {
        struct load_table *t = &l->tables[i];
        const struct table *def = catalog_get(catalog, t->db, t->name);

        if (!def || (t->step != STEP_PLAN && t->step != STEP_COPY) || !cascade_may_touch(def))
            continue;
        t->step = STEP_CASCADED;
        t->rank = cascade_rank(c, def);
    }
}

bool load_plan_cascaded(struct load *l, bool alone, struct err *err)
{
    const struct load_config *config = l->config;
    struct queue_reader *reader = NULL;
    struct cascade cascade = {0};
    struct planner p = {l, err, false};

    if (!source_info(l->source)->native_fk)
        return true;
    if (!queue_reader_open(config->queue.dir, config->queue.options, l->lane.lsn, &reader, err))
        return false;
    cascade_bind(&cascade, queue_reader_catalog(reader));
    cascade_breaks_ever(&cascade, standing, refuse_broken, &p);
    if (alone)
        set_aside(l, &cascade, queue_reader_catalog(reader));
    cascade_release(&cascade);
    queue_reader_close(reader);
    return !p.failed;
}

/* ---- one unit: tables of one rank ---- */

struct load_unit {
    struct load *load;
    uint32_t rank;
};

static bool is_of_unit(const struct load_unit *u, const struct load_table *t)
{
    return t->step == STEP_CASCADED && t->rank == u->rank;
}

static bool is_in_unit(void *ctx, const struct table *table)
{
    const struct load_unit *u = ctx;
    const struct load_table *t = find_table(u->load, table);

    return t && is_of_unit(u, t);
}

static bool was_read(const struct load_unit *u, const struct table *table)
{
    const struct load_table *t = find_table(u->load, table);

    return t && t->step == STEP_COPIED && t->rank == u->rank;
}

static bool item_cascades(void *ctx, struct cascade *cascade, const struct queue_item *item)
{
    return item->kind == QUEUE_CHANGE && cascade_is_unlogged(&item->change) &&
           cascade_reaches(cascade, &item->change, is_in_unit, ctx);
}

static bool copy_chunks(struct load *l, struct load_table *t, struct snapshot_view *v,
                        struct err *err)
{
    for (size_t i = 0; i < t->n_chunks; i++) {
        struct chunk_state *chunk = &t->chunks[i];

        if (load_must_stop(err))
            return false;
        chunk->lo = v->lo;
        chunk->hi = v->hi;
        chunk->done = true;
        if (!load_copy_rows(l, t, l->source, l->target, chunk, err))
            return false;
        t->rows += chunk->rows;
        t->done_chunks++;
        l->chunks_done++;
        load_report(l, false);
    }
    t->lo = v->lo;
    t->hi = v->hi;
    return true;
}

static bool copy_table(struct load *l, struct load_table *t, struct snapshot_view *v,
                       struct err *err)
{
    enum load_step step = STEP_COPY;
    struct err why;

    l->at_table = t->name;
    if (load_plan_table(l, t, l->source, v, l->target, &step, err) &&
        (step != STEP_COPY || copy_chunks(l, t, v, err))) {
        t->step = step == STEP_COPY ? STEP_COPIED : step;
        return true;
    }
    if (!load_is_table_error(err))
        return false;
    why = *err;
    return load_stop_table(l, t, l->target, &why, err);
}

static bool copy_unit(struct load_unit *u, struct snapshot_view *v, struct err *err)
{
    struct load *l = u->load;

    for (size_t i = 0; i < l->n_tables; i++)
        if (is_of_unit(u, &l->tables[i]) && !copy_table(l, &l->tables[i], v, err))
            return false;
    return true;
}

/* What was read under the view that did not do. */
static void take_back(struct load_unit *u)
{
    for (size_t i = 0; i < u->load->n_tables; i++) {
        struct load_table *t = &u->load->tables[i];

        if (t->step == STEP_COPIED && t->rank == u->rank)
            t->step = STEP_CASCADED;
    }
}

static bool item_defines(void *ctx, struct cascade *cascade, const struct queue_item *item)
{
    (void)cascade;
    for (uint32_t i = 0; item->kind == QUEUE_DDL && i < item->ddl.n_effects; i++) {
        const struct ddl_effect *e = &item->ddl.effects[i];

        if ((e->before && was_read(ctx, e->before)) || (e->after && was_read(ctx, e->after)))
            return true;
    }
    return false;
}

/* Behind the view, whose window is to stay short, a table of the unit may have got its name before
 * it was read: see collapse(). */
static bool check_names(struct load_unit *u, uint64_t lo, bool *touched, struct err *err)
{
    struct load *l = u->load;
    uint64_t now;

    return load_know_now(l, &now, err) &&
           snapshot_window_read(&l->config->queue, lo, now, item_defines, u, touched, err);
}

static bool try_unit(struct load_unit *u, bool *copied, struct err *err)
{
    struct load *l = u->load;
    struct snapshot_view v = {0};
    bool touched = true, ok;
    uint64_t lo;

    ok = snapshot_view_open(l->source, &l->config->queue, &l->lane, &v, err) &&
         snapshot_window_read(&l->config->queue, v.lo, v.hi, item_cascades, u, &touched, err) &&
         (touched || copy_unit(u, &v, err));
    lo = v.lo;
    snapshot_view_close(l->source, &v);
    if (ok && !touched)
        ok = check_names(u, lo, &touched, err);
    *copied = ok && !touched;
    if (!ok && !source_is_blocked(err))
        return false;
    if (!*copied)
        take_back(u);
    return true;
}

static bool load_unit(struct load_unit *u, struct err *err)
{
    struct load *l = u->load;
    uint64_t give_up_us = clock_steady_us() + TRY_FOR_US;
    bool copied = false;

    l->phase = "copy";
    for (unsigned i = 0; i < TRIES_MAX && !copied && clock_steady_us() < give_up_us; i++) {
        if (!try_unit(u, &copied, err))
            return false;
        if (load_must_stop(err))
            return false;
        load_report(l, false);
        if (!copied)
            clock_sleep_us(PAUSE_US * (1 + i % 7)); /* out of step with the writers */
    }
    for (size_t i = 0; i < l->n_tables; i++)
        if (is_of_unit(u, &l->tables[i]))
            load_refuse(l, &l->tables[i],
                        "unlogged foreign-key cascades reached it within every view of it; stop "
                        "the writers of its parents for a moment, then load again");
    return load_collapse_unit(l, err);
}

bool load_copy_cascaded(struct load *l, struct err *err)
{
    for (;;) {
        struct load_unit unit = {l, UINT32_MAX};
        bool any = false;

        for (size_t i = 0; i < l->n_tables; i++) {
            const struct load_table *t = &l->tables[i];

            if (t->step != STEP_CASCADED)
                continue;
            any = true;
            unit.rank = t->rank < unit.rank ? t->rank : unit.rank;
        }
        if (!any)
            return true;
        if (!load_unit(&unit, err))
            return false;
    }
}
