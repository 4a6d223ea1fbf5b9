/*
 * link.h - what the files of this folder share: one connection to the source.
 */
#ifndef CDC_SOURCE_LINK_H
#define CDC_SOURCE_LINK_H

#include <mysql.h>

#include "cdc/source/source.h"

struct source {
    MYSQL *mysql;
    struct source_info info;
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

/* Fill err from the connection's last error: number and SQLSTATE, never a server's text. */
void source_fail(struct source *s, const char *what, struct err *err);
/* Run a statement without a result. */
MUST_CHECK bool source_exec(struct source *s, const char *sql, struct err *err);
/* Let results come as the columns' own bytes (raw) or as utf8mb4. */
MUST_CHECK bool source_set_raw(struct source *s, bool raw, struct err *err);
/* source_query() whose results come raw. */
struct buf;
MUST_CHECK bool source_query_raw(struct source *s, const struct buf *sql, source_row_fn *row,
                                 void *ctx, struct err *err);

#endif
