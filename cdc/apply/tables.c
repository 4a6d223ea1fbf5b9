#include <stdio.h>
#include <stdlib.h>

#include "cdc/apply/engine.h"
#include "schema/base/log.h"
#include "schema/base/xalloc.h"
#include "schema/ddl/ddl.h"

void tables_init(struct tables *t)
{
    memset(t, 0, sizeof(*t));
    t->key = BUF_INIT;
}

static void forget_all(struct tables *t)
{
    struct map_entry *e;

    for (size_t i = 0; (e = map_next(&t->by_name, &i)) != NULL;)
        table_states_free(e->value, 1);
    map_reset(&t->by_name);
    t->n_changed = 0;
    t->settled = 0;
    t->changes++;
}

void tables_release(struct tables *t)
{
    forget_all(t);
    map_release(&t->by_name);
    buf_release(&t->key);
    free(t->changed);
}

struct table_state *tables_get(struct tables *t, const char *db, const char *name)
{
    return map_get(&t->by_name, table_name_key(&t->key, db, name));
}

static struct table_state *tables_make(struct tables *t, const char *db, const char *name)
{
    void **slot = map_slot(&t->by_name, table_name_key(&t->key, db, name));
    struct table_state *s;

    if (*slot)
        return *slot;
    *slot = s = xcalloc(1, sizeof(*s));
    snprintf(s->db, sizeof(s->db), "%s", db);
    snprintf(s->name, sizeof(s->name), "%s", name);
    return s;
}

static void note_bounds(struct tables *t, const struct table_state *s)
{
    t->settled = s->lo > t->settled ? s->lo : t->settled;
    t->settled = s->hi > t->settled ? s->hi : t->settled;
}

bool tables_read(struct tables *t, struct target *target, const char *channel, struct err *err)
{
    struct table_state *states;
    size_t n;

    if (!target_tables_read(target, channel, &states, &n, err))
        return false;
    forget_all(t);
    for (size_t i = 0; i < n; i++) {
        *tables_make(t, states[i].db, states[i].name) = states[i];
        note_bounds(t, &states[i]);
        states[i].definition = NULL; /* moved */
    }
    table_states_free(states, n);
    return true;
}

enum tables_mode tables_mode(struct tables *t, const struct table *table, uint64_t lsn)
{
    const struct table_state *s = tables_get(t, table->db, table->name);

    if (!s)
        return TABLES_SKIP;
    if (s->life == TABLE_STRICT)
        return lsn > s->hi ? TABLES_STRICT : TABLES_SKIP;
    if (s->life != TABLE_COLLAPSE || lsn <= s->lo)
        return TABLES_SKIP;
    /* Without a key the load was one exact piece: there is no window to heal. */
    return table->n_row_key ? TABLES_HEAL : TABLES_STRICT;
}

enum side tables_side(struct tables *t, const struct table *table, uint64_t lsn)
{
    const struct table_state *s = tables_get(t, table->db, table->name);

    switch (s ? s->life : TABLE_UNKNOWN) {
    case TABLE_STRICT:
        return lsn <= s->hi ? SIDE_HAS : SIDE_EXACT;
    case TABLE_STOPPED:
        return lsn <= s->hi ? SIDE_HAS : SIDE_STOPPED;
    case TABLE_DROPPED:
        return lsn <= s->hi ? SIDE_HAS : SIDE_ABSENT;
    case TABLE_LOAD:
    case TABLE_COLLAPSE:
        return lsn <= s->lo ? SIDE_HAS : SIDE_LOADS;
    case TABLE_WAIT:
        return SIDE_WAITS;
    default:
        return SIDE_ABSENT;
    }
}

bool tables_made(struct tables *t, const struct table *table)
{
    const struct table_state *s = tables_get(t, table->db, table->name);

    return s && s->definition && s->definition[0];
}

bool tables_is_former(struct tables *t, const struct table *table)
{
    const struct table_state *s = tables_get(t, table->db, table->name);
    struct table *made = NULL;
    struct err ignored = ERR_INIT;
    bool former = s && s->life == TABLE_COLLAPSE && s->definition &&
                  ddl_parse_table(s->definition, s->db, &made, &ignored) &&
                  !ddl_same_table(made, table);

    table_free(made);
    return former;
}

static void take_definition(struct table_state *s, const struct table *table)
{
    struct buf text = BUF_INIT;

    ddl_print_table(table, &text);
    free(s->definition);
    s->definition = xstrdup(buf_cstr(&text));
    buf_release(&text);
}

/* What happens outside the transition table is stopped here: this table, not the process. */
static void step(struct table_state *s, enum life_event event)
{
    enum table_life was = s->life;

    if (life_next(&s->life, event))
        return;
    s->life = TABLE_STOPPED;
    snprintf(s->reason, sizeof(s->reason), "it was %s when it was %s: this cannot be",
             life_name(was), life_event_name(event));
    log_error("apply", "table %s.%s stops: %s", s->db, s->name, s->reason);
}

void tables_move(struct tables *t, const struct table *table, enum life_event event, uint64_t lo,
                 uint64_t hi, const char *reason)
{
    struct table_state *s = tables_make(t, table->db, table->name);

    s->lo = lo;
    s->hi = hi;
    snprintf(s->reason, sizeof(s->reason), "%s", reason);
    step(s, event);
    t->changes++;
    note_bounds(t, s);
    if (s->life == TABLE_STRICT)
        take_definition(s, table);
    if (s->life == TABLE_DROPPED) {
        free(s->definition);
        s->definition = NULL;
    }
    if (t->n_changed == t->cap_changed) {
        t->cap_changed = t->cap_changed ? 2 * t->cap_changed : 16;
        t->changed = xrealloc(t->changed, t->cap_changed * sizeof(*t->changed));
    }
    t->changed[t->n_changed++] = s;
}

bool tables_save(struct tables *t, struct target *target, struct err *err)
{
    size_t n = t->n_changed;

    t->n_changed = 0;
    return target_tables_save(target, t->changed, n, err);
}
