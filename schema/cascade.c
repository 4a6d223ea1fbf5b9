#include "schema/cascade.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What is known about one table as a parent. */
struct family {
    const struct table *table;
    struct cascade_step *gone; /* steps when a row goes */
    size_t n_gone;
    struct cascade_step *moved; /* when referenced columns of a row change */
    size_t n_moved;
    /* of the search for ranks (Tarjan): */
    uint32_t order, low, rank; /* 0: not yet */
    struct family *below;      /* on the search's stack */
    bool on_stack;
};

static bool is_active(enum fk_action action)
{
    /* SET DEFAULT is accepted by the servers and never done. */
    return action == FK_CASCADE || action == FK_SET_NULL;
}

static bool refers_to(const struct foreign_key *fk, const struct table *parent)
{
    return strcmp(fk->ref_db, parent->db) == 0 && strcmp(fk->ref_table, parent->name) == 0;
}

static void forget(struct cascade *c)
{
    map_reset(&c->families);
    arena_reset(&c->arena);
    c->version = catalog_version(c->catalog);
    c->ranks = 0;
}

void cascade_release(struct cascade *c)
{
    map_release(&c->families);
    arena_release(&c->arena);
    memset(c, 0, sizeof(*c));
}

void cascade_bind(struct cascade *c, const struct catalog *catalog)
{
    c->catalog = catalog;
    forget(c);
}

void cascade_restand(struct cascade *c)
{
    c->standings++;
}

bool cascade_is_unlogged(const struct change *change)
{
    return change->kind != CHANGE_INSERT &&
           !(change->flags & (CHANGE_SQL_FK | CHANGE_NO_FK_CHECKS));
}

bool cascade_may_touch(const struct table *t)
{
    for (uint32_t i = 0; i < t->n_fks; i++)
        if (is_active(t->fks[i].on_delete) || is_active(t->fks[i].on_update))
            return true;
    return false;
}

/* ---- families ---- */

static size_t count_keys(const struct table *const *children, size_t n)
{
    size_t keys = 0;

    for (size_t i = 0; i < n; i++)
        keys += children[i]->n_fks;
    return keys;
}

static void add_steps(struct family *f, const struct table *child)
{
    for (uint32_t k = 0; k < child->n_fks; k++) {
        const struct foreign_key *fk = &child->fks[k];

        if (!refers_to(fk, f->table))
            continue;
        if (is_active(fk->on_delete))
            f->gone[f->n_gone++] = (struct cascade_step){.child = child,
                                                         .fk = fk,
                                                         .action = fk->on_delete,
                                                         .removes = fk->on_delete == FK_CASCADE};
        if (is_active(fk->on_update))
            f->moved[f->n_moved++] =
                (struct cascade_step){.child = child, .fk = fk, .action = fk->on_update};
    }
}

static struct family *family_of(struct cascade *c, const struct table *t)
{
    const struct table *const *children;
    struct family *f;
    size_t n, keys;

    if (c->version != catalog_version(c->catalog))
        forget(c);
    f = map_get(&c->families, bytes_of(&t, sizeof(t)));
    if (f)
        return f;
    n = catalog_children(c->catalog, t->db, t->name, &children);
    keys = count_keys(children, n);
    f = arena_alloc(&c->arena, sizeof(*f));
    f->table = t;
    f->gone = arena_alloc(&c->arena, (keys + 1) * sizeof(*f->gone));
    f->moved = arena_alloc(&c->arena, (keys + 1) * sizeof(*f->moved));
    for (size_t i = 0; i < n; i++)
        add_steps(f, children[i]);
    map_put(&c->families, bytes_of(&t, sizeof(t)), f);
    return f;
}

/* Did the parent's row change in what fk refers to? */
static bool is_moved(const struct foreign_key *fk, const struct table *parent,
                     const struct value *before, const struct value *after)
{
    for (uint32_t i = 0; i < fk->n_columns; i++) {
        uint32_t k = table_column(parent, fk->ref_columns[i]);

        if (k != UINT32_MAX && !value_equal(&before[k], &after[k]))
            return true;
    }
    return false;
}

static struct cascade_step *next_step(struct family *f, const struct value *before,
                                      const struct value *after, size_t *i)
{
    while (after && *i < f->n_moved) {
        struct cascade_step *s = &f->moved[(*i)++];

        if (is_moved(s->fk, f->table, before, after))
            return s;
    }
    return !after && *i < f->n_gone ? &f->gone[(*i)++] : NULL;
}

const struct cascade_step *cascade_next(struct cascade *c, const struct table *parent,
                                        const struct value *before, const struct value *after,
                                        size_t *i)
{
    return next_step(family_of(c, parent), before, after, i);
}

/* Does a change of fk's columns change what `below` refers to? */
static bool overlaps(const struct foreign_key *fk, const struct foreign_key *below)
{
    for (uint32_t a = 0; a < below->n_columns; a++)
        for (uint32_t b = 0; b < fk->n_columns; b++)
            if (strcasecmp(below->ref_columns[a], fk->columns[b]) == 0)
                return true;
    return false;
}

/* What a step may set off in its turn, by definition. */
static struct cascade_step *step_below(struct cascade *c, const struct cascade_step *s, size_t *i)
{
    struct family *f = family_of(c, s->child);

    if (s->removes)
        return *i < f->n_gone ? &f->gone[(*i)++] : NULL;
    while (*i < f->n_moved) {
        struct cascade_step *below = &f->moved[(*i)++];

        if (overlaps(s->fk, below->fk))
            return below;
    }
    return NULL;
}

/* ---- verdicts ---- */

struct walk {
    struct cascade *c;
    cascade_standing_fn *standing; /* NULL: ask `is` alone */
    cascade_is_fn *is;
    cascade_broken_fn *broken;
    void *ctx;
    enum cascade_verdict verdict;
    bool found;
};

static void walk_begin(struct walk *w)
{
    w->c->walks++;
    w->verdict = CASCADE_NONE;
    w->found = false;
}

/* Once with all levels above known, and once behind a level that is not. */
static bool walk_enter(struct walk *w, struct cascade_step *s, bool is_known)
{
    if (s->walk[is_known] == w->c->walks)
        return false;
    s->walk[is_known] = w->c->walks;
    return true;
}

static void raise_verdict(struct walk *w, enum cascade_verdict verdict)
{
    if (verdict > w->verdict)
        w->verdict = verdict;
}

bool cascade_reads(struct cascade *c, const struct cascade_step *step,
                   cascade_standing_fn *standing, void *ctx)
{
    const struct cascade_step *below;

    for (size_t i = 0; (below = step_below(c, step, &i)) != NULL;)
        if (standing(ctx, below->child) == CASCADE_EXACT)
            return true;
    return false;
}

/* by: the nearest level above whose rows are not known, or NULL. */
static void judge_step(struct walk *w, struct cascade_step *s, const struct table *by)
{
    enum cascade_standing standing;
    struct cascade_step *below;

    if (!walk_enter(w, s, by == NULL))
        return;
    standing = w->standing(w->ctx, s->child);
    if (standing == CASCADE_OPEN && !by)
        by = s->child;
    if (standing != CASCADE_AWAY && by) {
        raise_verdict(w, CASCADE_BROKEN);
        if (w->broken)
            w->broken(w->ctx, s->child, by);
    } else if (standing == CASCADE_EXACT) {
        raise_verdict(w, cascade_reads(w->c, s, w->standing, w->ctx) ? CASCADE_READING
                                                                     : CASCADE_STATEMENT);
    }
    if (standing != CASCADE_EXACT && !by)
        by = s->child;
    for (size_t i = 0; (below = step_below(w->c, s, &i)) != NULL;)
        judge_step(w, below, by);
}

enum cascade_verdict cascade_judge(struct cascade *c, const struct change *change,
                                   cascade_standing_fn *standing, void *ctx)
{
    struct family *f = family_of(c, change->table);
    struct walk w = {.c = c, .standing = standing, .ctx = ctx};
    enum cascade_verdict worst = CASCADE_NONE;
    struct cascade_step *s;

    for (size_t i = 0; (s = next_step(f, change->before, change->after, &i)) != NULL;) {
        if (s->judged != c->standings + 1) {
            walk_begin(&w);
            judge_step(&w, s, NULL);
            s->verdict = (int)w.verdict;
            s->judged = c->standings + 1;
        }
        if ((enum cascade_verdict)s->verdict > worst)
            worst = (enum cascade_verdict)s->verdict;
    }
    return worst;
}

void cascade_breaks(struct cascade *c, const struct change *change, cascade_standing_fn *standing,
                    cascade_broken_fn *broken, void *ctx)
{
    struct family *f = family_of(c, change->table);
    struct walk w = {.c = c, .standing = standing, .broken = broken, .ctx = ctx};
    struct cascade_step *s;

    walk_begin(&w);
    for (size_t i = 0; (s = next_step(f, change->before, change->after, &i)) != NULL;)
        judge_step(&w, s, NULL);
}

/* ---- reach ---- */

static void reach_step(struct walk *w, struct cascade_step *s)
{
    struct cascade_step *below;

    if (w->found || !walk_enter(w, s, true))
        return;
    w->found = w->is(w->ctx, s->child);
    for (size_t i = 0; !w->found && (below = step_below(w->c, s, &i)) != NULL;)
        reach_step(w, below);
}

bool cascade_reaches(struct cascade *c, const struct change *change, cascade_is_fn *is, void *ctx)
{
    struct family *f = family_of(c, change->table);
    struct walk w = {.c = c, .is = is, .ctx = ctx};
    struct cascade_step *s;

    walk_begin(&w);
    for (size_t i = 0; (s = next_step(f, change->before, change->after, &i)) != NULL;)
        reach_step(&w, s);
    return w.found;
}

bool cascade_may_reach(struct cascade *c, const struct table *parent, cascade_is_fn *is, void *ctx)
{
    struct family *f = family_of(c, parent);
    struct walk w = {.c = c, .is = is, .ctx = ctx};

    walk_begin(&w);
    for (size_t i = 0; i < f->n_gone; i++)
        reach_step(&w, &f->gone[i]);
    for (size_t i = 0; i < f->n_moved; i++)
        reach_step(&w, &f->moved[i]);
    return w.found;
}

void cascade_breaks_ever(struct cascade *c, cascade_standing_fn *standing,
                         cascade_broken_fn *broken, void *ctx)
{
    struct walk w = {.c = c, .standing = standing, .broken = broken, .ctx = ctx};
    const struct table **tables;
    size_t n = catalog_tables(c->catalog, &tables);

    walk_begin(&w);
    for (size_t t = 0; t < n; t++) {
        struct family *f = family_of(c, tables[t]);

        for (size_t i = 0; i < f->n_gone; i++)
            judge_step(&w, &f->gone[i], NULL);
        for (size_t i = 0; i < f->n_moved; i++)
            judge_step(&w, &f->moved[i], NULL);
    }
    free(tables);
}

/* ---- ranks ---- */

struct search {
    struct cascade *c;
    uint32_t order;
    struct family *stack;
};

static void search_family(struct search *s, struct family *f);

static void search_steps(struct search *s, struct family *f, const struct cascade_step *steps,
                         size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct family *child = family_of(s->c, steps[i].child);

        if (child->order == 0)
            search_family(s, child);
        if (child->on_stack && child->low < f->low)
            f->low = child->low;
    }
}

/* Tarjan: tables that reach each other are found together, children before parents. */
static void search_family(struct search *s, struct family *f)
{
    struct family *top;

    f->order = f->low = ++s->order;
    f->below = s->stack;
    f->on_stack = true;
    s->stack = f;
    search_steps(s, f, f->gone, f->n_gone);
    search_steps(s, f, f->moved, f->n_moved);
    if (f->low != f->order)
        return;
    s->c->ranks++;
    do {
        top = s->stack;
        s->stack = top->below;
        top->on_stack = false;
        top->rank = UINT32_MAX - s->c->ranks;
    } while (top != f);
}

uint32_t cascade_rank(struct cascade *c, const struct table *t)
{
    struct family *f = family_of(c, t);
    struct search s = {.c = c};

    if (f->order == 0)
        search_family(&s, f);
    return f->rank;
}
