/*
 * ddl_alter.c - the statements of a DDL, said from its definitions before and after.
 *
 * Which column is which comes from the statement's specs; all else is the difference between
 * what MariaDB has for the definition before and what it shall have for the one after. So a
 * clause means the same however it was written, and clauses of no effect vanish.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "targets/mariadb/say.h"
#include "targets/sqltext.h"

#define MODE_TIME_TRUNCATE_FRACTIONAL ((uint64_t)1 << 32) /* of MySQL's sql_mode in events */

struct diff {
    struct say before; /* how the old definition was said */
    struct say after;
    struct buf *out;
    const struct ddl_effect *said; /* the same tables under the names of the statement */
    bool any;
    bool truncates_fractions; /* the session cut fractions of seconds instead of rounding */
    uint32_t *to;             /* old column: index after, UINT32_MAX if dropped */
    uint32_t *from;           /* new column: index before, UINT32_MAX if added */
    bool *positioned;         /* new column: FIRST or AFTER was written, or it is new */
    struct arena *arena;
};

static void clause(struct diff *d, const char *verb)
{
    if (!d->any) {
        buf_put_str(d->out, "ALTER TABLE ");
        sql_put_table(d->out, d->before.table->db, d->before.table->name);
    }
    buf_put_str(d->out, d->any ? ",\n  " : "\n  ");
    buf_put_str(d->out, verb);
    d->any = true;
}

/* --- which column is which ------------------------------------------------------------------ */

static void follow_specs(struct diff *d, const struct alter_spec *specs, size_t n)
{
    const struct table *before = d->before.table, *after = d->after.table;

    for (uint32_t i = 0; i < after->n_columns; i++)
        d->from[i] = UINT32_MAX;
    for (uint32_t i = 0; i < before->n_columns; i++) {
        const char *name = before->columns[i].name;
        bool first = false;
        const char *behind = NULL;

        for (size_t j = 0; j < n; j++) {
            if (!specs[j].name || strcasecmp(specs[j].name, before->columns[i].name) != 0)
                continue;
            if (specs[j].kind == ALTER_DROP_COLUMN)
                name = NULL;
            if (specs[j].kind != ALTER_CHANGE_COLUMN)
                continue;
            name = specs[j].new_name;
            first = specs[j].first;
            behind = specs[j].after;
        }
        d->to[i] = name ? table_column(after, name) : UINT32_MAX;
        if (d->to[i] == UINT32_MAX)
            continue;
        d->from[d->to[i]] = i;
        d->positioned[d->to[i]] = first || behind;
    }
    for (uint32_t i = 0; i < after->n_columns; i++)
        d->positioned[i] = d->positioned[i] || d->from[i] == UINT32_MAX;
}

static const char *new_name_of(const struct diff *d, const char *old)
{
    uint32_t i = table_column(d->before.table, old);

    if (i == UINT32_MAX || d->to[i] == UINT32_MAX)
        return NULL;
    return d->after.table->columns[d->to[i]].name;
}

/* --- keys ----------------------------------------------------------------------------------- */

/* Is k2 what MariaDB has of k once its columns are renamed? Names are not compared. */
static bool same_key(const struct diff *d, const struct key *k, const struct key *k2)
{
    if (k->kind != k2->kind || k->n_parts != k2->n_parts || strcmp(k->comment, k2->comment) != 0)
        return false;
    for (uint32_t i = 0; i < k->n_parts; i++) {
        const char *name = new_name_of(d, k->parts[i].column);

        if (name == NULL || strcasecmp(name, k2->parts[i].column) != 0 ||
            k->parts[i].prefix != k2->parts[i].prefix || k->parts[i].desc != k2->parts[i].desc)
            return false;
    }
    return true;
}

/* The key after the statement that this one became, by name or by RENAME KEY; or NULL. */
static const struct key *key_after(const struct diff *d, const struct key *k,
                                   const struct alter_spec *specs, size_t n)
{
    const char *name = k->name;
    const struct key *k2;

    for (size_t i = 0; i < n; i++) {
        if (specs[i].name == NULL || strcasecmp(specs[i].name, k->name) != 0)
            continue;
        if (specs[i].kind == ALTER_RENAME_KEY)
            name = specs[i].new_name;
        if (specs[i].kind == ALTER_DROP_KEY)
            return NULL;
    }
    k2 = table_key(d->after.table, name);
    return k2 && say_has_key(k2) && same_key(d, k, k2) ? k2 : NULL;
}

static void drop_key(struct diff *d, const struct key *k)
{
    if (k->kind == KEY_PRIMARY) {
        clause(d, "DROP PRIMARY KEY");
        return;
    }
    clause(d, "DROP KEY ");
    sql_put_name(d->out, k->name);
}

static void keep_key(struct diff *d, const struct key *k, const struct key *k2)
{
    if (strcmp(k->name, k2->name) != 0) {
        clause(d, "RENAME KEY ");
        sql_put_name(d->out, k->name);
        buf_put_str(d->out, " TO ");
        sql_put_name(d->out, k2->name);
    } else if (k->invisible != k2->invisible) {
        clause(d, "ALTER KEY ");
        sql_put_name(d->out, k->name);
        buf_put_str(d->out, k2->invisible ? " IGNORED" : " NOT IGNORED");
    }
}

/* Drops and renames now; marks in kept[] the new keys that are there already. */
static void old_keys(struct diff *d, const struct alter_spec *specs, size_t n, bool *kept)
{
    const struct table *before = d->before.table, *after = d->after.table;

    for (uint32_t i = 0; i < before->n_keys; i++) {
        const struct key *k = &before->keys[i], *k2;

        if (!say_has_key(k))
            continue;
        k2 = key_after(d, k, specs, n);
        /* MariaDB does not change the name and the visibility of a key at once. */
        if (k2 && strcmp(k->name, k2->name) != 0 && k->invisible != k2->invisible)
            k2 = NULL;
        if (k2 == NULL) {
            drop_key(d, k);
            continue;
        }
        kept[k2 - after->keys] = true;
        keep_key(d, k, k2);
    }
}

static void new_keys(struct diff *d, const bool *kept)
{
    const struct table *after = d->after.table;

    for (uint32_t i = 0; i < after->n_keys; i++) {
        const struct key *k = &after->keys[i];

        if (kept[i])
            continue;
        if (table_key(d->before.table, k->name) == NULL)
            say_note_key(&d->after, k);
        if (!say_has_key(k))
            continue;
        clause(d, "ADD ");
        say_key(d->out, k);
    }
}

/* --- foreign keys and checks ------------------------------------------------------------------ */

/* By the statement's name for it; foreign keys stand in the same order under both. */
static const struct foreign_key *fk_named(const struct diff *d, const char *name)
{
    const struct table *said = d->said->after;

    for (uint32_t i = 0; i < said->n_fks; i++) {
        if (strcasecmp(said->fks[i].name, name) == 0)
            return &d->after.table->fks[i];
    }
    return NULL;
}

static const struct check *check_named(const struct table *t, const char *name)
{
    for (uint32_t i = 0; i < t->n_checks; i++) {
        if (strcasecmp(t->checks[i].name, name) == 0)
            return &t->checks[i];
    }
    return NULL;
}

static bool spec_names(const struct alter_spec *specs, size_t n, enum alter_kind kind,
                       const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (specs[i].kind == kind && specs[i].name && strcasecmp(specs[i].name, name) == 0)
            return true;
    }
    return false;
}

static void drop_constraints(struct diff *d, const struct alter_spec *specs, size_t n)
{
    const struct table *before = d->before.table, *after = d->after.table;

    for (uint32_t i = 0; i < before->n_fks; i++) {
        if (!spec_names(specs, n, ALTER_DROP_FK, d->said->before->fks[i].name))
            continue;
        clause(d, "DROP FOREIGN KEY ");
        sql_put_name(d->out, before->fks[i].name);
    }
    for (uint32_t i = 0; i < before->n_checks; i++) {
        const struct check *c = &before->checks[i], *c2 = check_named(after, c->name);

        if (!say_has_check(c) || (c2 && say_has_check(c2) && strcmp(c->expr, c2->expr) == 0))
            continue;
        clause(d, "DROP CONSTRAINT ");
        sql_put_name(d->out, c->name);
    }
}

static void add_constraints(struct diff *d, const struct alter_spec *specs, size_t n)
{
    const struct table *before = d->before.table, *after = d->after.table;

    for (uint32_t i = 0; i < after->n_checks; i++) {
        const struct check *c = &after->checks[i], *old = check_named(before, c->name);

        if (old == NULL)
            say_note_check(&d->after, c);
        if (!say_has_check(c) || (old && say_has_check(old) && strcmp(c->expr, old->expr) == 0))
            continue;
        clause(d, "ADD ");
        say_check(&d->after, d->out, c);
    }
    for (size_t i = 0; i < n; i++) {
        const struct foreign_key *f =
            specs[i].kind == ALTER_ADD_FK && specs[i].name ? fk_named(d, specs[i].name) : NULL;

        if (f == NULL)
            continue;
        clause(d, "ADD ");
        say_fk(d->out, f);
    }
}

/* --- columns ---------------------------------------------------------------------------------- */

static bool reload(struct diff *d, const struct column *c, const char *why)
{
    err_reason(d->after.err, ERR_DATA, "ddl_reload",
               "column %s.%s.%s: %s; load the table anew (domicile load)", d->after.table->db,
               d->after.table->name, c->name, why);
    return false;
}

static bool is_temporal(const struct column *c)
{
    return c->type == COLUMN_DATE || c->type == COLUMN_TIME || c->type == COLUMN_DATETIME ||
           c->type == COLUMN_TIMESTAMP;
}

/*
 * Conversions of values that the two servers do differently, without an error (measured on
 * MySQL 9.7 and MariaDB 10.11): MySQL brings JSON into its own form; it rounds fractions of
 * seconds also on the way to DATE and to numbers; it reads other numbers as times, and clips
 * them; it fills BINARY made from text with other bytes.
 */
static bool converts_alike(struct diff *d, const struct column *old, const struct column *c)
{
    bool was_temporal = is_temporal(old), becomes_temporal = is_temporal(c);

    if (d->truncates_fractions && was_temporal && becomes_temporal && c->fsp < old->fsp)
        return false;
    if (old->type == c->type)
        return true;
    if (c->type == COLUMN_JSON || (old->type == COLUMN_JSON && !column_is_text(c)))
        return false;
    if (was_temporal && old->fsp > 0 && !column_is_text(c) &&
        (!becomes_temporal || c->type == COLUMN_DATE))
        return false;
    if (!was_temporal && becomes_temporal)
        return false;
    return !(column_is_text(old) && c->type == COLUMN_BINARY);
}

/* Values of the rows that are there come from the source only. */
static bool check_values(struct diff *d, const struct column *old, const struct column *c)
{
    bool plain = mariadb_column_is_plain(d->after.table, c);

    if (old == NULL) {
        if (plain)
            return reload(d, c, "a generated column that MariaDB cannot compute was added");
        if (!say_keeps_default(c))
            return reload(d, c, "its default cannot be evaluated by MariaDB");
        if (c->type == COLUMN_JSON && !c->nullable && c->default_kind == DEFAULT_NONE &&
            c->generated == GENERATED_NONE)
            return reload(d, c, "MySQL fills the rows that are there with JSON null");
        if (c->auto_increment)
            return reload(d, c, "numbers that the source gave to its rows are not in its binlog");
        return true;
    }
    if (old->generated == GENERATED_NONE && c->generated == GENERATED_NONE &&
        !converts_alike(d, old, c))
        return reload(d, c, "MariaDB does not convert its values as MySQL does");
    if (plain && (!mariadb_column_is_plain(d->before.table, old) ||
                  strcmp(old->generated_expr, c->generated_expr) != 0))
        return reload(d, c, "a generated column that MariaDB cannot compute was changed");
    if (old->generated == GENERATED_VIRTUAL && !mariadb_column_is_plain(d->before.table, old) &&
        c->generated != GENERATED_VIRTUAL)
        return reload(d, c, "MariaDB cannot store what was virtual");
    return true;
}

static void put_position(struct diff *d, uint32_t i)
{
    if (!d->positioned[i])
        return;
    if (i == 0) {
        buf_put_str(d->out, " FIRST");
        return;
    }
    buf_put_str(d->out, " AFTER ");
    sql_put_name(d->out, d->after.table->columns[i - 1].name);
}

/* The definition without the name, to see whether it changed. */
static bool column_text(const struct say *s, const struct column *c, struct buf *b)
{
    struct column nameless = *c;

    if (mariadb_column_is_plain(s->table, c)) {
        nameless.generated = GENERATED_NONE;
        nameless.default_kind = DEFAULT_NONE;
    }
    nameless.name = "";
    return say_column(s, b, &nameless, true);
}

static bool column_changed(struct diff *d, const struct column *old, const struct column *c,
                           bool *changed)
{
    struct buf a = BUF_INIT, b = BUF_INIT;
    bool ok = column_text(&d->before, old, &a) && column_text(&d->after, c, &b);

    *changed = strcmp(old->name, c->name) != 0 || strcmp(buf_cstr(&a), buf_cstr(&b)) != 0;
    buf_release(&a);
    buf_release(&b);
    return ok;
}

static bool one_column(struct diff *d, uint32_t i)
{
    const struct column *c = &d->after.table->columns[i];
    const struct column *old =
        d->from[i] == UINT32_MAX ? NULL : &d->before.table->columns[d->from[i]];
    bool changed = true;

    if (old && !column_changed(d, old, c, &changed))
        return false;
    if (!changed && !d->positioned[i])
        return true;
    if (changed && !check_values(d, old, c))
        return false;
    clause(d, old ? "CHANGE COLUMN " : "ADD COLUMN ");
    if (old) {
        sql_put_name(d->out, old->name);
        buf_put_u8(d->out, ' ');
    } else {
        say_note_column(&d->after, c);
    }
    if (!say_column(&d->after, d->out, c, true))
        return false;
    put_position(d, i);
    return true;
}

static bool columns(struct diff *d)
{
    for (uint32_t i = 0; i < d->before.table->n_columns; i++) {
        if (d->to[i] != UINT32_MAX)
            continue;
        clause(d, "DROP COLUMN ");
        sql_put_name(d->out, d->before.table->columns[i].name);
    }
    for (uint32_t i = 0; i < d->after.table->n_columns; i++) {
        if (!one_column(d, i))
            return false;
    }
    return true;
}

/* --- the table ----------------------------------------------------------------------------------
 */

static bool options(struct diff *d)
{
    const struct table *before = d->before.table, *after = d->after.table;
    struct buf a = BUF_INIT, b = BUF_INIT;
    bool ok = true;
    char what[200];

    say_options(&d->before, &a);
    say_options(&d->after, &b);
    if (strcmp(buf_cstr(&a), buf_cstr(&b)) != 0) {
        clause(d, buf_cstr(&b) + 1);
        if (before->row_format && !after->row_format)
            buf_put_str(d->out, " ROW_FORMAT=DEFAULT");
        if (before->key_block_size && !after->key_block_size)
            buf_put_str(d->out, " KEY_BLOCK_SIZE=0");
    }
    if (strcmp(before->charset, after->charset) != 0 ||
        strcmp(before->collation, after->collation) != 0) {
        snprintf(what, sizeof(what), "table %s.%s", after->db, after->name);
        clause(d, "DEFAULT");
        ok = say_charset(&d->after, d->out, after->charset, after->collation, what);
    }
    if (after->auto_increment && after->auto_increment != before->auto_increment) {
        clause(d, "AUTO_INCREMENT=");
        buf_putf(d->out, "%" PRIu64, after->auto_increment);
    }
    if (strcmp(before->db, after->db) != 0 || strcmp(before->name, after->name) != 0) {
        clause(d, "RENAME TO ");
        sql_put_table(d->out, after->db, after->name);
    }
    buf_release(&a);
    buf_release(&b);
    return ok;
}

static bool say_difference(struct diff *d, const struct alter_spec *specs, size_t n)
{
    const struct table *before = d->before.table, *after = d->after.table;
    bool *kept = arena_alloc(d->arena, (after->n_keys + 1) * sizeof(*kept));

    d->to = arena_alloc(d->arena, before->n_columns * sizeof(*d->to) + 1);
    d->from = arena_alloc(d->arena, after->n_columns * sizeof(*d->from) + 1);
    d->positioned = arena_alloc(d->arena, after->n_columns * sizeof(*d->positioned) + 1);
    follow_specs(d, specs, n);
    drop_constraints(d, specs, n);
    old_keys(d, specs, n, kept);
    if (!columns(d))
        return false;
    new_keys(d, kept);
    add_constraints(d, specs, n);
    return options(d);
}

bool mariadb_put_alter(const struct ddl *ddl, uint32_t version, struct buf *out,
                       struct notes *notes, struct err *err)
{
    struct arena arena = {0};
    struct alter_spec *specs;
    struct diff d = {.out = out,
                     .arena = &arena,
                     .truncates_fractions = (ddl->sql_mode & MODE_TIME_TRUNCATE_FRACTIONAL) != 0};
    size_t n;
    bool ok = false;

    if (!ddl_alter_specs(ddl, &arena, &specs, &n, err))
        goto done;
    d.said = ddl->said ? ddl->said : ddl->effects;
    d.before = (struct say){ddl->effects[0].before, version, NULL, err};
    d.after = (struct say){ddl->effects[0].after, version, notes, err};
    ok = say_difference(&d, specs, n);
done:
    arena_release(&arena);
    return ok;
}

/* --- all kinds -----------------------------------------------------------------------------------
 */

struct list {
    struct arena *arena;
    const char **sql;
    size_t n;
    size_t cap;
};

static void add(struct list *l, struct buf *b)
{
    if (b->len == 0)
        return;
    if (l->n == l->cap) {
        const char **more;

        l->cap = l->cap ? 2 * l->cap : 4;
        more = arena_alloc(l->arena, l->cap * sizeof(*more));
        if (l->n)
            memcpy(more, l->sql, l->n * sizeof(*more));
        l->sql = more;
    }
    l->sql[l->n++] = arena_strdup(l->arena, buf_cstr(b));
    buf_reset(b);
}

static void say_table_verb(struct buf *b, const char *verb, const struct table *t)
{
    buf_put_str(b, verb);
    sql_put_table(b, t->db, t->name);
}

static void drop_tables(struct list *l, const struct ddl *ddl, struct buf *b)
{
    for (uint32_t i = 0; i < ddl->n_effects; i++) {
        if (ddl->effects[i].before == NULL || ddl->effects[i].after != NULL)
            continue;
        say_table_verb(b, "DROP TABLE IF EXISTS ", ddl->effects[i].before);
        add(l, b);
    }
}

static bool create_table(struct list *l, const struct ddl *ddl, uint32_t version, struct buf *b,
                         struct notes *notes, struct err *err)
{
    for (uint32_t i = 0; i < ddl->n_effects; i++) {
        const struct table *t = ddl->effects[i].after;

        if (ddl->effects[i].before != NULL || t == NULL)
            continue;
        if (!mariadb_put_create(t, version, TABLE_WITH_KEYS, b, notes, err))
            return false;
        add(l, b);
        mariadb_put_add_fks(t, b);
        add(l, b);
    }
    return true;
}

/*
 * MariaDB lets the names of foreign keys follow the table, as MySQL does, but not those of
 * checks. `t` has its last name in this statement; `was` is what it was at its start.
 */
static void rename_checks(struct list *l, const struct table *was, const struct table *t,
                          uint32_t version, struct buf *b)
{
    struct say s = {t, version, NULL, NULL};
    bool any = false;

    for (uint32_t i = 0; i < was->n_checks; i++) {
        const struct check *c = &was->checks[i];

        if (!say_has_check(c) || check_named(t, c->name))
            continue;
        if (!any)
            say_table_verb(b, "ALTER TABLE ", t);
        buf_put_str(b, any ? ", DROP CONSTRAINT " : " DROP CONSTRAINT ");
        sql_put_name(b, c->name);
        any = true;
    }
    for (uint32_t i = 0; any && i < t->n_checks; i++) {
        const struct check *c = &t->checks[i];

        if (!say_has_check(c) || check_named(was, c->name))
            continue;
        buf_put_str(b, ", ADD ");
        say_check(&s, b, c);
    }
    add(l, b);
}

static void rename_tables(struct list *l, const struct ddl *ddl, uint32_t version, struct buf *b)
{
    for (uint32_t i = 0; i < ddl->n_effects; i++) {
        const struct ddl_effect *e = &ddl->effects[i];

        if (!e->before || !e->after || table_same_name(e->before, e->after))
            continue;
        buf_put_str(b, b->len ? ", " : "RENAME TABLE ");
        sql_put_table(b, e->before->db, e->before->name);
        buf_put_str(b, " TO ");
        sql_put_table(b, e->after->db, e->after->name);
    }
    add(l, b);
    for (uint32_t i = 0; i < ddl->n_effects; i++) {
        const struct ddl_effect *e = &ddl->effects[i];
        const struct table *was = e->before;
        bool last = true;

        if (!e->before || !e->after || table_same_name(e->before, e->after))
            continue;
        for (uint32_t j = i + 1; j < ddl->n_effects; j++)
            last = last &&
                   !(ddl->effects[j].before && table_same_name(ddl->effects[j].before, e->after));
        for (uint32_t j = i; j > 0; j--) {
            if (ddl->effects[j - 1].after && table_same_name(ddl->effects[j - 1].after, was))
                was = ddl->effects[j - 1].before;
        }
        if (last)
            rename_checks(l, was, e->after, version, b);
    }
}

static void truncate_tables(struct list *l, const struct ddl *ddl, struct buf *b)
{
    for (uint32_t i = 0; i < ddl->n_effects; i++) {
        if (ddl->effects[i].after == NULL)
            continue;
        say_table_verb(b, "TRUNCATE TABLE ", ddl->effects[i].after);
        add(l, b);
    }
}

static bool database(struct list *l, const struct ddl *ddl, uint32_t version, struct buf *b,
                     struct err *err)
{
    const char *charset, *collation;
    struct say s = {NULL, version, NULL, err};

    if (!ddl_database_charset(ddl, l->arena, &charset, &collation, err))
        return false;
    if (ddl->kind == DDL_CREATE_DATABASE) {
        if (!mariadb_put_create_database(ddl->object, charset ? charset : "utf8mb4",
                                         collation ? collation : "utf8mb4_0900_ai_ci", version, b,
                                         err))
            return false;
    } else if (charset) {
        buf_put_str(b, "ALTER DATABASE ");
        sql_put_name(b, ddl->object);
        if (!say_charset(&s, b, charset, collation, ddl->object))
            return false;
    }
    add(l, b);
    return true;
}

static bool alter_table(struct list *l, const struct ddl *ddl, uint32_t version, struct buf *b,
                        struct notes *notes, struct err *err)
{
    if (ddl->n_effects == 0)
        return true;
    if (!mariadb_put_alter(ddl, version, b, notes, err))
        return false;
    add(l, b);
    return true;
}

bool mariadb_ddl_statements(const struct ddl *ddl, uint32_t version, struct arena *arena,
                            const char ***sql, size_t *n, struct notes *notes, struct err *err)
{
    struct list l = {.arena = arena};
    struct buf b = BUF_INIT;
    bool ok = true;

    switch (ddl->kind) {
    case DDL_CREATE_TABLE:
        ok = create_table(&l, ddl, version, &b, notes, err);
        break;
    case DDL_ALTER_TABLE:
        ok = alter_table(&l, ddl, version, &b, notes, err);
        break;
    case DDL_DROP_TABLE:
    case DDL_DROP_DATABASE:
        drop_tables(&l, ddl, &b);
        break;
    case DDL_TRUNCATE_TABLE:
        truncate_tables(&l, ddl, &b);
        break;
    case DDL_RENAME_TABLE:
        rename_tables(&l, ddl, version, &b);
        break;
    case DDL_CREATE_DATABASE:
    case DDL_ALTER_DATABASE:
        ok = database(&l, ddl, version, &b, err);
        break;
    case DDL_IGNORED:
    case DDL_ROWS_AS_TEXT:
        break;
    }
    buf_release(&b);
    *sql = l.sql;
    *n = l.n;
    return ok;
}
