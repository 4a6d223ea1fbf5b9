/*
 * read.c - values of the target, exact, in the terms of the source's definition.
 *
 * Results come in the column's own character set (character_set_results is NULL), which is the
 * source's; floats come as the bits inside a POINT, because text would round them; ENUM, SET,
 * BIT and YEAR come as numbers.
 */
#include <assert.h>
#include <stdlib.h>

#include "schema/base/xalloc.h"
#include "targets/mariadb/ddl.h"
#include "targets/mariadb/mariadb.h"

bool mariadb_query(struct target *target, const char *sql, target_row_fn *row, void *ctx,
                   struct err *err)
{
    struct maria *t = maria_of(target);
    return maria_query(t, bytes_str(sql), "query the target", row, ctx, err);
}

bool mariadb_view_open(struct target *target, struct err *err)
{
    struct maria *t = maria_of(target);
    return maria_run_str(t,
                         "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;"
                         "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
                         "open a view on the target", err);
}

bool mariadb_view_close(struct target *target, struct err *err)
{
    struct maria *t = maria_of(target);
    return maria_run_str(t, "ROLLBACK", "close the view on the target", err);
}

static bool is_float(const struct column *c)
{
    return c->type == COLUMN_FLOAT || c->type == COLUMN_DOUBLE;
}

static bool is_number_in_disguise(const struct column *c)
{
    return c->type == COLUMN_ENUM || c->type == COLUMN_SET || c->type == COLUMN_BIT ||
           c->type == COLUMN_YEAR;
}

static void put_column(struct buf *b, const struct column *c)
{
    bool zerofill = c->type == COLUMN_DECIMAL && c->zerofill;

    if (is_float(c))
        buf_put_str(b, "HEX(POINT(");
    else if (is_number_in_disguise(c))
        buf_put_str(b, "CAST(");
    sql_put_name(b, c->name);
    if (is_float(c))
        buf_put_str(b, ",0))");
    else if (is_number_in_disguise(c))
        buf_put_str(b, " AS UNSIGNED)");
    else if (zerofill)
        buf_put_str(b, "+0");
}

static void put_select(struct buf *b, const struct table *t, const bool *written, const char *where,
                       bool order, uint64_t limit)
{
    const char *comma = "SELECT ";

    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (!written[i])
            continue;
        buf_put_str(b, comma);
        put_column(b, &t->columns[i]);
        comma = ",";
    }
    buf_put_str(b, *comma == ',' ? " FROM " : "SELECT 1 FROM ");
    sql_put_table(b, t->db, t->name);
    if (where && where[0])
        buf_putf(b, " WHERE %s", where);
    for (uint32_t i = 0; order && i < t->n_row_key; i++) {
        buf_put_str(b, i ? "," : " ORDER BY ");
        sql_put_name(b, t->columns[t->row_key[i]].name);
    }
    if (limit)
        buf_putf(b, " LIMIT %llu", (unsigned long long)limit);
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* HEX(POINT(x,0)): SRID, byte order, type (9 bytes), then x as little-endian double. */
static bool read_point(struct bytes b, double *out)
{
    uint64_t bits = 0;

    if (b.len != 50)
        return false;
    for (int i = 7; i >= 0; i--) {
        int high = hex_digit(b.data[18 + 2 * i]);
        int low = hex_digit(b.data[19 + 2 * i]);

        if (high < 0 || low < 0)
            return false;
        bits = bits << 8 | (uint64_t)(high << 4 | low);
    }
    memcpy(out, &bits, sizeof(*out));
    return true;
}

static bool read_float(const struct column *c, struct bytes b, struct value *v)
{
    double d;

    if (!read_point(b, &d))
        return false;
    if (c->type == COLUMN_FLOAT) {
        v->kind = VALUE_FLOAT;
        v->f = (float)d;
    } else {
        v->kind = VALUE_DOUBLE;
        v->d = d;
    }
    return true;
}

static bool read_integer(struct bytes b, bool is_unsigned, struct value *v)
{
    char *end;

    if (is_unsigned) {
        v->kind = VALUE_UINT;
        v->u = strtoull((const char *)b.data, &end, 10);
    } else {
        v->kind = VALUE_INT;
        v->i = strtoll((const char *)b.data, &end, 10);
    }
    return b.len > 0 && end == (const char *)b.data + b.len;
}

static bool read_value(const struct column *c, struct bytes b, struct value *v)
{
    v->kind = VALUE_NULL;
    v->b = b;
    if (!b.data)
        return true;
    switch (c->type) {
    case COLUMN_TINYINT:
    case COLUMN_SMALLINT:
    case COLUMN_MEDIUMINT:
    case COLUMN_INT:
    case COLUMN_BIGINT:
        return read_integer(b, c->is_unsigned, v);
    case COLUMN_BIT:
    case COLUMN_YEAR:
    case COLUMN_ENUM:
    case COLUMN_SET:
        return read_integer(b, true, v);
    case COLUMN_FLOAT:
    case COLUMN_DOUBLE:
        return read_float(c, b, v);
    case COLUMN_DECIMAL:
        v->kind = VALUE_DECIMAL;
        return true;
    case COLUMN_DATE:
    case COLUMN_TIME:
    case COLUMN_DATETIME:
    case COLUMN_TIMESTAMP:
        v->kind = VALUE_TEMPORAL;
        return true;
    case COLUMN_JSON:
        v->kind = VALUE_JSON;
        return true;
    case COLUMN_BINARY:
    case COLUMN_VARBINARY:
    case COLUMN_TINYBLOB:
    case COLUMN_BLOB:
    case COLUMN_MEDIUMBLOB:
    case COLUMN_LONGBLOB:
    case COLUMN_GEOMETRY:
    case COLUMN_VECTOR:
        v->kind = VALUE_BYTES;
        return true;
    case COLUMN_CHAR:
    case COLUMN_VARCHAR:
    case COLUMN_TINYTEXT:
    case COLUMN_TEXT:
    case COLUMN_MEDIUMTEXT:
    case COLUMN_LONGTEXT:
        v->kind = VALUE_TEXT;
        return true;
    }
    return false;
}

struct row_reader {
    const struct table *table;
    bool *written;
    struct value *row;
    target_value_fn *fn;
    void *ctx;
};

static bool read_row(void *ctx, const struct bytes *columns, unsigned n, struct err *err)
{
    struct row_reader *r = ctx;
    unsigned at = 0;

    for (uint32_t i = 0; i < r->table->n_columns; i++) {
        const struct column *c = &r->table->columns[i];

        r->row[i].kind = VALUE_ABSENT;
        if (!r->written[i])
            continue;
        assert(at < n);
        if (!read_value(c, columns[at++], &r->row[i])) {
            err_set(err, ERR_DATA, "column %s of table %s.%s on the target is not what it was made",
                    c->name, r->table->db, r->table->name);
            return false;
        }
    }
    return r->fn(r->ctx, r->row, err);
}

bool mariadb_read_rows(struct target *target, const struct table *table, const char *where,
                       bool order, uint64_t limit, target_value_fn *row, void *ctx, struct err *err)
{
    struct maria *t = maria_of(target);
    struct buf sql = BUF_INIT;
    struct row_reader r = {.table = table, .fn = row, .ctx = ctx};
    bool ok;

    r.row = xcalloc(table->n_columns + 1, sizeof(*r.row));
    r.written = xcalloc(table->n_columns + 1, sizeof(*r.written));
    for (uint32_t i = 0; i < table->n_columns; i++)
        r.written[i] = mariadb_column_is_written(table, &table->columns[i]);
    put_select(&sql, table, r.written, where, order, limit);
    ok = maria_query(t, buf_bytes(&sql), "read rows of the target", read_row, &r, err);
    if (!ok)
        err_context(err, "table %s.%s", table->db, table->name);
    free(r.row);
    free(r.written);
    buf_release(&sql);
    return ok;
}
