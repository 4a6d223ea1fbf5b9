/*
 * tail.h - the writer's inside: the block that is being filled and the open segment.
 *
 * queue.c says what a transaction is; tail.c turns records into blocks and keeps the promise
 * that a failed call for want of room (reason "queue_full") changes nothing and may be made
 * again.
 */
#ifndef CDC_QUEUE_TAIL_H
#define CDC_QUEUE_TAIL_H

#include <pthread.h>

#include "cdc/queue/end.h"
#include "cdc/queue/record.h"
#include "cdc/queue/segment.h"

/* A segment that is finished. */
struct closed_segment {
    uint64_t first_lsn;
    uint64_t last_lsn;
    uint64_t bytes;
    uint64_t closed_us; /* our wall clock */
};

/* Where the writer is in the open segment. Copied to come back to a place. */
struct tail {
    int fd; /* -1: the last segment is closed and the next could not be made yet */
    uint64_t first_lsn;
    uint64_t offset;    /* where the next block goes */
    uint64_t allocated; /* bytes of the file that are ours */
    uint64_t synced;    /* durable, whole transactions only */
    uint64_t chain;
    uint64_t lsn; /* last complete one before offset */
    struct segment_footer counts;
};

/* A length of the block being filled. */
struct fill {
    size_t len;
    uint32_t records;
    uint8_t flags; /* BLOCK_DEFINES or 0 */
    uint64_t lsn;  /* last complete one in it */
};

struct undo {
    const struct table *before;
    const struct table *after;
};

struct queue {
    const struct fs *fs;
    char *dir;
    struct queue_options options; /* no zero left */
    struct queue_identity id;
    int lock_fd;
    int old_lock_fd; /* of the QUEUE file that opening replaced; -1: none */
    int end_fd;
    bool unpublished; /* END is behind what is synced */
    bool broken;      /* a sync failed: what is on disk is only known after opening again */

    struct closed_segment *closed;
    size_t n_closed;
    size_t cap_closed;
    uint64_t closed_bytes;

    struct tail tail;
    struct buf block;  /* records not yet written */
    struct fill done;  /* its part that holds whole transactions */
    struct fill open;  /* all of it */
    uint8_t lead;      /* BLOCK_TX_CONTINUES, BLOCK_RECORD_CONTINUES of its first byte */
    bool preamble;     /* the block belongs to a preamble */
    struct buf packed; /* scratch: a compressed block */
    struct buf record; /* scratch: one record */
    ZSTD_CCtx *zstd;

    bool in_tx;
    bool streamed; /* blocks of the open transaction are on disk, from mark on */
    struct tail mark;
    struct tx_begin begin;
    uint32_t tx_next_id; /* definitions from here on belong to the open transaction */
    struct undo *undo;   /* its DDL effects */
    size_t n_undo;
    size_t cap_undo;
    bool databases_touched;

    struct catalog *catalog;
    struct catalog *databases; /* as of the last complete transaction, no tables */
    struct record_definitions definitions;
    uint32_t next_id;
    struct place place;    /* behind the last complete transaction */
    uint64_t lsn;          /* last complete transaction, synced or not */
    struct queue_end last; /* the same, as it will be published */
    uint64_t first_us;     /* commit times in the open segment */
    uint64_t last_us;

    pthread_mutex_t mutex; /* guards `published` */
    struct end_state published;
};

/* With what the writer takes for zeros and NULL. */
struct queue_options queue_options_filled(const struct queue_options *options);
/* Append q->record to the block; `defines` for TABLE, DATABASE and DDL. On "queue_full"
 * nothing was appended. */
MUST_CHECK bool tail_append(struct queue *q, bool defines, struct err *err);
/* Write the whole transactions of the block. */
MUST_CHECK bool tail_flush(struct queue *q, struct err *err);
/* Everything complete is on disk and durable; publishes. */
MUST_CHECK bool tail_sync(struct queue *q, struct err *err);
/* Close the open segment and begin the next one. */
MUST_CHECK bool tail_rotate(struct queue *q, struct err *err);
/* Make the segment that begins with q->lsn + 1, with its preamble. */
MUST_CHECK bool tail_create(struct queue *q, uint64_t prev_chain, struct err *err);
MUST_CHECK bool tail_publish(struct queue *q, struct err *err);
/* Offset behind the last complete transaction that is written. */
uint64_t tail_boundary(const struct queue *q);
void tail_note_closed(struct queue *q, const struct closed_segment *c);
/* The definition's number, given now if it has none; then *fresh and a TABLE record is due. */
MUST_CHECK bool queue_definition(struct queue *q, const struct table *t, bool live, uint32_t *id,
                                 struct err *err);

#endif
