#include "cdc/apply/apply.h"

#include <stdio.h>
#include <stdlib.h>

#include "cdc/apply/engine.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/stop.h"
#include "schema/base/xalloc.h"

#define GROUP_BYTES_MAX ((size_t)16 << 20) /* of row images; as SQL text about the same */
#define GROUP_TRANSACTIONS_MAX 50000
#define GROUP_AGE_MAX_US ((uint64_t)1000 * 1000)
#define WAIT_MS 100
#define RETRY_MAX_US ((uint64_t)300 * 1000 * 1000)
#define BACKOFF_FIRST_US ((uint64_t)100 * 1000)
#define BACKOFF_MAX_US ((uint64_t)10 * 1000 * 1000)

/* ---- stats ---- */

static void note_committed(struct apply *a, uint64_t target_us)
{
    const struct group *g = &a->group;

    pthread_mutex_lock(&a->mutex);
    a->stats.lsn = a->lane.lsn;
    a->stats.gtid = a->lane.gtid;
    a->stats.position = a->lane.position;
    a->stats.commit_us = a->lane.commit_us;
    a->stats.applied_us = clock_wall_us();
    a->stats.transactions += g->transactions;
    a->stats.groups++;
    a->stats.changes += g->changes;
    a->stats.net_rows += g->net_rows;
    a->stats.cascades += g->cascades;
    a->stats.minus_zero += g->net.minus_zero;
    a->stats.target_us += target_us;
    pthread_mutex_unlock(&a->mutex);
}

static void note_time(struct apply *a, uint64_t *counter, uint64_t since_us)
{
    pthread_mutex_lock(&a->mutex);
    *counter += clock_steady_us() - since_us;
    pthread_mutex_unlock(&a->mutex);
}

static void note_lane(struct apply *a)
{
    pthread_mutex_lock(&a->mutex);
    a->stats.lsn = a->lane.lsn;
    a->stats.gtid = a->lane.gtid;
    a->stats.position = a->lane.position;
    a->stats.commit_us = a->lane.commit_us;
    pthread_mutex_unlock(&a->mutex);
}

void apply_stats_read(struct apply *a, struct apply_stats *out)
{
    pthread_mutex_lock(&a->mutex);
    *out = a->stats;
    pthread_mutex_unlock(&a->mutex);
}

/* ---- group ---- */

static void group_reset(struct group *g)
{
    net_reset(&g->net);
    op_list_reset(&g->ops);
    arena_reset(&g->arena);
    g->net.minus_zero = 0;
    g->transactions = g->changes = g->net_rows = g->cascades = 0;
    g->opened_us = 0;
    g->is_sent = false;
}

static bool group_is_empty(const struct group *g)
{
    return g->transactions == 0 && g->net.rows == 0 && g->ops.n == 0 && !g->is_sent;
}

static void lane_advance(struct apply *a)
{
    a->lane.lsn = a->group.lsn;
    a->lane.gtid = a->group.gtid;
    a->lane.position = a->group.position;
    a->lane.commit_us = a->group.commit_us;
}

static bool send_unit(struct apply *a, const struct unit *unit, struct err *err)
{
    uint64_t lsn;

    if (target_submit(a->target, unit, err) && target_reap(a->target, &lsn, err))
        return true;
    a->failed = target_failed_table(a->target);
    return false;
}

bool apply_flush(struct apply *a, bool ends, struct err *err)
{
    struct group *g = &a->group;
    uint64_t since = clock_steady_us();
    struct unit unit = {
        .prev_lsn = a->lane.lsn, .begins = !g->is_sent, .ends = ends, .one_by_one = a->one_by_one};

    if (group_is_empty(g))
        return true;
    net_flush(&g->net, &g->ops);
    unit.ops = g->ops.ops;
    unit.n_ops = g->ops.n;
    unit.lsn = ends ? g->lsn : a->tx.lsn;
    unit.gtid = g->gtid;
    unit.position = g->position;
    unit.commit_us = g->commit_us;
    if (!send_unit(a, &unit, err))
        return false;
    g->is_sent = true;
    g->net_rows += g->ops.rows;
    op_list_reset(&g->ops);
    arena_reset(&g->arena);
    if (!ends) {
        note_time(a, &a->stats.target_us, since);
        return true;
    }
    lane_advance(a);
    note_committed(a, clock_steady_us() - since);
    group_reset(g);
    a->one_by_one = false;
    return true;
}

static size_t rows_max(const struct apply *a)
{
    return a->config.group_rows_max ? a->config.group_rows_max : TARGET_UNIT_ROWS_MAX;
}

static bool group_is_full(const struct apply *a)
{
    const struct group *g = &a->group;

    return g->net.rows + g->ops.rows >= rows_max(a) || g->arena.used >= GROUP_BYTES_MAX;
}

/* ---- changes ---- */

static bool follows(void *ctx, const struct table *child)
{
    struct apply *a = ctx;

    return tables_mode(&a->tables, child, a->tx.lsn) != TABLES_SKIP;
}

static bool emit(void *ctx, const struct op *op, struct err *err)
{
    struct apply *a = ctx;

    (void)err;
    op_list_add(&a->group.ops, op);
    a->group.cascades++;
    return true;
}

static bool pending(void *ctx, const struct table *child)
{
    struct apply *a = ctx;

    return net_has(&a->group.net, child->db, child->name);
}

struct collect {
    struct arena *arena;
    const struct table *table;
    const struct value **rows;
    size_t n, cap;
};

static bool collect_row(void *ctx, const struct value *row, struct err *err)
{
    struct collect *c = ctx;

    (void)err;
    if (c->n == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 16;
        c->rows = xrealloc(c->rows, c->cap * sizeof(*c->rows));
    }
    c->rows[c->n++] = net_copy_row(c->arena, c->table, row);
    return true;
}

static void put_match(struct buf *where, const struct foreign_key *fk, const struct table *parent,
                      const struct value *image)
{
    for (uint32_t i = 0; i < fk->n_columns; i++) {
        uint32_t c = table_column(parent, fk->ref_columns[i]);

        buf_put_str(where, i ? " AND " : "");
        sql_put_name(where, fk->columns[i]);
        buf_put_str(where, " = ");
        sql_put_value(where, &parent->columns[c], &image[c], SQL_MARIADB);
    }
}

/*
 * The rows of the cascade so far are in the arena, so it must not be reset here: the
 * operations are sent, the memory stays until the group's next flush.
 */
static bool send_for_reading(struct apply *a, struct err *err)
{
    struct group *g = &a->group;
    struct unit unit = {.prev_lsn = a->lane.lsn,
                        .lsn = a->tx.lsn,
                        .begins = !g->is_sent,
                        .one_by_one = a->one_by_one};

    net_flush(&g->net, &g->ops);
    if (g->is_sent && g->ops.n == 0)
        return true;
    unit.ops = g->ops.ops;
    unit.n_ops = g->ops.n;
    if (!send_unit(a, &unit, err))
        return false;
    g->is_sent = true;
    g->net_rows += g->ops.rows;
    op_list_reset(&g->ops);
    return true;
}

static bool read_children(void *ctx, const struct table *child, const struct foreign_key *fk,
                          const struct table *parent, const struct value *image,
                          const struct value ***rows, size_t *n, struct err *err)
{
    struct apply *a = ctx;
    struct collect c = {&a->group.arena, child, NULL, 0, 0};
    struct buf where = BUF_INIT;
    bool ok;

    put_match(&where, fk, parent, image);
    ok = send_for_reading(a, err) && target_read_rows(a->target, child, buf_cstr(&where), false,
                                                      CASCADE_ROWS_MAX + 1, collect_row, &c, err);
    if (ok && c.n > CASCADE_ROWS_MAX) {
        err_reason(err, ERR_DATA, "cascade_rows",
                   "one row cascades to more than %d rows of table %s.%s", CASCADE_ROWS_MAX,
                   child->db, child->name);
        ok = false;
    }
    *rows = arena_alloc(&a->group.arena, (c.n + 1) * sizeof(**rows));
    if (c.n)
        memcpy(*rows, c.rows, c.n * sizeof(**rows));
    *n = c.n;
    free(c.rows);
    buf_release(&where);
    return ok;
}

static bool may_cascade(struct apply *a, const struct cascade_env *env, const struct table *t)
{
    static char yes, no;
    void **slot = map_slot(&a->cascading, bytes_of(&t, sizeof(t)));

    if (!*slot)
        *slot = cascade_possible(env, t) ? &yes : &no;
    return *slot == &yes;
}

static bool run_cascade(struct apply *a, const struct cascade_env *env, const struct change *change,
                        struct err *err)
{
    struct change kept = *change;

    /* The operations outlive the queue's item. */
    kept.before = net_copy_row(&a->group.arena, change->table, change->before);
    if (change->after)
        kept.after = net_copy_row(&a->group.arena, change->table, change->after);
    if (cascade_reaches(env, change->table, pending, a))
        net_flush(&a->group.net, &a->group.ops);
    return cascade_run(env, &kept, err);
}

bool apply_change(struct apply *a, const struct change *change, struct err *err)
{
    struct cascade_env env = {.ctx = a,
                              .catalog = queue_reader_catalog(a->reader),
                              .arena = &a->group.arena,
                              .follows = follows,
                              .emit = emit,
                              .read = read_children};
    enum tables_mode mode = tables_mode(&a->tables, change->table, a->tx.lsn);

    /* A parent that is not copied may have children that are. */
    if (mode != TABLES_SKIP) {
        a->tx_changes++;
        a->group.changes++;
        if (!net_add(&a->group.net, change, mode == TABLES_HEAL ? NET_HEAL : NET_STRICT, err)) {
            err_context(err, "lsn %llu", (unsigned long long)a->tx.lsn);
            a->failed = change->table;
            return false;
        }
    }
    if (!may_cascade(a, &env, change->table) || !cascade_applies(&env, change))
        return true;
    a->tx_changes++;
    return run_cascade(a, &env, change, err);
}

/* ---- the loop ---- */

static void end_transaction(struct apply *a, const struct tx_end *end)
{
    struct group *g = &a->group;

    g->transactions++;
    g->lsn = a->tx.lsn;
    g->gtid = a->tx.gtid;
    g->position = end->end;
    g->commit_us = a->tx.commit_us;
    a->in_tx = false;
}

static void begin_transaction(struct apply *a, const struct tx_begin *begin)
{
    a->tx = *begin;
    a->tx_changes = 0;
    a->tx_ddl = 0;
    a->in_tx = true;
    if (!a->group.opened_us)
        a->group.opened_us = clock_steady_us();
}

static bool take_item(struct apply *a, const struct queue_item *item, struct err *err)
{
    switch (item->kind) {
    case QUEUE_BEGIN:
        begin_transaction(a, &item->begin);
        return true;
    case QUEUE_CHANGE:
        if (!apply_change(a, &item->change, err))
            return false;
        return !group_is_full(a) || apply_flush(a, false, err);
    case QUEUE_DDL:
        return apply_ddl(a, &item->ddl, err);
    case QUEUE_END:
        end_transaction(a, &item->end);
        return true;
    }
    return true;
}

/* At a transaction boundary: is it time to commit the group? */
static bool group_is_ready(const struct apply *a, uint64_t until)
{
    const struct group *g = &a->group;

    return g->is_sent || group_is_full(a) || g->lsn >= until ||
           g->transactions >= GROUP_TRANSACTIONS_MAX ||
           (g->transactions && clock_steady_us() - g->opened_us >= GROUP_AGE_MAX_US);
}

static bool asked_to_stop(struct apply *a, struct err *err)
{
    if (atomic_load(&a->pause)) {
        err_reason(err, ERR_STOPPED, "paused", "apply is paused");
        return true;
    }
    if (stop_requested()) {
        err_reason(err, ERR_STOPPED, "", "a stop was requested");
        return true;
    }
    return false;
}

/* How long the next read may wait: a group in hand is not kept waiting. */
static unsigned read_wait_ms(const struct apply *a)
{
    if (a->in_tx || group_is_empty(&a->group))
        return WAIT_MS;
    return a->config.group_delay_us / 1000;
}

static bool read_item(struct apply *a, bool *got, struct queue_item *item, struct err *err)
{
    uint64_t since = clock_steady_us();
    bool ok = queue_read(a->reader, read_wait_ms(a), got, item, err);

    if (ok && !*got)
        note_time(a, &a->stats.wait_us, since);
    return ok;
}

static bool run_boundary(struct apply *a, uint64_t until, bool *done, struct err *err)
{
    struct err stop = ERR_INIT;
    bool stopping = asked_to_stop(a, &stop);

    *done = false;
    if ((stopping || (a->group.transactions && group_is_ready(a, until))) &&
        !apply_flush(a, true, err))
        return false;
    *done = a->lane.lsn >= until;
    if (stopping && !*done) {
        *err = stop;
        return false;
    }
    return true;
}

static bool run(struct apply *a, uint64_t until, struct err *err)
{
    struct queue_item item;
    bool got = false;
    bool done = false;

    a->failed = NULL;
    for (;;) {
        if (!a->in_tx && !run_boundary(a, until, &done, err))
            return false;
        if (done)
            return true;
        /* A long transaction is given up at once when the process is to end. */
        if (a->in_tx && stop_requested() && asked_to_stop(a, err))
            return false;
        if (!read_item(a, &got, &item, err))
            return false;
        if (!got && !a->in_tx) {
            if (!apply_flush(a, true, err) || !target_keep(a->target, err))
                return false;
            a->is_caught_up = true;
        }
        if (got && !take_item(a, &item, err))
            return false;
    }
}

/* ---- connections and errors ---- */

static void drop_work(struct apply *a)
{
    group_reset(&a->group);
    a->in_tx = false;
    map_reset(&a->cascading);
    queue_reader_close(a->reader);
    a->reader = NULL;
    if (a->target)
        target_rollback(a->target);
}

static bool take_over(struct apply *a, struct err *err)
{
    if (!target_take_over(a->target, a->channel, 0, a->queue_uuid, &a->lane, err))
        return false;
    note_lane(a);
    return tables_read(&a->tables, a->target, a->channel, err);
}

static bool open_target(struct apply *a, struct err *err)
{
    target_close(a->target);
    a->target = NULL;
    if (!target_connect(a->config.target, a->config.guard, &a->target, err))
        return false;
    if (target_state_init(a->target, err) && take_over(a, err))
        return true;
    target_close(a->target);
    a->target = NULL;
    return false;
}

static bool open_reader(struct apply *a, struct err *err)
{
    if (a->reader)
        return true;
    return queue_reader_open(a->config.queue_dir, a->config.queue, a->lane.lsn, &a->reader, err);
}

static bool stop_table(struct apply *a, const struct table *table, const struct err *why,
                       struct err *err)
{
    log_error("apply", "table %s.%s stops: %s", table->db, table->name, why->text);
    tables_set(&a->tables, table, TABLE_STOPPED, a->lane.lsn, a->lane.lsn, why->text);
    return tables_save(&a->tables, a->target, a->channel, err);
}

/*
 * A row or a count that one table cannot carry. First the group is tried again row by row, so
 * that the error names its row; then the table stops and the rest goes on from the lane's LSN.
 */
static bool handle_data_error(struct apply *a, const struct table *failed, struct err *err)
{
    struct err why = *err;

    if (!failed || a->config.stop_all_on_stopped_table)
        return false;
    if (!a->one_by_one) {
        a->one_by_one = true;
        return true;
    }
    a->one_by_one = false;
    return stop_table(a, failed, &why, err);
}

/* A new connection gets a new decision of the guard. */
static bool is_retried(const struct err *err)
{
    return err->kind == ERR_RETRY || strcmp(err->reason, "permit_expired") == 0;
}

struct retry {
    uint64_t since_us; /* steady clock of the first failure in a row, 0 none */
    uint64_t backoff_us;
    uint64_t lsn; /* progress ends the row, and so does having nothing to do */
};

static bool wait_before_retry(struct apply *a, struct retry *r, struct err *err)
{
    uint64_t now = clock_steady_us();

    if (r->since_us == 0 || r->lsn != a->lane.lsn || a->is_caught_up)
        *r = (struct retry){now, BACKOFF_FIRST_US, a->lane.lsn};
    a->is_caught_up = false;
    if (now - r->since_us > RETRY_MAX_US)
        return false;
    log_warn("apply", "%s; trying again", err->text);
    pthread_mutex_lock(&a->mutex);
    a->stats.retries++;
    pthread_mutex_unlock(&a->mutex);
    clock_sleep_us(r->backoff_us);
    r->backoff_us = r->backoff_us * 2 > BACKOFF_MAX_US ? BACKOFF_MAX_US : r->backoff_us * 2;
    return true;
}

/* True: the loop may go round again. */
static bool recover(struct apply *a, struct retry *r, struct err *err)
{
    const struct table *failed = a->failed;
    bool again = false;

    if (err->kind == ERR_DATA && a->target) {
        /* Its definition lives in the reader's memory: stop it before that goes. */
        target_rollback(a->target);
        again = handle_data_error(a, failed, err);
    }
    drop_work(a);
    while (!again && is_retried(err) && wait_before_retry(a, r, err)) {
        if (asked_to_stop(a, err))
            return false;
        again = open_target(a, err);
    }
    return again;
}

bool apply_run(struct apply *a, uint64_t until, struct err *err)
{
    struct retry retry = {0, 0, 0};
    bool ok = false;

    while (!ok) {
        ok = (a->target || open_target(a, err)) && open_reader(a, err) && run(a, until, err);
        if (!ok && !recover(a, &retry, err))
            break;
    }
    atomic_store(&a->pause, false);
    return ok;
}

/* ---- life ---- */

bool apply_open(const struct apply_config *config, struct apply **out, struct err *err)
{
    struct apply *a = xcalloc(1, sizeof(*a));
    struct queue_identity id;
    struct queue_end end;

    *out = NULL;
    a->config = *config;
    snprintf(a->channel, sizeof(a->channel), "%s", config->channel);
    pthread_mutex_init(&a->mutex, NULL);
    net_init(&a->group.net, &a->group.arena);
    tables_init(&a->tables);
    if (!queue_read_end(config->queue_dir, config->queue, &id, &end, err))
        goto failed;
    memcpy(a->queue_uuid, id.uuid, sizeof(a->queue_uuid));
    if (!open_target(a, err))
        goto failed;
    *out = a;
    return true;
failed:
    apply_close(a);
    return false;
}

void apply_close(struct apply *a)
{
    if (!a)
        return;
    queue_reader_close(a->reader);
    target_close(a->target);
    net_release(&a->group.net);
    op_list_release(&a->group.ops);
    arena_release(&a->group.arena);
    map_release(&a->cascading);
    tables_release(&a->tables);
    pthread_mutex_destroy(&a->mutex);
    free(a);
}

void apply_pause(struct apply *a)
{
    atomic_store(&a->pause, true);
}

void apply_unpause(struct apply *a)
{
    atomic_store(&a->pause, false);
}

uint64_t apply_lsn(const struct apply *a)
{
    return a->lane.lsn;
}

bool apply_reload_tables(struct apply *a, struct err *err)
{
    /* A lane that stood still while the target went away has not noticed yet. */
    if (!a->target)
        return open_target(a, err);
    if (tables_read(&a->tables, a->target, a->channel, err))
        return true;
    if (is_retried(err)) {
        drop_work(a);
        target_close(a->target);
        a->target = NULL;
    }
    return false;
}

bool apply_repair(struct apply *a, const struct table *table, const struct value *const *keys,
                  size_t n_keys, const struct value *const *rows, size_t n_rows, struct err *err)
{
    bool ok;
    uint32_t *times = xcalloc(n_keys + 1, sizeof(*times));
    struct op ops[2];
    struct unit unit = {.prev_lsn = a->lane.lsn,
                        .lsn = a->lane.lsn,
                        .gtid = a->lane.gtid,
                        .position = a->lane.position,
                        .commit_us = a->lane.commit_us,
                        .ops = ops,
                        .begins = true,
                        .ends = true};
    uint64_t lsn;

    /* Held while it waited for a lost target: where that stands now is not known. */
    if (!a->target) {
        err_reason(err, ERR_RETRY, "no_target", "the lane has lost the target");
        free(times);
        return false;
    }
    for (size_t i = 0; i < n_keys; i++)
        times[i] = 1;
    if (n_keys)
        ops[unit.n_ops++] = (struct op){.kind = table->n_row_key ? OP_HEAL : OP_DELETE_IMAGE,
                                        .table = table,
                                        .rows = keys,
                                        .times = table->n_row_key ? NULL : times,
                                        .n_rows = n_keys};
    if (n_rows)
        ops[unit.n_ops++] =
            (struct op){.kind = OP_INSERT, .table = table, .rows = rows, .n_rows = n_rows};
    ok = target_submit(a->target, &unit, err) && target_reap(a->target, &lsn, err);
    free(times);
    return ok;
}
