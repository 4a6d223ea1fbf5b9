/*
 * mariadb_gtid.h - MariaDB GTIDs, and sets of them: the last sequence of each domain. Pure.
 *
 * Text form: domain-server-sequence, comma separated, as @@gtid_binlog_pos prints it. All
 * sequences of a domain up to its last one belong to the set; the server says only who wrote
 * the last.
 */
#ifndef SCHEMA_MARIADB_GTID_H
#define SCHEMA_MARIADB_GTID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/buf.h"
#include "schema/base/cursor.h"
#include "schema/base/err.h"

#define MARIADB_DOMAINS_MAX 100000 /* per set; a larger one is refused */
#define MARIADB_GTID_TEXT_SIZE 48  /* three numbers, two dashes and a NUL fit */

struct mariadb_gtid {
    uint32_t domain;
    uint32_t server;
    uint64_t sequence; /* 1.. */
};

struct mariadb_set {
    struct mariadb_gtid *last; /* by domain, ascending; owned */
    size_t n;
};

void mariadb_set_release(struct mariadb_set *s);
/* Text; fails with ERR_DATA, also when a domain stands there twice. *out is empty then. */
MUST_CHECK bool mariadb_set_parse(const char *text, struct mariadb_set *out, struct err *err);
void mariadb_set_print(const struct mariadb_set *s, struct buf *out); /* "" for the empty set */
/* Bytes: varint n, then n times varint domain (ascending), server, sequence. */
void mariadb_set_put(const struct mariadb_set *s, struct buf *out);
/* Sets c->bad where the bytes break the rules; *out is empty then. */
void mariadb_set_get(struct cursor *c, struct mariadb_set *out);
/* One that is not behind the domain's last changes nothing. */
void mariadb_set_add(struct mariadb_set *s, const struct mariadb_gtid *g);
bool mariadb_set_has(const struct mariadb_set *s, const struct mariadb_gtid *g);
bool mariadb_set_contains(const struct mariadb_set *s, const struct mariadb_set *subset);

/* out has MARIADB_GTID_TEXT_SIZE bytes. */
void mariadb_gtid_print(const struct mariadb_gtid *g, char *out);
MUST_CHECK bool mariadb_gtid_parse(const char *text, struct mariadb_gtid *out, struct err *err);

#endif
