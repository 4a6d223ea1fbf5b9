/*
 * select.c - rows of a table by SELECT, to the same values as its binlog gives.
 *
 * Text protocol, results in the columns' own character sets. Where the text of a column is
 * not exact the list asks for something that is: FLOAT, and any float with decimals, as
 * CAST(c AS DOUBLE); ENUM, SET and BIT as numbers.
 */
#include <errno.h>
#include <mysql.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cdc/source/link.h"
#include "schema/base/xalloc.h"
#include "targets/sqltext.h"

#define NUMBER_TEXT_MAX 400 /* a double with all its digits before the point */
#define DRAIN_ROWS_MAX 10000

static bool selects_number(const struct column *c)
{
    return c->type == COLUMN_ENUM || c->type == COLUMN_SET || c->type == COLUMN_BIT;
}

static bool is_float(const struct column *c)
{
    return c->type == COLUMN_FLOAT || c->type == COLUMN_DOUBLE;
}

static void put_column(struct buf *b, const struct column *c)
{
    if (selects_number(c)) {
        buf_put_str(b, "CAST(");
        sql_put_name(b, c->name);
        buf_put_str(b, " AS UNSIGNED)");
    } else if (is_float(c)) {
        buf_put_str(b, "CAST(");
        sql_put_name(b, c->name);
        buf_put_str(b, " AS DOUBLE)");
    } else {
        sql_put_name(b, c->name);
    }
}

static void put_select(struct buf *b, const struct table *t, const char *where, bool order,
                       uint64_t limit)
{
    buf_put_str(b, "SELECT ");
    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (i > 0)
            buf_put_str(b, ", ");
        put_column(b, &t->columns[i]);
    }
    buf_put_str(b, " FROM ");
    sql_put_table(b, t->db, t->name);
    if (where && where[0])
        buf_putf(b, " WHERE %s", where);
    for (uint32_t i = 0; order && i < t->n_row_key; i++) {
        buf_put_str(b, i == 0 ? " ORDER BY " : ", ");
        sql_put_table(b, t->name, t->columns[t->row_key[i]].name);
    }
    if (limit > 0)
        buf_putf(b, " LIMIT %llu", (unsigned long long)limit);
}

/* Copy of a number's text with a NUL, for strto...; false when it is too long to be one. */
static bool number_text(struct bytes in, char out[NUMBER_TEXT_MAX])
{
    if (in.len == 0 || in.len >= NUMBER_TEXT_MAX)
        return false;
    memcpy(out, in.data, in.len);
    out[in.len] = '\0';
    return true;
}

static bool read_unsigned(struct bytes in, struct value *out)
{
    char text[NUMBER_TEXT_MAX];
    char *end;

    if (!number_text(in, text))
        return false;
    errno = 0;
    *out = (struct value){.kind = VALUE_UINT, .u = strtoull(text, &end, 10)};
    return errno == 0 && *end == '\0' && text[0] != '-';
}

static bool read_signed(struct bytes in, struct value *out)
{
    char text[NUMBER_TEXT_MAX];
    char *end;

    if (!number_text(in, text))
        return false;
    errno = 0;
    *out = (struct value){.kind = VALUE_INT, .i = strtoll(text, &end, 10)};
    return errno == 0 && *end == '\0';
}

static bool read_float(struct bytes in, bool wide, struct value *out)
{
    char text[NUMBER_TEXT_MAX];
    char *end;
    double d;

    if (!number_text(in, text))
        return false;
    d = strtod(text, &end);
    if (*end != '\0')
        return false;
    if (wide)
        *out = (struct value){.kind = VALUE_DOUBLE, .d = d};
    else
        *out = (struct value){.kind = VALUE_FLOAT, .f = (float)d};
    return wide || (double)out->f == d;
}

/* ZEROFILL puts zeros before a DECIMAL; they are no part of the value. */
static bool read_decimal(struct bytes in, struct value *out)
{
    if (in.len == 0)
        return false;
    while (in.len > 1 && in.data[0] == '0' && in.data[1] >= '0' && in.data[1] <= '9')
        in = bytes_of(in.data + 1, in.len - 1);
    *out = (struct value){.kind = VALUE_DECIMAL, .b = in};
    return true;
}

static bool read_run(struct bytes in, enum value_kind kind, struct value *out)
{
    *out = (struct value){.kind = kind, .b = in};
    return true;
}

static bool read_value(const struct column *c, struct bytes in, struct value *out)
{
    switch (c->type) {
    case COLUMN_TINYINT:
    case COLUMN_SMALLINT:
    case COLUMN_MEDIUMINT:
    case COLUMN_INT:
    case COLUMN_BIGINT:
        return c->is_unsigned ? read_unsigned(in, out) : read_signed(in, out);
    case COLUMN_BIT:
    case COLUMN_YEAR:
    case COLUMN_ENUM:
    case COLUMN_SET:
        return read_unsigned(in, out);
    case COLUMN_FLOAT:
        return read_float(in, false, out);
    case COLUMN_DOUBLE:
        return read_float(in, true, out);
    case COLUMN_DECIMAL:
        return read_decimal(in, out);
    case COLUMN_DATE:
    case COLUMN_TIME:
    case COLUMN_DATETIME:
    case COLUMN_TIMESTAMP:
        return read_run(in, VALUE_TEMPORAL, out);
    case COLUMN_JSON:
        return read_run(in, VALUE_JSON, out);
    default:
        return read_run(in, column_is_text(c) ? VALUE_TEXT : VALUE_BYTES, out);
    }
}

static bool read_row(const struct table *t, MYSQL_ROW r, const unsigned long *lengths,
                     struct value *out, struct err *err)
{
    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (!r[i]) {
            out[i] = (struct value){.kind = VALUE_NULL};
            continue;
        }
        if (!read_value(&t->columns[i], bytes_of(r[i], lengths[i]), &out[i])) {
            err_set(err, ERR_DATA, "a value of column %s of %s.%s cannot be read",
                    t->columns[i].name, t->db, t->name);
            return false;
        }
    }
    return true;
}

/* Rows nobody wants: a few are read away, a long rest costs the connection instead. */
static void drop_rest(struct source *s, MYSQL_RES *res)
{
    for (int i = 0; i < DRAIN_ROWS_MAX; i++)
        if (!mysql_fetch_row(res))
            return;
    shutdown((int)mysql_get_socket(s->mysql), SHUT_RDWR);
}

static bool hand_rows(struct source *s, const struct table *t, MYSQL_RES *res, source_value_fn *row,
                      void *ctx, struct err *err)
{
    struct value *values;
    MYSQL_ROW r;
    bool ok = true;

    if (mysql_num_fields(res) != t->n_columns) {
        err_set(err, ERR_DATA, "%s.%s answers with %u columns instead of %u", t->db, t->name,
                mysql_num_fields(res), t->n_columns);
        return false;
    }
    values = xcalloc(t->n_columns, sizeof(*values));
    while (ok && (r = mysql_fetch_row(res)))
        ok = read_row(t, r, mysql_fetch_lengths(res), values, err) && row(ctx, values, err);
    if (ok && mysql_errno(s->mysql)) {
        source_fail(s, "read rows", err);
        err_context(err, "%s.%s", t->db, t->name);
        ok = false;
    } else if (!ok) {
        drop_rest(s, res);
    }
    free(values);
    return ok;
}

bool source_read_rows(struct source *s, const struct table *t, const char *where, bool order,
                      uint64_t limit, source_value_fn *row, void *ctx, struct err *err)
{
    struct buf sql = BUF_INIT;
    MYSQL_RES *res;
    bool ok = false;

    put_select(&sql, t, where, order, limit);
    if (!source_set_raw(s, true, err))
        goto done;
    if (mysql_real_query(s->mysql, (const char *)sql.data, sql.len) != 0 ||
        !(res = mysql_use_result(s->mysql))) {
        source_fail(s, "read rows", err);
        err_context(err, "%s.%s", t->db, t->name);
        goto done;
    }
    ok = hand_rows(s, t, res, row, ctx, err);
    mysql_free_result(res);
done:
    buf_release(&sql);
    return ok;
}
