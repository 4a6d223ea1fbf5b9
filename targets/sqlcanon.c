#include "targets/sqlcanon.h"

#include <assert.h>

#include <stdlib.h>

#include "targets/sqlread.h"

#define HASH_DIGITS 16

static void put_call(struct buf *b, const char *before, const struct column *c, const char *after)
{
    buf_put_str(b, before);
    sql_put_name(b, c->name);
    buf_put_str(b, after);
}

/* The token of a column that is not NULL. */
static void put_token(struct buf *b, const struct column *c, enum sql_dialect dialect)
{
    switch (c->type) {
    case COLUMN_TINYINT:
    case COLUMN_SMALLINT:
    case COLUMN_MEDIUMINT:
    case COLUMN_INT:
    case COLUMN_BIGINT:
    case COLUMN_DECIMAL:
        /* + 0 takes the leading zeros of ZEROFILL away. */
        put_call(b, "CAST(", c, c->zerofill ? "+0 AS CHAR)" : " AS CHAR)");
        return;
    case COLUMN_FLOAT:
    case COLUMN_DOUBLE:
        put_call(b, "HEX(POINT(", c, "+0e0,0))");
        return;
    case COLUMN_BIT:
    case COLUMN_YEAR:
    case COLUMN_ENUM:
    case COLUMN_SET:
        put_call(b, "CAST(", c, "+0 AS CHAR)");
        return;
    case COLUMN_DATE:
    case COLUMN_TIME:
    case COLUMN_DATETIME:
    case COLUMN_TIMESTAMP:
        put_call(b, "CAST(", c, " AS CHAR)");
        return;
    case COLUMN_CHAR:
    case COLUMN_VARCHAR:
        put_call(b, "HEX(", c, ")");
        return;
    case COLUMN_TINYTEXT:
    case COLUMN_TEXT:
    case COLUMN_MEDIUMTEXT:
    case COLUMN_LONGTEXT:
        put_call(b, "SHA2(", c, ",256)");
        return;
    case COLUMN_BINARY:
    case COLUMN_VARBINARY:
        put_call(b, "HEX(", c, ")");
        return;
    case COLUMN_TINYBLOB:
    case COLUMN_BLOB:
    case COLUMN_MEDIUMBLOB:
    case COLUMN_LONGBLOB:
        put_call(b, "SHA2(", c, ",256)");
        return;
    case COLUMN_JSON:
        put_call(b, dialect == SQL_MYSQL ? "SHA2(CAST(" : "SHA2(", c,
                 dialect == SQL_MYSQL ? " AS CHAR),256)" : ",256)");
        return;
    case COLUMN_GEOMETRY:
    case COLUMN_VECTOR:
        put_call(b, "SHA2(CAST(", c, " AS BINARY),256)");
        return;
    }
}

/* SHA2 of the form: 64 hex digits. */
static void put_hash(struct buf *b, const struct table *t, const bool *columns,
                     enum sql_dialect dialect)
{
    const char *comma = "";

    buf_put_str(b, "SHA2(CONCAT(''");
    for (uint32_t i = 0; i < t->n_columns; i++) {
        const struct column *c = &t->columns[i];

        if (!columns[i])
            continue;
        buf_put_str(b, comma);
        put_call(b, ",IF(", c, " IS NULL,'N',");
        put_token(b, c, dialect);
        buf_put_str(b, ")");
        comma = ",','";
    }
    buf_put_str(b, "),256)");
}

/* The sign is the top bit of the last byte of x inside the point. */
static void put_minus_zeros(struct buf *b, const struct table *t, const bool *columns,
                            enum sql_dialect dialect)
{
    buf_put_str(b, "0");
    for (uint32_t i = 0; i < t->n_columns && dialect == SQL_MYSQL; i++) {
        const struct column *c = &t->columns[i];

        if (!columns[i] || (c->type != COLUMN_FLOAT && c->type != COLUMN_DOUBLE))
            continue;
        put_call(b, "+IF(", c, "=0 AND ");
        put_call(b, "SUBSTR(HEX(POINT(", c, ",0)),33,2)='80',1,0)");
    }
}

void sql_put_sums(struct buf *b, const struct table *t, const bool *columns,
                  const struct selection *which, enum sql_dialect dialect)
{
    buf_put_str(b, "SELECT COUNT(*),COUNT(h),"
                   "COALESCE(SUM(CAST(CONV(LEFT(h,15),16,10) AS DECIMAL(20,0))),0),"
                   "COALESCE(SUM(CAST(CONV(SUBSTR(h,16,15),16,10) AS DECIMAL(20,0))),0),"
                   "COALESCE(SUM(z),0) FROM (SELECT ");
    put_hash(b, t, columns, dialect);
    buf_put_str(b, " AS h,");
    put_minus_zeros(b, t, columns, dialect);
    buf_put_str(b, " AS z FROM ");
    sql_put_table(b, t->db, t->name);
    sql_put_where(b, t, which, dialect);
    /* The limit keeps the server from merging the subquery and hashing each row twice. */
    buf_put_str(b, " LIMIT 18446744073709551615) AS rows_hashed");
}

/* Decimal digits modulo 2^64. */
static uint64_t number(struct bytes text)
{
    uint64_t n = 0;

    for (size_t i = 0; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++)
        n = 10 * n + (uint64_t)(text.data[i] - '0');
    return n;
}

void sql_read_sums(const struct bytes texts[SQL_SUMS_COLUMNS], struct canon_sums *out)
{
    out->rows = number(texts[0]);
    out->hashed = number(texts[1]);
    out->high = number(texts[2]);
    out->low = number(texts[3]);
    out->minus_zeros = number(texts[4]);
}

void sql_put_hashes(struct buf *b, const struct table *t, const bool *columns,
                    const struct selection *which, enum sql_dialect dialect)
{
    buf_put_str(b, "SELECT ");
    sql_put_exact_key(b, t, dialect);
    buf_put_str(b, t->n_row_key ? ",LEFT(" : "LEFT(");
    put_hash(b, t, columns, dialect);
    buf_putf(b, ",%d) FROM ", HASH_DIGITS);
    sql_put_table(b, t->db, t->name);
    sql_put_where(b, t, which, dialect);
}

bool sql_read_hash(struct bytes text, uint64_t *hash)
{
    char hex[HASH_DIGITS + 1];

    if (text.len != HASH_DIGITS)
        return false;
    memcpy(hex, text.data, HASH_DIGITS);
    hex[HASH_DIGITS] = 0;
    *hash = strtoull(hex, NULL, 16);
    return true;
}

bool sql_take_sums(void *ctx, const struct bytes *columns, unsigned n, struct err *err)
{
    (void)err;
    assert(n == SQL_SUMS_COLUMNS);
    sql_read_sums(columns, ctx);
    return true;
}

bool sql_take_hash(void *ctx, const struct bytes *columns, unsigned n, struct err *err)
{
    struct sql_hash_reader *r = ctx;
    uint64_t hash;
    bool known = sql_read_hash(columns[n - 1], &hash);

    assert(n == r->table->n_row_key + 1);
    return sql_read_exact_key(r->table, columns, r->dialect, r->row, err) &&
           r->fn(r->ctx, r->row, known ? &hash : NULL, err);
}
