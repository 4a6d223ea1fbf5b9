#include "cdc/apply/cascade.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema/base/map.h"

static bool refers_to(const struct foreign_key *fk, const struct table *parent)
{
    return strcmp(fk->ref_db, parent->db) == 0 && strcmp(fk->ref_table, parent->name) == 0;
}

static bool is_active(enum fk_action action)
{
    /* SET DEFAULT is accepted by the servers and never done. */
    return action == FK_CASCADE || action == FK_SET_NULL;
}

/* The action of fk for a parent row that went from before to after (NULL: deleted). */
static enum fk_action action_for(const struct foreign_key *fk, const struct table *parent,
                                 const struct value *before, const struct value *after)
{
    if (!after)
        return fk->on_delete;
    for (uint32_t i = 0; i < fk->n_columns; i++) {
        uint32_t c = table_column(parent, fk->ref_columns[i]);

        if (c != UINT32_MAX && !value_equal(&before[c], &after[c]))
            return fk->on_update;
    }
    return FK_NO_ACTION;
}

/* Could rows of this table that are deleted, or changed in fk's columns, cascade further? */
static bool has_dependents(const struct cascade_env *env, const struct table *t, bool is_delete,
                           const struct foreign_key *changed)
{
    const struct table **children;
    size_t n = catalog_children(env->catalog, t->db, t->name, &children);
    bool found = false;

    for (size_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < children[i]->n_fks; k++) {
            const struct foreign_key *fk = &children[i]->fks[k];

            if (!refers_to(fk, t) || !env->follows(env->ctx, children[i]))
                continue;
            if (is_delete) {
                found = found || is_active(fk->on_delete);
                continue;
            }
            for (uint32_t a = 0; a < fk->n_columns && is_active(fk->on_update); a++)
                for (uint32_t b = 0; b < changed->n_columns; b++)
                    found = found || strcasecmp(fk->ref_columns[a], changed->columns[b]) == 0;
        }
    }
    free(children);
    return found;
}

bool cascade_possible(const struct cascade_env *env, const struct table *parent)
{
    const struct table **children;
    size_t n = catalog_children(env->catalog, parent->db, parent->name, &children);
    bool found = false;

    for (size_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < children[i]->n_fks; k++)
            found = found || (refers_to(&children[i]->fks[k], parent) &&
                              (is_active(children[i]->fks[k].on_delete) ||
                               is_active(children[i]->fks[k].on_update)));
    free(children);
    return found;
}

bool cascade_applies(const struct cascade_env *env, const struct change *c)
{
    const struct table **children;
    size_t n;
    bool found = false;

    if (c->kind == CHANGE_INSERT || (c->flags & (CHANGE_SQL_FK | CHANGE_NO_FK_CHECKS)))
        return false;
    n = catalog_children(env->catalog, c->table->db, c->table->name, &children);
    for (size_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < children[i]->n_fks; k++)
            found =
                found ||
                (refers_to(&children[i]->fks[k], c->table) && env->follows(env->ctx, children[i]) &&
                 is_active(action_for(&children[i]->fks[k], c->table, c->before, c->after)));
    free(children);
    return found;
}

static bool reaches(const struct cascade_env *env, const struct table *parent, struct map *seen,
                    bool (*pending)(void *ctx, const struct table *child), void *ctx)
{
    const struct table **children;
    size_t n = catalog_children(env->catalog, parent->db, parent->name, &children);
    bool found = false;

    for (size_t i = 0; i < n && !found; i++) {
        void **slot = map_slot(seen, bytes_of(&children[i], sizeof(children[i])));

        if (*slot)
            continue;
        *slot = seen;
        found = pending(ctx, children[i]) || reaches(env, children[i], seen, pending, ctx);
    }
    free(children);
    return found;
}

bool cascade_reaches(const struct cascade_env *env, const struct table *parent,
                     bool (*pending)(void *ctx, const struct table *child), void *ctx)
{
    struct map seen = {0};
    bool found = reaches(env, parent, &seen, pending, ctx);

    map_release(&seen);
    return found;
}

static const struct value **one_row(struct arena *a, const struct value *row)
{
    const struct value **rows = arena_alloc(a, sizeof(*rows));

    rows[0] = row;
    return rows;
}

static bool emit_op(const struct cascade_env *env, enum fk_action action, bool is_delete,
                    const struct table *child, const struct foreign_key *fk,
                    const struct table *parent, const struct value *before,
                    const struct value *after, struct err *err)
{
    struct op op = {.table = child,
                    .fk = fk,
                    .parent = parent,
                    .n_rows = 1,
                    .rows = one_row(env->arena, before)};

    op.kind = action == FK_SET_NULL ? OP_CASCADE_SET_NULL
              : is_delete           ? OP_CASCADE_DELETE
                                    : OP_CASCADE_UPDATE;
    if (op.kind == OP_CASCADE_UPDATE)
        op.parent_after = one_row(env->arena, after);
    return env->emit(env->ctx, &op, err);
}

/* The child row as the cascade leaves it. */
static const struct value *child_after(const struct cascade_env *env, enum fk_action action,
                                       const struct table *child, const struct foreign_key *fk,
                                       const struct table *parent, const struct value *row,
                                       const struct value *parent_after)
{
    struct value *after = arena_alloc(env->arena, child->n_columns * sizeof(*after));

    memcpy(after, row, child->n_columns * sizeof(*after));
    for (uint32_t i = 0; i < fk->n_columns; i++) {
        uint32_t c = table_column(child, fk->columns[i]);
        uint32_t ref = table_column(parent, fk->ref_columns[i]);

        assert(c != UINT32_MAX && ref != UINT32_MAX);
        if (action == FK_SET_NULL)
            after[c].kind = VALUE_NULL;
        else
            after[c] = parent_after[ref];
    }
    return after;
}

static bool run_row(const struct cascade_env *env, const struct table *parent,
                    const struct value *before, const struct value *after, unsigned depth,
                    struct err *err);

static bool run_fk(const struct cascade_env *env, const struct table *child,
                   const struct foreign_key *fk, const struct table *parent,
                   const struct value *before, const struct value *after, unsigned depth,
                   struct err *err)
{
    enum fk_action action = action_for(fk, parent, before, after);
    bool removes = !after && action == FK_CASCADE;
    const struct value **rows = NULL;
    size_t n = 0;

    if (!is_active(action))
        return true;
    if (has_dependents(env, child, removes, fk) &&
        !env->read(env->ctx, child, fk, parent, before, &rows, &n, err))
        return false;
    if (!emit_op(env, action, !after, child, fk, parent, before, after, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct value *next =
            removes ? NULL : child_after(env, action, child, fk, parent, rows[i], after);

        if (!run_row(env, child, rows[i], next, depth + 1, err))
            return false;
    }
    return true;
}

static bool run_row(const struct cascade_env *env, const struct table *parent,
                    const struct value *before, const struct value *after, unsigned depth,
                    struct err *err)
{
    const struct table **children;
    size_t n;
    bool ok = true;

    if (depth > CASCADE_DEPTH_MAX) {
        err_reason(err, ERR_DATA, "cascade_depth",
                   "foreign-key cascade from table %s.%s is deeper than %d", parent->db,
                   parent->name, CASCADE_DEPTH_MAX);
        return false;
    }
    n = catalog_children(env->catalog, parent->db, parent->name, &children);
    for (size_t i = 0; ok && i < n; i++) {
        if (!env->follows(env->ctx, children[i]))
            continue;
        for (uint32_t k = 0; ok && k < children[i]->n_fks; k++)
            if (refers_to(&children[i]->fks[k], parent))
                ok = run_fk(env, children[i], &children[i]->fks[k], parent, before, after, depth,
                            err);
    }
    free(children);
    return ok;
}

bool cascade_run(const struct cascade_env *env, const struct change *c, struct err *err)
{
    return run_row(env, c->table, c->before, c->after, 0, err);
}
