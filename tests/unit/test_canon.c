#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "targets/sqlcanon.h"

static const bool all[2] = {true, true};

static void check_sql(struct column c, enum sql_dialect dialect, const char *token)
{
    struct table t = {.db = "d", .name = "t", .columns = &c, .n_columns = 1};
    struct buf b = BUF_INIT, expected = BUF_INIT;

    c.name = "c";
    sql_put_hashes(&b, &t, all, NULL, dialect);
    buf_putf(&expected, "SELECT LEFT(SHA2(CONCAT('',IF(`c` IS NULL,'N',%s)),256),16) FROM `d`.`t`",
             token);
    assert_string_equal(buf_cstr(&b), buf_cstr(&expected));
    buf_release(&b);
    buf_release(&expected);
}

static void check_form(enum column_type type, struct value v, const char *expected)
{
    struct column c = {.name = "c", .type = type};
    struct table t = {.db = "d", .name = "t", .columns = &c, .n_columns = 1};
    struct buf b = BUF_INIT;

    canon_put_row(&b, &t, all, &v);
    assert_string_equal(buf_cstr(&b), expected);
    buf_release(&b);
}

static void test_text_enters_as_its_bytes(void **state)
{
    (void)state;
    check_sql((struct column){.type = COLUMN_VARCHAR}, SQL_MYSQL, "HEX(`c`)");
    check_sql((struct column){.type = COLUMN_LONGTEXT}, SQL_MARIADB, "SHA2(`c`,256)");
    check_form(COLUMN_VARCHAR, (struct value){.kind = VALUE_TEXT, .b = bytes_str("a\xfc,")},
               "61FC2C");
}

static void test_large_values_enter_as_their_own_hash(void **state)
{
    (void)state;
    check_sql((struct column){.type = COLUMN_LONGBLOB}, SQL_MYSQL, "SHA2(`c`,256)");
    check_sql((struct column){.type = COLUMN_JSON}, SQL_MYSQL, "SHA2(CAST(`c` AS CHAR),256)");
    check_sql((struct column){.type = COLUMN_JSON}, SQL_MARIADB, "SHA2(`c`,256)");
    check_form(COLUMN_BLOB, (struct value){.kind = VALUE_BYTES, .b = bytes_str("abc")},
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_floats_enter_as_bits_without_the_sign_of_zero(void **state)
{
    (void)state;
    check_sql((struct column){.type = COLUMN_FLOAT}, SQL_MYSQL, "HEX(POINT(`c`+0e0,0))");
    check_form(COLUMN_DOUBLE, (struct value){.kind = VALUE_DOUBLE, .d = 0.5},
               "000000000101000000000000000000E03F0000000000000000");
    check_form(COLUMN_DOUBLE, (struct value){.kind = VALUE_DOUBLE, .d = -0.0},
               "00000000010100000000000000000000000000000000000000");
}

static void test_columns_that_take_no_part_stay_out(void **state)
{
    static const bool first[2] = {true, false};
    struct column columns[2] = {{.name = "a", .type = COLUMN_INT},
                                {.name = "g", .type = COLUMN_INT}};
    struct table t = {.db = "d", .name = "t", .columns = columns, .n_columns = 2};
    struct value row[2] = {{.kind = VALUE_INT, .i = -7}, {.kind = VALUE_NULL}};
    struct buf b = BUF_INIT;

    (void)state;
    sql_put_sums(&b, &t, first, NULL, SQL_MYSQL);
    assert_null(strstr(buf_cstr(&b), "`g`"));
    buf_reset(&b);
    canon_put_row(&b, &t, first, row);
    assert_string_equal(buf_cstr(&b), "-7");
    buf_reset(&b);
    canon_put_row(&b, &t, all, row);
    assert_string_equal(buf_cstr(&b), "-7,N");
    buf_release(&b);
}

static void test_minus_zeros_are_counted_on_the_source_only(void **state)
{
    struct column c = {.name = "f", .type = COLUMN_DOUBLE};
    uint32_t row_key = 0;
    struct value low = {.kind = VALUE_DOUBLE, .d = 1};
    struct table t = {
        .db = "d", .name = "t", .columns = &c, .n_columns = 1, .row_key = &row_key, .n_row_key = 1};
    struct buf b = BUF_INIT;

    (void)state;
    sql_put_sums(&b, &t, all, &(struct selection){.low = &low}, SQL_MYSQL);
    assert_non_null(strstr(buf_cstr(&b), "='80',1,0)"));
    assert_non_null(strstr(buf_cstr(&b), " WHERE `f` >= 1e0 LIMIT"));
    buf_reset(&b);
    sql_put_sums(&b, &t, all, NULL, SQL_MARIADB);
    assert_null(strstr(buf_cstr(&b), "='80',1,0)"));
    assert_null(strstr(buf_cstr(&b), "WHERE"));
    buf_release(&b);
}

static void test_sums_tell_swapped_and_missing_rows(void **state)
{
    struct canon_sums a = {0}, b = {0}, c = {0};

    (void)state;
    canon_add(&a, bytes_str("1,N"));
    canon_add(&a, bytes_str("2,N"));
    canon_add(&b, bytes_str("2,N"));
    canon_add(&b, bytes_str("1,N"));
    canon_add(&c, bytes_str("1,N"));
    assert_true(canon_sums_equal(&a, &b));
    assert_false(canon_sums_equal(&a, &c));
    canon_add(&c, bytes_str("3,N"));
    assert_false(canon_sums_equal(&a, &c));
    b.hashed--;
    assert_false(canon_sums_equal(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_enters_as_its_bytes),
        cmocka_unit_test(test_large_values_enter_as_their_own_hash),
        cmocka_unit_test(test_floats_enter_as_bits_without_the_sign_of_zero),
        cmocka_unit_test(test_columns_that_take_no_part_stay_out),
        cmocka_unit_test(test_minus_zeros_are_counted_on_the_source_only),
        cmocka_unit_test(test_sums_tell_swapped_and_missing_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
