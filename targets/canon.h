/*
 * canon.h - the canonical byte form of a row, by which rows of two servers are compared.
 *
 * The form is ASCII text. Each column that takes part (the caller's mask: generated columns
 * are computed by each server and left out, unless the target keeps what the source computed)
 * becomes a token; tokens are joined by one comma, which no token holds, so different rows have
 * different forms. A row's hash is the SHA-256 of its form. Tokens:
 *
 *   NULL                                 N
 *   integers, BIT, YEAR, ENUM, SET       decimal digits, '-' before a negative one; ENUM and SET
 *                                        by number, YEAR 0 or 1901..2155
 *   DECIMAL                              [-]digits[.digits] with the column's scale, no
 *                                        leading zeros but one before the point, never -0
 *   FLOAT, DOUBLE                        50 upper-case hex digits: 00000000 01 01000000, the
 *                                        value as 8 bytes of a little-endian IEEE double,
 *                                        0000000000000000 (a point of the OpenGIS form: the one
 *                                        way in which both servers show all bits). -0.0 is 0,
 *                                        because MariaDB stores it so
 *   DATE, TIME, DATETIME, TIMESTAMP      as VALUE_TEMPORAL (schema/value.h), in UTC
 *   CHAR, VARCHAR, BINARY, VARBINARY     upper-case hex of the bytes, text in its column's
 *                                        own character set
 *   TEXTs, BLOBs, JSON, GEOMETRY, VECTOR 64 lower-case hex digits: SHA-256 of the bytes of the
 *                                        value as schema/value.h has them
 *
 * Example: (7, NULL, 'ab' VARCHAR, 0.5 DOUBLE) is
 *   7,N,6162,000000000101000000000000000000E03F0000000000000000
 *
 * Servers compute the same by targets/sqlcanon.h. A server may fail to form a row (a value
 * larger than it can handle): such a row is unhashed, never equal.
 */
#ifndef TARGETS_CANON_H
#define TARGETS_CANON_H

#include "schema/base/buf.h"
#include "schema/table.h"
#include "schema/value.h"

/* Two sums of parts of the row hashes (sums, not XOR: that cancels equal rows), modulo 2^64. */
struct canon_sums {
    uint64_t rows;
    uint64_t hashed;      /* less than rows: some could not be hashed */
    uint64_t high;        /* sum of the first 15 hex digits of each hash */
    uint64_t low;         /* sum of the next 15 */
    uint64_t minus_zeros; /* how many -0.0 there are; 0 where the engine has none */
};
bool canon_sums_equal(const struct canon_sums *a, const struct canon_sums *b);

/* The form of a row. columns: n_columns flags, which take part. */
void canon_put_row(struct buf *b, const struct table *t, const bool *columns,
                   const struct value *row);
/* Count a row of this form. */
void canon_add(struct canon_sums *sums, struct bytes form);
/* The first 64 bits of a form's hash. */
uint64_t canon_hash64(struct bytes form);

/* One row of a listing: its key (full width, other columns absent) and hash; NULL: unhashed.
 * Both borrowed for the call. */
typedef bool canon_hash_fn(void *ctx, const struct value *row, const uint64_t *hash,
                           struct err *err);

#endif
