/*
 * capture.c - the loop: connect, read events, decode into the queue, sync, publish.
 */
#include "cdc/capture/capture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/capture/sink.h"
#include "cdc/capture/start.h"
#include "cdc/queue/followed.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/stop.h"
#include "schema/base/xalloc.h"

#define SYNC_BYTES ((uint64_t)4 << 20)
#define SYNC_AGE_US 50000
#define POLL_MS 50                  /* how long capture_stop() may wait for us */
#define QUEUE_FULL_PAUSE_US 2000000 /* the disk may have room again without our doing */
#define QUEUE_FULL_POLL_US 200000
#define RETRY_PAUSE_MAX_US 10000000
#define EVENT_BYTES_MAX ((uint64_t)1 << 30)
#define RETRY_MAX_S 300
#define TRIM_EVERY_US 1000000
#define GOOD_AFTER_US 10000000 /* a stream that lived this long was a good one */

struct capture {
    struct capture_config config;
    struct queue *queue;
    struct capture_sink sink;
    atomic_bool stop;
    pthread_mutex_t lock; /* over stats */
    struct capture_stats stats;
    uint64_t trimmed_us;
};

bool capture_open(const struct capture_config *config, struct capture **out, struct err *err)
{
    struct capture *c = xcalloc(1, sizeof(*c));

    c->config = *config;
    if (!c->config.event_bytes_max)
        c->config.event_bytes_max = EVENT_BYTES_MAX;
    if (!c->config.retry_max_s)
        c->config.retry_max_s = RETRY_MAX_S;
    pthread_mutex_init(&c->lock, NULL);
    if (!queue_exists(config->queue_dir, config->queue) && !capture_create_queue(&c->config, err))
        goto fail;
    if (!queue_open(config->queue_dir, config->queue, &c->queue, err))
        goto fail;
    if (!followed_note(queue_fs(config->queue), config->queue_dir, config->mapping,
                       queue_get_end(c->queue).lsn, err))
        goto fail;
    capture_sink_init(&c->sink, c->queue, config->mapping);
    c->stats.lsn = queue_get_end(c->queue).lsn;
    *out = c;
    return true;
fail:
    capture_close(c);
    return false;
}

void capture_close(struct capture *c)
{
    if (!c)
        return;
    capture_sink_release(&c->sink);
    queue_close(c->queue);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void capture_stop(struct capture *c)
{
    atomic_store(&c->stop, true);
}

uint64_t capture_lsn(struct capture *c)
{
    return queue_get_end(c->queue).lsn;
}

void capture_stats_read(struct capture *c, struct capture_stats *out)
{
    pthread_mutex_lock(&c->lock);
    *out = c->stats;
    pthread_mutex_unlock(&c->lock);
}

static bool must_stop(struct capture *c)
{
    return stop_requested() || atomic_load(&c->stop);
}

static void note_connected(struct capture *c, bool connected, bool queue_full)
{
    pthread_mutex_lock(&c->lock);
    c->stats.connected = connected;
    c->stats.queue_full = queue_full;
    pthread_mutex_unlock(&c->lock);
}

static void note_event(struct capture *c, size_t size)
{
    pthread_mutex_lock(&c->lock);
    c->stats.events++;
    c->stats.bytes += size;
    c->stats.event_us = clock_wall_us();
    c->stats.received = c->sink.received;
    c->stats.source_us = c->sink.source_us;
    c->stats.transactions = c->sink.transactions;
    c->stats.changes = c->sink.changes;
    pthread_mutex_unlock(&c->lock);
}

static bool publish(struct capture *c, struct err *err)
{
    if (!queue_sync(c->queue, err))
        return false;
    c->sink.unsynced_since_us = 0;
    pthread_mutex_lock(&c->lock);
    c->stats.lsn = queue_get_end(c->queue).lsn;
    pthread_mutex_unlock(&c->lock);
    return true;
}

static bool trim(struct capture *c, struct err *err)
{
    c->trimmed_us = clock_steady_us();
    return !c->config.applied ||
           queue_trim(c->queue, c->config.applied(c->config.applied_ctx), err);
}

/* Synced when the socket has no more bytes, or after 4 MiB, or 50 ms (DESIGN 3). */
static bool sync_if_due(struct capture *c, struct source *s, struct err *err)
{
    uint64_t now = clock_steady_us();

    if (c->sink.unsynced_since_us &&
        (queue_unsynced(c->queue) >= SYNC_BYTES || now - c->sink.unsynced_since_us >= SYNC_AGE_US ||
         !source_stream_pending(s)) &&
        !publish(c, err))
        return false;
    return now - c->trimmed_us < TRIM_EVERY_US || trim(c, err);
}

static bool reached(struct capture *c, const struct position *until)
{
    struct queue_end end;

    if (!until)
        return false;
    end = queue_get_end(c->queue);
    return position_reached(&end.end, until) || position_reached(&end.seen, until);
}

static bool read_stream(struct capture *c, struct source *s, struct decoder *d,
                        const struct position *until, struct err *err)
{
    while (!must_stop(c) && !reached(c, until)) {
        struct bytes event;

        if (!source_stream_next(s, POLL_MS, &event, err))
            return false;
        if (event.len) {
            if (!decoder_event(d, event, err))
                return false;
            note_event(c, event.len);
        }
        if (!sync_if_due(c, s, err))
            return false;
    }
    return true;
}

/* Other transactions may bear the GTIDs that we have: see source_reaches(). */
static bool check_history(struct capture *c, struct source *s, struct err *err)
{
    struct queue_end end = queue_get_end(c->queue);
    bool reaches = true;

    /* Another server's files have their own numbers. */
    if (strcmp(queue_identity(c->queue)->source_uuid, source_info(s)->server_uuid) == 0 &&
        !source_reaches(s, &end.end, &reaches, err))
        return false;
    if (reaches)
        return true;
    err_reason(err, ERR_SERVER, "diverged",
               "the queue was read up to %s:%llu, but the source's binlog ends before that: it "
               "lost transactions or was reset; make the queue and the copy anew",
               end.end.file, (unsigned long long)end.end.offset);
    err->side = ERR_SIDE_SOURCE;
    return false;
}

/* One connection from its start to its end. True: a stop, or `until` was reached. */
static bool run_connection(struct capture *c, const struct position *until, bool *progress,
                           struct err *err)
{
    struct source *s = NULL;
    struct decoder *d = NULL;
    struct decode_sink sink = capture_sink_table(&c->sink);
    uint64_t before = c->sink.transactions, started_us = 0;
    struct err abort_err = ERR_INIT, publish_err = ERR_INIT;
    bool ok = false;

    if (!source_connect(c->config.source, &s, err))
        goto done;
    c->sink.native_fk = source_info(s)->native_fk;
    c->sink.dialect = source_info(s)->dialect;
    d = decoder_new(&sink, source_info(s)->checksum_crc32, c->config.event_bytes_max);
    if (!check_history(c, s, err) || !source_stream_start(s, queue_place(c->queue), err))
        goto done;
    started_us = clock_steady_us();
    note_connected(c, true, false);
    log_info("capture", "connected to the source, reading behind lsn %llu",
             (unsigned long long)queue_get_end(c->queue).lsn);
    ok = read_stream(c, s, d, until, err);
done:
    /* A source without writers is no reason to give up when it restarts one day. */
    *progress = c->sink.transactions > before ||
                (started_us && clock_steady_us() - started_us >= GOOD_AFTER_US);
    note_connected(c, false, strcmp(err->reason, "queue_full") == 0);
    /* What is open now comes again after the reconnect, from its begin. */
    if (c->sink.in_transaction && !queue_abort(c->queue, &abort_err) && ok) {
        *err = abort_err;
        ok = false;
    }
    c->sink.in_transaction = false;
    map_reset(&c->sink.parents);
    /* Also when the connection broke: what came last may be all that is left of the source. */
    if (c->sink.unsynced_since_us && !publish(c, &publish_err) && (ok || err->kind == ERR_RETRY)) {
        *err = publish_err;
        ok = false;
    }
    decoder_free(d);
    source_close(s);
    return ok;
}

static void note_retry(struct capture *c, const struct err *err)
{
    pthread_mutex_lock(&c->lock);
    c->stats.reconnects++;
    snprintf(c->stats.last_error, sizeof(c->stats.last_error), "%.255s", err->text);
    pthread_mutex_unlock(&c->lock);
    log_warn("capture", "%s; trying again", err->text);
}

static void pause_us(struct capture *c, uint64_t us)
{
    uint64_t end = clock_steady_us() + us;

    while (!must_stop(c) && clock_steady_us() < end)
        clock_sleep_us(50000);
}

/* Until trimming has made room, or a while. */
static bool wait_for_room(struct capture *c, struct err *err)
{
    uint64_t end = clock_steady_us() + QUEUE_FULL_PAUSE_US;
    uint64_t room = queue_room(c->queue);

    while (!must_stop(c) && clock_steady_us() < end) {
        if (!trim(c, err))
            return false;
        if (queue_room(c->queue) > room)
            break;
        pause_us(c, QUEUE_FULL_POLL_US);
    }
    return true;
}

static bool run_connections(struct capture *c, const struct position *until, struct err *err)
{
    uint64_t good_us = clock_steady_us();
    uint64_t wait_us = 100000;

    while (!must_stop(c) && !reached(c, until)) {
        bool progress = false;

        *err = ERR_INIT;
        if (run_connection(c, until, &progress, err))
            continue;
        if (must_stop(c))
            return true;
        if (progress) {
            good_us = clock_steady_us();
            wait_us = 100000;
        }
        if (strcmp(err->reason, "queue_full") == 0) {
            note_retry(c, err);
            if (!wait_for_room(c, err))
                return false;
            good_us = clock_steady_us();
            continue;
        }
        if (err->kind != ERR_RETRY ||
            clock_steady_us() - good_us > (uint64_t)c->config.retry_max_s * 1000000)
            return false;
        note_retry(c, err);
        pause_us(c, wait_us);
        wait_us = wait_us * 2 < RETRY_PAUSE_MAX_US ? wait_us * 2 : RETRY_PAUSE_MAX_US;
    }
    return true;
}

bool capture_run(struct capture *c, const struct position *until, struct err *err)
{
    bool ok = run_connections(c, until, err);

    atomic_store(&c->stop, false);
    return ok;
}
