/* Who has read the queue up to where, over crashes and damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "cdc/service/consumers.h"
#include "tests/lib/simfs.h"

static const uint8_t uuid[16] = {1, 2, 3};
static const uint8_t other_uuid[16] = {4, 5, 6};
static struct err err;

static uint64_t slowest(const struct fs *fs, const char *const *names, size_t n)
{
    struct consumers c;
    uint64_t lsn;

    assert_true(consumers_read(fs, ".", uuid, &c, &err));
    lsn = consumers_slowest(&c, names, n);
    consumers_release(&c);
    return lsn;
}

static void test_trimming_follows_the_slowest_configured_consumer(void **state)
{
    static const char *const names[] = {"zone", "a/b %\xc3\xa9", "third"};
    struct simfs *sim = simfs_new(1);
    const struct fs *fs = simfs_fs(sim);

    (void)state;
    assert_int_equal(slowest(fs, names, 1), 0);
    assert_true(consumer_write(fs, ".", uuid, names[0], 500, &err));
    assert_true(consumer_write(fs, ".", uuid, names[1], 300, &err));
    assert_true(consumer_write(fs, ".", uuid, "gone for good", 1, &err));
    assert_int_equal(slowest(fs, names, 1), 500);
    assert_int_equal(slowest(fs, names, 2), 300);
    /* A target that is configured and has never registered holds all of it. */
    assert_int_equal(slowest(fs, names, 3), 0);
    assert_int_equal(slowest(fs, NULL, 0), 0);
    assert_true(consumer_write(fs, ".", uuid, names[1], 600, &err));
    assert_int_equal(slowest(fs, names, 2), 500);
    simfs_free(sim);
}

static void put_file(const struct fs *fs, const char *text)
{
    assert_true(fs_replace_file(fs, ".", "CONSUMER.zone", bytes_str(text), &err));
}

static void test_what_is_damaged_newer_or_of_another_queue_trims_nothing(void **state)
{
    static const char *const names[] = {"zone"};
    struct simfs *sim = simfs_new(2);
    const struct fs *fs = simfs_fs(sim);

    (void)state;
    assert_true(consumer_write(fs, ".", other_uuid, "zone", 700, &err));
    assert_int_equal(slowest(fs, names, 1), 0);
    put_file(fs, "{\"version\":1,\"queue\":\"010203");
    assert_int_equal(slowest(fs, names, 1), 0);
    put_file(fs, "{\"version\":2,\"queue\":\"01020300000000000000000000000000\","
                 "\"consumer\":\"zone\",\"lsn\":900,\"written_us\":1}");
    assert_int_equal(slowest(fs, names, 1), 0);
    put_file(fs, "{\"version\":1,\"queue\":\"01020300000000000000000000000000\","
                 "\"consumer\":\"zone\",\"lsn\":900,\"written_us\":1}");
    assert_int_equal(slowest(fs, names, 1), 900);
    simfs_free(sim);
}

/* The power goes at each call of the writing of 200 over 100. */
static void test_a_crash_leaves_the_old_or_the_new_lsn(void **state)
{
    static const char *const names[] = {"zone"};
    bool is_done = false;
    unsigned old = 0, new = 0;

    (void)state;
    for (unsigned n = 1; !is_done; n++) {
        struct simfs *sim = simfs_new(n);
        const struct fs *fs = simfs_fs(sim);
        uint64_t lsn;

        assert_true(consumer_write(fs, ".", uuid, "zone", 100, &err));
        simfs_cut_power(sim, SIMFS_CHANGING | SIMFS_OPEN, n);
        is_done = consumer_write(fs, ".", uuid, "zone", 200, &err);
        simfs_restart(sim);
        lsn = slowest(fs, names, 1);
        assert_true(lsn == 100 || lsn == 200);
        assert_true(lsn == 200 || !is_done);
        old += lsn == 100;
        new += lsn == 200;
        /* A leftover .tmp does not stop the next one. */
        assert_true(consumer_write(fs, ".", uuid, "zone", 300, &err));
        assert_int_equal(slowest(fs, names, 1), 300);
        simfs_free(sim);
    }
    assert_true(old >= 3 && new >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trimming_follows_the_slowest_configured_consumer),
        cmocka_unit_test(test_what_is_damaged_newer_or_of_another_queue_trims_nothing),
        cmocka_unit_test(test_a_crash_leaves_the_old_or_the_new_lsn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
