/*
 * ddl.h - reading, replaying and writing DDL of MySQL. Pure.
 *
 * One lexer and one parser serve SHOW CREATE TABLE, statements from the binlog and the
 * canonical text that ddl_print_table() writes. The parser never skips what it does not
 * know: it refuses the statement, naming its kind and the token. Grammar and rules:
 * types-and-ddl.md A.3, C.1 to C.4 (comments, versioned comments, synonyms, ALTER order).
 */
#ifndef SCHEMA_DDL_DDL_H
#define SCHEMA_DDL_DDL_H

#include "schema/base/buf.h"
#include "schema/catalog.h"
#include "schema/change.h"
#include "schema/dialect.h"
#include "schema/table.h"

#define DDL_TEXT_MAX ((size_t)16 << 20)

/* In whose circumstances a statement is read. */
struct ddl_context {
    const struct dialect *dialect; /* of the server that ran it; NULL: dialect_canonical() */
    const char *db;                /* default database, "" if none */
    uint64_t sql_mode;     /* ANSI_QUOTES 0x4, NO_BACKSLASH_ESCAPES 0x100000, REAL_AS_FLOAT 0x1 */
    const char *charset;   /* server default for CREATE DATABASE without one, or NULL: utf8mb4 */
    const char *collation; /* likewise: its default */
    const char *utf8mb4_collation; /* default_collation_for_utf8mb4 of the session (status
                                      variable 18), or NULL: the dialect's */
    uint64_t timestamp_us;
    const char *time_zone;
    bool explicit_defaults_for_timestamp; /* of the session; where it does not say, the dialect's */
};

/*
 * Replay one statement (UTF-8) on the catalogue: parse, change the definitions, report the
 * effects. *out and all it points to live in the arena, the definitions in the catalogue.
 * CREATE TABLE IF NOT EXISTS for a known table gives DDL_IGNORED. DROP TABLE IF EXISTS of
 * an unknown one likewise. CREATE TABLE ... SELECT and LIKE are part of CREATE TABLE.
 * Fails with ERR_DATA, reason "ddl_unsupported", "ddl_syntax", "ddl_unknown_table",
 * "ddl_known_table" or "ddl_mismatch" (a name that the definition lacks), the statement kind
 * named ("ALTER TABLE ... PARTITION is not supported"), never its text. The
 * catalogue is unchanged then.
 */
MUST_CHECK bool ddl_replay(struct catalog *c, const char *text, const struct ddl_context *ctx,
                           struct arena *arena, struct ddl *out, struct err *err);

/*
 * One CREATE TABLE statement to a definition, without a catalogue. db: the database for an
 * unqualified name. Free with table_free. ddl_parse_table: canonical text; ddl_parse_shown: what
 * SHOW CREATE TABLE of a server of this dialect answered.
 */
MUST_CHECK bool ddl_parse_shown(const char *text, const char *db, const struct dialect *dialect,
                                struct table **out, struct err *err);
MUST_CHECK bool ddl_parse_table(const char *text, const char *db, struct table **out,
                                struct err *err);

/*
 * Canonical CREATE TABLE text in MySQL's dialect, everything explicit (database, character
 * set and collation of each column, NULL or NOT NULL). ddl_parse_table() of it gives an
 * equal definition. Two definitions are equal if and only if their canonical texts are. The
 * AUTO_INCREMENT counter is left out: it moves with every insert and is no part of them.
 */
void ddl_print_table(const struct table *t, struct buf *out);

/*
 * The same, by what MySQL keeps when it prints a table again (see same.c): expressions by
 * their tokens, without the marks of keys that MySQL made. For comparing, not for reading back.
 */
void ddl_print_loose(const struct table *t, struct buf *out);
bool ddl_same_table(const struct table *a, const struct table *b);

/*
 * The ordered specs of an ALTER TABLE (or CREATE/DROP INDEX) as needed to say them again in
 * another dialect. Column definitions inside are complete (charset and collation filled from
 * `after`).
 */
enum alter_kind {
    ALTER_ADD_COLUMN,
    ALTER_DROP_COLUMN,
    ALTER_CHANGE_COLUMN, /* CHANGE, MODIFY, RENAME COLUMN */
    ALTER_SET_DEFAULT,   /* SET/DROP DEFAULT, SET [IN]VISIBLE: column is complete */
    ALTER_ADD_KEY,
    ALTER_DROP_KEY,
    ALTER_RENAME_KEY,
    ALTER_KEY_VISIBLE,
    ALTER_ADD_FK,
    ALTER_DROP_FK,
    ALTER_ADD_CHECK,
    ALTER_DROP_CHECK,
    ALTER_CHECK_ENFORCED,
    ALTER_CONVERT_CHARSET, /* all character columns changed: see `after` */
    ALTER_TABLE_CHARSET,   /* the default only */
    ALTER_RENAME_TABLE,
    ALTER_TABLE_OPTION, /* comment, row format, auto_increment, engine */
};

struct alter_spec {
    enum alter_kind kind;
    const char *name;            /* old name of the column, key, constraint */
    const char *new_name;        /* renames */
    const struct column *column; /* ADD, CHANGE, SET_DEFAULT: as it is after the statement */
    bool first;                  /* position given: FIRST */
    const char *after;           /* position given: AFTER this, or NULL */
    const struct key *key;
    const struct foreign_key *fk;
    const struct check *check;
};

/*
 * Effects: what the statement names comes first, in its order (RENAME: one per pair). After
 * these come tables whose foreign keys followed a renamed table or column: their name is the
 * same before and after, and nothing has to be said to a target about them.
 */

/* What a CREATE or ALTER DATABASE says of character set and collation; NULL: nothing. */
MUST_CHECK bool ddl_database_charset(const struct ddl *ddl, struct arena *arena,
                                     const char **charset, const char **collation, struct err *err);

/* Re-read a DDL_ALTER_TABLE statement of the queue into its specs; memory in the arena. */
MUST_CHECK bool ddl_alter_specs(const struct ddl *ddl, struct arena *arena,
                                struct alter_spec **specs, size_t *n, struct err *err);

#endif
