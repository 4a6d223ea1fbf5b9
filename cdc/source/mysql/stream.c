/*
 * stream.c - the binlog as a replica reads it; alone knows replication commands.
 *
 * After COM_BINLOG_DUMP_GTID (binlog.md 1.4) the connection only delivers packets: 00 and an
 * event, ff and an error, fe (shorter than 9 bytes) at the end:
 *   1e | u16 flags | u32 server id | u32 name length | u64 position (4) | u32 size | GTID set
 * The client library's mariadb_rpl cannot read the streams of MySQL 8 and 9, so only its
 * packet transport is used.
 */
#include <mysql.h>

#include <ma_pvio.h>
#include <mysqld_error.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "cdc/source/mysql/link.h"
#include "schema/base/clock.h"
#include "schema/base/stop.h"
#include "targets/sqllogin.h"

#define COM_REGISTER 0x15
#define COM_DUMP_GTID 0x1e
#define FLAG_HEARTBEAT_V2 0x0002
#define VERSION_HEARTBEAT_V2 80026
#define FIRST_POSITION 4
#define END_PACKET 0xfe
#define END_PACKET_BYTES_MAX 8
#define SILENT_HEARTBEATS 3 /* a source that misses this many is taken for dead */
#define POLL_SLICE_MS 100
#define GTID_WIRE_MAX ((size_t)64 << 20)

struct known_text {
    const char *part;
    const char *reason;
    enum err_kind kind;
    bool show; /* the server's text names files or GTIDs, no rows */
};

/* Texts of error 1236 (binlog.md 1.8); matched by parts, in this order. */
static const struct known_text known_texts[] = {
    {"purged required binary logs", "purged", ERR_SERVER, true},
    {"Could not find first log file name", "purged", ERR_SERVER, true},
    {"more GTIDs than the", "diverged", ERR_SERVER, true},
    {"same server_uuid/server_id", "duplicate_id", ERR_SERVER, true},
    {"can not handle replication events with the checksum", "checksum", ERR_RETRY, true},
    {"anonymous transaction", "no_gtid", ERR_SERVER, true},
    {"GTID_MODE = OFF", "no_gtid", ERR_SERVER, true},
    {"Binary log is not open", "no_binlog", ERR_SERVER, true},
    {"server id", "server_id", ERR_SERVER, true},
    {"crc check", "source_binlog", ERR_SERVER, true},
    {"truncated in the middle", "source_binlog", ERR_SERVER, true},
    {"bogus data", "source_binlog", ERR_SERVER, true},
    {"max_allowed_packet", "source_binlog", ERR_SERVER, true},
};

static void set_reason(struct err *err, const char *reason)
{
    snprintf(err->reason, sizeof(err->reason), "%s", reason);
}

static void fail_1236(struct link *s, struct err *err)
{
    const char *text = mysql_error(s->mysql);

    for (size_t i = 0; i < sizeof(known_texts) / sizeof(known_texts[0]); i++) {
        const struct known_text *k = &known_texts[i];

        if (!strstr(text, k->part))
            continue;
        err_server(err, k->kind, ERR_SIDE_SOURCE, mysql_errno(s->mysql), "read the binlog: %s",
                   text);
        set_reason(err, k->reason);
        return;
    }
    err_server(err, ERR_SERVER, ERR_SIDE_SOURCE, mysql_errno(s->mysql), "read the binlog: %s",
               text);
    set_reason(err, "dump");
}

static void fail(struct link *s, struct err *err)
{
    switch (mysql_errno(s->mysql)) {
    case ER_MASTER_FATAL_ERROR_READING_BINLOG:
        fail_1236(s, err);
        break;
    case ER_ACCESS_DENIED_ERROR:
    case ER_SPECIFIC_ACCESS_DENIED_ERROR:
        err_server(err, ERR_SERVER, ERR_SIDE_SOURCE, mysql_errno(s->mysql),
                   "the source user may not read the binlog; GRANT REPLICATION SLAVE ON *.* to it");
        set_reason(err, "privilege");
        break;
    case 0: /* the library says nothing where the socket just ended */
        err_server(err, ERR_RETRY, ERR_SIDE_SOURCE, 0, "the connection to the source ended");
        break;
    default:
        link_fail(s, "read the binlog", err);
        break;
    }
}

static bool set_up(struct link *s, struct err *err)
{
    unsigned long long period_ns = (unsigned long long)s->heartbeat_ms * 1000000ull;
    const char *checksum = s->base.info.checksum_crc32 ? "'CRC32'" : "'NONE'";
    char sql[512];

    snprintf(sql, sizeof(sql),
             "SET @master_binlog_checksum = %s, @source_binlog_checksum = %s, "
             "@master_heartbeat_period = %llu, @source_heartbeat_period = %llu",
             checksum, checksum, period_ns, period_ns);
    if (!link_exec(s, sql, err))
        return false;
    /* A second reader with this identity ends the first one, as with one server id. */
    snprintf(sql, sizeof(sql),
             "SET @slave_uuid = '646f6d69-6369-6c65-8000-0000%08x', @replica_uuid = @slave_uuid",
             s->server_id);
    return link_exec(s, sql, err);
}

static bool command(struct link *s, unsigned number, const struct buf *b, bool answer,
                    struct err *err)
{
    enum enum_server_command c = (enum enum_server_command)number;

    if (s->mysql->methods->db_command(s->mysql, c, (const char *)b->data, b->len, !answer, NULL) ==
        0)
        return true;
    fail(s, err);
    return false;
}

/* Be seen in SHOW REPLICAS; host, user and password stay empty. */
static bool register_replica(struct link *s, struct err *err)
{
    struct buf b = BUF_INIT_MAX(64);
    bool ok;

    buf_put_u32(&b, s->server_id);
    buf_put(&b, "\0\0\0", 3);
    buf_put_u16(&b, 0);
    buf_put_u32(&b, 0);
    buf_put_u32(&b, 0);
    ok = command(s, COM_REGISTER, &b, true, err);
    buf_release(&b);
    return ok;
}

static bool send_dump(struct link *s, const struct place *from, struct err *err)
{
    struct buf set = BUF_INIT_MAX(GTID_WIRE_MAX);
    struct buf b = BUF_INIT_MAX(GTID_WIRE_MAX);
    bool ok = false;

    if (from->kind == GTID_MYSQL)
        mysql_set_encode(from->mysql, &set);
    else
        buf_put_u64(&set, 0); /* the empty set */
    buf_put_u16(&b, s->base.info.dialect.version >= VERSION_HEARTBEAT_V2 ? FLAG_HEARTBEAT_V2 : 0);
    buf_put_u32(&b, s->server_id);
    buf_put_u32(&b, 0);
    buf_put_u64(&b, FIRST_POSITION);
    buf_put_u32(&b, (uint32_t)set.len);
    buf_put_bytes(&b, buf_bytes(&set));
    if (set.overflow || b.overflow)
        err_set(err, ERR_DATA, "the set of executed GTIDs is too large");
    else
        ok = command(s, COM_DUMP_GTID, &b, false, err);
    buf_release(&set);
    buf_release(&b);
    return ok;
}

static bool read_packet(struct link *s, struct bytes *event, struct err *err)
{
    unsigned long n = mysql_net_read_packet(s->mysql);
    const uint8_t *p = s->mysql->net.read_pos;

    if (n == packet_error) {
        fail(s, err);
        return false;
    }
    s->last_heard_us = clock_steady_us();
    if (n > 0 && p[0] == 0) {
        *event = bytes_of(p + 1, n - 1);
        return true;
    }
    if (n > 0 && n <= END_PACKET_BYTES_MAX && p[0] == END_PACKET)
        err_server(err, ERR_RETRY, ERR_SIDE_SOURCE, 0, "the source ended the binlog stream");
    else
        err_server(err, ERR_SERVER, ERR_SIDE_SOURCE, 0,
                   "a packet of %lu bytes in the binlog stream makes no sense", n);
    return false;
}

/* From here on silence is told by heartbeats, and inside a packet by the socket. */
static void shorten_timeout(struct link *s)
{
    uint64_t ms = (uint64_t)s->heartbeat_ms * SILENT_HEARTBEATS;
    struct timeval tv = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};

    s->mysql->net.pvio->timeout[PVIO_READ_TIMEOUT] = (int)ms;
    setsockopt((int)mysql_get_socket(s->mysql), SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}

/* A session may set some of these for itself: what it writes is then refused event by event. */
static bool check_settings(const struct source_info *i, struct err *err)
{
    const struct {
        bool good;
        const char *reason;
        const char *text;
    } wanted[] = {
        {i->log_bin, "no_binlog",
         "the source writes no binary log; start it with log_bin (RDS: automated backups on)"},
        {i->gtid_on, "no_gtid",
         "the source writes no GTIDs; set enforce_gtid_consistency=ON and gtid_mode=ON"},
        {i->row_format, "row_format",
         "binlog_format is not ROW on the source; SET GLOBAL binlog_format = ROW"},
        {i->full_image, "row_image",
         "binlog_row_image is not FULL on the source; SET GLOBAL binlog_row_image = FULL"},
        {i->full_metadata, "row_metadata",
         "binlog_row_metadata is not FULL on the source; SET GLOBAL binlog_row_metadata = FULL"},
        {!i->partial_json, "partial_json",
         "the source writes partial JSON; SET GLOBAL binlog_row_value_options = ''"},
    };

    if (!dialect_check_source(&i->dialect, i->version, err))
        return false;
    for (size_t n = 0; n < sizeof(wanted) / sizeof(wanted[0]); n++) {
        if (wanted[n].good)
            continue;
        err_reason(err, ERR_SERVER, wanted[n].reason, "%s", wanted[n].text);
        err->side = ERR_SIDE_SOURCE;
        return false;
    }
    return true;
}

bool link_stream_start(struct source *base, const struct place *from, struct err *err)
{
    struct link *s = link_of(base);

    if (!check_settings(&s->base.info, err))
        return false;
    if (s->server_id == 0) {
        err_reason(err, ERR_CONFIG, "server_id", "source.server_id must be 1 to 4294967295");
        return false;
    }
    if (!set_up(s, err) || !register_replica(s, err))
        return false;
    shorten_timeout(s);
    /* The first packet is the answer: an error, or the name of the first file. */
    if (!send_dump(s, from, err) || !read_packet(s, &s->first, err))
        return false;
    s->streaming = true;
    s->has_first = true;
    return true;
}

static bool is_buffered(const struct link *s)
{
    return s->has_first || login_has_data(s->mysql);
}

static bool wait_socket(struct link *s, unsigned ms)
{
    struct pollfd p = {.fd = (int)mysql_get_socket(s->mysql), .events = POLLIN};

    return poll(&p, 1, (int)ms) > 0;
}

bool link_stream_pending(struct source *base)
{
    struct link *s = link_of(base);

    return is_buffered(s) || wait_socket(s, 0);
}

/* *ready false with true: nothing came in time, or a stop was asked for. */
static bool wait_event(struct link *s, unsigned timeout_ms, bool *ready, struct err *err)
{
    uint64_t silence_us = (uint64_t)s->heartbeat_ms * 1000 * SILENT_HEARTBEATS;
    uint64_t until = clock_steady_us() + (uint64_t)timeout_ms * 1000;

    *ready = is_buffered(s);
    while (!*ready && !stop_requested()) {
        uint64_t now = clock_steady_us();
        uint64_t left_ms = now < until ? (until - now + 999) / 1000 : 0;

        *ready = wait_socket(s, left_ms < POLL_SLICE_MS ? (unsigned)left_ms : POLL_SLICE_MS);
        if (*ready || left_ms == 0)
            break;
        if (now - s->last_heard_us > silence_us) {
            err_server(err, ERR_RETRY, ERR_SIDE_SOURCE, 0,
                       "the source sent nothing, not even a heartbeat, for %u ms",
                       s->heartbeat_ms * SILENT_HEARTBEATS);
            return false;
        }
    }
    return true;
}

bool link_stream_next(struct source *base, unsigned timeout_ms, struct bytes *event,
                      struct err *err)
{
    struct link *s = link_of(base);
    bool ready = false;

    *event = BYTES_EMPTY;
    if (!wait_event(s, timeout_ms, &ready, err))
        return false;
    if (!ready)
        return true;
    if (s->has_first) {
        s->has_first = false;
        *event = s->first;
        return true;
    }
    return read_packet(s, event, err);
}
