/*
 * packet.c - several statements in one round trip, each with the answer it must give.
 *
 * The server stops a packet at its first failing statement. A statement that runs but counts
 * other rows than expected does not stop the packet: the client sees it while it reads the
 * answers, and the transaction is not committed.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "schema/base/digest.h"
#include "schema/base/xalloc.h"
#include "targets/mariadb/mariadb.h"

void packet_reset(struct packet *p)
{
    buf_reset_to(&p->sql, MARIA_KEEP_BYTES);
    p->n_expects = 0;
}

static size_t packet_bytes_max(const struct maria *t)
{
    size_t server = (size_t)t->base.info.row_bytes_max - MARIA_PACKET_SLACK;

    return server < MARIA_PACKET_BYTES ? server : MARIA_PACKET_BYTES;
}

static const char *kind_name(enum op_kind kind)
{
    switch (kind) {
    case OP_DELETE:
    case OP_DELETE_IMAGE:
    case OP_HEAL:
        return "delete";
    case OP_UPDATE:
        return "update";
    case OP_INSERT:
        return "insert";
    case OP_CASCADE_DELETE:
    case OP_CASCADE_SET_NULL:
    case OP_CASCADE_UPDATE:
        return "foreign-key cascade";
    }
    return "statement";
}

/* " (row key hash ...)" when the statement held one row of a table with a row key. */
static void put_row_name(struct buf *b, const struct expect *e)
{
    struct buf key = BUF_INIT;
    char hash[17];

    if (!e->row || !e->table || e->table->n_row_key == 0)
        return;
    for (uint32_t i = 0; i < e->table->n_row_key; i++)
        value_put_key(&key, &e->row[e->table->row_key[i]]);
    key_hash(buf_bytes(&key), hash);
    buf_putf(b, " (row key hash %s)", hash);
    buf_release(&key);
}

/* The server's message names the column last; the name given here is our own. */
static const struct column *column_in_message(const struct table *table, const char *message)
{
    const char *at = NULL;
    const char *p = message;
    size_t n = 0;

    while ((p = strstr(p, "column ")) != NULL) {
        p += strlen("column ");
        at = p;
    }
    if (!at)
        return NULL;
    for (uint32_t i = 0; i < table->n_columns; i++) {
        char needle[NAME_CHARS_MAX * 4 + 3];

        for (int style = 0; style < 2; style++) {
            const char *quote = style ? "`" : "'";

            n = (size_t)snprintf(needle, sizeof(needle), "%s%s%s", quote, table->columns[i].name,
                                 quote);
            if (n < sizeof(needle) && strstr(at, needle))
                return &table->columns[i];
        }
    }
    return NULL;
}

static void put_what(struct buf *b, const struct maria *t, const struct expect *e)
{
    buf_putf(b, "%s on table %s.%s", kind_name(e->kind), e->table->db, e->table->name);
    if (t->in_flight || t->unit.lsn)
        buf_putf(b, " at lsn %llu", (unsigned long long)t->unit.lsn);
    put_row_name(b, e);
}

static void refused_error(struct maria *t, const struct expect *e, unsigned number, struct err *err)
{
    struct buf what = BUF_INIT;
    const struct column *c = column_in_message(e->table, mysql_error(t->my));

    put_what(&what, t, e);
    if (c)
        buf_putf(&what, ", column %s (%s)", c->name, column_type_name(c->type));
    if (number == 1153)
        buf_put_str(&what, ": a row is larger than the target's max_allowed_packet");
    err_reason(err, ERR_DATA, number == 1062 ? "duplicate_key" : "value_refused",
               "%s was refused by the target, error %u (%s)", buf_cstr(&what), number,
               mysql_sqlstate(t->my));
    err->side = ERR_SIDE_TARGET;
    err->server_errno = number;
    buf_release(&what);
}

static void statement_error(struct maria *t, const struct expect *e, struct err *err)
{
    unsigned number = mysql_errno(t->my);
    struct buf what = BUF_INIT;

    t->failed = e->table;
    if (!e->table) {
        maria_error(t, err, "write progress on the target");
        return;
    }
    if (maria_is_data_error(number)) {
        refused_error(t, e, number, err);
        return;
    }
    put_what(&what, t, e);
    maria_error(t, err, buf_cstr(&what));
    if (maria_is_table_error(number)) {
        err_reason(err, ERR_DATA, "target_changed",
                   "%s: the table on the target is not as it was made, error %u (%s)",
                   buf_cstr(&what), number, mysql_sqlstate(t->my));
        err->side = ERR_SIDE_TARGET;
        err->server_errno = number;
    }
    /* The connection, not the table, is to blame. */
    if (err->kind == ERR_RETRY)
        t->failed = NULL;
    buf_release(&what);
}

static void count_error(struct maria *t, const struct expect *e, uint64_t rows, struct err *err)
{
    struct buf what = BUF_INIT;

    t->failed = e->table;
    if (e->change) {
        store_fenced(e->change, err);
        return;
    }
    put_what(&what, t, e);
    err_reason(err, ERR_DATA, "row_count", "%s changed %llu rows where %llu were expected",
               buf_cstr(&what), (unsigned long long)rows, (unsigned long long)e->rows);
    buf_release(&what);
}

static void warning_error(struct maria *t, const struct expect *e, struct err *err)
{
    struct buf what = BUF_INIT;

    t->failed = e->table;
    put_what(&what, t, e);
    err_reason(err, ERR_DATA, "value_refused",
               "%s raised a warning: the target would not keep a value as it is", buf_cstr(&what));
    buf_release(&what);
}

/* An answer that came; false with err for the first that is not as expected. */
static bool check_answer(struct maria *t, const struct expect *e, struct err *err)
{
    uint64_t rows = mysql_affected_rows(t->my);
    bool writes = e->kind == OP_INSERT || e->kind == OP_UPDATE;

    if (e->counted && rows != e->rows) {
        count_error(t, e, rows, err);
        return false;
    }
    if (e->table && writes && mysql_warning_count(t->my) != e->warnings) {
        warning_error(t, e, err);
        return false;
    }
    return true;
}

bool maria_packet_send(struct maria *t, struct err *err)
{
    struct packet *p = &t->packet;

    if (p->sql.overflow) {
        err_set(err, ERR_DATA, "a unit has more text than %zu bytes", p->sql.max);
        return false;
    }
    if (!maria_permit(t, err))
        return false;
    if (mysql_send_query(t->my, (const char *)p->sql.data, (unsigned long)p->sql.len) != 0) {
        maria_error(t, err, "send to the target");
        return false;
    }
    return true;
}

bool maria_packet_drain(struct maria *t, struct err *err)
{
    struct packet *p = &t->packet;
    bool ok = true;

    for (size_t i = 0; i < p->n_expects; i++) {
        const struct expect *e = &p->expects[i];
        struct err later = ERR_INIT;

        if (!maria_await(t, "wait for what was written", ok ? err : &later)) {
            if (ok)
                t->failed = NULL;
            return false;
        }
        if ((i ? mysql_next_result(t->my) : mysql_read_query_result(t->my)) != 0) {
            /* A count that was wrong earlier tells more than what followed from it. */
            if (ok)
                statement_error(t, e, err);
            return false;
        }
        ok = ok && check_answer(t, e, err);
    }
    assert(!mysql_more_results(t->my));
    packet_reset(p);
    return ok;
}

static void add_expect(struct packet *p, const struct expect *e)
{
    if (p->n_expects == p->cap_expects) {
        p->cap_expects = p->cap_expects ? 2 * p->cap_expects : 64;
        p->expects = xrealloc(p->expects, p->cap_expects * sizeof(*p->expects));
    }
    p->expects[p->n_expects++] = *e;
}

bool maria_put_statement(struct maria *t, const struct expect *expect, struct err *err)
{
    struct packet *p = &t->packet;
    size_t room = (size_t)t->base.info.row_bytes_max - MARIA_PACKET_SLACK;
    struct buf what = BUF_INIT;

    if (t->statement.overflow || t->statement.len > room) {
        t->failed = expect->table;
        if (expect->table)
            put_what(&what, t, expect);
        err_reason(err, ERR_DATA, "value_refused",
                   "%s: a row is larger than the target's max_allowed_packet of %llu bytes",
                   buf_cstr(&what), (unsigned long long)t->base.info.row_bytes_max);
        buf_release(&what);
        return false;
    }
    if (p->n_expects && p->sql.len + t->statement.len + 1 > packet_bytes_max(t)) {
        if (!maria_packet_send(t, err) || !maria_packet_drain(t, err))
            return false;
    }
    if (p->n_expects)
        buf_put_u8(&p->sql, ';');
    buf_take(&p->sql, &t->statement);
    add_expect(p, expect);
    return true;
}
