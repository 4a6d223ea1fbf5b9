#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema/base/buf.h"
#include "schema/base/cursor.h"

static void test_cursor_reads_little_and_big_endian(void **state)
{
    const uint8_t in[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0xff, 0xfe, 0xfd};
    struct cursor c = cursor_of(bytes_of(in, sizeof(in)));

    (void)state;
    assert_int_equal(cursor_u8(&c), 1);
    assert_int_equal(cursor_u16(&c), 0x0302);
    assert_int_equal(cursor_u24(&c), 0x060504);
    assert_int_equal(cursor_u32(&c), 0x0a090807);
    assert_int_equal(cursor_u48(&c), 0x100f0e0d0c0b);
    assert_int_equal(cursor_uint_be(&c, 3), 0xfffefd);
    assert_false(c.bad);
    assert_int_equal(cursor_left(&c), 0);
    assert_int_equal(cursor_uint(&c, 0), 0);
    assert_false(c.bad);
}

static void test_cursor_stays_bad_after_a_read_past_the_end(void **state)
{
    const uint8_t in[] = {1, 2, 3};
    struct cursor c = cursor_of(bytes_of(in, sizeof(in)));

    (void)state;
    assert_int_equal(cursor_u32(&c), 0);
    assert_true(c.bad);
    assert_int_equal(cursor_u8(&c), 0); /* a byte is there, but nobody knows of what */
    assert_int_equal(cursor_left(&c), 0);
    assert_int_equal(cursor_bytes(&c, 1).len, 0);
    assert_int_equal(cursor_rest(&c).len, 0);
    assert_true(c.bad);
}

static void test_cursor_refuses_a_length_near_2_64(void **state)
{
    const uint8_t in[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 'a'};
    struct cursor c = cursor_of(bytes_of(in, sizeof(in)));

    (void)state;
    assert_int_equal(cursor_varbytes(&c).len, 0);
    assert_true(c.bad);
}

static void test_cursor_reads_back_varints(void **state)
{
    const uint64_t values[] = {0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX - 1, UINT64_MAX};
    struct buf b = BUF_INIT;
    struct cursor c;

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        buf_put_varint(&b, values[i]);
    c = cursor_of(buf_bytes(&b));
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        assert_true(cursor_varint(&c) == values[i]);
    assert_false(c.bad);
    assert_int_equal(cursor_left(&c), 0);
    buf_release(&b);
}

static void test_cursor_refuses_a_varint_over_64_bits(void **state)
{
    const uint8_t too_big[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2};
    const uint8_t too_long[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0};
    const uint8_t cut[] = {0x80};
    struct cursor c = cursor_of(bytes_of(too_big, sizeof(too_big)));

    (void)state;
    assert_int_equal(cursor_varint(&c), 0);
    assert_true(c.bad);
    c = cursor_of(bytes_of(too_long, sizeof(too_long)));
    assert_int_equal(cursor_varint(&c), 0);
    assert_true(c.bad);
    c = cursor_of(bytes_of(cut, sizeof(cut)));
    assert_int_equal(cursor_varint(&c), 0);
    assert_true(c.bad);
}

static void test_cursor_reads_length_encoded_integers(void **state)
{
    const uint8_t in[] = {0xfa, 0xfc, 1, 2, 0xfd, 1, 2, 3, 0xfe, 1, 0, 0, 0, 0, 0, 0, 0x80};
    const uint8_t null[] = {0xfb};
    const uint8_t error[] = {0xff};
    struct cursor c = cursor_of(bytes_of(in, sizeof(in)));

    (void)state;
    assert_int_equal(cursor_lenenc(&c), 0xfa);
    assert_int_equal(cursor_lenenc(&c), 0x0201);
    assert_int_equal(cursor_lenenc(&c), 0x030201);
    assert_true(cursor_lenenc(&c) == 0x8000000000000001);
    assert_false(c.bad);
    c = cursor_of(bytes_of(null, 1));
    cursor_lenenc(&c);
    assert_true(c.bad);
    c = cursor_of(bytes_of(error, 1));
    cursor_lenenc(&c);
    assert_true(c.bad);
}

static void test_cursor_of_nothing_is_empty_and_good(void **state)
{
    struct cursor c = cursor_of(BYTES_EMPTY);

    (void)state;
    assert_int_equal(cursor_left(&c), 0);
    assert_int_equal(cursor_rest(&c).len, 0);
    assert_int_equal(cursor_bytes(&c, 0).len, 0);
    assert_false(c.bad);
    cursor_u8(&c);
    assert_true(c.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cursor_reads_little_and_big_endian),
        cmocka_unit_test(test_cursor_stays_bad_after_a_read_past_the_end),
        cmocka_unit_test(test_cursor_refuses_a_length_near_2_64),
        cmocka_unit_test(test_cursor_reads_back_varints),
        cmocka_unit_test(test_cursor_refuses_a_varint_over_64_bits),
        cmocka_unit_test(test_cursor_reads_length_encoded_integers),
        cmocka_unit_test(test_cursor_of_nothing_is_empty_and_good),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
