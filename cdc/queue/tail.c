#include "cdc/queue/tail.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/queue/bell.h"
#include "schema/base/clock.h"
#include "schema/base/xalloc.h"

#define GROW_BYTES ((uint64_t)16 << 20)

/* ---- room ---- */

static bool full(const struct queue *q, const char *what, struct err *err)
{
    err_reason(err, ERR_IO, "queue_full",
               "the queue %s is full: %s; let apply catch up, or give it room", q->dir, what);
    return false;
}

/* errno was cleared before the call that failed. */
static bool full_if_no_space(const struct queue *q, struct err *err)
{
    if (errno == ENOSPC || errno == EDQUOT)
        return full(q, "no space left on the disk", err);
    err_context(err, "write the queue %s", q->dir);
    return false;
}

static bool write_at(struct queue *q, int fd, const void *data, size_t len, uint64_t offset,
                     struct err *err)
{
    errno = 0;
    return q->fs->pwrite(q->fs->ctx, fd, data, len, offset, err) || full_if_no_space(q, err);
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The open segment may be written up to `end`. */
static bool ensure_room(struct queue *q, uint64_t end, struct err *err)
{
    struct tail *t = &q->tail;
    uint64_t step;
    uint64_t all = q->closed_bytes + t->allocated;

    if (end <= t->allocated)
        return true;
    step = min_u64(q->options.segment_bytes, GROW_BYTES);
    if (step < end - t->allocated)
        step = end - t->allocated;
    if (all + step > q->options.max_bytes && all + (end - t->allocated) <= q->options.max_bytes)
        step = end - t->allocated;
    if (all + step > q->options.max_bytes)
        return full(q, "queue.max_bytes is reached", err);
    errno = 0;
    if (!q->fs->allocate(q->fs->ctx, t->fd, t->allocated, step, err))
        return full_if_no_space(q, err);
    t->allocated += step;
    return true;
}

/* ---- blocks ---- */

/* Write the first fill->len bytes of the block as one block. */
static bool write_block(struct queue *q, const struct fill *fill, uint8_t flags, uint64_t last,
                        struct err *err)
{
    struct tail *t = &q->tail;
    struct block b = {.records = fill->records,
                      .flags = (uint8_t)(flags | fill->flags | q->lead),
                      .first_lsn = t->lsn + 1,
                      .last_lsn = last,
                      .synced = t->synced};

    buf_reset(&q->packed);
    if (!block_pack(q->zstd, q->options.zstd_level, bytes_of(q->block.data, fill->len), t->chain,
                    &b, &q->packed, err))
        return false;
    if (!ensure_room(q, t->offset + q->packed.len, err) ||
        !write_at(q, t->fd, q->packed.data, q->packed.len, t->offset, err))
        return false;
    t->offset += q->packed.len;
    t->chain = b.chain;
    t->lsn = last;
    t->counts.blocks++;
    t->counts.records += b.records;
    t->counts.raw_bytes += b.raw;
    return true;
}

/* What was behind the written part moves to the front. */
static void drop_front(struct queue *q, size_t n)
{
    memmove(q->block.data, q->block.data + n, q->block.len - n);
    buf_truncate(&q->block, q->block.len - n);
}

bool tail_flush(struct queue *q, struct err *err)
{
    if (q->done.len == 0)
        return true;
    if (!write_block(q, &q->done, 0, q->done.lsn, err))
        return false;
    drop_front(q, q->done.len);
    q->open.len -= q->done.len;
    q->open.records -= q->done.records;
    /* Rather a flag too many on a transaction's beginning than one too few. */
    q->open.flags = q->open.len ? q->open.flags : 0;
    q->done = (struct fill){0};
    q->lead = 0;
    return true;
}

/* Write all of the block, which is a piece of the open transaction or of the preamble. */
static bool flush_piece(struct queue *q, uint8_t record_flag, struct err *err)
{
    struct tail before = q->tail;
    uint8_t flags = q->preamble ? BLOCK_PREAMBLE : BLOCK_TX_GOES_ON;

    assert(q->done.len == 0);
    if (q->block.len == 0)
        return true;
    if (!write_block(q, &q->open, flags | record_flag, q->tail.lsn, err))
        return false;
    if (!q->streamed && !q->preamble) {
        /* The file is longer than it was; that needs no taking back. */
        before.allocated = q->tail.allocated;
        q->mark = before;
        q->streamed = true;
    }
    buf_reset(&q->block);
    q->open = (struct fill){0};
    q->lead = q->preamble ? 0 : BLOCK_TX_CONTINUES;
    q->lead |= record_flag ? BLOCK_RECORD_CONTINUES : 0;
    return true;
}

static void fill_block(struct queue *q, struct bytes data, uint32_t records, bool defines)
{
    buf_put_bytes(&q->block, data);
    q->open.len = q->block.len;
    q->open.records += records;
    q->open.flags |= defines ? BLOCK_DEFINES : 0;
}

/* A record over the size of a block: pieces, of which the last stays in the block. */
static bool append_long(struct queue *q, struct bytes record, bool defines, struct err *err)
{
    struct tail tail = q->tail;
    uint8_t lead = q->lead;
    bool streamed = q->streamed;
    uint32_t first = 1;

    while (record.len > BLOCK_RAW_BYTES_MAX) {
        fill_block(q, bytes_of(record.data, BLOCK_RAW_BYTES_MAX), first, defines);
        if (!flush_piece(q, BLOCK_RECORD_GOES_ON, err)) {
            /* As if it had never begun: blocks behind the tail are overwritten. */
            tail.allocated = q->tail.allocated;
            q->tail = tail;
            q->lead = lead;
            q->streamed = streamed;
            buf_reset(&q->block);
            q->open = (struct fill){0};
            return false;
        }
        first = 0;
        record.data += BLOCK_RAW_BYTES_MAX;
        record.len -= BLOCK_RAW_BYTES_MAX;
    }
    fill_block(q, record, first, defines);
    return true;
}

bool tail_append(struct queue *q, bool defines, struct err *err)
{
    struct bytes record = buf_bytes(&q->record);

    if (q->record.overflow) {
        err_reason(err, ERR_DATA, "record_too_large", "a record is over the limit of %zu bytes",
                   RECORD_BYTES_MAX);
        return false;
    }
    if (q->block.len + record.len > BLOCK_RAW_BYTES_MAX) {
        if (!tail_flush(q, err))
            return false;
        if (q->block.len + record.len > BLOCK_RAW_BYTES_MAX && !flush_piece(q, 0, err))
            return false;
        if (record.len > BLOCK_RAW_BYTES_MAX)
            return append_long(q, record, defines, err);
    }
    fill_block(q, record, 1, defines);
    return true;
}

/* ---- sync and publish ---- */

uint64_t tail_boundary(const struct queue *q)
{
    return q->streamed ? q->mark.offset : q->tail.offset;
}

bool tail_publish(struct queue *q, struct err *err)
{
    struct end_state state = {
        .segment = q->tail.first_lsn, .offset = q->tail.synced, .end = q->last};

    q->unpublished = true;
    errno = 0;
    if (!end_write(q->fs, q->end_fd, q->id.uuid, &state, err))
        return full_if_no_space(q, err);
    q->unpublished = false;
    pthread_mutex_lock(&q->mutex);
    q->published = state;
    pthread_mutex_unlock(&q->mutex);
    if (q->options.bell)
        queue_bell_ring(q->options.bell);
    return true;
}

static bool datasync(struct queue *q, int fd, struct err *err)
{
    if (q->fs->datasync(q->fs->ctx, fd, err))
        return true;
    q->broken = true;
    err_context(err, "sync the queue %s; it must be opened again", q->dir);
    return false;
}

bool tail_sync(struct queue *q, struct err *err)
{
    if (!tail_flush(q, err))
        return false;
    if (q->tail.fd < 0)
        return true;
    if (tail_boundary(q) != q->tail.synced) {
        if (!datasync(q, q->tail.fd, err))
            return false;
        q->tail.synced = tail_boundary(q);
        q->unpublished = true;
    }
    return !q->unpublished || tail_publish(q, err);
}

/* ---- segments ---- */

void tail_note_closed(struct queue *q, const struct closed_segment *c)
{
    if (q->n_closed == q->cap_closed) {
        q->cap_closed = q->cap_closed ? 2 * q->cap_closed : 64;
        q->closed = xrealloc(q->closed, q->cap_closed * sizeof(*q->closed));
    }
    q->closed[q->n_closed++] = *c;
    q->closed_bytes += c->bytes;
}

static bool close_segment(struct queue *q, struct err *err)
{
    struct tail *t = &q->tail;
    uint8_t footer[SEGMENT_FOOTER_BYTES];
    uint64_t chain = t->chain;
    uint64_t end = t->offset + sizeof(footer);

    t->counts.last_lsn = t->lsn;
    t->counts.first_us = q->first_us;
    t->counts.last_us = q->last_us;
    segment_footer_put(&t->counts, t->synced, &chain, footer);
    if (!ensure_room(q, end, err) || !write_at(q, t->fd, footer, sizeof(footer), t->offset, err))
        return false;
    if (!q->fs->truncate(q->fs->ctx, t->fd, end, err) || !datasync(q, t->fd, err)) {
        q->broken = true;
        return false;
    }
    q->fs->close(q->fs->ctx, t->fd);
    tail_note_closed(q, &(struct closed_segment){.first_lsn = t->first_lsn,
                                                 .last_lsn = t->lsn,
                                                 .bytes = end,
                                                 .closed_us = clock_wall_us()});
    t->fd = -1;
    t->chain = chain;
    return true;
}

bool tail_rotate(struct queue *q, struct err *err)
{
    assert(!q->in_tx);
    if (q->tail.fd >= 0 && (!tail_sync(q, err) || !close_segment(q, err)))
        return false;
    return tail_create(q, q->tail.chain, err) && tail_publish(q, err);
}

static bool put(struct queue *q, bool defines, struct err *err)
{
    bool ok = tail_append(q, defines, err);

    buf_reset(&q->record);
    return ok;
}

static bool put_databases(struct queue *q, struct err *err)
{
    const char **names;
    const char *charset, *collation;
    size_t n = catalog_databases(q->catalog, &names);
    bool ok = true;

    for (size_t i = 0; ok && i < n; i++) {
        if (!catalog_database(q->catalog, names[i], &charset, &collation))
            continue;
        record_put_database(&q->record, names[i], charset, collation);
        ok = put(q, true, err);
    }
    free(names);
    return ok;
}

static bool put_tables(struct queue *q, struct err *err)
{
    const struct table **list;
    size_t n = catalog_tables(q->catalog, &list);
    bool ok = true;

    for (size_t i = 0; ok && i < n; i++) {
        /* Numbers were given before START, which names the next free one. */
        record_put_table(&q->record, list[i]->id, true, list[i]);
        ok = put(q, true, err);
    }
    free(list);
    return ok;
}

static void number_tables(struct queue *q)
{
    const struct table **list;
    size_t n = catalog_tables(q->catalog, &list);

    for (size_t i = 0; i < n; i++) {
        struct table *t = (struct table *)(uintptr_t)list[i];

        if (t->id != 0 && record_definitions_get(&q->definitions, t->id) == t)
            continue;
        t->id = q->next_id++;
        record_definitions_put(&q->definitions, t->id, t);
    }
    free(list);
}

static bool put_preamble(struct queue *q, struct err *err)
{
    struct record_start start = {
        .place = q->place, .gtid = q->last.gtid, .commit_us = q->last.commit_us};
    bool ok;

    number_tables(q);
    start.next_id = q->next_id;
    q->preamble = true;
    buf_reset(&q->record);
    record_put_start(&q->record, &start);
    ok =
        put(q, false, err) && put_databases(q, err) && put_tables(q, err) && flush_piece(q, 0, err);
    q->preamble = false;
    return ok;
}

static bool write_header(struct queue *q, uint64_t prev_chain, struct err *err)
{
    struct segment_header h = {.version = QUEUE_VERSION,
                               .first_lsn = q->tail.first_lsn,
                               .prev_chain = prev_chain,
                               .created_us = clock_wall_us(),
                               .preamble_end = q->tail.offset};
    uint8_t raw[SEGMENT_HEADER_BYTES];

    memcpy(h.uuid, q->id.uuid, sizeof(h.uuid));
    segment_header_put(&h, raw);
    return write_at(q, q->tail.fd, raw, sizeof(raw), 0, err);
}

/* All of it is durable before it gets the name by which a reader or recovery finds it. */
static bool fill_segment(struct queue *q, uint64_t prev_chain, const char *tmp, const char *path,
                         struct err *err)
{
    if (!ensure_room(q, q->options.segment_bytes, err) || !put_preamble(q, err) ||
        !write_header(q, prev_chain, err))
        return false;
    if (!datasync(q, q->tail.fd, err))
        return false;
    if (q->fs->rename(q->fs->ctx, tmp, path, err) && q->fs->sync_dir(q->fs->ctx, q->dir, err))
        return true;
    q->broken = true; /* whether the name is there is only known after a restart */
    return false;
}

bool tail_create(struct queue *q, uint64_t prev_chain, struct err *err)
{
    struct tail before = q->tail;
    char name[SEGMENT_NAME_SIZE];
    char *path, *tmp;
    struct err ignored;
    bool ok;

    assert(q->block.len == 0);
    segment_name(q->lsn + 1, name);
    path = segment_path(q->dir, name);
    tmp = xasprintf("%s.tmp", path);
    q->tail = (struct tail){.fd = -1,
                            .first_lsn = q->lsn + 1,
                            .offset = SEGMENT_HEADER_BYTES,
                            .chain = prev_chain,
                            .lsn = q->lsn};
    q->first_us = 0;
    errno = 0;
    ok = q->fs->open(q->fs->ctx, tmp, O_RDWR | O_CREAT | O_TRUNC, &q->tail.fd, err) ||
         full_if_no_space(q, err);
    if (!ok)
        q->tail.fd = -1;
    ok = ok && fill_segment(q, prev_chain, tmp, path, err);
    if (!ok) {
        if (q->tail.fd >= 0)
            q->fs->close(q->fs->ctx, q->tail.fd);
        /* Left behind it would only take room, which opening gives back. */
        (void)q->fs->unlink(q->fs->ctx, tmp, &ignored);
        q->tail = before;
        buf_reset(&q->block);
        q->open = (struct fill){0};
        q->lead = 0;
    } else {
        q->tail.synced = q->tail.offset;
    }
    free(tmp);
    free(path);
    return ok;
}
