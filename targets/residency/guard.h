/*
 * guard.h - the only source of permits, and a permit is the only door to a target.
 *
 * No data leaves for a peer that is not proven: address of the connected socket -> network
 * interface -> subnet ARN -> policy. Every doubt is a refusal (ERR_REFUSED with a stable
 * reason code). Order for one connection:
 *
 *     guard_permit    host and port -> approved literal address; connect to that literal
 *     guard_confirm   right after connect, before the first statement that carries data
 *     permit_check    before each commit; renew with guard_renew when permit_is_due says so
 *
 * A permit lives 300 s and is due for renewal after 60 s. Each decision is in the audit file
 * (audit.h) before the function returns; a decision that cannot be recorded is a refusal.
 * All functions that take a guard may be called from several threads; one permit belongs to
 * one thread.
 */
#ifndef TARGETS_RESIDENCY_GUARD_H
#define TARGETS_RESIDENCY_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"

#define PERMIT_LIFE_US ((uint64_t)300 * 1000 * 1000)
#define PERMIT_RENEW_US ((uint64_t)60 * 1000 * 1000)

enum evidence_kind {
    EVIDENCE_NONE = 0,          /* refused: "no_evidence" */
    EVIDENCE_EC2,               /* refused by name until there is a client for the EC2 API */
    EVIDENCE_INVENTORY,         /* saved answers of the EC2 API, at most 24 h old */
    EVIDENCE_UNPROVEN_LOOPBACK, /* loopback peers only; everything is marked unproven */
};

/* The configuration's "residency" member. All borrowed for guard_open; copied there. */
struct residency_config {
    const char **allowed_subnets; /* subnet ARNs, literal: the simple form of a policy */
    size_t n_allowed_subnets;
    const char **policy_files; /* SCP documents (JSON); judged together with the list above */
    size_t n_policy_files;
    const char **allowed_vpcs; /* VPCs beside the host's own where a target may be */
    size_t n_allowed_vpcs;
    const char **required_zone_ids; /* empty: any zone that the policy's subnets have */
    size_t n_required_zone_ids;
    const char *host_policy_file; /* policy for our own host; NULL: as for the target */
    enum evidence_kind evidence;
    const char *inventory_file; /* for EVIDENCE_INVENTORY */
    const char *audit_file;     /* appended to; pins and anchor are kept beside it */
    bool is_service;            /* logs the heads of the audit chain at info, else at debug */
    bool only_explains;         /* for explain, describe and accept: gives no permit, and a host
                                   that is refused does not keep it from opening */
};

struct guard;

/* A time-limited yes to one connection. Owns nothing; fill it only through the guard. */
struct permit {
    char host[256]; /* as configured */
    char peer[64];  /* the approved literal address: connect to this and nothing else */
    uint16_t port;
    char subnet_arn[192]; /* "" when unproven */
    char zone_id[40];
    char zone_type[24];
    char vpc[40];
    char interface[40];
    char instance[40];
    char server_id[80]; /* "" until guard_confirm */
    uint64_t issued_us; /* wall clock, for people */
    uint64_t expires_us;
    uint64_t issued_steady_us; /* steady clock, for decisions */
    uint64_t seq;              /* of its audit record */
    bool is_unproven;
    bool is_confirmed;      /* guard_confirm has said yes for the connection in hand */
    char policy_sha256[65]; /* of the document; of the list of hashes if there are several */
    char evidence[96];      /* "static inventory sha256:..." or "unproven loopback" */
};

/*
 * Load policy and evidence, judge our own host, open the audit file.
 * config: borrowed for the call.
 * Fails with ERR_CONFIG (policy or inventory in error, reason code of the document) or
 * ERR_REFUSED; the refusal is in the audit file whenever that file can be written.
 */
MUST_CHECK bool guard_open(const struct residency_config *config, struct guard **out,
                           struct err *err);
/*
 * Record a refusal that comes before any guard: an error in the residency configuration. What
 * cannot be recorded is logged; the caller reports refusal itself.
 */
void guard_record_refusal(const char *audit_file, const struct err *refusal);
void guard_close(struct guard *g); /* writes the stop record; NULL is accepted */

/*
 * Is our own host inside the policy now? Each address but loopback and link-local must be that of
 * an interface in an allowed subnet: the queue and our memory hold rows. guard_open, guard_permit
 * and guard_renew ask this too; for processes that open no target (capture), at most every 60 s.
 */
MUST_CHECK bool guard_check_host(struct guard *g, struct err *err);

bool guard_is_unproven(const struct guard *g);
/* For status lines: "static inventory sha256:... captured ..." or "unproven loopback". */
const char *guard_evidence_name(const struct guard *g);

/*
 * Decide on host and port: one name or literal (IPv6 without brackets). Each address of a
 * name must pass; the permit is for the first. Nothing is sent to the peer.
 * Fails with ERR_REFUSED (reason code), or ERR_RETRY when the name does not resolve now.
 */
MUST_CHECK bool guard_permit(struct guard *g, const char *host, uint16_t port, struct permit *out,
                             struct err *err);

/* What a connection shows of itself. Borrowed for the call. */
struct peer_facts {
    const struct sockaddr *peer;         /* getpeername() */
    const struct sockaddr *local;        /* getsockname() */
    const char *echo;                    /* "addr:port" or "name:port" as the server sees us */
    const char *server_id;               /* server_uid (MariaDB), server_uuid (MySQL) */
    const char *proxy_protocol_networks; /* @@proxy_protocol_networks; NULL: has none */
    const char *tls_fingerprint;         /* for the record; NULL if none */
};

/*
 * Is the connection what the permit is for? Peer equals the approved literal, the echoed port
 * equals our local port (else "middlebox"), no proxy protocol, server identity as pinned (first
 * use pins; a change is "server_changed" until `domicile guard accept`).
 * echo: SELECT HOST FROM information_schema.PROCESSLIST WHERE ID=CONNECTION_ID().
 * After a reconnect: a new guard_permit, then guard_confirm again.
 */
MUST_CHECK bool guard_confirm(struct guard *g, struct permit *p, const struct peer_facts *facts,
                              struct err *err);

/* True when the permit holds now; else ERR_REFUSED "permit_expired" or "not_confirmed". */
MUST_CHECK bool permit_check(const struct permit *p, struct err *err);
/* True when nothing may go out on this permit any more; only a new guard_permit helps. */
bool permit_is_expired(const struct permit *p);
/* True when the permit is older than 60 s: call guard_renew before the next commit. */
bool permit_is_due(const struct permit *p);

/*
 * Decide anew for the same peer. When the evidence is unavailable (file unreadable, too old) a
 * permit that still holds is left as it is and true is returned, with a warning; when evidence or
 * policy now say no, ERR_REFUSED and the permit is dead. An expired permit is ERR_REFUSED.
 */
MUST_CHECK bool guard_renew(struct guard *g, struct permit *p, struct err *err);

/*
 * Accept the changed server identity that was last refused for this target.
 * accepted: receives the new identity. Fails with ERR_REFUSED "nothing_to_accept".
 */
MUST_CHECK bool guard_accept(struct guard *g, const char *host, uint16_t port, char accepted[80],
                             struct err *err);

/*
 * Say how the decision for host and port comes about, as text or one JSON value.
 * *allowed: the decision. False only when it cannot be worked out at all.
 */
MUST_CHECK bool guard_explain(struct guard *g, const char *host, uint16_t port, bool as_json,
                              struct buf *out, bool *allowed, struct err *err);

/* The evidence and policies in use with their hashes, as text or one JSON value. */
void guard_describe(struct guard *g, bool as_json, struct buf *out);

/*
 * The service control policy that denies interfaces and instances outside the n subnets.
 * Fails with ERR_CONFIG (bad_subnet_arn, no_allow_list).
 */
MUST_CHECK bool guard_scp(const char *const *subnet_arns, size_t n, struct buf *out,
                          struct err *err);

#endif
