#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/xalloc.h"
#include "tests/sim/sim_source_parts.h"

void sim_model_release(struct sim_source *s)
{
    for (size_t i = 0; i < s->n_tables; i++) {
        free(s->tables[i]->definitions);
        free(s->tables[i]->rows);
        free(s->tables[i]);
    }
    free(s->tables);
    free(s->steps);
    free(s->log);
    catalog_free(s->catalog);
    arena_release(&s->arena);
    arena_release(&s->scratch);
}

struct sim_table *sim_table_new(struct sim_source *s, const struct table *def)
{
    struct sim_table *t = xcalloc(1, sizeof(*t));

    t->died = SIM_NEVER;
    t->rebuilt = s->count + 1;
    sim_define(s, t, def);
    s->tables = xrealloc(s->tables, (s->n_tables + 1) * sizeof(*s->tables));
    s->tables[s->n_tables++] = t;
    return t;
}

void sim_define(struct sim_source *s, struct sim_table *t, const struct table *def)
{
    t->definitions = xrealloc(t->definitions, (t->n_definitions + 1) * sizeof(*t->definitions));
    t->definitions[t->n_definitions++] = (struct sim_definition){s->count + 1, def};
    t->map_id = 100 + s->map_ids++;
}

const struct table *sim_def(const struct sim_table *t)
{
    return t->definitions[t->n_definitions - 1].def;
}

const struct table *sim_def_at(const struct sim_table *t, uint64_t n)
{
    if (n >= t->died)
        return NULL;
    for (size_t i = t->n_definitions; i-- > 0;)
        if (t->definitions[i].from <= n)
            return t->definitions[i].def;
    return NULL;
}

struct sim_table *sim_find(const struct sim_source *s, uint64_t n, const char *db, const char *name)
{
    for (size_t i = 0; i < s->n_tables; i++) {
        const struct table *def = sim_def_at(s->tables[i], n);

        if (def && strcmp(def->db, db) == 0 && strcmp(def->name, name) == 0)
            return s->tables[i];
    }
    return NULL;
}

static void note_step(struct sim_source *s, struct sim_table *t, size_t row, bool came)
{
    if (s->n_steps == s->cap_steps) {
        s->cap_steps = s->cap_steps ? 2 * s->cap_steps : 32;
        s->steps = xrealloc(s->steps, s->cap_steps * sizeof(*s->steps));
    }
    s->steps[s->n_steps++] = (struct sim_step){t, row, came};
}

void sim_row_comes(struct sim_source *s, struct sim_table *t, const struct value *values)
{
    if (t->n_rows == t->cap_rows) {
        t->cap_rows = t->cap_rows ? 2 * t->cap_rows : 32;
        t->rows = xrealloc(t->rows, t->cap_rows * sizeof(*t->rows));
    }
    note_step(s, t, t->n_rows, true);
    t->rows[t->n_rows++] = (struct sim_row){s->count + 1, SIM_NEVER, values};
}

void sim_row_goes(struct sim_source *s, struct sim_table *t, size_t row)
{
    assert(sim_lives(&t->rows[row]));
    note_step(s, t, row, false);
    t->rows[row].died = s->count + 1;
}

void sim_undo(struct sim_source *s, size_t n_steps)
{
    while (s->n_steps > n_steps) {
        const struct sim_step *step = &s->steps[--s->n_steps];

        if (!step->came) {
            step->table->rows[step->row].died = SIM_NEVER;
        } else {
            assert(step->row == step->table->n_rows - 1);
            step->table->n_rows--;
        }
    }
}

struct value *sim_values(struct sim_source *s, uint32_t n, const struct value *from)
{
    struct value *values = arena_alloc(&s->arena, n * sizeof(*values));

    if (from)
        memcpy(values, from, n * sizeof(*values));
    return values;
}
