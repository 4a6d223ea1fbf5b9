#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "schema/place.h"

#define A "3e11fa47-71ca-11e1-9e33-c80aa9429562"
#define B "7cdfd2fd-e78d-11f1-be46-02fc00000001"

static const char *const places[] = {
    "",
    "binlog.000003:1234",
    "my.own.name.999999:18446744073709551615",
    A ":1-6:8:tag_x:1-2," B ":7",
    "0-1-7",
    "0-4294967295-18446744073709551615,3-2-1,4294967295-1-5",
};

static struct err err;

static struct place parse(const char *text)
{
    struct place p;

    assert_true(place_parse(text, &p, &err));
    return p;
}

static struct gtid gtid(const char *text)
{
    struct gtid g;

    assert_true(gtid_parse(text, &g, &err));
    return g;
}

static void assert_prints(const struct place *p, const char *want)
{
    struct buf b = BUF_INIT;

    place_print(p, &b);
    assert_string_equal(buf_cstr(&b), want);
    buf_release(&b);
}

static bool contains(const char *whole, const char *part)
{
    struct place a = parse(whole), b = parse(part);
    bool answer = place_contains(&a, &b);

    place_release(&a);
    place_release(&b);
    return answer;
}

static void test_place_reads_what_it_prints(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        struct place p = parse(places[i]), copy;

        assert_prints(&p, places[i]);
        place_copy(&copy, &p);
        assert_true(place_equal(&p, &copy));
        place_release(&p);
        assert_prints(&copy, places[i]);
        place_release(&copy);
    }
}

static void test_place_survives_its_byte_form_and_no_cut_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        struct place p = parse(places[i]), back;
        struct buf b = BUF_INIT;
        struct cursor c;

        if (p.kind != GTID_NONE)
            p.at = (struct position){"binlog.000009", 77};
        place_put(&p, &b);
        c = cursor_of(buf_bytes(&b));
        place_get(&c, &back);
        assert_false(c.bad);
        assert_int_equal(cursor_left(&c), 0);
        assert_true(place_equal(&p, &back));
        assert_int_equal(position_compare(&p.at, &back.at), 0);
        place_release(&back);
        for (size_t cut = 0; cut < b.len; cut++) {
            c = cursor_of(bytes_of(b.data, cut));
            place_get(&c, &back);
            assert_true(c.bad);
            assert_int_equal(back.kind, GTID_NONE);
        }
        place_release(&p);
        buf_release(&b);
    }
}

static void test_place_refuses_what_is_none(void **state)
{
    static const char *const bad[] = {
        "x",
        "binlog:12",
        "binlog.000001",
        "binlog.000001:1x",
        A ":0",
        "0-1",
        "0-1-0",
        "0-1-2-3",
        "4294967296-1-1",
        "0-1-5,0-2-6",
        "0-1-5," A ":1",
        "0-1-18446744073709551616",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct place p;

        assert_false(place_parse(bad[i], &p, &err));
        assert_int_equal(err.kind, ERR_DATA);
        assert_int_equal(p.kind, GTID_NONE);
    }
}

static void test_place_bytes_that_break_the_rules_are_refused(void **state)
{
    static const struct {
        const char *what;
        uint8_t bytes[16];
        size_t len;
    } bad[] = {
        {"an unknown kind", {0, 0, 3}, 3},
        {"domains out of order", {0, 0, 2, 2, 5, 1, 1, 4, 1, 1}, 10},
        {"a domain twice", {0, 0, 2, 2, 5, 1, 1, 5, 1, 2}, 10},
        {"sequence 0", {0, 0, 2, 1, 5, 1, 0}, 7},
        {"more domains than bytes", {0, 0, 2, 0xff, 0x7f, 1, 1, 1}, 8},
        {"a MySQL set that is none", {0, 0, 1, 1, 9}, 5},
        {"a file name with a NUL", {2, 'a', 0, 0, 0}, 5},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct cursor c = cursor_of(bytes_of(bad[i].bytes, bad[i].len));
        struct place p;

        place_get(&c, &p);
        if (!c.bad)
            fail_msg("%s was read", bad[i].what);
    }
}

static void test_place_contains_by_gtids_else_by_offset(void **state)
{
    (void)state;
    assert_true(contains("", ""));
    assert_false(contains("", "binlog.000003:4"));
    assert_false(contains("", A ":1"));
    assert_true(contains("binlog.1000000:4", "binlog.999999:900"));
    assert_false(contains("binlog.000003:4", "binlog.000003:5"));
    assert_true(contains(A ":1-5:7", A ":2-3"));
    assert_false(contains(A ":1-5:7", A ":2-6"));
    assert_true(contains("0-1-7,1-1-3", "0-2-7"));
    assert_false(contains("0-1-7", "0-1-8"));
    assert_false(contains("0-1-7", "1-1-1"));
    assert_false(contains("0-1-7", A ":1"));
    assert_false(contains(A ":1", "binlog.000003:4"));
}

static void test_place_grows_by_gtids_of_its_own_kind(void **state)
{
    struct place p = {0};
    struct gtid none = {0}, g;

    (void)state;
    assert_true(place_add(&p, &none, &err));
    assert_false(place_has(&p, &none));
    assert_prints(&p, "");
    g = gtid("0-1-9");
    assert_true(place_add(&p, &g, &err));
    g = gtid("0-2-8"); /* came late: the last one stays */
    assert_true(place_has(&p, &g));
    assert_true(place_add(&p, &g, &err));
    g = gtid("7-2-1");
    assert_false(place_has(&p, &g));
    assert_true(place_add(&p, &g, &err));
    assert_prints(&p, "0-1-9,7-2-1");
    g = gtid(A ":nightly:4");
    assert_false(place_has(&p, &g));
    assert_false(place_add(&p, &g, &err));
    assert_string_equal(err.reason, "other_history");
    place_release(&p);
    assert_true(place_add(&p, &g, &err));
    assert_prints(&p, A ":nightly:4");
    place_release(&p);
}

static void test_gtid_survives_text_and_bytes(void **state)
{
    static const char *const texts[] = {"", A ":9223372036854775806", A ":nightly:1",
                                        "4294967295-4294967295-18446744073709551615"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct gtid g = gtid(texts[i]), back;
        char text[GTID_TEXT_SIZE];
        struct buf b = BUF_INIT;
        struct cursor c;

        gtid_print(&g, text);
        assert_string_equal(text, texts[i]);
        gtid_put(&g, &b);
        assert_true(b.len <= GTID_BYTES_MAX);
        c = cursor_of(buf_bytes(&b));
        gtid_get(&c, &back);
        assert_true(!c.bad && cursor_left(&c) == 0 && gtid_equal(&g, &back));
        for (size_t cut = 0; cut < b.len; cut++) {
            c = cursor_of(bytes_of(b.data, cut));
            gtid_get(&c, &back);
            assert_true(c.bad && back.kind == GTID_NONE);
        }
        buf_release(&b);
    }
}

static void test_position_orders_by_number_then_offset(void **state)
{
    struct position a = {"binlog.999999", 900}, b = {"binlog.1000000", 4},
                    c = {"binlog.1000000", 5}, none = {"", 0};

    (void)state;
    assert_true(position_compare(&a, &b) < 0);
    assert_true(position_compare(&c, &b) > 0);
    assert_int_equal(position_compare(&c, &c), 0);
    assert_true(position_reached(&c, &b));
    assert_false(position_reached(&a, &b));
    assert_false(position_reached(&none, &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_place_reads_what_it_prints),
        cmocka_unit_test(test_place_survives_its_byte_form_and_no_cut_one),
        cmocka_unit_test(test_place_refuses_what_is_none),
        cmocka_unit_test(test_place_bytes_that_break_the_rules_are_refused),
        cmocka_unit_test(test_place_contains_by_gtids_else_by_offset),
        cmocka_unit_test(test_place_grows_by_gtids_of_its_own_kind),
        cmocka_unit_test(test_gtid_survives_text_and_bytes),
        cmocka_unit_test(test_position_orders_by_number_then_offset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
