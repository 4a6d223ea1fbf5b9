/*
 * map.h - hash map from bytes to a pointer.
 *
 * Keys are copied into the map; values are borrowed. Iteration is in insertion order of
 * the live entries. A zeroed struct is an empty map. Not for threads.
 */
#ifndef SCHEMA_BASE_MAP_H
#define SCHEMA_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/bytes.h"

struct map_entry {
    struct bytes key; /* owned by the map */
    void *value;
    uint64_t hash;
    bool live;
};

struct map {
    struct map_entry *entries; /* insertion order, with holes (live == false) */
    size_t n_entries;          /* including holes */
    size_t cap;
    size_t count; /* live entries */
    uint32_t *slots;
    size_t n_slots;
};

void map_release(struct map *m);
void map_reset(struct map *m);
void *map_get(const struct map *m, struct bytes key); /* NULL when absent */
/* Insert or replace; returns the former value or NULL. */
void *map_put(struct map *m, struct bytes key, void *value);
/* Where the key's value is kept; inserted as NULL when absent. Valid until the next insert. */
void **map_slot(struct map *m, struct bytes key);
void *map_remove(struct map *m, struct bytes key); /* the former value or NULL */
/* for (size_t i = 0; (e = map_next(m, &i)) != NULL;) */
struct map_entry *map_next(const struct map *m, size_t *i);

#endif
