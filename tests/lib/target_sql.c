#include "tests/lib/target_sql.h"

#include "targets/mariadb/mariadb.h"

bool target_query(struct target *t, const char *sql, target_row_fn *row, void *ctx, struct err *err)
{
    return maria_query(maria_of(t), bytes_str(sql), "query the target", row, ctx, err);
}
