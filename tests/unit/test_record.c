#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/queue/record.h"
#include "cdc/queue/segment.h"
#include "schema/ddl/ddl.h"
#include "tests/lib/queue_fixture.h"

static struct err err;

static struct bytes body_of(struct buf *b, enum record_type want)
{
    struct bytes in = buf_bytes(b);
    struct bytes body;
    enum record_type type;
    size_t need;

    assert_int_equal(record_split(&in, &type, &body, &need), RECORD_WHOLE);
    assert_int_equal(type, want);
    assert_int_equal(in.len, 0);
    return body;
}

static void test_record_of_a_change_has_the_bytes_of_the_example(void **state)
{
    static const uint8_t expected[] = {0x0b, 0x02, 0x01, 0x00, 0x07, 0x01,
                                       0x05, 0x00, 0x37, 0x61, 0x62, 0x63};
    struct table *t;
    struct value row[3] = {{.kind = VALUE_INT, .i = -3},
                           {.kind = VALUE_NULL},
                           {.kind = VALUE_TEXT, .b = {(const uint8_t *)"abc", 3}}};
    struct change c = {.kind = CHANGE_INSERT, .after = row};
    struct buf b = BUF_INIT;

    (void)state;
    assert_true(ddl_parse_table("CREATE TABLE t (a INT, b INT, c VARCHAR(9))", "s", &t, &err));
    c.table = t;
    record_put_change(&b, 7, &c);
    assert_int_equal(b.len, sizeof(expected));
    assert_memory_equal(b.data, expected, sizeof(expected));
    buf_release(&b);
    table_free(t);
}

static void roundtrip(const struct value *v)
{
    struct table *t;
    struct record_definitions d = {0};
    struct record_row row = {0};
    struct change c = {.kind = CHANGE_DELETE, .before = v, .flags = CHANGE_SQL_FK};
    struct change back;
    struct buf b = BUF_INIT;

    assert_true(ddl_parse_table("CREATE TABLE t (a BIGINT)", "s", &t, &err));
    c.table = t;
    record_definitions_put(&d, 9, t);
    record_put_change(&b, 9, &c);
    assert_true(record_get_change(body_of(&b, RECORD_CHANGE), &d, &row, &back, &err));
    assert_true(value_equal(v, &back.before[0]));
    assert_null(back.after);
    assert_int_equal(back.flags, CHANGE_SQL_FK);
    assert_ptr_equal(back.table, t);
    record_row_release(&row);
    record_definitions_release(&d);
    buf_release(&b);
    table_free(t);
}

static void test_record_carries_every_value_at_its_edges(void **state)
{
    static const int64_t ints[] = {0, 1, -1, 63, 64, -64, -65, INT64_MAX, INT64_MIN};
    static const uint64_t uints[] = {0, 1, 127, 128, 16383, 16384, UINT64_MAX};
    static const double doubles[] = {0.0, -0.0, 1.5, DBL_MIN, DBL_MAX, 5e-324};
    static const size_t lengths[] = {0, 1, 14, 15, 16, 127, 128, 20000, 3 << 20};
    uint8_t *bytes = calloc(1, 3 << 20);

    (void)state;
    memset(bytes, 0xfe, 3 << 20);
    for (size_t i = 0; i < sizeof(ints) / sizeof(ints[0]); i++)
        roundtrip(&(struct value){.kind = VALUE_INT, .i = ints[i]});
    for (size_t i = 0; i < sizeof(uints) / sizeof(uints[0]); i++)
        roundtrip(&(struct value){.kind = VALUE_UINT, .u = uints[i]});
    for (size_t i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++) {
        roundtrip(&(struct value){.kind = VALUE_DOUBLE, .d = doubles[i]});
        roundtrip(&(struct value){.kind = VALUE_FLOAT, .f = (float)doubles[i]});
    }
    for (int kind = VALUE_DECIMAL; kind <= VALUE_JSON; kind++) {
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
            roundtrip(&(struct value){.kind = (enum value_kind)kind, .b = {bytes, lengths[i]}});
    }
    roundtrip(&(struct value){.kind = VALUE_NULL});
    roundtrip(&(struct value){.kind = VALUE_ABSENT});
    free(bytes);
}

static void test_record_of_an_update_says_the_same_value_once(void **state)
{
    static uint8_t big[1000];
    struct table *t;
    struct value v = {.kind = VALUE_BYTES, .b = {big, sizeof(big)}};
    struct change c = {.kind = CHANGE_UPDATE, .before = &v, .after = &v};
    struct buf b = BUF_INIT;

    (void)state;
    assert_true(ddl_parse_table("CREATE TABLE t (a BLOB)", "s", &t, &err));
    c.table = t;
    record_put_change(&b, 1, &c);
    assert_true(b.len < sizeof(big) + 20);
    buf_release(&b);
    table_free(t);
}

static void test_record_carries_begin_with_a_tag_and_without_gtid(void **state)
{
    struct tx_begin begin = {.lsn = 77, .commit_us = 5, .original_us = 6, .receive_us = 7};
    struct tx_begin back;
    struct buf b = BUF_INIT;

    (void)state;
    record_put_begin(&b, &begin);
    assert_true(record_get_begin(body_of(&b, RECORD_BEGIN), &back, &err));
    assert_memory_equal(&begin, &back, sizeof(begin));
    begin.gtid = fixture_gtid(UINT64_MAX >> 1);
    memcpy(begin.gtid.mysql.tag, "nightly", 7);
    buf_reset(&b);
    record_put_begin(&b, &begin);
    assert_true(record_get_begin(body_of(&b, RECORD_BEGIN), &back, &err));
    assert_memory_equal(&begin, &back, sizeof(begin));
    buf_release(&b);
}

/* Every record of every kind, cut at every byte, is refused or incomplete. */
static void test_record_cut_short_is_refused(void **state)
{
    struct table *t = fixture_table("shop", "item");
    struct tx_end end = {.lsn = 4, .end = fixture_position(4)};
    struct record_start start = {.place.at = end.end, .gtid = fixture_gtid(3), .next_id = 8};
    struct record_definitions d = {0};
    struct record_row row = {0};
    struct value v[FIXTURE_COLUMNS] = {{.kind = VALUE_INT, .i = 5}};
    struct change c = {.kind = CHANGE_INSERT, .table = t, .after = v};
    struct buf b = BUF_INIT;
    struct bytes in, body;
    enum record_type type;
    size_t need;

    (void)state;
    record_definitions_put(&d, 1, t);
    record_put_change(&b, 1, &c);
    record_put_end(&b, &end);
    record_put_start(&b, &start);
    in = buf_bytes(&b);
    while (in.len > 0) {
        struct bytes whole = in;

        assert_int_equal(record_split(&in, &type, &body, &need), RECORD_WHOLE);
        for (size_t n = 0; n < whole.len - in.len; n++) {
            struct bytes part = bytes_of(whole.data, n);

            assert_int_equal(record_split(&part, &type, &body, &need), RECORD_PART);
            assert_true(need == 0 || need == whole.len - in.len);
        }
        assert_int_equal(record_split(&whole, &type, &body, &need), RECORD_WHOLE);
        for (size_t n = 0; n < body.len; n++) {
            struct bytes part = bytes_of(body.data, n);
            struct change change;
            bool ok = type == RECORD_CHANGE ? record_get_change(part, &d, &row, &change, &err)
                      : type == RECORD_END  ? record_get_end(part, &end, &err)
                                            : record_get_start(part, 2, &start, &err);

            assert_false(ok);
            assert_string_equal(err.reason, "queue_corrupt");
        }
    }
    record_row_release(&row);
    record_definitions_release(&d);
    buf_release(&b);
    table_free(t);
}

static void test_record_of_a_change_of_an_unknown_table_is_refused(void **state)
{
    struct table *t = fixture_table("shop", "item");
    struct record_definitions d = {0};
    struct record_row row = {0};
    struct value v[FIXTURE_COLUMNS] = {{.kind = VALUE_NULL}};
    struct change c = {.kind = CHANGE_INSERT, .table = t, .after = v};
    struct change back;
    struct buf b = BUF_INIT;

    (void)state;
    record_put_change(&b, 5, &c);
    assert_false(record_get_change(body_of(&b, RECORD_CHANGE), &d, &row, &back, &err));
    assert_string_equal(err.reason, "queue_corrupt");
    record_definitions_release(&d);
    buf_release(&b);
    table_free(t);
}

static void test_segment_crc_is_castagnoli(void **state)
{
    (void)state;
    assert_int_equal(segment_crc32c(bytes_str("123456789")), 0xe3069283);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_of_a_change_has_the_bytes_of_the_example),
        cmocka_unit_test(test_record_carries_every_value_at_its_edges),
        cmocka_unit_test(test_record_of_an_update_says_the_same_value_once),
        cmocka_unit_test(test_record_carries_begin_with_a_tag_and_without_gtid),
        cmocka_unit_test(test_record_cut_short_is_refused),
        cmocka_unit_test(test_record_of_a_change_of_an_unknown_table_is_refused),
        cmocka_unit_test(test_segment_crc_is_castagnoli),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
