/*
 * mariadb.h - what the files of the MariaDB writer share. Private to targets/.
 *
 * connect.c is the only place that opens a socket to a target; session.c sets the session up
 * and runs statements; write.c does units and load, with state.c, ddl_run.c and read.c beside
 * it. Server messages never leave this room: they quote values.
 */
#ifndef TARGETS_MARIADB_MARIADB_H
#define TARGETS_MARIADB_MARIADB_H

#include <mysql.h>

#include "schema/base/arena.h"
#include "schema/base/buf.h"
#include "targets/engine.h"
#include "targets/sqltext.h"

#define MARIA_PACKET_BYTES ((size_t)4 << 20)    /* SQL text in one packet, about */
#define MARIA_STATEMENT_BYTES ((size_t)1 << 20) /* rows are added to a statement up to this */
#define MARIA_KEEP_BYTES ((size_t)32 << 20)     /* a larger text is freed once it is sent */
#define MARIA_STATEMENT_ROWS 1000
#define MARIA_PACKET_SLACK 1024 /* kept free below max_allowed_packet */

/* What one statement of a packet must answer. */
struct expect {
    const struct table *table; /* NULL: a statement of our own state */
    const struct value *row;   /* when the statement holds one row: which */
    enum op_kind kind;
    uint64_t rows;
    unsigned warnings;
    bool counted;                      /* affected rows must be `rows` */
    const struct state_change *change; /* of our own state; NULL: none */
};

/* A packet being built: statements separated by ";". */
struct packet {
    struct buf sql;
    struct expect *expects;
    size_t n_expects;
    size_t cap_expects;
};

struct load {
    bool open;
    bool sent; /* a packet is on the wire, its answer is not read */
    const struct table *table;
    uint64_t rows;
};

/* Which columns of the table in hand get a value; see ddl.h. */
struct written {
    const struct table *table;
    bool *columns;
};

/* The first 10.6 in which a session may set explicit_defaults_for_timestamp. */
#define MARIADB_VERSION_MIN 100609

struct maria {
    struct target base; /* first */
    MYSQL *my;
    bool is_probe; /* a second connection; see wait.c */
    int lower_case_table_names;
    bool read_only;

    struct packet packet;
    struct buf statement; /* the one being built */
    struct buf row;
    struct written written;
    struct unit unit; /* in flight; ops are gone */
    bool in_flight;
    bool in_transaction;
    bool is_bounded;            /* for certain; see maria_bound_idle() */
    const struct table *failed; /* of the last failed unit */
    struct load load;
};

static inline struct maria *maria_of(struct target *target)
{
    return (struct maria *)target;
}

/* ---- connect.c ---- */

MUST_CHECK bool maria_connect(struct maria *t, struct err *err);
/*
 * May something go out on this connection now? Renews a permit that is due; for an expired one
 * the guard decides anew on the same connection. No answer of the server may be outstanding.
 */
MUST_CHECK bool maria_permit(struct maria *t, struct err *err);

/* ---- wait.c ---- */

/*
 * Wait until something can be read; before each read of an answer. what: for messages. ERR_RETRY
 * when the server hangs or lost the connection, ERR_REFUSED by the guard: it is cut then.
 */
MUST_CHECK bool maria_await(struct maria *t, const char *what, struct err *err);

/* ---- session.c ---- */

/* One row of a result; columns are borrowed, data NULL is NULL. */
typedef bool maria_row_fn(void *ctx, const struct bytes *columns, unsigned n, struct err *err);

MUST_CHECK bool maria_session(struct maria *t, struct err *err);
/* The last error of the connection: kind by its number, "what: server error N (state)". */
void maria_error(struct maria *t, struct err *err, const char *what);
/* Is the row, not the server, at fault? Of the last error of the connection. */
bool maria_is_data_error(unsigned server_errno);
/* Is the table on the target not what it was made? */
bool maria_is_table_error(unsigned server_errno);
/* Run one or several statements; results are drained. what: for messages. */
MUST_CHECK bool maria_run(struct maria *t, struct bytes sql, const char *what, struct err *err);
MUST_CHECK bool maria_run_str(struct maria *t, const char *sql, const char *what, struct err *err);
/* Run one statement; *rows = affected rows. */
MUST_CHECK bool maria_change(struct maria *t, struct bytes sql, const char *what, uint64_t *rows,
                             struct err *err);
/* Run one query; each row goes to fn (columns borrowed; data NULL is SQL NULL). */
MUST_CHECK bool maria_query(struct maria *t, struct bytes sql, const char *what, maria_row_fn *fn,
                            void *ctx, struct err *err);
/* As maria_query without a permit: only to confirm who is there. */
MUST_CHECK bool maria_ask(struct maria *t, struct bytes sql, const char *what, maria_row_fn *fn,
                          void *ctx, struct err *err);
/* COMMIT; as all that goes out, with a permit that holds. */
MUST_CHECK bool maria_commit(struct maria *t, struct err *err);
void maria_rollback(struct maria *t);

/* ---- check.c ---- */

MUST_CHECK bool maria_check(struct target *target, const struct target_needs *needs,
                            target_finding_fn *fn, void *ctx, struct err *err);

/* ---- write.c ---- */

/* Fill t->written for this table; needed before the three below. */
void maria_know(struct maria *t, const struct table *table);
void maria_forget(struct maria *t);
/* "INSERT INTO t (columns) VALUES " */
void maria_put_insert(struct maria *t, struct buf *b);
/* "(v, v, ...)"; *zero_enums counts ENUM error values. False: a value is absent. */
MUST_CHECK bool maria_put_row(struct maria *t, struct buf *b, const struct value *row,
                              unsigned *zero_enums);
/* Strictness off for the next statement: the only way to store an ENUM's error value. */
extern const char maria_lenient[];

void packet_reset(struct packet *p);
/* End the statement in t->statement and put it into the packet; sends what is full. */
MUST_CHECK bool maria_put_statement(struct maria *t, const struct expect *expect, struct err *err);
MUST_CHECK bool maria_packet_send(struct maria *t, struct err *err);
MUST_CHECK bool maria_packet_drain(struct maria *t, struct err *err);

/* "START TRANSACTION" into the packet. */
MUST_CHECK bool maria_put_begin(struct maria *t, struct err *err);
/* Drop what is built, and roll back. */
void maria_fail(struct maria *t);

/* ---- state.c ---- */

void maria_put_state(struct buf *b, const struct maria *t, const char *table);
/* Into the packet, each counted as it must be. The changes live until the answers are read. */
MUST_CHECK bool maria_put_changes(struct maria *t, const struct state_change *changes, size_t n,
                                  struct err *err);
/* The table and " WHERE ..." of a change that changes nothing. */
void maria_put_condition(struct buf *b, const struct maria *t, const struct state_change *guard);
/* Before a transaction holds the lane's row: let the server end it when our host is gone. */
MUST_CHECK bool maria_bound_idle(struct maria *t, struct err *err);

/* ---- the operations, see engine.h ---- */

MUST_CHECK bool mariadb_submit(struct target *target, const struct unit *unit,
                               const struct state_change *lane, struct err *err);
MUST_CHECK bool mariadb_reap(struct target *target, uint64_t *lsn, struct err *err);
void mariadb_rollback(struct target *target);
const struct table *mariadb_failed_table(const struct target *target);
MUST_CHECK bool mariadb_load_begin(struct target *target, const struct table *table,
                                   struct err *err);
MUST_CHECK bool mariadb_load_row(struct target *target, const struct value *row, struct err *err);
MUST_CHECK bool mariadb_load_end(struct target *target, const struct state_change *changes,
                                 size_t n, struct err *err);
void mariadb_load_abort(struct target *target);
MUST_CHECK bool mariadb_state_make(struct target *target, unsigned version, struct err *err);
MUST_CHECK bool mariadb_state_read(struct target *target, enum state_id id, unsigned version,
                                   const struct value *key, unsigned n_key, state_row_fn *fn,
                                   void *ctx, struct err *err);
MUST_CHECK bool mariadb_state_change(struct target *target, const struct state_change *changes,
                                     size_t n, struct err *err);
MUST_CHECK bool mariadb_view_open(struct target *target, struct err *err);
MUST_CHECK bool mariadb_view_close(struct target *target, struct err *err);
void mariadb_columns(const struct target *target, const struct table *table, bool *columns);
MUST_CHECK bool mariadb_read_rows(struct target *target, const struct table *table,
                                  const struct selection *which, bool order, uint64_t limit,
                                  target_value_fn *row, void *ctx, struct err *err);
MUST_CHECK bool mariadb_read_sums(struct target *target, const struct table *table,
                                  const struct selection *which, struct canon_sums *out,
                                  struct err *err);
MUST_CHECK bool mariadb_read_hashes(struct target *target, const struct table *table,
                                    const struct selection *which, canon_hash_fn *fn, void *ctx,
                                    struct err *err);
MUST_CHECK bool mariadb_create_database(struct target *target, const char *db, const char *charset,
                                        const char *collation, struct err *err);
MUST_CHECK bool mariadb_create_table(struct target *target, const struct table *table,
                                     enum table_parts parts, struct notes *notes, struct err *err);
MUST_CHECK bool mariadb_drop_table(struct target *target, const char *db, const char *name,
                                   struct err *err);
MUST_CHECK bool mariadb_add_keys(struct target *target, const struct table *table,
                                 struct notes *notes, struct err *err);
MUST_CHECK bool mariadb_add_foreign_keys(struct target *target, const struct table *table,
                                         struct err *err);
MUST_CHECK bool mariadb_weaker(struct target *target, const struct table *table,
                               struct notes *notes, struct err *err);
MUST_CHECK bool mariadb_create_view(struct target *target, const char *db, const char *name,
                                    const char *select_text, struct notes *notes, struct err *err);
MUST_CHECK bool mariadb_table_exists(struct target *target, const char *db, const char *name,
                                     bool *exists, struct err *err);
MUST_CHECK bool mariadb_apply_ddl(struct target *target, const struct ddl_unit *unit,
                                  struct notes *notes, struct err *err);

#endif
