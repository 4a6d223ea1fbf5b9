/*
 * select.c - rows of a table by SELECT, to the same values as its binlog gives; and their
 * hashes, computed by the server.
 */
#include <assert.h>
#include <mysql.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "cdc/source/mysql/link.h"
#include "schema/base/buf.h"
#include "schema/base/xalloc.h"
#include "targets/sqlcanon.h"
#include "targets/sqlread.h"

#define DRAIN_ROWS_MAX 10000

static void put_select(struct buf *b, const struct table *t, const struct selection *which,
                       bool order, uint64_t limit)
{
    buf_put_str(b, "SELECT ");
    for (uint32_t i = 0; i < t->n_columns; i++) {
        buf_put_str(b, i ? "," : "");
        sql_put_exact(b, &t->columns[i], SQL_MYSQL);
    }
    buf_put_str(b, " FROM ");
    sql_put_table(b, t->db, t->name);
    sql_put_where(b, t, which, SQL_MYSQL);
    if (order)
        sql_put_order(b, t);
    if (limit > 0)
        buf_putf(b, " LIMIT %llu", (unsigned long long)limit);
}

static bool read_row(const struct table *t, MYSQL_ROW r, const unsigned long *lengths,
                     struct value *out, struct err *err)
{
    for (uint32_t i = 0; i < t->n_columns; i++) {
        struct bytes text = bytes_of(r[i], r[i] ? lengths[i] : 0);

        if (!sql_read_exact(&t->columns[i], text, SQL_MYSQL, &out[i])) {
            err_set(err, ERR_DATA, "a value of column %s of %s.%s cannot be read",
                    t->columns[i].name, t->db, t->name);
            return false;
        }
    }
    return true;
}

/* Rows nobody wants: a few are read away, a long rest costs the connection instead. */
static void drop_rest(struct link *s, MYSQL_RES *res)
{
    for (int i = 0; i < DRAIN_ROWS_MAX; i++)
        if (!mysql_fetch_row(res))
            return;
    shutdown((int)mysql_get_socket(s->mysql), SHUT_RDWR);
}

static bool hand_rows(struct link *s, const struct table *t, MYSQL_RES *res, source_value_fn *row,
                      void *ctx, struct err *err)
{
    struct value *values;
    MYSQL_ROW r;
    bool ok = true;

    if (mysql_num_fields(res) != t->n_columns) {
        err_set(err, ERR_DATA, "%s.%s answers with %u columns instead of %u", t->db, t->name,
                mysql_num_fields(res), t->n_columns);
        return false;
    }
    values = xcalloc(t->n_columns, sizeof(*values));
    while (ok && (r = mysql_fetch_row(res)))
        ok = read_row(t, r, mysql_fetch_lengths(res), values, err) && row(ctx, values, err);
    if (ok && mysql_errno(s->mysql)) {
        link_fail(s, "read rows", err);
        err_context(err, "%s.%s", t->db, t->name);
        ok = false;
    } else if (!ok) {
        drop_rest(s, res);
    }
    free(values);
    return ok;
}

bool link_read_rows(struct source *base, const struct table *t, const struct selection *which,
                    bool order, uint64_t limit, source_value_fn *row, void *ctx, struct err *err)
{
    struct link *s = link_of(base);
    struct buf sql = BUF_INIT;
    MYSQL_RES *res;
    bool ok = false;

    put_select(&sql, t, which, order, limit);
    if (!link_set_raw(s, true, err))
        goto done;
    if (mysql_real_query(s->mysql, (const char *)sql.data, sql.len) != 0 ||
        !(res = mysql_use_result(s->mysql))) {
        link_fail(s, "read rows", err);
        err_context(err, "%s.%s", t->db, t->name);
        goto done;
    }
    ok = hand_rows(s, t, res, row, ctx, err);
    mysql_free_result(res);
done:
    buf_release(&sql);
    return ok;
}

bool link_read_sums(struct source *base, const struct table *t, const bool *columns,
                    const struct selection *which, struct canon_sums *out, struct err *err)
{
    struct link *s = link_of(base);
    struct buf sql = BUF_INIT;
    bool ok;

    sql_put_sums(&sql, t, columns, which, SQL_MYSQL);
    ok = link_query_raw(s, &sql, sql_take_sums, out, err);
    buf_release(&sql);
    return ok;
}

bool link_read_hashes(struct source *base, const struct table *t, const bool *columns,
                      const struct selection *which, canon_hash_fn *fn, void *ctx, struct err *err)
{
    struct link *s = link_of(base);
    struct sql_hash_reader r = {t, SQL_MYSQL, xcalloc(t->n_columns + 1, sizeof(*r.row)), fn, ctx};
    struct buf sql = BUF_INIT;
    bool ok;

    sql_put_hashes(&sql, t, columns, which, SQL_MYSQL);
    ok = link_query_raw(s, &sql, sql_take_hash, &r, err);
    free(r.row);
    buf_release(&sql);
    return ok;
}

struct bound {
    const struct table *table;
    struct arena *arena;
    struct value *row; /* room for a full-width row */
    struct value *key; /* NULL: none */
};

static bool take_bound(void *ctx, const struct bytes *columns, unsigned n, struct err *err)
{
    struct bound *b = ctx;
    const struct table *t = b->table;

    assert(n == t->n_row_key);
    if (!sql_read_exact_key(t, columns, SQL_MYSQL, b->row, err))
        return false;
    b->key = arena_alloc(b->arena, n * sizeof(*b->key));
    for (uint32_t i = 0; i < t->n_row_key; i++)
        b->key[i] = value_copy(b->arena, &b->row[t->row_key[i]]);
    return true;
}

static void put_bound(struct buf *sql, const struct table *t, const struct value *from,
                      uint64_t rows)
{
    struct selection behind = {.low = from};

    buf_reset(sql);
    buf_put_str(sql, "SELECT ");
    sql_put_exact_key(sql, t, SQL_MYSQL);
    buf_put_str(sql, " FROM ");
    sql_put_table(sql, t->db, t->name);
    sql_put_where(sql, t, &behind, SQL_MYSQL);
    sql_put_order(sql, t);
    buf_putf(sql, " LIMIT 1 OFFSET %llu", (unsigned long long)rows);
}

bool link_read_bound(struct source *base, const struct table *t, const struct value *from,
                     uint64_t rows, struct arena *arena, struct value **key, struct err *err)
{
    struct bound b = {t, arena, xcalloc(t->n_columns + 1, sizeof(*b.row)), NULL};
    struct buf sql = BUF_INIT;
    bool ok;

    put_bound(&sql, t, from, rows);
    ok = link_query_raw(link_of(base), &sql, take_bound, &b, err);
    *key = b.key;
    free(b.row);
    buf_release(&sql);
    return ok;
}
