/*
 * writer_units.c - counts, fencing, streams, errors, state: the contract of target.h on a real
 * MariaDB.
 */
#include "tests/lib/writer.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/xalloc.h"
#include "schema/ddl/ddl.h"

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
    must_fail(send_ops(&op, 1), ERR_DATA, "duplicate_key");
    table_free(d);
}

static void test_writer_refuses_a_row_over_the_packet_limit(void **state)
{
    struct table *d = define("t");
    size_t n = (size_t)target_info(t)->row_bytes_max / 2;
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
    must(target_table_save(t, &s, &err));
    must(target_tables_read(t, CHANNEL, &states, &n, &err));
    assert_int_equal(n, 1);
    assert_string_equal(states[0].definition, s.definition);
    assert_true(states[0].hi == UINT64_MAX && states[0].rows == 7 && states[0].lo == 5);
    table_states_free(states, n);
    run("CREATE TABLE w.t (id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET utf8mb4)");
    must(target_chunks_plan(t, "w", "t", chunks, 2, &err));
    must(target_load_begin(t, d, &err));
    must(target_load_row(t, r1, &err));
    chunks[0].rows = 1;
    must(target_load_end(t, &chunks[0], &err));
    must(target_load_begin(t, d, &err));
    must_fail(target_load_end(t, &chunks[0], &err), ERR_DATA, "fenced");
    must(target_chunks_read(t, CHANNEL, "w", "t", &read, &n, &err));
    assert_int_equal(n, 2);
    assert_true(read[0].done && read[0].rows == 1 && !read[1].done && !read[0].low);
    assert_string_equal(read[1].low, chunks[1].low);
    chunk_states_free(read, n);
    must(target_table_forget(t, "w", "t", &err));
    must(target_tables_read(t, CHANNEL, &states, &n, &err));
    assert_int_equal(n, 0);
    table_states_free(states, n);
    table_free(d);
}

static bool read_text(void *ctx, const struct bytes *columns, unsigned n, struct err *e)
{
    (void)e;
    assert_int_equal(n, 1);
    snprintf(ctx, 32, "%.*s", (int)columns[0].len, (const char *)columns[0].data);
    return true;
}

static void test_writer_does_not_hold_the_lane_when_its_host_dies(void **state)
{
    char seconds[32] = "";

    (void)state;
    must(send_ops(NULL, 0));
    must(target_query(t, "SELECT @@idle_write_transaction_timeout", read_text, seconds, &err));
    assert_string_equal(seconds, "60");
}

static void test_writer_saves_all_table_states_or_none(void **state)
{
    struct table_state good = {.db = "w", .name = "t", .life = TABLE_STRICT};
    struct table_state bad = {.db = "w", .life = TABLE_STRICT};
    const struct table_state *both[] = {&good, &bad};
    struct table_state *states;
    size_t n;

    (void)state;
    memset(bad.name, 'x', 70); /* more than the column holds */
    assert_false(target_tables_save(t, both, 2, &err));
    must(target_tables_read(t, CHANNEL, &states, &n, &err));
    assert_int_equal(n, 0);
    table_states_free(states, n);
    bad.name[3] = '\0';
    must(target_tables_save(t, both, 2, &err));
    must(target_tables_read(t, CHANNEL, &states, &n, &err));
    assert_int_equal(n, 2);
    table_states_free(states, n);
    must(target_table_forget(t, "w", "t", &err));
    must(target_table_forget(t, "w", "xxx", &err));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_writer_refuses_a_wrong_count_and_keeps_nothing),
        TEST(test_writer_fences_a_former_owner),
        TEST(test_writer_streams_one_transaction_in_units),
        TEST(test_writer_learns_the_outcome_of_a_lost_commit_from_the_lane),
        TEST(test_writer_names_table_and_column_but_no_value),
        TEST(test_writer_refuses_a_row_over_the_packet_limit),
        TEST(test_writer_splits_a_unit_of_many_rows),
        TEST(test_writer_cascades_by_the_parents_old_key),
        TEST(test_writer_keeps_table_states_and_chunks),
        TEST(test_writer_does_not_hold_the_lane_when_its_host_dies),
        TEST(test_writer_saves_all_table_states_or_none),
        TEST(test_writer_refuses_a_lane_of_another_queue),
        TEST(test_writer_refuses_a_certificate_of_another_authority_or_host),
    };

    return writer_main(tests, sizeof(tests) / sizeof(tests[0]));
}
