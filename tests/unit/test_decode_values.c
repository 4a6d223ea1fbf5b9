/* Column values, decimals, times and binary JSON: captured bytes in, exact text out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cdc/decode/decoder.h"
#include "schema/base/xalloc.h"

static struct bytes unhex(const char *hex, uint8_t *out)
{
    size_t n = 0;

    for (; *hex; hex++) {
        unsigned v;

        if (*hex == ' ')
            continue;
        assert_int_equal(sscanf(hex, "%2x", &v), 1);
        out[n++] = (uint8_t)v;
        hex++;
    }
    return bytes_of(out, n);
}

static void expect_text(const char *want, const char *got, size_t len)
{
    if (strlen(want) != len || memcmp(want, got, len) != 0)
        fail_msg("wanted %s, got %.*s", want, (int)len, got);
}

static void expect_decimal(unsigned precision, unsigned scale, const char *hex, const char *want)
{
    uint8_t raw[64];
    char text[DECIMAL_TEXT_SIZE];
    size_t len = 0;
    struct cursor c = cursor_of(unhex(hex, raw));

    assert_true(decimal_decode(&c, precision, scale, text, &len));
    assert_int_equal(cursor_left(&c), 0);
    expect_text(want, text, len);
}

static void test_decimals_are_exact(void **state)
{
    (void)state;
    expect_decimal(14, 4, "810dfb38d204d2", "1234567890.1234");
    expect_decimal(14, 4, "7ef204c72dfb2d", "-1234567890.1234");
    expect_decimal(6, 2, "7ff3cd", "-12.50");
    expect_decimal(5, 0, "7fcfc6", "-12345");
    expect_decimal(4, 4, "9388", "0.5000");
    expect_decimal(4, 4, "7b2d", "-0.1234");
    expect_decimal(18, 9, "7ffffffefffffffe", "-1.000000001");
    expect_decimal(5, 0, "800000", "0");
}

static void test_decimals_refuse_impossible_digits(void **state)
{
    uint8_t raw[64];
    char text[DECIMAL_TEXT_SIZE];
    size_t len = 0;
    struct cursor c = cursor_of(unhex("80ffffffff", raw));

    (void)state;
    assert_false(decimal_decode(&c, 10, 0, text, &len));
    c = cursor_of(unhex("800000", raw));
    assert_false(decimal_decode(&c, 0, 0, text, &len));
    c = cursor_of(unhex("80", raw));
    assert_false(decimal_decode(&c, 5, 0, text, &len));
}

typedef bool fsp_fn(struct cursor *c, unsigned fsp, char *out, size_t *len);

static void expect_fsp(fsp_fn *f, unsigned fsp, const char *hex, const char *want)
{
    uint8_t raw[64];
    char text[64];
    size_t len = 0;
    struct cursor c = cursor_of(unhex(hex, raw));

    assert_true(f(&c, fsp, text, &len));
    assert_int_equal(cursor_left(&c), 0);
    expect_text(want, text, len);
}

static void test_datetimes_keep_their_digits(void **state)
{
    (void)state;
    expect_fsp(temporal_datetime, 0, "99b2bac8b8", "2024-02-29 12:34:56");
    expect_fsp(temporal_datetime, 2, "99b2bac8b84e", "2024-02-29 12:34:56.78");
    expect_fsp(temporal_datetime, 3, "99b2bac8b81ed2", "2024-02-29 12:34:56.789");
    expect_fsp(temporal_datetime, 6, "99b2bac8b80c0a14", "2024-02-29 12:34:56.789012");
    expect_fsp(temporal_datetime, 0, "8000000000", "0000-00-00 00:00:00");
    expect_fsp(temporal_datetime, 6, "fef3ff7efb0f423f", "9999-12-31 23:59:59.999999");
    expect_fsp(temporal_datetime, 0, "99b2be0000", "2024-02-31 00:00:00");
}

static void test_timestamps_are_utc(void **state)
{
    (void)state;
    expect_fsp(temporal_timestamp, 0, "65e05dd0", "2024-02-29 10:34:56");
    expect_fsp(temporal_timestamp, 4, "65e05dd01ed2", "2024-02-29 10:34:56.7890");
    expect_fsp(temporal_timestamp, 0, "00000000", "0000-00-00 00:00:00");
    expect_fsp(temporal_timestamp, 0, "00000001", "1970-01-01 00:00:01");
    expect_fsp(temporal_timestamp, 0, "7fffffff", "2038-01-19 03:14:07");
    expect_fsp(temporal_timestamp, 0, "ffffffff", "2106-02-07 06:28:15");
}

static void test_negative_times_have_one_sign(void **state)
{
    (void)state;
    expect_fsp(temporal_time, 0, "80c8b8", "12:34:56");
    expect_fsp(temporal_time, 0, "7f3748", "-12:34:56");
    expect_fsp(temporal_time, 1, "80c8b846", "12:34:56.7");
    expect_fsp(temporal_time, 1, "7ffffff6", "-00:00:00.1");
    expect_fsp(temporal_time, 3, "7ffffffff6", "-00:00:00.001");
    expect_fsp(temporal_time, 3, "7ffffeec78", "-00:00:01.500");
    expect_fsp(temporal_time, 6, "7fffffffffff", "-00:00:00.000001");
    expect_fsp(temporal_time, 6, "4b9105000000", "-838:59:59.000000");
    expect_fsp(temporal_time, 0, "b46efb", "838:59:59");
    expect_fsp(temporal_time, 0, "800000", "00:00:00");
}

static void expect_old(uint8_t type, const char *hex, const char *want)
{
    uint8_t raw[16];
    char text[64];
    size_t len = 0;
    struct cursor c = cursor_of(unhex(hex, raw));

    assert_true(temporal_old(&c, type, text, &len));
    expect_text(want, text, len);
}

static void test_times_from_before_5_6_are_read(void **state)
{
    (void)state;
    expect_old(WIRE_TIME, "40e201", "12:34:56");
    expect_old(WIRE_TIME, "c01dfe", "-12:34:56");
    expect_old(WIRE_DATETIME, "80c5aa8b68120000", "2024-02-29 12:34:56");
    expect_old(WIRE_TIMESTAMP, "d05de065", "2024-02-29 10:34:56");
}

static void test_dates_stay_as_they_are(void **state)
{
    static const char *const vectors[][2] = {{"5dd00f", "2024-02-29"},
                                             {"9f1f4e", "9999-12-31"},
                                             {"000000", "0000-00-00"},
                                             {"1fd00f", "2024-00-31"}};

    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        uint8_t raw[8];
        char text[64];
        size_t len = 0;
        struct cursor c = cursor_of(unhex(vectors[i][0], raw));

        assert_true(temporal_date(&c, text, &len));
        expect_text(vectors[i][1], text, len);
    }
}

static void expect_json(const char *hex, const char *want)
{
    uint8_t raw[1024];
    struct buf out = BUF_INIT;

    if (!json_binary_print(unhex(hex, raw), &out))
        fail_msg("%s is refused", want);
    expect_text(want, buf_cstr(&out), out.len);
    buf_release(&out);
}

static void refuse_json(const char *hex)
{
    uint8_t raw[1024];
    struct buf out = BUF_INIT;

    if (json_binary_print(unhex(hex, raw), &out))
        fail_msg("%s is taken", hex);
    buf_release(&out);
}

static void test_json_prints_as_mysql_does(void **state)
{
    (void)state;
    expect_json("", "null");
    expect_json("0400", "null");
    expect_json("0401", "true");
    expect_json("0402", "false");
    expect_json("0c067363616c6172", "\"scalar\"");
    expect_json("050080", "-32768");
    expect_json("0700800000", "32768");
    expect_json("0200000400", "[]");
    expect_json("00 0100 1600 0b00 0100 02 0c00 7a 0200 0a00 05 0100 05 0200", "{\"z\": [1, 2]}");
    expect_json("02 0100 1200 02 0700 0100 0b00 02 0700 0000 0400", "[[[]]]");
    expect_json("0c 08 08 09 0a 0c 0d 22 5c 01", "\"\\b\\t\\n\\f\\r\\\"\\\\\\u0001\"");
    expect_json("0affffffffffffffff", "18446744073709551615");
    expect_json("090000000000000080", "-9223372036854775808");
}

static void test_json_opaque_values_print_as_mysql_does(void **state)
{
    (void)state;
    expect_json("0f f6 08 0d 04 8000000109c4", "1.2500");
    expect_json("0f 0b 08 20a107b8c8000000", "\"12:34:56.500000\"");
    expect_json("0f 0b 08 0000007defffffff", "\"-01:02:03.000000\"");
    expect_json("0f 0c 08 080a0cb8c8bab219", "\"2024-02-29 12:34:56.789000\"");
    expect_json("0f 07 08 080a0cb8c8bab219", "\"2024-02-29 12:34:56.789000\"");
    expect_json("0f 0f 03 616263", "\"base64:type15:YWJj\"");
    expect_json("0f fc 02 00ff", "\"base64:type252:AP8=\"");
    expect_json("0f fd 02 6162", "\"ab\"");
}

static void test_json_refuses_offsets_outside(void **state)
{
    (void)state;
    refuse_json("02 0100 0800 02 ffff 00");
    refuse_json("00 0100 1600 ff00 0100 02 0c00 7a 0200 0a00 05 0100 05 0200");
    refuse_json("02 ffff ffff");
    refuse_json("0c ff");
    refuse_json("0c ffffffffff01");
    refuse_json("0403");
    refuse_json("0d00");
    refuse_json("0b 000000000000f07f"); /* infinity */
}

/* Each level's two elements point at the next one: 2^n prints from 7n bytes. */
static void test_json_refuses_shared_parts(void **state)
{
    (void)state;
    refuse_json("02 0200 2000 02 0a00 02 0a00 0200 1600 02 0a00 02 0a00 0200 0c00 05 0100 05 "
                "0100");
}

static void test_json_refuses_a_self_reference(void **state)
{
    (void)state;
    refuse_json("02 0100 0700 02 0000");
}

static void expect_double(double d, const char *want)
{
    char text[DOUBLE_TEXT_SIZE];
    size_t len = double_print(d, text);

    expect_text(want, text, len);
}

static void test_doubles_are_shortest(void **state)
{
    (void)state;
    expect_double(1, "1");
    expect_double(0.1, "0.1");
    expect_double(-0.0, "-0");
    expect_double(1e15, "1e15");
    expect_double(123456789012345, "123456789012345");
    expect_double(1e20, "1e20");
    expect_double(1.5e300, "1.5e300");
    expect_double(-1.2345678901234568e-10, "-0.00000000012345678901234568");
    expect_double(1e-15, "0.000000000000001");
    expect_double(1.5e-16, "1.5e-16");
    expect_double(1e-14, "0.00000000000001");
    expect_double(5e-324, "5e-324");
    expect_double(2.2250738585072014e-308, "2.2250738585072014e-308");
    expect_double(1.7976931348623157e308, "1.7976931348623157e308");
    expect_double(5.684341886080802e-14, "0.00000000000005684341886080802"); /* 2^-44 */
    expect_double(9007199254740993.0, "9.007199254740992e15");
    expect_double(1234567890123456.7, "1234567890123456.8");
    expect_double(0.3 - 0.2, "0.09999999999999998");
}

static void test_doubles_give_themselves_back(void **state)
{
    uint64_t x = 88172645463325252u;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        char text[DOUBLE_TEXT_SIZE];
        double d;
        double back;

        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(&d, &x, sizeof(d));
        if (d != d || d - d != 0)
            continue;
        text[double_print(d, text)] = '\0';
        back = strtod(text, NULL);
        assert_memory_equal(&back, &d, sizeof(d));
    }
}

static struct value decode_one(struct map_column m, struct column col, const char *hex,
                               struct arena *arena, uint8_t *raw)
{
    struct buf scratch = BUF_INIT;
    struct cursor c = cursor_of(unhex(hex, raw));
    struct value v;

    assert_true(column_matches(&m, false, &col));
    assert_true(column_decode(&c, &m, &col, arena, &scratch, &v));
    assert_int_equal(cursor_left(&c), 0);
    buf_release(&scratch);
    return v;
}

static void expect_bytes(struct value v, enum value_kind kind, const char *hex)
{
    uint8_t raw[1024];
    struct bytes want = unhex(hex, raw);

    assert_int_equal(v.kind, kind);
    assert_true(bytes_equal(v.b, want));
}

static void test_binary_gets_its_zeros_back(void **state)
{
    struct arena a = {0};
    uint8_t raw[64];
    struct map_column m = {.type = WIRE_STRING, .meta = 0xfe | 8 << 8, .collation = 63};
    struct column col = {.type = COLUMN_BINARY, .length = 8};

    (void)state;
    expect_bytes(decode_one(m, col, "03 010203", &a, raw), VALUE_BYTES, "0102030000000000");
    expect_bytes(decode_one(m, col, "00", &a, raw), VALUE_BYTES, "0000000000000000");
    arena_release(&a);
}

static void test_char_lengths_above_255_take_two_bytes(void **state)
{
    struct arena a = {0};
    uint8_t raw[64];
    struct map_column m = {.type = WIRE_STRING, .meta = 0xfe | 252 << 8};
    struct column col = {.type = COLUMN_CHAR, .length = 63, .charset = "utf8mb4"};

    (void)state;
    assert_int_equal(string_length(&m), 252);
    expect_bytes(decode_one(m, col, "02 6162", &a, raw), VALUE_TEXT, "6162");
    m.meta = 0xee;
    assert_int_equal(string_length(&m), 256);
    expect_bytes(decode_one(m, col, "0200 6162", &a, raw), VALUE_TEXT, "6162");
    m.meta = 0xee | 0x90 << 8;
    assert_int_equal(string_length(&m), 400);
    m.meta = 0xce | 0xfc << 8;
    assert_int_equal(string_length(&m), 1020);
    arena_release(&a);
}

static void expect_number(uint8_t type, uint16_t meta, struct column col, const char *hex,
                          enum value_kind kind, int64_t want)
{
    struct arena a = {0};
    uint8_t raw[64];
    struct map_column m = {.type = type, .meta = meta};
    struct value v = decode_one(m, col, hex, &a, raw);

    assert_int_equal(v.kind, kind);
    assert_true(v.i == want);
    arena_release(&a);
}

static void test_integers_have_the_sign_of_the_definition(void **state)
{
    (void)state;
    expect_number(WIRE_TINY, 0, (struct column){.type = COLUMN_TINYINT}, "ff", VALUE_INT, -1);
    expect_number(WIRE_TINY, 0, (struct column){.type = COLUMN_TINYINT, .is_unsigned = true}, "ff",
                  VALUE_UINT, 255);
    expect_number(WIRE_INT24, 0, (struct column){.type = COLUMN_MEDIUMINT}, "000080", VALUE_INT,
                  -8388608);
    expect_number(WIRE_LONGLONG, 0, (struct column){.type = COLUMN_BIGINT, .is_unsigned = true},
                  "ffffffffffffffff", VALUE_UINT, -1);
    expect_number(WIRE_LONGLONG, 0, (struct column){.type = COLUMN_BIGINT}, "0000000000000080",
                  VALUE_INT, INT64_MIN);
}

static void test_numbers_of_other_types(void **state)
{
    (void)state;
    expect_number(WIRE_YEAR, 0, (struct column){.type = COLUMN_YEAR}, "7c", VALUE_UINT, 2024);
    expect_number(WIRE_YEAR, 0, (struct column){.type = COLUMN_YEAR}, "00", VALUE_UINT, 0);
    expect_number(WIRE_BIT, 0x0101, (struct column){.type = COLUMN_BIT, .length = 9}, "0101",
                  VALUE_UINT, 257);
    expect_number(WIRE_BIT, 0x0800, (struct column){.type = COLUMN_BIT, .length = 64},
                  "ffffffffffffffff", VALUE_UINT, -1);
    expect_number(WIRE_ENUM, 0x01f7, (struct column){.type = COLUMN_ENUM}, "02", VALUE_UINT, 2);
    expect_number(WIRE_ENUM, 0x02f7, (struct column){.type = COLUMN_ENUM}, "0001", VALUE_UINT, 256);
    expect_number(WIRE_SET, 0x02f8, (struct column){.type = COLUMN_SET}, "0180", VALUE_UINT,
                  0x8001);
}

static void test_floats_are_their_bits(void **state)
{
    struct arena a = {0};
    uint8_t raw[64];
    struct map_column m = {.type = WIRE_FLOAT, .meta = 4};
    struct column col = {.type = COLUMN_FLOAT};
    struct value v = decode_one(m, col, "cdcccc3d", &a, raw);

    (void)state;
    assert_int_equal(v.kind, VALUE_FLOAT);
    assert_true(v.f == 0.1f);
    m = (struct map_column){.type = WIRE_DOUBLE, .meta = 8};
    col.type = COLUMN_DOUBLE;
    v = decode_one(m, col, "0000000000000080", &a, raw);
    assert_int_equal(v.kind, VALUE_DOUBLE);
    assert_true(v.u == 0x8000000000000000u);
    arena_release(&a);
}

static void test_blobs_geometry_and_vectors_are_bytes(void **state)
{
    struct arena a = {0};
    uint8_t raw[64];
    struct map_column m = {.type = WIRE_BLOB, .meta = 2, .collation = 63};
    struct column col = {.type = COLUMN_BLOB};

    (void)state;
    expect_bytes(decode_one(m, col, "0200 00ff", &a, raw), VALUE_BYTES, "00ff");
    m.collation = 255;
    col = (struct column){.type = COLUMN_TEXT, .charset = "utf8mb4"};
    expect_bytes(decode_one(m, col, "0200 6162", &a, raw), VALUE_TEXT, "6162");
    m = (struct map_column){.type = WIRE_GEOMETRY, .meta = 4};
    col = (struct column){.type = COLUMN_GEOMETRY};
    expect_bytes(decode_one(m, col,
                            "19000000 00000000 01 01000000 000000000000f03f 0000000000000040", &a,
                            raw),
                 VALUE_BYTES, "00000000 01 01000000 000000000000f03f 0000000000000040");
    m = (struct map_column){.type = WIRE_VECTOR, .meta = 4, .collation = 63};
    col = (struct column){.type = COLUMN_VECTOR};
    expect_bytes(decode_one(m, col, "04000000 0000803f", &a, raw), VALUE_BYTES, "0000803f");
    arena_release(&a);
}

static void test_a_definition_of_another_type_does_not_match(void **state)
{
    struct map_column m = {.type = WIRE_NEWDECIMAL, .meta = 6 | 2 << 8};
    struct column col = {.type = COLUMN_DECIMAL, .precision = 6, .scale = 2};

    (void)state;
    assert_true(column_matches(&m, true, &col));
    col.scale = 3;
    assert_false(column_matches(&m, true, &col));
    m = (struct map_column){.type = WIRE_LONG, .is_unsigned = true};
    col = (struct column){.type = COLUMN_INT};
    assert_false(column_matches(&m, true, &col));
    m = (struct map_column){.type = WIRE_BLOB, .meta = 2, .collation = 63};
    col = (struct column){.type = COLUMN_TEXT, .charset = "latin1"};
    assert_false(column_matches(&m, true, &col));
    m = (struct map_column){.type = WIRE_DATETIME2, .meta = 3};
    col = (struct column){.type = COLUMN_DATETIME, .fsp = 6};
    assert_false(column_matches(&m, true, &col));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimals_are_exact),
        cmocka_unit_test(test_decimals_refuse_impossible_digits),
        cmocka_unit_test(test_datetimes_keep_their_digits),
        cmocka_unit_test(test_timestamps_are_utc),
        cmocka_unit_test(test_negative_times_have_one_sign),
        cmocka_unit_test(test_times_from_before_5_6_are_read),
        cmocka_unit_test(test_dates_stay_as_they_are),
        cmocka_unit_test(test_json_prints_as_mysql_does),
        cmocka_unit_test(test_json_opaque_values_print_as_mysql_does),
        cmocka_unit_test(test_json_refuses_offsets_outside),
        cmocka_unit_test(test_json_refuses_shared_parts),
        cmocka_unit_test(test_json_refuses_a_self_reference),
        cmocka_unit_test(test_doubles_are_shortest),
        cmocka_unit_test(test_doubles_give_themselves_back),
        cmocka_unit_test(test_binary_gets_its_zeros_back),
        cmocka_unit_test(test_char_lengths_above_255_take_two_bytes),
        cmocka_unit_test(test_integers_have_the_sign_of_the_definition),
        cmocka_unit_test(test_numbers_of_other_types),
        cmocka_unit_test(test_floats_are_their_bits),
        cmocka_unit_test(test_blobs_geometry_and_vectors_are_bytes),
        cmocka_unit_test(test_a_definition_of_another_type_does_not_match),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
