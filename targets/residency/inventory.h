/*
 * inventory.h - what the EC2 control plane said about addresses: the guard's evidence.
 *
 * As a file: one JSON object, members named as in the answers of the EC2 API:
 *
 *     { "captured_at": "2026-05-04T10:22:31Z",       when the answers were saved, RFC 3339
 *       "NetworkInterfaces": [...],                   of describe-network-interfaces
 *       "Subnets": [...],                             of describe-subnets
 *       "AvailabilityZones": [...],                   of describe-availability-zones
 *       "Vpcs": [...] }                               of describe-vpcs; only for allowed_vpcs
 *
 * Other members at the top are refused (NextToken would mean that answers are missing); inside
 * the items unknown members are skipped. A missing member of an item counts against the item:
 * no RequesterManaged is read as managed, no Status as not in use.
 */
#ifndef TARGETS_RESIDENCY_INVENTORY_H
#define TARGETS_RESIDENCY_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/arena.h"
#include "schema/base/bytes.h"
#include "schema/base/digest.h"
#include "schema/base/err.h"
#include "targets/residency/peer.h"

#define INVENTORY_BYTES_MAX ((size_t)32 << 20)
#define INVENTORY_AGE_MAX_US ((uint64_t)24 * 3600 * 1000 * 1000)
#define EC2_ID_BYTES_MAX 39

struct net_interface {
    const char *id; /* strings are never NULL; "" when the answer has none */
    const char *type;
    const char *vpc_id;
    const char *subnet_id;
    const char *status;
    const char *attachment_status;
    const char *instance_id;
    bool is_managed;
    bool has_source_dest_check;
    struct address *addresses; /* private, primary and secondary; IPv6 */
    size_t n_addresses;
    struct address *translated; /* public, carrier and customer-owned: only explain refusals */
    size_t n_translated;
};

struct subnet {
    const char *id;
    const char *arn;
    const char *vpc_id;
    const char *zone_id;
    const char *state;
    struct cidr *cidrs;
    size_t n_cidrs;
};

struct zone {
    const char *id;
    const char *type; /* "local-zone", "availability-zone", "wavelength-zone" */
    const char *group;
};

struct vpc {
    const char *id;
    struct cidr *cidrs;
    size_t n_cidrs;
    bool is_whole; /* all ranges are known: they come from the VPC, not only from its subnets */
};

struct inventory {
    struct arena arena; /* holds all of the below */
    char sha256[SHA256_HEX_SIZE];
    char captured_at[40];
    uint64_t captured_us; /* wall clock */
    struct net_interface *interfaces;
    size_t n_interfaces;
    struct subnet *subnets;
    size_t n_subnets;
    struct zone *zones;
    size_t n_zones;
    struct vpc *vpcs;
    size_t n_vpcs;
};

void inventory_release(struct inventory *inv);

/*
 * Read the text into a zeroed inventory; text is borrowed for the call. On failure inv is
 * released. Fails with ERR_CONFIG bad_json, duplicate_key or bad_inventory.
 */
MUST_CHECK bool inventory_parse(struct inventory *inv, struct bytes text, struct err *err);

/* Fails with ERR_REFUSED inventory_old or inventory_future. */
MUST_CHECK bool inventory_check_age(const struct inventory *inv, uint64_t now_wall_us,
                                    struct err *err);

/* Read a file; the age is not judged. As inventory_parse, and ERR_REFUSED inventory_unreadable. */
MUST_CHECK bool inventory_load(struct inventory *inv, const char *path, struct err *err);

/* RFC 3339 with offset, to microseconds since 1970 UTC. False when it is none. */
bool rfc3339_parse(const char *text, uint64_t *wall_us);

#endif
