/*
 * reader.h - the inside of a queue reader, for the other files of this room: the writer
 * recovers through it, find.c and inspect.c walk with it.
 */
#ifndef CDC_QUEUE_READER_H
#define CDC_QUEUE_READER_H

#include "cdc/queue/end.h"
#include "cdc/queue/record.h"
#include "cdc/queue/segment.h"

struct queue_reader {
    const struct fs *fs;
    char *dir;
    struct queue_identity id;
    int end_fd; /* -1: none */
    struct end_state end;
    struct queue_bell *bell; /* or NULL */
    bool fixed;              /* `end` does not move */
    bool rows;               /* decode row changes, else they are passed over */
    bool collect;            /* keep the GTIDs of `place` */

    struct segment seg;
    ZSTD_DCtx *zstd;
    struct buf raw;    /* the block being read */
    struct bytes left; /* what is left of it */
    struct buf part;   /* a record that spans blocks */

    uint64_t after; /* transactions up to this one are passed over */
    uint64_t lsn;   /* last complete transaction read */
    bool in_tx;
    struct tx_begin begin; /* of the transaction being read, or the last one */
    struct place place;    /* behind the last complete transaction; its GTIDs with collect only */
    bool placed;           /* the GTIDs have been read */
    uint64_t first_us;     /* commit times of the transactions decoded */

    struct catalog *catalog;
    struct record_definitions definitions;
    struct map pending; /* id: struct table that the catalogue does not own yet */
    uint32_t next_id;
    struct arena arena;
    struct record_row row;
};

struct reader_start {
    const struct fs *fs;
    const char *dir;
    const struct queue_identity *id;
    uint64_t segment;            /* first LSN of the segment to begin in */
    uint64_t after;              /* at least segment - 1 */
    struct queue_bell *bell;     /* or NULL */
    const struct end_state *end; /* NULL: follow the published end */
    bool rows;
    bool collect;
};

/* Open and walk to `after`; the catalogue is then the one that holds there. */
MUST_CHECK bool reader_open(const struct reader_start *start, struct queue_reader **out,
                            struct err *err);
/* Behind `from` or, where the GTIDs of goal come later, behind a place that has not all of them; it
 * collects, decodes no rows, and follows the published end. */
MUST_CHECK bool reader_open_before(const char *dir, const struct queue_options *options,
                                   uint64_t from, const struct place *goal,
                                   struct queue_reader **out, struct err *err);
/* As queue_read without waiting. */
MUST_CHECK bool reader_step(struct queue_reader *r, bool *got, struct queue_item *item,
                            struct err *err);
/* The published end, or, where END does not tell it, what the last segment proves. */
MUST_CHECK bool reader_find_end(const struct fs *fs, const char *dir,
                                const struct queue_identity *id, struct end_state *out,
                                struct err *err);
/* The segment in which transaction lsn stands or will stand, as far as it is published: a next one
 * may be there already. ERR_DATA "queue_trimmed". */
MUST_CHECK bool reader_find_segment(const struct fs *fs, const char *dir,
                                    const struct end_state *end, uint64_t lsn, uint64_t *first_lsn,
                                    struct err *err);
#endif
