/*
 * parse_key.c - keys, foreign keys and checks of CREATE TABLE and ALTER TABLE.
 */
#include <string.h>

#include "schema/ddl/parse.h"

#define KEY_PARTS_MAX 64

static bool index_type(struct parser *p)
{
    const char *type;

    if (parser_accept(p, "USING") || parser_accept(p, "TYPE"))
        return parser_name(p, &type);
    return true;
}

static bool key_part(struct parser *p, struct key_part *part)
{
    uint64_t prefix = 0;

    if (parser_at_symbol(p, "(")) {
        if (!parser_expr(p, &part->expr))
            return false;
    } else {
        if (!parser_name(p, &part->column))
            return false;
        if (parser_accept_symbol(p, "(") &&
            (!parser_number(p, UINT32_MAX, &prefix) || !parser_expect_symbol(p, ")")))
            return false;
        part->prefix = (uint32_t)prefix;
    }
    if (!parser_accept(p, "ASC"))
        part->desc = parser_accept(p, "DESC");
    return true;
}

static bool key_option(struct parser *p, struct key *k, bool *was)
{
    const char *text;
    uint64_t n;

    *was = true;
    if (parser_at(p, "USING") || parser_at(p, "TYPE"))
        return index_type(p);
    if (parser_accept(p, "KEY_BLOCK_SIZE")) {
        (void)parser_accept_symbol(p, "=");
        return parser_number(p, UINT32_MAX, &n);
    }
    if (parser_accept(p, "WITH"))
        return parser_expect(p, "PARSER") && parser_name(p, &k->parser);
    if (parser_accept(p, "COMMENT"))
        return parser_string(p, &k->comment);
    if (parser_accept(p, "VISIBLE")) {
        k->invisible = false;
        return true;
    }
    if (parser_accept(p, "INVISIBLE"))
        return k->invisible = true;
    if (parser_accept(p, "IMPLICIT")) /* our own canonical text only */
        return k->implicit = true;
    if (parser_accept(p, "ENGINE_ATTRIBUTE") || parser_accept(p, "SECONDARY_ENGINE_ATTRIBUTE")) {
        (void)parser_accept_symbol(p, "=");
        return parser_string(p, &text);
    }
    *was = false;
    return true;
}

bool parse_key_body(struct parser *p, struct key *k)
{
    bool was = true;

    k->parts = arena_alloc(p->arena, KEY_PARTS_MAX * sizeof(*k->parts));
    k->comment = "";
    if (!parser_expect_symbol(p, "("))
        return false;
    do {
        if (k->n_parts == KEY_PARTS_MAX)
            return parser_refuse(p, "a key of so many parts");
        if (!key_part(p, &k->parts[k->n_parts++]))
            return false;
    } while (parser_accept_symbol(p, ","));
    if (!parser_expect_symbol(p, ")"))
        return false;
    while (was) {
        if (!key_option(p, k, &was))
            return false;
    }
    return true;
}

/* [name] [USING type] (parts) options */
static bool key(struct parser *p, enum key_kind kind, const char *constraint)
{
    struct key *k = arena_alloc(p->arena, sizeof(*k));
    struct spec *s;

    k->kind = kind;
    k->name = constraint;
    if (!parser_at_symbol(p, "(") && !parser_at(p, "USING") && !parser_name(p, &k->name))
        return false;
    if (kind == KEY_PRIMARY)
        k->name = "PRIMARY";
    if (!index_type(p) || !parse_key_body(p, k))
        return false;
    s = parser_add_spec(p, SPEC_ADD_KEY);
    s->key = k;
    return !p->failed;
}

static bool name_list(struct parser *p, const char ***names, uint32_t *n)
{
    *names = arena_alloc(p->arena, KEY_PARTS_MAX * sizeof(**names));
    *n = 0;
    if (!parser_expect_symbol(p, "("))
        return false;
    do {
        if (*n == KEY_PARTS_MAX)
            return parser_refuse(p, "a key of so many parts");
        if (!parser_name(p, &(*names)[(*n)++]))
            return false;
    } while (parser_accept_symbol(p, ","));
    return parser_expect_symbol(p, ")");
}

static bool action(struct parser *p, enum fk_action *a)
{
    if (parser_accept(p, "RESTRICT"))
        *a = FK_RESTRICT;
    else if (parser_accept(p, "CASCADE"))
        *a = FK_CASCADE;
    else if (parser_accept(p, "NO"))
        return *a = FK_NO_ACTION, parser_expect(p, "ACTION");
    else if (!parser_expect(p, "SET"))
        return false;
    else if (parser_accept(p, "NULL"))
        *a = FK_SET_NULL;
    else if (parser_expect(p, "DEFAULT"))
        *a = FK_SET_DEFAULT;
    return !p->failed;
}

static bool reference_option(struct parser *p, struct foreign_key *fk)
{
    if (parser_accept(p, "MATCH")) {
        const char *how;

        return parser_name(p, &how);
    }
    if (!parser_expect(p, "ON"))
        return false;
    if (parser_accept(p, "DELETE"))
        return action(p, &fk->on_delete);
    return parser_expect(p, "UPDATE") && action(p, &fk->on_update);
}

bool parse_references(struct parser *p, struct foreign_key *fk)
{
    struct table_ref ref;
    uint32_t n;

    if (!parser_expect(p, "REFERENCES") || !parser_object(p, &ref.name))
        return false;
    ref.db = NULL;
    if (parser_accept_symbol(p, ".")) {
        ref.db = ref.name;
        if (!parser_object(p, &ref.name))
            return false;
    }
    fk->ref_db = ref.db;
    fk->ref_table = ref.name;
    if (!parser_at_symbol(p, "("))
        return parser_refuse(p, "REFERENCES without columns");
    if (!name_list(p, &fk->ref_columns, &n))
        return false;
    if (n != fk->n_columns)
        return parser_syntax(p);
    while (parser_at(p, "MATCH") || parser_at(p, "ON")) {
        if (!reference_option(p, fk))
            return false;
    }
    return true;
}

static bool foreign_key(struct parser *p, const char *constraint)
{
    struct foreign_key *fk = arena_alloc(p->arena, sizeof(*fk));
    const char *index = NULL;
    struct spec *s;

    if (!parser_expect(p, "KEY") || (!parser_at_symbol(p, "(") && !parser_name(p, &index)))
        return false;
    if (!name_list(p, &fk->columns, &fk->n_columns) || !parse_references(p, fk))
        return false;
    fk->name = constraint;
    s = parser_add_spec(p, SPEC_ADD_FK);
    s->fk = fk;
    s->name = constraint ? constraint : index;
    return !p->failed;
}

bool parse_check(struct parser *p, const char *name)
{
    struct check *c = arena_alloc(p->arena, sizeof(*c));
    struct token next;
    struct spec *s;

    c->name = name;
    c->enforced = true;
    if (!parser_expr(p, &c->expr))
        return false;
    next = parser_peek(p);
    if (parser_at(p, "NOT") && token_is(&next, "ENFORCED")) {
        parser_next(p);
        c->enforced = false;
    }
    (void)parser_accept(p, "ENFORCED");
    s = parser_add_spec(p, SPEC_ADD_CHECK);
    s->check = c;
    return !p->failed;
}

static bool accept_key_word(struct parser *p)
{
    return parser_accept(p, "KEY") || parser_accept(p, "INDEX");
}

bool parse_table_element(struct parser *p, bool *was)
{
    const char *name = NULL;

    *was = true;
    if (parser_accept(p, "CONSTRAINT") && !parser_at(p, "PRIMARY") && !parser_at(p, "UNIQUE") &&
        !parser_at(p, "FOREIGN") && !parser_at(p, "CHECK") && !parser_name(p, &name))
        return false;
    if (parser_accept(p, "PRIMARY"))
        return parser_expect(p, "KEY") && key(p, KEY_PRIMARY, NULL);
    if (parser_accept(p, "UNIQUE"))
        return (void)accept_key_word(p), key(p, KEY_UNIQUE, name);
    if (parser_accept(p, "FOREIGN"))
        return foreign_key(p, name);
    if (parser_accept(p, "CHECK"))
        return parse_check(p, name);
    if (name != NULL)
        return parser_syntax(p);
    if (parser_accept(p, "FULLTEXT"))
        return (void)accept_key_word(p), key(p, KEY_FULLTEXT, NULL);
    if (parser_accept(p, "SPATIAL"))
        return (void)accept_key_word(p), key(p, KEY_SPATIAL, NULL);
    if (accept_key_word(p))
        return key(p, KEY_INDEX, NULL);
    *was = false;
    return true;
}
