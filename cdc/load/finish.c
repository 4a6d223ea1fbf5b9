#include <assert.h>
#include <stdlib.h>

#include "cdc/load/work.h"
#include "schema/base/xalloc.h"

static bool has_line(const struct notes *notes, const char *line)
{
    for (size_t i = 0; i < notes->n; i++) {
        if (strcmp(notes->lines[i], line) == 0)
            return true;
    }
    return false;
}

void load_notes_merge(struct load *l, struct notes *notes)
{
    pool_lock(&l->pool);
    for (size_t i = 0; i < notes->n; i++) {
        /* A table that starts over says the same again. */
        if (!has_line(&l->result->notes, notes->lines[i]))
            notes_add(&l->result->notes, "%s", notes->lines[i]);
    }
    pool_unlock(&l->pool);
    notes_release(notes);
    *notes = (struct notes){0};
}

/* ---- secondary keys ---- */

bool load_make_strict(struct load *l, struct load_table *t, struct target *target, struct err *err)
{
    struct notes notes = {0};
    bool ok = target_add_keys(target, t->table, &notes, err);

    load_notes_merge(l, &notes);
    if (ok && !load_move(l, target, t, LIFE_HEALED, "", err))
        return false;
    if (ok) {
        load_note_loaded(l, t);
        return true;
    }
    if (err->kind != ERR_DATA && err->kind != ERR_SERVER)
        return false;
    struct err why = *err;
    if (!load_move(l, target, t, LIFE_REFUSED, why.text, err))
        return false;
    load_refuse(l, t, why.text);
    return true;
}

static struct load_table *next_table(struct load *l)
{
    struct load_table *found = NULL;

    pool_lock(&l->pool);
    for (size_t i = 0; i < l->n_tables && !found && !pool_has_failed(&l->pool); i++) {
        struct load_table *t = &l->tables[i];

        if (t->step == STEP_COPIED && !t->is_busy) {
            t->is_busy = true;
            l->at_table = t->name;
            found = t;
        }
    }
    pool_unlock(&l->pool);
    return found;
}

static bool add_keys(struct load *l, struct target *target, struct err *err)
{
    struct load_table *t;

    while ((t = next_table(l)) != NULL) {
        if (load_must_stop(err))
            return false;
        if (!load_make_strict(l, t, target, err))
            return false;
        pool_report(&l->pool);
    }
    return true;
}

static bool keys_work(void *ctx, uint32_t worker, struct err *err)
{
    struct load *l = ctx;
    struct target *target = NULL;
    bool ok;

    (void)worker;
    ok = load_enter(l, &target, err) && add_keys(l, target, err);
    target_close(target);
    return ok;
}

/* DDL or a cascade in the window sent tables back to WAIT: they are the next round's. */
static bool drop_sent_back(struct load *l, struct err *err)
{
    struct table_state *states = NULL;
    size_t n = 0;

    if (!target_tables_read(l->target, l->config->channel, &states, &n, err))
        return false;
    for (size_t i = 0; i < l->n_tables; i++) {
        struct load_table *t = &l->tables[i];
        const struct table_state *state = NULL;

        if (t->step != STEP_COPIED)
            continue;
        for (size_t k = 0; k < n && !state; k++) {
            if (strcmp(states[k].db, t->db) == 0 && strcmp(states[k].name, t->name) == 0)
                state = &states[k];
        }
        if (!state || state->life != TABLE_COLLAPSE)
            t->step = STEP_AGAIN;
    }
    table_states_free(states, n);
    return true;
}

static size_t count_copied(const struct load *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n_tables; i++)
        n += l->tables[i].step == STEP_COPIED;
    return n;
}

bool load_add_keys(struct load *l, struct err *err)
{
    const struct pool_job job = {keys_work, load_report_ctx, l};
    uint32_t n;
    bool ok;

    if (!drop_sent_back(l, err))
        return false;
    l->phase = "keys";
    n = load_workers(l, count_copied(l));
    ok = n == 0 || pool_run(&l->pool, n, &job, err);
    for (size_t i = 0; i < l->n_tables; i++)
        l->tables[i].is_busy = false;
    return ok && load_reload_lane(l, err);
}

/* ---- foreign keys ---- */

bool load_add_foreign_keys(struct load *l, struct err *err)
{
    l->phase = "foreign keys";
    for (size_t i = 0; i < l->n_tables; i++) {
        struct load_table *t = &l->tables[i];

        if ((t->step != STEP_PRESENT && t->step != STEP_LOADED) || !t->table->n_fks)
            continue;
        if (load_must_stop(err))
            return false;
        l->at_table = t->name;
        load_report(l, false);
        if (target_add_foreign_keys(l->target, t->table, err))
            continue;
        if (err->kind != ERR_DATA && err->kind != ERR_SERVER)
            return false;
        struct notes notes = {0};
        notes_add(&notes, "foreign keys of %s.%s are missing: %s", t->db, t->name, err->text);
        load_notes_merge(l, &notes);
    }
    return true;
}

/* ---- views ---- */

struct view {
    char *db, *name, *text;
    bool is_done;
};

struct views {
    const struct load *load;
    struct view *views;
    size_t n, cap;
};

static bool take_view(void *ctx, const char *text, const char *db, const char *name,
                      struct err *err)
{
    struct views *v = ctx;
    const struct load_config *c = v->load->config;

    (void)err;
    if (!mapping_wants(c->mapping, db, name))
        return true;
    if (v->n == v->cap) {
        v->cap = v->cap ? v->cap * 2 : 16;
        v->views = xrealloc(v->views, v->cap * sizeof(*v->views));
    }
    v->views[v->n++] =
        (struct view){.db = xstrdup(db), .name = xstrdup(name), .text = xstrdup(text)};
    return true;
}

static bool create_view(struct load *l, struct view *v, struct notes *notes, bool *progress,
                        struct err *err)
{
    size_t before = notes->n;
    bool exists;

    if (load_must_stop(err) || !target_table_exists(l->target, v->db, v->name, &exists, err))
        return false;
    if (!exists && !target_create_view(l->target, v->db, v->name, v->text, notes, err))
        return false;
    v->is_done = exists || notes->n == before;
    *progress |= v->is_done;
    return true;
}

bool load_add_views(struct load *l, struct err *err)
{
    bool ok = false, progress = true;
    struct views v = {.load = l};
    struct notes notes = {0};

    l->phase = "views";
    load_report(l, false);
    if (!source_list_views(l->source, take_view, &v, err))
        goto done;
    /* A view may need another one: passes until nothing new works. */
    while (progress) {
        progress = false;
        notes_release(&notes);
        notes = (struct notes){0};
        for (size_t i = 0; i < v.n; i++) {
            if (!v.views[i].is_done && !create_view(l, &v.views[i], &notes, &progress, err))
                goto done;
        }
    }
    ok = true;
done:
    load_notes_merge(l, &notes);
    for (size_t i = 0; i < v.n; i++) {
        free(v.views[i].db);
        free(v.views[i].name);
        free(v.views[i].text);
    }
    free(v.views);
    return ok;
}

/* ---- what waits for the cutover ---- */

static bool take_waiting(void *ctx, const char *what, const char *db, const char *name,
                         struct err *err)
{
    struct load *l = ctx;
    bool has_table = false;

    (void)err;
    for (size_t i = 0; i < l->n_tables && !has_table; i++)
        has_table = strcmp(l->tables[i].db, db) == 0;
    if (has_table)
        notes_add(&l->result->waiting, "%s %s.%s", what, db, name);
    return true;
}

bool load_list_waiting(struct load *l, struct err *err)
{
    notes_release(&l->result->waiting);
    l->result->waiting = (struct notes){0};
    return source_list_programs(l->source, take_waiting, l, err);
}
