/*
 * record.h - one item of the queue to and from bytes. Pure; the format is told in record.c.
 *
 * Every record_put_*() appends one whole record to `out` (the buffer's overflow flag says
 * that it did not fit). Every record_get_*() reads a body that record_split() gave; it fails
 * with ERR_DATA, reason "queue_corrupt", and touches nothing outside the body.
 */
#ifndef CDC_QUEUE_RECORD_H
#define CDC_QUEUE_RECORD_H

#include "schema/base/arena.h"
#include "schema/base/buf.h"
#include "schema/base/bytes.h"
#include "schema/base/err.h"
#include "schema/base/map.h"
#include "schema/catalog.h"
#include "schema/change.h"

#define RECORD_BYTES_MAX ((size_t)1 << 30)
#define RECORD_EFFECTS_MAX 100000 /* tables that one DDL statement touches */

enum record_type {
    RECORD_BEGIN = 1,
    RECORD_CHANGE = 2,
    RECORD_DDL = 3,
    RECORD_END = 4,
    RECORD_TABLE = 5,
    RECORD_DATABASE = 6,
    RECORD_GTIDS = 7, /* version 1 only */
    RECORD_START = 8,
};

/* Where a segment starts: the place in the source, the transaction before, and the next free
 * definition number. */
struct record_start {
    struct place place; /* owned by the caller after record_get_start() */
    struct gtid gtid;
    uint64_t commit_us;
    uint32_t next_id;
};

/* A definition on its way. live: it is in the catalogue from here on (else a DDL record
 * that follows says what becomes of it). */
struct record_table {
    uint32_t id;
    bool live;
    struct table *table; /* owned by the caller after record_get_table() */
};

/* What a DDL record holds beside struct ddl: the numbers of its definitions, and the
 * database's character set behind CREATE and ALTER DATABASE ("" otherwise). */
struct record_ddl {
    const uint32_t *ids; /* before, after of each effect; 0 = NULL */
    const char *charset;
    const char *collation;
};

/* Definitions by number: key = the number's 4 bytes, value = const struct table *. */
struct record_definitions {
    struct map by_id;
    uint32_t last_id; /* one-entry cache */
    const struct table *last;
};

void record_definitions_put(struct record_definitions *d, uint32_t id, const struct table *t);
/* NULL when unknown. */
const struct table *record_definitions_get(struct record_definitions *d, uint32_t id);
void record_definitions_release(struct record_definitions *d); /* not the tables */

/* Where the values of a decoded change live until the next one. */
struct record_row {
    struct value *before;
    struct value *after;
    uint32_t cap; /* columns */
};

void record_row_release(struct record_row *row);

enum record_split_result { RECORD_WHOLE, RECORD_PART, RECORD_BROKEN };

/*
 * Take the first record off `*in`. RECORD_PART: the bytes end inside it, nothing is taken,
 * *need is its whole size in bytes or 0 when not even the length is complete.
 */
enum record_split_result record_split(struct bytes *in, enum record_type *type, struct bytes *body,
                                      size_t *need);

void record_put_begin(struct buf *out, const struct tx_begin *begin);
void record_put_change(struct buf *out, uint32_t table_id, const struct change *change);
void record_put_ddl(struct buf *out, const struct ddl *ddl, const struct record_ddl *more);
void record_put_end(struct buf *out, const struct tx_end *end);
void record_put_table(struct buf *out, uint32_t id, bool live, const struct table *table);
void record_put_database(struct buf *out, const char *db, const char *charset,
                         const char *collation);
void record_put_start(struct buf *out, const struct record_start *start);

MUST_CHECK bool record_get_begin(struct bytes body, struct tx_begin *out, struct err *err);
/* Bytes of the values point into the body, the arrays into `row`. */
MUST_CHECK bool record_get_change(struct bytes body, struct record_definitions *d,
                                  struct record_row *row, struct change *out, struct err *err);
/* All of out and more lives in the arena, definitions where `d` has them from. */
MUST_CHECK bool record_get_ddl(struct bytes body, struct record_definitions *d, struct arena *arena,
                               struct ddl *out, struct record_ddl *more, struct err *err);
MUST_CHECK bool record_get_end(struct bytes body, struct tx_end *out, struct err *err);
MUST_CHECK bool record_get_table(struct bytes body, struct record_table *out, struct err *err);
/* The strings live in the arena. */
MUST_CHECK bool record_get_database(struct bytes body, struct arena *arena, const char **db,
                                    const char **charset, const char **collation, struct err *err);
/* Gives `out`, which has none, its GTIDs. */
MUST_CHECK bool record_get_gtids(struct bytes body, struct place *out, struct err *err);
/* version: of the segment that it stands in; in version 1 the GTIDs follow in their own record. */
MUST_CHECK bool record_get_start(struct bytes body, uint16_t version, struct record_start *out,
                                 struct err *err);

#endif
