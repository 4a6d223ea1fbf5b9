/*
 * work.h - inside of the validate engine: tables, slices, workers.
 *
 * validate.c drives slices and workers, window.c sets the fence and reads the keys that
 * changed inside it from the queue, keyed.c compares chunks, unkeyed.c tables whose rows have
 * no name, report.c says what was found, repair.c puts it right.
 */
#ifndef CDC_VALIDATE_WORK_H
#define CDC_VALIDATE_WORK_H

#include "cdc/snapshot/pool.h"
#include "cdc/validate/validate.h"
#include "schema/base/arena.h"
#include "schema/base/map.h"
#include "targets/target.h"

#define VALIDATE_WORKERS_MAX 32
#define VALIDATE_CHUNK_ROWS 10000
#define VALIDATE_SLICE_US ((uint64_t)10 * 60 * 1000 * 1000)
#define VALIDATE_TRIES_MAX 5    /* slices in which an unkeyed table may be found written */
#define VALIDATE_BLOCKED_MAX 20 /* times that DDL may keep a table from being read */

enum check_step {
    CHECK_PLAN,   /* definition and chunks are to be read */
    CHECK_CHUNKS, /* chunks left, or all taken */
    CHECK_LATER,  /* not in this slice: changed inside its window */
    CHECK_DONE,
};

/* A key that changed within (lo, hi], and what the queue says of it at hi. */
struct touched_key {
    const struct value *key; /* a full-width row with the key's columns filled */
    const struct value *row; /* NULL: not there */
};

/* A row to be put right: in a table without a row key, `copies` more (or, below 0, less) of
 * the image. */
struct bad_row {
    const struct value *row; /* full width; with a row key: its columns filled */
    int64_t copies;
};

struct check_table {
    struct table *table; /* the definition the target's table was made from */
    bool *columns;       /* flags: which of its columns are compared */
    char *definition;
    enum check_step step;
    bool is_busy;
    bool was_reported;
    unsigned tries;
    struct arena arena;          /* chunk bounds */
    const struct value **bounds; /* low bound of chunk i + 1 */
    size_t n_chunks, next_chunk, done_chunks;
    size_t *given_back; /* chunks that DDL on the source kept from being read in a slice */
    size_t n_given_back;
    bool is_blocked;            /* for the rest of this slice */
    struct arena touched_arena; /* of this slice */
    struct map touched;         /* key bytes to struct touched_key */
    bool is_touched;            /* rows of it changed inside the window */
    bool has_ddl;               /* DDL on it inside the window */
    bool is_cascaded;           /* or a change of a parent whose cascades were not logged */
    bool touched_taken;
    uint64_t rows, differences;
    struct arena bad_arena;
    struct map bad; /* key bytes (or image hash) to struct bad_row */
    char note[256]; /* what was not compared, "" if all was */
};

struct check_worker {
    struct validate *v;
    struct source *source;
    struct target *target;
    struct snapshot_view view; /* on the source; a slice has the widest bracket of all */
    bool has_target_view;
    bool is_blocked; /* takes no more work in this slice */
};

struct table_name {
    char *db;
    char *name;
};

struct validate {
    const struct validate_config *config;
    struct validate_result *result;
    struct target *target; /* states; not in a view */
    struct check_table *tables;
    size_t n_tables;
    struct check_worker workers[VALIDATE_WORKERS_MAX];
    uint32_t n_workers;
    uint64_t lo, hi;   /* window of this slice */
    uint64_t slice_us; /* steady time when its views were opened */
    bool is_first_slice;
    struct table_name *wanted; /* on the source before the first view, by the mapping */
    size_t n_wanted;
    bool is_held; /* the lane is */

    struct pool pool; /* its lock: what workers share in tables and result */
};

/* validate.c */
bool validate_must_stop(struct err *err); /* a stop was asked for; err says so */
MUST_CHECK bool validate_read_tables(struct validate *v, struct err *err);
void validate_give_up(struct validate *v, struct check_table *t, const char *note);
bool validate_is_chosen(const struct validate_config *c, const char *db, const char *name);
/* A table that is not compared, with what is to be told of it. The name is copied. */
struct check_table *validate_add_missing(struct validate *v, const char *db, const char *name);

/* wanted.c: tables that the mapping wants and the target has no state for. */
/* What is listed before the first view is older than every fence: the lane is behind it. */
MUST_CHECK bool wanted_list(struct validate *v, struct err *err);
/* In the first slice, when the states were read: reports what has none as missing. Fails with
 * ERR_CONFIG "no_table" when a table was asked for that is on neither side. */
MUST_CHECK bool wanted_compare(struct validate *v, struct err *err);
void wanted_release(struct validate *v);

/* window.c */
MUST_CHECK bool slice_open(struct validate *v, struct err *err);
void slice_close(struct validate *v);
void slice_release_lane(struct validate *v); /* if it is held */
/* The first part: the lane held, views on the source by the first n workers, the lane at hi. */
MUST_CHECK bool slice_fence(struct validate *v, uint32_t n_workers, struct err *err);
/* Keys that changed in (lo, hi] and their last state, for tables not done yet. */
MUST_CHECK bool slice_read_window(struct validate *v, struct err *err);

/* keyed.c */
MUST_CHECK bool keyed_chunk(struct check_worker *w, struct check_table *t, size_t chunk,
                            struct err *err);
MUST_CHECK bool keyed_touched(struct check_worker *w, struct check_table *t, struct err *err);
void put_row_key(struct buf *b, const struct table *t, const struct value *row);
/* Rows by key, copied into the arena and into the map under their key bytes. */
MUST_CHECK bool fetch_source(struct source *s, const struct table *t,
                             const struct value *const *rows, size_t n, struct arena *arena,
                             struct map *out, struct err *err);
MUST_CHECK bool fetch_target(struct target *target, const struct table *t,
                             const struct value *const *rows, size_t n, struct arena *arena,
                             struct map *out, struct err *err);
/* How many rows may be fetched at once so that large values fit into memory. */
size_t fetch_batch(const struct table *t);

/* unkeyed.c */
MUST_CHECK bool unkeyed_table(struct check_worker *w, struct check_table *t, struct err *err);

/* report.c */
/* Are two full rows the same? Fills columns (n_columns of them at most) with those that
 * differ. Columns that one side does not carry are left out. */
bool rows_equal(const struct table *t, const struct value *source, const struct value *target,
                uint32_t *columns, uint32_t *n);
/* One difference; copies: how many (1 for keyed tables). Once per key. */
void report_row(struct validate *v, struct check_table *t, const struct value *source,
                const struct value *target, uint64_t copies);
/* A difference of the table as such. */
void report_table(struct validate *v, struct check_table *t, const char *what);
void report_done(struct validate *v, struct check_table *t);

/* repair.c */
MUST_CHECK bool repair_all(struct validate *v, struct err *err);

#endif
