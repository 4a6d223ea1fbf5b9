/*
 * memory_server.h - the inside of the in-memory target: tables, rows, transactions.
 *
 * One server, many sessions, one thread. A row has a committed and a pending image; the pending
 * one belongs to the session that owns the row until it commits or rolls back. Others see the
 * committed image (READ COMMITTED), and get ERR_RETRY where a server would let them wait for the
 * lock. A crash leaves what is committed. Keys compare by bytes: text has no collation here.
 */
#ifndef TESTS_LIB_MEMORY_SERVER_H
#define TESTS_LIB_MEMORY_SERVER_H

#include "schema/base/map.h"
#include "targets/store/store.h"
#include "tests/lib/memory_target.h"

struct memory_row {
    struct value *committed, *pending; /* the same pointer while nothing is pending */
    uint32_t n_committed, n_pending;   /* copies: 0 or 1 where rows have a key */
    struct memory_session *owner;
    struct memory_table *table;
};

struct memory_table {
    struct table *def;
    uint64_t id;        /* of its making or last change: no two definitions share one */
    struct map rows;    /* row key (without one: the image) to struct memory_row */
    struct map uniques; /* key number and values to the memory_row that had them last */
    bool has_keys, has_foreign_keys;
};

struct memory_server {
    memory_fault_fn *fault;
    void *fault_ctx;
    uint64_t next_id;
    struct map tables;                 /* "db\0name" to struct memory_table */
    struct map databases;              /* names */
    struct map views;                  /* "db\0name" */
    struct memory_table state[STATES]; /* rows as all others: of our own state */
    struct memory_session *sessions;
    struct memory_session *definer; /* in a DDL unit */
};

struct memory_session {
    struct memory_server *server;
    struct memory_session *next;
    bool dead; /* its connection is gone */
    bool in_transaction;
    struct memory_row **touched;
    size_t n_touched, cap_touched;
};

void memory_session_open(struct memory_server *server, struct memory_session *s);
void memory_session_close(struct memory_session *s);
void memory_commit(struct memory_session *s);
void memory_rollback(struct memory_session *s);

struct memory_table *memory_find(struct memory_server *server, const char *db, const char *name);
/* Of this definition (it is cloned), empty. */
struct memory_table *memory_make(struct memory_server *server, const struct table *def);
void memory_drop(struct memory_server *server, const char *db, const char *name);
/* The rows as they are after the effect; a rename is a move. */
void memory_alter(struct memory_server *server, const struct table *before,
                  const struct table *after);
void memory_truncate(struct memory_table *t);

/* What the session sees of a row; NULL: nothing. */
const struct value *memory_sees(const struct memory_session *s, const struct memory_row *row,
                                uint32_t *copies);
/* The row of a key (or image); made without an image if it is not there. */
struct memory_row *memory_row(struct memory_table *t, const struct value *image);
/* ERR_RETRY when another session has the row. */
MUST_CHECK bool memory_lock(struct memory_session *s, struct memory_row *row, struct err *err);
/*
 * Give the row an image (copied; NULL: none) and a number of copies in the session's transaction.
 * Fails with ERR_RETRY (another session has the row), ERR_DATA "duplicate_key", "value_refused".
 */
MUST_CHECK bool memory_set(struct memory_session *s, struct memory_row *row,
                           const struct value *image, uint32_t copies, struct err *err);
/* Put secondary keys in force. */
MUST_CHECK bool memory_add_keys(struct memory_session *s, struct memory_table *t, struct err *err);

/* < 0, 0, > 0; NULL first, kinds must agree. */
int memory_compare(const struct value *a, const struct value *b);
struct value *memory_copy(const struct value *row, uint32_t n); /* one block: free() it */
/* Does the row meet all conditions? which NULL: there are none. */
bool memory_selects(const struct table *t, const struct selection *which, const struct value *row);
void memory_sort(const struct table *t, const struct value **rows, size_t n); /* by the row key */

#endif
