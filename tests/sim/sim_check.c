/*
 * sim_check.c - the right answer, and whether what is durable is it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/xalloc.h"
#include "tests/sim/sim_world.h"

#define WHY_SIZE 512

/* ---- a row in words: here values may be shown, they are invented ---- */

static void put_value(struct buf *b, const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
        buf_put_str(b, "NULL");
        break;
    case VALUE_INT:
        buf_putf(b, "%lld", (long long)v->i);
        break;
    case VALUE_UINT:
        buf_putf(b, "%llu", (unsigned long long)v->u);
        break;
    case VALUE_TEXT:
        buf_putf(b, "'%.*s'", (int)v->b.len, (const char *)v->b.data);
        break;
    default:
        buf_putf(b, "(kind %d)", v->kind);
    }
}

static void put_row(struct buf *b, const struct table *t, const struct value *row)
{
    for (uint32_t i = 0; i < t->n_columns; i++) {
        buf_putf(b, "%s%s=", i ? " " : "", t->columns[i].name);
        put_value(b, &row[i]);
    }
}

static bool differs(char *why, const struct table *t, const char *what, const struct value *row)
{
    struct buf text = BUF_INIT;

    put_row(&text, t, row);
    snprintf(why, WHY_SIZE, "table %s.%s: %s: %s", t->db, t->name, what, buf_cstr(&text));
    buf_release(&text);
    return false;
}

/* ---- one table ---- */

static void put_key(struct buf *b, const struct table *t, const struct value *row)
{
    buf_reset(b);
    for (uint32_t i = 0; i < t->n_row_key; i++)
        value_put_key(b, &row[t->row_key[i]]);
    for (uint32_t i = 0; t->n_row_key == 0 && i < t->n_columns; i++)
        value_put_key(b, &row[i]);
}

static bool same_columns(const struct table *a, const struct table *b)
{
    bool same = a->n_columns == b->n_columns;

    for (uint32_t i = 0; same && i < a->n_columns; i++)
        same = strcmp(a->columns[i].name, b->columns[i].name) == 0;
    return same;
}

static bool compare_row(const struct memory_table *have, const struct table *def,
                        const struct value *want, struct buf *key, char *why)
{
    const struct memory_row *row;

    put_key(key, def, want);
    row = map_get(&have->rows, buf_bytes(key));
    if (!row || !row->n_committed)
        return differs(why, def, "a row is missing on the target", want);
    for (uint32_t i = 0; i < def->n_columns; i++) {
        if (!value_equal(&want[i], &row->committed[i])) {
            struct buf text = BUF_INIT;

            buf_put_str(&text, "the target has ");
            put_row(&text, def, row->committed);
            buf_put_str(&text, " instead of");
            differs(why, def, buf_cstr(&text), want);
            buf_release(&text);
            return false;
        }
    }
    return true;
}

/* Every row that must be there is: is there one more? Copies count where rows have no key. */
static bool compare_counts(const struct memory_table *have, const struct table *def,
                           const struct value **want, size_t n, char *why)
{
    struct map wanted = {0};
    struct map_entry *e;
    struct buf key = BUF_INIT;
    bool ok = true;

    for (size_t i = 0; i < n; i++) {
        void **slot;

        put_key(&key, def, want[i]);
        slot = map_slot(&wanted, buf_bytes(&key));
        *slot = (char *)*slot + 1;
    }
    for (size_t i = 0; ok && (e = map_next(&have->rows, &i)) != NULL;) {
        const struct memory_row *row = e->value;
        size_t copies = row->n_committed ? (uintptr_t)map_get(&wanted, e->key) : 0;

        if (row->n_committed > copies)
            ok = differs(why, def, "the target has a row too many", row->committed);
        else if (row->n_committed < copies)
            ok = differs(why, def, "a copy is missing on the target", row->committed);
    }
    map_release(&wanted);
    buf_release(&key);
    return ok;
}

/* Is the target's table what the source's was after transaction n? */
static bool compare_table(const struct world *w, const struct sim_target *t, const char *db,
                          const char *name, uint64_t n, char *why)
{
    const struct memory_table *have = memory_find(t->server, db, name);
    const struct table *def;
    const struct value **rows = NULL;
    struct buf key = BUF_INIT;
    size_t n_rows;
    bool ok = true;

    if (!sim_source_table_at(w->source, n, db, name, &def)) {
        snprintf(why, WHY_SIZE, "the source has no table %s.%s at transaction %llu", db, name,
                 (unsigned long long)n);
        return false;
    }
    if (!have || !same_columns(have->def, def)) {
        snprintf(why, WHY_SIZE, "table %s.%s %s", db, name,
                 have ? "has other columns on the target" : "is missing on the target");
        return false;
    }
    n_rows = sim_source_rows_at(w->source, n, db, name, &rows);
    for (size_t i = 0; ok && i < n_rows; i++)
        ok = compare_row(have, def, rows[i], &key, why);
    ok = ok && compare_counts(have, def, rows, n_rows, why);
    free(rows);
    buf_release(&key);
    return ok;
}

/* ---- one target ---- */

static bool find_lane(const struct sim_target *t, struct lane_state *out)
{
    struct err err = ERR_INIT;
    bool exists;

    /* The eye sees what is committed, and nothing goes wrong with it. */
    return target_lane_read(t->eye, t->channel, 0, &exists, out, &err) && exists && out->epoch;
}

/* A definition change that the lane is not behind yet may have been done; 0: there is none. */
static uint64_t pending_ddl(const struct sim_target *t, const struct lane_state *lane)
{
    struct err err = ERR_INIT;
    uint64_t lsn;

    target_join(t->eye, t->channel, 0, lane->epoch);
    return store_journal_newest(t->eye, &lsn, &err) && lsn > lane->lsn ? lsn : 0;
}

static void learn_origin(struct world *w, uint64_t lsn, const struct gtid *gtid, const char *who)
{
    uint64_t n = sim_source_number(w->source, gtid);

    if (n < lsn || (w->origin != UINT64_MAX && n != lsn + w->origin))
        world_fail(w, "%s says that lsn %llu is transaction %llu, where it is %lld", who,
                   (unsigned long long)lsn, (unsigned long long)n,
                   (long long)(w->origin == UINT64_MAX ? 0 : lsn + w->origin));
    w->origin = n - lsn;
}

static bool check_lane(struct world *w, struct sim_target *t, const struct lane_state *lane)
{
    if (lane->epoch < t->epoch || lane->lsn < t->lsn)
        world_fail(w, "the lane went back: epoch %llu to %llu, lsn %llu to %llu",
                   (unsigned long long)t->epoch, (unsigned long long)lane->epoch,
                   (unsigned long long)t->lsn, (unsigned long long)lane->lsn);
    t->epoch = lane->epoch;
    t->lsn = lane->lsn;
    if (lane->lsn)
        learn_origin(w, lane->lsn, &lane->gtid, "the lane");
    return !world_failed(w);
}

static bool may_stop(const struct world *w)
{
    return w->shape.native_fk && w->shape.excluded;
}

static void check_state(struct world *w, const struct sim_target *t, const struct lane_state *lane,
                        const struct table_state *s)
{
    uint64_t lsn = s->hi > lane->lsn ? s->hi : lane->lsn;
    uint64_t ddl = pending_ddl(t, lane);
    char why[WHY_SIZE] = "", ignored[WHY_SIZE];

    if (s->life == TABLE_STOPPED && !may_stop(w))
        world_fail(w, "%s: table %s.%s is stopped: %s", t->channel, s->db, s->name, s->reason);
    if (s->life == TABLE_OUT)
        world_fail(w, "%s: table %s.%s is out: %s", t->channel, s->db, s->name, s->reason);
    if (s->life == TABLE_DROPPED && !ddl && memory_find(t->server, s->db, s->name))
        world_fail(w, "%s: table %s.%s is dropped, and there", t->channel, s->db, s->name);
    if (s->life != TABLE_STRICT)
        return;
    if (compare_table(w, t, s->db, s->name, lsn + w->origin, why) ||
        (ddl && compare_table(w, t, s->db, s->name, ddl + w->origin, ignored)))
        return;
    /* A statement that takes the name away, or gives it to a table that we do not have, may be done
     * before its state is saved. */
    if (ddl &&
        !sim_source_same_table(w->source, lsn + w->origin, ddl + w->origin, s->db, s->name) &&
        !memory_find(t->server, s->db, s->name))
        return;
    world_fail(w, "%s at lsn %llu, transaction %llu: %s", t->channel, (unsigned long long)lsn,
               (unsigned long long)(lsn + w->origin), why);
}

void check_target(struct world *w, struct sim_target *t)
{
    const char *dot = w->shape.excluded ? strchr(w->shape.excluded, '.') : NULL;
    char db[256] = "";
    struct lane_state lane;
    struct table_state *states;
    struct err err = ERR_INIT;
    size_t n;

    if (!find_lane(t, &lane) || world_failed(w) || !check_lane(w, t, &lane))
        return;
    if (dot) {
        snprintf(db, sizeof(db), "%.*s", (int)(dot - w->shape.excluded), w->shape.excluded);
        if (memory_find(t->server, db, dot + 1))
            world_fail(w, "%s: the table %s, which is left out, is there", t->channel,
                       w->shape.excluded);
    }
    if (w->origin == UINT64_MAX || !target_tables_read(t->eye, t->channel, &states, &n, &err))
        return;
    for (size_t i = 0; i < n; i++)
        check_state(w, t, &lane, &states[i]);
    table_states_free(states, n);
}

/* ---- the queue ---- */

static uint64_t slowest_lane(const struct world *w)
{
    uint64_t lsn = UINT64_MAX;

    for (size_t i = 0; i < SIM_TARGETS; i++) {
        struct lane_state lane;
        uint64_t at = find_lane(&w->targets[i], &lane) ? lane.lsn : 0;

        lsn = at < lsn ? at : lsn;
    }
    return lsn;
}

static bool walk(struct world *w, struct queue_reader *r, uint64_t *lsn, struct err *err)
{
    struct queue_item item;
    bool got = true;

    while (got && !world_failed(w)) {
        if (!queue_read(r, 0, &got, &item, err))
            return false;
        if (got && item.kind == QUEUE_BEGIN)
            learn_origin(w, item.begin.lsn, &item.begin.gtid, "the queue");
        if (got && item.kind == QUEUE_END)
            *lsn = item.end.lsn;
    }
    return true;
}

void check_queue(struct world *w)
{
    struct queue_reader *r = NULL;
    uint64_t end = capture_lsn(w->capture), from = slowest_lane(w), lsn = from;
    struct err err = ERR_INIT;

    for (size_t i = 0; i < SIM_TARGETS; i++) {
        struct lane_state lane;

        if (find_lane(&w->targets[i], &lane) && lane.lsn > end)
            world_fail(w, "the queue ends at lsn %llu, before the lane of %s at %llu",
                       (unsigned long long)end, w->targets[i].channel,
                       (unsigned long long)lane.lsn);
    }
    if (end < w->published)
        world_fail(w, "the queue ends at lsn %llu, and had published %llu", (unsigned long long)end,
                   (unsigned long long)w->published);
    w->published = end;
    if (world_failed(w))
        return;
    if (!queue_reader_open(SIM_DIR, &w->bare, from, &r, &err) || !walk(w, r, &lsn, &err))
        world_fail(w, "reading the queue behind lsn %llu: %s", (unsigned long long)from, err.text);
    else if (lsn != end)
        world_fail(w, "the queue shows lsn %llu as its last, and is published up to %llu",
                   (unsigned long long)lsn, (unsigned long long)end);
    queue_reader_close(r);
}

/* ---- the end ---- */

static const struct table_state *find_state(const struct table_state *states, size_t n,
                                            const char *db, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(states[i].db, db) == 0 && strcmp(states[i].name, name) == 0)
            return &states[i];
    return NULL;
}

void check_end(struct world *w, struct sim_target *t)
{
    struct lane_state lane = {.lsn = 0};
    uint64_t count = sim_source_count(w->source);
    const char *(*names)[2] = NULL;
    struct table_state *states = NULL;
    struct err err = ERR_INIT;
    size_t n, n_states = 0;

    check_target(w, t);
    if (world_failed(w))
        return;
    if (!find_lane(t, &lane) || (lane.lsn && lane.lsn + w->origin != count) ||
        !target_tables_read(t->eye, t->channel, &states, &n_states, &err))
        world_fail(w, "%s ends at lsn %llu, the source at transaction %llu", t->channel,
                   (unsigned long long)lane.lsn, (unsigned long long)count);
    n = sim_source_names(w->source, count, &names);
    for (size_t i = 0; i < n && !may_stop(w); i++) {
        const struct table_state *s = find_state(states, n_states, names[i][0], names[i][1]);

        if (mapping_wants(w->mapping, names[i][0], names[i][1]) && (!s || s->life != TABLE_STRICT))
            world_fail(w, "%s: table %s.%s is %s at the end: %s", t->channel, names[i][0],
                       names[i][1], s ? life_name(s->life) : "unknown", s ? s->reason : "");
    }
    table_states_free(states, n_states);
    free(names);
}

/* ---- what the tool says ---- */

static bool may_say(const struct world *w, const struct err *err)
{
    if (w->dead || (err->kind == ERR_RETRY && w->faulty) || (err->kind == ERR_IO && w->disk_failed))
        return true;
    /* A load that does not know yet that it is fenced may meet tables of the new owner. */
    if (strcmp(err->reason, "fenced") == 0 || strcmp(err->reason, "exists") == 0)
        return w->fenced;
    if (strcmp(err->reason, "capture_ended") == 0)
        return atomic_load(&w->capture_ended);
    /* A half-written END: what the segments prove by themselves may be less. */
    if (strcmp(err->reason, "queue_short") == 0)
        return w->disk_failed;
    return may_stop(w) && err->kind == ERR_REFUSED;
}

void check_error(struct world *w, const char *what, const struct err *err)
{
    if (may_say(w, err)) {
        world_tell(w, "%s ends: %s", what, err->text);
        return;
    }
    world_fail(w, "%s ended: %s (kind %d%s%s)", what, err->text, err->kind,
               err->reason[0] ? ", " : "", err->reason);
}
