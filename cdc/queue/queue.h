/*
 * queue.h - the durable middle: what was captured, in order, compressed, on our own disk.
 *
 * Capture writes, apply, load and validate read; they share this and nothing else, in one
 * process or in several. Only complete, synced transactions are visible to readers. The
 * file format is told in segment.c, the record format in record.c (algorithms.md 5).
 *
 * A segment begins with the GTID set and every table definition that holds there, so it
 * decodes alone. Errors: ERR_IO (disk; reason "queue_full" when max_bytes or the disk is
 * used up: stop reading the source, go on applying, try again), ERR_DATA reason
 * "queue_corrupt" (file and offset named, nothing changed or skipped), ERR_CONFIG (not a
 * queue, newer version, locked by another process).
 */
#ifndef CDC_QUEUE_QUEUE_H
#define CDC_QUEUE_QUEUE_H

#include "schema/base/err.h"
#include "schema/base/fs.h"
#include "schema/catalog.h"
#include "schema/change.h"

#define QUEUE_VERSION 2 /* written; all from 1 on are read */
#define QUEUE_BLOCK_RAW_BYTES ((size_t)256 << 10)
#define QUEUE_RECORD_BYTES_MAX ((size_t)1 << 30)

struct queue_bell;

struct queue_options {
    uint64_t max_bytes;      /* all segments together; 0 = 50 GiB */
    uint64_t segment_bytes;  /* 0 = 256 MiB, at most a quarter of max_bytes; a transaction
                                stays in one segment, so a large one makes a longer one */
    uint64_t retain_us;      /* keep applied segments this long (0 = 24 h), unless the segments
                                together pass four fifths of max_bytes */
    int zstd_level;          /* 0 = 1 */
    const struct fs *fs;     /* NULL = fs_real() */
    struct queue_bell *bell; /* bell.h; NULL: readers look every now and then */
};

/* The disk that a queue of these options is on; options may be NULL. */
static inline const struct fs *queue_fs(const struct queue_options *options)
{
    return options != NULL && options->fs != NULL ? options->fs : fs_real();
}

struct queue_identity {
    uint8_t uuid[16];     /* of this queue, drawn at creation */
    char source_uuid[37]; /* server_uuid of the source it was made for */
    uint16_t version;     /* of the queue's files; ignored when it is made */
};

/* The published end: all of it is synced. */
struct queue_end {
    uint64_t lsn; /* last complete transaction; 0 = none yet */
    struct gtid gtid;
    struct position end;  /* where to go on reading */
    uint64_t commit_us;   /* of that transaction, source clock */
    uint64_t idle_us;     /* source time of the last heartbeat behind it, 0 = none */
    struct position seen; /* source position known to hold nothing new up to here */
};

/* ---- writer: one, holds the lock; belongs to one thread, queue_get_end() to any ---- */

struct queue;

/* Make an empty queue. start: the place before its first transaction, file may be "";
 * catalog: all definitions there (copied). */
MUST_CHECK bool queue_create(const char *dir, const struct queue_options *options,
                             const struct queue_identity *id, const struct place *start,
                             const struct catalog *catalog, struct err *err);
bool queue_exists(const char *dir, const struct queue_options *options);
/* Open for writing: recovery of the tail as in algorithms.md 5.3. */
MUST_CHECK bool queue_open(const char *dir, const struct queue_options *options, struct queue **out,
                           struct err *err);
void queue_close(struct queue *q); /* unsynced transactions are lost, legally */

const struct queue_identity *queue_identity(const struct queue *q);
/* Behind the last complete transaction (not only synced): where to go on. Borrowed. */
const struct place *queue_place(const struct queue *q);
/* The catalogue at the last complete transaction. Borrowed; the writer thread may replay DDL
 * on it (queue_catalog) right before it calls queue_ddl() for it. */
struct catalog *queue_catalog(struct queue *q);

/* One transaction: begin, then changes and DDL in order, then end or abort. begin->lsn is
 * ignored; the LSN given is returned by queue_finish. A transaction may be larger than
 * memory: blocks go to disk, invisible until the end.
 * After "queue_full" nothing of the failed call was taken: make it again when there is room,
 * or abort. Tables must be those of queue_catalog() (ERR_DATA "unknown_table"). After a failed
 * fdatasync every call fails with ERR_IO; open the queue again. */
MUST_CHECK bool queue_begin(struct queue *q, const struct tx_begin *begin, struct err *err);
MUST_CHECK bool queue_change(struct queue *q, const struct change *change, struct err *err);
/* The statement and its effects; definitions in effects travel with it. */
MUST_CHECK bool queue_ddl(struct queue *q, const struct ddl *ddl, struct err *err);
MUST_CHECK bool queue_finish(struct queue *q, const struct position *end, uint64_t *lsn,
                             struct err *err);
/* Also takes back what DDL did to the catalogue; replaced definitions come back as equal ones
 * at another address. */
MUST_CHECK bool queue_abort(struct queue *q, struct err *err);
/* A heartbeat: nothing new up to this position at this source time. Cheap, not synced. */
void queue_idle(struct queue *q, const struct position *seen, uint64_t source_us);
/* Bytes buffered or written and not yet synced. */
uint64_t queue_unsynced(const struct queue *q);
/* Write, fdatasync, publish. */
MUST_CHECK bool queue_sync(struct queue *q, struct err *err);
/* Bytes that may still be allocated below max_bytes. */
uint64_t queue_room(const struct queue *q);
/* Delete whole segments that every consumer has passed and that are older than retain. */
MUST_CHECK bool queue_trim(struct queue *q, uint64_t applied_lsn, struct err *err);

/* The published end, from any thread. */
struct queue_end queue_get_end(struct queue *q);
/* From another process or without the writer: read the published end from the directory. */
MUST_CHECK bool queue_read_end(const char *dir, const struct queue_options *options,
                               struct queue_identity *id, struct queue_end *end, struct err *err);
uint64_t queue_bytes(const char *dir, const struct queue_options *options);

/* ---- reader: any number, one thread each; needs no writer ---- */

enum queue_item_kind { QUEUE_BEGIN = 1, QUEUE_CHANGE, QUEUE_DDL, QUEUE_END };

/* All pointers are borrowed until the next read; definitions until the reader closes. */
struct queue_item {
    enum queue_item_kind kind;
    struct tx_begin begin;
    struct change change;
    struct ddl ddl;
    struct tx_end end;
};

struct queue_reader;

/* Start behind LSN `after` (0 = the beginning). ERR_DATA reason "queue_trimmed" if that is
 * no longer in the queue, "queue_short" if the queue ends before it. */
MUST_CHECK bool queue_reader_open(const char *dir, const struct queue_options *options,
                                  uint64_t after, struct queue_reader **out, struct err *err);
void queue_reader_close(struct queue_reader *r);
/* *got false: nothing more is published within timeout_ms. */
MUST_CHECK bool queue_read(struct queue_reader *r, unsigned timeout_ms, bool *got,
                           struct queue_item *item, struct err *err);
/* The catalogue at the reader's place (after all DDL items already returned). Borrowed. */
const struct catalog *queue_reader_catalog(const struct queue_reader *r);

/* The last published LSN that the reader knows of: it returns nothing behind it before it has
 * looked again. Never goes back. */
uint64_t queue_reader_published(const struct queue_reader *r);

/* The first LSN > from whose end position is at or behind `at`; ERR_RETRY reason
 * "not_yet" when the published queue does not reach it. Where no transaction ends there but
 * an idle position (or the end itself) proves that nothing up to `at` is missing: the last
 * published LSN, which may be `from`. */
MUST_CHECK bool queue_find_position(const char *dir, const struct queue_options *options,
                                    uint64_t from, const struct position *at, uint64_t *lsn,
                                    struct err *err);
/* What its first transaction comes behind; the caller releases it. ERR_DATA "queue_trimmed" where
 * that is not in the queue any more. */
MUST_CHECK bool queue_find_start(const char *dir, const struct queue_options *options,
                                 struct place *out, struct err *err);
/* The largest n such that all transactions from+1..n are among the GTIDs of `place`. */
MUST_CHECK bool queue_find_within(const char *dir, const struct queue_options *options,
                                  uint64_t from, const struct place *place, uint64_t *lsn,
                                  struct err *err);

/* The first LSN behind which all GTIDs of `goal` have come; 0 or the last LSN that is trimmed
 * away when they had before. ERR_RETRY reason "not_yet". */
MUST_CHECK bool queue_find_behind(const char *dir, const struct queue_options *options,
                                  const struct place *goal, uint64_t *lsn, struct err *err);

/* ---- inspection ---- */

struct queue_segment_info {
    char file[64];
    uint64_t first_lsn, last_lsn;
    uint64_t stored_bytes, raw_bytes;
    uint64_t blocks, records;
    uint64_t first_us, last_us; /* source commit times, 0 unknown */
    bool open;                  /* the one being written */
};
/* verify: read and check every byte; else headers and block headers only. One call per
 * segment, oldest first. A corrupt segment ends it with ERR_DATA. */
MUST_CHECK bool queue_inspect(const char *dir, const struct queue_options *options, bool verify,
                              void (*segment)(void *ctx, const struct queue_segment_info *info),
                              void *ctx, struct err *err);

#endif
