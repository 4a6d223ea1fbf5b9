/*
 * start.h - the first start: an empty queue with every definition at one position.
 */
#ifndef CDC_CAPTURE_START_H
#define CDC_CAPTURE_START_H

#include "cdc/capture/capture.h"

/*
 * Read gtid_executed, then all definitions, then the binlog's end: whatever the definitions
 * show is in the binlog before that end (the engine shows nothing that is not logged, while
 * gtid_executed lags behind both). Read the transactions in between from the binlog and start
 * over when one of them was DDL; then the definitions hold at that end, and the queue is made
 * there. Fails with ERR_DATA reason "schema_moving" after many
 * tries, or as source and queue fail.
 */
MUST_CHECK bool capture_create_queue(const struct capture_config *config, struct err *err);

#endif
