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
#include <assert.h>
#include <stdlib.h>

#include "cdc/apply/engine.h"
#include "schema/base/log.h"
#include "schema/base/xalloc.h"

enum fate {
    FATE_NOTHING,
    FATE_RUN,   /* the target's table follows */
    FATE_DROP,  /* the target's table goes: dropped, or renamed to a name that is not copied */
    FATE_GONE,  /* like FATE_DROP: renamed to a name that was loaded after the rename */
    FATE_LEAVE, /* like FATE_DROP, but the target never had it from us */
    FATE_WAIT,  /* was being loaded: to be loaded anew */
    FATE_ADOPT, /* a name that is copied now, of a table that is not: to be loaded */
};

/*
 * RENAME TABLE a TO x, b TO a, x TO b is three effects but two tables: states follow the net
 * effects, the target gets all steps of those that run.
 */
struct plan {
    const struct ddl *ddl;
    struct ddl_effect *net;
    enum fate *fates; /* of net */
    uint32_t n;
    uint32_t *chain; /* of each effect of the statement: its net effect */
};

static bool wanted(const struct apply *a, const struct table *t)
{
    return mapping_wants(a->config.mapping, t->db, t->name);
}

static bool same_name(const struct table *a, const struct table *b)
{
    return strcmp(a->db, b->db) == 0 && strcmp(a->name, b->name) == 0;
}

static enum table_life life_of(struct apply *a, const struct table *t)
{
    const struct table_state *s = tables_get(&a->tables, t->db, t->name);

    return s ? s->life : TABLE_DROPPED;
}

static enum fate fate_of_create(struct apply *a, const struct table *after)
{
    const struct table_state *s = tables_get(&a->tables, after->db, after->name);

    if (!wanted(a, after))
        return FATE_NOTHING;
    /* A loader has it in hand: this statement is older than what it will read. */
    if (s && (s->life == TABLE_WAIT || s->life == TABLE_LOAD || s->life == TABLE_COLLAPSE))
        return FATE_NOTHING;
    return FATE_RUN;
}

/* Does a loader have the table in hand? What it reads is newer than this statement. */
static bool is_in_hand(struct apply *a, const struct table *t)
{
    enum table_life life = life_of(a, t);

    return life == TABLE_WAIT || life == TABLE_LOAD || life == TABLE_COLLAPSE;
}

static enum fate fate_of(struct apply *a, const struct ddl_effect *e)
{
    const struct table *seen = e->after ? e->after : e->before;
    bool stays = e->before && e->after && same_name(e->before, e->after);

    if (tables_has(&a->tables, seen->db, seen->name, a->tx.lsn) ||
        (e->before && e->after && !stays && is_in_hand(a, e->after))) {
        bool moves = e->before && e->after && !stays;

        return moves && !tables_has(&a->tables, e->before->db, e->before->name, a->tx.lsn) &&
                       life_of(a, e->before) != TABLE_DROPPED
                   ? FATE_GONE
                   : FATE_NOTHING;
    }
    if (!e->before)
        return fate_of_create(a, e->after);
    switch (life_of(a, e->before)) {
    case TABLE_STRICT:
        return !e->after || (!stays && !wanted(a, e->after)) ? FATE_DROP : FATE_RUN;
    case TABLE_LOAD:
    case TABLE_COLLAPSE:
        return stays ? FATE_WAIT : FATE_DROP;
    case TABLE_STOPPED:
        return stays ? FATE_NOTHING : FATE_DROP;
    case TABLE_WAIT:
        if (stays)
            return FATE_NOTHING;
        return tables_get(&a->tables, e->before->db, e->before->name)->definition ? FATE_DROP
                                                                                  : FATE_LEAVE;
    case TABLE_DROPPED:
        break;
    }
    return e->after && !stays && wanted(a, e->after) ? FATE_ADOPT : FATE_NOTHING;
}

static void set_state(struct apply *a, const struct table *t, enum table_life life, uint64_t lo,
                      uint64_t hi, const char *reason)
{
    tables_set(&a->tables, t, life, lo, hi, reason);
}

static void set_effect(struct apply *a, const struct ddl_effect *e, enum fate fate)
{
    uint64_t lsn = a->tx.lsn;
    bool moves = e->before && e->after && !same_name(e->before, e->after);

    switch (fate) {
    case FATE_NOTHING:
        return;
    case FATE_RUN:
        if (!e->before)
            set_state(a, e->after, TABLE_STRICT, lsn - 1, lsn - 1, "");
        else
            set_state(a, e->after, TABLE_STRICT, lsn, lsn, "");
        return;
    case FATE_DROP:
    case FATE_LEAVE:
        if (moves && wanted(a, e->after))
            set_state(a, e->after, TABLE_WAIT, 0, 0, "renamed before it was loaded");
        set_state(a, e->before, TABLE_DROPPED, lsn, lsn, "");
        return;
    case FATE_GONE:
        set_state(a, e->before, TABLE_DROPPED, lsn, lsn, "renamed");
        return;
    case FATE_WAIT:
        set_state(a, e->before, TABLE_WAIT, 0, 0, "its definition changed during the load");
        return;
    case FATE_ADOPT:
        set_state(a, e->after, TABLE_WAIT, 0, 0, "renamed to a name that is copied");
        return;
    }
}

/* A name that an effect left and none took over. */
static bool leaves_name(const struct plan *p, uint32_t i)
{
    const struct ddl_effect *e = &p->net[i];

    if (p->fates[i] != FATE_RUN || !e->before || !e->after || same_name(e->before, e->after))
        return false;
    for (uint32_t k = 0; k < p->n; k++)
        if (p->fates[k] == FATE_RUN && p->net[k].after && same_name(p->net[k].after, e->before))
            return false;
    return true;
}

static bool save_states(struct apply *a, const struct plan *p, struct err *err)
{
    for (uint32_t i = 0; i < p->n; i++)
        set_effect(a, &p->net[i], p->fates[i]);
    for (uint32_t i = 0; i < p->n; i++)
        if (leaves_name(p, i))
            set_state(a, p->net[i].before, TABLE_DROPPED, a->tx.lsn, a->tx.lsn, "renamed");
    return tables_save(&a->tables, a->target, a->channel, err);
}

/* The part of the statement that the target gets for one fate. */
static void put_part(const struct plan *p, enum fate fate, struct ddl *part)
{
    if (fate == FATE_DROP || part->kind == DDL_DROP_DATABASE)
        part->kind = DDL_DROP_TABLE;
    if (fate == FATE_DROP) {
        for (uint32_t i = 0; i < p->n; i++)
            if (p->fates[i] == FATE_DROP || p->fates[i] == FATE_GONE)
                part->effects[part->n_effects++] = (struct ddl_effect){p->net[i].before, NULL};
        return;
    }
    for (uint32_t i = 0; i < p->ddl->n_effects; i++)
        if (p->fates[p->chain[i]] == fate)
            part->effects[part->n_effects++] = p->ddl->effects[i];
}

/* Run the effects of one fate on the target, under an ordinal of their own. */
static bool run_on_target(struct apply *a, const struct plan *p, enum fate fate, uint32_t ordinal,
                          struct err *err)
{
    struct notes notes = {NULL, 0};
    struct ddl part = *p->ddl;
    struct ddl_unit unit = {.prev_lsn = a->lane.lsn,
                            .lsn = a->tx.lsn,
                            .ordinal = ordinal,
                            .gtid = a->tx.gtid,
                            .commit_us = a->tx.commit_us,
                            .ddl = &part};
    bool ok;

    part.effects = xcalloc(p->ddl->n_effects + 1, sizeof(*part.effects));
    part.n_effects = 0;
    put_part(p, fate, &part);
    ok = part.n_effects == 0 || target_apply_ddl(a->target, &unit, &notes, err);
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

        if (p->fates[i] != FATE_RUN || !t ||
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

/* The target cannot follow: its tables stop, the others go on. */
static bool stop_tables(struct apply *a, const struct plan *p, const struct err *why,
                        struct err *err)
{
    /* What MariaDB cannot compute itself can be loaded anew. */
    enum table_life life = strcmp(why->reason, "ddl_reload") == 0 ? TABLE_WAIT : TABLE_STOPPED;

    for (uint32_t i = 0; i < p->n; i++) {
        const struct ddl_effect *e = &p->net[i];

        if (p->fates[i] != FATE_RUN && p->fates[i] != FATE_DROP)
            continue;
        log_error("apply", "table %s.%s %s: %s", (e->after ? e->after : e->before)->db,
                  (e->after ? e->after : e->before)->name,
                  life == TABLE_WAIT ? "must be loaded anew" : "stops", why->text);
        set_state(a, e->after ? e->after : e->before, life, a->tx.lsn, a->tx.lsn, why->text);
        if (e->before && e->after && !same_name(e->before, e->after))
            set_state(a, e->before, TABLE_DROPPED, a->tx.lsn, a->tx.lsn, "renamed");
    }
    return tables_save(&a->tables, a->target, a->channel, err);
}

static bool run_effects(struct apply *a, const struct plan *p, struct err *err)
{
    uint32_t ordinal = 2 * a->tx_ddl;

    return make_databases(a, p, err) && run_on_target(a, p, FATE_DROP, ordinal, err) &&
           run_on_target(a, p, FATE_RUN, ordinal + 1, err);
}

static void plan_release(struct plan *p)
{
    free(p->net);
    free(p->fates);
    free(p->chain);
}

static void plan_effects(struct plan *p, const struct ddl *ddl)
{
    memset(p, 0, sizeof(*p));
    p->ddl = ddl;
    p->net = xcalloc(ddl->n_effects + 1, sizeof(*p->net));
    p->fates = xcalloc(ddl->n_effects + 1, sizeof(*p->fates));
    p->chain = xcalloc(ddl->n_effects + 1, sizeof(*p->chain));
    for (uint32_t i = 0; i < ddl->n_effects; i++) {
        const struct ddl_effect *e = &ddl->effects[i];
        uint32_t c = p->n;

        for (uint32_t k = p->n; ddl->kind == DDL_RENAME_TABLE && e->before && k > 0; k--)
            if (p->net[k - 1].after && same_name(p->net[k - 1].after, e->before))
                c = k - 1;
        p->chain[i] = c;
        if (c == p->n)
            p->net[p->n++] = *e;
        else
            p->net[c].after = e->after;
    }
}

static bool concerns_us(struct apply *a, struct plan *p)
{
    bool any = false;

    if (p->ddl->kind == DDL_IGNORED)
        return false;
    for (uint32_t i = 0; i < p->n; i++) {
        p->fates[i] = fate_of(a, &p->net[i]);
        any = any || p->fates[i] != FATE_NOTHING;
    }
    return any;
}

/* May the rest go on when a statement failed with this error? */
static bool is_tables_fault(const struct apply *a, const struct err *err)
{
    return !a->config.stop_all_on_stopped_table && err->kind != ERR_RETRY &&
           err->kind != ERR_REFUSED && strcmp(err->reason, "fenced") != 0;
}

static bool run_plan(struct apply *a, const struct plan *p, struct err *err)
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
    if (run_effects(a, p, err))
        return save_states(a, p, err);
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
