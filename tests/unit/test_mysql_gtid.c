#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "schema/mysql_gtid.h"

#define A "3e11fa47-71ca-11e1-9e33-c80aa9429562"
#define B "7cdfd2fd-e78d-11f1-be46-02fc00000001"

static struct mysql_set *parse(const char *text)
{
    struct mysql_set *s = NULL;
    struct err err = ERR_INIT;

    assert_true(mysql_set_parse(text, &s, &err));
    return s;
}

static void assert_prints(const struct mysql_set *s, const char *want)
{
    struct buf b = BUF_INIT;

    mysql_set_print(s, &b);
    assert_string_equal(buf_cstr(&b), want);
    buf_release(&b);
}

static struct bytes unhex(const char *hex, uint8_t *out)
{
    size_t n = 0;

    for (; *hex; hex++) {
        char pair[3] = {hex[0], hex[1], '\0'};

        if (*hex == ' ')
            continue;
        out[n++] = (uint8_t)strtoul(pair, NULL, 16);
        hex++;
    }
    return bytes_of(out, n);
}

static void test_mysql_set_merges_and_sorts_intervals(void **state)
{
    struct mysql_set *s = parse(" " B ":7 ,\n" A ":8:1-3:5-6:4:10-12:tag_x:2:1,");

    (void)state;
    assert_prints(s, A ":1-6:8:10-12:tag_x:1-2," B ":7");
    mysql_set_free(s);
    s = parse("");
    assert_true(mysql_set_is_empty(s));
    assert_prints(s, "");
    mysql_set_free(s);
}

static void test_mysql_set_refuses_what_is_no_set(void **state)
{
    static const char *const bad[] = {
        "x",
        A ":",
        A ":0",
        A ":5-4",
        A ":1x",
        A ":1-",
        A " " B ":1",
        A ":9223372036854775807",
        A ":99999999999999999999",
        "3e11fa47-71ca-11e1-9e33-c80aa942956:1",
        A ":tag_that_is_longer_than_thirty_two_characters:1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct mysql_set *s = NULL;
        struct err err = ERR_INIT;

        assert_false(mysql_set_parse(bad[i], &s, &err));
        assert_int_equal(err.kind, ERR_DATA);
    }
}

static void test_mysql_set_reads_and_writes_both_wire_forms(void **state)
{
    static const struct {
        const char *wire;
        const char *text;
    } cases[] = {
        {"0000000000000000", ""},
        {"0100000000000000 3e11fa4771ca11e19e33c80aa9429562 0200000000000000 0100000000000000 "
         "0600000000000000 0800000000000000 0900000000000000",
         A ":1-5:8"},
        {"01 020000000000 01 7cdfd2fde78d11f1be4602fc00000001 00 0100000000000000 "
         "0100000000000000 7200000000000000 7cdfd2fde78d11f1be4602fc00000001 0e "
         "7461675f6f6e65 0100000000000000 0100000000000000 0200000000000000",
         B ":1-113:tag_one:1"},
    };
    uint8_t raw[256];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct bytes wire = unhex(cases[i].wire, raw);
        struct mysql_set *s = NULL;
        struct err err = ERR_INIT;
        struct buf b = BUF_INIT;

        assert_true(mysql_set_decode(wire, &s, &err));
        assert_prints(s, cases[i].text);
        mysql_set_encode(s, &b);
        assert_int_equal(b.len, wire.len);
        assert_memory_equal(b.data, wire.data, wire.len);
        buf_release(&b);
        mysql_set_free(s);
        for (size_t cut = 0; cut < wire.len; cut++)
            assert_false(mysql_set_decode(bytes_of(wire.data, cut), &s, &err));
    }
}

static void test_mysql_set_contains(void **state)
{
    struct mysql_set *a = parse(A ":1-10:20-30," B ":tag:5");
    struct mysql_set *b = parse(A ":3-4:10-25");
    struct mysql_set *c = parse(A ":1-2:5-9:26-30," B ":tag:5"), *d = mysql_set_clone(c);
    struct mysql_gtid g;
    struct err err = ERR_INIT;

    (void)state;
    assert_false(mysql_set_contains(a, b));
    assert_true(mysql_set_contains(a, c));
    mysql_set_merge(d, b);
    assert_true(mysql_set_contains(d, a));
    assert_true(mysql_gtid_parse(B ":tag:5", &g, &err));
    assert_true(mysql_set_has(a, &g));
    g.gno = 6;
    assert_false(mysql_set_has(a, &g));
    mysql_set_add(a, &g);
    assert_true(mysql_set_has(a, &g));
    assert_false(mysql_gtid_parse(B ":5x", &g, &err));
    mysql_set_free(a);
    mysql_set_free(b);
    mysql_set_free(c);
    mysql_set_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mysql_set_merges_and_sorts_intervals),
        cmocka_unit_test(test_mysql_set_refuses_what_is_no_set),
        cmocka_unit_test(test_mysql_set_reads_and_writes_both_wire_forms),
        cmocka_unit_test(test_mysql_set_contains),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
