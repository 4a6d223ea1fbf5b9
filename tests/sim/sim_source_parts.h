/*
 * sim_source_parts.h - what the files of the simulated source share; nobody outside includes it.
 *
 *   sim_source.c          the source as a whole: making it, and the questions to its model
 *   sim_source_model.c    tables and rows with the transactions between which they lived
 *   sim_source_shape.c    which tables there are at first
 *   sim_source_cascade.c  a row change with all that foreign keys make of it
 *   sim_source_history.c  random transactions
 *   sim_source_ddl.c      random changes of definitions
 *   sim_source_binlog.c   the same as binlog bytes
 *   sim_source_stream.c   the driver: connections and the stream
 *   sim_source_read.c     the driver: views, definitions, rows
 */
#ifndef TESTS_SIM_SIM_SOURCE_PARTS_H
#define TESTS_SIM_SIM_SOURCE_PARTS_H

#include "cdc/source/driver.h"
#include "schema/base/buf.h"
#include "schema/catalog.h"
#include "tests/sim/sim_source.h"

#define SIM_NEVER UINT64_MAX
#define SIM_FILE_SIZE 24 /* of a binlog file's name */

/* One image of a row: what transactions born <= n < died saw. Without end: died SIM_NEVER. */
struct sim_row {
    uint64_t born, died;
    const struct value *values; /* of the definition that held at born */
};

struct sim_definition {
    uint64_t from;
    const struct table *def;
};

/* One table from its CREATE to its DROP, whatever it is called. */
struct sim_table {
    struct sim_definition *definitions;
    size_t n_definitions;
    uint64_t died;    /* dropped by this transaction, or SIM_NEVER */
    uint64_t rebuilt; /* last transaction whose DDL touched its rows */
    uint64_t map_id;  /* of its maps in the binlog, by definition */
    unsigned pins;    /* views that have read it: DDL waits */
    struct sim_row *rows;
    size_t n_rows, cap_rows;
};

/* A row image that came or went in the running transaction. */
struct sim_step {
    struct sim_table *table;
    size_t row;
    bool came;
};

/* What the running transaction logs. */
struct sim_logged {
    enum change_kind kind;
    struct sim_table *table;
    const struct value *before, *after;
    uint16_t flags;
    bool ends; /* the statement */
};

struct sim_event {
    uint32_t file; /* index */
    uint32_t len;
    uint64_t offset;
    uint64_t number; /* of the transaction, 0: it belongs to the file */
};

struct sim_file {
    char name[SIM_FILE_SIZE];
    struct buf bytes;
    size_t first_event;
    uint64_t before; /* transactions in the files before it */
};

struct sim_source {
    struct source_driver driver; /* first: its address leads back here */
    struct source_config config;
    struct sim_shape shape;
    uint64_t rng;  /* of the history */
    uint64_t dice; /* of everything else */
    void (*on_call)(void *ctx);
    void *on_call_ctx;

    uint64_t count;    /* transactions in the binlog */
    uint64_t visible;  /* of these the engine shows */
    uint64_t executed; /* of these gtid_executed tells */
    struct catalog *catalog;
    struct arena arena; /* values, texts */
    struct arena scratch;
    struct sim_table **tables;
    size_t n_tables;
    unsigned names; /* given to tables so far */
    unsigned columns;
    unsigned constraints;
    uint64_t map_ids;

    /* the running transaction */
    struct sim_step *steps;
    size_t n_steps, cap_steps;
    struct sim_logged *log;
    size_t n_log, cap_log;
    bool no_checks; /* foreign_key_checks = 0 */

    /* the binlog */
    bool checksum;
    struct sim_file *files;
    size_t n_files;
    struct sim_event *events;
    size_t n_events, cap_events;
    struct buf body;

    struct sim_link *links;
    bool down;
    bool feeds;
    unsigned feed;
    struct capture *fed;
};

/* One connection. */
struct sim_link {
    struct source base;
    struct sim_source *s;
    struct sim_link *next;
    bool dead;
    bool in_view;
    uint64_t view; /* how many transactions it shows */
    struct sim_table **pinned;
    size_t n_pinned;
    bool streams;
    uint64_t passed; /* transactions that the reader has */
    size_t at;       /* next event */
    size_t opened;   /* file whose name was told, + 1 */
    uint64_t silent; /* position behind events that were left out, 0 none */
    bool told_end;   /* a heartbeat at the end was sent */
    struct buf made; /* events of no file */
};

static inline struct sim_source *sim_of(const struct source_driver *driver)
{
    return (struct sim_source *)(uintptr_t)driver;
}

static inline struct sim_link *sim_link_of(struct source *base)
{
    return (struct sim_link *)base;
}

/* 0 .. n - 1 */
unsigned sim_pick(struct sim_source *s, unsigned n);
unsigned sim_dice(struct sim_source *s, unsigned n);

/* ---- model ---- */

void sim_model_release(struct sim_source *s);
struct sim_table *sim_table_new(struct sim_source *s, const struct table *def);
/* Its definition now; at n, or NULL. */
const struct table *sim_def(const struct sim_table *t);
const struct table *sim_def_at(const struct sim_table *t, uint64_t n);
struct sim_table *sim_find(const struct sim_source *s, uint64_t n, const char *db,
                           const char *name);
void sim_define(struct sim_source *s, struct sim_table *t, const struct table *def);
static inline bool sim_lives(const struct sim_row *r)
{
    return r->died == SIM_NEVER;
}
static inline bool sim_shown(const struct sim_row *r, uint64_t n)
{
    return r->born <= n && n < r->died;
}
/* In the running transaction, number count + 1. */
void sim_row_comes(struct sim_source *s, struct sim_table *t, const struct value *values);
void sim_row_goes(struct sim_source *s, struct sim_table *t, size_t row);
void sim_undo(struct sim_source *s, size_t n_steps);
/* Room for a row's values, or a copy of them. */
struct value *sim_values(struct sim_source *s, uint32_t n, const struct value *from);

/* ---- cascade: false when the source refuses the statement; then the caller undoes it ---- */

bool sim_insert(struct sim_source *s, struct sim_table *t, const struct value *values);
bool sim_update(struct sim_source *s, struct sim_table *t, size_t row, const struct value *values);
bool sim_delete(struct sim_source *s, struct sim_table *t, size_t row);
/* Tables with a foreign key onto t: does any live? */
bool sim_is_parent(const struct sim_source *s, const struct sim_table *t);

/* ---- shape and history ---- */

void sim_make_tables(struct sim_source *s);
/* As its own transaction; up NULL: it stands alone, or refers to itself. */
void sim_create_table(struct sim_source *s, const char *db, const char *name,
                      const struct table *up);
/* Definitions after a statement, by the product's replay; their rows are the caller's. */
void sim_define_by(struct sim_source *s, const char *text);
void sim_commit_rows(struct sim_source *s);
/* False: nothing could be done, and nothing was. */
bool sim_commit_ddl(struct sim_source *s);

/* ---- binlog: each call is one whole transaction, number count + 1, and counts it ---- */

void sim_binlog_open(struct sim_source *s);
void sim_binlog_rows(struct sim_source *s, bool rolled_back);
void sim_binlog_ddl(struct sim_source *s, const char *db, const char *text);
/* started: by a new start of the server, else by FLUSH LOGS. */
void sim_binlog_rotate(struct sim_source *s, bool started);
struct position sim_binlog_end(const struct sim_source *s);
void sim_binlog_release(struct sim_source *s);
void sim_put_event(struct sim_source *s, struct buf *out, uint8_t type, uint32_t time_s,
                   uint64_t log_pos, uint16_t flags, struct bytes body);
struct gtid sim_gtid(uint64_t number);

/* ---- driver ---- */

extern const struct source_driver sim_driver;
/* Let the world move, then look whether the connection lives. */
bool sim_enter(struct sim_link *l, struct err *err);
/* What the engine shows and what gtid_executed tells come after the binlog. */
void sim_settle(struct sim_source *s);
void sim_view_end(struct sim_link *l);
struct place sim_place(uint64_t number);

bool sim_view_open(struct source *base, struct source_view_bounds *bounds, struct err *err);
bool sim_view_close(struct source *base, struct err *err);
bool sim_list_tables(struct source *base, source_table_fn *fn, void *ctx, struct err *err);
bool sim_list_databases(struct source *base, const char *only, source_database_fn *fn, void *ctx,
                        struct err *err);
bool sim_read_table(struct source *base, const char *db, const char *name, struct table **out,
                    struct err *err);
bool sim_read_rows(struct source *base, const struct table *t, const struct selection *which,
                   bool order, uint64_t limit, source_value_fn *row, void *ctx, struct err *err);
bool sim_read_sums(struct source *base, const struct table *t, const bool *columns,
                   const struct selection *which, struct canon_sums *out, struct err *err);
bool sim_read_hashes(struct source *base, const struct table *t, const bool *columns,
                     const struct selection *which, canon_hash_fn *fn, void *ctx, struct err *err);
bool sim_read_bound(struct source *base, const struct table *t, const struct value *from,
                    uint64_t rows, struct arena *arena, struct value **key, struct err *err);

#endif
