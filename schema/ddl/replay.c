/*
 * replay.c - statements applied to the catalogue.
 *
 * A statement first makes all its new definitions in a sheet of pending entries, which
 * lookups see before the catalogue; only when nothing can fail any more does the sheet go
 * into the catalogue.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema/base/xalloc.h"
#include "schema/ddl/parse.h"
#include "schema/types/types.h"

struct pending {
    struct table *table; /* NULL: the name is free now */
    const char *db;
    const char *name;
};

struct replay {
    struct catalog *catalog;
    const struct ddl_context *ctx;
    struct statement *st;
    struct arena *arena;
    struct ddl *out;
    struct err *err;
    struct pending *sheet;
    size_t n_sheet;
    size_t cap_sheet;
    size_t cap_effects;
};

static bool same_table(const char *db, const char *name, const char *db2, const char *name2)
{
    return strcmp(db, db2) == 0 && strcmp(name, name2) == 0;
}

static const struct table *lookup(const struct replay *r, const char *db, const char *name)
{
    for (size_t i = r->n_sheet; i > 0; i--) {
        const struct pending *p = &r->sheet[i - 1];

        if (same_table(p->db, p->name, db, name))
            return p->table;
    }
    return catalog_get(r->catalog, db, name);
}

static void note(struct replay *r, struct table *t, const char *db, const char *name)
{
    if (r->n_sheet == r->cap_sheet) {
        r->cap_sheet = r->cap_sheet ? 2 * r->cap_sheet : 8;
        r->sheet = xrealloc(r->sheet, r->cap_sheet * sizeof(*r->sheet));
    }
    r->sheet[r->n_sheet++] =
        (struct pending){t, arena_strdup(r->arena, db), arena_strdup(r->arena, name)};
}

static void add_effect(struct replay *r, const struct table *before, const struct table *after)
{
    struct ddl *d = r->out;

    if (d->n_effects == r->cap_effects) {
        struct ddl_effect *more;

        r->cap_effects = r->cap_effects ? 2 * r->cap_effects : 4;
        more = arena_alloc(r->arena, r->cap_effects * sizeof(*more));
        if (d->n_effects)
            memcpy(more, d->effects, d->n_effects * sizeof(*more));
        d->effects = more;
    }
    d->effects[d->n_effects++] = (struct ddl_effect){before, after};
}

/*
 * A definition that was noted and then noted again under the same name is of no table any
 * more, but effects point to it: it goes through the catalogue to its graveyard.
 */
static void commit(struct replay *r)
{
    for (size_t i = 0; i < r->n_sheet; i++) {
        struct pending *p = &r->sheet[i];

        if (p->table)
            catalog_put(r->catalog, p->table);
        else
            catalog_remove(r->catalog, p->db, p->name);
    }
    r->n_sheet = 0;
}

static void abandon(struct replay *r)
{
    for (size_t i = 0; i < r->n_sheet; i++)
        table_free(r->sheet[i].table);
    free(r->sheet);
}

static bool unknown_table(struct replay *r, const struct table_ref *ref)
{
    err_reason(r->err, ERR_DATA, "ddl_unknown_table", "%s: table %s.%s is not known", r->st->label,
               ref->db, ref->name);
    return false;
}

static const struct dialect *dialect_of(const struct ddl_context *ctx)
{
    return ctx->dialect ? ctx->dialect : dialect_canonical();
}

static const char *utf8mb4_collation(const struct replay *r)
{
    return r->ctx->utf8mb4_collation ? r->ctx->utf8mb4_collation
                                     : dialect_of(r->ctx)->utf8mb4_collation;
}

/* Of the server, for a database of which nothing is known. */
static void server_charset(const struct replay *r, const char **charset, const char **collation)
{
    *charset = r->ctx->charset ? r->ctx->charset : "utf8mb4";
    *collation = r->ctx->collation
                     ? r->ctx->collation
                     : default_collation(*charset, dialect_of(r->ctx)->utf8mb4_collation);
}

static struct alter_env env_for(const struct replay *r, const char *db)
{
    struct alter_env env = {NULL, NULL, r->ctx->explicit_defaults_for_timestamp,
                            utf8mb4_collation(r)};

    if (!catalog_database(r->catalog, db, &env.charset, &env.collation))
        server_charset(r, &env.charset, &env.collation);
    return env;
}

static bool set_ignored(struct replay *r)
{
    r->out->kind = DDL_IGNORED;
    return true;
}

/* --- tables whose foreign keys point at what changed --------------------------------------- */

/* The new name of a parent's column, or NULL if it kept it. */
static const char *new_column_name(const struct statement *st, const char *old)
{
    for (size_t i = 0; i < st->n_specs; i++) {
        const struct spec *s = &st->specs[i];

        if (s->kind == SPEC_RENAME_COLUMN && strcasecmp(s->name, old) == 0)
            return s->new_name;
        if (s->kind == SPEC_CHANGE_COLUMN && strcasecmp(s->name, old) == 0)
            return s->def->column.name;
    }
    return NULL;
}

static struct table *follow_parent(const struct replay *r, const struct table *child,
                                   const struct table *before, const struct table *after)
{
    struct table *t = table_clone(child);

    for (uint32_t i = 0; i < t->n_fks; i++) {
        struct foreign_key *f = &t->fks[i];

        if (!same_table(f->ref_db, f->ref_table, before->db, before->name))
            continue;
        f->ref_db = arena_strdup(&t->arena, after->db);
        f->ref_table = arena_strdup(&t->arena, after->name);
        for (uint32_t j = 0; j < f->n_columns; j++) {
            const char *name = new_column_name(r->st, f->ref_columns[j]);

            if (name)
                f->ref_columns[j] = arena_strdup(&t->arena, name);
        }
    }
    return t;
}

static bool points_at(const struct table *t, const struct table *parent)
{
    for (uint32_t i = 0; i < t->n_fks; i++) {
        if (same_table(t->fks[i].ref_db, t->fks[i].ref_table, parent->db, parent->name))
            return true;
    }
    return false;
}

/* Does the change reach other tables: a new name, or a new name of a column? */
static bool reaches_children(const struct replay *r, const struct table *before,
                             const struct table *after)
{
    if (!same_table(before->db, before->name, after->db, after->name))
        return true;
    for (uint32_t i = 0; i < before->n_columns; i++) {
        const char *name = new_column_name(r->st, before->columns[i].name);

        if (name && strcmp(name, before->columns[i].name) != 0)
            return true;
    }
    return false;
}

static void update_children(struct replay *r, const struct table *before, const struct table *after,
                            bool effects)
{
    const struct table **all;
    size_t n, n_sheet = r->n_sheet;

    if (!reaches_children(r, before, after))
        return;
    n = catalog_tables(r->catalog, &all);
    for (size_t i = 0; i < n; i++) {
        const struct table *child = lookup(r, all[i]->db, all[i]->name);

        if (child == NULL || child == after || !points_at(child, before))
            continue;
        note(r, follow_parent(r, child, before, after), child->db, child->name);
        if (effects)
            add_effect(r, child, r->sheet[r->n_sheet - 1].table);
    }
    /* Tables that only the sheet knows: renamed by the same statement. */
    for (size_t i = 0; i < n_sheet; i++) {
        const struct table *child = r->sheet[i].table;

        if (child == NULL || child == after || lookup(r, child->db, child->name) != child ||
            !points_at(child, before))
            continue;
        note(r, follow_parent(r, child, before, after), child->db, child->name);
    }
    free(all);
}

/* --- the statements ------------------------------------------------------------------------- */

static bool create_table(struct replay *r)
{
    const struct table_ref *ref = &r->st->tables[0];
    struct alter_env env = env_for(r, ref->db);
    struct table *t;

    r->out->kind = DDL_CREATE_TABLE;
    if (lookup(r, ref->db, ref->name)) {
        if (r->st->if_not_exists)
            return set_ignored(r);
        err_reason(r->err, ERR_DATA, "ddl_known_table",
                   "CREATE TABLE: table %s.%s is known already", ref->db, ref->name);
        return false;
    }
    if (!alter_apply(r->st, NULL, &env, &t, r->err))
        return false;
    note(r, t, t->db, t->name);
    add_effect(r, NULL, t);
    return true;
}

/* LIKE takes all but foreign keys and the counter; checks get new names in their order. */
static struct table *like(const struct table *original, const struct table_ref *ref)
{
    struct table *t = table_clone(original);

    t->n_fks = 0;
    t->auto_increment = 0;
    for (uint32_t i = 0; i < t->n_checks; i++)
        t->checks[i].name = arena_printf(&t->arena, "%s_chk_%u", ref->name, i + 1);
    t->db = arena_strdup(&t->arena, ref->db);
    t->name = arena_strdup(&t->arena, ref->name);
    table_finish(t);
    return t;
}

static bool create_like(struct replay *r)
{
    const struct table_ref *ref = &r->st->tables[0], *from = &r->st->tables[1];
    const struct table *original = lookup(r, from->db, from->name);
    struct table *t;

    r->out->kind = DDL_CREATE_TABLE;
    if (lookup(r, ref->db, ref->name) && r->st->if_not_exists)
        return set_ignored(r);
    if (original == NULL)
        return unknown_table(r, from);
    t = like(original, ref);
    note(r, t, t->db, t->name);
    add_effect(r, NULL, t);
    return true;
}

static bool alter_table(struct replay *r)
{
    const struct table_ref *ref = &r->st->tables[0];
    const struct table *before = lookup(r, ref->db, ref->name);
    struct alter_env env = env_for(r, ref->db);
    struct table *t;

    r->out->kind = DDL_ALTER_TABLE;
    if (before == NULL)
        return unknown_table(r, ref);
    if (!alter_apply(r->st, before, &env, &t, r->err))
        return false;
    if (!same_table(before->db, before->name, t->db, t->name))
        note(r, NULL, before->db, before->name);
    note(r, t, t->db, t->name);
    add_effect(r, before, t);
    update_children(r, before, t, true);
    return true;
}

static bool drop_tables(struct replay *r)
{
    r->out->kind = DDL_DROP_TABLE;
    for (size_t i = 0; i < r->st->n_tables; i++) {
        const struct table_ref *ref = &r->st->tables[i];
        const struct table *t = lookup(r, ref->db, ref->name);

        if (t == NULL && !r->st->if_exists && !ddl_is_system_database(ref->db))
            return unknown_table(r, ref);
        if (t == NULL)
            continue;
        note(r, NULL, ref->db, ref->name);
        add_effect(r, t, NULL);
    }
    return r->out->n_effects > 0 || set_ignored(r);
}

static bool truncate_table(struct replay *r)
{
    const struct table_ref *ref = &r->st->tables[0];
    const struct table *t = lookup(r, ref->db, ref->name);

    r->out->kind = DDL_TRUNCATE_TABLE;
    if (t == NULL)
        return unknown_table(r, ref);
    add_effect(r, t, t);
    return true;
}

static bool rename_tables(struct replay *r)
{
    r->out->kind = DDL_RENAME_TABLE;
    for (size_t i = 0; i + 1 < r->st->n_tables; i += 2) {
        const struct table_ref *from = &r->st->tables[i], *to = &r->st->tables[i + 1];
        const struct table *before = lookup(r, from->db, from->name);
        struct table *after;

        if (before == NULL)
            return unknown_table(r, from);
        after = table_clone(before);
        alter_rename(after, to->db, to->name);
        note(r, NULL, from->db, from->name);
        note(r, after, to->db, to->name);
        add_effect(r, before, after);
        update_children(r, before, after, false);
    }
    return true;
}

static bool same_table_of(const struct table *a, const struct table *b)
{
    return same_table(a->db, a->name, b->db, b->name);
}

/*
 * A later pair may have changed foreign keys of a table that an earlier one renamed, or is to
 * rename: effects begin with what the catalogue had, end with what it will have, and meet between.
 */
static void settle_effects(struct replay *r)
{
    struct ddl_effect *effects = r->out->effects;
    uint32_t n = r->out->n_effects;

    for (uint32_t i = 0; i < n; i++) {
        const struct table *was = effects[i].before;
        uint32_t k;

        for (k = i; k > 0 && !same_table_of(effects[k - 1].after, was);)
            k--;
        if (k == 0)
            effects[i].before = catalog_get(r->catalog, was->db, was->name);
        for (k = i + 1; k < n && !same_table_of(effects[k].before, effects[i].after);)
            k++;
        effects[i].after =
            k < n ? effects[k].before : lookup(r, effects[i].after->db, effects[i].after->name);
    }
}

/* After a RENAME: tables that stayed where they are but whose foreign keys followed. */
static void children_effects(struct replay *r)
{
    const struct table **all;
    size_t n = catalog_tables(r->catalog, &all);
    uint32_t n_named = r->out->n_effects;

    for (size_t i = 0; i < n; i++) {
        const struct table *now = lookup(r, all[i]->db, all[i]->name);
        bool named = false;

        for (uint32_t j = 0; j < n_named; j++)
            named = named || r->out->effects[j].before == all[i] || r->out->effects[j].after == now;
        if (!named && now && now != all[i])
            add_effect(r, all[i], now);
    }
    free(all);
}

static void pick_database_charset(const struct statement *st, const char *for_utf8mb4,
                                  const char **charset, const char **collation)
{
    if (st->options.collation) {
        *collation = st->options.collation;
        *charset = collation_charset(st->options.collation);
    } else if (st->options.charset) {
        *charset = st->options.charset;
        *collation = default_collation(st->options.charset, for_utf8mb4);
    }
}

static bool change_database(struct replay *r)
{
    const char *charset, *collation;
    bool known = catalog_database(r->catalog, r->st->database, &charset, &collation);

    r->out->kind =
        r->st->kind == STATEMENT_CREATE_DATABASE ? DDL_CREATE_DATABASE : DDL_ALTER_DATABASE;
    r->out->object = r->st->database;
    if (r->st->kind == STATEMENT_CREATE_DATABASE && known && r->st->if_not_exists)
        return set_ignored(r);
    if (!known)
        server_charset(r, &charset, &collation);
    charset = arena_strdup(r->arena, charset);
    collation = arena_strdup(r->arena, collation);
    pick_database_charset(r->st, utf8mb4_collation(r), &charset, &collation);
    catalog_put_database(r->catalog, r->st->database, charset, collation);
    return true;
}

static bool drop_database(struct replay *r)
{
    const struct table **all;
    size_t n = catalog_tables(r->catalog, &all);

    r->out->kind = DDL_DROP_DATABASE;
    r->out->object = r->st->database;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(all[i]->db, r->st->database) == 0)
            add_effect(r, all[i], NULL);
    }
    free(all);
    catalog_remove_database(r->catalog, r->st->database);
    return true;
}

static bool on_system_database(const struct statement *st)
{
    if (st->database && ddl_is_system_database(st->database))
        return true;
    for (size_t i = 0; i < st->n_tables; i++) {
        if (!ddl_is_system_database(st->tables[i].db))
            return false;
    }
    return st->n_tables > 0;
}

static bool rows_as_text(struct replay *r)
{
    r->out->kind = DDL_ROWS_AS_TEXT;
    r->out->object = r->st->database;
    return true;
}

static bool replay(struct replay *r)
{
    if (r->st->kind == STATEMENT_ROWS)
        return rows_as_text(r);
    if (on_system_database(r->st))
        return set_ignored(r);
    switch (r->st->kind) {
    case STATEMENT_CREATE_TABLE:
        return create_table(r);
    case STATEMENT_CREATE_LIKE:
        return create_like(r);
    case STATEMENT_ALTER_TABLE:
        return alter_table(r);
    case STATEMENT_DROP_TABLE:
        return drop_tables(r);
    case STATEMENT_TRUNCATE_TABLE:
        return truncate_table(r);
    case STATEMENT_RENAME_TABLE:
        return rename_tables(r);
    case STATEMENT_CREATE_DATABASE:
    case STATEMENT_ALTER_DATABASE:
        return change_database(r);
    case STATEMENT_DROP_DATABASE:
        return drop_database(r);
    case STATEMENT_IGNORED:
    case STATEMENT_ROWS:
        break;
    }
    return set_ignored(r);
}

bool ddl_replay(struct catalog *c, const char *text, const struct ddl_context *ctx,
                struct arena *arena, struct ddl *out, struct err *err)
{
    struct statement st;
    struct replay r = {.catalog = c, .ctx = ctx, .st = &st, .arena = arena, .out = out, .err = err};
    bool ok = false;

    memset(out, 0, sizeof(*out));
    out->db = arena_strdup(arena, ctx->db ? ctx->db : "");
    out->text = arena_strdup(arena, text);
    out->sql_mode = ctx->sql_mode;
    out->timestamp_us = ctx->timestamp_us;
    out->time_zone = arena_strdup(arena, ctx->time_zone ? ctx->time_zone : "");
    out->object = "";
    if (!ddl_parse(text, ctx, arena, &st, err) || !replay(&r))
        goto done;
    if (out->kind == DDL_RENAME_TABLE) {
        settle_effects(&r);
        children_effects(&r);
    }
    commit(&r);
    ok = true;
done:
    abandon(&r);
    return ok;
}

/* What SHOW CREATE TABLE prints is complete but for defaults that do not depend on a session. */
bool ddl_parse_shown(const char *text, const char *db, const struct dialect *dialect,
                     struct table **out, struct err *err)
{
    struct alter_env env = {"utf8mb4", dialect->utf8mb4_collation, true,
                            dialect->utf8mb4_collation};
    struct ddl_context ctx = {
        .dialect = dialect, .db = db, .explicit_defaults_for_timestamp = true};
    struct arena arena = {0};
    struct statement st;
    bool ok = false;

    if (!ddl_parse(text, &ctx, &arena, &st, err))
        goto done;
    if (st.kind != STATEMENT_CREATE_TABLE) {
        err_reason(err, ERR_DATA, "ddl_syntax", "a definition must be a CREATE TABLE statement");
        goto done;
    }
    ok = alter_apply(&st, NULL, &env, out, err);
done:
    arena_release(&arena);
    return ok;
}

bool ddl_parse_table(const char *text, const char *db, struct table **out, struct err *err)
{
    return ddl_parse_shown(text, db, dialect_canonical(), out, err);
}

bool ddl_database_charset(const struct ddl *ddl, struct arena *arena, const char **charset,
                          const char **collation, struct err *err)
{
    struct ddl_context ctx = {.db = ddl->db, .sql_mode = ddl->sql_mode};
    struct statement st;

    if (!ddl_parse(ddl->text, &ctx, arena, &st, err))
        return false;
    *charset = NULL;
    *collation = NULL;
    pick_database_charset(&st, dialect_canonical()->utf8mb4_collation, charset, collation);
    return true;
}
