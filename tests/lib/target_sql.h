/*
 * target_sql.h - SQL text on a MariaDB target, for tests that set up and look behind the
 * interface, which carries none.
 */
#ifndef TESTS_LIB_TARGET_SQL_H
#define TESTS_LIB_TARGET_SQL_H

#include "targets/target.h"

typedef bool target_row_fn(void *ctx, const struct bytes *columns, unsigned n, struct err *err);
MUST_CHECK bool target_query(struct target *t, const char *sql, target_row_fn *row, void *ctx,
                             struct err *err);

#endif
