#include "targets/canon.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/digest.h"

#define SUM_DIGITS 15

static void put_hex(struct buf *b, struct bytes s)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.len; i++) {
        buf_put_u8(b, (uint8_t)digits[s.data[i] >> 4]);
        buf_put_u8(b, (uint8_t)digits[s.data[i] & 15]);
    }
}

static void put_double(struct buf *b, double d)
{
    uint8_t bytes[8];
    uint64_t bits;

    d = d == 0 ? 0 : d;
    memcpy(&bits, &d, sizeof(bits));
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(bits >> 8 * i);
    buf_put_str(b, "000000000101000000");
    put_hex(b, bytes_of(bytes, sizeof(bytes)));
    buf_put_str(b, "0000000000000000");
}

static void put_digest(struct buf *b, struct bytes s)
{
    char hex[SHA256_HEX_SIZE];

    sha256_hex(s, hex);
    buf_put_str(b, hex);
}

static bool is_short(enum column_type type)
{
    return type == COLUMN_CHAR || type == COLUMN_VARCHAR || type == COLUMN_BINARY ||
           type == COLUMN_VARBINARY;
}

static void put_token(struct buf *b, const struct column *c, const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
    case VALUE_ABSENT:
        buf_put_u8(b, 'N');
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
    case VALUE_TEMPORAL:
        buf_put_bytes(b, v->b);
        return;
    case VALUE_TEXT:
    case VALUE_BYTES:
    case VALUE_JSON:
        if (is_short(c->type))
            put_hex(b, v->b);
        else
            put_digest(b, v->b);
        return;
    }
}

void canon_put_row(struct buf *b, const struct table *t, const bool *columns,
                   const struct value *row)
{
    const char *comma = "";

    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (!columns[i])
            continue;
        buf_put_str(b, comma);
        put_token(b, &t->columns[i], &row[i]);
        comma = ",";
    }
}

/* n hex digits of a hash from digit `at` on, as a number. */
static uint64_t digits(const char *hex, int at, int n)
{
    char part[17];

    memcpy(part, hex + at, (size_t)n);
    part[n] = 0;
    return strtoull(part, NULL, 16);
}

void canon_add(struct canon_sums *sums, struct bytes form)
{
    char hex[SHA256_HEX_SIZE];

    sha256_hex(form, hex);
    sums->rows++;
    sums->hashed++;
    sums->high += digits(hex, 0, SUM_DIGITS);
    sums->low += digits(hex, SUM_DIGITS, SUM_DIGITS);
}

uint64_t canon_hash64(struct bytes form)
{
    char hex[SHA256_HEX_SIZE];

    sha256_hex(form, hex);
    return digits(hex, 0, 16);
}

bool canon_sums_equal(const struct canon_sums *a, const struct canon_sums *b)
{
    return a->rows == b->rows && a->hashed == a->rows && b->hashed == b->rows &&
           a->high == b->high && a->low == b->low;
}
