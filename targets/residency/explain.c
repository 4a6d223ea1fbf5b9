#include <stdlib.h>
#include <string.h>

#include "schema/base/json.h"
#include "schema/base/xalloc.h"
#include "targets/residency/record.h"

struct explanation {
    struct verdicts host;   /* our own addresses */
    struct verdicts target; /* the target's */
    struct err host_err;    /* why there is no verdict on the host at all */
    struct err err;         /* why there is none on the target */
};

static void work_out(struct guard *g, const char *host, struct explanation *x)
{
    const char *bad = host_check(host);

    if (!judge_refresh(g, &x->err)) {
        x->host_err = x->err;
        return;
    }
    if (!judge_host(g, &x->host, &x->host_err))
        x->host.n = 0;
    if (bad != NULL)
        err_reason(&x->err, ERR_REFUSED, bad, "give one host name or one address");
    else if (judge_resolve(host, &x->target, &x->err))
        for (size_t i = 0; i < x->target.n; i++) {
            struct address a = x->target.items[i].address;

            judge_target(g, &a, &x->target.items[i]);
        }
}

static bool is_allowed(const struct explanation *x)
{
    return x->host_err.kind == ERR_NONE && x->err.kind == ERR_NONE &&
           verdicts_refusal(&x->host) == NULL && verdicts_refusal(&x->target) == NULL;
}

static void put_line(struct buf *b, const char *name, const char *value)
{
    if (value[0] != '\0')
        buf_putf(b, "    %-10s %s\n", name, value);
}

static void put_verdict(struct buf *b, const char *who, const struct verdict *v)
{
    buf_putf(b, "%s %s%s%s: %s (%s)\n", who, v->address_text, v->device[0] ? " on " : "", v->device,
             v->allowed ? "allow" : "deny", v->reason);
    put_line(b, "because", v->detail);
    put_line(b, "interface", v->interface);
    put_line(b, "instance", v->instance);
    put_line(b, "vpc", v->vpc);
    put_line(b, "subnet", v->subnet_arn);
    put_line(b, "zone", v->zone_id);
}

static void put_err(struct buf *b, const char *who, const struct err *err)
{
    if (err->kind != ERR_NONE)
        buf_putf(b, "%s: deny (%s)\n    because    %s\n", who, err->reason, err->text);
}

static void put_text(const struct guard *g, const char *host, uint16_t port,
                     const struct explanation *x, struct buf *out)
{
    buf_putf(out, "target %s:%u\n", host, port);
    buf_putf(out, "evidence: %s%s%s\n", guard_evidence_name(g),
             g->has_inventory ? " captured " : "",
             g->has_inventory ? g->inventory.captured_at : "");
    for (size_t i = 0; i < x->host.n; i++)
        put_verdict(out, "this host", &x->host.items[i]);
    put_err(out, "this host", &x->host_err);
    for (size_t i = 0; i < x->target.n; i++)
        put_verdict(out, "target", &x->target.items[i]);
    put_err(out, "target", &x->err);
    buf_putf(out, "decision: %s%s\n", is_allowed(x) ? "allow" : "deny",
             guard_is_unproven(g) ? " (UNPROVEN)" : "");
}

static void put_list(struct buf *out, const char *name, const struct verdicts *v)
{
    buf_putf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < v->n; i++) {
        struct buf item = BUF_INIT_MAX(AUDIT_LINE_BYTES_MAX);

        verdict_put_json(&item, &v->items[i]);
        buf_put_str(out, i ? ",{" : "{");
        buf_put(out, item.data + 1, item.len - 1);
        buf_put_str(out, "}");
        buf_release(&item);
    }
    buf_put_str(out, "]");
}

static void put_json_err(struct buf *out, const char *name, const struct err *err)
{
    if (err->kind == ERR_NONE)
        return;
    buf_putf(out, ",\"%s\":{\"reason\":", name);
    json_put_cstr(out, err->reason);
    buf_put_str(out, ",\"text\":");
    json_put_cstr(out, err->text);
    buf_put_str(out, "}");
}

static void put_json(const struct guard *g, const char *host, uint16_t port,
                     const struct explanation *x, struct buf *out)
{
    buf_put_str(out, "{\"host\":");
    json_put_cstr(out, host);
    buf_putf(out, ",\"port\":%u,\"decision\":\"%s\"", port, is_allowed(x) ? "allow" : "deny");
    record_put_basis(out, g);
    put_list(out, "own_addresses", &x->host);
    put_json_err(out, "own_error", &x->host_err);
    put_list(out, "addresses", &x->target);
    put_json_err(out, "error", &x->err);
    buf_put_str(out, "}\n");
}

bool guard_explain(struct guard *g, const char *host, uint16_t port, bool as_json, struct buf *out,
                   bool *allowed, struct err *err)
{
    struct explanation *x = xcalloc(1, sizeof(*x));

    pthread_mutex_lock(&g->mutex);
    work_out(g, host, x);
    *allowed = is_allowed(x);
    if (as_json)
        put_json(g, host, port, x, out);
    else
        put_text(g, host, port, x, out);
    pthread_mutex_unlock(&g->mutex);
    free(x);
    if (out->overflow) {
        err_set(err, ERR_IO, "the explanation is too long");
        return false;
    }
    return true;
}

static void describe_json(const struct guard *g, struct buf *out)
{
    buf_put_str(out, "{\"evidence\":");
    json_put_cstr(out, g->evidence_name);
    buf_putf(out, ",\"unproven\":%s", guard_is_unproven(g) ? "true" : "false");
    if (g->has_inventory) {
        buf_put_str(out, ",\"inventory\":{\"file\":");
        json_put_cstr(out, g->inventory_file);
        buf_putf(out,
                 ",\"sha256\":\"%s\",\"captured_at\":\"%s\",\"interfaces\":%zu,\"subnets\":%zu}",
                 g->inventory.sha256, g->inventory.captured_at, g->inventory.n_interfaces,
                 g->inventory.n_subnets);
    }
    buf_put_str(out, ",\"policies\":[");
    for (size_t i = 0; i < policy_n_docs(g->policy); i++) {
        buf_put_str(out, i ? ",{\"name\":" : "{\"name\":");
        json_put_cstr(out, policy_doc_name(g->policy, i));
        buf_putf(out, ",\"sha256\":\"%s\"}", policy_doc_sha256(g->policy, i));
    }
    buf_put_str(out, "]}\n");
}

void guard_describe(struct guard *g, bool as_json, struct buf *out)
{
    pthread_mutex_lock(&g->mutex);
    if (as_json) {
        describe_json(g, out);
    } else {
        buf_putf(out, "evidence: %s\n", g->evidence_name);
        if (g->has_inventory)
            buf_putf(out,
                     "    file       %s\n    captured   %s\n    interfaces %zu\n    subnets    "
                     "%zu\n",
                     g->inventory_file, g->inventory.captured_at, g->inventory.n_interfaces,
                     g->inventory.n_subnets);
        for (size_t i = 0; i < policy_n_docs(g->policy); i++)
            buf_putf(out, "policy: %s\n    sha256     %s\n", policy_doc_name(g->policy, i),
                     policy_doc_sha256(g->policy, i));
    }
    pthread_mutex_unlock(&g->mutex);
}
