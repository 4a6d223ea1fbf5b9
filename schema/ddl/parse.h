/*
 * parse.h - statements as the parser leaves them, before they meet a definition.
 *
 * All memory is in the parser's arena. CREATE TABLE and ALTER TABLE share one list of
 * specs; schema/ddl/alter.c turns a definition and such a list into the next definition.
 */
#ifndef SCHEMA_DDL_PARSE_H
#define SCHEMA_DDL_PARSE_H

#include "schema/ddl/ddl.h"
#include "schema/ddl/lexer.h"

#define DDL_SPECS_MAX 10000

enum statement_kind {
    STATEMENT_CREATE_TABLE,
    STATEMENT_CREATE_LIKE,
    STATEMENT_ALTER_TABLE,
    STATEMENT_DROP_TABLE,
    STATEMENT_TRUNCATE_TABLE,
    STATEMENT_RENAME_TABLE,
    STATEMENT_CREATE_DATABASE,
    STATEMENT_ALTER_DATABASE,
    STATEMENT_DROP_DATABASE,
    STATEMENT_IGNORED,
    STATEMENT_ROWS, /* database: of the one table that it names, or "" */
};

struct table_ref {
    const char *db; /* never NULL; "" if neither given nor in the context */
    const char *name;
};

/* A DEFAULT as written; it becomes canonical text once the column's type is resolved. */
struct default_clause {
    enum default_kind kind;
    struct token literal;
    bool negative;
    const char *expr;
};

struct column_def {
    struct column column; /* charset and collation NULL where not given */
    struct default_clause dflt;
    bool binary;     /* the BINARY attribute: the _bin collation */
    bool byte;       /* CHAR ... BYTE */
    bool null_given; /* NULL or NOT NULL was written */
    bool sized;      /* TEXT(n), BLOB(n): size holds n, the class follows from it */
    uint64_t size;
    bool is_serial;
};

enum spec_kind {
    SPEC_ADD_COLUMN,
    SPEC_CHANGE_COLUMN,  /* name: old name, def */
    SPEC_RENAME_COLUMN,  /* name, new_name */
    SPEC_DROP_COLUMN,    /* name */
    SPEC_SET_DEFAULT,    /* name, def->dflt; DEFAULT_NONE drops it */
    SPEC_COLUMN_VISIBLE, /* name, flag */
    SPEC_ADD_KEY,        /* key; key->name may be NULL */
    SPEC_DROP_KEY,       /* name */
    SPEC_RENAME_KEY,
    SPEC_KEY_VISIBLE,
    SPEC_ADD_FK, /* fk; name: of its index or NULL; fk->ref_db may be NULL */
    SPEC_DROP_FK,
    SPEC_ADD_CHECK, /* check; check->name may be NULL */
    SPEC_DROP_CHECK,
    SPEC_DROP_CONSTRAINT, /* a check, foreign key or unique key */
    SPEC_CHECK_ENFORCED,  /* name, flag */
    SPEC_CONVERT,         /* charset NULL: DEFAULT */
    SPEC_RENAME_TABLE,    /* table */
    SPEC_NOTHING,         /* FORCE, ORDER BY, ALGORITHM: no effect on the definition */
};

struct spec {
    enum spec_kind kind;
    const char *name;
    const char *new_name;
    struct column_def *def;
    bool first;
    const char *after;
    struct key *key;
    struct foreign_key *fk;
    struct check *check;
    struct table_ref table;
    const char *charset;
    const char *collation;
    bool flag;
    const char *resolved; /* by alter_apply(): the name that key, fk or check got */
};

struct table_options {
    const char *charset;
    const char *collation;
    bool charset_default; /* CHARACTER SET DEFAULT */
    const char *engine;
    const char *row_format; /* "" = DEFAULT */
    const char *comment;
    const char *partition;
    bool has_key_block_size;
    uint32_t key_block_size;
    bool has_auto_increment;
    uint64_t auto_increment;
    bool given; /* at least one that the model holds */
};

struct statement {
    enum statement_kind kind;
    const char *label; /* "ALTER TABLE", for messages */
    bool if_exists;
    bool if_not_exists;
    struct table_ref *tables; /* the object first; RENAME: pairs; LIKE: the original second */
    size_t n_tables;
    const char *database;
    struct spec *specs;
    size_t n_specs;
    struct table_options options;
};

struct parser {
    struct lexer lexer;
    struct token token;
    const struct ddl_context *ctx;
    struct arena *arena;
    struct err *err;
    struct statement *st;
    size_t cap_specs;
    size_t cap_tables;
    bool failed;
};

/* Parse one statement. Fails as ddl_replay() does. */
MUST_CHECK bool ddl_parse(const char *text, const struct ddl_context *ctx, struct arena *arena,
                          struct statement *st, struct err *err);

/* --- within the parser: parse.c ---------------------------------------------------------- */

void parser_next(struct parser *p);
bool parser_at(const struct parser *p, const char *word); /* the keyword, not consumed */
bool parser_at_symbol(const struct parser *p, const char *symbol);
bool parser_accept(struct parser *p, const char *word);
bool parser_accept_symbol(struct parser *p, const char *symbol);
/* The next token after the current one, without consuming. */
struct token parser_peek(const struct parser *p);
bool token_is(const struct token *t, const char *word);
MUST_CHECK bool parser_expect(struct parser *p, const char *word);
MUST_CHECK bool parser_expect_symbol(struct parser *p, const char *symbol);
/* Fail with ddl_syntax at the current token; with ddl_unsupported for a named construct. */
bool parser_syntax(struct parser *p);
bool parser_refuse(struct parser *p, const char *construct);
MUST_CHECK bool parser_name(struct parser *p, const char **name);
MUST_CHECK bool parser_string(struct parser *p, const char **text); /* 'a' 'b' are joined */
MUST_CHECK bool parser_number(struct parser *p, uint64_t max, uint64_t *n);
/* A name of a database or table as the server holds it: lowered where it lowers them. */
const char *parser_held(const struct parser *p, const char *name);
MUST_CHECK bool parser_object(struct parser *p, const char **name);
MUST_CHECK bool parser_table(struct parser *p, struct table_ref *ref);
MUST_CHECK bool parser_add_table(struct parser *p);
struct spec *parser_add_spec(struct parser *p, enum spec_kind kind);
/* ( tokens ): the text between the parentheses, one blank between spaced tokens, quoted
 * names and strings in the default spelling whatever the sql_mode. */
MUST_CHECK bool parser_expr(struct parser *p, const char **text);
/* All tokens up to `stop` or the end of the statement, in the same spelling. */
MUST_CHECK bool parser_text(struct parser *p, bool (*stop)(const struct parser *),
                            const char **text);
/* CHARACTER SET x, CHARSET x: the keyword was seen. DEFAULT gives "". */
bool parser_accept_charset(struct parser *p);
MUST_CHECK bool parser_charset(struct parser *p, const char **charset);
MUST_CHECK bool parser_collation(struct parser *p, const char **collation);

/* parse_column.c: type and attributes; inline keys, checks, references become specs. */
MUST_CHECK bool parse_column(struct parser *p, const char *name, struct column_def **out);
MUST_CHECK bool parse_default(struct parser *p, struct default_clause *d);
/* parse_type.c */
MUST_CHECK bool parse_type(struct parser *p, struct column_def *d);
/* parse_key.c: one of the table elements that is no column; false in *was if it is one. */
MUST_CHECK bool parse_table_element(struct parser *p, bool *was);
MUST_CHECK bool parse_key_body(struct parser *p, struct key *k);
MUST_CHECK bool parse_references(struct parser *p, struct foreign_key *fk);
MUST_CHECK bool parse_check(struct parser *p, const char *name);
/* parse_table.c */
MUST_CHECK bool parse_create_table(struct parser *p);
MUST_CHECK bool parse_table_option(struct parser *p, bool *was);
/* parse_alter.c */
MUST_CHECK bool parse_alter_table(struct parser *p);
MUST_CHECK bool parse_create_index(struct parser *p, enum key_kind kind);
MUST_CHECK bool parse_drop_index(struct parser *p);

/* --- alter.c ------------------------------------------------------------------------------ */

/* Defaults for what neither statement nor definition says. */
struct alter_env {
    const char *charset; /* of the database */
    const char *collation;
    bool explicit_timestamp;
    const char *utf8mb4_collation; /* for a bare CHARACTER SET utf8mb4; NULL: the usual one */
};

/* The collation that a character set without COLLATE gets. */
const char *default_collation(const char *charset, const char *utf8mb4_collation);

/*
 * The definition after a CREATE (before NULL) or ALTER statement; the caller owns *after.
 * Fills spec->resolved. Fails with ERR_DATA, ddl_syntax or ddl_unsupported.
 */
MUST_CHECK bool alter_apply(struct statement *st, const struct table *before,
                            const struct alter_env *env, struct table **after, struct err *err);
/* Move a definition to another name: names of constraints that MySQL made follow. */
void alter_rename(struct table *t, const char *db, const char *name);
/* Does an expression name the column? */
bool expr_names_column(const char *expr, const char *column);

/* default.c: canonical text of a literal default, or ERR_DATA. */
MUST_CHECK bool default_resolve(struct arena *a, struct column *c, const struct default_clause *d,
                                struct err *err);

/* Is the database one of the server's own, which are never copied? */
bool ddl_is_system_database(const char *db);

#endif
