/*
 * gtid_event.c - bodies of GTID and GTID_TAGGED events (binlog.md 5.6).
 *
 * GTID: u8 flags | 16 bytes uuid | i64 gno | u8 2 | i64 last_committed | i64 sequence
 *   | 7 bytes commit time in us; bit 55 set: 7 bytes original time follow
 *   | lenenc transaction length | u32 version; bit 31 set: u32 original version | ...
 * Each is read only while bytes remain: 5.7 ends after the sequence number.
 *
 * GTID_TAGGED: varlen version | varlen size | varlen last field that must be known, then
 * (varlen id, value) in ascending order. A varlen has as many bytes as its first byte has
 * trailing ones, plus one; ff: eight bytes follow. Signed: x << 1, or (-x - 1) << 1 | 1.
 */
#include "cdc/decode/decoder.h"

#define LOGICAL_CLOCK 2
#define TIME_BIT 55

enum field_id {
    FIELD_FLAGS = 0,
    FIELD_UUID = 1,
    FIELD_GNO = 2,
    FIELD_TAG = 3,
    FIELD_LAST_COMMITTED = 4,
    FIELD_SEQUENCE = 5,
    FIELD_COMMIT_TIME = 6,
    FIELD_ORIGINAL_TIME = 7,
    FIELD_LENGTH = 8,
    FIELD_VERSION = 9,
    FIELD_ORIGINAL_VERSION = 10,
    FIELD_TICKET = 11,
};

static uint64_t read_varlen(struct cursor *c)
{
    uint8_t first = cursor_u8(c);
    unsigned extra = 0;

    while (extra < 8 && first >> extra & 1)
        extra++;
    if (extra == 8)
        return cursor_u64(c);
    return (uint64_t)first >> (extra + 1) | cursor_uint(c, extra) << (7 - extra);
}

static int64_t read_signed(struct cursor *c)
{
    uint64_t v = read_varlen(c);

    return v & 1 ? -(int64_t)(v >> 1) - 1 : (int64_t)(v >> 1);
}

static void read_uuid(struct cursor *c, struct mysql_gtid *g)
{
    for (size_t i = 0; i < sizeof(g->uuid); i++) {
        uint64_t byte = read_varlen(c);

        if (byte > 0xff)
            c->bad = true;
        g->uuid[i] = (uint8_t)byte;
    }
}

static void read_tag(struct cursor *c, struct mysql_gtid *g)
{
    uint64_t n = read_varlen(c);
    struct bytes tag;

    if (n > GTID_TAG_MAX) {
        c->bad = true;
        return;
    }
    tag = cursor_bytes(c, n);
    if (tag.len > 0)
        memcpy(g->tag, tag.data, tag.len);
    g->tag[tag.len] = '\0';
}

/* False: a field that this version does not know. */
static bool read_field(struct cursor *c, uint64_t id, struct tx_begin *out)
{
    switch (id) {
    case FIELD_UUID:
        read_uuid(c, &out->gtid.mysql);
        return true;
    case FIELD_GNO:
        out->gtid.mysql.gno = (uint64_t)read_signed(c);
        return true;
    case FIELD_TAG:
        read_tag(c, &out->gtid.mysql);
        return true;
    case FIELD_COMMIT_TIME:
        out->commit_us = read_varlen(c);
        return true;
    case FIELD_ORIGINAL_TIME:
        out->original_us = read_varlen(c);
        return true;
    case FIELD_LENGTH:
        out->source_bytes = read_varlen(c);
        return true;
    case FIELD_FLAGS:
    case FIELD_LAST_COMMITTED:
    case FIELD_SEQUENCE:
    case FIELD_VERSION:
    case FIELD_ORIGINAL_VERSION:
    case FIELD_TICKET:
        read_varlen(c);
        return true;
    default:
        return false;
    }
}

static bool read_tagged(struct cursor *c, struct tx_begin *out, struct err *err)
{
    uint64_t version = read_varlen(c);
    uint64_t must_know;

    read_varlen(c); /* size: the event's own length says it too */
    must_know = read_varlen(c);
    if (c->bad || version != 1) {
        err_set(err, ERR_DATA, "a GTID_TAGGED event has version %llu", (unsigned long long)version);
        return false;
    }
    while (cursor_left(c) > 0) {
        uint64_t id = read_varlen(c);

        if (read_field(c, id, out))
            continue;
        if (id > must_know)
            break;
        err_set(err, ERR_DATA, "a GTID_TAGGED event has the unknown field %llu",
                (unsigned long long)id);
        return false;
    }
    return true;
}

static void read_untagged(struct cursor *c, struct tx_begin *out)
{
    struct bytes uuid;

    cursor_u8(c);
    uuid = cursor_bytes(c, sizeof(out->gtid.mysql.uuid));
    if (uuid.len == sizeof(out->gtid.mysql.uuid))
        memcpy(out->gtid.mysql.uuid, uuid.data, uuid.len);
    out->gtid.mysql.gno = cursor_u64(c);
    if (cursor_left(c) == 0)
        return;
    if (cursor_u8(c) != LOGICAL_CLOCK)
        return;
    cursor_u64(c);
    cursor_u64(c);
    if (cursor_left(c) == 0)
        return;
    out->commit_us = cursor_uint(c, 7);
    if (out->commit_us >> TIME_BIT & 1) {
        out->commit_us &= ((uint64_t)1 << TIME_BIT) - 1;
        out->original_us = cursor_uint(c, 7);
    }
    if (cursor_left(c) > 0)
        out->source_bytes = cursor_lenenc(c);
}

bool gtid_event_decode(struct bytes body, bool tagged, struct tx_begin *out, struct err *err)
{
    struct cursor c = cursor_of(body);

    *out = (struct tx_begin){.gtid.kind = GTID_MYSQL};
    if (tagged && !read_tagged(&c, out, err))
        return false;
    if (!tagged)
        read_untagged(&c, out);
    if (c.bad || out->gtid.mysql.gno == 0 || out->gtid.mysql.gno > INT64_MAX) {
        err_set(err, ERR_DATA, "a GTID event makes no sense");
        return false;
    }
    if (out->original_us == 0)
        out->original_us = out->commit_us;
    return true;
}
