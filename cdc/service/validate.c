/*
 * validate.c - a comparison as JSON lines, for the socket and for the command.
 */
#include <string.h>

#include "cdc/service/service.h"
#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/base/cond.h"
#include "schema/base/json.h"
#include "schema/base/stop.h"

#define LOADING_WAIT_US ((uint64_t)30 * 1000 * 1000)

struct emitter {
    struct service *service;
    bool show_values;
    service_line_fn *line;
    void *ctx;
    struct buf text;
};

static void emit(struct emitter *e)
{
    e->line(e->ctx, buf_cstr(&e->text));
    buf_reset(&e->text);
}

static void put_member(struct buf *b, const char *name, const char *value)
{
    json_put_cstr(b, name);
    buf_put_str(b, ":");
    json_put_cstr(b, value);
}

static void put_value(struct buf *b, const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
    case VALUE_ABSENT:
        buf_put_str(b, "null");
        return;
    case VALUE_INT:
        buf_putf(b, "%lld", (long long)v->i);
        return;
    case VALUE_UINT:
        buf_putf(b, "%llu", (unsigned long long)v->u);
        return;
    case VALUE_FLOAT:
        buf_putf(b, "%.9g", (double)v->f);
        return;
    case VALUE_DOUBLE:
        buf_putf(b, "%.17g", v->d);
        return;
    case VALUE_BYTES:
        buf_put_str(b, "\"0x");
        for (size_t i = 0; i < v->b.len; i++)
            buf_putf(b, "%02x", v->b.data[i]);
        buf_put_str(b, "\"");
        return;
    default:
        json_put_string(b, v->b);
    }
}

static void put_row(struct buf *b, const char *name, const struct table *t, const struct value *row)
{
    if (!row)
        return;
    buf_putf(b, ",\"%s\":{", name);
    for (uint32_t i = 0; i < t->n_columns; i++) {
        buf_put_str(b, i ? "," : "");
        json_put_cstr(b, t->columns[i].name);
        buf_put_str(b, ":");
        put_value(b, &row[i]);
    }
    buf_put_str(b, "}");
}

static void on_difference(void *ctx, const struct difference *d)
{
    static const char *const kinds[] = {"", "missing_on_target", "missing_on_source", "differs"};
    struct emitter *e = ctx;
    struct buf *b = &e->text;

    buf_put_str(b, "{\"type\":\"difference\",");
    put_member(b, "database", d->table->db);
    buf_put_str(b, ",");
    put_member(b, "table", d->table->name);
    buf_put_str(b, ",");
    put_member(b, "kind", kinds[d->kind]);
    buf_put_str(b, ",");
    put_member(b, "key_hash", d->key_hash);
    buf_put_str(b, ",\"columns\":[");
    for (uint32_t i = 0; i < d->n_columns; i++) {
        buf_put_str(b, i ? "," : "");
        json_put_cstr(b, d->table->columns[d->columns[i]].name);
    }
    buf_put_str(b, "]");
    if (e->show_values) {
        put_row(b, "source", d->table, d->source);
        put_row(b, "target", d->table, d->target);
    }
    buf_put_str(b, "}");
    emit(e);
}

static void on_table(void *ctx, const struct table *t, uint64_t rows, uint64_t differences,
                     const char *note)
{
    struct emitter *e = ctx;
    struct buf *b = &e->text;

    buf_put_str(b, "{\"type\":\"table\",");
    put_member(b, "database", t->db);
    buf_put_str(b, ",");
    put_member(b, "table", t->name);
    buf_putf(b, ",\"rows\":%llu,\"differences\":%llu", (unsigned long long)rows,
             (unsigned long long)differences);
    if (note) {
        buf_put_str(b, ",");
        put_member(b, "note", note);
    }
    buf_put_str(b, "}");
    emit(e);
}

static void emit_result(struct emitter *e, const struct validate_request *request,
                        const struct validate_result *r)
{
    struct buf *b = &e->text;
    char gtid[GTID_TEXT_SIZE];

    gtid_print(&r->gtid, gtid);
    buf_putf(b,
             "{\"type\":\"result\",\"mode\":\"%s\",\"tables\":%zu,\"tables_differing\":%zu,"
             "\"tables_skipped\":%zu,\"tables_not_followed\":%zu,\"rows\":%llu,\"chunks\":%llu,"
             "\"differences\":%llu,"
             "\"repaired\":%llu,\"minus_zero\":%llu,\"lsn\":%llu,",
             request->mode == VALIDATE_FROZEN ? "frozen" : "offline", r->tables,
             r->tables_differing, r->tables_skipped, r->tables_not_followed,
             (unsigned long long)r->rows, (unsigned long long)r->chunks,
             (unsigned long long)r->differences, (unsigned long long)r->repaired,
             (unsigned long long)r->minus_zero, (unsigned long long)r->lsn);
    put_member(b, "gtid", gtid);
    buf_put_str(b, ",");
    put_member(b, "file", r->position.file);
    buf_putf(b, ",\"offset\":%llu,\"unproven\":%s}", (unsigned long long)r->position.offset,
             guard_is_unproven(e->service->guard) ? "true" : "false");
    emit(e);
}

/* Load runs the lane in its own thread. One that finds nothing to do is worth waiting for. */
static bool enter(struct service *s, struct err *err)
{
    uint64_t give_up_us = clock_steady_us() + LOADING_WAIT_US;
    bool loading;

    pthread_mutex_lock(&s->load_lock);
    while (s->loading && !stop_requested() && clock_steady_us() < give_up_us)
        (void)cond_wait_until(&s->load_changed, &s->load_lock, clock_steady_us() + SERVICE_LOOK_US);
    loading = s->loading;
    s->validations += !loading;
    pthread_mutex_unlock(&s->load_lock);
    if (loading)
        err_reason(err, ERR_REFUSED, "loading",
                   "the service is loading tables; validate when it has ended ('domicile status')");
    return !loading;
}

static void leave(struct service *s)
{
    pthread_mutex_lock(&s->load_lock);
    s->validations--;
    pthread_cond_broadcast(&s->load_changed);
    pthread_mutex_unlock(&s->load_lock);
}

bool service_validate(struct service *s, const struct validate_request *request,
                      service_line_fn *line, void *ctx, bool *equal, struct err *err)
{
    struct config *c = s->config;
    struct emitter e = {s, request->show_values, line, ctx, BUF_INIT};
    struct validate_result result;
    struct snapshot_lane lane = lane_slots(&s->lane);
    struct validate_config config = {
        .mode = request->mode,
        .source = &c->source,
        .target = &s->door,
        .queue = {c->queue_dir, &c->queue, s->capture ? &s->capture_ended : NULL},
        .channel = c->channel,
        .lane = s->apply ? &lane : NULL,
        .repair = request->repair,
        .only = request->only,
        .n_only = request->n_only,
        .difference = on_difference,
        .table_done = on_table,
        .ctx = &e,
        .mapping = c->mapping};
    bool ok;

    memset(&result, 0, sizeof(result));
    *equal = false;
    if (!enter(s, err))
        return false;
    ok = validate_run(&config, &result, err);
    leave(s);
    if (ok && result.tables == 0) {
        err_reason(err, ERR_CONFIG, "no_tables", "there is no table to compare");
        ok = false;
    }
    if (ok) {
        emit_result(&e, request, &result);
        *equal = result.differences == 0 && result.tables_not_followed == 0;
    } else if (atomic_load(&s->capture_ended) && s->capture_err.kind != ERR_NONE) {
        *err = s->capture_err;
    }
    buf_release(&e.text);
    return ok;
}
