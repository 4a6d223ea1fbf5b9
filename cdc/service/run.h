/*
 * run.h - when a service last ran in a queue's directory, and how it ended.
 *
 * For status, when nobody listens on the socket any more. Holds no row data: messages name
 * rows by key hashes.
 */
#ifndef CDC_SERVICE_RUN_H
#define CDC_SERVICE_RUN_H

#include "schema/base/err.h"
#include "schema/base/fs.h"

#define RUN_FILE "RUN"                 /* of who applies, perhaps captures, too */
#define RUN_FILE_CAPTURE "RUN.capture" /* of a process that only captures */

struct run {
    bool found;
    uint64_t pid;
    uint64_t started_us, seen_us; /* our clock; seen: when it was last written */
    bool ended;                   /* false with nobody running: killed, or the machine went down */
    char error[1024];             /* what ended it, "" nothing did */
    char reason[48];
};

MUST_CHECK bool run_write(const struct fs *fs, const char *dir, const char *file,
                          const struct run *run, struct err *err);
/* What is not there or not understood is not found. */
void run_read(const struct fs *fs, const char *dir, const char *file, struct run *out);

#endif
