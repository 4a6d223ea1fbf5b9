#include "tests/contract/case.h"

#include <string.h>

#define COLUMNS_MAX 32

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

/* ---- the canonical form: the engine computes what canon.c does, for every type ---- */

#define TYPES                                                                                      \
    "CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, ub BIGINT UNSIGNED, de DECIMAL(30,5),"        \
    " f FLOAT, d DOUBLE, b BIT(64), y YEAR, da DATE, ti TIME(6), dt DATETIME(3),"                  \
    " ts TIMESTAMP(6) NULL, ch CHAR(10) CHARACTER SET latin1, vc VARCHAR(99) CHARACTER SET"        \
    " utf8mb4, u16 TEXT CHARACTER SET utf16, bi BINARY(4), vb VARBINARY(9), bl LONGBLOB,"          \
    " e ENUM('a','b') CHARACTER SET utf8mb4, s SET('a','b','c') CHARACTER SET utf8mb4, j JSON,"    \
    " g GEOMETRY)"
#define POINT_BYTES "\xe6\x10\0\0\1\1\0\0\0\0\0\0\0\0\0\xf0?\0\0\0\0\0\0\0@"

static void fill_types(struct value rows[3][COLUMNS_MAX])
{
    const struct value set[2][COLUMNS_MAX] = {
        {num(INT64_MIN),
         uns(UINT64_MAX),
         raw(VALUE_DECIMAL, "-12.00001", 9),
         (struct value){.kind = VALUE_FLOAT, .f = 0.1f},
         (struct value){.kind = VALUE_DOUBLE, .d = -1.2345678901234568e-10},
         uns(UINT64_MAX),
         uns(2155),
         raw(VALUE_TEMPORAL, "9999-12-31", 10),
         raw(VALUE_TEMPORAL, "-838:59:59.000000", 17),
         raw(VALUE_TEMPORAL, "2024-00-10 00:00:00.000", 23),
         raw(VALUE_TEMPORAL, "2038-01-19 03:14:07.999999", 26),
         text("\xe9'x"),
         text("a'b,\xf0\x9f\x98\x80"),
         raw(VALUE_TEXT, "\xd8=\xde\0", 4),
         raw(VALUE_BYTES, "\0\1\0\0", 4),
         raw(VALUE_BYTES, "'\0", 2),
         raw(VALUE_BYTES, "'\0\\\xff\n", 5),
         uns(2),
         uns(7),
         raw(VALUE_JSON, "{\"a\": 1.0}", 10),
         raw(VALUE_BYTES, POINT_BYTES, 25)},
        {num(7),
         uns(0),
         raw(VALUE_DECIMAL, "0.00000", 7),
         (struct value){.kind = VALUE_FLOAT, .f = 1.5f},
         (struct value){.kind = VALUE_DOUBLE, .d = 5e-324},
         uns(0),
         uns(0),
         raw(VALUE_TEMPORAL, "0000-00-00", 10),
         raw(VALUE_TEMPORAL, "00:00:00.000001", 15),
         raw(VALUE_TEMPORAL, "0000-00-00 00:00:00.000", 23),
         raw(VALUE_TEMPORAL, "0000-00-00 00:00:00.000000", 26),
         text(""),
         text(""),
         text(""),
         raw(VALUE_BYTES, "\0\0\0\0", 4),
         raw(VALUE_BYTES, "", 0),
         raw(VALUE_BYTES, "", 0),
         uns(0),
         uns(0),
         raw(VALUE_JSON, "null", 4),
         null_value()},
    };

    memcpy(rows, set, sizeof(set));
    for (int c = 0; c < COLUMNS_MAX; c++)
        rows[2][c] = c == 0 ? num(8) : null_value();
}

struct hash_check {
    const struct value *rows[3];
    const bool *columns;
    int seen;
};

static bool check_hash(void *ctx, const struct value *row, const uint64_t *hash, struct err *e)
{
    struct hash_check *h = ctx;

    (void)e;
    assert_non_null(hash);
    assert_int_equal(row[1].kind, VALUE_ABSENT);
    for (int i = 0; i < 3; i++) {
        struct buf form = BUF_INIT;

        if (value_equal(&row[0], &h->rows[i][0])) {
            canon_put_row(&form, d, h->columns, h->rows[i]);
            assert_true(*hash == canon_hash64(buf_bytes(&form)));
            h->seen++;
        }
        buf_release(&form);
    }
    return true;
}

static void test_engine_computes_the_canonical_form_of_every_type(void **state)
{
    struct value rows[3][COLUMNS_MAX];
    bool columns[COLUMNS_MAX];
    struct hash_check h = {.rows = {rows[0], rows[1], rows[2]}, .columns = columns};
    struct canon_sums theirs, ours = {0};
    struct op op;

    (void)state;
    make(TYPES);
    fill_types(rows);
    op = op_rows(OP_INSERT, d, h.rows, 3);
    must(send_ops(&op, 1));
    target_columns(t, d, columns);
    for (int i = 0; i < 3; i++) {
        struct buf form = BUF_INIT;

        canon_put_row(&form, d, columns, rows[i]);
        canon_add(&ours, buf_bytes(&form));
        buf_release(&form);
    }
    must(target_read_hashes(t, d, NULL, check_hash, &h, &err));
    assert_int_equal(h.seen, 3);
    must(target_read_sums(t, d, NULL, &theirs, &err));
    assert_true(canon_sums_equal(&ours, &theirs));
}

const struct CMUnitTest contract_reader[] = {
    CONTRACT_TEST(test_reader_selects_by_range_keys_and_columns),
    CONTRACT_TEST(test_reader_compares_ranges_of_composite_keys),
    CONTRACT_TEST(test_view_stands_still),
    CONTRACT_TEST(test_engine_computes_the_canonical_form_of_every_type),
};
const size_t n_contract_reader = sizeof(contract_reader) / sizeof(contract_reader[0]);
