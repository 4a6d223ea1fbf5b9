#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <unistd.h>

#include "cdc/queue/bell.h"
#include "tests/lib/queue_fixture.h"

#define GIVE_UP_S 60
#define LONG_US ((uint64_t)24 * 3600 * 1000000)

static struct err err;

#define OK(call)                                                                                   \
    do {                                                                                           \
        if (!(call))                                                                               \
            fail_msg("%s", err.text);                                                              \
    } while (0)

static int set_up(void **state)
{
    static struct queue_bell bell;

    queue_bell_init(&bell);
    *state = &bell;
    alarm(GIVE_UP_S); /* a wait that goes on is ended by it, and the test with it */
    return 0;
}

static int tear_down(void **state)
{
    alarm(0);
    queue_bell_release(*state);
    return 0;
}

static void *ring(void *arg)
{
    queue_bell_ring(arg);
    return NULL;
}

static void test_bell_ends_a_wait(void **state)
{
    struct queue_bell *bell = *state;
    uint64_t rings = queue_bell_rings(bell);
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, ring, bell), 0);
    queue_bell_wait(bell, rings, LONG_US);
    assert_int_equal(queue_bell_rings(bell), rings + 1);
    pthread_join(thread, NULL);
}

/* It rang after the look at the end and before the wait. */
static void test_bell_is_not_missed(void **state)
{
    struct queue_bell *bell = *state;
    uint64_t rings = queue_bell_rings(bell);

    queue_bell_ring(bell);
    queue_bell_wait(bell, rings, LONG_US);
}

static void test_bell_rings_when_the_end_is_published(void **state)
{
    const struct fixture small = {.seed = 1, .changes_max = 5, .value_bytes_max = 30};
    const struct queue_options options = {.bell = *state};
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, &options);
    struct position at = fixture_position(9);
    uint64_t rings, lsn;

    OK(fixture_write(&small, q, &lsn, &err));
    rings = queue_bell_rings(*state);
    OK(queue_sync(q, &err));
    assert_true(queue_bell_rings(*state) > rings);
    rings = queue_bell_rings(*state);
    queue_idle(q, &at, 99);
    assert_true(queue_bell_rings(*state) > rings);
    queue_close(q);
    fixture_remove_dir(dir);
}

/* The end is what counts: a bell that nobody rings keeps nobody from reading. */
static void test_a_reader_with_a_silent_bell_still_reads(void **state)
{
    const struct fixture small = {.seed = 1, .changes_max = 5, .value_bytes_max = 30};
    const struct queue_options mute = {.bell = NULL}, bell = {.bell = *state};
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, &mute);
    struct queue_reader *r;
    uint64_t lsn;
    bool got;

    OK(queue_reader_open(dir, &bell, 0, &r, &err));
    OK(fixture_write(&small, q, &lsn, &err));
    OK(queue_sync(q, &err));
    OK(fixture_read(&small, r, lsn, 1000, &got, &err));
    assert_true(got);
    OK(fixture_read(&small, r, lsn + 1, 10, &got, &err));
    assert_false(got);
    queue_reader_close(r);
    queue_close(q);
    fixture_remove_dir(dir);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bell_ends_a_wait),
        TEST(test_bell_is_not_missed),
        TEST(test_bell_rings_when_the_end_is_published),
        TEST(test_a_reader_with_a_silent_bell_still_reads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
