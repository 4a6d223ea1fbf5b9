#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/stop.h"

static void test_stop_is_asked_for_by_the_first_signal(void **state)
{
    (void)state;
    stop_install();
    assert_false(stop_requested());
    raise(SIGTERM);
    assert_true(stop_requested());
    stop_clear();
    assert_false(stop_requested());
}

static void test_stop_ends_the_process_at_the_second_signal(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        stop_install();
        raise(SIGINT);
        raise(SIGINT);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + SIGINT);
}

static void test_stop_ends_a_sleep(void **state)
{
    (void)state;
    /* A sleep that goes on is ended by the alarm, and the test with it. */
    alarm(60);
    stop_request();
    clock_sleep_us((uint64_t)24 * 3600 * 1000000u);
    stop_clear();
    alarm(0);
}

static void test_stop_leaves_a_sleep_its_length(void **state)
{
    uint64_t start = clock_steady_us();

    (void)state;
    clock_sleep_us(45000);
    assert_true(clock_steady_us() - start >= 45000);
}

static void test_clock_formats_as_rfc_3339(void **state)
{
    char text[32];

    (void)state;
    clock_format(1777890151084999, text, sizeof(text));
    assert_string_equal(text, "2026-05-04T10:22:31.084Z");
    clock_format(0, text, sizeof(text));
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stop_is_asked_for_by_the_first_signal),
        cmocka_unit_test(test_stop_ends_the_process_at_the_second_signal),
        cmocka_unit_test(test_stop_ends_a_sleep),
        cmocka_unit_test(test_stop_leaves_a_sleep_its_length),
        cmocka_unit_test(test_clock_formats_as_rfc_3339),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
