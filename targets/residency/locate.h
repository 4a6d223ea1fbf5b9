/*
 * locate.h - from an address to the network interface that has it, and to its subnet.
 *
 * Pure: address, scope and inventory in, candidates or a reason out. The subnet's ARN is taken
 * verbatim from the inventory and never built: in a shared subnet it carries the owner's account.
 */
#ifndef TARGETS_RESIDENCY_LOCATE_H
#define TARGETS_RESIDENCY_LOCATE_H

#include <stdbool.h>
#include <stddef.h>

#include "targets/residency/inventory.h"

#define LOCATIONS_MAX 16

/* Where interfaces may be looked for. All borrowed. */
struct locate_scope {
    const struct vpc *own_vpc; /* the tool's own; an address in its ranges is there or nowhere */
    const char *const *allowed_vpcs;
    size_t n_allowed_vpcs;
    bool is_any_vpc; /* for our own addresses: the subnet alone decides */
};

struct location {
    const struct net_interface *interface; /* point into the inventory */
    const struct subnet *subnet;
    const struct zone *zone; /* NULL when the inventory does not know it */
};

struct locate_result {
    struct location items[LOCATIONS_MAX]; /* sorted by ARN */
    size_t n;
    const char
        *reason;      /* NULL: located. no_interface vpc_not_allowed own_vpc_unknown interface_type
                         managed_interface not_in_use not_attached source_dest_check no_subnet
                         subnet_mismatch too_many_interfaces; a constant */
    char detail[200]; /* the interface and what is wrong with it */
};

/* True when every interface that has the address may be a target's; each must pass the policy. */
bool locate_peer(const struct inventory *inv, const struct address *peer,
                 const struct locate_scope *scope, struct locate_result *out);

/*
 * The VPC as the inventory tells it: ranges of its Vpcs item and of all its subnets. Its memory
 * is in the arena. False when the inventory knows no range of it.
 */
bool locate_vpc(const struct inventory *inv, const char *vpc_id, struct arena *arena,
                struct vpc *out);

#endif
