#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "cdc/queue/followed.h"

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/test_followed_XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    char path[100];

    (void)state;
    snprintf(path, sizeof(path), "%s/FOLLOWED", dir);
    unlink(path);
    return rmdir(dir);
}

static void note(const char *tables, uint64_t lsn)
{
    struct mapping *m = NULL;
    struct err err = ERR_INIT;
    cJSON *json = NULL;

    assert_true(json_parse(bytes_str(tables), 0, &json, &err));
    assert_true(mapping_parse(json, &m, &err));
    cJSON_Delete(json);
    assert_true(followed_note(fs_real(), dir, m, lsn, &err));
    mapping_free(m);
}

static uint64_t since(const char *name)
{
    struct followed *f = NULL;
    struct err err = ERR_INIT;
    bool changed;
    uint64_t lsn;

    assert_true(followed_read(fs_real(), dir, &f, &changed, &err));
    assert_true(changed);
    lsn = followed_since(f, "s", name);
    assert_true(followed_read(fs_real(), dir, &f, &changed, &err));
    assert_false(changed);
    followed_free(f);
    return lsn;
}

static void test_followed_holds_everything_without_a_file(void **state)
{
    (void)state;
    assert_int_equal(since("t"), 0);
}

static void test_followed_knows_from_where_on_rows_are_there(void **state)
{
    (void)state;
    note("{\"include\":[\"s.*\"]}", 40); /* the first one holds for what was there, too */
    assert_int_equal(since("t"), 0);
    note("{\"include\":[\"s.*\"]}", 50);
    note("{\"exclude\":[\"s.t\"]}", 100);
    assert_true(since("t") == FOLLOWED_NEVER);
    assert_int_equal(since("u"), 0);
    note("{\"include\":[\"s.*\"],\"rename\":{\"s\":\"x\"}}", 200);
    assert_int_equal(since("t"), 200);
    assert_int_equal(since("u"), 0);
    note("{}", 300);
    assert_int_equal(since("t"), 200);
}

static void test_followed_drops_what_a_former_queue_left(void **state)
{
    (void)state;
    note("{\"include\":[\"s.u\"]}", 0);
    note("{}", 500);
    assert_int_equal(since("t"), 500);
    note("{}", 0); /* a new queue */
    assert_int_equal(since("t"), 0);
    assert_int_equal(since("u"), 0);
}

#define IN_DIR(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(test_followed_holds_everything_without_a_file),
        IN_DIR(test_followed_knows_from_where_on_rows_are_there),
        IN_DIR(test_followed_drops_what_a_former_queue_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
