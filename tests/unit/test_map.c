#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "schema/base/map.h"

static int values[2000];

static struct bytes key_of(int i, char *out, size_t size)
{
    snprintf(out, size, "key %d", i);
    return bytes_str(out);
}

static void test_map_keeps_two_thousand_keys(void **state)
{
    struct map m = {0};
    char key[32];

    (void)state;
    assert_null(map_get(&m, bytes_str("none")));
    for (int i = 0; i < 2000; i++)
        assert_null(map_put(&m, key_of(i, key, sizeof(key)), &values[i]));
    assert_int_equal(m.count, 2000);
    for (int i = 0; i < 2000; i++)
        assert_ptr_equal(map_get(&m, key_of(i, key, sizeof(key))), &values[i]);
    assert_null(map_get(&m, bytes_str("key 2000")));
    map_release(&m);
    assert_int_equal(m.count, 0);
}

static void test_map_gives_the_former_value_when_it_replaces(void **state)
{
    struct map m = {0};

    (void)state;
    assert_null(map_put(&m, bytes_str("a"), &values[1]));
    assert_ptr_equal(map_put(&m, bytes_str("a"), &values[2]), &values[1]);
    assert_int_equal(m.count, 1);
    assert_ptr_equal(map_remove(&m, bytes_str("a")), &values[2]);
    assert_null(map_remove(&m, bytes_str("a")));
    assert_int_equal(m.count, 0);
    map_release(&m);
}

static void test_map_tells_keys_with_nuls_apart(void **state)
{
    struct map m = {0};

    (void)state;
    map_put(&m, bytes_of("a\0b", 3), &values[1]);
    map_put(&m, bytes_of("a\0c", 3), &values[2]);
    map_put(&m, bytes_of("a", 1), &values[3]);
    map_put(&m, BYTES_EMPTY, &values[4]);
    assert_ptr_equal(map_get(&m, bytes_of("a\0b", 3)), &values[1]);
    assert_ptr_equal(map_get(&m, bytes_of("a\0c", 3)), &values[2]);
    assert_ptr_equal(map_get(&m, bytes_of("a", 1)), &values[3]);
    assert_ptr_equal(map_get(&m, bytes_of("", 0)), &values[4]);
    map_release(&m);
}

static void test_map_walks_in_insertion_order_without_the_removed(void **state)
{
    struct map m = {0};
    struct map_entry *e;
    char key[32];
    int next = 1;

    (void)state;
    for (int i = 0; i < 100; i++)
        map_put(&m, key_of(i, key, sizeof(key)), &values[i]);
    for (int i = 0; i < 100; i += 2)
        map_remove(&m, key_of(i, key, sizeof(key)));
    for (size_t i = 0; (e = map_next(&m, &i)) != NULL; next += 2)
        assert_ptr_equal(e->value, &values[next]);
    assert_int_equal(next, 101);
    map_release(&m);
}

/* A window of live keys moves on: the memory must not grow with the number of inserts. */
static void test_map_does_not_grow_when_keys_come_and_go(void **state)
{
    struct map m = {0};
    char key[32];

    (void)state;
    for (int i = 0; i < 100000; i++) {
        map_put(&m, key_of(i, key, sizeof(key)), &values[i % 2000]);
        if (i >= 10)
            map_remove(&m, key_of(i - 10, key, sizeof(key)));
    }
    assert_int_equal(m.count, 10);
    assert_true(m.cap <= 64);
    assert_ptr_equal(map_get(&m, bytes_str("key 99999")), &values[99999 % 2000]);
    assert_null(map_get(&m, bytes_str("key 99989")));
    map_release(&m);
}

static void test_map_slot_inserts_null_once(void **state)
{
    struct map m = {0};
    void **slot = map_slot(&m, bytes_str("a"));

    (void)state;
    assert_null(*slot);
    *slot = &values[7];
    assert_ptr_equal(*map_slot(&m, bytes_str("a")), &values[7]);
    assert_int_equal(m.count, 1);
    map_reset(&m);
    assert_int_equal(m.count, 0);
    assert_null(map_get(&m, bytes_str("a")));
    map_put(&m, bytes_str("a"), &values[8]);
    assert_ptr_equal(map_get(&m, bytes_str("a")), &values[8]);
    map_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map_keeps_two_thousand_keys),
        cmocka_unit_test(test_map_gives_the_former_value_when_it_replaces),
        cmocka_unit_test(test_map_tells_keys_with_nuls_apart),
        cmocka_unit_test(test_map_walks_in_insertion_order_without_the_removed),
        cmocka_unit_test(test_map_does_not_grow_when_keys_come_and_go),
        cmocka_unit_test(test_map_slot_inserts_null_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
