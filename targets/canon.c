#include "targets/canon.h"

#include <string.h>

#include "schema/types/types.h"
#include "targets/mariadb/ddl.h"

/* Any release of MariaDB: a character set that none of them has. */
#define MARIADB_NEWEST 999999

bool canon_has(const struct table *t, const struct column *c)
{
    return mariadb_column_is_written(t, c);
}

static void put_call(struct buf *b, const char *before, const struct column *c, const char *after)
{
    buf_put_str(b, before);
    sql_put_name(b, c->name);
    buf_put_str(b, after);
}

/* Bytes compare across servers only in a character set that both store. */
static bool is_converted(const struct column *c)
{
    bool differs;

    return c->charset && c->collation && strcmp(c->charset, "utf8mb4") != 0 &&
           !collation_for_mariadb(c->collation, MARIADB_NEWEST, &differs);
}

static void put_text(struct buf *b, const struct column *c, bool is_lob)
{
    const char *convert = is_converted(c) ? " USING utf8mb4)" : "";

    buf_put_str(b, is_lob ? "SHA2(" : "HEX(");
    put_call(b, *convert ? "CONVERT(" : "", c, convert);
    buf_put_str(b, is_lob ? ",256)" : ")");
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
        put_text(b, c, false);
        return;
    case COLUMN_TINYTEXT:
    case COLUMN_TEXT:
    case COLUMN_MEDIUMTEXT:
    case COLUMN_LONGTEXT:
        put_text(b, c, true);
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

void canon_put_hash(struct buf *b, const struct table *t, enum sql_dialect dialect)
{
    const char *comma = "";

    buf_put_str(b, "SHA2(CONCAT(''");
    for (uint32_t i = 0; i < t->n_columns; i++) {
        const struct column *c = &t->columns[i];

        if (!canon_has(t, c))
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
static void put_minus_zeros(struct buf *b, const struct table *t, enum sql_dialect dialect)
{
    buf_put_str(b, "0");
    for (uint32_t i = 0; i < t->n_columns && dialect == SQL_MYSQL; i++) {
        const struct column *c = &t->columns[i];

        if (!canon_has(t, c) || (c->type != COLUMN_FLOAT && c->type != COLUMN_DOUBLE))
            continue;
        put_call(b, "+IF(", c, "=0 AND ");
        put_call(b, "SUBSTR(HEX(POINT(", c, ",0)),33,2)='80',1,0)");
    }
}

void canon_put_sums(struct buf *b, const struct table *t, const char *where,
                    enum sql_dialect dialect)
{
    buf_put_str(b, "SELECT COUNT(*),COUNT(h),"
                   "COALESCE(SUM(CAST(CONV(LEFT(h,15),16,10) AS DECIMAL(20,0))),0),"
                   "COALESCE(SUM(CAST(CONV(SUBSTR(h,16,15),16,10) AS DECIMAL(20,0))),0),"
                   "COALESCE(SUM(z),0) FROM (SELECT ");
    canon_put_hash(b, t, dialect);
    buf_put_str(b, " AS h,");
    put_minus_zeros(b, t, dialect);
    buf_put_str(b, " AS z FROM ");
    sql_put_table(b, t->db, t->name);
    if (where && where[0])
        buf_putf(b, " WHERE %s", where);
    /* The limit keeps the server from merging the subquery and hashing each row twice. */
    buf_put_str(b, " LIMIT 18446744073709551615) AS rows_hashed");
}
