/*
 * service.h - the engines of one configuration put together: guard, capture in its thread,
 * the lane, and what they are asked to do.
 *
 * Used by load, replicate and validate alike: whoever opens it owns the queue and the lane
 * (by lock and by epoch); a second one is refused.
 */
#ifndef CDC_SERVICE_SERVICE_H
#define CDC_SERVICE_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>

#include "cdc/apply/apply.h"
#include "cdc/capture/capture.h"
#include "cdc/config/config.h"
#include "cdc/load/load.h"
#include "cdc/queue/bell.h"
#include "cdc/service/lane.h"
#include "cdc/service/pulse.h"
#include "cdc/validate/validate.h"

#define SERVICE_CAPTURE 1u
#define SERVICE_APPLY 2u
/* A stop comes by a signal and wakes nobody, so waits of its threads look up this often. */
#define SERVICE_LOOK_US 100000

struct service {
    struct config *config; /* borrowed */
    unsigned stages;       /* SERVICE_* */
    uint64_t started_us;
    struct guard *guard;
    struct target_guarded guarded;
    struct target_door door;     /* how its engines get to the target */
    struct queue_identity queue; /* known once capture or apply is open */
    struct queue_bell bell;      /* rung by capture, where it runs here */
    struct capture *capture;
    pthread_t capture_thread;
    bool capture_started;
    atomic_bool capture_ended;
    struct err capture_err; /* valid when capture_ended and its kind is set */
    struct apply *apply;
    struct pulse *pulse;
    struct lane lane;
    pthread_mutex_t load_lock; /* over the three below it */
    pthread_cond_t load_changed;
    bool loading;         /* the lane is the loader's */
    unsigned validations; /* the lane is theirs, now and then */
    struct load_progress load;
    struct target *status_target; /* control thread only: for table states */
};

/* Open guard, queue (with capture) and lane as `stages` says; start the capture thread. */
MUST_CHECK bool service_open(struct config *config, unsigned stages, struct service *s,
                             struct err *err);
/* Stop threads, close everything, write down what ended it (kind ERR_NONE: nothing did). Good after
 * a failed service_open. */
void service_close(struct service *s, const struct err *why);
/* An error that ended capture or the lane; false when nothing has ended badly. */
bool service_failed(struct service *s, struct err *err);

/* Are these "db.table" names tables of the source that the configuration copies? Else
 * ERR_CONFIG "no_table" naming the first that is not. Good for n 0. */
MUST_CHECK bool service_check_tables(const struct config *config, const char *const *names,
                                     size_t n, struct err *err);

/* Load what is missing (see load.h); progress goes to the callback and to status. */
MUST_CHECK bool service_load(struct service *s, const char **only, size_t n_only,
                             void (*progress)(void *ctx, const struct load_progress *p), void *ctx,
                             struct load_result *result, struct err *err);

/* Is every table of the copy followed? Else ERR_REFUSED "not_followed", which counts those that
 * are stopped or not loaded and names the first. Asks the target by a connection of its own. */
MUST_CHECK bool service_check_followed(struct service *s, struct err *err);

/* Has every table that the mapping wants, and that the source had where the lane is, been loaded?
 * Else ERR_REFUSED "not_loaded", naming the first. While the lane does not run. */
MUST_CHECK bool service_check_loaded(struct service *s, struct err *err);

/* ---- where to stop ---- */

enum until_kind { UNTIL_FOREVER, UNTIL_LSN, UNTIL_PLACE };

struct until {
    enum until_kind kind;
    uint64_t lsn;
    struct place place;
    bool looked; /* for GTIDs: at the queue that ended at looked_lsn, in vain */
    uint64_t looked_lsn;
};

/* "lsn:N" or a place. */
MUST_CHECK bool until_parse(const char *text, struct until *until, struct err *err);
/* The source's binlog end right now. */
MUST_CHECK bool until_now(const struct config *config, struct until *until, struct err *err);
void until_release(struct until *until);
/* Wait until the queue holds it; *lsn is the transaction to stop behind. UINT64_MAX at once
 * for UNTIL_FOREVER. ERR_STOPPED on a stop; capture's error when it ended. */
MUST_CHECK bool service_wait_queue(struct service *s, struct until *until, uint64_t *lsn,
                                   struct err *err);

/* Has the source more than what there is up to it by now, so that a load would end behind it?
 * Waits until the queue holds what the source has (queue/wait.h has the limit). With the apply
 * stage. */
MUST_CHECK bool service_has_passed(struct service *s, struct until *until, bool *passed,
                                   struct err *err);
/* Does the lane stand behind it, so that it cannot stop there? */
MUST_CHECK bool service_is_behind(struct service *s, const struct until *until, bool *behind,
                                  struct err *err);

/* ---- validate, the same through the socket and in the command's own process ---- */

struct validate_request {
    enum validate_mode mode;
    bool repair;
    bool show_values;
    const char **only;
    size_t n_only;
};

/* line: one JSON value without its newline, borrowed for the call: {"type":"difference"...},
 * {"type":"table"...}, at last {"type":"result"...}. *equal: no difference was found,
 * and no table was left out because it is stopped or not loaded. */
typedef void service_line_fn(void *ctx, const char *line);
MUST_CHECK bool service_validate(struct service *s, const struct validate_request *request,
                                 service_line_fn *line, void *ctx, bool *equal, struct err *err);

#endif
