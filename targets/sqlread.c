#include "targets/sqlread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_TEXT_MAX 400 /* a double with all its digits before the point */
#define POINT_DIGITS 50
#define POINT_AT_X 18 /* behind SRID, byte order and type */

static bool is_number_in_disguise(const struct column *c)
{
    return c->type == COLUMN_ENUM || c->type == COLUMN_SET || c->type == COLUMN_BIT ||
           c->type == COLUMN_YEAR;
}

static bool is_float(const struct column *c)
{
    return c->type == COLUMN_FLOAT || c->type == COLUMN_DOUBLE;
}

void sql_put_exact(struct buf *b, const struct column *c, enum sql_dialect dialect)
{
    const char *before = "", *after = "";

    if (is_float(c)) {
        before = dialect == SQL_MARIADB ? "HEX(POINT(" : "CAST(";
        after = dialect == SQL_MARIADB ? ",0))" : " AS DOUBLE)";
    } else if (is_number_in_disguise(c)) {
        before = "CAST(";
        after = " AS UNSIGNED)";
    }
    buf_put_str(b, before);
    sql_put_name(b, c->name);
    buf_put_str(b, after);
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

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* HEX(POINT(x,0)): SRID, byte order, type (9 bytes), then x as little-endian double. */
static bool read_point(struct bytes in, double *out)
{
    uint64_t bits = 0;

    if (in.len != POINT_DIGITS)
        return false;
    for (int i = 7; i >= 0; i--) {
        int high = hex_digit(in.data[POINT_AT_X + 2 * i]);
        int low = hex_digit(in.data[POINT_AT_X + 1 + 2 * i]);

        if (high < 0 || low < 0)
            return false;
        bits = bits << 8 | (uint64_t)(high << 4 | low);
    }
    memcpy(out, &bits, sizeof(*out));
    return true;
}

static bool read_double(struct bytes in, double *out)
{
    char text[NUMBER_TEXT_MAX];
    char *end;

    if (!number_text(in, text))
        return false;
    *out = strtod(text, &end);
    return *end == '\0';
}

static bool read_float(struct bytes in, bool wide, enum sql_dialect dialect, struct value *out)
{
    double d;

    if (!(dialect == SQL_MARIADB ? read_point(in, &d) : read_double(in, &d)))
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

bool sql_read_exact(const struct column *c, struct bytes in, enum sql_dialect dialect,
                    struct value *out)
{
    if (!in.data)
        return read_run(in, VALUE_NULL, out);
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
        return read_float(in, false, dialect, out);
    case COLUMN_DOUBLE:
        return read_float(in, true, dialect, out);
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

void sql_put_exact_key(struct buf *b, const struct table *t, enum sql_dialect dialect)
{
    for (uint32_t i = 0; i < t->n_row_key; i++) {
        buf_put_str(b, i ? "," : "");
        sql_put_exact(b, &t->columns[t->row_key[i]], dialect);
    }
}

bool sql_read_exact_key(const struct table *t, const struct bytes *texts, enum sql_dialect dialect,
                        struct value *row, struct err *err)
{
    for (uint32_t i = 0; i < t->n_columns; i++)
        row[i] = (struct value){.kind = VALUE_ABSENT};
    for (uint32_t i = 0; i < t->n_row_key; i++) {
        const struct column *c = &t->columns[t->row_key[i]];

        if (texts[i].data && sql_read_exact(c, texts[i], dialect, &row[t->row_key[i]]))
            continue;
        err_set(err, ERR_DATA, "key column %s.%s.%s cannot be read", t->db, t->name, c->name);
        return false;
    }
    return true;
}
