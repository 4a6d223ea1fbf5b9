/*
 * sqlcanon.h - SQL by which a server computes canonical forms (targets/canon.h) by itself.
 *
 * HEX and the like are NULL above max_allowed_packet, and two different 12 MiB values would
 * hash alike: so large values enter as their SHA-256, and a token that comes out NULL though
 * its column is not makes the row's form NULL: it is unhashed, and the sums show it. POINT is
 * the only way in which both servers show all bits of a float (types-and-ddl.md D).
 *
 * For sessions with NAMES utf8mb4 and time_zone +00:00. columns: which take part.
 */
#ifndef TARGETS_SQLCANON_H
#define TARGETS_SQLCANON_H

#include "targets/canon.h"
#include "targets/sqltext.h"

/* SELECT of one row for canon_sums, to be read by sql_read_sums(). */
void sql_put_sums(struct buf *b, const struct table *t, const bool *columns,
                  const struct selection *which, enum sql_dialect dialect);
#define SQL_SUMS_COLUMNS 5
void sql_read_sums(const struct bytes texts[SQL_SUMS_COLUMNS], struct canon_sums *out);

/* SELECT of the row key's columns (targets/sqlread.h) and, last, the hash's first 16 digits. */
void sql_put_hashes(struct buf *b, const struct table *t, const bool *columns,
                    const struct selection *which, enum sql_dialect dialect);
/* False: unhashed. */
bool sql_read_hash(struct bytes text, uint64_t *hash);

/* Rows of these two queries, as they come from either client: ctx of sql_take_sums is a struct
 * canon_sums, of sql_take_hash a struct sql_hash_reader; row has room for a full-width row. */
struct sql_hash_reader {
    const struct table *table;
    enum sql_dialect dialect;
    struct value *row;
    canon_hash_fn *fn;
    void *ctx;
};
bool sql_take_sums(void *ctx, const struct bytes *columns, unsigned n, struct err *err);
bool sql_take_hash(void *ctx, const struct bytes *columns, unsigned n, struct err *err);

#endif
