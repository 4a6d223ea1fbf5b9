/*
 * sim_source_history.c - random transactions on small tables, so that keys meet often.
 *
 * A statement that the source would refuse leaves nothing behind; a transaction may be rolled
 * back as a whole, which the binlog tells only when its GTID is used up by it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_source_parts.h"

#define STATEMENTS_MAX 6
#define KEYS 12 /* of a single-column key; 4 * 4 of two columns */
#define TRIES_MAX 4
#define DDL_EVERY 10 /* transactions */

struct mark {
    size_t steps, log;
};

static struct mark begin(const struct sim_source *s)
{
    return (struct mark){s->n_steps, s->n_log};
}

static void drop(struct sim_source *s, struct mark m)
{
    sim_undo(s, m.steps);
    s->n_log = m.log;
}

/* The end of a statement; ok: the source took it. */
static bool end(struct sim_source *s, struct mark m, bool ok)
{
    if (!ok)
        drop(s, m);
    else if (s->n_log > m.log)
        s->log[s->n_log - 1].ends = true;
    return ok;
}

/* ---- values ---- */

static bool is_in_key(const struct table *def, uint32_t column)
{
    for (uint32_t i = 0; i < def->n_row_key; i++)
        if (def->row_key[i] == column)
            return true;
    return false;
}

static bool is_in_fk(const struct table *def, uint32_t column)
{
    for (uint32_t k = 0; k < def->n_fks; k++)
        for (uint32_t i = 0; i < def->fks[k].n_columns; i++)
            if (table_column(def, def->fks[k].columns[i]) == column)
                return true;
    return false;
}

static bool is_plain(const struct table *def, uint32_t column)
{
    return !is_in_key(def, column) && !is_in_fk(def, column);
}

static struct value random_text(struct sim_source *s)
{
    static const char *const parts[] = {"a", "Z", "0", " b", "'", "\\", "\xc3\xa9", "\xe6\x97\xa5"};
    unsigned n = sim_pick(s, 6);
    struct buf b = BUF_INIT;
    struct value v = {.kind = VALUE_TEXT};

    for (unsigned i = 0; i < n; i++)
        buf_put_str(&b, parts[sim_pick(s, sizeof(parts) / sizeof(parts[0]))]);
    v.b = arena_bytes(&s->arena, buf_bytes(&b));
    buf_release(&b);
    return v;
}

static struct value random_value(struct sim_source *s, const struct column *c)
{
    struct value v = {.kind = VALUE_INT};

    if (c->nullable && sim_pick(s, 5) == 0)
        return (struct value){.kind = VALUE_NULL};
    if (c->type == COLUMN_VARCHAR)
        return random_text(s);
    v.i = (int64_t)sim_pick(s, 9);
    if (sim_pick(s, 8) == 0)
        v.i = c->type == COLUMN_BIGINT ? INT64_MIN + v.i : INT32_MAX - v.i;
    return v;
}

static struct value random_key(struct sim_source *s, const struct table *def, uint32_t column)
{
    unsigned n = 1 + sim_pick(s, def->n_row_key > 1 ? 4 : KEYS);
    struct value v = {.kind = VALUE_INT, .i = (int64_t)n};

    if (def->columns[column].type == COLUMN_BIGINT && n % 4 == 3)
        v.i = (int64_t)n * INT64_C(-7000000001);
    return v;
}

static size_t count_live(const struct sim_table *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->n_rows; i++)
        n += sim_lives(&t->rows[i]);
    return n;
}

static bool pick_row(struct sim_source *s, const struct sim_table *t, size_t *row)
{
    size_t n = count_live(t), left;

    if (n == 0)
        return false;
    left = sim_pick(s, (unsigned)n);
    for (*row = 0; !sim_lives(&t->rows[*row]) || left-- > 0;)
        ++*row;
    return true;
}

/* Refer to some row of the parent, or to none. */
static void fill_fk(struct sim_source *s, const struct table *def, const struct foreign_key *fk,
                    struct value *values)
{
    const struct sim_table *up = sim_find(s, s->count, fk->ref_db, fk->ref_table);
    bool none = sim_pick(s, 6) == 0;
    size_t row;

    if (!up || !pick_row(s, up, &row))
        none = true;
    for (uint32_t i = 0; i < fk->n_columns; i++) {
        uint32_t c = table_column(def, fk->columns[i]);

        if (none && def->columns[c].nullable)
            values[c] = (struct value){.kind = VALUE_NULL};
        else if (none)
            values[c] = random_key(s, def, c);
        else
            values[c] = up->rows[row].values[table_column(sim_def(up), fk->ref_columns[i])];
    }
}

static struct value *random_row(struct sim_source *s, const struct table *def)
{
    struct value *values = sim_values(s, def->n_columns, NULL);

    for (uint32_t i = 0; i < def->n_columns; i++)
        values[i] = is_in_key(def, i) ? random_key(s, def, i) : random_value(s, &def->columns[i]);
    for (uint32_t k = 0; k < def->n_fks; k++)
        fill_fk(s, def, &def->fks[k], values);
    return values;
}

static bool is_same(const struct table *def, const struct value *a, const struct value *b)
{
    for (uint32_t i = 0; i < def->n_columns; i++)
        if (!value_equal(&a[i], &b[i]))
            return false;
    return true;
}

/* ---- statements ---- */

/* What equals the row before is not written, and not logged. */
static bool change(struct sim_source *s, struct sim_table *t, size_t row,
                   const struct value *values)
{
    struct mark m = begin(s);

    if (is_same(sim_def(t), t->rows[row].values, values))
        return false;
    return end(s, m, sim_update(s, t, row, values));
}

static bool insert(struct sim_source *s, struct sim_table *t)
{
    for (int i = 0; i < TRIES_MAX; i++) {
        struct mark m = begin(s);

        if (end(s, m, sim_insert(s, t, random_row(s, sim_def(t)))))
            return true;
    }
    return false;
}

static struct value *with_other_plain(struct sim_source *s, const struct table *def,
                                      const struct value *row)
{
    struct value *values = sim_values(s, def->n_columns, row);

    for (uint32_t i = 0; i < def->n_columns; i++)
        if (is_plain(def, i) && sim_pick(s, 2))
            values[i] = random_value(s, &def->columns[i]);
    return values;
}

static bool update(struct sim_source *s, struct sim_table *t)
{
    size_t row;

    return pick_row(s, t, &row) &&
           change(s, t, row, with_other_plain(s, sim_def(t), t->rows[row].values));
}

static struct value *with_other_key(struct sim_source *s, const struct table *def,
                                    const struct value *row)
{
    struct value *values = sim_values(s, def->n_columns, row);

    for (uint32_t i = 0; i < def->n_row_key; i++)
        if (i == 0 || sim_pick(s, 2))
            values[def->row_key[i]] = random_key(s, def, def->row_key[i]);
    return values;
}

static bool change_key(struct sim_source *s, struct sim_table *t)
{
    size_t row;

    return pick_row(s, t, &row) &&
           change(s, t, row, with_other_key(s, sim_def(t), t->rows[row].values));
}

static bool change_fk(struct sim_source *s, struct sim_table *t)
{
    const struct table *def = sim_def(t);
    struct value *values;
    size_t row;

    if (def->n_fks == 0 || !pick_row(s, t, &row))
        return false;
    values = sim_values(s, def->n_columns, t->rows[row].values);
    fill_fk(s, def, &def->fks[sim_pick(s, def->n_fks)], values);
    return change(s, t, row, values);
}

static bool erase(struct sim_source *s, struct sim_table *t)
{
    struct mark m = begin(s);
    size_t row;

    return pick_row(s, t, &row) && end(s, m, sim_delete(s, t, row));
}

/* The same key goes and comes, as two statements or as REPLACE. */
static bool renew(struct sim_source *s, struct sim_table *t)
{
    struct mark m = begin(s);
    const struct value *values;
    size_t row;

    if (!pick_row(s, t, &row))
        return false;
    values = with_other_plain(s, sim_def(t), t->rows[row].values);
    if (!sim_delete(s, t, row))
        return end(s, m, false);
    if (sim_pick(s, 2)) {
        end(s, m, true);
        m = begin(s);
    }
    return end(s, m, sim_insert(s, t, values));
}

static size_t row_of(const struct sim_table *t, const struct value *values)
{
    for (size_t i = t->n_rows; i-- > 0;)
        if (sim_lives(&t->rows[i]) && t->rows[i].values == values)
            return i;
    return SIZE_MAX; /* a cascade of its own change changed it */
}

static struct value *with_key_of(struct sim_source *s, const struct table *def,
                                 const struct value *row, const struct value *other)
{
    struct value *values = sim_values(s, def->n_columns, row);

    for (uint32_t i = 0; i < def->n_row_key; i++)
        values[def->row_key[i]] = other[def->row_key[i]];
    return values;
}

/* Two rows exchange their keys by way of a third one. */
static bool swap_keys(struct sim_source *s, struct sim_table *t)
{
    const struct table *def = sim_def(t);
    const struct value *a, *b, *away;
    size_t row, other;

    if (!pick_row(s, t, &row) || !pick_row(s, t, &other) || row == other)
        return false;
    a = t->rows[row].values;
    b = t->rows[other].values;
    away = with_other_key(s, def, a);
    if (!change(s, t, row, away))
        return false;
    other = row_of(t, b);
    if (other == SIZE_MAX || !change(s, t, other, with_key_of(s, def, b, a)))
        return true;
    row = row_of(t, away);
    return row == SIZE_MAX || change(s, t, row, with_key_of(s, def, away, b)) || true;
}

/* One statement on many rows. */
static bool update_many(struct sim_source *s, struct sim_table *t)
{
    struct mark m = begin(s);
    const struct table *def = sim_def(t);
    size_t n = t->n_rows;
    bool ok = true;

    for (size_t i = 0; ok && i < n; i++) {
        const struct value *values;

        if (!sim_lives(&t->rows[i]) || sim_pick(s, 3) == 0)
            continue;
        values = with_other_plain(s, def, t->rows[i].values);
        if (!is_same(def, t->rows[i].values, values))
            ok = sim_update(s, t, i, values);
    }
    return end(s, m, ok) && s->n_log > m.log;
}

static bool erase_many(struct sim_source *s, struct sim_table *t)
{
    struct mark m = begin(s);
    size_t n = t->n_rows;
    bool ok = true;

    for (size_t i = 0; ok && i < n; i++)
        if (sim_lives(&t->rows[i]) && sim_pick(s, 4) == 0)
            ok = sim_delete(s, t, i);
    return end(s, m, ok) && s->n_log > m.log;
}

/* UPDATE t SET id = id + 1 ORDER BY id DESC: each row takes the key of the one before. */
static bool shift_keys(struct sim_source *s, struct sim_table *t)
{
    const struct table *def = sim_def(t);
    struct mark m = begin(s);
    uint64_t limit = 1 + sim_pick(s, 3);
    bool ok = def->n_row_key == 1;

    for (int64_t below = INT32_MAX; ok && limit-- > 0;) {
        size_t row = SIZE_MAX;
        struct value *values;

        for (size_t i = 0; i < t->n_rows; i++) {
            int64_t key = t->rows[i].values[def->row_key[0]].i;

            if (sim_lives(&t->rows[i]) && key < below &&
                (row == SIZE_MAX || key > t->rows[row].values[def->row_key[0]].i))
                row = i;
        }
        if (row == SIZE_MAX)
            break;
        below = t->rows[row].values[def->row_key[0]].i;
        values = sim_values(s, def->n_columns, t->rows[row].values);
        values[def->row_key[0]].i++;
        ok = sim_update(s, t, row, values);
    }
    return end(s, m, ok) && s->n_log > m.log;
}

typedef bool statement_fn(struct sim_source *s, struct sim_table *t);

static bool statement(struct sim_source *s)
{
    static statement_fn *const kinds[] = {
        insert, insert, insert,    insert,    update,      change_key, erase,     update,     erase,
        renew,  renew,  swap_keys, swap_keys, update_many, shift_keys, change_fk, erase_many,
    };
    struct sim_table *t = s->tables[sim_pick(s, (unsigned)s->n_tables)];

    return t->died == SIM_NEVER && kinds[sim_pick(s, sizeof(kinds) / sizeof(kinds[0]))](s, t);
}

/* ---- transactions ---- */

void sim_commit_rows(struct sim_source *s)
{
    for (;;) {
        unsigned left = 1 + sim_pick(s, STATEMENTS_MAX);
        bool logged;

        s->n_steps = s->n_log = 0;
        s->no_checks = sim_pick(s, 16) == 0;
        for (unsigned i = 0; left > 0 && i < 2 * STATEMENTS_MAX; i++)
            left -= statement(s);
        if (sim_pick(s, 24) == 0) { /* nobody hears of it */
            sim_undo(s, 0);
            continue;
        }
        logged = s->n_log > 0 && sim_pick(s, 40) == 0;
        if (logged)
            sim_undo(s, 0);
        sim_binlog_rows(s, logged);
        return;
    }
}

void sim_source_commit(struct sim_source *s)
{
    if (!s->shape.ddl || sim_pick(s, DDL_EVERY) > 0 || !sim_commit_ddl(s))
        sim_commit_rows(s);
    if (sim_pick(s, 24) == 0)
        sim_binlog_rotate(s, false);
}
