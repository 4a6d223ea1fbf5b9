/*
 * work.h - inside of the load engine: what one attempt knows about its tables.
 *
 * An attempt is one try from the state in the target to the end. A lost connection ends it;
 * load_run() waits and begins the next, which finds done chunks done. Rows of one attempt:
 * load.c drives the rounds, plan.c lists and cuts tables, copy.c moves rows with N workers,
 * cascaded.c reads tables again that unlogged cascades reached, unkeyed.c those without a row
 * key, finish.c adds what comes after the rows.
 */
#ifndef CDC_LOAD_WORK_H
#define CDC_LOAD_WORK_H

#include "cdc/load/load.h"
#include "cdc/snapshot/pool.h"
#include "schema/base/arena.h"
#include "schema/base/map.h"
#include "schema/cascade.h"

#define LOAD_WORKERS_DEFAULT 4
#define LOAD_ROUNDS_MAX 20

enum load_step {
    STEP_PRESENT,   /* STRICT already */
    STEP_PLAN,      /* to be read from the source and cut */
    STEP_COPY,      /* has chunks to copy */
    STEP_COPIED,    /* all chunks are in; the lane may collapse its window */
    STEP_CASCADED,  /* reached by unlogged cascades: parents first, under one view */
    STEP_UNKEYED,   /* no row key: after the others, in one piece */
    STEP_LOADED,    /* STRICT since this attempt */
    STEP_CHANGED,   /* its chunks were cut for another definition: from the start */
    STEP_AGAIN,     /* its definition changed meanwhile: next round */
    STEP_REFUSED,   /* cannot be loaded: result.refused says why */
    STEP_GONE,      /* dropped on the source */
    STEP_FORGOTTEN, /* and nothing of it is left on the target */
};

struct load_table {
    char *db;
    char *name;
    uint64_t rows_estimate; /* of the source's statistics */
    uint64_t row_bytes;     /* average, at least 1 */
    bool is_known;          /* the target's state has a row for it */
    bool is_unmade;         /* but nothing on the target came from it: what is there is not ours */
    enum table_life life;
    char *made; /* the definition in its state row: of what we made on the target */
    enum load_step step;
    uint32_t rank;       /* STEP_CASCADED: parents before children (schema/cascade.h) */
    bool is_busy;        /* being planned by a worker */
    struct table *table; /* definition that rows are read and written by */
    char *definition;    /* its canonical text */
    struct chunk_state *chunks;
    size_t n_chunks;
    size_t next_chunk; /* the first that no worker has taken */
    size_t done_chunks;
    uint64_t lo, hi; /* LSNs, over all chunks */
    uint64_t rows;   /* in done chunks */
    uint64_t copied; /* by this attempt, also in chunks that are not done */
};

struct load {
    const struct load_config *config;
    struct load_result *result;
    struct source *source; /* the main thread's connections */
    struct target *target;
    struct lane_place lane; /* where it stands; it does not move while rows are copied */
    struct load_table *tables;
    size_t n_tables;
    struct map refused; /* "db.table": not tried again by this load_run; survives attempts */
    struct map loaded;  /* likewise, loaded by this load_run */

    struct pool pool; /* its lock: tables[].step, chunks, counters and result in workers */
    uint64_t rows, bytes, chunks_done;
    const char *at_table; /* for progress */

    const char *phase;
    size_t tables_total;  /* of the last report */
    uint64_t progress_us; /* steady time of the last report */
    struct {
        uint64_t at_us, rows;
    } samples[32];
    unsigned n_samples;
};

/* load.c */
/* A stop was asked for; err says so. */
bool load_must_stop(struct err *err);
void load_report(struct load *l, bool now);
void load_report_ctx(void *load); /* not now */
/* How many workers there are for so many pieces of work, 0 or more. */
uint32_t load_workers(const struct load *l, size_t pieces);
/* The table cannot be loaded now; said once, with its remedy. Takes the lock. */
void load_refuse(struct load *l, struct load_table *t, const char *why);
void load_note_loaded(struct load *l, struct load_table *t); /* STRICT now; takes the lock */
/* Its next state by schema/life.h, saved in a transaction of its own on the given connection. */
MUST_CHECK bool load_move(struct load *l, struct target *target, struct load_table *t,
                          enum life_event event, const char *reason, struct err *err);
/* A connection to the target that may change states and chunks. */
MUST_CHECK bool load_enter(struct load *l, struct target **target, struct err *err);
/* The lane brings every STEP_COPIED table to one place; then its keys, and STRICT. */
MUST_CHECK bool load_collapse_unit(struct load *l, struct err *err);
/* What the source has by now, and a view that is closed by now could show, ends at this LSN. */
MUST_CHECK bool load_know_now(struct load *l, uint64_t *lsn, struct err *err);
/* Run the lane to `until` and take note of where it stands. */
MUST_CHECK bool load_run_lane(struct load *l, uint64_t until, struct err *err);
/* What is gone leaves the target, and the lane sees what was changed beside it. */
MUST_CHECK bool load_reload_lane(struct load *l, struct err *err);

/* plan.c */
/* Every wanted base table of the source with what the target's state says of it. */
MUST_CHECK bool load_list_tables(struct load *l, struct err *err);
void load_tables_release(struct load *l);
/* Refuse foreign tables of the same name, create databases, note new tables as WAIT. */
MUST_CHECK bool load_prepare_target(struct load *l, struct err *err);
/* Read the definition inside the view that s has open and cut the table; makes the table on
 * the target. *step: STEP_COPY, STEP_UNKEYED or STEP_GONE. t is the caller's alone. */
MUST_CHECK bool load_plan_table(struct load *l, struct load_table *t, struct source *s,
                                struct snapshot_view *v, struct target *target,
                                enum load_step *step, struct err *err);
/* Empty table on the target, made from t->table with its row key only, no chunk done. */
MUST_CHECK bool load_make_table(struct load *l, struct load_table *t, struct target *target,
                                const struct chunk_state *chunks, size_t n, struct err *err);

/* copy.c */
/* Is the table at fault, so that the others may go on? */
bool load_is_table_error(const struct err *err);
/* STOPPED with this reason; told as refused. */
MUST_CHECK bool load_stop_table(struct load *l, struct load_table *t, struct target *target,
                                const struct err *why, struct err *err);
MUST_CHECK bool load_copy(struct load *l, struct err *err);
/* All rows of one range into t's table, with the chunk's done mark (NULL chunk: none). */
MUST_CHECK bool load_copy_rows(struct load *l, struct load_table *t, struct source *s,
                               struct target *target, struct chunk_state *chunk, struct err *err);

/* cascaded.c */
/* Refuse tables whose cascades come through a table that is not copied; alone: set aside
 * (STEP_CASCADED) what cascades may reach. */
MUST_CHECK bool load_plan_cascaded(struct load *l, bool alone, struct err *err);
MUST_CHECK bool load_copy_cascaded(struct load *l, struct err *err);

/* unkeyed.c */
MUST_CHECK bool load_copy_unkeyed(struct load *l, struct load_table *t, struct err *err);

/* finish.c */
/* Secondary keys of all tables that the lane has collapsed, then STRICT. */
MUST_CHECK bool load_add_keys(struct load *l, struct err *err);
MUST_CHECK bool load_make_strict(struct load *l, struct load_table *t, struct target *target,
                                 struct err *err);
MUST_CHECK bool load_add_foreign_keys(struct load *l, struct err *err);
MUST_CHECK bool load_add_views(struct load *l, struct err *err);
MUST_CHECK bool load_list_waiting(struct load *l, struct err *err);
void load_notes_merge(struct load *l, struct notes *notes); /* takes the lock; empties notes */

#endif
