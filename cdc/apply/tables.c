#include <stdio.h>
#include <stdlib.h>

#include "cdc/apply/engine.h"
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

static struct bytes name_key(struct tables *t, const char *db, const char *name)
{
    buf_reset(&t->key);
    buf_put(&t->key, db, strlen(db) + 1);
    buf_put_str(&t->key, name);
    return buf_bytes(&t->key);
}

struct table_state *tables_get(struct tables *t, const char *db, const char *name)
{
    return map_get(&t->by_name, name_key(t, db, name));
}

static struct table_state *tables_make(struct tables *t, const char *db, const char *name)
{
    void **slot = map_slot(&t->by_name, name_key(t, db, name));
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

bool tables_has(struct tables *t, const char *db, const char *name, uint64_t lsn)
{
    const struct table_state *s = tables_get(t, db, name);

    if (!s)
        return false;
    if (s->life == TABLE_STRICT || s->life == TABLE_DROPPED)
        return lsn <= s->hi;
    return (s->life == TABLE_LOAD || s->life == TABLE_COLLAPSE) && lsn <= s->lo;
}

void tables_set(struct tables *t, const struct table *table, enum table_life life, uint64_t lo,
                uint64_t hi, const char *reason)
{
    struct table_state *s = tables_make(t, table->db, table->name);

    s->life = life;
    s->lo = lo;
    s->hi = hi;
    t->changes++;
    note_bounds(t, s);
    snprintf(s->reason, sizeof(s->reason), "%s", reason);
    if (life == TABLE_STRICT) {
        struct buf text = BUF_INIT;

        ddl_print_table(table, &text);
        free(s->definition);
        s->definition = xstrdup(buf_cstr(&text));
        buf_release(&text);
    }
    if (t->n_changed == t->cap_changed) {
        t->cap_changed = t->cap_changed ? 2 * t->cap_changed : 16;
        t->changed = xrealloc(t->changed, t->cap_changed * sizeof(*t->changed));
    }
    t->changed[t->n_changed++] = s;
}

bool tables_save(struct tables *t, struct target *target, const char *channel, struct err *err)
{
    size_t n = t->n_changed;

    t->n_changed = 0;
    return target_tables_save(target, channel, t->changed, n, err);
}
