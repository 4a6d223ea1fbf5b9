#include "targets/sqltext.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "schema/ddl/literal.h"
#include "schema/types/types.h"

void sql_put_name(struct buf *b, const char *name)
{
    sql_name_put(b, name);
}

void sql_put_table(struct buf *b, const char *db, const char *name)
{
    sql_put_name(b, db);
    buf_put_u8(b, '.');
    sql_put_name(b, name);
}

void sql_put_hex(struct buf *b, struct bytes s)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t *out;

    buf_put_str(b, "x'");
    out = buf_reserve(b, 2 * s.len);
    if (out) {
        for (size_t i = 0; i < s.len; i++) {
            out[2 * i] = (uint8_t)digits[s.data[i] >> 4];
            out[2 * i + 1] = (uint8_t)digits[s.data[i] & 15];
        }
        b->len += 2 * s.len;
    }
    buf_put_u8(b, '\'');
}

/* Length of the well-formed UTF-8 sequence at p, 0 if there is none. */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
    uint32_t low = 0x80;
    uint32_t high = 0xbf;
    size_t n;

    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    if (left < n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

static bool is_utf8(struct bytes s)
{
    for (size_t i = 0; i < s.len;) {
        size_t n = utf8_sequence(s.data + i, s.len - i);

        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

static bool is_ascii(struct bytes s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] >= 0x80)
            return false;
    return true;
}

void sql_put_string(struct buf *b, struct bytes utf8)
{
    if (is_utf8(utf8)) {
        sql_literal_put(b, utf8);
        return;
    }
    /* The server refuses the broken bytes then, instead of reading them its own way. */
    buf_put_str(b, "_utf8mb4 ");
    sql_put_hex(b, utf8);
}

/*
 * The statement is utf8mb4 text: bytes of another set could swallow a quote there, and the
 * server may judge them as text. Plain ASCII means the same in every safe set.
 */
static void put_text(struct buf *b, const char *charset, struct bytes s)
{
    bool is_utf8_set = strcmp(charset, "utf8mb4") == 0 || strcmp(charset, "utf8mb3") == 0;

    if (is_utf8_set ? is_utf8(s) : is_ascii(s) && charset_ascii_safe(charset)) {
        if (strcmp(charset, "utf8mb4") != 0)
            buf_putf(b, "_%s", charset);
        sql_literal_put(b, s);
        return;
    }
    buf_putf(b, "_%s ", charset);
    sql_put_hex(b, s);
}

/* Always with an exponent, so that no server reads it as a DECIMAL. */
static void put_double(struct buf *b, double d)
{
    char text[40];
    int n = snprintf(text, sizeof(text), "%.17g", d);

    assert(isfinite(d) && n > 0 && (size_t)n < sizeof(text));
    buf_put(b, text, (size_t)n);
    if (!strchr(text, 'e'))
        buf_put_str(b, "e0");
}

void sql_put_value(struct buf *b, const struct column *c, const struct value *v,
                   enum sql_dialect dialect)
{
    switch (v->kind) {
    case VALUE_NULL:
    case VALUE_ABSENT:
        buf_put_str(b, "NULL");
        return;
    case VALUE_INT:
        buf_putf(b, "%lld", (long long)v->i);
        return;
    case VALUE_UINT:
        buf_putf(b, "%llu", (unsigned long long)v->u);
        return;
    case VALUE_FLOAT:
        put_double(b, (double)v->f);
        return;
    case VALUE_DOUBLE:
        put_double(b, v->d);
        return;
    case VALUE_DECIMAL:
        buf_put_bytes(b, v->b);
        return;
    case VALUE_TEMPORAL:
        sql_literal_put(b, v->b);
        return;
    case VALUE_TEXT:
        put_text(b, c->charset ? c->charset : "binary", v->b);
        return;
    case VALUE_BYTES:
        if (c->type == COLUMN_GEOMETRY && dialect == SQL_MARIADB)
            buf_put_str(b, "_binary ");
        sql_put_hex(b, v->b);
        return;
    case VALUE_JSON:
        sql_put_string(b, v->b);
        return;
    }
}

static void put_key_column(struct buf *b, const struct table *t, uint32_t part)
{
    sql_put_name(b, t->columns[t->row_key[part]].name);
}

static void put_key_test(struct buf *b, const struct table *t, uint32_t part, const char *op,
                         const struct value *v, enum sql_dialect dialect)
{
    put_key_column(b, t, part);
    buf_putf(b, " %s ", op);
    sql_put_value(b, &t->columns[t->row_key[part]], v, dialect);
}

/* Lexicographic comparison of the row key; `op` is ">=" or "<". */
static void put_compare(struct buf *b, const struct table *t, const char *op,
                        const struct value *key, enum sql_dialect dialect)
{
    const char strict[2] = {op[0], 0};
    const char wide[3] = {op[0], '=', 0};
    uint32_t n = t->n_row_key;

    assert(n > 0);
    if (n > 1) {
        put_key_test(b, t, 0, wide, &key[0], dialect);
        buf_put_str(b, " AND ");
    }
    for (uint32_t i = 0; i < n; i++) {
        if (i + 1 == n) {
            put_key_test(b, t, i, op, &key[i], dialect);
            break;
        }
        buf_put_u8(b, '(');
        put_key_test(b, t, i, strict, &key[i], dialect);
        buf_put_str(b, " OR (");
        put_key_test(b, t, i, "=", &key[i], dialect);
        buf_put_str(b, " AND ");
    }
    for (uint32_t i = 0; i + 1 < n; i++)
        buf_put_str(b, "))");
}

/* (a, b) = (x, y) OR ... for n rows. */
static void put_keys(struct buf *b, const struct table *t, const struct value *const *rows,
                     size_t n, enum sql_dialect dialect)
{
    assert(n > 0 && t->n_row_key > 0);
    if (t->n_row_key == 1) {
        uint32_t c = t->row_key[0];

        sql_put_name(b, t->columns[c].name);
        buf_put_str(b, " IN (");
        for (size_t i = 0; i < n; i++) {
            buf_put_str(b, i ? "," : "");
            sql_put_value(b, &t->columns[c], &rows[i][c], dialect);
        }
        buf_put_u8(b, ')');
        return;
    }
    for (size_t i = 0; i < n; i++) {
        buf_put_str(b, i ? " OR (" : "(");
        for (uint32_t k = 0; k < t->n_row_key; k++) {
            buf_put_str(b, k ? " AND " : "");
            put_key_test(b, t, k, "=", &rows[i][t->row_key[k]], dialect);
        }
        buf_put_u8(b, ')');
    }
}

static void put_equal(struct buf *b, const struct table *t, const struct selection *which,
                      enum sql_dialect dialect)
{
    for (uint32_t i = 0; i < which->n_columns; i++) {
        const struct column *c = &t->columns[which->columns[i]];

        buf_put_str(b, i ? " AND " : "");
        sql_put_name(b, c->name);
        buf_put_str(b, " = ");
        sql_put_value(b, c, &which->values[i], dialect);
    }
}

void sql_put_selection(struct buf *b, const struct table *t, const struct selection *which,
                       enum sql_dialect dialect)
{
    const char *and = "";

    if (which->low) {
        put_compare(b, t, ">=", which->low, dialect);
        and = " AND ";
    }
    if (which->high) {
        buf_put_str(b, and);
        put_compare(b, t, "<", which->high, dialect);
        and = " AND ";
    }
    if (which->keys) {
        bool alone = !*and&&!which->n_columns;

        buf_put_str(b, and);
        buf_put_str(b, alone ? "" : "(");
        put_keys(b, t, which->keys, which->n_keys, dialect);
        buf_put_str(b, alone ? "" : ")");
        and = " AND ";
    }
    if (which->n_columns) {
        buf_put_str(b, and);
        put_equal(b, t, which, dialect);
    }
}

void sql_put_where(struct buf *b, const struct table *t, const struct selection *which,
                   enum sql_dialect dialect)
{
    if (selection_is_all(which))
        return;
    buf_put_str(b, " WHERE ");
    sql_put_selection(b, t, which, dialect);
}

void sql_put_order(struct buf *b, const struct table *t)
{
    for (uint32_t i = 0; i < t->n_row_key; i++) {
        buf_put_str(b, i ? "," : " ORDER BY ");
        sql_put_table(b, t->name, t->columns[t->row_key[i]].name);
    }
}
