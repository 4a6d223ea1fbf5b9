/*
 * validate.h - engine: are source and target equal, row by row, and if not, where?
 *
 * Frozen: the lane is held, views are opened on both sides at one position, the lane goes
 * on, the views are compared at leisure; keys changed within the bracket (lo, hi] are decided
 * from the queue. Offline: both sides as they are, no fence. Chunks by count and sums of
 * SHA-2 row hashes in both servers, then row hashes of unequal chunks, then full rows by our
 * own type rules (algorithms.md 6.1, 6.2; types-and-ddl.md D with its corrections).
 *
 * Work is done in slices: the fence is set up once for as many chunks as can be compared
 * within ten minutes, then views are renewed, so that neither side holds back purge for long.
 * Rows are judged column by column as they are stored; generated columns are left out (each
 * server computes its own). -0.0 is equal to 0, and counted.
 */
#ifndef CDC_VALIDATE_VALIDATE_H
#define CDC_VALIDATE_VALIDATE_H

#include "cdc/snapshot/lane.h"
#include "cdc/snapshot/view.h"
#include "schema/mapping/mapping.h"

enum validate_mode { VALIDATE_FROZEN = 1, VALIDATE_OFFLINE };
enum difference_kind { MISSING_ON_TARGET = 1, MISSING_ON_SOURCE, ROW_DIFFERS };

#define VALIDATE_DIFFERENCES_MAX 10000 /* per table; then chunks are only counted */

struct difference {
    const struct table *table;
    enum difference_kind kind;
    const struct value *source; /* full row or NULL; borrowed for the call */
    const struct value *target;
    const uint32_t *columns; /* indexes of the columns that differ (ROW_DIFFERS) */
    uint32_t n_columns;
    char key_hash[17];
};

struct validate_config {
    enum validate_mode mode;
    const struct source_config *source;
    const struct target_door *target;
    struct snapshot_queue queue;
    const char *channel;
    const struct snapshot_lane *lane; /* FROZEN and repair; NULL for OFFLINE: nothing runs. Held
                                         from the start, and let go while views are compared */
    bool repair;
    uint32_t workers; /* 0 = 2 */
    const char **only;
    size_t n_only;
    void (*difference)(void *ctx, const struct difference *d); /* one at a time; or NULL */
    void (*table_done)(void *ctx, const struct table *t, uint64_t rows, uint64_t differences,
                       const char *note); /* note: what was not compared, or NULL */
    void *ctx;
    const struct mapping *mapping; /* NULL: everything, under its own name */
};

struct validate_result {
    size_t tables, tables_differing, tables_skipped;
    size_t tables_not_followed; /* of the skipped: stopped, or not loaded */
    uint64_t rows, chunks, differences, repaired;
    uint64_t minus_zero; /* -0.0 on the source, 0 on the target: counted, not a difference */
    uint64_t lsn;
    struct gtid gtid;
    struct position position; /* of the comparison; file "" in OFFLINE */
};

/* True: the comparison ran (look at differences). With repair: differences were found and
 * put right; call again to prove it. */
MUST_CHECK bool validate_run(const struct validate_config *config, struct validate_result *result,
                             struct err *err);

#endif
