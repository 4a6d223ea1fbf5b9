/*
 * writer.c - the contract of target.h, on a real MariaDB. Run by NN_writer.sh, which gives
 * WRITER_HOST, WRITER_PORT, WRITER_USER, WRITER_PASSWORD, WRITER_CA and WRITER_AUDIT.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/xalloc.h"
#include "schema/value.h"
#include "targets/target.h"

#define CHANNEL "test"
#define CANARY "canary-7f3a"

static struct target_config config;
static struct guard *guard;
static struct target *t;
static struct lane_state lane;
static struct err err;

static const uint8_t queue_uuid[16] = {1, 2, 3};

/* ---- helpers ---- */

static void must(bool ok)
{
    if (!ok)
        fail_msg("%s (%s)", err.text, err.reason);
}

static void must_fail(bool ok, enum err_kind kind, const char *reason)
{
    assert_false(ok);
    if (err.kind != kind || strcmp(err.reason, reason) != 0)
        fail_msg("expected %d %s, got %d %s: %s", kind, reason, err.kind, err.reason, err.text);
    assert_null(strstr(err.text, CANARY));
}

static bool no_row(void *ctx, const struct bytes *c, unsigned n, struct err *e)
{
    (void)ctx, (void)c, (void)n, (void)e;
    return true;
}

static void run(const char *sql)
{
    must(target_query(t, sql, no_row, NULL, &err));
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

    must(target_query(t, sql, one_number, &out, &err));
    return out;
}

static void own(void)
{
    must(target_take_over(t, CHANNEL, 0, queue_uuid, &lane, &err));
}

static int setup(void **state)
{
    (void)state;
    must(target_connect(&config, guard, &t, &err));
    must(target_state_init(t, &err));
    run("DROP DATABASE IF EXISTS w");
    run("CREATE DATABASE w");
    own();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    target_close(t);
    t = NULL;
    return 0;
}

static struct column *add_column(struct table *d, const char *name, enum column_type type)
{
    struct column *grown = arena_alloc(&d->arena, (d->n_columns + 1) * sizeof(*grown));

    if (d->n_columns)
        memcpy(grown, d->columns, d->n_columns * sizeof(*grown));
    d->columns = grown;
    d->columns[d->n_columns].name = arena_strdup(&d->arena, name);
    d->columns[d->n_columns].type = type;
    d->columns[d->n_columns].nullable = true;
    d->columns[d->n_columns].comment = "";
    return &d->columns[d->n_columns++];
}

static struct table *define(const char *name)
{
    struct table *d = table_new();

    d->db = arena_strdup(&d->arena, "w");
    d->name = arena_strdup(&d->arena, name);
    return d;
}

/* Column 0 is the row key. */
static void set_key(struct table *d)
{
    d->row_key = arena_alloc(&d->arena, sizeof(uint32_t));
    d->n_row_key = 1;
}

static struct table *define_pair(const char *name)
{
    struct table *d = define(name);

    add_column(d, "id", COLUMN_INT);
    add_column(d, "v", COLUMN_VARCHAR)->charset = "utf8mb4";
    set_key(d);
    return d;
}

static struct value num(int64_t i)
{
    return (struct value){.kind = VALUE_INT, .i = i};
}

static struct value uns(uint64_t u)
{
    return (struct value){.kind = VALUE_UINT, .u = u};
}

static struct value raw(enum value_kind kind, const char *s, size_t n)
{
    return (struct value){.kind = kind, .b = bytes_of(s, n)};
}

static struct value text(const char *s)
{
    return raw(VALUE_TEXT, s, strlen(s));
}

static struct value null_value(void)
{
    return (struct value){.kind = VALUE_NULL};
}

static struct op op_rows(enum op_kind kind, const struct table *d, const struct value *const *rows,
                         size_t n)
{
    return (struct op){.kind = kind, .table = d, .rows = rows, .n_rows = n};
}

static struct unit unit_of(const struct op *ops, size_t n)
{
    struct unit u = {.prev_lsn = lane.lsn,
                     .lsn = lane.lsn + 1,
                     .ops = ops,
                     .n_ops = n,
                     .begins = true,
                     .ends = true};

    u.position.offset = 1000 + u.lsn;
    snprintf(u.position.file, sizeof(u.position.file), "binlog.000001");
    u.gtid.gno = u.lsn;
    return u;
}

static bool send_unit(const struct unit *u)
{
    uint64_t lsn = 0;

    if (!target_submit(t, u, &err) || !target_reap(t, &lsn, &err))
        return false;
    assert_int_equal(lsn, u->lsn);
    if (u->ends)
        lane.lsn = u->lsn;
    return true;
}

static bool send_ops(const struct op *ops, size_t n)
{
    struct unit u = unit_of(ops, n);

    return send_unit(&u);
}

static uint64_t stored_lsn(void)
{
    struct lane_state now;
    bool exists;

    must(target_lane_read(t, CHANNEL, 0, &exists, &now, &err));
    assert_true(exists);
    return now.lsn;
}

/* ---- every type ---- */

#define TYPE_COLUMNS 22
#define TYPE_ROWS 5

static const char types_sql[] =
    "CREATE TABLE w.types (id BIGINT PRIMARY KEY, ub BIGINT UNSIGNED, de DECIMAL(65,30), f FLOAT,"
    " d DOUBLE, fm FLOAT(7,2), b BIT(64), y YEAR, da DATE, ti TIME(6), dt DATETIME(3),"
    " ts TIMESTAMP(6) NULL, ch CHAR(10) CHARACTER SET latin1, vc VARCHAR(100) CHARACTER SET utf8mb4"
    " COLLATE utf8mb4_uca1400_nopad_ai_ci, u16 TEXT CHARACTER SET utf16, sj VARCHAR(20) CHARACTER"
    " SET sjis, bi BINARY(4), bl LONGBLOB, e ENUM('a','b') CHARACTER SET utf8mb4,"
    " s SET('a','b','c') CHARACTER SET utf8mb4, j JSON, g GEOMETRY)";

static struct table *define_types(void)
{
    static const struct {
        const char *name;
        enum column_type type;
        const char *charset;
    } columns[TYPE_COLUMNS] = {
        {"id", COLUMN_BIGINT, NULL},   {"ub", COLUMN_BIGINT, NULL},
        {"de", COLUMN_DECIMAL, NULL},  {"f", COLUMN_FLOAT, NULL},
        {"d", COLUMN_DOUBLE, NULL},    {"fm", COLUMN_FLOAT, NULL},
        {"b", COLUMN_BIT, NULL},       {"y", COLUMN_YEAR, NULL},
        {"da", COLUMN_DATE, NULL},     {"ti", COLUMN_TIME, NULL},
        {"dt", COLUMN_DATETIME, NULL}, {"ts", COLUMN_TIMESTAMP, NULL},
        {"ch", COLUMN_CHAR, "latin1"}, {"vc", COLUMN_VARCHAR, "utf8mb4"},
        {"u16", COLUMN_TEXT, "utf16"}, {"sj", COLUMN_VARCHAR, "sjis"},
        {"bi", COLUMN_BINARY, NULL},   {"bl", COLUMN_LONGBLOB, NULL},
        {"e", COLUMN_ENUM, "utf8mb4"}, {"s", COLUMN_SET, "utf8mb4"},
        {"j", COLUMN_JSON, NULL},      {"g", COLUMN_GEOMETRY, NULL},
    };
    struct table *d = define("types");

    for (size_t i = 0; i < TYPE_COLUMNS; i++)
        add_column(d, columns[i].name, columns[i].type)->charset = columns[i].charset;
    d->columns[1].is_unsigned = true;
    set_key(d);
    return d;
}

#define POINT_BYTES "\xe6\x10\0\0\1\1\0\0\0\0\0\0\0\0\0\xf0?\0\0\0\0\0\0\0@"

static void fill_ordinary(struct value *row)
{
    const struct value set[TYPE_COLUMNS] = {
        num(0),
        uns(1),
        raw(VALUE_DECIMAL, "1.500000000000000000000000000000", 32),
        {.kind = VALUE_FLOAT, .f = 0.1f},
        {.kind = VALUE_DOUBLE, .d = 0.1},
        {.kind = VALUE_FLOAT, .f = 1.23f},
        uns(1),
        uns(1901),
        raw(VALUE_TEMPORAL, "2024-02-31", 10),
        raw(VALUE_TEMPORAL, "-00:00:00.000001", 16),
        raw(VALUE_TEMPORAL, "2024-00-10 00:00:00.000", 23),
        raw(VALUE_TEMPORAL, "1970-01-01 00:00:01.000000", 26),
        text("abc"),
        text("A"),
        raw(VALUE_TEXT, "\0a", 2),
        text("abc"),
        raw(VALUE_BYTES, "abcd", 4),
        raw(VALUE_BYTES, "abc", 3),
        uns(1),
        uns(5),
        raw(VALUE_JSON, "[1, 2]", 6),
        null_value()};

    memcpy(row, set, sizeof(set));
}

static void fill_types(struct value rows[TYPE_ROWS][TYPE_COLUMNS])
{
    const struct value set[2][TYPE_COLUMNS] = {
        {num(INT64_MIN),
         uns(UINT64_MAX),
         raw(VALUE_DECIMAL, "-99999999999999999999999999999999999.000000000000000000000000000001",
             67),
         {.kind = VALUE_FLOAT, .f = FLT_MAX},
         {.kind = VALUE_DOUBLE, .d = DBL_MAX},
         {.kind = VALUE_FLOAT, .f = 99999.99f},
         uns(UINT64_MAX),
         uns(2155),
         raw(VALUE_TEMPORAL, "9999-12-31", 10),
         raw(VALUE_TEMPORAL, "838:59:59.000000", 16),
         raw(VALUE_TEMPORAL, "9999-12-31 23:59:59.999", 23),
         raw(VALUE_TEMPORAL, "2038-01-19 03:14:07.999999", 26),
         text("\xe9'\\\"x"),
         text("a'b\\c;--\n\x1a\xf0\x9f\x98\x80 "),
         raw(VALUE_TEXT, "\xd8=\xde\0", 4),
         text("\x83\x5c'"),
         raw(VALUE_BYTES, "\0\1\0\0", 4),
         raw(VALUE_BYTES, "'\0\\\xff\n", 5),
         uns(2),
         uns(7),
         raw(VALUE_JSON, "{\"a\": \"it's \\\\ \\u0001\", \"n\": 1.0}", 33),
         raw(VALUE_BYTES, POINT_BYTES, 25)},
        {num(INT64_MAX),
         uns(0),
         raw(VALUE_DECIMAL, "0.000000000000000000000000000000", 32),
         {.kind = VALUE_FLOAT, .f = FLT_MIN},
         {.kind = VALUE_DOUBLE, .d = 5e-324},
         {.kind = VALUE_FLOAT, .f = -0.01f},
         uns(0),
         uns(0),
         raw(VALUE_TEMPORAL, "0000-00-00", 10),
         raw(VALUE_TEMPORAL, "-838:59:59.000000", 17),
         raw(VALUE_TEMPORAL, "0000-00-00 00:00:00.000", 23),
         raw(VALUE_TEMPORAL, "0000-00-00 00:00:00.000000", 26),
         text(""),
         text(""),
         text(""),
         text(""),
         raw(VALUE_BYTES, "\0\0\0\0", 4),
         raw(VALUE_BYTES, "", 0),
         uns(0),
         uns(0),
         raw(VALUE_JSON, "null", 4),
         null_value()},
    };

    memcpy(rows, set, sizeof(set));
    fill_ordinary(rows[2]);
    for (int r = 3; r < TYPE_ROWS; r++)
        for (int c = 0; c < TYPE_COLUMNS; c++)
            rows[r][c] = c == 0 ? num(r) : null_value();
    rows[4][4] = (struct value){.kind = VALUE_DOUBLE, .d = -1.2345678901234568e-10};
    rows[4][3] = (struct value){.kind = VALUE_FLOAT, .f = 16777217.0f / 3};
}

struct compare {
    struct value (*rows)[TYPE_COLUMNS];
    const struct table *table;
    int seen;
};

static bool compare_row(void *ctx, const struct value *row, struct err *e)
{
    struct compare *c = ctx;

    (void)e;
    for (int r = 0; r < TYPE_ROWS; r++) {
        if (!value_equal(&row[0], &c->rows[r][0]))
            continue;
        c->seen++;
        for (uint32_t i = 0; i < TYPE_COLUMNS; i++)
            if (!value_equal(&row[i], &c->rows[r][i]))
                fail_msg("row %d column %s differs (kind %d, %d)", r, c->table->columns[i].name,
                         row[i].kind, c->rows[r][i].kind);
    }
    return true;
}

static void check_types(const struct table *d, struct value rows[TYPE_ROWS][TYPE_COLUMNS])
{
    struct compare c = {rows, d, 0};

    must(target_read_rows(t, d, "", true, 0, compare_row, &c, &err));
    assert_int_equal(c.seen, TYPE_ROWS);
}

static void test_writer_keeps_every_value_through_units(void **state)
{
    struct table *d = define_types();
    struct value rows[TYPE_ROWS][TYPE_COLUMNS];
    const struct value *p[TYPE_ROWS];
    struct op op;

    (void)state;
    fill_types(rows);
    for (int i = 0; i < TYPE_ROWS; i++)
        p[i] = rows[i];
    run(types_sql);
    op = op_rows(OP_INSERT, d, p, TYPE_ROWS);
    must(send_ops(&op, 1));
    check_types(d, rows);
    table_free(d);
}

static void test_writer_keeps_every_value_through_updates(void **state)
{
    struct table *d = define_types();
    struct value rows[TYPE_ROWS][TYPE_COLUMNS];
    const struct value *p[TYPE_ROWS];
    struct op op;

    (void)state;
    fill_types(rows);
    run(types_sql);
    for (int i = 0; i < TYPE_ROWS; i++) {
        char sql[128];

        snprintf(sql, sizeof(sql), "INSERT INTO w.types (id, vc) VALUES (%lld, 'other')",
                 (long long)rows[i][0].i);
        run(sql);
        p[i] = rows[i];
    }
    op = op_rows(OP_UPDATE, d, p, TYPE_ROWS);
    must(send_ops(&op, 1));
    check_types(d, rows);
    table_free(d);
}

static void test_writer_keeps_every_value_through_load(void **state)
{
    struct table *d = define_types();
    struct value rows[TYPE_ROWS][TYPE_COLUMNS];

    (void)state;
    fill_types(rows);
    run(types_sql);
    must(target_load_begin(t, d, &err));
    for (int i = 0; i < TYPE_ROWS; i++)
        must(target_load_row(t, rows[i], &err));
    must(target_load_end(t, CHANNEL, NULL, &err));
    check_types(d, rows);
    table_free(d);
}

static void test_writer_deletes_exact_images_of_a_table_without_key(void **state)
{
    struct table *d = define_types();
    struct value rows[TYPE_ROWS][TYPE_COLUMNS];
    const struct value *p[TYPE_ROWS];
    uint32_t times[TYPE_ROWS];
    struct op ops[3];

    (void)state;
    fill_types(rows);
    for (int i = 0; i < TYPE_ROWS; i++) {
        p[i] = rows[i];
        times[i] = 2;
    }
    run(types_sql);
    run("ALTER TABLE w.types DROP PRIMARY KEY");
    d->n_row_key = 0;
    for (int i = 0; i < 3; i++)
        ops[i] = op_rows(OP_INSERT, d, p, TYPE_ROWS);
    must(send_ops(ops, 3));
    ops[0] = op_rows(OP_DELETE_IMAGE, d, p, TYPE_ROWS);
    ops[0].times = times;
    must(send_ops(ops, 1));
    check_types(d, rows);
    must_fail(send_ops(ops, 1), ERR_DATA, "row_count");
    table_free(d);
}

/* ---- counts, fencing, streams ---- */

static void test_writer_refuses_a_wrong_count_and_keeps_nothing(void **state)
{
    struct table *d = define_pair("t");
    struct value r1[2] = {num(1), text("one")};
    struct value r2[2] = {num(2), text("two")};
    const struct value *p1[1] = {r1};
    const struct value *p12[2] = {r1, r2};
    struct op ops[2] = {op_rows(OP_INSERT, d, p1, 1), op_rows(OP_DELETE, d, p12, 2)};

    (void)state;
    run("CREATE TABLE w.t (id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET utf8mb4)");
    must_fail(send_ops(ops, 2), ERR_DATA, "row_count");
    assert_ptr_equal(target_failed_table(t), d);
    assert_non_null(strstr(err.text, "w.t"));
    assert_int_equal(number("SELECT COUNT(*) FROM w.t"), 0);
    assert_int_equal(stored_lsn(), lane.lsn);
    ops[0].kind = OP_UPDATE; /* a row that is not there */
    must_fail(send_ops(ops, 1), ERR_DATA, "row_count");
    assert_int_equal(number("SELECT COUNT(*) FROM w.t"), 0);
    ops[1].kind = OP_HEAL; /* not counted */
    ops[0].kind = OP_INSERT;
    must(send_ops(ops, 2));
    assert_int_equal(number("SELECT COUNT(*) FROM w.t"), 0);
    table_free(d);
}

static void test_writer_fences_a_former_owner(void **state)
{
    struct table *d = define_pair("t");
    struct value r1[2] = {num(1), text("one")};
    const struct value *p1[1] = {r1};
    struct op op = op_rows(OP_INSERT, d, p1, 1);
    struct target *former = t;
    struct unit u;

    (void)state;
    run("CREATE TABLE w.t (id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET utf8mb4)");
    must(target_connect(&config, guard, &t, &err));
    own();
    target_close(t);
    t = former;
    must_fail(send_ops(&op, 1), ERR_DATA, "fenced");
    assert_int_equal(number("SELECT COUNT(*) FROM w.t"), 0);
    own();
    u = unit_of(&op, 1);
    u.prev_lsn = lane.lsn + 7;
    must_fail(send_unit(&u), ERR_DATA, "fenced");
    must(send_ops(&op, 1));
    table_free(d);
}

static void test_writer_streams_one_transaction_in_units(void **state)
{
    struct table *d = define_pair("t");
    struct value r[3][2] = {{num(1), text("a")}, {num(2), text("b")}, {num(3), text("c")}};
    const struct value *p[3] = {r[0], r[1], r[2]};
    struct op op[3];
    struct unit u;

    (void)state;
    run("CREATE TABLE w.t (id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET utf8mb4)");
    for (int i = 0; i < 3; i++)
        op[i] = op_rows(OP_INSERT, d, &p[i], 1);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++) {
            u = unit_of(&op[i], 1);
            u.begins = i == 0;
            u.ends = i == 2;
            if (round == 0 && i == 2)
                break;
            must(send_unit(&u));
        }
        if (round == 0) {
            target_rollback(t);
            assert_int_equal(number("SELECT COUNT(*) FROM w.t"), 0);
        }
    }
    assert_int_equal(number("SELECT COUNT(*) FROM w.t"), 3);
    assert_int_equal(stored_lsn(), lane.lsn);
    table_free(d);
}

static void test_writer_learns_the_outcome_of_a_lost_commit_from_the_lane(void **state)
{
    struct table *d = define_pair("t");
    struct value r1[2] = {num(1), text("one")};
    const struct value *p1[1] = {r1};
    struct op op = op_rows(OP_INSERT, d, p1, 1);
    struct unit u;
    struct target *victim = t;
    uint64_t lsn;
    uint64_t before = lane.lsn;
    char sql[64];

    (void)state;
    run("CREATE TABLE w.t (id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET utf8mb4)");
    snprintf(sql, sizeof(sql), "KILL %lld", number("SELECT CONNECTION_ID()"));
    u = unit_of(&op, 1);
    must(target_submit(victim, &u, &err));
    must(target_connect(&config, guard, &t, &err));
    run(sql);
    must_fail(target_reap(victim, &lsn, &err), ERR_RETRY, "");
    target_close(victim);
    own();
    assert_int_equal(lane.lsn, number("SELECT COUNT(*) FROM w.t") ? before + 1 : before);
    table_free(d);
}

static void test_writer_names_table_and_column_but_no_value(void **state)
{
    struct table *d = define_pair("t");
    struct value r1[2] = {num(1), text(CANARY)};
    struct value r2[2] = {num(2), text("x")};
    const struct value *p[2] = {r2, r1};
    struct op op = op_rows(OP_INSERT, d, p, 2);
    struct unit u;

    (void)state;
    run("CREATE TABLE w.t (id INT PRIMARY KEY, v VARCHAR(5) CHARACTER SET utf8mb4 UNIQUE)");
    must_fail(send_ops(&op, 1), ERR_DATA, "value_refused");
    assert_non_null(strstr(err.text, "column v"));
    u = unit_of(&op, 1);
    u.one_by_one = true;
    must_fail(send_unit(&u), ERR_DATA, "value_refused");
    assert_non_null(strstr(err.text, "row key hash "));
    run("ALTER TABLE w.t MODIFY v VARCHAR(20) CHARACTER SET utf8mb4");
    must(send_ops(&op, 1));
    r1[0] = num(3);
    r2[0] = num(4);
    must_fail(send_ops(&op, 1), ERR_DATA, "duplicate");
    table_free(d);
}

static void test_writer_refuses_a_row_over_the_packet_limit(void **state)
{
    struct table *d = define("t");
    size_t n = (size_t)target_info(t)->max_allowed_packet / 2;
    char *data = xcalloc(n, 1);
    struct value r1[2] = {num(1), raw(VALUE_BYTES, data, n)};
    const struct value *p[1] = {r1};
    struct op op;

    (void)state;
    add_column(d, "id", COLUMN_INT);
    add_column(d, "v", COLUMN_LONGBLOB);
    set_key(d);
    run("CREATE TABLE w.t (id INT PRIMARY KEY, v LONGBLOB)");
    op = op_rows(OP_INSERT, d, p, 1);
    must_fail(send_ops(&op, 1), ERR_DATA, "value_refused");
    assert_non_null(strstr(err.text, "max_allowed_packet"));
    r1[1].b.len = n - 2000;
    must(send_ops(&op, 1));
    free(data);
    table_free(d);
}

static void test_writer_splits_a_unit_of_many_rows(void **state)
{
    enum { ROWS = 5000, BYTES = 2000 };
    struct table *d = define_pair("t");
    char *data = xcalloc(1, BYTES + 1);
    struct value *rows = xcalloc(2 * ROWS, sizeof(*rows));
    const struct value **p = xcalloc(ROWS, sizeof(*p));
    struct op op;

    (void)state;
    memset(data, 'x', BYTES);
    for (int i = 0; i < ROWS; i++) {
        rows[2 * i] = num(i);
        rows[2 * i + 1] = raw(VALUE_TEXT, data, BYTES);
        p[i] = &rows[2 * i];
    }
    run("CREATE TABLE w.t (id INT PRIMARY KEY, v VARCHAR(3000) CHARACTER SET utf8mb4)");
    op = op_rows(OP_INSERT, d, p, ROWS);
    must(send_ops(&op, 1));
    assert_int_equal(number("SELECT COUNT(*) FROM w.t"), ROWS);
    for (int i = 0; i < ROWS; i++)
        rows[2 * i + 1].b.len--;
    op.kind = OP_UPDATE;
    must(send_ops(&op, 1));
    op.kind = OP_DELETE;
    must(send_ops(&op, 1));
    assert_int_equal(number("SELECT COUNT(*) FROM w.t"), 0);
    free(data);
    free(rows);
    free(p);
    table_free(d);
}

static void test_writer_cascades_by_the_parents_old_key(void **state)
{
    static const char *columns[] = {"v"};
    static const char *refs[] = {"v"};
    struct foreign_key fk = {.columns = columns, .ref_columns = refs, .n_columns = 1};
    struct table *parent = define_pair("p");
    struct table *child = define_pair("c");
    struct value a[2] = {num(1), text("a")};
    struct value b[2] = {num(1), text("b")};
    const struct value *pa[1] = {a};
    const struct value *pb[1] = {b};
    struct op op = op_rows(OP_CASCADE_UPDATE, child, pa, 1);

    (void)state;
    run("CREATE TABLE w.c (id INT PRIMARY KEY, v VARCHAR(5) CHARACTER SET utf8mb4)");
    run("INSERT INTO w.c VALUES (1,'a'),(2,'a'),(3,'z'),(4,NULL)");
    op.fk = &fk;
    op.parent = parent;
    op.parent_after = pb;
    must(send_ops(&op, 1));
    assert_int_equal(number("SELECT COUNT(*) FROM w.c WHERE v='b'"), 2);
    op.kind = OP_CASCADE_SET_NULL;
    op.rows = pb;
    must(send_ops(&op, 1));
    assert_int_equal(number("SELECT COUNT(*) FROM w.c WHERE v IS NULL"), 3);
    run("UPDATE w.c SET v='a' WHERE id=1");
    op.kind = OP_CASCADE_DELETE;
    op.rows = pa;
    must(send_ops(&op, 1));
    assert_int_equal(number("SELECT COUNT(*) FROM w.c"), 3);
    table_free(parent);
    table_free(child);
}

static void test_writer_keeps_table_states_and_chunks(void **state)
{
    struct table_state s = {.life = TABLE_LOAD, .lo = 5, .hi = UINT64_MAX, .rows = 7};
    struct table_state *states;
    struct chunk_state chunks[2] = {{.number = 0, .high = (char *)"'it''s', 5"},
                                    {.number = 1, .low = (char *)"'it''s', 5"}};
    struct chunk_state *read;
    struct table *d = define_pair("t");
    struct value r1[2] = {num(1), text("one")};
    size_t n;

    (void)state;
    snprintf(s.db, sizeof(s.db), "w");
    snprintf(s.name, sizeof(s.name), "t");
    s.definition = (char *)"CREATE TABLE `w`.`t` (c ENUM('a\\'b'))";
    must(target_table_save(t, "other", &s, &err));
    must(target_tables_read(t, "other", &states, &n, &err));
    assert_int_equal(n, 1);
    assert_string_equal(states[0].definition, s.definition);
    assert_true(states[0].hi == UINT64_MAX && states[0].rows == 7 && states[0].lo == 5);
    table_states_free(states, n);
    run("CREATE TABLE w.t (id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET utf8mb4)");
    must(target_chunks_plan(t, "other", "w", "t", chunks, 2, &err));
    must(target_load_begin(t, d, &err));
    must(target_load_row(t, r1, &err));
    chunks[0].rows = 1;
    must(target_load_end(t, "other", &chunks[0], &err));
    must(target_load_begin(t, d, &err));
    must_fail(target_load_end(t, "other", &chunks[0], &err), ERR_DATA, "fenced");
    must(target_chunks_read(t, "other", "w", "t", &read, &n, &err));
    assert_int_equal(n, 2);
    assert_true(read[0].done && read[0].rows == 1 && !read[1].done && !read[0].low);
    assert_string_equal(read[1].low, chunks[1].low);
    chunk_states_free(read, n);
    must(target_table_forget(t, "other", "w", "t", &err));
    must(target_tables_read(t, "other", &states, &n, &err));
    assert_int_equal(n, 0);
    table_states_free(states, n);
    table_free(d);
}

static void test_writer_refuses_a_lane_of_another_queue(void **state)
{
    static const uint8_t other[16] = {9};
    struct lane_state out;

    (void)state;
    must_fail(target_take_over(t, CHANNEL, 0, other, &out, &err), ERR_DATA, "other_queue");
    own();
}

static void test_writer_refuses_a_certificate_of_another_authority_or_host(void **state)
{
    struct target_config wrong = config;
    struct target *other = NULL;

    (void)state;
    wrong.tls_ca = getenv("WRITER_WRONG_CA");
    assert_non_null(wrong.tls_ca);
    must_fail(target_connect(&wrong, guard, &other, &err), ERR_SERVER, "");
    assert_null(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const char *need(const char *name)
{
    const char *value = getenv(name);

    if (!value) {
        fprintf(stderr, "writer: %s is not set\n", name);
        exit(2);
    }
    return value;
}

int main(void)
{
    struct residency_config residency = {.evidence = EVIDENCE_UNPROVEN_LOOPBACK};
    int failed;
    const struct CMUnitTest tests[] = {
        TEST(test_writer_keeps_every_value_through_units),
        TEST(test_writer_keeps_every_value_through_updates),
        TEST(test_writer_keeps_every_value_through_load),
        TEST(test_writer_deletes_exact_images_of_a_table_without_key),
        TEST(test_writer_refuses_a_wrong_count_and_keeps_nothing),
        TEST(test_writer_fences_a_former_owner),
        TEST(test_writer_streams_one_transaction_in_units),
        TEST(test_writer_learns_the_outcome_of_a_lost_commit_from_the_lane),
        TEST(test_writer_names_table_and_column_but_no_value),
        TEST(test_writer_refuses_a_row_over_the_packet_limit),
        TEST(test_writer_splits_a_unit_of_many_rows),
        TEST(test_writer_cascades_by_the_parents_old_key),
        TEST(test_writer_keeps_table_states_and_chunks),
        TEST(test_writer_refuses_a_lane_of_another_queue),
        TEST(test_writer_refuses_a_certificate_of_another_authority_or_host),
    };

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
        fprintf(stderr, "writer: %s\n", err.text);
        return 2;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    guard_close(guard);
    return failed ? 1 : 0;
}
