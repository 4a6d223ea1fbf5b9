/*
 * sim_source_cascade.c - a row change with all that foreign keys make of it.
 *
 * As InnoDB does it: the row itself first, then for each foreign key onto it the rows that refer
 * to it, each in its turn with what follows from it. A refusal anywhere (a key that is taken, a
 * parent that is missing, RESTRICT, too deep) refuses the statement. A source that cascades in its
 * SQL layer logs the same changes, children before their parents.
 */
#include <string.h>

#include "schema/base/xalloc.h"
#include "tests/sim/sim_source_parts.h"

#define DEPTH_MAX 15

static bool same_name(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool refers_to(const struct foreign_key *fk, const struct table *parent)
{
    return same_name(fk->ref_db, parent->db) && same_name(fk->ref_table, parent->name);
}

static uint32_t child_column(const struct table *child, const struct foreign_key *fk, uint32_t i)
{
    return table_column(child, fk->columns[i]);
}

static uint32_t parent_column(const struct table *parent, const struct foreign_key *fk, uint32_t i)
{
    return table_column(parent, fk->ref_columns[i]);
}

/* Does the child's row refer to the parent's? */
static bool is_child(const struct table *child, const struct foreign_key *fk,
                     const struct value *row, const struct table *parent, const struct value *up)
{
    for (uint32_t i = 0; i < fk->n_columns; i++) {
        const struct value *c = &row[child_column(child, fk, i)];
        const struct value *p = &up[parent_column(parent, fk, i)];

        if (c->kind == VALUE_NULL || c->i != p->i) /* keys are integers */
            return false;
    }
    return true;
}

bool sim_is_parent(const struct sim_source *s, const struct sim_table *t)
{
    for (size_t i = 0; i < s->n_tables; i++) {
        const struct table *child = sim_def_at(s->tables[i], SIM_NEVER - 1);

        for (uint32_t k = 0; child && k < child->n_fks; k++)
            if (refers_to(&child->fks[k], sim_def(t)))
                return true;
    }
    return false;
}

/* Is a unique key of the new row taken by another row? NULL is equal to nothing. */
static bool collides(const struct table *def, const struct value *a, const struct value *b)
{
    for (uint32_t k = 0; k < def->n_keys; k++) {
        const struct key *key = &def->keys[k];
        bool equal = key->kind == KEY_PRIMARY || key->kind == KEY_UNIQUE;

        for (uint32_t p = 0; equal && p < key->n_parts; p++) {
            uint32_t c = table_column(def, key->parts[p].column);

            equal = a[c].kind != VALUE_NULL && value_equal(&a[c], &b[c]);
        }
        if (equal)
            return true;
    }
    return false;
}

static bool is_taken(const struct sim_table *t, const struct value *values)
{
    for (size_t i = 0; i < t->n_rows; i++)
        if (sim_lives(&t->rows[i]) && collides(sim_def(t), values, t->rows[i].values))
            return true;
    return false;
}

static bool has_parent(const struct sim_source *s, const struct table *def,
                       const struct foreign_key *fk, const struct value *values)
{
    const struct sim_table *up = sim_find(s, s->count, fk->ref_db, fk->ref_table);

    for (uint32_t i = 0; i < fk->n_columns; i++)
        if (values[child_column(def, fk, i)].kind == VALUE_NULL)
            return true;
    for (size_t i = 0; up && i < up->n_rows; i++)
        if (sim_lives(&up->rows[i]) && is_child(def, fk, values, sim_def(up), up->rows[i].values))
            return true;
    return false;
}

/* before NULL: all foreign keys count, else those whose columns changed. */
static bool has_parents(const struct sim_source *s, const struct table *def,
                        const struct value *before, const struct value *values)
{
    for (uint32_t k = 0; k < def->n_fks; k++) {
        const struct foreign_key *fk = &def->fks[k];
        bool asks = !before;

        for (uint32_t i = 0; !asks && i < fk->n_columns; i++) {
            uint32_t c = child_column(def, fk, i);

            asks = !value_equal(&before[c], &values[c]);
        }
        if (asks && !has_parent(s, def, fk, values))
            return false;
    }
    return true;
}

static void log_row(struct sim_source *s, enum change_kind kind, struct sim_table *t,
                    const struct value *before, const struct value *after, unsigned depth)
{
    uint16_t flags = s->shape.native_fk ? 0 : CHANGE_SQL_FK;

    if (depth > 0 && s->shape.native_fk)
        return;
    if (depth > 0 || s->no_checks)
        flags |= CHANGE_NO_FK_CHECKS;
    if (s->n_log == s->cap_log) {
        s->cap_log = s->cap_log ? 2 * s->cap_log : 32;
        s->log = xrealloc(s->log, s->cap_log * sizeof(*s->log));
    }
    s->log[s->n_log++] = (struct sim_logged){kind, t, before, after, flags, false};
}

static bool run(struct sim_source *s, struct sim_table *t, size_t row, const struct value *after,
                unsigned depth);

/* What the foreign key makes of the child's row; NULL: it goes. */
static const struct value *follow(struct sim_source *s, const struct table *child,
                                  const struct foreign_key *fk, const struct value *row,
                                  const struct table *parent, const struct value *up)
{
    enum fk_action action = up ? fk->on_update : fk->on_delete;
    struct value *values;

    if (action == FK_CASCADE && !up)
        return NULL;
    values = sim_values(s, child->n_columns, row);
    for (uint32_t i = 0; i < fk->n_columns; i++) {
        struct value *v = &values[child_column(child, fk, i)];

        if (action == FK_CASCADE)
            *v = up[parent_column(parent, fk, i)];
        else
            *v = (struct value){.kind = VALUE_NULL};
    }
    return values;
}

static bool run_key(struct sim_source *s, struct sim_table *child, const struct foreign_key *fk,
                    const struct table *parent, const struct value *before,
                    const struct value *after, unsigned depth)
{
    enum fk_action action = after ? fk->on_update : fk->on_delete;
    size_t n = child->n_rows; /* images that come meanwhile are not meant */

    for (size_t i = 0; i < n; i++) {
        const struct value *row = child->rows[i].values;

        if (!sim_lives(&child->rows[i]) || !is_child(sim_def(child), fk, row, parent, before))
            continue;
        if (action != FK_CASCADE && action != FK_SET_NULL)
            return false;
        if (!run(s, child, i, follow(s, sim_def(child), fk, row, parent, after), depth + 1))
            return false;
    }
    return true;
}

/* Did the parent's row change in what the foreign key refers to? */
static bool is_moved(const struct table *parent, const struct foreign_key *fk,
                     const struct value *before, const struct value *after)
{
    for (uint32_t i = 0; after && i < fk->n_columns; i++) {
        uint32_t c = parent_column(parent, fk, i);

        if (!value_equal(&before[c], &after[c]))
            return true;
    }
    return !after;
}

static bool run_children(struct sim_source *s, const struct table *parent,
                         const struct value *before, const struct value *after, unsigned depth)
{
    for (size_t i = 0; i < s->n_tables; i++) {
        const struct table *child = sim_def_at(s->tables[i], SIM_NEVER - 1);

        for (uint32_t k = 0; child && k < child->n_fks; k++)
            if (refers_to(&child->fks[k], parent) &&
                is_moved(parent, &child->fks[k], before, after) &&
                !run_key(s, s->tables[i], &child->fks[k], parent, before, after, depth))
                return false;
    }
    return true;
}

/* after NULL: the row goes. depth 0: the statement's own row. */
static bool run(struct sim_source *s, struct sim_table *t, size_t row, const struct value *after,
                unsigned depth)
{
    const struct value *before = t->rows[row].values;
    const struct table *def = sim_def(t);

    if (depth > DEPTH_MAX)
        return false;
    sim_row_goes(s, t, row);
    if (after) {
        if (is_taken(t, after) ||
            (depth == 0 && !s->no_checks && !has_parents(s, def, before, after)))
            return false;
        sim_row_comes(s, t, after);
    }
    if (!s->no_checks && !run_children(s, def, before, after, depth))
        return false;
    log_row(s, after ? CHANGE_UPDATE : CHANGE_DELETE, t, before, after, depth);
    return true;
}

bool sim_insert(struct sim_source *s, struct sim_table *t, const struct value *values)
{
    if (is_taken(t, values) || (!s->no_checks && !has_parents(s, sim_def(t), NULL, values)))
        return false;
    sim_row_comes(s, t, values);
    log_row(s, CHANGE_INSERT, t, NULL, values, 0);
    return true;
}

bool sim_update(struct sim_source *s, struct sim_table *t, size_t row, const struct value *values)
{
    return run(s, t, row, values, 0);
}

bool sim_delete(struct sim_source *s, struct sim_table *t, size_t row)
{
    return run(s, t, row, NULL, 0);
}
