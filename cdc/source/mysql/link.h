/*
 * link.h - what the files of the MySQL source share: one connection.
 *
 * connect.c opens it and reads what the server is, stream.c reads the binlog, snapshot.c views and
 * definitions, select.c rows, list.c the dictionary. Only this room speaks SQL to a source.
 */
#ifndef CDC_SOURCE_MYSQL_LINK_H
#define CDC_SOURCE_MYSQL_LINK_H

#include <mysql.h>

#include "cdc/source/driver.h"

struct link {
    struct source base;
    MYSQL *mysql;
    uint32_t server_id;
    uint32_t heartbeat_ms;
    bool raw_results; /* character_set_results is NULL: bytes as the columns hold them */
    bool in_view;
    /* stream.c */
    bool streaming;
    bool has_first;
    struct bytes first;     /* event that came with the answer to the dump command */
    uint64_t last_heard_us; /* steady clock */
};

static inline struct link *link_of(struct source *base)
{
    return (struct link *)base;
}

/* Fill err from the connection's last error: number and SQLSTATE, never a server's text. */
void link_fail(struct link *s, const char *what, struct err *err);
/* Run a statement without a result. */
MUST_CHECK bool link_exec(struct link *s, const char *sql, struct err *err);
/* Let results come as the columns' own bytes (raw) or as utf8mb4. */
MUST_CHECK bool link_set_raw(struct link *s, bool raw, struct err *err);
/*
 * Run one query and hand each row to `row` (text protocol, NULL column = data NULL; borrowed
 * for the call; return false to stop with err). For metadata and checks: the result is not
 * buffered, so `row` must not use this connection. row may be NULL for statements.
 */
typedef bool link_row_fn(void *ctx, const struct bytes *columns, unsigned n, struct err *err);
MUST_CHECK bool link_query(struct link *s, const char *sql, link_row_fn *row, void *ctx,
                           struct err *err);
/* First column of the first row as a C string, free() it; NULL in *out for no row or NULL. */
MUST_CHECK bool link_query_one(struct link *s, const char *sql, char **out, struct err *err);
/* link_query() whose results come raw. */
struct buf;
MUST_CHECK bool link_query_raw(struct link *s, const struct buf *sql, link_row_fn *row, void *ctx,
                               struct err *err);

/* The slots, by file. */
MUST_CHECK bool link_executed(struct source *base, struct place *out, struct err *err);
MUST_CHECK bool link_binlog_end(struct source *base, struct position *end, struct err *err);
MUST_CHECK bool link_reaches(struct source *base, const struct position *end, bool *reaches,
                             struct err *err);
MUST_CHECK bool link_list_tables(struct source *base, source_table_fn *fn, void *ctx,
                                 struct err *err);
MUST_CHECK bool link_list_databases(struct source *base, const char *only, source_database_fn *fn,
                                    void *ctx, struct err *err);
MUST_CHECK bool link_list_views(struct source *base, source_object_fn *fn, void *ctx,
                                struct err *err);
MUST_CHECK bool link_list_programs(struct source *base, source_object_fn *fn, void *ctx,
                                   struct err *err);
MUST_CHECK bool link_may_stream(struct source *base, bool *may, struct err *err);
MUST_CHECK bool link_stream_start(struct source *base, const struct place *from, struct err *err);
bool link_stream_pending(struct source *base);
MUST_CHECK bool link_stream_next(struct source *base, unsigned timeout_ms, struct bytes *event,
                                 struct err *err);
MUST_CHECK bool link_view_open(struct source *base, struct source_view_bounds *bounds,
                               struct err *err);
MUST_CHECK bool link_view_close(struct source *base, struct err *err);
MUST_CHECK bool link_read_table(struct source *base, const char *db, const char *name,
                                struct table **out, struct err *err);
MUST_CHECK bool link_read_rows(struct source *base, const struct table *t,
                               const struct selection *which, bool order, uint64_t limit,
                               source_value_fn *row, void *ctx, struct err *err);
MUST_CHECK bool link_read_sums(struct source *base, const struct table *t, const bool *columns,
                               const struct selection *which, struct canon_sums *out,
                               struct err *err);
MUST_CHECK bool link_read_hashes(struct source *base, const struct table *t, const bool *columns,
                                 const struct selection *which, canon_hash_fn *fn, void *ctx,
                                 struct err *err);
MUST_CHECK bool link_bound_waits(struct source *base, struct err *err);
MUST_CHECK bool link_read_bound(struct source *base, const struct table *t,
                                const struct value *from, uint64_t rows, struct arena *arena,
                                struct value **key, struct err *err);

#endif
