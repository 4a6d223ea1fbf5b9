#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "schema/base/buf.h"
#include "schema/catalog.h"
#include "schema/ddl/ddl.h"
#include "schema/value.h"

static void test_values_are_equal_by_kind_and_bits(void **state)
{
    struct value zero = {.kind = VALUE_DOUBLE, .d = 0.0}, minus = {.kind = VALUE_DOUBLE, .d = -0.0};
    struct value text = {.kind = VALUE_TEXT, .b = bytes_str("5")};
    struct value bytes = {.kind = VALUE_BYTES, .b = bytes_str("5")};
    struct value null = {.kind = VALUE_NULL}, null2 = {.kind = VALUE_NULL, .u = 7};

    (void)state;
    assert_false(value_equal(&zero, &minus));
    assert_true(value_equal(&minus, &minus));
    assert_false(value_equal(&text, &bytes));
    assert_true(value_equal(&null, &null2));
}

static void test_value_keys_are_self_delimiting(void **state)
{
    struct value ab[] = {{.kind = VALUE_TEXT, .b = bytes_str("a")},
                         {.kind = VALUE_TEXT, .b = bytes_str("bc")}};
    struct value cd[] = {{.kind = VALUE_TEXT, .b = bytes_str("ab")},
                         {.kind = VALUE_TEXT, .b = bytes_str("c")}};
    struct buf x = BUF_INIT, y = BUF_INIT;

    (void)state;
    for (int i = 0; i < 2; i++) {
        value_put_key(&x, &ab[i]);
        value_put_key(&y, &cd[i]);
    }
    assert_false(bytes_equal(buf_bytes(&x), buf_bytes(&y)));
    buf_release(&x);
    buf_release(&y);
}

static void test_value_copy_outlives_its_origin(void **state)
{
    struct arena arena = {0};
    char origin[] = "abc";
    struct value v = {.kind = VALUE_JSON, .b = bytes_str(origin)}, copy;

    (void)state;
    copy = value_copy(&arena, &v);
    origin[0] = 'x';
    assert_memory_equal(copy.b.data, "abc", 3);
    arena_release(&arena);
}

static struct table *table(const char *text)
{
    struct table *t = NULL;
    struct err err = ERR_INIT;

    assert_true(ddl_parse_table(text, "d", &t, &err));
    return t;
}

static void test_catalog_keeps_replaced_definitions_and_finds_children(void **state)
{
    struct catalog *c = catalog_new();
    struct table *first = table("CREATE TABLE t (a int)");
    const struct table **list;
    const struct table *const *children;

    (void)state;
    catalog_put(c, first);
    catalog_put(c, table("CREATE TABLE t (a int, b int)"));
    catalog_put(c, table("CREATE TABLE k (a int, CONSTRAINT f FOREIGN KEY (a) REFERENCES t (a))"));
    assert_int_equal(first->n_columns, 1);
    assert_int_equal(catalog_get(c, "d", "t")->n_columns, 2);
    assert_int_equal(catalog_tables(c, &list), 2);
    assert_string_equal(list[0]->name, "k");
    free(list);
    assert_int_equal(catalog_children(c, "d", "t", &children), 1);
    assert_ptr_equal(children[0], catalog_get(c, "d", "k"));
    catalog_put(c, table("CREATE TABLE j (a int, CONSTRAINT f FOREIGN KEY (a) REFERENCES t (a),"
                         " CONSTRAINT g FOREIGN KEY (a) REFERENCES t (a))"));
    assert_int_equal(catalog_children(c, "d", "t", &children), 2);
    assert_string_equal(children[0]->name, "j");
    catalog_put(c, table("CREATE TABLE k (a int)"));
    assert_int_equal(catalog_children(c, "d", "t", &children), 1);
    catalog_remove(c, "d", "t");
    assert_null(catalog_get(c, "d", "t"));
    assert_int_equal(catalog_children(c, "d", "t", &children), 1);
    catalog_remove(c, "d", "j");
    assert_int_equal(catalog_children(c, "d", "t", &children), 0);
    catalog_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_equal_by_kind_and_bits),
        cmocka_unit_test(test_value_keys_are_self_delimiting),
        cmocka_unit_test(test_value_copy_outlives_its_origin),
        cmocka_unit_test(test_catalog_keeps_replaced_definitions_and_finds_children),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
