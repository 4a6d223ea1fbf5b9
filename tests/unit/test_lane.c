#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <string.h>

#include "cdc/apply/engine.h"
#include "cdc/service/lane.h"

static struct apply apply; /* never run */
static struct err err;

static void test_lane_that_comes_to_no_boundary_is_not_held(void **state)
{
    struct lane lane;

    (void)state;
    lane_init(&lane, &apply);
    lane.running = true;
    lane.hold_max_us = 1000;
    assert_false(lane_hold(&lane, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_string_equal(err.reason, "lane_busy");
    assert_int_equal(lane.holds, 0);
    assert_false(atomic_load(&apply.pause));
}

static void test_lane_that_is_held_for_too_long_ends(void **state)
{
    struct lane lane;
    bool ok = true;

    (void)state;
    lane_init(&lane, &apply);
    assert_true(lane_hold(&lane, &err));
    lane.held_max_us = 1000;
    lane_start(&lane, 1);
    lane_wait(&lane, (uint64_t)60 * 1000000);
    assert_true(lane_ended(&lane, &ok, &err));
    assert_false(ok);
    assert_string_equal(err.reason, "lane_held");
    lane_join(&lane);
    assert_false(lane_hold(&lane, &err));
    assert_string_equal(err.reason, "lane_held");
}

static void test_lane_that_is_held_may_leave(void **state)
{
    struct lane lane;
    bool ok = false;

    (void)state;
    lane_init(&lane, &apply);
    assert_true(lane_hold(&lane, &err));
    lane_start(&lane, 1);
    lane_join(&lane);
    assert_true(lane_ended(&lane, &ok, &err));
    assert_true(ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lane_that_comes_to_no_boundary_is_not_held),
        cmocka_unit_test(test_lane_that_is_held_for_too_long_ends),
        cmocka_unit_test(test_lane_that_is_held_may_leave),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
