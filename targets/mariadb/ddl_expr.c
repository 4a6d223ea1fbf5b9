/*
 * ddl_expr.c - expressions: which of them MariaDB evaluates as MySQL does, and how they are
 * written there.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema/ddl/lexer.h"
#include "schema/types/types.h"
#include "targets/mariadb/say.h"
#include "targets/sqltext.h"

/*
 * Words that may stand before a parenthesis. What is not here may be missing in MariaDB, be
 * refused in a stored expression or give another text (JSON constructors, regular
 * expressions, dates by locale, floats as text, the case of letters newer than Unicode 9).
 */
static const char *const functions[] = {
    "abs",          "and",         "as",           "between",    "binary",       "case",
    "cast",         "ceil",        "ceiling",      "char",       "char_length",  "character_length",
    "coalesce",     "concat",      "concat_ws",    "convert",    "crc32",        "date",
    "datediff",     "day",         "dayofmonth",   "decimal",    "div",          "else",
    "field",        "floor",       "greatest",     "hex",        "hour",         "if",
    "ifnull",       "in",          "inet_aton",    "instr",      "is",           "isnull",
    "json_extract", "json_length", "json_unquote", "json_valid", "least",        "left",
    "length",       "like",        "locate",       "lpad",       "ltrim",        "minute",
    "mod",          "month",       "not",          "nullif",     "octet_length", "or",
    "position",     "quarter",     "repeat",       "replace",    "reverse",      "right",
    "round",        "rpad",        "rtrim",        "second",     "sha2",         "sign",
    "substr",       "substring",   "then",         "to_days",    "trim",         "truncate",
    "unhex",        "when",        "xor",          "year",       "extract",      "nchar",
};

/* More that a default may use: it is evaluated only where the target itself fills a column. */
static const char *const default_functions[] = {
    "curdate",    "current_date",  "current_time", "current_timestamp", "curtime",
    "json_array", "json_object",   "localtime",    "localtimestamp",    "now",
    "point",      "rand",          "utc_date",     "utc_timestamp",     "uuid",
    "date_add",   "date_sub",      "interval",     "sysdate",           "unix_timestamp",
    "json_quote", "from_unixtime", "linestring",   "polygon",           "st_geomfromtext",
};

static const char *const check_functions[] = {
    "regexp", "rlike", "json_type", "json_contains", "json_keys", "st_srid",
};

/* With these the collation of a text decides, and some letters have another place in its twin. */
static const char *const comparisons[] = {
    "like",  "in",     "between",  "field",  "greatest", "least",
    "instr", "locate", "position", "nullif", "case",
};

/* Casts to these are not known to MariaDB, or mean something else. */
static const char *const foreign_types[] = {
    "time",
    "datetime",
    "json",
    "year",
    "float",
    "real",
    "double",
    "point",
    "linestring",
    "polygon",
    "geometry",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
};

static const char *const refused_words[] = {"member", "returning", "array", "lateral"};

static bool in_list(const struct token *t, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strlen(list[i]) == t->text.len &&
            strncasecmp(list[i], (const char *)t->text.data, t->text.len) == 0)
            return true;
    }
    return false;
}

#define IN_LIST(t, list) in_list(t, list, sizeof(list) / sizeof(*(list)))

static bool is_symbol(const struct token *t, const char *s)
{
    return t->kind == TOKEN_SYMBOL && bytes_equal(t->text, bytes_str(s));
}

static bool known_call(const struct token *t, enum say_use use)
{
    if (t->kind != TOKEN_WORD)
        return false;
    if (IN_LIST(t, functions))
        return true;
    if (use == SAY_DEFAULT)
        return IN_LIST(t, default_functions);
    return use == SAY_CHECK && IN_LIST(t, check_functions);
}

static bool word_is(const struct token *t, const char *word)
{
    return t->kind == TOKEN_WORD && t->text.len == strlen(word) &&
           strncasecmp((const char *)t->text.data, word, t->text.len) == 0;
}

static bool token_is_refused(const struct token *t, const struct token *before, enum say_use use)
{
    bool matches = word_is(t, "regexp") || word_is(t, "rlike");

    if (t->kind == TOKEN_BAD || is_symbol(t, "@") || is_symbol(t, ":="))
        return true;
    if (t->kind != TOKEN_WORD)
        return false;
    if (matches && use == SAY_GENERATED)
        return true;
    if (word_is(before, "as") && IN_LIST(t, foreign_types))
        return true;
    return IN_LIST(t, refused_words);
}

bool say_can_evaluate(const char *expr, enum say_use use)
{
    struct token t = {TOKEN_END, BYTES_EMPTY, false}, before = t;
    struct arena arena = {0};
    struct lexer lx;
    bool can = true;

    lexer_init(&lx, bytes_str(expr), 0, &arena);
    while (can && (t = lexer_next(&lx)).kind != TOKEN_END) {
        if (token_is_refused(&t, &before, use))
            can = false;
        if (is_symbol(&t, "(") && (before.kind == TOKEN_WORD || before.kind == TOKEN_QUOTED) &&
            !known_call(&before, use))
            can = false;
        before = t;
    }
    arena_release(&arena);
    return can;
}

static void put_token(struct buf *b, const struct token *t)
{
    switch (t->kind) {
    case TOKEN_QUOTED: {
        char *name = strndup((const char *)t->text.data, t->text.len);

        if (name)
            sql_put_name(b, name);
        free(name);
        break;
    }
    case TOKEN_STRING:
        sql_put_string(b, t->text);
        break;
    case TOKEN_HEX: /* not x'..': MariaDB takes that for text where a number is meant */
    case TOKEN_BIT:
        buf_put_str(b, t->kind == TOKEN_HEX ? "0x" : "0b");
        buf_put_bytes(b, t->text);
        break;
    default:
        buf_put_bytes(b, t->text);
    }
}

/* utf8mb4_0900_ai_ci and its kin under MariaDB's name. */
static bool put_collation(const struct say *s, struct buf *b, const struct token *t)
{
    char name[64];
    const char *mapped;
    bool differs;

    if ((t->kind != TOKEN_WORD && t->kind != TOKEN_QUOTED) || t->text.len >= sizeof(name))
        return false;
    memcpy(name, t->text.data, t->text.len);
    name[t->text.len] = '\0';
    if (strchr(name, '_') == NULL || collation_name(name) == NULL)
        return false;
    mapped = collation_for_mariadb(name, s->version, &differs);
    buf_put_str(b, mapped ? mapped : name);
    return true;
}

/* Where the operand of -> begins: the column reference at the end of what is written. */
static size_t operand_start(const struct buf *b, size_t *starts, size_t n)
{
    size_t at = n ? starts[n - 1] : 0;

    while (n >= 3 && starts[n - 1] > 0 && b->data[starts[n - 2]] == '.') {
        n -= 2;
        at = starts[n - 1];
    }
    return at;
}

static void wrap(struct buf *b, size_t at, bool unquote)
{
    size_t len = b->len - at;
    char *operand = strndup((const char *)b->data + at, len);

    buf_truncate(b, at);
    buf_put_str(b, unquote ? "json_unquote(json_extract(" : "json_extract(");
    if (operand)
        buf_put_str(b, operand);
    buf_put_u8(b, ',');
    free(operand);
}

#define EXPR_TOKENS_MAX 4096 /* starts kept for ->; a longer expression keeps the first ones */

void say_expr(const struct say *s, struct buf *b, const char *expr)
{
    size_t *starts = calloc(EXPR_TOKENS_MAX, sizeof(*starts)), n = 0;
    struct arena arena = {0};
    const char *close = NULL;
    struct lexer lx;
    struct token t;
    bool first = true;

    lexer_init(&lx, bytes_str(expr), 0, &arena);
    while (starts && (t = lexer_next(&lx)).kind != TOKEN_END && t.kind != TOKEN_BAD) {
        bool unquote = is_symbol(&t, "->>");

        if (unquote || is_symbol(&t, "->")) {
            wrap(b, operand_start(b, starts, n), unquote);
            close = unquote ? "))" : ")";
            continue;
        }
        if (t.spaced && !first && close == NULL)
            buf_put_u8(b, ' ');
        first = false;
        if (n < EXPR_TOKENS_MAX)
            starts[n++] = b->len;
        if (!put_collation(s, b, &t))
            put_token(b, &t);
        if (close)
            buf_put_str(b, close);
        close = NULL;
    }
    free(starts);
    arena_release(&arena);
}

/* --- generated columns ---------------------------------------------------------------------- */

static bool expr_names(const char *expr, const char *column)
{
    struct arena arena = {0};
    struct lexer lx;
    struct token t;
    bool found = false;

    lexer_init(&lx, bytes_str(expr), 0, &arena);
    while (!found && (t = lexer_next(&lx)).kind != TOKEN_END && t.kind != TOKEN_BAD) {
        found = (t.kind == TOKEN_WORD || t.kind == TOKEN_QUOTED) && t.text.len == strlen(column) &&
                strncasecmp((const char *)t.text.data, column, t.text.len) == 0;
    }
    arena_release(&arena);
    return found;
}

static bool in_primary_key(const struct table *t, const char *column)
{
    const struct key *k = table_key(t, "PRIMARY");

    for (uint32_t i = 0; k && i < k->n_parts; i++) {
        if (k->parts[i].column && strcasecmp(k->parts[i].column, column) == 0)
            return true;
    }
    return false;
}

static bool in_foreign_key(const struct table *t, const char *column)
{
    for (uint32_t i = 0; i < t->n_fks; i++) {
        for (uint32_t j = 0; j < t->fks[i].n_columns; j++) {
            if (strcasecmp(t->fks[i].columns[j], column) == 0)
                return true;
        }
    }
    return false;
}

static bool compares(const char *expr)
{
    static const char *const symbols[] = {"=", "<", ">", "<=", ">=", "<>", "!=", "<=>"};
    struct arena arena = {0};
    struct lexer lx;
    struct token t;
    bool found = false;

    lexer_init(&lx, bytes_str(expr), 0, &arena);
    while (!found && (t = lexer_next(&lx)).kind != TOKEN_END && t.kind != TOKEN_BAD) {
        found = t.kind == TOKEN_WORD && IN_LIST(&t, comparisons);
        for (size_t i = 0; i < sizeof(symbols) / sizeof(*symbols); i++)
            found = found || is_symbol(&t, symbols[i]);
    }
    arena_release(&arena);
    return found;
}

/* Is it text whose twin collation on MariaDB orders some letters differently? */
static bool has_twin_collation(const struct column *c)
{
    bool differs = false;

    return c->collation && collation_for_mariadb(c->collation, UINT32_MAX, &differs) && differs;
}

static bool is_approximate(const struct column *c)
{
    return c->type == COLUMN_FLOAT || c->type == COLUMN_DOUBLE;
}

/*
 * The two servers print floats differently inside expressions; MariaDB refuses CHAR columns
 * in stored expressions (their padding depends on sql_mode), generated primary keys, and
 * prints the JSON and geometry that it computes in its own way.
 */
bool mariadb_column_is_plain(const struct table *t, const struct column *c)
{
    if (c->generated == GENERATED_NONE)
        return false;
    if (is_approximate(c) || c->type == COLUMN_JSON || c->type == COLUMN_GEOMETRY ||
        c->type == COLUMN_VECTOR || c->auto_increment)
        return true;
    if (in_primary_key(t, c->name) || in_foreign_key(t, c->name) ||
        !say_can_evaluate(c->generated_expr, SAY_GENERATED))
        return true;
    for (uint32_t i = 0; i < t->n_columns; i++) {
        const struct column *other = &t->columns[i];

        if (other == c || !expr_names(c->generated_expr, other->name))
            continue;
        if (is_approximate(other) || other->type == COLUMN_CHAR ||
            other->type == COLUMN_TIMESTAMP || other->type == COLUMN_GEOMETRY ||
            (has_twin_collation(other) && compares(c->generated_expr)))
            return true;
    }
    return false;
}

bool say_keeps_default(const struct column *c)
{
    return c->default_kind != DEFAULT_EXPR || say_can_evaluate(c->default_text, SAY_DEFAULT);
}

bool say_has_check(const struct check *c)
{
    return c->enforced && say_can_evaluate(c->expr, SAY_CHECK);
}
