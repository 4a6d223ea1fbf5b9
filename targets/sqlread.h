/*
 * sqlread.h - columns asked for so that their text is exact, and that text as values.
 *
 * For sessions whose results come in the columns' own character sets (character_set_results
 * NULL). The text of a float is rounded, so it is asked for as a double (MySQL) or as the
 * bits inside a point (MariaDB); ENUM, SET, BIT and YEAR come as numbers.
 */
#ifndef TARGETS_SQLREAD_H
#define TARGETS_SQLREAD_H

#include "targets/sqltext.h"

/* The column in a list of SELECT. */
void sql_put_exact(struct buf *b, const struct column *c, enum sql_dialect dialect);
/*
 * What came back for it; data NULL is NULL. The value borrows the text. False: it is no text of
 * such a column.
 */
MUST_CHECK bool sql_read_exact(const struct column *c, struct bytes text, enum sql_dialect dialect,
                               struct value *out);

/* The columns of the row key, comma separated; and their texts into a full-width row whose other
 * columns are absent. ERR_DATA names a column that cannot be read, or is NULL. */
void sql_put_exact_key(struct buf *b, const struct table *t, enum sql_dialect dialect);
MUST_CHECK bool sql_read_exact_key(const struct table *t, const struct bytes *texts,
                                   enum sql_dialect dialect, struct value *row, struct err *err);

#endif
