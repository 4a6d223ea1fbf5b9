#include "schema/base/map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "schema/base/xalloc.h"

#define MAP_CAP_MIN 8

/* slots: open addressing; 0 is free, else the index of an entry plus 1, live or not. */

static uint64_t hash_of(struct bytes key)
{
    return XXH3_64bits(key.len ? key.data : (const uint8_t *)"", key.len);
}

static void free_keys(struct map *m)
{
    for (size_t i = 0; i < m->n_entries; i++)
        if (m->entries[i].live)
            free((void *)m->entries[i].key.data);
}

void map_release(struct map *m)
{
    free_keys(m);
    free(m->entries);
    free(m->slots);
    *m = (struct map){0};
}

void map_reset(struct map *m)
{
    free_keys(m);
    m->n_entries = 0;
    m->count = 0;
    if (m->slots != NULL)
        memset(m->slots, 0, m->n_slots * sizeof(*m->slots));
}

static struct map_entry *find(const struct map *m, struct bytes key, uint64_t hash)
{
    if (m->n_slots == 0)
        return NULL;
    for (size_t i = hash & (m->n_slots - 1);; i = (i + 1) & (m->n_slots - 1)) {
        struct map_entry *e;

        if (m->slots[i] == 0)
            return NULL;
        e = &m->entries[m->slots[i] - 1];
        if (e->live && e->hash == hash && bytes_equal(e->key, key))
            return e;
    }
}

static void link_slot(struct map *m, size_t entry)
{
    size_t i = m->entries[entry].hash & (m->n_slots - 1);

    while (m->slots[i] != 0)
        i = (i + 1) & (m->n_slots - 1);
    m->slots[i] = (uint32_t)(entry + 1);
}

static void squeeze(struct map *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n_entries; i++)
        if (m->entries[i].live)
            m->entries[n++] = m->entries[i];
    m->n_entries = n;
}

/* Room for one more entry; the slots are always twice the entries, so probing ends. */
static void make_room(struct map *m)
{
    if (m->n_entries < m->cap)
        return;
    squeeze(m);
    if (m->n_entries >= m->cap / 2) {
        m->cap = m->cap ? m->cap * 2 : MAP_CAP_MIN;
        assert(m->cap < UINT32_MAX / 2);
        m->entries = xrealloc(m->entries, m->cap * sizeof(*m->entries));
        free(m->slots);
        m->n_slots = m->cap * 2;
        m->slots = xcalloc(m->n_slots, sizeof(*m->slots));
    } else {
        memset(m->slots, 0, m->n_slots * sizeof(*m->slots));
    }
    for (size_t i = 0; i < m->n_entries; i++)
        link_slot(m, i);
}

void *map_get(const struct map *m, struct bytes key)
{
    struct map_entry *e = find(m, key, hash_of(key));

    return e ? e->value : NULL;
}

void **map_slot(struct map *m, struct bytes key)
{
    uint64_t hash = hash_of(key);
    struct map_entry *e = find(m, key, hash);
    uint8_t *copy;

    if (e != NULL)
        return &e->value;
    make_room(m);
    copy = xcalloc(key.len + 1, 1);
    if (key.len > 0)
        memcpy(copy, key.data, key.len);
    e = &m->entries[m->n_entries];
    *e = (struct map_entry){.key = {copy, key.len}, .hash = hash, .live = true};
    link_slot(m, m->n_entries);
    m->n_entries++;
    m->count++;
    return &e->value;
}

void *map_put(struct map *m, struct bytes key, void *value)
{
    void **slot = map_slot(m, key);
    void *former = *slot;

    *slot = value;
    return former;
}

void *map_remove(struct map *m, struct bytes key)
{
    struct map_entry *e = find(m, key, hash_of(key));

    if (e == NULL)
        return NULL;
    free((void *)e->key.data);
    e->key = BYTES_EMPTY;
    e->live = false;
    m->count--;
    return e->value;
}

struct map_entry *map_next(const struct map *m, size_t *i)
{
    while (*i < m->n_entries) {
        struct map_entry *e = &m->entries[(*i)++];

        if (e->live)
            return e;
    }
    return NULL;
}
