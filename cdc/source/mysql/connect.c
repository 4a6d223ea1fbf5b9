/*
 * connect.c - a connection to the source, and what is found there.
 *
 * Over TCP and TLS only, verified before the login (targets/sqllogin.h). A session is
 * exact: UTC, no sql_mode, utf8mb4.
 */
#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/source/mysql/link.h"
#include "cdc/source/mysql/mysql.h"
#include "schema/base/buf.h"
#include "schema/base/xalloc.h"
#include "schema/types/types.h"
#include "targets/sqllogin.h"

#define CONNECT_TIMEOUT_S 10
#define HEARTBEAT_MS 10000
#define IO_TIMEOUT_S 600 /* a statement may think this long before its first row */
#define VERSION_GIPK 80030
#define VERSION_LOGS_CASCADES 90600
#define VERSION_STATUS_RENAMED 80200

static bool is_transient(unsigned number)
{
    switch (number) {
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
    case CR_UNKNOWN_HOST:
    case CR_SERVER_GONE_ERROR:
    case CR_SERVER_LOST:
    case CR_SERVER_LOST_EXTENDED:
    case CR_MALFORMED_PACKET:
    case ER_CON_COUNT_ERROR:
    case ER_OUT_OF_RESOURCES:
    case ER_SERVER_SHUTDOWN:
    case ER_NORMAL_SHUTDOWN:
    case ER_NET_READ_ERROR:
    case ER_NET_READ_INTERRUPTED:
    case ER_NET_ERROR_ON_WRITE:
    case ER_NET_WRITE_INTERRUPTED:
    case ER_LOCK_WAIT_TIMEOUT:
    case ER_LOCK_DEADLOCK:
    case ER_QUERY_INTERRUPTED:
        return true;
    default:
        return false;
    }
}

static const char *reason_of(unsigned number)
{
    switch (number) {
    case ER_ACCESS_DENIED_ERROR:
    case ER_ACCESS_DENIED_NO_PASSWORD_ERROR:
        return "access";
    case ER_SPECIFIC_ACCESS_DENIED_ERROR:
    case ER_TABLEACCESS_DENIED_ERROR:
    case ER_COLUMNACCESS_DENIED_ERROR:
    case ER_DBACCESS_DENIED_ERROR:
        return "privilege";
    case ER_NO_SUCH_TABLE:
    case ER_BAD_DB_ERROR:
        return "no_table";
    case ER_TABLE_DEF_CHANGED:
        return "table_changed";
    case ER_LOCK_WAIT_TIMEOUT:
        return "lock_wait";
    case CR_SSL_CONNECTION_ERROR:
        return "tls";
    default:
        return "";
    }
}

/* One number stands for every TLS failure, also for a server that dies in a handshake. */
static bool is_lasting_tls(const char *text)
{
    static const char *const parts[] = {"certificate",       "verif",           "No such file",
                                        "Permission denied", "SSL is required", "cipher",
                                        "handshake failure", "version"};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (strstr(text, parts[i]))
            return true;
    return false;
}

static enum err_kind kind_of(unsigned number, const char *text)
{
    switch (number) {
    case CR_SSL_CONNECTION_ERROR:
        return is_lasting_tls(text) ? ERR_SERVER : ERR_RETRY;
    case ER_NO_SUCH_TABLE:
    case ER_BAD_DB_ERROR:
        return ERR_DATA;
    case ER_TABLE_DEF_CHANGED:
        return ERR_RETRY;
    default:
        return is_transient(number) ? ERR_RETRY : ERR_SERVER;
    }
}

void link_fail(struct link *s, const char *what, struct err *err)
{
    unsigned number = mysql_errno(s->mysql);
    enum err_kind kind = kind_of(number, mysql_error(s->mysql));

    /* The client library's own texts (2000 to 2999) hold no row values. */
    if (number >= CR_MIN_ERROR && number < 3000)
        err_server(err, kind, ERR_SIDE_SOURCE, number, "%s: %s", what, mysql_error(s->mysql));
    else
        err_server(err, kind, ERR_SIDE_SOURCE, number,
                   "%s: the source answered with error %u (SQLSTATE %s)", what, number,
                   mysql_sqlstate(s->mysql));
    snprintf(err->reason, sizeof(err->reason), "%s", reason_of(number));
}

bool link_exec(struct link *s, const char *sql, struct err *err)
{
    return link_query(s, sql, NULL, NULL, err);
}

bool link_set_raw(struct link *s, bool raw, struct err *err)
{
    const char *sql =
        raw ? "SET character_set_results = NULL" : "SET character_set_results = utf8mb4";

    if (s->raw_results == raw)
        return true;
    if (mysql_query(s->mysql, sql) != 0) {
        link_fail(s, "set the character set of results", err);
        return false;
    }
    s->raw_results = raw;
    return true;
}

/* What a person can do about a connection that does not come to be. */
static const char *connect_remedy(unsigned number)
{
    switch (number) {
    case ER_ACCESS_DENIED_ERROR:
    case ER_ACCESS_DENIED_NO_PASSWORD_ERROR:
        return "; check source.user, its password and the host that it may come from";
    case CR_SSL_CONNECTION_ERROR:
        return "; check source.tls.ca and that source.host is a name in the certificate";
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
    case CR_UNKNOWN_HOST:
        return "; check source.host, source.port and that the server runs";
    default:
        return "";
    }
}

static void connect_fail(struct link *s, const struct source_config *config,
                         const struct login *login, struct err *err)
{
    const char *remedy = login_remedy(login, mysql_errno(s->mysql));
    char what[400];
    size_t used;

    snprintf(what, sizeof(what), "connect to source %.250s port %u as %.80s", config->host,
             config->port, config->user);
    link_fail(s, what, err);
    used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, "%s",
             remedy ? remedy : connect_remedy(mysql_errno(s->mysql)));
}

static bool connect_socket(struct link *s, const struct source_config *config, struct err *err)
{
    struct login login = {
        .host = config->host,
        .password = config->password ? config->password : "",
        .ca = config->tls_ca,
        .connect_timeout_s =
            config->connect_timeout_s ? config->connect_timeout_s : CONNECT_TIMEOUT_S,
        .io_timeout_s = IO_TIMEOUT_S,
    };

    if (!config->tls_ca || !config->tls_ca[0]) {
        err_reason(err, ERR_CONFIG, "tls_ca", "source.tls.ca names no file of authorities");
        return false;
    }
    if (!login_prepare(s->mysql, &login)) {
        err_set(err, ERR_CONFIG, "the client library refused a connection option");
        return false;
    }
    if (!mysql_real_connect(s->mysql, config->host, config->user, "", NULL, config->port, NULL,
                            0)) {
        connect_fail(s, config, &login, err);
        return false;
    }
    login_keep(s->mysql);
    if (!login_is_verified(s->mysql, config->host, NULL)) {
        err_reason(err, ERR_SERVER, "tls", "the certificate of the source is not valid for host %s",
                   config->host);
        err->side = ERR_SIDE_SOURCE;
        return false;
    }
    return true;
}

static void put_text(char *out, size_t size, struct bytes v)
{
    snprintf(out, size, "%.*s", (int)v.len, v.data ? (const char *)v.data : "");
}

static bool is_on(const char *v)
{
    return strcasecmp(v, "ON") == 0 || strcmp(v, "1") == 0;
}

struct found {
    struct source_info *info;
    bool gtid_mode;
    bool enforce_gtid;
};

/* One row of SHOW GLOBAL VARIABLES; which exist depends on the version. */
static bool note_variable(void *ctx, const struct bytes *columns, unsigned n, struct err *err)
{
    struct found *f = ctx;
    struct source_info *i = f->info;
    char name[64];
    char value[256];

    (void)err;
    if (n < 2)
        return true;
    put_text(name, sizeof(name), columns[0]);
    put_text(value, sizeof(value), columns[1]);
    if (strcmp(name, "server_uuid") == 0)
        snprintf(i->server_uuid, sizeof(i->server_uuid), "%.36s", value);
    else if (strcmp(name, "log_bin") == 0)
        i->log_bin = is_on(value);
    else if (strcmp(name, "binlog_format") == 0)
        i->row_format = strcmp(value, "ROW") == 0;
    else if (strcmp(name, "binlog_row_image") == 0)
        i->full_image = strcasecmp(value, "FULL") == 0;
    else if (strcmp(name, "binlog_row_metadata") == 0)
        i->full_metadata = strcasecmp(value, "FULL") == 0;
    else if (strcmp(name, "binlog_row_value_options") == 0)
        i->partial_json = value[0] != '\0';
    else if (strcmp(name, "gtid_mode") == 0)
        f->gtid_mode = strcmp(value, "ON") == 0;
    else if (strcmp(name, "enforce_gtid_consistency") == 0)
        f->enforce_gtid = strcmp(value, "ON") == 0;
    else if (strcmp(name, "binlog_order_commits") == 0)
        i->order_commits = is_on(value);
    else if (strcmp(name, "innodb_native_foreign_keys") == 0)
        i->native_fk = is_on(value);
    else if (strcmp(name, "binlog_checksum") == 0)
        i->checksum_crc32 = strcmp(value, "CRC32") == 0;
    else if (strcmp(name, "lower_case_table_names") == 0)
        i->dialect.names = (enum name_case)strtol(value, NULL, 10);
    else if (strcmp(name, "explicit_defaults_for_timestamp") == 0)
        i->dialect.explicit_defaults_for_timestamp = is_on(value);
    else if (strcmp(name, "default_collation_for_utf8mb4") == 0 && collation_name(value))
        i->dialect.utf8mb4_collation = collation_name(value);
    else if (strcmp(name, "max_allowed_packet") == 0)
        i->max_allowed_packet = strtoull(value, NULL, 10);
    else if (strcmp(name, "binlog_expire_logs_seconds") == 0)
        i->binlog_expire_s = strtoull(value, NULL, 10);
    return true;
}

static bool is_mariadb(const struct source_info *i)
{
    return i->dialect.flavour == FLAVOUR_MARIADB;
}

static bool read_info(struct link *s, struct err *err)
{
    struct source_info *i = &s->base.info;
    struct found f = {i, false, false};
    char *version = NULL;

    if (!link_query_one(s, "SELECT @@version", &version, err))
        return false;
    snprintf(i->version, sizeof(i->version), "%s", version ? version : "");
    free(version);
    i->dialect = dialect_of_version(i->version);
    /* Before 9.6 the engine did the cascades, and no variable said so. */
    i->native_fk = is_mariadb(i) || i->dialect.version < VERSION_LOGS_CASCADES;
    i->row_format = !is_mariadb(i); /* where the variable is gone, ROW is all there is */
    if (!link_query(s,
                    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_uuid', 'log_bin', "
                    "'binlog_format', 'binlog_row_image', 'binlog_row_metadata', "
                    "'binlog_row_value_options', 'gtid_mode', 'enforce_gtid_consistency', "
                    "'binlog_order_commits', 'innodb_native_foreign_keys', 'binlog_checksum', "
                    "'lower_case_table_names', 'max_allowed_packet', "
                    "'explicit_defaults_for_timestamp', 'default_collation_for_utf8mb4', "
                    "'binlog_expire_logs_seconds')",
                    note_variable, &f, err))
        return false;
    i->gtid_on = f.gtid_mode && f.enforce_gtid;
    return true;
}

static bool set_session(struct link *s, struct err *err)
{
    if (!link_exec(s, "SET NAMES utf8mb4", err) ||
        !link_exec(s,
                   "SET SESSION sql_mode = '', time_zone = '+00:00', sql_quote_show_create = 1, "
                   "net_write_timeout = 600, net_read_timeout = 600",
                   err))
        return false;
    if (!read_info(s, err))
        return false;
    if (is_mariadb(&s->base.info) || s->base.info.dialect.version < VERSION_GIPK)
        return true;
    return link_exec(s, "SET SESSION show_gipk_in_create_table_and_information_schema = ON", err);
}

static bool link_connect(const struct source_config *config, struct source **out, struct err *err)
{
    struct link *s = xcalloc(1, sizeof(*s));

    s->base.driver = &mysql_source;
    s->server_id = config->server_id;
    s->heartbeat_ms = config->heartbeat_ms ? config->heartbeat_ms : HEARTBEAT_MS;
    s->mysql = mysql_init(NULL);
    if (!s->mysql) {
        err_set(err, ERR_CONFIG, "the client library cannot be set up");
        free(s);
        return false;
    }
    if (!connect_socket(s, config, err) || !set_session(s, err)) {
        source_close(&s->base);
        return false;
    }
    *out = &s->base;
    return true;
}

static void link_close(struct source *base)
{
    struct link *s = link_of(base);

    mysql_close(s->mysql);
    free(s);
}

static bool hand_rows(struct link *s, MYSQL_RES *res, link_row_fn *row, void *ctx, struct err *err)
{
    unsigned n = mysql_num_fields(res);
    struct bytes *columns = xcalloc(n, sizeof(*columns));
    MYSQL_ROW r;
    bool ok = true;

    while (ok && (r = mysql_fetch_row(res))) {
        const unsigned long *lengths = mysql_fetch_lengths(res);

        for (unsigned i = 0; i < n; i++)
            columns[i] = r[i] ? bytes_of(r[i], lengths[i]) : BYTES_EMPTY;
        ok = !row || row(ctx, columns, n, err);
    }
    if (ok && mysql_errno(s->mysql)) {
        link_fail(s, "read a result", err);
        ok = false;
    }
    free(columns);
    return ok;
}

static bool query(struct link *s, struct bytes sql, bool raw, link_row_fn *row, void *ctx,
                  struct err *err)
{
    MYSQL_RES *res;
    bool ok = true;

    if (!link_set_raw(s, raw, err))
        return false;
    if (mysql_real_query(s->mysql, (const char *)sql.data, sql.len) != 0) {
        link_fail(s, "query the source", err);
        return false;
    }
    res = mysql_use_result(s->mysql);
    if (res) {
        ok = hand_rows(s, res, row, ctx, err);
        mysql_free_result(res);
    } else if (mysql_errno(s->mysql)) {
        link_fail(s, "query the source", err);
        ok = false;
    }
    return ok;
}

bool link_query(struct link *s, const char *sql, link_row_fn *row, void *ctx, struct err *err)
{
    return query(s, bytes_str(sql), false, row, ctx, err);
}

bool link_query_raw(struct link *s, const struct buf *sql, link_row_fn *row, void *ctx,
                    struct err *err)
{
    return query(s, buf_bytes(sql), true, row, ctx, err);
}

static bool keep_first(void *ctx, const struct bytes *columns, unsigned n, struct err *err)
{
    char **out = ctx;

    (void)err;
    if (n > 0 && columns[0].data && !*out)
        *out = xstrndup((const char *)columns[0].data, columns[0].len);
    return true;
}

bool link_query_one(struct link *s, const char *sql, char **out, struct err *err)
{
    *out = NULL;
    if (link_query(s, sql, keep_first, out, err))
        return true;
    free(*out);
    *out = NULL;
    return false;
}

bool link_executed(struct source *base, struct place *out, struct err *err)
{
    struct link *s = link_of(base);
    char *text = NULL;
    bool ok;

    memset(out, 0, sizeof(*out));
    if (!dialect_check_source(&s->base.info.dialect, s->base.info.version, err))
        return false;
    ok = link_query_one(s, "SELECT @@GLOBAL.gtid_executed", &text, err) &&
         place_parse(text ? text : "", out, err);
    free(text);
    return ok;
}

static bool note_end(void *ctx, const struct bytes *columns, unsigned n, struct err *err)
{
    struct position *end = ctx;
    char offset[32];

    (void)err;
    if (n < 2)
        return true;
    put_text(end->file, sizeof(end->file), columns[0]);
    put_text(offset, sizeof(offset), columns[1]);
    end->offset = strtoull(offset, NULL, 10);
    return true;
}

bool link_binlog_end(struct source *base, struct position *end, struct err *err)
{
    struct link *s = link_of(base);
    bool renamed =
        !is_mariadb(&s->base.info) && s->base.info.dialect.version >= VERSION_STATUS_RENAMED;

    memset(end, 0, sizeof(*end));
    if (!link_query(s, renamed ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS", note_end, end,
                    err))
        return false;
    if (end->file[0])
        return true;
    err_reason(err, ERR_SERVER, "no_binlog", "the source writes no binary log");
    err->side = ERR_SIDE_SOURCE;
    return false;
}

struct binlog_files {
    const struct position *end; /* looked for */
    bool found;
    uint64_t bytes; /* of that file */
    struct position last;
};

static bool take_file(void *ctx, const struct bytes *columns, unsigned n, struct err *err)
{
    struct binlog_files *f = ctx;
    char size[24] = "";

    (void)err;
    if (n < 2 || columns[0].len > POSITION_FILE_MAX || columns[1].len >= sizeof(size))
        return true;
    memcpy(f->last.file, columns[0].data, columns[0].len);
    f->last.file[columns[0].len] = '\0';
    memcpy(size, columns[1].data, columns[1].len);
    if (strcmp(f->last.file, f->end->file) == 0) {
        f->found = true;
        f->bytes = strtoull(size, NULL, 10);
    }
    return true;
}

/* Names that differ in their number only. */
static bool same_stem(const char *a, const char *b)
{
    const char *dot_a = strrchr(a, '.'), *dot_b = strrchr(b, '.');

    return dot_a && dot_b && dot_a - a == dot_b - b && memcmp(a, b, (size_t)(dot_a - a)) == 0;
}

bool link_reaches(struct source *base, const struct position *end, bool *reaches, struct err *err)
{
    struct link *s = link_of(base);
    struct binlog_files f = {.end = end};
    bool is_reset;

    *reaches = true;
    if (!end->file[0])
        return true;
    if (!link_query(s, "SHOW BINARY LOGS", take_file, &f, err))
        return false;
    is_reset = !f.found && same_stem(f.last.file, end->file) && position_compare(&f.last, end) < 0;
    *reaches = !is_reset && (!f.found || f.bytes >= end->offset);
    return true;
}

bool link_bound_waits(struct source *base, struct err *err)
{
    return link_query(link_of(base), "SET SESSION lock_wait_timeout = 5", NULL, NULL, err);
}

const struct source_driver mysql_source = {
    .connect = link_connect,
    .close = link_close,
    .executed = link_executed,
    .binlog_end = link_binlog_end,
    .reaches = link_reaches,
    .list_tables = link_list_tables,
    .list_databases = link_list_databases,
    .list_views = link_list_views,
    .list_programs = link_list_programs,
    .may_stream = link_may_stream,
    .stream_start = link_stream_start,
    .stream_pending = link_stream_pending,
    .stream_next = link_stream_next,
    .view_open = link_view_open,
    .view_close = link_view_close,
    .read_table = link_read_table,
    .read_rows = link_read_rows,
    .read_sums = link_read_sums,
    .read_hashes = link_read_hashes,
    .bound_waits = link_bound_waits,
    .read_bound = link_read_bound,
};
