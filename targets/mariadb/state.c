/*
 * state.c - the slots of targets/store/store.h as SQL: its tables, their rows, changes of them.
 */
#include <assert.h>
#include <stdlib.h>

#include "targets/mariadb/mariadb.h"

/* When our host dies inside a transaction nobody tells the server, and the next owner would wait
 * for the lane's row until the connection times out. */
#define IDLE_MAX_S 60

void maria_put_state(struct buf *b, const struct maria *t, const char *table)
{
    sql_put_table(b, t->base.config.state_schema, table);
}

/* ---- tables ---- */

static void put_type(struct buf *b, const struct state_column *c)
{
    static const char *const numbers[] = {
        [CELL_U8] = "TINYINT UNSIGNED",     [CELL_FLAG] = "TINYINT",
        [CELL_U32] = "INT UNSIGNED",        [CELL_U64] = "BIGINT UNSIGNED",
        [CELL_TOUCHED] = "BIGINT UNSIGNED",
    };

    switch (c->type) {
    case CELL_TEXT:
        buf_putf(b, "VARCHAR(%u)", c->size);
        break;
    case CELL_CHARS:
        buf_putf(b, "CHAR(%u)", c->size);
        break;
    case CELL_BYTES:
        buf_putf(b, "BINARY(%u)", c->size);
        break;
    case CELL_LONG_TEXT:
        buf_put_str(b, "LONGTEXT");
        return;
    default:
        buf_put_str(b, numbers[c->type]);
        break;
    }
    buf_put_str(b, c->since ? " NOT NULL DEFAULT ''" : " NOT NULL");
}

static void put_column(struct buf *b, const struct state_column *c)
{
    sql_put_name(b, c->name);
    buf_put_u8(b, ' ');
    put_type(b, c);
}

static void put_create(struct buf *b, const struct maria *t, const struct state_table *s)
{
    buf_put_str(b, ";CREATE TABLE IF NOT EXISTS ");
    maria_put_state(b, t, s->name);
    for (unsigned i = 0; i < s->n_columns; i++) {
        buf_put_str(b, i ? ", " : " (");
        put_column(b, &s->columns[i]);
    }
    buf_put_str(b, ", PRIMARY KEY (");
    for (unsigned i = 0; i < s->n_key; i++) {
        buf_put_str(b, i ? ", " : "");
        sql_put_name(b, s->columns[i].name);
    }
    buf_put_str(b, ")) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin");
}

static void put_younger(struct buf *b, const struct maria *t, const struct state_table *s,
                        unsigned version)
{
    bool any = false;

    for (unsigned i = 0; i < s->n_columns; i++) {
        if (s->columns[i].since <= version)
            continue;
        if (!any) {
            buf_put_str(b, ";ALTER TABLE ");
            maria_put_state(b, t, s->name);
        }
        buf_put_str(b, any ? ", ADD COLUMN IF NOT EXISTS " : " ADD COLUMN IF NOT EXISTS ");
        put_column(b, &s->columns[i]);
        any = true;
    }
}

bool mariadb_state_make(struct target *target, unsigned version, struct err *err)
{
    struct maria *t = maria_of(target);
    struct buf sql = BUF_INIT;
    bool ok;

    buf_put_str(&sql, "CREATE DATABASE IF NOT EXISTS ");
    sql_put_name(&sql, t->base.config.state_schema);
    buf_put_str(&sql, " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
    for (size_t i = 0; i < STATES; i++)
        put_create(&sql, t, &state_tables[i]);
    for (size_t i = 0; version && i < STATES; i++)
        put_younger(&sql, t, &state_tables[i], version);
    ok = maria_run(t, buf_bytes(&sql), "make the state schema", err);
    buf_release(&sql);
    return ok;
}

/* ---- rows ---- */

static void put_cell(struct buf *b, const struct value *v)
{
    switch (v->kind) {
    case VALUE_UINT:
        buf_putf(b, "%llu", (unsigned long long)v->u);
        break;
    case VALUE_TEXT:
        sql_put_string(b, v->b);
        break;
    case VALUE_BYTES:
        sql_put_hex(b, v->b);
        break;
    default:
        assert(v->kind == VALUE_NULL);
        buf_put_str(b, "NULL");
        break;
    }
}

/* " WHERE a=1 AND b='x'" of the first n columns that are asked for. */
static void put_where(struct buf *b, const struct state_table *s, const struct value *where,
                      unsigned n)
{
    const char *and = " WHERE ";

    for (unsigned i = 0; i < n; i++) {
        if (where[i].kind == VALUE_ABSENT)
            continue;
        buf_put_str(b, and);
        sql_put_name(b, s->columns[i].name);
        buf_put_u8(b, '=');
        put_cell(b, &where[i]);
        and = " AND ";
    }
}

struct state_rows {
    const struct state_table *table;
    unsigned version;
    state_row_fn *fn;
    void *ctx;
};

static struct value cell_of(const struct state_column *c, struct bytes b)
{
    struct value v = {.kind = VALUE_NULL};

    if (!b.data)
        return v;
    switch (c->type) {
    case CELL_TEXT:
    case CELL_CHARS:
    case CELL_LONG_TEXT:
        return (struct value){.kind = VALUE_TEXT, .b = b};
    case CELL_BYTES:
        return (struct value){.kind = VALUE_BYTES, .b = b};
    default:
        return (struct value){.kind = VALUE_UINT, .u = strtoull((const char *)b.data, NULL, 10)};
    }
}

static bool take_row(void *ctx, const struct bytes *columns, unsigned n, struct err *err)
{
    const struct state_rows *rows = ctx;
    struct value cells[STATE_COLUMNS_MAX];
    unsigned at = 0;

    for (unsigned i = 0; i < rows->table->n_columns; i++) {
        const struct state_column *c = &rows->table->columns[i];

        if (c->since > rows->version)
            cells[i] = (struct value){.kind = VALUE_ABSENT};
        else
            cells[i] = cell_of(c, columns[at++]);
    }
    assert(at == n);
    return rows->fn(rows->ctx, cells, err);
}

bool mariadb_state_read(struct target *target, enum state_id id, unsigned version,
                        const struct value *key, unsigned n_key, state_row_fn *fn, void *ctx,
                        struct err *err)
{
    struct maria *t = maria_of(target);
    const struct state_table *s = &state_tables[id];
    struct state_rows rows = {s, version, fn, ctx};
    struct buf sql = BUF_INIT;
    bool ok;

    for (unsigned i = 0; i < s->n_columns; i++) {
        if (s->columns[i].since > version)
            continue;
        buf_put_str(&sql, i ? "," : "SELECT ");
        sql_put_name(&sql, s->columns[i].name);
    }
    buf_put_str(&sql, " FROM ");
    maria_put_state(&sql, t, s->name);
    put_where(&sql, s, key, n_key);
    for (unsigned i = 0; i < s->n_key; i++) {
        buf_put_str(&sql, i ? "," : " ORDER BY ");
        sql_put_name(&sql, s->columns[i].name);
    }
    ok = maria_query(t, buf_bytes(&sql), "read the state on the target", take_row, &rows, err);
    buf_release(&sql);
    return ok;
}

/* ---- changes ---- */

static void put_row(struct buf *b, const struct state_change *c)
{
    for (unsigned i = 0; i < state_tables[c->id].n_columns; i++) {
        buf_put_u8(b, i ? ',' : '(');
        put_cell(b, &c->cells[i]);
    }
    buf_put_u8(b, ')');
}

static void put_insert(struct buf *b, const struct maria *t, const struct state_change *c)
{
    const struct state_table *s = &state_tables[c->id];

    buf_put_str(b, c->act == STATE_PUT ? "REPLACE INTO " : "INSERT IGNORE INTO ");
    maria_put_state(b, t, s->name);
    for (unsigned i = 0; i < s->n_columns; i++) {
        buf_put_str(b, i ? "," : " (");
        sql_put_name(b, s->columns[i].name);
    }
    buf_put_str(b, ") VALUES ");
    put_row(b, c);
}

static void put_update(struct buf *b, const struct maria *t, const struct state_change *c)
{
    const struct state_table *s = &state_tables[c->id];
    const char *comma = " SET ";

    buf_put_str(b, "UPDATE ");
    maria_put_state(b, t, s->name);
    for (unsigned i = 0; i < s->n_columns; i++) {
        bool touched = s->columns[i].type == CELL_TOUCHED;

        if (!touched && c->cells[i].kind == VALUE_ABSENT)
            continue;
        buf_put_str(b, comma);
        sql_put_name(b, s->columns[i].name);
        buf_put_u8(b, '=');
        if (touched) {
            sql_put_name(b, s->columns[i].name);
            buf_put_str(b, "+1");
        } else {
            put_cell(b, &c->cells[i]);
        }
        comma = ",";
    }
    put_where(b, s, c->where, s->n_columns);
}

static void put_change(struct buf *b, const struct maria *t, const struct state_change *c)
{
    const struct state_table *s = &state_tables[c->id];

    switch (c->act) {
    case STATE_PUT:
    case STATE_ADD:
        put_insert(b, t, c);
        break;
    case STATE_SET:
        put_update(b, t, c);
        break;
    case STATE_REMOVE:
        buf_put_str(b, "DELETE FROM ");
        maria_put_state(b, t, s->name);
        put_where(b, s, c->where, s->n_columns);
        break;
    }
}

void maria_put_condition(struct buf *b, const struct maria *t, const struct state_change *guard)
{
    const struct state_table *s = &state_tables[guard->id];

    maria_put_state(b, t, s->name);
    put_where(b, s, guard->where, s->n_columns);
}

bool maria_put_changes(struct maria *t, const struct state_change *changes, size_t n,
                       struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct state_change *c = &changes[i];
        struct expect e = {.rows = 1, .counted = c->act == STATE_SET, .change = c};

        buf_reset(&t->statement);
        put_change(&t->statement, t, c);
        for (; c->act == STATE_PUT && i + 1 < n && changes[i + 1].act == STATE_PUT &&
               changes[i + 1].id == c->id && t->statement.len < MARIA_STATEMENT_BYTES;
             i++) {
            buf_put_u8(&t->statement, ',');
            put_row(&t->statement, &changes[i + 1]);
        }
        if (!maria_put_statement(t, &e, err))
            return false;
    }
    return true;
}

bool maria_bound_idle(struct maria *t, struct err *err)
{
    struct expect e = {.counted = false};

    if (t->is_bounded)
        return true;
    t->is_bounded = true;
    buf_reset(&t->statement);
    buf_putf(&t->statement, "SET SESSION idle_write_transaction_timeout=%d", IDLE_MAX_S);
    return maria_put_statement(t, &e, err);
}

bool mariadb_state_change(struct target *target, const struct state_change *changes, size_t n,
                          struct err *err)
{
    struct maria *t = maria_of(target);
    bool ok = true;

    assert(!t->in_flight && !t->load.open && !t->in_transaction && n > 0);
    packet_reset(&t->packet);
    /* One statement is a transaction by itself. */
    if (n > 1)
        ok = maria_bound_idle(t, err) && maria_put_begin(t, err);
    ok = ok && maria_put_changes(t, changes, n, err) && maria_packet_send(t, err) &&
         maria_packet_drain(t, err) && (n == 1 || maria_commit(t, err));
    if (!ok)
        maria_fail(t);
    return ok;
}
