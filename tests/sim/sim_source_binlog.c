/*
 * sim_source_binlog.c - transactions as binlog bytes, as MySQL 9 writes them (binlog.md 3 to 8).
 *
 * A file begins with four bytes, a FORMAT_DESCRIPTION and PREVIOUS_GTIDS, and ends with ROTATE
 * (FLUSH LOGS) or STOP (the server ended). Positions are offsets in it.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "cdc/decode/decoder.h"
#include "schema/base/xalloc.h"
#include "tests/sim/sim_source_parts.h"

#define CHECKSUM_BYTES 4
#define SERVER_ID 97
#define EPOCH_S 1700000000u
#define COLLATION_UTF8MB4 255
#define COLLATION_UTF8MB4_BIN 46
#define STATUS_SQL_MODE 1
#define STATUS_CHARSET 4
#define ROWS_STMT_END 0x01
#define VARCHAR_LENGTH_BYTE 255 /* at most so many bytes have one byte of length */

static const uint8_t server_uuid[16] = {0x51, 0x6d, 0, 0, 0, 0, 0x11, 0xf1,
                                        0x80, 0,    0, 0, 0, 0, 0,    1};

struct gtid sim_gtid(uint64_t number)
{
    struct gtid g = {.kind = GTID_MYSQL, .mysql.gno = number};

    memcpy(g.mysql.uuid, server_uuid, sizeof(server_uuid));
    return g;
}

struct place sim_place(uint64_t number)
{
    struct gtid last = sim_gtid(number);
    struct place p = {.kind = GTID_NONE};
    struct err err = ERR_INIT;
    char text[GTID_TEXT_SIZE], set[GTID_TEXT_SIZE + 24];

    gtid_print(&last, text);
    snprintf(set, sizeof(set), "%.36s:1-%llu", text, (unsigned long long)number);
    if (number > 0 && !place_parse(set, &p, &err))
        abort();
    return p;
}

/* ---- events ---- */

static struct sim_file *last_file(const struct sim_source *s)
{
    return &s->files[s->n_files - 1];
}

void sim_put_event(struct sim_source *s, struct buf *out, uint8_t type, uint32_t time_s,
                   uint64_t log_pos, uint16_t flags, struct bytes body)
{
    bool sums = s->checksum || type == EVENT_FORMAT_DESCRIPTION;
    size_t start = out->len;
    uint32_t len = (uint32_t)(EVENT_HEADER_BYTES + body.len + (sums ? CHECKSUM_BYTES : 0));

    buf_put_u32(out, time_s);
    buf_put_u8(out, type);
    buf_put_u32(out, SERVER_ID);
    buf_put_u32(out, len);
    buf_put_u32(out, (uint32_t)log_pos);
    buf_put_u16(out, flags);
    buf_put_bytes(out, body);
    if (sums)
        buf_put_u32(out, (uint32_t)crc32_z(0, out->data + start, out->len - start));
}

/* The body that was put together, as an event at the end of the last file. */
static void append(struct sim_source *s, uint8_t type, uint64_t number)
{
    struct sim_file *f = last_file(s);
    uint64_t offset = f->bytes.len;
    uint64_t end = offset + EVENT_HEADER_BYTES + s->body.len +
                   (s->checksum || type == EVENT_FORMAT_DESCRIPTION ? CHECKSUM_BYTES : 0);

    sim_put_event(s, &f->bytes, type, EPOCH_S + (uint32_t)(s->count / 100), end, 0,
                  buf_bytes(&s->body));
    assert(f->bytes.len == end);
    if (s->n_events == s->cap_events) {
        s->cap_events = s->cap_events ? 2 * s->cap_events : 256;
        s->events = xrealloc(s->events, s->cap_events * sizeof(*s->events));
    }
    s->events[s->n_events++] =
        (struct sim_event){(uint32_t)(s->n_files - 1), (uint32_t)(end - offset), offset, number};
    buf_reset(&s->body);
}

/* ---- files ---- */

static void put_format(struct sim_source *s, bool started)
{
    struct buf *b = &s->body;
    char version[50] = "9.7.4";

    buf_put_u16(b, 4);
    buf_put(b, version, sizeof(version));
    buf_put_u32(b, started ? EPOCH_S : 0);
    buf_put_u8(b, EVENT_HEADER_BYTES);
    for (int type = 1; type <= EVENT_GTID_TAGGED; type++)
        buf_put_u8(b, 0); /* lengths of post-headers: nobody reads them */
    buf_put_u8(b, s->checksum);
    append(s, EVENT_FORMAT_DESCRIPTION, 0);
}

static void put_previous(struct sim_source *s)
{
    struct place before = sim_place(s->count);

    if (before.kind == GTID_NONE)
        buf_put_u64(&s->body, 0);
    else
        mysql_set_encode(before.mysql, &s->body);
    place_release(&before);
    append(s, EVENT_PREVIOUS_GTIDS, 0);
}

static void open_file(struct sim_source *s, bool started)
{
    struct sim_file *f;

    s->files = xrealloc(s->files, (s->n_files + 1) * sizeof(*s->files));
    f = &s->files[s->n_files++];
    *f = (struct sim_file){.bytes = BUF_INIT, .first_event = s->n_events, .before = s->count};
    snprintf(f->name, sizeof(f->name), "binlog.%06u", (unsigned)s->n_files);
    buf_put(&f->bytes,
            "\xfe"
            "bin",
            4);
    put_format(s, started);
    put_previous(s);
}

void sim_binlog_open(struct sim_source *s)
{
    s->body = BUF_INIT;
    open_file(s, true);
}

void sim_binlog_rotate(struct sim_source *s, bool started)
{
    char next[SIM_FILE_SIZE];

    if (started) {
        append(s, EVENT_STOP, 0);
    } else {
        snprintf(next, sizeof(next), "binlog.%06u", (unsigned)s->n_files + 1);
        buf_put_u64(&s->body, 4);
        buf_put_str(&s->body, next);
        append(s, EVENT_ROTATE, 0);
    }
    open_file(s, started);
}

struct position sim_binlog_end(const struct sim_source *s)
{
    struct position p = {.offset = last_file(s)->bytes.len};

    snprintf(p.file, sizeof(p.file), "%s", last_file(s)->name);
    return p;
}

void sim_binlog_release(struct sim_source *s)
{
    for (size_t i = 0; i < s->n_files; i++)
        buf_release(&s->files[i].bytes);
    free(s->files);
    free(s->events);
    buf_release(&s->body);
}

/* ---- transactions ---- */

static void put_gtid(struct sim_source *s, uint64_t number)
{
    struct buf *b = &s->body;
    uint64_t commit_us = (uint64_t)EPOCH_S * 1000000 + number * 10000;

    buf_put_u8(b, 1);
    buf_put(b, server_uuid, sizeof(server_uuid));
    buf_put_u64(b, number);
    buf_put_u8(b, 2);
    buf_put_u64(b, number - 1);
    buf_put_u64(b, number);
    buf_put_u32(b, (uint32_t)commit_us); /* 7 bytes */
    buf_put_u16(b, (uint16_t)(commit_us >> 32));
    buf_put_u8(b, (uint8_t)(commit_us >> 48));
    append(s, EVENT_GTID, number);
}

static void put_query(struct sim_source *s, uint64_t number, const char *db, const char *text)
{
    struct buf *b = &s->body;

    buf_put_u32(b, 7); /* thread */
    buf_put_u32(b, 0);
    buf_put_u8(b, (uint8_t)strlen(db));
    buf_put_u16(b, 0);
    buf_put_u16(b, 9 + 7); /* bytes of status */
    buf_put_u8(b, STATUS_SQL_MODE);
    buf_put_u64(b, 0);
    buf_put_u8(b, STATUS_CHARSET);
    buf_put_u16(b, COLLATION_UTF8MB4);
    buf_put_u16(b, COLLATION_UTF8MB4);
    buf_put_u16(b, COLLATION_UTF8MB4);
    buf_put(b, db, strlen(db) + 1);
    buf_put_str(b, text);
    append(s, EVENT_QUERY, number);
}

static uint16_t varchar_bytes(const struct column *c)
{
    assert(c->length * 4 <= VARCHAR_LENGTH_BYTE && strcmp(c->collation, "utf8mb4_bin") == 0);
    return (uint16_t)(c->length * 4);
}

static uint8_t wire_type(const struct column *c)
{
    switch (c->type) {
    case COLUMN_INT:
        return WIRE_LONG;
    case COLUMN_BIGINT:
        return WIRE_LONGLONG;
    case COLUMN_VARCHAR:
        return WIRE_VARCHAR;
    default:
        abort(); /* a type that the simulation has not */
    }
}

/* bits, first column in the lowest (or, in metadata, the highest) bit of the first byte. */
static void put_bits(struct buf *b, uint32_t n, const bool *bits, bool high_first)
{
    for (uint32_t i = 0; i < n; i += 8) {
        unsigned byte = 0;

        for (uint32_t k = 0; k < 8 && i + k < n; k++)
            byte |= (unsigned)bits[i + k] << (high_first ? 7 - k : k);
        buf_put_u8(b, (uint8_t)byte);
    }
}

static void put_tlv(struct buf *b, uint8_t type, const struct buf *value)
{
    assert(value->len < 251);
    if (value->len == 0)
        return;
    buf_put_u8(b, type);
    buf_put_u8(b, (uint8_t)value->len);
    buf_put_bytes(b, buf_bytes(value));
}

static void put_charsets(struct buf *b, const struct table *def)
{
    for (uint32_t i = 0; i < def->n_columns; i++)
        if (def->columns[i].type == COLUMN_VARCHAR)
            buf_put_u8(b, COLLATION_UTF8MB4_BIN);
}

static void put_names(struct buf *b, const struct table *def)
{
    for (uint32_t i = 0; i < def->n_columns; i++) {
        buf_put_u8(b, (uint8_t)strlen(def->columns[i].name));
        buf_put_str(b, def->columns[i].name);
    }
}

static void put_signs(struct buf *b, const struct table *def)
{
    bool bits[64];
    uint32_t n = 0;

    for (uint32_t i = 0; i < def->n_columns; i++)
        if (def->columns[i].type != COLUMN_VARCHAR)
            bits[n++] = def->columns[i].is_unsigned;
    put_bits(b, n, bits, true);
}

static void put_primary(struct buf *b, const struct table *def)
{
    const struct key *key = table_key(def, "PRIMARY");

    for (uint32_t i = 0; key && i < key->n_parts; i++)
        buf_put_u8(b, (uint8_t)table_column(def, key->parts[i].column));
}

static void put_optional(struct buf *b, const struct table *def)
{
    static void (*const puts[])(struct buf * b, const struct table *def) = {put_signs, put_charsets,
                                                                            put_names, put_primary};
    static const uint8_t types[] = {1, 3, 4, 8};
    struct buf value = BUF_INIT;

    for (size_t i = 0; i < sizeof(types); i++) {
        buf_reset(&value);
        puts[i](&value, def);
        put_tlv(b, types[i], &value);
    }
    buf_release(&value);
}

static void put_map(struct sim_source *s, uint64_t number, const struct sim_table *t)
{
    const struct table *def = sim_def(t);
    struct buf *b = &s->body;
    bool nullable[64];
    unsigned meta = 0;

    assert(def->n_columns <= 64);
    buf_put_u32(b, (uint32_t)t->map_id);
    buf_put_u16(b, 0);
    buf_put_u16(b, 1);
    buf_put_u8(b, (uint8_t)strlen(def->db));
    buf_put(b, def->db, strlen(def->db) + 1);
    buf_put_u8(b, (uint8_t)strlen(def->name));
    buf_put(b, def->name, strlen(def->name) + 1);
    buf_put_u8(b, (uint8_t)def->n_columns);
    for (uint32_t i = 0; i < def->n_columns; i++) {
        buf_put_u8(b, wire_type(&def->columns[i]));
        meta += def->columns[i].type == COLUMN_VARCHAR ? 2 : 0;
        nullable[i] = def->columns[i].nullable;
    }
    buf_put_u8(b, (uint8_t)meta);
    for (uint32_t i = 0; i < def->n_columns; i++)
        if (def->columns[i].type == COLUMN_VARCHAR)
            buf_put_u16(b, varchar_bytes(&def->columns[i]));
    put_bits(b, def->n_columns, nullable, false);
    put_optional(b, def);
    append(s, EVENT_TABLE_MAP, number);
}

static void put_value(struct buf *b, const struct column *c, const struct value *v)
{
    uint64_t bits = v->kind == VALUE_INT ? (uint64_t)v->i : v->u;

    switch (c->type) {
    case COLUMN_INT:
        buf_put_u32(b, (uint32_t)bits);
        break;
    case COLUMN_BIGINT:
        buf_put_u64(b, bits);
        break;
    default:
        buf_put_u8(b, (uint8_t)v->b.len);
        buf_put_bytes(b, v->b);
        break;
    }
}

static void put_image(struct buf *b, const struct table *def, const struct value *values)
{
    bool nulls[64];

    if (!values)
        return;
    for (uint32_t i = 0; i < def->n_columns; i++)
        nulls[i] = values[i].kind == VALUE_NULL;
    put_bits(b, def->n_columns, nulls, false);
    for (uint32_t i = 0; i < def->n_columns; i++)
        if (!nulls[i])
            put_value(b, &def->columns[i], &values[i]);
}

static bool same_event(const struct sim_logged *a, const struct sim_logged *b)
{
    return a->kind == b->kind && a->table == b->table && a->flags == b->flags && !a->ends;
}

/* Rows from the first on that fit one event; returns how many. */
static size_t put_rows(struct sim_source *s, uint64_t number, const struct sim_logged *rows,
                       size_t left)
{
    static const uint8_t types[] = {[CHANGE_INSERT] = EVENT_WRITE_ROWS,
                                    [CHANGE_UPDATE] = EVENT_UPDATE_ROWS,
                                    [CHANGE_DELETE] = EVENT_DELETE_ROWS};
    const struct table *def = sim_def(rows->table);
    struct buf *b = &s->body;
    size_t n = 1;

    while (n < left && same_event(&rows[n - 1], &rows[n]))
        n++;
    buf_put_u32(b, (uint32_t)rows->table->map_id);
    buf_put_u16(b, 0);
    buf_put_u16(b, rows->flags | (rows[n - 1].ends ? ROWS_STMT_END : 0));
    buf_put_u16(b, 2); /* no extra data */
    buf_put_u8(b, (uint8_t)def->n_columns);
    for (uint32_t i = 0; i < (def->n_columns + 7) / 8 * (rows->kind == CHANGE_UPDATE ? 2 : 1); i++)
        buf_put_u8(b, 0xff); /* every column is present */
    for (size_t i = 0; i < n; i++) {
        put_image(b, def, rows[i].before);
        put_image(b, def, rows[i].after);
    }
    append(s, types[rows->kind], number);
    return n;
}

/* Maps of all tables of the statement come before its rows. */
static size_t put_statement(struct sim_source *s, uint64_t number, const struct sim_logged *rows,
                            size_t left)
{
    size_t n = 1;

    while (n < left && !rows[n - 1].ends)
        n++;
    for (size_t i = 0; i < n; i++) {
        size_t first = 0;

        while (rows[first].table != rows[i].table)
            first++;
        if (first == i)
            put_map(s, number, rows[i].table);
    }
    for (size_t i = 0; i < n;)
        i += put_rows(s, number, &rows[i], n - i);
    return n;
}

void sim_binlog_rows(struct sim_source *s, bool rolled_back)
{
    uint64_t number = s->count + 1;

    put_gtid(s, number);
    put_query(s, number, "", "BEGIN");
    for (size_t i = 0; i < s->n_log;)
        i += put_statement(s, number, &s->log[i], s->n_log - i);
    if (rolled_back) {
        put_query(s, number, "", "ROLLBACK");
    } else if (s->n_log == 0) {
        put_query(s, number, "", "COMMIT");
    } else {
        buf_put_u64(&s->body, number);
        append(s, EVENT_XID, number);
    }
    s->count = number;
}

void sim_binlog_ddl(struct sim_source *s, const char *db, const char *text)
{
    put_gtid(s, s->count + 1);
    put_query(s, s->count + 1, db, text);
    s->count++;
}
