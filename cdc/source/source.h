/*
 * source.h - the source server: connection, what it is, its binlog stream, its snapshots.
 *
 * The kinds of servers stand behind one table of operations (driver.h). No SQL and no number of a
 * server's error crosses it: `reason` says what its owner has to know.
 *
 * TLS is verified, always (CA and host name). Passwords come from file, environment or
 * command and are wiped after use. The source is only read. Server messages may quote data,
 * so errors carry number and SQLSTATE, and text only for errors of the dump command (1236).
 */
#ifndef CDC_SOURCE_SOURCE_H
#define CDC_SOURCE_SOURCE_H

#include "schema/base/bytes.h"
#include "schema/base/err.h"
#include "schema/change.h"
#include "schema/dialect.h"
#include "schema/place.h"
#include "schema/selection.h"
#include "targets/canon.h"

struct source_driver;

struct source_config {
    const struct source_driver *driver; /* NULL: by what the server is */
    const char *host;
    uint16_t port;
    const char *user;
    const char *password; /* resolved; "" if none */
    const char *tls_ca;   /* PEM file; required */
    uint32_t server_id;
    uint32_t connect_timeout_s; /* default 10 */
    uint32_t heartbeat_ms;      /* default 10000; the read timeout is three times that */
};

struct source; /* one connection, one thread */

MUST_CHECK bool source_connect(const struct source_config *config, struct source **out,
                               struct err *err);
void source_close(struct source *s);

/* What the server is and how it is set; all read in one go at connect. */
struct source_info {
    char version[128];
    struct dialect dialect;
    char server_uuid[37];
    bool log_bin;
    bool row_format;
    bool full_image;
    bool full_metadata;
    bool partial_json;
    bool gtid_on; /* gtid_mode=ON and enforce_gtid_consistency=ON */
    bool order_commits;
    bool native_fk; /* innodb_native_foreign_keys (9.6+), or a version before 9.6 */
    bool checksum_crc32;
    uint64_t max_allowed_packet;
    uint64_t binlog_expire_s; /* 0 = never */
};
const struct source_info *source_info(const struct source *s);

/* What is executed by now, without file and offset; the caller releases it. */
MUST_CHECK bool source_executed(struct source *s, struct place *out, struct err *err);
/* Binlog end: SHOW BINARY LOG STATUS. */
MUST_CHECK bool source_binlog_end(struct source *s, struct position *end, struct err *err);

/*
 * Does the binlog still hold what was read up to `end`? True also where that cannot be told
 * (file "", another server's files). A source that lost the end of its binlog (power cut without
 * sync_binlog=1, a backup put back, RESET) gives the lost GTIDs to other transactions: once it
 * has as many as before again its GTID set tells nothing; that its files do not reach to where
 * they were read does.
 */
MUST_CHECK bool source_reaches(struct source *s, const struct position *end, bool *reaches,
                               struct err *err);

/* ---- list.c: what there is; each list leaves out the server's own databases ---- */

struct source_table {
    const char *db, *name;
    uint64_t rows;      /* estimate of the server's statistics, 0 unknown */
    uint64_t row_bytes; /* average, 0 unknown */
};

/* Strings are borrowed for the call. Base tables come in order of (db, name). The callbacks
 * must not use this connection. */
typedef bool source_table_fn(void *ctx, const struct source_table *t, struct err *err);
MUST_CHECK bool source_list_tables(struct source *s, source_table_fn *fn, void *ctx,
                                   struct err *err);
/* Databases with their defaults; only: this one, or NULL for all. */
typedef bool source_database_fn(void *ctx, const char *db, const char *charset,
                                const char *collation, struct err *err);
MUST_CHECK bool source_list_databases(struct source *s, const char *only, source_database_fn *fn,
                                      void *ctx, struct err *err);
/* Views: what is the SELECT text. Programs: "trigger", "event", "procedure", "function". */
typedef bool source_object_fn(void *ctx, const char *what, const char *db, const char *name,
                              struct err *err);
MUST_CHECK bool source_list_views(struct source *s, source_object_fn *fn, void *ctx,
                                  struct err *err);
MUST_CHECK bool source_list_programs(struct source *s, source_object_fn *fn, void *ctx,
                                     struct err *err);
/* May the user read the binlog? */
MUST_CHECK bool source_may_stream(struct source *s, bool *may, struct err *err);

/* ---- stream.c: the binlog as a replica reads it; alone knows replication commands ---- */

/*
 * Turn the connection into a stream of events behind `executed` (COM_BINLOG_DUMP_GTID).
 * Fails with ERR_SERVER: a reason for each setting that does not fit ("row_image", ...), "purged"
 * (missing GTIDs named), "diverged" (we have more than the source), "privilege", "duplicate_id";
 * ERR_RETRY for lost connections.
 */
MUST_CHECK bool source_stream_start(struct source *s, const struct place *from, struct err *err);
/* Is more data waiting in the socket or in the client's buffer right now? */
bool source_stream_pending(struct source *s);
/*
 * Next event (header to checksum), borrowed until the next call. Waits at most timeout_ms:
 * then *event is empty and the result true. Looks at stop_requested().
 */
MUST_CHECK bool source_stream_next(struct source *s, unsigned timeout_ms, struct bytes *event,
                                   struct err *err);

/* ---- snapshot.c: consistent reads for load and validate ---- */

/*
 * A view bracketed between two places: it shows exactly the first j transactions of the
 * binlog, lo <= j <= hi (algorithms.md 1.1: order of commits on, checked at connect). A commit is
 * in the binlog first, then in new views, then among what is executed; so hi's GTIDs alone
 * are no upper bound, but together with those that were committing then they are. Its
 * position is one by itself, among the files of this server.
 */
struct source_view_bounds {
    struct place lo;         /* executed before the view */
    struct place hi;         /* executed after it, and the binlog's end then */
    struct place committing; /* begun to commit before hi was read, or about to */
};
void source_view_bounds_release(struct source_view_bounds *bounds); /* zeroed again */
/* START TRANSACTION WITH CONSISTENT SNAPSHOT, REPEATABLE READ, UTC, utf8mb4, read only. The caller
 * releases *bounds; after a failure there is nothing in it. */
MUST_CHECK bool source_view_open(struct source *s, struct source_view_bounds *bounds,
                                 struct err *err);
MUST_CHECK bool source_view_close(struct source *s, struct err *err);

/*
 * DDL that waits for a view to end keeps later readers of its table waiting, too: readers with
 * several views could wait for each other for ever. Waits for such locks end after seconds on
 * this connection; source_is_blocked() tells that error (or the DDL's own coming in between)
 * from others. The remedy is to close the view and to try again.
 */
MUST_CHECK bool source_bound_waits(struct source *s, struct err *err);
bool source_is_blocked(const struct err *err);

/* SHOW CREATE TABLE as a definition; inside a view it also pins the definition (metadata
 * lock). ERR_DATA reason "no_table" when it does not exist, ERR_RETRY reason
 * "table_changed" when DDL that touched the table's rows came between the view and this
 * call. DDL of metadata alone (RENAME COLUMN, SET DEFAULT, a comment, an ENUM member added at
 * the end) is not seen by the server: who needs to know compares with the catalogue. */
MUST_CHECK bool source_read_table(struct source *s, const char *db, const char *name,
                                  struct table **out, struct err *err);
/* Every base table of every non-system database that `wanted` says yes to, with databases'
 * default character sets, into the catalogue. */
struct catalog;
MUST_CHECK bool source_read_catalog(struct source *s,
                                    bool (*wanted)(void *ctx, const char *db, const char *name),
                                    void *ctx, struct catalog *catalog, struct err *err);

/*
 * Rows of a table in row-key order, decoded to exact values, one by one to `row` (n_columns
 * values, borrowed for the call; generated columns come too). which: NULL for all; order: by the
 * row key; limit 0 = none. Floats come exact. Unbuffered.
 */
typedef bool source_value_fn(void *ctx, const struct value *row, struct err *err);
MUST_CHECK bool source_read_rows(struct source *s, const struct table *t,
                                 const struct selection *which, bool order, uint64_t limit,
                                 source_value_fn *row, void *ctx, struct err *err);

/* The row key (n_row_key values, in the arena) that stands `rows` rows behind `from`, or behind
 * the first row when that is NULL; *key NULL: there are not so many. For cutting tables. */
MUST_CHECK bool source_read_bound(struct source *s, const struct table *t, const struct value *from,
                                  uint64_t rows, struct arena *arena, struct value **key,
                                  struct err *err);

/* The canonical hashes of rows (targets/canon.h), computed by the server. columns: n_columns
 * flags, which take part; which: NULL for all. */
MUST_CHECK bool source_read_sums(struct source *s, const struct table *t, const bool *columns,
                                 const struct selection *which, struct canon_sums *out,
                                 struct err *err);
/* One call of fn a row, in no order; fn must not use this connection. */
MUST_CHECK bool source_read_hashes(struct source *s, const struct table *t, const bool *columns,
                                   const struct selection *which, canon_hash_fn *fn, void *ctx,
                                   struct err *err);

#endif
