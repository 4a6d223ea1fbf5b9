#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cdc/service/control.h"

static char dir[64];
static struct sockaddr_un addr = {.sun_family = AF_UNIX};

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/test_control_XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", dir, CONTROL_APPLY);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    unlink(addr.sun_path);
    return rmdir(dir);
}

static void not_called(void *ctx, const char *line)
{
    (void)ctx;
    fail_msg("%s", line);
}

static bool call(bool *running, struct err *err)
{
    int code;

    return control_call(dir, CONTROL_APPLY, "{\"do\":\"status\"}", 1, not_called, NULL, running,
                        &code, err);
}

static void test_control_takes_a_leftover_for_nobody(void **state)
{
    struct err err = ERR_INIT;
    bool running = true;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
    close(fd);
    assert_true(call(&running, &err));
    assert_false(running);
    assert_false(control_listens(dir, CONTROL_APPLY));
}

static void test_control_tells_of_a_service_that_does_not_answer(void **state)
{
    struct err err = ERR_INIT;
    bool running = false;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_true(control_listens(dir, CONTROL_APPLY));
    assert_false(call(&running, &err));
    assert_true(running);
    assert_string_equal(err.reason, "service_silent");
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_control_takes_a_leftover_for_nobody, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(test_control_tells_of_a_service_that_does_not_answer,
                                        make_dir, remove_dir),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
