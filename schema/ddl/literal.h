/*
 * literal.h - SQL string literals and quoted names in MySQL's own spelling.
 */
#ifndef SCHEMA_DDL_LITERAL_H
#define SCHEMA_DDL_LITERAL_H

#include "schema/base/buf.h"

/* 'it''s' with \0 \n \r \\ escaped, as SHOW CREATE TABLE writes strings. */
void sql_literal_put(struct buf *b, struct bytes s);
/* `a``b` */
void sql_name_put(struct buf *b, const char *name);

#endif
