/*
 * lane.h - the thread that runs the lane, and how others ask it to hold still.
 *
 * The apply object belongs to this thread while it runs, and to whoever holds the lane
 * while it is held.
 */
#ifndef CDC_SERVICE_LANE_H
#define CDC_SERVICE_LANE_H

#include <pthread.h>

#include "cdc/apply/apply.h"
#include "cdc/snapshot/lane.h"

/* How long lane_hold() waits for a transaction or a definition change to end. */
#define LANE_HOLD_MAX_S 900
/* How long the lane waits for who holds it: one that has a long queue to apply may need hours. */
#define LANE_HELD_MAX_S (4 * 3600)

struct lane {
    struct apply *apply;               /* borrowed */
    uint64_t hold_max_us, held_max_us; /* the two limits */
    uint64_t until;
    pthread_t thread;
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t changed;
    bool started;
    unsigned holds;
    bool running; /* inside apply_run */
    bool leaving; /* lane_join waits: not to be run again */
    bool ended;
    bool ok; /* valid when ended */
    struct err err;
};

void lane_init(struct lane *l, struct apply *apply);
/* Apply until `until` (UINT64_MAX: for ever) in a thread of its own. */
void lane_start(struct lane *l, uint64_t until);
/* Wait until the lane stands still at a transaction boundary. Fails when it has ended with an
 * error, with ERR_REFUSED "lane_busy" when it takes longer than LANE_HOLD_MAX_S, and with
 * ERR_STOPPED. Held until lane_release(); holds count. Also good before lane_start(). A lane that
 * is held for longer than LANE_HELD_MAX_S ends with ERR_IO "lane_held". */
MUST_CHECK bool lane_hold(struct lane *l, struct err *err);
void lane_release(struct lane *l);
/* Has it ended? *ok and *err say how. */
bool lane_ended(struct lane *l, bool *ok, struct err *err);
/* Wait until it has ended, a stop is asked for, or the time is over. */
void lane_wait(struct lane *l, uint64_t timeout_us);
/*
 * Ask it to end, wait for it. Good when it was never started. After 60 s this asks the whole
 * process to stop, and then no wait of the lane lasts longer than targets/mariadb/wait.c says.
 */
void lane_join(struct lane *l);

/* What load and validate may ask of it. l is borrowed. */
struct snapshot_lane lane_slots(struct lane *l);

#endif
