/*
 * target.h - what the pipeline may ask of a place we write to.
 *
 * target_open() is the only constructor and needs a permit of the residency guard; the
 * permit is renewed before commits and an expired one stops them. A target is one
 * connection and belongs to one thread; open several for parallel work.
 *
 * All writing is done in units. A unit names its previous and its next LSN, its position,
 * its operations with the row counts they must have, and whether it begins, continues or
 * ends a target transaction. The progress row of the lane is changed in the same target
 * transaction, conditional on (epoch, previous LSN): so a unit is applied once or not at
 * all, whatever dies when (algorithms.md 4.2). A count that differs rolls everything back
 * and is an error (divergence), never a repair.
 *
 * Who calls speaks of source tables, by the source's names: definitions, states, statements. The
 * mapping of the configuration is applied here, once, so that an engine sees what the target
 * calls them, and a rename costs nothing elsewhere. Texts of errors have the target's names.
 *
 * Rows of a unit are borrowed until it is reaped (or an error, target_rollback or target_close
 * dropped it): an engine may send them late, and names them in errors.
 *
 * Errors are neutral. ERR_RETRY: lost connection, deadlock, lock wait; nothing of the
 * transaction is kept, a commit may have happened: read the lane again and go on there.
 * ERR_SERVER (side target). ERR_REFUSED: permit. ERR_DATA and ERR_SERVER carry a reason that
 * callers may act on: "row_count" (table and LSN named), "value_refused" (column and type
 * named), "duplicate_key", "target_changed" (the table is not as it was made), "fenced" (another
 * owner took over), "other_queue", "exists", "no_table", "no_database", "ddl_unclear".
 */
#ifndef TARGETS_TARGET_H
#define TARGETS_TARGET_H

#include "schema/base/arena.h"
#include "schema/base/buf.h"
#include "schema/base/bytes.h"
#include "schema/base/err.h"
#include "schema/catalog.h"
#include "schema/change.h"
#include "schema/life.h"
#include "schema/mapping/mapping.h"
#include "schema/selection.h"
#include "targets/canon.h"
#include "targets/residency/guard.h"

#define TARGET_UNIT_ROWS_MAX 5000
#define TARGET_IN_FLIGHT_MAX 8 /* units; an engine may take fewer */

struct target_config {
    const char *name;
    const char *engine; /* "mariadb" */
    const char *host;
    uint16_t port;
    const char *user;
    const char *password; /* resolved; "" if none */
    const char *tls_ca;
    const char *state_schema; /* "domicile": where progress and table states are kept */
    uint32_t connect_timeout_s;
    const struct mapping *mapping; /* borrowed; NULL: tables are called as on the source */
};

struct target;

/*
 * Connect to the literal address of the permit, confirm the peer with the guard, set the
 * session up. permit is copied; guard is borrowed and must outlive the target.
 */
MUST_CHECK bool target_open(const struct target_config *config, struct guard *guard,
                            const struct permit *permit, struct target **out, struct err *err);
void target_close(struct target *t);
/* guard_permit() for the configured host, then target_open(). */
MUST_CHECK bool target_connect(const struct target_config *config, struct guard *guard,
                               struct target **out, struct err *err);

/*
 * Where an engine gets its connections to one target from: it knows neither address nor guard.
 * The one for the pipeline is target_guarded(); a simulation has its own.
 */
struct target_door {
    bool (*open)(void *ctx, struct target **out, struct err *err); /* close what it gives */
    void *ctx;
    const char *state_schema; /* of the target; no copied table may lie there */
};
/* target_connect() for each connection; both are borrowed. */
struct target_guarded {
    const struct target_config *config;
    struct guard *guard;
};
struct target_door target_guarded(struct target_guarded *guarded);
MUST_CHECK bool target_enter(const struct target_door *door, struct target **out, struct err *err);

struct target_info {
    char version[128];       /* as the server says it */
    uint32_t version_number; /* 101119 */
    uint64_t row_bytes_max;  /* a larger row is refused */
};
const struct target_info *target_info(const struct target *t);

/* Is the target fit to hold a copy? Each finding is a thing looked at. */
struct target_needs {
    bool has_source; /* the rest is known */
    int lower_case_table_names;
    uint64_t row_bytes_max;
};
enum target_fitness { TARGET_FIT, TARGET_DOUBTFUL, TARGET_UNFIT };
struct target_finding {
    enum target_fitness fitness;
    const char *what;   /* what was found and, unless fit, what was wanted */
    const char *remedy; /* a statement or an action; NULL when there is nothing to do */
};
/* Borrowed for the call. */
typedef void target_finding_fn(void *ctx, const struct target_finding *finding);
MUST_CHECK bool target_check(struct target *t, const struct target_needs *needs,
                             target_finding_fn *fn, void *ctx, struct err *err);
const struct permit *target_permit(const struct target *t);
/* While idle: renew the permit when it is due, so that it does not expire unused. */
MUST_CHECK bool target_keep(struct target *t, struct err *err);

/* ---- units ---- */

enum op_kind {
    OP_DELETE = 1,     /* rows by row key; rows hold before-images. expected = n_rows */
    OP_UPDATE,         /* existing rows get these full images, by row key */
    OP_INSERT,         /* new rows */
    OP_DELETE_IMAGE,   /* table without a row key: remove `times[i]` copies of each image */
    OP_HEAL,           /* delete by row key if there, no count (window collapse, repair) */
    OP_CASCADE_DELETE, /* child rows whose foreign key equals; exempt from counts */
    OP_CASCADE_SET_NULL,
    OP_CASCADE_UPDATE, /* foreign-key columns become the new parent key */
};

struct op {
    enum op_kind kind;
    const struct table *table;       /* source definition; the writer knows what of it is written */
    const struct value *const *rows; /* n_rows pointers to n_columns values each */
    const uint32_t *times;           /* OP_DELETE_IMAGE, else NULL */
    size_t n_rows;
    /* OP_CASCADE_*: the foreign key of `table`; rows are PARENT images before, and for
     * OP_CASCADE_UPDATE parent_after[i] is the parent's image after. */
    const struct foreign_key *fk;
    const struct table *parent;
    const struct value *const *parent_after;
};

struct unit {
    uint64_t prev_lsn;        /* the lane must be here */
    uint64_t lsn;             /* the lane is here afterwards (only when `ends`) */
    struct gtid gtid;         /* of the transaction `lsn` */
    struct position position; /* source position after `lsn` */
    uint64_t commit_us;       /* source commit time of `lsn`, for lag seen on the target */
    const struct op *ops;
    size_t n_ops;
    bool begins;     /* starts the target transaction (guard is checked here) */
    bool ends;       /* commits */
    bool one_by_one; /* one row a statement, so that an error names its row (slow) */
};

/*
 * Send one unit; it runs behind those submitted before it, of which one that ends names the
 * next one's prev_lsn (target_submitted). An engine says how many may be in flight; MariaDB's
 * keeps one: reap before the next submit.
 */
MUST_CHECK bool target_submit(struct target *t, const struct unit *unit, struct err *err);
/* Wait for the oldest submitted unit; *lsn = its lsn. After an error the transaction is
 * rolled back; the lane must be read again (target_lane_read). */
MUST_CHECK bool target_reap(struct target *t, uint64_t *lsn, struct err *err);
/* The table that the last failed unit failed on (the op's pointer), NULL if none is to blame. */
const struct table *target_failed_table(const struct target *t);
/* Drop the open target transaction and what is in flight, as after an error. */
void target_rollback(struct target *t);
/* LSN that the lane comes to when all that is in flight is applied; and where it is for certain.
 * Both are what the take-over said until the first unit. */
uint64_t target_submitted(const struct target *t);
uint64_t target_acknowledged(const struct target *t);

/* ---- state in the target: schema `state_schema`, tables lane, table_state, chunk, ddl ---- */

/* Create what is missing; upgrade what is older; refuse what is newer (ERR_CONFIG). */
MUST_CHECK bool target_state_init(struct target *t, struct err *err);
/* Does the state schema exist already? */
MUST_CHECK bool target_state_exists(struct target *t, bool *exists, struct err *err);

#define TARGET_CHANNEL_MAX 64

struct lane_state {
    char channel[TARGET_CHANNEL_MAX + 1];
    uint32_t lane;
    uint64_t epoch;
    uint64_t lsn;
    struct gtid gtid;
    struct position position;
    uint64_t commit_us;
    uint8_t queue_uuid[16]; /* zero until the first take-over with a queue */
};

/*
 * Become the owner of a lane: raises the epoch of its row; every unit and every change of state of
 * a former owner, and of those who joined it, fails from then on. Creates the row at lsn 0.
 * Fails with ERR_DATA reason "other_queue" when the row belongs to another queue.
 */
MUST_CHECK bool target_take_over(struct target *t, const char *channel, uint32_t lane,
                                 const uint8_t queue_uuid[16], struct lane_state *out,
                                 struct err *err);
/*
 * The same for an owner that comes back with a new connection: fails with ERR_DATA "fenced" when
 * the epoch is above epoch_max, so that it does not take over from who took over from it. A
 * call that failed with ERR_RETRY may have raised the epoch by one.
 */
MUST_CHECK bool target_take_back(struct target *t, const char *channel, uint32_t lane,
                                 const uint8_t queue_uuid[16], uint64_t epoch_max,
                                 struct lane_state *out, struct err *err);
/*
 * Change the state of tables and chunks from this connection too, as long as the lane is at this
 * epoch: for who works for its owner (target_take_over joins by itself). Asks nothing of the
 * server. Every such change is of one transaction with the proof that the epoch still holds: else
 * it fails with ERR_DATA "fenced" and changes nothing.
 */
void target_join(struct target *t, const char *channel, uint32_t lane, uint64_t epoch);
/* Read without becoming owner; *exists false when there is none yet. */
MUST_CHECK bool target_lane_read(struct target *t, const char *channel, uint32_t lane, bool *exists,
                                 struct lane_state *out, struct err *err);

struct table_state {
    char db[NAME_CHARS_MAX * 4 + 1];
    char name[NAME_CHARS_MAX * 4 + 1];
    /* What it was called on the target when this was saved, filled by target_table_save(); ""
     * as on the source. */
    char target_db[NAME_CHARS_MAX * 4 + 1];
    char target_name[NAME_CHARS_MAX * 4 + 1];
    enum table_life life;
    uint64_t lo;      /* changes at or below this LSN are in the loaded rows */
    uint64_t hi;      /* changes above it are strict; (lo, hi] is the window */
    uint64_t rows;    /* loaded */
    char reason[512]; /* why it is stopped or waits, without row data */
    char *definition; /* canonical text that the target's table was made from; owned */
};

MUST_CHECK bool target_tables_read(struct target *t, const char *channel, struct table_state **out,
                                   size_t *n, struct err *err);
void table_states_free(struct table_state *states, size_t n);
/* Insert or replace one row of the channel that was joined. */
MUST_CHECK bool target_table_save(struct target *t, const struct table_state *state,
                                  struct err *err);
/* The same for several: all of them or none. */
MUST_CHECK bool target_tables_save(struct target *t, const struct table_state *const *states,
                                   size_t n, struct err *err);
/* Its state and its chunks. */
MUST_CHECK bool target_table_forget(struct target *t, const char *db, const char *name,
                                    struct err *err);

/* ---- load ---- */

struct chunk_state {
    uint64_t number;
    char *low;  /* a key as key_text_put() writes it, or NULL = open; owned */
    char *high; /* exclusive; owned */
    bool done;
    uint64_t rows;
    uint64_t lo, hi; /* bounds of the view it was read under, as LSNs; 0 = not yet known */
};

MUST_CHECK bool target_chunks_read(struct target *t, const char *channel, const char *db,
                                   const char *name, struct chunk_state **out, size_t *n,
                                   struct err *err);
void chunk_states_free(struct chunk_state *chunks, size_t n);
/*
 * The text that a bound is kept as: "k1:" and the hex of value_put_key() of each value. key:
 * n_row_key values, in the order of the row key. Version 0.1 kept SQL literals there: those, and
 * keys of another width, do not parse, and the table's load begins anew.
 */
void key_text_put(struct buf *b, const struct table *t, const struct value *key);
MUST_CHECK bool key_text_parse(const char *text, const struct table *t, struct arena *arena,
                               const struct value **key);
/* Replace the table's plan: all chunk rows in one transaction. */
MUST_CHECK bool target_chunks_plan(struct target *t, const char *db, const char *name,
                                   const struct chunk_state *chunks, size_t n, struct err *err);
/* Write rows into a table under load: begin, then any number of rows calls, then end, which
 * marks the chunk done in the same transaction. abort rolls back. chunk NULL: no marking. An end
 * that is "fenced" keeps no row. */
MUST_CHECK bool target_load_begin(struct target *t, const struct table *table, struct err *err);
MUST_CHECK bool target_load_row(struct target *t, const struct value *row, struct err *err);
MUST_CHECK bool target_load_end(struct target *t, const struct chunk_state *chunk, struct err *err);
void target_load_abort(struct target *t);

/* ---- definitions ---- */

enum table_parts { TABLE_ROW_KEY_ONLY = 1, TABLE_WITH_KEYS };

/* Notes: what is weaker or missing on the target, one line each, freed by the caller. */
struct notes {
    char **lines;
    size_t n;
};
void notes_add(struct notes *notes, const char *fmt, ...) PRINTF_LIKE(2, 3);
void notes_release(struct notes *notes);

MUST_CHECK bool target_create_database(struct target *t, const char *db, const char *charset,
                                       const char *collation, struct err *err);
/*
 * Tables are made, dropped and given keys by who joined the owner of the lane: "fenced" when
 * another one took over before the server began with it.
 */
/* Refuses (ERR_DATA "exists") when a table of that name is there and is not ours. */
MUST_CHECK bool target_create_table(struct target *t, const struct table *table,
                                    enum table_parts parts, struct notes *notes, struct err *err);
MUST_CHECK bool target_drop_table(struct target *t, const char *db, const char *name,
                                  struct err *err);
/* All secondary keys; all foreign keys. Again after an interruption they do nothing. A foreign key
 * that cannot be made leaves the others in place (ERR_DATA or ERR_SERVER). */
MUST_CHECK bool target_add_keys(struct target *t, const struct table *table, struct notes *notes,
                                struct err *err);
MUST_CHECK bool target_add_foreign_keys(struct target *t, const struct table *table,
                                        struct err *err);
/* In what the target's table is weaker than this definition, one note each: what the engine cannot
 * carry, and foreign keys that the server is asked for and does not have. */
MUST_CHECK bool target_weaker(struct target *t, const struct table *table, struct notes *notes,
                              struct err *err);
/* Try to create a view from its MySQL text parts; a failure is a note, not an error. */
MUST_CHECK bool target_create_view(struct target *t, const char *db, const char *name,
                                   const char *select_text, struct notes *notes, struct err *err);
MUST_CHECK bool target_table_exists(struct target *t, const char *db, const char *name,
                                    bool *exists, struct err *err);

/*
 * One DDL statement of the queue as a barrier: journal row (STARTED, the target's own
 * definition before), the statements said anew from the model, journal row DONE and the
 * lane advanced from prev_lsn to lsn in one transaction. After a crash in between, calling
 * it again finds out what had happened: done, not done, or neither (stops, ERR_DATA
 * "ddl_unclear"). `effects` may be a subset of the statement's (tables not copied left out).
 * continues: the DDL is one of several items of its transaction; the lane is not advanced.
 */
struct ddl_unit {
    uint64_t prev_lsn, lsn;
    uint32_t ordinal; /* of the DDL within its transaction, from 0 */
    bool advances;    /* move the lane to lsn when done */
    struct gtid gtid;
    struct position position;
    uint64_t commit_us;
    const struct ddl *ddl;
};
MUST_CHECK bool target_apply_ddl(struct target *t, const struct ddl_unit *unit, struct notes *notes,
                                 struct err *err);
/* Did the lane that this connection owns begin a DDL unit behind `lsn`, finished or not? */
MUST_CHECK bool target_ddl_begun(struct target *t, uint64_t lsn, bool *begun, struct err *err);

/* ---- reading ---- */

/* A consistent read view on this connection; and its end. */
MUST_CHECK bool target_view_open(struct target *t, struct err *err);
MUST_CHECK bool target_view_close(struct target *t, struct err *err);
/* Which columns the target keeps as they are written (others it computes by itself): fills
 * n_columns flags. */
void target_columns(const struct target *t, const struct table *table, bool *columns);
/*
 * As source_read_rows(): exact values in the source definition's terms (text in the source
 * column's character set; columns that the target computes are VALUE_ABSENT). which: NULL for
 * all; order: by the row key; limit 0 = none. row must not use this target.
 */
typedef bool target_value_fn(void *ctx, const struct value *row, struct err *err);
MUST_CHECK bool target_read_rows(struct target *t, const struct table *table,
                                 const struct selection *which, bool order, uint64_t limit,
                                 target_value_fn *row, void *ctx, struct err *err);
/* Canonical hashes (canon.h) of the rows, over the columns that target_columns() flags. */
MUST_CHECK bool target_read_sums(struct target *t, const struct table *table,
                                 const struct selection *which, struct canon_sums *out,
                                 struct err *err);
/* One call of fn a row, in no order; fn must not use this target. */
MUST_CHECK bool target_read_hashes(struct target *t, const struct table *table,
                                   const struct selection *which, canon_hash_fn *fn, void *ctx,
                                   struct err *err);

#endif
