/*
 * view.h - a view that is not older than what somebody has already applied.
 */
#ifndef CDC_SOURCE_VIEW_H
#define CDC_SOURCE_VIEW_H

#include "cdc/source/source.h"

/*
 * source_view_open(), again and again until the lower bound holds `applied` (none: at once).
 * The binlog shows a transaction before the engine does, so a lane that follows closely may
 * be ahead of a fresh view for a moment; a window (lo, hi] counted from the lane would then
 * miss what lies between. Fails with ERR_DATA "diverged" after 60 s, ERR_STOPPED.
 */
MUST_CHECK bool source_view_open_behind(struct source *s, const struct gtid *applied,
                                        struct source_view_bounds *bounds, struct err *err);

/*
 * DDL that waits for a view to end keeps later readers of its table waiting, too: readers with
 * several views could wait for each other for ever. Waits for such locks end after seconds on
 * this connection; source_is_blocked() tells that error (or the DDL's own coming in between)
 * from others. The remedy is to close the view and to try again.
 */
MUST_CHECK bool source_bound_waits(struct source *s, struct err *err);
bool source_is_blocked(const struct err *err);

#endif
