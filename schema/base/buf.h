/*
 * buf.h - a growing byte buffer with a maximum it is born with.
 *
 * Appending over `max` sets `overflow` and drops the bytes: the owner checks it once at the
 * end instead of after each call. A zeroed struct with max set is an empty buffer.
 */
#ifndef SCHEMA_BASE_BUF_H
#define SCHEMA_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/bytes.h"

struct buf {
    uint8_t *data; /* owned; data[len] is always a NUL once anything was appended */
    size_t len;
    size_t cap;
    size_t max; /* bytes; appending beyond it sets overflow */
    bool overflow;
};

#define BUF_MAX_DEFAULT ((size_t)1 << 30)
#define BUF_INIT ((struct buf){NULL, 0, 0, BUF_MAX_DEFAULT, false})
#define BUF_INIT_MAX(n) ((struct buf){NULL, 0, 0, (n), false})

void buf_release(struct buf *b); /* frees; the struct is empty again with its max */
void buf_reset(struct buf *b);   /* empties, keeps memory, clears overflow */
/* As reset, but a buffer that has become larger than keep is freed. */
void buf_reset_to(struct buf *b, size_t keep);
/* Append what from has, and empty it. An empty b takes from's memory instead of a copy. */
void buf_take(struct buf *b, struct buf *from);
void buf_truncate(struct buf *b, size_t len); /* len <= b->len */
/* Room for n more bytes; returns where to write, or NULL on overflow. Adds nothing to len. */
uint8_t *buf_reserve(struct buf *b, size_t n);

void buf_put(struct buf *b, const void *data, size_t len);
void buf_put_bytes(struct buf *b, struct bytes bytes);
void buf_put_str(struct buf *b, const char *s); /* without NUL */
void buf_putf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vputf(struct buf *b, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v); /* little-endian, as all below */
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
void buf_put_varint(struct buf *b, uint64_t v);           /* LEB128, at most 10 bytes */
void buf_put_varbytes(struct buf *b, struct bytes bytes); /* varint length, bytes */

/* The content as a C string ("" when empty). It is borrowed until the next append. */
const char *buf_cstr(struct buf *b);
static inline struct bytes buf_bytes(const struct buf *b)
{
    return (struct bytes){b->data, b->len};
}

#endif
