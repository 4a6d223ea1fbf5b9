/*
 * change.h - what happened on the source: transactions, row changes, DDL.
 */
#ifndef SCHEMA_CHANGE_H
#define SCHEMA_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/place.h"
#include "schema/table.h"
#include "schema/value.h"

enum change_kind { CHANGE_INSERT = 1, CHANGE_UPDATE = 2, CHANGE_DELETE = 3 };

/* Flags of the rows event that a change came from (binlog.md 7). */
#define CHANGE_NO_FK_CHECKS 0x02
#define CHANGE_RELAXED_UNIQUE 0x04
#define CHANGE_SQL_FK 0x10 /* the source's SQL layer did the cascades and logged them */

struct change {
    enum change_kind kind;
    uint16_t flags;             /* CHANGE_* above, as in the event */
    const struct table *table;  /* borrowed from the catalogue or the queue reader */
    const struct value *before; /* n_columns values; NULL for INSERT */
    const struct value *after;  /* n_columns values; NULL for DELETE */
};

struct tx_begin {
    uint64_t lsn; /* ordinal in our queue, from 1 */
    struct gtid gtid;
    uint64_t commit_us;    /* the commit on the source just read from, wall µs; 0 unknown */
    uint64_t original_us;  /* the commit where the transaction was born; 0 unknown */
    uint64_t receive_us;   /* when we read its first event, our wall clock µs */
    uint64_t source_bytes; /* transaction length in the binlog, 0 unknown */
};

struct tx_end {
    uint64_t lsn;
    struct position end; /* after the commit event: where to go on reading */
};

enum ddl_kind {
    DDL_CREATE_TABLE = 1,
    DDL_ALTER_TABLE = 2, /* also CREATE INDEX and DROP INDEX */
    DDL_DROP_TABLE = 3,
    DDL_TRUNCATE_TABLE = 4,
    DDL_RENAME_TABLE = 5,
    DDL_CREATE_DATABASE = 6,
    DDL_ALTER_DATABASE = 7,
    DDL_DROP_DATABASE = 8,
    DDL_IGNORED = 9, /* understood, of no effect on data (ANALYZE, FLUSH, GRANT, views...) */
    /* Rows changed by a statement as text (INSERT, UPDATE, DELETE, REPLACE, LOAD, CALL), no
     * definition; never in a queue. object: the database of the one table that it names, "" if
     * there are more or none. */
    DDL_ROWS_AS_TEXT = 10,
};

/* One table that a DDL statement touched. before NULL: it came; after NULL: it went. */
struct ddl_effect {
    const struct table *before;
    const struct table *after;
};

struct ddl {
    enum ddl_kind kind;
    const char *db;        /* default database of the statement; "" if none */
    const char *text;      /* the statement in UTF-8; holds no row data but may hold defaults */
    uint64_t sql_mode;     /* of the session; 0 unknown */
    uint64_t timestamp_us; /* SET TIMESTAMP of the session: NOW() in the statement */
    const char *time_zone; /* of the session, "" = unknown */
    const char *object;    /* CREATE/ALTER/DROP DATABASE: its name; else "" */
    struct ddl_effect *effects;
    uint32_t n_effects;
    /* The same effects under the names that `text` uses, where `effects` has others (those of a
     * target); NULL: effects. */
    const struct ddl_effect *said;
};

#endif
