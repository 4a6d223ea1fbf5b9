/*
 * ddl_run.c - definitions on the target: made, changed, and found out about after a crash.
 *
 * A DDL statement of MariaDB is atomic (10.6) but commits by itself, so a journal row tells
 * what was about to be done. For each statement (step) of a DDL: commit STARTED with the SHA-256
 * of the target's own definitions before it, run it; after the last one commit DONE together
 * with the lane. After a crash in STARTED the target's definitions are looked at again: as
 * before the step means that it did not happen; otherwise it did, and if it was the last one
 * the columns must be those of the model, or the table stops ("ddl_unclear"). A statement
 * outlives the connection that sent it, so before that look the tables are locked once: it
 * is over then.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "schema/base/digest.h"
#include "targets/mariadb/ddl.h"
#include "targets/mariadb/mariadb.h"

#define ER_TABLE_EXISTS 1050
#define ER_NO_SUCH_TABLE 1146
#define ER_DUP_KEYNAME 1061
#define ER_BAD_DB 1049

/* ---- single statements, for load ---- */

bool mariadb_create_database(struct target *target, const char *db, const char *charset,
                             const char *collation, struct err *err)
{
    struct maria *t = maria_of(target);
    struct buf sql = BUF_INIT;
    bool ok = mariadb_put_create_database(db, charset, collation, t->base.info.version_number, &sql,
                                          err) &&
              maria_run(t, buf_bytes(&sql), "create a database", err);

    if (!ok)
        err_context(err, "database %s", db);
    buf_release(&sql);
    return ok;
}

static bool run_on_table(struct maria *t, struct buf *sql, const char *what, const char *db,
                         const char *name, struct err *err)
{
    bool ok = sql->len == 0 || maria_run(t, buf_bytes(sql), what, err);

    if (!ok)
        err_context(err, "table %s.%s", db, name);
    buf_release(sql);
    return ok;
}

bool mariadb_create_table(struct target *target, const struct table *table, enum table_parts parts,
                          struct notes *notes, struct err *err)
{
    struct maria *t = maria_of(target);
    struct buf sql = BUF_INIT;

    if (!mariadb_put_create(table, t->base.info.version_number, parts, &sql, notes, err)) {
        buf_release(&sql);
        return false;
    }
    if (run_on_table(t, &sql, "create a table", table->db, table->name, err))
        return true;
    if (err->server_errno == ER_TABLE_EXISTS)
        err_reason(err, ERR_DATA, "exists", "table %s.%s is on the target already and is not ours",
                   table->db, table->name);
    return false;
}

bool mariadb_drop_table(struct target *target, const char *db, const char *name, struct err *err)
{
    struct maria *t = maria_of(target);
    struct buf sql = BUF_INIT;

    buf_put_str(&sql, "DROP TABLE IF EXISTS ");
    sql_put_table(&sql, db, name);
    return run_on_table(t, &sql, "drop a table", db, name, err);
}

bool mariadb_add_keys(struct target *target, const struct table *table, struct notes *notes,
                      struct err *err)
{
    struct maria *t = maria_of(target);
    struct buf sql = BUF_INIT;

    if (!mariadb_put_add_keys(table, t->base.info.version_number, &sql, notes, err)) {
        buf_release(&sql);
        return false;
    }
    /* All keys come by one atomic statement, so one that is there means that all are. */
    return run_on_table(t, &sql, "add keys", table->db, table->name, err) ||
           err->server_errno == ER_DUP_KEYNAME;
}

static bool count_row(void *ctx, const struct bytes *c, unsigned n, struct err *err)
{
    (void)c, (void)n, (void)err;
    ++*(uint64_t *)ctx;
    return true;
}

static bool count_foreign_keys(struct maria *t, const struct table *table, uint64_t *count,
                               struct err *err)
{
    struct buf sql = BUF_INIT;
    bool ok;

    *count = 0;
    buf_put_str(&sql, "SELECT CONSTRAINT_NAME FROM information_schema.TABLE_CONSTRAINTS"
                      " WHERE CONSTRAINT_TYPE='FOREIGN KEY' AND TABLE_SCHEMA=");
    sql_put_string(&sql, bytes_str(table->db));
    buf_put_str(&sql, " AND TABLE_NAME=");
    sql_put_string(&sql, bytes_str(table->name));
    ok = maria_query(t, buf_bytes(&sql), "count foreign keys", count_row, count, err);
    buf_release(&sql);
    return ok;
}

bool mariadb_add_foreign_keys(struct target *target, const struct table *table, struct err *err)
{
    struct maria *t = maria_of(target);
    struct buf sql = BUF_INIT;
    uint64_t count;

    if (!count_foreign_keys(t, table, &count, err))
        return false;
    if (count >= table->n_fks)
        return true;
    mariadb_put_add_fks(table, &sql);
    return run_on_table(t, &sql, "add foreign keys", table->db, table->name, err);
}

bool mariadb_create_view(struct target *target, const char *db, const char *name,
                         const char *select_text, struct notes *notes, struct err *err)
{
    struct maria *t = maria_of(target);
    struct buf sql = BUF_INIT;
    bool ok;

    buf_put_str(&sql, "USE ");
    sql_put_name(&sql, db);
    buf_put_str(&sql, ";CREATE OR REPLACE VIEW ");
    sql_put_table(&sql, db, name);
    buf_putf(&sql, " AS %s", select_text);
    ok = maria_run(t, buf_bytes(&sql), "create a view", err);
    buf_release(&sql);
    if (ok || err->kind == ERR_RETRY)
        return ok;
    notes_add(notes, "view %s.%s was not created: server error %u", db, name, err->server_errno);
    return true;
}

bool mariadb_table_exists(struct target *target, const char *db, const char *name, bool *exists,
                          struct err *err)
{
    struct maria *t = maria_of(target);
    struct buf sql = BUF_INIT;
    uint64_t rows = 0;
    bool ok;

    buf_put_str(&sql, "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA=");
    sql_put_string(&sql, bytes_str(db));
    buf_put_str(&sql, " AND TABLE_NAME=");
    sql_put_string(&sql, bytes_str(name));
    ok = maria_query(t, buf_bytes(&sql), "look for a table", count_row, &rows, err);
    *exists = rows > 0;
    buf_release(&sql);
    return ok;
}

/* ---- what the target has ---- */

static bool read_create(void *ctx, const struct bytes *c, unsigned n, struct err *err)
{
    (void)err;
    assert(n >= 2);
    buf_put_bytes(ctx, c[1]);
    return true;
}

/* The target's own definition, "-" if there is none. */
static bool put_present(struct maria *t, const struct table *table, struct buf *out,
                        struct err *err)
{
    struct buf sql = BUF_INIT;
    bool ok;

    if (!table)
        return true;
    buf_put_str(&sql, "SHOW CREATE TABLE ");
    sql_put_table(&sql, table->db, table->name);
    ok = maria_query(t, buf_bytes(&sql), "read a definition of the target", read_create, out, err);
    buf_release(&sql);
    if (!ok && (err->server_errno == ER_NO_SUCH_TABLE || err->server_errno == ER_BAD_DB)) {
        buf_put_str(out, "-");
        ok = true;
    }
    buf_put_u8(out, 0);
    return ok;
}

static bool fingerprint(struct maria *t, const struct ddl *ddl, char out[SHA256_HEX_SIZE],
                        struct err *err)
{
    struct buf text = BUF_INIT;
    bool ok = true;

    for (uint32_t i = 0; ok && i < ddl->n_effects; i++)
        ok = put_present(t, ddl->effects[i].before, &text, err) &&
             put_present(t, ddl->effects[i].after, &text, err);
    if (ok)
        sha256_hex(buf_bytes(&text), out);
    buf_release(&text);
    return ok;
}

struct column_check {
    const struct table *table;
    uint32_t seen;
    bool equal;
};

static bool check_column(void *ctx, const struct bytes *c, unsigned n, struct err *err)
{
    struct column_check *check = ctx;
    const char *name =
        check->seen < check->table->n_columns ? check->table->columns[check->seen].name : NULL;

    (void)err;
    assert(n == 1);
    check->seen++;
    check->equal = check->equal && name && strlen(name) == c[0].len &&
                   strncasecmp(name, (const char *)c[0].data, c[0].len) == 0;
    return true;
}

static bool columns_match(struct maria *t, const struct table *table, bool *match, struct err *err)
{
    struct column_check check = {table, 0, true};
    struct buf sql = BUF_INIT;
    bool ok;

    buf_put_str(&sql, "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA=");
    sql_put_string(&sql, bytes_str(table->db));
    buf_put_str(&sql, " AND TABLE_NAME=");
    sql_put_string(&sql, bytes_str(table->name));
    buf_put_str(&sql, " ORDER BY ORDINAL_POSITION");
    ok = maria_query(t, buf_bytes(&sql), "read columns", check_column, &check, err);
    *match = check.equal && check.seen == table->n_columns;
    buf_release(&sql);
    return ok;
}

static bool name_is_taken(const struct ddl *ddl, const struct table *name)
{
    for (uint32_t i = 0; i < ddl->n_effects; i++) {
        const struct table *after = ddl->effects[i].after;

        if (after && strcmp(after->db, name->db) == 0 && strcmp(after->name, name->name) == 0)
            return true;
    }
    return false;
}

/* Is the target what the whole statement leads to? */
static bool check_outcome(struct maria *t, const struct ddl *ddl, struct err *err)
{
    for (uint32_t i = 0; i < ddl->n_effects; i++) {
        const struct ddl_effect *e = &ddl->effects[i];
        const struct table *table = e->after ? e->after : e->before;
        bool good = false;

        if (e->after) {
            if (!columns_match(t, e->after, &good, err))
                return false;
        } else {
            if (!mariadb_table_exists(&t->base, table->db, table->name, &good, err))
                return false;
            good = !good || name_is_taken(ddl, table);
        }
        if (!good) {
            err_reason(err, ERR_DATA, "ddl_unclear",
                       "table %s.%s on the target is neither as before nor as after a definition "
                       "change that was interrupted",
                       table->db, table->name);
            return false;
        }
    }
    return true;
}

/* The statements of one DDL. */
struct steps {
    struct arena arena;
    const char **sql;
    size_t n;
};

/* ---- the journal ---- */

struct journal {
    bool exists;
    bool done;
    uint64_t step;
    char fingerprint[SHA256_HEX_SIZE];
};

static bool read_journal_row(void *ctx, const struct bytes *c, unsigned n, struct err *err)
{
    struct journal *j = ctx;

    (void)err;
    assert(n == 3);
    j->exists = true;
    j->step = strtoull((const char *)c[0].data, NULL, 10);
    if (c[1].len == SHA256_HEX_SIZE - 1)
        memcpy(j->fingerprint, c[1].data, c[1].len);
    j->done = c[2].len == 4 && memcmp(c[2].data, "DONE", 4) == 0;
    return true;
}

static bool read_journal(struct maria *t, const struct ddl_unit *u, struct journal *j,
                         struct err *err)
{
    struct buf sql = BUF_INIT;
    bool ok;

    memset(j, 0, sizeof(*j));
    buf_put_str(&sql, "SELECT step,fingerprint,status FROM ");
    maria_put_state(&sql, t, "ddl");
    buf_put_str(&sql, " WHERE channel=");
    sql_put_string(&sql, bytes_str(t->channel));
    buf_putf(&sql, " AND lsn=%llu AND ordinal=%u", (unsigned long long)u->lsn, u->ordinal);
    ok = maria_query(t, buf_bytes(&sql), "read the DDL journal", read_journal_row, j, err);
    buf_release(&sql);
    return ok;
}

bool mariadb_ddl_begun(struct target *target, uint64_t lsn, bool *begun, struct err *err)
{
    struct maria *t = maria_of(target);
    struct buf sql = BUF_INIT;
    uint64_t rows = 0;
    bool ok;

    assert(t->owns_lane);
    buf_put_str(&sql, "SELECT 1 FROM ");
    maria_put_state(&sql, t, "ddl");
    buf_put_str(&sql, " WHERE channel=");
    sql_put_string(&sql, bytes_str(t->channel));
    buf_putf(&sql, " AND lsn>%llu LIMIT 1", (unsigned long long)lsn);
    ok = maria_query(t, buf_bytes(&sql), "look into the DDL journal", count_row, &rows, err);
    *begun = rows > 0;
    buf_release(&sql);
    return ok;
}

/* One transaction: the lane's guard (moved if advance), the journal row, old rows away. */
static bool write_journal(struct maria *t, const struct ddl_unit *u, const struct unit *advance,
                          size_t step, const char *print, const char *status, struct err *err)
{
    struct buf sql = BUF_INIT;
    uint64_t rows = 0;
    bool ok;

    maria_put_lane_update(&sql, t, u->prev_lsn, advance);
    ok = maria_run_str(t, "START TRANSACTION", "begin on the target", err) &&
         maria_change(t, buf_bytes(&sql), "write progress on the target", &rows, err);
    if (ok && rows != 1) {
        err_reason(err, ERR_DATA, "fenced",
                   "another owner took the lane over, or it is not at lsn %llu",
                   (unsigned long long)u->prev_lsn);
        ok = false;
    }
    buf_reset(&sql);
    buf_put_str(&sql, "DELETE FROM ");
    maria_put_state(&sql, t, "ddl");
    buf_put_str(&sql, " WHERE channel=");
    sql_put_string(&sql, bytes_str(t->channel));
    buf_putf(&sql, " AND lsn<=%llu;REPLACE INTO ", (unsigned long long)u->prev_lsn);
    maria_put_state(&sql, t, "ddl");
    buf_put_str(&sql, " VALUES (");
    sql_put_string(&sql, bytes_str(t->channel));
    buf_putf(&sql, ",%llu,%u,%zu,'%s','%s')", (unsigned long long)u->lsn, u->ordinal, step, print,
             status);
    ok = ok && maria_run(t, buf_bytes(&sql), "write the DDL journal", err) && maria_commit(t, err);
    if (!ok)
        maria_rollback(t);
    buf_release(&sql);
    return ok;
}

/* ---- time in the statement ---- */

static bool is_moment(const struct column *c)
{
    return c->type == COLUMN_TIMESTAMP || c->type == COLUMN_DATETIME || c->type == COLUMN_DATE ||
           c->type == COLUMN_TIME;
}

/* Does an ALTER compute moments: a new or changed temporal column? */
static bool computes_moments(const struct ddl *ddl)
{
    for (uint32_t i = 0; i < ddl->n_effects; i++) {
        const struct table *before = ddl->effects[i].before;
        const struct table *after = ddl->effects[i].after;

        for (uint32_t c = 0; before && after && c < after->n_columns; c++) {
            uint32_t old = table_column(before, after->columns[c].name);

            if (old == UINT32_MAX
                    ? is_moment(&after->columns[c])
                    : before->columns[old].type != after->columns[c].type &&
                          (is_moment(&after->columns[c]) || is_moment(&before->columns[old])))
                return true;
        }
    }
    return false;
}

static bool set_clock(struct maria *t, const struct ddl *ddl, struct err *err)
{
    struct buf sql = BUF_INIT;
    bool has_zone = ddl->time_zone && ddl->time_zone[0] && strcmp(ddl->time_zone, "SYSTEM") != 0;
    bool ok;

    buf_putf(&sql, "SET timestamp=%llu.%06llu", (unsigned long long)(ddl->timestamp_us / 1000000),
             (unsigned long long)(ddl->timestamp_us % 1000000));
    if (has_zone) {
        buf_put_str(&sql, ", time_zone=");
        sql_put_string(&sql, bytes_str(ddl->time_zone));
    }
    ok = maria_run(t, buf_bytes(&sql), "set the clock of a statement", err);
    buf_release(&sql);
    if (!ok && err->kind != ERR_RETRY)
        err_reason(err, ERR_DATA, "time_zone",
                   "the target does not know the time zone that a definition change ran in; load "
                   "its time zone tables");
    return ok;
}

static bool run_step(struct maria *t, const struct ddl *ddl, const char *sql, struct err *err)
{
    bool clock = ddl->kind == DDL_ALTER_TABLE && ddl->timestamp_us && computes_moments(ddl);
    struct err reset;
    bool ok = (!clock || set_clock(t, ddl, err)) &&
              maria_run_str(t, sql, "change a definition on the target", err);

    if (clock && !maria_run_str(t, "SET timestamp=DEFAULT, time_zone='+00:00'", "reset the clock",
                                ok ? err : &reset))
        return false;
    return ok;
}

/* ---- the whole ---- */

static bool run_steps(struct maria *t, const struct ddl_unit *u, const struct steps *steps,
                      size_t from, struct err *err)
{
    char print[SHA256_HEX_SIZE];

    for (size_t i = from; i < steps->n; i++)
        if (!fingerprint(t, u->ddl, print, err) ||
            !write_journal(t, u, NULL, i, print, "STARTED", err) ||
            !run_step(t, u->ddl, steps->sql[i], err))
            return false;
    return true;
}

/* Until no statement that a former owner sent is at work on the table. */
static bool wait_for_table(struct maria *t, const struct table *table, struct err *err)
{
    struct buf sql = BUF_INIT;
    bool ok;

    if (!table)
        return true;
    buf_put_str(&sql, "LOCK TABLES ");
    sql_put_table(&sql, table->db, table->name);
    buf_put_str(&sql, " WRITE");
    ok = maria_run(t, buf_bytes(&sql), "wait for a definition change to end", err) &&
         maria_run_str(t, "UNLOCK TABLES", "unlock a table", err);
    buf_release(&sql);
    /* Not there: nobody is at work on it. Not permitted: the look must do without. */
    return ok || err->kind != ERR_RETRY;
}

static bool wait_for_former(struct maria *t, const struct ddl *ddl, struct err *err)
{
    struct err before = *err;

    for (uint32_t i = 0; i < ddl->n_effects; i++)
        if (!wait_for_table(t, ddl->effects[i].before, err) ||
            !wait_for_table(t, ddl->effects[i].after, err))
            return false;
    *err = before;
    return true;
}

/* Where to go on: *from = the first step that is not done. */
static bool find_step(struct maria *t, const struct ddl_unit *u, const struct steps *steps,
                      const struct journal *j, size_t *from, struct err *err)
{
    char print[SHA256_HEX_SIZE];

    *from = j->exists ? (size_t)j->step : 0;
    if (!j->exists || *from >= steps->n)
        return true;
    if (!wait_for_former(t, u->ddl, err) || !fingerprint(t, u->ddl, print, err))
        return false;
    if (strcmp(print, j->fingerprint) == 0)
        return true;
    ++*from;
    return *from < steps->n || check_outcome(t, u->ddl, err);
}

bool mariadb_apply_ddl(struct target *target, const struct ddl_unit *u, struct notes *notes,
                       struct err *err)
{
    struct maria *t = maria_of(target);
    struct unit advance = {.prev_lsn = u->prev_lsn,
                           .lsn = u->lsn,
                           .gtid = u->gtid,
                           .position = u->position,
                           .commit_us = u->commit_us};
    struct steps steps = {.n = 0};
    struct journal journal;
    size_t from = 0;
    bool ok;

    assert(t->owns_lane && !t->in_flight && !t->in_transaction);
    if (!read_journal(t, u, &journal, err))
        return false;
    if (journal.done)
        return true;
    ok = mariadb_ddl_statements(u->ddl, t->base.info.version_number, &steps.arena, &steps.sql,
                                &steps.n, notes, err) &&
         find_step(t, u, &steps, &journal, &from, err) && run_steps(t, u, &steps, from, err) &&
         write_journal(t, u, u->advances ? &advance : NULL, steps.n, "", "DONE", err);
    arena_release(&steps.arena);
    return ok;
}
