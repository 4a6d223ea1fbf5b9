/*
 * policy.h - would the organisation's policy have denied an interface in this subnet?
 *
 * Pure: no I/O. A policy is a set of service control policies (SCP documents). The question is
 * put for the probe actions ec2:CreateNetworkInterface and ec2:RunInstances on a network
 * interface of the subnet's own account, with ec2:Subnet = the subnet's ARN. The answer follows
 * IAM where a single value of a present key is concerned, and is stricter in four ways:
 *
 *   - no candidate is a denial, before anything is evaluated;
 *   - candidates are judged one by one, and all must pass;
 *   - a yes needs a positive listing: a match in a negated ec2:Subnet condition of a Deny in
 *     scope or in a positive one of an Allow; a set without such a list is refused;
 *   - what is not understood is refused when it is loaded (elements, operators, variables,
 *     values that are no strings), and conditions on other keys count as true in a Deny and as
 *     false in an Allow.
 *
 * Each document must allow on its own (a document without an Allow is read as next to
 * FullAWSAccess): two allow-lists in two documents intersect.
 */
#ifndef TARGETS_RESIDENCY_POLICY_H
#define TARGETS_RESIDENCY_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/buf.h"
#include "schema/base/bytes.h"
#include "schema/base/digest.h"
#include "schema/base/err.h"

#define POLICY_BYTES_MAX ((size_t)1 << 20) /* of one document */
#define POLICY_DOCS_MAX 64
#define POLICY_VALUE_BYTES_MAX 2048
#define SUBNET_ARN_BYTES_MAX 160

struct policy;

struct policy *policy_new(void); /* empty; denies everything */
void policy_free(struct policy *p);

/*
 * Add one document. name: for messages, copied. text: JSON, borrowed for the call.
 * Fails with ERR_CONFIG; the reason is bad_json, bad_structure, duplicate_key, unknown_operator,
 * unsupported_operator, bad_arn_pattern, unresolved_variable or empty_values. After a failure
 * the policy is only good for policy_free.
 */
MUST_CHECK bool policy_add(struct policy *p, const char *name, struct bytes text, struct err *err);

/* Add the document that policy_scp writes for these subnets. Fails as policy_scp does. */
MUST_CHECK bool policy_add_list(struct policy *p, const char *name, const char *const *arns,
                                size_t n, struct err *err);

/* All documents are in: fails with ERR_CONFIG no_policy or no_allow_list. */
MUST_CHECK bool policy_ready(const struct policy *p, struct err *err);

struct policy_decision {
    bool allowed;
    const char *reason; /* listed explicit_deny not_listed no_matching_allow no_candidates
                           bad_subnet_arn; a constant */
    char detail[320];   /* which document, which Sid; "" if nothing more is to say */
};

/* Judge the candidates; needs policy_ready. arns: borrowed for the call. */
void policy_decide(const struct policy *p, const char *const *arns, size_t n,
                   struct policy_decision *out);

size_t policy_n_docs(const struct policy *p);
const char *policy_doc_name(const struct policy *p, size_t index);
const char *policy_doc_sha256(const struct policy *p, size_t index);
/* The document's hash; of the concatenated hex hashes when there are several. */
void policy_sha256(const struct policy *p, char out[SHA256_HEX_SIZE]);

/* arn:PARTITION:ec2:REGION:ACCOUNT:subnet/subnet-ID, literal: 12 digits, 8 or 17 hex digits. */
bool subnet_arn_is_valid(const char *arn);

/*
 * Write the SCP that denies interfaces and instances outside these subnets.
 * Fails with ERR_CONFIG bad_subnet_arn or empty_values.
 */
MUST_CHECK bool policy_scp(const char *const *arns, size_t n, struct buf *out, struct err *err);

#endif
