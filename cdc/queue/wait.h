/*
 * wait.h - waiting until capture has come to a place in the source's binlog.
 */
#ifndef CDC_QUEUE_WAIT_H
#define CDC_QUEUE_WAIT_H

#include <stdatomic.h>

#include "cdc/queue/queue.h"

/*
 * The first LSN >= from at whose end the source's history up to `at` is complete: from itself
 * when nothing behind it belongs there. Waits for the queue to grow that far; fails with
 * ERR_RETRY "capture_silent" when it has not moved for two minutes, ERR_STOPPED, ERR_IO
 * "capture_ended" when *no_more is set (NULL: not known) before it is there.
 */
MUST_CHECK bool queue_wait_position(const char *dir, const struct queue_options *options,
                                    uint64_t from, const struct position *at,
                                    const atomic_bool *no_more, uint64_t *lsn, struct err *err);

#endif
