#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/xalloc.h"
#include "targets/residency/guard.h"
#include "targets/residency/pins.h"
#include "targets/residency/record.h"

static void set_times(struct permit *p)
{
    p->issued_us = clock_wall_us();
    p->expires_us = p->issued_us + PERMIT_LIFE_US;
    p->issued_steady_us = clock_steady_us();
}

static void fill(const struct guard *g, const struct verdict *v, struct permit *p)
{
    set_times(p);
    snprintf(p->peer, sizeof(p->peer), "%s", v->address_text);
    snprintf(p->subnet_arn, sizeof(p->subnet_arn), "%s", v->subnet_arn);
    snprintf(p->zone_id, sizeof(p->zone_id), "%s", v->zone_id);
    snprintf(p->zone_type, sizeof(p->zone_type), "%s", v->zone_type);
    snprintf(p->vpc, sizeof(p->vpc), "%s", v->vpc);
    snprintf(p->interface, sizeof(p->interface), "%s", v->interface);
    snprintf(p->instance, sizeof(p->instance), "%s", v->instance);
    snprintf(p->policy_sha256, sizeof(p->policy_sha256), "%s", g->policy_sha256);
    snprintf(p->evidence, sizeof(p->evidence), "%s", g->evidence_name);
    p->is_unproven = guard_is_unproven(g);
}

static bool record_permit(struct guard *g, const char *event, const char *reason, struct permit *p,
                          struct err *err)
{
    struct buf members = BUF_INIT_MAX(AUDIT_LINE_BYTES_MAX);
    bool ok;

    record_put(&members, "decision", "allow");
    record_put(&members, "reason", reason);
    record_put_permit(&members, p);
    ok = record_event(g, event, &members, &p->seq, err);
    if (p->is_unproven) /* told once, when the guard opened */
        log_debug("guard", "unproven: %s is permitted", p->peer);
    buf_release(&members);
    return ok;
}

/* Our own host as it is now; false: refused, recorded. */
static bool host_passes(struct guard *g, const char *peer, struct err *err)
{
    struct verdicts *v = xcalloc(1, sizeof(*v));
    const struct verdict *no;
    bool ok = judge_host(g, v, err);

    if (!ok) {
        record_failure(g, peer, err);
    } else if ((no = verdicts_refusal(v)) != NULL) {
        char who[200];

        snprintf(who, sizeof(who), "%.60s because of this host (%s, %s)", peer, no->address_text,
                 no->device);
        ok = record_refusal(g, who, no->reason, no->detail, no, err);
    }
    free(v);
    return ok;
}

/* One refused address refuses the host. */
static bool judge_all(struct guard *g, struct verdicts *v, uint16_t port, struct err *err)
{
    for (size_t i = 0; i < v->n; i++) {
        struct address a = v->items[i].address;
        char peer[PEER_TEXT_SIZE];

        judge_target(g, &a, &v->items[i]);
        peer_text(v->items[i].address_text, port, peer);
        if (!v->items[i].allowed)
            return record_refusal(g, peer, v->items[i].reason, v->items[i].detail, &v->items[i],
                                  err);
    }
    return true;
}

static bool permit_locked(struct guard *g, const char *host, uint16_t port, struct verdicts *v,
                          struct permit *out, struct err *err)
{
    char who[PEER_TEXT_SIZE];
    const char *bad = host_check(host);

    snprintf(who, sizeof(who), "%.60s:%u", host, port);
    if (g->only_explains)
        return record_refusal(g, who, "only_explains", "this guard gives no permits", NULL, err);
    if (bad != NULL)
        return record_refusal(g, who, bad, "give one host name or one address", NULL, err);
    if (!judge_refresh(g, err))
        return record_failure(g, who, err);
    if (!host_passes(g, who, err))
        return false;
    if (!judge_resolve(host, v, err))
        return record_failure(g, who, err);
    if (!judge_all(g, v, port, err))
        return false;
    fill(g, &v->items[0], out);
    snprintf(out->host, sizeof(out->host), "%s", host);
    out->port = port;
    return record_permit(g, "permit", v->items[0].reason, out, err);
}

bool guard_permit(struct guard *g, const char *host, uint16_t port, struct permit *out,
                  struct err *err)
{
    struct verdicts *v = xcalloc(1, sizeof(*v));
    bool ok;

    *out = (struct permit){0};
    pthread_mutex_lock(&g->mutex);
    ok = permit_locked(g, host, port, v, out, err);
    pthread_mutex_unlock(&g->mutex);
    if (!ok)
        *out = (struct permit){0};
    free(v);
    return ok;
}

bool permit_is_expired(const struct permit *p)
{
    return p->expires_us == 0 || clock_wall_us() >= p->expires_us ||
           clock_steady_us() - p->issued_steady_us >= PERMIT_LIFE_US;
}

bool permit_check(const struct permit *p, struct err *err)
{
    if (permit_is_expired(p)) {
        err_reason(err, ERR_REFUSED, "permit_expired", "the permit for %s:%u has expired", p->peer,
                   p->port);
        return false;
    }
    if (!p->is_confirmed) {
        err_reason(err, ERR_REFUSED, "not_confirmed",
                   "the connection to %s:%u has not been checked", p->peer, p->port);
        return false;
    }
    return true;
}

bool permit_is_due(const struct permit *p)
{
    return permit_is_expired(p) || clock_steady_us() - p->issued_steady_us >= PERMIT_RENEW_US;
}

static void kill_permit(struct permit *p)
{
    p->expires_us = 0;
    p->is_confirmed = false;
}

/* The evidence is not to be had now: what was permitted lives until it expires, and no longer. */
static bool keep_for_now(struct guard *g, const char *peer, const struct permit *p, struct err *err)
{
    char expires[32];

    record_failure(g, peer, err);
    clock_format(p->expires_us, expires, sizeof(expires));
    log_warn("guard", "the permit for %s is not renewed and ends at %s: %s", peer, expires,
             err->text);
    *err = ERR_INIT;
    return true;
}

static bool renew_locked(struct guard *g, struct permit *p, struct err *err)
{
    struct verdict *v = xcalloc(1, sizeof(*v));
    char peer[PEER_TEXT_SIZE];
    struct address a;
    bool ok = false;

    peer_text(p->peer, p->port, peer);
    if (permit_is_expired(p) || !address_parse(p->peer, &a)) {
        ok = record_refusal(g, peer, "permit_expired", "it was not renewed in time", NULL, err);
    } else if (!judge_refresh(g, err)) {
        ok = keep_for_now(g, peer, p, err);
        goto done;
    } else if (host_passes(g, peer, err)) {
        judge_target(g, &a, v);
        if (!v->allowed) {
            ok = record_refusal(g, peer, v->reason, v->detail, v, err);
        } else {
            fill(g, v, p);
            ok = record_permit(g, "renew", v->reason, p, err);
        }
    }
    if (!ok)
        kill_permit(p);
done:
    free(v);
    return ok;
}

bool guard_renew(struct guard *g, struct permit *p, struct err *err)
{
    bool ok;

    pthread_mutex_lock(&g->mutex);
    ok = renew_locked(g, p, err);
    pthread_mutex_unlock(&g->mutex);
    return ok;
}

/* Address and port of a socket's end; false when it is none of the IP families. */
static bool split_sockaddr(const struct sockaddr *s, struct address *a, uint16_t *port)
{
    const char *class = peer_classify(s, a);

    (void)class; /* judged when the permit was given; here only equality counts */
    if (a->len == 0)
        return false;
    if (s->sa_family == AF_INET)
        *port = ntohs(((const struct sockaddr_in *)(const void *)s)->sin_port);
    else
        *port = ntohs(((const struct sockaddr_in6 *)(const void *)s)->sin6_port);
    return true;
}

/* "10.0.8.4:50048", "::1:50048" or "name:50048" as the server's process list shows us. */
static bool echo_agrees(const char *echo, const struct address *local, uint16_t local_port)
{
    const char *colon = strrchr(echo, ':');
    char host[300];
    struct address seen;
    char *end;
    unsigned long port;

    if (colon == NULL || (size_t)(colon - echo) >= sizeof(host))
        return false;
    if (strspn(colon + 1, "0123456789") == 0)
        return false;
    port = strtoul(colon + 1, &end, 10);
    if (*end != '\0' || port != local_port)
        return false;
    memcpy(host, echo, (size_t)(colon - echo));
    host[colon - echo] = '\0';
    return !address_parse(host, &seen) || address_equal(&seen, local);
}

/* NULL, or the reason why this connection is not what the permit is for. */
static const char *check_facts(const struct permit *p, const struct peer_facts *f,
                               struct address *local, uint16_t *local_port)
{
    struct address peer;
    struct address approved;
    uint16_t port = 0;

    if (!split_sockaddr(f->peer, &peer, &port) || !address_parse(p->peer, &approved) ||
        !address_equal(&peer, &approved) || port != p->port)
        return "peer_changed";
    if (!split_sockaddr(f->local, local, local_port))
        return "local_socket";
    if (f->proxy_protocol_networks != NULL && f->proxy_protocol_networks[0] != '\0')
        return "proxy_protocol";
    if (f->echo == NULL || !echo_agrees(f->echo, local, *local_port))
        return "middlebox";
    if (f->server_id == NULL || f->server_id[0] == '\0' ||
        strlen(f->server_id) > SERVER_ID_BYTES_MAX)
        return "no_server_id";
    return NULL;
}

static const char *fact_detail(const char *reason)
{
    if (strcmp(reason, "middlebox") == 0)
        return "the server sees another port or address than ours: something between ends the "
               "connection";
    if (strcmp(reason, "proxy_protocol") == 0)
        return "proxy_protocol_networks is set on the server, so a proxy could feign our address";
    if (strcmp(reason, "peer_changed") == 0)
        return "the connected peer is not the approved address";
    return "the server shows no identity (server_uid or server_uuid)";
}

static bool record_confirm(struct guard *g, struct permit *p, const struct peer_facts *f,
                           const char *local, bool is_first_use, struct err *err)
{
    struct buf members = BUF_INIT_MAX(AUDIT_LINE_BYTES_MAX);
    bool ok;

    record_put(&members, "decision", "allow");
    record_put(&members, "reason", "confirmed");
    record_put_permit(&members, p);
    record_put(&members, "local", local);
    record_put(&members, "echo", "ok");
    record_put(&members, "tls_fp", f->tls_fingerprint);
    if (is_first_use)
        record_put(&members, "pin", "first_use");
    ok = record_event(g, "confirm", &members, NULL, err);
    buf_release(&members);
    return ok;
}

static bool confirm_locked(struct guard *g, struct permit *p, const struct peer_facts *f,
                           struct err *err)
{
    char peer[PEER_TEXT_SIZE];
    char local[PEER_TEXT_SIZE];
    char local_address[ADDRESS_TEXT_SIZE];
    char pinned[SERVER_ID_BYTES_MAX + 1] = "";
    char detail[300];
    struct address a = {0};
    uint16_t port = 0;
    enum pin_result pin;
    const char *bad;

    peer_text(p->peer, p->port, peer);
    if (permit_is_expired(p))
        return record_refusal(g, peer, "permit_expired", "", NULL, err);
    bad = check_facts(p, f, &a, &port);
    if (bad != NULL)
        return record_refusal(g, peer, bad, fact_detail(bad), NULL, err);
    if (!pins_meet(g->pins_path, peer, f->server_id, &pin, pinned, err))
        return record_failure(g, peer, err);
    if (pin == PIN_CHANGED) {
        snprintf(detail, sizeof(detail),
                 "server %.80s is there, %.80s was; if that is right: domicile guard accept",
                 f->server_id, pinned);
        return record_refusal(g, peer, "server_changed", detail, NULL, err);
    }
    snprintf(p->server_id, sizeof(p->server_id), "%s", f->server_id);
    address_format(&a, local_address);
    peer_text(local_address, port, local);
    p->is_confirmed = record_confirm(g, p, f, local, pin == PIN_FIRST_USE, err);
    return p->is_confirmed;
}

bool guard_confirm(struct guard *g, struct permit *p, const struct peer_facts *facts,
                   struct err *err)
{
    bool ok;

    pthread_mutex_lock(&g->mutex);
    p->is_confirmed = false;
    ok = confirm_locked(g, p, facts, err);
    pthread_mutex_unlock(&g->mutex);
    return ok;
}
