/*
 * until.c - where to stop: a goal of the user, and whether queue, lane and source have come to it.
 */
#include <stdlib.h>
#include <string.h>

#include "cdc/queue/wait.h"
#include "cdc/service/service.h"
#include "schema/base/clock.h"
#include "schema/base/stop.h"

#define WAIT_US 20000

bool until_parse(const char *text, struct until *until, struct err *err)
{
    char *end;

    memset(until, 0, sizeof(*until));
    if (strncmp(text, "lsn:", 4) == 0 && text[4] >= '0' && text[4] <= '9') {
        until->kind = UNTIL_LSN;
        until->lsn = strtoull(text + 4, &end, 10);
        if (*end == '\0')
            return true;
    }
    until->kind = UNTIL_PLACE;
    if (place_parse(text, &until->place, err))
        return true;
    err_set(err, ERR_CONFIG, "--until \"%.100s\" is none of lsn:NUMBER, FILE:OFFSET and a GTID set",
            text);
    return false;
}

/* Is the queue of another server? After a failover that one's files have their own numbers. */
static bool is_of_another(const struct config *c, const struct source *s, bool *another,
                          struct err *err)
{
    struct queue_identity id;
    struct queue_end end;

    *another = false;
    if (!queue_exists(c->queue_dir, &c->queue))
        return true;
    if (!queue_read_end(c->queue_dir, &c->queue, &id, &end, err))
        return false;
    *another = strcmp(id.source_uuid, source_info(s)->server_uuid) != 0;
    return true;
}

bool until_now(const struct config *config, struct until *until, struct err *err)
{
    struct source *s = NULL;
    bool another;
    bool ok;

    memset(until, 0, sizeof(*until));
    until->kind = UNTIL_PLACE;
    if (!source_connect(&config->source, &s, err))
        return false;
    ok = is_of_another(config, s, &another, err) &&
         (another ? source_executed(s, &until->place, err)
                  : source_binlog_end(s, &until->place.at, err));
    source_close(s);
    return ok;
}

void until_release(struct until *until)
{
    place_release(&until->place);
}

/* The set may leave out what came before it: its last one to come counts. */
static bool gtids_reached(const struct config *c, const struct queue_end *end, uint64_t from,
                          struct until *until, uint64_t *lsn, bool *reached, struct err *err)
{
    *reached = false;
    if (until->looked && until->looked_lsn == end->lsn)
        return true;
    if (!queue_find_behind(c->queue_dir, &c->queue, &until->place, lsn, err)) {
        until->looked = true;
        until->looked_lsn = end->lsn;
        return strcmp(err->reason, "not_yet") == 0;
    }
    *lsn = *lsn < from ? from : *lsn;
    *reached = true;
    return true;
}

/* *lsn: the transaction to stop behind, counted from where the lane is; a goal that the lane
 * has passed is where it is. */
static bool until_reached(struct service *s, struct until *until, uint64_t *lsn, bool *reached,
                          struct err *err)
{
    const struct config *c = s->config;
    const struct position *at = &until->place.at;
    struct queue_identity id;
    struct queue_end end;
    struct apply_stats lane = {0};

    if (!queue_read_end(c->queue_dir, &c->queue, &id, &end, err))
        return false;
    if (s->apply)
        apply_stats_read(s->apply, &lane);
    else
        lane.lsn = end.lsn; /* capture alone: the queue's end is all that counts */
    if (until->kind == UNTIL_LSN) {
        *lsn = until->lsn;
        *reached = end.lsn >= until->lsn;
        return true;
    }
    if (place_has_gtids(&until->place))
        return gtids_reached(c, &end, lane.lsn, until, lsn, reached, err);
    *lsn = lane.lsn;
    *reached = position_reached(&end.end, at) || position_reached(&end.seen, at);
    return !*reached || end.lsn == lane.lsn || position_reached(&lane.position, at) ||
           queue_find_position(c->queue_dir, &c->queue, lane.lsn, at, lsn, err);
}

bool service_wait_queue(struct service *s, struct until *until, uint64_t *lsn, struct err *err)
{
    bool reached = until->kind == UNTIL_FOREVER;

    *lsn = UINT64_MAX;
    while (!reached) {
        uint64_t rings = queue_bell_rings(s->config->queue.bell);

        if (stop_requested()) {
            err_set(err, ERR_STOPPED, "stopped");
            return false;
        }
        if (!until_reached(s, until, lsn, &reached, err))
            return false;
        if (!reached && service_failed(s, err))
            return false;
        if (!reached)
            queue_bell_pause(s->config->queue.bell, rings, WAIT_US, UINT64_MAX);
    }
    *err = ERR_INIT;
    return true;
}

/* What the source has by now is in the queue, or it takes too long. */
static bool wait_for_now(struct service *s, uint64_t from, struct err *err)
{
    const struct config *c = s->config;
    struct until now = {0};
    const struct queue_goal goal = {&now.place, &(struct place){0}};
    uint64_t lsn;
    bool ok =
        until_now(c, &now, err) && queue_wait(c->queue_dir, &c->queue, from, &goal,
                                              s->capture ? &s->capture_ended : NULL, &lsn, err);

    until_release(&now);
    return ok;
}

/* Does the queue hold more than what there is up to it? */
static bool is_passed(struct service *s, struct until *until, bool *passed, struct err *err)
{
    const struct config *c = s->config;
    struct queue_identity id;
    struct queue_end end;
    uint64_t lsn;

    if (!until_reached(s, until, &lsn, passed, err) ||
        !queue_read_end(c->queue_dir, &c->queue, &id, &end, err))
        return false;
    *passed = *passed && end.lsn > lsn;
    return true;
}

bool service_has_passed(struct service *s, struct until *until, bool *passed, struct err *err)
{
    struct apply_stats lane;

    apply_stats_read(s->apply, &lane);
    return is_passed(s, until, passed, err) &&
           (*passed || (wait_for_now(s, lane.lsn, err) && is_passed(s, until, passed, err)));
}

bool service_is_behind(struct service *s, const struct until *until, bool *behind, struct err *err)
{
    const struct config *c = s->config;
    struct apply_stats lane;
    uint64_t lsn = until->lsn;

    apply_stats_read(s->apply, &lane);
    *behind = false;
    if (until->kind == UNTIL_FOREVER)
        return true;
    if (until->kind == UNTIL_PLACE && !place_has_gtids(&until->place)) {
        *behind = lane.lsn && !position_reached(&until->place.at, &lane.position);
        return true;
    }
    if (until->kind == UNTIL_PLACE &&
        !queue_find_behind(c->queue_dir, &c->queue, &until->place, &lsn, err))
        return strcmp(err->reason, "not_yet") == 0;
    *behind = lsn < lane.lsn;
    return true;
}
