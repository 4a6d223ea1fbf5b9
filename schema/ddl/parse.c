/*
 * parse.c - which statement is this? Only what acts on tables is read further.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "schema/ddl/parse.h"

bool ddl_is_system_database(const char *db)
{
    static const char *const names[] = {"mysql", "sys", "information_schema", "performance_schema"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcasecmp(db, names[i]) == 0)
            return true;
    }
    return false;
}

static bool ignored(struct parser *p)
{
    p->st->kind = STATEMENT_IGNORED;
    p->token = (struct token){TOKEN_END, BYTES_EMPTY, false};
    return true;
}

/* Objects whose CREATE, ALTER and DROP leave all rows as they are. */
static bool at_other_object(const struct parser *p)
{
    static const char *const words[] = {
        "VIEW",     "TRIGGER",  "PROCEDURE",  "FUNCTION",     "EVENT",   "USER",
        "ROLE",     "SERVER",   "TABLESPACE", "UNDO",         "LOGFILE", "LIBRARY",
        "RESOURCE", "INSTANCE", "AGGREGATE",  "MATERIALIZED", "PREPARE",
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (parser_at(p, words[i]))
            return true;
    }
    return false;
}

/* ALGORITHM = x, DEFINER = u, SQL SECURITY x before VIEW, TRIGGER, PROCEDURE... */
static bool at_header(const struct parser *p)
{
    return parser_at(p, "ALGORITHM") || parser_at(p, "DEFINER") || parser_at(p, "SQL");
}

static bool routine_or_view(struct parser *p)
{
    while (p->token.kind != TOKEN_END && p->token.kind != TOKEN_BAD) {
        if (at_other_object(p))
            return ignored(p);
        parser_next(p);
    }
    return parser_syntax(p);
}

static bool database_options(struct parser *p)
{
    struct table_options *o = &p->st->options;
    const char *value;
    bool was = true;

    while (p->token.kind != TOKEN_END && !parser_at_symbol(p, ";") && was) {
        (void)parser_accept(p, "DEFAULT");
        if (parser_accept(p, "READ")) {
            if (!parser_expect(p, "ONLY"))
                return false;
            (void)parser_accept_symbol(p, "=");
            parser_next(p);
        } else if (parser_accept(p, "ENCRYPTION")) {
            (void)parser_accept_symbol(p, "=");
            if (!parser_string(p, &value))
                return false;
        } else {
            was = false;
            if (parser_at(p, "CHARSET") || parser_at(p, "CHARACTER") || parser_at(p, "CHAR") ||
                parser_at(p, "COLLATE")) {
                if (!parse_table_option(p, &was))
                    return false;
            }
        }
    }
    o->given = true;
    return true;
}

static bool create_database(struct parser *p)
{
    p->st->kind = STATEMENT_CREATE_DATABASE;
    p->st->label = "CREATE DATABASE";
    if (parser_accept(p, "IF")) {
        if (!parser_expect(p, "NOT") || !parser_expect(p, "EXISTS"))
            return false;
        p->st->if_not_exists = true;
    }
    return parser_object(p, &p->st->database) && database_options(p);
}

static bool alter_database(struct parser *p)
{
    bool unnamed = parser_at(p, "DEFAULT") || parser_at(p, "CHARACTER") ||
                   parser_at(p, "CHARSET") || parser_at(p, "COLLATE") ||
                   parser_at(p, "ENCRYPTION") || parser_at(p, "READ");

    p->st->kind = STATEMENT_ALTER_DATABASE;
    p->st->label = "ALTER DATABASE";
    p->st->database = p->ctx->db ? parser_held(p, p->ctx->db) : "";
    if (!unnamed && !parser_object(p, &p->st->database))
        return false;
    return database_options(p);
}

static bool drop_database(struct parser *p)
{
    p->st->kind = STATEMENT_DROP_DATABASE;
    p->st->label = "DROP DATABASE";
    if (parser_accept(p, "IF")) {
        if (!parser_expect(p, "EXISTS"))
            return false;
        p->st->if_exists = true;
    }
    return parser_object(p, &p->st->database);
}

static bool create(struct parser *p)
{
    p->st->label = "CREATE";
    if (parser_accept(p, "OR") && !parser_expect(p, "REPLACE"))
        return false;
    if (parser_accept(p, "TEMPORARY"))
        return parser_expect(p, "TABLE") && ignored(p);
    if (parser_accept(p, "TABLE")) {
        p->st->label = "CREATE TABLE";
        return parse_create_table(p);
    }
    if (parser_accept(p, "DATABASE") || parser_accept(p, "SCHEMA"))
        return create_database(p);
    if (at_other_object(p))
        return ignored(p);
    if (at_header(p))
        return routine_or_view(p);
    p->st->label = "CREATE INDEX";
    if (parser_accept(p, "UNIQUE"))
        return parser_expect(p, "INDEX") && parse_create_index(p, KEY_UNIQUE);
    if (parser_accept(p, "FULLTEXT"))
        return parser_expect(p, "INDEX") && parse_create_index(p, KEY_FULLTEXT);
    if (parser_accept(p, "INDEX"))
        return parse_create_index(p, KEY_INDEX);
    if (parser_accept(p, "SPATIAL")) {
        if (parser_at(p, "REFERENCE"))
            return ignored(p);
        return parser_expect(p, "INDEX") && parse_create_index(p, KEY_SPATIAL);
    }
    p->st->label = "CREATE";
    return parser_syntax(p);
}

static bool alter(struct parser *p)
{
    p->st->label = "ALTER";
    if (parser_accept(p, "TABLE")) {
        p->st->label = "ALTER TABLE";
        return parse_alter_table(p);
    }
    if (parser_accept(p, "DATABASE") || parser_accept(p, "SCHEMA"))
        return alter_database(p);
    if (at_other_object(p))
        return ignored(p);
    if (at_header(p))
        return routine_or_view(p);
    return parser_syntax(p);
}

static bool drop_tables(struct parser *p)
{
    p->st->kind = STATEMENT_DROP_TABLE;
    p->st->label = "DROP TABLE";
    if (parser_accept(p, "IF")) {
        if (!parser_expect(p, "EXISTS"))
            return false;
        p->st->if_exists = true;
    }
    do {
        if (!parser_add_table(p))
            return false;
    } while (parser_accept_symbol(p, ","));
    (void)(parser_accept(p, "RESTRICT") || parser_accept(p, "CASCADE"));
    return true;
}

static bool drop(struct parser *p)
{
    p->st->label = "DROP";
    if (parser_accept(p, "TEMPORARY"))
        return ignored(p);
    if (parser_accept(p, "TABLE") || parser_accept(p, "TABLES"))
        return drop_tables(p);
    if (parser_accept(p, "DATABASE") || parser_accept(p, "SCHEMA"))
        return drop_database(p);
    if (parser_accept(p, "INDEX")) {
        p->st->label = "DROP INDEX";
        return parse_drop_index(p);
    }
    if (at_other_object(p) || parser_at(p, "SPATIAL"))
        return ignored(p);
    return parser_syntax(p);
}

static bool rename_tables(struct parser *p)
{
    p->st->label = "RENAME TABLE";
    if (parser_at(p, "USER"))
        return ignored(p);
    p->st->kind = STATEMENT_RENAME_TABLE;
    if (!parser_accept(p, "TABLES") && !parser_expect(p, "TABLE"))
        return false;
    do {
        if (!parser_add_table(p) || !parser_expect(p, "TO") || !parser_add_table(p))
            return false;
    } while (parser_accept_symbol(p, ","));
    return true;
}

static bool truncate(struct parser *p)
{
    p->st->kind = STATEMENT_TRUNCATE_TABLE;
    p->st->label = "TRUNCATE TABLE";
    (void)parser_accept(p, "TABLE");
    return parser_add_table(p);
}

static bool at_verb(const struct parser *p, const char *const *verbs)
{
    for (; *verbs; verbs++) {
        if (parser_at(p, *verbs))
            return true;
    }
    return false;
}

/* Behind the first table's name: does the statement name another one that it may change? */
static bool names_more_tables(struct parser *p, bool is_update)
{
    struct table_ref ref;

    if (is_update && !parser_at(p, "SET") && !parser_at_symbol(p, ",")) {
        (void)parser_accept(p, "AS");
        return !parser_table(p, &ref) || !parser_at(p, "SET");
    }
    return parser_at_symbol(p, ",") || parser_at_symbol(p, ".") || parser_at(p, "FROM") ||
           parser_at(p, "USING") || parser_at(p, "JOIN");
}

/* A data change as text: a session with binlog_format=STATEMENT. Whom it concerns is for those
 * to judge who know what is copied. */
static bool data_statement(struct parser *p)
{
    static const char *const one_table[] = {"INSERT", "REPLACE", "UPDATE", "DELETE", NULL};
    static const char *const between[] = {"LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE",
                                          "QUICK",        "INTO",    "FROM",          NULL};
    bool is_update = parser_at(p, "UPDATE");
    bool has_table = at_verb(p, one_table);
    struct table_ref ref;
    struct err ignored_err = ERR_INIT;
    struct err *err = p->err;

    p->err = &ignored_err;
    parser_next(p);
    while (at_verb(p, between))
        parser_next(p);
    has_table = has_table && (p->token.kind == TOKEN_WORD || p->token.kind == TOKEN_QUOTED) &&
                parser_table(p, &ref) && !names_more_tables(p, is_update);
    p->err = err;
    p->failed = false;
    p->st->database = has_table ? ref.db : "";
    p->st->kind = STATEMENT_ROWS;
    p->token = (struct token){TOKEN_END, BYTES_EMPTY, false};
    return true;
}

static bool statement(struct parser *p)
{
    static const char *const data[] = {"INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD", "CALL",
                                       "WITH",   "SELECT", "DO",     "IMPORT",  NULL};
    static const char *const idle[] = {
        "GRANT", "REVOKE", "SET",   "ANALYZE", "OPTIMIZE",  "REPAIR", "CHECK",  "CHECKSUM",
        "FLUSH", "CACHE",  "RESET", "INSTALL", "UNINSTALL", "LOCK",   "UNLOCK", "KILL",
        "PURGE", "CHANGE", "START", "STOP",    "USE",       "SHOW",   NULL,
    };

    if (parser_accept(p, "CREATE"))
        return create(p);
    if (parser_accept(p, "ALTER"))
        return alter(p);
    if (parser_accept(p, "DROP"))
        return drop(p);
    if (parser_accept(p, "RENAME"))
        return rename_tables(p);
    if (parser_accept(p, "TRUNCATE"))
        return truncate(p);
    if (at_verb(p, data))
        return data_statement(p);
    if (at_verb(p, idle))
        return ignored(p);
    return parser_syntax(p);
}

bool ddl_parse(const char *text, const struct ddl_context *ctx, struct arena *arena,
               struct statement *st, struct err *err)
{
    struct parser p = {.ctx = ctx, .arena = arena, .err = err, .st = st};
    size_t len = strlen(text);

    memset(st, 0, sizeof(*st));
    if (len > DDL_TEXT_MAX) {
        err_reason(err, ERR_DATA, "ddl_unsupported", "a statement of %zu bytes is over the limit",
                   len);
        return false;
    }
    lexer_init(&p.lexer, bytes_of(text, len), ctx->sql_mode, arena);
    parser_next(&p);
    if (!statement(&p) || p.failed)
        return false;
    (void)parser_accept_symbol(&p, ";");
    return p.token.kind == TOKEN_END || parser_syntax(&p);
}
