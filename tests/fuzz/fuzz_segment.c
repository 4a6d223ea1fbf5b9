/*
 * A segment of any bytes: scanned, and read by a queue reader, never past its end. An even
 * first byte gives the bytes behind a right header as they are; an odd one gives the payloads
 * of blocks whose sums are right, so that the reader's own checks are reached. Its second bit
 * chooses the format's version.
 */
#include <stdlib.h>
#include <string.h>

#include "cdc/queue/reader.h"
#include "schema/base/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One file in memory, whatever its name. */
static bool mem_open(void *ctx, const char *path, int flags, int *fd, struct err *err)
{
    (void)ctx;
    (void)path;
    (void)flags;
    (void)err;
    *fd = 3;
    return true;
}

static void mem_close(void *ctx, int fd)
{
    (void)ctx;
    (void)fd;
}

static bool mem_pread(void *ctx, int fd, void *data, size_t len, uint64_t offset, size_t *got,
                      struct err *err)
{
    const struct buf *b = ctx;

    (void)fd;
    (void)err;
    *got = offset >= b->len ? 0 : b->len - offset < len ? b->len - offset : len;
    if (*got > 0)
        memcpy(data, b->data + offset, *got);
    return true;
}

static bool mem_size(void *ctx, int fd, uint64_t *size, struct err *err)
{
    const struct buf *b = ctx;

    (void)fd;
    (void)err;
    *size = b->len;
    return true;
}

static bool mem_next_data(void *ctx, int fd, uint64_t offset, uint64_t *next, struct err *err)
{
    const struct buf *b = ctx;

    (void)fd;
    (void)err;
    *next = offset;
    while (*next < b->len && b->data[*next] == 0)
        ++*next;
    return true;
}

static bool mem_list(void *ctx, const char *path, char ***names, size_t *n, struct err *err)
{
    (void)ctx;
    (void)path;
    (void)err;
    *names = NULL;
    *n = 0;
    return true;
}

static void put_header(struct buf *file, uint16_t version, uint64_t preamble_end)
{
    struct segment_header h = {.version = version, .first_lsn = 1, .preamble_end = preamble_end};
    uint8_t raw[SEGMENT_HEADER_BYTES];

    segment_header_put(&h, raw);
    if (file->len == 0)
        buf_put(file, raw, sizeof(raw));
    else
        memcpy(file->data, raw, sizeof(raw));
}

/* flags u8, transactions u8, length u16, payload; again and again. */
static void put_blocks(struct buf *file, uint16_t version, struct cursor *c)
{
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    uint64_t chain = 0, lsn = 0, preamble_end = SEGMENT_HEADER_BYTES;
    struct err err;

    while (cursor_left(c) > 4) {
        struct block b = {.flags = cursor_u8(c) & 0x3f, .first_lsn = lsn + 1, .records = 1};
        uint64_t more = cursor_u8(c) % 4;
        uint64_t want = cursor_u16(c);
        struct bytes raw = cursor_bytes(c, want < cursor_left(c) ? want : cursor_left(c));

        if (raw.len == 0)
            break;
        b.last_lsn = b.flags & (BLOCK_TX_GOES_ON | BLOCK_PREAMBLE) ? lsn : lsn + more;
        if (!block_pack(zstd, 1, raw, chain, &b, file, &err))
            abort();
        chain = b.chain;
        lsn = b.last_lsn;
        if (b.flags & BLOCK_PREAMBLE)
            preamble_end = file->len;
    }
    put_header(file, version, preamble_end);
    ZSTD_freeCCtx(zstd);
}

static void read_all(const struct fs *fs, const struct segment_scan *scan)
{
    struct queue_identity id = {.source_uuid = ""};
    struct end_state end = {.segment = 1, .offset = scan->end};
    struct queue_reader *r;
    struct queue_item item;
    struct err err = ERR_INIT;
    bool got = true;

    if (!reader_open(&(struct reader_start){.fs = fs,
                                            .dir = "d",
                                            .id = &id,
                                            .segment = 1,
                                            .end = &end,
                                            .rows = true,
                                            .collect = true},
                     &r, &err))
        return;
    while (got && reader_step(r, &got, &item, &err)) {
        if (r->seg.offset > scan->end)
            abort();
    }
    queue_reader_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_of(bytes_of(data, size));
    struct buf file = BUF_INIT;
    struct fs fs = {.ctx = &file,
                    .open = mem_open,
                    .close = mem_close,
                    .pread = mem_pread,
                    .size = mem_size,
                    .next_data = mem_next_data,
                    .list = mem_list};
    uint8_t uuid[16] = {0};
    struct segment seg;
    struct segment_scan scan;
    struct err err = ERR_INIT;
    uint8_t form = cursor_u8(&c);
    uint16_t version = form & 2 ? 2 : 1;
    bool structured = form & 1;

    put_header(&file, version, SEGMENT_HEADER_BYTES);
    if (structured)
        put_blocks(&file, version, &c);
    else
        buf_put_bytes(&file, cursor_rest(&c));
    if (!segment_open(&seg, &fs, "d", 1, uuid, &err))
        abort();
    if (segment_scan(&seg, 0, &scan, &err)) {
        if (scan.end > file.len || scan.end < SEGMENT_HEADER_BYTES)
            abort();
        read_all(&fs, &scan);
    } else if (strcmp(err.reason, "queue_corrupt") != 0) {
        abort();
    }
    segment_close(&seg);
    buf_release(&file);
    return 0;
}
