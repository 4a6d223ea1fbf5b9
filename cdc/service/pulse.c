#include "cdc/service/pulse.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cdc/service/consumers.h"
#include "cdc/service/run.h"
#include "schema/base/clock.h"
#include "schema/base/cond.h"
#include "schema/base/log.h"
#include "schema/base/xalloc.h"

#define BEAT_US 1000000
#define RUN_EVERY_BEATS 5

struct pulse {
    const char *queue_dir;
    uint8_t queue_uuid[16];
    const char *channel;
    struct apply *apply; /* NULL: only capture runs */
    uint64_t written_lsn;
    struct run run;
    unsigned beats;
    bool has_failed; /* told once */
    pthread_t thread;
    pthread_mutex_t lock; /* over stop */
    pthread_cond_t changed;
    bool stop;
};

static bool publish(struct pulse *p, bool always, struct err *err)
{
    struct apply_stats stats;

    if (!p->apply)
        return true;
    apply_stats_read(p->apply, &stats);
    if (!always && stats.lsn == p->written_lsn)
        return true;
    if (!consumer_write(fs_real(), p->queue_dir, p->queue_uuid, p->channel, stats.lsn, err))
        return false;
    p->written_lsn = stats.lsn;
    return true;
}

static bool write_run(struct pulse *p, struct err *err)
{
    p->run.seen_us = clock_wall_us();
    return run_write(fs_real(), p->queue_dir, p->apply ? RUN_FILE : RUN_FILE_CAPTURE, &p->run, err);
}

/* What is written may lag: the queue keeps more than it must, and nothing is lost. */
static void beat(struct pulse *p)
{
    struct err err = ERR_INIT;
    bool ok = publish(p, false, &err) && (++p->beats % RUN_EVERY_BEATS || write_run(p, &err));

    if (!ok && !p->has_failed)
        log_warn("service", "%s; the queue is not trimmed meanwhile", err.text);
    p->has_failed = !ok;
}

static void *pulse_main(void *arg)
{
    struct pulse *p = arg;
    bool stop = false;

    while (!stop) {
        uint64_t end_us = clock_steady_us() + BEAT_US;

        pthread_mutex_lock(&p->lock);
        while (!p->stop && cond_wait_until(&p->changed, &p->lock, end_us))
            continue;
        stop = p->stop;
        pthread_mutex_unlock(&p->lock);
        beat(p);
        log_tell_due();
    }
    return NULL;
}

bool pulse_start(const char *queue_dir, const uint8_t queue_uuid[16], const char *channel,
                 struct apply *apply, uint64_t started_us, struct pulse **out, struct err *err)
{
    struct pulse *p = xcalloc(1, sizeof(*p));

    p->queue_dir = queue_dir;
    memcpy(p->queue_uuid, queue_uuid, sizeof(p->queue_uuid));
    p->channel = channel;
    p->apply = apply;
    p->run.pid = (uint64_t)getpid();
    p->run.started_us = started_us;
    pthread_mutex_init(&p->lock, NULL);
    cond_init(&p->changed);
    if (!publish(p, true, err) || !write_run(p, err))
        goto failed;
    if (pthread_create(&p->thread, NULL, pulse_main, p) != 0) {
        err_set(err, ERR_IO, "cannot start a thread for the consumer's place");
        goto failed;
    }
    *out = p;
    return true;
failed:
    free(p);
    return false;
}

void pulse_stop(struct pulse *p, const struct err *why)
{
    struct err err = ERR_INIT;

    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_signal(&p->changed);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    p->run.ended = true;
    if (why->kind != ERR_NONE && why->kind != ERR_STOPPED) {
        snprintf(p->run.error, sizeof(p->run.error), "%s", why->text);
        snprintf(p->run.reason, sizeof(p->run.reason), "%s", why->reason);
    }
    if (!write_run(p, &err))
        log_warn("service", "%s", err.text);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
