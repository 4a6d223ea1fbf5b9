/*
 * parse_table.c - CREATE TABLE and the options that it shares with ALTER TABLE.
 */
#include <string.h>

#include "schema/ddl/parse.h"

/* Options without a place in the model: they change neither rows nor meaning. */
static const char *const plain_options[] = {
    "AVG_ROW_LENGTH",
    "CHECKSUM",
    "TABLE_CHECKSUM",
    "COMPRESSION",
    "CONNECTION",
    "DELAY_KEY_WRITE",
    "ENCRYPTION",
    "ENGINE_ATTRIBUTE",
    "INSERT_METHOD",
    "MAX_ROWS",
    "MIN_ROWS",
    "PACK_KEYS",
    "PASSWORD",
    "SECONDARY_ENGINE",
    "STATS_AUTO_RECALC",
    "STATS_PERSISTENT",
    "STATS_SAMPLE_PAGES",
    "TABLESPACE",
    "AUTOEXTEND_SIZE",
    "SECONDARY_ENGINE_ATTRIBUTE",
    "STORAGE",
};

static bool plain_value(struct parser *p)
{
    (void)parser_accept_symbol(p, "=");
    if (p->token.kind != TOKEN_WORD && p->token.kind != TOKEN_QUOTED &&
        p->token.kind != TOKEN_STRING && p->token.kind != TOKEN_NUMBER)
        return parser_syntax(p);
    parser_next(p);
    return true;
}

static bool plain_option(struct parser *p, bool *was)
{
    *was = true;
    for (size_t i = 0; i < sizeof(plain_options) / sizeof(*plain_options); i++) {
        if (parser_accept(p, plain_options[i]))
            return plain_value(p);
    }
    if (parser_accept(p, "DATA") || parser_accept(p, "INDEX"))
        return parser_expect(p, "DIRECTORY") && plain_value(p);
    *was = false;
    return true;
}

static bool size_option(struct parser *p, uint64_t max, uint64_t *n, bool *has)
{
    (void)parser_accept_symbol(p, "=");
    *has = true;
    if (parser_accept(p, "DEFAULT")) {
        *n = 0;
        return true;
    }
    return parser_number(p, max, n);
}

static bool text_option(struct parser *p, const char **text)
{
    (void)parser_accept_symbol(p, "=");
    return p->token.kind == TOKEN_STRING ? parser_string(p, text) : parser_name(p, text);
}

static bool charset_option(struct parser *p, struct table_options *o, bool *was)
{
    *was = true;
    if (parser_accept_charset(p)) {
        (void)parser_accept_symbol(p, "=");
        if (!parser_charset(p, &o->charset))
            return false;
        o->charset_default = o->charset[0] == '\0';
        if (o->charset_default)
            o->charset = NULL;
        return true;
    }
    if (parser_accept(p, "COLLATE")) {
        (void)parser_accept_symbol(p, "=");
        if (!parser_collation(p, &o->collation))
            return false;
        if (o->collation[0] == '\0')
            o->collation = NULL;
        return true;
    }
    *was = false;
    return true;
}

static bool model_option(struct parser *p, struct table_options *o, bool *was)
{
    uint64_t n;

    *was = true;
    if (parser_accept(p, "ENGINE"))
        return text_option(p, &o->engine);
    if (parser_accept(p, "COMMENT"))
        return text_option(p, &o->comment);
    if (parser_accept(p, "AUTO_INCREMENT"))
        return size_option(p, UINT64_MAX, &o->auto_increment, &o->has_auto_increment);
    if (parser_accept(p, "KEY_BLOCK_SIZE")) {
        if (!size_option(p, UINT32_MAX, &n, &o->has_key_block_size))
            return false;
        o->key_block_size = (uint32_t)n;
        return true;
    }
    if (parser_accept(p, "ROW_FORMAT")) {
        if (!text_option(p, &o->row_format))
            return false;
        if (strcasecmp(o->row_format, "DEFAULT") == 0)
            o->row_format = "";
        return true;
    }
    return charset_option(p, o, was);
}

bool parse_table_option(struct parser *p, bool *was)
{
    struct table_options *o = &p->st->options;
    struct token next = parser_peek(p);
    bool is_default =
        parser_at(p, "DEFAULT") && (token_is(&next, "CHARSET") || token_is(&next, "CHARACTER") ||
                                    token_is(&next, "CHAR") || token_is(&next, "COLLATE"));

    if (is_default)
        parser_next(p);
    if (!model_option(p, o, was))
        return false;
    if (*was) {
        o->given = true;
        return true;
    }
    if (parser_at(p, "UNION"))
        return parser_refuse(p, "a MERGE table");
    return plain_option(p, was);
}

static bool element(struct parser *p)
{
    size_t at = p->st->n_specs;
    struct column_def *d;
    const char *name;
    bool was;

    if (!parse_table_element(p, &was) || was)
        return !p->failed;
    if (!parser_name(p, &name))
        return false;
    (void)parser_add_spec(p, SPEC_ADD_COLUMN);
    if (!parse_column(p, name, &d))
        return false;
    p->st->specs[at].def = d;
    return true;
}

static bool at_partition_end(const struct parser *p)
{
    return parser_at(p, "START") || parser_at(p, "AS") || parser_at(p, "SELECT") ||
           parser_at(p, "IGNORE") || parser_at(p, "REPLACE");
}

/* CREATE TABLE ... SELECT is logged with START TRANSACTION before the options, or without any. */
static bool start_transaction(struct parser *p, bool *was)
{
    *was = parser_accept(p, "START");
    return !*was || parser_expect(p, "TRANSACTION");
}

static bool tail(struct parser *p)
{
    bool option = true, start = true;

    while (option || start) {
        if (!start_transaction(p, &start) || !parse_table_option(p, &option))
            return false;
        if (option)
            (void)parser_accept_symbol(p, ",");
    }
    if (parser_at(p, "PARTITION") && !parser_text(p, at_partition_end, &p->st->options.partition))
        return false;
    if (!start_transaction(p, &start))
        return false;
    if (parser_at(p, "IGNORE") || parser_at(p, "REPLACE") || parser_at(p, "AS") ||
        parser_at(p, "SELECT") || parser_at(p, "WITH") || parser_at(p, "TABLE") ||
        parser_at(p, "VALUES") || parser_at_symbol(p, "("))
        return parser_refuse(p, "CREATE TABLE ... SELECT whose columns are not written out");
    return true;
}

static bool like(struct parser *p)
{
    p->st->kind = STATEMENT_CREATE_LIKE;
    return parser_add_table(p);
}

bool parse_create_table(struct parser *p)
{
    p->st->kind = STATEMENT_CREATE_TABLE;
    if (parser_accept(p, "IF")) {
        if (!parser_expect(p, "NOT") || !parser_expect(p, "EXISTS"))
            return false;
        p->st->if_not_exists = true;
    }
    if (!parser_add_table(p))
        return false;
    if (parser_accept(p, "LIKE"))
        return like(p);
    if (!parser_at_symbol(p, "(")) /* no columns: all of them come from a SELECT */
        return tail(p) && parser_syntax(p);
    parser_next(p);
    if (parser_accept(p, "LIKE"))
        return like(p) && parser_expect_symbol(p, ")");
    if (parser_at(p, "SELECT"))
        return parser_refuse(p, "CREATE TABLE ... SELECT whose columns are not written out");
    do {
        if (!element(p))
            return false;
    } while (parser_accept_symbol(p, ","));
    return parser_expect_symbol(p, ")") && tail(p);
}
