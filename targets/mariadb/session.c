#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "targets/mariadb/mariadb.h"

/*
 * Values arrive as they are (no strictness is lost, no zero becomes an id, no odd date is
 * judged; fractions of seconds are rounded where a definition loses digits, as MySQL does);
 * results come in the column's own character set. READ COMMITTED takes no gap
 * locks. Checks of the source are not repeated here.
 */
static const char session_sql[] =
    "SET NAMES utf8mb4;"
    "SET SESSION character_set_results=NULL, time_zone='+00:00', autocommit=1,"
    " sql_mode='STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,TIME_ROUND_FRACTIONAL,"
    "NO_ENGINE_SUBSTITUTION',"
    " foreign_key_checks=0, unique_checks=1, check_constraint_checks=0,"
    " innodb_lock_wait_timeout=20, lock_wait_timeout=60, sql_safe_updates=0,"
    " max_statement_time=0, net_read_timeout=600, net_write_timeout=600, wait_timeout=28800,"
    " sql_select_limit=18446744073709551615, sql_quote_show_create=1,"
    " explicit_defaults_for_timestamp=1;"
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";

bool maria_is_data_error(unsigned server_errno)
{
    static const unsigned numbers[] = {
        1022, 1048, 1062, 1118, 1153, 1169, 1264, 1265, 1292, 1300, 1366, 1367, 1406,
        1411, 1416, 1441, 1452, 1451, 1526, 1586, 1690, 1301, 3140, 4025, 4078,
    };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (numbers[i] == server_errno)
            return true;
    return false;
}

bool maria_is_table_error(unsigned server_errno)
{
    /* Unknown table or column, wrong column count, no right, read only, not a table, no default. */
    static const unsigned numbers[] = {1146, 1054, 1136, 1142, 1143, 1036, 1347, 1364, 1932};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (numbers[i] == server_errno)
            return true;
    return false;
}

/*
 * Connection gone (2026 is how a cut shows inside TLS), too many connections, shutdown,
 * network, lock waits and deadlocks, read-only (a failover in progress), killed, disk full.
 */
static bool is_transient(unsigned number)
{
    static const unsigned numbers[] = {
        2006, 2013, 2026, 2055, 1020, 1040, 1053, 1077, 1079, 1158, 1159, 1160, 1161, 1184,
        1189, 1190, 1205, 1206, 1213, 1290, 1836, 1317, 1880, 1927, 1969, 1021, 1114,
    };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (numbers[i] == number)
            return true;
    return false;
}

/* What callers may act on, in no server's numbers; "" for the rest. */
static const char *reason_of(unsigned number)
{
    switch (number) {
    case 1049: /* unknown database */
        return "no_database";
    case 1050:
        return "exists";
    case 1054:
        return "no_column";
    case 1061:
        return "key_exists";
    case 1062:
        return "duplicate_key";
    case 1146:
        return "no_table";
    default:
        return "";
    }
}

void maria_error(struct maria *t, struct err *err, const char *what)
{
    unsigned number = mysql_errno(t->my);
    enum err_kind kind = is_transient(number) ? ERR_RETRY : ERR_SERVER;

    err_server(err, kind, ERR_SIDE_TARGET, number, "%s: %s error %u (%s)", what,
               number >= 2000 && number < 3000 ? "client" : "server", number,
               mysql_sqlstate(t->my));
    snprintf(err->reason, sizeof(err->reason), "%s", reason_of(number));
}

static bool send_and_await(struct maria *t, struct bytes sql, const char *what, struct err *err)
{
    assert(!t->in_flight);
    if (mysql_send_query(t->my, (const char *)sql.data, sql.len) != 0) {
        maria_error(t, err, what);
        return false;
    }
    if (!maria_await(t, what, err))
        return false;
    if (mysql_read_query_result(t->my) != 0) {
        maria_error(t, err, what);
        return false;
    }
    return true;
}

/* Rows that nobody wants. */
static bool skip_rows(struct maria *t, MYSQL_RES *res, const char *what, struct err *err)
{
    bool ok = true;

    do
        ok = maria_await(t, what, err);
    while (ok && mysql_fetch_row(res) != NULL);
    return ok;
}

/* Read all results of what was sent; rows of the last one without columns. */
static bool drain(struct maria *t, const char *what, uint64_t *rows, struct err *err)
{
    for (;;) {
        MYSQL_RES *res = mysql_use_result(t->my);
        bool ok = !res || skip_rows(t, res, what, err);
        int more;

        mysql_free_result(res);
        if (!ok)
            return false;
        if (mysql_errno(t->my)) {
            maria_error(t, err, what);
            return false;
        }
        *rows = mysql_affected_rows(t->my);
        if (mysql_more_results(t->my) && !maria_await(t, what, err))
            return false;
        more = mysql_next_result(t->my);
        if (more > 0) {
            maria_error(t, err, what);
            return false;
        }
        if (more < 0)
            return true;
    }
}

static bool change(struct maria *t, struct bytes sql, const char *what, uint64_t *rows,
                   struct err *err)
{
    return send_and_await(t, sql, what, err) && drain(t, what, rows, err);
}

bool maria_change(struct maria *t, struct bytes sql, const char *what, uint64_t *rows,
                  struct err *err)
{
    return maria_permit(t, err) && change(t, sql, what, rows, err);
}

bool maria_run(struct maria *t, struct bytes sql, const char *what, struct err *err)
{
    uint64_t rows;

    return maria_change(t, sql, what, &rows, err);
}

bool maria_run_str(struct maria *t, const char *sql, const char *what, struct err *err)
{
    return maria_run(t, bytes_str(sql), what, err);
}

static bool give_rows(struct maria *t, MYSQL_RES *res, const char *what, maria_row_fn *fn,
                      void *ctx, struct err *err)
{
    unsigned n = mysql_num_fields(res);
    struct bytes *columns = calloc(n ? n : 1, sizeof(*columns));
    bool ok = columns != NULL;
    MYSQL_ROW row;

    if (!ok)
        err_set(err, ERR_IO, "no memory for a row");
    while (ok && (ok = maria_await(t, what, err)) && (row = mysql_fetch_row(res)) != NULL) {
        unsigned long *lengths = mysql_fetch_lengths(res);

        for (unsigned i = 0; i < n; i++)
            columns[i] = bytes_of(row[i], row[i] ? lengths[i] : 0);
        ok = fn(ctx, columns, n, err);
    }
    free(columns);
    return ok;
}

bool maria_ask(struct maria *t, struct bytes sql, const char *what, maria_row_fn *fn, void *ctx,
               struct err *err)
{
    MYSQL_RES *res;
    bool ok;

    if (!send_and_await(t, sql, what, err))
        return false;
    res = mysql_use_result(t->my);
    if (!res) {
        if (mysql_errno(t->my) == 0)
            return true;
        maria_error(t, err, what);
        return false;
    }
    ok = give_rows(t, res, what, fn, ctx, err);
    if (ok && mysql_errno(t->my)) {
        maria_error(t, err, what);
        ok = false;
    }
    mysql_free_result(res);
    return ok;
}

bool maria_query(struct maria *t, struct bytes sql, const char *what, maria_row_fn *fn, void *ctx,
                 struct err *err)
{
    return maria_permit(t, err) && maria_ask(t, sql, what, fn, ctx, err);
}

bool maria_commit(struct maria *t, struct err *err)
{
    if (!maria_run_str(t, "COMMIT", "commit on the target", err))
        return false;
    t->in_transaction = false;
    return true;
}

void maria_rollback(struct maria *t)
{
    struct err ignored;
    uint64_t rows;

    t->in_transaction = false;
    /* Without a permit too: it takes back. On a dead connection the server does so by itself. */
    if (!change(t, bytes_str("ROLLBACK"), "roll back on the target", &rows, &ignored))
        return;
}

struct session_facts {
    struct maria *t;
    bool got;
};

static bool read_info(void *ctx, const struct bytes *c, unsigned n, struct err *err)
{
    struct session_facts *facts = ctx;
    struct maria *t = facts->t;
    struct target_info *info = &t->base.info;
    unsigned major = 0;
    unsigned minor = 0;
    unsigned patch = 0;

    (void)err;
    assert(n == 4);
    snprintf(info->version, sizeof(info->version), "%.*s", (int)c[0].len, (const char *)c[0].data);
    if (sscanf(info->version, "%u.%u.%u", &major, &minor, &patch) == 3)
        info->version_number = major * 10000 + minor * 100 + patch;
    info->row_bytes_max = strtoull((const char *)c[1].data, NULL, 10);
    t->lower_case_table_names = (int)strtol((const char *)c[2].data, NULL, 10);
    t->read_only = c[3].len == 1 && c[3].data[0] == '1';
    facts->got = true;
    return true;
}

bool maria_session(struct maria *t, struct err *err)
{
    static const char facts_sql[] =
        "SELECT @@version, @@session.max_allowed_packet, @@lower_case_table_names, @@read_only";
    struct session_facts facts = {t, false};

    if (!maria_query(t, bytes_str(facts_sql), "read the target's settings", read_info, &facts, err))
        return false;
    if (!strstr(t->base.info.version, "MariaDB") ||
        t->base.info.version_number < MARIADB_VERSION_MIN) {
        err_server(err, ERR_CONFIG, ERR_SIDE_TARGET, 0,
                   "target is not MariaDB 10.6.9 or newer (%s)", t->base.info.version);
        return false;
    }
    return maria_run_str(t, session_sql, "set the target's session up", err);
}
