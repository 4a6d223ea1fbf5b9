/*
 * consumers.h - who has read the queue up to where.
 *
 * Each target that is applied from a queue has a small file beside the segments. The process
 * that applies writes it, at its start, at most about once a second, and at its end; capture,
 * in the same process or in another, trims behind the slowest of the targets that its
 * configuration names. A file may say less than the target holds, never more. A target that
 * is taken out of the configuration is no longer waited for once capture starts again: its
 * file stays, for 'queue ls' to show, and may be removed by hand. Format in consumers.c.
 */
#ifndef CDC_SERVICE_CONSUMERS_H
#define CDC_SERVICE_CONSUMERS_H

#include "schema/base/err.h"
#include "schema/base/fs.h"
#include "targets/target.h"

struct consumer {
    char name[TARGET_CHANNEL_MAX + 1];
    uint64_t lsn;        /* all up to here is committed on the target */
    uint64_t written_us; /* our clock */
};

struct consumers {
    struct consumer *items; /* ordered by file name */
    size_t n;
};

/* Durable afterwards. uuid: of the queue. One writer a name. */
MUST_CHECK bool consumer_write(const struct fs *fs, const char *dir, const uint8_t uuid[16],
                               const char *name, uint64_t lsn, struct err *err);
/* All that belong to the queue with this uuid. A file that cannot be understood counts as one
 * that has read nothing (a newer version of the format may have written it). */
MUST_CHECK bool consumers_read(const struct fs *fs, const char *dir, const uint8_t uuid[16],
                               struct consumers *out, struct err *err);
void consumers_release(struct consumers *c);
/* NULL: not registered. */
const struct consumer *consumers_find(const struct consumers *c, const char *name);
/* The LSN that all of these targets have passed; 0 while one of them has never registered. */
uint64_t consumers_slowest(const struct consumers *c, const char *const *names, size_t n);

#endif
