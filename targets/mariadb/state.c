/*
 * state.c - what the target itself keeps of our progress, beside the data and in its
 * transactions. Version 2.
 *
 *   meta         one row: version.
 *   lane         one row a lane: (channel, lane) -> epoch, lsn, gtid (text of place.h), file,
 *                position, commit_us, queue_uuid, touched. The truth about what is applied. A
 *                unit changes it in its own transaction, WHERE epoch and lsn are what the owner
 *                believes; `touched` makes that count a row even when nothing moves (repair).
 *   table_state  one row a table of the source: target_db, target_name (its name here), life
 *                (schema/life.h enum table_life), lo, hi, row_count, reason, definition
 *                (canonical CREATE TABLE text the target's table was made from).
 *   chunk        one row a chunk of a table under load; done commits with the chunk's rows.
 *   ddl          one row a DDL statement (channel, lsn, ordinal): step is how many of its
 *                statements are done, fingerprint is the SHA-256 of the target's definitions
 *                before statement `step`, status STARTED or DONE. See ddl_run.c.
 *
 * All are InnoDB, names compare by bytes, times are source microseconds. A crash leaves whole
 * transactions. Version 1 had no target_db and target_name; the first start behind it adds them
 * (the same names as at the source), then says so in meta: a crash in between repeats what is
 * good to repeat. A newer version is refused, by older programs this one, too.
 *
 * Example: lane ('copy', 0, 3, 1207, '3e11fa47-71ca-11e1-9e33-c80aa9429562:1207',
 * 'binlog.000003', 88123, ...) is at LSN 1207, and only the owner of epoch 3 moves it.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "schema/base/log.h"
#include "schema/base/xalloc.h"
#include "targets/mariadb/mariadb.h"

#define STATE_VERSION 2
#define ER_BAD_FIELD 1054
#define TABLES_MAX 100000
#define CHUNKS_MAX 10000000

static const char *const state_tables[] = {
    "meta",
    "id TINYINT UNSIGNED NOT NULL PRIMARY KEY, version INT UNSIGNED NOT NULL",
    "lane",
    "channel VARCHAR(64) NOT NULL, lane INT UNSIGNED NOT NULL, epoch BIGINT UNSIGNED NOT NULL,"
    " lsn BIGINT UNSIGNED NOT NULL, gtid VARCHAR(96) NOT NULL, file VARCHAR(255) NOT NULL,"
    " position BIGINT UNSIGNED NOT NULL, commit_us BIGINT UNSIGNED NOT NULL,"
    " queue_uuid BINARY(16) NOT NULL, touched BIGINT UNSIGNED NOT NULL,"
    " PRIMARY KEY (channel, lane)",
    "table_state",
    "channel VARCHAR(64) NOT NULL, db VARCHAR(64) NOT NULL, name VARCHAR(64) NOT NULL,"
    " life TINYINT UNSIGNED NOT NULL, lo BIGINT UNSIGNED NOT NULL, hi BIGINT UNSIGNED NOT NULL,"
    " row_count BIGINT UNSIGNED NOT NULL, reason VARCHAR(512) NOT NULL,"
    " definition LONGTEXT, target_db VARCHAR(64) NOT NULL DEFAULT '',"
    " target_name VARCHAR(64) NOT NULL DEFAULT '', PRIMARY KEY (channel, db, name)",
    "chunk",
    "channel VARCHAR(64) NOT NULL, db VARCHAR(64) NOT NULL, name VARCHAR(64) NOT NULL,"
    " number BIGINT UNSIGNED NOT NULL, low LONGTEXT, high LONGTEXT, done TINYINT NOT NULL,"
    " row_count BIGINT UNSIGNED NOT NULL, lo BIGINT UNSIGNED NOT NULL,"
    " hi BIGINT UNSIGNED NOT NULL, PRIMARY KEY (channel, db, name, number)",
    "ddl",
    "channel VARCHAR(64) NOT NULL, lsn BIGINT UNSIGNED NOT NULL, ordinal INT UNSIGNED NOT NULL,"
    " step INT UNSIGNED NOT NULL, fingerprint CHAR(64) NOT NULL, status VARCHAR(8) NOT NULL,"
    " PRIMARY KEY (channel, lsn, ordinal)",
};

void maria_put_state(struct buf *b, const struct maria *t, const char *table)
{
    sql_put_table(b, t->base.config.state_schema, table);
}

static void put_str(struct buf *b, const char *s)
{
    sql_put_string(b, bytes_str(s));
}

static void put_table_where(struct buf *b, const char *channel, const char *db, const char *name)
{
    buf_put_str(b, " WHERE channel=");
    put_str(b, channel);
    buf_put_str(b, " AND db=");
    put_str(b, db);
    buf_put_str(b, " AND name=");
    put_str(b, name);
}

static uint64_t to_u64(struct bytes b)
{
    return b.data ? strtoull((const char *)b.data, NULL, 10) : 0;
}

static void to_text(struct bytes b, char *out, size_t size)
{
    size_t n = b.len < size ? b.len : size - 1;

    if (n)
        memcpy(out, b.data, n);
    out[n] = 0;
}

static char *to_heap(struct bytes b)
{
    return b.data ? xstrndup((const char *)b.data, b.len) : NULL;
}

static bool read_u64(void *ctx, const struct bytes *c, unsigned n, struct err *err)
{
    (void)err;
    assert(n == 1);
    *(uint64_t *)ctx = to_u64(c[0]);
    return true;
}

/* ---- schema ---- */

bool mariadb_state_exists(struct target *target, bool *exists, struct err *err)
{
    struct maria *t = maria_of(target);
    struct buf sql = BUF_INIT;
    uint64_t n = 0;
    bool ok;

    buf_put_str(&sql, "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_NAME='meta' AND "
                      "TABLE_SCHEMA=");
    put_str(&sql, t->base.config.state_schema);
    ok = maria_query(t, buf_bytes(&sql), "look for the state schema", read_u64, &n, err);
    *exists = n > 0;
    buf_release(&sql);
    return ok;
}

/* From version 1. Every step may be repeated; the version comes last. */
static bool upgrade(struct maria *t, struct err *err)
{
    struct buf sql = BUF_INIT;
    bool ok;

    buf_put_str(&sql, "ALTER TABLE ");
    maria_put_state(&sql, t, "table_state");
    buf_put_str(&sql, " ADD COLUMN IF NOT EXISTS target_db VARCHAR(64) NOT NULL DEFAULT '',"
                      " ADD COLUMN IF NOT EXISTS target_name VARCHAR(64) NOT NULL DEFAULT '';"
                      "UPDATE ");
    maria_put_state(&sql, t, "table_state");
    buf_put_str(&sql, " SET target_db=db, target_name=name WHERE target_db='' OR"
                      " target_name='';UPDATE ");
    maria_put_state(&sql, t, "meta");
    buf_putf(&sql, " SET version=%d WHERE id=1 AND version=1", STATE_VERSION);
    ok = maria_run(t, buf_bytes(&sql), "upgrade the state schema", err);
    if (ok)
        log_info("target", "the state schema %s is upgraded from version 1 to %d",
                 t->base.config.state_schema, STATE_VERSION);
    buf_release(&sql);
    return ok;
}

static bool check_version(struct maria *t, struct err *err)
{
    struct buf sql = BUF_INIT;
    uint64_t version = 0;
    bool ok;

    buf_put_str(&sql, "SELECT version FROM ");
    maria_put_state(&sql, t, "meta");
    buf_put_str(&sql, " WHERE id=1");
    ok = maria_query(t, buf_bytes(&sql), "read the state's version", read_u64, &version, err);
    buf_release(&sql);
    if (ok && version == 1)
        return upgrade(t, err);
    if (ok && version != STATE_VERSION) {
        err_set(err, ERR_CONFIG,
                "state schema %s on the target has version %llu, this program knows up to %d",
                t->base.config.state_schema, (unsigned long long)version, STATE_VERSION);
        return false;
    }
    return ok;
}

bool mariadb_state_init(struct target *target, struct err *err)
{
    struct maria *t = maria_of(target);
    struct buf sql = BUF_INIT;
    bool ok;

    buf_put_str(&sql, "CREATE DATABASE IF NOT EXISTS ");
    sql_put_name(&sql, t->base.config.state_schema);
    buf_put_str(&sql, " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
    for (size_t i = 0; i < sizeof(state_tables) / sizeof(state_tables[0]); i += 2) {
        buf_put_str(&sql, ";CREATE TABLE IF NOT EXISTS ");
        maria_put_state(&sql, t, state_tables[i]);
        buf_putf(&sql, " (%s) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
                 state_tables[i + 1]);
    }
    buf_put_str(&sql, ";INSERT IGNORE INTO ");
    maria_put_state(&sql, t, "meta");
    buf_putf(&sql, " VALUES (1, %d)", STATE_VERSION);
    ok = maria_run(t, buf_bytes(&sql), "make the state schema", err) && check_version(t, err);
    buf_release(&sql);
    return ok;
}

/* ---- lane ---- */

void maria_put_lane_update(struct buf *b, const struct maria *t, uint64_t prev_lsn,
                           const struct unit *advance)
{
    buf_put_str(b, "UPDATE ");
    maria_put_state(b, t, "lane");
    buf_put_str(b, " SET touched=touched+1");
    if (advance) {
        char gtid[GTID_TEXT_SIZE];

        gtid_print(&advance->gtid, gtid);
        buf_putf(
            b, ",lsn=%llu,position=%llu,commit_us=%llu,gtid=", (unsigned long long)advance->lsn,
            (unsigned long long)advance->position.offset, (unsigned long long)advance->commit_us);
        put_str(b, gtid);
        buf_put_str(b, ",file=");
        put_str(b, advance->position.file);
    }
    buf_put_str(b, " WHERE channel=");
    put_str(b, t->channel);
    buf_putf(b, " AND lane=%u AND epoch=%llu AND lsn=%llu", t->lane, (unsigned long long)t->epoch,
             (unsigned long long)prev_lsn);
}

struct lane_read {
    struct lane_state *out;
    bool got;
};

static bool read_lane(void *ctx, const struct bytes *c, unsigned n, struct err *err)
{
    struct lane_read *read = ctx;
    struct lane_state *out = read->out;
    char gtid[GTID_TEXT_SIZE];

    assert(n == 7);
    out->epoch = to_u64(c[0]);
    out->lsn = to_u64(c[1]);
    to_text(c[2], gtid, sizeof(gtid));
    to_text(c[3], out->position.file, sizeof(out->position.file));
    out->position.offset = to_u64(c[4]);
    out->commit_us = to_u64(c[5]);
    if (c[6].len == sizeof(out->queue_uuid))
        memcpy(out->queue_uuid, c[6].data, c[6].len);
    read->got = true;
    if (gtid[0] && !gtid_parse(gtid, &out->gtid, err)) {
        err_context(err, "progress row on the target");
        return false;
    }
    return true;
}

static bool lane_select(struct maria *t, const char *channel, uint32_t lane, const char *lock,
                        bool *exists, struct lane_state *out, struct err *err)
{
    struct buf sql = BUF_INIT;
    struct lane_read read = {out, false};
    bool ok;

    memset(out, 0, sizeof(*out));
    snprintf(out->channel, sizeof(out->channel), "%s", channel);
    out->lane = lane;
    buf_put_str(&sql, "SELECT epoch,lsn,gtid,file,position,commit_us,queue_uuid FROM ");
    maria_put_state(&sql, t, "lane");
    buf_put_str(&sql, " WHERE channel=");
    put_str(&sql, channel);
    buf_putf(&sql, " AND lane=%u%s", lane, lock);
    ok = maria_query(t, buf_bytes(&sql), "read the lane's progress", read_lane, &read, err);
    *exists = read.got;
    buf_release(&sql);
    return ok;
}

bool mariadb_lane_read(struct target *target, const char *channel, uint32_t lane, bool *exists,
                       struct lane_state *out, struct err *err)
{
    struct maria *t = maria_of(target);
    return lane_select(t, channel, lane, "", exists, out, err);
}

static const uint8_t no_uuid[16];

static bool check_queue(const struct lane_state *lane, const uint8_t queue_uuid[16],
                        struct err *err)
{
    if (memcmp(queue_uuid, no_uuid, 16) == 0 || memcmp(lane->queue_uuid, no_uuid, 16) == 0 ||
        memcmp(lane->queue_uuid, queue_uuid, 16) == 0)
        return true;
    err_reason(err, ERR_DATA, "other_queue",
               "the copy %s on the target was filled from another queue; bring that queue back, or "
               "drop the copied databases and the state database and load again",
               lane->channel);
    return false;
}

static bool raise_epoch(struct maria *t, struct lane_state *lane, struct err *err)
{
    struct buf sql = BUF_INIT;
    uint64_t rows = 0;
    bool ok;

    lane->epoch++;
    buf_put_str(&sql, "UPDATE ");
    maria_put_state(&sql, t, "lane");
    buf_putf(&sql, " SET epoch=%llu, queue_uuid=", (unsigned long long)lane->epoch);
    sql_put_hex(&sql, bytes_of(lane->queue_uuid, sizeof(lane->queue_uuid)));
    buf_put_str(&sql, " WHERE channel=");
    put_str(&sql, lane->channel);
    buf_putf(&sql, " AND lane=%u", lane->lane);
    ok = maria_change(t, buf_bytes(&sql), "take the lane over", &rows, err);
    assert(!ok || rows == 1);
    buf_release(&sql);
    return ok;
}

static bool make_lane(struct maria *t, const char *channel, uint32_t lane, struct err *err)
{
    struct buf sql = BUF_INIT;
    bool ok;

    buf_put_str(&sql, "INSERT IGNORE INTO ");
    maria_put_state(&sql, t, "lane");
    buf_put_str(&sql, " VALUES (");
    put_str(&sql, channel);
    buf_putf(&sql, ",%u,0,0,'','',0,0,", lane);
    sql_put_hex(&sql, bytes_of(no_uuid, sizeof(no_uuid)));
    buf_put_str(&sql, ",0)");
    ok = maria_run(t, buf_bytes(&sql), "make the lane", err);
    buf_release(&sql);
    return ok;
}

bool mariadb_take_over(struct target *target, const char *channel, uint32_t lane,
                       const uint8_t queue_uuid[16], struct lane_state *out, struct err *err)
{
    struct maria *t = maria_of(target);
    bool exists = false;

    assert(strlen(channel) <= TARGET_CHANNEL_MAX);
    if (!make_lane(t, channel, lane, err) ||
        !maria_run_str(t, "START TRANSACTION", "begin on the target", err))
        return false;
    if (!lane_select(t, channel, lane, " FOR UPDATE", &exists, out, err) ||
        !check_queue(out, queue_uuid, err))
        goto failed;
    assert(exists);
    if (memcmp(queue_uuid, no_uuid, 16) != 0)
        memcpy(out->queue_uuid, queue_uuid, 16);
    if (!raise_epoch(t, out, err) || !maria_commit(t, err))
        goto failed;
    snprintf(t->channel, sizeof(t->channel), "%s", channel);
    t->lane = lane;
    t->epoch = out->epoch;
    t->owns_lane = true;
    /* When our host dies inside a transaction nobody tells the server, and the next owner would
     * wait for the lane's row until the connection times out. */
    return maria_run_str(t, "SET SESSION idle_write_transaction_timeout=60", "bound a lost owner",
                         err);
failed:
    maria_rollback(t);
    return false;
}

/* ---- table states ---- */

struct tables_read {
    struct table_state *states;
    size_t n;
};

static bool read_table_state(void *ctx, const struct bytes *c, unsigned n, struct err *err)
{
    struct tables_read *read = ctx;
    struct table_state *s;

    assert(n == 9 || n == 11); /* version 1 is read too, by who does not upgrade it */
    if (read->n == TABLES_MAX) {
        err_set(err, ERR_DATA, "more than %d table states on the target", TABLES_MAX);
        return false;
    }
    read->states = xrealloc(read->states, (read->n + 1) * sizeof(*s));
    s = &read->states[read->n++];
    memset(s, 0, sizeof(*s));
    to_text(c[1], s->db, sizeof(s->db));
    to_text(c[2], s->name, sizeof(s->name));
    s->life = life_of_number(to_u64(c[3]));
    s->lo = to_u64(c[4]);
    s->hi = to_u64(c[5]);
    s->rows = to_u64(c[6]);
    to_text(c[7], s->reason, sizeof(s->reason));
    s->definition = to_heap(c[8]);
    if (n == 11) {
        to_text(c[9], s->target_db, sizeof(s->target_db));
        to_text(c[10], s->target_name, sizeof(s->target_name));
    }
    if (s->life == TABLE_UNKNOWN) {
        s->life = TABLE_STOPPED;
        snprintf(s->reason, sizeof(s->reason), "its state on the target is none that we know");
    }
    return true;
}

static bool read_tables(struct maria *t, const char *channel, const char *names,
                        struct tables_read *read, struct err *err)
{
    struct buf sql = BUF_INIT;
    bool ok;

    buf_putf(&sql, "SELECT channel,db,name,life,lo,hi,row_count,reason,definition%s FROM ", names);
    maria_put_state(&sql, t, "table_state");
    buf_put_str(&sql, " WHERE channel=");
    put_str(&sql, channel);
    buf_put_str(&sql, " ORDER BY db, name");
    ok = maria_query(t, buf_bytes(&sql), "read table states", read_table_state, read, err);
    buf_release(&sql);
    return ok;
}

bool mariadb_tables_read(struct target *target, const char *channel, struct table_state **out,
                         size_t *n, struct err *err)
{
    struct maria *t = maria_of(target);
    struct tables_read read = {NULL, 0};
    bool ok = read_tables(t, channel, ",target_db,target_name", &read, err);

    if (!ok && err->server_errno == ER_BAD_FIELD) {
        *err = ERR_INIT;
        ok = read_tables(t, channel, "", &read, err);
    }
    if (!ok) {
        table_states_free(read.states, read.n);
        read = (struct tables_read){NULL, 0};
    }
    *out = read.states;
    *n = read.n;
    return ok;
}

bool mariadb_table_save(struct target *target, const char *channel, const struct table_state *s,
                        struct err *err)
{
    struct maria *t = maria_of(target);
    struct buf sql = BUF_INIT;
    bool ok;

    buf_put_str(&sql, "REPLACE INTO ");
    maria_put_state(&sql, t, "table_state");
    buf_put_str(&sql, " (channel,db,name,life,lo,hi,row_count,reason,definition,target_db,"
                      "target_name) VALUES (");
    put_str(&sql, channel);
    buf_put_u8(&sql, ',');
    put_str(&sql, s->db);
    buf_put_u8(&sql, ',');
    put_str(&sql, s->name);
    buf_putf(&sql, ",%d,%llu,%llu,%llu,", (int)s->life, (unsigned long long)s->lo,
             (unsigned long long)s->hi, (unsigned long long)s->rows);
    put_str(&sql, s->reason);
    buf_put_u8(&sql, ',');
    if (s->definition)
        put_str(&sql, s->definition);
    else
        buf_put_str(&sql, "NULL");
    buf_put_u8(&sql, ',');
    put_str(&sql, s->target_db);
    buf_put_u8(&sql, ',');
    put_str(&sql, s->target_name);
    buf_put_u8(&sql, ')');
    ok = maria_run(t, buf_bytes(&sql), "save a table's state", err);
    buf_release(&sql);
    return ok;
}

bool mariadb_tables_save(struct target *target, const char *channel,
                         const struct table_state *const *states, size_t n, struct err *err)
{
    struct maria *t = maria_of(target);
    bool ok = true;

    if (n <= 1)
        return n == 0 || mariadb_table_save(target, channel, states[0], err);
    if (!maria_run_str(t, "START TRANSACTION", "begin on the target", err))
        return false;
    for (size_t i = 0; i < n && ok; i++)
        ok = mariadb_table_save(target, channel, states[i], err);
    if (ok && maria_commit(t, err))
        return true;
    maria_rollback(t);
    return false;
}

bool mariadb_table_forget(struct target *target, const char *channel, const char *db,
                          const char *name, struct err *err)
{
    struct maria *t = maria_of(target);
    struct buf sql = BUF_INIT;
    bool ok;

    buf_put_str(&sql, "START TRANSACTION;DELETE FROM ");
    maria_put_state(&sql, t, "chunk");
    put_table_where(&sql, channel, db, name);
    buf_put_str(&sql, ";DELETE FROM ");
    maria_put_state(&sql, t, "table_state");
    put_table_where(&sql, channel, db, name);
    ok = maria_run(t, buf_bytes(&sql), "forget a table's state", err) && maria_commit(t, err);
    if (!ok)
        maria_rollback(t);
    buf_release(&sql);
    return ok;
}

/* ---- chunks ---- */

struct chunks_read {
    struct chunk_state *chunks;
    size_t n, cap;
};

static bool read_chunk(void *ctx, const struct bytes *c, unsigned n, struct err *err)
{
    struct chunks_read *read = ctx;
    struct chunk_state *s;

    assert(n == 7);
    if (read->n == CHUNKS_MAX) {
        err_set(err, ERR_DATA, "more than %d chunks of one table on the target", CHUNKS_MAX);
        return false;
    }
    if (read->n == read->cap) {
        read->cap = read->cap ? 2 * read->cap : 16;
        read->chunks = xrealloc(read->chunks, read->cap * sizeof(*s));
    }
    s = &read->chunks[read->n++];
    s->number = to_u64(c[0]);
    s->low = to_heap(c[1]);
    s->high = to_heap(c[2]);
    s->done = to_u64(c[3]) != 0;
    s->rows = to_u64(c[4]);
    s->lo = to_u64(c[5]);
    s->hi = to_u64(c[6]);
    return true;
}

bool mariadb_chunks_read(struct target *target, const char *channel, const char *db,
                         const char *name, struct chunk_state **out, size_t *n, struct err *err)
{
    struct maria *t = maria_of(target);
    struct buf sql = BUF_INIT;
    struct chunks_read read = {NULL, 0, 0};
    bool ok;

    buf_put_str(&sql, "SELECT number,low,high,done,row_count,lo,hi FROM ");
    maria_put_state(&sql, t, "chunk");
    put_table_where(&sql, channel, db, name);
    buf_put_str(&sql, " ORDER BY number");
    ok = maria_query(t, buf_bytes(&sql), "read chunks", read_chunk, &read, err);
    buf_release(&sql);
    if (!ok) {
        chunk_states_free(read.chunks, read.n);
        read = (struct chunks_read){NULL, 0, 0};
    }
    *out = read.chunks;
    *n = read.n;
    return ok;
}

static void put_bound(struct buf *b, const char *bound)
{
    buf_put_u8(b, ',');
    if (bound)
        put_str(b, bound);
    else
        buf_put_str(b, "NULL");
}

static void put_chunk(struct buf *b, const char *channel, const char *db, const char *name,
                      const struct chunk_state *c)
{
    buf_put_u8(b, '(');
    put_str(b, channel);
    buf_put_u8(b, ',');
    put_str(b, db);
    buf_put_u8(b, ',');
    put_str(b, name);
    buf_putf(b, ",%llu", (unsigned long long)c->number);
    put_bound(b, c->low);
    put_bound(b, c->high);
    buf_putf(b, ",%d,%llu,%llu,%llu)", c->done, (unsigned long long)c->rows,
             (unsigned long long)c->lo, (unsigned long long)c->hi);
}

static bool insert_chunks(struct maria *t, const char *channel, const char *db, const char *name,
                          const struct chunk_state *chunks, size_t n, struct err *err)
{
    struct buf sql = BUF_INIT;
    bool ok = true;

    for (size_t i = 0; ok && i < n;) {
        buf_reset(&sql);
        buf_put_str(&sql, "INSERT INTO ");
        maria_put_state(&sql, t, "chunk");
        buf_put_str(&sql, " (channel,db,name,number,low,high,done,row_count,lo,hi) VALUES ");
        for (bool first = true; i < n && (first || sql.len < MARIA_STATEMENT_BYTES); i++) {
            buf_put_str(&sql, first ? "" : ",");
            put_chunk(&sql, channel, db, name, &chunks[i]);
            first = false;
        }
        ok = maria_run(t, buf_bytes(&sql), "save the plan of a table", err);
    }
    buf_release(&sql);
    return ok;
}

bool mariadb_chunks_plan(struct target *target, const char *channel, const char *db,
                         const char *name, const struct chunk_state *chunks, size_t n,
                         struct err *err)
{
    struct maria *t = maria_of(target);
    struct buf sql = BUF_INIT;
    bool ok;

    buf_put_str(&sql, "START TRANSACTION;DELETE FROM ");
    maria_put_state(&sql, t, "chunk");
    put_table_where(&sql, channel, db, name);
    ok = maria_run(t, buf_bytes(&sql), "remove the former plan of a table", err) &&
         insert_chunks(t, channel, db, name, chunks, n, err) && maria_commit(t, err);
    if (!ok)
        maria_rollback(t);
    buf_release(&sql);
    return ok;
}
