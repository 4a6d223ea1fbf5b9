#include "cdc/service/model.h"

#include "schema/base/clock.h"
#include "schema/base/json.h"

#define WEAKER_LINES_MAX 20 /* of the text form */

static unsigned long long ull(uint64_t v)
{
    return v;
}

static double seconds(uint64_t us)
{
    return (double)us / 1e6;
}

static double seconds_since(uint64_t us)
{
    uint64_t now = clock_wall_us();

    return us && now > us ? seconds(now - us) : 0.0;
}

static const char *yes_no(bool b)
{
    return b ? "true" : "false";
}

/* Is what the source has known to somebody now? */
static bool source_is_known(const struct model *m)
{
    return m->has_capture && m->capture.connected;
}

/* ---- JSON ---- */

static void put_text(struct buf *b, const char *name, const char *value)
{
    json_put_cstr(b, name);
    buf_put_str(b, ":");
    json_put_cstr(b, value);
}

static void add_text(struct buf *b, const char *name, const char *value)
{
    if (!value[0])
        return;
    buf_put_str(b, ",");
    put_text(b, name, value);
}

static void add_time(struct buf *b, const char *name, uint64_t us)
{
    char text[32] = "";

    if (us)
        clock_format(us, text, sizeof(text));
    add_text(b, name, text);
}

static void add_place(struct buf *b, uint64_t lsn, const struct gtid *g, const struct position *p)
{
    char gtid[GTID_TEXT_SIZE];

    gtid_print(g, gtid);
    buf_putf(b, "\"lsn\":%llu,", ull(lsn));
    put_text(b, "gtid", gtid);
    if (!p->file[0])
        return;
    add_text(b, "file", p->file);
    buf_putf(b, ",\"offset\":%llu", ull(p->offset));
}

static void json_process(struct buf *b, const struct model *m)
{
    bool both = m->stages == (SERVICE_CAPTURE | SERVICE_APPLY);

    buf_putf(b, "{\"running\":%s", yes_no(m->is_running));
    if (m->is_running) {
        buf_putf(b, ",\"pid\":%llu", ull(m->pid));
        add_time(b, "since", m->since_us);
        buf_putf(b, ",\"stages\":[%s%s%s]", m->stages & SERVICE_CAPTURE ? "\"capture\"" : "",
                 both ? "," : "", m->stages & SERVICE_APPLY ? "\"apply\"" : "");
    } else if (m->last_run.found) {
        buf_putf(b, ",\"last_run\":{\"pid\":%llu,\"ended\":%s", ull(m->last_run.pid),
                 yes_no(m->last_run.ended));
        add_time(b, "started", m->last_run.started_us);
        add_time(b, "seen", m->last_run.seen_us);
        add_text(b, "error", m->last_run.error);
        add_text(b, "reason", m->last_run.reason);
        buf_put_str(b, "}");
    }
    if (m->failure.kind != ERR_NONE)
        add_text(b, "failure", m->failure.text);
}

static void json_loading(struct buf *b, const struct load_progress *p)
{
    buf_put_str(b, ",\"loading\":{");
    put_text(b, "phase", p->phase ? p->phase : "plan");
    buf_putf(b, ",\"tables\":%zu,\"tables_done\":%zu,\"rows\":%llu,\"rows_per_s\":%.0f", p->tables,
             p->tables_done, ull(p->rows), p->rows_per_s);
    if (p->eta_s)
        buf_putf(b, ",\"eta_s\":%llu", ull(p->eta_s));
    buf_put_str(b, "}");
}

static void json_capture(struct buf *b, const struct capture_stats *c)
{
    buf_putf(b,
             ",\"capture\":{\"connected\":%s,\"queue_full\":%s,\"lsn\":%llu,\"events\":%llu,"
             "\"bytes\":%llu,\"transactions\":%llu,\"changes\":%llu,\"reconnects\":%llu",
             yes_no(c->connected), yes_no(c->queue_full), ull(c->lsn), ull(c->events),
             ull(c->bytes), ull(c->transactions), ull(c->changes), ull(c->reconnects));
    if (c->received.file[0]) {
        add_text(b, "file", c->received.file);
        buf_putf(b, ",\"offset\":%llu", ull(c->received.offset));
    }
    add_time(b, "last_event", c->event_us);
    add_text(b, "last_error", c->last_error);
    buf_put_str(b, "}");
}

static void json_queue(struct buf *b, const struct model *m)
{
    buf_put_str(b, ",\"queue\":{");
    add_place(b, m->queue.lsn, &m->queue.gtid, &m->queue.end);
    add_time(b, "source_commit", m->queue.commit_us);
    buf_putf(b, ",\"bytes\":%llu},\"consumers\":[", ull(m->queue_bytes));
    for (size_t i = 0; i < m->consumers.n; i++) {
        buf_put_str(b, i ? ",{" : "{");
        put_text(b, "consumer", m->consumers.items[i].name);
        buf_putf(b, ",\"lsn\":%llu", ull(m->consumers.items[i].lsn));
        add_time(b, "written", m->consumers.items[i].written_us);
        buf_put_str(b, "}");
    }
    buf_put_str(b, "]");
}

static void json_apply(struct buf *b, const struct model *m)
{
    const struct apply_stats *a = &m->lane;

    buf_put_str(b, ",\"apply\":{");
    add_place(b, a->lsn, &a->gtid, &a->position);
    add_time(b, "source_commit", a->commit_us);
    add_time(b, "applied", a->applied_us);
    if (m->is_running)
        buf_putf(b,
                 ",\"transactions\":%llu,\"groups\":%llu,\"changes\":%llu,\"net_rows\":%llu,"
                 "\"ddl\":%llu,\"cascades\":%llu,\"retries\":%llu,\"minus_zero\":%llu,"
                 "\"seconds\":{\"waiting\":%.3f,\"target\":%.3f}",
                 ull(a->transactions), ull(a->groups), ull(a->changes), ull(a->net_rows),
                 ull(a->ddl), ull(a->cascades), ull(a->retries), ull(a->minus_zero),
                 seconds(a->wait_us), seconds(a->target_us));
    buf_put_str(b, "}");
}

static void json_lag(struct buf *b, const struct model *m)
{
    uint64_t queued;
    bool known = model_queued(m, &queued);

    buf_put_str(b, ",\"lag\":{");
    put_text(b, "source", source_is_known(m) ? "connected" : "unknown");
    if (known)
        buf_putf(b, ",\"queued\":%llu", ull(queued));
    if (known && source_is_known(m))
        buf_putf(b, ",\"transactions\":%llu,\"apply_s\":%.3f", ull(queued),
                 queued ? seconds_since(m->lane.commit_us) : 0.0);
    if (m->has_capture && m->capture.event_us)
        buf_putf(b, ",\"source_silent_s\":%.3f", seconds_since(m->capture.event_us));
    add_text(b, "waiting_for", model_waiting_for(m));
    buf_put_str(b, "}");
}

static void json_tables(struct buf *b, const struct model *m)
{
    buf_put_str(b, ",\"tables\":[");
    for (size_t i = 0; i < m->n_tables; i++) {
        const struct table_state *t = &m->tables[i];

        buf_put_str(b, i ? ",{" : "{");
        put_text(b, "database", t->db);
        add_text(b, "table", t->name);
        add_text(b, "state", life_name(t->life));
        buf_putf(b, ",\"loaded_rows\":%llu", ull(t->rows));
        add_text(b, "reason", t->reason);
        buf_put_str(b, "}");
    }
    buf_put_str(b, "],\"weaker\":[");
    for (size_t i = 0; i < m->weaker.n; i++) {
        buf_put_str(b, i ? "," : "");
        json_put_cstr(b, m->weaker.lines[i]);
    }
    buf_put_str(b, "]");
    add_text(b, "consistency", model_consistency(m));
}

static void json_guard(struct buf *b, const struct model *m)
{
    buf_put_str(b, ",\"guard\":{");
    if (!m->has_guard) {
        put_text(b, "refused", m->guard_refusal);
        add_text(b, "reason", m->guard_reason);
        buf_put_str(b, "}");
        return;
    }
    put_text(b, "evidence", m->evidence);
    buf_putf(b, ",\"unproven\":%s", yes_no(m->is_unproven));
    if (m->has_permit) {
        add_text(b, "peer", m->permit.peer);
        add_text(b, "subnet_arn", m->permit.subnet_arn);
        add_text(b, "zone_id", m->permit.zone_id);
        add_time(b, "permit_expires", m->permit.expires_us);
    }
    buf_put_str(b, "}");
}

void model_print_json(const struct model *m, struct buf *b)
{
    json_process(b, m);
    if (m->is_loading)
        json_loading(b, &m->load);
    if (m->has_capture)
        json_capture(b, &m->capture);
    if (m->has_queue)
        json_queue(b, m);
    add_text(b, "queue_problem", m->queue_problem);
    if (m->has_lane)
        json_apply(b, m);
    json_lag(b, m);
    if (m->has_tables)
        json_tables(b, m);
    add_text(b, "target_problem", m->target_problem);
    add_text(b, "target_reason", m->target_reason);
    if (m->has_guard || m->guard_refusal[0])
        json_guard(b, m);
    buf_put_str(b, "}");
}

/* ---- text ---- */

static void text_process(struct buf *b, const struct model *m)
{
    const struct run *r = &m->last_run;
    char since[32], seen[32];

    if (m->is_running) {
        clock_format(m->since_us, since, sizeof(since));
        buf_putf(b, "%-10s running, process %llu, since %s\n", "service", ull(m->pid), since);
        if (m->failure.kind != ERR_NONE)
            buf_putf(b, "%-10s capture has ended: %s\n", "service", m->failure.text);
        return;
    }
    buf_putf(b, "%-10s not running", "service");
    if (r->found) {
        clock_format(r->started_us, since, sizeof(since));
        clock_format(r->seen_us, seen, sizeof(seen));
        buf_putf(b, "; last ran from %s to %s%s%s", since, seen,
                 r->ended ? "" : ", and was not ended in order",
                 r->error[0] ? ", and stopped at an error:" : "");
    }
    buf_put_str(b, "\n");
    if (r->error[0])
        buf_putf(b, "%-10s %s%s%s%s\n", "error", r->error, r->reason[0] ? " [" : "", r->reason,
                 r->reason[0] ? "]" : "");
}

static void text_place(struct buf *b, const char *title, uint64_t lsn, const struct gtid *g,
                       const struct position *p)
{
    char gtid[GTID_TEXT_SIZE];

    gtid_print(g, gtid);
    buf_putf(b, "%-10s lsn %llu", title, ull(lsn));
    if (gtid[0])
        buf_putf(b, ", gtid %s", gtid);
    if (p->file[0])
        buf_putf(b, ", position %s:%llu", p->file, ull(p->offset));
    buf_put_str(b, "\n");
}

static void text_lag(struct buf *b, const struct model *m)
{
    uint64_t queued;
    bool known = model_queued(m, &queued);

    buf_putf(b, "%-10s ", "lag");
    if (known && source_is_known(m))
        buf_putf(b, "%llu transactions, %.1f s", ull(queued),
                 queued ? seconds_since(m->lane.commit_us) : 0.0);
    else if (source_is_known(m))
        buf_put_str(b, "of the target not asked by this process");
    else
        buf_put_str(b, m->capture_elsewhere ? "the source's position is known to the process that "
                                              "captures"
                                            : "unknown, nobody reads the source's position");
    if (known && !source_is_known(m))
        buf_putf(b, "; %llu transactions of the queue are not applied", ull(queued));
    buf_putf(b, "; waiting for %s\n", model_waiting_for(m));
}

static void text_tables(struct buf *b, const struct model *m)
{
    size_t strict = 0;

    for (size_t i = 0; i < m->n_tables; i++) {
        const struct table_state *t = &m->tables[i];

        strict += t->life == TABLE_STRICT;
        if (t->life != TABLE_STRICT)
            buf_putf(b, "%-10s %s.%s is %s%s%s\n", "table", t->db, t->name, life_name(t->life),
                     t->reason[0] ? ": " : "", t->reason);
    }
    buf_putf(b, "%-10s %zu of %zu equal the source at the applied position\n", "tables", strict,
             m->n_tables);
    buf_putf(b, "%-10s %s\n", "view", model_consistency(m));
    for (size_t i = 0; i < m->weaker.n && i < WEAKER_LINES_MAX; i++)
        buf_putf(b, "%-10s %s\n", "weaker", m->weaker.lines[i]);
    if (m->weaker.n > WEAKER_LINES_MAX)
        buf_putf(b, "%-10s and %zu more; --json tells all\n", "weaker",
                 m->weaker.n - WEAKER_LINES_MAX);
}

static void text_guard(struct buf *b, const struct model *m)
{
    char until[32];

    if (!m->has_guard) {
        buf_putf(b, "%-10s REFUSED: %s%s%s%s\n", "guard", m->guard_refusal,
                 m->guard_reason[0] ? " [" : "", m->guard_reason, m->guard_reason[0] ? "]" : "");
        return;
    }
    buf_putf(b, "%-10s %s", "guard", m->evidence);
    if (m->has_permit && m->permit.subnet_arn[0])
        buf_putf(b, ", %s", m->permit.subnet_arn);
    if (m->has_permit && m->permit.expires_us) {
        clock_format(m->permit.expires_us, until, sizeof(until));
        buf_putf(b, ", permit until %s", until);
    }
    buf_put_str(b, "\n");
}

void model_print_text(const struct model *m, struct buf *b)
{
    text_process(b, m);
    if (m->has_capture)
        buf_putf(b, "%-10s %s, %llu transactions, %llu reconnects\n", "capture",
                 m->capture.connected ? "connected" : "not connected", ull(m->capture.transactions),
                 ull(m->capture.reconnects));
    if (m->is_loading)
        buf_putf(b, "%-10s %s, %zu of %zu tables, %llu rows\n", "loading",
                 m->load.phase ? m->load.phase : "plan", m->load.tables_done, m->load.tables,
                 ull(m->load.rows));
    if (m->has_queue)
        text_place(b, "queue", m->queue.lsn, &m->queue.gtid, &m->queue.end);
    if (m->has_lane)
        text_place(b, "applied", m->lane.lsn, &m->lane.gtid, &m->lane.position);
    text_lag(b, m);
    if (m->has_tables)
        text_tables(b, m);
    if (m->queue_problem[0])
        buf_putf(b, "%-10s %s\n", "queue", m->queue_problem);
    if (m->target_problem[0])
        buf_putf(b, "%-10s %s\n", "target", m->target_problem);
    if (m->has_guard || m->guard_refusal[0])
        text_guard(b, m);
}
