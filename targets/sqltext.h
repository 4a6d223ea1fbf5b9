/*
 * sqltext.h - SQL names and literals. Nobody else quotes.
 *
 * Literals are exact: text in its own character set (introducer and quotes where the set is
 * safe inside utf8mb4 text, else introducer and hex), binary as x'..', floats with 17
 * digits, temporals quoted, ENUM/SET/BIT/YEAR as numbers. They are for sessions with NAMES
 * utf8mb4, backslash escapes on, and time_zone +00:00.
 */
#ifndef TARGETS_SQLTEXT_H
#define TARGETS_SQLTEXT_H

#include "schema/base/buf.h"
#include "schema/selection.h"
#include "schema/table.h"
#include "schema/value.h"

enum sql_dialect { SQL_MYSQL, SQL_MARIADB };

void sql_put_name(struct buf *b, const char *name);                  /* `na``me` */
void sql_put_table(struct buf *b, const char *db, const char *name); /* `db`.`name` */
void sql_put_string(struct buf *b, struct bytes utf8);               /* 'it''s', utf8mb4 */
void sql_put_hex(struct buf *b, struct bytes s);                     /* x'00ff', binary */
void sql_put_value(struct buf *b, const struct column *c, const struct value *v,
                   enum sql_dialect dialect);
/*
 * The condition of a selection, or nothing for all rows. A range is the full lexicographic
 * comparison, (a > x OR (a = x AND b >= y)), with a >= x beside it for the optimizer
 * (algorithms.md 1.7).
 */
void sql_put_selection(struct buf *b, const struct table *t, const struct selection *which,
                       enum sql_dialect dialect);
/* " WHERE " and the condition; nothing for all rows (which may be NULL). */
void sql_put_where(struct buf *b, const struct table *t, const struct selection *which,
                   enum sql_dialect dialect);
/* " ORDER BY " the row key, each column by its table: an alias may hide it. */
void sql_put_order(struct buf *b, const struct table *t);

#endif
