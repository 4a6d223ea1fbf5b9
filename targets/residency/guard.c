#include "targets/residency/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/json.h"
#include "schema/base/log.h"
#include "schema/base/xalloc.h"
#include "targets/residency/pins.h"
#include "targets/residency/record.h"

static struct name_list copy_list(struct arena *arena, const char *const *items, size_t n)
{
    struct name_list out = {arena_alloc(arena, n * sizeof(char *) + 1), n};

    for (size_t i = 0; i < n; i++)
        out.items[i] = arena_strdup(arena, items[i]);
    return out;
}

static bool add_file(struct policy *p, const char *path, struct err *err)
{
    struct err io = ERR_INIT;
    char *text = NULL;
    size_t len = 0;
    bool ok;

    if (!fs_read_file(fs_real(), path, POLICY_BYTES_MAX, &text, &len, &io)) {
        err_reason(err, ERR_CONFIG, "policy_unreadable", "policy: %s", io.text);
        return false;
    }
    ok = policy_add(p, path, bytes_of(text, len), err);
    free(text);
    return ok;
}

/* An unproven try-out needs no policy; one that is named must be good all the same. */
static bool load_policy(struct guard *g, const struct residency_config *c, struct err *err)
{
    g->policy = policy_new();
    if (c->n_allowed_subnets > 0 && !policy_add_list(g->policy, "allowed_subnets",
                                                     c->allowed_subnets, c->n_allowed_subnets, err))
        return false;
    for (size_t i = 0; i < c->n_policy_files; i++)
        if (!add_file(g->policy, c->policy_files[i], err))
            return false;
    if (policy_n_docs(g->policy) == 0 && g->evidence == EVIDENCE_UNPROVEN_LOOPBACK)
        return true;
    if (!policy_ready(g->policy, err))
        return false;
    policy_sha256(g->policy, g->policy_sha256);
    return true;
}

static bool load_host_policy(struct guard *g, const char *path, struct err *err)
{
    if (path == NULL)
        return true;
    g->host_policy = policy_new();
    if (!add_file(g->host_policy, path, err) || !policy_ready(g->host_policy, err)) {
        err_context(err, "host_policy");
        return false;
    }
    return true;
}

static bool refuse_config(struct err *err, const char *reason, const char *text)
{
    err_reason(err, ERR_CONFIG, reason, "%s", text);
    return false;
}

static bool check_evidence(const struct guard *g, struct err *err)
{
    switch (g->evidence) {
    case EVIDENCE_UNPROVEN_LOOPBACK:
        return true;
    case EVIDENCE_INVENTORY:
        return g->inventory_file != NULL ||
               refuse_config(err, "no_evidence", "residency.evidence names no inventory file");
    case EVIDENCE_EC2:
        return refuse_config(err, "ec2_not_available",
                             "live EC2 evidence is not available yet; save the answers of the API "
                             "as an inventory and name it in residency.evidence");
    case EVIDENCE_NONE:
        break;
    }
    return refuse_config(err, "no_evidence",
                         "residency.evidence is not set; without evidence nothing is sent");
}

static bool check_lists(const struct guard *g, struct err *err)
{
    for (size_t i = 0; i < g->allowed_vpcs.n; i++)
        if (strncmp(g->allowed_vpcs.items[i], "vpc-", 4) != 0)
            return refuse_config(err, "bad_vpc_id",
                                 "residency.allowed_vpcs holds a text that is "
                                 "no VPC id (vpc-...)");
    for (size_t i = 0; i < g->required_zone_ids.n; i++)
        if (g->required_zone_ids.items[i][0] == '\0')
            return refuse_config(err, "bad_zone_id",
                                 "residency.required_zone_ids holds an empty "
                                 "text");
    return true;
}

static bool refuse_host(struct guard *g, const struct verdicts *v, struct err *err)
{
    const struct verdict *no = verdicts_refusal(v);
    char who[128];

    if (no == NULL)
        return true;
    snprintf(who, sizeof(who), "this host (%s, %s)", no->address_text, no->device);
    return record_refusal(g, who, no->reason, no->detail, no, err);
}

static bool check_host_now(struct guard *g, bool is_start, struct err *err)
{
    struct verdicts *v = xcalloc(1, sizeof(*v));
    bool ok = false;

    if (!judge_refresh(g, err) || !judge_host(g, v, err))
        record_failure(g, "this host", err);
    else if (!is_start || record_host(g, v, err))
        ok = refuse_host(g, v, err);
    free(v);
    return ok;
}

bool guard_check_host(struct guard *g, struct err *err)
{
    bool ok;

    pthread_mutex_lock(&g->mutex);
    ok = check_host_now(g, false, err);
    pthread_mutex_unlock(&g->mutex);
    return ok;
}

/* The log leaves this host sooner than the file: it anchors the chain. */
static void log_head(const struct guard *g)
{
    char head[AUDIT_HEAD_SIZE];

    audit_head(g->audit, head);
    if (g->is_service)
        log_info("guard", "audit head %s", head);
    else
        log_debug("guard", "audit head %s", head);
}

static bool record_start(struct guard *g, struct err *err)
{
    struct buf members = BUF_INIT_MAX(AUDIT_LINE_BYTES_MAX);
    bool ok;

    if (g->evidence == EVIDENCE_INVENTORY)
        record_put(&members, "captured_at", g->inventory.captured_at);
    buf_putf(&members, "%s\"policies\":[", members.len ? "," : "");
    for (size_t i = 0; i < policy_n_docs(g->policy); i++) {
        buf_put_str(&members, i ? "," : "");
        json_put_cstr(&members, policy_doc_name(g->policy, i));
    }
    buf_put_str(&members, "]");
    ok = record_event(g, "start", &members, NULL, err);
    buf_release(&members);
    if (ok && guard_is_unproven(g))
        log_warn("guard", "UNPROVEN: loopback peers are permitted without any proof of where they "
                          "are; every result says so");
    log_head(g);
    return ok;
}

static bool load(struct guard *g, const struct residency_config *c, struct err *err)
{
    return load_policy(g, c, err) && load_host_policy(g, c->host_policy_file, err) &&
           check_lists(g, err) && check_evidence(g, err) && judge_refresh(g, err);
}

static bool start(struct guard *g, const struct residency_config *c, struct err *err)
{
    if (!load(g, c, err))
        return record_failure(g, "start", err);
    if (g->only_explains)
        return true;
    return record_start(g, err) && check_host_now(g, true, err);
}

bool guard_open(const struct residency_config *config, struct guard **out, struct err *err)
{
    struct guard *g = xcalloc(1, sizeof(*g));
    struct arena *arena = &g->arena;

    *out = NULL;
    pthread_mutex_init(&g->mutex, NULL);
    g->evidence = config->evidence;
    g->is_service = config->is_service;
    g->only_explains = config->only_explains;
    g->allowed_vpcs = copy_list(arena, config->allowed_vpcs, config->n_allowed_vpcs);
    g->required_zone_ids = copy_list(arena, config->required_zone_ids, config->n_required_zone_ids);
    if (config->inventory_file != NULL)
        g->inventory_file = arena_strdup(arena, config->inventory_file);
    snprintf(g->evidence_name, sizeof(g->evidence_name), "%s",
             guard_is_unproven(g) ? "unproven loopback" : "none");
    if (config->audit_file == NULL) {
        refuse_config(err, "no_audit_file", "the guard has no audit file");
    } else {
        g->pins_path = xasprintf("%s.pins", config->audit_file);
        if (audit_open(config->audit_file, &g->audit, err) && start(g, config, err)) {
            *out = g;
            return true;
        }
    }
    g->only_explains = true; /* what never started does not stop */
    guard_close(g);
    return false;
}

void guard_record_refusal(const char *audit_file, const struct err *refusal)
{
    struct guard g = {.policy = NULL};
    struct err err = ERR_INIT;
    struct err kept = *refusal;

    if (audit_open(audit_file, &g.audit, &err))
        record_failure(&g, "configuration", &kept);
    else
        log_error("guard", "%s", err.text);
    audit_close(g.audit);
}

static void record_stop(struct guard *g)
{
    struct buf members = BUF_INIT_MAX(AUDIT_LINE_BYTES_MAX);
    struct err err = ERR_INIT;

    if (!record_event(g, "stop", &members, NULL, &err))
        log_error("guard", "%s", err.text);
    log_head(g);
    buf_release(&members);
}

void guard_close(struct guard *g)
{
    if (g == NULL)
        return;
    if (!g->only_explains)
        record_stop(g);
    audit_close(g->audit);
    policy_free(g->policy);
    policy_free(g->host_policy);
    inventory_release(&g->inventory);
    arena_release(&g->own_arena);
    arena_release(&g->arena);
    free(g->pins_path);
    pthread_mutex_destroy(&g->mutex);
    free(g);
}

bool guard_is_unproven(const struct guard *g)
{
    return g->evidence == EVIDENCE_UNPROVEN_LOOPBACK;
}

const char *guard_evidence_name(const struct guard *g)
{
    return g->evidence_name;
}

bool guard_scp(const char *const *subnet_arns, size_t n, struct buf *out, struct err *err)
{
    return policy_scp(subnet_arns, n, out, err);
}

static bool accept_peer(struct guard *g, const char *peer, char accepted[80], bool *any,
                        struct err *err)
{
    struct buf members = BUF_INIT_MAX(AUDIT_LINE_BYTES_MAX);
    bool found = false;
    bool ok = pins_accept(g->pins_path, peer, &found, accepted, err);

    if (ok && found) {
        record_put(&members, "peer", peer);
        record_put(&members, "server_id", accepted);
        ok = record_event(g, "accept", &members, NULL, err);
        *any = true;
    }
    buf_release(&members);
    return ok;
}

bool guard_accept(struct guard *g, const char *host, uint16_t port, char accepted[80],
                  struct err *err)
{
    struct verdicts *v = xcalloc(1, sizeof(*v));
    const char *bad = host_check(host);
    bool any = false;
    bool ok = false;

    accepted[0] = '\0';
    pthread_mutex_lock(&g->mutex);
    if (bad != NULL) {
        err_reason(err, ERR_REFUSED, bad, "host \"%.80s\" is refused: %s", host, bad);
        goto done;
    }
    if (!judge_resolve(host, v, err))
        goto done;
    ok = true;
    for (size_t i = 0; i < v->n && ok; i++) {
        char peer[PEER_TEXT_SIZE];

        peer_text(v->items[i].address_text, port, peer);
        ok = accept_peer(g, peer, accepted, &any, err);
    }
    if (ok && !any) {
        err_reason(err, ERR_REFUSED, "nothing_to_accept",
                   "no changed server identity was refused at %s:%u", host, port);
        ok = false;
    }
done:
    pthread_mutex_unlock(&g->mutex);
    free(v);
    return ok;
}
