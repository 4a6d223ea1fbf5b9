#include "schema/base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/base/xalloc.h"

#define LOCK_SOON_S 30

static bool real_open(void *ctx, const char *path, int flags, int *fd, struct err *err)
{
    (void)ctx;
    do {
        *fd = open(path, flags | O_CLOEXEC, 0600);
    } while (*fd < 0 && errno == EINTR);
    if (*fd < 0)
        err_errno(err, "open %s", path);
    return *fd >= 0;
}

static void real_close(void *ctx, int fd)
{
    (void)ctx;
    close(fd);
}

static bool real_pwrite(void *ctx, int fd, const void *data, size_t len, uint64_t offset,
                        struct err *err)
{
    const uint8_t *p = data;

    (void)ctx;
    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            err_errno(err, "write %zu bytes at offset %llu", len, (unsigned long long)offset);
            return false;
        }
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return true;
}

static bool real_pread(void *ctx, int fd, void *data, size_t len, uint64_t offset, size_t *got,
                       struct err *err)
{
    uint8_t *p = data;

    (void)ctx;
    *got = 0;
    while (*got < len) {
        ssize_t n = pread(fd, p + *got, len - *got, (off_t)(offset + *got));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            err_errno(err, "read %zu bytes at offset %llu", len, (unsigned long long)offset);
            return false;
        }
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return true;
}

static bool real_datasync(void *ctx, int fd, struct err *err)
{
    (void)ctx;
    if (fdatasync(fd) == 0)
        return true;
    err_errno(err, "fdatasync");
    return false;
}

static bool real_truncate(void *ctx, int fd, uint64_t size, struct err *err)
{
    int rc;

    (void)ctx;
    do {
        rc = ftruncate(fd, (off_t)size);
    } while (rc != 0 && errno == EINTR);
    if (rc != 0)
        err_errno(err, "truncate to %llu bytes", (unsigned long long)size);
    return rc == 0;
}

static bool real_allocate(void *ctx, int fd, uint64_t offset, uint64_t len, struct err *err)
{
    int rc;

    (void)ctx;
    do {
        rc = posix_fallocate(fd, (off_t)offset, (off_t)len);
    } while (rc == EINTR);
    if (rc == 0)
        return true;
    errno = rc; /* posix_fallocate returns it instead */
    err_errno(err, "allocate %llu bytes", (unsigned long long)len);
    return false;
}

static bool real_size(void *ctx, int fd, uint64_t *size, struct err *err)
{
    struct stat st;

    (void)ctx;
    if (fstat(fd, &st) != 0) {
        err_errno(err, "stat");
        return false;
    }
    *size = (uint64_t)st.st_size;
    return true;
}

static bool real_next_data(void *ctx, int fd, uint64_t offset, uint64_t *next, struct err *err)
{
    off_t at = lseek(fd, (off_t)offset, SEEK_DATA);

    *next = at < 0 ? offset : (uint64_t)at;
    /* ENXIO: nothing but holes. Where the file system cannot tell, all of it may be data. */
    return at >= 0 || errno != ENXIO || real_size(ctx, fd, next, err);
}

static bool real_rename(void *ctx, const char *from, const char *to, struct err *err)
{
    (void)ctx;
    if (rename(from, to) == 0)
        return true;
    err_errno(err, "rename %s to %s", from, to);
    return false;
}

static bool real_unlink(void *ctx, const char *path, struct err *err)
{
    (void)ctx;
    if (unlink(path) == 0)
        return true;
    err_errno(err, "unlink %s", path);
    return false;
}

static bool real_sync_dir(void *ctx, const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok;

    (void)ctx;
    ok = fd >= 0 && fsync(fd) == 0;
    if (!ok)
        err_errno(err, "sync directory %s", path);
    if (fd >= 0)
        close(fd);
    return ok;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool real_list(void *ctx, const char *path, char ***names, size_t *n, struct err *err)
{
    DIR *dir = opendir(path);
    size_t cap = 0;
    struct dirent *d;
    bool ok;

    (void)ctx;
    *names = NULL;
    *n = 0;
    if (dir == NULL) {
        err_errno(err, "open directory %s", path);
        return false;
    }
    while ((void)(errno = 0), (d = readdir(dir)) != NULL) {
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        if (*n == cap) {
            cap = cap ? cap * 2 : 16;
            *names = xrealloc(*names, cap * sizeof(**names));
        }
        (*names)[(*n)++] = xstrdup(d->d_name);
    }
    ok = errno == 0;
    if (!ok) {
        err_errno(err, "read directory %s", path);
        fs_free_names(*names, *n);
        *names = NULL;
        *n = 0;
    }
    if (*n > 0)
        qsort(*names, *n, sizeof(**names), compare_names);
    closedir(dir);
    return ok;
}

static bool real_make_dir(void *ctx, const char *path, struct err *err)
{
    struct stat st;

    (void)ctx;
    if (mkdir(path, 0700) == 0)
        return true;
    if (errno == EEXIST && stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return true;
        errno = ENOTDIR;
    }
    err_errno(err, "make directory %s", path);
    return false;
}

static bool real_lock(void *ctx, int fd, bool *got, struct err *err)
{
    (void)ctx;
    *got = flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (*got || errno == EWOULDBLOCK)
        return true;
    err_errno(err, "lock");
    return false;
}

const struct fs *fs_real(void)
{
    static const struct fs real = {
        .open = real_open,
        .close = real_close,
        .pwrite = real_pwrite,
        .pread = real_pread,
        .datasync = real_datasync,
        .truncate = real_truncate,
        .allocate = real_allocate,
        .size = real_size,
        .next_data = real_next_data,
        .rename = real_rename,
        .unlink = real_unlink,
        .sync_dir = real_sync_dir,
        .list = real_list,
        .make_dir = real_make_dir,
        .lock = real_lock,
    };

    return &real;
}

void fs_free_names(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

/* The size is not asked: files in /proc say 0. Reads until the end or over max. */
static bool read_to_end(const struct fs *fs, int fd, const char *path, size_t max, char **data,
                        size_t *len, struct err *err)
{
    size_t cap = 4096;
    size_t got;

    *data = NULL;
    *len = 0;
    do {
        cap = cap < max / 2 ? cap * 2 : max + 1;
        *data = xrealloc(*data, cap + 1);
        if (!fs->pread(fs->ctx, fd, *data + *len, cap - *len, *len, &got, err)) {
            err_context(err, "%s", path);
            return false;
        }
        *len += got;
        if (*len > max) {
            err_set(err, ERR_IO, "%s is over the limit of %zu bytes", path, max);
            return false;
        }
    } while (*len == cap);
    (*data)[*len] = '\0';
    return true;
}

bool fs_read_file(const struct fs *fs, const char *path, size_t max, char **data, size_t *len,
                  struct err *err)
{
    int fd;
    bool ok;

    *data = NULL;
    *len = 0;
    if (!fs->open(fs->ctx, path, O_RDONLY, &fd, err))
        return false;
    ok = read_to_end(fs, fd, path, max, data, len, err);
    fs->close(fs->ctx, fd);
    if (!ok) {
        free(*data);
        *data = NULL;
        *len = 0;
    }
    return ok;
}

static bool write_new_file(const struct fs *fs, const char *path, struct bytes data,
                           struct err *err)
{
    int fd;
    bool ok;

    if (!fs->open(fs->ctx, path, O_WRONLY | O_CREAT, &fd, err))
        return false;
    ok = fs->truncate(fs->ctx, fd, 0, err) &&
         fs->pwrite(fs->ctx, fd, data.data, data.len, 0, err) && fs->datasync(fs->ctx, fd, err);
    fs->close(fs->ctx, fd);
    return ok;
}

bool fs_replace_file(const struct fs *fs, const char *dir, const char *name, struct bytes data,
                     struct err *err)
{
    struct buf path = BUF_INIT, tmp = BUF_INIT;
    bool ok;

    buf_putf(&path, "%s/%s", dir, name);
    buf_putf(&tmp, "%s/%s.tmp", dir, name);
    ok = write_new_file(fs, buf_cstr(&tmp), data, err) &&
         fs->rename(fs->ctx, buf_cstr(&tmp), buf_cstr(&path), err) &&
         fs->sync_dir(fs->ctx, dir, err);
    if (!ok)
        err_context(err, "write %s", buf_cstr(&path));
    buf_release(&path);
    buf_release(&tmp);
    return ok;
}

bool fs_lock_soon(int fd, const char *path, struct err *err)
{
    uint64_t until = clock_steady_us() + (uint64_t)LOCK_SOON_S * 1000000;

    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            err_errno(err, "lock %s", path);
            return false;
        }
        if (clock_steady_us() >= until) {
            err_set(err, ERR_IO, "lock %s: another process has held it for %d s", path,
                    LOCK_SOON_S);
            return false;
        }
        (void)poll(NULL, 0, 1);
    }
    return true;
}
