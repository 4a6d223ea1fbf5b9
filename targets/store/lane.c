/*
 * lane.c - whose the lane is, and where: take-over, the guard of all other changes, units.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "targets/store/rows.h"

#define TAKE_OVER_TRIES 10

struct state_change lane_guard(const struct target *t, struct arena *a, const uint64_t *at_lsn)
{
    struct value *where = cells_new(a);

    assert(t->owner.epoch);
    where[LANE_CHANNEL] = cell_text(t->owner.channel);
    where[LANE_LANE] = cell_number(t->owner.lane);
    where[LANE_EPOCH] = cell_number(t->owner.epoch);
    if (at_lsn)
        where[LANE_LSN] = cell_number(*at_lsn);
    return (struct state_change){
        .act = STATE_SET,
        .id = STATE_LANE,
        .cells = cells_new(a),
        .where = where,
        .otherwise =
            at_lsn ? arena_printf(a, "another owner took the lane over, or it is not at lsn %llu",
                                  (unsigned long long)*at_lsn)
                   : "another owner took the lane over",
    };
}

void lane_advance(struct state_change *c, struct arena *a, uint64_t lsn, const struct gtid *gtid,
                  const struct position *position, uint64_t commit_us)
{
    struct value *cells = cells_new(a);
    char *name = arena_alloc(a, GTID_TEXT_SIZE);

    gtid_print(gtid, name);
    cells[LANE_LSN] = cell_number(lsn);
    cells[LANE_GTID] = cell_text(name);
    cells[LANE_FILE] = cell_text(arena_strdup(a, position->file));
    cells[LANE_POSITION] = cell_number(position->offset);
    cells[LANE_COMMIT_US] = cell_number(commit_us);
    c->cells = cells;
}

struct state_change store_guard(const struct target *t, struct arena *arena)
{
    return lane_guard(t, arena, NULL);
}

bool store_unit(const struct target *t, const struct unit *u, struct arena *arena,
                struct state_change *out)
{
    if (!u->begins && !u->ends)
        return false;
    *out = lane_guard(t, arena, &u->prev_lsn);
    if (u->ends)
        lane_advance(out, arena, u->lsn, &u->gtid, &u->position, u->commit_us);
    return true;
}

struct lane_read {
    struct lane_state *out;
    bool exists;
};

static bool take_lane(void *ctx, const struct value *cells, struct err *err)
{
    struct lane_read *read = ctx;
    struct lane_state *out = read->out;
    char gtid[GTID_TEXT_SIZE];

    out->epoch = cells[LANE_EPOCH].u;
    out->lsn = cells[LANE_LSN].u;
    cell_copy(&cells[LANE_GTID], gtid, sizeof(gtid));
    cell_copy(&cells[LANE_FILE], out->position.file, sizeof(out->position.file));
    out->position.offset = cells[LANE_POSITION].u;
    out->commit_us = cells[LANE_COMMIT_US].u;
    if (cells[LANE_QUEUE_UUID].b.len == sizeof(out->queue_uuid))
        memcpy(out->queue_uuid, cells[LANE_QUEUE_UUID].b.data, sizeof(out->queue_uuid));
    read->exists = true;
    if (gtid[0] && !gtid_parse(gtid, &out->gtid, err)) {
        err_context(err, "progress row on the target");
        return false;
    }
    return true;
}

bool target_lane_read(struct target *t, const char *channel, uint32_t lane, bool *exists,
                      struct lane_state *out, struct err *err)
{
    struct value key[2] = {cell_text(channel), cell_number(lane)};
    struct lane_read read = {out, false};
    bool ok;

    memset(out, 0, sizeof(*out));
    snprintf(out->channel, sizeof(out->channel), "%s", channel);
    out->lane = lane;
    ok = rows_read(t, STATE_LANE, key, 2, take_lane, &read, err);
    *exists = read.exists;
    return ok;
}

static const uint8_t no_uuid[16];

static bool check_queue(const struct lane_state *lane, const uint8_t queue_uuid[16],
                        struct err *err)
{
    if (memcmp(queue_uuid, no_uuid, 16) == 0 || memcmp(lane->queue_uuid, no_uuid, 16) == 0 ||
        memcmp(lane->queue_uuid, queue_uuid, 16) == 0)
        return true;
    err_reason(err, ERR_DATA, "other_queue",
               "the copy %s on the target was filled from another queue; bring that queue back, or "
               "drop the copied databases and the state database and load again",
               lane->channel);
    return false;
}

/* A lane that nobody owned yet, at lsn 0. */
static bool make_lane(struct target *t, const char *channel, uint32_t lane, struct err *err)
{
    struct batch b = {.n = 0};
    struct value *cells = batch_put(&b, STATE_ADD, STATE_LANE);
    bool ok;

    cells[LANE_CHANNEL] = cell_text(channel);
    cells[LANE_LANE] = cell_number(lane);
    cells[LANE_EPOCH] = cells[LANE_LSN] = cell_number(0);
    cells[LANE_GTID] = cells[LANE_FILE] = cell_text("");
    cells[LANE_POSITION] = cells[LANE_COMMIT_US] = cells[LANE_TOUCHED] = cell_number(0);
    cells[LANE_QUEUE_UUID] = cell_bytes(no_uuid, sizeof(no_uuid));
    ok = batch_run(t, &b, err);
    batch_release(&b);
    return ok;
}

/* From the epoch that was read to the next: of several that try, one succeeds. */
static bool raise_epoch(struct target *t, const struct lane_state *lane,
                        const uint8_t queue_uuid[16], struct err *err)
{
    struct batch b = {.n = 0};
    struct value *cells = batch_put(&b, STATE_SET, STATE_LANE);
    struct value *where = cells_new(&b.arena);
    bool ok;

    where[LANE_CHANNEL] = cell_text(lane->channel);
    where[LANE_LANE] = cell_number(lane->lane);
    where[LANE_EPOCH] = cell_number(lane->epoch);
    cells[LANE_EPOCH] = cell_number(lane->epoch + 1);
    if (memcmp(queue_uuid, no_uuid, 16) != 0)
        cells[LANE_QUEUE_UUID] = cell_bytes(queue_uuid, 16);
    b.changes[0].where = where;
    b.changes[0].otherwise = "another owner took the lane over";
    ok = batch_run(t, &b, err);
    batch_release(&b);
    return ok;
}

static bool fenced(struct err *err)
{
    err_reason(err, ERR_DATA, "fenced", "another owner took the lane over");
    return false;
}

static bool try_take_over(struct target *t, const char *channel, uint32_t lane,
                          const uint8_t queue_uuid[16], struct lane_state *out, struct err *err)
{
    bool exists;
    uint64_t epoch = out->epoch + 1;

    /* What the former owner did until then is in the row only now. */
    if (!raise_epoch(t, out, queue_uuid, err) ||
        !target_lane_read(t, channel, lane, &exists, out, err))
        return false;
    return (exists && out->epoch == epoch) || fenced(err);
}

bool target_take_back(struct target *t, const char *channel, uint32_t lane,
                      const uint8_t queue_uuid[16], uint64_t epoch_max, struct lane_state *out,
                      struct err *err)
{
    bool ok = false, exists;

    assert(strlen(channel) <= TARGET_CHANNEL_MAX);
    for (unsigned i = 0; !ok && i < TAKE_OVER_TRIES; i++) {
        *err = ERR_INIT;
        if (!target_lane_read(t, channel, lane, &exists, out, err) ||
            (!exists && !make_lane(t, channel, lane, err)) || !check_queue(out, queue_uuid, err) ||
            (out->epoch > epoch_max && !fenced(err)))
            return false;
        ok = try_take_over(t, channel, lane, queue_uuid, out, err);
        if (!ok && strcmp(err->reason, "fenced") != 0)
            return false;
    }
    if (!ok)
        return false;
    target_join(t, channel, lane, out->epoch);
    t->submitted = t->acknowledged = out->lsn;
    return true;
}

bool target_take_over(struct target *t, const char *channel, uint32_t lane,
                      const uint8_t queue_uuid[16], struct lane_state *out, struct err *err)
{
    return target_take_back(t, channel, lane, queue_uuid, UINT64_MAX, out, err);
}

void target_join(struct target *t, const char *channel, uint32_t lane, uint64_t epoch)
{
    assert(strlen(channel) <= TARGET_CHANNEL_MAX && epoch);
    snprintf(t->owner.channel, sizeof(t->owner.channel), "%s", channel);
    t->owner.lane = lane;
    t->owner.epoch = epoch;
}
