/*
 * table.h - the definition of one table, as a model.
 *
 * A struct table is immutable once it is in a catalogue; DDL makes a new one. All strings
 * are UTF-8 and live in the table's own arena. Definitions are written and read as
 * canonical CREATE TABLE text (schema/ddl/print.h, schema/ddl/parse.h): that text is what
 * the queue and the target's state hold.
 */
#ifndef SCHEMA_TABLE_H
#define SCHEMA_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/arena.h"
#include "schema/base/buf.h"
#include "schema/base/err.h"

#define TABLE_COLUMNS_MAX 4096
#define TABLE_KEYS_MAX 64
#define NAME_CHARS_MAX 64

enum column_type {
    COLUMN_TINYINT,
    COLUMN_SMALLINT,
    COLUMN_MEDIUMINT,
    COLUMN_INT,
    COLUMN_BIGINT,
    COLUMN_DECIMAL,
    COLUMN_FLOAT,
    COLUMN_DOUBLE,
    COLUMN_BIT,
    COLUMN_YEAR,
    COLUMN_DATE,
    COLUMN_TIME,
    COLUMN_DATETIME,
    COLUMN_TIMESTAMP,
    COLUMN_CHAR,
    COLUMN_VARCHAR,
    COLUMN_TINYTEXT,
    COLUMN_TEXT,
    COLUMN_MEDIUMTEXT,
    COLUMN_LONGTEXT,
    COLUMN_BINARY,
    COLUMN_VARBINARY,
    COLUMN_TINYBLOB,
    COLUMN_BLOB,
    COLUMN_MEDIUMBLOB,
    COLUMN_LONGBLOB,
    COLUMN_ENUM,
    COLUMN_SET,
    COLUMN_JSON,
    COLUMN_GEOMETRY,
    COLUMN_VECTOR,
};

enum geometry_type { /* numbers as in TABLE_MAP's GEOMETRY_TYPE */
                     GEOMETRY_ANY = 0,
                     GEOMETRY_POINT = 1,
                     GEOMETRY_LINESTRING = 2,
                     GEOMETRY_POLYGON = 3,
                     GEOMETRY_MULTIPOINT = 4,
                     GEOMETRY_MULTILINESTRING = 5,
                     GEOMETRY_MULTIPOLYGON = 6,
                     GEOMETRY_COLLECTION = 7,
};

enum default_kind {
    DEFAULT_NONE, /* no DEFAULT clause */
    DEFAULT_NULL,
    DEFAULT_LITERAL, /* default_text: an SQL literal as written, e.g. '5', 1.5, b'101', x'00ff' */
    DEFAULT_NOW,     /* CURRENT_TIMESTAMP(fsp of the column) */
    DEFAULT_EXPR,    /* default_text: the expression without its outer parentheses */
};

enum generated_kind { GENERATED_NONE, GENERATED_VIRTUAL, GENERATED_STORED };

struct column {
    const char *name;
    enum column_type type;
    uint32_t length;   /* CHAR/VARCHAR: characters; BINARY/VARBINARY: bytes; BIT: bits;
                          VECTOR: dimensions; integers: display width, 0 if none */
    uint8_t precision; /* DECIMAL; FLOAT/DOUBLE with (m,d): m, else 0 */
    uint8_t scale;     /* DECIMAL; FLOAT/DOUBLE with (m,d): d */
    uint8_t fsp;       /* TIME, DATETIME, TIMESTAMP: 0..6 */
    bool is_unsigned;
    bool zerofill;
    bool nullable;
    bool invisible;
    bool auto_increment;
    const char *charset;   /* CHAR, VARCHAR, TEXTs, ENUM, SET; NULL for all others */
    const char *collation; /* likewise, always filled where charset is */
    const char **members;  /* ENUM, SET: UTF-8 */
    uint32_t n_members;
    enum geometry_type geometry;
    bool has_srid;
    uint32_t srid;
    enum default_kind default_kind;
    const char *default_text; /* NULL unless LITERAL or EXPR */
    bool on_update_now;
    enum generated_kind generated;
    const char *generated_expr; /* without its outer parentheses; NULL if not generated */
    const char *comment;        /* never NULL */
};

enum key_kind { KEY_PRIMARY, KEY_UNIQUE, KEY_INDEX, KEY_FULLTEXT, KEY_SPATIAL };

struct key_part {
    const char *column; /* NULL for a functional part */
    const char *expr;   /* functional part without its outer parentheses, else NULL */
    uint32_t prefix;    /* characters or bytes, 0 = whole column */
    bool desc;
};

struct key {
    enum key_kind kind;
    const char *name; /* "PRIMARY" for the primary key */
    struct key_part *parts;
    uint32_t n_parts;
    bool invisible;
    bool implicit;       /* made by MySQL for a foreign key: an explicit key may replace it */
    const char *parser;  /* FULLTEXT ... WITH PARSER, or NULL */
    const char *comment; /* never NULL */
};

enum fk_action { FK_NO_ACTION, FK_RESTRICT, FK_CASCADE, FK_SET_NULL, FK_SET_DEFAULT };

struct foreign_key {
    const char *name;
    const char **columns;
    const char *ref_db; /* never NULL: an unqualified reference is the table's own database */
    const char *ref_table;
    const char **ref_columns;
    uint32_t n_columns;
    enum fk_action on_delete;
    enum fk_action on_update;
};

struct check {
    const char *name;
    const char *expr;
    bool enforced;
};

struct table {
    struct arena arena; /* owns everything below */
    const char *db;
    const char *name;
    struct column *columns;
    uint32_t n_columns;
    struct key *keys; /* the primary key first */
    uint32_t n_keys;
    struct foreign_key *fks;
    uint32_t n_fks;
    struct check *checks;
    uint32_t n_checks;
    const char *engine;  /* "InnoDB" */
    const char *charset; /* the table's default, always filled */
    const char *collation;
    const char *row_format; /* or NULL */
    uint32_t key_block_size;
    uint64_t auto_increment; /* 0 = not given */
    const char *partition;   /* text from PARTITION BY on, or NULL */
    const char *comment;     /* never NULL */
    /* Derived by table_finish(): */
    uint32_t *row_key;  /* column indexes of the key that names a row: the primary key, else
                           the first UNIQUE whose parts are all whole, NOT NULL columns */
    uint32_t n_row_key; /* 0: rows have no name; they are a multiset */
    const char *row_key_name;
    uint32_t id; /* definition number within one queue; 0 = not assigned */
};

struct table *table_new(void);
void table_free(struct table *t);                 /* NULL is good */
struct table *table_clone(const struct table *t); /* deep; id is 0 in the copy */
/* Sort keys as MySQL does, constraints by name, and fill row_key; call after every change of
 * columns or keys. */
void table_finish(struct table *t);

/* A name as the key of a map: key holds db, NUL, name afterwards; no other name gives these bytes.
 */
struct bytes table_name_key(struct buf *key, const char *db, const char *name);
bool table_same_name(const struct table *a, const struct table *b);

/* Index of a column by name (ASCII case-insensitive, as MySQL), or UINT32_MAX. */
uint32_t table_column(const struct table *t, const char *name);
/* Deep copies into another table's arena. */
struct column column_copy(struct arena *a, const struct column *c);
struct key key_copy(struct arena *a, const struct key *k);
struct foreign_key foreign_key_copy(struct arena *a, const struct foreign_key *f);
struct key *table_key(const struct table *t, const char *name); /* case-insensitive, or NULL */

/* Does the column hold text in a character set (CHAR, VARCHAR, TEXTs)? */
bool column_is_text(const struct column *c);
/* Its value is computed by the server, so it is never written. */
static inline bool column_is_generated(const struct column *c)
{
    return c->generated != GENERATED_NONE;
}
/* "varchar", "bigint"... the SQL name of the type without length and attributes. */
const char *column_type_name(enum column_type type);
/* Full SQL type with length, sign, members as MySQL's COLUMN_TYPE, for messages and checks. */
struct buf;
void column_put_type(struct buf *b, const struct column *c);

#endif
