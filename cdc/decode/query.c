/*
 * query.c - QUERY events: transaction control, and statements for the sink (binlog.md 5.3).
 *
 *   u32 thread | u32 seconds | u8 db length | u16 error | u16 status length
 *   | status: (u8 code, value)... | db, NUL | text
 *
 * The length of a status value follows from its code: an unknown code ends the reading of
 * the block, never of the event. Text is matched without regard to case, white space and
 * comments; a versioned comment that is still in the log was code for the source.
 *
 * EXECUTE_LOAD_QUERY is LOAD DATA as text: behind the status length 13 bytes more (file id, where
 * in the text the file's name begins and ends, what to do with duplicates).
 */
#include <ctype.h>

#include "cdc/decode/decoder.h"

#define WORD_MAX 24
#define MICROSECONDS 1000000u
#define LOAD_QUERY_EXTRA_BYTES 13

enum status_code {
    STATUS_FLAGS2 = 0,
    STATUS_SQL_MODE = 1,
    STATUS_CATALOG = 2,
    STATUS_AUTO_INCREMENT = 3,
    STATUS_CHARSET = 4,
    STATUS_TIME_ZONE = 5,
    STATUS_CATALOG_NZ = 6,
    STATUS_LC_TIME_NAMES = 7,
    STATUS_CHARSET_DATABASE = 8,
    STATUS_TABLE_MAP_FOR_UPDATE = 9,
    STATUS_MASTER_DATA_WRITTEN = 10,
    STATUS_INVOKER = 11,
    STATUS_UPDATED_DB_NAMES = 12,
    STATUS_MICROSECONDS = 13,
    STATUS_EXPLICIT_DEFAULTS = 16,
    STATUS_DDL_XID = 17,
    STATUS_DEFAULT_UTF8MB4_COLLATION = 18,
    STATUS_REQUIRE_PRIMARY_KEY = 19,
    STATUS_TABLE_ENCRYPTION = 20,
    STATUS_CASCADE_TRIGGERS = 21,
};

#define UPDATED_DB_NAMES_TOO_MANY 254

enum statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_ROLLBACK_TO,
    STATEMENT_SAVEPOINT,
    STATEMENT_XA,
    STATEMENT_OTHER,
};

static void skip_line(struct cursor *c)
{
    while (c->p < c->end && *c->p != '\n')
        c->p++;
}

static void skip_comment(struct cursor *c)
{
    c->p += 2;
    if (c->p < c->end && *c->p == '!') {
        c->p++;
        while (c->p < c->end && isdigit(*c->p))
            c->p++;
        return;
    }
    while (c->end - c->p >= 2 && !(c->p[0] == '*' && c->p[1] == '/'))
        c->p++;
    c->p = c->end - c->p >= 2 ? c->p + 2 : c->end;
}

/* To the next word or sign that is code. */
static void skip_blank(struct cursor *c)
{
    while (c->p < c->end) {
        ptrdiff_t left = c->end - c->p;

        if (isspace(*c->p) || *c->p == '(' || *c->p == ';')
            c->p++;
        else if (*c->p == '#' || (left >= 3 && memcmp(c->p, "--", 2) == 0 && isspace(c->p[2])))
            skip_line(c);
        else if (left >= 2 && memcmp(c->p, "/*", 2) == 0)
            skip_comment(c);
        else if (left >= 2 && memcmp(c->p, "*/", 2) == 0)
            c->p += 2;
        else
            return;
    }
}

/* The next word in capitals, "" at the end or before anything that is no word. */
static const char *next_word(struct cursor *c, char out[WORD_MAX])
{
    size_t n = 0;

    skip_blank(c);
    while (c->p < c->end && (isalnum(*c->p) || *c->p == '_')) {
        if (n < WORD_MAX - 1)
            out[n++] = (char)toupper(*c->p);
        c->p++;
    }
    out[n] = '\0';
    return out;
}

static enum statement classify_rollback(struct cursor *c)
{
    char word[WORD_MAX];

    if (strcmp(next_word(c, word), "WORK") == 0)
        next_word(c, word);
    return strcmp(word, "TO") == 0 ? STATEMENT_ROLLBACK_TO : STATEMENT_ROLLBACK;
}

static enum statement classify(struct bytes text)
{
    struct cursor c = cursor_of(text);
    char word[WORD_MAX];

    next_word(&c, word);
    if (strcmp(word, "BEGIN") == 0)
        return STATEMENT_BEGIN;
    if (strcmp(word, "COMMIT") == 0)
        return STATEMENT_COMMIT;
    if (strcmp(word, "ROLLBACK") == 0)
        return classify_rollback(&c);
    if (strcmp(word, "SAVEPOINT") == 0 || strcmp(word, "RELEASE") == 0)
        return STATEMENT_SAVEPOINT;
    if (strcmp(word, "XA") == 0)
        return STATEMENT_XA;
    if (strcmp(word, "START") == 0)
        return strcmp(next_word(&c, word), "TRANSACTION") == 0 ? STATEMENT_BEGIN : STATEMENT_OTHER;
    return STATEMENT_OTHER;
}

static void read_db_names(struct decoder *d, struct cursor *c, struct query_event *q)
{
    unsigned count = cursor_u8(c);

    if (count == UPDATED_DB_NAMES_TOO_MANY)
        return;
    q->dbs = arena_alloc(&d->row_arena, (count + 1) * sizeof(*q->dbs));
    for (unsigned i = 0; i < count && !c->bad; i++) {
        struct bytes rest = bytes_of(c->p, cursor_left(c));
        const uint8_t *nul = rest.len ? memchr(rest.data, 0, rest.len) : NULL;
        struct bytes name = cursor_bytes(c, nul ? (size_t)(nul - rest.data) : rest.len + 1);

        if (cursor_u8(c) == 0 && !c->bad)
            q->dbs[q->n_dbs++] = arena_strndup(&d->row_arena, (const char *)name.data, name.len);
    }
    if (c->bad) {
        q->dbs = NULL;
        q->n_dbs = 0;
    }
}

static void read_charset(struct cursor *c, struct query_event *q)
{
    q->client_collation = cursor_u16(c);
    cursor_u16(c);
    q->server_collation = cursor_u16(c);
}

static void read_time_zone(struct decoder *d, struct cursor *c, struct query_event *q)
{
    struct bytes b = cursor_bytes(c, cursor_u8(c));

    q->time_zone = arena_strndup(&d->row_arena, b.len ? (const char *)b.data : "", b.len);
}

/* False: the code is unknown, so nothing behind it can be read. */
static bool read_status(struct decoder *d, struct cursor *c, struct query_event *q)
{
    uint8_t code = cursor_u8(c);

    switch (code) {
    case STATUS_SQL_MODE:
        q->sql_mode = cursor_u64(c);
        return true;
    case STATUS_CHARSET:
        read_charset(c, q);
        return true;
    case STATUS_TIME_ZONE:
        read_time_zone(d, c, q);
        return true;
    case STATUS_MICROSECONDS:
        q->timestamp_us += cursor_u24(c);
        return true;
    case STATUS_EXPLICIT_DEFAULTS:
        q->explicit_defaults_for_timestamp = cursor_u8(c) != 0;
        return true;
    case STATUS_DEFAULT_UTF8MB4_COLLATION:
        q->utf8mb4_collation = cursor_u16(c);
        return true;
    case STATUS_UPDATED_DB_NAMES:
        read_db_names(d, c, q);
        return true;
    case STATUS_CATALOG:
        cursor_bytes(c, cursor_u8(c) + 1u);
        return true;
    case STATUS_CATALOG_NZ:
        cursor_bytes(c, cursor_u8(c));
        return true;
    case STATUS_INVOKER:
        cursor_bytes(c, cursor_u8(c));
        cursor_bytes(c, cursor_u8(c));
        return true;
    case STATUS_FLAGS2:
    case STATUS_AUTO_INCREMENT:
    case STATUS_MASTER_DATA_WRITTEN:
        cursor_u32(c);
        return true;
    case STATUS_LC_TIME_NAMES:
    case STATUS_CHARSET_DATABASE:
        cursor_u16(c);
        return true;
    case STATUS_TABLE_MAP_FOR_UPDATE:
    case STATUS_DDL_XID:
        cursor_u64(c);
        return true;
    case STATUS_REQUIRE_PRIMARY_KEY:
    case STATUS_TABLE_ENCRYPTION:
    case STATUS_CASCADE_TRIGGERS:
        cursor_u8(c);
        return true;
    default:
        return false;
    }
}

/* extra: bytes of the post-header behind those of a QUERY. */
static bool read_query(struct decoder *d, const struct event *e, size_t extra,
                       struct query_event *q, struct err *err)
{
    struct cursor c = cursor_of(e->body);
    struct cursor status;
    uint8_t db_len;
    uint16_t status_len;
    struct bytes db;

    cursor_u64(&c); /* thread and duration */
    db_len = cursor_u8(&c);
    cursor_u16(&c);
    status_len = cursor_u16(&c);
    cursor_bytes(&c, extra);
    status = cursor_of(cursor_bytes(&c, status_len));
    db = cursor_bytes(&c, db_len);
    cursor_u8(&c);
    q->text = cursor_rest(&c);
    if (c.bad) {
        err_set(err, ERR_DATA, "a %s event is cut short", event_type_name(e->type));
        return false;
    }
    arena_reset(&d->row_arena);
    q->db = arena_strndup(&d->row_arena, db.len ? (const char *)db.data : "", db.len);
    q->timestamp_us = (uint64_t)e->timestamp_s * MICROSECONDS;
    while (cursor_left(&status) > 0 && read_status(d, &status, q))
        continue;
    return true;
}

static bool refuse_xa(struct err *err)
{
    err_reason(err, ERR_DATA, "xa_transaction",
               "the binlog holds an XA transaction, which is not supported; end XA use on "
               "the source and load again from a later position");
    return false;
}

static bool pass_on(struct decoder *d, struct query_event *q, struct err *err)
{
    if (d->tx == TX_NONE) {
        err_reason(err, ERR_DATA, "no_gtid",
                   "a statement in the binlog has no GTID; set gtid_mode=ON on the source");
        return false;
    }
    q->in_transaction = d->tx == TX_OPEN;
    if (!d->sink.query(d->sink.ctx, q, err))
        return false;
    return q->in_transaction || decoder_commit(d, err);
}

static bool begin(struct decoder *d, struct err *err)
{
    if (d->tx == TX_GTID) {
        d->tx = TX_OPEN;
        return true;
    }
    err_reason(err, ERR_DATA, d->tx == TX_NONE ? "no_gtid" : "order",
               d->tx == TX_NONE ? "a transaction in the binlog has no GTID; set gtid_mode=ON on "
                                  "the source"
                                : "BEGIN inside a transaction");
    return false;
}

bool query_decode(struct decoder *d, const struct event *e, struct err *err)
{
    struct query_event q = {.db = "", .time_zone = "", .explicit_defaults_for_timestamp = -1};

    if (!read_query(d, e, 0, &q, err))
        return false;
    switch (classify(q.text)) {
    case STATEMENT_BEGIN:
        return begin(d, err);
    case STATEMENT_COMMIT:
        return decoder_commit(d, err);
    case STATEMENT_ROLLBACK:
        return decoder_rollback(d, true, err);
    case STATEMENT_SAVEPOINT: /* rows that were rolled back to it are not in the log */
        return true;
    case STATEMENT_XA:
        return refuse_xa(err);
    case STATEMENT_ROLLBACK_TO: /* that a transaction mixes storage engines */
        q.rolls_back_to = true;
        break;
    case STATEMENT_OTHER:
        break;
    }
    return pass_on(d, &q, err);
}

bool load_query_decode(struct decoder *d, const struct event *e, struct err *err)
{
    struct query_event q = {.db = "", .time_zone = "", .explicit_defaults_for_timestamp = -1};

    return read_query(d, e, LOAD_QUERY_EXTRA_BYTES, &q, err) && pass_on(d, &q, err);
}
