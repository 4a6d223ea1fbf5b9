/*
 * pulse.h - what a running service writes down about once a second, so that others can tell.
 *
 * The consumer's LSN (consumers.h), by the process that applies; and that it runs (run.h). A thread
 * of its own: load and the lane are busy for long.
 */
#ifndef CDC_SERVICE_PULSE_H
#define CDC_SERVICE_PULSE_H

#include "cdc/apply/apply.h"

struct pulse;

/* Write at once (an error is told), then from a thread. apply: NULL where only capture runs. All
 * is borrowed. */
MUST_CHECK bool pulse_start(const char *queue_dir, const uint8_t queue_uuid[16],
                            const char *channel, struct apply *apply, uint64_t started_us,
                            struct pulse **out, struct err *err);
/* Write the last state and what ended the service (kind ERR_NONE or ERR_STOPPED: nothing did), end.
 * Before apply_close(). NULL is good. */
void pulse_stop(struct pulse *p, const struct err *why);

#endif
