/*
 * rows.h - what the files of the store share: its columns, cells, and changes of one transaction.
 */
#ifndef TARGETS_STORE_ROWS_H
#define TARGETS_STORE_ROWS_H

#include "targets/engine.h"
#include "targets/store/store.h"

#define STATE_VERSION 2

/* Columns, in the order of state_tables. */
enum { META_ID, META_VERSION };

enum {
    LANE_CHANNEL,
    LANE_LANE,
    LANE_EPOCH,
    LANE_LSN,
    LANE_GTID,
    LANE_FILE,
    LANE_POSITION,
    LANE_COMMIT_US,
    LANE_QUEUE_UUID,
    LANE_TOUCHED,
};

enum {
    TABLE_CHANNEL,
    TABLE_DB,
    TABLE_NAME,
    TABLE_LIFE,
    TABLE_LO,
    TABLE_HI,
    TABLE_ROW_COUNT,
    TABLE_REASON,
    TABLE_DEFINITION,
    TABLE_TARGET_DB,
    TABLE_TARGET_NAME,
};

enum {
    CHUNK_CHANNEL,
    CHUNK_DB,
    CHUNK_NAME,
    CHUNK_NUMBER,
    CHUNK_LOW,
    CHUNK_HIGH,
    CHUNK_DONE,
    CHUNK_ROW_COUNT,
    CHUNK_LO,
    CHUNK_HI,
};

enum { DDL_CHANNEL, DDL_LSN, DDL_ORDINAL, DDL_STEP, DDL_FINGERPRINT, DDL_STATUS };

/* Cells; they borrow what they are given. text NULL: it is missing. */
struct value cell_number(uint64_t u);
struct value cell_text(const char *text);
struct value cell_bytes(const void *data, size_t n);
/* A text, "" if it is missing, cut to the size; on the heap, NULL if it is missing. */
void cell_copy(const struct value *v, char *out, size_t size);
char *cell_heap(const struct value *v);
bool cell_is(const struct value *v, const char *text);
/* STATE_COLUMNS_MAX absent ones. */
struct value *cells_new(struct arena *a);

/* Rows of the present version. */
MUST_CHECK bool rows_read(struct target *t, enum state_id id, const struct value *key,
                          unsigned n_key, state_row_fn *fn, void *ctx, struct err *err);

/* Changes of one transaction; what they point to is in the arena or the caller's. */
struct batch {
    struct arena arena;
    struct state_change *changes;
    size_t n, cap;
};

/* The pointer is good until the next one. */
struct state_change *batch_add(struct batch *b, enum state_act act, enum state_id id);
/* Cells to fill: of a new row; of what a row must have that is removed. */
struct value *batch_put(struct batch *b, enum state_act act, enum state_id id);
struct value *batch_remove(struct batch *b, enum state_id id);
/* The rest is changed by who owns the lane, or joined its owner; or it is fenced. */
void batch_guard(struct batch *b, const struct target *t);
/* Fails with ERR_SERVER too where a text is longer than its column. */
MUST_CHECK bool batch_run(struct target *t, struct batch *b, struct err *err);
void batch_release(struct batch *b);

/* The lane's row as its owner believes it is. at_lsn: at this LSN; NULL: wherever. */
struct state_change lane_guard(const struct target *t, struct arena *a, const uint64_t *at_lsn);
/* And where the lane is afterwards. */
void lane_advance(struct state_change *guard, struct arena *a, uint64_t lsn,
                  const struct gtid *gtid, const struct position *position, uint64_t commit_us);

#endif
