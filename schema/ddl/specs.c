/*
 * specs.c - an ALTER TABLE of the queue, read again into what it does.
 */
#include <string.h>
#include <strings.h>

#include "schema/ddl/parse.h"

struct specs {
    const struct table *before;
    const struct table *after;
    struct alter_spec *list;
    size_t n;
};

static const struct column *column_after(const struct specs *s, const char *name)
{
    uint32_t i = table_column(s->after, name);

    return i == UINT32_MAX ? NULL : &s->after->columns[i];
}

static const struct foreign_key *find_fk(const struct table *t, const char *name)
{
    for (uint32_t i = 0; name && i < t->n_fks; i++) {
        if (strcasecmp(t->fks[i].name, name) == 0)
            return &t->fks[i];
    }
    return NULL;
}

static const struct check *find_check(const struct table *t, const char *name)
{
    for (uint32_t i = 0; name && i < t->n_checks; i++) {
        if (strcasecmp(t->checks[i].name, name) == 0)
            return &t->checks[i];
    }
    return NULL;
}

static enum alter_kind constraint_kind(const struct specs *s, const char *name)
{
    if (find_check(s->before, name))
        return ALTER_DROP_CHECK;
    return find_fk(s->before, name) ? ALTER_DROP_FK : ALTER_DROP_KEY;
}

static void column_spec(struct specs *all, const struct spec *s, struct alter_spec *a)
{
    a->first = s->first;
    a->after = s->after;
    switch (s->kind) {
    case SPEC_ADD_COLUMN:
        a->kind = ALTER_ADD_COLUMN;
        a->name = s->def->column.name;
        a->column = column_after(all, a->name);
        break;
    case SPEC_CHANGE_COLUMN:
    case SPEC_RENAME_COLUMN:
        a->kind = ALTER_CHANGE_COLUMN;
        a->new_name = s->def ? s->def->column.name : s->new_name;
        a->column = column_after(all, a->new_name);
        break;
    case SPEC_DROP_COLUMN:
        a->kind = ALTER_DROP_COLUMN;
        break;
    default:
        a->kind = ALTER_SET_DEFAULT;
        a->column = column_after(all, s->name);
        break;
    }
}

static bool key_spec(struct specs *all, const struct spec *s, struct alter_spec *a)
{
    switch (s->kind) {
    case SPEC_ADD_KEY:
        a->kind = ALTER_ADD_KEY;
        a->name = s->resolved;
        a->key = s->resolved ? table_key(all->after, s->resolved) : NULL;
        break;
    case SPEC_DROP_KEY:
        a->kind = ALTER_DROP_KEY;
        break;
    case SPEC_RENAME_KEY:
        a->kind = ALTER_RENAME_KEY;
        break;
    case SPEC_KEY_VISIBLE:
        a->kind = ALTER_KEY_VISIBLE;
        a->key = table_key(all->after, s->name);
        break;
    case SPEC_ADD_FK:
        a->kind = ALTER_ADD_FK;
        a->name = s->resolved;
        a->fk = find_fk(all->after, s->resolved);
        break;
    case SPEC_DROP_FK:
        a->kind = ALTER_DROP_FK;
        break;
    case SPEC_ADD_CHECK:
        a->kind = ALTER_ADD_CHECK;
        a->name = s->resolved;
        a->check = find_check(all->after, s->resolved);
        break;
    case SPEC_DROP_CHECK:
        a->kind = ALTER_DROP_CHECK;
        break;
    case SPEC_DROP_CONSTRAINT:
        a->kind = constraint_kind(all, s->name);
        break;
    case SPEC_CHECK_ENFORCED:
        a->kind = ALTER_CHECK_ENFORCED;
        a->check = find_check(all->after, s->name);
        break;
    default:
        return false;
    }
    return true;
}

static void add_spec(struct specs *all, const struct spec *s)
{
    struct alter_spec *a = &all->list[all->n];

    a->name = s->name;
    a->new_name = s->new_name;
    switch (s->kind) {
    case SPEC_ADD_COLUMN:
    case SPEC_CHANGE_COLUMN:
    case SPEC_RENAME_COLUMN:
    case SPEC_DROP_COLUMN:
    case SPEC_SET_DEFAULT:
    case SPEC_COLUMN_VISIBLE:
        column_spec(all, s, a);
        break;
    case SPEC_CONVERT:
        a->kind = ALTER_CONVERT_CHARSET;
        break;
    case SPEC_RENAME_TABLE:
        a->kind = ALTER_RENAME_TABLE;
        a->name = all->before->name;
        a->new_name = all->after->name;
        break;
    case SPEC_NOTHING:
        return;
    default:
        if (!key_spec(all, s, a))
            return;
    }
    all->n++;
}

static void add_options(struct specs *all, const struct table_options *o)
{
    if (o->charset || o->collation || o->charset_default)
        all->list[all->n++].kind = ALTER_TABLE_CHARSET;
    if (o->engine || o->row_format || o->comment || o->has_key_block_size || o->has_auto_increment)
        all->list[all->n++].kind = ALTER_TABLE_OPTION;
}

bool ddl_alter_specs(const struct ddl *ddl, struct arena *arena, struct alter_spec **specs,
                     size_t *n, struct err *err)
{
    struct ddl_context ctx = {
        .db = ddl->db, .sql_mode = ddl->sql_mode, .explicit_defaults_for_timestamp = true};
    const struct ddl_effect *said = ddl->said ? ddl->said : ddl->effects;
    struct specs all = {0};
    struct alter_env env;
    struct statement st;
    struct table *again;

    if (ddl->kind != DDL_ALTER_TABLE || ddl->n_effects == 0 || !said[0].before || !said[0].after) {
        err_reason(err, ERR_DATA, "ddl_syntax", "the statement is no ALTER TABLE");
        return false;
    }
    all.before = said[0].before;
    all.after = said[0].after;
    env = (struct alter_env){all.after->charset, all.after->collation, true, NULL};
    if (!ddl_parse(ddl->text, &ctx, arena, &st, err))
        return false;
    /* Only for the names that keys and constraints get; the definition itself is known. */
    if (!alter_apply(&st, all.before, &env, &again, err))
        return false;
    all.list = arena_alloc(arena, (st.n_specs + 3) * sizeof(*all.list));
    for (size_t i = 0; i < st.n_specs; i++) {
        st.specs[i].resolved =
            st.specs[i].resolved ? arena_strdup(arena, st.specs[i].resolved) : NULL;
        add_spec(&all, &st.specs[i]);
    }
    add_options(&all, &st.options);
    table_free(again);
    *specs = all.list;
    *n = all.n;
    return true;
}
