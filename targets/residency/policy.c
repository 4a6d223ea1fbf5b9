#include "targets/residency/policy_doc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema/base/json.h"
#include "schema/base/xalloc.h"

static const char *const probe_actions[] = {"ec2:CreateNetworkInterface", "ec2:RunInstances"};
static const char probe_interface[] = "network-interface/eni-0a1b2c3d4e5f60718";

enum { PART_ARN, PART_PARTITION, PART_SERVICE, PART_REGION, PART_ACCOUNT, PART_RESOURCE };

enum truth { TRUTH_FALSE, TRUTH_TRUE, TRUTH_UNKNOWN };

/* A candidate and the network interface that would be made in it. */
struct probe {
    const char *subnet_arn;
    struct bytes subnet[ARN_PARTS];
    struct bytes interface[ARN_PARTS];
};

static uint8_t fold(uint8_t c, bool ignore_case)
{
    return ignore_case && c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* * is any run, ? exactly one byte. Backtracks to the last star only: no worse than n * m. */
static bool glob_match(struct bytes pattern, struct bytes s, bool ignore_case)
{
    size_t p = 0;
    size_t i = 0;
    size_t star = SIZE_MAX;
    size_t resume = 0;

    while (i < s.len) {
        bool is_star = p < pattern.len && pattern.data[p] == '*';

        if (is_star) {
            star = p++;
            resume = i;
        } else if (p < pattern.len &&
                   (pattern.data[p] == '?' ||
                    fold(pattern.data[p], ignore_case) == fold(s.data[i], ignore_case))) {
            p++;
            i++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            i = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*')
        p++;
    return p == pattern.len;
}

static bool arn_match(const char *pattern, const struct bytes arn[ARN_PARTS])
{
    struct bytes parts[ARN_PARTS];

    if (!arn_split(pattern, parts))
        return false;
    for (size_t i = 0; i < ARN_PARTS; i++)
        if (!glob_match(parts[i], arn[i], false))
            return false;
    return true;
}

static bool matches_value(const struct policy_condition *c, const char *value,
                          const struct probe *probe)
{
    switch (c->op) {
    case OPERATOR_ARN:
        return arn_match(value, probe->subnet);
    case OPERATOR_STRING:
        return strcmp(value, probe->subnet_arn) == 0;
    case OPERATOR_STRING_NOCASE:
        return strcasecmp(value, probe->subnet_arn) == 0;
    case OPERATOR_STRING_LIKE:
        return glob_match(bytes_str(value), bytes_str(probe->subnet_arn), false);
    case OPERATOR_NULL:
        return strcmp(value, "false") == 0; /* the key is always there */
    case OPERATOR_OTHER:
        break;
    }
    return false;
}

static bool matches_any(const struct policy_condition *c, const struct probe *probe)
{
    for (size_t i = 0; i < c->values.n; i++)
        if (matches_value(c, c->values.items[i], probe))
            return true;
    return false;
}

static enum truth condition_truth(const struct policy_condition *c, const struct probe *probe)
{
    if (!c->is_subnet)
        return TRUTH_UNKNOWN;
    return matches_any(c, probe) != c->is_negated ? TRUTH_TRUE : TRUTH_FALSE;
}

/* One known-false element switches the statement off; the unknown counts against the peer. */
static bool conditions_hold(const struct policy_statement *s, const struct probe *probe)
{
    bool has_unknown = false;

    for (size_t i = 0; i < s->n_conditions; i++) {
        enum truth t = condition_truth(&s->conditions[i], probe);

        if (t == TRUTH_FALSE)
            return false;
        has_unknown = has_unknown || t == TRUTH_UNKNOWN;
    }
    return s->is_deny || !has_unknown;
}

static bool action_listed(const struct policy_statement *s, const char *action)
{
    for (size_t i = 0; i < s->actions.n; i++)
        if (glob_match(bytes_str(s->actions.items[i]), bytes_str(action), true))
            return true;
    return false;
}

static bool actions_in_scope(const struct policy_statement *s)
{
    for (size_t i = 0; i < sizeof(probe_actions) / sizeof(probe_actions[0]); i++)
        if (action_listed(s, probe_actions[i]) != s->is_not_action)
            return true;
    return false;
}

static bool resources_in_scope(const struct policy_statement *s, const struct probe *probe)
{
    bool listed = false;

    for (size_t i = 0; i < s->resources.n && !listed; i++)
        listed = strcmp(s->resources.items[i], "*") == 0 ||
                 arn_match(s->resources.items[i], probe->interface);
    return listed != s->is_not_resource;
}

static bool in_scope(const struct policy_statement *s, const struct probe *probe)
{
    return actions_in_scope(s) && resources_in_scope(s, probe);
}

/* Can this condition list a subnet, given the effect of its statement? */
static bool is_list(const struct policy_statement *s, const struct policy_condition *c)
{
    return c->is_subnet && c->op != OPERATOR_NULL && c->is_negated == s->is_deny;
}

/* s is in scope. An Allow lists only while it holds. */
static bool lists(const struct policy_statement *s, const struct probe *probe)
{
    if (!s->is_deny && !conditions_hold(s, probe))
        return false;
    for (size_t i = 0; i < s->n_conditions; i++)
        if (is_list(s, &s->conditions[i]) && matches_any(&s->conditions[i], probe))
            return true;
    return false;
}

static void decide(struct policy_decision *out, const char *reason)
{
    out->allowed = false;
    out->reason = reason;
    out->detail[0] = '\0';
}

static void deny_by(struct policy_decision *out, const struct policy_doc *doc,
                    const struct policy_statement *s)
{
    bool has_unknown = false;

    for (size_t i = 0; i < s->n_conditions; i++)
        has_unknown = has_unknown || !s->conditions[i].is_subnet;
    decide(out, "explicit_deny");
    snprintf(out->detail, sizeof(out->detail), "%.120s, statement %zu%s%.60s%s", doc->name,
             (size_t)(s - doc->statements) + 1, s->sid[0] ? " Sid " : "", s->sid,
             has_unknown ? "; it has conditions on other keys, which count as true" : "");
}

/* False: decided against in out. *listed is set when a statement lists the candidate. */
static bool judge_doc(const struct policy_doc *doc, const struct probe *probe, bool *listed,
                      bool *has_allow, struct policy_decision *out)
{
    *has_allow = !doc->has_allow;
    for (size_t i = 0; i < doc->n_statements; i++) {
        const struct policy_statement *s = &doc->statements[i];

        if (!in_scope(s, probe))
            continue;
        *listed = *listed || lists(s, probe);
        if (!conditions_hold(s, probe))
            continue;
        if (s->is_deny) {
            deny_by(out, doc, s);
            return false;
        }
        *has_allow = true;
    }
    return true;
}

static bool is_hex_id(struct bytes s)
{
    if (s.len != 8 && s.len != 17)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (strchr("0123456789abcdef", s.data[i]) == NULL)
            return false;
    return true;
}

static bool all_of(struct bytes s, const char *set, size_t min, size_t max)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] == '\0' || strchr(set, s.data[i]) == NULL)
            return false;
    return s.len >= min && s.len <= max;
}

bool subnet_arn_is_valid(const char *arn)
{
    static const char name_set[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    static const char subnet[] = "subnet/subnet-";
    const size_t head = sizeof(subnet) - 1;
    struct bytes p[ARN_PARTS];

    if (strlen(arn) > SUBNET_ARN_BYTES_MAX || !arn_split(arn, p))
        return false;
    return bytes_equal(p[PART_ARN], bytes_str("arn")) &&
           all_of(p[PART_PARTITION], name_set, 3, 24) &&
           bytes_equal(p[PART_SERVICE], bytes_str("ec2")) &&
           all_of(p[PART_REGION], name_set, 3, 40) &&
           all_of(p[PART_ACCOUNT], "0123456789", 12, 12) && p[PART_RESOURCE].len > head &&
           memcmp(p[PART_RESOURCE].data, subnet, head) == 0 &&
           is_hex_id(bytes_of(p[PART_RESOURCE].data + head, p[PART_RESOURCE].len - head));
}

static void probe_init(struct probe *probe, const char *arn)
{
    bool is_split = arn_split(arn, probe->subnet);

    (void)is_split; /* the ARN is valid */
    probe->subnet_arn = arn;
    memcpy(probe->interface, probe->subnet, sizeof(probe->interface));
    probe->interface[PART_RESOURCE] = bytes_str(probe_interface);
}

static void judge(const struct policy *p, const char *arn, struct policy_decision *out)
{
    struct probe probe;
    bool listed = false;
    const struct policy_doc *without_allow = NULL;

    if (!subnet_arn_is_valid(arn)) {
        decide(out, "bad_subnet_arn");
        return;
    }
    probe_init(&probe, arn);
    for (size_t i = 0; i < p->n_docs; i++) {
        bool has_allow;

        if (!judge_doc(&p->docs[i], &probe, &listed, &has_allow, out))
            return;
        if (!has_allow && without_allow == NULL)
            without_allow = &p->docs[i];
    }
    if (without_allow != NULL) {
        decide(out, "no_matching_allow");
        snprintf(out->detail, sizeof(out->detail), "%.200s", without_allow->name);
    } else if (!listed) {
        decide(out, "not_listed");
    } else {
        *out = (struct policy_decision){true, "listed", ""};
    }
}

void policy_decide(const struct policy *p, const char *const *arns, size_t n,
                   struct policy_decision *out)
{
    decide(out, "no_candidates");
    for (size_t i = 0; i < n; i++) {
        judge(p, arns[i], out);
        if (!out->allowed)
            return;
    }
}

/* Might the statement ever concern a network interface, whatever Region and account? */
static bool may_be_in_scope(const struct policy_statement *s)
{
    bool listed = false;

    for (size_t i = 0; i < s->resources.n && !listed; i++) {
        struct bytes p[ARN_PARTS];

        if (strcmp(s->resources.items[i], "*") == 0 || !arn_split(s->resources.items[i], p))
            listed = true;
        else
            listed = glob_match(p[PART_SERVICE], bytes_str("ec2"), false) &&
                     glob_match(p[PART_RESOURCE], bytes_str(probe_interface), false) &&
                     (!s->is_not_resource || (bytes_equal(p[PART_PARTITION], bytes_str("*")) &&
                                              bytes_equal(p[PART_REGION], bytes_str("*")) &&
                                              bytes_equal(p[PART_ACCOUNT], bytes_str("*"))));
    }
    return actions_in_scope(s) && listed != s->is_not_resource;
}

static bool has_list(const struct policy_statement *s)
{
    for (size_t i = 0; i < s->n_conditions; i++)
        if (is_list(s, &s->conditions[i]))
            return true;
    return false;
}

bool policy_ready(const struct policy *p, struct err *err)
{
    if (p->n_docs == 0) {
        err_reason(err, ERR_CONFIG, "no_policy",
                   "no residency policy is configured; name allowed_subnets or policy_files");
        return false;
    }
    for (size_t d = 0; d < p->n_docs; d++)
        for (size_t i = 0; i < p->docs[d].n_statements; i++) {
            const struct policy_statement *s = &p->docs[d].statements[i];

            if (has_list(s) && may_be_in_scope(s))
                return true;
        }
    err_reason(err, ERR_CONFIG, "no_allow_list",
               "no statement of the policy lists subnets that network interfaces may be in "
               "(%s%s); a list of what is forbidden is no residency policy",
               p->docs[0].name, p->n_docs > 1 ? " and others" : "");
    return false;
}

struct policy *policy_new(void)
{
    return xcalloc(1, sizeof(struct policy));
}

void policy_free(struct policy *p)
{
    if (p == NULL)
        return;
    arena_release(&p->arena);
    free(p);
}

bool policy_add(struct policy *p, const char *name, struct bytes text, struct err *err)
{
    struct policy_doc *doc = &p->docs[p->n_docs];

    if (p->n_docs == POLICY_DOCS_MAX) {
        err_reason(err, ERR_CONFIG, "bad_structure", "more than %d policy documents",
                   POLICY_DOCS_MAX);
        return false;
    }
    *doc = (struct policy_doc){.name = arena_strdup(&p->arena, name)};
    if (!policy_doc_load(doc, &p->arena, text, err)) {
        err_context(err, "policy %s", name);
        return false;
    }
    p->n_docs++;
    return true;
}

bool policy_add_list(struct policy *p, const char *name, const char *const *arns, size_t n,
                     struct err *err)
{
    struct buf text = BUF_INIT_MAX(POLICY_BYTES_MAX);
    bool ok = policy_scp(arns, n, &text, err) && policy_add(p, name, buf_bytes(&text), err);

    buf_release(&text);
    return ok;
}

size_t policy_n_docs(const struct policy *p)
{
    return p->n_docs;
}

const char *policy_doc_name(const struct policy *p, size_t index)
{
    return p->docs[index].name;
}

const char *policy_doc_sha256(const struct policy *p, size_t index)
{
    return p->docs[index].sha256;
}

void policy_sha256(const struct policy *p, char out[SHA256_HEX_SIZE])
{
    struct buf all = BUF_INIT;

    for (size_t i = 0; i < p->n_docs; i++)
        buf_put_str(&all, p->docs[i].sha256);
    if (p->n_docs == 1)
        memcpy(out, p->docs[0].sha256, SHA256_HEX_SIZE);
    else
        sha256_hex(buf_bytes(&all), out);
    buf_release(&all);
}

bool policy_scp(const char *const *arns, size_t n, struct buf *out, struct err *err)
{
    if (n == 0) {
        err_reason(err, ERR_CONFIG, "empty_values", "the list of allowed subnets is empty");
        return false;
    }
    buf_put_str(out, "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n"
                     "      \"Sid\": \"DenyOutsideAllowedSubnets\",\n"
                     "      \"Effect\": \"Deny\",\n"
                     "      \"Action\": [\"ec2:RunInstances\", \"ec2:CreateNetworkInterface\"],\n"
                     "      \"Resource\": [\"arn:*:ec2:*:*:network-interface/*\"],\n"
                     "      \"Condition\": {\n        \"ArnNotEquals\": {\n"
                     "          \"ec2:Subnet\": [");
    for (size_t i = 0; i < n; i++) {
        if (!subnet_arn_is_valid(arns[i])) {
            err_reason(err, ERR_CONFIG, "bad_subnet_arn",
                       "not the ARN of one subnet: \"%.160s\"; it is written as "
                       "arn:aws:ec2:REGION:ACCOUNT:subnet/subnet-ID",
                       arns[i]);
            return false;
        }
        buf_put_str(out, i ? ",\n            " : "\n            ");
        json_put_cstr(out, arns[i]);
    }
    buf_put_str(out, "\n          ]\n        }\n      }\n    }\n  ]\n}\n");
    return true;
}
