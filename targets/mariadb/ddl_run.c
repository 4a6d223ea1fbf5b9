/*
 * ddl_run.c - definitions on the target: made, changed, and found out about after a crash.
 *
 * A DDL statement of MariaDB is atomic (10.6) but commits by itself, so a journal row tells
 * what was about to be done. For each statement (step) of a DDL: commit STARTED with the SHA-256
 * of the target's own definitions before it, run it; after the last one commit DONE together
 * with the lane. After a crash in STARTED the target's definitions are looked at again: as
 * before the step means that it did not happen; otherwise it did, and if it was the last one
 * the columns must be those of the model, or the table stops ("ddl_unclear").
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "schema/base/digest.h"
#include "schema/base/stop.h"
#include "targets/mariadb/ddl.h"
#include "targets/mariadb/mariadb.h"

#define LOCK_TRIES 20 /* of a second each; then the lane asks again */
#define ER_TABLE_EXISTS 1050
#define ER_NO_SUCH_TABLE 1146
#define ER_DUP_KEYNAME 1061
#define ER_BAD_DB 1049
#define ER_FENCED 30001 /* our own */

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

/* A statement of its own commits, so the guard goes ahead of it in the same packet: no client that
 * stands still comes between. */
static bool run_guarded(struct maria *t, const struct buf *statements, const char *what,
                        struct err *err)
{
    struct arena arena = {0};
    struct state_change guard = store_guard(&t->base, &arena);
    struct buf sql = BUF_INIT;
    bool ok;

    buf_put_str(&sql, "BEGIN NOT ATOMIC IF NOT EXISTS (SELECT 1 FROM ");
    maria_put_condition(&sql, t, &guard);
    buf_putf(&sql, ") THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO=%d; END IF; END;", ER_FENCED);
    buf_put_bytes(&sql, buf_bytes(statements));
    ok = maria_run(t, buf_bytes(&sql), what, err);
    if (!ok && err->server_errno == ER_FENCED)
        store_fenced(&guard, err);
    buf_release(&sql);
    arena_release(&arena);
    return ok;
}

static bool run_on_table(struct maria *t, struct buf *sql, const char *what, const char *db,
                         const char *name, struct err *err)
{
    bool ok = sql->len == 0 || run_guarded(t, sql, what, err);

    if (!ok)
        err_context(err, "table %s.%s", db, name);
    /* The rows contradict a key: the table is at fault, not the server. */
    if (!ok && strcmp(err->reason, "duplicate_key") == 0)
        err->kind = ERR_DATA;
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

/*
 * Tables that swap their names may have equal definitions, before as after. So the same atomic
 * RENAME TABLE renames a mark of ours along with them.
 */
static bool is_marked(const struct ddl *ddl)
{
    return ddl->kind == DDL_RENAME_TABLE && ddl->n_effects > 1;
}

static void put_mark(struct maria *t, const char *which, struct buf *b)
{
    char hash[SHA256_HEX_SIZE];
    char name[40];

    sha256_hex(bytes_str(t->base.owner.channel), hash);
    snprintf(name, sizeof(name), "%s_%.8s_%u", which, hash, t->base.owner.lane);
    maria_put_state(b, t, name);
}

static bool put_marks(struct maria *t, struct buf *out, struct err *err)
{
    static const char *const which[] = {"mark", "marked"};
    bool ok = true;

    for (size_t i = 0; ok && i < 2; i++) {
        struct buf sql = BUF_INIT;
        struct buf text = BUF_INIT;

        buf_put_str(&sql, "SHOW CREATE TABLE ");
        put_mark(t, which[i], &sql);
        ok = maria_query(t, buf_bytes(&sql), "look for a mark", read_create, &text, err);
        if (ok)
            buf_put_str(out, which[i]);
        else
            ok = err->server_errno == ER_NO_SUCH_TABLE;
        buf_release(&sql);
        buf_release(&text);
    }
    return ok;
}

static bool set_mark(struct maria *t, struct err *err)
{
    struct buf sql = BUF_INIT;
    bool ok;

    buf_put_str(&sql, "DROP TABLE IF EXISTS ");
    put_mark(t, "marked", &sql);
    buf_put_str(&sql, ";CREATE TABLE IF NOT EXISTS ");
    put_mark(t, "mark", &sql);
    buf_put_str(&sql, " (id INT PRIMARY KEY) ENGINE=InnoDB");
    ok = maria_run(t, buf_bytes(&sql), "set a mark", err);
    buf_release(&sql);
    return ok;
}

static bool remove_marks(struct maria *t, struct err *err)
{
    struct buf sql = BUF_INIT;
    bool ok;

    buf_put_str(&sql, "DROP TABLE IF EXISTS ");
    put_mark(t, "mark", &sql);
    buf_put_str(&sql, ", ");
    put_mark(t, "marked", &sql);
    ok = maria_run(t, buf_bytes(&sql), "remove a mark", err);
    buf_release(&sql);
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
    if (ok && is_marked(ddl))
        ok = put_marks(t, &text, err);
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

/* A name that the statement only passes through. */
static bool is_left_again(const struct ddl *ddl, uint32_t i)
{
    const struct table *after = ddl->effects[i].after;

    for (uint32_t k = i + 1; after && k < ddl->n_effects; k++) {
        const struct table *before = ddl->effects[k].before;

        if (before && strcmp(before->db, after->db) == 0 && strcmp(before->name, after->name) == 0)
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

        if (is_left_again(ddl, i))
            continue;
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

/* The swap itself is the first statement of its kind. */
static bool run_marked(struct maria *t, const struct ddl *ddl, const char *sql, struct err *err)
{
    struct buf b = BUF_INIT;
    bool ok;

    buf_put_str(&b, sql);
    buf_put_str(&b, ", ");
    put_mark(t, "mark", &b);
    buf_put_str(&b, " TO ");
    put_mark(t, "marked", &b);
    ok = run_step(t, ddl, buf_cstr(&b), err);
    buf_release(&b);
    return ok;
}

static bool run_steps(struct maria *t, const struct ddl_unit *u, const struct steps *steps,
                      size_t from, struct err *err)
{
    for (size_t i = from; i < steps->n; i++) {
        bool marked = i == 0 && is_marked(u->ddl);
        struct journal_row begun = {.step = (uint32_t)i};

        if ((marked && !set_mark(t, err)) || !fingerprint(t, u->ddl, begun.fingerprint, err) ||
            !store_journal_write(&t->base, u, &begun, err) ||
            !(marked ? run_marked : run_step)(t, u->ddl, steps->sql[i], err))
            return false;
    }
    return true;
}

/* ---- one connection at a time ----
 *
 * A statement outlives the connection that sent it. So a DDL unit runs under a named lock of the
 * server, which ends with its connection: who has it knows that no former owner's statement is at
 * work. It needs no privilege, and so does killing an idle connection of the own user.
 */

static void put_lock_name(struct maria *t, struct buf *b)
{
    struct buf text = BUF_INIT;
    char hash[SHA256_HEX_SIZE];

    buf_putf(&text, "%s/%s/%u", t->base.config.state_schema, t->base.owner.channel,
             t->base.owner.lane);
    sha256_hex(buf_bytes(&text), hash);
    buf_putf(b, "'domicile.%.40s'", hash);
    buf_release(&text);
}

struct lock_try {
    bool got;
    uint64_t holder; /* its connection, 0: not known */
    bool is_idle;
};

static bool read_lock_try(void *ctx, const struct bytes *c, unsigned n, struct err *err)
{
    struct lock_try *lock = ctx;

    (void)err;
    assert(n == 1);
    lock->got = c[0].len == 1 && c[0].data[0] == '1';
    return true;
}

static bool read_holder(void *ctx, const struct bytes *c, unsigned n, struct err *err)
{
    struct lock_try *lock = ctx;

    (void)err;
    assert(n == 2);
    lock->holder = strtoull((const char *)c[0].data, NULL, 10);
    lock->is_idle = c[1].len == 5 && memcmp(c[1].data, "Sleep", 5) == 0;
    return true;
}

static bool try_lock(struct maria *t, struct lock_try *lock, struct err *err)
{
    struct buf sql = BUF_INIT;
    bool ok;

    memset(lock, 0, sizeof(*lock));
    buf_put_str(&sql, "SELECT GET_LOCK(");
    put_lock_name(t, &sql);
    buf_put_str(&sql, ", 1)");
    ok = maria_query(t, buf_bytes(&sql), "wait for a former statement", read_lock_try, lock, err);
    buf_reset(&sql);
    buf_put_str(&sql,
                "SELECT id, command FROM information_schema.PROCESSLIST WHERE id=IS_USED_LOCK(");
    put_lock_name(t, &sql);
    buf_put_str(&sql, ")");
    if (ok && !lock->got)
        ok = maria_query(t, buf_bytes(&sql), "look for a former owner", read_holder, lock, err);
    buf_release(&sql);
    return ok;
}

/* A former owner that is between two statements must not come to the next. */
static bool end_idle(struct maria *t, const struct lock_try *lock, struct err *err)
{
    struct buf sql = BUF_INIT;
    bool ok;

    if (!lock->is_idle)
        return true;
    buf_putf(&sql, "KILL %llu", (unsigned long long)lock->holder);
    ok = maria_run(t, buf_bytes(&sql), "end a former owner's connection", err);
    buf_release(&sql);
    return ok || err->kind != ERR_RETRY; /* gone meanwhile, or not ours to end */
}

static bool lock_ddl(struct maria *t, struct err *err)
{
    struct lock_try lock = {0};

    for (unsigned i = 0; i < LOCK_TRIES && !stop_requested(); i++) {
        if (!try_lock(t, &lock, err))
            return false;
        if (lock.got)
            return true;
        if (!end_idle(t, &lock, err))
            return false;
    }
    err_reason(err, ERR_RETRY, "ddl_running",
               "connection %llu of a former owner still changes a definition on the target",
               (unsigned long long)lock.holder);
    return false;
}

static bool unlock_ddl(struct maria *t, struct err *err)
{
    struct buf sql = BUF_INIT;
    bool ok;

    buf_put_str(&sql, "DO RELEASE_LOCK(");
    put_lock_name(t, &sql);
    buf_put_str(&sql, ")");
    ok = maria_run(t, buf_bytes(&sql), "end a definition change", err);
    buf_release(&sql);
    return ok;
}

/* Where to go on: *from = the first step that is not done. */
static bool find_step(struct maria *t, const struct ddl_unit *u, const struct steps *steps,
                      const struct journal_row *j, size_t *from, struct err *err)
{
    char print[SHA256_HEX_SIZE];

    *from = j->exists ? (size_t)j->step : 0;
    if (!j->exists || *from >= steps->n)
        return true;
    if (!fingerprint(t, u->ddl, print, err))
        return false;
    if (strcmp(print, j->fingerprint) == 0)
        return true;
    ++*from;
    return *from < steps->n || check_outcome(t, u->ddl, err);
}

static bool run_unit(struct maria *t, const struct ddl_unit *u, const struct journal_row *journal,
                     struct notes *notes, struct err *err)
{
    struct steps steps = {.n = 0};
    struct journal_row done = {.is_done = true};
    size_t from = 0;
    bool ok = mariadb_ddl_statements(u->ddl, t->base.info.version_number, &steps.arena, &steps.sql,
                                     &steps.n, notes, err) &&
              find_step(t, u, &steps, journal, &from, err) && run_steps(t, u, &steps, from, err);

    done.step = (uint32_t)steps.n;
    ok = ok && store_journal_write(&t->base, u, &done, err);
    arena_release(&steps.arena);
    return ok;
}

bool mariadb_apply_ddl(struct target *target, const struct ddl_unit *u, struct notes *notes,
                       struct err *err)
{
    struct maria *t = maria_of(target);
    struct journal_row journal;
    struct err ignored;
    bool ok;

    assert(!t->in_flight && !t->in_transaction);
    if (!store_journal_read(&t->base, u, &journal, err))
        return false;
    if (!journal.is_done) {
        if (!lock_ddl(t, err))
            return false;
        ok = run_unit(t, u, &journal, notes, err);
        /* After an error the connection may be gone, and the lock with it. */
        if (!unlock_ddl(t, ok ? err : &ignored) || !ok)
            return false;
    }
    return !is_marked(u->ddl) || remove_marks(t, err);
}
