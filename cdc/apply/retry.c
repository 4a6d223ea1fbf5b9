/*
 * retry.c - what becomes of an error: a new connection, a stopped table, or the end.
 */
#include "cdc/apply/engine.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/stop.h"

#define RETRY_MAX_US ((uint64_t)300 * 1000 * 1000)
#define BACKOFF_FIRST_US ((uint64_t)100 * 1000)
#define BACKOFF_SLICE_US 50000
#define BACKOFF_MAX_US ((uint64_t)10 * 1000 * 1000)

/* It keeps the hi that it had: definition changes up to there are in, and are not taken twice. */
static bool stop_table(struct apply *a, const struct table *table, const struct err *why,
                       struct err *err)
{
    const struct table_state *s = tables_get(&a->tables, table->db, table->name);
    uint64_t hi = s && s->hi > a->lane.lsn ? s->hi : a->lane.lsn;

    if (tables_is_former(&a->tables, table)) {
        log_info("apply", "table %s.%s must be loaded anew: its definition changed in its load",
                 table->db, table->name);
        tables_move(&a->tables, table, LIFE_CHANGED, 0, 0, "its definition changed in its load");
    } else {
        log_error("apply", "table %s.%s stops: %s", table->db, table->name, why->text);
        tables_move(&a->tables, table, LIFE_FAILED, hi, hi, why->text);
    }
    return tables_save(&a->tables, a->target, err);
}

/*
 * A row or a count that one table cannot carry. First the group is tried again row by row, so
 * that the error names its row; then the table stops and the rest goes on from the lane's LSN.
 */
static bool handle_data_error(struct apply *a, const struct table *failed, struct err *err)
{
    struct err why = *err;

    if (strcmp(err->reason, CASCADE_BROKEN_REASON) == 0)
        return tables_save(&a->tables, a->target, err);
    if (!failed || a->config.stop_all_on_stopped_table)
        return false;
    if (!a->one_by_one) {
        a->one_by_one = true;
        return true;
    }
    a->one_by_one = false;
    return stop_table(a, failed, &why, err);
}

struct retry {
    uint64_t since_us; /* steady clock of the first failure in a row, 0 none */
    uint64_t backoff_us;
    uint64_t lsn; /* progress ends the row, and so does having nothing to do */
};

/* A pause is not kept waiting; clock_sleep_us() looks at a stop. */
static void back_off(const struct apply *a, uint64_t us)
{
    uint64_t end = clock_steady_us() + us;

    while (!stop_requested() && !atomic_load(&a->pause) && clock_steady_us() < end)
        clock_sleep_us(BACKOFF_SLICE_US);
}

static bool wait_before_retry(struct apply *a, struct retry *r, struct err *err)
{
    uint64_t now = clock_steady_us();

    if (r->since_us == 0 || r->lsn != a->lane.lsn || a->is_caught_up)
        *r = (struct retry){now, BACKOFF_FIRST_US, a->lane.lsn};
    a->is_caught_up = false;
    /* The target is at work for us, however long that takes. */
    if (strcmp(err->reason, "ddl_running") == 0)
        r->since_us = now;
    if (now - r->since_us > RETRY_MAX_US)
        return false;
    log_warn("apply", "%s; trying again", err->text);
    pthread_mutex_lock(&a->mutex);
    a->stats.retries++;
    pthread_mutex_unlock(&a->mutex);
    back_off(a, r->backoff_us);
    r->backoff_us = r->backoff_us * 2 > BACKOFF_MAX_US ? BACKOFF_MAX_US : r->backoff_us * 2;
    return true;
}

static bool is_stopped(struct apply *a, const struct table *table)
{
    const struct table_state *s = tables_get(&a->tables, table->db, table->name);

    return s && s->life == TABLE_STOPPED;
}

/* True: the loop may go round again. */
static bool recover(struct apply *a, struct retry *r, struct err *err)
{
    const struct table *failed = a->failed;
    bool again = false;
    bool was_stopped = failed && is_stopped(a, failed);

    if (err->kind == ERR_DATA && a->target) {
        /* Its definition lives in the reader's memory: stop it before that goes. */
        target_rollback(a->target);
        again = handle_data_error(a, failed, err);
    }
    lane_drop_work(a);
    /* A table that stopped already should have no rows in the lane: never go round at once. */
    if (again && was_stopped && !wait_before_retry(a, r, err))
        return false;
    while (!again && lane_error_is_retried(err) && wait_before_retry(a, r, err)) {
        if (lane_asked_to_stop(a, err))
            return false;
        again = lane_open_target(a, err);
    }
    return again;
}

bool apply_run(struct apply *a, uint64_t until, struct err *err)
{
    struct retry retry = {0, 0, 0};
    bool ok = false;

    while (!ok) {
        ok = (a->target || lane_open_target(a, err)) && lane_open_reader(a, err) &&
             router_run(a, until, err);
        if (!ok && !recover(a, &retry, err))
            break;
    }
    atomic_store(&a->pause, false);
    return ok;
}
