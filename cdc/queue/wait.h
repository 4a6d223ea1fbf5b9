/*
 * wait.h - waiting until capture has come to a place in the source's history.
 */
#ifndef CDC_QUEUE_WAIT_H
#define CDC_QUEUE_WAIT_H

#include <stdatomic.h>

#include "cdc/queue/queue.h"

/*
 * What must be in the queue: the history up to `at`, and the GTIDs of `also`. Where `at` has GTIDs
 * they decide: files and offsets of two servers cannot be compared, and behind a failover the
 * queue holds both. A GTID of `also` may be of a transaction that never ends; it is out
 * of the question once capture has come to the position of `at` since the wait began.
 */
struct queue_goal {
    const struct place *at;
    const struct place *also; /* without GTIDs: nothing */
};

/*
 * An LSN >= from at whose end the queue holds the goal: from itself when nothing behind it belongs
 * there, else the first one, or a later one where `also` was given up. Waits for the queue to grow
 * that far. Fails with ERR_RETRY when it has not moved for two minutes ("queue_full": it has no
 * room; else "capture_silent") or has grown for a quarter of an hour without coming there
 * ("capture_behind"), with ERR_STOPPED, and with ERR_IO "capture_ended" when *no_more is set (NULL:
 * not known) before it is there.
 */
MUST_CHECK bool queue_wait(const char *dir, const struct queue_options *options, uint64_t from,
                           const struct queue_goal *goal, const atomic_bool *no_more, uint64_t *lsn,
                           struct err *err);

#endif
