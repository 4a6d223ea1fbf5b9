/*
 * ddl.c - DDL as a barrier: which of a statement's effects concern the copy, and what becomes
 * of the tables' states.
 *
 * Redo after a crash: the target's journal knows that the statement is done; states are saved
 * after it, all at once: half of a swap of two names would look like one that was loaded
 * after it. So the decision is made anew from the states before, or there is none to make. A table
 * that a CREATE brought is strict from the LSN before (rows of CREATE TABLE ... SELECT follow in
 * the same transaction); all others have their new state's hi at the LSN, which says that the
 * statement is in.
 */
#include <stdlib.h>

#include "cdc/apply/engine.h"
#include "schema/base/log.h"
#include "schema/base/xalloc.h"

/* Of one DDL item, under which the target's journal keeps its parts. */
enum part { PART_DROP, PART_RUN, PART_CLEAR, PARTS };

/*
 * RENAME TABLE a TO x, b TO a, x TO b is three effects but two tables: states follow the net
 * effects, the target gets all steps of those that run.
 */
struct plan {
    const struct ddl *ddl;
    struct ddl_effect *net;
    enum fate_role *roles; /* of net */
    struct fate *fates;    /* of net */
    uint32_t n;
    uint32_t *chain; /* of each effect of the statement: its net effect */
    bool dropped;    /* PART_DROP is done */
};

static bool wanted(const struct apply *a, const struct table *t)
{
    return mapping_wants(a->config.mapping, t->db, t->name);
}

/* ---- the decision ---- */

/* Is the name one that the statement takes from another table? */
static bool is_before(const struct plan *p, const struct table *name)
{
    for (uint32_t i = 0; i < p->n; i++)
        if (p->net[i].before && table_same_name(p->net[i].before, name))
            return true;
    return false;
}

static bool is_after(const struct plan *p, const struct table *name)
{
    for (uint32_t i = 0; i < p->n; i++)
        if (p->roles[i] != ROLE_DROP && p->net[i].after && table_same_name(p->net[i].after, name))
            return true;
    return false;
}

static enum fate_role role_of(const struct apply *a, const struct ddl_effect *e)
{
    if (!e->before)
        return ROLE_CREATE;
    if (!e->after)
        return ROLE_DROP;
    if (table_same_name(e->before, e->after))
        return ROLE_STAY;
    return wanted(a, e->after) ? ROLE_MOVE : ROLE_DROP;
}

/* Views of a name that is given within the statement may show what had the name before it. */
static enum side side_after(struct apply *a, const struct plan *p, uint32_t i)
{
    const struct table *after = p->net[i].after;
    enum side side = after ? tables_side(&a->tables, after, a->tx.lsn) : SIDE_ABSENT;

    return side == SIDE_LOADS && p->roles[i] == ROLE_MOVE && is_before(p, after) ? SIDE_ABSENT
                                                                                 : side;
}

static bool has_effect(const struct fate *f)
{
    return f->act != FATE_NOTHING || f->before != LIFE_EVENTS || f->after != LIFE_EVENTS;
}

static bool concerns_us(struct apply *a, struct plan *p)
{
    bool any = false;

    if (p->ddl->kind == DDL_IGNORED)
        return false;
    for (uint32_t i = 0; i < p->n; i++)
        p->roles[i] = role_of(a, &p->net[i]);
    for (uint32_t i = 0; i < p->n; i++) {
        const struct ddl_effect *e = &p->net[i];
        enum side before = e->before ? tables_side(&a->tables, e->before, a->tx.lsn) : SIDE_ABSENT;

        if (p->roles[i] == ROLE_CREATE && !wanted(a, e->after))
            p->fates[i] = (struct fate){FATE_NOTHING, LIFE_EVENTS, LIFE_EVENTS};
        else
            p->fates[i] = fate_of(p->roles[i], before, side_after(a, p, i));
        any = any || has_effect(&p->fates[i]);
    }
    return any;
}

/* ---- states ---- */

static void leave(struct apply *a, const struct plan *p, uint32_t i)
{
    tables_move(&a->tables, p->net[i].before, LIFE_LEFT, a->tx.lsn, a->tx.lsn,
                p->net[i].after ? "renamed" : "");
}

static void arrive(struct apply *a, const struct plan *p, uint32_t i, enum life_event event)
{
    uint64_t lsn = p->roles[i] == ROLE_CREATE ? a->tx.lsn - 1 : a->tx.lsn;

    if (event == LIFE_REPLACED)
        tables_move(&a->tables, p->net[i].after, event, 0, 0,
                    "renamed from a table whose rows are not here");
    else if (event == LIFE_CHANGED)
        tables_move(&a->tables, p->net[i].after, event, 0, 0,
                    "its definition changed during the load");
    else
        tables_move(&a->tables, p->net[i].after, event, lsn, lsn, "");
}

/* A name that waits for its load was taken away and given again: it waits on. */
static bool was_given_again(struct apply *a, const struct plan *p, uint32_t i)
{
    const struct table_state *s;

    if (p->roles[i] != ROLE_MOVE || !is_before(p, p->net[i].after))
        return false;
    s = tables_get(&a->tables, p->net[i].after->db, p->net[i].after->name);
    return s && s->life == TABLE_DROPPED;
}

/* All names that go, then all that come: a name may do both. */
static void move_states(struct apply *a, const struct plan *p)
{
    for (uint32_t i = 0; i < p->n; i++)
        if (p->fates[i].before == LIFE_LEFT)
            leave(a, p, i);
    for (uint32_t i = 0; i < p->n; i++) {
        if (p->fates[i].after != LIFE_EVENTS)
            arrive(a, p, i, p->fates[i].after);
        else if (was_given_again(a, p, i))
            arrive(a, p, i, LIFE_REPLACED);
    }
}

/* ---- the target ---- */

/* The part of the statement that the target gets. */
static void put_part(struct apply *a, const struct plan *p, enum part which, struct ddl *part)
{
    if (which != PART_RUN || part->kind == DDL_DROP_DATABASE)
        part->kind = DDL_DROP_TABLE;
    for (uint32_t i = 0; which == PART_DROP && i < p->n; i++)
        if (p->fates[i].act == FATE_DROP && tables_made(&a->tables, p->net[i].before))
            part->effects[part->n_effects++] = (struct ddl_effect){p->net[i].before, NULL};
    for (uint32_t i = 0; which == PART_CLEAR && i < p->n; i++)
        if (p->fates[i].act == FATE_RUN && p->roles[i] == ROLE_MOVE &&
            !is_after(p, p->net[i].before))
            part->effects[part->n_effects++] = (struct ddl_effect){p->net[i].before, NULL};
    for (uint32_t i = 0; which == PART_RUN && i < p->ddl->n_effects; i++)
        if (p->fates[p->chain[i]].act == FATE_RUN)
            part->effects[part->n_effects++] = p->ddl->effects[i];
}

/* Does PART_RUN give the name again? Then the journal alone says whether the old one is there. */
static bool is_given_again(const struct plan *p, const struct table *name)
{
    for (uint32_t i = 0; i < p->n; i++)
        if (p->fates[i].act == FATE_RUN && p->net[i].after &&
            table_same_name(p->net[i].after, name))
            return true;
    return false;
}

static bool run_part(struct apply *a, const struct plan *p, enum part which, struct err *err)
{
    struct notes notes = {NULL, 0};
    struct ddl part = *p->ddl;
    struct ddl_unit unit = {.prev_lsn = a->lane.lsn,
                            .lsn = a->tx.lsn,
                            .ordinal = PARTS * a->tx_ddl + (uint32_t)which,
                            .gtid = a->tx.gtid,
                            .commit_us = a->tx.commit_us,
                            .ddl = &part};
    bool ok;

    part.effects = xcalloc(p->ddl->n_effects + 1, sizeof(*part.effects));
    part.n_effects = 0;
    put_part(a, p, which, &part);
    ok = part.n_effects == 0 || target_apply_ddl(a->target, &unit, &notes, err);
    /* The journal knows that they went, not that a load has made one anew since then. */
    for (uint32_t i = 0; ok && which != PART_RUN && i < part.n_effects; i++) {
        const struct table *gone = part.effects[i].before;

        ok = is_given_again(p, gone) || target_drop_table(a->target, gone->db, gone->name, err);
    }
    for (size_t i = 0; i < notes.n; i++)
        log_warn("apply", "lsn %llu: %s", (unsigned long long)a->tx.lsn, notes.lines[i]);
    notes_release(&notes);
    free(part.effects);
    return ok;
}

static bool make_databases(struct apply *a, const struct plan *p, struct err *err)
{
    for (uint32_t i = 0; i < p->n; i++) {
        const struct table *t = p->net[i].after;
        const char *charset = NULL;
        const char *collation = NULL;

        if (p->fates[i].act != FATE_RUN || !t ||
            (p->net[i].before && strcmp(p->net[i].before->db, t->db) == 0))
            continue;
        if (!catalog_database(queue_reader_catalog(a->reader), t->db, &charset, &collation)) {
            charset = t->charset;
            collation = t->collation;
        }
        if (!target_create_database(a->target, t->db, charset, collation, err))
            return false;
    }
    return true;
}

static bool run_effects(struct apply *a, struct plan *p, struct err *err)
{
    p->dropped = make_databases(a, p, err) && run_part(a, p, PART_DROP, err);
    return p->dropped && run_part(a, p, PART_RUN, err);
}

/* ---- when the target cannot follow ---- */

/* May the rest go on when a statement failed with this error? */
static bool is_tables_fault(const struct apply *a, const struct err *err)
{
    return !a->config.stop_all_on_stopped_table && err->kind != ERR_RETRY &&
           err->kind != ERR_REFUSED && strcmp(err->reason, "fenced") != 0;
}

static void fail_name(struct apply *a, const struct table *t, const struct err *why)
{
    /* What the target cannot compute itself can be loaded anew. */
    bool reload = strcmp(why->reason, "ddl_reload") == 0;

    log_error("apply", "table %s.%s %s: %s", t->db, t->name,
              reload ? "must be loaded anew" : "stops", why->text);
    tables_move(&a->tables, t, reload ? LIFE_REPLACED : LIFE_FAILED, a->tx.lsn, a->tx.lsn,
                why->text);
}

/* Names that went although the target did not follow; a name of a swap stays. */
static void fail_before(struct apply *a, const struct plan *p, uint32_t i, const struct err *why)
{
    const struct fate *f = &p->fates[i];

    if (f->act == FATE_RUN && p->roles[i] == ROLE_MOVE && !is_after(p, p->net[i].before))
        leave(a, p, i);
    else if (f->act == FATE_DROP && !p->dropped)
        fail_name(a, p->net[i].before, why);
    else if (f->act != FATE_RUN && f->before == LIFE_LEFT)
        leave(a, p, i);
}

static void fail_after(struct apply *a, const struct plan *p, uint32_t i, const struct err *why)
{
    const struct fate *f = &p->fates[i];

    if (f->act == FATE_RUN)
        fail_name(a, p->net[i].after, why);
    else if (f->after != LIFE_EVENTS)
        arrive(a, p, i, f->after);
    else if (was_given_again(a, p, i))
        arrive(a, p, i, LIFE_REPLACED);
}

/* Its tables stop, the others go on. What the source has no more goes here, too. */
static bool stop_tables(struct apply *a, const struct plan *p, const struct err *why,
                        struct err *err)
{
    for (uint32_t i = 0; i < p->n; i++)
        fail_before(a, p, i, why);
    for (uint32_t i = 0; i < p->n; i++)
        fail_after(a, p, i, why);
    if (!run_part(a, p, PART_CLEAR, err)) {
        if (!is_tables_fault(a, err))
            return false;
        log_error("apply", "lsn %llu: a table that was renamed stays on the target: %s",
                  (unsigned long long)a->tx.lsn, err->text);
    }
    return tables_save(&a->tables, a->target, err);
}

/* ---- the whole ---- */

static void plan_release(struct plan *p)
{
    free(p->net);
    free(p->roles);
    free(p->fates);
    free(p->chain);
}

static void plan_effects(struct plan *p, const struct ddl *ddl)
{
    memset(p, 0, sizeof(*p));
    p->ddl = ddl;
    p->net = xcalloc(ddl->n_effects + 1, sizeof(*p->net));
    p->roles = xcalloc(ddl->n_effects + 1, sizeof(*p->roles));
    p->fates = xcalloc(ddl->n_effects + 1, sizeof(*p->fates));
    p->chain = xcalloc(ddl->n_effects + 1, sizeof(*p->chain));
    for (uint32_t i = 0; i < ddl->n_effects; i++) {
        const struct ddl_effect *e = &ddl->effects[i];
        uint32_t c = p->n;

        for (uint32_t k = p->n; ddl->kind == DDL_RENAME_TABLE && e->before && k > 0; k--)
            if (p->net[k - 1].after && table_same_name(p->net[k - 1].after, e->before))
                c = k - 1;
        p->chain[i] = c;
        if (c == p->n)
            p->net[p->n++] = *e;
        else
            p->net[c].after = e->after;
    }
}

static bool run_plan(struct apply *a, struct plan *p, struct err *err)
{
    struct err why;

    if (a->tx_changes) {
        err_reason(err, ERR_DATA, "ddl_in_transaction",
                   "lsn %llu holds rows before a definition change", (unsigned long long)a->tx.lsn);
        return false;
    }
    if (!apply_flush(a, true, err))
        return false;
    pthread_mutex_lock(&a->mutex);
    a->stats.ddl++;
    pthread_mutex_unlock(&a->mutex);
    if (run_effects(a, p, err)) {
        move_states(a, p);
        return tables_save(&a->tables, a->target, err);
    }
    why = *err;
    return is_tables_fault(a, err) && stop_tables(a, p, &why, err);
}

bool apply_ddl(struct apply *a, const struct ddl *ddl, struct err *err)
{
    struct plan plan;
    bool ok;

    plan_effects(&plan, ddl);
    ok = !concerns_us(a, &plan) || run_plan(a, &plan, err);
    a->tx_ddl++;
    plan_release(&plan);
    return ok;
}
