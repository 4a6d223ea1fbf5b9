/*
 * decimal.c - DECIMAL(p,s) as MySQL stores it, to text.
 *
 * Nine digits take four bytes, big-endian; the left-over digits (the first group of the
 * integer part, the last of the fraction) take 0,1,1,2,2,3,3,4,4 bytes. The first bit of the
 * whole is inverted; a negative number has all bytes inverted. (14,4): 1234567890.1234 is
 * 81 0d fb 38 d2 04 d2.
 */
#include "cdc/decode/decoder.h"

#define DIGITS_PER_GROUP 9
#define PRECISION_MAX 65
#define SCALE_MAX 30

static const uint8_t group_bytes[DIGITS_PER_GROUP + 1] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
static const uint32_t powers[DIGITS_PER_GROUP + 1] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000};

/* Append the digits of one group, zero-padded. */
static bool put_group(struct cursor *c, unsigned digits, char **p)
{
    uint64_t v = cursor_uint_be(c, group_bytes[digits]);

    if (v >= powers[digits])
        return digits == 0 && v == 0;
    for (unsigned i = digits; i > 0; i--) {
        (*p)[i - 1] = (char)('0' + v % 10);
        v /= 10;
    }
    *p += digits;
    return true;
}

static bool put_digits(struct cursor *c, unsigned integer, unsigned scale, char *out)
{
    if (!put_group(c, integer % DIGITS_PER_GROUP, &out))
        return false;
    for (unsigned i = 0; i < integer / DIGITS_PER_GROUP; i++)
        if (!put_group(c, DIGITS_PER_GROUP, &out))
            return false;
    for (unsigned i = 0; i < scale / DIGITS_PER_GROUP; i++)
        if (!put_group(c, DIGITS_PER_GROUP, &out))
            return false;
    return put_group(c, scale % DIGITS_PER_GROUP, &out) && !c->bad;
}

static bool all_zero(const char *digits, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (digits[i] != '0')
            return false;
    return true;
}

static size_t lay_out(const char *digits, unsigned integer, unsigned scale, bool negative,
                      char *out)
{
    size_t n = 0;
    unsigned skip = 0;

    if (negative && !all_zero(digits, integer + scale))
        out[n++] = '-';
    while (skip < integer && digits[skip] == '0')
        skip++;
    if (skip == integer)
        out[n++] = '0';
    memcpy(out + n, digits + skip, integer - skip);
    n += integer - skip;
    if (scale > 0) {
        out[n++] = '.';
        memcpy(out + n, digits + integer, scale);
        n += scale;
    }
    return n;
}

static size_t decimal_bytes(unsigned integer, unsigned scale)
{
    return group_bytes[integer % DIGITS_PER_GROUP] + integer / DIGITS_PER_GROUP * 4u +
           group_bytes[scale % DIGITS_PER_GROUP] + scale / DIGITS_PER_GROUP * 4u;
}

bool decimal_decode(struct cursor *c, unsigned precision, unsigned scale, char *out, size_t *len)
{
    uint8_t raw[40];
    char digits[PRECISION_MAX + 1];
    unsigned integer = precision - scale;
    struct bytes b;
    struct cursor in;
    bool negative;

    if (precision == 0 || precision > PRECISION_MAX || scale > SCALE_MAX || scale > precision)
        return false;
    b = cursor_bytes(c, decimal_bytes(integer, scale));
    if (c->bad || b.len > sizeof(raw))
        return false;
    memcpy(raw, b.data, b.len);
    negative = !(raw[0] & 0x80);
    for (size_t i = 0; negative && i < b.len; i++)
        raw[i] ^= 0xff;
    raw[0] &= 0x7f;
    in = cursor_of(bytes_of(raw, b.len));
    if (!put_digits(&in, integer, scale, digits))
        return false;
    *len = lay_out(digits, integer, scale, negative, out);
    return true;
}
