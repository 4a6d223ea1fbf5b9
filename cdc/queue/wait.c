#include "cdc/queue/wait.h"

#include "schema/base/clock.h"
#include "schema/base/stop.h"

#define SILENT_MAX_US ((uint64_t)120 * 1000 * 1000)
#define POLL_US 10000

/* Is the queue complete up to `at` with nothing behind `from`? Then there is no LSN to find. */
static bool ends_at(const struct queue_end *end, uint64_t from, const struct position *at)
{
    if (end->lsn != from)
        return false;
    return position_reached(&end->end, at) || position_reached(&end->seen, at);
}

static bool has_moved(const struct queue_end *a, const struct queue_end *b)
{
    return a->lsn != b->lsn || a->idle_us != b->idle_us ||
           position_compare(&a->seen, &b->seen) != 0;
}

bool queue_wait_position(const char *dir, const struct queue_options *options, uint64_t from,
                         const struct position *at, const atomic_bool *no_more, uint64_t *lsn,
                         struct err *err)
{
    uint64_t quiet_since_us = clock_steady_us();
    struct queue_end last = {0};

    for (;;) {
        struct queue_identity id;
        struct queue_end end;
        bool ended = no_more && atomic_load(no_more); /* before the look that it makes the last */

        if (!queue_read_end(dir, options, &id, &end, err))
            return false;
        if (ends_at(&end, from, at)) {
            *lsn = from;
            return true;
        }
        if (end.lsn > from) {
            if (queue_find_position(dir, options, from, at, lsn, err))
                return true;
            if (err->kind != ERR_RETRY || strcmp(err->reason, "not_yet") != 0)
                return false;
        }
        if (ended) {
            err_reason(err, ERR_IO, "capture_ended",
                       "capture has ended before the queue reached the source's position");
            return false;
        }
        if (has_moved(&end, &last))
            quiet_since_us = clock_steady_us();
        last = end;
        if (stop_requested()) {
            err_set(err, ERR_STOPPED, "asked to stop");
            return false;
        }
        if (clock_steady_us() - quiet_since_us > SILENT_MAX_US) {
            err_reason(err, ERR_RETRY, "capture_silent",
                       "the queue %.200s has not come to the source's position for %llu s; capture "
                       "must run, and the queue must have room (queue.max_bytes)",
                       dir, (unsigned long long)(SILENT_MAX_US / 1000000));
            return false;
        }
        clock_sleep_us(POLL_US);
    }
}
