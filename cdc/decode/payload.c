/*
 * payload.c - TRANSACTION_PAYLOAD events (binlog.md 5.7).
 *
 * (lenenc type, lenenc length, value)...: 1 payload size, 2 compression (0 ZSTD, 255 none),
 * 3 uncompressed size, 0 end (one byte); then the payload: zstd frames that hold whole
 * events with headers, without checksums, log_pos 0. The zstd output is cut into events as
 * it comes, so memory stays at one inner event and zstd's window.
 */
#include <zstd.h>

#include "cdc/decode/decoder.h"

#define COMPRESSION_ZSTD 0
#define COMPRESSION_NONE 255
#define WINDOW_LOG_MAX 27 /* 128 MiB; the server writes with at most that */
#define EVENT_LENGTH_OFFSET 9

enum field { FIELD_END = 0, FIELD_SIZE = 1, FIELD_COMPRESSION = 2, FIELD_UNCOMPRESSED = 3 };

struct payload {
    uint64_t size;
    uint64_t compression;
    uint64_t uncompressed;
    bool has_uncompressed;
    struct bytes data;
};

static bool read_header(struct cursor *c, struct payload *p)
{
    *p = (struct payload){.compression = COMPRESSION_NONE};
    for (;;) {
        uint64_t type = cursor_lenenc(c);
        struct cursor value;

        if (type == FIELD_END || c->bad)
            break;
        value = cursor_of(cursor_bytes(c, cursor_lenenc(c)));
        if (type == FIELD_SIZE)
            p->size = cursor_lenenc(&value);
        if (type == FIELD_COMPRESSION)
            p->compression = cursor_lenenc(&value);
        if (type == FIELD_UNCOMPRESSED) {
            p->uncompressed = cursor_lenenc(&value);
            p->has_uncompressed = true;
        }
        if (value.bad)
            return false;
    }
    p->data = cursor_bytes(c, p->size);
    return !c->bad;
}

static uint32_t read_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool run_inner(struct decoder *d, struct err *err)
{
    const uint8_t *p = d->inner.data;
    struct event e = {.type = p[4],
                      .timestamp_s = read_u32(p),
                      .flags = (uint16_t)(p[17] | p[18] << 8),
                      .inner = true};

    e.body = bytes_of(p + EVENT_HEADER_BYTES, d->inner.len - EVENT_HEADER_BYTES);
    return decoder_dispatch(d, &e, err);
}

/* How many bytes does the event in d->inner still lack? 0: it is whole. */
static bool missing(const struct decoder *d, size_t *out, struct err *err)
{
    uint64_t len;

    if (d->inner.len < EVENT_HEADER_BYTES) {
        *out = EVENT_HEADER_BYTES - d->inner.len;
        return true;
    }
    len = read_u32(d->inner.data + EVENT_LENGTH_OFFSET);
    if (len < EVENT_HEADER_BYTES) {
        err_set(err, ERR_DATA, "an event inside a TRANSACTION_PAYLOAD makes no sense");
        return false;
    }
    if (len > d->event_bytes_max) {
        err_reason(err, ERR_DATA, "event_too_large",
                   "a %s event inside a TRANSACTION_PAYLOAD has %llu bytes, the limit is %llu",
                   event_type_name(d->inner.data[4]), (unsigned long long)len,
                   (unsigned long long)d->event_bytes_max);
        return false;
    }
    *out = len - d->inner.len;
    return true;
}

/* Cut the next run of uncompressed bytes into events. */
static bool feed(struct decoder *d, struct bytes run, struct err *err)
{
    while (run.len > 0) {
        size_t want = 0;
        size_t n;

        if (!missing(d, &want, err))
            return false;
        n = want < run.len ? want : run.len;
        buf_put(&d->inner, run.data, n);
        run = bytes_of(run.data + n, run.len - n);
        if (d->inner.len < EVENT_HEADER_BYTES)
            continue;
        if (!missing(d, &want, err))
            return false;
        if (want > 0)
            continue;
        if (!run_inner(d, err))
            return false;
        buf_reset(&d->inner);
    }
    return true;
}

static bool inflate_into(struct decoder *d, ZSTD_DStream *zstd, struct buf *chunk,
                         const struct payload *p, struct err *err)
{
    ZSTD_inBuffer in = {p->data.data, p->data.len, 0};
    uint64_t total = 0;
    size_t rest = 1;
    bool full = true;

    /* A full chunk may have a rest inside zstd; a call behind a frame's end would begin another. */
    while (in.pos < in.size || (full && rest != 0)) {
        ZSTD_outBuffer out = {chunk->data, ZSTD_DStreamOutSize(), 0};

        rest = ZSTD_decompressStream(zstd, &out, &in);
        if (ZSTD_isError(rest)) {
            err_set(err, ERR_DATA, "a TRANSACTION_PAYLOAD cannot be inflated: %s",
                    ZSTD_getErrorName(rest));
            return false;
        }
        full = out.pos == out.size;
        total += out.pos;
        if (p->has_uncompressed && total > p->uncompressed)
            break;
        if (!feed(d, bytes_of(out.dst, out.pos), err))
            return false;
    }
    if (rest != 0 || (p->has_uncompressed && total != p->uncompressed)) {
        err_set(err, ERR_DATA, "a TRANSACTION_PAYLOAD does not have the size that it says");
        return false;
    }
    return true;
}

static bool inflate(struct decoder *d, const struct payload *p, struct err *err)
{
    ZSTD_DStream *zstd = ZSTD_createDStream();
    struct buf chunk = BUF_INIT;
    bool ok = false;

    if (!zstd || ZSTD_isError(ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
        err_set(err, ERR_DATA, "zstd cannot be set up");
        goto done;
    }
    buf_reserve(&chunk, ZSTD_DStreamOutSize());
    ok = inflate_into(d, zstd, &chunk, p, err);
done:
    buf_release(&chunk);
    ZSTD_freeDStream(zstd);
    return ok;
}

bool payload_decode(struct decoder *d, const struct event *e, struct err *err)
{
    struct cursor c = cursor_of(e->body);
    struct payload p;
    bool ok;

    if (!read_header(&c, &p)) {
        err_set(err, ERR_DATA, "the header of a TRANSACTION_PAYLOAD makes no sense");
        return false;
    }
    buf_reset(&d->inner);
    if (p.compression == COMPRESSION_ZSTD) {
        ok = inflate(d, &p, err);
    } else if (p.compression == COMPRESSION_NONE) {
        ok = feed(d, p.data, err);
    } else {
        err_set(err, ERR_DATA, "a TRANSACTION_PAYLOAD is compressed by the unknown method %llu",
                (unsigned long long)p.compression);
        return false;
    }
    if (ok && d->inner.len > 0) {
        err_set(err, ERR_DATA, "a TRANSACTION_PAYLOAD ends inside an event");
        return false;
    }
    return ok;
}
