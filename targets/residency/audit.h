/*
 * audit.h - the record of what the guard decided: append-only, hash-chained JSON lines.
 *
 * The format is told at the top of audit.c. Several processes may append to one file (flock
 * around each append); one struct audit may be used by several threads.
 */
#ifndef TARGETS_RESIDENCY_AUDIT_H
#define TARGETS_RESIDENCY_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/buf.h"
#include "schema/base/digest.h"
#include "schema/base/err.h"

#define AUDIT_LINE_BYTES_MAX ((size_t)64 << 10)

struct audit;

/*
 * Open or create the file (mode 0600) and, where it is missing, its directory (0700). Checks the
 * last line, and the anchor beside the file. Fails with ERR_IO, or ERR_REFUSED audit_broken or
 * audit_truncated.
 */
MUST_CHECK bool audit_open(const char *path, struct audit **out, struct err *err);
void audit_close(struct audit *a); /* NULL is accepted */
/* "SEQ:HASH" of the last record that this process knows, to be noted elsewhere. */
#define AUDIT_HEAD_SIZE 96
void audit_head(struct audit *a, char out[AUDIT_HEAD_SIZE]);

/*
 * Append one record and sync it. event: a short constant; members: JSON members without braces
 * ("" or "\"reason\":\"listed\""); seq, time, event and prev are put around them.
 * *seq: receives the record's number (may be NULL).
 */
MUST_CHECK bool audit_append(struct audit *a, const char *event, struct bytes members,
                             uint64_t *seq, struct err *err);

struct audit_summary {
    uint64_t n_records;
    uint64_t last_seq; /* 0: the file is empty */
    char last_hash[SHA256_HEX_SIZE];
    uint64_t n_torn;   /* fragments that a crash left and a torn record names */
    bool is_tail_torn; /* the last line is a fragment that no record names yet */
    bool has_anchor;
};

/*
 * Read the whole file and check the chain. head: NULL, or "SEQ:HASH" noted elsewhere earlier,
 * which must be in the chain. Fails with ERR_REFUSED audit_broken (names the line) or
 * audit_truncated, or ERR_IO.
 */
MUST_CHECK bool audit_verify(const char *path, const char *head, struct audit_summary *out,
                             struct err *err);

#endif
