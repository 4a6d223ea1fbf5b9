#include "tests/lib/memory_ops.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/xalloc.h"

/* ---- lanes ---- */

static struct memory_lane *find_lane(struct memory_server *server, const char *channel,
                                     uint32_t lane)
{
    for (size_t i = 0; i < server->n_lanes; i++) {
        struct memory_lane *l = server->lanes[i];

        if (l->committed.lane == lane && strcmp(l->committed.channel, channel) == 0)
            return l;
    }
    return NULL;
}

static bool fenced(uint64_t lsn, struct err *err)
{
    err_reason(err, ERR_DATA, "fenced",
               "another owner took the lane over, or it is not at lsn %llu",
               (unsigned long long)lsn);
    return false;
}

bool memory_lane_lock(struct memory_target *m, const struct unit *u, struct err *err)
{
    struct memory_lane *l = find_lane(m->session.server, m->channel, m->lane);

    assert(!m->session.in_transaction);
    if (l && l->owner && l->owner != &m->session) {
        err_server(err, ERR_RETRY, ERR_SIDE_TARGET, 0, "lane: lock wait timeout");
        return false;
    }
    if (!l || l->committed.epoch != m->epoch || l->committed.lsn != u->prev_lsn)
        return fenced(u->prev_lsn, err);
    l->owner = &m->session;
    l->pending = l->committed;
    m->session.lane = l;
    m->session.in_transaction = true;
    return true;
}

void memory_lane_advance(struct memory_target *m, const struct unit *u)
{
    struct lane_state *state = &m->session.lane->pending;

    state->lsn = u->lsn;
    state->gtid = u->gtid;
    state->position = u->position;
    state->commit_us = u->commit_us;
}

bool memory_lane_read(struct target *t, const char *channel, uint32_t lane, bool *exists,
                      struct lane_state *out, struct err *err)
{
    struct memory_target *m = memory_of(t);
    struct memory_lane *l = find_lane(m->session.server, channel, lane);

    if (!memory_point(m, MEMORY_READ, err))
        return false;
    memset(out, 0, sizeof(*out));
    *exists = l != NULL;
    if (l)
        *out = l->committed;
    return true;
}

static struct memory_lane *make_lane(struct memory_server *server, const char *channel,
                                     uint32_t lane)
{
    struct memory_lane *l = xcalloc(1, sizeof(*l));

    snprintf(l->committed.channel, sizeof(l->committed.channel), "%s", channel);
    l->committed.lane = lane;
    server->lanes = xrealloc(server->lanes, (server->n_lanes + 1) * sizeof(l));
    server->lanes[server->n_lanes++] = l;
    return l;
}

bool memory_take_over(struct target *t, const char *channel, uint32_t lane,
                      const uint8_t queue_uuid[16], struct lane_state *out, struct err *err)
{
    static const uint8_t none[16];
    struct memory_target *m = memory_of(t);
    struct memory_lane *l = find_lane(m->session.server, channel, lane);

    if (!memory_point(m, MEMORY_BEFORE_COMMIT, err))
        return false;
    if (!l)
        l = make_lane(m->session.server, channel, lane);
    if (l->owner) {
        err_server(err, ERR_RETRY, ERR_SIDE_TARGET, 0, "lane: lock wait timeout");
        return false;
    }
    if (memcmp(queue_uuid, none, 16) != 0 && memcmp(l->committed.queue_uuid, none, 16) != 0 &&
        memcmp(l->committed.queue_uuid, queue_uuid, 16) != 0) {
        err_reason(err, ERR_DATA, "other_queue", "the copy %s was filled from another queue",
                   channel);
        return false;
    }
    if (memcmp(queue_uuid, none, 16) != 0)
        memcpy(l->committed.queue_uuid, queue_uuid, 16);
    l->committed.epoch++;
    if (!memory_point(m, MEMORY_AFTER_COMMIT, err))
        return false;
    *out = l->committed;
    snprintf(m->channel, sizeof(m->channel), "%s", channel);
    m->lane = lane;
    m->epoch = out->epoch;
    m->owns_lane = true;
    return true;
}

bool memory_state_exists(struct target *t, bool *exists, struct err *err)
{
    struct memory_target *m = memory_of(t);

    *exists = m->session.server->has_state;
    return memory_point(m, MEMORY_READ, err);
}

bool memory_state_init(struct target *t, struct err *err)
{
    struct memory_target *m = memory_of(t);

    if (!memory_point(m, MEMORY_BEFORE_DEFINE, err))
        return false;
    m->session.server->has_state = true;
    return memory_point(m, MEMORY_AFTER_DEFINE, err);
}

/* ---- table states ---- */

static struct memory_state *find_state(struct memory_server *server, const char *channel,
                                       const char *db, const char *name)
{
    for (size_t i = 0; i < server->n_states; i++) {
        struct memory_state *s = &server->states[i];

        if (strcmp(s->channel, channel) == 0 && strcmp(s->state.db, db) == 0 &&
            strcmp(s->state.name, name) == 0)
            return s;
    }
    return NULL;
}

static struct table_state copy_state(const struct table_state *from)
{
    struct table_state copy = *from;

    copy.definition = from->definition ? xstrdup(from->definition) : NULL;
    return copy;
}

static int by_name(const void *a, const void *b)
{
    const struct table_state *x = a, *y = b;
    int order = strcmp(x->db, y->db);

    return order ? order : strcmp(x->name, y->name);
}

bool memory_tables_read(struct target *t, const char *channel, struct table_state **out, size_t *n,
                        struct err *err)
{
    struct memory_target *m = memory_of(t);
    struct memory_server *server = m->session.server;

    *out = NULL;
    *n = 0;
    if (!memory_point(m, MEMORY_READ, err))
        return false;
    *out = xcalloc(server->n_states + 1, sizeof(**out));
    for (size_t i = 0; i < server->n_states; i++)
        if (strcmp(server->states[i].channel, channel) == 0)
            (*out)[(*n)++] = copy_state(&server->states[i].state);
    qsort(*out, *n, sizeof(**out), by_name);
    return true;
}

static void put_state(struct memory_server *server, const char *channel,
                      const struct table_state *state)
{
    struct memory_state *s = find_state(server, channel, state->db, state->name);

    if (!s) {
        server->states = xrealloc(server->states, (server->n_states + 1) * sizeof(*s));
        s = &server->states[server->n_states++];
        *s = (struct memory_state){.channel = xstrdup(channel)};
    }
    free(s->state.definition);
    s->state = copy_state(state);
}

bool memory_tables_save(struct target *t, const char *channel,
                        const struct table_state *const *states, size_t n, struct err *err)
{
    struct memory_target *m = memory_of(t);

    if (!memory_point(m, MEMORY_BEFORE_COMMIT, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (strlen(states[i]->name) > NAME_CHARS_MAX || strlen(states[i]->db) > NAME_CHARS_MAX) {
            err_set(err, ERR_SERVER, "a name of a table's state is too long");
            return false;
        }
    }
    for (size_t i = 0; i < n; i++)
        put_state(m->session.server, channel, states[i]);
    return memory_point(m, MEMORY_AFTER_COMMIT, err);
}

bool memory_table_save(struct target *t, const char *channel, const struct table_state *state,
                       struct err *err)
{
    return memory_tables_save(t, channel, &state, 1, err);
}

/* ---- chunks ---- */

static char *chunk_table(const char *channel, const char *db, const char *name)
{
    return xasprintf("%s\x1f%s\x1f%s", channel, db, name);
}

static void remove_chunks(struct memory_server *server, const char *table)
{
    size_t kept = 0;

    for (size_t i = 0; i < server->n_chunks; i++) {
        struct memory_chunk *c = &server->chunks[i];

        if (strcmp(c->table, table) != 0) {
            server->chunks[kept++] = *c;
            continue;
        }
        free(c->table);
        free(c->state.low);
        free(c->state.high);
    }
    server->n_chunks = kept;
}

static struct chunk_state copy_chunk(const struct chunk_state *from)
{
    struct chunk_state copy = *from;

    copy.low = from->low ? xstrdup(from->low) : NULL;
    copy.high = from->high ? xstrdup(from->high) : NULL;
    return copy;
}

bool memory_chunks_read(struct target *t, const char *channel, const char *db, const char *name,
                        struct chunk_state **out, size_t *n, struct err *err)
{
    struct memory_target *m = memory_of(t);
    struct memory_server *server = m->session.server;
    char *table = chunk_table(channel, db, name);
    bool ok = memory_point(m, MEMORY_READ, err);

    *out = xcalloc(server->n_chunks + 1, sizeof(**out));
    *n = 0;
    for (size_t i = 0; ok && i < server->n_chunks; i++)
        if (strcmp(server->chunks[i].table, table) == 0)
            (*out)[(*n)++] = copy_chunk(&server->chunks[i].state);
    free(table);
    return ok;
}

bool memory_chunks_plan(struct target *t, const char *channel, const char *db, const char *name,
                        const struct chunk_state *chunks, size_t n, struct err *err)
{
    struct memory_target *m = memory_of(t);
    struct memory_server *server = m->session.server;
    char *table = chunk_table(channel, db, name);

    if (!memory_point(m, MEMORY_BEFORE_COMMIT, err)) {
        free(table);
        return false;
    }
    remove_chunks(server, table);
    server->chunks = xrealloc(server->chunks, (server->n_chunks + n + 1) * sizeof(*server->chunks));
    for (size_t i = 0; i < n; i++)
        server->chunks[server->n_chunks++] =
            (struct memory_chunk){xstrdup(table), copy_chunk(&chunks[i])};
    free(table);
    return memory_point(m, MEMORY_AFTER_COMMIT, err);
}

bool memory_chunk_find(struct memory_target *m, const char *channel, const struct table *table,
                       uint64_t number, struct chunk_state **out, struct err *err)
{
    struct memory_server *server = m->session.server;
    char *name = chunk_table(channel, table->db, table->name);

    *out = NULL;
    for (size_t i = 0; i < server->n_chunks; i++) {
        struct memory_chunk *c = &server->chunks[i];

        if (strcmp(c->table, name) == 0 && c->state.number == number && !c->state.done)
            *out = &c->state;
    }
    free(name);
    if (!*out)
        err_reason(err, ERR_DATA, "fenced", "chunk %llu of table %s.%s is no longer ours",
                   (unsigned long long)number, table->db, table->name);
    return *out != NULL;
}

bool memory_table_forget(struct target *t, const char *channel, const char *db, const char *name,
                         struct err *err)
{
    struct memory_target *m = memory_of(t);
    struct memory_server *server = m->session.server;
    struct memory_state *s = find_state(server, channel, db, name);
    char *table = chunk_table(channel, db, name);

    if (!memory_point(m, MEMORY_BEFORE_COMMIT, err)) {
        free(table);
        return false;
    }
    remove_chunks(server, table);
    free(table);
    if (s) {
        free(s->channel);
        free(s->state.definition);
        *s = server->states[--server->n_states];
    }
    return memory_point(m, MEMORY_AFTER_COMMIT, err);
}
