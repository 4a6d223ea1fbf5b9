/*
 * alter_keys.c - keys, foreign keys and checks of the next definition.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema/ddl/alter.h"

/* A key on its way; MySQL names keys only after it left out those made for nothing. */
struct draft {
    struct key key;
    struct spec *spec; /* NULL: an old key */
    bool made;         /* by MySQL for a foreign key; canonical text lists such keys itself */
    bool dropped;
};

struct drafts {
    struct draft *list;
    size_t n;
};

static struct spec *spec_for_key(struct builder *b, enum spec_kind kind, const char *name)
{
    for (size_t i = 0; i < b->st->n_specs; i++) {
        struct spec *s = &b->st->specs[i];

        if (s->kind == kind && strcasecmp(s->name, name) == 0)
            return s;
    }
    return NULL;
}

static bool is_sized_type(enum column_type type)
{
    return (type >= COLUMN_CHAR && type <= COLUMN_LONGBLOB) || type == COLUMN_GEOMETRY;
}

static bool has_length(enum column_type type)
{
    return type == COLUMN_CHAR || type == COLUMN_VARCHAR || type == COLUMN_BINARY ||
           type == COLUMN_VARBINARY;
}

/* A prefix that no longer cuts anything, or cannot, becomes the whole column. */
static void settle_prefix(struct key_part *part, const struct slot *s)
{
    if (part->prefix == 0)
        return;
    if (!is_sized_type(s->column.type) || (s->was && !is_sized_type(s->was->type)))
        part->prefix = 0;
    else if (has_length(s->column.type) && part->prefix >= s->column.length)
        part->prefix = 0;
}

/* Follow renames and drops of columns; false if nothing of the key is left. */
static bool follow_columns(struct builder *b, struct key *k)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < k->n_parts; i++) {
        struct key_part part = k->parts[i];

        if (part.column != NULL) {
            part.column = renamed_column(b, part.column);
            if (part.column == NULL)
                continue;
            settle_prefix(&part, find_slot(b, part.column));
        }
        k->parts[kept++] = part;
    }
    k->n_parts = kept;
    return kept > 0;
}

static bool key_is_dropped(struct builder *b, const struct key *k)
{
    const struct spec *s;

    if (spec_for_key(b, SPEC_DROP_KEY, k->name))
        return true;
    s = spec_for_key(b, SPEC_DROP_CONSTRAINT, k->name);
    if (s == NULL || (k->kind != KEY_UNIQUE && k->kind != KEY_PRIMARY))
        return false;
    for (uint32_t i = 0; i < b->t->n_fks; i++) {
        if (strcasecmp(b->t->fks[i].name, k->name) == 0)
            return false;
    }
    for (uint32_t i = 0; i < b->t->n_checks; i++) {
        if (strcasecmp(b->t->checks[i].name, k->name) == 0)
            return false;
    }
    return true;
}

static void old_keys(struct builder *b, struct drafts *d)
{
    for (uint32_t i = 0; i < b->t->n_keys; i++) {
        struct draft *draft = &d->list[d->n];
        const struct spec *s;

        if (key_is_dropped(b, &b->t->keys[i]))
            continue;
        draft->key = key_copy(&b->t->arena, &b->t->keys[i]);
        draft->made = draft->key.implicit;
        s = spec_for_key(b, SPEC_KEY_VISIBLE, draft->key.name);
        if (s)
            draft->key.invisible = !s->flag;
        s = spec_for_key(b, SPEC_RENAME_KEY, draft->key.name);
        if (s)
            draft->key.name = arena_strdup(&b->t->arena, s->new_name);
        if (follow_columns(b, &draft->key))
            d->n++;
    }
}

static struct key key_for_fk(struct builder *b, const struct spec *s)
{
    struct key k = {.kind = KEY_INDEX, .name = s->name, .comment = "", .implicit = true};

    k.n_parts = s->fk->n_columns;
    k.parts = arena_alloc(&b->t->arena, k.n_parts * sizeof(*k.parts));
    for (uint32_t i = 0; i < k.n_parts; i++)
        k.parts[i].column = s->fk->columns[i];
    return k;
}

static bool new_keys(struct builder *b, struct drafts *d)
{
    for (size_t i = 0; i < b->st->n_specs; i++) {
        struct spec *s = &b->st->specs[i];
        struct draft *draft = &d->list[d->n];

        if (s->kind == SPEC_ADD_KEY)
            draft->key = key_copy(&b->t->arena, s->key);
        else if (s->kind == SPEC_ADD_FK)
            draft->key = key_for_fk(b, s);
        else
            continue;
        draft->spec = s;
        draft->made = s->kind == SPEC_ADD_FK;
        d->n++;
        for (uint32_t j = 0; j < draft->key.n_parts; j++) {
            struct key_part *part = &draft->key.parts[j];
            const struct slot *slot = part->column ? find_slot(b, part->column) : NULL;

            if (part->column == NULL)
                continue;
            if (slot == NULL)
                return builder_fail(b, "column", part->column);
            part->column = slot->column.name;
            settle_prefix(part, slot);
        }
    }
    return true;
}

/* Are the parts of the key made for a foreign key the first parts of the other one? */
static bool serves(const struct key *made, const struct key *other)
{
    if (made->n_parts > other->n_parts || other->kind == KEY_FULLTEXT || other->kind == KEY_SPATIAL)
        return false;
    for (uint32_t i = 0; i < made->n_parts; i++) {
        if (made->parts[i].column == NULL || other->parts[i].column == NULL ||
            strcasecmp(made->parts[i].column, other->parts[i].column) != 0)
            return false;
    }
    return true;
}

static bool one_serves_other(const struct draft *a, const struct draft *b)
{
    if (a->made) {
        if (b->made && a->key.n_parts > b->key.n_parts)
            return serves(&b->key, &a->key);
        return serves(&a->key, &b->key);
    }
    return b->made && serves(&b->key, &a->key);
}

/* Keys that MySQL makes for foreign keys give way to each other and to written ones. */
static void drop_spare_keys(struct drafts *d)
{
    for (size_t i = 0; i < d->n; i++) {
        struct draft *key = &d->list[i];

        for (size_t j = 0; j < i; j++) {
            struct draft *other = &d->list[j];

            if (other->dropped || !one_serves_other(key, other))
                continue;
            if (!other->made || (key->made && key->key.n_parts < other->key.n_parts))
                key->dropped = true;
            else
                other->dropped = true;
            break;
        }
    }
}

static bool name_taken(const struct drafts *d, size_t before, const char *name)
{
    for (size_t i = 0; i < before; i++) {
        if (!d->list[i].dropped && d->list[i].key.name &&
            strcasecmp(d->list[i].key.name, name) == 0)
            return true;
    }
    return false;
}

/* The first column's name, name_2, name_3... */
static const char *make_key_name(struct builder *b, const struct drafts *d, size_t at)
{
    const struct key *k = &d->list[at].key;
    const char *base = k->parts[0].column;
    const char *name;

    if (k->kind == KEY_PRIMARY)
        return "PRIMARY";
    for (uint32_t i = 0; i < k->n_parts; i++) {
        if (k->parts[i].column == NULL)
            base = "functional_index";
    }
    if (!name_taken(d, at, base) && strcasecmp(base, "PRIMARY") != 0)
        return base;
    for (unsigned i = 2;; i++) {
        name = arena_printf(&b->t->arena, "%s_%u", base, i);
        if (!name_taken(d, at, name))
            return name;
    }
}

static bool keep_keys(struct builder *b, struct drafts *d)
{
    struct table *t = b->t;

    t->keys = arena_alloc(&t->arena, (d->n + 1) * sizeof(*t->keys));
    t->n_keys = 0;
    for (size_t i = 0; i < d->n; i++) {
        struct draft *draft = &d->list[i];

        if (draft->dropped)
            continue;
        if (draft->key.name == NULL)
            draft->key.name = make_key_name(b, d, i);
        if (name_taken(d, i, draft->key.name))
            return builder_fail(b, "key", draft->key.name);
        if (draft->spec && draft->spec->kind == SPEC_ADD_KEY)
            draft->spec->resolved = draft->key.name;
        t->keys[t->n_keys++] = key_copy(&t->arena, &draft->key);
        for (uint32_t j = 0; draft->key.kind == KEY_PRIMARY && j < draft->key.n_parts; j++) {
            struct slot *s =
                draft->key.parts[j].column ? find_slot(b, draft->key.parts[j].column) : NULL;

            if (s)
                s->column.nullable = false;
        }
    }
    return true;
}

/* Each key that a spec names must be known. */
static bool check_key_names(struct builder *b)
{
    for (size_t i = 0; i < b->st->n_specs; i++) {
        const struct spec *s = &b->st->specs[i];

        if (s->kind != SPEC_DROP_KEY && s->kind != SPEC_RENAME_KEY && s->kind != SPEC_KEY_VISIBLE)
            continue;
        if (b->before == NULL || table_key(b->before, s->name) == NULL)
            return builder_fail(b, "key", s->name);
    }
    return true;
}

bool build_keys(struct builder *b)
{
    struct drafts d = {NULL, 0};

    if (!check_key_names(b))
        return false;
    d.list = arena_alloc(&b->t->arena, (b->t->n_keys + b->st->n_specs + 1) * sizeof(*d.list));
    old_keys(b, &d);
    if (!new_keys(b, &d))
        return false;
    drop_spare_keys(&d);
    return keep_keys(b, &d);
}

/* --- foreign keys and checks --------------------------------------------------------------- */

/* The number in <table><mark>N, or 0. */
static unsigned long made_number(const char *name, const char *table, const char *mark)
{
    size_t n = strlen(table), m = strlen(mark);

    if (strncasecmp(name, table, n) != 0 || strncmp(name + n, mark, m) != 0)
        return 0;
    name += n + m;
    if (strspn(name, "0123456789") != strlen(name))
        return 0;
    return strtoul(name, NULL, 10);
}

static bool follow_fk(struct builder *b, struct foreign_key *f)
{
    bool to_self = strcmp(f->ref_db, b->t->db) == 0 && strcmp(f->ref_table, b->t->name) == 0;

    for (uint32_t i = 0; i < f->n_columns; i++) {
        const char *name = renamed_column(b, f->columns[i]);

        if (name == NULL) /* the source refuses to drop it, so this is another table */
            return builder_fail(b, "column", f->columns[i]);
        f->columns[i] = name;
        name = to_self ? renamed_column(b, f->ref_columns[i]) : NULL;
        if (name)
            f->ref_columns[i] = name;
    }
    return true;
}

static bool fk_is_dropped(struct builder *b, const char *name)
{
    return spec_for_key(b, SPEC_DROP_FK, name) || spec_for_key(b, SPEC_DROP_CONSTRAINT, name);
}

static struct foreign_key new_fk(struct builder *b, const struct spec *s)
{
    struct foreign_key f = *s->fk;

    if (f.ref_db == NULL)
        f.ref_db = b->t->db;
    for (uint32_t i = 0; i < f.n_columns; i++) {
        const struct slot *slot = find_slot(b, f.columns[i]);

        if (slot)
            f.columns[i] = slot->column.name;
    }
    return f;
}

static bool build_fks(struct builder *b)
{
    struct table *t = b->t;
    struct arena *a = &t->arena;
    struct foreign_key *old = t->fks;
    uint32_t n_old = t->n_fks;
    unsigned long number = 0;

    t->fks = arena_alloc(a, (n_old + b->st->n_specs + 1) * sizeof(*t->fks));
    t->n_fks = 0;
    for (uint32_t i = 0; i < n_old; i++) {
        unsigned long n = made_number(old[i].name, t->name, "_ibfk_");

        number = n > number ? n : number;
        if (fk_is_dropped(b, old[i].name))
            continue;
        if (!follow_fk(b, &old[i]))
            return false;
        t->fks[t->n_fks++] = foreign_key_copy(a, &old[i]);
    }
    for (size_t i = 0; i < b->st->n_specs; i++) {
        struct spec *s = &b->st->specs[i];
        struct foreign_key f;

        if (s->kind == SPEC_DROP_FK) {
            bool known = false;

            for (uint32_t j = 0; j < n_old; j++)
                known = known || strcasecmp(old[j].name, s->name) == 0;
            if (!known)
                return builder_fail(b, "foreign key", s->name);
        }
        if (s->kind != SPEC_ADD_FK)
            continue;
        f = new_fk(b, s);
        if (f.name == NULL)
            f.name = arena_printf(a, "%s_ibfk_%lu", t->name, ++number);
        s->resolved = f.name;
        for (uint32_t j = 0; j < t->n_fks; j++) {
            if (strcasecmp(t->fks[j].name, f.name) == 0)
                return builder_fail(b, "foreign key", f.name);
        }
        t->fks[t->n_fks++] = foreign_key_copy(a, &f);
    }
    return true;
}

/* A check goes with a column when it names no other one. */
static bool goes_with_column(struct builder *b, const struct check *c)
{
    bool names_dropped = false;

    for (uint32_t i = 0; b->before && i < b->before->n_columns; i++) {
        const char *column = b->before->columns[i].name;

        if (!expr_names_column(c->expr, column))
            continue;
        if (renamed_column(b, column) != NULL)
            return false;
        names_dropped = true;
    }
    return names_dropped;
}

static void add_check(struct builder *b, const struct check *c)
{
    struct table *t = b->t;

    t->checks[t->n_checks].name = arena_strdup(&t->arena, c->name);
    t->checks[t->n_checks].expr = arena_strdup(&t->arena, c->expr);
    t->checks[t->n_checks++].enforced = c->enforced;
}

static bool build_checks(struct builder *b)
{
    struct table *t = b->t;
    struct check *old = t->checks;
    uint32_t n_old = t->n_checks;
    unsigned long number = 0;

    t->checks = arena_alloc(&t->arena, (n_old + b->st->n_specs + 1) * sizeof(*t->checks));
    t->n_checks = 0;
    for (uint32_t i = 0; i < n_old; i++) {
        unsigned long n = made_number(old[i].name, t->name, "_chk_");
        const struct spec *enforced = spec_for_key(b, SPEC_CHECK_ENFORCED, old[i].name);

        number = n > number ? n : number;
        if (spec_for_key(b, SPEC_DROP_CHECK, old[i].name) ||
            spec_for_key(b, SPEC_DROP_CONSTRAINT, old[i].name) || goes_with_column(b, &old[i]))
            continue;
        if (enforced)
            old[i].enforced = enforced->flag;
        add_check(b, &old[i]);
    }
    for (size_t i = 0; i < b->st->n_specs; i++) {
        struct spec *s = &b->st->specs[i];
        struct check c;

        if (s->kind != SPEC_ADD_CHECK)
            continue;
        c = *s->check;
        if (c.name == NULL)
            c.name = arena_printf(&t->arena, "%s_chk_%lu", t->name, ++number);
        s->resolved = c.name;
        for (uint32_t j = 0; j < t->n_checks; j++) {
            if (strcasecmp(t->checks[j].name, c.name) == 0)
                return builder_fail(b, "check", c.name);
        }
        add_check(b, &c);
    }
    return true;
}

bool build_constraints(struct builder *b)
{
    return build_fks(b) && build_checks(b);
}

bool expr_names_column(const char *expr, const char *column)
{
    struct arena arena = {0};
    struct bytes name = bytes_str(column);
    bool found = false;
    struct lexer lx;
    struct token t;

    lexer_init(&lx, bytes_str(expr), 0, &arena);
    do {
        t = lexer_next(&lx);
        if ((t.kind == TOKEN_WORD || t.kind == TOKEN_QUOTED) && t.text.len == name.len &&
            strncasecmp((const char *)t.text.data, column, name.len) == 0)
            found = true;
    } while (!found && t.kind != TOKEN_END && t.kind != TOKEN_BAD);
    arena_release(&arena);
    return found;
}
