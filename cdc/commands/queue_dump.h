/*
 * queue_dump.h - the records of a queue as JSON lines.
 *
 * {"record":"begin","lsn":7,"gtid":"…","commit":"…","received":"…"}
 * {"record":"change","lsn":7,"kind":"update","database":"shop","table":"item",
 *  "key_hash":"0123456789abcdef","columns":["price"],"before":{…},"after":{…}}
 * {"record":"ddl","lsn":8,"kind":"alter_table","database":"shop","tables":[…],"text":"…"}
 * {"record":"end","lsn":7,"file":"binlog.000003","offset":1234}
 *
 * before, after and text only with show_values. columns (of an update): those that differ.
 * Text that is not UTF-8 and bytes are {"hex":"…"}; a column that the image does not carry
 * is left out.
 */
#ifndef CDC_COMMANDS_QUEUE_DUMP_H
#define CDC_COMMANDS_QUEUE_DUMP_H

#include <stdio.h>

#include "cdc/queue/queue.h"

struct dump_options {
    uint64_t from;     /* first LSN, 0 = the oldest */
    uint64_t to;       /* last LSN, 0 = the published end */
    const char *table; /* "db.table" or NULL; transactions without it are left out */
    bool show_values;
};

/* Stops at the end that is published when it begins. Fails as the queue does; ERR_IO when
 * `out` cannot be written. */
MUST_CHECK bool queue_dump(const char *dir, const struct queue_options *options,
                           const struct dump_options *dump, FILE *out, struct err *err);

#endif
