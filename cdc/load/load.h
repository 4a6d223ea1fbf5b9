/*
 * load.h - engine: full copy of every wanted table, while writers write.
 *
 * Needs a capture that runs (in this process or another) and the lane. In rounds: plan
 * tables and chunks, copy chunks in parallel under bracketed views without locks, let the
 * lane collapse the window (lo, hi] (algorithms.md 1.4), add secondary keys, mark STRICT;
 * tables that DDL or unlogged cascades sent back go into the next round (cascaded.c). Then foreign
 * keys, views; triggers and events are listed as waiting. Tables without a row key are read in one
 * piece under a view whose window holds no change of them, or refused with the remedy. Everything
 * that is done is remembered in the target: a killed load goes on, a finished one is a no-op.
 */
#ifndef CDC_LOAD_LOAD_H
#define CDC_LOAD_LOAD_H

#include "cdc/snapshot/lane.h"
#include "cdc/snapshot/view.h"
#include "schema/mapping/mapping.h"
#include "targets/target.h"

struct load_progress {
    const char *phase; /* "plan", "copy", "collapse", "keys", "foreign keys", "views", "done" */
    size_t tables, tables_done;
    uint64_t rows, rows_estimate; /* copied now / in all */
    uint64_t bytes;
    double rows_per_s; /* over the last seconds */
    uint64_t eta_s;    /* 0 = not known */
    const char *table; /* being worked on, or NULL */
};

struct load_config {
    const struct source_config *source;
    const struct target_door *target;
    struct snapshot_queue queue;
    const char *channel;
    const struct snapshot_lane *lane; /* not running */
    uint32_t workers;                 /* 0 = 4 */
    uint64_t chunk_bytes;             /* 0 = 32 MiB, by the source's average row length */
    uint64_t chunk_rows_max;          /* 0 = 5,000,000 */
    uint64_t view_max_age_us;         /* 0 = 15 min */
    const struct mapping *mapping;    /* NULL: everything, under its own name */
    const char **only; /* "db.table" names to (re)load, or NULL: all that are missing */
    size_t n_only;
    void (*progress)(void *ctx, const struct load_progress *progress); /* any thread; or NULL */
    void *progress_ctx;
};

struct load_result {
    size_t tables_loaded, tables_present; /* now; already STRICT before */
    uint64_t rows, bytes;
    uint64_t lsn; /* all tables are at this transaction */
    struct gtid gtid;
    struct position position;
    struct notes notes;   /* weaker or missing on the target; views that failed */
    struct notes waiting; /* triggers, events, routines: not created before cutover */
    struct notes refused; /* tables that could not be loaded, with the remedy */
};

/* True when every wanted table is STRICT (refused tables: ERR_REFUSED reason "refused"). */
MUST_CHECK bool load_run(const struct load_config *config, struct load_result *result,
                         struct err *err);
void load_result_release(struct load_result *result);

#endif
