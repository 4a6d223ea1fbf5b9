#include "cdc/apply/cascade.h"

#include <assert.h>
#include <string.h>

static const struct value **one_row(struct arena *a, const struct value *row)
{
    const struct value **rows = arena_alloc(a, sizeof(*rows));

    rows[0] = row;
    return rows;
}

static bool emit_op(const struct cascade_runner *r, const struct cascade_step *s,
                    const struct table *parent, const struct value *before,
                    const struct value *after, struct err *err)
{
    struct op op = {.table = s->child,
                    .fk = s->fk,
                    .parent = parent,
                    .n_rows = 1,
                    .rows = one_row(r->arena, before)};

    op.kind = s->action == FK_SET_NULL ? OP_CASCADE_SET_NULL
              : s->removes             ? OP_CASCADE_DELETE
                                       : OP_CASCADE_UPDATE;
    if (op.kind == OP_CASCADE_UPDATE)
        op.parent_after = one_row(r->arena, after);
    return r->emit(r->ctx, &op, err);
}

/* The child row as the cascade leaves it; NULL: it goes. */
static const struct value *child_after(const struct cascade_runner *r, const struct cascade_step *s,
                                       const struct table *parent, const struct value *row,
                                       const struct value *parent_after)
{
    struct value *after;

    if (s->removes)
        return NULL;
    after = arena_alloc(r->arena, s->child->n_columns * sizeof(*after));
    memcpy(after, row, s->child->n_columns * sizeof(*after));
    for (uint32_t i = 0; i < s->fk->n_columns; i++) {
        uint32_t c = table_column(s->child, s->fk->columns[i]);
        uint32_t ref = table_column(parent, s->fk->ref_columns[i]);

        assert(c != UINT32_MAX && ref != UINT32_MAX);
        if (s->action == FK_SET_NULL)
            after[c].kind = VALUE_NULL;
        else
            after[c] = parent_after[ref];
    }
    return after;
}

static bool run_row(const struct cascade_runner *r, const struct table *parent,
                    const struct value *before, const struct value *after, unsigned depth,
                    struct err *err);

static bool run_step(const struct cascade_runner *r, const struct cascade_step *s,
                     const struct table *parent, const struct value *before,
                     const struct value *after, unsigned depth, struct err *err)
{
    const struct value **rows = NULL;
    size_t n = 0;

    if (cascade_reads(r->cascade, s, r->standing, r->ctx) &&
        !r->read(r->ctx, s->child, s->fk, parent, before, &rows, &n, err))
        return false;
    if (!emit_op(r, s, parent, before, after, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!run_row(r, s->child, rows[i], child_after(r, s, parent, rows[i], after), depth + 1,
                     err))
            return false;
    return true;
}

static bool run_row(const struct cascade_runner *r, const struct table *parent,
                    const struct value *before, const struct value *after, unsigned depth,
                    struct err *err)
{
    const struct cascade_step *s;

    if (depth > CASCADE_DEPTH_MAX) {
        err_reason(err, ERR_DATA, "cascade_depth",
                   "foreign-key cascade from table %s.%s is deeper than %d", parent->db,
                   parent->name, CASCADE_DEPTH_MAX);
        return false;
    }
    for (size_t i = 0; (s = cascade_next(r->cascade, parent, before, after, &i)) != NULL;)
        if (r->standing(r->ctx, s->child) == CASCADE_EXACT &&
            !run_step(r, s, parent, before, after, depth, err))
            return false;
    return true;
}

bool cascade_run(const struct cascade_runner *r, const struct change *c, struct err *err)
{
    return run_row(r, c->table, c->before, c->after, 0, err);
}
