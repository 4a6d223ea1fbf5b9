#include "cdc/queue/wait.h"

#include "cdc/queue/bell.h"
#include "cdc/queue/reader.h"
#include "cdc/queue/tail.h"
#include "schema/base/clock.h"
#include "schema/base/stop.h"

#define US_PER_S 1000000u
#define SILENT_MAX_US ((uint64_t)120 * US_PER_S)
#define WAIT_MAX_US ((uint64_t)900 * US_PER_S) /* a view is open meanwhile */
#define POLL_US 10000

struct wait {
    const char *dir;
    const struct queue_options *options;
    struct queue_bell *bell; /* or NULL */
    uint64_t from;
    const struct queue_goal *goal;
    struct queue_reader *reader; /* looks for GTIDs; NULL: not yet */
    uint64_t begun_us, quiet_since_us;
    struct queue_end end; /* as it was seen last */
    bool has_seen;
    bool has_moved; /* since the wait began */
};

static bool reaches(const struct queue_end *end, const struct position *at)
{
    return position_reached(&end->end, at) || position_reached(&end->seen, at);
}

static bool is_same_end(const struct queue_end *a, const struct queue_end *b)
{
    return a->lsn == b->lsn && a->idle_us == b->idle_us &&
           position_compare(&a->seen, &b->seen) == 0;
}

static bool note_end(struct wait *w, struct err *err)
{
    struct queue_identity id;
    struct queue_end end;

    if (!queue_read_end(w->dir, w->options, &id, &end, err))
        return false;
    if (!w->has_seen || !is_same_end(&end, &w->end))
        w->quiet_since_us = clock_steady_us();
    w->has_moved |= w->has_seen && !is_same_end(&end, &w->end);
    w->has_seen = true;
    w->end = end;
    return true;
}

static bool look_for_position(struct wait *w, bool *found, uint64_t *lsn, struct err *err)
{
    const struct position *at = &w->goal->at->at;

    *found = true;
    *lsn = w->from;
    /* Complete up to there with nothing behind `from`: there is no LSN to find. */
    if (w->end.lsn == w->from && reaches(&w->end, at))
        return true;
    if (w->end.lsn > w->from && queue_find_position(w->dir, w->options, w->from, at, lsn, err))
        return true;
    *found = false;
    return w->end.lsn <= w->from || strcmp(err->reason, "not_yet") == 0;
}

static bool look_for_gtids(struct wait *w, bool *found, uint64_t *lsn, struct err *err)
{
    const struct queue_goal *goal = w->goal;
    struct queue_item item;
    bool got = true, has_at, has_also;

    *found = false;
    if (!w->reader && !reader_open_before(w->dir, w->options, w->from, goal->at, &w->reader, err))
        return false;
    for (;;) {
        has_at = place_contains(&w->reader->place, goal->at);
        has_also = has_at && place_contains(&w->reader->place, goal->also);
        if (has_also || !got)
            break;
        if (!reader_step(w->reader, &got, &item, err))
            return false;
    }
    *lsn = w->reader->lsn;
    if (!has_also && has_at && w->has_moved && reaches(&w->end, &goal->at->at)) {
        has_also = true;
        *lsn = *lsn < w->end.lsn ? w->end.lsn : *lsn;
    }
    *found = has_also;
    return true;
}

static bool look(struct wait *w, bool *found, uint64_t *lsn, struct err *err)
{
    return place_has_gtids(w->goal->at) ? look_for_gtids(w, found, lsn, err)
                                        : look_for_position(w, found, lsn, err);
}

/* The writer asks for room by the segment; what it asks for exactly is not known here. */
static bool is_full(const struct wait *w, uint64_t *bytes, uint64_t *max)
{
    struct queue_options o = queue_options_filled(w->options);

    *bytes = queue_bytes(w->dir, w->options);
    *max = o.max_bytes;
    return *bytes + o.segment_bytes > o.max_bytes;
}

static void say_silent(const struct wait *w, struct err *err)
{
    unsigned long long silent_s = SILENT_MAX_US / US_PER_S;
    uint64_t bytes, max;

    if (is_full(w, &bytes, &max))
        err_reason(
            err, ERR_RETRY, "queue_full",
            "the queue %.200s is full (%llu of %llu bytes, queue.max_bytes), so that capture "
            "has not come to the source's position for %llu s; what is not applied "
            "meanwhile must fit: raise queue.max_bytes",
            w->dir, (unsigned long long)bytes, (unsigned long long)max, silent_s);
    else
        err_reason(err, ERR_RETRY, "capture_silent",
                   "the queue %.200s has not come to the source's position for %llu s; capture "
                   "must run",
                   w->dir, silent_s);
}

static bool may_go_on(const struct wait *w, bool ended, struct err *err)
{
    uint64_t now_us = clock_steady_us();

    if (ended)
        err_reason(err, ERR_IO, "capture_ended",
                   "capture has ended before the queue reached the source's position");
    else if (stop_requested())
        err_set(err, ERR_STOPPED, "asked to stop");
    else if (now_us - w->quiet_since_us > SILENT_MAX_US)
        say_silent(w, err);
    else if (now_us - w->begun_us > WAIT_MAX_US)
        err_reason(err, ERR_RETRY, "capture_behind",
                   "the queue %.200s grows, but has not come to the source's position for %llu s",
                   w->dir, (unsigned long long)(WAIT_MAX_US / US_PER_S));
    else
        return true;
    return false;
}

static bool wait_on(struct wait *w, const atomic_bool *no_more, uint64_t *lsn, struct err *err)
{
    for (;;) {
        bool ended = no_more && atomic_load(no_more); /* before the look that it makes the last */
        uint64_t rings = queue_bell_rings(w->bell);
        bool found;

        if (!note_end(w, err) || !look(w, &found, lsn, err))
            return false;
        if (found)
            return true;
        if (!may_go_on(w, ended, err))
            return false;
        queue_bell_pause(w->bell, rings, POLL_US, UINT64_MAX);
    }
}

bool queue_wait(const char *dir, const struct queue_options *options, uint64_t from,
                const struct queue_goal *goal, const atomic_bool *no_more, uint64_t *lsn,
                struct err *err)
{
    struct wait w = {.dir = dir,
                     .options = options,
                     .bell = options ? options->bell : NULL,
                     .from = from,
                     .goal = goal,
                     .begun_us = clock_steady_us()};
    bool ok = wait_on(&w, no_more, lsn, err);

    queue_reader_close(w.reader);
    return ok;
}
