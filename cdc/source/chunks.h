/*
 * chunks.h - cutting a table into key ranges, for load and validate.
 *
 * Ranges are half-open, [low, high), the first one open below and the last one open above,
 * so that together they hold every possible key: also keys that the source does not have.
 * Bounds come from a walk along the row key on the source (algorithms.md 1.7), so skew and
 * gaps cost nothing. The predicate is the full lexicographic one.
 */
#ifndef CDC_SOURCE_CHUNKS_H
#define CDC_SOURCE_CHUNKS_H

#include "cdc/source/source.h"
#include "schema/base/arena.h"
#include "schema/base/buf.h"

#define CHUNKS_MAX 1000000 /* per table; beyond it the walk takes larger steps */

/* n_row_key values, in the order of the row key. The array lives in the caller's arena. */
struct key_bounds {
    const struct value **keys; /* keys[i] is the low bound of chunk i + 1 */
    size_t n;                  /* so there are n + 1 chunks */
};

/*
 * Walk the row key in steps of rows_per_chunk. Runs inside or outside a view: any bounds are
 * right, the place only decides how even the chunks are. t must have a row key.
 */
MUST_CHECK bool chunks_walk(struct source *s, const struct table *t, uint64_t rows_per_chunk,
                            struct arena *arena, struct key_bounds *out, struct err *err);

/*
 * The text that a bound is kept as: the literals of the row key's columns, comma separated.
 * key: n_row_key values.
 */
void chunk_put_bound(struct buf *b, const struct table *t, const struct value *key);
/*
 * `low <= key AND key < high` from such texts; NULL = open. Both NULL gives "TRUE". False
 * with ERR_DATA when a text does not hold one literal for each column of the row key.
 */
MUST_CHECK bool chunk_put_where(struct buf *b, const struct table *t, const char *low,
                                const char *high, struct err *err);

/* Select list of the row key's columns, for either server, and its result as values in the
 * arena; key: n_row_key values. */
void key_put_columns(struct buf *b, const struct table *t);
MUST_CHECK bool key_parse(const struct table *t, const struct bytes *columns, struct arena *arena,
                          struct value *key, struct err *err);

#endif
