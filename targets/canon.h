/*
 * canon.h - the canonical text of a row, as SQL that both servers compute alike.
 *
 * Each written column becomes a token of digits, hex, signs, points, colons and spaces, or
 * N for NULL; tokens are joined by commas, which no token holds, so different rows have
 * different texts. Text enters as HEX of its bytes in its own character set, LOBs, JSON,
 * geometry and vectors as SHA-256 of theirs (HEX and the like are NULL above
 * max_allowed_packet, two different 12 MiB values would hash alike), floats as the bits that
 * POINT keeps, -0.0 as 0 because MariaDB stores that, ENUM and SET by number. Generated
 * columns are computed by each server and left out, unless the target's is a plain one. A token
 * that comes out NULL though its column is not makes the row's text NULL: such a row was not
 * hashed, and canon_put_sums shows it (types-and-ddl.md D with its corrections).
 *
 * For sessions with NAMES utf8mb4 and time_zone +00:00.
 */
#ifndef TARGETS_CANON_H
#define TARGETS_CANON_H

#include "schema/base/buf.h"
#include "schema/table.h"
#include "targets/sqltext.h"

/* Is the column part of the text? Generated ones are only where the target stores what the
 * source computed. */
bool canon_has(const struct table *t, const struct column *c);

/* SHA2(row text, 256): 64 hex digits. */
void canon_put_hash(struct buf *b, const struct table *t, enum sql_dialect dialect);

/*
 * SELECT of one row with five columns: rows; rows hashed; two sums of 60 bits of the hash each
 * (a sum, not XOR: that cancels equal rows); how many -0.0 there are (0 on MariaDB). where:
 * condition text, or NULL.
 */
void canon_put_sums(struct buf *b, const struct table *t, const char *where,
                    enum sql_dialect dialect);

#endif
