#include "tests/contract/case.h"

/* ---- reading ---- */

static void test_reader_selects_by_range_keys_and_columns(void **state)
{
    const struct value *rows[5] = {pair(1, "a"), pair(2, "b"), pair(3, "a"), pair(4, NULL),
                                   pair(5, "b")};
    struct value two = num(2), four = num(4), a = text("a"), null = null_value();
    uint32_t column = 1;
    struct op op;

    (void)state;
    make(PAIR);
    op = op_rows(OP_INSERT, d, rows, 5);
    must(send_ops(&op, 1));
    check_read(t, &(struct selection){.low = &two}, 0, "2=b 3=a 4=- 5=b");
    check_read(t, &(struct selection){.high = &two}, 0, "1=a");
    check_read(t, &(struct selection){.low = &two, .high = &four}, 0, "2=b 3=a");
    check_read(t, &(struct selection){.keys = rows + 2, .n_keys = 2}, 0, "3=a 4=-");
    check_read(t, &(struct selection){.columns = &column, .values = &a, .n_columns = 1}, 0,
               "1=a 3=a");
    check_read(t,
               &(struct selection){.low = &two, .columns = &column, .values = &a, .n_columns = 1},
               0, "3=a");
    check_read(t, &(struct selection){.columns = &column, .values = &null, .n_columns = 1}, 0, "");
    check_read(t, NULL, 2, "1=a 2=b");
}

static void test_reader_compares_ranges_of_composite_keys(void **state)
{
    struct value rows[4][2] = {
        {num(1), num(9)}, {num(2), num(1)}, {num(2), num(5)}, {num(3), num(0)}};
    const struct value *p[4] = {rows[0], rows[1], rows[2], rows[3]};
    struct value low[2] = {num(2), num(1)}, high[2] = {num(2), num(5)};
    struct canon_sums sums;
    struct op op;

    (void)state;
    make("CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b))");
    op = op_rows(OP_INSERT, d, p, 4);
    must(send_ops(&op, 1));
    must(target_read_sums(t, d, &(struct selection){.low = low}, &sums, &err));
    assert_int_equal(sums.rows, 3);
    must(target_read_sums(t, d, &(struct selection){.low = low, .high = high}, &sums, &err));
    assert_int_equal(sums.rows, 1);
    must(target_read_sums(t, d, &(struct selection){.high = high}, &sums, &err));
    assert_int_equal(sums.rows, 2);
}

static void test_view_stands_still(void **state)
{
    struct target *reader = contract_open();

    (void)state;
    make(PAIR);
    must(one(OP_INSERT, pair(1, "a")));
    must(target_view_open(reader, &err));
    check_read(reader, NULL, 0, "1=a");
    must(one(OP_UPDATE, pair(1, "b")));
    must(one(OP_INSERT, pair(2, "c")));
    check_read(reader, NULL, 0, "1=a");
    must(target_view_close(reader, &err));
    check_read(reader, NULL, 0, "1=b 2=c");
    target_close(reader);
}

const struct CMUnitTest contract_reader[] = {
    CONTRACT_TEST(test_reader_selects_by_range_keys_and_columns),
    CONTRACT_TEST(test_reader_compares_ranges_of_composite_keys),
    CONTRACT_TEST(test_view_stands_still),
};
const size_t n_contract_reader = sizeof(contract_reader) / sizeof(contract_reader[0]);
