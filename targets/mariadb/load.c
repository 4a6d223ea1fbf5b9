/*
 * load.c - many rows into a table under load, strict and counted, one chunk a transaction.
 *
 * Multi-row INSERT text of about a megabyte; while the server works on one statement the next
 * is built. LOAD DATA LOCAL would be IGNORE and lenient (algorithms.md 2.2).
 */
#include <assert.h>

#include "targets/mariadb/mariadb.h"

/* Read the answer of the statement on the wire, if there is one. */
static bool settle(struct maria *t, struct err *err)
{
    if (!t->load.sent)
        return true;
    t->load.sent = false;
    return maria_packet_drain(t, err);
}

static bool flush(struct maria *t, unsigned warnings, struct err *err)
{
    struct expect e = {.table = t->load.table,
                       .kind = OP_INSERT,
                       .rows = t->load.rows,
                       .warnings = warnings,
                       .counted = true};

    if (t->load.rows == 0)
        return true;
    if (!settle(t, err) || !maria_put_statement(t, &e, err) || !maria_packet_send(t, err))
        return false;
    t->load.sent = true;
    t->load.rows = 0;
    return true;
}

bool mariadb_load_begin(struct target *target, const struct table *table, struct err *err)
{
    struct maria *t = maria_of(target);
    assert(!t->in_flight && !t->load.open && !t->in_transaction);
    /* Rows may be long in coming; but who loads when we are gone is patient for five minutes. */
    t->is_bounded = false;
    if (!maria_run_str(t, "SET SESSION idle_write_transaction_timeout=240;START TRANSACTION",
                       "begin on the target", err))
        return false;
    packet_reset(&t->packet);
    buf_reset(&t->statement);
    memset(&t->unit, 0, sizeof(t->unit));
    maria_forget(t);
    maria_know(t, table);
    t->in_transaction = true;
    t->load = (struct load){.open = true, .table = table};
    return true;
}

bool mariadb_load_row(struct target *target, const struct value *row, struct err *err)
{
    struct maria *t = maria_of(target);
    unsigned zero_enums;

    assert(t->load.open);
    buf_reset(&t->row);
    if (!maria_put_row(t, &t->row, row, &zero_enums)) {
        err_reason(err, ERR_DATA, "value_refused", "a row of table %s.%s is not full",
                   t->load.table->db, t->load.table->name);
        return false;
    }
    if (t->load.rows && (zero_enums || t->statement.len + t->row.len > MARIA_STATEMENT_BYTES) &&
        !flush(t, 0, err))
        return false;
    if (t->load.rows == 0) {
        buf_put_str(&t->statement, zero_enums ? maria_lenient : "");
        maria_put_insert(t, &t->statement);
    } else {
        buf_put_u8(&t->statement, ',');
    }
    buf_put_bytes(&t->statement, buf_bytes(&t->row));
    buf_reset_to(&t->row, MARIA_KEEP_BYTES);
    t->load.rows++;
    return zero_enums == 0 || flush(t, zero_enums, err);
}

bool mariadb_load_end(struct target *target, const struct state_change *changes, size_t n,
                      struct err *err)
{
    struct maria *t = maria_of(target);

    assert(t->load.open);
    if (!flush(t, 0, err) || !settle(t, err) || !maria_bound_idle(t, err) ||
        !maria_put_changes(t, changes, n, err) || !maria_packet_send(t, err) ||
        !maria_packet_drain(t, err) || !maria_commit(t, err)) {
        mariadb_load_abort(target);
        return false;
    }
    t->load.open = false;
    return true;
}

void mariadb_load_abort(struct target *target)
{
    struct maria *t = maria_of(target);
    struct err ignored;

    if (!t->load.open)
        return;
    if (t->load.sent && !maria_packet_drain(t, &ignored))
        packet_reset(&t->packet);
    t->load = (struct load){.open = false};
    maria_fail(t);
}
