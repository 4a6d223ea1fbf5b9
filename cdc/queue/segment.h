/*
 * segment.h - one file of the queue: header, blocks, footer. The format is told in
 * segment.c. Nothing here knows what a record means.
 */
#ifndef CDC_QUEUE_SEGMENT_H
#define CDC_QUEUE_SEGMENT_H

#include <zstd.h>

#include "schema/base/buf.h"
#include "schema/base/bytes.h"
#include "schema/base/err.h"
#include "schema/base/fs.h"

#define SEGMENT_HEADER_BYTES 64
#define SEGMENT_FOOTER_BYTES 128 /* a block header and its payload */
#define SEGMENT_NAME_SIZE 32
#define BLOCK_HEADER_BYTES 64
#define BLOCK_RAW_BYTES_MAX ((size_t)256 << 10)
#define SEGMENTS_MAX 1000000 /* files in one queue; more is refused */

enum block_codec { BLOCK_STORED = 0, BLOCK_ZSTD = 1 };

enum block_flag {
    BLOCK_TX_CONTINUES = 1,     /* goes on with the transaction of the block before */
    BLOCK_TX_GOES_ON = 2,       /* its transaction goes on in the next block */
    BLOCK_RECORD_CONTINUES = 4, /* its first bytes belong to the record begun before */
    BLOCK_RECORD_GOES_ON = 8,   /* its last record goes on in the next block */
    BLOCK_DEFINES = 16,         /* holds TABLE, DATABASE or DDL records */
    BLOCK_PREAMBLE = 32,        /* what holds at the segment's start; before all others */
    BLOCK_FOOTER = 64,          /* the segment is closed; nothing follows */
};

struct segment_header {
    uint16_t version;
    uint8_t uuid[16]; /* of the queue */
    uint64_t first_lsn;
    uint64_t prev_chain; /* of the last block of the segment before; 0 for the first */
    uint64_t created_us;
    uint64_t preamble_end; /* bytes: header and preamble; durable before the file got its name */
};

struct segment_footer {
    uint64_t last_lsn;
    uint64_t blocks; /* with preamble, without the footer */
    uint64_t records;
    uint64_t raw_bytes;
    uint64_t first_us; /* source commit times, 0 unknown */
    uint64_t last_us;
};

struct block {
    uint32_t stored;  /* bytes behind the header, without padding */
    uint32_t raw;     /* bytes after decompression */
    uint32_t records; /* that begin in this block */
    uint8_t codec;
    uint8_t flags;
    uint64_t first_lsn;
    uint64_t last_lsn; /* last complete one up to the block's end */
    uint64_t hash;     /* XXH64 of the stored bytes */
    uint64_t chain;
    uint64_t synced;
};

uint32_t segment_crc32c(struct bytes data);
void segment_name(uint64_t first_lsn, char out[SEGMENT_NAME_SIZE]);
/* dir/name, on the heap. */
char *segment_path(const char *dir, const char *name);
/* First LSNs of all segments in the directory, ascending; free(*out). */
MUST_CHECK bool segment_list(const struct fs *fs, const char *dir, uint64_t **out, size_t *n,
                             struct err *err);

void segment_header_put(const struct segment_header *h, uint8_t out[SEGMENT_HEADER_BYTES]);
/* chain: that of the block before; becomes the footer's. */
void segment_footer_put(const struct segment_footer *f, uint64_t synced, uint64_t *chain,
                        uint8_t out[SEGMENT_FOOTER_BYTES]);

/*
 * Compress `raw` (at most BLOCK_RAW_BYTES_MAX) and append header, bytes and padding to out.
 * b: lsns, records, flags and synced are read, the rest is filled in.
 */
MUST_CHECK bool block_pack(ZSTD_CCtx *zstd, int level, struct bytes raw, uint64_t prev_chain,
                           struct block *b, struct buf *out, struct err *err);
uint64_t block_size(const struct block *b); /* in the file: header, stored, padding */

/* A segment that is being read. */
struct segment {
    const struct fs *fs;
    int fd;     /* -1: closed */
    char *path; /* owned */
    struct segment_header head;
    uint64_t limit;     /* nothing at or behind this offset is looked at */
    uint64_t offset;    /* of the next block */
    uint64_t chain;     /* of the block before it */
    uint64_t lsn;       /* last complete one before offset */
    bool in_tx;         /* the block before goes on */
    struct block block; /* the one stepped over last, and where it stands */
    uint64_t block_at;
    struct buf stored; /* its bytes, when asked for */
};

/*
 * Open and check the header; limit is the file's size. uuid: of the queue.
 * Fails with ERR_IO, ERR_DATA "queue_corrupt", ERR_CONFIG "queue_newer".
 */
MUST_CHECK bool segment_open(struct segment *s, const struct fs *fs, const char *dir,
                             uint64_t first_lsn, const uint8_t uuid[16], struct err *err);
void segment_close(struct segment *s); /* zeroed or closed is good */
void segment_rewind(struct segment *s);

enum segment_step {
    SEGMENT_BLOCK, /* a valid block is in s->block, offset is behind it */
    SEGMENT_END,   /* zeros, the limit or the end of the file */
    SEGMENT_BAD,   /* not a valid block; offset stays */
};

/* payload: read and check the stored bytes too, else the header and the chain only. */
MUST_CHECK bool segment_next(struct segment *s, bool payload, enum segment_step *step,
                             struct err *err);
/* Read and check the stored bytes of s->block afterwards. */
MUST_CHECK bool segment_payload(struct segment *s, struct err *err);
/* Decompress s->stored into raw (emptied first). Fails with ERR_DATA "queue_corrupt". */
MUST_CHECK bool segment_unpack(struct segment *s, ZSTD_DCtx *zstd, struct buf *raw,
                               struct err *err);
/* The footer at the end of a closed segment and the chain behind it. *found false: none. */
MUST_CHECK bool segment_read_footer(struct segment *s, bool *found, struct segment_footer *f,
                                    uint64_t *chain, struct err *err);
/* ERR_DATA "queue_corrupt" that names file and offset. Always false. */
bool segment_corrupt(const struct segment *s, uint64_t offset, const char *what, struct err *err);

/* Where the complete transactions of a segment end. */
struct segment_scan {
    uint64_t end;                 /* offset behind the last complete transaction */
    uint64_t chain;               /* there */
    uint64_t lsn;                 /* last complete one; first_lsn - 1 if none */
    uint64_t proven;              /* this many bytes were once known durable */
    struct segment_footer counts; /* up to end; times are not filled */
    bool footer;                  /* the segment is closed */
};

/*
 * Walk the blocks to the first invalid one and tell a torn tail from corruption (the crash
 * rule in segment.c). proven: what is known from elsewhere, 0 if nothing. Changes nothing.
 * Fails with ERR_DATA "queue_corrupt" when synced bytes are damaged.
 */
MUST_CHECK bool segment_scan(struct segment *s, uint64_t proven, struct segment_scan *out,
                             struct err *err);

#endif
