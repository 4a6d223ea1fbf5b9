/*
 * capture.h - engine: from the source's binlog to the queue.
 *
 * The queue is its own position: a restart goes on behind the last complete transaction in
 * it. At the first start the schema is read between two GTID positions and accepted only if
 * no DDL happened in between. Rows of unwanted tables are left out, their definitions are
 * followed. A definition that does not fit the TABLE_MAP of the same table stops capture
 * with the table named. Reconnects by itself with back-off; a purged or diverged source is
 * an error that names the missing sets.
 */
#ifndef CDC_CAPTURE_CAPTURE_H
#define CDC_CAPTURE_CAPTURE_H

#include "cdc/queue/queue.h"
#include "cdc/source/source.h"
#include "schema/mapping/mapping.h"

struct capture_config {
    const struct source_config *source;
    const char *queue_dir;
    const struct queue_options *queue;
    uint64_t event_bytes_max;      /* 0 = 1 GiB */
    const struct mapping *mapping; /* NULL: rows of every table */
    uint32_t retry_max_s;          /* give up after this long without a connection; 0 = 300 */
    /* For trimming: the LSN that every consumer has passed, asked about once a second from
     * capture's thread. NULL: nothing is ever trimmed. */
    uint64_t (*applied)(void *ctx);
    void *applied_ctx;
};

struct capture_stats {
    bool connected;
    bool queue_full;          /* waiting for room */
    uint64_t lsn;             /* last published */
    struct position received; /* end of the last event read */
    uint64_t source_us;       /* source time of the last event or heartbeat */
    uint64_t event_us;        /* our clock when it was read */
    uint64_t events, bytes, transactions, changes, reconnects;
    char last_error[1024]; /* of the last reconnect, "" none */
};

struct capture;

/* Open (or create, reading the schema) the queue. Connects. */
MUST_CHECK bool capture_open(const struct capture_config *config, struct capture **out,
                             struct err *err);
void capture_close(struct capture *c);
/* Read until a stop (true), until the published position reaches `until` when it is not
 * NULL (true), or an error. Belongs to one thread. */
MUST_CHECK bool capture_run(struct capture *c, const struct position *until, struct err *err);
/* From any thread: end capture_run, the one that runs or the next, as if stopped. */
void capture_stop(struct capture *c);
uint64_t capture_lsn(struct capture *c); /* the published end */
void capture_stats_read(struct capture *c, struct capture_stats *out);

#endif
