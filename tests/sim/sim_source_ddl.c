/*
 * sim_source_ddl.c - random changes of definitions, and what they make of the rows.
 *
 * A view that has read a table keeps DDL away from it: then another statement is tried, or none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_source_parts.h"

#define TABLES_MIN 2
#define TABLES_MAX 7
#define COLUMNS_MAX 9
#define TRIES_MAX 6

#define TEXT_TYPE "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"

static bool is_pinned(const struct sim_source *s)
{
    for (size_t i = 0; i < s->n_tables; i++)
        if (s->tables[i]->pins)
            return true;
    return false;
}

static size_t count_tables(const struct sim_source *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_tables; i++)
        n += s->tables[i]->died == SIM_NEVER;
    return n;
}

/* The mapping leaves it out by its name, so it keeps that. */
static bool is_excluded(const struct sim_source *s, const struct table *def)
{
    const char *name = s->shape.excluded;
    size_t n = strlen(def->db);

    return name && strncmp(name, def->db, n) == 0 && name[n] == '.' &&
           strcmp(name + n + 1, def->name) == 0;
}

/* ---- columns ---- */

/* Each row again with column `at` put in (value) or taken out (NULL). */
static void rebuild(struct sim_source *s, struct sim_table *t, uint32_t at,
                    const struct value *value)
{
    uint32_t n = sim_def(t)->n_columns; /* afterwards */
    size_t n_rows = t->n_rows;

    for (size_t i = 0; i < n_rows; i++) {
        const struct value *row = t->rows[i].values;
        struct value *values;

        if (!sim_lives(&t->rows[i]))
            continue;
        values = sim_values(s, n + 1, NULL);
        memcpy(values, row, at * sizeof(*row));
        if (value) {
            values[at] = *value;
            memcpy(values + at + 1, row + at, (n - at - 1) * sizeof(*row));
        } else {
            memcpy(values + at, row + at + 1, (n - at) * sizeof(*row));
        }
        sim_row_goes(s, t, i);
        sim_row_comes(s, t, values);
    }
    t->rebuilt = s->count + 1;
}

static bool add_column(struct sim_source *s, struct sim_table *t, struct buf *text)
{
    static const struct {
        const char *type;
        struct value value; /* of the rows that are there */
    } kinds[] = {
        {"INT", {.kind = VALUE_NULL}},
        {"INT NOT NULL DEFAULT 7", {.kind = VALUE_INT, .i = 7}},
        {"INT DEFAULT -5", {.kind = VALUE_INT, .i = -5}},
        {"BIGINT NOT NULL", {.kind = VALUE_INT, .i = 0}},
        {TEXT_TYPE " NOT NULL DEFAULT 'x'", {.kind = VALUE_TEXT, .b = {(const uint8_t *)"x", 1}}},
        {TEXT_TYPE, {.kind = VALUE_NULL}},
    };
    const struct table *def = sim_def(t);
    unsigned kind = sim_pick(s, sizeof(kinds) / sizeof(kinds[0]));
    unsigned place = sim_pick(s, 4);
    char name[16];

    if (def->n_columns >= COLUMNS_MAX)
        return false;
    snprintf(name, sizeof(name), "c%u", s->columns++);
    buf_putf(text, "ALTER TABLE %s.%s ADD COLUMN %s %s", def->db, def->name, name,
             kinds[kind].type);
    if (place == 0)
        buf_put_str(text, " FIRST");
    else if (place == 1)
        buf_putf(text, " AFTER %s", def->columns[sim_pick(s, def->n_columns)].name);
    sim_define_by(s, buf_cstr(text));
    rebuild(s, t, table_column(sim_def(t), name), &kinds[kind].value);
    return true;
}

static bool is_free(const struct table *def, uint32_t column)
{
    for (uint32_t k = 0; k < def->n_keys; k++)
        for (uint32_t p = 0; p < def->keys[k].n_parts; p++)
            if (table_column(def, def->keys[k].parts[p].column) == column)
                return false;
    return true;
}

/* A column that no key has a part in. */
static bool pick_column(struct sim_source *s, const struct table *def, uint32_t *column)
{
    uint32_t start = sim_pick(s, def->n_columns);

    for (uint32_t i = 0; i < def->n_columns; i++) {
        *column = (start + i) % def->n_columns;
        if (is_free(def, *column))
            return true;
    }
    return false;
}

static bool drop_column(struct sim_source *s, struct sim_table *t, struct buf *text)
{
    const struct table *def = sim_def(t);
    uint32_t column;

    if (def->n_columns < 3 || !pick_column(s, def, &column))
        return false;
    buf_putf(text, "ALTER TABLE %s.%s DROP COLUMN %s", def->db, def->name,
             def->columns[column].name);
    sim_define_by(s, buf_cstr(text));
    rebuild(s, t, column, NULL);
    return true;
}

static bool widen_column(struct sim_source *s, struct sim_table *t, struct buf *text)
{
    const struct table *def = sim_def(t);
    size_t n_rows = t->n_rows;
    uint32_t column;

    if (!pick_column(s, def, &column) || def->columns[column].type != COLUMN_INT)
        return false;
    buf_putf(text, "ALTER TABLE %s.%s MODIFY COLUMN %s BIGINT%s", def->db, def->name,
             def->columns[column].name, def->columns[column].nullable ? "" : " NOT NULL");
    sim_define_by(s, buf_cstr(text));
    for (size_t i = 0; i < n_rows; i++) {
        const struct value *values = t->rows[i].values;

        if (!sim_lives(&t->rows[i]))
            continue;
        sim_row_goes(s, t, i);
        sim_row_comes(s, t, values);
    }
    t->rebuilt = s->count + 1;
    return true;
}

/* Of metadata alone: views go on. */
static bool rename_column(struct sim_source *s, struct sim_table *t, struct buf *text)
{
    const struct table *def = sim_def(t);
    uint32_t column;

    if (!pick_column(s, def, &column))
        return false;
    buf_putf(text, "ALTER TABLE %s.%s RENAME COLUMN %s TO c%u", def->db, def->name,
             def->columns[column].name, s->columns++);
    sim_define_by(s, buf_cstr(text));
    return true;
}

static bool set_default(struct sim_source *s, struct sim_table *t, struct buf *text)
{
    const struct table *def = sim_def(t);
    uint32_t column;

    if (!pick_column(s, def, &column) || def->columns[column].type == COLUMN_VARCHAR)
        return false;
    buf_putf(text, "ALTER TABLE %s.%s ALTER COLUMN %s SET DEFAULT %u", def->db, def->name,
             def->columns[column].name, sim_pick(s, 9));
    sim_define_by(s, buf_cstr(text));
    return true;
}

/* ---- tables ---- */

static bool truncate(struct sim_source *s, struct sim_table *t, struct buf *text)
{
    const struct table *def = sim_def(t);
    size_t n_rows = t->n_rows;

    if (sim_is_parent(s, t))
        return false;
    buf_putf(text, "TRUNCATE TABLE %s.%s", def->db, def->name);
    sim_define_by(s, buf_cstr(text));
    for (size_t i = 0; i < n_rows; i++)
        if (sim_lives(&t->rows[i]))
            sim_row_goes(s, t, i);
    t->rebuilt = s->count + 1;
    return true;
}

static bool drop_table(struct sim_source *s, struct sim_table *t, struct buf *text)
{
    const struct table *def = sim_def(t);

    if (is_pinned(s) || sim_is_parent(s, t) || count_tables(s) <= TABLES_MIN)
        return false;
    buf_putf(text, "DROP TABLE %s.%s", def->db, def->name);
    sim_define_by(s, buf_cstr(text));
    return true;
}

static bool rename_table(struct sim_source *s, struct sim_table *t, struct buf *text)
{
    const struct table *def = sim_def(t);

    if (is_pinned(s) || is_excluded(s, def))
        return false;
    buf_putf(text, "RENAME TABLE %s.%s TO %s.t%u", def->db, def->name,
             sim_pick(s, 4) ? "shop" : "crm", s->names++);
    sim_define_by(s, buf_cstr(text));
    return true;
}

static bool swap_tables(struct sim_source *s, struct sim_table *t, struct buf *text)
{
    const struct table *a = sim_def(t), *b;
    struct sim_table *other = s->tables[sim_pick(s, (unsigned)s->n_tables)];

    b = sim_def(other);
    if (other == t || other->died != SIM_NEVER || is_pinned(s) || is_excluded(s, a) ||
        is_excluded(s, b))
        return false;
    buf_putf(text, "RENAME TABLE %s.%s TO %s.x, %s.%s TO %s.%s, %s.x TO %s.%s", a->db, a->name,
             a->db, b->db, b->name, a->db, a->name, a->db, b->db, b->name);
    sim_define_by(s, buf_cstr(text));
    return true;
}

/* Under a new name, or one that a table had before. */
static bool create_table(struct sim_source *s, struct sim_table *t, struct buf *text)
{
    const struct table *old = sim_def(s->tables[sim_pick(s, (unsigned)s->n_tables)]);
    const char *db = sim_pick(s, 4) ? "shop" : "crm";
    char name[NAME_CHARS_MAX + 1];

    (void)text;
    if (is_pinned(s) || count_tables(s) >= TABLES_MAX)
        return false;
    if (sim_find(s, s->count, old->db, old->name)) {
        snprintf(name, sizeof(name), "t%u", s->names++);
    } else {
        db = old->db;
        snprintf(name, sizeof(name), "%s", old->name);
    }
    sim_create_table(s, db, name, sim_def(t)->n_row_key && sim_pick(s, 2) ? sim_def(t) : NULL);
    return true;
}

typedef bool ddl_fn(struct sim_source *s, struct sim_table *t, struct buf *text);

bool sim_commit_ddl(struct sim_source *s)
{
    static ddl_fn *const kinds[] = {
        add_column, add_column,   drop_column, widen_column, rename_column, set_default,
        truncate,   rename_table, swap_tables, drop_table,   create_table,
    };
    struct buf text = BUF_INIT;
    bool done = false;

    s->n_steps = s->n_log = 0;
    for (int i = 0; i < TRIES_MAX && !done; i++) {
        struct sim_table *t = s->tables[sim_pick(s, (unsigned)s->n_tables)];
        char db[NAME_CHARS_MAX + 1];

        if (t->died != SIM_NEVER || t->pins)
            continue;
        snprintf(db, sizeof(db), "%s", sim_def(t)->db);
        done = kinds[sim_pick(s, sizeof(kinds) / sizeof(kinds[0]))](s, t, &text);
        if (done && text.len) /* sim_create_table() has logged its own */
            sim_binlog_ddl(s, db, buf_cstr(&text));
    }
    buf_release(&text);
    return done;
}
