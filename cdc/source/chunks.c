#include "cdc/source/chunks.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "schema/base/xalloc.h"
#include "targets/sqltext.h"

/* How a key column is asked for so that its text gives back the exact value. */
static void put_key_expr(struct buf *b, const struct column *c)
{
    const char *before = "", *after = "";

    switch (c->type) {
    case COLUMN_CHAR:
    case COLUMN_VARCHAR:
    case COLUMN_TINYTEXT:
    case COLUMN_TEXT:
    case COLUMN_MEDIUMTEXT:
    case COLUMN_LONGTEXT:
    case COLUMN_BINARY:
    case COLUMN_VARBINARY:
    case COLUMN_TINYBLOB:
    case COLUMN_BLOB:
    case COLUMN_MEDIUMBLOB:
    case COLUMN_LONGBLOB:
        before = "HEX(";
        after = ")";
        break;
    case COLUMN_ENUM:
    case COLUMN_SET:
    case COLUMN_BIT:
    case COLUMN_YEAR:
    case COLUMN_FLOAT:
        after = "+0";
        break;
    default:
        break;
    }
    /* FLOAT prints 6 digits; as a double it prints all that it has. */
    if (c->type == COLUMN_FLOAT)
        after = "+0e0";
    buf_put_str(b, before);
    sql_put_name(b, c->name);
    buf_put_str(b, after);
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

static bool unhex(struct bytes text, struct arena *arena, struct bytes *out)
{
    uint8_t *data;

    if (text.len % 2)
        return false;
    data = arena_alloc(arena, text.len / 2 + 1);
    for (size_t i = 0; i < text.len / 2; i++) {
        int high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        data[i] = (uint8_t)(high << 4 | low);
    }
    *out = bytes_of(data, text.len / 2);
    return true;
}

static bool parse_number(const struct column *c, const char *text, struct value *v)
{
    char *end;

    errno = 0;
    if (c->type == COLUMN_FLOAT) {
        *v = (struct value){.kind = VALUE_FLOAT, .f = strtof(text, &end)};
    } else if (c->type == COLUMN_DOUBLE) {
        *v = (struct value){.kind = VALUE_DOUBLE, .d = strtod(text, &end)};
    } else if (c->is_unsigned || c->type == COLUMN_ENUM || c->type == COLUMN_SET ||
               c->type == COLUMN_BIT || c->type == COLUMN_YEAR) {
        *v = (struct value){.kind = VALUE_UINT, .u = strtoull(text, &end, 10)};
    } else {
        *v = (struct value){.kind = VALUE_INT, .i = strtoll(text, &end, 10)};
    }
    /* ERANGE of strtod is also an exact denormal. */
    return end != text && !*end && (!errno || c->type == COLUMN_FLOAT || c->type == COLUMN_DOUBLE);
}

/* A DECIMAL ZEROFILL prints leading zeros, which a value never has. */
static struct bytes trim_zeros(struct bytes text)
{
    while (text.len > 1 && text.data[0] == '0' && text.data[1] != '.') {
        text.data++;
        text.len--;
    }
    return text;
}

static bool parse_key(const struct column *c, struct bytes text, struct arena *arena,
                      struct value *v)
{
    switch (c->type) {
    case COLUMN_DECIMAL:
        *v = (struct value){.kind = VALUE_DECIMAL, .b = arena_bytes(arena, trim_zeros(text))};
        return text.len > 0;
    case COLUMN_DATE:
    case COLUMN_TIME:
    case COLUMN_DATETIME:
    case COLUMN_TIMESTAMP:
        *v = (struct value){.kind = VALUE_TEMPORAL, .b = arena_bytes(arena, text)};
        return text.len > 0;
    case COLUMN_CHAR:
    case COLUMN_VARCHAR:
    case COLUMN_TINYTEXT:
    case COLUMN_TEXT:
    case COLUMN_MEDIUMTEXT:
    case COLUMN_LONGTEXT:
        v->kind = VALUE_TEXT;
        return unhex(text, arena, &v->b);
    case COLUMN_BINARY:
    case COLUMN_VARBINARY:
    case COLUMN_TINYBLOB:
    case COLUMN_BLOB:
    case COLUMN_MEDIUMBLOB:
    case COLUMN_LONGBLOB:
        v->kind = VALUE_BYTES;
        return unhex(text, arena, &v->b);
    default:
        return parse_number(c, arena_strndup(arena, (const char *)text.data, text.len), v);
    }
}

void key_put_columns(struct buf *b, const struct table *t)
{
    for (uint32_t i = 0; i < t->n_row_key; i++) {
        if (i)
            buf_put_str(b, ", ");
        put_key_expr(b, &t->columns[t->row_key[i]]);
    }
}

bool key_parse(const struct table *t, const struct bytes *columns, struct arena *arena,
               struct value *key, struct err *err)
{
    for (uint32_t i = 0; i < t->n_row_key; i++) {
        const struct column *c = &t->columns[t->row_key[i]];

        if (columns[i].data && parse_key(c, columns[i], arena, &key[i]))
            continue;
        err_set(err, ERR_DATA, "key column %s.%s.%s cannot be read", t->db, t->name, c->name);
        return false;
    }
    return true;
}

struct walk {
    const struct table *table;
    struct arena *arena;
    struct value *key; /* the last bound, or NULL */
};

static bool take_key(void *ctx, const struct bytes *columns, unsigned n, struct err *err)
{
    struct walk *w = ctx;

    assert(n == w->table->n_row_key);
    w->key = arena_alloc(w->arena, n * sizeof(*w->key));
    return key_parse(w->table, columns, w->arena, w->key, err);
}

static bool put_step(struct buf *sql, const struct table *t, const struct value *from,
                     uint64_t rows, struct err *err)
{
    bool ok = false;
    struct buf low = BUF_INIT;

    buf_reset(sql);
    buf_put_str(sql, "SELECT ");
    key_put_columns(sql, t);
    buf_put_str(sql, " FROM ");
    sql_put_table(sql, t->db, t->name);
    if (from) {
        chunk_put_bound(&low, t, from);
        buf_put_str(sql, " WHERE ");
        if (!chunk_put_where(sql, t, buf_cstr(&low), NULL, err))
            goto done;
    }
    buf_put_str(sql, " ORDER BY ");
    for (uint32_t i = 0; i < t->n_row_key; i++) {
        if (i)
            buf_put_str(sql, ", ");
        sql_put_name(sql, t->columns[t->row_key[i]].name);
    }
    buf_putf(sql, " LIMIT 1 OFFSET %llu", (unsigned long long)rows);
    ok = true;
done:
    buf_release(&low);
    return ok;
}

bool chunks_walk(struct source *s, const struct table *t, uint64_t rows_per_chunk,
                 struct arena *arena, struct key_bounds *out, struct err *err)
{
    bool ok = false;
    struct buf sql = BUF_INIT;
    struct walk w = {t, arena, NULL};
    const struct value **keys = NULL;
    size_t n = 0, cap = 0;

    assert(t->n_row_key > 0 && rows_per_chunk > 0);
    for (;;) {
        const struct value *from = w.key;

        /* A table far larger than its statistics say must not give chunks without end. */
        if (n && n % (CHUNKS_MAX / 10) == 0)
            rows_per_chunk *= 2;
        w.key = NULL;
        if (!put_step(&sql, t, from, rows_per_chunk, err) ||
            !source_query(s, buf_cstr(&sql), take_key, &w, err))
            goto done;
        if (!w.key)
            break;
        if (n == cap) {
            cap = cap ? cap * 2 : 64;
            keys = xrealloc(keys, cap * sizeof(*keys));
        }
        keys[n++] = w.key;
    }
    out->keys = arena_alloc(arena, (n + 1) * sizeof(*keys));
    if (n)
        memcpy(out->keys, keys, n * sizeof(*keys));
    out->n = n;
    ok = true;
done:
    free(keys);
    buf_release(&sql);
    return ok;
}

void chunk_put_bound(struct buf *b, const struct table *t, const struct value *key)
{
    for (uint32_t i = 0; i < t->n_row_key; i++) {
        if (i)
            buf_put_str(b, ",");
        sql_put_value(b, &t->columns[t->row_key[i]], &key[i], SQL_MYSQL);
    }
}

#define QUOTE 0x27

/* End of the literal that starts at p: the next comma outside quotes, or the end. */
static const char *literal_end(const char *p)
{
    bool quoted = false;

    for (; *p; p++) {
        if (quoted && *p == '\\' && p[1])
            p++;
        else if (*p == QUOTE)
            quoted = !quoted; /* '' leaves and enters again */
        else if (*p == ',' && !quoted)
            return p;
    }
    return quoted ? NULL : p;
}

static bool split_literals(const char *text, uint32_t n, struct bytes *out)
{
    for (uint32_t i = 0; i < n; i++) {
        const char *end = literal_end(text);

        if (!end || end == text)
            return false;
        out[i] = bytes_of(text, (size_t)(end - text));
        if ((i + 1 < n) != (*end == ','))
            return false;
        text = end + 1;
    }
    return true;
}

static void put_one(struct buf *b, const struct table *t, uint32_t i, const char *op,
                    struct bytes literal)
{
    sql_put_name(b, t->columns[t->row_key[i]].name);
    buf_putf(b, " %s ", op);
    buf_put_bytes(b, literal);
}

/* (a > x OR (a = x AND (b > y OR (b = y AND c >= z)))), with a >= x for the optimizer. */
static void put_compare(struct buf *b, const struct table *t, bool low,
                        const struct bytes *literals)
{
    uint32_t n = t->n_row_key;
    const char *strict = low ? ">" : "<", *last = low ? ">=" : "<";

    if (n == 1) {
        put_one(b, t, 0, last, literals[0]);
        return;
    }
    put_one(b, t, 0, low ? ">=" : "<=", literals[0]);
    buf_put_str(b, " AND ");
    for (uint32_t i = 0; i + 1 < n; i++) {
        buf_put_str(b, "(");
        put_one(b, t, i, strict, literals[i]);
        buf_put_str(b, " OR (");
        put_one(b, t, i, "=", literals[i]);
        buf_put_str(b, " AND ");
    }
    put_one(b, t, n - 1, last, literals[n - 1]);
    for (uint32_t i = 0; i + 1 < n; i++)
        buf_put_str(b, "))");
}

bool chunk_put_where(struct buf *b, const struct table *t, const char *low, const char *high,
                     struct err *err)
{
    bool ok = false;
    struct bytes *literals = xcalloc(t->n_row_key + 1, sizeof(*literals));

    if ((low || high) && !t->n_row_key)
        goto bad;
    if (low) {
        if (!split_literals(low, t->n_row_key, literals))
            goto bad;
        put_compare(b, t, true, literals);
    }
    if (high) {
        if (low)
            buf_put_str(b, " AND ");
        if (!split_literals(high, t->n_row_key, literals))
            goto bad;
        put_compare(b, t, false, literals);
    }
    if (!low && !high)
        buf_put_str(b, "TRUE");
    ok = true;
bad:
    if (!ok)
        err_set(err, ERR_DATA, "chunk bound of %s.%s does not fit its row key", t->db, t->name);
    free(literals);
    return ok;
}
