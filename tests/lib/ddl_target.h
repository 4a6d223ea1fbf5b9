/*
 * ddl_target.h - for ddl_model: a MariaDB that is told each change of definition.
 */
#ifndef TESTS_LIB_DDL_TARGET_H
#define TESTS_LIB_DDL_TARGET_H

#include <mysql.h>

#include "schema/catalog.h"
#include "schema/change.h"

struct ddl_target;

struct ddl_target *ddl_target_open(MYSQL *m); /* takes the connection */
void ddl_target_close(struct ddl_target *t);  /* NULL is good */
/* Say one statement's effects there and compare; prints and counts what is wrong. */
unsigned ddl_target_follow(struct ddl_target *t, const struct catalog *c, const struct ddl *ddl);
/* Insert a row of defaults into the emptied table on both sides and compare the literal ones. */
unsigned ddl_target_defaults(struct ddl_target *t, MYSQL *source, const struct table *table);

#endif
