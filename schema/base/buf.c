#include "schema/base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/xalloc.h"

#define BUF_CAP_MIN 64

void buf_release(struct buf *b)
{
    free(b->data);
    *b = BUF_INIT_MAX(b->max);
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->overflow = false;
    if (b->data != NULL)
        b->data[0] = '\0';
}

void buf_reset_to(struct buf *b, size_t keep)
{
    if (b->cap > keep)
        buf_release(b);
    else
        buf_reset(b);
}

void buf_take(struct buf *b, struct buf *from)
{
    if (b->len == 0 && !b->overflow && !from->overflow && from->len <= b->max) {
        const struct buf was = *b;

        *b = (struct buf){from->data, from->len, from->cap, was.max, false};
        *from = (struct buf){was.data, 0, was.cap, from->max, false};
    } else {
        buf_put_bytes(b, buf_bytes(from));
        b->overflow = b->overflow || from->overflow;
    }
    buf_reset(from);
}

void buf_truncate(struct buf *b, size_t len)
{
    assert(len <= b->len);
    b->len = len;
    if (b->data != NULL)
        b->data[len] = '\0';
}

/* One byte more than asked for, for the NUL. */
static void grow(struct buf *b, size_t need)
{
    size_t cap = b->cap ? b->cap : BUF_CAP_MIN;

    while (cap <= need)
        cap = cap > SIZE_MAX / 2 ? need + 1 : cap * 2;
    b->data = xrealloc(b->data, cap);
    b->cap = cap;
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
    /* Once bytes were dropped nothing may follow them: a content with a hole is worse. */
    if (b->overflow || b->len > b->max || n > b->max - b->len) {
        b->overflow = true;
        return NULL;
    }
    if (b->data == NULL || b->cap - b->len <= n)
        grow(b, b->len + n);
    return b->data + b->len;
}

static void advance(struct buf *b, size_t n)
{
    b->len += n;
    b->data[b->len] = '\0';
}

void buf_put(struct buf *b, const void *data, size_t len)
{
    uint8_t *p = buf_reserve(b, len);

    if (p == NULL)
        return;
    if (len > 0)
        memcpy(p, data, len);
    advance(b, len);
}

void buf_put_bytes(struct buf *b, struct bytes bytes)
{
    buf_put(b, bytes.data, bytes.len);
}

void buf_put_str(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s));
}

void buf_putf(struct buf *b, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    buf_vputf(b, fmt, args);
    va_end(args);
}

void buf_vputf(struct buf *b, const char *fmt, va_list args)
{
    va_list again;
    uint8_t *p;
    int n;

    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, args);
    assert(n >= 0);
    p = buf_reserve(b, (size_t)n);
    if (p != NULL) {
        vsnprintf((char *)p, (size_t)n + 1, fmt, again);
        advance(b, (size_t)n);
    }
    va_end(again);
}

static void put_le(struct buf *b, uint64_t v, size_t n)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(v >> (8 * i));
    buf_put(b, bytes, n);
}

void buf_put_u8(struct buf *b, uint8_t v)
{
    put_le(b, v, 1);
}

void buf_put_u16(struct buf *b, uint16_t v)
{
    put_le(b, v, 2);
}

void buf_put_u32(struct buf *b, uint32_t v)
{
    put_le(b, v, 4);
}

void buf_put_u64(struct buf *b, uint64_t v)
{
    put_le(b, v, 8);
}

void buf_put_varint(struct buf *b, uint64_t v)
{
    uint8_t bytes[10];
    size_t n = 0;

    while (v >= 0x80) {
        bytes[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    bytes[n++] = (uint8_t)v;
    buf_put(b, bytes, n);
}

void buf_put_varbytes(struct buf *b, struct bytes bytes)
{
    buf_put_varint(b, bytes.len);
    buf_put_bytes(b, bytes);
}

const char *buf_cstr(struct buf *b)
{
    return b->data == NULL ? "" : (const char *)b->data;
}
