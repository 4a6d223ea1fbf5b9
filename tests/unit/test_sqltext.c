#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "targets/sqltext.h"

static struct buf out;

static int begin(void **state)
{
    (void)state;
    out = BUF_INIT;
    return 0;
}

static int end(void **state)
{
    (void)state;
    buf_release(&out);
    return 0;
}

static void check_value(enum column_type type, const char *charset, struct value v,
                        enum sql_dialect dialect, const char *expected)
{
    struct column c = {.name = "c", .type = type, .charset = charset};

    buf_reset(&out);
    sql_put_value(&out, &c, &v, dialect);
    assert_string_equal(buf_cstr(&out), expected);
}

static struct value text(const char *s, size_t n)
{
    return (struct value){.kind = VALUE_TEXT, .b = bytes_of(s, n)};
}

static struct value kind_bytes(enum value_kind kind, const char *s)
{
    return (struct value){.kind = kind, .b = bytes_str(s)};
}

static void test_sqltext_doubles_back_quotes_in_names(void **state)
{
    (void)state;
    sql_put_table(&out, "a`b", "``");
    assert_string_equal(buf_cstr(&out), "`a``b`.``````");
}

static void test_sqltext_escapes_what_could_end_a_string(void **state)
{
    (void)state;
    sql_put_string(&out, bytes_of("a'b\\c\0d\n\"\x1a;-- ", 14));
    assert_string_equal(buf_cstr(&out), "'a''b\\\\c\\0d\\n\"\x1a;-- '");
    check_value(COLUMN_VARCHAR, "utf8mb4", text("\\'; DROP TABLE t; --", 20), SQL_MARIADB,
                "'\\\\''; DROP TABLE t; --'");
    check_value(COLUMN_JSON, NULL, kind_bytes(VALUE_JSON, "{\"a\": \"it's\"}"), SQL_MARIADB,
                "'{\"a\": \"it''s\"}'");
}

static void test_sqltext_writes_broken_utf8_as_hex(void **state)
{
    (void)state;
    /* Lead byte, then a quote: a lenient reader would take both as one character. */
    check_value(COLUMN_TEXT, "utf8mb4", text("\xe0'", 2), SQL_MARIADB, "_utf8mb4 x'e027'");
    check_value(COLUMN_TEXT, "utf8mb4", text("\xed\xa0\x80", 3), SQL_MARIADB, "_utf8mb4 x'eda080'");
    check_value(COLUMN_TEXT, "utf8mb4", text("\xf0\x9f\x98\x80", 4), SQL_MARIADB,
                "'\xf0\x9f\x98\x80'");
    check_value(COLUMN_TEXT, "utf8mb3", text("\xc3\xa9", 2), SQL_MARIADB, "_utf8mb3'\xc3\xa9'");
}

static void test_sqltext_writes_other_charsets_with_introducer(void **state)
{
    (void)state;
    check_value(COLUMN_CHAR, "latin1", text("abc", 3), SQL_MARIADB, "_latin1'abc'");
    check_value(COLUMN_CHAR, "latin1", text("\xe9'", 2), SQL_MARIADB, "_latin1 x'e927'");
    check_value(COLUMN_CHAR, "sjis", text("a", 1), SQL_MARIADB, "_sjis x'61'");
    check_value(COLUMN_CHAR, "utf16", text("\0a", 2), SQL_MARIADB, "_utf16 x'0061'");
    check_value(COLUMN_CHAR, "ucs2", text("", 0), SQL_MARIADB, "_ucs2 x''");
}

static void test_sqltext_writes_numbers_exactly(void **state)
{
    struct value v = {.kind = VALUE_INT, .i = INT64_MIN};

    (void)state;
    check_value(COLUMN_BIGINT, NULL, v, SQL_MARIADB, "-9223372036854775808");
    v = (struct value){.kind = VALUE_UINT, .u = UINT64_MAX};
    check_value(COLUMN_BIT, NULL, v, SQL_MARIADB, "18446744073709551615");
    v = (struct value){.kind = VALUE_FLOAT, .f = 0.1f};
    check_value(COLUMN_FLOAT, NULL, v, SQL_MARIADB, "0.10000000149011612e0");
    v = (struct value){.kind = VALUE_DOUBLE, .d = DBL_MAX};
    check_value(COLUMN_DOUBLE, NULL, v, SQL_MARIADB, "1.7976931348623157e+308");
    v = (struct value){.kind = VALUE_DOUBLE, .d = -0.0};
    check_value(COLUMN_DOUBLE, NULL, v, SQL_MARIADB, "-0e0");
    check_value(COLUMN_DECIMAL, NULL, kind_bytes(VALUE_DECIMAL, "-12.340"), SQL_MARIADB, "-12.340");
}

static void test_sqltext_writes_null_temporal_and_bytes(void **state)
{
    struct value v = {.kind = VALUE_NULL};

    (void)state;
    check_value(COLUMN_DATE, NULL, v, SQL_MARIADB, "NULL");
    check_value(COLUMN_DATE, NULL, kind_bytes(VALUE_TEMPORAL, "0000-00-00"), SQL_MARIADB,
                "'0000-00-00'");
    v = (struct value){.kind = VALUE_BYTES, .b = bytes_of("\0\xff", 2)};
    check_value(COLUMN_BLOB, NULL, v, SQL_MARIADB, "x'00ff'");
    check_value(COLUMN_GEOMETRY, NULL, v, SQL_MARIADB, "_binary x'00ff'");
}

static struct column key_columns[3] = {
    {.name = "a", .type = COLUMN_INT},
    {.name = "b", .type = COLUMN_INT},
    {.name = "c", .type = COLUMN_INT},
};
static uint32_t key_parts[3] = {0, 1, 2};

static struct value num(int64_t i)
{
    return (struct value){.kind = VALUE_INT, .i = i};
}

static void test_sqltext_compares_keys_lexicographically(void **state)
{
    struct table t = {.columns = key_columns, .n_columns = 3, .row_key = key_parts, .n_row_key = 3};
    struct value key[3] = {num(1), num(2), num(3)};

    (void)state;
    sql_put_selection(&out, &t, &(struct selection){.low = key}, SQL_MARIADB);
    assert_string_equal(buf_cstr(&out), "`a` >= 1 AND (`a` > 1 OR (`a` = 1 AND (`b` > 2 OR "
                                        "(`b` = 2 AND `c` >= 3))))");
    buf_reset(&out);
    sql_put_selection(&out, &t, &(struct selection){.high = key}, SQL_MARIADB);
    assert_string_equal(buf_cstr(&out), "`a` <= 1 AND (`a` < 1 OR (`a` = 1 AND (`b` < 2 OR "
                                        "(`b` = 2 AND `c` < 3))))");
    buf_reset(&out);
    t.n_row_key = 1;
    sql_put_selection(&out, &t, &(struct selection){.low = key, .high = key + 1}, SQL_MARIADB);
    assert_string_equal(buf_cstr(&out), "`a` >= 1 AND `a` < 2");
}

static void test_sqltext_puts_nothing_for_all_rows(void **state)
{
    struct table t = {.columns = key_columns, .n_columns = 3};

    (void)state;
    sql_put_where(&out, &t, NULL, SQL_MARIADB);
    sql_put_where(&out, &t, &(struct selection){.low = NULL}, SQL_MARIADB);
    assert_string_equal(buf_cstr(&out), "");
}

static void test_sqltext_joins_conditions(void **state)
{
    struct table t = {.columns = key_columns, .n_columns = 3, .row_key = key_parts, .n_row_key = 1};
    struct value row[3] = {num(1), num(2), num(3)};
    const struct value *rows[1] = {row};
    uint32_t columns[2] = {1, 2};
    struct selection which = {
        .low = row, .keys = rows, .n_keys = 1, .columns = columns, .values = row, .n_columns = 2};

    (void)state;
    sql_put_where(&out, &t, &which, SQL_MARIADB);
    assert_string_equal(buf_cstr(&out), " WHERE `a` >= 1 AND (`a` IN (1)) AND `b` = 1 AND `c` = 2");
}

static void test_sqltext_lists_keys(void **state)
{
    struct table t = {.columns = key_columns, .n_columns = 3, .row_key = key_parts, .n_row_key = 1};
    struct value r1[3] = {num(1), num(2), num(3)};
    struct value r2[3] = {num(4), num(5), num(6)};
    const struct value *rows[2] = {r1, r2};

    (void)state;
    sql_put_selection(&out, &t, &(struct selection){.keys = rows, .n_keys = 2}, SQL_MARIADB);
    assert_string_equal(buf_cstr(&out), "`a` IN (1,4)");
    buf_reset(&out);
    t.n_row_key = 2;
    sql_put_selection(&out, &t, &(struct selection){.keys = rows, .n_keys = 2}, SQL_MARIADB);
    assert_string_equal(buf_cstr(&out), "(`a` = 1 AND `b` = 2) OR (`a` = 4 AND `b` = 5)");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sqltext_doubles_back_quotes_in_names),
        TEST(test_sqltext_escapes_what_could_end_a_string),
        TEST(test_sqltext_writes_broken_utf8_as_hex),
        TEST(test_sqltext_writes_other_charsets_with_introducer),
        TEST(test_sqltext_writes_numbers_exactly),
        TEST(test_sqltext_writes_null_temporal_and_bytes),
        TEST(test_sqltext_compares_keys_lexicographically),
        TEST(test_sqltext_puts_nothing_for_all_rows),
        TEST(test_sqltext_joins_conditions),
        TEST(test_sqltext_lists_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
