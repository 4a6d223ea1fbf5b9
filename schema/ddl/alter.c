#include "schema/ddl/alter.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema/base/buf.h"
#include "schema/types/types.h"

bool builder_fail(struct builder *b, const char *what, const char *name)
{
    err_reason(b->err, ERR_DATA, "ddl_mismatch",
               "%s: %s %s is not as the known definition of %s.%s has it", b->st->label, what, name,
               b->t->db, b->t->name);
    return false;
}

const char *default_collation(const char *charset, const char *utf8mb4_collation)
{
    if (utf8mb4_collation && strcmp(charset, "utf8mb4") == 0)
        return utf8mb4_collation;
    return charset_default_collation(charset);
}

/* Character set and collation from what was written; false if nothing was. */
static bool pick_charset(const struct builder *b, const char *charset, const char *collation,
                         const char **out_charset, const char **out_collation)
{
    if (collation != NULL) {
        *out_charset = collation_charset(collation);
        *out_collation = collation;
        return true;
    }
    if (charset != NULL) {
        *out_charset = charset;
        *out_collation = default_collation(charset, b->env->utf8mb4_collation);
        return true;
    }
    return false;
}

static void set_charset(struct builder *b, const char *charset, const char *collation)
{
    b->t->charset = arena_strdup(&b->t->arena, charset);
    b->t->collation = arena_strdup(&b->t->arena, collation);
}

static void apply_charset(struct builder *b)
{
    const struct table_options *o = &b->st->options;
    const char *charset, *collation;

    if (b->before == NULL || o->charset_default)
        set_charset(b, b->env->charset, b->env->collation);
    if (pick_charset(b, o->charset, o->collation, &charset, &collation))
        set_charset(b, charset, collation);
    for (size_t i = 0; i < b->st->n_specs; i++) {
        const struct spec *s = &b->st->specs[i];

        if (s->kind != SPEC_CONVERT)
            continue;
        if (!pick_charset(b, s->charset, s->collation, &charset, &collation)) {
            charset = b->env->charset;
            collation = b->env->collation;
        }
        set_charset(b, charset, collation);
    }
}

/* The server's spelling of the usual engines; others stay as they are written. */
static const char *engine_name(const char *engine)
{
    static const char *const names[] = {"InnoDB",  "MyISAM", "MEMORY",
                                        "ARCHIVE", "CSV",    "BLACKHOLE"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcasecmp(engine, names[i]) == 0)
            return names[i];
    }
    return engine;
}

static void apply_options(struct builder *b)
{
    const struct table_options *o = &b->st->options;
    struct arena *a = &b->t->arena;

    if (o->engine)
        b->t->engine = arena_strdup(a, engine_name(o->engine));
    if (o->comment)
        b->t->comment = arena_strdup(a, o->comment);
    if (o->row_format) {
        char *format = o->row_format[0] ? arena_strdup(a, o->row_format) : NULL;

        for (char *p = format; p && *p; p++)
            *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
        b->t->row_format = format;
    }
    if (o->has_key_block_size)
        b->t->key_block_size = o->key_block_size;
    if (o->has_auto_increment)
        b->t->auto_increment = o->auto_increment;
    if (o->partition)
        b->t->partition = arena_strdup(a, o->partition);
    apply_charset(b);
}

static struct table *new_table(const struct statement *st)
{
    struct table *t = table_new();

    t->db = arena_strdup(&t->arena, st->tables[0].db);
    t->name = arena_strdup(&t->arena, st->tables[0].name);
    t->engine = "InnoDB";
    t->comment = "";
    return t;
}

static bool finish_columns(struct builder *b)
{
    struct table *t = b->t;

    if (b->n_slots == 0 || b->n_slots > TABLE_COLUMNS_MAX)
        return builder_fail(b, "the number of columns of", t->name);
    t->columns = arena_alloc(&t->arena, b->n_slots * sizeof(*t->columns));
    t->n_columns = b->n_slots;
    for (uint32_t i = 0; i < b->n_slots; i++) {
        struct slot *s = &b->slots[i];

        if (s->has_dflt && !default_resolve(&t->arena, &s->column, &s->dflt, b->err))
            return false;
        if (!s->column.nullable && s->column.default_kind == DEFAULT_NULL)
            s->column.default_kind = DEFAULT_NONE;
        t->columns[i] = column_copy(&t->arena, &s->column);
    }
    return true;
}

static void rename_from_specs(struct builder *b)
{
    for (size_t i = 0; i < b->st->n_specs; i++) {
        const struct spec *s = &b->st->specs[i];

        if (s->kind == SPEC_RENAME_TABLE)
            alter_rename(b->t, s->table.db, s->table.name);
    }
}

static bool key_serves(const struct key *k, const struct foreign_key *f)
{
    if (k->kind == KEY_FULLTEXT || k->kind == KEY_SPATIAL || k->n_parts < f->n_columns)
        return false;
    for (uint32_t i = 0; i < f->n_columns; i++) {
        if (!k->parts[i].column || strcasecmp(k->parts[i].column, f->columns[i]) != 0)
            return false;
    }
    return true;
}

/* MySQL refuses to drop the last key of a foreign key, so such a statement is not what it did. */
static bool check_fk_keys(struct builder *b)
{
    for (uint32_t i = 0; i < b->t->n_fks; i++) {
        bool found = false;

        for (uint32_t k = 0; k < b->t->n_keys && !found; k++)
            found = key_serves(&b->t->keys[k], &b->t->fks[i]);
        if (!found)
            return builder_fail(b, "a key for foreign key", b->t->fks[i].name);
    }
    return true;
}

bool alter_apply(struct statement *st, const struct table *before, const struct alter_env *env,
                 struct table **after, struct err *err)
{
    struct builder b = {.st = st, .before = before, .env = env, .err = err};
    bool ok = false;

    b.t = before ? table_clone(before) : new_table(st);
    apply_options(&b);
    if (!build_columns(&b) || !build_keys(&b) || !build_constraints(&b) || !check_fk_keys(&b) ||
        !finish_columns(&b))
        goto done;
    table_finish(b.t);
    rename_from_specs(&b);
    table_finish(b.t);
    *after = b.t;
    b.t = NULL;
    ok = true;
done:
    table_free(b.t);
    free(b.slots);
    return ok;
}

/* old_<kind>_12 becomes new_<kind>_12; other names stay. */
static const char *follow(struct arena *a, const char *name, const char *old, const char *mark,
                          const char *table)
{
    size_t n = strlen(old), m = strlen(mark);
    const char *digits = name + n + m;

    if (strncmp(name, old, n) != 0 || strncmp(name + n, mark, m) != 0)
        return name;
    if (*digits == '\0' || strspn(digits, "0123456789") != strlen(digits))
        return name;
    return arena_printf(a, "%s%s%s", table, mark, digits);
}

void alter_rename(struct table *t, const char *db, const char *name)
{
    struct arena *a = &t->arena;
    const char *new_db = arena_strdup(a, db), *new_name = arena_strdup(a, name);

    for (uint32_t i = 0; i < t->n_checks; i++)
        t->checks[i].name = follow(a, t->checks[i].name, t->name, "_chk_", new_name);
    for (uint32_t i = 0; i < t->n_fks; i++) {
        struct foreign_key *f = &t->fks[i];

        f->name = follow(a, f->name, t->name, "_ibfk_", new_name);
        if (strcmp(f->ref_db, t->db) == 0 && strcmp(f->ref_table, t->name) == 0) {
            f->ref_db = new_db;
            f->ref_table = new_name;
        }
    }
    t->db = new_db;
    t->name = new_name;
    table_finish(t);
}
