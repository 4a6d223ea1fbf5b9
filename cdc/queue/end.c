/*
 * end.c - the files QUEUE and END, version 2. Integers are little-endian.
 *
 * QUEUE, 128 bytes, written once (as QUEUE.tmp, synced, renamed), last of all when a queue is
 * made: without it there is no queue. The writer holds an exclusive flock on it. Its version is
 * the newest of all that is in the directory: a writer that opens a queue of version 1 first
 * puts a QUEUE of version 2 in place of the old one in the same way, so that an older program
 * refuses the directory. Nothing but the number differs.
 *    0 magic "DOMQUEUE"   8 version u16   10 zero u16   12 queue uuid, 16 bytes
 *   28 server_uuid of the source, 36 characters or fewer and zeros   64 zeros
 *  124 crc32c of 0..123
 *
 * END, 664 bytes, overwritten in place after each sync of the data it speaks of, never synced
 * itself. Valid if and only if magic, uuid and crc agree; a reader that meets a half-written
 * one tries again.
 *    0 magic "DOMEND02"   8 queue uuid    24 segment (its first lsn) u64   32 offset u64
 *   40 lsn u64   48 commit_us u64   56 idle_us u64   64 end offset u64   72 seen offset u64
 *   80 gtid in its byte form (place.h), zeros to 144
 *  144 end file, 256 bytes   400 seen file, 256 bytes   656 crc32c of 0..655   660 zero
 * Version 1 has the magic "DOMEND01" and at 80 uuid, 16 bytes, 96 gno u64, 104 tag, zeros to 144;
 * no GTID is zeros. The first END that is written replaces it.
 *
 * What a crash leaves behind: an END that is older than the data (readers see less until the
 * writer is back) or a torn one (readers fall back on what the segment itself proves).
 * It is never newer, so what it says was synced may be demanded at recovery.
 */
#include "cdc/queue/end.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/queue/segment.h"
#include "schema/base/cursor.h"
#include "schema/base/xalloc.h"

#define QUEUE_FILE_BYTES 128
#define END_FILE_BYTES 664
#define END_GTID_AT 80
#define QUEUE_FILE_READ_MAX ((size_t)64 << 10) /* of a newer version, too */
#define END_TRIES 20

static const char queue_magic[8] = {'D', 'O', 'M', 'Q', 'U', 'E', 'U', 'E'};
static const char end_magic[8] = {'D', 'O', 'M', 'E', 'N', 'D', '0', '2'};
static const char end_magic_1[8] = {'D', 'O', 'M', 'E', 'N', 'D', '0', '1'};

/* Zeros up to size. */
static void fill(struct buf *b, size_t size)
{
    static const uint8_t zeros[QUEUE_FILE_BYTES] = {0};

    buf_put(b, zeros, size - b->len);
}

/* The crc of everything so far, then zeros up to size. */
static void seal(struct buf *b, size_t crc_at, size_t size)
{
    fill(b, crc_at);
    buf_put_u32(b, segment_crc32c(buf_bytes(b)));
    fill(b, size);
}

static bool sealed(const uint8_t *data, size_t crc_at)
{
    struct cursor c = cursor_of(bytes_of(data + crc_at, 4));

    return cursor_u32(&c) == segment_crc32c(bytes_of(data, crc_at));
}

static void put_fixed(struct buf *b, const char *s, size_t size)
{
    uint8_t *p = buf_reserve(b, size);
    size_t n = strnlen(s, size);

    memset(p, 0, size);
    memcpy(p, s, n);
    b->len += size;
}

static void get_fixed(struct cursor *c, char *out, size_t out_size, size_t size)
{
    struct bytes b = cursor_bytes(c, size);

    memset(out, 0, out_size);
    if (b.len == size)
        memcpy(out, b.data, strnlen((const char *)b.data, out_size - 1));
}

/* ---- QUEUE ---- */

bool identity_exists(const struct fs *fs, const char *dir)
{
    char *path = segment_path(dir, "QUEUE");
    struct err ignored;
    int fd;
    bool there = fs->open(fs->ctx, path, O_RDONLY, &fd, &ignored);

    if (there)
        fs->close(fs->ctx, fd);
    free(path);
    return there;
}

bool identity_claim(const struct fs *fs, const char *dir, int *fd, struct err *err)
{
    char *tmp = segment_path(dir, "QUEUE.tmp");
    bool ok = fs->open(fs->ctx, tmp, O_RDWR | O_CREAT, fd, err);
    bool got = false;

    free(tmp);
    if (!ok)
        return false;
    ok = fs->lock(fs->ctx, *fd, &got, err);
    if (ok && !got) {
        err_reason(err, ERR_CONFIG, "queue_locked",
                   "another process makes the queue %s; wait for it", dir);
    } else if (ok && identity_exists(fs, dir)) {
        err_reason(err, ERR_CONFIG, "queue_exists", "there is a queue in %s already", dir);
        got = false;
    }
    if (!ok || !got)
        fs->close(fs->ctx, *fd);
    return ok && got;
}

bool identity_create(const struct fs *fs, const char *dir, int fd, const struct queue_identity *id,
                     struct err *err)
{
    char *path = segment_path(dir, "QUEUE");
    char *tmp = segment_path(dir, "QUEUE.tmp");
    struct buf b = BUF_INIT;
    bool ok;

    buf_put(&b, queue_magic, sizeof(queue_magic));
    buf_put_u16(&b, QUEUE_VERSION);
    buf_put_u16(&b, 0);
    buf_put(&b, id->uuid, sizeof(id->uuid));
    put_fixed(&b, id->source_uuid, 36);
    seal(&b, 124, QUEUE_FILE_BYTES);
    ok = fs->pwrite(fs->ctx, fd, b.data, b.len, 0, err) && fs->truncate(fs->ctx, fd, b.len, err) &&
         fs->datasync(fs->ctx, fd, err) && fs->rename(fs->ctx, tmp, path, err) &&
         fs->sync_dir(fs->ctx, dir, err);
    if (!ok)
        err_context(err, "make %s", path);
    buf_release(&b);
    free(tmp);
    free(path);
    return ok;
}

bool identity_upgrade(const struct fs *fs, const char *dir, const struct queue_identity *id,
                      int *fd, struct err *err)
{
    char *tmp = segment_path(dir, "QUEUE.tmp");
    bool got = false;
    bool ok = fs->open(fs->ctx, tmp, O_RDWR | O_CREAT, fd, err);

    free(tmp);
    if (!ok)
        return false;
    ok = fs->lock(fs->ctx, *fd, &got, err);
    if (ok && !got)
        err_reason(err, ERR_CONFIG, "queue_locked", "another process upgrades the queue %s", dir);
    ok = ok && got && identity_create(fs, dir, *fd, id, err);
    if (!ok)
        fs->close(fs->ctx, *fd);
    return ok;
}

static bool parse_identity(const char *path, const uint8_t *data, size_t len,
                           struct queue_identity *id, struct err *err)
{
    struct cursor c = cursor_of(bytes_of(data, len));
    struct bytes magic = cursor_bytes(&c, sizeof(queue_magic));
    uint16_t version = cursor_u16(&c);

    if (c.bad || !bytes_equal(magic, bytes_of(queue_magic, sizeof(queue_magic)))) {
        err_reason(err, ERR_CONFIG, "no_queue", "%s is not the file of a queue", path);
        return false;
    }
    if (version > QUEUE_VERSION) {
        err_reason(err, ERR_CONFIG, "queue_newer",
                   "%s has format version %u, this program reads up to %d; use a newer domicile",
                   path, version, QUEUE_VERSION);
        return false;
    }
    if (len != QUEUE_FILE_BYTES || version == 0 || !sealed(data, 124)) {
        err_reason(err, ERR_DATA, "queue_corrupt", "%s is damaged", path);
        return false;
    }
    id->version = version;
    cursor_u16(&c);
    memcpy(id->uuid, cursor_bytes(&c, sizeof(id->uuid)).data, sizeof(id->uuid));
    get_fixed(&c, id->source_uuid, sizeof(id->source_uuid), 36);
    return true;
}

bool identity_read(const struct fs *fs, const char *dir, struct queue_identity *id, struct err *err)
{
    char *path = segment_path(dir, "QUEUE");
    char *data = NULL;
    size_t len;
    bool ok;

    if (!fs_read_file(fs, path, QUEUE_FILE_READ_MAX, &data, &len, err)) {
        /* Whatever the reason: without this file there is no queue to speak of. */
        struct err why = *err;

        err_reason(err, ERR_CONFIG, "no_queue",
                   "there is no queue in %s (%s); load or replicate makes it", dir, why.text);
        ok = false;
        goto done;
    }
    ok = parse_identity(path, (const uint8_t *)data, len, id, err);
done:
    free(data);
    free(path);
    return ok;
}

bool identity_lock(const struct fs *fs, const char *dir, int *fd, struct err *err)
{
    char *path = segment_path(dir, "QUEUE");
    bool got = false;
    bool ok = fs->open(fs->ctx, path, O_RDWR, fd, err);

    if (!ok)
        goto done;
    ok = fs->lock(fs->ctx, *fd, &got, err);
    if (ok && !got)
        err_reason(
            err, ERR_CONFIG, "queue_locked",
            "another process (load, replicate or validate) writes the queue %s; wait for it, "
            "or stop it",
            dir);
    if (!ok || !got)
        fs->close(fs->ctx, *fd);
done:
    free(path);
    return ok && got;
}

/* ---- END ---- */

bool end_open(const struct fs *fs, const char *dir, bool writer, int *fd, struct err *err)
{
    char *path = segment_path(dir, "END");
    struct err ignored;
    bool ok = true;

    if (writer) {
        ok = fs->open(fs->ctx, path, O_RDWR | O_CREAT, fd, err);
    } else if (!fs->open(fs->ctx, path, O_RDONLY, fd, &ignored)) {
        *fd = -1;
    }
    free(path);
    return ok;
}

bool end_write(const struct fs *fs, int fd, const uint8_t uuid[16], const struct end_state *state,
               struct err *err)
{
    const struct queue_end *end = &state->end;
    struct buf b = BUF_INIT;
    bool ok;

    buf_put(&b, end_magic, sizeof(end_magic));
    buf_put(&b, uuid, 16);
    buf_put_u64(&b, state->segment);
    buf_put_u64(&b, state->offset);
    buf_put_u64(&b, end->lsn);
    buf_put_u64(&b, end->commit_us);
    buf_put_u64(&b, end->idle_us);
    buf_put_u64(&b, end->end.offset);
    buf_put_u64(&b, end->seen.offset);
    gtid_put(&end->gtid, &b);
    fill(&b, END_GTID_AT + GTID_BYTES_MAX);
    put_fixed(&b, end->end.file, POSITION_FILE_MAX + 1);
    put_fixed(&b, end->seen.file, POSITION_FILE_MAX + 1);
    seal(&b, 656, END_FILE_BYTES);
    ok = fs->pwrite(fs->ctx, fd, b.data, b.len, 0, err);
    if (!ok)
        err_context(err, "publish the end of the queue");
    buf_release(&b);
    return ok;
}

static void get_gtid_1(struct cursor *c, struct gtid *g)
{
    memcpy(g->mysql.uuid, cursor_bytes(c, 16).data, 16);
    g->mysql.gno = cursor_u64(c);
    get_fixed(c, g->mysql.tag, sizeof(g->mysql.tag), 40);
    g->kind = g->mysql.gno ? GTID_MYSQL : GTID_NONE;
}

/* The sum was right, so a slot that is not is our own bug: it then tells no GTID. */
static void get_gtid(struct cursor *c, struct gtid *g)
{
    struct cursor slot = cursor_of(cursor_bytes(c, GTID_BYTES_MAX));

    gtid_get(&slot, g);
}

static bool parse_end(const uint8_t *data, const uint8_t uuid[16], struct end_state *state)
{
    struct cursor c = cursor_of(bytes_of(data, END_FILE_BYTES));
    struct queue_end *end = &state->end;

    bool first_version = memcmp(data, end_magic_1, sizeof(end_magic_1)) == 0;

    if ((!first_version && memcmp(data, end_magic, sizeof(end_magic)) != 0) ||
        memcmp(data + 8, uuid, 16) != 0 || !sealed(data, 656))
        return false;
    cursor_bytes(&c, 24);
    state->segment = cursor_u64(&c);
    state->offset = cursor_u64(&c);
    end->lsn = cursor_u64(&c);
    end->commit_us = cursor_u64(&c);
    end->idle_us = cursor_u64(&c);
    end->end.offset = cursor_u64(&c);
    end->seen.offset = cursor_u64(&c);
    if (first_version)
        get_gtid_1(&c, &end->gtid);
    else
        get_gtid(&c, &end->gtid);
    get_fixed(&c, end->end.file, sizeof(end->end.file), POSITION_FILE_MAX + 1);
    get_fixed(&c, end->seen.file, sizeof(end->seen.file), POSITION_FILE_MAX + 1);
    return true;
}

bool end_read(const struct fs *fs, int fd, const uint8_t uuid[16], bool *found,
              struct end_state *state, struct err *err)
{
    uint8_t data[END_FILE_BYTES];
    size_t got;

    *found = false;
    for (int i = 0; fd >= 0 && i < END_TRIES && !*found; i++) {
        if (!fs->pread(fs->ctx, fd, data, sizeof(data), 0, &got, err))
            return false;
        if (got != sizeof(data))
            break;
        *found = parse_end(data, uuid, state);
    }
    return true;
}
