/*
 * gtid.h - sets of MySQL GTIDs, tagged (8.3+) and untagged. Pure.
 *
 * Text form: uuid[:tag]:first[-last][:...], comma separated, as @@gtid_executed prints it.
 * Wire form of COM_BINLOG_DUMP_GTID and PREVIOUS_GTIDS: binlog.md 1.4 (both encodings).
 * Intervals are inclusive here and always merged and sorted.
 */
#ifndef SCHEMA_GTID_H
#define SCHEMA_GTID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/buf.h"
#include "schema/base/bytes.h"
#include "schema/base/err.h"

#define GTID_TAG_MAX 32
#define GTID_INTERVALS_MAX 1000000 /* per set; a larger one is refused */
#define GTID_TEXT_SIZE 96          /* uuid:tag:gno and a NUL fit */

struct gtid {
    uint8_t uuid[16];
    char tag[GTID_TAG_MAX + 1]; /* "" = none */
    uint64_t gno;               /* 1.. ; 0 = no GTID (anonymous) */
};

struct gtid_set;

struct gtid_set *gtid_set_new(void);
void gtid_set_free(struct gtid_set *s);
struct gtid_set *gtid_set_clone(const struct gtid_set *s);
/* Text (whitespace and newlines between elements are good); fails with ERR_DATA. */
MUST_CHECK bool gtid_set_parse(const char *text, struct gtid_set **out, struct err *err);
MUST_CHECK bool gtid_set_decode(struct bytes wire, struct gtid_set **out, struct err *err);
/* Untagged encoding if no element has a tag, else the tagged one. */
void gtid_set_encode(const struct gtid_set *s, struct buf *out);
void gtid_set_print(const struct gtid_set *s, struct buf *out); /* "" for the empty set */
void gtid_set_add(struct gtid_set *s, const struct gtid *g);
void gtid_set_merge(struct gtid_set *s, const struct gtid_set *other);
bool gtid_set_has(const struct gtid_set *s, const struct gtid *g);
bool gtid_set_contains(const struct gtid_set *s, const struct gtid_set *subset);
bool gtid_set_equal(const struct gtid_set *a, const struct gtid_set *b);
bool gtid_set_is_empty(const struct gtid_set *s);
/* a minus b, new set. */
struct gtid_set *gtid_set_subtract(const struct gtid_set *a, const struct gtid_set *b);

/* "uuid:gno" or "uuid:tag:gno"; "" for gno 0. out has GTID_TEXT_SIZE bytes. */
void gtid_print(const struct gtid *g, char *out);
MUST_CHECK bool gtid_parse(const char *text, struct gtid *out, struct err *err);

#endif
