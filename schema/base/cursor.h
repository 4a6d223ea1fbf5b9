/*
 * cursor.h - bounds-checked reading of bytes that came from outside.
 *
 * The error is sticky: after a read past the end `bad` is set, every later read gives 0 or
 * an empty run, and nothing outside [p, end) is ever touched. Check `bad` once at the end.
 */
#ifndef SCHEMA_BASE_CURSOR_H
#define SCHEMA_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/bytes.h"

struct cursor {
    const uint8_t *p;
    const uint8_t *end;
    bool bad;
};

static inline struct cursor cursor_of(struct bytes b)
{
    /* NULL + 0 is undefined in C. */
    return (struct cursor){b.data, b.len ? b.data + b.len : b.data, false};
}

static inline size_t cursor_left(const struct cursor *c)
{
    return c->bad ? 0 : (size_t)(c->end - c->p);
}

uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16(struct cursor *c); /* little-endian, as all without _be */
uint32_t cursor_u24(struct cursor *c);
uint32_t cursor_u32(struct cursor *c);
uint64_t cursor_u48(struct cursor *c);
uint64_t cursor_u64(struct cursor *c);
uint64_t cursor_uint(struct cursor *c, size_t n);    /* n bytes LE, 0 <= n <= 8 */
uint64_t cursor_uint_be(struct cursor *c, size_t n); /* n bytes BE, 0 <= n <= 8 */
uint64_t cursor_varint(struct cursor *c);            /* LEB128; over 64 bits is bad */
uint64_t cursor_lenenc(struct cursor *c);            /* MySQL length-encoded; fb and ff are bad */
struct bytes cursor_bytes(struct cursor *c, uint64_t n); /* borrowed from the input */
struct bytes cursor_varbytes(struct cursor *c);          /* varint length, bytes */
struct bytes cursor_rest(struct cursor *c);

#endif
