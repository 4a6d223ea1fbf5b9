/*
 * sim_source.h - a source server in memory: definitions, rows, binlog, views, all from a seed.
 *
 * It stands behind cdc/source/driver.h and writes real binlog bytes, so that the product's
 * decoder, sink and engines run on it as they are. Beside that it remembers every row that ever
 * was with the transactions between which it lived: what a table held after transaction n is a
 * filter, not a replay. Foreign keys, the effect of DDL on rows and what a view shows are worked
 * out here anew and share nothing with the code that is tested.
 *
 * Transaction i has the GTID uuid:i (one uuid) from 1 on without gaps; the first ones, made by
 * sim_source_new(), create the tables and some rows. No clock, no thread: whatever is random
 * comes from the seed and the order of calls.
 */
#ifndef TESTS_SIM_SIM_SOURCE_H
#define TESTS_SIM_SIM_SOURCE_H

#include "cdc/capture/capture.h"
#include "cdc/source/source.h"
#include "schema/table.h"
#include "schema/value.h"

struct sim_source;

struct sim_shape {
    uint64_t seed;
    bool native_fk;       /* cascades happen in the engine, unlogged (info.native_fk); else the
                             source logs the children's rows, and flags all with 0x10 */
    bool ddl;             /* definitions change now and then */
    unsigned tables;      /* 2..5 */
    unsigned fk_levels;   /* 0..3 below the first table */
    const char *excluded; /* "db.name", which the mapping leaves out, or NULL; static */
};

struct sim_shape sim_shape_draw(uint64_t seed);

/* shape is copied. */
struct sim_source *sim_source_new(const struct sim_shape *shape);
void sim_source_free(struct sim_source *s); /* every connection is closed by then */
/* With .driver: the real source_connect() leads here. Lives as long as s; may be copied. */
const struct source_config *sim_source_config(struct sim_source *s);

/*
 * fn is called inside every slot of the driver (but close and stream_pending) before it does
 * anything, and once more between its steps where the world may move meanwhile (view_open). It may
 * commit and break. After it the slot looks whether its connection still lives.
 */
void sim_source_on_call(struct sim_source *s, void (*fn)(void *ctx), void *ctx);

/* One random transaction: 1..6 row changes, or one DDL statement. */
void sim_source_commit(struct sim_source *s);
/* Transactions so far: the number of the last one. */
uint64_t sim_source_count(const struct sim_source *s);
/* The number of a transaction by its GTID; 0: none, or not of this source. */
uint64_t sim_source_number(const struct sim_source *s, const struct gtid *gtid);

/*
 * stream_next hands out at most `events` more events (those that open a stream are not counted),
 * or as many as there are, then calls capture_stop(c), once; without a limit after that. A broken
 * connection does not end it.
 */
void sim_source_feed(struct sim_source *s, unsigned events, struct capture *c);

/* All connections die (each call on them fails with ERR_RETRY), their views end. */
void sim_source_break(struct sim_source *s);
/* down: connections die likewise, and no new one can be made until it is up again. */
void sim_source_down(struct sim_source *s, bool down);

/* ---- the model: what the tables hold after transaction n ---- */

/* false: no such table at n. *def lives as long as s. */
bool sim_source_table_at(const struct sim_source *s, uint64_t n, const char *db, const char *name,
                         const struct table **def);
/* Is what has the name after a still the same table after b (not made anew, renamed to it)? */
bool sim_source_same_table(const struct sim_source *s, uint64_t a, uint64_t b, const char *db,
                           const char *name);
/* Rows of def->n_columns values each, in no order; free(*rows), the values live as long as s. */
size_t sim_source_rows_at(const struct sim_source *s, uint64_t n, const char *db, const char *name,
                          const struct value ***rows);
/* The tables of n as {db, name}; free(*names), the texts live as long as s. */
size_t sim_source_names(const struct sim_source *s, uint64_t n, const char *(**names)[2]);

#endif
