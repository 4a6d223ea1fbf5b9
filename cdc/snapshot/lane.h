/*
 * lane.h - what load and validate ask of the lane that keeps the copy going.
 *
 * Whoever runs them owns the lane and gives these slots; all are filled. None is called while the
 * lane runs in a thread of its own, except hold() and release(). Errors are those of the
 * lane's engine: ERR_RETRY for a lost connection, ERR_STOPPED, ERR_DATA "fenced".
 */
#ifndef CDC_SNAPSHOT_LANE_H
#define CDC_SNAPSHOT_LANE_H

#include "schema/base/err.h"
#include "schema/place.h"
#include "schema/table.h"
#include "schema/value.h"

/* Behind which transaction the target is. */
struct lane_place {
    uint64_t lsn;
    struct gtid gtid;
    struct position position;
};

struct target;

struct snapshot_lane {
    void (*place)(void *ctx, struct lane_place *out);
    /* Let a connection change states of tables and chunks for the lane (target_join): until another
     * owner takes over. To be repeated behind the slots that may connect anew: run and
     * reload. */
    void (*join)(void *ctx, struct target *target);
    /* Apply until exactly `until`; nothing when the lane is there, or has passed it. */
    bool (*run)(void *ctx, uint64_t until, struct err *err);
    /* The caller has changed states of tables. */
    bool (*reload)(void *ctx, struct err *err);
    /* Finish a definition change in whose middle a former lane died; the lane does not move. */
    bool (*settle)(void *ctx, struct err *err);
    /*
     * Rewrite rows at the lane's place, under its guard: remove the keys, put the rows; there may
     * be fewer rows. In a table without a row key `keys` are full images, one copy of
     * each is removed, and counted.
     */
    bool (*repair)(void *ctx, const struct table *table, const struct value *const *keys,
                   size_t n_keys, const struct value *const *rows, size_t n_rows, struct err *err);
    /* Wait until it stands still at a transaction boundary, and stays there until release(). Fails
     * when it has ended with an error. */
    bool (*hold)(void *ctx, struct err *err);
    void (*release)(void *ctx);
    void *ctx;
};

#endif
