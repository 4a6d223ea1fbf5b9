/*
 * parse_alter.c - ALTER TABLE, CREATE INDEX and DROP INDEX.
 */
#include <string.h>

#include "schema/ddl/parse.h"

/* [t.|db.t.]column */
static bool column_name(struct parser *p, const char **name)
{
    if (!parser_name(p, name))
        return false;
    while (parser_accept_symbol(p, ".")) {
        if (!parser_name(p, name))
            return false;
    }
    return true;
}

static bool column_spec(struct parser *p, enum spec_kind kind, const char *old_name,
                        const char *name, bool position)
{
    size_t at = p->st->n_specs;
    struct column_def *d;

    (void)parser_add_spec(p, kind);
    if (!parse_column(p, name, &d))
        return false;
    p->st->specs[at].def = d;
    p->st->specs[at].name = old_name;
    if (!position)
        return true;
    if (parser_accept(p, "FIRST"))
        p->st->specs[at].first = true;
    else if (parser_accept(p, "AFTER"))
        return column_name(p, &p->st->specs[at].after);
    return true;
}

static bool add_list(struct parser *p)
{
    const char *name;
    bool was;

    do {
        if (!parse_table_element(p, &was))
            return false;
        if (was)
            continue;
        if (!column_name(p, &name) || !column_spec(p, SPEC_ADD_COLUMN, NULL, name, false))
            return false;
    } while (parser_accept_symbol(p, ","));
    return parser_expect_symbol(p, ")");
}

static bool add(struct parser *p)
{
    const char *name;
    bool was = false;

    if (parser_at(p, "PARTITION"))
        return parser_refuse(p, "ALTER TABLE ... ADD PARTITION");
    if (!parser_accept(p, "COLUMN") && (!parse_table_element(p, &was) || was))
        return !p->failed;
    if (parser_accept_symbol(p, "("))
        return add_list(p);
    return column_name(p, &name) && column_spec(p, SPEC_ADD_COLUMN, NULL, name, true);
}

static bool named_spec(struct parser *p, enum spec_kind kind)
{
    const char *name;
    struct spec *s;

    if (!column_name(p, &name))
        return false;
    s = parser_add_spec(p, kind);
    s->name = name;
    return !p->failed;
}

static bool drop(struct parser *p)
{
    struct token next = parser_peek(p);

    if (parser_at(p, "PARTITION"))
        return parser_refuse(p, "ALTER TABLE ... DROP PARTITION");
    if (parser_accept(p, "INDEX") || parser_accept(p, "KEY"))
        return named_spec(p, SPEC_DROP_KEY);
    if (parser_at(p, "PRIMARY") && token_is(&next, "KEY")) {
        parser_next(p);
        parser_next(p);
        parser_add_spec(p, SPEC_DROP_KEY)->name = "PRIMARY";
        return !p->failed;
    }
    if (parser_accept(p, "FOREIGN"))
        return parser_expect(p, "KEY") && named_spec(p, SPEC_DROP_FK);
    if (parser_accept(p, "CONSTRAINT"))
        return named_spec(p, SPEC_DROP_CONSTRAINT);
    if (parser_accept(p, "CHECK"))
        return named_spec(p, SPEC_DROP_CHECK);
    (void)parser_accept(p, "COLUMN");
    if (!named_spec(p, SPEC_DROP_COLUMN))
        return false;
    (void)(parser_accept(p, "RESTRICT") || parser_accept(p, "CASCADE"));
    return true;
}

static bool rename_pair(struct parser *p, enum spec_kind kind)
{
    const char *from, *to;
    struct spec *s;

    if (!column_name(p, &from) || !parser_expect(p, "TO") || !parser_name(p, &to))
        return false;
    s = parser_add_spec(p, kind);
    s->name = from;
    s->new_name = to;
    return !p->failed;
}

static bool rename_spec(struct parser *p)
{
    struct table_ref ref;

    if (parser_accept(p, "COLUMN"))
        return rename_pair(p, SPEC_RENAME_COLUMN);
    if (parser_accept(p, "INDEX") || parser_accept(p, "KEY"))
        return rename_pair(p, SPEC_RENAME_KEY);
    (void)(parser_accept(p, "TO") || parser_accept(p, "AS") || parser_accept_symbol(p, "="));
    if (!parser_table(p, &ref))
        return false;
    parser_add_spec(p, SPEC_RENAME_TABLE)->table = ref;
    return !p->failed;
}

static bool flag_spec(struct parser *p, enum spec_kind kind, const char *name, bool flag)
{
    struct spec *s = parser_add_spec(p, kind);

    s->name = name;
    s->flag = flag;
    return !p->failed;
}

static bool visibility(struct parser *p, enum spec_kind kind, const char *name)
{
    if (parser_accept(p, "VISIBLE"))
        return flag_spec(p, kind, name, true);
    return parser_expect(p, "INVISIBLE") && flag_spec(p, kind, name, false);
}

static bool enforcement(struct parser *p)
{
    const char *name;
    bool is_not;

    if (!parser_name(p, &name))
        return false;
    is_not = parser_accept(p, "NOT");
    return parser_expect(p, "ENFORCED") && flag_spec(p, SPEC_CHECK_ENFORCED, name, !is_not);
}

static bool alter_column(struct parser *p)
{
    struct column_def *d = arena_alloc(p->arena, sizeof(*d));
    const char *name;
    struct spec *s;

    if (!column_name(p, &name))
        return false;
    if (parser_accept(p, "SET")) {
        if (!parser_accept(p, "DEFAULT"))
            return visibility(p, SPEC_COLUMN_VISIBLE, name);
        if (!parse_default(p, &d->dflt))
            return false;
    } else if (!parser_expect(p, "DROP") || !parser_expect(p, "DEFAULT")) {
        return false;
    }
    s = parser_add_spec(p, SPEC_SET_DEFAULT);
    s->name = name;
    s->def = d;
    return !p->failed;
}

static bool alter(struct parser *p)
{
    const char *name;

    if (parser_accept(p, "INDEX"))
        return parser_name(p, &name) && visibility(p, SPEC_KEY_VISIBLE, name);
    if (parser_accept(p, "CHECK") || parser_accept(p, "CONSTRAINT"))
        return enforcement(p);
    (void)parser_accept(p, "COLUMN");
    return alter_column(p);
}

static bool change(struct parser *p)
{
    const char *from, *to;

    (void)parser_accept(p, "COLUMN");
    return column_name(p, &from) && column_name(p, &to) &&
           column_spec(p, SPEC_CHANGE_COLUMN, from, to, true);
}

static bool modify(struct parser *p)
{
    const char *name;

    (void)parser_accept(p, "COLUMN");
    return column_name(p, &name) && column_spec(p, SPEC_CHANGE_COLUMN, name, name, true);
}

static bool convert(struct parser *p)
{
    const char *charset, *collation = NULL;
    struct spec *s;

    if (!parser_expect(p, "TO") || !(parser_accept_charset(p) || parser_syntax(p)) ||
        !parser_charset(p, &charset))
        return false;
    if (parser_accept(p, "COLLATE")) {
        (void)parser_accept_symbol(p, "=");
        if (!parser_collation(p, &collation))
            return false;
    }
    s = parser_add_spec(p, SPEC_CONVERT);
    s->charset = charset[0] ? charset : NULL;
    s->collation = collation && collation[0] ? collation : NULL;
    return !p->failed;
}

static bool order_by(struct parser *p)
{
    const char *name;

    if (!parser_expect(p, "BY"))
        return false;
    do {
        if (!column_name(p, &name))
            return false;
        (void)(parser_accept(p, "ASC") || parser_accept(p, "DESC"));
    } while (parser_accept_symbol(p, ","));
    return true;
}

static bool skip_value(struct parser *p)
{
    const char *value;

    (void)parser_accept_symbol(p, "=");
    return parser_name(p, &value);
}

/* Clauses without effect on the definition. */
static bool idle_spec(struct parser *p, bool *was)
{
    struct token next = parser_peek(p);

    *was = true;
    if (parser_accept(p, "ALGORITHM") || parser_accept(p, "LOCK"))
        return skip_value(p);
    if (parser_accept(p, "FORCE"))
        return true;
    if ((parser_at(p, "ENABLE") || parser_at(p, "DISABLE")) && token_is(&next, "KEYS")) {
        parser_next(p);
        parser_next(p);
        return true;
    }
    if ((parser_at(p, "WITH") || parser_at(p, "WITHOUT")) && token_is(&next, "VALIDATION")) {
        parser_next(p);
        parser_next(p);
        return true;
    }
    if (parser_accept(p, "SECONDARY_LOAD") || parser_accept(p, "SECONDARY_UNLOAD"))
        return true;
    if (parser_accept(p, "ORDER"))
        return order_by(p);
    *was = false;
    return true;
}

static const struct {
    const char *word;
    const char *construct;
} refused[] = {
    {"PARTITION", "ALTER TABLE ... PARTITION BY"},
    {"REMOVE", "ALTER TABLE ... REMOVE PARTITIONING"},
    {"TRUNCATE", "ALTER TABLE ... TRUNCATE PARTITION"},
    {"COALESCE", "ALTER TABLE ... COALESCE PARTITION"},
    {"REORGANIZE", "ALTER TABLE ... REORGANIZE PARTITION"},
    {"EXCHANGE", "ALTER TABLE ... EXCHANGE PARTITION"},
    {"REBUILD", "ALTER TABLE ... REBUILD PARTITION"},
    {"ANALYZE", "ALTER TABLE ... ANALYZE PARTITION"},
    {"CHECK", "ALTER TABLE ... CHECK PARTITION"},
    {"OPTIMIZE", "ALTER TABLE ... OPTIMIZE PARTITION"},
    {"REPAIR", "ALTER TABLE ... REPAIR PARTITION"},
    {"DISCARD", "ALTER TABLE ... DISCARD TABLESPACE"},
    {"IMPORT", "ALTER TABLE ... IMPORT TABLESPACE"},
};

static bool spec(struct parser *p)
{
    bool was;

    if (parser_accept(p, "ADD"))
        return add(p);
    if (parser_accept(p, "DROP"))
        return drop(p);
    if (parser_accept(p, "MODIFY"))
        return modify(p);
    if (parser_accept(p, "CHANGE"))
        return change(p);
    if (parser_accept(p, "RENAME"))
        return rename_spec(p);
    if (parser_accept(p, "ALTER"))
        return alter(p);
    if (parser_accept(p, "CONVERT"))
        return convert(p);
    if (!idle_spec(p, &was) || was)
        return !p->failed;
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        if (parser_at(p, refused[i].word))
            return parser_refuse(p, refused[i].construct);
    }
    if (!parse_table_option(p, &was))
        return false;
    return was || parser_syntax(p);
}

bool parse_alter_table(struct parser *p)
{
    p->st->kind = STATEMENT_ALTER_TABLE;
    if (!parser_add_table(p))
        return false;
    while (p->token.kind != TOKEN_END && !parser_at_symbol(p, ";")) {
        if (!spec(p))
            return false;
        /* Table options may follow each other without a comma. */
        (void)parser_accept_symbol(p, ",");
    }
    return true;
}

bool parse_create_index(struct parser *p, enum key_kind kind)
{
    struct key *k = arena_alloc(p->arena, sizeof(*k));
    const char *type;

    p->st->kind = STATEMENT_ALTER_TABLE;
    k->kind = kind;
    if (!parser_name(p, &k->name))
        return false;
    if ((parser_accept(p, "USING") || parser_accept(p, "TYPE")) && !parser_name(p, &type))
        return false;
    if (!parser_expect(p, "ON") || !parser_add_table(p) || !parse_key_body(p, k))
        return false;
    parser_add_spec(p, SPEC_ADD_KEY)->key = k;
    while (parser_accept(p, "ALGORITHM") || parser_accept(p, "LOCK")) {
        if (!skip_value(p))
            return false;
    }
    return !p->failed;
}

bool parse_drop_index(struct parser *p)
{
    const char *name;

    p->st->kind = STATEMENT_ALTER_TABLE;
    if (!parser_name(p, &name) || !parser_expect(p, "ON") || !parser_add_table(p))
        return false;
    parser_add_spec(p, SPEC_DROP_KEY)->name = name;
    while (parser_accept(p, "ALGORITHM") || parser_accept(p, "LOCK")) {
        if (!skip_value(p))
            return false;
    }
    return !p->failed;
}
