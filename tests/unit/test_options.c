#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cdc/commands/commands.h"

static int read_words(const char **argv, struct strings *tables)
{
    struct globals g = {"domicile.json", false};
    const struct option_spec specs[] = {{"tables", OPTION_STRINGS, tables},
                                        {NULL, OPTION_FLAG, NULL}};
    int argc = 0;

    while (argv[argc])
        argc++;
    return options_read(&g, argc, (char **)argv, "help\n", specs, NULL, 0);
}

static void test_an_option_may_come_more_than_once(void **state)
{
    const char *argv[] = {"load", "--tables", "a.b", "--tables=c.d", NULL};
    struct strings tables = {NULL, 0};

    (void)state;
    assert_int_equal(read_words(argv, &tables), -1);
    assert_int_equal(tables.n, 2);
    assert_string_equal(tables.items[1], "c.d");
    strings_release(&tables);
}

static void test_what_is_not_known_is_usage(void **state)
{
    const char *option[] = {"load", "--table", "a.b", NULL};
    const char *word[] = {"load", "a.b", NULL};
    const char *value[] = {"load", "--tables", NULL};
    const char *level[] = {"load", "--log-level", "noise", NULL};
    const char *format[] = {"load", "--log-format=xml", NULL};
    struct strings tables = {NULL, 0};

    (void)state;
    assert_int_equal(read_words(option, &tables), 2);
    assert_int_equal(read_words(word, &tables), 2);
    assert_int_equal(read_words(value, &tables), 2);
    assert_int_equal(read_words(level, &tables), 2);
    assert_int_equal(read_words(format, &tables), 2);
    assert_int_equal(tables.n, 0);
}

static void test_what_was_stopped_before_its_end_is_not_good(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    err_set(&err, ERR_STOPPED, "stopped");
    assert_int_equal(command_fail(&err), 1);
    err_server(&err, ERR_RETRY, ERR_SIDE_TARGET, 2002, "connect");
    assert_int_equal(command_fail(&err), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_option_may_come_more_than_once),
        cmocka_unit_test(test_what_is_not_known_is_usage),
        cmocka_unit_test(test_what_was_stopped_before_its_end_is_not_good),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
