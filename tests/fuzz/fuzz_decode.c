/*
 * fuzz_decode.c - any events in: no crash, no access outside, no endless loop.
 *
 * Input: (u8 type, u16 LE length, body)...; each becomes an event with a good header and
 * checksum, so that the fuzzer spends its time behind them. Type 255 sends the body as a
 * raw event. Table maps of d.t0 to d.t3 meet definitions with columns of every type.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "cdc/decode/decoder.h"
#include "schema/base/xalloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EVENT_MAX 65536
#define TABLES 4

static struct table *tables[TABLES];
static volatile uint64_t touched;

static void touch(const struct value *row, uint32_t n)
{
    for (uint32_t i = 0; row && i < n; i++)
        if (row[i].kind >= VALUE_DECIMAL && row[i].kind <= VALUE_JSON)
            for (size_t j = 0; j < row[i].b.len; j++)
                touched += row[i].b.data[j];
}

static bool on_begin(void *ctx, const struct tx_begin *begin, struct err *err)
{
    (void)ctx, (void)begin, (void)err;
    return true;
}

static bool on_resolve(void *ctx, const struct table_map *map, const struct table **table,
                       struct err *err)
{
    unsigned i = (unsigned)map->name[0] % (TABLES + 1);

    (void)ctx, (void)err;
    *table = i < TABLES ? tables[i] : NULL;
    return true;
}

static bool on_change(void *ctx, const struct change *c, struct err *err)
{
    (void)ctx, (void)err;
    touch(c->before, c->table->n_columns);
    touch(c->after, c->table->n_columns);
    return true;
}

static bool on_query(void *ctx, const struct query_event *q, struct err *err)
{
    (void)ctx, (void)err;
    touched += strlen(q->db) + strlen(q->time_zone) + q->text.len;
    return true;
}

static bool on_end(void *ctx, const struct position *end, struct err *err)
{
    (void)ctx, (void)err;
    touched += strlen(end->file);
    return true;
}

static bool on_rollback(void *ctx, const struct position *end, bool logged, struct err *err)
{
    (void)logged;
    return on_end(ctx, end, err);
}

static bool on_idle(void *ctx, const struct position *at, uint64_t us, struct err *err)
{
    (void)us;
    return on_end(ctx, at, err);
}

/* Table i has the types from 8 i on, so that short events reach every type. */
static void make_tables(void)
{
    for (unsigned i = 0; i < TABLES; i++) {
        struct table *t = table_new();

        t->db = "d";
        t->name = "t";
        t->n_columns = 8;
        t->columns = arena_alloc(&t->arena, 8 * sizeof(*t->columns));
        for (unsigned j = 0; j < 8; j++) {
            struct column *c = &t->columns[j];

            c->name = "c";
            c->type = (enum column_type)((8 * i + j) % (COLUMN_VECTOR + 1));
            c->length = 8;
            c->precision = 10;
            c->scale = 3;
            c->fsp = 3;
            if (c->type >= COLUMN_CHAR && c->type <= COLUMN_LONGTEXT)
                c->charset = "utf8mb4";
        }
        tables[i] = t;
    }
}

static void send(struct decoder *d, uint8_t type, struct bytes body)
{
    struct buf b = BUF_INIT_MAX(2 * EVENT_MAX);
    struct err err = ERR_INIT;

    buf_put_u32(&b, 1);
    buf_put_u8(&b, type);
    buf_put_u32(&b, 1);
    buf_put_u32(&b, (uint32_t)(EVENT_HEADER_BYTES + body.len + 4));
    buf_put_u32(&b, 0);
    buf_put_u16(&b, 0);
    buf_put_bytes(&b, body);
    buf_put_u32(&b, (uint32_t)crc32_z(0, b.data, b.len));
    if (!decoder_event(d, buf_bytes(&b), &err))
        touched++;
    buf_release(&b);
}

static struct decoder *start(void)
{
    struct decode_sink sink = {.begin = on_begin,
                               .resolve = on_resolve,
                               .change = on_change,
                               .query = on_query,
                               .commit = on_end,
                               .rollback = on_rollback,
                               .idle = on_idle};
    struct decoder *d = decoder_new(&sink, true, EVENT_MAX);
    uint8_t format[57 + 40 + 1] = {4, 0, '9'};

    format[56] = EVENT_HEADER_BYTES;
    format[sizeof(format) - 1] = 1;
    send(d, EVENT_FORMAT_DESCRIPTION, bytes_of(format, sizeof(format)));
    return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_of(bytes_of(data, size));
    struct err err = ERR_INIT;
    struct decoder *d;

    if (!tables[0])
        make_tables();
    d = start();
    while (cursor_left(&c) > 0) {
        uint8_t type = cursor_u8(&c);
        size_t n = cursor_u16(&c);
        struct bytes body = cursor_bytes(&c, n < cursor_left(&c) ? n : cursor_left(&c));

        d->broken = false; /* go on behind an error: more is reached by one input */
        if (type != 255)
            send(d, type, body);
        else if (!decoder_event(d, body, &err))
            touched++;
        if (d->tx != TX_OPEN) /* spare the fuzzer GTID and BEGIN */
            d->tx = type & 1 ? TX_OPEN : TX_GTID;
    }
    decoder_free(d);
    return 0;
}
