#include "schema/value.h"

#include <string.h>

#include "schema/base/buf.h"
#include "schema/base/cursor.h"

static bool kind_has_bytes(enum value_kind kind)
{
    switch (kind) {
    case VALUE_DECIMAL:
    case VALUE_TEMPORAL:
    case VALUE_TEXT:
    case VALUE_BYTES:
    case VALUE_JSON:
        return true;
    default:
        return false;
    }
}

/* The bits of a number; floats keep their sign of zero and their NaN payload. */
static uint64_t value_bits(const struct value *v)
{
    uint64_t bits = 0;

    switch (v->kind) {
    case VALUE_INT:
        return (uint64_t)v->i;
    case VALUE_UINT:
        return v->u;
    case VALUE_FLOAT:
        memcpy(&bits, &v->f, sizeof(v->f));
        return bits;
    case VALUE_DOUBLE:
        memcpy(&bits, &v->d, sizeof(v->d));
        return bits;
    default:
        return 0;
    }
}

bool value_equal(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind)
        return false;
    if (kind_has_bytes(a->kind))
        return bytes_equal(a->b, b->b);
    return value_bits(a) == value_bits(b);
}

struct value value_copy(struct arena *a, const struct value *v)
{
    struct value copy = *v;

    if (kind_has_bytes(v->kind))
        copy.b = arena_bytes(a, v->b);
    return copy;
}

void value_put_key(struct buf *b, const struct value *v)
{
    buf_put_u8(b, (uint8_t)v->kind);
    if (kind_has_bytes(v->kind))
        buf_put_varbytes(b, v->b);
    else if (v->kind != VALUE_NULL && v->kind != VALUE_ABSENT)
        buf_put_u64(b, value_bits(v));
}

struct value value_take_key(struct cursor *c)
{
    struct value v = {.kind = (enum value_kind)cursor_u8(c)};
    uint64_t bits;

    if (kind_has_bytes(v.kind)) {
        v.b = cursor_varbytes(c);
        return v;
    }
    if (v.kind > VALUE_ABSENT)
        c->bad = true;
    if (v.kind == VALUE_NULL || v.kind >= VALUE_ABSENT)
        return v;
    bits = cursor_u64(c);
    if (v.kind == VALUE_FLOAT)
        memcpy(&v.f, &bits, sizeof(v.f));
    else
        v.u = bits; /* i and d share these bytes */
    return v;
}
