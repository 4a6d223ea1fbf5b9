#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cdc/source/chunks.h"
#include "schema/types/types.h"

static struct column columns[3] = {
    {.name = "a", .type = COLUMN_INT},
    {.name = "b", .type = COLUMN_VARCHAR, .charset = "utf8mb4", .collation = "utf8mb4_bin"},
    {.name = "c", .type = COLUMN_VARBINARY},
};
static uint32_t row_key[3] = {0, 1, 2};
static struct table table = {
    .db = "d", .name = "t", .columns = columns, .n_columns = 3, .row_key = row_key};

static void check_where(uint32_t parts, const char *low, const char *high, const char *expected)
{
    struct buf b = BUF_INIT;
    struct err err = ERR_INIT;

    table.n_row_key = parts;
    assert_true(chunk_put_where(&b, &table, low, high, &err));
    assert_string_equal(buf_cstr(&b), expected);
    buf_release(&b);
}

static void test_ranges_are_half_open(void **state)
{
    (void)state;
    check_where(1, NULL, NULL, "TRUE");
    check_where(1, "5", NULL, "`a` >= 5");
    check_where(1, NULL, "9", "`a` < 9");
    check_where(1, "5", "9", "`a` >= 5 AND `a` < 9");
}

static void test_composite_ranges_are_lexicographic(void **state)
{
    (void)state;
    check_where(2, "5,'x'", NULL, "`a` >= 5 AND (`a` > 5 OR (`a` = 5 AND `b` >= 'x'))");
    check_where(2, NULL, "5,'x'", "`a` <= 5 AND (`a` < 5 OR (`a` = 5 AND `b` < 'x'))");
    check_where(3, "1,'x',x'00'", NULL,
                "`a` >= 1 AND (`a` > 1 OR (`a` = 1 AND (`b` > 'x' OR (`b` = 'x' AND "
                "`c` >= x'00'))))");
}

static void test_commas_and_quotes_inside_literals_do_not_split_them(void **state)
{
    (void)state;
    check_where(2, "5,'a,''b\\\\,'", NULL,
                "`a` >= 5 AND (`a` > 5 OR (`a` = 5 AND `b` >= 'a,''b\\\\,'))");
    check_where(2, "5,'\\','", NULL, "`a` >= 5 AND (`a` > 5 OR (`a` = 5 AND `b` >= '\\','))");
}

static void test_a_bound_reads_back_as_it_was_put(void **state)
{
    struct value key[3] = {{.kind = VALUE_INT, .i = -7},
                           {.kind = VALUE_TEXT, .b = bytes_str("o'clo\\ck, sharp")},
                           {.kind = VALUE_BYTES, .b = bytes_of("\0'\xff", 3)}};
    struct buf bound = BUF_INIT, where = BUF_INIT;
    struct err err = ERR_INIT;

    (void)state;
    table.n_row_key = 3;
    chunk_put_bound(&bound, &table, key);
    assert_string_equal(buf_cstr(&bound), "-7,'o''clo\\\\ck, sharp',x'0027ff'");
    assert_true(chunk_put_where(&where, &table, buf_cstr(&bound), NULL, &err));
    assert_non_null(strstr(buf_cstr(&where), "`b` > 'o''clo\\\\ck, sharp'"));
    assert_non_null(strstr(buf_cstr(&where), "`c` >= x'0027ff'"));
    buf_release(&bound);
    buf_release(&where);
}

static void refuse(uint32_t parts, const char *low)
{
    struct buf b = BUF_INIT;
    struct err err = ERR_INIT;

    table.n_row_key = parts;
    assert_false(chunk_put_where(&b, &table, low, NULL, &err));
    assert_int_equal(err.kind, ERR_DATA);
    buf_release(&b);
}

static void test_a_bound_of_another_key_is_refused(void **state)
{
    (void)state;
    refuse(1, "5,'x'");
    refuse(2, "5");
    refuse(2, "5,");
    refuse(2, "5,'x");
    refuse(1, "");
    refuse(0, "5");
}

static void test_keys_read_back_from_their_select_list(void **state)
{
    struct arena arena = {0};
    struct err err = ERR_INIT;
    struct value key[3];
    struct bytes row[3] = {bytes_str("-12"), bytes_str("C3BC27"), bytes_str("00FF")};
    struct buf list = BUF_INIT;

    (void)state;
    table.n_row_key = 3;
    key_put_columns(&list, &table);
    assert_string_equal(buf_cstr(&list), "`a`, HEX(`b`), HEX(`c`)");
    assert_true(key_parse(&table, row, &arena, key, &err));
    assert_int_equal(key[0].i, -12);
    assert_int_equal(key[1].kind, VALUE_TEXT);
    assert_true(bytes_equal(key[1].b, bytes_of("\xc3\xbc'", 3)));
    assert_true(bytes_equal(key[2].b, bytes_of("\0\xff", 2)));
    row[0] = bytes_str("12x");
    assert_false(key_parse(&table, row, &arena, key, &err));
    row[0] = BYTES_EMPTY;
    assert_false(key_parse(&table, row, &arena, key, &err));
    buf_release(&list);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges_are_half_open),
        cmocka_unit_test(test_composite_ranges_are_lexicographic),
        cmocka_unit_test(test_commas_and_quotes_inside_literals_do_not_split_them),
        cmocka_unit_test(test_a_bound_reads_back_as_it_was_put),
        cmocka_unit_test(test_a_bound_of_another_key_is_refused),
        cmocka_unit_test(test_keys_read_back_from_their_select_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
