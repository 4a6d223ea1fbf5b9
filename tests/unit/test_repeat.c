#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "schema/base/repeat.h"

#define S ((uint64_t)1000000)

static struct repeats heard;
static char told[1024]; /* "text:count:seconds " each */
static uint64_t told_n;

static void tell(const struct repeat *m, uint64_t seconds)
{
    const unsigned long long count = m->count;
    size_t len = strlen(told);

    snprintf(told + len, sizeof(told) - len, "%.20s:%llu:%llu ", m->text, count,
             (unsigned long long)seconds);
    told_n += m->count;
}

static int fresh(void **state)
{
    (void)state;
    memset(&heard, 0, sizeof(heard));
    told[0] = '\0';
    told_n = 0;
    return 0;
}

static bool hear(const char *text, uint64_t now_us)
{
    return repeats_hear(&heard, 0, "apply", text, now_us, tell);
}

static void test_repeat_tells_the_first_at_once_and_then_counts(void **state)
{
    (void)state;
    assert_true(hear("a", 5 * S));
    assert_false(hear("a", 5 * S));
    assert_false(hear("a", 7 * S + 1));
    assert_true(hear("b", 8 * S));
    assert_string_equal(told, "");
    repeats_sweep(&heard, 5 * S + REPEAT_SPAN_US, tell);
    assert_string_equal(told, "a:2:3 ");
}

static void test_repeat_keeps_level_and_area_apart(void **state)
{
    (void)state;
    assert_true(repeats_hear(&heard, 0, "apply", "a", S, tell));
    assert_true(repeats_hear(&heard, 1, "apply", "a", S, tell));
    assert_true(repeats_hear(&heard, 0, "capture", "a", S, tell));
    assert_false(repeats_hear(&heard, 1, "apply", "a", S, tell));
}

static void test_repeat_that_goes_on_is_told_once_a_span(void **state)
{
    (void)state;
    assert_true(hear("a", 0));
    for (uint64_t ms = 100; ms <= 25000; ms += 100)
        assert_false(hear("a", ms * 1000));
    assert_string_equal(told, "a:99:10 a:99:10 ");
    repeats_flush(&heard, tell);
    assert_string_equal(told, "a:99:10 a:99:10 a:52:6 ");
}

static void test_repeat_after_silence_is_told_at_once_again(void **state)
{
    (void)state;
    assert_true(hear("a", 0));
    assert_false(hear("a", 3 * S));
    assert_true(hear("a", 500 * S));
    assert_string_equal(told, "a:1:3 ");
}

static void test_repeat_flush_tells_every_count_and_forgets(void **state)
{
    (void)state;
    assert_true(hear("a", S));
    assert_true(hear("b", S));
    assert_false(hear("b", S));
    repeats_flush(&heard, tell);
    assert_string_equal(told, "b:1:0 ");
    assert_true(hear("b", S));
}

/* More kinds of messages than are watched: each telling is one, each count is told. */
static void test_repeat_loses_none_when_there_are_too_many(void **state)
{
    const uint64_t rounds = 7, kinds = REPEAT_MESSAGES_MAX + 3;
    uint64_t now_us = 0, direct = 0;
    char text[32];

    (void)state;
    for (uint64_t i = 0; i < rounds * kinds; i++) {
        snprintf(text, sizeof(text), "m%llu", (unsigned long long)(i % kinds));
        for (int twice = 0; twice < 2; twice++)
            direct += hear(text, now_us += 1000);
    }
    assert_true(direct < rounds * kinds * 2);
    repeats_flush(&heard, tell);
    assert_int_equal(direct + told_n, rounds * kinds * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_repeat_tells_the_first_at_once_and_then_counts, fresh),
        cmocka_unit_test_setup(test_repeat_keeps_level_and_area_apart, fresh),
        cmocka_unit_test_setup(test_repeat_that_goes_on_is_told_once_a_span, fresh),
        cmocka_unit_test_setup(test_repeat_after_silence_is_told_at_once_again, fresh),
        cmocka_unit_test_setup(test_repeat_flush_tells_every_count_and_forgets, fresh),
        cmocka_unit_test_setup(test_repeat_loses_none_when_there_are_too_many, fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
