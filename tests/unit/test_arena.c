#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "schema/base/arena.h"

static void test_arena_gives_zeroed_aligned_memory(void **state)
{
    struct arena a = {0};
    static const uint8_t zeros[1000];

    (void)state;
    for (size_t size = 0; size < 1000; size += 7) {
        uint8_t *p = arena_alloc(&a, size);

        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        assert_memory_equal(p, zeros, size);
        memset(p, 0xa5, size);
    }
    arena_reset(&a);
    assert_memory_equal(arena_alloc(&a, 1000), zeros, 1000); /* used before, zeroed again */
    arena_release(&a);
    assert_null(a.head);
}

static void test_arena_keeps_what_it_copied(void **state)
{
    struct arena a = {0};
    char *parts[500];

    (void)state;
    for (int i = 0; i < 500; i++)
        parts[i] = arena_printf(&a, "%d:%0500d", i, i);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(strtol(parts[i], NULL, 10), i);
        assert_int_equal(strlen(strchr(parts[i], ':')), 501);
    }
    assert_string_equal(arena_strdup(&a, "abc"), "abc");
    assert_string_equal(arena_strndup(&a, "abc", 2), "ab");
    assert_memory_equal(arena_bytes(&a, bytes_of("a\0b", 3)).data, "a\0b", 3);
    assert_int_equal(arena_bytes(&a, BYTES_EMPTY).len, 0);
    arena_release(&a);
}

static void test_arena_reuses_its_memory_after_reset(void **state)
{
    struct arena a = {0};
    void *first = arena_alloc(&a, 100);

    (void)state;
    for (int round = 0; round < 10; round++) {
        arena_reset(&a);
        assert_int_equal(a.used, 0);
        assert_ptr_equal(arena_alloc(&a, 100), first);
    }
    arena_release(&a);
}

static void test_arena_gives_back_the_memory_of_one_huge_transaction(void **state)
{
    struct arena a = {0};

    (void)state;
    arena_alloc(&a, (size_t)32 << 20);
    arena_reset(&a);
    assert_null(a.spare);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_gives_zeroed_aligned_memory),
        cmocka_unit_test(test_arena_keeps_what_it_copied),
        cmocka_unit_test(test_arena_reuses_its_memory_after_reset),
        cmocka_unit_test(test_arena_gives_back_the_memory_of_one_huge_transaction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
