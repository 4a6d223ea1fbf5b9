/*
 * decoder.h - what the files of this folder share; nobody outside includes it.
 *
 * event.c owns the decoder, the event header and the order of events. Each other file
 * reads one wire format and knows no order.
 */
#ifndef CDC_DECODE_DECODER_H
#define CDC_DECODE_DECODER_H

#include "cdc/decode/decode.h"
#include "schema/base/arena.h"
#include "schema/base/buf.h"
#include "schema/base/cursor.h"
#include "schema/base/map.h"

#define EVENT_HEADER_BYTES 19
#define EVENT_CHECKSUM_BYTES 4
#define MAPS_PER_STATEMENT_MAX 16384

enum event_type {
    EVENT_QUERY = 2,
    EVENT_STOP = 3,
    EVENT_ROTATE = 4,
    EVENT_INTVAR = 5,
    EVENT_LOAD = 6,
    EVENT_SLAVE = 7,
    EVENT_CREATE_FILE = 8,
    EVENT_APPEND_BLOCK = 9,
    EVENT_EXEC_LOAD = 10,
    EVENT_DELETE_FILE = 11,
    EVENT_NEW_LOAD = 12,
    EVENT_RAND = 13,
    EVENT_USER_VAR = 14,
    EVENT_FORMAT_DESCRIPTION = 15,
    EVENT_XID = 16,
    EVENT_BEGIN_LOAD_QUERY = 17,
    EVENT_EXECUTE_LOAD_QUERY = 18,
    EVENT_TABLE_MAP = 19,
    EVENT_WRITE_ROWS_V1 = 23,
    EVENT_UPDATE_ROWS_V1 = 24,
    EVENT_DELETE_ROWS_V1 = 25,
    EVENT_INCIDENT = 26,
    EVENT_HEARTBEAT = 27,
    EVENT_IGNORABLE = 28,
    EVENT_ROWS_QUERY = 29,
    EVENT_WRITE_ROWS = 30,
    EVENT_UPDATE_ROWS = 31,
    EVENT_DELETE_ROWS = 32,
    EVENT_GTID = 33,
    EVENT_ANONYMOUS_GTID = 34,
    EVENT_PREVIOUS_GTIDS = 35,
    EVENT_TRANSACTION_CONTEXT = 36,
    EVENT_VIEW_CHANGE = 37,
    EVENT_XA_PREPARE = 38,
    EVENT_PARTIAL_UPDATE_ROWS = 39,
    EVENT_TRANSACTION_PAYLOAD = 40,
    EVENT_HEARTBEAT_V2 = 41,
    EVENT_GTID_TAGGED = 42,
    EVENT_MARIADB_FIRST = 160,
    EVENT_MARIADB_LAST = 172,
};

#define EVENT_FLAG_ARTIFICIAL 0x0020
#define EVENT_FLAG_IGNORABLE 0x0080

/* Column types on the wire (binlog.md 8.1). */
enum wire_type {
    WIRE_TINY = 1,
    WIRE_SHORT = 2,
    WIRE_LONG = 3,
    WIRE_FLOAT = 4,
    WIRE_DOUBLE = 5,
    WIRE_TIMESTAMP = 7,
    WIRE_LONGLONG = 8,
    WIRE_INT24 = 9,
    WIRE_DATE = 10,
    WIRE_TIME = 11,
    WIRE_DATETIME = 12,
    WIRE_YEAR = 13,
    WIRE_VARCHAR = 15,
    WIRE_BIT = 16,
    WIRE_TIMESTAMP2 = 17,
    WIRE_DATETIME2 = 18,
    WIRE_TIME2 = 19,
    WIRE_VECTOR = 242,
    WIRE_JSON = 245,
    WIRE_NEWDECIMAL = 246,
    WIRE_ENUM = 247,
    WIRE_SET = 248,
    WIRE_BLOB = 252,
    WIRE_VAR_STRING = 253,
    WIRE_STRING = 254,
    WIRE_GEOMETRY = 255,
};

/* One event without its checksum; body is borrowed. */
struct event {
    uint8_t type;
    uint32_t timestamp_s;
    uint32_t log_pos; /* low 32 bits of the end, 0 = not said */
    uint16_t flags;
    bool inner; /* came out of a TRANSACTION_PAYLOAD */
    struct bytes body;
};

enum tx_state {
    TX_NONE,
    TX_GTID, /* a GTID event was seen: BEGIN or one statement must follow */
    TX_OPEN, /* BEGIN was seen */
};

/* One table map of the running statement and what the sink said about it. */
struct map_slot {
    struct table_map map;
    bool has_signedness;
    bool resolved;
    const struct table *table; /* NULL after resolving: rows are not wanted */
};

struct decoder {
    struct decode_sink sink;
    uint64_t event_bytes_max;
    bool checksum;  /* events end in a CRC32 */
    bool described; /* a FORMAT_DESCRIPTION was seen */
    bool broken;
    enum tx_state tx;
    struct position at;     /* end of the last event that said where it ends */
    struct arena map_arena; /* maps of the running statement */
    struct map maps;        /* table id (8 bytes) to struct map_slot */
    struct arena row_arena; /* values of the row in hand that are not in the event */
    struct buf scratch;
    struct value *values[2]; /* before and after image */
    uint32_t n_values;
    struct buf inner; /* event inside a payload */
};

const char *event_type_name(uint8_t type);

/* event.c */
bool decoder_dispatch(struct decoder *d, const struct event *e, struct err *err);
bool decoder_commit(struct decoder *d, struct err *err);
bool decoder_rollback(struct decoder *d, bool logged, struct err *err);

/* query.c */
bool query_decode(struct decoder *d, const struct event *e, struct err *err);
bool load_query_decode(struct decoder *d, const struct event *e, struct err *err);

/* gtid_event.c: GTID and GTID_TAGGED bodies. */
bool gtid_event_decode(struct bytes body, bool tagged, struct tx_begin *out, struct err *err);

/* table_map.c */
bool table_map_decode(struct decoder *d, struct bytes body, struct err *err);
void table_maps_clear(struct decoder *d);
struct map_slot *table_map_find(struct decoder *d, uint64_t id);
/* Bytes that a CHAR or BINARY column of this map may have at most. */
unsigned string_length(const struct map_column *m);

/* rows.c */
bool rows_decode(struct decoder *d, const struct event *e, struct err *err);

/* column.c: one value of a row image. Bytes point into the cursor's memory or the arena. */
bool column_decode(struct cursor *c, const struct map_column *m, const struct column *col,
                   struct arena *arena, struct buf *scratch, struct value *out);
/* May values under this map column be read as the definition's column? */
bool column_matches(const struct map_column *m, bool has_signedness, const struct column *col);

/* temporal.c: text without NUL into out (at least 32 bytes); false: impossible bytes. */
bool temporal_date(struct cursor *c, char *out, size_t *len);
bool temporal_datetime(struct cursor *c, unsigned fsp, char *out, size_t *len);
bool temporal_timestamp(struct cursor *c, unsigned fsp, char *out, size_t *len);
bool temporal_time(struct cursor *c, unsigned fsp, char *out, size_t *len);
bool temporal_old(struct cursor *c, uint8_t wire_type, char *out, size_t *len);
/* JSON's packed form: MySQL type 7, 10, 11 or 12, always six fraction digits. */
bool temporal_packed(int64_t packed, uint8_t wire_type, char *out, size_t *len);

/* decimal.c: text into out (at least DECIMAL_TEXT_SIZE bytes). */
#define DECIMAL_TEXT_SIZE 80
bool decimal_decode(struct cursor *c, unsigned precision, unsigned scale, char *out, size_t *len);

/* json_binary.c: MySQL's binary JSON to the text of CAST(c AS CHAR). */
bool json_binary_print(struct bytes doc, struct buf *out);
/* double.c: the shortest digits that give d back, as MySQL prints a double; no NUL. */
#define DOUBLE_TEXT_SIZE 64
size_t double_print(double d, char *out);

/* payload.c */
bool payload_decode(struct decoder *d, const struct event *e, struct err *err);

#endif
