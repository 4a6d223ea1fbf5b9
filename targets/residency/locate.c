#include "targets/residency/locate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_address(const struct address *list, size_t n, const struct address *a)
{
    for (size_t i = 0; i < n; i++)
        if (address_equal(&list[i], a))
            return true;
    return false;
}

static bool in_ranges(const struct cidr *cidrs, size_t n, const struct address *a)
{
    for (size_t i = 0; i < n; i++)
        if (cidr_contains(&cidrs[i], a))
            return true;
    return false;
}

static const struct subnet *find_subnet(const struct inventory *inv, const char *id)
{
    for (size_t i = 0; i < inv->n_subnets; i++)
        if (strcmp(inv->subnets[i].id, id) == 0)
            return &inv->subnets[i];
    return NULL;
}

static const struct zone *find_zone(const struct inventory *inv, const char *id)
{
    for (size_t i = 0; i < inv->n_zones; i++)
        if (strcmp(inv->zones[i].id, id) == 0)
            return &inv->zones[i];
    return NULL;
}

static bool refuse(struct locate_result *out, const char *reason, const char *object,
                   const char *what)
{
    out->n = 0;
    out->reason = reason;
    snprintf(out->detail, sizeof(out->detail), "%.60s %.120s", object, what);
    return false;
}

static bool vpc_is_allowed(const struct locate_scope *scope, const char *vpc_id)
{
    if (scope->is_any_vpc || (scope->own_vpc != NULL && strcmp(scope->own_vpc->id, vpc_id) == 0))
        return true;
    for (size_t i = 0; i < scope->n_allowed_vpcs; i++)
        if (strcmp(scope->allowed_vpcs[i], vpc_id) == 0)
            return true;
    return false;
}

/* An address that is only there by translation tells the operator what to do instead. */
static bool refuse_unknown(const struct inventory *inv, const struct address *peer,
                           struct locate_result *out)
{
    for (size_t i = 0; i < inv->n_interfaces; i++) {
        const struct net_interface *n = &inv->interfaces[i];

        if (has_address(n->translated, n->n_translated, peer))
            return refuse(out, "no_interface", n->id,
                          "has this address only by translation (public, carrier or "
                          "customer-owned); use its private address");
    }
    for (size_t i = 0; i < inv->n_subnets; i++)
        if (in_ranges(inv->subnets[i].cidrs, inv->subnets[i].n_cidrs, peer))
            return refuse(out, "no_interface", inv->subnets[i].id,
                          "has a range with this address, but no interface has the address");
    return refuse(out, "no_interface", "no interface", "in the evidence has this address");
}

static bool check_interface(const struct net_interface *n, struct locate_result *out)
{
    if (strcmp(n->type, "interface") != 0 && strcmp(n->type, "efa") != 0 &&
        strcmp(n->type, "efa-only") != 0)
        return refuse(out, "interface_type", n->id, "is not an instance's interface (type)");
    if (n->is_managed)
        return refuse(out, "managed_interface", n->id, "is managed by an AWS service");
    if (strcmp(n->status, "in-use") != 0)
        return refuse(out, "not_in_use", n->id, "is not in use");
    if (strcmp(n->attachment_status, "attached") != 0)
        return refuse(out, "not_attached", n->id, "is not attached");
    if (!n->has_source_dest_check)
        return refuse(out, "source_dest_check", n->id,
                      "may forward traffic (its source/destination check is off)");
    return true;
}

static bool arn_has_id(const char *arn, const char *id)
{
    size_t arn_len = strlen(arn);
    size_t id_len = strlen(id);

    return arn_len > id_len + 1 && arn[arn_len - id_len - 1] == '/' &&
           strcmp(arn + arn_len - id_len, id) == 0;
}

static bool check_subnet(const struct net_interface *n, const struct subnet *s,
                         const struct address *peer, struct locate_result *out)
{
    if (s == NULL)
        return refuse(out, "no_subnet", n->subnet_id, "is not in the evidence");
    if (strcmp(s->vpc_id, n->vpc_id) != 0)
        return refuse(out, "subnet_mismatch", s->id, "and the interface name different VPCs");
    if (!in_ranges(s->cidrs, s->n_cidrs, peer))
        return refuse(out, "subnet_mismatch", s->id, "has no range with this address");
    if (strcmp(s->state, "available") != 0)
        return refuse(out, "subnet_mismatch", s->id, "is not available");
    if (!arn_has_id(s->arn, s->id))
        return refuse(out, "subnet_mismatch", s->id, "has an ARN with another id");
    return true;
}

/* Packets to an address of our own VPC never leave it, whatever interface elsewhere has it too: so
 * another VPC counts only where the ranges of ours are known to the last one. */
static bool check_vpcs(const struct locate_scope *scope, struct locate_result *out)
{
    for (size_t i = 0; i < out->n; i++) {
        const char *id = out->items[i].interface->vpc_id;

        if (!vpc_is_allowed(scope, id))
            return refuse(out, "vpc_not_allowed", id, "is neither our own VPC nor in allowed_vpcs");
        if (scope->own_vpc != NULL && !scope->own_vpc->is_whole &&
            strcmp(scope->own_vpc->id, id) != 0)
            return refuse(out, "own_vpc_unknown", scope->own_vpc->id,
                          "is our own VPC, but the evidence does not tell its ranges (Vpcs)");
    }
    return true;
}

static int compare_arns(const void *a, const void *b)
{
    const struct location *x = a;
    const struct location *y = b;

    return strcmp(x->subnet->arn, y->subnet->arn);
}

/* All interfaces with the address that count: of the own VPC alone when the address is its. */
static bool collect(const struct inventory *inv, const struct address *peer, const char *pinned,
                    struct locate_result *out)
{
    for (size_t i = 0; i < inv->n_interfaces; i++) {
        const struct net_interface *n = &inv->interfaces[i];

        if (!has_address(n->addresses, n->n_addresses, peer) ||
            (pinned != NULL && strcmp(pinned, n->vpc_id) != 0))
            continue;
        if (out->n == LOCATIONS_MAX)
            return refuse(out, "too_many_interfaces", n->id, "and 16 others have this address");
        out->items[out->n++].interface = n;
    }
    return out->n > 0 || refuse_unknown(inv, peer, out);
}

bool locate_peer(const struct inventory *inv, const struct address *peer,
                 const struct locate_scope *scope, struct locate_result *out)
{
    const struct vpc *own = scope->own_vpc;
    bool is_own = own != NULL && in_ranges(own->cidrs, own->n_cidrs, peer);

    memset(out, 0, sizeof(*out));
    if (!collect(inv, peer, is_own ? own->id : NULL, out))
        return false;
    if (!is_own && !check_vpcs(scope, out))
        return false;
    for (size_t i = 0; i < out->n; i++) {
        struct location *item = &out->items[i];

        item->subnet = find_subnet(inv, item->interface->subnet_id);
        if (!check_interface(item->interface, out) ||
            !check_subnet(item->interface, item->subnet, peer, out))
            return false;
        item->zone = find_zone(inv, item->subnet->zone_id);
    }
    qsort(out->items, out->n, sizeof(out->items[0]), compare_arns);
    return true;
}

static void add_ranges(struct vpc *out, const struct cidr *cidrs, size_t n)
{
    if (n > 0)
        memcpy(out->cidrs + out->n_cidrs, cidrs, n * sizeof(*cidrs));
    out->n_cidrs += n;
}

bool locate_vpc(const struct inventory *inv, const char *vpc_id, struct arena *arena,
                struct vpc *out)
{
    size_t n = 0;

    for (size_t i = 0; i < inv->n_vpcs; i++)
        n += inv->vpcs[i].n_cidrs;
    for (size_t i = 0; i < inv->n_subnets; i++)
        n += inv->subnets[i].n_cidrs;
    *out = (struct vpc){.id = arena_strdup(arena, vpc_id),
                        .cidrs = arena_alloc(arena, n * sizeof(struct cidr) + 1)};
    for (size_t i = 0; i < inv->n_vpcs; i++)
        if (strcmp(inv->vpcs[i].id, vpc_id) == 0) {
            add_ranges(out, inv->vpcs[i].cidrs, inv->vpcs[i].n_cidrs);
            out->is_whole = true;
        }
    for (size_t i = 0; i < inv->n_subnets; i++)
        if (strcmp(inv->subnets[i].vpc_id, vpc_id) == 0)
            add_ranges(out, inv->subnets[i].cidrs, inv->subnets[i].n_cidrs);
    return out->n_cidrs > 0;
}
