#include "cdc/service/status.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/json.h"

static unsigned long long ull(uint64_t v)
{
    return v;
}

static void put_text(struct buf *b, const char *name, const char *value)
{
    json_put_cstr(b, name);
    buf_put_str(b, ":");
    json_put_cstr(b, value);
}

static void put_position(struct buf *b, const struct position *p)
{
    if (!p->file[0])
        return;
    buf_put_str(b, ",");
    put_text(b, "file", p->file);
    buf_putf(b, ",\"offset\":%llu", ull(p->offset));
}

static void put_time(struct buf *b, const char *name, uint64_t us)
{
    char text[32];

    if (!us)
        return;
    clock_format(us, text, sizeof(text));
    buf_put_str(b, ",");
    put_text(b, name, text);
}

static double seconds_since(uint64_t us)
{
    uint64_t now = clock_wall_us();

    return us && now > us ? (double)(now - us) / 1e6 : 0.0;
}

static void put_queue(struct buf *b, const struct config *c, const struct queue_end *end)
{
    char gtid[GTID_TEXT_SIZE];

    gtid_print(&end->gtid, gtid);
    buf_putf(b, ",\"queue\":{\"lsn\":%llu,", ull(end->lsn));
    put_text(b, "gtid", gtid);
    put_position(b, &end->end);
    put_time(b, "source_commit", end->commit_us);
    buf_putf(b, ",\"bytes\":%llu}", ull(queue_bytes(c->queue_dir, &c->queue)));
}

/*
 * Capture is behind while its last event is older than the heartbeat explains; apply is
 * behind while the queue holds transactions that the target does not.
 */
static void put_lag(struct buf *b, const struct queue_end *end, uint64_t applied_lsn,
                    uint64_t applied_commit_us, const struct capture_stats *capture)
{
    uint64_t behind = end->lsn > applied_lsn ? end->lsn - applied_lsn : 0;

    buf_putf(b, ",\"lag\":{\"transactions\":%llu,\"apply_s\":%.3f", ull(behind),
             behind ? seconds_since(applied_commit_us) : 0.0);
    if (capture && capture->event_us)
        buf_putf(b, ",\"source_silent_s\":%.3f", seconds_since(capture->event_us));
    buf_put_str(b, ",");
    put_text(b, "waiting_for",
             capture && capture->queue_full   ? "room in the queue"
             : capture && !capture->connected ? "the source connection"
             : behind                         ? "the target"
                                              : "the source's next transaction");
    buf_put_str(b, "}");
}

static void put_capture(struct buf *b, const struct capture_stats *c)
{
    buf_putf(b,
             ",\"capture\":{\"connected\":%s,\"queue_full\":%s,\"lsn\":%llu,\"events\":%llu,"
             "\"bytes\":%llu,\"transactions\":%llu,\"changes\":%llu,\"reconnects\":%llu",
             c->connected ? "true" : "false", c->queue_full ? "true" : "false", ull(c->lsn),
             ull(c->events), ull(c->bytes), ull(c->transactions), ull(c->changes),
             ull(c->reconnects));
    put_position(b, &c->received);
    put_time(b, "last_event", c->event_us);
    if (c->last_error[0]) {
        buf_put_str(b, ",");
        put_text(b, "last_error", c->last_error);
    }
    buf_put_str(b, "}");
}

static void put_apply(struct buf *b, const struct apply_stats *a)
{
    char gtid[GTID_TEXT_SIZE];

    gtid_print(&a->gtid, gtid);
    buf_putf(b, ",\"apply\":{\"lsn\":%llu,", ull(a->lsn));
    put_text(b, "gtid", gtid);
    put_position(b, &a->position);
    put_time(b, "source_commit", a->commit_us);
    put_time(b, "applied", a->applied_us);
    buf_putf(b,
             ",\"transactions\":%llu,\"groups\":%llu,\"changes\":%llu,\"net_rows\":%llu,"
             "\"ddl\":%llu,\"cascades\":%llu,\"retries\":%llu,\"minus_zero\":%llu,"
             "\"seconds\":{\"waiting\":%.3f,\"reading\":%.3f,\"building\":%.3f,"
             "\"target\":%.3f}}",
             ull(a->transactions), ull(a->groups), ull(a->changes), ull(a->net_rows), ull(a->ddl),
             ull(a->cascades), ull(a->retries), ull(a->minus_zero), (double)a->wait_us / 1e6,
             (double)a->read_us / 1e6, (double)a->build_us / 1e6, (double)a->target_us / 1e6);
}

static void put_tables(struct buf *b, const struct table_state *states, size_t n)
{
    bool mixed = false;

    buf_put_str(b, ",\"tables\":[");
    for (size_t i = 0; i < n; i++) {
        const struct table_state *t = &states[i];

        buf_put_str(b, i ? ",{" : "{");
        put_text(b, "database", t->db);
        buf_put_str(b, ",");
        put_text(b, "table", t->name);
        buf_put_str(b, ",");
        put_text(b, "state", life_name(t->life));
        buf_putf(b, ",\"loaded_rows\":%llu", ull(t->rows));
        if (t->reason[0]) {
            buf_put_str(b, ",");
            put_text(b, "reason", t->reason);
        }
        buf_put_str(b, "}");
        if (t->life != TABLE_STRICT && t->life != TABLE_DROPPED && t->life != TABLE_OUT)
            mixed = true;
    }
    buf_put_str(b, "],");
    put_text(b, "consistency", mixed ? "mixed" : "transaction");
}

static void put_guard(struct buf *b, const struct guard *g, const struct permit *p)
{
    buf_put_str(b, ",\"guard\":{");
    put_text(b, "evidence", guard_evidence_name(g));
    buf_putf(b, ",\"unproven\":%s", guard_is_unproven(g) ? "true" : "false");
    if (p) {
        buf_put_str(b, ",");
        put_text(b, "peer", p->peer);
        buf_put_str(b, ",");
        put_text(b, "subnet_arn", p->subnet_arn);
        buf_put_str(b, ",");
        put_text(b, "zone_id", p->zone_id);
        put_time(b, "permit_expires", p->expires_us);
    }
    buf_put_str(b, "}");
}

/* Table states and the permit through a target connection; a failure is named. */
static void put_target(struct buf *b, const struct config *c, struct guard *g,
                       struct target **target)
{
    struct table_state *states = NULL;
    size_t n = 0;
    struct err err = ERR_INIT;
    bool exists = false;

    if ((*target || target_connect(&c->target, g, target, &err)) &&
        target_state_exists(*target, &exists, &err) &&
        (!exists || target_tables_read(*target, c->channel, &states, &n, &err))) {
        put_tables(b, states, n);
        put_guard(b, g, target_permit(*target));
    } else {
        buf_put_str(b, ",");
        put_text(b, "target_problem", err.text);
        if (err.reason[0]) {
            buf_put_str(b, ",");
            put_text(b, "target_reason", err.reason);
        }
        put_guard(b, g, NULL);
        target_close(*target);
        *target = NULL;
    }
    table_states_free(states, n);
}

static void put_loading(struct buf *b, struct service *s)
{
    struct load_progress p;
    bool loading;

    pthread_mutex_lock(&s->load_lock);
    loading = s->loading;
    p = s->load;
    pthread_mutex_unlock(&s->load_lock);
    if (!loading)
        return;
    buf_put_str(b, ",\"loading\":{");
    put_text(b, "phase", p.phase ? p.phase : "plan");
    buf_putf(b, ",\"tables\":%zu,\"tables_done\":%zu,\"rows\":%llu,\"rows_per_s\":%.0f", p.tables,
             p.tables_done, ull(p.rows), p.rows_per_s);
    if (p.eta_s)
        buf_putf(b, ",\"eta_s\":%llu", ull(p.eta_s));
    buf_put_str(b, "}");
}

void status_of_service(struct service *s, struct buf *b)
{
    struct queue_identity id;
    struct queue_end end = {0};
    struct capture_stats capture = {0};
    struct apply_stats apply = {0};
    struct err err = ERR_INIT;

    buf_putf(b, "{\"running\":true,\"pid\":%ld", (long)getpid());
    put_time(b, "since", s->started_us);
    buf_putf(b, ",\"stages\":[%s%s%s]", s->stages & SERVICE_CAPTURE ? "\"capture\"" : "",
             s->stages == (SERVICE_CAPTURE | SERVICE_APPLY) ? "," : "",
             s->stages & SERVICE_APPLY ? "\"apply\"" : "");
    if (!queue_read_end(s->config->queue_dir, &s->config->queue, &id, &end, &err)) {
        buf_put_str(b, ",");
        put_text(b, "queue_problem", err.text);
    }
    put_loading(b, s);
    if (s->capture) {
        capture_stats_read(s->capture, &capture);
        put_capture(b, &capture);
    }
    put_queue(b, s->config, &end);
    if (s->apply) {
        apply_stats_read(s->apply, &apply);
        put_apply(b, &apply);
        put_lag(b, &end, apply.lsn, apply.commit_us, s->capture ? &capture : NULL);
        put_target(b, s->config, s->guard, &s->status_target);
    }
    buf_put_str(b, "}");
}

static void put_offline_lane(struct buf *b, struct config *c, struct target *t,
                             const struct queue_end *end)
{
    struct lane_state lane = {.lsn = 0};
    struct apply_stats as = {0};
    struct err err = ERR_INIT;
    bool exists = false, state = false;

    if (!target_state_exists(t, &state, &err) || !state ||
        !target_lane_read(t, c->channel, 0, &exists, &lane, &err) || !exists)
        return;
    as.lsn = lane.lsn;
    as.gtid = lane.gtid;
    as.position = lane.position;
    as.commit_us = lane.commit_us;
    put_apply(b, &as);
    put_lag(b, end, lane.lsn, lane.commit_us, NULL);
}

/* The target as far as it can be seen, and the guard's word about it. */
static void put_offline_target(struct buf *b, struct config *c, const struct queue_end *end)
{
    struct guard *guard = NULL;
    struct target *target = NULL;
    struct err err = ERR_INIT;

    if (guard_open(&c->residency, &guard, &err)) {
        put_target(b, c, guard, &target);
        if (target)
            put_offline_lane(b, c, target, end);
    } else {
        buf_put_str(b, ",\"guard\":{");
        put_text(b, "refused", err.text);
        buf_put_str(b, ",");
        put_text(b, "reason", err.reason);
        buf_put_str(b, "}");
    }
    target_close(target);
    guard_close(guard);
}

void status_offline(struct config *c, struct buf *b)
{
    struct queue_identity id;
    struct queue_end end = {0};
    struct err err = ERR_INIT;
    bool has_queue = queue_exists(c->queue_dir, &c->queue);

    buf_put_str(b, "{\"running\":false");
    if (!has_queue) {
        err_set(&err, ERR_CONFIG, "there is no queue in %s yet; load or replicate makes it",
                c->queue_dir);
    } else if (queue_read_end(c->queue_dir, &c->queue, &id, &end, &err)) {
        put_queue(b, c, &end);
    }
    if (err.kind != ERR_NONE) {
        buf_put_str(b, ",");
        put_text(b, "queue_problem", err.text);
    }
    /* Status makes no directory; where the audit file has no place, nothing is asked. */
    if (has_queue || access(c->queue_dir, F_OK) == 0)
        put_offline_target(b, c, &end);
    buf_put_str(b, "}");
}
