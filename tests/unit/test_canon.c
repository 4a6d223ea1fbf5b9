#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "targets/canon.h"

static void check_hash(struct column c, enum sql_dialect dialect, const char *token)
{
    struct table t = {.db = "d", .name = "t", .columns = &c, .n_columns = 1};
    struct buf b = BUF_INIT, expected = BUF_INIT;

    c.name = "c";
    canon_put_hash(&b, &t, dialect);
    buf_putf(&expected, "SHA2(CONCAT('',IF(`c` IS NULL,'N',%s)),256)", token);
    assert_string_equal(buf_cstr(&b), buf_cstr(&expected));
    buf_release(&b);
    buf_release(&expected);
}

static void test_text_enters_as_its_bytes(void **state)
{
    (void)state;
    check_hash((struct column){.type = COLUMN_VARCHAR,
                               .charset = "latin1",
                               .collation = "latin1_swedish_ci"},
               SQL_MYSQL, "HEX(`c`)");
    check_hash((struct column){.type = COLUMN_LONGTEXT,
                               .charset = "utf8mb4",
                               .collation = "utf8mb4_0900_ai_ci"},
               SQL_MARIADB, "SHA2(`c`,256)");
}

static void test_text_in_a_set_that_mariadb_lacks_is_converted(void **state)
{
    (void)state;
    check_hash((struct column){.type = COLUMN_VARCHAR,
                               .charset = "gb18030",
                               .collation = "gb18030_chinese_ci"},
               SQL_MYSQL, "HEX(CONVERT(`c` USING utf8mb4))");
}

static void test_large_values_enter_as_their_own_hash(void **state)
{
    (void)state;
    check_hash((struct column){.type = COLUMN_LONGBLOB}, SQL_MYSQL, "SHA2(`c`,256)");
    check_hash((struct column){.type = COLUMN_JSON}, SQL_MYSQL, "SHA2(CAST(`c` AS CHAR),256)");
    check_hash((struct column){.type = COLUMN_JSON}, SQL_MARIADB, "SHA2(`c`,256)");
}

static void test_floats_enter_as_bits_without_the_sign_of_zero(void **state)
{
    (void)state;
    check_hash((struct column){.type = COLUMN_FLOAT}, SQL_MYSQL, "HEX(POINT(`c`+0e0,0))");
}

static void test_generated_columns_stay_out(void **state)
{
    struct column columns[2] = {
        {.name = "a", .type = COLUMN_INT},
        {.name = "g",
         .type = COLUMN_INT,
         .generated = GENERATED_STORED,
         .generated_expr = "`a` + 1"},
    };
    struct table t = {.db = "d", .name = "t", .columns = columns, .n_columns = 2};
    struct buf b = BUF_INIT;

    (void)state;
    canon_put_hash(&b, &t, SQL_MYSQL);
    assert_null(strstr(buf_cstr(&b), "`g`"));
    buf_release(&b);
}

static void test_minus_zeros_are_counted_on_the_source_only(void **state)
{
    struct column c = {.name = "f", .type = COLUMN_DOUBLE};
    struct table t = {.db = "d", .name = "t", .columns = &c, .n_columns = 1};
    struct buf b = BUF_INIT;

    (void)state;
    canon_put_sums(&b, &t, "`f` > 1", SQL_MYSQL);
    assert_non_null(strstr(buf_cstr(&b), "='80',1,0)"));
    assert_non_null(strstr(buf_cstr(&b), " WHERE `f` > 1 LIMIT"));
    buf_reset(&b);
    canon_put_sums(&b, &t, NULL, SQL_MARIADB);
    assert_null(strstr(buf_cstr(&b), "='80',1,0)"));
    assert_null(strstr(buf_cstr(&b), "WHERE"));
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_enters_as_its_bytes),
        cmocka_unit_test(test_text_in_a_set_that_mariadb_lacks_is_converted),
        cmocka_unit_test(test_large_values_enter_as_their_own_hash),
        cmocka_unit_test(test_floats_enter_as_bits_without_the_sign_of_zero),
        cmocka_unit_test(test_generated_columns_stay_out),
        cmocka_unit_test(test_minus_zeros_are_counted_on_the_source_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
