#include "schema/base/cursor.h"

#include <assert.h>

/* Where n bytes start, or NULL (and bad) when they are not there. */
static const uint8_t *take(struct cursor *c, uint64_t n)
{
    const uint8_t *p = c->p;

    if (c->bad || n > (uint64_t)(c->end - c->p)) {
        c->bad = true;
        return NULL;
    }
    if (n > 0) /* NULL + 0 is undefined in C */
        c->p += n;
    return p;
}

uint64_t cursor_uint(struct cursor *c, size_t n)
{
    const uint8_t *p;
    uint64_t v = 0;

    assert(n <= 8);
    p = take(c, n);
    if (p == NULL)
        return 0;
    for (size_t i = n; i > 0; i--)
        v = v << 8 | p[i - 1];
    return v;
}

uint64_t cursor_uint_be(struct cursor *c, size_t n)
{
    const uint8_t *p;
    uint64_t v = 0;

    assert(n <= 8);
    p = take(c, n);
    if (p == NULL)
        return 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

uint8_t cursor_u8(struct cursor *c)
{
    return (uint8_t)cursor_uint(c, 1);
}

uint16_t cursor_u16(struct cursor *c)
{
    return (uint16_t)cursor_uint(c, 2);
}

uint32_t cursor_u24(struct cursor *c)
{
    return (uint32_t)cursor_uint(c, 3);
}

uint32_t cursor_u32(struct cursor *c)
{
    return (uint32_t)cursor_uint(c, 4);
}

uint64_t cursor_u48(struct cursor *c)
{
    return cursor_uint(c, 6);
}

uint64_t cursor_u64(struct cursor *c)
{
    return cursor_uint(c, 8);
}

uint64_t cursor_varint(struct cursor *c)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = cursor_u8(c);

        if (c->bad || (shift == 63 && byte > 1))
            break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return v;
    }
    c->bad = true;
    return 0;
}

uint64_t cursor_lenenc(struct cursor *c)
{
    uint8_t first = cursor_u8(c);

    if (first < 0xfb)
        return first;
    switch (first) {
    case 0xfc:
        return cursor_u16(c);
    case 0xfd:
        return cursor_u24(c);
    case 0xfe:
        return cursor_u64(c);
    default:
        c->bad = true;
        return 0;
    }
}

struct bytes cursor_bytes(struct cursor *c, uint64_t n)
{
    const uint8_t *p = take(c, n);

    return c->bad ? BYTES_EMPTY : (struct bytes){p, (size_t)n};
}

struct bytes cursor_varbytes(struct cursor *c)
{
    uint64_t n = cursor_varint(c);

    return cursor_bytes(c, n);
}

struct bytes cursor_rest(struct cursor *c)
{
    return cursor_bytes(c, cursor_left(c));
}
