/*
 * write.c - units: operations as SQL, counted, in the transaction of the lane's progress row.
 */
#include <assert.h>
#include <strings.h>

#include "schema/base/xalloc.h"
#include "targets/mariadb/ddl.h"
#include "targets/mariadb/mariadb.h"

const char maria_lenient[] =
    "SET STATEMENT sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION' "
    "FOR ";

void maria_know(struct maria *t, const struct table *table)
{
    struct written *w = &t->written;

    if (w->table == table)
        return;
    w->table = table;
    w->columns = xrealloc(w->columns, table->n_columns + 1);
    for (uint32_t i = 0; i < table->n_columns; i++)
        w->columns[i] = mariadb_column_is_written(table, &table->columns[i]);
}

void maria_forget(struct maria *t)
{
    t->written.table = NULL;
}

void maria_put_insert(struct maria *t, struct buf *b)
{
    const struct table *table = t->written.table;
    const char *comma = "";

    buf_put_str(b, "INSERT INTO ");
    sql_put_table(b, table->db, table->name);
    buf_put_str(b, " (");
    for (uint32_t i = 0; i < table->n_columns; i++) {
        if (!t->written.columns[i])
            continue;
        buf_put_str(b, comma);
        sql_put_name(b, table->columns[i].name);
        comma = ",";
    }
    buf_put_str(b, ") VALUES ");
}

bool maria_put_row(struct maria *t, struct buf *b, const struct value *row, unsigned *zero_enums)
{
    const struct table *table = t->written.table;
    const char *comma = "(";

    *zero_enums = 0;
    for (uint32_t i = 0; i < table->n_columns; i++) {
        const struct column *c = &table->columns[i];

        if (!t->written.columns[i])
            continue;
        if (row[i].kind == VALUE_ABSENT)
            return false;
        if (c->type == COLUMN_ENUM && row[i].kind == VALUE_UINT && row[i].u == 0)
            (*zero_enums)++;
        buf_put_str(b, comma);
        sql_put_value(b, c, &row[i], SQL_MARIADB);
        comma = ",";
    }
    buf_put_str(b, *comma == '(' ? "()" : ")");
    return true;
}

static void put_upsert_tail(struct maria *target, struct buf *b)
{
    const struct table *t = target->written.table;
    const char *comma = " ON DUPLICATE KEY UPDATE ";

    for (uint32_t i = 0; i < t->n_columns; i++) {
        bool in_key = false;

        for (uint32_t k = 0; k < t->n_row_key; k++)
            in_key = in_key || t->row_key[k] == i;
        if (in_key || !target->written.columns[i])
            continue;
        buf_put_str(b, comma);
        sql_put_name(b, t->columns[i].name);
        buf_put_str(b, "=VALUES(");
        sql_put_name(b, t->columns[i].name);
        buf_put_u8(b, ')');
        comma = ",";
    }
}

static void absent_error(struct maria *t, const struct table *table, struct err *err)
{
    t->failed = table;
    err_reason(err, ERR_DATA, "value_refused", "a row image of table %s.%s at lsn %llu is not full",
               table->db, table->name, (unsigned long long)t->unit.lsn);
}

/* Statement of `n` rows beginning at `first`, in t->statement, is complete. */
static bool end_rows(struct maria *t, const struct op *op, size_t first, size_t n,
                     unsigned warnings, struct err *err)
{
    bool is_update = op->kind == OP_UPDATE;
    struct expect e = {
        .table = op->table,
        .row = n == 1 ? op->rows[first] : NULL,
        .kind = op->kind,
        .rows = is_update ? 2 * (uint64_t)n : n,
        .warnings = warnings,
        .counted = true,
    };

    if (is_update)
        put_upsert_tail(t, &t->statement);
    return maria_put_statement(t, &e, err);
}

/* INSERT and UPDATE: rows in batches; a row with an ENUM error value goes alone. */
static bool put_written_rows(struct maria *t, const struct op *op, size_t rows_max, struct err *err)
{
    size_t first = 0;
    size_t n = 0;

    buf_reset(&t->statement);
    for (size_t i = 0; i < op->n_rows; i++) {
        unsigned zero_enums;

        buf_reset(&t->row);
        if (!maria_put_row(t, &t->row, op->rows[i], &zero_enums)) {
            absent_error(t, op->table, err);
            return false;
        }
        if (n && (n == rows_max || zero_enums ||
                  t->statement.len + t->row.len > MARIA_STATEMENT_BYTES)) {
            if (!end_rows(t, op, first, n, 0, err))
                return false;
            n = 0;
        }
        if (n == 0) {
            first = i;
            buf_put_str(&t->statement, zero_enums ? maria_lenient : "");
            maria_put_insert(t, &t->statement);
        }
        buf_put_str(&t->statement, n ? "," : "");
        buf_put_bytes(&t->statement, buf_bytes(&t->row));
        buf_reset_to(&t->row, MARIA_KEEP_BYTES);
        n++;
        if (zero_enums) {
            if (!end_rows(t, op, first, n, zero_enums, err))
                return false;
            n = 0;
        }
    }
    return n == 0 || end_rows(t, op, first, n, 0, err);
}

static size_t key_bytes(const struct table *t, const struct value *row)
{
    size_t n = 0;

    for (uint32_t i = 0; i < t->n_row_key; i++) {
        const struct value *v = &row[t->row_key[i]];

        n += strlen(t->columns[t->row_key[i]].name) + 48;
        if (v->kind >= VALUE_DECIMAL && v->kind <= VALUE_JSON)
            n += 2 * v->b.len;
    }
    return n;
}

/* DELETE and HEAL: by row key, in batches. */
static bool put_deleted_rows(struct maria *t, const struct op *op, size_t rows_max, struct err *err)
{
    for (size_t i = 0; i < op->n_rows;) {
        size_t bytes = 0;
        size_t n = 0;
        struct expect e = {.table = op->table, .kind = op->kind, .row = NULL};

        while (i + n < op->n_rows && n < rows_max && (n == 0 || bytes < MARIA_STATEMENT_BYTES))
            bytes += key_bytes(op->table, op->rows[i + n++]);
        buf_reset(&t->statement);
        buf_put_str(&t->statement, "DELETE FROM ");
        sql_put_table(&t->statement, op->table->db, op->table->name);
        sql_put_where(&t->statement, op->table,
                      &(struct selection){.keys = op->rows + i, .n_keys = n}, SQL_MARIADB);
        e.rows = n;
        e.row = n == 1 ? op->rows[i] : NULL;
        e.counted = op->kind == OP_DELETE;
        if (!maria_put_statement(t, &e, err))
            return false;
        i += n;
    }
    return true;
}

/* Is the column compared by its bytes, not by a collation? */
static bool compares_bytes(const struct column *c, const struct value *v)
{
    return v->kind == VALUE_TEXT || v->kind == VALUE_JSON || c->type == COLUMN_GEOMETRY;
}

static void put_image_test(struct buf *b, const struct column *c, const struct value *v)
{
    static const struct column blob = {.type = COLUMN_BLOB};
    struct value bytes = {.kind = VALUE_BYTES, .b = v->b};

    if (!compares_bytes(c, v)) {
        sql_put_name(b, c->name);
        buf_put_str(b, " <=> ");
        sql_put_value(b, c, v, SQL_MARIADB);
        return;
    }
    buf_put_str(b, "CAST(");
    sql_put_name(b, c->name);
    buf_put_str(b, " AS BINARY) <=> ");
    if (v->kind == VALUE_NULL)
        bytes.kind = VALUE_NULL;
    sql_put_value(b, &blob, &bytes, SQL_MARIADB);
}

static bool put_deleted_images(struct maria *t, const struct op *op, struct err *err)
{
    for (size_t i = 0; i < op->n_rows; i++) {
        struct expect e = {.table = op->table,
                           .row = op->rows[i],
                           .kind = op->kind,
                           .rows = op->times[i],
                           .counted = true};
        const char *and = " WHERE ";

        buf_reset(&t->statement);
        buf_put_str(&t->statement, "DELETE FROM ");
        sql_put_table(&t->statement, op->table->db, op->table->name);
        for (uint32_t c = 0; c < op->table->n_columns; c++) {
            if (!t->written.columns[c])
                continue;
            if (op->rows[i][c].kind == VALUE_ABSENT) {
                absent_error(t, op->table, err);
                return false;
            }
            buf_put_str(&t->statement, and);
            put_image_test(&t->statement, &op->table->columns[c], &op->rows[i][c]);
            and = " AND ";
        }
        buf_putf(&t->statement, " LIMIT %u", op->times[i]);
        if (!maria_put_statement(t, &e, err))
            return false;
    }
    return true;
}

/* The child's columns equal the parent's old key; false: a part is NULL, nothing matches. */
static bool put_fk_match(struct buf *b, const struct op *op, const struct value *parent)
{
    for (uint32_t i = 0; i < op->fk->n_columns; i++) {
        uint32_t ref = table_column(op->parent, op->fk->ref_columns[i]);

        assert(ref != UINT32_MAX);
        if (parent[ref].kind == VALUE_NULL || parent[ref].kind == VALUE_ABSENT)
            return false;
        buf_put_str(b, i ? " AND " : "(");
        sql_put_name(b, op->fk->columns[i]);
        buf_put_str(b, " = ");
        sql_put_value(b, &op->parent->columns[ref], &parent[ref], SQL_MARIADB);
    }
    buf_put_u8(b, ')');
    return true;
}

static bool is_fk_column(const struct foreign_key *fk, const char *name)
{
    for (uint32_t i = 0; i < fk->n_columns; i++)
        if (strcasecmp(fk->columns[i], name) == 0)
            return true;
    return false;
}

static void put_cascade_set(struct buf *b, const struct op *op, const struct value *after)
{
    buf_put_str(b, "UPDATE ");
    sql_put_table(b, op->table->db, op->table->name);
    for (uint32_t i = 0; i < op->fk->n_columns; i++) {
        uint32_t ref = table_column(op->parent, op->fk->ref_columns[i]);

        buf_put_str(b, i ? "," : " SET ");
        sql_put_name(b, op->fk->columns[i]);
        buf_put_str(b, "=");
        if (after)
            sql_put_value(b, &op->parent->columns[ref], &after[ref], SQL_MARIADB);
        else
            buf_put_str(b, "NULL");
    }
    /* The source's engine cascades below the layer that keeps ON UPDATE CURRENT_TIMESTAMP. */
    for (uint32_t i = 0; i < op->table->n_columns; i++) {
        const struct column *c = &op->table->columns[i];

        if (!c->on_update_now || is_fk_column(op->fk, c->name))
            continue;
        buf_put_u8(b, ',');
        sql_put_name(b, c->name);
        buf_put_u8(b, '=');
        sql_put_name(b, c->name);
    }
}

static bool put_cascade(struct maria *t, const struct op *op, struct err *err)
{
    struct expect e = {.table = op->table, .kind = op->kind, .counted = false};

    for (size_t i = 0; i < op->n_rows; i++) {
        buf_reset(&t->row);
        if (!put_fk_match(&t->row, op, op->rows[i]))
            continue;
        buf_reset(&t->statement);
        if (op->kind == OP_CASCADE_DELETE) {
            buf_put_str(&t->statement, "DELETE FROM ");
            sql_put_table(&t->statement, op->table->db, op->table->name);
        } else {
            put_cascade_set(&t->statement, op,
                            op->kind == OP_CASCADE_UPDATE ? op->parent_after[i] : NULL);
        }
        buf_put_str(&t->statement, " WHERE ");
        buf_put_bytes(&t->statement, buf_bytes(&t->row));
        if (!maria_put_statement(t, &e, err))
            return false;
    }
    return true;
}

static bool put_op(struct maria *t, const struct op *op, size_t rows_max, struct err *err)
{
    maria_know(t, op->table);
    switch (op->kind) {
    case OP_DELETE:
    case OP_HEAL:
        return put_deleted_rows(t, op, rows_max, err);
    case OP_UPDATE:
    case OP_INSERT:
        return put_written_rows(t, op, rows_max, err);
    case OP_DELETE_IMAGE:
        return put_deleted_images(t, op, err);
    case OP_CASCADE_DELETE:
    case OP_CASCADE_SET_NULL:
    case OP_CASCADE_UPDATE:
        return put_cascade(t, op, err);
    }
    return true;
}

bool maria_put_begin(struct maria *t, struct err *err)
{
    struct expect e = {.counted = false};

    buf_reset(&t->statement);
    buf_put_str(&t->statement, "START TRANSACTION");
    t->in_transaction = true;
    return maria_put_statement(t, &e, err);
}

/* Everything of the unit into packets; all but the last are sent and checked on the way. */
static bool put_unit(struct maria *t, const struct unit *unit, const struct state_change *lane,
                     struct err *err)
{
    size_t rows_max = unit->one_by_one ? 1 : MARIA_STATEMENT_ROWS;

    if (unit->begins && (!maria_bound_idle(t, err) || !maria_put_begin(t, err) ||
                         !maria_put_changes(t, lane, 1, err)))
        return false;
    for (size_t i = 0; i < unit->n_ops; i++)
        if (!put_op(t, &unit->ops[i], rows_max, err))
            return false;
    return unit->begins || !lane || maria_put_changes(t, lane, 1, err);
}

void maria_fail(struct maria *t)
{
    t->is_bounded = false;
    packet_reset(&t->packet);
    buf_reset(&t->statement);
    t->in_flight = false;
    maria_rollback(t);
}

bool mariadb_submit(struct target *target, const struct unit *unit, const struct state_change *lane,
                    struct err *err)
{
    struct maria *t = maria_of(target);
    assert(!t->in_flight && !t->load.open);
    assert(unit->begins != t->in_transaction);
    packet_reset(&t->packet);
    maria_forget(t);
    t->failed = NULL;
    t->unit = *unit;
    t->unit.ops = NULL;
    if (!put_unit(t, unit, lane, err) || (t->packet.n_expects && !maria_packet_send(t, err))) {
        maria_fail(t);
        return false;
    }
    t->in_flight = true;
    return true;
}

bool mariadb_reap(struct target *target, uint64_t *lsn, struct err *err)
{
    struct maria *t = maria_of(target);
    assert(t->in_flight);
    if (!maria_packet_drain(t, err)) {
        maria_fail(t);
        return false;
    }
    t->in_flight = false;
    if (t->unit.ends && !maria_commit(t, err)) {
        maria_fail(t);
        return false;
    }
    *lsn = t->unit.lsn;
    return true;
}

void mariadb_rollback(struct target *target)
{
    struct maria *t = maria_of(target);
    if (t->in_transaction)
        maria_fail(t);
}

const struct table *mariadb_failed_table(const struct target *target)
{
    return ((const struct maria *)target)->failed;
}
