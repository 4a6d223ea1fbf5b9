/*
 * view.h - a view on the source and its bracket as LSNs of the queue.
 *
 * A view shows exactly the first j transactions of the source's history, and of j only a bracket
 * is known: all up to lo are in what it shows, none behind hi is. So a view is worth as much as a
 * copy at hi when the changes of the window (lo, hi] are put on top of it (algorithms.md 1.4).
 */
#ifndef CDC_SNAPSHOT_VIEW_H
#define CDC_SNAPSHOT_VIEW_H

#include <stdatomic.h>

#include "cdc/queue/queue.h"
#include "cdc/snapshot/lane.h"
#include "cdc/source/source.h"
#include "schema/cascade.h"

/* The queue that goes on with a view. */
struct snapshot_queue {
    const char *dir;
    const struct queue_options *options;
    const atomic_bool *capture_ended; /* set: it grows no more; NULL: not known */
};

struct snapshot_view {
    bool is_open;
    uint64_t opened_us; /* steady */
    uint64_t lo, hi;
    struct snapshot_queue queue;
    /* From the first check on: readers that stand behind lo and hi, their catalogues hold there;
     * (at_lo NULL: lo is hi); and whose rows the queue goes on with behind the view. */
    struct queue_reader *at_lo, *at_hi;
    struct followed *followed;
};

/*
 * Open a view on s that is not older than `lane` (at LSN 0: than the queue's start), and wait until
 * the queue has come to its hi. The
 * window is counted from the lane, so lo is the lane's LSN or more. The binlog shows a transaction
 * before the engine does: a lane that follows closely may be ahead of a fresh view for a
 * moment, and a window would miss what lies between. Fails with ERR_DATA "diverged" after
 * 60 s of that, as queue_wait() does, and as the source and the queue do; *v is closed
 * then. Close it with snapshot_view_close().
 */
MUST_CHECK bool snapshot_view_open(struct source *s, const struct snapshot_queue *queue,
                                   const struct lane_place *lane, struct snapshot_view *v,
                                   struct err *err);
/* One that no queue goes on with: both sides stand still. It has no bracket. */
MUST_CHECK bool snapshot_view_open_loose(struct source *s, struct snapshot_view *v,
                                         struct err *err);
/* Zeroed again. Good for one that is not open. */
void snapshot_view_close(struct source *s, struct snapshot_view *v);

/*
 * Was this definition, read inside the view, the one at hi? DDL of metadata alone (a renamed
 * column, a default) is shown to a view that is older than it, without an error; the lane
 * would then do it a second time. And was it, if there was one, the one at lo? A view behind DDL
 * may be bracketed from before it, and the lane could not heal what is of the former definition.
 * Fails with ERR_RETRY "table_changed"; also when the table's rows are in the queue only from a
 * place behind the view on, and with ERR_DATA "not_followed" when they are left out of it.
 */
MUST_CHECK bool snapshot_view_check(struct snapshot_view *v, const struct table *table,
                                    struct err *err);

/*
 * The items of the window (lo, hi], in order, until fn says that it has seen enough: *enough.
 * cascade: on the definitions of the item's place. ERR_STOPPED on a stop.
 */
typedef bool snapshot_window_fn(void *ctx, struct cascade *cascade, const struct queue_item *item);
MUST_CHECK bool snapshot_window_read(const struct snapshot_queue *queue, uint64_t lo, uint64_t hi,
                                     snapshot_window_fn *fn, void *ctx, bool *enough,
                                     struct err *err);

#endif
