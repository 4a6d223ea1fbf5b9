/*
 * mysql_gtid.h - sets of MySQL GTIDs, tagged (8.3+) and untagged. Pure.
 *
 * Text form: uuid[:tag]:first[-last][:...], comma separated, as @@gtid_executed prints it.
 * Wire form of COM_BINLOG_DUMP_GTID and PREVIOUS_GTIDS: binlog.md 1.4 (both encodings).
 * Intervals are inclusive here and always merged and sorted.
 */
#ifndef SCHEMA_MYSQL_GTID_H
#define SCHEMA_MYSQL_GTID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/buf.h"
#include "schema/base/bytes.h"
#include "schema/base/err.h"

#define GTID_TAG_MAX 32
#define GTID_INTERVALS_MAX 1000000 /* per set; a larger one is refused */
#define MYSQL_GTID_TEXT_SIZE 96    /* uuid:tag:gno and a NUL fit */

struct mysql_gtid {
    uint8_t uuid[16];
    char tag[GTID_TAG_MAX + 1]; /* "" = none */
    uint64_t gno;               /* 1.. */
};

struct mysql_set;

struct mysql_set *mysql_set_new(void);
void mysql_set_free(struct mysql_set *s);
struct mysql_set *mysql_set_clone(const struct mysql_set *s);
/* Text (whitespace and newlines between elements are good); fails with ERR_DATA. */
MUST_CHECK bool mysql_set_parse(const char *text, struct mysql_set **out, struct err *err);
MUST_CHECK bool mysql_set_decode(struct bytes wire, struct mysql_set **out, struct err *err);
/* Untagged encoding if no element has a tag, else the tagged one. */
void mysql_set_encode(const struct mysql_set *s, struct buf *out);
void mysql_set_print(const struct mysql_set *s, struct buf *out); /* "" for the empty set */
void mysql_set_add(struct mysql_set *s, const struct mysql_gtid *g);
void mysql_set_merge(struct mysql_set *s, const struct mysql_set *other);
bool mysql_set_has(const struct mysql_set *s, const struct mysql_gtid *g);
bool mysql_set_contains(const struct mysql_set *s, const struct mysql_set *subset);
bool mysql_set_is_empty(const struct mysql_set *s);

/* "uuid:gno" or "uuid:tag:gno". out has MYSQL_GTID_TEXT_SIZE bytes. */
void mysql_gtid_print(const struct mysql_gtid *g, char *out);
MUST_CHECK bool mysql_gtid_parse(const char *text, struct mysql_gtid *out, struct err *err);

#endif
