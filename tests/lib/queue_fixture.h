/*
 * queue_fixture.h - transactions whose content follows from a seed and their LSN, so that a
 * reader of the queue can be judged without remembering what was written.
 */
#ifndef TESTS_LIB_QUEUE_FIXTURE_H
#define TESTS_LIB_QUEUE_FIXTURE_H

#include "cdc/queue/queue.h"

#define FIXTURE_COLUMNS 9 /* one for each way in which a value is kept */

struct fixture {
    uint64_t seed;
    unsigned changes_max; /* a transaction has 0 to this many */
    size_t value_bytes_max;
};

/* A table of FIXTURE_COLUMNS columns with a primary key. */
struct table *fixture_table(const char *db, const char *name);
/* shop.item and shop.order in a catalogue; free it. */
struct catalog *fixture_catalog(void);
struct queue_identity fixture_identity(void);
struct position fixture_position(uint64_t lsn);
struct gtid fixture_gtid(uint64_t lsn);

/* A queue with the fixture's catalogue, opened. */
struct queue *fixture_queue(const char *dir, const struct queue_options *options);
/* Begin, changes, finish of the next transaction; false with err when one of them fails (the
 * transaction is then aborted). */
MUST_CHECK bool fixture_write(const struct fixture *f, struct queue *q, uint64_t *lsn,
                              struct err *err);
/* Read one transaction and compare; fails the test when it is another or not whole. *got
 * false: none within timeout_ms. */
MUST_CHECK bool fixture_read(const struct fixture *f, struct queue_reader *r, uint64_t lsn,
                             unsigned timeout_ms, bool *got, struct err *err);

/* A new directory under /tmp; and its end, with the files in it. Both fail the test. */
char *fixture_dir(void);
void fixture_remove_dir(char *dir);

uint64_t fixture_random(uint64_t *state);

#endif
