/*
 * fs.h - the file system as the queue and the audit log use it.
 *
 * A table of functions so that a test can lose unsynced bytes, tear sectors or fail the
 * n-th call. fs_real() is the operating system. Functions return false with ERR_IO. A
 * failed fdatasync is fatal for the file: the kernel may have dropped the dirty pages, so
 * it must not be retried (the caller ends and recovers from disk).
 */
#ifndef SCHEMA_BASE_FS_H
#define SCHEMA_BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "schema/base/bytes.h"
#include "schema/base/err.h"

struct fs {
    void *ctx;
    /* open(2); the descriptor number is the fs's own. mode 0600 for new files. */
    bool (*open)(void *ctx, const char *path, int flags, int *fd, struct err *err);
    void (*close)(void *ctx, int fd);
    bool (*pwrite)(void *ctx, int fd, const void *data, size_t len, uint64_t offset,
                   struct err *err); /* all of it or an error */
    bool (*pread)(void *ctx, int fd, void *data, size_t len, uint64_t offset, size_t *got,
                  struct err *err); /* got < len only at the end of the file */
    bool (*datasync)(void *ctx, int fd, struct err *err);
    bool (*truncate)(void *ctx, int fd, uint64_t size, struct err *err);
    bool (*allocate)(void *ctx, int fd, uint64_t offset, uint64_t len, struct err *err);
    bool (*size)(void *ctx, int fd, uint64_t *size, struct err *err);
    /* *next: the first place at or behind offset that may hold anything but zeros; the size
     * of the file when there is none. Room that was only allocated need not be read. */
    bool (*next_data)(void *ctx, int fd, uint64_t offset, uint64_t *next, struct err *err);
    bool (*rename)(void *ctx, const char *from, const char *to, struct err *err);
    bool (*unlink)(void *ctx, const char *path, struct err *err);
    bool (*sync_dir)(void *ctx, const char *path, struct err *err);
    /* Names in a directory without . and .., sorted by bytes; free with fs_free_names(). */
    bool (*list)(void *ctx, const char *path, char ***names, size_t *n, struct err *err);
    bool (*make_dir)(void *ctx, const char *path, struct err *err); /* 0700; exists is good */
    bool (*lock)(void *ctx, int fd, bool *got, struct err *err);    /* exclusive flock, no wait */
};

const struct fs *fs_real(void);
/* Take an exclusive flock(2) on a small file that others hold for moments: within 30 s. path: for
 * messages. */
MUST_CHECK bool fs_lock_soon(int fd, const char *path, struct err *err);
void fs_free_names(char **names, size_t n);
/* A whole file up to max bytes; free(*data). It gets a NUL after its end. */
MUST_CHECK bool fs_read_file(const struct fs *fs, const char *path, size_t max, char **data,
                             size_t *len, struct err *err);
/* dir/name holds exactly data afterwards, durably; after a crash the old or the new content,
 * whole. For small files: written as dir/name.tmp, synced, renamed. One writer at a time. */
MUST_CHECK bool fs_replace_file(const struct fs *fs, const char *dir, const char *name,
                                struct bytes data, struct err *err);

#endif
