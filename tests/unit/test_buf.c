#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "schema/base/buf.h"

static void test_buf_appends_all_kinds(void **state)
{
    struct buf b = BUF_INIT;
    const uint8_t want[] = {1, 2, 3, 7, 6, 5, 4, 15, 14, 13, 12, 11, 10, 9, 8, 'a', 'b', 'n', '5'};

    (void)state;
    buf_put_u8(&b, 1);
    buf_put_u16(&b, 0x0302);
    buf_put_u32(&b, 0x04050607);
    buf_put_u64(&b, 0x08090a0b0c0d0e0f);
    buf_put_str(&b, "ab");
    buf_putf(&b, "n%d", 5);
    assert_int_equal(b.len, sizeof(want));
    assert_memory_equal(b.data, want, sizeof(want));
    assert_int_equal(b.data[b.len], 0);
    buf_release(&b);
    assert_null(b.data);
    assert_int_equal(b.max, BUF_MAX_DEFAULT);
}

static void test_buf_takes_exactly_its_maximum(void **state)
{
    struct buf b = BUF_INIT_MAX(4);

    (void)state;
    buf_put_str(&b, "abcd");
    assert_false(b.overflow);
    buf_put_u8(&b, 'e');
    assert_true(b.overflow);
    assert_string_equal(buf_cstr(&b), "abcd");
    buf_release(&b);
}

static void test_buf_drops_everything_after_an_overflow(void **state)
{
    struct buf b = BUF_INIT_MAX(4);

    (void)state;
    buf_put_str(&b, "ab");
    buf_putf(&b, "%s", "cde");
    assert_true(b.overflow);
    buf_put_u8(&b, 'f'); /* would fit, but would stand where "cde" should */
    assert_string_equal(buf_cstr(&b), "ab");
    assert_null(buf_reserve(&b, 1));
    buf_reset(&b);
    assert_false(b.overflow);
    buf_put_str(&b, "wxyz");
    assert_string_equal(buf_cstr(&b), "wxyz");
    buf_release(&b);
}

static void test_buf_refuses_a_length_that_would_wrap(void **state)
{
    struct buf b = BUF_INIT_MAX(SIZE_MAX);

    (void)state;
    buf_put_u8(&b, 1);
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_true(b.overflow);
    buf_release(&b);
}

static void test_buf_writes_varints_of_every_length(void **state)
{
    const struct {
        uint64_t v;
        size_t len;
    } cases[] = {{0, 1},     {127, 1},        {128, 2},        {16383, 2},
                 {16384, 3}, {UINT32_MAX, 5}, {UINT64_MAX, 10}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b = BUF_INIT;

        buf_put_varint(&b, cases[i].v);
        assert_int_equal(b.len, cases[i].len);
        buf_release(&b);
    }
}

static void test_buf_truncates_and_is_a_string_when_empty(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    assert_string_equal(buf_cstr(&b), "");
    buf_put_str(&b, "hello");
    buf_truncate(&b, 2);
    assert_string_equal(buf_cstr(&b), "he");
    buf_put_varbytes(&b, bytes_str("xy"));
    assert_string_equal(buf_cstr(&b), "he\002xy");
    buf_release(&b);
}

static void test_buf_takes_the_memory_of_another_when_it_is_empty(void **state)
{
    struct buf a = BUF_INIT_MAX(8), b = BUF_INIT;
    const uint8_t *memory;

    (void)state;
    buf_put_str(&b, "abc");
    memory = b.data;
    buf_take(&a, &b);
    assert_string_equal(buf_cstr(&a), "abc");
    assert_ptr_equal(a.data, memory);
    assert_string_equal(buf_cstr(&b), "");
    buf_put_str(&b, "def");
    buf_take(&a, &b);
    assert_string_equal(buf_cstr(&a), "abcdef");
    assert_string_equal(buf_cstr(&b), "");
    buf_put_str(&b, "ghi");
    buf_take(&a, &b);
    assert_true(a.overflow);
    buf_reset(&a);
    buf_put_str(&b, "123456789");
    buf_take(&a, &b);
    assert_true(a.overflow);
    buf_release(&a);
    buf_release(&b);
}

static void test_buf_that_is_reset_keeps_no_more_than_it_is_told(void **state)
{
    struct buf b = BUF_INIT_MAX(1000);

    (void)state;
    buf_put_str(&b, "abc");
    buf_reset_to(&b, 100);
    assert_non_null(b.data);
    assert_string_equal(buf_cstr(&b), "");
    assert_non_null(buf_reserve(&b, 500));
    buf_reset_to(&b, 100);
    assert_null(b.data);
    assert_int_equal(b.max, 1000);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf_appends_all_kinds),
        cmocka_unit_test(test_buf_takes_exactly_its_maximum),
        cmocka_unit_test(test_buf_drops_everything_after_an_overflow),
        cmocka_unit_test(test_buf_refuses_a_length_that_would_wrap),
        cmocka_unit_test(test_buf_writes_varints_of_every_length),
        cmocka_unit_test(test_buf_truncates_and_is_a_string_when_empty),
        cmocka_unit_test(test_buf_takes_the_memory_of_another_when_it_is_empty),
        cmocka_unit_test(test_buf_that_is_reset_keeps_no_more_than_it_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
