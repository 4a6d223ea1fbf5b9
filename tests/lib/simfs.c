#include "tests/lib/simfs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/bytes.h"
#include "schema/base/map.h"
#include "schema/base/xalloc.h"

#define SIMFS_FDS 256
#define SIMFS_FD_BASE 1000 /* so that a descriptor of the real system is noticed */
#define SIMFS_FILE_BYTES_MAX ((uint64_t)1 << 30)
#define SIMFS_OPS 13

/* Memory behind a file; bytes beyond size are kept zero. */
struct image {
    uint8_t *data;
    uint64_t size;
    uint64_t cap;
};

struct inode {
    struct inode *next;
    bool is_dir;
    bool locked;
    struct image now;
    struct image platter;
    uint8_t *dirty; /* a flag for each sector of now.cap */
    bool size_dirty;
};

/* One change of names, not yet synced: path becomes inode (NULL: is gone). */
struct name_op {
    struct name_op *next;
    char *dir;
    char *path;
    struct inode *inode;
    char *gone; /* the other half of a rename, or NULL */
};

struct handle {
    struct inode *inode;
    bool writable;
    bool holds_lock;
};

struct order {
    unsigned ops;
    unsigned left; /* 0: none */
    int code;
};

struct simfs {
    struct fs fs;
    pthread_mutex_t mutex;
    uint64_t random;
    struct inode *inodes;
    struct map now; /* path to inode */
    struct map platter;
    struct name_op *pending; /* oldest first */
    struct handle handles[SIMFS_FDS];
    struct order fail;
    struct order cut;
    bool power_off;
    bool killed;  /* only the process that calls is gone: nothing is lost */
    bool was_off; /* before the call in hand: it is not the one that the cut hit */
    uint64_t calls[SIMFS_OPS];
};

/* splitmix64 */
static uint64_t next_random(struct simfs *s)
{
    uint64_t z = s->random += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint64_t random_below(struct simfs *s, uint64_t n)
{
    return n ? next_random(s) % n : 0;
}

static uint64_t sectors(uint64_t bytes)
{
    return (bytes + SIMFS_SECTOR - 1) / SIMFS_SECTOR;
}

static void image_room(struct image *m, uint64_t cap)
{
    if (cap <= m->cap)
        return;
    m->data = xrealloc(m->data, cap);
    memset(m->data + m->cap, 0, cap - m->cap);
    m->cap = cap;
}

static void inode_room(struct inode *f, uint64_t size)
{
    uint64_t cap = f->now.cap ? f->now.cap : 16 * SIMFS_SECTOR;
    uint64_t old = sectors(f->now.cap);

    while (cap < size)
        cap *= 2;
    if (cap > f->now.cap) {
        f->dirty = xrealloc(f->dirty, sectors(cap));
        memset(f->dirty + old, 0, sectors(cap) - old);
    }
    image_room(&f->now, cap);
    image_room(&f->platter, cap);
}

static void mark(struct inode *f, uint64_t from, uint64_t to)
{
    for (uint64_t i = from / SIMFS_SECTOR; i < sectors(to); i++)
        f->dirty[i] = 1;
}

static void set_size(struct inode *f, uint64_t size)
{
    if (size == f->now.size)
        return;
    inode_room(f, size);
    if (size < f->now.size) {
        memset(f->now.data + size, 0, f->now.size - size);
        mark(f, size, f->now.size);
    }
    f->now.size = size;
    f->size_dirty = true;
}

static void write_bytes(struct inode *f, const void *data, uint64_t len, uint64_t offset)
{
    if (len == 0)
        return;
    if (offset + len > f->now.size)
        set_size(f, offset + len);
    memcpy(f->now.data + offset, data, len);
    mark(f, offset, offset + len);
}

static void sector_to_platter(struct inode *f, uint64_t sector, uint64_t len)
{
    uint64_t at = sector * SIMFS_SECTOR;

    memcpy(f->platter.data + at, f->now.data + at, len);
}

static void sync_inode(struct inode *f)
{
    for (uint64_t i = 0; i < sectors(f->now.cap); i++) {
        if (f->dirty[i])
            sector_to_platter(f, i, SIMFS_SECTOR);
        f->dirty[i] = 0;
    }
    f->platter.size = f->now.size;
    f->size_dirty = false;
}

/* What a crash or a failed sync lets through: each dirty sector whole, not at all or torn. */
static void sync_some(struct simfs *s, struct inode *f, bool torn)
{
    uint64_t low = f->now.size < f->platter.size ? f->now.size : f->platter.size;
    uint64_t high = f->now.size < f->platter.size ? f->platter.size : f->now.size;

    for (uint64_t i = 0; i < sectors(f->now.cap); i++) {
        if (!f->dirty[i])
            continue;
        switch (random_below(s, torn ? 3 : 2)) {
        case 0:
            sector_to_platter(f, i, SIMFS_SECTOR);
            break;
        case 2:
            sector_to_platter(f, i, random_below(s, SIMFS_SECTOR));
            break;
        default:
            break;
        }
        f->dirty[i] = 0;
    }
    if (!f->size_dirty)
        return;
    switch (random_below(s, 3)) {
    case 0:
        f->platter.size = f->now.size;
        break;
    case 1:
        f->platter.size = low + random_below(s, high - low + 1);
        break;
    default:
        break;
    }
    f->size_dirty = false;
    memset(f->platter.data + f->platter.size, 0, f->platter.cap - f->platter.size);
}

static bool order_is_due(struct order *o, unsigned op)
{
    return o->left > 0 && (o->ops & op) != 0 && --o->left == 0;
}

static bool refuse(struct err *err, int code, const char *what)
{
    errno = code;
    err_errno(err, "simulated disk: %s", what);
    return false;
}

/* Counts the call and obeys the orders. Takes the mutex; every call ends with leave(). */
static int enter(struct simfs *s, unsigned op)
{
    pthread_mutex_lock(&s->mutex);
    s->was_off = s->power_off;
    for (unsigned i = 0; i < SIMFS_OPS; i++)
        s->calls[i] += (op >> i) & 1;
    if (s->power_off)
        return EIO;
    if (order_is_due(&s->cut, op)) {
        s->power_off = true;
        return EIO;
    }
    return order_is_due(&s->fail, op) ? s->fail.code : 0;
}

static bool leave(struct simfs *s, int code, const char *what, struct err *err)
{
    pthread_mutex_unlock(&s->mutex);
    return code == 0 || refuse(err, code, what);
}

static struct handle *handle_of(struct simfs *s, int fd)
{
    int i = fd - SIMFS_FD_BASE;

    if (i < 0 || i >= SIMFS_FDS || s->handles[i].inode == NULL)
        return NULL;
    return &s->handles[i];
}

static struct inode *inode_new(struct simfs *s, bool is_dir)
{
    struct inode *f = xcalloc(1, sizeof(*f));

    f->is_dir = is_dir;
    f->next = s->inodes;
    s->inodes = f;
    return f;
}

static char *dir_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return xstrdup(".");
    return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

static struct inode *lookup(const struct map *names, const char *path)
{
    return map_get(names, bytes_str(path));
}

static bool dir_exists(const struct map *names, const char *path)
{
    char *dir = dir_of(path);
    struct inode *f = lookup(names, dir);

    free(dir);
    return f != NULL && f->is_dir;
}

static void set_name(struct map *names, const char *path, struct inode *inode)
{
    if (inode != NULL)
        map_put(names, bytes_str(path), inode);
    else
        map_remove(names, bytes_str(path));
}

static void name_change(struct simfs *s, const char *path, struct inode *inode, const char *gone)
{
    struct name_op *op = xcalloc(1, sizeof(*op));
    struct name_op **at = &s->pending;

    op->dir = dir_of(path);
    op->path = xstrdup(path);
    op->inode = inode;
    op->gone = gone ? xstrdup(gone) : NULL;
    while (*at != NULL)
        at = &(*at)->next;
    *at = op;
    if (gone != NULL)
        set_name(&s->now, gone, NULL);
    set_name(&s->now, path, inode);
}

static void name_op_free(struct name_op *op)
{
    free(op->dir);
    free(op->path);
    free(op->gone);
    free(op);
}

static void name_op_to_platter(struct simfs *s, const struct name_op *op)
{
    if (op->gone != NULL)
        set_name(&s->platter, op->gone, NULL);
    set_name(&s->platter, op->path, op->inode);
}

static int open_inode(struct simfs *s, const char *path, int flags, struct inode **out)
{
    struct inode *f = lookup(&s->now, path);

    if (f == NULL && (flags & O_CREAT) == 0)
        return ENOENT;
    if (f != NULL && (flags & O_CREAT) != 0 && (flags & O_EXCL) != 0)
        return EEXIST;
    if (f == NULL && !dir_exists(&s->now, path))
        return ENOENT;
    if (f == NULL) {
        f = inode_new(s, false);
        name_change(s, path, f, NULL);
    }
    if (f->is_dir && (flags & O_ACCMODE) != O_RDONLY)
        return EISDIR;
    if ((flags & O_TRUNC) != 0)
        set_size(f, 0);
    *out = f;
    return 0;
}

static bool sim_open(void *ctx, const char *path, int flags, int *fd, struct err *err)
{
    struct simfs *s = ctx;
    int code = enter(s, SIMFS_OPEN);
    struct inode *f = NULL;
    int i = 0;

    *fd = -1;
    if (code == 0)
        code = open_inode(s, path, flags, &f);
    while (i < SIMFS_FDS && s->handles[i].inode != NULL)
        i++;
    if (code == 0 && i == SIMFS_FDS)
        code = EMFILE;
    if (code == 0) {
        s->handles[i] = (struct handle){f, (flags & O_ACCMODE) != O_RDONLY, false};
        *fd = SIMFS_FD_BASE + i;
    }
    return leave(s, code, "open", err);
}

static void sim_close(void *ctx, int fd)
{
    struct simfs *s = ctx;
    struct handle *h;

    pthread_mutex_lock(&s->mutex);
    h = handle_of(s, fd);
    if (h != NULL) {
        if (h->holds_lock)
            h->inode->locked = false;
        *h = (struct handle){0};
    }
    pthread_mutex_unlock(&s->mutex);
}

static bool sim_pwrite(void *ctx, int fd, const void *data, size_t len, uint64_t offset,
                       struct err *err)
{
    struct simfs *s = ctx;
    int code = enter(s, SIMFS_PWRITE);
    struct handle *h = handle_of(s, fd);

    if (code == 0 && (h == NULL || !h->writable))
        code = EBADF;
    else if (code == 0 && (len > SIMFS_FILE_BYTES_MAX || offset > SIMFS_FILE_BYTES_MAX - len))
        code = EFBIG;
    else if (code == 0)
        write_bytes(h->inode, data, len, offset);
    else if (h != NULL && h->writable && !s->was_off && offset <= SIMFS_FILE_BYTES_MAX - len)
        write_bytes(h->inode, data, random_below(s, len + 1), offset);
    return leave(s, code, "write", err);
}

static bool sim_pread(void *ctx, int fd, void *data, size_t len, uint64_t offset, size_t *got,
                      struct err *err)
{
    struct simfs *s = ctx;
    int code = enter(s, SIMFS_PREAD);
    struct handle *h = handle_of(s, fd);

    *got = 0;
    if (code == 0 && h == NULL)
        code = EBADF;
    if (code == 0 && offset < h->inode->now.size) {
        uint64_t left = h->inode->now.size - offset;

        *got = len < left ? len : (size_t)left;
        memcpy(data, h->inode->now.data + offset, *got);
    }
    return leave(s, code, "read", err);
}

static bool sim_datasync(void *ctx, int fd, struct err *err)
{
    struct simfs *s = ctx;
    int code = enter(s, SIMFS_DATASYNC);
    struct handle *h = handle_of(s, fd);

    if (code == 0 && h == NULL)
        code = EBADF;
    else if (code == 0)
        sync_inode(h->inode);
    else if (h != NULL && !s->was_off && !s->power_off)
        sync_some(s, h->inode, false);
    return leave(s, code, "fdatasync", err);
}

static bool sim_truncate(void *ctx, int fd, uint64_t size, struct err *err)
{
    struct simfs *s = ctx;
    int code = enter(s, SIMFS_TRUNCATE);
    struct handle *h = handle_of(s, fd);

    if (code == 0 && (h == NULL || !h->writable))
        code = EBADF;
    if (code == 0 && size > SIMFS_FILE_BYTES_MAX)
        code = EFBIG;
    if (code == 0)
        set_size(h->inode, size);
    return leave(s, code, "truncate", err);
}

static bool sim_allocate(void *ctx, int fd, uint64_t offset, uint64_t len, struct err *err)
{
    struct simfs *s = ctx;
    int code = enter(s, SIMFS_ALLOCATE);
    struct handle *h = handle_of(s, fd);

    if (code == 0 && (h == NULL || !h->writable))
        code = EBADF;
    if (code == 0 && (len > SIMFS_FILE_BYTES_MAX || offset > SIMFS_FILE_BYTES_MAX - len))
        code = ENOSPC;
    if (code == 0 && offset + len > h->inode->now.size)
        set_size(h->inode, offset + len);
    return leave(s, code, "allocate", err);
}

static bool sim_size(void *ctx, int fd, uint64_t *size, struct err *err)
{
    struct simfs *s = ctx;
    int code = enter(s, SIMFS_SIZE);
    struct handle *h = handle_of(s, fd);

    *size = 0;
    if (code == 0 && h == NULL)
        code = EBADF;
    if (code == 0)
        *size = h->inode->now.size;
    return leave(s, code, "stat", err);
}

static bool sim_rename(void *ctx, const char *from, const char *to, struct err *err)
{
    struct simfs *s = ctx;
    int code = enter(s, SIMFS_RENAME);
    struct inode *f = lookup(&s->now, from);

    if (code == 0 && (f == NULL || !dir_exists(&s->now, to)))
        code = ENOENT;
    if (code == 0 && f->is_dir)
        code = ENOTSUP; /* nobody renames a directory here */
    if (code == 0 && strcmp(from, to) != 0)
        name_change(s, to, f, from);
    return leave(s, code, "rename", err);
}

static bool sim_unlink(void *ctx, const char *path, struct err *err)
{
    struct simfs *s = ctx;
    int code = enter(s, SIMFS_UNLINK);
    struct inode *f = lookup(&s->now, path);

    if (code == 0 && f == NULL)
        code = ENOENT;
    if (code == 0 && f->is_dir)
        code = EISDIR;
    if (code == 0)
        name_change(s, path, NULL, NULL);
    return leave(s, code, "unlink", err);
}

static bool sim_sync_dir(void *ctx, const char *path, struct err *err)
{
    struct simfs *s = ctx;
    int code = enter(s, SIMFS_SYNC_DIR);

    if (code == 0 && lookup(&s->now, path) == NULL)
        code = ENOENT;
    for (struct name_op **at = &s->pending; code == 0 && *at != NULL;) {
        struct name_op *op = *at;

        if (strcmp(op->dir, path) != 0) {
            at = &op->next;
            continue;
        }
        name_op_to_platter(s, op);
        *at = op->next;
        name_op_free(op);
    }
    return leave(s, code, "sync directory", err);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void collect(struct simfs *s, const char *path, char ***names, size_t *n)
{
    struct map_entry *e;

    *names = xcalloc(s->now.count + 1, sizeof(**names));
    for (size_t i = 0; (e = map_next(&s->now, &i)) != NULL;) {
        const char *child = (const char *)e->key.data;
        char *dir = dir_of(child);
        const char *slash = strrchr(child, '/');
        const char *base = slash ? slash + 1 : child;

        if (strcmp(dir, path) == 0 && *base != '\0' && strcmp(child, path) != 0)
            (*names)[(*n)++] = xstrdup(base);
        free(dir);
    }
    qsort(*names, *n, sizeof(**names), compare_names);
}

static bool sim_list(void *ctx, const char *path, char ***names, size_t *n, struct err *err)
{
    struct simfs *s = ctx;
    int code = enter(s, SIMFS_LIST);

    *names = NULL;
    *n = 0;
    if (code == 0 && lookup(&s->now, path) == NULL)
        code = ENOENT;
    if (code == 0)
        collect(s, path, names, n);
    return leave(s, code, "read directory", err);
}

static bool sim_make_dir(void *ctx, const char *path, struct err *err)
{
    struct simfs *s = ctx;
    int code = enter(s, SIMFS_MAKE_DIR);
    struct inode *f = lookup(&s->now, path);

    if (code == 0 && f != NULL && !f->is_dir)
        code = ENOTDIR;
    if (code == 0 && !dir_exists(&s->now, path))
        code = ENOENT;
    if (code == 0 && f == NULL)
        name_change(s, path, inode_new(s, true), NULL);
    return leave(s, code, "make directory", err);
}

static bool sim_next_data(void *ctx, int fd, uint64_t offset, uint64_t *next, struct err *err)
{
    (void)ctx, (void)fd, (void)err;
    *next = offset;
    return true;
}

static bool sim_lock(void *ctx, int fd, bool *got, struct err *err)
{
    struct simfs *s = ctx;
    int code = enter(s, SIMFS_LOCK);
    struct handle *h = handle_of(s, fd);

    *got = false;
    if (code == 0 && h == NULL)
        code = EBADF;
    if (code == 0 && (h->holds_lock || !h->inode->locked)) {
        h->inode->locked = h->holds_lock = true;
        *got = true;
    }
    return leave(s, code, "lock", err);
}

static const struct fs simfs_ops = {
    .open = sim_open,
    .close = sim_close,
    .pwrite = sim_pwrite,
    .pread = sim_pread,
    .datasync = sim_datasync,
    .truncate = sim_truncate,
    .allocate = sim_allocate,
    .size = sim_size,
    .rename = sim_rename,
    .unlink = sim_unlink,
    .sync_dir = sim_sync_dir,
    .list = sim_list,
    .make_dir = sim_make_dir,
    .lock = sim_lock,
    .next_data = sim_next_data,
};

struct simfs *simfs_new(uint64_t seed)
{
    struct simfs *s = xcalloc(1, sizeof(*s));
    struct inode *root;

    s->fs = simfs_ops;
    s->fs.ctx = s;
    s->random = seed;
    pthread_mutex_init(&s->mutex, NULL);
    root = inode_new(s, true);
    set_name(&s->now, "/", root);
    set_name(&s->now, ".", root);
    set_name(&s->platter, "/", root);
    set_name(&s->platter, ".", root);
    return s;
}

static void inode_free(struct inode *f)
{
    free(f->now.data);
    free(f->platter.data);
    free(f->dirty);
    free(f);
}

static void drop_pending(struct simfs *s)
{
    while (s->pending != NULL) {
        struct name_op *op = s->pending;

        s->pending = op->next;
        name_op_free(op);
    }
}

void simfs_free(struct simfs *s)
{
    struct inode *next;

    if (s == NULL)
        return;
    drop_pending(s);
    for (struct inode *f = s->inodes; f != NULL; f = next) {
        next = f->next;
        inode_free(f);
    }
    map_release(&s->now);
    map_release(&s->platter);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

const struct fs *simfs_fs(struct simfs *s)
{
    return &s->fs;
}

void simfs_fail(struct simfs *s, unsigned ops, unsigned n, int code)
{
    pthread_mutex_lock(&s->mutex);
    s->fail = (struct order){ops, n, code};
    pthread_mutex_unlock(&s->mutex);
}

void simfs_cut_power(struct simfs *s, unsigned ops, unsigned n)
{
    pthread_mutex_lock(&s->mutex);
    s->cut = (struct order){ops, n, EIO};
    pthread_mutex_unlock(&s->mutex);
}

/* A name is there when its directory is; a child may have been synced before its parent. */
static void keep_reachable(struct simfs *s)
{
    struct map_entry *e;
    size_t before;

    do {
        before = s->now.count;
        for (size_t i = 0; (e = map_next(&s->platter, &i)) != NULL;) {
            const char *path = (const char *)e->key.data;

            if (strcmp(path, "/") == 0 || strcmp(path, ".") == 0 || dir_exists(&s->now, path))
                map_put(&s->now, e->key, e->value);
        }
    } while (s->now.count != before);
}

/* In each directory the changes of names reach the platter in order, up to some point. */
static void names_after_crash(struct simfs *s)
{
    struct map ended = {0};
    struct map_entry *e;

    for (struct name_op *op = s->pending; op != NULL; op = op->next) {
        if (map_get(&ended, bytes_str(op->dir)) == NULL && random_below(s, 3) == 0)
            map_put(&ended, bytes_str(op->dir), op);
        if (map_get(&ended, bytes_str(op->dir)) == NULL)
            name_op_to_platter(s, op);
    }
    map_release(&ended);
    drop_pending(s);
    map_reset(&s->now);
    keep_reachable(s);
    map_reset(&s->platter);
    for (size_t i = 0; (e = map_next(&s->now, &i)) != NULL;)
        map_put(&s->platter, e->key, e->value);
}

static void lose_unsynced(struct simfs *s)
{
    for (struct inode *f = s->inodes; f != NULL; f = f->next) {
        if (f->now.cap == 0)
            continue;
        sync_some(s, f, true);
        memcpy(f->now.data, f->platter.data, f->now.cap);
        f->now.size = f->platter.size;
    }
    names_after_crash(s);
}

void simfs_restart(struct simfs *s)
{
    pthread_mutex_lock(&s->mutex);
    if (!s->killed)
        lose_unsynced(s);
    memset(s->handles, 0, sizeof(s->handles));
    for (struct inode *f = s->inodes; f != NULL; f = f->next)
        f->locked = false;
    s->fail = s->cut = (struct order){0};
    s->power_off = s->killed = false;
    pthread_mutex_unlock(&s->mutex);
}

void simfs_kill(struct simfs *s)
{
    pthread_mutex_lock(&s->mutex);
    s->killed = s->killed || !s->power_off;
    s->power_off = true;
    pthread_mutex_unlock(&s->mutex);
}

bool simfs_power_is_off(struct simfs *s)
{
    bool off;

    pthread_mutex_lock(&s->mutex);
    off = s->power_off;
    pthread_mutex_unlock(&s->mutex);
    return off;
}

uint64_t simfs_calls(struct simfs *s, unsigned ops)
{
    uint64_t n = 0;

    pthread_mutex_lock(&s->mutex);
    for (unsigned i = 0; i < SIMFS_OPS; i++)
        n += (ops >> i) & 1 ? s->calls[i] : 0;
    pthread_mutex_unlock(&s->mutex);
    return n;
}

bool simfs_flip(struct simfs *s, const char *path, uint64_t offset, uint8_t mask)
{
    struct inode *f;
    bool ok;

    pthread_mutex_lock(&s->mutex);
    f = lookup(&s->now, path);
    ok = f != NULL && offset < f->now.size;
    if (ok) {
        f->now.data[offset] ^= mask;
        f->platter.data[offset] ^= mask;
    }
    pthread_mutex_unlock(&s->mutex);
    return ok;
}
