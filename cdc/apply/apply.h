/*
 * apply.h - engine: from the queue to one target, one lane.
 *
 * Groups of whole source transactions, their net effect per row key, one target transaction
 * each: deletes, then updates, then inserts (algorithms.md 3.3). A reader of the target sees
 * only states that the source had at a transaction boundary. DDL is a barrier. Where a rows
 * event carries neither CHANGE_SQL_FK nor CHANGE_NO_FK_CHECKS the engine performs the
 * foreign-key cascade itself (DESIGN 3). A transaction larger than memory is streamed as one
 * target transaction.
 *
 * Tables follow their state (target.h table_life): WAIT and LOAD tables are skipped; in a
 * COLLAPSE table changes at or below lo are skipped, those in (lo, hi] heal (delete the keys
 * named by any image, insert the last state), those above hi wait for STRICT. A DDL
 * statement on a table inside its window sends it back to WAIT. Tables that appear by CREATE
 * TABLE are STRICT from there.
 */
#ifndef CDC_APPLY_APPLY_H
#define CDC_APPLY_APPLY_H

#include "cdc/queue/queue.h"
#include "schema/mapping/mapping.h"
#include "targets/target.h"

struct apply_config {
    const struct target_door *target; /* borrowed, like all of this */
    const char *queue_dir;
    const struct queue_options *queue;
    const char *channel;
    size_t group_rows_max;          /* 0 = TARGET_UNIT_ROWS_MAX */
    const struct mapping *mapping;  /* NULL: everything, under its own name */
    bool stop_all_on_stopped_table; /* on_stop: all */
};

/* What the lane did and where it is; read from any thread through apply_stats_read(). */
struct apply_stats {
    uint64_t lsn;
    struct gtid gtid;
    struct position position;
    uint64_t commit_us;  /* source commit time of lsn */
    uint64_t applied_us; /* our clock when the target acknowledged it */
    uint64_t transactions, groups, changes, net_rows, ddl, retries, cascades;
    uint64_t minus_zero;         /* -0.0 that became 0 on the target */
    uint64_t wait_us, target_us; /* where time went */
};

struct apply;

/* Connect, take the lane over, read table states. */
MUST_CHECK bool apply_open(const struct apply_config *config, struct apply **out, struct err *err);
void apply_close(struct apply *a);

/*
 * Apply until exactly `until` (UINT64_MAX: for ever), a stop, or an error that a retry does
 * not mend (lost connections are retried with back-off, at most retry_max_s = 300 s in a
 * row). Waits for the queue to grow. True when until was reached; ERR_STOPPED on a stop or on
 * apply_pause.
 */
MUST_CHECK bool apply_run(struct apply *a, uint64_t until, struct err *err);

/* From another thread: make apply_run return with ERR_STOPPED reason "paused" at the next
 * transaction boundary; cleared when apply_run returns. */
void apply_pause(struct apply *a);
/* While it is not running: take back an apply_pause that came too late to stop anything. */
void apply_unpause(struct apply *a);
void apply_stats_read(struct apply *a, struct apply_stats *out);

/* While apply_run is not running, from the thread that owns it: */
uint64_t apply_lsn(const struct apply *a);
/* target_join() with the owner that the lane has since its last take-over. */
void apply_join(const struct apply *a, struct target *target);
/* Read table states again (the loader changed them). */
MUST_CHECK bool apply_reload_tables(struct apply *a, struct err *err);
/*
 * Finish a definition change in whose middle a former lane died, and save the states that come
 * of it; the lane does not move. Before anybody asks whose a table of the target is.
 */
MUST_CHECK bool apply_settle(struct apply *a, struct err *err);
/* Rewrite rows under the lane's guard at its present LSN: remove the keys, put the rows
 * (repair). rows may be fewer than keys. Counts are not checked for the delete. In a table
 * without a row key `keys` are full images, one copy of each is removed, and counted. */
MUST_CHECK bool apply_repair(struct apply *a, const struct table *table,
                             const struct value *const *keys, size_t n_keys,
                             const struct value *const *rows, size_t n_rows, struct err *err);

#endif
