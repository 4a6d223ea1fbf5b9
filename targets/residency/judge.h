/*
 * judge.h - evidence and policy together: may this address be a target, may we be where we are?
 *
 * Private to targets/residency. No audit record is written here.
 */
#ifndef TARGETS_RESIDENCY_JUDGE_H
#define TARGETS_RESIDENCY_JUDGE_H

#include <pthread.h>
#include <sys/stat.h>

#include "schema/base/arena.h"
#include "targets/residency/audit.h"
#include "targets/residency/guard.h"
#include "targets/residency/inventory.h"
#include "targets/residency/locate.h"
#include "targets/residency/policy.h"

#define VERDICTS_MAX 64

struct name_list {
    const char **items;
    size_t n;
};

struct guard {
    pthread_mutex_t mutex; /* over all below but what never changes after guard_open */
    struct arena arena;    /* of the configuration's copies */
    enum evidence_kind evidence;
    bool is_service;
    bool only_explains;
    struct name_list allowed_vpcs;
    struct name_list required_zone_ids;
    struct policy *policy;
    struct policy *host_policy; /* NULL: policy */
    const char *inventory_file;
    struct inventory inventory;
    struct stat inventory_stat; /* of the file when it was read */
    bool has_inventory;
    struct arena own_arena;
    struct vpc own_vpc; /* id NULL: not known, or several */
    char evidence_name[96];
    char policy_sha256[SHA256_HEX_SIZE];
    struct audit *audit; /* NULL only while guard_open fails */
    char *pins_path;
};

/* The decision on one address. */
struct verdict {
    struct address address;
    char address_text[ADDRESS_TEXT_SIZE];
    char device[32]; /* of our own addresses: the network device; else "" */
    bool allowed;
    const char *reason; /* a constant */
    char detail[420];
    char subnet_arn[SUBNET_ARN_BYTES_MAX + 1];
    char zone_id[EC2_ID_BYTES_MAX + 1];
    char zone_type[24];
    char vpc[EC2_ID_BYTES_MAX + 1];
    char interface[EC2_ID_BYTES_MAX + 1];
    char instance[EC2_ID_BYTES_MAX + 1];
};

struct verdicts {
    struct verdict items[VERDICTS_MAX];
    size_t n;
};

/* All must pass: the first that does not, or NULL. */
const struct verdict *verdicts_refusal(const struct verdicts *v);

/*
 * Read the evidence again if its file changed, and judge its age.
 * Fails with ERR_REFUSED or ERR_CONFIG; the former evidence is kept for messages only.
 */
MUST_CHECK bool judge_refresh(struct guard *g, struct err *err);

void judge_target(const struct guard *g, const struct address *a, struct verdict *out);

/* Each address of this host; sets the guard's own VPC. Fails with ERR_REFUSED or ERR_IO when
 * there is none, too many, or they cannot be listed. */
MUST_CHECK bool judge_host(struct guard *g, struct verdicts *out, struct err *err);

/* The addresses of a checked host. Fails with ERR_RETRY unresolved, ERR_REFUSED. */
MUST_CHECK bool judge_resolve(const char *host, struct verdicts *out, struct err *err);

/* Append the JSON members of a verdict, each with a comma before it. */
void verdict_put_json(struct buf *b, const struct verdict *v);

#endif
