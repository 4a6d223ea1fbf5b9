#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "schema/base/err.h"

static void test_err_exit_codes_are_those_of_the_manual(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(err_exit_code(&err), 0);
    err_set(&err, ERR_STOPPED, "stop");
    assert_int_equal(err_exit_code(&err), 0);
    err_set(&err, ERR_REFUSED, "no");
    assert_int_equal(err_exit_code(&err), 1);
    err_set(&err, ERR_CONFIG, "bad key");
    assert_int_equal(err_exit_code(&err), 2);
    err_server(&err, ERR_RETRY, ERR_SIDE_SOURCE, 2013, "lost");
    assert_int_equal(err_exit_code(&err), 3);
    err_server(&err, ERR_SERVER, ERR_SIDE_SOURCE, 1236, "purged");
    assert_int_equal(err_exit_code(&err), 3);
    err_server(&err, ERR_RETRY, ERR_SIDE_TARGET, 1213, "deadlock");
    assert_int_equal(err_exit_code(&err), 4);
    err_server(&err, ERR_SERVER, ERR_SIDE_TARGET, 1146, "no table");
    assert_int_equal(err_exit_code(&err), 4);
    err_set(&err, ERR_DATA, "value");
    assert_int_equal(err_exit_code(&err), 5);
    err_set(&err, ERR_IO, "disk");
    assert_int_equal(err_exit_code(&err), 5);
}

static void test_err_set_clears_what_was_there(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    err_server(&err, ERR_SERVER, ERR_SIDE_TARGET, 1062, "a");
    err_reason(&err, ERR_REFUSED, "not_listed", "subnet %d", 5);
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_int_equal(err.side, ERR_SIDE_NONE);
    assert_int_equal(err.server_errno, 0);
    assert_string_equal(err.reason, "not_listed");
    assert_string_equal(err.text, "subnet 5");
    err_set(&err, ERR_DATA, "b");
    assert_string_equal(err.reason, "");
}

static void test_err_context_stands_before_and_keeps_the_rest(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    err_server(&err, ERR_RETRY, ERR_SIDE_TARGET, 1213, "deadlock");
    err_context(&err, "apply unit %d", 7);
    assert_string_equal(err.text, "apply unit 7: deadlock");
    assert_int_equal(err.kind, ERR_RETRY);
    assert_int_equal(err.side, ERR_SIDE_TARGET);
    assert_int_equal(err.server_errno, 1213);
    err_set(&err, ERR_DATA, "again: %s", err.text); /* the old text as an argument */
    assert_string_equal(err.text, "again: apply unit 7: deadlock");
}

static void test_err_cuts_a_text_that_is_too_long(void **state)
{
    struct err err = ERR_INIT;
    char filler[3000];

    (void)state;
    memset(filler, 'x', sizeof(filler) - 1);
    filler[sizeof(filler) - 1] = '\0';
    err_reason(&err, ERR_DATA, filler, "%s", filler);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    assert_int_equal(strlen(err.reason), sizeof(err.reason) - 1);
    err_context(&err, "front");
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    assert_memory_equal(err.text, "front: xxx", 10);
    err_context(&err, "%s", filler);
    assert_true(strlen(err.text) < sizeof(err.text));
}

static void test_err_errno_names_the_cause(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    errno = ENOSPC;
    err_errno(&err, "write %s", "seg");
    assert_int_equal(err.kind, ERR_IO);
    assert_string_equal(err.text, "write seg: No space left on device");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_err_exit_codes_are_those_of_the_manual),
        cmocka_unit_test(test_err_set_clears_what_was_there),
        cmocka_unit_test(test_err_context_stands_before_and_keeps_the_rest),
        cmocka_unit_test(test_err_cuts_a_text_that_is_too_long),
        cmocka_unit_test(test_err_errno_names_the_cause),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
