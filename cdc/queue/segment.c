/*
 * segment.c - the segment format, version 2. Version 1 differs in its records only (record.c).
 *
 * A segment is a file seg-<first LSN, 16 hex digits>.q: a header, blocks, and, once it is
 * closed, a footer. Integers are little-endian; every block starts at a multiple of 8.
 *
 * header, 64 bytes
 *    0 magic "DOMSEG01"       8 version u16, of blocks and records     10 zero u16
 *   12 queue uuid, 16 bytes  28 first lsn u64
 *   36 chain of the last block of the segment before, u64 (0 for the first segment)
 *   44 created u64, wall µs  52 end of the preamble u64, an offset      60 crc32c of 0..59
 *
 * block, 64 bytes of header, the stored bytes, zeros to a multiple of 8
 *    0 magic u32 "DOMB"       4 crc32c of 8..63    8 stored bytes u32   12 raw bytes u32
 *   16 first lsn u64         24 last complete lsn u64                   32 records u32
 *   36 codec u8 (0 stored, 1 zstd), flags u8, zero u16
 *   40 XXH64 of the stored bytes                  48 chain: XXH64(chain before || 40..47)
 *   56 synced u64: this many bytes of the segment were durable when the block was written
 *
 * flags: 1 continues the transaction of the block before; 2 its transaction goes on in the
 * next; 4 begins inside a record; 8 ends inside a record; 16 holds definitions; 32 preamble;
 * 64 footer. A block may begin inside a transaction; one that ends inside a transaction holds
 * nothing but a piece of it. A block has at most 256 KiB raw; a record over that begins a
 * block and goes on in the next ones. A transaction never crosses into another segment: a
 * large one makes its segment longer than the others.
 *
 * preamble: the first blocks, flag 32; what holds at the start (record.c). The file gets its
 * name only when they are durable.
 *
 * footer: a block with flag 64, codec 0, 64 bytes of payload: last lsn, blocks (without the
 * footer), records, raw bytes, first and last source commit time in µs, zero, zero. It ends
 * the file. The header of the next segment continues its chain.
 *
 * A block is valid if and only if magic, header crc, sizes within their limits and the file,
 * the order of LSNs and flags, the payload hash, the padding and the chain agree.
 *
 * What a crash leaves behind: blocks written after the last sync reach the disk in any
 * order, so a valid block behind an invalid one proves nothing by itself, but its `synced`
 * does. `synced` counts whole transactions only, thus an aborted one never raises it. At
 * opening the last segment is read up to the first invalid block, at offset X. With D = the
 * largest of: the preamble's end, `synced` of all valid blocks before X and of all block
 * headers with a right crc at multiples of 8 behind X (and not beyond their own place), and
 * the end that was last published (end.c):
 *   X <  D  synced bytes are damaged: corrupt, nothing is changed
 *   X >= D  a torn tail: cut at X, then back to the end of the last whole transaction; the
 *           source sends it again
 * All other segments must end with a valid footer that the next header continues.
 *
 * Example: block of one transaction, LSN 5, 900 raw bytes in 300 stored ones, at offset 1024:
 *   1024 "DOMB" crc | 300 900 | 5 | 5 | 12 records, 1, 0, 0 | hash | chain | 1024
 *   1088 300 bytes of zstd frame, 4 zeros; the next block at 1392
 */
#include "cdc/queue/segment.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "cdc/queue/queue.h"
#include "schema/base/cursor.h"
#include "schema/base/xalloc.h"

#define SEGMENT_MAGIC "DOMSEG01"
#define BLOCK_MAGIC 0x424d4f44u /* "DOMB" */
#define FOOTER_PAYLOAD_BYTES (SEGMENT_FOOTER_BYTES - BLOCK_HEADER_BYTES)
#define SEARCH_BYTES ((size_t)1 << 20)

static_assert(BLOCK_RAW_BYTES_MAX == QUEUE_BLOCK_RAW_BYTES, "one size of block");

/* ---- little-endian fields ---- */

static void put_le(uint8_t *p, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_le(const uint8_t *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

/* By nibbles: headers are 60 bytes, so a table of 16 words is fast enough everywhere. */
uint32_t segment_crc32c(struct bytes data)
{
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < data.len; i++) {
        crc = table[(crc ^ data.data[i]) & 15] ^ (crc >> 4);
        crc = table[(crc ^ (data.data[i] >> 4)) & 15] ^ (crc >> 4);
    }
    return ~crc;
}

static uint64_t chain_next(uint64_t chain, uint64_t hash)
{
    uint8_t both[16];

    put_le(both, chain, 8);
    put_le(both + 8, hash, 8);
    return XXH64(both, sizeof(both), 0);
}

/* ---- names ---- */

void segment_name(uint64_t first_lsn, char out[SEGMENT_NAME_SIZE])
{
    snprintf(out, SEGMENT_NAME_SIZE, "seg-%016llx.q", (unsigned long long)first_lsn);
}

char *segment_path(const char *dir, const char *name)
{
    return xasprintf("%s/%s", dir, name);
}

static bool parse_name(const char *name, uint64_t *first_lsn)
{
    char again[SEGMENT_NAME_SIZE];

    if (strlen(name) != 22 || strncmp(name, "seg-", 4) != 0)
        return false;
    *first_lsn = strtoull(name + 4, NULL, 16);
    segment_name(*first_lsn, again);
    return strcmp(name, again) == 0;
}

bool segment_list(const struct fs *fs, const char *dir, uint64_t **out, size_t *n, struct err *err)
{
    char **names;
    size_t n_names;

    *n = 0;
    *out = NULL;
    if (!fs->list(fs->ctx, dir, &names, &n_names, err))
        return false;
    *out = xcalloc(n_names + 1, sizeof(**out));
    for (size_t i = 0; i < n_names; i++) /* sorted by name is sorted by LSN */
        *n += parse_name(names[i], &(*out)[*n]);
    fs_free_names(names, n_names);
    if (*n <= SEGMENTS_MAX)
        return true;
    free(*out);
    *out = NULL;
    err_set(err, ERR_CONFIG, "more than %d segments in %s", SEGMENTS_MAX, dir);
    return false;
}

/* ---- headers to and from bytes ---- */

void segment_header_put(const struct segment_header *h, uint8_t out[SEGMENT_HEADER_BYTES])
{
    memset(out, 0, SEGMENT_HEADER_BYTES);
    memcpy(out, SEGMENT_MAGIC, 8);
    put_le(out + 8, h->version, 2);
    memcpy(out + 12, h->uuid, 16);
    put_le(out + 28, h->first_lsn, 8);
    put_le(out + 36, h->prev_chain, 8);
    put_le(out + 44, h->created_us, 8);
    put_le(out + 52, h->preamble_end, 8);
    put_le(out + 60, segment_crc32c(bytes_of(out, 60)), 4);
}

static bool header_get(const uint8_t in[SEGMENT_HEADER_BYTES], struct segment_header *h)
{
    h->version = (uint16_t)get_le(in + 8, 2);
    memcpy(h->uuid, in + 12, 16);
    h->first_lsn = get_le(in + 28, 8);
    h->prev_chain = get_le(in + 36, 8);
    h->created_us = get_le(in + 44, 8);
    h->preamble_end = get_le(in + 52, 8);
    return memcmp(in, SEGMENT_MAGIC, 8) == 0 &&
           get_le(in + 60, 4) == segment_crc32c(bytes_of(in, 60));
}

static void block_put(const struct block *b, uint8_t out[BLOCK_HEADER_BYTES])
{
    memset(out, 0, BLOCK_HEADER_BYTES);
    put_le(out, BLOCK_MAGIC, 4);
    put_le(out + 8, b->stored, 4);
    put_le(out + 12, b->raw, 4);
    put_le(out + 16, b->first_lsn, 8);
    put_le(out + 24, b->last_lsn, 8);
    put_le(out + 32, b->records, 4);
    out[36] = b->codec;
    out[37] = b->flags;
    put_le(out + 40, b->hash, 8);
    put_le(out + 48, b->chain, 8);
    put_le(out + 56, b->synced, 8);
    put_le(out + 4, segment_crc32c(bytes_of(out + 8, BLOCK_HEADER_BYTES - 8)), 4);
}

static bool block_get(const uint8_t in[BLOCK_HEADER_BYTES], struct block *b)
{
    if (get_le(in, 4) != BLOCK_MAGIC ||
        get_le(in + 4, 4) != segment_crc32c(bytes_of(in + 8, BLOCK_HEADER_BYTES - 8)))
        return false;
    b->stored = (uint32_t)get_le(in + 8, 4);
    b->raw = (uint32_t)get_le(in + 12, 4);
    b->first_lsn = get_le(in + 16, 8);
    b->last_lsn = get_le(in + 24, 8);
    b->records = (uint32_t)get_le(in + 32, 4);
    b->codec = in[36];
    b->flags = in[37];
    b->hash = get_le(in + 40, 8);
    b->chain = get_le(in + 48, 8);
    b->synced = get_le(in + 56, 8);
    return true;
}

static size_t padding(uint32_t stored)
{
    return -(size_t)stored & 7;
}

uint64_t block_size(const struct block *b)
{
    return BLOCK_HEADER_BYTES + (uint64_t)b->stored + padding(b->stored);
}

/* ---- writing ---- */

static bool compress(ZSTD_CCtx *zstd, int level, struct bytes raw, uint8_t *to, size_t room,
                     size_t *n, struct err *err)
{
    *n = ZSTD_compressCCtx(zstd, to, room, raw.data, raw.len, level);
    if (!ZSTD_isError(*n))
        return true;
    err_set(err, ERR_DATA, "compress a block of the queue: %s", ZSTD_getErrorName(*n));
    return false;
}

bool block_pack(ZSTD_CCtx *zstd, int level, struct bytes raw, uint64_t prev_chain, struct block *b,
                struct buf *out, struct err *err)
{
    static const uint8_t zeros[8] = {0};
    size_t start = out->len;
    size_t room = ZSTD_compressBound(raw.len);
    size_t n;
    uint8_t *p = buf_reserve(out, BLOCK_HEADER_BYTES + room);

    assert(raw.len > 0 && raw.len <= BLOCK_RAW_BYTES_MAX && p != NULL);
    if (!compress(zstd, level, raw, p + BLOCK_HEADER_BYTES, room, &n, err))
        return false;
    b->codec = n < raw.len ? BLOCK_ZSTD : BLOCK_STORED;
    if (b->codec == BLOCK_STORED) {
        n = raw.len;
        memcpy(p + BLOCK_HEADER_BYTES, raw.data, n);
    }
    b->stored = (uint32_t)n;
    b->raw = (uint32_t)raw.len;
    b->hash = XXH64(p + BLOCK_HEADER_BYTES, n, 0);
    b->chain = chain_next(prev_chain, b->hash);
    block_put(b, p);
    out->len = start + BLOCK_HEADER_BYTES + n;
    buf_put(out, zeros, padding(b->stored));
    return true;
}

void segment_footer_put(const struct segment_footer *f, uint64_t synced, uint64_t *chain,
                        uint8_t out[SEGMENT_FOOTER_BYTES])
{
    uint8_t *p = out + BLOCK_HEADER_BYTES;
    struct block b = {.stored = FOOTER_PAYLOAD_BYTES,
                      .raw = FOOTER_PAYLOAD_BYTES,
                      .flags = BLOCK_FOOTER,
                      .first_lsn = f->last_lsn,
                      .last_lsn = f->last_lsn,
                      .synced = synced};

    memset(p, 0, FOOTER_PAYLOAD_BYTES);
    put_le(p, f->last_lsn, 8);
    put_le(p + 8, f->blocks, 8);
    put_le(p + 16, f->records, 8);
    put_le(p + 24, f->raw_bytes, 8);
    put_le(p + 32, f->first_us, 8);
    put_le(p + 40, f->last_us, 8);
    b.hash = XXH64(p, FOOTER_PAYLOAD_BYTES, 0);
    b.chain = chain_next(*chain, b.hash);
    *chain = b.chain;
    block_put(&b, out);
}

static struct segment_footer footer_get(const uint8_t *p)
{
    return (struct segment_footer){.last_lsn = get_le(p, 8),
                                   .blocks = get_le(p + 8, 8),
                                   .records = get_le(p + 16, 8),
                                   .raw_bytes = get_le(p + 24, 8),
                                   .first_us = get_le(p + 32, 8),
                                   .last_us = get_le(p + 40, 8)};
}

/* ---- reading ---- */

bool segment_corrupt(const struct segment *s, uint64_t offset, const char *what, struct err *err)
{
    err_reason(err, ERR_DATA, "queue_corrupt", "%s is damaged at offset %llu: %s", s->path,
               (unsigned long long)offset, what);
    return false;
}

static bool check_header(struct segment *s, const uint8_t *raw, size_t got, uint64_t first_lsn,
                         const uint8_t uuid[16], struct err *err)
{
    uint16_t version = got == SEGMENT_HEADER_BYTES ? (uint16_t)get_le(raw + 8, 2) : 0;

    if (got != SEGMENT_HEADER_BYTES || !header_get(raw, &s->head))
        return segment_corrupt(s, 0, "the segment header is not valid", err);
    if (version > QUEUE_VERSION) {
        err_reason(err, ERR_CONFIG, "queue_newer",
                   "%s has format version %u, this program reads up to %d; use a newer domicile",
                   s->path, version, QUEUE_VERSION);
        return false;
    }
    if (version == 0 || s->head.preamble_end < SEGMENT_HEADER_BYTES)
        return segment_corrupt(s, 0, "the segment header makes no sense", err);
    if (memcmp(s->head.uuid, uuid, 16) != 0)
        return segment_corrupt(s, 0, "the segment belongs to another queue", err);
    if (s->head.first_lsn != first_lsn)
        return segment_corrupt(s, 0, "the file name and the first LSN differ", err);
    return true;
}

bool segment_open(struct segment *s, const struct fs *fs, const char *dir, uint64_t first_lsn,
                  const uint8_t uuid[16], struct err *err)
{
    char name[SEGMENT_NAME_SIZE];
    uint8_t raw[SEGMENT_HEADER_BYTES];
    size_t got;

    segment_name(first_lsn, name);
    *s = (struct segment){.fs = fs, .fd = -1, .stored = BUF_INIT_MAX(BLOCK_RAW_BYTES_MAX + 8)};
    s->path = segment_path(dir, name);
    if (!fs->open(fs->ctx, s->path, O_RDONLY, &s->fd, err)) {
        s->fd = -1;
        goto fail;
    }
    if (!fs->pread(fs->ctx, s->fd, raw, sizeof(raw), 0, &got, err) ||
        !check_header(s, raw, got, first_lsn, uuid, err) ||
        !fs->size(fs->ctx, s->fd, &s->limit, err))
        goto fail;
    segment_rewind(s);
    return true;
fail:
    segment_close(s);
    return false;
}

void segment_close(struct segment *s)
{
    if (s->path == NULL)
        return;
    if (s->fd >= 0)
        s->fs->close(s->fs->ctx, s->fd);
    free(s->path);
    buf_release(&s->stored);
    *s = (struct segment){.fd = -1};
}

void segment_rewind(struct segment *s)
{
    s->offset = SEGMENT_HEADER_BYTES;
    s->chain = s->head.prev_chain;
    s->lsn = s->head.first_lsn - 1;
    s->in_tx = false;
}

/* Do the block's LSNs and flags go on from where the segment is? */
static bool block_follows(const struct segment *s, const struct block *b)
{
    bool goes_on = b->flags & BLOCK_TX_GOES_ON;

    if (b->flags & BLOCK_FOOTER)
        return !s->in_tx && b->last_lsn == s->lsn && b->stored == FOOTER_PAYLOAD_BYTES;
    if (b->flags & BLOCK_PREAMBLE)
        return s->offset + block_size(b) <= s->head.preamble_end && b->last_lsn == s->lsn;
    if (s->offset < s->head.preamble_end || b->first_lsn != s->lsn + 1 ||
        s->in_tx != !!(b->flags & BLOCK_TX_CONTINUES))
        return false;
    if (goes_on)
        return b->last_lsn == s->lsn;
    return b->last_lsn >= b->first_lsn;
}

static bool block_fits(const struct segment *s, const struct block *b)
{
    return b->raw > 0 && b->raw <= BLOCK_RAW_BYTES_MAX && b->stored > 0 &&
           (b->codec == BLOCK_STORED ? b->stored == b->raw
                                     : b->codec == BLOCK_ZSTD && b->stored < b->raw) &&
           block_size(b) <= s->limit - s->offset;
}

static bool read_payload(struct segment *s, const struct block *b, uint64_t at, bool *good,
                         struct err *err)
{
    size_t size = b->stored + padding(b->stored);
    uint8_t *p;
    size_t got;
    bool zero = true;

    buf_reset(&s->stored);
    p = buf_reserve(&s->stored, size);
    assert(p != NULL);
    if (!s->fs->pread(s->fs->ctx, s->fd, p, size, at + BLOCK_HEADER_BYTES, &got, err)) {
        err_context(err, "read %s", s->path);
        return false;
    }
    for (size_t i = b->stored; i < size && got == size; i++)
        zero = zero && p[i] == 0;
    *good = got == size && zero && XXH64(p, b->stored, 0) == b->hash;
    s->stored.len = b->stored;
    return true;
}

static bool all_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != 0)
            return false;
    }
    return true;
}

bool segment_next(struct segment *s, bool payload, enum segment_step *step, struct err *err)
{
    uint8_t raw[BLOCK_HEADER_BYTES];
    struct block b;
    size_t want = sizeof(raw);
    size_t got;
    bool good = true;

    *step = SEGMENT_END;
    if (s->offset >= s->limit)
        return true;
    if (s->limit - s->offset < want)
        want = (size_t)(s->limit - s->offset);
    if (!s->fs->pread(s->fs->ctx, s->fd, raw, want, s->offset, &got, err)) {
        err_context(err, "read %s", s->path);
        return false;
    }
    if (all_zero(raw, got))
        return true;
    *step = SEGMENT_BAD;
    if (got < sizeof(raw) || !block_get(raw, &b) || !block_fits(s, &b) || !block_follows(s, &b) ||
        b.chain != chain_next(s->chain, b.hash))
        return true;
    if (payload && !read_payload(s, &b, s->offset, &good, err))
        return false;
    if (!good)
        return true;
    *step = SEGMENT_BLOCK;
    s->block = b;
    s->block_at = s->offset;
    s->offset += block_size(&b);
    s->chain = b.chain;
    s->lsn = b.last_lsn;
    s->in_tx = b.flags & BLOCK_TX_GOES_ON;
    return true;
}

bool segment_payload(struct segment *s, struct err *err)
{
    bool good;

    if (!read_payload(s, &s->block, s->block_at, &good, err))
        return false;
    return good || segment_corrupt(s, s->block_at, "the block's hash is wrong", err);
}

bool segment_unpack(struct segment *s, ZSTD_DCtx *zstd, struct buf *raw, struct err *err)
{
    uint8_t *p;
    size_t n;

    buf_reset(raw);
    p = buf_reserve(raw, s->block.raw);
    assert(p != NULL);
    if (s->block.codec == BLOCK_STORED) {
        memcpy(p, s->stored.data, s->block.raw);
    } else {
        n = ZSTD_decompressDCtx(zstd, p, s->block.raw, s->stored.data, s->block.stored);
        if (ZSTD_isError(n) || n != s->block.raw)
            return segment_corrupt(s, s->block_at, "the block does not decompress", err);
    }
    raw->len = s->block.raw;
    return true;
}

bool segment_read_footer(struct segment *s, bool *found, struct segment_footer *f, uint64_t *chain,
                         struct err *err)
{
    uint8_t raw[SEGMENT_FOOTER_BYTES];
    struct block b;
    uint64_t size;
    size_t got;

    *found = false;
    if (!s->fs->size(s->fs->ctx, s->fd, &size, err))
        return false;
    if (size < SEGMENT_HEADER_BYTES + sizeof(raw))
        return true;
    if (!s->fs->pread(s->fs->ctx, s->fd, raw, sizeof(raw), size - sizeof(raw), &got, err))
        return false;
    *found = got == sizeof(raw) && block_get(raw, &b) && (b.flags & BLOCK_FOOTER) &&
             b.stored == FOOTER_PAYLOAD_BYTES &&
             XXH64(raw + BLOCK_HEADER_BYTES, FOOTER_PAYLOAD_BYTES, 0) == b.hash;
    if (*found) {
        *f = footer_get(raw + BLOCK_HEADER_BYTES);
        *chain = b.chain;
    }
    return true;
}

/* ---- the crash rule ---- */

/* The largest `synced` in block headers behind `from`, whatever stands between. */
static bool search_proof(struct segment *s, uint64_t from, uint64_t *proven, struct err *err)
{
    uint8_t *window = xcalloc(1, SEARCH_BYTES + BLOCK_HEADER_BYTES);
    struct block b;
    size_t got = 0;
    bool ok = false;

    for (uint64_t at = from; at < s->limit; at += SEARCH_BYTES) {
        uint64_t data_at;

        /* Most of it is room that was allocated and never written. */
        if (!s->fs->next_data(s->fs->ctx, s->fd, at, &data_at, err))
            goto done;
        if (data_at >= s->limit)
            break;
        at += (data_at - at) / 8 * 8;
        if (!s->fs->pread(s->fs->ctx, s->fd, window, SEARCH_BYTES + BLOCK_HEADER_BYTES, at, &got,
                          err))
            goto done;
        for (size_t i = 0; i < SEARCH_BYTES && i + BLOCK_HEADER_BYTES <= got; i += 8) {
            if (get_le(window + i, 4) == BLOCK_MAGIC && block_get(window + i, &b) &&
                b.synced <= at + i && b.synced > *proven)
                *proven = b.synced;
        }
    }
    ok = true;
done:
    free(window);
    return ok;
}

static void note_block(const struct segment *s, struct segment_scan *out,
                       struct segment_footer *open)
{
    open->blocks++;
    open->records += s->block.records;
    open->raw_bytes += s->block.raw;
    if (s->block.synced > out->proven)
        out->proven = s->block.synced;
    if (s->in_tx || s->offset < s->head.preamble_end)
        return;
    out->end = s->offset;
    out->chain = s->chain;
    out->lsn = s->lsn;
    out->counts = *open;
    out->counts.last_lsn = s->lsn;
}

bool segment_scan(struct segment *s, uint64_t proven, struct segment_scan *out, struct err *err)
{
    struct segment_footer open = {0};
    enum segment_step step;

    segment_rewind(s);
    *out = (struct segment_scan){.end = s->offset, .chain = s->chain, .lsn = s->lsn};
    out->proven = proven > s->head.preamble_end ? proven : s->head.preamble_end;
    for (;;) {
        if (!segment_next(s, true, &step, err))
            return false;
        if (step != SEGMENT_BLOCK)
            break;
        if (s->block.flags & BLOCK_FOOTER) {
            out->footer = true;
            break;
        }
        note_block(s, out, &open);
    }
    if (!search_proof(s, s->offset, &out->proven, err))
        return false;
    if (s->offset < out->proven)
        return segment_corrupt(s, s->offset, "bytes that were synced are not valid", err);
    return true;
}
