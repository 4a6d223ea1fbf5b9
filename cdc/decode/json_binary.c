/*
 * json_binary.c - MySQL's binary JSON to the text that CAST(c AS CHAR) prints.
 *
 * A value is a type byte and its data. Containers (W = 2 bytes small, 4 large; offsets count
 * from the byte after the type byte):
 *   W count | W size | object: count x (W key offset, u16 key length)
 *   | count x (u8 type, W inline value or offset) | keys | values
 * {"z":[1,2]} is 00 | 0100 1600 | 0b00 0100 | 02 0c00 | 7a | 0200 0a00 05 0100 05 0200.
 *
 * Nothing in a document that a server wrote is shared, so the sum of all parts read is at
 * most the document: the budget makes overlapping offsets an error instead of a flood.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cdc/decode/decoder.h"

#define DEPTH_MAX 100
#define BASE64_LINE 76
#define TYPE_VAR_STRING 253

enum json_type {
    JSON_SMALL_OBJECT = 0,
    JSON_LARGE_OBJECT = 1,
    JSON_SMALL_ARRAY = 2,
    JSON_LARGE_ARRAY = 3,
    JSON_LITERAL = 4,
    JSON_INT16 = 5,
    JSON_UINT16 = 6,
    JSON_INT32 = 7,
    JSON_UINT32 = 8,
    JSON_INT64 = 9,
    JSON_UINT64 = 10,
    JSON_DOUBLE = 11,
    JSON_STRING = 12,
    JSON_OPAQUE = 15,
};

struct printer {
    struct buf *out;
    uint64_t budget; /* bytes of the document that may still be read */
    unsigned depth;
};

struct container {
    struct bytes bytes; /* from the byte after the type byte, `size` long */
    uint32_t count;
    unsigned width; /* 2 or 4 */
    bool object;
};

static bool print_value(struct printer *p, uint8_t type, struct bytes data);

static bool spend(struct printer *p, uint64_t n)
{
    if (n > p->budget)
        return false;
    p->budget -= n;
    return true;
}

static void print_quoted(struct buf *out, struct bytes s)
{
    static const char hex[] = "0123456789abcdef";
    static const char escapes[] = "\b\t\n\f\r\"\\";
    static const char letters[] = "btnfr\"\\";
    size_t start = 0;

    buf_put_u8(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        uint8_t ch = s.data[i];
        const char *e;

        if (ch >= 0x20 && ch != '"' && ch != '\\')
            continue;
        buf_put(out, s.data + start, i - start);
        start = i + 1;
        e = ch ? strchr(escapes, ch) : NULL;
        if (e) {
            buf_put_u8(out, '\\');
            buf_put_u8(out, (uint8_t)letters[e - escapes]);
        } else {
            buf_put_str(out, "\\u00");
            buf_put_u8(out, (uint8_t)hex[ch >> 4]);
            buf_put_u8(out, (uint8_t)hex[ch & 15]);
        }
    }
    if (s.len > start)
        buf_put(out, s.data + start, s.len - start);
    buf_put_u8(out, '"');
}

/* 7 bits a byte, low first, at most five bytes. */
static bool read_length(struct cursor *c, uint64_t *out)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t b = cursor_u8(c);

        v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80)) {
            *out = v;
            return !c->bad;
        }
    }
    return false;
}

static bool read_string(struct printer *p, struct cursor *c, struct bytes *out)
{
    uint64_t n = 0;

    if (!read_length(c, &n) || !spend(p, n))
        return false;
    *out = cursor_bytes(c, n);
    return !c->bad;
}

static void put_base64_group(struct buf *out, const uint8_t *in, size_t n)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t v = (uint32_t)in[0] << 16;

    if (n > 1)
        v |= (uint32_t)in[1] << 8;
    if (n > 2)
        v |= in[2];
    buf_put_u8(out, (uint8_t)alphabet[v >> 18]);
    buf_put_u8(out, (uint8_t)alphabet[v >> 12 & 63]);
    buf_put_u8(out, n > 1 ? (uint8_t)alphabet[v >> 6 & 63] : '=');
    buf_put_u8(out, n > 2 ? (uint8_t)alphabet[v & 63] : '=');
}

/* The server breaks base64 into lines of 76; inside the quotes a line end is \n. */
static void print_base64(struct buf *out, uint8_t type, struct bytes data)
{
    size_t line = 0;

    buf_putf(out, "\"base64:type%u:", type);
    for (size_t i = 0; i < data.len; i += 3) {
        if (line == BASE64_LINE) {
            buf_put_str(out, "\\n");
            line = 0;
        }
        put_base64_group(out, data.data + i, data.len - i);
        line += 4;
    }
    buf_put_u8(out, '"');
}

static bool print_decimal(struct buf *out, struct bytes data)
{
    struct cursor c = cursor_of(data);
    char text[DECIMAL_TEXT_SIZE];
    size_t len = 0;
    unsigned precision = cursor_u8(&c);
    unsigned scale = cursor_u8(&c);

    if (c.bad || !decimal_decode(&c, precision, scale, text, &len))
        return false;
    buf_put(out, text, len);
    return true;
}

static bool print_temporal(struct buf *out, uint8_t type, struct bytes data)
{
    struct cursor c = cursor_of(data);
    char text[40];
    size_t len = 0;
    int64_t packed = (int64_t)cursor_u64(&c);

    if (c.bad || !temporal_packed(packed, type, text, &len))
        return false;
    buf_put_u8(out, '"');
    buf_put(out, text, len);
    buf_put_u8(out, '"');
    return true;
}

static bool print_opaque(struct printer *p, struct bytes data)
{
    struct cursor c = cursor_of(data);
    uint8_t type = cursor_u8(&c);
    struct bytes value;

    if (!read_string(p, &c, &value))
        return false;
    switch (type) {
    case WIRE_NEWDECIMAL:
        return print_decimal(p->out, value);
    case WIRE_DATE:
    case WIRE_TIME:
    case WIRE_DATETIME:
    case WIRE_TIMESTAMP:
        return print_temporal(p->out, type, value);
    case TYPE_VAR_STRING:
        print_quoted(p->out, value);
        return true;
    default:
        print_base64(p->out, type, value);
        return true;
    }
}

static bool print_literal(struct buf *out, uint8_t literal)
{
    static const char *const names[] = {"null", "true", "false"};

    if (literal > 2)
        return false;
    buf_put_str(out, names[literal]);
    return true;
}

static bool print_double(struct buf *out, uint64_t bits)
{
    char text[DOUBLE_TEXT_SIZE];
    double d;
    size_t n;

    memcpy(&d, &bits, sizeof(d));
    if (!isfinite(d))
        return false;
    n = double_print(d, text);
    buf_put(out, text, n);
    if (!memchr(text, '.', n) && !memchr(text, 'e', n))
        buf_put_str(out, ".0");
    return true;
}

static bool print_scalar(struct printer *p, uint8_t type, struct bytes data)
{
    struct cursor c = cursor_of(data);
    struct bytes s;
    uint64_t v;

    switch (type) {
    case JSON_LITERAL:
        return print_literal(p->out, cursor_u8(&c)) && !c.bad;
    case JSON_INT16:
        buf_putf(p->out, "%d", (int16_t)cursor_u16(&c));
        return !c.bad;
    case JSON_UINT16:
        buf_putf(p->out, "%u", cursor_u16(&c));
        return !c.bad;
    case JSON_INT32:
        buf_putf(p->out, "%d", (int32_t)cursor_u32(&c));
        return !c.bad;
    case JSON_UINT32:
        buf_putf(p->out, "%u", cursor_u32(&c));
        return !c.bad;
    case JSON_INT64:
        buf_putf(p->out, "%lld", (long long)cursor_u64(&c));
        return !c.bad;
    case JSON_UINT64:
        buf_putf(p->out, "%llu", (unsigned long long)cursor_u64(&c));
        return !c.bad;
    case JSON_DOUBLE:
        v = cursor_u64(&c);
        return !c.bad && print_double(p->out, v);
    case JSON_STRING:
        if (!read_string(p, &c, &s))
            return false;
        print_quoted(p->out, s);
        return true;
    default:
        return type == JSON_OPAQUE && print_opaque(p, data);
    }
}

static bool read_container(struct printer *p, uint8_t type, struct bytes data,
                           struct container *out)
{
    struct cursor c = cursor_of(data);
    uint64_t head;
    uint64_t size;

    out->width = type == JSON_LARGE_OBJECT || type == JSON_LARGE_ARRAY ? 4 : 2;
    out->object = type == JSON_SMALL_OBJECT || type == JSON_LARGE_OBJECT;
    out->count = (uint32_t)cursor_uint(&c, out->width);
    size = cursor_uint(&c, out->width);
    head = 2u * out->width +
           (uint64_t)out->count * (1u + out->width + (out->object ? out->width + 2u : 0));
    if (c.bad || size > data.len || head > size || !spend(p, head))
        return false;
    out->bytes = bytes_of(data.data, size);
    return true;
}

static bool print_key(struct printer *p, const struct container *k, uint32_t i)
{
    struct cursor c = cursor_of(k->bytes);
    uint64_t offset;
    uint64_t len;

    cursor_bytes(&c, 2u * k->width + (uint64_t)i * (k->width + 2u));
    offset = cursor_uint(&c, k->width);
    len = cursor_u16(&c);
    if (c.bad || offset > k->bytes.len || len > k->bytes.len - offset || !spend(p, len))
        return false;
    print_quoted(p->out, bytes_of(k->bytes.data + offset, len));
    buf_put_str(p->out, ": ");
    return true;
}

static bool is_inline(uint8_t type, unsigned width)
{
    return type == JSON_LITERAL || type == JSON_INT16 || type == JSON_UINT16 ||
           (width == 4 && (type == JSON_INT32 || type == JSON_UINT32));
}

static bool print_element(struct printer *p, const struct container *k, uint32_t i)
{
    struct cursor c = cursor_of(k->bytes);
    uint64_t keys = k->object ? (uint64_t)k->count * (k->width + 2u) : 0;
    struct bytes slot;
    uint64_t offset;
    uint8_t type;

    cursor_bytes(&c, 2u * k->width + keys + (uint64_t)i * (1u + k->width));
    type = cursor_u8(&c);
    slot = cursor_bytes(&c, k->width);
    if (c.bad)
        return false;
    if (is_inline(type, k->width))
        return print_scalar(p, type, slot);
    c = cursor_of(slot);
    offset = cursor_uint(&c, k->width);
    if (offset > k->bytes.len)
        return false;
    return print_value(p, type, bytes_of(k->bytes.data + offset, k->bytes.len - offset));
}

static bool print_container(struct printer *p, uint8_t type, struct bytes data)
{
    struct container k;

    if (p->depth == DEPTH_MAX || !read_container(p, type, data, &k))
        return false;
    p->depth++;
    buf_put_u8(p->out, k.object ? '{' : '[');
    for (uint32_t i = 0; i < k.count; i++) {
        if (i > 0)
            buf_put_str(p->out, ", ");
        if (k.object && !print_key(p, &k, i))
            return false;
        if (!print_element(p, &k, i))
            return false;
    }
    buf_put_u8(p->out, k.object ? '}' : ']');
    p->depth--;
    return true;
}

static bool print_value(struct printer *p, uint8_t type, struct bytes data)
{
    if (type <= JSON_LARGE_ARRAY)
        return print_container(p, type, data);
    return print_scalar(p, type, data);
}

bool json_binary_print(struct bytes doc, struct buf *out)
{
    struct printer p = {out, doc.len, 0};

    if (doc.len == 0) { /* written by INSERT IGNORE of old servers */
        buf_put_str(out, "null");
        return !out->overflow;
    }
    return print_value(&p, doc.data[0], bytes_of(doc.data + 1, doc.len - 1)) && !out->overflow;
}
