#include "cdc/load/load.h"

#include <stdio.h>
#include <stdlib.h>

#include "cdc/load/work.h"
#include "cdc/queue/queue.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/stop.h"
#include "schema/base/xalloc.h"

#define PROGRESS_EVERY_US 200000
#define RETRY_MAX_US ((uint64_t)300 * 1000 * 1000)
#define RETRY_FIRST_US 500000
#define RETRY_PAUSE_MAX_US 10000000
#define GOOD_AFTER_US 60000000 /* an attempt that lived this long was a good one */
#define ATTEMPTS_MAX 200       /* of those, without a chunk done in between */
#define ROUND_PAUSE_US 200000

bool load_must_stop(struct err *err)
{
    if (!stop_requested())
        return false;
    err_set(err, ERR_STOPPED, "load was asked to stop");
    return true;
}

/* ---- progress ---- */

/* Rows per second over the samples kept: some six seconds. */
static double rate_now(struct load *l, uint64_t now_us)
{
    unsigned max = sizeof(l->samples) / sizeof(l->samples[0]);
    uint64_t span_us;

    if (l->n_samples == max) {
        memmove(&l->samples[0], &l->samples[1], (max - 1) * sizeof(l->samples[0]));
        l->n_samples--;
    }
    l->samples[l->n_samples].at_us = now_us;
    l->samples[l->n_samples++].rows = l->rows;
    span_us = now_us - l->samples[0].at_us;
    if (!span_us || l->rows < l->samples[0].rows)
        return 0;
    return (double)(l->rows - l->samples[0].rows) * 1e6 / (double)span_us;
}

/* What is left by the source's statistics, added to what is done for certain. */
static void count_tables(const struct load *l, struct load_progress *p)
{
    p->rows_estimate = l->rows;
    for (size_t i = 0; i < l->n_tables; i++) {
        const struct load_table *t = &l->tables[i];
        uint64_t done;

        if (t->step == STEP_GONE || t->step == STEP_FORGOTTEN || t->step == STEP_REFUSED)
            continue;
        p->tables++;
        p->tables_done += t->step == STEP_PRESENT || t->step == STEP_LOADED;
        if (!t->is_busy && t->step != STEP_PLAN && t->step != STEP_UNKEYED &&
            t->step != STEP_COPY && t->step != STEP_CASCADED)
            continue;
        /* An interrupted load's chunks count too. */
        done = t->copied > t->rows ? t->copied : t->rows;
        p->rows_estimate += t->rows_estimate > done ? t->rows_estimate - done : 0;
    }
}

void load_report(struct load *l, bool now)
{
    const struct load_config *c = l->config;
    uint64_t now_us = clock_steady_us();
    struct load_progress p = {0};

    if (!c->progress || (!now && now_us - l->progress_us < PROGRESS_EVERY_US))
        return;
    l->progress_us = now_us;
    pool_lock(&l->pool);
    p.phase = l->phase;
    p.rows = l->rows;
    p.bytes = l->bytes;
    p.table = l->at_table;
    p.rows_per_s = rate_now(l, now_us);
    count_tables(l, &p);
    pool_unlock(&l->pool);
    if (l->n_tables)
        l->tables_total = p.tables;
    else if (strcmp(l->phase, "done") == 0)
        p.tables = p.tables_done = l->tables_total;
    if (strcmp(l->phase, "copy") == 0 && p.rows_per_s >= 1)
        p.eta_s = (uint64_t)((double)(p.rows_estimate - p.rows) / p.rows_per_s) + 1;
    c->progress(c->progress_ctx, &p);
}

void load_report_ctx(void *load)
{
    load_report(load, false);
}

uint32_t load_workers(const struct load *l, size_t pieces)
{
    uint32_t n = l->config->workers ? l->config->workers : LOAD_WORKERS_DEFAULT;

    n = n > POOL_WORKERS_MAX ? POOL_WORKERS_MAX : n;
    return pieces < n ? (uint32_t)pieces : n;
}

/* ---- states ---- */

/* Returns false when the table was in the map already. */
static bool remember(struct map *names, const struct load_table *t)
{
    bool is_new;
    struct buf key = BUF_INIT;

    is_new = !map_put(names, table_name_key(&key, t->db, t->name), names);
    buf_release(&key);
    return is_new;
}

static bool is_in(const struct map *names, const struct load_table *t)
{
    bool found;
    struct buf key = BUF_INIT;

    found = map_get(names, table_name_key(&key, t->db, t->name)) != NULL;
    buf_release(&key);
    return found;
}

void load_refuse(struct load *l, struct load_table *t, const char *why)
{
    pool_lock(&l->pool);
    t->step = STEP_REFUSED;
    if (remember(&l->refused, t))
        notes_add(&l->result->refused, "%s.%s: %s", t->db, t->name, why);
    pool_unlock(&l->pool);
}

void load_note_loaded(struct load *l, struct load_table *t)
{
    pool_lock(&l->pool);
    t->step = STEP_LOADED;
    if (remember(&l->loaded, t))
        l->result->tables_loaded++;
    pool_unlock(&l->pool);
}

/* What happens outside the transition table stops the table here, whatever was meant. */
static bool take_step(struct load *l, struct load_table *t, enum life_event event)
{
    bool ok;

    pool_lock(&l->pool);
    ok = life_next(&t->life, event);
    if (!ok)
        t->life = TABLE_STOPPED;
    pool_unlock(&l->pool);
    return ok;
}

bool load_move(struct load *l, struct target *target, struct load_table *t, enum life_event event,
               const char *reason, struct err *err)
{
    bool ok;
    enum table_life was = t->life;
    bool can = take_step(l, t, event);
    struct table_state *s = xcalloc(1, sizeof(*s));

    snprintf(s->db, sizeof(s->db), "%s", t->db);
    snprintf(s->name, sizeof(s->name), "%s", t->name);
    snprintf(s->reason, sizeof(s->reason), "%.500s", can ? reason : "its state went astray");
    s->life = t->life;
    if (s->life == TABLE_COLLAPSE || s->life == TABLE_STRICT) {
        s->lo = t->lo;
        s->hi = t->hi;
        s->rows = t->rows;
    }
    s->definition = t->definition ? t->definition : t->made;
    ok = target_table_save(target, s, err);
    free(s);
    if (ok && !can) {
        err_reason(err, ERR_DATA, "life", "it was %s when it was %s: this cannot be",
                   life_name(was), life_event_name(event));
        return false;
    }
    return ok;
}

bool load_enter(struct load *l, struct target **target, struct err *err)
{
    const struct snapshot_lane *lane = l->config->lane;

    if (!target_enter(l->config->target, target, err))
        return false;
    lane->join(lane->ctx, *target);
    return true;
}

/* It may have taken the target over anew, and left what joined it before behind. */
static void note_lane(struct load *l)
{
    const struct snapshot_lane *lane = l->config->lane;

    lane->place(lane->ctx, &l->lane);
    lane->join(lane->ctx, l->target);
}

bool load_run_lane(struct load *l, uint64_t until, struct err *err)
{
    const struct snapshot_lane *lane = l->config->lane;
    bool ok = lane->run(lane->ctx, until, err);

    note_lane(l);
    return ok;
}

/*
 * Tables dropped on the source before their load was over leave nothing behind. What has the name
 * on the target is left alone where nothing of it came from us. Before the lane goes on: it may
 * come to another table of that name.
 */
static bool drop_gone(struct load *l, struct err *err)
{
    for (size_t i = 0; i < l->n_tables; i++) {
        struct load_table *t = &l->tables[i];

        if (t->step != STEP_GONE)
            continue;
        /* Another owner may meet what is half done. */
        if (t->life != TABLE_WAIT &&
            !load_move(l, l->target, t, LIFE_CHANGED, "the source has it no more", err))
            return false;
        if (!t->is_unmade && !target_drop_table(l->target, t->db, t->name, err))
            return false;
        if (!target_table_forget(l->target, t->db, t->name, err))
            return false;
        t->step = STEP_FORGOTTEN;
    }
    return true;
}

bool load_reload_lane(struct load *l, struct err *err)
{
    const struct snapshot_lane *lane = l->config->lane;
    bool ok = drop_gone(l, err) && lane->reload(lane->ctx, err);

    note_lane(l);
    return ok;
}

/* A definition change that a former lane left half done is finished before anybody asks whose a
 * table of the target is. */
static bool settle_lane(struct load *l, struct err *err)
{
    const struct snapshot_lane *lane = l->config->lane;

    return load_reload_lane(l, err) && lane->settle(lane->ctx, err);
}

/* ---- rounds ---- */

bool load_know_now(struct load *l, uint64_t *lsn, struct err *err)
{
    struct snapshot_view now;
    bool ok = snapshot_view_open(l->source, &l->config->queue, &l->lane, &now, err);

    *lsn = now.hi;
    snapshot_view_close(l->source, &now);
    return ok;
}

/* Until `now` of the source, or further. */
static bool collapse_until(struct load *l, uint64_t now, struct err *err)
{
    uint64_t hi = now;
    bool any = false;

    for (size_t i = 0; i < l->n_tables; i++) {
        const struct load_table *t = &l->tables[i];

        if (t->step != STEP_COPIED)
            continue;
        any = true;
        hi = t->hi > hi ? t->hi : hi;
    }
    if (!any)
        return true;
    /* A lane that died in the middle of a former collapse may stand behind these views. */
    hi = hi < l->lane.lsn ? l->lane.lsn : hi;
    l->phase = "collapse";
    load_report(l, true);
    for (size_t i = 0; i < l->n_tables; i++) {
        struct load_table *t = &l->tables[i];

        if (t->step != STEP_COPIED)
            continue;
        t->hi = hi;
        if (!load_move(l, l->target, t, LIFE_COPIED, "", err))
            return false;
    }
    return load_reload_lane(l, err) && load_run_lane(l, hi, err) && load_add_keys(l, err);
}

bool load_collapse_unit(struct load *l, struct err *err)
{
    return collapse_until(l, 0, err);
}

/*
 * A view shows a table that was renamed behind it, before its first read, under the new name: a
 * swap of two tables then gives each the other's rows. The window goes on to where such a change
 * must be in it, and the lane sends the table back.
 */
static bool collapse(struct load *l, struct err *err)
{
    uint64_t now;

    for (size_t i = 0; i < l->n_tables; i++)
        if (l->tables[i].step == STEP_COPIED)
            return load_know_now(l, &now, err) && collapse_until(l, now, err);
    return true;
}

/* What was copied by another definition is worth nothing. The lane does not come to that DDL
 * as long as nothing else is to be collapsed, so the state is not left to it. */
static bool forget_changed(struct load *l, struct err *err)
{
    for (size_t i = 0; i < l->n_tables; i++) {
        struct load_table *t = &l->tables[i];

        if (t->step != STEP_CHANGED)
            continue;
        if (!load_move(l, l->target, t, LIFE_CHANGED, "its definition changed during the load",
                       err))
            return false;
        t->step = STEP_AGAIN;
    }
    return true;
}

static bool list_tables(struct load *l, struct err *err)
{
    note_lane(l);
    if (!load_list_tables(l, err))
        return false;
    for (size_t i = 0; i < l->n_tables; i++) {
        if (is_in(&l->refused, &l->tables[i]))
            l->tables[i].step = STEP_REFUSED;
    }
    return true;
}

static bool is_left(const struct load_table *t)
{
    return t->step != STEP_PRESENT && t->step != STEP_LOADED && t->step != STEP_REFUSED &&
           t->step != STEP_GONE && t->step != STEP_FORGOTTEN;
}

static size_t count_left(const struct load *l, bool only_known)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n_tables; i++)
        n += is_left(&l->tables[i]) && (!only_known || l->tables[i].is_known);
    return n;
}

static bool run_round(struct load *l, unsigned round, struct err *err)
{
    l->phase = "plan";
    if (!list_tables(l, err) || !load_prepare_target(l, err))
        return false;
    load_report(l, true);
    if (!load_plan_cascaded(l, round > 0, err) || !load_copy(l, err) || !forget_changed(l, err) ||
        !collapse(l, err) || !load_copy_cascaded(l, err))
        return false;
    for (size_t i = 0; i < l->n_tables; i++) {
        struct load_table *t = &l->tables[i];

        if (t->step == STEP_UNKEYED && !load_copy_unkeyed(l, t, err))
            return false;
    }
    return load_reload_lane(l, err);
}

/*
 * Where the lane stands now: every table is strict there. The lane is not run further, so
 * that load again is a no-op and replicate may stop exactly where it was asked to.
 */
static bool report_place(struct load *l, struct err *err)
{
    const struct load_config *c = l->config;
    struct queue_identity id;
    struct queue_end end;

    note_lane(l);
    l->result->lsn = l->lane.lsn;
    l->result->gtid = l->lane.gtid;
    l->result->position = l->lane.position;
    if (l->result->lsn)
        return true;
    /* No transaction came since the queue was made: its start is the place. */
    if (!queue_read_end(c->queue.dir, c->queue.options, &id, &end, err))
        return false;
    l->result->position = end.seen;
    return true;
}

static bool run_rounds(struct load *l, struct err *err)
{
    for (unsigned round = 0; round < LOAD_ROUNDS_MAX; round++) {
        if (round)
            clock_sleep_us(ROUND_PAUSE_US);
        if (load_must_stop(err))
            return false;
        if (!run_round(l, round, err))
            return false;
        if (count_left(l, false))
            continue;
        if (!load_add_foreign_keys(l, err) || !load_add_views(l, err) ||
            !load_list_waiting(l, err) || !report_place(l, err))
            return false;
        /* DDL on the way to that end may have sent tables back. New ones come by the lane. */
        if (!list_tables(l, err) || !load_reload_lane(l, err))
            return false;
        if (!count_left(l, true))
            return true;
    }
    for (size_t i = 0; i < l->n_tables; i++) {
        struct load_table *t = &l->tables[i];

        if (t->step == STEP_AGAIN || (is_left(t) && t->is_known))
            load_refuse(l, t,
                        "its definition changed during each of the load's rounds; load it"
                        " again when no DDL runs on it");
    }
    return report_place(l, err);
}

static bool attempt(struct load *l, struct err *err)
{
    bool ok = false;

    l->n_samples = 0;
    if (!source_connect(l->config->source, &l->source, err) ||
        !source_bound_waits(l->source, err) || !load_enter(l, &l->target, err) ||
        !settle_lane(l, err))
        goto done;
    ok = run_rounds(l, err);
    for (size_t i = 0; ok && i < l->n_tables; i++) {
        const struct load_table *t = &l->tables[i];

        l->result->tables_present += t->step == STEP_PRESENT && !is_in(&l->loaded, t);
    }
done:
    load_tables_release(l);
    source_close(l->source);
    target_close(l->target);
    l->source = NULL;
    l->target = NULL;
    return ok;
}

/* Again and again while connections break, as long as chunks get done in between. */
static bool attempts(struct load *l, struct err *err)
{
    uint64_t since_us = clock_steady_us(), begun_us = since_us, done = 0;
    uint64_t pause_us = RETRY_FIRST_US;
    unsigned good = 0;

    while (!attempt(l, err)) {
        uint64_t now_us = clock_steady_us();

        if (err->kind != ERR_RETRY)
            return false;
        if (l->chunks_done > done)
            good = 0;
        /* Windows and keys take long too, and no chunk gets done in them. */
        if (l->chunks_done > done ||
            (now_us - begun_us >= GOOD_AFTER_US && ++good <= ATTEMPTS_MAX)) {
            done = l->chunks_done;
            since_us = now_us;
            pause_us = RETRY_FIRST_US;
        }
        if (now_us - since_us > RETRY_MAX_US)
            return false;
        log_warn("load", "interrupted, goes on soon: %s", err->text);
        clock_sleep_us(pause_us);
        pause_us = pause_us * 2 > RETRY_PAUSE_MAX_US ? RETRY_PAUSE_MAX_US : pause_us * 2;
        if (load_must_stop(err))
            return false;
        begun_us = clock_steady_us();
    }
    return true;
}

bool load_run(const struct load_config *config, struct load_result *result, struct err *err)
{
    bool ok;
    struct load l = {.config = config, .result = result, .phase = "plan"};

    *result = (struct load_result){0};
    pool_init(&l.pool);
    ok = attempts(&l, err);
    result->rows = l.rows;
    result->bytes = l.bytes;
    if (ok && result->refused.n) {
        err_reason(err, ERR_REFUSED, "refused", "%zu tables could not be loaded",
                   result->refused.n);
        ok = false;
    }
    if (ok) {
        *err = ERR_INIT;
        l.phase = "done";
        load_report(&l, true);
    }
    map_release(&l.refused);
    map_release(&l.loaded);
    pool_release(&l.pool);
    return ok;
}

void load_result_release(struct load_result *result)
{
    notes_release(&result->notes);
    notes_release(&result->waiting);
    notes_release(&result->refused);
    *result = (struct load_result){0};
}
