/*
 * sink.h - what capture does with what the decoder found: it goes into the queue.
 */
#ifndef CDC_CAPTURE_SINK_H
#define CDC_CAPTURE_SINK_H

#include "cdc/decode/decode.h"
#include "cdc/queue/queue.h"
#include "schema/base/map.h"
#include "schema/cascade.h"
#include "schema/ddl/ddl.h"
#include "schema/mapping/mapping.h"

struct capture_sink {
    struct queue *queue;
    const struct mapping *mapping; /* whose rows go into the queue; borrowed */
    struct dialect dialect;        /* of the source; set at each connection */
    bool native_fk;                /* the source's engine cascades without logging it */
    struct cascade cascade;        /* on the queue's catalogue */
    struct map parents;            /* unwanted table to whether it cascades into a wanted one */
    bool has_parents;              /* in this transaction: rows of such a table */
    struct arena arena;            /* of one DDL statement */
    struct tx_begin begin;         /* of the last transaction */
    bool in_transaction;           /* the queue has an open transaction */
    uint64_t unsynced_since_us;    /* steady time of the first complete unsynced one, 0 none */
    struct position received;
    uint64_t source_us;
    uint64_t transactions, changes;
    uint64_t statements_passed; /* row changes as text that concern no copied database */
};

void capture_sink_init(struct capture_sink *s, struct queue *queue, const struct mapping *mapping);
void capture_sink_release(struct capture_sink *s);
struct decode_sink capture_sink_table(struct capture_sink *s);

/*
 * Replay a QUERY on a catalogue. DDL_IGNORED for everything without effect on tables (also
 * accounts, SAVEPOINT, statements of schema mysql). Shared with the reading of the schema at
 * the first start. Fails as ddl_replay(), or ERR_DATA for a client character set that cannot
 * be read.
 */
MUST_CHECK bool capture_replay(struct catalog *catalog, const struct dialect *dialect,
                               const struct query_event *q, struct arena *arena, struct ddl *out,
                               struct err *err);

#endif
