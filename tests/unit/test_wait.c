/*
 * Waiting for the queue, with a clock that only sleeping moves: the program defines the clock
 * itself, so the library's is not linked in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "cdc/queue/wait.h"
#include "schema/base/clock.h"
#include "tests/lib/queue_fixture.h"

#define US_PER_S 1000000u
#define FAILOVER 10 /* the last transaction of the first server */
#define OK(call)                                                                                   \
    do {                                                                                           \
        if (!(call))                                                                               \
            fail_msg("%s", err.text);                                                              \
    } while (0)

static struct sim {
    uint64_t now_us;
    void (*on_sleep)(void *ctx);
} sim;

static struct err err;
static const struct queue_options tiny = {.max_bytes = 1 << 20, .segment_bytes = 64 << 10};

uint64_t clock_wall_us(void)
{
    return sim.now_us;
}

uint64_t clock_steady_us(void)
{
    return sim.now_us;
}

void clock_format(uint64_t wall_us, char *out, size_t size)
{
    snprintf(out, size, "%llu", (unsigned long long)wall_us);
}

struct world {
    char *dir;
    struct queue *q;
    struct place goal, also;
    uint64_t n; /* transactions written */
};

static struct world world;

void clock_sleep_us(uint64_t us)
{
    sim.now_us += us;
    if (sim.on_sleep)
        sim.on_sleep(&world);
}

/* The second server has written fewer files than the first. */
static struct position position_of(uint64_t lsn)
{
    struct position p = {.offset = 1000 * lsn};

    snprintf(p.file, sizeof(p.file), "binlog.%06u", lsn <= FAILOVER ? 7 : 2);
    return p;
}

static void write_one(struct world *w)
{
    struct tx_begin begin = {.gtid = fixture_gtid(++w->n)};
    struct position end = position_of(w->n);
    uint64_t lsn;

    OK(queue_begin(w->q, &begin, &err));
    OK(queue_finish(w->q, &end, &lsn, &err));
    assert_int_equal(lsn, w->n);
}

static void write_up_to(struct world *w, uint64_t n)
{
    while (w->n < n)
        write_one(w);
    OK(queue_sync(w->q, &err));
}

static void add_gtids(struct place *p, uint64_t first, uint64_t last)
{
    for (uint64_t i = first; i <= last; i++) {
        struct gtid g = fixture_gtid(i);

        OK(place_add(p, &g, &err));
    }
}

static int set_up(void **state)
{
    (void)state;
    memset(&sim, 0, sizeof(sim));
    memset(&world, 0, sizeof(world));
    err = ERR_INIT;
    world.dir = fixture_dir();
    world.q = fixture_queue(world.dir, &tiny);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    place_release(&world.goal);
    place_release(&world.also);
    queue_close(world.q);
    fixture_remove_dir(world.dir);
    return 0;
}

static bool wait_for(uint64_t from, const atomic_bool *no_more, uint64_t *lsn)
{
    const struct queue_goal goal = {&world.goal, &world.also};

    return queue_wait(world.dir, &tiny, from, &goal, no_more, lsn, &err);
}

/* The second server's 000002 is behind the first one's 000007. */
static void test_wait_goes_by_gtids_behind_a_failover(void **state)
{
    uint64_t lsn;

    (void)state;
    write_up_to(&world, 20);
    add_gtids(&world.goal, 1, 15);
    world.goal.at = position_of(15);
    OK(wait_for(5, NULL, &lsn));
    assert_int_equal(lsn, 15);
    OK(wait_for(FAILOVER, NULL, &lsn));
    assert_int_equal(lsn, 15);
}

static void test_wait_is_over_where_nothing_more_belongs_there(void **state)
{
    uint64_t lsn;

    (void)state;
    write_up_to(&world, 20);
    add_gtids(&world.goal, 1, 8);
    world.goal.at = position_of(8);
    OK(wait_for(8, NULL, &lsn));
    assert_int_equal(lsn, 8);
    OK(wait_for(12, NULL, &lsn));
    assert_int_equal(lsn, 12);
    OK(wait_for(20, NULL, &lsn));
    assert_int_equal(lsn, 20);
}

static void write_another(void *ctx)
{
    struct world *w = ctx;

    write_up_to(w, w->n + 1);
}

static void test_wait_follows_the_queue_until_it_is_there(void **state)
{
    uint64_t lsn;

    (void)state;
    write_up_to(&world, 3);
    add_gtids(&world.goal, 1, 300); /* over several segments */
    sim.on_sleep = write_another;
    OK(wait_for(2, NULL, &lsn));
    assert_int_equal(lsn, 300);
}

static void test_wait_takes_what_was_committing_along(void **state)
{
    uint64_t lsn;

    (void)state;
    write_up_to(&world, 20);
    add_gtids(&world.goal, 1, 15);
    add_gtids(&world.also, 17, 17);
    OK(wait_for(5, NULL, &lsn));
    assert_int_equal(lsn, 17);
}

static void beat(void *ctx)
{
    struct world *w = ctx;
    struct position at = position_of(w->n + 1);

    queue_idle(w->q, &at, sim.now_us);
    OK(queue_sync(w->q, &err));
}

/* A session that holds a GTID and does not commit; capture comes to the position without it. */
static void test_wait_gives_up_a_commit_that_never_comes(void **state)
{
    atomic_bool ended = true;
    uint64_t lsn;

    (void)state;
    write_up_to(&world, 20);
    add_gtids(&world.goal, 1, 15);
    world.goal.at = position_of(15);
    add_gtids(&world.also, 999, 999);
    /* An end that was there before may be the other server's. */
    assert_false(wait_for(5, &ended, &lsn));
    assert_string_equal(err.reason, "capture_ended");
    sim.on_sleep = beat;
    OK(wait_for(5, NULL, &lsn));
    assert_int_equal(lsn, 20);
}

static void beat_on(void *ctx)
{
    struct world *w = ctx;
    struct position at = position_of(w->n);

    at.offset++;
    queue_idle(w->q, &at, sim.now_us);
    OK(queue_sync(w->q, &err));
}

static void test_wait_goes_by_the_position_without_gtids(void **state)
{
    uint64_t lsn;

    (void)state;
    write_up_to(&world, FAILOVER);
    world.goal.at = position_of(7);
    OK(wait_for(2, NULL, &lsn));
    assert_int_equal(lsn, 7);
    world.goal.at = position_of(FAILOVER);
    OK(wait_for(FAILOVER, NULL, &lsn));
    assert_int_equal(lsn, FAILOVER);
    /* Nothing ends there, but a heartbeat says that nothing is missing. */
    world.goal.at.offset++;
    sim.on_sleep = beat_on;
    OK(wait_for(2, NULL, &lsn));
    assert_int_equal(lsn, FAILOVER);
}

static void test_wait_says_that_capture_is_silent(void **state)
{
    uint64_t lsn;

    (void)state;
    write_up_to(&world, 5);
    add_gtids(&world.goal, 1, 6);
    assert_false(wait_for(2, NULL, &lsn));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_string_equal(err.reason, "capture_silent");
    assert_in_range(sim.now_us, 120 * US_PER_S, 121 * US_PER_S);
}

static void test_wait_says_that_the_queue_is_full(void **state)
{
    const struct fixture big = {.seed = 1, .changes_max = 40, .value_bytes_max = 20000};
    uint64_t lsn, n = 0;

    (void)state;
    while (fixture_write(&big, world.q, &n, &err))
        assert_true(n < 100000);
    assert_string_equal(err.reason, "queue_full");
    add_gtids(&world.goal, 1, n + 10);
    assert_false(wait_for(0, NULL, &lsn));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_string_equal(err.reason, "queue_full");
    assert_non_null(strstr(err.text, "queue.max_bytes"));
}

/* Every ten seconds a transaction, and never the one that is waited for. */
static void write_slowly(void *ctx)
{
    sim.now_us += 10 * US_PER_S;
    write_another(ctx);
}

static void test_wait_has_a_limit_also_while_the_queue_grows(void **state)
{
    uint64_t lsn;

    (void)state;
    write_up_to(&world, 5);
    add_gtids(&world.goal, 1, 100000);
    sim.on_sleep = write_slowly;
    assert_false(wait_for(2, NULL, &lsn));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_string_equal(err.reason, "capture_behind");
    assert_in_range(sim.now_us, 900 * US_PER_S, 920 * US_PER_S);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_wait_goes_by_gtids_behind_a_failover),
        TEST(test_wait_is_over_where_nothing_more_belongs_there),
        TEST(test_wait_follows_the_queue_until_it_is_there),
        TEST(test_wait_takes_what_was_committing_along),
        TEST(test_wait_gives_up_a_commit_that_never_comes),
        TEST(test_wait_goes_by_the_position_without_gtids),
        TEST(test_wait_says_that_capture_is_silent),
        TEST(test_wait_says_that_the_queue_is_full),
        TEST(test_wait_has_a_limit_also_while_the_queue_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
