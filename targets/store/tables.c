/*
 * tables.c - states of tables, and chunks of those under load.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/xalloc.h"
#include "targets/store/rows.h"

#define TABLES_MAX 100000
#define CHUNKS_MAX 10000000

/* ---- table states ---- */

struct tables_read {
    struct table_state *states;
    size_t n, cap;
};

static bool take_table(void *ctx, const struct value *cells, struct err *err)
{
    struct tables_read *read = ctx;
    struct table_state *s;

    if (read->n == TABLES_MAX) {
        err_set(err, ERR_DATA, "more than %d table states on the target", TABLES_MAX);
        return false;
    }
    if (read->n == read->cap) {
        read->cap = read->cap ? 2 * read->cap : 16;
        read->states = xrealloc(read->states, read->cap * sizeof(*s));
    }
    s = &read->states[read->n++];
    memset(s, 0, sizeof(*s));
    cell_copy(&cells[TABLE_DB], s->db, sizeof(s->db));
    cell_copy(&cells[TABLE_NAME], s->name, sizeof(s->name));
    cell_copy(&cells[TABLE_TARGET_DB], s->target_db, sizeof(s->target_db));
    cell_copy(&cells[TABLE_TARGET_NAME], s->target_name, sizeof(s->target_name));
    s->life = life_of_number(cells[TABLE_LIFE].u);
    s->lo = cells[TABLE_LO].u;
    s->hi = cells[TABLE_HI].u;
    s->rows = cells[TABLE_ROW_COUNT].u;
    cell_copy(&cells[TABLE_REASON], s->reason, sizeof(s->reason));
    s->definition = cell_heap(&cells[TABLE_DEFINITION]);
    if (s->life == TABLE_UNKNOWN) {
        s->life = TABLE_STOPPED;
        snprintf(s->reason, sizeof(s->reason), "its state on the target is none that we know");
    }
    return true;
}

bool target_tables_read(struct target *t, const char *channel, struct table_state **out, size_t *n,
                        struct err *err)
{
    struct value key = cell_text(channel);
    struct tables_read read = {NULL, 0, 0};
    bool ok = rows_read(t, STATE_TABLE, &key, 1, take_table, &read, err);

    /* Version 1 is read too, by who does not upgrade it. */
    if (!ok && strcmp(err->reason, "no_column") == 0) {
        *err = ERR_INIT;
        ok = t->ops->writer->state_read(t, STATE_TABLE, 1, &key, 1, take_table, &read, err);
    }
    if (!ok) {
        table_states_free(read.states, read.n);
        read = (struct tables_read){NULL, 0, 0};
    }
    *out = read.states;
    *n = read.n;
    return ok;
}

static void put_table(struct batch *b, const char *channel, const struct table_state *s)
{
    struct value *cells = batch_put(b, STATE_PUT, STATE_TABLE);

    cells[TABLE_CHANNEL] = cell_text(channel);
    cells[TABLE_DB] = cell_text(s->db);
    cells[TABLE_NAME] = cell_text(s->name);
    cells[TABLE_LIFE] = cell_number((uint64_t)s->life);
    cells[TABLE_LO] = cell_number(s->lo);
    cells[TABLE_HI] = cell_number(s->hi);
    cells[TABLE_ROW_COUNT] = cell_number(s->rows);
    cells[TABLE_REASON] = cell_text(s->reason);
    cells[TABLE_DEFINITION] = cell_text(s->definition);
    cells[TABLE_TARGET_DB] = cell_text(s->target_db);
    cells[TABLE_TARGET_NAME] = cell_text(s->target_name);
}

/* Under the name that the mapping gives it now. */
static bool route_state(const struct target *t, struct table_state *s, struct err *err)
{
    struct mapped_name to = {"", ""};

    /* What is not followed stays where it was. */
    if (s->life == TABLE_OUT)
        return true;
    if (mapping_renames(t->config.mapping) &&
        !mapping_name(t->config.mapping, s->db, s->name, &to, err))
        return false;
    snprintf(s->target_db, sizeof(s->target_db), "%s", to.db[0] ? to.db : s->db);
    snprintf(s->target_name, sizeof(s->target_name), "%s", to.name[0] ? to.name : s->name);
    return true;
}

bool target_tables_save(struct target *t, const struct table_state *const *states, size_t n,
                        struct err *err)
{
    struct batch b = {.n = 0};
    bool ok = true;

    if (n == 0)
        return true;
    batch_guard(&b, t);
    for (size_t i = 0; i < n && ok; i++) {
        struct table_state *routed = arena_alloc(&b.arena, sizeof(*routed));

        *routed = *states[i];
        ok = route_state(t, routed, err);
        put_table(&b, t->owner.channel, routed);
    }
    ok = ok && batch_run(t, &b, err);
    batch_release(&b);
    return ok;
}

bool target_table_save(struct target *t, const struct table_state *state, struct err *err)
{
    return target_tables_save(t, &state, 1, err);
}

static void remove_of_table(struct batch *b, const struct target *t, enum state_id id,
                            const char *db, const char *name)
{
    struct value *where = batch_remove(b, id);

    where[0] = cell_text(t->owner.channel);
    where[1] = cell_text(db);
    where[2] = cell_text(name);
}

bool target_table_forget(struct target *t, const char *db, const char *name, struct err *err)
{
    struct batch b = {.n = 0};
    bool ok;

    batch_guard(&b, t);
    remove_of_table(&b, t, STATE_CHUNK, db, name);
    remove_of_table(&b, t, STATE_TABLE, db, name);
    ok = batch_run(t, &b, err);
    batch_release(&b);
    return ok;
}

/* ---- chunks ---- */

struct chunks_read {
    struct chunk_state *chunks;
    size_t n, cap;
};

static bool take_chunk(void *ctx, const struct value *cells, struct err *err)
{
    struct chunks_read *read = ctx;

    if (read->n == CHUNKS_MAX) {
        err_set(err, ERR_DATA, "more than %d chunks of one table on the target", CHUNKS_MAX);
        return false;
    }
    if (read->n == read->cap) {
        read->cap = read->cap ? 2 * read->cap : 16;
        read->chunks = xrealloc(read->chunks, read->cap * sizeof(*read->chunks));
    }
    read->chunks[read->n++] = (struct chunk_state){
        .number = cells[CHUNK_NUMBER].u,
        .low = cell_heap(&cells[CHUNK_LOW]),
        .high = cell_heap(&cells[CHUNK_HIGH]),
        .done = cells[CHUNK_DONE].u != 0,
        .rows = cells[CHUNK_ROW_COUNT].u,
        .lo = cells[CHUNK_LO].u,
        .hi = cells[CHUNK_HI].u,
    };
    return true;
}

bool target_chunks_read(struct target *t, const char *channel, const char *db, const char *name,
                        struct chunk_state **out, size_t *n, struct err *err)
{
    struct value key[3] = {cell_text(channel), cell_text(db), cell_text(name)};
    struct chunks_read read = {NULL, 0, 0};
    bool ok = rows_read(t, STATE_CHUNK, key, 3, take_chunk, &read, err);

    if (!ok) {
        chunk_states_free(read.chunks, read.n);
        read = (struct chunks_read){NULL, 0, 0};
    }
    *out = read.chunks;
    *n = read.n;
    return ok;
}

bool target_chunks_plan(struct target *t, const char *db, const char *name,
                        const struct chunk_state *chunks, size_t n, struct err *err)
{
    struct batch b = {.n = 0};
    bool ok;

    batch_guard(&b, t);
    remove_of_table(&b, t, STATE_CHUNK, db, name);
    for (size_t i = 0; i < n; i++) {
        struct value *cells = batch_put(&b, STATE_PUT, STATE_CHUNK);

        cells[CHUNK_CHANNEL] = cell_text(t->owner.channel);
        cells[CHUNK_DB] = cell_text(db);
        cells[CHUNK_NAME] = cell_text(name);
        cells[CHUNK_NUMBER] = cell_number(chunks[i].number);
        cells[CHUNK_LOW] = cell_text(chunks[i].low);
        cells[CHUNK_HIGH] = cell_text(chunks[i].high);
        cells[CHUNK_DONE] = cell_number(chunks[i].done);
        cells[CHUNK_ROW_COUNT] = cell_number(chunks[i].rows);
        cells[CHUNK_LO] = cell_number(chunks[i].lo);
        cells[CHUNK_HI] = cell_number(chunks[i].hi);
    }
    ok = batch_run(t, &b, err);
    batch_release(&b);
    return ok;
}

static void mark_chunk(struct batch *b, const struct target *t, const struct chunk_state *chunk)
{
    struct value *cells = batch_put(b, STATE_SET, STATE_CHUNK);
    struct value *where = cells_new(&b->arena);
    struct state_change *c = &b->changes[b->n - 1];

    where[CHUNK_CHANNEL] = cell_text(t->owner.channel);
    where[CHUNK_DB] = cell_text(t->load_source->db);
    where[CHUNK_NAME] = cell_text(t->load_source->name);
    where[CHUNK_NUMBER] = cell_number(chunk->number);
    where[CHUNK_DONE] = cell_number(0);
    cells[CHUNK_DONE] = cell_number(1);
    cells[CHUNK_ROW_COUNT] = cell_number(chunk->rows);
    cells[CHUNK_LO] = cell_number(chunk->lo);
    cells[CHUNK_HI] = cell_number(chunk->hi);
    c->where = where;
    c->otherwise =
        arena_printf(&b->arena, "chunk %llu of table %s.%s is no longer ours",
                     (unsigned long long)chunk->number, t->load_source->db, t->load_source->name);
}

bool target_load_end(struct target *t, const struct chunk_state *chunk, struct err *err)
{
    struct batch b = {.n = 0};
    bool ok;

    batch_guard(&b, t);
    if (chunk)
        mark_chunk(&b, t, chunk);
    ok = t->ops->writer->load_end(t, b.changes, b.n, err);
    batch_release(&b);
    return ok;
}
