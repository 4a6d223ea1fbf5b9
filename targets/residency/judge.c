#include "targets/residency/judge.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/json.h"

const struct verdict *verdicts_refusal(const struct verdicts *v)
{
    for (size_t i = 0; i < v->n; i++)
        if (!v->items[i].allowed)
            return &v->items[i];
    return NULL;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool reload(struct guard *g, const struct stat *now, struct err *err)
{
    struct inventory fresh = {0};

    if (!inventory_load(&fresh, g->inventory_file, err)) {
        g->has_inventory = false;
        return false;
    }
    inventory_release(&g->inventory);
    g->inventory = fresh;
    g->inventory_stat = *now;
    g->has_inventory = true;
    snprintf(g->evidence_name, sizeof(g->evidence_name), "static inventory sha256:%s",
             fresh.sha256);
    return true;
}

bool judge_refresh(struct guard *g, struct err *err)
{
    struct stat now;

    if (g->evidence == EVIDENCE_UNPROVEN_LOOPBACK)
        return true;
    if (stat(g->inventory_file, &now) != 0) {
        struct err io = ERR_INIT;

        err_errno(&io, "%s", g->inventory_file);
        err_reason(err, ERR_REFUSED, "inventory_unreadable", "inventory %s", io.text);
        return false;
    }
    if ((!g->has_inventory || !same_file(&now, &g->inventory_stat)) && !reload(g, &now, err))
        return false;
    return inventory_check_age(&g->inventory, clock_wall_us(), err);
}

static void verdict_init(struct verdict *v, const struct address *a)
{
    *v = (struct verdict){.address = *a, .reason = ""};
    address_format(a, v->address_text);
}

static void say(struct verdict *v, bool allowed, const char *reason, const char *detail)
{
    v->allowed = allowed;
    v->reason = reason;
    snprintf(v->detail, sizeof(v->detail), "%s", detail);
}

static void take_location(struct verdict *v, const struct location *l)
{
    snprintf(v->subnet_arn, sizeof(v->subnet_arn), "%s", l->subnet->arn);
    snprintf(v->zone_id, sizeof(v->zone_id), "%s", l->subnet->zone_id);
    snprintf(v->zone_type, sizeof(v->zone_type), "%s", l->zone ? l->zone->type : "unknown");
    snprintf(v->vpc, sizeof(v->vpc), "%s", l->interface->vpc_id);
    snprintf(v->interface, sizeof(v->interface), "%s", l->interface->id);
    snprintf(v->instance, sizeof(v->instance), "%s", l->interface->instance_id);
}

static bool zone_is_required(const struct guard *g, const char *zone_id)
{
    for (size_t i = 0; i < g->required_zone_ids.n; i++)
        if (strcmp(g->required_zone_ids.items[i], zone_id) == 0)
            return true;
    return g->required_zone_ids.n == 0;
}

/* The ARN is judged first; a zone rule can only take away what the policy gave. */
static void judge_located(const struct guard *g, const struct policy *policy, bool judge_zones,
                          const struct locate_result *r, struct verdict *v)
{
    const char *arns[LOCATIONS_MAX];
    struct policy_decision d;

    take_location(v, &r->items[0]);
    for (size_t i = 0; i < r->n; i++)
        arns[i] = r->items[i].subnet->arn;
    policy_decide(policy, arns, r->n, &d);
    say(v, d.allowed, d.reason, d.detail);
    for (size_t i = 0; i < r->n && v->allowed && judge_zones; i++)
        if (!zone_is_required(g, r->items[i].subnet->zone_id)) {
            take_location(v, &r->items[i]);
            say(v, false, "zone_not_allowed", "the subnet's zone is not in required_zone_ids");
        }
}

static void judge_proven(const struct guard *g, const struct locate_scope *scope,
                         const struct policy *policy, bool judge_zones, struct verdict *v)
{
    struct locate_result r;
    const char *class = address_classify(&v->address);

    if (class != NULL)
        say(v, false, class, "an address of this class is never an instance's interface");
    else if (!locate_peer(&g->inventory, &v->address, scope, &r))
        say(v, false, r.reason, r.detail);
    else
        judge_located(g, policy, judge_zones, &r, v);
}

void judge_target(const struct guard *g, const struct address *a, struct verdict *out)
{
    struct locate_scope scope = {g->own_vpc.id ? &g->own_vpc : NULL, g->allowed_vpcs.items,
                                 g->allowed_vpcs.n, false};
    const char *class = address_classify(a);

    verdict_init(out, a);
    if (g->evidence != EVIDENCE_UNPROVEN_LOOPBACK)
        judge_proven(g, &scope, g->policy, true, out);
    else if (class != NULL && strcmp(class, "loopback") == 0)
        say(out, true, "unproven_loopback", "nothing is proven about this peer");
    else
        say(out, false, "not_loopback", "unproven-loopback permits loopback peers only");
}

static void judge_own(const struct guard *g, const struct ifaddrs *i, const struct address *a,
                      struct verdict *v)
{
    struct locate_scope scope = {.is_any_vpc = true};
    bool is_own_policy = g->host_policy != NULL;

    verdict_init(v, a);
    snprintf(v->device, sizeof(v->device), "%s", i->ifa_name);
    judge_proven(g, &scope, is_own_policy ? g->host_policy : g->policy, !is_own_policy, v);
}

/* Loopback leads nowhere; link-local is on every device and leaves no link. */
static bool is_to_judge(const struct ifaddrs *i, struct address *a)
{
    const char *class;

    if (i->ifa_addr == NULL ||
        (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
        return false;
    class = peer_classify(i->ifa_addr, a);
    return class == NULL || (strcmp(class, "loopback") != 0 && strcmp(class, "link_local") != 0);
}

/* Peers in our own VPC are pinned to it; with several VPCs none is, and allowed_vpcs decides. */
static void find_own_vpc(struct guard *g, const struct verdicts *v)
{
    const char *id = v->n > 0 ? v->items[0].vpc : "";

    arena_reset(&g->own_arena);
    g->own_vpc = (struct vpc){0};
    for (size_t i = 0; i < v->n; i++)
        if (v->items[i].vpc[0] == '\0' || strcmp(v->items[i].vpc, id) != 0)
            return;
    if (id[0] != '\0' && !locate_vpc(&g->inventory, id, &g->own_arena, &g->own_vpc))
        g->own_vpc = (struct vpc){0};
}

bool judge_host(struct guard *g, struct verdicts *out, struct err *err)
{
    struct ifaddrs *all = NULL;
    struct address a;
    bool ok = false;

    out->n = 0;
    if (g->evidence == EVIDENCE_UNPROVEN_LOOPBACK)
        return true;
    if (getifaddrs(&all) != 0) {
        err_errno(err, "list the addresses of this host");
        goto done;
    }
    for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
        if (!is_to_judge(i, &a))
            continue;
        if (out->n == VERDICTS_MAX) {
            err_reason(err, ERR_REFUSED, "too_many_addresses", "this host has over %d addresses",
                       VERDICTS_MAX);
            goto done;
        }
        judge_own(g, i, &a, &out->items[out->n++]);
    }
    if (out->n == 0) {
        err_reason(err, ERR_REFUSED, "host_no_address",
                   "this host has no address that evidence could be about");
        goto done;
    }
    find_own_vpc(g, out);
    ok = true;
done:
    if (all != NULL)
        freeifaddrs(all);
    return ok;
}

static bool take_address(const struct addrinfo *i, struct verdicts *out)
{
    struct address a;

    if (peer_classify(i->ai_addr, &a) != NULL && a.len == 0)
        return true;
    for (size_t n = 0; n < out->n; n++)
        if (address_equal(&out->items[n].address, &a))
            return true;
    if (out->n == VERDICTS_MAX)
        return false;
    verdict_init(&out->items[out->n++], &a);
    return true;
}

bool judge_resolve(const char *host, struct verdicts *out, struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    struct addrinfo *list = NULL;
    int code = getaddrinfo(host, NULL, &hints, &list);
    bool ok = true;

    out->n = 0;
    if (code != 0) {
        err_reason(err, ERR_RETRY, "unresolved", "host %s: %s", host, gai_strerror(code));
        err->side = ERR_SIDE_TARGET;
        return false;
    }
    for (const struct addrinfo *i = list; i != NULL && ok; i = i->ai_next)
        ok = take_address(i, out);
    freeaddrinfo(list);
    if (!ok || out->n == 0) {
        err_reason(err, ERR_REFUSED, out->n ? "too_many_addresses" : "no_candidates",
                   "host %s has %s addresses", host, out->n ? "too many" : "no");
        return false;
    }
    return true;
}

static void put_member(struct buf *b, const char *name, const char *value)
{
    if (value[0] == '\0')
        return;
    buf_putf(b, ",\"%s\":", name);
    json_put_cstr(b, value);
}

void verdict_put_json(struct buf *b, const struct verdict *v)
{
    buf_putf(b, ",\"decision\":\"%s\"", v->allowed ? "allow" : "deny");
    put_member(b, "reason", v->reason);
    put_member(b, "detail", v->detail);
    put_member(b, "address", v->address_text);
    put_member(b, "device", v->device);
    put_member(b, "subnet_arn", v->subnet_arn);
    put_member(b, "zone_id", v->zone_id);
    put_member(b, "zone_type", v->zone_type);
    put_member(b, "vpc", v->vpc);
    put_member(b, "interface", v->interface);
    put_member(b, "instance", v->instance);
}
