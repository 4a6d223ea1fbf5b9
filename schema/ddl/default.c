/*
 * default.c - literal defaults in one canonical spelling.
 *
 * MySQL stores a default as a value of the column and prints that value; this does the same,
 * so that a default as a user wrote it and as SHOW CREATE TABLE prints it become one text:
 * '5' for numbers, '2020-01-02 00:00:00' for times, b'101' for BIT, a string for text, and
 * x'00ff' for bytes that are not UTF-8. A float keeps all its digits here, while SHOW CREATE
 * TABLE prints six.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema/base/buf.h"
#include "schema/ddl/literal.h"
#include "schema/ddl/parse.h"

static bool bad_default(struct err *err, const struct column *c)
{
    err_reason(err, ERR_DATA, "ddl_unsupported",
               "the default of column %s (%s) has a form that is not supported", c->name,
               column_type_name(c->type));
    return false;
}

static void set_literal(struct arena *a, struct column *c, struct bytes text)
{
    struct buf b = BUF_INIT;

    sql_literal_put(&b, text);
    c->default_kind = DEFAULT_LITERAL;
    c->default_text = arena_strdup(a, buf_cstr(&b));
    buf_release(&b);
}

static void set_string(struct arena *a, struct column *c, const char *text)
{
    set_literal(a, c, bytes_str(text));
}

static uint64_t digits_value(struct bytes digits, unsigned bits)
{
    uint64_t v = 0;

    for (size_t i = 0; i < digits.len; i++) {
        uint8_t d = digits.data[i];
        unsigned n = d <= '9' ? d - '0' + 0u : (d | 0x20) - 'a' + 10u;

        v = v << bits | n;
    }
    return v;
}

/* The bytes that a hex or bit literal stands for, high byte first. */
static struct bytes digits_bytes(struct arena *a, struct bytes digits, unsigned bits)
{
    unsigned per_byte = 8 / bits;
    size_t n = (digits.len + per_byte - 1) / per_byte;
    uint8_t *out = arena_alloc(a, n + 1);

    for (size_t i = 0; i < digits.len; i++) {
        struct bytes one = {digits.data + digits.len - 1 - i, 1};

        out[n - 1 - i / per_byte] |= (uint8_t)(digits_value(one, bits) << (i % per_byte * bits));
    }
    return bytes_of(out, n);
}

/* A literal as bytes: what a string type stores. */
static struct bytes literal_bytes(struct arena *a, const struct default_clause *d)
{
    struct bytes t = d->literal.text;

    if (d->literal.kind == TOKEN_HEX)
        return digits_bytes(a, t, 4);
    if (d->literal.kind == TOKEN_BIT)
        return digits_bytes(a, t, 1);
    if (d->literal.kind == TOKEN_NUMBER) {
        bool exponent = memchr(t.data, 'e', t.len) || memchr(t.data, 'E', t.len);
        char *text =
            arena_printf(a, "%s%.*s", d->negative ? "-" : "", (int)t.len, (const char *)t.data);

        return bytes_str(exponent ? arena_printf(a, "%.15g", strtod(text, NULL)) : text);
    }
    return t;
}

/* A decimal number as digits: "-12.50" to sign, "1250", scale 2; exponents are worked in. */
struct decimal {
    bool negative;
    char digits[320];
    int n;
    int scale;
};

static bool read_decimal(const char *s, struct decimal *out)
{
    bool point = false;
    char *end;

    memset(out, 0, sizeof(*out));
    if (*s == '-' || *s == '+')
        out->negative = *s++ == '-';
    for (; isdigit((unsigned char)*s) || (*s == '.' && !point); s++) {
        if (*s == '.') {
            point = true;
            continue;
        }
        if (out->n >= 150)
            return false;
        out->digits[out->n++] = *s;
        out->scale += point;
    }
    if (out->n == 0)
        return false;
    if (*s == 'e' || *s == 'E') {
        long exponent = strtol(s + 1, &end, 10);

        if (*end != '\0' || exponent > 80 || exponent < -80)
            return false;
        s = end;
        out->scale -= (int)exponent;
        while (out->scale < 0) {
            out->digits[out->n++] = '0';
            out->scale++;
        }
    }
    return *s == '\0';
}

/* Round half away from zero to the scale, as DECIMAL does. */
static void round_decimal(struct decimal *d, int scale)
{
    bool up = false;

    while (d->scale < scale) {
        d->digits[d->n++] = '0';
        d->scale++;
    }
    while (d->scale > scale) {
        up = d->n > 0 && d->digits[d->n - 1] >= '5';
        if (d->n > 0)
            d->n--;
        d->scale--;
    }
    for (int i = d->n - 1; up && i >= 0; i--) {
        up = d->digits[i] == '9';
        d->digits[i] = up ? '0' : (char)(d->digits[i] + 1);
    }
    if (up) {
        memmove(d->digits + 1, d->digits, (size_t)d->n);
        d->digits[0] = '1';
        d->n++;
    }
}

static char *print_decimal(struct arena *a, const struct decimal *d)
{
    struct buf b = BUF_INIT;
    bool zero = true;
    int first = 0;
    char *text;

    for (int i = 0; i < d->n; i++)
        zero = zero && d->digits[i] == '0';
    while (first < d->n - d->scale && d->digits[first] == '0')
        first++;
    if (d->negative && !zero)
        buf_put_u8(&b, '-');
    if (first >= d->n - d->scale)
        buf_put_u8(&b, '0');
    for (int i = first; i < d->n - d->scale; i++)
        buf_put_u8(&b, (uint8_t)d->digits[i]);
    if (d->scale > 0)
        buf_put_u8(&b, '.');
    for (int i = d->scale; i > 0; i--)
        buf_put_u8(&b, i > d->n ? '0' : (uint8_t)d->digits[d->n - i]);
    text = arena_strdup(a, buf_cstr(&b));
    buf_release(&b);
    return text;
}

/* The number that a literal of any kind means to a numeric column, as text. */
static const char *number_text(struct arena *a, const struct default_clause *d)
{
    struct bytes t = d->literal.text;
    char *s;

    if (d->literal.kind == TOKEN_HEX || d->literal.kind == TOKEN_BIT)
        return arena_printf(a, "%" PRIu64, digits_value(t, d->literal.kind == TOKEN_HEX ? 4 : 1));
    s = arena_printf(a, "%s%.*s", d->negative ? "-" : "", (int)t.len, (const char *)t.data);
    while (*s == ' ')
        s++;
    for (size_t n = strlen(s); n > 0 && s[n - 1] == ' '; n--)
        s[n - 1] = '\0';
    return s;
}

static bool exact_number(struct arena *a, struct column *c, const struct default_clause *d,
                         struct err *err)
{
    struct decimal n;

    if (!read_decimal(number_text(a, d), &n))
        return bad_default(err, c);
    round_decimal(&n, c->type == COLUMN_DECIMAL ? c->scale : 0);
    set_string(a, c, print_decimal(a, &n));
    return true;
}

static bool float_number(struct arena *a, struct column *c, const struct default_clause *d,
                         struct err *err)
{
    const char *text = number_text(a, d);
    bool is_float = c->type == COLUMN_FLOAT;
    char *end, out[64];
    double v = strtod(text, &end);

    if (end == text || *end != '\0' || !isfinite(v))
        return bad_default(err, c);
    if (v == 0)
        v = 0; /* MySQL's default is +0 */
    if (c->precision) {
        set_string(a, c, arena_printf(a, "%.*f", c->scale, v));
        return true;
    }
    for (int digits = 1; digits <= (is_float ? 9 : 17); digits++) {
        snprintf(out, sizeof(out), "%.*g", digits, v);
        if (is_float ? strtof(out, NULL) == (float)v : strtod(out, NULL) == v)
            break;
    }
    set_string(a, c, out);
    return true;
}

static bool bit_number(struct arena *a, struct column *c, const struct default_clause *d,
                       struct err *err)
{
    char out[65];
    size_t n = 0;
    uint64_t v;

    if (d->literal.kind == TOKEN_HEX || d->literal.kind == TOKEN_BIT) {
        v = digits_value(d->literal.text, d->literal.kind == TOKEN_HEX ? 4 : 1);
    } else if (d->literal.kind == TOKEN_STRING) {
        v = 0;
        for (size_t i = 0; i < d->literal.text.len; i++)
            v = v << 8 | d->literal.text.data[i];
    } else {
        char *end;
        const char *text = number_text(a, d);

        v = strtoull(text, &end, 10);
        if (*end != '\0' || d->negative)
            return bad_default(err, c);
    }
    for (int i = 63; i >= 0; i--) {
        if (v >> i & 1 || n > 0 || i == 0)
            out[n++] = v >> i & 1 ? '1' : '0';
    }
    out[n] = '\0';
    c->default_kind = DEFAULT_LITERAL;
    c->default_text = arena_printf(a, "b'%s'", out);
    return true;
}

static bool year(struct arena *a, struct column *c, const struct default_clause *d, struct err *err)
{
    const char *text = number_text(a, d);
    char *end;
    unsigned long v = strtoul(text, &end, 10);

    if (*end != '\0' || end == text || v > 9999)
        return bad_default(err, c);
    /* '0' as a string is 2000, 0 as a number and '0000' are the zero year. */
    if (v < 70 && (v > 0 || (d->literal.kind == TOKEN_STRING && strlen(text) < 4)))
        v += 2000;
    else if (v >= 70 && v < 100)
        v += 1900;
    set_string(a, c, arena_printf(a, "%04lu", v));
    return true;
}

/* --- dates and times --------------------------------------------------------------------- */

struct parts {
    unsigned n[8]; /* groups of digits; the last is the fraction if has_fraction */
    size_t width[8];
    size_t count;
    bool has_fraction;
    char fraction[16];
};

static bool split(const char *s, struct parts *out)
{
    memset(out, 0, sizeof(*out));
    while (*s) {
        char *end;

        if (*s == '.' && isdigit((unsigned char)s[1]) && out->count > 0 && !out->has_fraction &&
            out->count != 1 && out->count != 2) {
            size_t n = strspn(s + 1, "0123456789");

            out->has_fraction = true;
            snprintf(out->fraction, sizeof(out->fraction), "%.*s", n > 9 ? 9 : (int)n, s + 1);
            s += 1 + n;
            continue;
        }
        if (!isdigit((unsigned char)*s)) {
            if (isalpha((unsigned char)*s) && *s != 'T')
                return false;
            s++;
            continue;
        }
        if (out->count == 8)
            return false;
        out->n[out->count] = (unsigned)strtoul(s, &end, 10);
        out->width[out->count++] = (size_t)(end - s);
        s = end;
    }
    return out->count > 0;
}

static const char *fraction_text(struct arena *a, const struct column *c, const struct parts *p)
{
    char digits[8] = "000000";
    size_t n = strlen(p->fraction);

    if (c->fsp == 0)
        return "";
    memcpy(digits, p->fraction, n > 6 ? 6 : n);
    digits[c->fsp] = '\0';
    return arena_printf(a, ".%s", digits);
}

/* Would rounding to the column's digits change what is kept? */
static bool fraction_fits(const struct column *c, const struct parts *p)
{
    for (size_t i = c->fsp; i < strlen(p->fraction); i++) {
        if (p->fraction[i] != '0')
            return false;
    }
    return true;
}

static unsigned full_year(unsigned y, size_t width)
{
    if (width > 2)
        return y;
    return y < 70 ? y + 2000 : y + 1900;
}

/* Digits without separators, as YYYYMMDD[hhmmss] or YYMMDD[hhmmss]. */
static bool packed_date(const char *s, size_t len, struct parts *p)
{
    size_t at = len == 8 || len == 14 ? 4 : 2;

    if (len != 6 && len != 8 && len != 12 && len != 14)
        return false;
    p->count = 0;
    p->width[0] = at;
    p->n[p->count++] = (unsigned)strtoul(strndupa(s, at), NULL, 10);
    for (; at < len; at += 2)
        p->n[p->count++] = (unsigned)(s[at] - '0') * 10 + (unsigned)(s[at + 1] - '0');
    return true;
}

static bool date_time(struct arena *a, struct column *c, const struct default_clause *d,
                      struct err *err)
{
    const char *s = number_text(a, d);
    size_t run = strspn(s, "0123456789");
    struct parts p;
    const char *date;

    if (!split(s, &p))
        return bad_default(err, c);
    if (strcmp(s, "0") == 0)
        p.count = 3, p.width[0] = 4;
    else if (p.count == 1 && !packed_date(s, run, &p))
        return bad_default(err, c);
    if (p.count < 3 || p.count > 6 || !fraction_fits(c, &p))
        return bad_default(err, c);
    date = arena_printf(a, "%04u-%02u-%02u", full_year(p.n[0], p.width[0]), p.n[1], p.n[2]);
    if (c->type != COLUMN_DATE)
        date = arena_printf(a, "%s %02u:%02u:%02u%s", date, p.n[3], p.n[4], p.n[5],
                            fraction_text(a, c, &p));
    set_string(a, c, date);
    return true;
}

static bool time_of_day(struct arena *a, struct column *c, const struct default_clause *d,
                        struct err *err)
{
    const char *s = number_text(a, d);
    bool negative = *s == '-';
    unsigned h, m = 0, sec = 0;
    struct parts p;

    if (negative)
        s++;
    if (!split(s, &p) || p.count > 3 || !fraction_fits(c, &p) || strchr(s, ' '))
        return bad_default(err, c);
    h = p.n[0];
    if (p.count == 1) {
        sec = h % 100;
        m = h / 100 % 100;
        h = h / 10000;
    } else {
        m = p.n[1];
        sec = p.count == 3 ? p.n[2] : 0;
    }
    set_string(a, c,
               arena_printf(a, "%s%02u:%02u:%02u%s", negative ? "-" : "", h, m, sec,
                            fraction_text(a, c, &p)));
    return true;
}

/* --- texts ------------------------------------------------------------------------------- */

/* Index of a member by its text (exactly, else without regard to ASCII case), or UINT32_MAX. */
static uint32_t find_member(const struct column *c, struct bytes text)
{
    for (uint32_t i = 0; i < c->n_members; i++) {
        if (bytes_equal(bytes_str(c->members[i]), text))
            return i;
    }
    for (uint32_t i = 0; i < c->n_members; i++) {
        if (strlen(c->members[i]) == text.len &&
            strncasecmp(c->members[i], (const char *)text.data, text.len) == 0)
            return i;
    }
    return UINT32_MAX;
}

static struct bytes without_tail(struct bytes b)
{
    while (b.len > 0 && b.data[b.len - 1] == ' ')
        b.len--;
    return b;
}

static bool enum_member(struct arena *a, struct column *c, struct bytes text, struct err *err)
{
    uint32_t i = find_member(c, text);

    if (i == UINT32_MAX)
        i = find_member(c, without_tail(text));
    if (i == UINT32_MAX)
        return bad_default(err, c);
    set_string(a, c, c->members[i]);
    return true;
}

static bool set_members(struct arena *a, struct column *c, struct bytes text, struct err *err)
{
    struct buf b = BUF_INIT;
    uint64_t mask = 0;

    while (text.len > 0) {
        const uint8_t *comma = memchr(text.data, ',', text.len);
        size_t n = comma ? (size_t)(comma - text.data) : text.len;
        uint32_t i = find_member(c, bytes_of(text.data, n));

        if (i >= 64)
            return bad_default(err, c);
        mask |= (uint64_t)1 << i;
        n += comma != NULL;
        text = bytes_of(text.data + n, text.len - n);
    }
    for (uint32_t i = 0; i < c->n_members && i < 64; i++) {
        if (mask >> i & 1)
            buf_putf(&b, "%s%s", b.len ? "," : "", c->members[i]);
    }
    set_string(a, c, buf_cstr(&b));
    buf_release(&b);
    return true;
}

static bool is_utf8(struct bytes b)
{
    size_t i = 0;

    while (i < b.len) {
        uint8_t c = b.data[i];
        size_t n = c < 0x80                ? 1
                   : c >= 0xc2 && c < 0xe0 ? 2
                   : c >= 0xe0 && c < 0xf0 ? 3
                   : c >= 0xf0 && c < 0xf5 ? 4
                                           : 0;

        if (n == 0 || n > b.len - i)
            return false;
        for (size_t j = 1; j < n; j++) {
            if ((b.data[i + j] & 0xc0) != 0x80)
                return false;
        }
        i += n;
    }
    return true;
}

static void binary_bytes(struct arena *a, struct column *c, struct bytes text)
{
    struct buf b = BUF_INIT;

    buf_put_bytes(&b, text);
    while (c->type == COLUMN_BINARY && b.len < c->length)
        buf_put_u8(&b, 0);
    text = arena_bytes(a, buf_bytes(&b));
    if (is_utf8(text)) {
        set_literal(a, c, text);
    } else {
        buf_reset(&b);
        for (size_t i = 0; i < text.len; i++)
            buf_putf(&b, "%02x", text.data[i]);
        c->default_kind = DEFAULT_LITERAL;
        c->default_text = arena_printf(a, "x'%s'", buf_cstr(&b));
    }
    buf_release(&b);
}

static bool text_default(struct arena *a, struct column *c, const struct default_clause *d,
                         struct err *err)
{
    struct bytes text = literal_bytes(a, d);

    switch (c->type) {
    case COLUMN_ENUM:
        return enum_member(a, c, text, err);
    case COLUMN_SET:
        return set_members(a, c, text, err);
    case COLUMN_CHAR:
        set_literal(a, c, without_tail(text));
        break;
    case COLUMN_VARCHAR:
        set_literal(a, c, text);
        break;
    case COLUMN_BINARY:
    case COLUMN_VARBINARY:
        binary_bytes(a, c, text);
        return true;
    default:
        /* Only the empty string, which MySQL drops with a warning outside strict mode. */
        c->default_kind = c->nullable ? DEFAULT_NULL : DEFAULT_NONE;
        return text.len == 0 || bad_default(err, c);
    }
    return is_utf8(text) || bad_default(err, c);
}

static bool literal_default(struct arena *a, struct column *c, const struct default_clause *d,
                            struct err *err)
{
    switch (c->type) {
    case COLUMN_TINYINT:
    case COLUMN_SMALLINT:
    case COLUMN_MEDIUMINT:
    case COLUMN_INT:
    case COLUMN_BIGINT:
    case COLUMN_DECIMAL:
        return exact_number(a, c, d, err);
    case COLUMN_FLOAT:
    case COLUMN_DOUBLE:
        return float_number(a, c, d, err);
    case COLUMN_BIT:
        return bit_number(a, c, d, err);
    case COLUMN_YEAR:
        return year(a, c, d, err);
    case COLUMN_DATE:
    case COLUMN_DATETIME:
    case COLUMN_TIMESTAMP:
        return date_time(a, c, d, err);
    case COLUMN_TIME:
        return time_of_day(a, c, d, err);
    default:
        return text_default(a, c, d, err);
    }
}

bool default_resolve(struct arena *a, struct column *c, const struct default_clause *d,
                     struct err *err)
{
    c->default_kind = d->kind;
    c->default_text = NULL;
    switch (d->kind) {
    case DEFAULT_LITERAL:
        return literal_default(a, c, d, err);
    case DEFAULT_EXPR:
        c->default_text = arena_strdup(a, d->expr);
        return true;
    case DEFAULT_NONE:
    case DEFAULT_NULL:
        c->default_kind = c->nullable && c->generated == GENERATED_NONE && !c->auto_increment
                              ? DEFAULT_NULL
                              : DEFAULT_NONE;
        return true;
    default:
        return true;
    }
}
