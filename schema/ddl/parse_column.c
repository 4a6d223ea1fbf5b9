/*
 * parse_column.c - a column definition: type and attributes in any order, the last one of
 * a kind counts.
 */
#include <string.h>

#include "schema/ddl/parse.h"

static bool at_now(const struct parser *p)
{
    return parser_at(p, "CURRENT_TIMESTAMP") || parser_at(p, "NOW") || parser_at(p, "LOCALTIME") ||
           parser_at(p, "LOCALTIMESTAMP");
}

/* CURRENT_TIMESTAMP[([n])]: the precision is the column's, which MySQL enforces. */
static bool accept_now(struct parser *p)
{
    uint64_t fsp;

    parser_next(p);
    if (!parser_accept_symbol(p, "("))
        return true;
    if (p->token.kind == TOKEN_NUMBER && !parser_number(p, 6, &fsp))
        return false;
    return parser_expect_symbol(p, ")");
}

static bool literal(struct parser *p, struct default_clause *d)
{
    d->kind = DEFAULT_LITERAL;
    if (parser_accept_symbol(p, "-"))
        d->negative = true;
    else
        (void)parser_accept_symbol(p, "+");
    if (p->token.kind == TOKEN_STRING) {
        const char *joined;

        /* A default may hold a NUL; adjacent strings with one are not joined. */
        struct token next = parser_peek(p);

        d->literal = p->token;
        if (next.kind != TOKEN_STRING) {
            parser_next(p);
            return true;
        }
        if (!parser_string(p, &joined))
            return false;
        d->literal.text = bytes_str(joined);
        return true;
    }
    if (p->token.kind != TOKEN_NUMBER && p->token.kind != TOKEN_HEX && p->token.kind != TOKEN_BIT)
        return parser_syntax(p);
    d->literal = p->token;
    parser_next(p);
    return true;
}

static bool has_high_byte(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++) {
        if (b.data[i] >= 0x80)
            return true;
    }
    return false;
}

/* _charset'..' and N'..': the statement is UTF-8 here, so another set's bytes are refused. */
static bool introduced(struct parser *p, struct default_clause *d)
{
    bool utf8 = parser_at(p, "N") || parser_at(p, "_utf8mb4") || parser_at(p, "_utf8mb3") ||
                parser_at(p, "_utf8") || parser_at(p, "_ascii") || parser_at(p, "_binary");
    parser_next(p);
    if (!literal(p, d))
        return false;
    if (!utf8 && has_high_byte(d->literal.text))
        return parser_refuse(p, "a default in another character set");
    return true;
}

static bool truth(struct parser *p, struct default_clause *d, const char *digit)
{
    parser_next(p);
    d->kind = DEFAULT_LITERAL;
    d->literal = (struct token){TOKEN_NUMBER, bytes_str(digit), false};
    return true;
}

bool parse_default(struct parser *p, struct default_clause *d)
{
    struct token next = parser_peek(p);

    memset(d, 0, sizeof(*d));
    if (parser_accept(p, "NULL")) {
        d->kind = DEFAULT_NULL;
        return true;
    }
    if (at_now(p)) {
        d->kind = DEFAULT_NOW;
        return accept_now(p);
    }
    if (parser_at_symbol(p, "(")) {
        d->kind = DEFAULT_EXPR;
        return parser_expr(p, &d->expr);
    }
    if (parser_at(p, "TRUE"))
        return truth(p, d, "1");
    if (parser_at(p, "FALSE"))
        return truth(p, d, "0");
    if (p->token.kind == TOKEN_WORD &&
        (next.kind == TOKEN_STRING || next.kind == TOKEN_HEX || next.kind == TOKEN_BIT))
        return introduced(p, d);
    return literal(p, d);
}

static bool generated(struct parser *p, struct column *c)
{
    if (!parser_expr(p, &c->generated_expr))
        return false;
    c->generated = GENERATED_VIRTUAL;
    if (parser_accept(p, "STORED") || parser_accept(p, "PERSISTENT"))
        c->generated = GENERATED_STORED;
    else
        (void)parser_accept(p, "VIRTUAL");
    return true;
}

static bool inline_key(struct parser *p, const char *column, enum key_kind kind)
{
    struct spec *s = parser_add_spec(p, SPEC_ADD_KEY);

    s->key = arena_alloc(p->arena, sizeof(*s->key));
    s->key->kind = kind;
    s->key->comment = "";
    s->key->n_parts = 1;
    s->key->parts = arena_alloc(p->arena, sizeof(*s->key->parts));
    s->key->parts[0].column = column;
    return !p->failed;
}

static bool inline_reference(struct parser *p, const char *column)
{
    struct foreign_key *fk = arena_alloc(p->arena, sizeof(*fk));
    struct spec *s;

    fk->columns = arena_alloc(p->arena, sizeof(*fk->columns));
    fk->columns[0] = column;
    fk->n_columns = 1;
    if (!parse_references(p, fk))
        return false;
    s = parser_add_spec(p, SPEC_ADD_FK);
    s->fk = fk;
    return !p->failed;
}

/* Attributes that the model does not hold. Sets *was. */
static bool ignored_attribute(struct parser *p, bool *was)
{
    const char *text;
    struct token next = parser_peek(p);

    *was = true;
    if (parser_at(p, "COLUMN_FORMAT") || parser_at(p, "STORAGE")) {
        parser_next(p);
        return parser_name(p, &text);
    }
    if (parser_at(p, "ENGINE_ATTRIBUTE") || parser_at(p, "SECONDARY_ENGINE_ATTRIBUTE")) {
        parser_next(p);
        (void)parser_accept_symbol(p, "=");
        return parser_string(p, &text);
    }
    if (parser_at(p, "NOT") && token_is(&next, "SECONDARY")) {
        parser_next(p);
        parser_next(p);
        return true;
    }
    *was = false;
    return true;
}

static bool type_attribute(struct parser *p, struct column_def *d, bool *was)
{
    struct column *c = &d->column;

    *was = true;
    if (parser_accept(p, "UNSIGNED")) {
        c->is_unsigned = true;
        return true;
    }
    if (parser_accept(p, "SIGNED"))
        return true;
    if (parser_accept(p, "ZEROFILL")) {
        c->is_unsigned = c->zerofill = true;
        return true;
    }
    if (parser_accept(p, "BINARY"))
        return d->binary = true;
    if (parser_accept(p, "BYTE"))
        return d->byte = true;
    if (parser_accept(p, "ASCII")) {
        c->charset = "latin1";
        return true;
    }
    if (parser_accept(p, "UNICODE")) {
        c->charset = "ucs2";
        return true;
    }
    if (parser_accept_charset(p))
        return parser_charset(p, &c->charset);
    if (parser_accept(p, "COLLATE"))
        return parser_collation(p, &c->collation);
    *was = false;
    return true;
}

static bool nullability(struct parser *p, struct column_def *d, bool *was)
{
    struct token next = parser_peek(p);

    *was = true;
    if (parser_accept(p, "NULL")) {
        d->null_given = true;
        d->column.nullable = true;
        return true;
    }
    if (parser_at(p, "NOT") && token_is(&next, "NULL")) {
        parser_next(p);
        parser_next(p);
        d->null_given = true;
        d->column.nullable = false;
        return true;
    }
    *was = false;
    return true;
}

static bool value_attribute(struct parser *p, struct column_def *d, bool *was)
{
    struct column *c = &d->column;

    *was = true;
    if (parser_accept(p, "DEFAULT"))
        return parse_default(p, &d->dflt);
    if (parser_accept(p, "ON")) {
        c->on_update_now = true;
        return parser_expect(p, "UPDATE") && (at_now(p) ? accept_now(p) : parser_syntax(p));
    }
    if (parser_accept(p, "AUTO_INCREMENT"))
        return c->auto_increment = true;
    if (parser_accept(p, "SERIAL")) {
        c->auto_increment = true;
        d->is_serial = true;
        return parser_expect(p, "DEFAULT") && parser_expect(p, "VALUE");
    }
    if (parser_accept(p, "COMMENT"))
        return parser_string(p, &c->comment);
    if (parser_accept(p, "GENERATED"))
        return parser_expect(p, "ALWAYS") && parser_expect(p, "AS") && generated(p, c);
    if (parser_accept(p, "AS"))
        return generated(p, c);
    if (parser_accept(p, "VISIBLE")) {
        c->invisible = false;
        return true;
    }
    if (parser_accept(p, "INVISIBLE"))
        return c->invisible = true;
    *was = false;
    return true;
}

static bool srid(struct parser *p, struct column *c)
{
    uint64_t n;

    if (!parser_number(p, UINT32_MAX, &n))
        return false;
    c->has_srid = true;
    c->srid = (uint32_t)n;
    return true;
}

/* [CONSTRAINT [name]] CHECK (..) */
static bool inline_check(struct parser *p)
{
    const char *name = NULL;

    if (parser_accept(p, "CONSTRAINT") && !parser_at(p, "CHECK") && !parser_name(p, &name))
        return false;
    return parser_expect(p, "CHECK") && parse_check(p, name);
}

static bool key_attribute(struct parser *p, struct column *c, bool *was)
{
    struct token next = parser_peek(p);

    *was = true;
    if (parser_accept(p, "UNIQUE")) {
        (void)(parser_accept(p, "KEY") || parser_accept(p, "INDEX"));
        return inline_key(p, c->name, KEY_UNIQUE);
    }
    if (parser_at(p, "KEY") || (parser_at(p, "PRIMARY") && token_is(&next, "KEY"))) {
        (void)parser_accept(p, "PRIMARY");
        parser_next(p);
        return inline_key(p, c->name, KEY_PRIMARY);
    }
    if (parser_at(p, "CONSTRAINT") || parser_at(p, "CHECK"))
        return inline_check(p);
    if (parser_at(p, "REFERENCES"))
        return inline_reference(p, c->name);
    if (parser_accept(p, "SRID"))
        return srid(p, c);
    *was = false;
    return true;
}

static bool attribute(struct parser *p, struct column_def *d, bool *was)
{
    if (!type_attribute(p, d, was) || *was)
        return !p->failed;
    if (!nullability(p, d, was) || *was)
        return !p->failed;
    if (!value_attribute(p, d, was) || *was)
        return !p->failed;
    if (!key_attribute(p, &d->column, was) || *was)
        return !p->failed;
    return ignored_attribute(p, was);
}

bool parse_column(struct parser *p, const char *name, struct column_def **out)
{
    struct column_def *d = arena_alloc(p->arena, sizeof(*d));
    bool was = true;

    d->column.name = name;
    d->column.comment = "";
    d->column.nullable = true;
    *out = d;
    if (!parse_type(p, d))
        return false;
    while (was) {
        if (!attribute(p, d, &was))
            return false;
    }
    if (d->is_serial) {
        d->column.nullable = false;
        d->null_given = true;
        return inline_key(p, name, KEY_UNIQUE);
    }
    return true;
}
