#include "tests/contract/case.h"

/* ---- units ---- */

static void test_unit_writes_its_rows_and_moves_the_lane(void **state)
{
    const struct value *in[3] = {pair(1, "a"), pair(2, "b"), pair(3, NULL)};
    const struct value *up[2] = {pair(1, "x"), pair(3, "y")};
    const struct value *out[1] = {pair(2, "b")};
    struct op ops[3] = {0};

    (void)state;
    make(PAIR);
    ops[0] = op_rows(OP_INSERT, d, in, 3);
    ops[1] = op_rows(OP_UPDATE, d, up, 2);
    ops[2] = op_rows(OP_DELETE, d, out, 1);
    must(send_ops(ops, 3));
    check_rows("1=x 3=y");
    assert_int_equal(stored_lsn(), lane.lsn);
}

static void test_lane_says_where_the_source_was(void **state)
{
    const struct value *row = pair(1, "a");
    struct lane_state now;
    bool exists;
    struct op op;
    struct unit u;

    (void)state;
    make(PAIR);
    op = op_rows(OP_INSERT, d, &row, 1);
    u = unit_of(&op, 1);
    u.commit_us = 1234567;
    must(send_unit(&u));
    must(target_lane_read(t, CHANNEL, 0, &exists, &now, &err));
    assert_true(exists && now.lsn == u.lsn && now.epoch == lane.epoch);
    assert_int_equal(now.commit_us, 1234567);
    assert_string_equal(now.position.file, u.position.file);
    assert_int_equal(now.position.offset, u.position.offset);
    assert_true(now.gtid.kind == GTID_MYSQL && now.gtid.mysql.gno == u.lsn);
    assert_memory_equal(now.queue_uuid, queue_uuid, sizeof(queue_uuid));
}

static void test_unit_with_a_wrong_count_keeps_nothing(void **state)
{
    const struct value *in[2] = {pair(1, "a"), pair(2, "b")};
    const struct value *missing[2] = {pair(1, "c"), pair(9, "c")};
    struct op ops[2] = {0};

    (void)state;
    make(PAIR);
    ops[0] = op_rows(OP_INSERT, d, in, 2);
    ops[1] = op_rows(OP_DELETE, d, missing, 2);
    must_fail(send_ops(ops, 2), ERR_DATA, "row_count");
    assert_ptr_equal(target_failed_table(t), d);
    assert_non_null(strstr(err.text, "c.t"));
    check_rows("");
    ops[1].kind = OP_UPDATE;
    must_fail(send_ops(ops, 2), ERR_DATA, "row_count");
    check_rows("");
    assert_int_equal(stored_lsn(), lane.lsn);
    must(send_ops(ops, 1));
    check_rows("1=a 2=b");
}

static void test_former_owner_is_fenced(void **state)
{
    struct target *other = contract_open();
    struct lane_state theirs;
    uint64_t lsn = 0;
    struct unit u;
    const struct value *row = pair(1, "a");
    struct op op;

    (void)state;
    make(PAIR);
    own_by(other, &theirs);
    assert_true(theirs.epoch > lane.epoch);
    assert_int_equal(theirs.lsn, lane.lsn);
    must_fail(one(OP_INSERT, row), ERR_DATA, "fenced");
    check_rows("");
    op = op_rows(OP_INSERT, d, &row, 1);
    u = unit_of(&op, 1);
    must(target_submit(other, &u, &err) && target_reap(other, &lsn, &err));
    assert_int_equal(lsn, u.lsn);
    check_rows("1=a");
    target_close(other);
    own();
    assert_int_equal(lane.lsn, lsn);
}

static void test_unit_of_another_place_is_fenced(void **state)
{
    const struct value *row = pair(1, "a");
    struct op op;
    struct unit u;

    (void)state;
    make(PAIR);
    op = op_rows(OP_INSERT, d, &row, 1);
    u = unit_of(&op, 1);
    u.prev_lsn++;
    u.lsn++;
    must_fail(send_unit(&u), ERR_DATA, "fenced");
    check_rows("");
    must(one(OP_INSERT, row));
}

static void test_transaction_may_come_in_several_units(void **state)
{
    const struct value *rows[3] = {pair(1, "a"), pair(2, "b"), pair(3, "c")};
    struct target *other = contract_open();

    (void)state;
    make(PAIR);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++) {
            struct op op = op_rows(OP_INSERT, d, &rows[i], 1);
            struct unit u = unit_of(&op, 1);

            u.begins = i == 0;
            u.ends = i == 2;
            if (round == 0 && i == 2)
                break;
            must(send_unit(&u));
        }
        if (round == 0) {
            check_rows("1=a 2=b"); /* its own writes */
            check_read(other, NULL, 0, "");
            target_rollback(t);
            check_rows("");
        }
    }
    check_rows("1=a 2=b 3=c");
    assert_int_equal(stored_lsn(), lane.lsn);
    target_close(other);
}

static void test_lost_owner_leaves_nothing(void **state)
{
    const struct value *row = pair(1, "a");
    struct op op;
    struct unit u;

    (void)state;
    make(PAIR);
    op = op_rows(OP_INSERT, d, &row, 1);
    u = unit_of(&op, 1);
    u.ends = false;
    must(send_unit(&u));
    target_close(t);
    t = contract_open();
    own();
    assert_int_equal(lane.lsn, stored_lsn());
    check_rows("");
}

static void test_heal_takes_what_is_there(void **state)
{
    const struct value *rows[2] = {pair(1, "old"), pair(2, "none")};
    const struct value *in[1] = {pair(1, "new")};
    struct op ops[2] = {0};

    (void)state;
    make(PAIR);
    must(one(OP_INSERT, rows[0]));
    ops[0] = op_rows(OP_HEAL, d, rows, 2);
    ops[1] = op_rows(OP_INSERT, d, in, 1);
    must(send_ops(ops, 2));
    check_rows("1=new");
    ops[1].kind = OP_HEAL; /* behind an insert of the same key */
    ops[0] = op_rows(OP_INSERT, d, &rows[1], 1);
    ops[1].rows = &rows[1];
    must(send_ops(ops, 2));
    check_rows("1=new");
}

static void test_rows_without_a_key_are_a_multiset(void **state)
{
    const struct value *rows[4] = {pair(1, "a"), pair(1, "a"), pair(1, NULL), pair(1, "a")};
    const struct value *out[2] = {pair(1, "a"), pair(1, NULL)};
    const uint32_t times[2] = {2, 1}, more[1] = {2};
    struct canon_sums sums;
    struct op op;

    (void)state;
    make("CREATE TABLE t (id INT NOT NULL, v VARCHAR(20) CHARACTER SET utf8mb4)");
    op = op_rows(OP_INSERT, d, rows, 4);
    must(send_ops(&op, 1));
    op = op_rows(OP_DELETE_IMAGE, d, out, 2);
    op.times = times;
    must(send_ops(&op, 1));
    check_rows("1=a");
    op = op_rows(OP_DELETE_IMAGE, d, out, 1);
    op.times = more;
    must_fail(send_ops(&op, 1), ERR_DATA, "row_count");
    must(target_read_sums(t, d, NULL, &sums, &err));
    assert_int_equal(sums.rows, 1);
}

static void test_cascades_reach_the_children_of_one_parent(void **state)
{
    static const char *columns[] = {"v"};
    struct foreign_key fk = {.columns = columns, .ref_columns = columns, .n_columns = 1};
    const struct value *in[4] = {pair(1, "a"), pair(2, "a"), pair(3, "z"), pair(4, NULL)};
    const struct value *a = pair(1, "a"), *b = pair(1, "b");
    struct table *parent = parse_table("CREATE TABLE p (id INT NOT NULL PRIMARY KEY, v VARCHAR(20)"
                                       " CHARACTER SET utf8mb4, UNIQUE (v))");
    struct op op;

    (void)state;
    make(PAIR);
    op = op_rows(OP_INSERT, d, in, 4);
    must(send_ops(&op, 1));
    op = op_rows(OP_CASCADE_UPDATE, d, &a, 1);
    op.fk = &fk;
    op.parent = parent;
    op.parent_after = &b;
    must(send_ops(&op, 1));
    check_rows("1=b 2=b 3=z 4=-");
    must(send_ops(&op, 1)); /* exempt from counts */
    op.kind = OP_CASCADE_SET_NULL;
    op.rows = &b;
    must(send_ops(&op, 1));
    check_rows("1=- 2=- 3=z 4=-");
    op.kind = OP_CASCADE_DELETE;
    op.rows = &in[3];
    must(send_ops(&op, 1)); /* NULL is nobody's key */
    op.rows = &in[2];
    must(send_ops(&op, 1));
    check_rows("1=- 2=- 4=-");
    table_free(parent);
}

/* ---- errors ---- */

static void test_errors_say_what_happened_in_neutral_words(void **state)
{
    struct table *other =
        parse_table("CREATE TABLE u (id INT NOT NULL PRIMARY KEY, v VARCHAR(20))");
    const struct value *row = pair(1, "a");
    struct value null_id[2] = {{.kind = VALUE_NULL}, text("a")};
    struct op op;

    (void)state;
    make("CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v VARCHAR(20) CHARACTER SET utf8mb4,"
         " UNIQUE KEY v (v))");
    must(one(OP_INSERT, row));
    must_fail(one(OP_INSERT, row), ERR_DATA, "duplicate_key");
    must_fail(one(OP_INSERT, pair(2, "a")), ERR_DATA, "duplicate_key");
    must_fail(one(OP_INSERT, null_id), ERR_DATA, "value_refused");
    op = op_rows(OP_INSERT, d, &row, 1);
    op.table = other;
    must_fail(send_ops(&op, 1), ERR_DATA, "target_changed");
    assert_ptr_equal(target_failed_table(t), other);
    must_fail(target_read_rows(t, other, NULL, false, 0, put_pair, NULL, &err), ERR_SERVER,
              "no_table");
    check_rows("1=a");
    /* a value that goes and comes in one unit is free in between */
    struct op swap[2] = {op_rows(OP_DELETE, d, &row, 1), op_rows(OP_INSERT, d, &row, 1)};
    must(send_ops(swap, 2));
    table_free(other);
}

const struct CMUnitTest contract_units[] = {
    CONTRACT_TEST(test_unit_writes_its_rows_and_moves_the_lane),
    CONTRACT_TEST(test_lane_says_where_the_source_was),
    CONTRACT_TEST(test_unit_with_a_wrong_count_keeps_nothing),
    CONTRACT_TEST(test_former_owner_is_fenced),
    CONTRACT_TEST(test_unit_of_another_place_is_fenced),
    CONTRACT_TEST(test_transaction_may_come_in_several_units),
    CONTRACT_TEST(test_lost_owner_leaves_nothing),
    CONTRACT_TEST(test_heal_takes_what_is_there),
    CONTRACT_TEST(test_rows_without_a_key_are_a_multiset),
    CONTRACT_TEST(test_cascades_reach_the_children_of_one_parent),
    CONTRACT_TEST(test_errors_say_what_happened_in_neutral_words),
};
const size_t n_contract_units = sizeof(contract_units) / sizeof(contract_units[0]);
