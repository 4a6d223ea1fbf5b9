/*
 * check_copy.c - what is there already: in what is it weaker than the source?
 */
#include "cdc/commands/findings.h"
#include "cdc/service/weaker.h"

struct views {
    const struct config *config;
    struct target *target;
    struct findings *findings;
};

static bool take_view(void *ctx, const char *text, const char *db, const char *name,
                      struct err *err)
{
    struct views *v = ctx;
    bool exists = false;

    (void)text;
    if (!mapping_wants(v->config->mapping, db, name))
        return true;
    if (!target_table_exists(v->target, db, name, &exists, err))
        return false;
    if (!exists)
        findings_add(v->findings, FINDING_NOTE, "copy", "run load again: it tries and says why",
                     "view %s.%s is not on the target", db, name);
    return true;
}

static bool check_weaker(struct target *t, const struct config *c, bool *has_copy,
                         struct findings *f, struct err *err)
{
    struct table_state *states = NULL;
    struct notes notes = {0};
    size_t n = 0;
    bool exists = false;
    bool ok = target_state_exists(t, &exists, err) &&
              (!exists || target_tables_read(t, c->channel, &states, &n, err)) &&
              weaker_list(t, states, n, &notes, err);

    for (size_t i = 0; i < n; i++)
        *has_copy = *has_copy || states[i].life == TABLE_STRICT;
    for (size_t i = 0; i < notes.n; i++)
        findings_add(f, FINDING_NOTE, "copy", NULL, "weaker on the target: %s", notes.lines[i]);
    notes_release(&notes);
    table_states_free(states, n);
    return ok;
}

void check_copy(struct target *t, struct source *s, const struct config *c, struct findings *f)
{
    struct views views = {c, t, f};
    struct err err = ERR_INIT;
    bool has_copy = false;

    if (!check_weaker(t, c, &has_copy, f, &err) ||
        (has_copy && s && !source_list_views(s, take_view, &views, &err)))
        findings_add(f, FINDING_WARN, "copy", "look at the server's error log", "%s", err.text);
}
