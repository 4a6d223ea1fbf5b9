/*
 * applier.c - the apply engine from a queue to a real MariaDB, run by 21_applier.sh with the
 * WRITER_* variables (see tests/lib/writer.h) and APPLIER_DIR.
 *
 * The oracle is the server itself: statements run in database src with foreign-key checks on,
 * so InnoDB cascades there, unlogged as on a source with native foreign keys; only the named rows
 * go into the queue; then the engine makes database w from it, and both must be equal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/apply/apply.h"
#include "cdc/queue/queue.h"
#include "schema/base/log.h"
#include "schema/base/xalloc.h"
#include "schema/ddl/ddl.h"
#include "targets/sqltext.h"
#include "targets/target.h"
#include "tests/lib/target_sql.h"

#define CANARY "canary-7f3a"
#define TABLES 6
#define IDS 14

static struct target_config config;
static struct guard *guard;
static struct target *src; /* checks on: the oracle */
static struct err err;
static char queue_dir[512];
static unsigned queue_number;
static uint64_t gno; /* of the last transaction, which is its LSN, too */
static struct queue *queue;
static uint64_t seed = 1;
static bool no_cascades; /* write nothing that the engine would cascade */

static const char *const tables_sql[TABLES] = {
    "CREATE TABLE parent (id INT NOT NULL, code VARCHAR(10) CHARACTER SET utf8mb4 COLLATE "
    "utf8mb4_general_ci NOT NULL, v INT NULL, PRIMARY KEY (id), UNIQUE KEY code (code)) "
    "ENGINE=InnoDB",
    "CREATE TABLE child (id INT NOT NULL, pid INT NULL, v INT NULL, PRIMARY KEY (id), KEY pid "
    "(pid), CONSTRAINT child_1 FOREIGN KEY (pid) REFERENCES parent (id) ON DELETE CASCADE ON "
    "UPDATE "
    "CASCADE) ENGINE=InnoDB",
    "CREATE TABLE grand (id INT NOT NULL, cid INT NULL, v INT NULL, PRIMARY KEY (id), KEY cid "
    "(cid), CONSTRAINT grand_1 FOREIGN KEY (cid) REFERENCES child (id) ON DELETE CASCADE ON UPDATE "
    "SET NULL) ENGINE=InnoDB",
    "CREATE TABLE loose (id INT NOT NULL, pid INT NULL, v INT NULL, PRIMARY KEY (id), KEY pid "
    "(pid), CONSTRAINT loose_1 FOREIGN KEY (pid) REFERENCES parent (id) ON DELETE SET NULL ON "
    "UPDATE "
    "SET NULL) ENGINE=InnoDB",
    ("CREATE TABLE emp (id INT NOT NULL, mgr INT NULL, v INT NULL, PRIMARY KEY (id), KEY mgr "
     "(mgr), "
     "CONSTRAINT emp_1 FOREIGN KEY (mgr) REFERENCES emp (id) ON DELETE CASCADE) ENGINE=InnoDB"),
    "CREATE TABLE heap (id INT NULL, w INT NULL, v INT NULL) ENGINE=InnoDB",
};
static const char *const names[TABLES] = {"parent", "child", "grand", "loose", "emp", "heap"};
static const struct table *defs[TABLES]; /* in the queue's catalogue, database w */
static struct table *src_defs[TABLES];

static void must(bool ok)
{
    if (!ok)
        fail_msg("%s (%s)", err.text, err.reason);
}

static unsigned pick(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 20) % n;
}

/* ---- the two databases ---- */

static bool no_row(void *ctx, const struct bytes *c, unsigned n, struct err *e)
{
    (void)ctx, (void)c, (void)n, (void)e;
    return true;
}

static bool try_sql(const char *sql)
{
    return target_query(src, sql, no_row, NULL, &err);
}

static void run_sql(const char *sql)
{
    must(try_sql(sql));
}

static bool one_number(void *ctx, const struct bytes *c, unsigned n, struct err *e)
{
    (void)n, (void)e;
    *(long long *)ctx = c[0].data ? strtoll((const char *)c[0].data, NULL, 10) : -1;
    return true;
}

static long long number(const char *sql)
{
    long long out = -2;

    must(target_query(src, sql, one_number, &out, &err));
    return out;
}

static void assert_same(void)
{
    for (int i = 0; i < TABLES; i++) {
        char sql[512];

        snprintf(
            sql, sizeof(sql),
            "SELECT (SELECT COUNT(*) FROM (SELECT * FROM src.%s EXCEPT ALL SELECT * FROM w.%s) "
            "a) + (SELECT COUNT(*) FROM (SELECT * FROM w.%s EXCEPT ALL SELECT * FROM src.%s) b)",
            names[i], names[i], names[i], names[i]);
        if (number(sql) != 0)
            fail_msg("table %s differs (seed %llu)", names[i], (unsigned long long)seed);
    }
}

static struct table *parse(const char *db, const char *sql)
{
    struct table *t;

    must(ddl_parse_table(sql, db, &t, &err));
    return t;
}

static void make_tables(void)
{
    run_sql("DROP DATABASE IF EXISTS w");
    run_sql("SET foreign_key_checks=0");
    run_sql("DROP DATABASE IF EXISTS src");
    run_sql("CREATE DATABASE src");
    run_sql("CREATE DATABASE w");
    run_sql("SET foreign_key_checks=1");
    for (int i = 0; i < TABLES; i++) {
        run_sql("USE src");
        run_sql(tables_sql[i]);
        run_sql("USE w");
        run_sql(tables_sql[i]);
    }
}

static void forget_state(void)
{
    must(target_state_init(src, &err));
    run_sql("DELETE FROM domicile.lane");
    run_sql("DELETE FROM domicile.table_state");
    run_sql("DELETE FROM domicile.ddl");
}

static void follow(const char *name, enum table_life life, uint64_t lo, uint64_t hi)
{
    static const uint8_t no_queue[16];
    struct table_state s = {.life = life, .lo = lo, .hi = hi};
    struct lane_state now;
    bool exists;

    must(target_lane_read(src, "a", 0, &exists, &now, &err));
    if (!exists)
        must(target_take_over(src, "a", 0, no_queue, &now, &err));
    target_join(src, "a", 0, now.epoch);
    snprintf(s.db, sizeof(s.db), "w");
    snprintf(s.name, sizeof(s.name), "%s", name);
    must(target_table_save(src, &s, &err));
}

/* ---- the queue ---- */

static void make_queue(void)
{
    struct queue_identity id = {.uuid = {7}, .source_uuid = "00000000-0000-0000-0000-000000000001"};
    struct place start = {.at = {.file = "binlog.000001", .offset = 4}};
    struct catalog *catalog = catalog_new();

    snprintf(queue_dir, sizeof(queue_dir), "%s/queue-%u", getenv("APPLIER_DIR"), queue_number++);
    gno = 0;
    id.uuid[1] = (uint8_t)queue_number;
    catalog_put_database(catalog, "w", "utf8mb4", "utf8mb4_general_ci");
    for (int i = 0; i < TABLES; i++)
        catalog_put(catalog, parse("w", tables_sql[i]));
    must(queue_create(queue_dir, NULL, &id, &start, catalog, &err));
    catalog_free(catalog);
    must(queue_open(queue_dir, NULL, &queue, &err));
    for (int i = 0; i < TABLES; i++)
        defs[i] = catalog_get(queue_catalog(queue), "w", names[i]);
}

static void begin_tx(void)
{
    struct tx_begin b = {.commit_us = 1000000 + gno, .gtid.kind = GTID_MYSQL};

    b.gtid.mysql = (struct mysql_gtid){.uuid = {1}, .gno = ++gno};
    must(queue_begin(queue, &b, &err));
}

static uint64_t end_tx(void)
{
    struct position end = {.file = "binlog.000001", .offset = 100 * gno};
    uint64_t lsn;

    must(queue_finish(queue, &end, &lsn, &err));
    must(queue_sync(queue, &err));
    return lsn;
}

static void put_change(int table, const struct value *before, const struct value *after)
{
    struct change c = {.table = defs[table], .before = before, .after = after};

    c.kind = !before ? CHANGE_INSERT : !after ? CHANGE_DELETE : CHANGE_UPDATE;
    must(queue_change(queue, &c, &err));
}

/* A statement like the source's, logged and run there. */
static void put_ddl(const char *text, bool run_on_src)
{
    struct ddl_context ctx = {.db = "w", .explicit_defaults_for_timestamp = true};
    struct arena arena = {0};
    struct ddl ddl;

    if (run_on_src) {
        run_sql("USE src");
        run_sql(text);
    }
    must(ddl_replay(queue_catalog(queue), text, &ctx, &arena, &ddl, &err));
    must(queue_ddl(queue, &ddl, &err));
    arena_release(&arena);
}

/* ---- statements on src, and what a row log would say of them ---- */

struct fetched {
    struct arena arena;
    const struct table *table;
    struct value *row; /* the last one */
    size_t n;
};

static bool keep_row(void *ctx, const struct value *row, struct err *e)
{
    struct fetched *f = ctx;

    (void)e;
    f->row = arena_alloc(&f->arena, f->table->n_columns * sizeof(*f->row));
    for (uint32_t i = 0; i < f->table->n_columns; i++)
        f->row[i] = value_copy(&f->arena, &row[i]);
    f->n++;
    return true;
}

static bool fetch(struct fetched *f, int table, int id)
{
    uint32_t column = table_column(src_defs[table], "id");
    struct value value = {.kind = VALUE_INT, .i = id};
    struct selection which = {.columns = &column, .values = &value, .n_columns = 1};

    f->table = src_defs[table];
    f->n = 0;
    must(target_read_rows(src, src_defs[table], &which, false, 1, keep_row, f, &err));
    return f->n == 1;
}

static void put_pick(char *out, size_t size, int table)
{
    if (table == 0)
        snprintf(out, size, "'%c%u'", pick(2) ? 'a' : 'A', pick(12));
    else if (pick(4) == 0)
        snprintf(out, size, "NULL");
    else
        snprintf(out, size, "%u", pick(IDS));
}

static bool step(struct fetched *f)
{
    static const char *const second[TABLES] = {"code", "pid", "cid", "pid", "mgr", "w"};
    int table = (int)pick(TABLES);
    int id = (int)pick(IDS);
    int to = pick(4) ? id : (int)pick(IDS);
    bool there = fetch(f, table, id);
    struct value *before = there ? f->row : NULL;
    bool is_parent = table < 2 || table == 4;
    char lit[32];
    char sql[256];

    if (no_cascades && is_parent)
        to = id;
    put_pick(lit, sizeof(lit), table);
    if (!there || (table == 5 && pick(3) == 0)) {
        snprintf(sql, sizeof(sql), "INSERT INTO src.%s VALUES (%d, %s, %u)", names[table], id, lit,
                 pick(5));
        to = id;
        before = NULL;
    } else if (pick(3) == 0 && !(no_cascades && is_parent)) {
        snprintf(sql, sizeof(sql), "DELETE FROM src.%s WHERE id=%d LIMIT 1", names[table], id);
        to = -1;
    } else if (pick(2)) {
        snprintf(sql, sizeof(sql), "UPDATE src.%s SET v=v+1 WHERE id=%d LIMIT 1", names[table], id);
        to = id;
    } else {
        snprintf(sql, sizeof(sql), "UPDATE src.%s SET id=%d, %s=%s WHERE id=%d LIMIT 1",
                 names[table], to, second[table], lit, id);
    }
    /* Without a key, which of several rows a statement met is not known: one by one only. */
    if (table == 5 && before && (f->n != 1 || number("SELECT COUNT(*) FROM src.heap") > 1))
        return false;
    if (!try_sql(sql))
        return false;
    if (to >= 0 && table == 5 && !before) {
        struct value row[3];

        row[0] = (struct value){.kind = VALUE_INT, .i = id};
        row[1] = strcmp(lit, "NULL") == 0
                     ? (struct value){.kind = VALUE_NULL}
                     : (struct value){.kind = VALUE_INT, .i = strtol(lit, NULL, 10)};
        row[2] = (struct value){.kind = VALUE_INT, .i = strtol(strrchr(sql, ',') + 1, NULL, 10)};
        put_change(table, NULL, row);
        return true;
    }
    if (to >= 0 && !fetch(f, table, to))
        fail_msg("no row after %s", names[table]);
    put_change(table, before, to >= 0 ? f->row : NULL);
    return true;
}

/* n transactions of 1 to 6 statements; returns the last LSN. */
static uint64_t write_transactions(int n)
{
    uint64_t lsn = 0;

    for (int i = 0; i < n; i++) {
        struct fetched f = {0};
        int steps = 1 + (int)pick(6);

        begin_tx();
        for (int k = 0; k < steps; k++)
            step(&f);
        lsn = end_tx();
        arena_release(&f.arena);
    }
    return lsn;
}

/* ---- the engine ---- */

static struct apply_config apply_config(void)
{
    static struct target_guarded guarded;
    static struct target_door door;

    guarded = (struct target_guarded){&config, guard};
    door = target_guarded(&guarded);
    return (struct apply_config){.target = &door, .queue_dir = queue_dir, .channel = "a"};
}

static void apply_until(uint64_t lsn, size_t rows_max)
{
    struct apply_config c = apply_config();
    struct apply *a;

    c.group_rows_max = rows_max;
    must(apply_open(&c, &a, &err));
    must(apply_run(a, lsn, &err));
    assert_int_equal(apply_lsn(a), lsn);
    apply_close(a);
}

static int setup(void **state)
{
    (void)state;
    must(target_connect(&config, guard, &src, &err));
    forget_state();
    make_tables();
    for (int i = 0; i < TABLES; i++)
        src_defs[i] = parse("src", tables_sql[i]);
    make_queue();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    queue_close(queue);
    target_close(src);
    for (int i = 0; i < TABLES; i++)
        table_free(src_defs[i]);
    return 0;
}

static void follow_all(void)
{
    for (int i = 0; i < TABLES; i++)
        follow(names[i], TABLE_STRICT, 0, 0);
}

static void test_applier_equals_a_source_that_cascades_unlogged(void **state)
{
    static const size_t rows_max[] = {0, 1, 7};

    (void)state;
    follow_all();
    for (int round = 0; round < 12; round++) {
        uint64_t lsn;

        seed = (uint64_t)round * 7919 + 17;
        lsn = write_transactions(60);
        apply_until(lsn, rows_max[round % 3]);
        assert_same();
    }
    apply_until(gno, 0);
    assert_same();
}

/* Each table is read at another place, as chunks of a load are; returns the window's end. */
static uint64_t read_tables(uint64_t lo, bool with_cascades)
{
    no_cascades = !with_cascades;
    for (int i = 0; i < TABLES; i++) {
        char sql[128];

        snprintf(sql, sizeof(sql), "INSERT INTO w.%s SELECT * FROM src.%s", names[i], names[i]);
        run_sql("SET foreign_key_checks=0");
        run_sql(sql);
        run_sql("SET foreign_key_checks=1");
        if (i < 4)
            write_transactions(10);
    }
    no_cascades = false;
    run_sql("DELETE FROM w.heap");
    run_sql("INSERT INTO w.heap SELECT * FROM src.heap");
    for (int i = 0; i < 5; i++)
        follow(names[i], TABLE_COLLAPSE, lo, gno);
    follow("heap", TABLE_STRICT, gno, gno);
    /* Until the collapse is over unique keys may clash. */
    run_sql("ALTER TABLE w.parent DROP KEY code");
    return gno;
}

static void test_applier_heals_a_window(void **state)
{
    uint64_t lo, hi;

    (void)state;
    seed = 4242;
    lo = write_transactions(80);
    hi = read_tables(lo, false);
    apply_until(hi, 0);
    assert_same();
    for (int i = 0; i < 5; i++)
        follow(names[i], TABLE_STRICT, lo, hi);
    apply_until(write_transactions(40), 0);
    assert_same();
}

static long long life_of(const char *name)
{
    char sql[128];

    snprintf(sql, sizeof(sql), "SELECT life FROM domicile.table_state WHERE name='%s'", name);
    return number(sql);
}

static void test_applier_sends_back_what_a_cascade_reached_in_its_window(void **state)
{
    uint64_t lo, hi;

    (void)state;
    for (uint64_t round = 1; round <= 5; round++) {
        seed = 4242 + round;
        make_tables();
        forget_state();
        queue_close(queue);
        make_queue();
        lo = write_transactions(80);
        hi = read_tables(lo, true);
        apply_until(hi, 7);
        assert_int_equal(life_of("parent"), TABLE_COLLAPSE);
        assert_int_equal(life_of("child"), TABLE_WAIT);
        assert_int_equal(life_of("grand"), TABLE_WAIT);
        assert_int_equal(life_of("loose"), TABLE_WAIT);
    }
}

static void test_applier_stops_what_lies_behind_a_stopped_table(void **state)
{
    uint64_t lsn;

    (void)state;
    seed = 77;
    follow_all();
    apply_until(write_transactions(60), 0);
    follow("child", TABLE_STOPPED, 0, 0);
    lsn = write_transactions(60);
    apply_until(lsn, 0);
    assert_int_equal(life_of("grand"), TABLE_STOPPED);
    assert_int_equal(number("SELECT reason LIKE '%through table w.child%load both anew' FROM "
                            "domicile.table_state WHERE name='grand'"),
                     1);
    assert_int_equal(life_of("loose"), TABLE_STRICT);
    assert_int_equal(life_of("emp"), TABLE_STRICT);
}

static void test_applier_streams_a_transaction_larger_than_a_group(void **state)
{
    (void)state;
    follow_all();
    begin_tx();
    for (int i = 0; i < 5000; i++) {
        struct value row[3] = {
            {.kind = VALUE_INT, .i = 1000 + i}, {.kind = VALUE_NULL}, {.kind = VALUE_INT, .i = i}};
        struct value next[3] = {row[0], row[1], {.kind = VALUE_INT, .i = i + 1}};

        put_change(1, NULL, row);
        if (i % 2)
            put_change(1, row, next);
    }
    apply_until(end_tx(), 100);
    assert_int_equal(number("SELECT COUNT(*) FROM w.child"), 5000);
    assert_int_equal(number("SELECT COUNT(*) FROM w.child WHERE v=id-1000"), 2500);
}

static void test_applier_stops_one_table_and_goes_on(void **state)
{
    struct value bad[3] = {{.kind = VALUE_INT, .i = 1},
                           {.kind = VALUE_TEXT, .b = bytes_str(CANARY)},
                           {.kind = VALUE_NULL}};
    struct value good[3] = {
        {.kind = VALUE_INT, .i = 5}, {.kind = VALUE_NULL}, {.kind = VALUE_NULL}};
    struct table_state *states;
    size_t n;
    uint64_t lsn;

    (void)state;
    follow_all();
    run_sql("ALTER TABLE w.parent MODIFY code VARCHAR(3) NOT NULL");
    begin_tx();
    put_change(4, NULL, good);
    put_change(0, NULL, bad);
    lsn = end_tx();
    apply_until(lsn, 0);
    assert_int_equal(number("SELECT COUNT(*) FROM w.emp"), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM w.parent"), 0);
    must(target_tables_read(src, "a", &states, &n, &err));
    for (size_t i = 0; i < n; i++) {
        bool is_parent = strcmp(states[i].name, "parent") == 0;

        assert_int_equal(states[i].life, is_parent ? TABLE_STOPPED : TABLE_STRICT);
        if (is_parent) {
            assert_non_null(strstr(states[i].reason, "column code"));
            assert_non_null(strstr(states[i].reason, "row key hash"));
            assert_null(strstr(states[i].reason, CANARY));
        }
    }
    table_states_free(states, n);
}

static void test_applier_stops_a_table_that_somebody_dropped_on_the_target(void **state)
{
    struct value row[3] = {{.kind = VALUE_INT, .i = 5}, {.kind = VALUE_NULL}, {.kind = VALUE_NULL}};

    (void)state;
    follow_all();
    run_sql("DROP TABLE w.heap");
    begin_tx();
    put_change(5, NULL, row);
    put_change(4, NULL, row);
    apply_until(end_tx(), 0);
    assert_int_equal(number("SELECT COUNT(*) FROM w.emp"), 1);
    assert_int_equal(number("SELECT life FROM domicile.table_state WHERE name='heap'"),
                     TABLE_STOPPED);
}

static void test_applier_is_fenced_by_a_second_one(void **state)
{
    struct apply_config c = apply_config();
    struct apply *first;
    struct apply *second;
    struct value row[3] = {{.kind = VALUE_INT, .i = 5}, {.kind = VALUE_NULL}, {.kind = VALUE_NULL}};

    (void)state;
    follow_all();
    begin_tx();
    put_change(4, NULL, row);
    end_tx();
    must(apply_open(&c, &first, &err));
    must(apply_open(&c, &second, &err));
    assert_false(apply_run(first, 1, &err));
    assert_string_equal(err.reason, "fenced");
    must(apply_run(second, 1, &err));
    apply_close(first);
    apply_close(second);
}

static void test_applier_that_lost_its_connection_takes_nothing_back(void **state)
{
    struct apply_config c = apply_config();
    struct apply *first;
    struct apply *second;
    struct value row[3] = {{.kind = VALUE_INT, .i = 5}, {.kind = VALUE_NULL}, {.kind = VALUE_NULL}};
    long long epoch;
    char sql[64];

    (void)state;
    follow_all();
    begin_tx();
    put_change(4, NULL, row);
    end_tx();
    must(apply_open(&c, &first, &err));
    snprintf(sql, sizeof(sql), "KILL %lld",
             number("SELECT MAX(id) FROM information_schema.PROCESSLIST"));
    must(apply_open(&c, &second, &err));
    epoch = number("SELECT epoch FROM domicile.lane");
    run_sql(sql);
    assert_false(apply_run(first, 1, &err));
    assert_string_equal(err.reason, "fenced");
    assert_int_equal(number("SELECT epoch FROM domicile.lane"), epoch);
    must(apply_run(second, 1, &err));
    apply_close(first);
    apply_close(second);
}

static void test_applier_follows_ddl(void **state)
{
    uint64_t lsn;
    static const char *const statements[] = {
        ("ALTER TABLE parent ADD COLUMN extra VARCHAR(20) CHARACTER SET utf8mb4 COLLATE "
         "utf8mb4_general_ci NOT NULL DEFAULT 'x' AFTER code"),
        "ALTER TABLE parent DROP COLUMN extra",
        "CREATE TABLE fresh (id INT NOT NULL PRIMARY KEY, t TEXT CHARACTER SET latin1)",
        "RENAME TABLE fresh TO fresher",
        "TRUNCATE TABLE fresher",
        "DROP TABLE fresher",
        "RENAME TABLE loose TO tmp_name, grand TO loose, tmp_name TO grand",
        "RENAME TABLE loose TO tmp_name, grand TO loose, tmp_name TO grand",
    };

    (void)state;
    follow_all();
    seed = 99;
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        /* The columns are as the test knows them: not after statements 0 and 6. */
        if (i != 1 && i != 7)
            write_transactions(5);
        begin_tx();
        put_ddl(statements[i], true);
        lsn = end_tx();
        for (int k = 0; k < TABLES; k++)
            defs[k] = catalog_get(queue_catalog(queue), "w", names[k]);
        apply_until(lsn, 0);
        assert_int_equal(
            number("SELECT COUNT(*) FROM domicile.table_state WHERE life NOT IN (4, 6)"), 0);
    }
    write_transactions(20);
    apply_until(gno, 0);
    assert_same();
    assert_int_equal(
        number("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema='w'"), TABLES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const char *need(const char *name)
{
    const char *value = getenv(name);

    if (!value) {
        fprintf(stderr, "applier: %s is not set\n", name);
        exit(2);
    }
    return value;
}

int main(void)
{
    struct residency_config residency = {.evidence = EVIDENCE_UNPROVEN_LOOPBACK};
    int failed;
    const struct CMUnitTest tests[] = {
        TEST(test_applier_equals_a_source_that_cascades_unlogged),
        TEST(test_applier_heals_a_window),
        TEST(test_applier_sends_back_what_a_cascade_reached_in_its_window),
        TEST(test_applier_stops_what_lies_behind_a_stopped_table),
        TEST(test_applier_streams_a_transaction_larger_than_a_group),
        TEST(test_applier_stops_one_table_and_goes_on),
        TEST(test_applier_stops_a_table_that_somebody_dropped_on_the_target),
        TEST(test_applier_is_fenced_by_a_second_one),
        TEST(test_applier_that_lost_its_connection_takes_nothing_back),
        TEST(test_applier_follows_ddl),
    };

    log_setup(LOG_ERROR, false);
    need("APPLIER_DIR");
    config = (struct target_config){.name = "test",
                                    .engine = "mariadb",
                                    .host = need("WRITER_HOST"),
                                    .user = need("WRITER_USER"),
                                    .password = need("WRITER_PASSWORD"),
                                    .tls_ca = need("WRITER_CA"),
                                    .state_schema = "domicile"};
    config.port = (uint16_t)strtoul(need("WRITER_PORT"), NULL, 10);
    residency.audit_file = need("WRITER_AUDIT");
    if (!guard_open(&residency, &guard, &err)) {
        fprintf(stderr, "applier: %s\n", err.text);
        return 2;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    guard_close(guard);
    return failed ? 1 : 0;
}
