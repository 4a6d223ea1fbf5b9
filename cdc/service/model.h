/*
 * model.h - what the copy is at: the one status model, filled once, printed as text and JSON.
 *
 * A new figure is a field here, filled in model.c and printed in model_print.c. Each one is
 * measured: what is not known is marked so and not printed. No row data.
 */
#ifndef CDC_SERVICE_MODEL_H
#define CDC_SERVICE_MODEL_H

#include "cdc/service/consumers.h"
#include "cdc/service/run.h"
#include "cdc/service/service.h"
#include "schema/base/buf.h"

struct model {
    /* the process that answers, or that last ran */
    bool is_running;
    uint64_t pid, since_us;
    unsigned stages;        /* SERVICE_*, of a running one */
    bool capture_elsewhere; /* a process that only captures listens */
    struct run last_run;    /* when nobody runs */
    struct err failure;     /* what has ended capture in this process */

    bool has_queue;
    struct queue_end queue;
    uint64_t queue_bytes;
    char queue_problem[1024];
    struct consumers consumers;

    bool has_capture;
    struct capture_stats capture;
    bool is_loading;
    struct load_progress load;
    bool has_lane;           /* the lane's place is known */
    struct apply_stats lane; /* counters: of a running one only */

    bool has_tables;
    struct table_state *tables;
    size_t n_tables;
    struct notes weaker; /* what the followed tables are weaker in on the target */
    char target_problem[1024], target_reason[48];

    bool has_guard;
    char evidence[128];
    bool is_unproven;
    bool has_permit;
    struct permit permit;
    char guard_refusal[1024], guard_reason[48];
};

/* Of a running service, from one thread at a time. */
void model_of_service(struct service *s, struct model *m);
/* Where none that applies runs: from the queue's directory and the target's state. Parts that
 * cannot be read are named. */
void model_offline(struct config *config, struct model *m);
void model_release(struct model *m);

/* Transactions of the queue that the target does not hold. False: not known. */
bool model_queued(const struct model *m, uint64_t *n);
/* What has to happen next for the copy to move on, for people. */
const char *model_waiting_for(const struct model *m);
/* "transaction", or "mixed" while a table is not at the lane's position. */
const char *model_consistency(const struct model *m);

/*
 * One JSON value in one line: {"running", "pid", "since", "stages", "last_run": {...},
 * "loading": {...}, "capture": {...}, "queue": {...}, "consumers": [...], "apply": {...},
 * "lag": {...}, "tables": [...], "weaker": [...], "consistency", "guard": {...}}. Times in _s are
 * seconds. "lag" has "source": "unknown" and no "transactions" while no process is connected to the
 * source: "queued" is then all that is known.
 */
void model_print_json(const struct model *m, struct buf *out);
/* Lines for people. */
void model_print_text(const struct model *m, struct buf *out);

#endif
