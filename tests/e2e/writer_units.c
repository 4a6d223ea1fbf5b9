/*
 * writer_units.c - what tests/contract cannot ask of every target: lost connections, limits and
 * messages of a real MariaDB.
 */
#include "tests/lib/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/xalloc.h"

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
        TEST(test_writer_learns_the_outcome_of_a_lost_commit_from_the_lane),
        TEST(test_writer_names_table_and_column_but_no_value),
        TEST(test_writer_refuses_a_row_over_the_packet_limit),
        TEST(test_writer_splits_a_unit_of_many_rows),
        TEST(test_writer_does_not_hold_the_lane_when_its_host_dies),
        TEST(test_writer_refuses_a_certificate_of_another_authority_or_host),
    };

    return writer_main(tests, sizeof(tests) / sizeof(tests[0]));
}
