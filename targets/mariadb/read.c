/*
 * read.c - values of the target, exact, in the terms of the source's definition; their hashes.
 *
 * Results come in the column's own character set (character_set_results is NULL), which is the
 * source's.
 */
#include <assert.h>
#include <stdlib.h>

#include "schema/base/xalloc.h"
#include "targets/mariadb/ddl.h"
#include "targets/mariadb/mariadb.h"
#include "targets/sqlcanon.h"
#include "targets/sqlread.h"

bool mariadb_view_open(struct target *target, struct err *err)
{
    struct maria *t = maria_of(target);
    return maria_run_str(t,
                         "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;"
                         "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
                         "open a view on the target", err);
}

bool mariadb_view_close(struct target *target, struct err *err)
{
    struct maria *t = maria_of(target);
    return maria_run_str(t, "ROLLBACK", "close the view on the target", err);
}

void mariadb_columns(const struct target *target, const struct table *table, bool *columns)
{
    (void)target;
    for (uint32_t i = 0; i < table->n_columns; i++)
        columns[i] = mariadb_column_is_written(table, &table->columns[i]);
}

static void put_select(struct buf *b, const struct table *t, const bool *written,
                       const struct selection *which, bool order, uint64_t limit)
{
    const char *comma = "SELECT ";

    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (!written[i])
            continue;
        buf_put_str(b, comma);
        sql_put_exact(b, &t->columns[i], SQL_MARIADB);
        comma = ",";
    }
    buf_put_str(b, *comma == ',' ? " FROM " : "SELECT 1 FROM ");
    sql_put_table(b, t->db, t->name);
    sql_put_where(b, t, which, SQL_MARIADB);
    if (order)
        sql_put_order(b, t);
    if (limit)
        buf_putf(b, " LIMIT %llu", (unsigned long long)limit);
}

struct row_reader {
    const struct table *table;
    bool *written;
    struct value *row;
    target_value_fn *fn;
    void *ctx;
};

static bool read_row(void *ctx, const struct bytes *columns, unsigned n, struct err *err)
{
    struct row_reader *r = ctx;
    unsigned at = 0;

    for (uint32_t i = 0; i < r->table->n_columns; i++) {
        const struct column *c = &r->table->columns[i];

        r->row[i].kind = VALUE_ABSENT;
        if (!r->written[i])
            continue;
        assert(at < n);
        if (!sql_read_exact(c, columns[at++], SQL_MARIADB, &r->row[i])) {
            err_set(err, ERR_DATA, "column %s of table %s.%s on the target is not what it was made",
                    c->name, r->table->db, r->table->name);
            return false;
        }
    }
    return r->fn(r->ctx, r->row, err);
}

bool mariadb_read_rows(struct target *target, const struct table *table,
                       const struct selection *which, bool order, uint64_t limit,
                       target_value_fn *row, void *ctx, struct err *err)
{
    struct maria *t = maria_of(target);
    struct buf sql = BUF_INIT;
    struct row_reader r = {.table = table, .fn = row, .ctx = ctx};
    bool ok;

    r.row = xcalloc(table->n_columns + 1, sizeof(*r.row));
    r.written = xcalloc(table->n_columns + 1, sizeof(*r.written));
    mariadb_columns(target, table, r.written);
    put_select(&sql, table, r.written, which, order, limit);
    ok = maria_query(t, buf_bytes(&sql), "read rows of the target", read_row, &r, err);
    if (!ok)
        err_context(err, "table %s.%s", table->db, table->name);
    free(r.row);
    free(r.written);
    buf_release(&sql);
    return ok;
}

bool mariadb_read_sums(struct target *target, const struct table *table,
                       const struct selection *which, struct canon_sums *out, struct err *err)
{
    bool *columns = xcalloc(table->n_columns + 1, sizeof(*columns));
    struct buf sql = BUF_INIT;
    bool ok;

    mariadb_columns(target, table, columns);
    sql_put_sums(&sql, table, columns, which, SQL_MARIADB);
    ok = maria_query(maria_of(target), buf_bytes(&sql), "hash rows of the target", sql_take_sums,
                     out, err);
    free(columns);
    buf_release(&sql);
    return ok;
}

bool mariadb_read_hashes(struct target *target, const struct table *table,
                         const struct selection *which, canon_hash_fn *fn, void *ctx,
                         struct err *err)
{
    struct sql_hash_reader r = {table, SQL_MARIADB, xcalloc(table->n_columns + 1, sizeof(*r.row)),
                                fn, ctx};
    bool *columns = xcalloc(table->n_columns + 1, sizeof(*columns));
    struct buf sql = BUF_INIT;
    bool ok;

    mariadb_columns(target, table, columns);
    sql_put_hashes(&sql, table, columns, which, SQL_MARIADB);
    ok = maria_query(maria_of(target), buf_bytes(&sql), "hash rows of the target", sql_take_hash,
                     &r, err);
    free(r.row);
    free(columns);
    buf_release(&sql);
    return ok;
}
