#include "targets/residency/record.h"

#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/json.h"
#include "schema/base/log.h"

void peer_text(const char *address, uint16_t port, char out[PEER_TEXT_SIZE])
{
    bool is_v6 = strchr(address, ':') != NULL;

    snprintf(out, PEER_TEXT_SIZE, "%s%.60s%s:%u", is_v6 ? "[" : "", address, is_v6 ? "]" : "",
             port);
}

void record_put(struct buf *members, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0')
        return;
    buf_putf(members, "%s\"%s\":", members->len ? "," : "", name);
    json_put_cstr(members, value);
}

void record_put_basis(struct buf *members, const struct guard *g)
{
    record_put(members, "evidence", g->evidence_name);
    buf_putf(members, "%s\"unproven\":%s", members->len ? "," : "",
             guard_is_unproven(g) ? "true" : "false");
    if (g->policy == NULL)
        return;
    buf_put_str(members, ",\"policy_sha256\":[");
    for (size_t i = 0; i < policy_n_docs(g->policy); i++)
        buf_putf(members, "%s\"%s\"", i ? "," : "", policy_doc_sha256(g->policy, i));
    buf_put_str(members, "]");
}

void record_put_permit(struct buf *members, const struct permit *p)
{
    char peer[PEER_TEXT_SIZE];
    char expires[32];

    peer_text(p->peer, p->port, peer);
    clock_format(p->expires_us, expires, sizeof(expires));
    record_put(members, "host", p->host);
    record_put(members, "peer", peer);
    record_put(members, "subnet_arn", p->subnet_arn);
    record_put(members, "zone_id", p->zone_id);
    record_put(members, "zone_type", p->zone_type);
    record_put(members, "vpc", p->vpc);
    record_put(members, "interface", p->interface);
    record_put(members, "instance", p->instance);
    record_put(members, "server_id", p->server_id);
    record_put(members, "expires", expires);
}

bool record_event(struct guard *g, const char *event, struct buf *members, uint64_t *seq,
                  struct err *err)
{
    bool ok;

    record_put_basis(members, g);
    ok = audit_append(g->audit, event, buf_bytes(members), seq, err);
    if (!ok)
        err_context(err, "no decision without its audit record");
    return ok;
}

static void put_verdict(struct buf *members, const struct verdict *v)
{
    struct buf tail = BUF_INIT_MAX(AUDIT_LINE_BYTES_MAX);
    struct bytes bytes;

    verdict_put_json(&tail, v);
    bytes = buf_bytes(&tail);
    if (members->len == 0) { /* the comma before the first member is not ours */
        bytes.data++;
        bytes.len--;
    }
    buf_put_bytes(members, bytes);
    buf_release(&tail);
}

bool record_refusal(struct guard *g, const char *peer, const char *reason, const char *detail,
                    const struct verdict *v, struct err *err)
{
    struct buf members = BUF_INIT_MAX(AUDIT_LINE_BYTES_MAX);

    record_put(&members, "peer", peer);
    if (v != NULL) {
        put_verdict(&members, v);
    } else {
        record_put(&members, "decision", "deny");
        record_put(&members, "reason", reason);
        record_put(&members, "detail", detail);
    }
    if (record_event(g, "refuse", &members, NULL, err))
        err_reason(err, ERR_REFUSED, reason, "the guard refuses %s: %s%s%s", peer, reason,
                   detail[0] ? ": " : "", detail);
    buf_release(&members);
    return false;
}

bool record_failure(struct guard *g, const char *what, struct err *err)
{
    struct buf members = BUF_INIT_MAX(AUDIT_LINE_BYTES_MAX);
    struct err audit = ERR_INIT;

    record_put(&members, "what", what);
    record_put(&members, "decision", "deny");
    record_put(&members, "reason", err->reason[0] ? err->reason : "error");
    record_put(&members, "detail", err->text);
    if (!record_event(g, "refuse", &members, NULL, &audit))
        log_error("guard", "%s", audit.text);
    buf_release(&members);
    return false;
}

bool record_host(struct guard *g, const struct verdicts *v, struct err *err)
{
    bool ok = true;

    for (size_t i = 0; i < v->n && ok; i++) {
        struct buf members = BUF_INIT_MAX(AUDIT_LINE_BYTES_MAX);

        put_verdict(&members, &v->items[i]);
        ok = record_event(g, "host", &members, NULL, err);
        buf_release(&members);
    }
    return ok;
}
