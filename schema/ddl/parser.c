/*
 * parser.c - what all parts of the grammar share: tokens, names, texts, failures.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema/base/buf.h"
#include "schema/ddl/literal.h"
#include "schema/ddl/parse.h"
#include "schema/types/types.h"

void parser_next(struct parser *p)
{
    if (!p->failed)
        p->token = lexer_next(&p->lexer);
}

struct token parser_peek(const struct parser *p)
{
    struct lexer copy = p->lexer;

    return lexer_next(&copy);
}

bool token_is(const struct token *t, const char *word)
{
    size_t n = strlen(word);

    return t->kind == TOKEN_WORD && t->text.len == n &&
           strncasecmp((const char *)t->text.data, word, n) == 0;
}

bool parser_at(const struct parser *p, const char *word)
{
    return token_is(&p->token, word);
}

bool parser_at_symbol(const struct parser *p, const char *symbol)
{
    return p->token.kind == TOKEN_SYMBOL && bytes_equal(p->token.text, bytes_str(symbol));
}

bool parser_accept(struct parser *p, const char *word)
{
    if (!parser_at(p, word))
        return false;
    parser_next(p);
    return true;
}

bool parser_accept_symbol(struct parser *p, const char *symbol)
{
    if (!parser_at_symbol(p, symbol))
        return false;
    parser_next(p);
    return true;
}

/* Words and symbols are grammar and may be named; anything quoted may hold data. */
bool parser_syntax(struct parser *p)
{
    const struct token *t = &p->token;
    const char *label = p->st->label ? p->st->label : "statement";

    if (p->failed)
        return false;
    p->failed = true;
    if (t->kind == TOKEN_END)
        err_reason(p->err, ERR_DATA, "ddl_syntax", "%s: the statement ends too early", label);
    else if (t->kind == TOKEN_WORD || t->kind == TOKEN_SYMBOL)
        err_reason(p->err, ERR_DATA, "ddl_syntax", "%s: not understood at \"%.*s\"", label,
                   t->text.len > 64 ? 64 : (int)t->text.len, (const char *)t->text.data);
    else
        err_reason(p->err, ERR_DATA, "ddl_syntax", "%s: not understood at a %s", label,
                   t->kind == TOKEN_BAD      ? "string, name or comment without its end"
                   : t->kind == TOKEN_QUOTED ? "quoted name"
                   : t->kind == TOKEN_STRING ? "string"
                                             : "number");
    return false;
}

bool parser_refuse(struct parser *p, const char *construct)
{
    if (!p->failed)
        err_reason(p->err, ERR_DATA, "ddl_unsupported", "%s is not supported", construct);
    p->failed = true;
    return false;
}

bool parser_expect(struct parser *p, const char *word)
{
    return parser_accept(p, word) || parser_syntax(p);
}

bool parser_expect_symbol(struct parser *p, const char *symbol)
{
    return parser_accept_symbol(p, symbol) || parser_syntax(p);
}

/* The token's bytes as a C string; false if it holds a NUL. */
static bool token_cstr(struct parser *p, struct bytes text, const char **out)
{
    if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL)
        return parser_refuse(p, "a name or text with a NUL");
    *out = arena_strndup(p->arena, text.len ? (const char *)text.data : "", text.len);
    return true;
}

bool parser_name(struct parser *p, const char **name)
{
    if (p->token.kind != TOKEN_WORD && p->token.kind != TOKEN_QUOTED)
        return parser_syntax(p);
    if (p->token.text.len == 0 || !token_cstr(p, p->token.text, name))
        return parser_syntax(p);
    parser_next(p);
    return true;
}

bool parser_string(struct parser *p, const char **text)
{
    struct buf b = BUF_INIT;
    bool ok;

    if (p->token.kind != TOKEN_STRING)
        return parser_syntax(p);
    for (; p->token.kind == TOKEN_STRING; parser_next(p))
        buf_put_bytes(&b, p->token.text);
    ok = token_cstr(p, buf_bytes(&b), text);
    buf_release(&b);
    return ok;
}

bool parser_number(struct parser *p, uint64_t max, uint64_t *n)
{
    uint64_t v = 0;

    if (p->token.kind != TOKEN_NUMBER)
        return parser_syntax(p);
    for (size_t i = 0; i < p->token.text.len; i++) {
        uint8_t c = p->token.text.data[i];

        if (c < '0' || c > '9' || v > (UINT64_MAX - 9) / 10)
            return parser_syntax(p);
        v = v * 10 + (uint64_t)(c - '0');
    }
    if (v > max)
        return parser_syntax(p);
    *n = v;
    parser_next(p);
    return true;
}

const char *parser_held(const struct parser *p, const char *name)
{
    const struct dialect *d = p->ctx->dialect ? p->ctx->dialect : dialect_canonical();

    return dialect_name(d, p->arena, name);
}

bool parser_object(struct parser *p, const char **name)
{
    if (!parser_name(p, name))
        return false;
    *name = parser_held(p, *name);
    return true;
}

bool parser_table(struct parser *p, struct table_ref *ref)
{
    bool dotted = parser_accept_symbol(p, ".");

    ref->db = p->ctx->db ? parser_held(p, arena_strdup(p->arena, p->ctx->db)) : "";
    if (!parser_object(p, &ref->name))
        return false;
    if (dotted || !parser_accept_symbol(p, "."))
        return true;
    ref->db = ref->name;
    return parser_object(p, &ref->name);
}

/* Twice the room when it is full. */
static void *grown(struct arena *a, void *old, size_t n, size_t *cap, size_t size)
{
    void *list;

    if (n < *cap)
        return old;
    *cap = *cap ? 2 * *cap : 8;
    list = arena_alloc(a, *cap * size);
    if (n > 0)
        memcpy(list, old, n * size);
    return list;
}

bool parser_add_table(struct parser *p)
{
    struct statement *st = p->st;

    st->tables = grown(p->arena, st->tables, st->n_tables, &p->cap_tables, sizeof(*st->tables));
    if (!parser_table(p, &st->tables[st->n_tables]))
        return false;
    st->n_tables++;
    return true;
}

struct spec *parser_add_spec(struct parser *p, enum spec_kind kind)
{
    struct statement *st = p->st;

    st->specs = grown(p->arena, st->specs, st->n_specs, &p->cap_specs, sizeof(*st->specs));
    memset(&st->specs[st->n_specs], 0, sizeof(*st->specs));
    st->specs[st->n_specs].kind = kind;
    if (st->n_specs >= DDL_SPECS_MAX)
        parser_refuse(p, "a statement with so many clauses");
    return &st->specs[st->n_specs++];
}

static void put_token(struct buf *b, const struct token *t)
{
    switch (t->kind) {
    case TOKEN_QUOTED:
        buf_put_u8(b, '`');
        for (size_t i = 0; i < t->text.len; i++) {
            if (t->text.data[i] == '`')
                buf_put_u8(b, '`');
            buf_put_u8(b, t->text.data[i]);
        }
        buf_put_u8(b, '`');
        break;
    case TOKEN_STRING:
        sql_literal_put(b, t->text);
        break;
    case TOKEN_HEX:
    case TOKEN_BIT:
        buf_put_str(b, t->kind == TOKEN_HEX ? "x'" : "b'");
        buf_put_bytes(b, t->text);
        buf_put_u8(b, '\'');
        break;
    default:
        buf_put_bytes(b, t->text);
    }
}

/*
 * Would the two read as something else when they stand side by side in the default spelling?
 * 'a'"b" would become one string, and -- with a blank behind it a comment.
 */
static bool must_part(const struct token *a, const struct token *b)
{
    bool a_quoted = a->kind != TOKEN_WORD && a->kind != TOKEN_NUMBER && a->kind != TOKEN_SYMBOL;

    if (a->kind == TOKEN_SYMBOL && b->kind == TOKEN_SYMBOL)
        return *a->text.data == '-' && *b->text.data == '-';
    return a_quoted && (b->kind == TOKEN_STRING || b->kind == TOKEN_QUOTED);
}

static bool at_close(const struct parser *p)
{
    return parser_at_symbol(p, ")");
}

bool parser_expr(struct parser *p, const char **text)
{
    if (!parser_expect_symbol(p, "(") || !parser_text(p, at_close, text))
        return false;
    return parser_expect_symbol(p, ")");
}

bool parser_text(struct parser *p, bool (*stop)(const struct parser *), const char **text)
{
    struct token before = {TOKEN_END, BYTES_EMPTY, false};
    struct buf b = BUF_INIT;
    unsigned depth = 0;
    bool ok;

    for (; p->token.kind != TOKEN_END; parser_next(p)) {
        if (depth == 0 && stop(p))
            break;
        if (parser_at_symbol(p, "("))
            depth++;
        else if (parser_at_symbol(p, ")") && depth-- == 0)
            break;
        if (p->token.kind == TOKEN_BAD || parser_at_symbol(p, ";"))
            break;
        if (b.len > 0 && (p->token.spaced || must_part(&before, &p->token)))
            buf_put_u8(&b, ' ');
        before = p->token;
        put_token(&b, &p->token);
    }
    ok = depth == 0 && b.len > 0 ? token_cstr(p, buf_bytes(&b), text) : parser_syntax(p);
    buf_release(&b);
    return ok;
}

bool parser_accept_charset(struct parser *p)
{
    struct token next;

    if (parser_accept(p, "CHARSET"))
        return true;
    if (!parser_at(p, "CHARACTER") && !parser_at(p, "CHAR"))
        return false;
    next = parser_peek(p);
    if (!token_is(&next, "SET"))
        return false;
    parser_next(p);
    parser_next(p);
    return true;
}

static bool name_or_string(struct parser *p, const char **name)
{
    return p->token.kind == TOKEN_STRING ? parser_string(p, name) : parser_name(p, name);
}

bool parser_charset(struct parser *p, const char **charset)
{
    if (parser_accept(p, "DEFAULT")) {
        *charset = "";
        return true;
    }
    if (!name_or_string(p, charset))
        return false;
    *charset = charset_name(*charset);
    return *charset != NULL || parser_refuse(p, "an unknown character set");
}

bool parser_collation(struct parser *p, const char **collation)
{
    if (parser_accept(p, "DEFAULT")) {
        *collation = "";
        return true;
    }
    if (!name_or_string(p, collation))
        return false;
    *collation = collation_name(*collation);
    return *collation != NULL || parser_refuse(p, "an unknown collation");
}
