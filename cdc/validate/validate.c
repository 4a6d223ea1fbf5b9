#include "cdc/validate/validate.h"

#include <stdio.h>
#include <stdlib.h>

#include "cdc/snapshot/chunks.h"
#include "cdc/validate/work.h"
#include "schema/base/clock.h"
#include "schema/base/stop.h"
#include "schema/base/xalloc.h"
#include "schema/ddl/ddl.h"

#define WORKERS_DEFAULT 2
#define SLICES_MAX 100000
#define LATER_PAUSE_US 200000

bool validate_must_stop(struct err *err)
{
    if (!stop_requested())
        return false;
    err_set(err, ERR_STOPPED, "validate was asked to stop");
    return true;
}

/* ---- tables ---- */

bool validate_is_chosen(const struct validate_config *c, const char *db, const char *name)
{
    size_t n = strlen(db);

    for (size_t i = 0; i < c->n_only; i++) {
        const char *only = c->only[i];

        if (strncmp(only, db, n) == 0 && only[n] == '.' && strcmp(only + n + 1, name) == 0)
            return true;
    }
    return c->n_only == 0;
}

static struct check_table *find_table(struct validate *v, const struct table_state *s)
{
    for (size_t i = 0; i < v->n_tables; i++) {
        const struct table *t = v->tables[i].table;

        if (strcmp(t->db, s->db) == 0 && strcmp(t->name, s->name) == 0)
            return &v->tables[i];
    }
    return NULL;
}

static const char *life_note(enum table_life life)
{
    switch (life) {
    case TABLE_STOPPED:
        return "not compared: the table is stopped";
    case TABLE_STRICT:
        return "";
    default:
        return "not compared: the table is not loaded yet";
    }
}

static struct table *name_only(const char *db, const char *name)
{
    struct table *table = table_new();

    table->db = arena_strdup(&table->arena, db);
    table->name = arena_strdup(&table->arena, name);
    return table;
}

static struct check_table *append(struct validate *v, struct table *table)
{
    struct check_table *t;

    v->tables = xrealloc(v->tables, (v->n_tables + 1) * sizeof(*v->tables));
    t = &v->tables[v->n_tables++];
    *t = (struct check_table){.table = table, .step = CHECK_PLAN};
    return t;
}

struct check_table *validate_add_missing(struct validate *v, const char *db, const char *name)
{
    struct check_table *t = append(v, name_only(db, name));

    t->definition = xstrdup("");
    t->step = CHECK_DONE;
    return t;
}

static bool add_table(struct validate *v, const struct table_state *s, struct err *err)
{
    struct check_table *t;
    struct table *table;

    if (!s->definition || !s->definition[0])
        table = name_only(s->db, s->name);
    else if (!ddl_parse_table(s->definition, s->db, &table, err))
        return false;
    t = append(v, table);
    t->definition = xstrdup(s->definition ? s->definition : "");
    if (s->life != TABLE_STRICT) {
        snprintf(t->note, sizeof(t->note), "%s", life_note(s->life));
        t->step = CHECK_DONE;
        v->result->tables_skipped++;
        v->result->tables_not_followed++;
    }
    return true;
}

void validate_give_up(struct validate *v, struct check_table *t, const char *note)
{
    snprintf(t->note, sizeof(t->note), "%s", note);
    t->step = CHECK_DONE;
    v->result->tables_skipped++;
}

/* A later slice: a table whose definition is another one now is not compared on. */
static void check_again(struct validate *v, struct check_table *t, const struct table_state *s)
{
    if (t->step == CHECK_DONE)
        return;
    if (s->life != TABLE_STRICT)
        validate_give_up(v, t, life_note(s->life));
    else if (strcmp(t->definition, s->definition ? s->definition : "") != 0)
        validate_give_up(v, t, "not compared to its end: DDL changed it meanwhile");
    else if (t->step == CHECK_LATER)
        t->step = CHECK_PLAN;
}

bool validate_read_tables(struct validate *v, struct err *err)
{
    bool ok = false;
    struct table_state *states = NULL;
    size_t n = 0;

    if (!target_tables_read(v->target, v->config->channel, &states, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct check_table *t;

        if (states[i].life == TABLE_DROPPED || states[i].life == TABLE_OUT ||
            !validate_is_chosen(v->config, states[i].db, states[i].name))
            continue;
        t = find_table(v, &states[i]);
        if (t)
            check_again(v, t, &states[i]);
        else if (v->is_first_slice && !add_table(v, &states[i], err))
            goto done;
    }
    ok = true;
done:
    table_states_free(states, n);
    return ok;
}

static void release_tables(struct validate *v)
{
    for (size_t i = 0; i < v->n_tables; i++) {
        struct check_table *t = &v->tables[i];

        table_free(t->table);
        free(t->definition);
        free(t->columns);
        free(t->given_back);
        arena_release(&t->arena);
        arena_release(&t->touched_arena);
        arena_release(&t->bad_arena);
        map_release(&t->touched);
        map_release(&t->bad);
    }
    free(v->tables);
}

/* ---- work on one table ---- */

static bool cut_table(struct check_worker *w, struct check_table *t, struct err *err)
{
    struct key_bounds bounds;

    if (!chunks_walk(w->source, t->table, VALIDATE_CHUNK_ROWS, &t->arena, &bounds, err))
        return false;
    pool_lock(&w->v->pool);
    t->bounds = bounds.keys;
    t->n_chunks = bounds.n + 1;
    t->step = CHECK_CHUNKS;
    pool_unlock(&w->v->pool);
    return true;
}

static void set_step(struct validate *v, struct check_table *t, enum check_step step)
{
    pool_lock(&v->pool);
    t->step = step;
    pool_unlock(&v->pool);
}

/* Is the table there on both sides, as the state says? *same false: reported or put off. */
static bool check_definition(struct check_worker *w, struct check_table *t, bool *same,
                             struct err *err)
{
    bool ok = false, exists;
    struct table *now = NULL;
    const char *what = NULL;

    *same = false;
    if (!target_table_exists(w->target, t->table->db, t->table->name, &exists, err))
        return false;
    if (!exists) {
        what = "the table is missing on the target";
    } else if (!source_read_table(w->source, t->table->db, t->table->name, &now, err)) {
        if (err->kind != ERR_DATA || strcmp(err->reason, "no_table") != 0)
            goto done;
        what = "the table is missing on the source";
    } else {
        if (!ddl_same_table(now, t->table))
            what = "the definitions differ";
    }
    /* DDL behind the window shows in the definition already; the next slice knows of it. */
    if (what && ++t->tries < VALIDATE_TRIES_MAX) {
        set_step(w->v, t, CHECK_LATER);
    } else if (what && t->has_ddl) {
        pool_lock(&w->v->pool);
        validate_give_up(w->v, t, "not compared: DDL changed it in every view of it");
        pool_unlock(&w->v->pool);
    } else if (what) {
        report_table(w->v, t, what);
        set_step(w->v, t, CHECK_DONE);
    }
    *same = !what;
    ok = true;
done:
    table_free(now);
    return ok;
}

static bool plan_table(struct check_worker *w, struct check_table *t, struct err *err)
{
    bool same;

    if (!check_definition(w, t, &same, err))
        return false;
    if (!same)
        return true;
    free(t->columns);
    t->columns = xcalloc(t->table->n_columns + 1, sizeof(*t->columns));
    target_columns(w->target, t->table, t->columns);
    return t->table->n_row_key ? cut_table(w, t, err) : unkeyed_table(w, t, err);
}

/* ---- workers ---- */

enum work_kind { WORK_NONE, WORK_WAIT, WORK_PLAN, WORK_CHUNK, WORK_TOUCHED };

struct work {
    enum work_kind kind;
    struct check_table *table;
    size_t chunk;
};

static bool take(struct check_table *t, bool is_fresh, struct work *work)
{
    if (t->is_busy) {
        work->kind = WORK_WAIT;
        return false;
    }
    if (t->step == CHECK_PLAN && is_fresh) {
        *work = (struct work){WORK_PLAN, t, 0};
        t->is_busy = true;
        return true;
    }
    if (t->step != CHECK_CHUNKS || t->is_blocked)
        return false;
    if (t->touched.count && !t->touched_taken) {
        t->touched_taken = true;
        *work = (struct work){WORK_TOUCHED, t, 0};
        return true;
    }
    if (t->n_given_back && is_fresh) {
        *work = (struct work){WORK_CHUNK, t, t->given_back[--t->n_given_back]};
        return true;
    }
    if (t->next_chunk == t->n_chunks || !is_fresh)
        return false;
    *work = (struct work){WORK_CHUNK, t, t->next_chunk++};
    return true;
}

static struct work next_work(struct validate *v)
{
    struct work work = {WORK_NONE, NULL, 0};
    bool is_fresh = clock_steady_us() - v->slice_us < VALIDATE_SLICE_US;

    pool_lock(&v->pool);
    for (size_t i = 0; i < v->n_tables && !pool_has_failed(&v->pool); i++) {
        if (take(&v->tables[i], is_fresh, &work))
            break;
    }
    if (work.kind == WORK_WAIT)
        pool_wait(&v->pool);
    pool_unlock(&v->pool);
    return work;
}

/*
 * DDL on the source waits for our views to end, or came in between: the table is read again
 * in the next slice. If the definition is another one then, check_again() says so.
 */
static void put_off(struct validate *v, const struct work *work)
{
    struct check_table *t = work->table;

    if (++t->tries >= VALIDATE_BLOCKED_MAX) {
        validate_give_up(v, t,
                         "not compared to its end: DDL on the source kept it from being read");
        return;
    }
    if (work->kind == WORK_PLAN) {
        t->step = CHECK_LATER;
        return;
    }
    t->given_back = xrealloc(t->given_back, (t->n_given_back + 1) * sizeof(*t->given_back));
    t->given_back[t->n_given_back++] = work->chunk;
    t->is_blocked = true;
}

static bool do_work(struct check_worker *w, const struct work *work, struct err *err)
{
    struct check_table *t = work->table;
    struct validate *v = w->v;
    bool ok;

    if (work->kind == WORK_PLAN)
        ok = plan_table(w, t, err);
    else if (work->kind == WORK_TOUCHED)
        ok = keyed_touched(w, t, err);
    else
        ok = keyed_chunk(w, t, work->chunk, err);
    pool_lock(&v->pool);
    if (!ok && source_is_blocked(err)) {
        put_off(v, work);
        w->is_blocked = ok = true;
    } else if (work->kind == WORK_CHUNK) {
        t->done_chunks++;
    }
    if (work->kind == WORK_PLAN)
        t->is_busy = false;
    pool_wake(&v->pool);
    pool_unlock(&v->pool);
    if (!ok)
        err_context(err, "compare %s.%s", t->table->db, t->table->name);
    return ok;
}

static bool check_on(struct check_worker *w, struct err *err)
{
    while (!w->is_blocked) {
        struct work work = next_work(w->v);

        if (validate_must_stop(err))
            return false;
        if (work.kind == WORK_NONE)
            return true;
        if (work.kind != WORK_WAIT && !do_work(w, &work, err))
            return false;
    }
    return true;
}

static bool check_work(void *ctx, uint32_t worker, struct err *err)
{
    struct validate *v = ctx;
    struct check_worker *w = &v->workers[worker];
    bool ok = check_on(w, err);

    /* Others may wait for DDL that waits for this view. */
    snapshot_view_close(w->source, &w->view);
    return ok;
}

static bool run_workers(struct validate *v, struct err *err)
{
    const struct pool_job job = {.work = check_work, .ctx = v};

    return pool_run(&v->pool, v->n_workers, &job, err);
}

/* ---- slices ---- */

static bool finish_slice(struct validate *v, bool *later)
{
    bool left = false;

    *later = false;
    for (size_t i = 0; i < v->n_tables; i++) {
        struct check_table *t = &v->tables[i];

        if (t->step == CHECK_CHUNKS && t->done_chunks == t->n_chunks)
            t->step = CHECK_DONE;
        if (t->step == CHECK_DONE) {
            report_done(v, t);
            continue;
        }
        left = true;
        *later |= t->step == CHECK_LATER || t->is_blocked;
    }
    return left;
}

static bool run_slices(struct validate *v, struct err *err)
{
    for (unsigned i = 0; i < SLICES_MAX; i++) {
        bool ok, later;

        v->is_first_slice = i == 0;
        ok = slice_open(v, err) && run_workers(v, err);
        slice_close(v);
        if (!ok)
            return false;
        if (!finish_slice(v, &later))
            return true;
        if (later)
            clock_sleep_us(LATER_PAUSE_US);
        if (validate_must_stop(err))
            return false;
    }
    err_set(err, ERR_DATA, "the comparison does not come to an end");
    return false;
}

static bool open_all(struct validate *v, struct err *err)
{
    const struct validate_config *c = v->config;

    if (c->mode == VALIDATE_FROZEN && !c->lane) {
        err_set(err, ERR_CONFIG, "a frozen comparison needs the lane");
        return false;
    }
    if (c->repair && c->mode != VALIDATE_FROZEN) {
        err_set(err, ERR_CONFIG, "repair needs the lane; use it with the frozen mode");
        return false;
    }
    if (!target_enter(c->target, &v->target, err))
        return false;
    for (uint32_t i = 0; i < v->n_workers; i++) {
        struct check_worker *w = &v->workers[i];

        w->v = v;
        w->is_blocked = false;
        if (!source_connect(c->source, &w->source, err) || !source_bound_waits(w->source, err) ||
            !target_enter(c->target, &w->target, err))
            return false;
    }
    return true;
}

static void close_all(struct validate *v)
{
    for (uint32_t i = 0; i < v->n_workers; i++) {
        source_close(v->workers[i].source);
        target_close(v->workers[i].target);
    }
    target_close(v->target);
    release_tables(v);
    wanted_release(v);
    pool_release(&v->pool);
}

bool validate_run(const struct validate_config *config, struct validate_result *result,
                  struct err *err)
{
    bool ok;
    struct validate *v = xcalloc(1, sizeof(*v));

    *result = (struct validate_result){0};
    v->config = config;
    v->result = result;
    v->n_workers = config->workers ? config->workers : WORKERS_DEFAULT;
    if (v->n_workers > VALIDATE_WORKERS_MAX)
        v->n_workers = VALIDATE_WORKERS_MAX;
    pool_init(&v->pool);
    ok = open_all(v, err) && wanted_list(v, err) && run_slices(v, err) &&
         (!config->repair || !result->differences || repair_all(v, err));
    slice_release_lane(v);
    close_all(v);
    free(v);
    if (ok)
        *err = ERR_INIT;
    return ok;
}
