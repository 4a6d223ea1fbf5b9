/*
 * decode.h - binlog event bytes to transactions and row changes. Pure: no connection, no
 * queue, so it is fuzzed without a server.
 *
 * Events go in one by one in stream order (binlog.md 3 to 10); what they mean comes out
 * through the sink, in order. An unknown event type without the IGNORABLE flag, PARTIAL_JSON
 * rows, a MINIMAL image: each is an error with its name, never a skip. What a statement as
 * text means, and for whom, is the sink's to judge. A TRANSACTION_PAYLOAD is inflated as a
 * stream; memory stays at one inner event.
 */
#ifndef CDC_DECODE_DECODE_H
#define CDC_DECODE_DECODE_H

#include "schema/base/bytes.h"
#include "schema/base/err.h"
#include "schema/change.h"

/* One column as TABLE_MAP tells it (binlog_row_metadata=FULL). */
struct map_column {
    uint8_t type;  /* wire type, ENUM and SET resolved out of STRING: binlog.md 8.4 */
    uint16_t meta; /* as in the event: low byte first, see decode's table_map.c */
    bool nullable;
    bool is_unsigned;
    bool visible;
    bool in_primary_key;
    uint32_t collation;    /* id; 63 = binary; 0 = not a character column */
    const char *name;      /* UTF-8; NULL without FULL metadata */
    struct bytes *members; /* ENUM, SET: in the column's character set */
    uint32_t n_members;
    uint32_t geometry;
    uint32_t dimensions; /* VECTOR */
};

/* Does the binlog carry a column of this type so? Old ones have two ways. */
bool map_column_fits(const struct map_column *m, enum column_type type);

/* Lives in the decoder until the map's table id is reused or the statement ends. */
struct table_map {
    uint64_t id;
    const char *db;
    const char *name;
    struct map_column *columns;
    uint32_t n_columns;
    bool has_full_metadata; /* names present */
};

struct query_event {
    const char *db;    /* "" if none */
    struct bytes text; /* in charset `client_collation`, not NUL-terminated */
    uint64_t sql_mode;
    uint32_t client_collation;  /* id; 0 unknown */
    uint32_t server_collation;  /* collation_server of the session, id; 0 unknown */
    uint32_t utf8mb4_collation; /* default_collation_for_utf8mb4, id; 0 not said */
    uint64_t timestamp_us;
    const char *time_zone;               /* "" unknown */
    int explicit_defaults_for_timestamp; /* -1 not said */
    bool in_transaction;                 /* between BEGIN and COMMIT: CREATE TABLE ... SELECT */
    bool rolls_back_to;                  /* ROLLBACK TO SAVEPOINT */
    const char **dbs; /* databases that it changes, by the source's word; NULL: not said */
    unsigned n_dbs;
};

/*
 * What the decoder's owner does with what was found. Each returns false with err filled to
 * stop decoding. All pointers are borrowed for the call.
 */
struct decode_sink {
    void *ctx;
    /* A transaction (or a single DDL statement) begins. lsn and receive_us are 0. */
    bool (*begin)(void *ctx, const struct tx_begin *begin, struct err *err);
    /*
     * Which definition do rows under this map have? NULL in *table with true: rows of this
     * table are not wanted and are skipped undecoded. The owner compares map and definition.
     */
    bool (*resolve)(void *ctx, const struct table_map *map, const struct table **table,
                    struct err *err);
    bool (*change)(void *ctx, const struct change *change, struct err *err);
    /* Any text that is not transaction control: DDL, accounts, ROLLBACK TO SAVEPOINT, also changes
     * of rows that a session logged as statements (LOAD DATA included). */
    bool (*query)(void *ctx, const struct query_event *query, struct err *err);
    /* The transaction is complete; end is the position after it. */
    bool (*commit)(void *ctx, const struct position *end, struct err *err);
    /* The open transaction changed nothing. logged: by its own word, so that its GTID is used up;
     * else the source started anew in its middle, and the GTID may come again. */
    bool (*rollback)(void *ctx, const struct position *end, bool logged, struct err *err);
    /* Nothing but time and position: HEARTBEAT outside a transaction, ROTATE, PREVIOUS_GTIDS. */
    bool (*idle)(void *ctx, const struct position *at, uint64_t source_us, struct err *err);
};

struct decoder;

/* checksum: what was told to the server before the dump (true: CRC32), for the first fake
 * ROTATE; after that each FORMAT_DESCRIPTION says. sink is copied. event_bytes_max: larger
 * events (and larger inner events of a payload) are refused by name. */
struct decoder *decoder_new(const struct decode_sink *sink, bool checksum,
                            uint64_t event_bytes_max);
void decoder_free(struct decoder *d);
/* One whole event: 19-byte header to its checksum. Fails with ERR_DATA (bytes that make no
 * sense, things we refuse) or what the sink failed with; then the decoder is unusable. */
MUST_CHECK bool decoder_event(struct decoder *d, struct bytes event, struct err *err);
/* Inside a transaction (between begin and commit)? Then a reconnect must call rollback. */
bool decoder_in_transaction(const struct decoder *d);

#endif
