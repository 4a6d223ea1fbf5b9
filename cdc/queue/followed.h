/*
 * followed.h - of which tables the queue holds rows, and from where on.
 *
 * Definitions of all tables are in the queue, rows only of those that the mapping of the capturing
 * process wants. When that mapping changes, a table's rows begin or end inside the queue; who
 * takes rows from the queue, or trusts a view of the source to be continued by it, asks here.
 */
#ifndef CDC_QUEUE_FOLLOWED_H
#define CDC_QUEUE_FOLLOWED_H

#include "schema/base/fs.h"
#include "schema/mapping/mapping.h"

struct followed;

#define FOLLOWED_NEVER UINT64_MAX

/*
 * The capturing process goes on behind lsn with this mapping; before it appends anything. Durable
 * when it returns.
 */
MUST_CHECK bool followed_note(const struct fs *fs, const char *dir, const struct mapping *mapping,
                              uint64_t lsn, struct err *err);

/*
 * *f NULL: read; else read again if the file changed (*changed says so, or that it is new).
 * Free with followed_free. A queue without the file holds rows of every table.
 */
MUST_CHECK bool followed_read(const struct fs *fs, const char *dir, struct followed **f,
                              bool *changed, struct err *err);
void followed_free(struct followed *f);

/* Every row change of the table behind this LSN is in the queue, as far as it goes;
 * FOLLOWED_NEVER: they are left out now. */
uint64_t followed_since(const struct followed *f, const char *db, const char *name);

#endif
