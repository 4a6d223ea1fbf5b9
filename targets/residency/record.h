/*
 * record.h - the guard's audit records: what they hold and how a refusal is told.
 *
 * Private to targets/residency.
 */
#ifndef TARGETS_RESIDENCY_RECORD_H
#define TARGETS_RESIDENCY_RECORD_H

#include "targets/residency/judge.h"

#define PEER_TEXT_SIZE 80

/* "10.0.8.10:3306", "[2600::1]:3306". */
void peer_text(const char *address, uint16_t port, char out[PEER_TEXT_SIZE]);

/* A string member, with a comma before it unless it is the first; skipped when NULL or "". */
void record_put(struct buf *members, const char *name, const char *value);
/* evidence, unproven, policy_sha256: in every record. */
void record_put_basis(struct buf *members, const struct guard *g);
void record_put_permit(struct buf *members, const struct permit *p);

/*
 * Write a refuse record and set err: ERR_REFUSED with the reason. v: the verdict with the facts, or
 * NULL. Always false; when the record cannot be written, err tells that instead.
 */
bool record_refusal(struct guard *g, const char *peer, const char *reason, const char *detail,
                    const struct verdict *v, struct err *err);

/* Write a refuse record for an error that is set already, and keep it. Always false. */
bool record_failure(struct guard *g, const char *what, struct err *err);

/* host records of our own addresses; also of those that are refused. */
MUST_CHECK bool record_host(struct guard *g, const struct verdicts *v, struct err *err);

/* The same for start, stop, permit, confirm...: basis and members. */
MUST_CHECK bool record_event(struct guard *g, const char *event, struct buf *members, uint64_t *seq,
                             struct err *err);

#endif
