/*
 * start.h - the first start: an empty queue with every definition at one position.
 */
#ifndef CDC_CAPTURE_START_H
#define CDC_CAPTURE_START_H

#include "cdc/capture/capture.h"

/*
 * Read all definitions between two readings of gtid_executed; if transactions came in
 * between, read those from the binlog and start over when one of them was DDL. Then make
 * the queue at the later reading. Fails with ERR_DATA reason "schema_moving" after many
 * tries, or as source and queue fail.
 */
MUST_CHECK bool capture_create_queue(const struct capture_config *config, struct err *err);

#endif
