#include <stdlib.h>

#include "cdc/load/work.h"
#include "cdc/snapshot/chunks.h"
#include "schema/base/clock.h"
#include "schema/base/stop.h"
#include "schema/base/xalloc.h"
#include "schema/ddl/ddl.h"

#define VIEW_MAX_AGE_DEFAULT_US ((uint64_t)15 * 60 * 1000 * 1000)
/* A view holds metadata locks on what it has read; one that goes on to another table and is
 * older than this is renewed, so that DDL on the source does not wait for the whole load. */
#define VIEW_SWITCH_AGE_US ((uint64_t)10 * 1000 * 1000)
#define TABLE_CHANGED_TRIES 20
#define ROWS_REPORT 1000

struct worker {
    struct load *load;
    struct source *source;
    struct target *target;
    struct snapshot_view view;
    const struct load_table *checked; /* definition compared inside this view */
};

struct work {
    struct load_table *table;
    struct chunk_state *chunk; /* NULL: plan the table */
};

/* ---- rows of one chunk ---- */

struct row_copy {
    struct load *load;
    struct load_table *table;
    struct target *target;
    uint32_t n_columns;
    uint64_t rows, bytes;
    uint64_t unreported_rows, unreported_bytes;
};

static uint64_t row_bytes(const struct value *row, uint32_t n)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < n; i++) {
        switch (row[i].kind) {
        case VALUE_DECIMAL:
        case VALUE_TEMPORAL:
        case VALUE_TEXT:
        case VALUE_BYTES:
        case VALUE_JSON:
            bytes += row[i].b.len;
            break;
        case VALUE_NULL:
        case VALUE_ABSENT:
            break;
        default:
            bytes += 8;
        }
    }
    return bytes;
}

static void report_rows(struct row_copy *copy)
{
    struct load *l = copy->load;

    pool_lock(&l->pool);
    l->rows += copy->unreported_rows;
    l->bytes += copy->unreported_bytes;
    copy->table->copied += copy->unreported_rows;
    pool_unlock(&l->pool);
    copy->unreported_rows = copy->unreported_bytes = 0;
}

static bool has_failed(struct load *l)
{
    bool failed;

    pool_lock(&l->pool);
    failed = pool_has_failed(&l->pool);
    pool_unlock(&l->pool);
    return failed;
}

static bool copy_row(void *ctx, const struct value *row, struct err *err)
{
    struct row_copy *copy = ctx;

    uint64_t bytes = row_bytes(row, copy->n_columns);

    if (!target_load_row(copy->target, row, err))
        return false;
    copy->rows++;
    copy->bytes += bytes;
    copy->unreported_rows++;
    copy->unreported_bytes += bytes;
    if (copy->unreported_rows < ROWS_REPORT)
        return true;
    report_rows(copy);
    pool_report(&copy->load->pool);
    if (stop_requested() || has_failed(copy->load)) {
        err_set(err, ERR_STOPPED, "load was asked to stop");
        return false;
    }
    return true;
}

/* Rows that were rolled back were not copied. */
static void take_back(struct row_copy *copy)
{
    struct load *l = copy->load;

    pool_lock(&l->pool);
    l->rows -= copy->rows - copy->unreported_rows;
    copy->table->copied -= copy->rows - copy->unreported_rows;
    l->bytes -= copy->bytes - copy->unreported_bytes;
    pool_unlock(&l->pool);
}

static bool chunk_range(const struct table *t, const struct chunk_state *chunk, struct arena *arena,
                        struct selection *range, struct err *err)
{
    if ((!chunk->low || key_text_parse(chunk->low, t, arena, &range->low)) &&
        (!chunk->high || key_text_parse(chunk->high, t, arena, &range->high)))
        return true;
    err_set(err, ERR_DATA, "chunk bound of %s.%s does not fit its row key", t->db, t->name);
    return false;
}

bool load_copy_rows(struct load *l, struct load_table *t, struct source *s, struct target *target,
                    struct chunk_state *chunk, struct err *err)
{
    bool ok = false, begun = false;
    struct arena arena = {0};
    struct selection range = {0};
    struct row_copy copy = {
        .load = l, .table = t, .target = target, .n_columns = t->table->n_columns};

    if (chunk && !chunk_range(t->table, chunk, &arena, &range, err))
        goto done;
    if (!target_load_begin(target, t->table, err))
        goto done;
    begun = true;
    if (!source_read_rows(s, t->table, &range, t->table->n_row_key > 0, 0, copy_row, &copy, err))
        goto done;
    if (chunk)
        chunk->rows = copy.rows;
    if (!target_load_end(target, chunk, err))
        goto done;
    begun = false;
    report_rows(&copy);
    if (!chunk) /* else finish_work() adds them, under the lock */
        t->rows += copy.rows;
    ok = true;
done:
    if (begun)
        target_load_abort(target);
    if (!ok)
        take_back(&copy);
    arena_release(&arena);
    return ok;
}

/* ---- one worker ---- */

bool load_is_table_error(const struct err *err)
{
    return err->kind == ERR_DATA && strcmp(err->reason, "fenced") != 0 &&
           strncmp(err->reason, "queue", 5) != 0 && strcmp(err->reason, "diverged") != 0;
}

static bool ready_view(struct worker *w, const struct load_table *next, struct err *err)
{
    const struct load_config *c = w->load->config;
    uint64_t max_us = c->view_max_age_us ? c->view_max_age_us : VIEW_MAX_AGE_DEFAULT_US;

    if (w->checked && w->checked != next && max_us > VIEW_SWITCH_AGE_US)
        max_us = VIEW_SWITCH_AGE_US;
    if (w->view.is_open && clock_steady_us() - w->view.opened_us < max_us)
        return true;
    snapshot_view_close(w->source, &w->view);
    w->checked = NULL;
    return snapshot_view_open(w->source, &c->queue, &w->load->lane, &w->view, err);
}

/* Is the table still what its chunks were planned for? *step says what it is else. */
static bool check_definition(struct worker *w, const struct load_table *t, enum load_step *step,
                             struct err *err)
{
    bool ok = false;
    struct table *now = NULL;

    *step = STEP_COPY;
    if (w->checked == t)
        return true;
    if (!source_read_table(w->source, t->db, t->name, &now, err)) {
        if (err->kind == ERR_DATA && strcmp(err->reason, "no_table") == 0) {
            *step = STEP_GONE;
            ok = true;
        }
        goto done;
    }
    if (!snapshot_view_check(&w->view, now, err))
        goto done;
    if (!ddl_same_table(now, t->table))
        *step = STEP_CHANGED;
    w->checked = t;
    ok = true;
done:
    table_free(now);
    return ok;
}

static bool copy_chunk(struct worker *w, struct work *work, enum load_step *step, struct err *err)
{
    struct chunk_state *chunk = work->chunk;

    if (!check_definition(w, work->table, step, err))
        return false;
    if (*step != STEP_COPY)
        return true;
    chunk->lo = w->view.lo;
    chunk->hi = w->view.hi;
    chunk->done = true;
    if (load_copy_rows(w->load, work->table, w->source, w->target, chunk, err))
        return true;
    chunk->done = false;
    return false;
}

static bool do_work(struct worker *w, struct work *work, enum load_step *step, struct err *err)
{
    for (unsigned tries = 0; tries < TABLE_CHANGED_TRIES; tries++) {
        bool ok;

        if (!ready_view(w, work->table, err))
            return false;
        if (work->chunk) {
            ok = copy_chunk(w, work, step, err);
        } else {
            ok = load_plan_table(w->load, work->table, w->source, &w->view, w->target, step, err);
            w->checked = ok ? work->table : NULL;
        }
        if (ok || !source_is_blocked(err))
            return ok;
        if (stop_requested())
            return false;
        /* DDL came between the view and the table, or waits for a view of ours to end: only a
         * newer view can read it. */
        snapshot_view_close(w->source, &w->view);
        w->checked = NULL;
    }
    *step = STEP_AGAIN;
    return true;
}

/* The biggest first: what is left at the end should be small. Plans before chunks. */
static bool next_work(struct load *l, struct work *work, bool *wait)
{
    struct load_table *best = NULL;
    uint64_t best_bytes = 0;
    bool best_is_plan = false;

    *wait = false;
    for (size_t i = 0; i < l->n_tables; i++) {
        struct load_table *t = &l->tables[i];
        bool is_plan;
        uint64_t bytes;

        if (t->is_busy) {
            *wait = true;
            continue;
        }
        while (t->step == STEP_COPY && t->next_chunk < t->n_chunks && t->chunks[t->next_chunk].done)
            t->next_chunk++;
        is_plan = t->step == STEP_PLAN;
        if (!is_plan && (t->step != STEP_COPY || t->next_chunk == t->n_chunks))
            continue;
        bytes = t->rows_estimate * t->row_bytes;
        if (!is_plan)
            bytes = bytes / t->n_chunks * (t->n_chunks - t->next_chunk);
        if (!best || is_plan > best_is_plan || (is_plan == best_is_plan && bytes > best_bytes)) {
            best = t;
            best_bytes = bytes;
            best_is_plan = is_plan;
        }
    }
    if (!best)
        return false;
    work->table = best;
    work->chunk = best_is_plan ? NULL : &best->chunks[best->next_chunk++];
    best->is_busy = best_is_plan;
    l->at_table = best->name;
    return true;
}

static void finish_work(struct load *l, const struct work *work, enum load_step step)
{
    struct load_table *t = work->table;

    pool_lock(&l->pool);
    if (!work->chunk) {
        t->is_busy = false;
        t->step = step;
    } else if (step != STEP_COPY) {
        t->step = step;
    } else {
        t->lo = work->chunk->lo < t->lo ? work->chunk->lo : t->lo;
        t->hi = work->chunk->hi > t->hi ? work->chunk->hi : t->hi;
        t->rows += work->chunk->rows;
        t->done_chunks++;
        l->chunks_done++;
        if (t->done_chunks == t->n_chunks && t->step == STEP_COPY)
            t->step = STEP_COPIED;
    }
    pool_wake(&l->pool);
    pool_unlock(&l->pool);
}

bool load_stop_table(struct load *l, struct load_table *t, struct target *target,
                     const struct err *why, struct err *err)
{
    if (!load_move(l, target, t, LIFE_REFUSED, why->text, err))
        return false;
    load_refuse(l, t, why->text);
    return true;
}

static bool refuse_table(struct worker *w, struct work *work, const struct err *why,
                         struct err *err)
{
    if (!load_stop_table(w->load, work->table, w->target, why, err))
        return false;
    pool_lock(&w->load->pool);
    if (!work->chunk)
        work->table->is_busy = false;
    pool_wake(&w->load->pool);
    pool_unlock(&w->load->pool);
    return true;
}

static bool work_on(struct worker *w, struct err *err)
{
    struct load *l = w->load;

    for (;;) {
        struct work work;
        enum load_step step = STEP_COPY;
        bool got, wait = false;

        pool_lock(&l->pool);
        got = !pool_has_failed(&l->pool) && next_work(l, &work, &wait);
        wait = !got && !pool_has_failed(&l->pool) && wait;
        if (wait)
            pool_wait(&l->pool);
        pool_unlock(&l->pool);
        if (load_must_stop(err))
            return false;
        if (wait)
            continue;
        if (!got)
            return true;
        pool_report(&l->pool);
        if (do_work(w, &work, &step, err)) {
            finish_work(l, &work, step);
            continue;
        }
        if (!load_is_table_error(err))
            return false;
        struct err why = *err;
        if (!refuse_table(w, &work, &why, err))
            return false;
    }
}

static bool copy_work(void *ctx, uint32_t worker, struct err *err)
{
    struct worker *w = &((struct worker *)ctx)[worker];
    const struct load_config *c = w->load->config;
    bool ok = source_connect(c->source, &w->source, err) && source_bound_waits(w->source, err) &&
              load_enter(w->load, &w->target, err) && work_on(w, err);

    snapshot_view_close(w->source, &w->view);
    source_close(w->source);
    target_close(w->target);
    return ok;
}

static size_t work_left(const struct load *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n_tables; i++) {
        const struct load_table *t = &l->tables[i];

        if (t->step == STEP_PLAN)
            n++;
        else if (t->step == STEP_COPY)
            n += t->n_chunks - t->done_chunks;
    }
    return n;
}

static void report(void *ctx)
{
    load_report(((struct worker *)ctx)->load, false);
}

bool load_copy(struct load *l, struct err *err)
{
    struct worker workers[POOL_WORKERS_MAX] = {0};
    const struct pool_job job = {copy_work, report, workers};
    uint32_t n = load_workers(l, SIZE_MAX);

    if (!work_left(l))
        return true;
    for (uint32_t i = 0; i < n; i++)
        workers[i].load = l;
    l->phase = "copy";
    return pool_run(&l->pool, n, &job, err);
}
