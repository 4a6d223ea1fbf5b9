/*
 * event.c - event headers, checksums, the order of events and what each kind means.
 *
 * Header, 19 bytes: u32 timestamp | u8 type | u32 server id | u32 length | u32 log_pos
 * | u16 flags. The last four bytes are a CRC32 of all before if the FORMAT_DESCRIPTION of
 * the file says so (binlog.md 3). log_pos holds the low 32 bits of the event's end; the
 * position here is extended to 64, because a file may grow beyond 4 GiB.
 */
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "cdc/decode/decoder.h"
#include "schema/base/xalloc.h"

#define BINLOG_VERSION 4
#define FDE_VERSION_BYTES 50
#define FDE_FIXED_BYTES (2 + FDE_VERSION_BYTES + 4 + 1)
#define CHECKSUM_NONE 0
#define CHECKSUM_CRC32 1
#define MICROSECONDS 1000000u
#define HEARTBEAT_NAME 1
#define HEARTBEAT_POSITION 2

const char *event_type_name(uint8_t type)
{
    static const char *const names[] = {
        [EVENT_QUERY] = "QUERY",
        [EVENT_STOP] = "STOP",
        [EVENT_ROTATE] = "ROTATE",
        [EVENT_INTVAR] = "INTVAR",
        [EVENT_LOAD] = "LOAD",
        [EVENT_SLAVE] = "SLAVE",
        [EVENT_CREATE_FILE] = "CREATE_FILE",
        [EVENT_APPEND_BLOCK] = "APPEND_BLOCK",
        [EVENT_EXEC_LOAD] = "EXEC_LOAD",
        [EVENT_DELETE_FILE] = "DELETE_FILE",
        [EVENT_NEW_LOAD] = "NEW_LOAD",
        [EVENT_RAND] = "RAND",
        [EVENT_USER_VAR] = "USER_VAR",
        [EVENT_FORMAT_DESCRIPTION] = "FORMAT_DESCRIPTION",
        [EVENT_XID] = "XID",
        [EVENT_BEGIN_LOAD_QUERY] = "BEGIN_LOAD_QUERY",
        [EVENT_EXECUTE_LOAD_QUERY] = "EXECUTE_LOAD_QUERY",
        [EVENT_TABLE_MAP] = "TABLE_MAP",
        [EVENT_WRITE_ROWS_V1] = "WRITE_ROWS_V1",
        [EVENT_UPDATE_ROWS_V1] = "UPDATE_ROWS_V1",
        [EVENT_DELETE_ROWS_V1] = "DELETE_ROWS_V1",
        [EVENT_INCIDENT] = "INCIDENT",
        [EVENT_HEARTBEAT] = "HEARTBEAT",
        [EVENT_IGNORABLE] = "IGNORABLE",
        [EVENT_ROWS_QUERY] = "ROWS_QUERY",
        [EVENT_WRITE_ROWS] = "WRITE_ROWS",
        [EVENT_UPDATE_ROWS] = "UPDATE_ROWS",
        [EVENT_DELETE_ROWS] = "DELETE_ROWS",
        [EVENT_GTID] = "GTID",
        [EVENT_ANONYMOUS_GTID] = "ANONYMOUS_GTID",
        [EVENT_PREVIOUS_GTIDS] = "PREVIOUS_GTIDS",
        [EVENT_TRANSACTION_CONTEXT] = "TRANSACTION_CONTEXT",
        [EVENT_VIEW_CHANGE] = "VIEW_CHANGE",
        [EVENT_XA_PREPARE] = "XA_PREPARE",
        [EVENT_PARTIAL_UPDATE_ROWS] = "PARTIAL_UPDATE_ROWS",
        [EVENT_TRANSACTION_PAYLOAD] = "TRANSACTION_PAYLOAD",
        [EVENT_HEARTBEAT_V2] = "HEARTBEAT_V2",
        [EVENT_GTID_TAGGED] = "GTID_TAGGED",
    };

    if (type >= sizeof(names) / sizeof(names[0]) || !names[type])
        return "unknown";
    return names[type];
}

struct decoder *decoder_new(const struct decode_sink *sink, bool checksum, uint64_t event_bytes_max)
{
    struct decoder *d = xcalloc(1, sizeof(*d));

    d->sink = *sink;
    d->checksum = checksum;
    d->event_bytes_max = event_bytes_max;
    d->scratch = BUF_INIT;
    d->inner = BUF_INIT_MAX(event_bytes_max);
    return d;
}

void decoder_free(struct decoder *d)
{
    if (!d)
        return;
    map_release(&d->maps);
    arena_release(&d->map_arena);
    arena_release(&d->row_arena);
    buf_release(&d->scratch);
    buf_release(&d->inner);
    free(d->values[0]);
    free(d->values[1]);
    free(d);
}

bool decoder_in_transaction(const struct decoder *d)
{
    return d->tx != TX_NONE;
}

static bool out_of_order(const char *what, struct err *err)
{
    err_reason(err, ERR_DATA, "order", "%s at a place where none can be", what);
    return false;
}

bool decoder_commit(struct decoder *d, struct err *err)
{
    if (d->tx == TX_NONE)
        return out_of_order("the end of a transaction", err);
    d->tx = TX_NONE;
    table_maps_clear(d);
    return d->sink.commit(d->sink.ctx, &d->at, err);
}

bool decoder_rollback(struct decoder *d, bool logged, struct err *err)
{
    if (d->tx == TX_NONE)
        return out_of_order("a rollback", err);
    d->tx = TX_NONE;
    table_maps_clear(d);
    return d->sink.rollback(d->sink.ctx, &d->at, logged, err);
}

/* Tell the time and the place, unless that place is inside a transaction. */
static bool idle(struct decoder *d, const struct event *e, struct err *err)
{
    if (d->tx != TX_NONE)
        return true;
    return d->sink.idle(d->sink.ctx, &d->at, (uint64_t)e->timestamp_s * MICROSECONDS, err);
}

static void advance(struct position *at, uint32_t log_pos)
{
    uint64_t next = (at->offset & ~(uint64_t)UINT32_MAX) | log_pos;

    if (next < at->offset)
        next += (uint64_t)1 << 32;
    at->offset = next;
}

static bool set_file(struct decoder *d, struct bytes name, uint64_t offset, struct err *err)
{
    if (name.len == 0 || name.len > POSITION_FILE_MAX || memchr(name.data, 0, name.len)) {
        err_set(err, ERR_DATA, "the name of a binlog file has %zu bytes or a NUL", name.len);
        return false;
    }
    memcpy(d->at.file, name.data, name.len);
    d->at.file[name.len] = '\0';
    d->at.offset = offset;
    return true;
}

static bool decode_rotate(struct decoder *d, const struct event *e, struct err *err)
{
    struct cursor c = cursor_of(e->body);
    uint64_t offset = cursor_u64(&c);

    if (c.bad) {
        err_set(err, ERR_DATA, "a ROTATE event is cut short");
        return false;
    }
    return set_file(d, cursor_rest(&c), offset, err) && idle(d, e, err);
}

/* A file that begins with `created` was opened by a new start of the server. */
static bool source_started(struct decoder *d, uint32_t created, struct err *err)
{
    table_maps_clear(d);
    if (d->tx == TX_NONE)
        return true;
    if (created == 0)
        return out_of_order("the begin of a binlog file inside a transaction", err);
    return decoder_rollback(d, false, err);
}

static bool decode_format(struct decoder *d, const struct event *e, struct err *err)
{
    struct cursor c = cursor_of(e->body);
    uint16_t version = cursor_u16(&c);
    struct bytes server = cursor_bytes(&c, FDE_VERSION_BYTES);
    uint32_t created = cursor_u32(&c);
    uint8_t header = cursor_u8(&c);

    if (c.bad || version != BINLOG_VERSION || header != EVENT_HEADER_BYTES) {
        err_set(err, ERR_DATA, "a FORMAT_DESCRIPTION has binlog version %u and header size %u",
                version, header);
        return false;
    }
    if (memmem(server.data, server.len, "MariaDB", 7)) {
        err_reason(err, ERR_DATA, "mariadb_source", "MariaDB sources are not supported yet");
        return false;
    }
    d->described = true;
    return source_started(d, created, err);
}

static bool decode_gtid(struct decoder *d, const struct event *e, struct err *err)
{
    struct tx_begin begin;

    if (d->tx != TX_NONE)
        return out_of_order("a GTID event inside a transaction", err);
    if (!gtid_event_decode(e->body, e->type == EVENT_GTID_TAGGED, &begin, err))
        return false;
    d->tx = TX_GTID;
    return d->sink.begin(d->sink.ctx, &begin, err);
}

static bool decode_heartbeat(struct decoder *d, const struct event *e, struct err *err)
{
    if (d->tx == TX_NONE && e->log_pos)
        advance(&d->at, e->log_pos);
    return idle(d, e, err);
}

static bool decode_heartbeat_v2(struct decoder *d, const struct event *e, struct err *err)
{
    struct cursor c = cursor_of(e->body);
    struct bytes name = BYTES_EMPTY;
    uint64_t offset = 0;

    while (cursor_left(&c) > 0) {
        uint64_t type = cursor_lenenc(&c);
        struct bytes value;
        struct cursor v;

        if (type == 0)
            break;
        value = cursor_bytes(&c, cursor_lenenc(&c));
        v = cursor_of(value);
        if (type == HEARTBEAT_NAME)
            name = value;
        if (type == HEARTBEAT_POSITION)
            offset = cursor_lenenc(&v);
        if (v.bad)
            c.bad = true;
    }
    if (c.bad) {
        err_set(err, ERR_DATA, "a HEARTBEAT_V2 event makes no sense");
        return false;
    }
    if (d->tx == TX_NONE && name.len > 0 && !set_file(d, name, offset, err))
        return false;
    return idle(d, e, err);
}

static bool refuse(const struct event *e, struct err *err)
{
    const char *name = event_type_name(e->type);

    switch (e->type) {
    case EVENT_ANONYMOUS_GTID:
        err_reason(err, ERR_DATA, "no_gtid",
                   "a transaction in the binlog has no GTID; set gtid_mode=ON on the source");
        return false;
    case EVENT_PARTIAL_UPDATE_ROWS:
        err_reason(err, ERR_DATA, "partial_json",
                   "PARTIAL_UPDATE_ROWS events are not supported; set "
                   "binlog_row_value_options='' on the source, also in sessions");
        return false;
    case EVENT_XA_PREPARE:
        err_reason(err, ERR_DATA, "xa_transaction",
                   "the binlog holds an XA transaction, which is not supported; end XA use on "
                   "the source and load again from a later position");
        return false;
    case EVENT_INCIDENT:
        err_reason(err, ERR_DATA, "incident",
                   "the source says that its binlog lost events (INCIDENT); load again");
        return false;
    default:
        err_reason(err, ERR_DATA, "statement_format",
                   "a %s event: a session of the source logged changes as statements; set "
                   "binlog_format=ROW everywhere and load again",
                   name);
        return false;
    }
}

static bool unknown(const struct event *e, struct err *err)
{
    if (e->type >= EVENT_MARIADB_FIRST && e->type <= EVENT_MARIADB_LAST) {
        err_reason(err, ERR_DATA, "mariadb_source",
                   "event type %u: MariaDB sources are not supported yet", e->type);
        return false;
    }
    if (e->flags & EVENT_FLAG_IGNORABLE)
        return true;
    err_reason(err, ERR_DATA, "unknown_event", "events of type %u are not known", e->type);
    return false;
}

static bool decode_table(struct decoder *d, const struct event *e, struct err *err)
{
    if (d->tx != TX_OPEN)
        return out_of_order(event_type_name(e->type), err);
    if (e->type == EVENT_TABLE_MAP)
        return table_map_decode(d, e->body, err);
    return rows_decode(d, e, err);
}

static bool decode_payload(struct decoder *d, const struct event *e, struct err *err)
{
    if (d->tx != TX_GTID || e->inner)
        return out_of_order(event_type_name(e->type), err);
    if (!payload_decode(d, e, err))
        return false;
    return d->tx == TX_NONE || out_of_order("the end of a TRANSACTION_PAYLOAD", err);
}

/* Events that belong to a file, not to a transaction: never inside a payload. */
static bool decode_file_event(struct decoder *d, const struct event *e, struct err *err)
{
    if (e->inner)
        return out_of_order(event_type_name(e->type), err);
    switch (e->type) {
    case EVENT_ROTATE:
        return decode_rotate(d, e, err);
    case EVENT_FORMAT_DESCRIPTION:
        return decode_format(d, e, err);
    case EVENT_HEARTBEAT:
        return decode_heartbeat(d, e, err);
    case EVENT_HEARTBEAT_V2:
        return decode_heartbeat_v2(d, e, err);
    case EVENT_GTID:
    case EVENT_GTID_TAGGED:
        return decode_gtid(d, e, err);
    default: /* STOP, PREVIOUS_GTIDS */
        return idle(d, e, err);
    }
}

bool decoder_dispatch(struct decoder *d, const struct event *e, struct err *err)
{
    switch (e->type) {
    case EVENT_ROTATE:
    case EVENT_FORMAT_DESCRIPTION:
    case EVENT_HEARTBEAT:
    case EVENT_HEARTBEAT_V2:
    case EVENT_GTID:
    case EVENT_GTID_TAGGED:
    case EVENT_STOP:
    case EVENT_PREVIOUS_GTIDS:
        return decode_file_event(d, e, err);
    case EVENT_QUERY:
        return query_decode(d, e, err);
    case EVENT_EXECUTE_LOAD_QUERY:
        return load_query_decode(d, e, err);
    case EVENT_XID:
        return d->tx == TX_OPEN ? decoder_commit(d, err) : out_of_order("an XID event", err);
    case EVENT_TABLE_MAP:
    case EVENT_WRITE_ROWS_V1:
    case EVENT_UPDATE_ROWS_V1:
    case EVENT_DELETE_ROWS_V1:
    case EVENT_WRITE_ROWS:
    case EVENT_UPDATE_ROWS:
    case EVENT_DELETE_ROWS:
        return decode_table(d, e, err);
    case EVENT_TRANSACTION_PAYLOAD:
        return decode_payload(d, e, err);
    case EVENT_ROWS_QUERY: /* text of the statement, for people */
    case EVENT_TRANSACTION_CONTEXT:
    case EVENT_VIEW_CHANGE:
    case EVENT_INTVAR: /* values and files that a statement as text uses: the text follows */
    case EVENT_RAND:
    case EVENT_USER_VAR:
    case EVENT_BEGIN_LOAD_QUERY:
    case EVENT_APPEND_BLOCK:
    case EVENT_DELETE_FILE:
        return true;
    case EVENT_LOAD: /* no server that speaks GTIDs writes these */
    case EVENT_SLAVE:
    case EVENT_CREATE_FILE:
    case EVENT_EXEC_LOAD:
    case EVENT_NEW_LOAD:
    case EVENT_ANONYMOUS_GTID:
    case EVENT_PARTIAL_UPDATE_ROWS:
    case EVENT_XA_PREPARE:
    case EVENT_INCIDENT:
        return refuse(e, err);
    default:
        return unknown(e, err);
    }
}

static bool read_header(struct decoder *d, struct bytes raw, struct event *e, struct err *err)
{
    struct cursor c = cursor_of(raw);
    uint32_t length;

    e->timestamp_s = cursor_u32(&c);
    e->type = cursor_u8(&c);
    cursor_u32(&c); /* server id: a GTID names the origin */
    length = cursor_u32(&c);
    e->log_pos = cursor_u32(&c);
    e->flags = cursor_u16(&c);
    e->inner = false;
    e->body = cursor_rest(&c);
    if (c.bad || length != raw.len) {
        err_set(err, ERR_DATA, "an event of %zu bytes says that it has %u", raw.len, length);
        return false;
    }
    if (raw.len > d->event_bytes_max) {
        err_reason(err, ERR_DATA, "event_too_large", "a %s event has %zu bytes, the limit is %llu",
                   event_type_name(e->type), raw.len, (unsigned long long)d->event_bytes_max);
        return false;
    }
    return true;
}

/* A FORMAT_DESCRIPTION ends in the algorithm of its file and four bytes, always. */
static bool read_algorithm(struct decoder *d, const struct event *e, struct err *err)
{
    uint8_t algorithm;

    if (e->body.len < FDE_FIXED_BYTES + 1 + EVENT_CHECKSUM_BYTES) {
        err_set(err, ERR_DATA, "a FORMAT_DESCRIPTION is cut short");
        return false;
    }
    algorithm = e->body.data[e->body.len - EVENT_CHECKSUM_BYTES - 1];
    if (algorithm != CHECKSUM_NONE && algorithm != CHECKSUM_CRC32) {
        err_set(err, ERR_DATA, "the binlog has the unknown checksum algorithm %u", algorithm);
        return false;
    }
    d->checksum = algorithm == CHECKSUM_CRC32;
    return true;
}

static bool check_sum(const struct decoder *d, struct bytes raw, struct event *e, struct err *err)
{
    size_t n = raw.len - EVENT_CHECKSUM_BYTES;
    struct cursor c;
    uint32_t sum;

    if (e->body.len < EVENT_CHECKSUM_BYTES) {
        err_set(err, ERR_DATA, "a %s event is too short for its checksum",
                event_type_name(e->type));
        return false;
    }
    e->body.len -= EVENT_CHECKSUM_BYTES;
    if (!d->checksum)
        return true;
    c = cursor_of(bytes_of(raw.data + n, EVENT_CHECKSUM_BYTES));
    sum = cursor_u32(&c);
    if (sum != (uint32_t)crc32_z(0, raw.data, n)) {
        err_reason(err, ERR_DATA, "checksum", "a %s event does not match its checksum",
                   event_type_name(e->type));
        return false;
    }
    return true;
}

static bool take_event(struct decoder *d, struct bytes raw, struct err *err)
{
    struct event e;

    if (!read_header(d, raw, &e, err))
        return false;
    if (e.type == EVENT_FORMAT_DESCRIPTION && !read_algorithm(d, &e, err))
        return false;
    if ((d->checksum || e.type == EVENT_FORMAT_DESCRIPTION) && !check_sum(d, raw, &e, err))
        return false;
    if (!d->described && e.type != EVENT_ROTATE && e.type != EVENT_FORMAT_DESCRIPTION)
        return out_of_order(event_type_name(e.type), err);
    if (e.log_pos && !(e.flags & EVENT_FLAG_ARTIFICIAL) && e.type != EVENT_ROTATE &&
        e.type != EVENT_HEARTBEAT && e.type != EVENT_HEARTBEAT_V2)
        advance(&d->at, e.log_pos);
    return decoder_dispatch(d, &e, err);
}

bool decoder_event(struct decoder *d, struct bytes event, struct err *err)
{
    struct position before = d->at;

    if (d->broken) {
        err_set(err, ERR_DATA, "the decoder failed before");
        return false;
    }
    if (take_event(d, event, err))
        return true;
    d->broken = true;
    if (err->kind == ERR_DATA)
        err_context(err, "binlog %s:%llu", before.file, (unsigned long long)before.offset);
    return false;
}
