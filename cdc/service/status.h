/*
 * status.h - what the copy is at, as one JSON value.
 *
 * {"running", "pid", "since", "stages", "loading": {...}, "source": {...}, "capture": {...},
 *  "queue": {...}, "apply": {...}, "lag": {...}, "tables": [...], "consistency", "guard": {...}}
 * Times are seconds; a number that was not measured is left out. No row data.
 */
#ifndef CDC_SERVICE_STATUS_H
#define CDC_SERVICE_STATUS_H

#include "cdc/service/service.h"

/* Of a running service, from the control thread. */
void status_of_service(struct service *s, struct buf *out);

/* Where no service runs: from the queue's directory and the target's state. Parts that
 * cannot be read are named in "problems". */
void status_offline(struct config *config, struct buf *out);

#endif
