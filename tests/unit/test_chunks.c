#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "targets/sqlread.h"
#include "targets/target.h"

static struct column columns[3] = {
    {.name = "a", .type = COLUMN_INT},
    {.name = "b", .type = COLUMN_VARCHAR, .charset = "utf8mb4", .collation = "utf8mb4_bin"},
    {.name = "c", .type = COLUMN_DOUBLE},
};
static uint32_t row_key[3] = {0, 1, 2};
static struct table table = {
    .db = "d", .name = "t", .columns = columns, .n_columns = 3, .row_key = row_key};

static void test_a_bound_reads_back_as_it_was_put(void **state)
{
    struct value key[3] = {{.kind = VALUE_INT, .i = -7},
                           {.kind = VALUE_TEXT, .b = bytes_of("o'\0lock,", 8)},
                           {.kind = VALUE_DOUBLE, .d = 0.1}};
    const struct value *read;
    struct arena arena = {0};
    struct buf text = BUF_INIT;

    (void)state;
    table.n_row_key = 3;
    key_text_put(&text, &table, key);
    assert_true(key_text_parse(buf_cstr(&text), &table, &arena, &read));
    for (int i = 0; i < 3; i++)
        assert_true(value_equal(&key[i], &read[i]));
    table.n_row_key = 2;
    assert_false(key_text_parse(buf_cstr(&text), &table, &arena, &read));
    buf_release(&text);
    arena_release(&arena);
}

static void test_a_bound_of_version_0_1_or_a_damaged_one_is_not_read(void **state)
{
    static const char *const texts[] = {"5",   "5,'x'", "'k1:'",  "",
                                        "k1:", "k1:01", "k1:0g0", "k1:0107000000000000000000"};
    const struct value *read;
    struct arena arena = {0};

    (void)state;
    table.n_row_key = 1;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_false(key_text_parse(texts[i], &table, &arena, &read));
    assert_true(key_text_parse("k1:010700000000000000", &table, &arena, &read));
    assert_int_equal(read[0].i, 7);
    arena_release(&arena);
}

static void test_keys_read_back_from_their_select_list(void **state)
{
    struct err err = ERR_INIT;
    struct value row[3];
    struct bytes texts[3] = {bytes_str("-12"), bytes_of("\xc3\xbc'", 3), bytes_str("0.1")};
    struct buf list = BUF_INIT;

    (void)state;
    table.n_row_key = 3;
    sql_put_exact_key(&list, &table, SQL_MYSQL);
    assert_string_equal(buf_cstr(&list), "`a`,`b`,CAST(`c` AS DOUBLE)");
    assert_true(sql_read_exact_key(&table, texts, SQL_MYSQL, row, &err));
    assert_int_equal(row[0].i, -12);
    assert_int_equal(row[1].kind, VALUE_TEXT);
    assert_true(bytes_equal(row[1].b, texts[1]));
    assert_true(row[2].d == 0.1);
    texts[2] = bytes_str("0000000001010000009A9999999999B93F0000000000000000");
    assert_true(sql_read_exact_key(&table, texts, SQL_MARIADB, row, &err));
    assert_true(row[2].d == 0.1);
    texts[0] = bytes_str("12x");
    assert_false(sql_read_exact_key(&table, texts, SQL_MARIADB, row, &err));
    texts[0] = BYTES_EMPTY;
    assert_false(sql_read_exact_key(&table, texts, SQL_MARIADB, row, &err));
    buf_release(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_bound_reads_back_as_it_was_put),
        cmocka_unit_test(test_a_bound_of_version_0_1_or_a_damaged_one_is_not_read),
        cmocka_unit_test(test_keys_read_back_from_their_select_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
