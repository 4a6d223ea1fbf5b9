#include "schema/base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/xalloc.h"

#define ARENA_ALIGN 16
#define ARENA_BLOCK_MIN ((size_t)64 << 10)
#define ARENA_BLOCK_MAX ((size_t)1 << 20)
/* One huge transaction must not hold its memory for the rest of the run. */
#define ARENA_SPARE_MAX ((size_t)16 << 20)

struct arena_block {
    struct arena_block *next;
    size_t size; /* of data */
    size_t used;
    _Alignas(ARENA_ALIGN) uint8_t data[];
};

static size_t block_size_for(const struct arena *a, size_t size)
{
    size_t want = a->head ? a->head->size * 2 : ARENA_BLOCK_MIN;

    if (want > ARENA_BLOCK_MAX)
        want = ARENA_BLOCK_MAX;
    return size > want ? size : want;
}

static struct arena_block *take_spare(struct arena *a, size_t size)
{
    for (struct arena_block **at = &a->spare; *at != NULL; at = &(*at)->next) {
        struct arena_block *b = *at;

        if (b->size >= size) {
            *at = b->next;
            return b;
        }
    }
    return NULL;
}

static void add_block(struct arena *a, size_t size)
{
    struct arena_block *b = take_spare(a, size);

    if (b == NULL) {
        size_t data = block_size_for(a, size);

        assert(data <= SIZE_MAX - sizeof(*b));
        b = xrealloc(NULL, sizeof(*b) + data);
        b->size = data;
    }
    b->used = 0;
    b->next = a->head;
    a->head = b;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t rounded = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    uint8_t *p;

    assert(rounded >= size);
    if (rounded == 0)
        rounded = ARENA_ALIGN;
    if (a->head == NULL || a->head->size - a->head->used < rounded)
        add_block(a, rounded);
    p = a->head->data + a->head->used;
    a->head->used += rounded;
    a->used += rounded;
    return memset(p, 0, rounded);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *copy = arena_alloc(a, len + 1);

    memcpy(copy, s, len);
    return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args;
    char *text;
    int n;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(n >= 0);
    text = arena_alloc(a, (size_t)n + 1);
    va_start(args, fmt);
    vsnprintf(text, (size_t)n + 1, fmt, args);
    va_end(args);
    return text;
}

struct bytes arena_bytes(struct arena *a, struct bytes b)
{
    uint8_t *copy = arena_alloc(a, b.len);

    if (b.len > 0)
        memcpy(copy, b.data, b.len);
    return (struct bytes){copy, b.len};
}

void arena_reset(struct arena *a)
{
    struct arena_block *spare = NULL;
    struct arena_block *next;
    size_t kept = 0;

    for (int list = 0; list < 2; list++) {
        for (struct arena_block *b = list ? a->spare : a->head; b != NULL; b = next) {
            next = b->next;
            if (kept + b->size > ARENA_SPARE_MAX) {
                free(b);
                continue;
            }
            kept += b->size;
            b->next = spare;
            spare = b;
        }
    }
    *a = (struct arena){.spare = spare};
}

static void free_list(struct arena_block *b)
{
    struct arena_block *next;

    for (; b != NULL; b = next) {
        next = b->next;
        free(b);
    }
}

void arena_release(struct arena *a)
{
    free_list(a->head);
    free_list(a->spare);
    *a = (struct arena){0};
}
