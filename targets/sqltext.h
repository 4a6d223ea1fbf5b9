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
 * Lexicographic comparison of the first n row-key columns with literals:
 * (a > x OR (a = x AND (b > y ...))). `op` is one of ">", ">=", "<", "<=". The redundant
 * a >= x is added for the optimizer (algorithms.md 1.7).
 */
void sql_put_key_compare(struct buf *b, const struct table *t, const char *op,
                         const struct value *key, uint32_t n, enum sql_dialect dialect);
/* row key IN/OR list: (a, b) = (x, y) OR ... for n rows of full images. */
void sql_put_key_in(struct buf *b, const struct table *t, const struct value *const *rows, size_t n,
                    enum sql_dialect dialect);

#endif
