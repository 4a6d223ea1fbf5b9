/*
 * end.h - the two small files of a queue beside its segments: QUEUE (what it is, and the
 * writer's lock) and END (how far readers may go). Formats in end.c.
 */
#ifndef CDC_QUEUE_END_H
#define CDC_QUEUE_END_H

#include "cdc/queue/queue.h"

struct end_state {
    uint64_t segment; /* first LSN of the segment that is being written */
    uint64_t offset;  /* end of the last published transaction in it */
    struct queue_end end;
};

bool identity_exists(const struct fs *fs, const char *dir);
/* The right to make a queue here: QUEUE.tmp, locked. Fails also when a queue is there
 * (ERR_CONFIG, reason "queue_exists"). */
MUST_CHECK bool identity_claim(const struct fs *fs, const char *dir, int *fd, struct err *err);
/* Make QUEUE of the claimed file; durable afterwards. fd stays open and locked. */
MUST_CHECK bool identity_create(const struct fs *fs, const char *dir, int fd,
                                const struct queue_identity *id, struct err *err);
/* Put a QUEUE of the version written today in place of an older one. *fd: its lock; keep the old
 * one, too, for somebody may have opened that file before. */
MUST_CHECK bool identity_upgrade(const struct fs *fs, const char *dir,
                                 const struct queue_identity *id, int *fd, struct err *err);
/* Fails with ERR_CONFIG: reason "no_queue" (not there, not a queue) or "queue_newer". */
MUST_CHECK bool identity_read(const struct fs *fs, const char *dir, struct queue_identity *id,
                              struct err *err);
/* Take the writer's lock; keep *fd open as long as it is needed. ERR_CONFIG "queue_locked". */
MUST_CHECK bool identity_lock(const struct fs *fs, const char *dir, int *fd, struct err *err);

/* Open END; writer: make it when absent. *fd is -1 when there is none to read. */
MUST_CHECK bool end_open(const struct fs *fs, const char *dir, bool writer, int *fd,
                         struct err *err);
MUST_CHECK bool end_write(const struct fs *fs, int fd, const uint8_t uuid[16],
                          const struct end_state *state, struct err *err);
/* *found false: not there, torn, or of another queue; *state is unchanged then. */
MUST_CHECK bool end_read(const struct fs *fs, int fd, const uint8_t uuid[16], bool *found,
                         struct end_state *state, struct err *err);

#endif
