/*
 * chunks.h - cutting a table into key ranges, for load and validate.
 *
 * Ranges are half-open, [low, high), the first one open below and the last one open above,
 * so that together they hold every possible key: also keys that the source does not have.
 * Bounds come from a walk along the row key on the source (algorithms.md 1.7), so skew and
 * gaps cost nothing.
 */
#ifndef CDC_SNAPSHOT_CHUNKS_H
#define CDC_SNAPSHOT_CHUNKS_H

#include "cdc/source/source.h"
#include "schema/base/arena.h"

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

#endif
