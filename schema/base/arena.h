/*
 * arena.h - memory that dies all at once.
 *
 * Changes and values of one transaction, or the parts of one table definition, point into
 * an arena and are gone with it. A zeroed struct is an empty arena. Not for threads.
 */
#ifndef SCHEMA_BASE_ARENA_H
#define SCHEMA_BASE_ARENA_H

#include <stddef.h>

#include "schema/base/bytes.h"

struct arena_block;

struct arena {
    struct arena_block *head;  /* in use, the current block first */
    struct arena_block *spare; /* kept by reset */
    size_t used;               /* bytes handed out since init or reset */
};

void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned to 16, never NULL */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct bytes arena_bytes(struct arena *a, struct bytes b); /* copy */
void arena_reset(struct arena *a);   /* all memory handed out dies; blocks are kept, up to 16 MiB */
void arena_release(struct arena *a); /* frees everything; the struct is empty again */

#endif
