#include "cdc/service/service.h"

#include <string.h>

#include "cdc/service/consumers.h"
#include "cdc/service/control.h"
#include "schema/base/clock.h"
#include "schema/base/cond.h"
#include "schema/base/digest.h"
#include "schema/base/log.h"
#include "schema/base/stop.h"

#define VALIDATION_WAIT_S 3600

static void *capture_main(void *arg)
{
    struct service *s = arg;
    struct err err = ERR_INIT;

    if (!capture_run(s->capture, NULL, &err)) {
        log_error("capture", "%s", err.text);
        s->capture_err = err;
    }
    atomic_store(&s->capture_ended, true);
    queue_bell_ring(&s->bell); /* who waits for the queue must wait no longer */
    return NULL;
}

/* Key hashes in messages agree between runs of one installation: seeded by the queue. */
static bool know_queue(struct service *s, struct err *err)
{
    struct queue_end end;

    if (!queue_read_end(s->config->queue_dir, &s->config->queue, &s->queue, &end, err))
        return false;
    key_hash_seed(bytes_of(s->queue.uuid, sizeof(s->queue.uuid)));
    return true;
}

/* The LSN that each configured target has passed. What cannot be read trims nothing. */
static uint64_t slowest_consumer(void *ctx)
{
    struct service *s = ctx;
    const struct config *c = s->config;
    struct consumers consumers;
    struct err err = ERR_INIT;
    uint64_t lsn = 0;

    if (consumers_read(fs_real(), c->queue_dir, s->queue.uuid, &consumers, &err))
        lsn = consumers_slowest(&consumers, &c->channel, 1);
    else
        log_warn("service", "%s", err.text);
    consumers_release(&consumers);
    return lsn;
}

/* Said once: the queue does not wait for them. */
static void tell_strangers(const struct service *s)
{
    const struct config *c = s->config;
    struct consumers consumers;
    struct err ignored = ERR_INIT;

    if (!consumers_read(fs_real(), c->queue_dir, s->queue.uuid, &consumers, &ignored))
        return;
    for (size_t i = 0; i < consumers.n; i++) {
        if (strcmp(consumers.items[i].name, c->channel) != 0)
            log_warn("service",
                     "the queue has served a target %s (lsn %llu), which is not in this "
                     "configuration; it is no longer kept for that one",
                     consumers.items[i].name, (unsigned long long)consumers.items[i].lsn);
    }
    consumers_release(&consumers);
}

static bool open_capture(struct service *s, struct err *err)
{
    struct config *c = s->config;
    struct capture_config config = {.source = &c->source,
                                    .queue_dir = c->queue_dir,
                                    .queue = &c->queue,
                                    .event_bytes_max = c->event_bytes_max,
                                    .mapping = c->mapping,
                                    .applied = slowest_consumer,
                                    .applied_ctx = s};

    if (!capture_open(&config, &s->capture, err) || !know_queue(s, err))
        return false;
    tell_strangers(s);
    if (pthread_create(&s->capture_thread, NULL, capture_main, s) != 0) {
        err_set(err, ERR_IO, "cannot start a thread for capture");
        return false;
    }
    s->capture_started = true;
    return true;
}

static bool open_apply(struct service *s, struct err *err)
{
    struct config *c = s->config;
    struct apply_config config = {.target = &s->door,
                                  .queue_dir = c->queue_dir,
                                  .queue = &c->queue,
                                  .channel = c->channel,
                                  .mapping = c->mapping,
                                  .stop_all_on_stopped_table = c->stop_all};

    /* Else capture's thread, which trims by it, is at work on it already. */
    if ((!s->capture && !know_queue(s, err)) || !apply_open(&config, &s->apply, err))
        return false;
    lane_init(&s->lane, s->apply);
    return true;
}

bool service_open(struct config *config, unsigned stages, struct service *s, struct err *err)
{
    memset(s, 0, sizeof(*s));
    s->config = config;
    s->stages = stages;
    s->started_us = clock_wall_us();
    pthread_mutex_init(&s->load_lock, NULL);
    cond_init(&s->load_changed);
    queue_bell_init(&s->bell);
    config->queue.bell = stages & SERVICE_CAPTURE ? &s->bell : NULL;
    if (!fs_real()->make_dir(fs_real()->ctx, config->queue_dir, err)) {
        err_context(err, "queue.dir (what it is to lie in must be there, and be writable)");
        return false;
    }
    /* The lane is taken over by epoch where nobody runs it, never beside a service. */
    if ((stages & SERVICE_APPLY) && control_listens(config->queue_dir, CONTROL_APPLY)) {
        err_reason(err, ERR_CONFIG, "service_running",
                   "a service runs on the queue %s already; stop it first, or ask it with status "
                   "and validate",
                   config->queue_dir);
        return false;
    }
    /* The guard comes first, also for capture alone: the queue is a copy too, and it lies on
     * this host. */
    if (!guard_open(&config->residency, &s->guard, err))
        return false;
    s->guarded = (struct target_guarded){&config->target, s->guard};
    s->door = target_guarded(&s->guarded);
    if ((stages & SERVICE_CAPTURE) && !open_capture(s, err))
        return false;
    if ((stages & SERVICE_APPLY) && !open_apply(s, err))
        return false;
    return !stages || pulse_start(config->queue_dir, s->queue.uuid, config->channel, s->apply,
                                  s->started_us, &s->pulse, err);
}

void service_close(struct service *s, const struct err *why)
{
    if (s->apply)
        lane_join(&s->lane);
    if (s->capture)
        capture_stop(s->capture);
    if (s->capture_started)
        pthread_join(s->capture_thread, NULL);
    s->capture_started = false;
    target_close(s->status_target);
    s->status_target = NULL;
    pulse_stop(s->pulse, why);
    s->pulse = NULL;
    apply_close(s->apply);
    s->apply = NULL;
    capture_close(s->capture);
    s->capture = NULL;
    guard_close(s->guard);
    s->guard = NULL;
    if (s->config)
        s->config->queue.bell = NULL;
}

bool service_failed(struct service *s, struct err *err)
{
    bool ok = true;

    if (atomic_load(&s->capture_ended) && s->capture_err.kind != ERR_NONE) {
        *err = s->capture_err;
        return true;
    }
    return s->apply && lane_ended(&s->lane, &ok, err) && !ok && err->kind != ERR_STOPPED;
}

/* ---- load ---- */

struct load_relay {
    struct service *service;
    void (*progress)(void *ctx, const struct load_progress *p);
    void *ctx;
};

static void relay_progress(void *ctx, const struct load_progress *p)
{
    struct load_relay *relay = ctx;

    pthread_mutex_lock(&relay->service->load_lock);
    relay->service->load = *p;
    relay->service->load.table = NULL; /* borrowed for the call only */
    pthread_mutex_unlock(&relay->service->load_lock);
    if (relay->progress)
        relay->progress(relay->ctx, p);
}

/* The lane is the loader's once no validation is at work any more; none begins meanwhile. */
static bool begin_loading(struct service *s, struct err *err)
{
    uint64_t end = clock_steady_us() + (uint64_t)VALIDATION_WAIT_S * 1000000;

    pthread_mutex_lock(&s->load_lock);
    s->loading = true;
    while (s->validations && !stop_requested() && clock_steady_us() < end)
        (void)cond_wait_until(&s->load_changed, &s->load_lock, clock_steady_us() + SERVICE_LOOK_US);
    if (s->validations && stop_requested())
        err_set(err, ERR_STOPPED, "asked to stop");
    else if (s->validations)
        err_reason(err, ERR_REFUSED, "validating",
                   "a validation has been at work for more than %d s; load when it has ended",
                   VALIDATION_WAIT_S);
    s->loading = s->validations == 0;
    pthread_mutex_unlock(&s->load_lock);
    return s->loading;
}

static void end_loading(struct service *s)
{
    pthread_mutex_lock(&s->load_lock);
    s->loading = false;
    pthread_cond_broadcast(&s->load_changed);
    pthread_mutex_unlock(&s->load_lock);
}

bool service_load(struct service *s, const char **only, size_t n_only,
                  void (*progress)(void *ctx, const struct load_progress *p), void *ctx,
                  struct load_result *result, struct err *err)
{
    struct config *c = s->config;
    struct load_relay relay = {s, progress, ctx};
    struct snapshot_lane lane = lane_slots(&s->lane);
    struct load_config config = {
        .source = &c->source,
        .target = &s->door,
        .queue = {c->queue_dir, &c->queue, s->capture ? &s->capture_ended : NULL},
        .channel = c->channel,
        .lane = &lane,
        .workers = c->load_workers,
        .mapping = c->mapping,
        .only = only,
        .n_only = n_only,
        .progress = relay_progress,
        .progress_ctx = &relay};
    bool ok;

    if (!begin_loading(s, err))
        return false;
    ok = load_run(&config, result, err);
    end_loading(s);
    /* Load waits for capture; when that has ended, its error is the cause. */
    if (!ok && atomic_load(&s->capture_ended) && s->capture_err.kind != ERR_NONE)
        *err = s->capture_err;
    return ok;
}
