#include "cdc/source/view.h"

#include "schema/base/clock.h"
#include "schema/base/stop.h"

#define VISIBLE_MAX_US ((uint64_t)60 * 1000 * 1000)
#define POLL_US 10000

bool source_view_open_behind(struct source *s, const struct gtid *applied,
                             struct source_view_bounds *bounds, struct err *err)
{
    uint64_t give_up_us = clock_steady_us() + VISIBLE_MAX_US;

    for (;;) {
        if (!source_view_open(s, bounds, err))
            return false;
        if (applied->kind == GTID_NONE || place_has(&bounds->lo, applied))
            return true;
        place_release(&bounds->lo);
        if (!source_view_close(s, err))
            return false;
        if (stop_requested()) {
            err_set(err, ERR_STOPPED, "asked to stop");
            return false;
        }
        if (clock_steady_us() > give_up_us) {
            err_reason(err, ERR_DATA, "diverged",
                       "the source does not have the transaction that the lane stands at");
            return false;
        }
        clock_sleep_us(POLL_US);
    }
}

bool source_is_blocked(const struct err *err)
{
    return err->kind == ERR_RETRY && err->side == ERR_SIDE_SOURCE &&
           (strcmp(err->reason, "lock_wait") == 0 || strcmp(err->reason, "table_changed") == 0);
}
