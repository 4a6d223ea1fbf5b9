#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "cdc/snapshot/pool.h"
#include "schema/base/stop.h"

#define WORKERS 8
#define PIECES 1000
/* What never comes ends the test, not its caller's patience. */
#define GIVE_UP_S 60

struct shop {
    struct pool pool;
    pthread_t owner;
    /* under the pool's lock: */
    unsigned taken[PIECES];
    unsigned next;
    unsigned turn; /* whose */
    unsigned reports, foreign_reports;
    unsigned seen_failed;
    uint32_t failing;
};

static int set_up(void **state)
{
    static struct shop shop;

    memset(&shop, 0, sizeof(shop));
    pool_init(&shop.pool);
    shop.owner = pthread_self();
    *state = &shop;
    alarm(GIVE_UP_S);
    return 0;
}

static int tear_down(void **state)
{
    struct shop *s = *state;

    alarm(0);
    stop_clear();
    pool_release(&s->pool);
    return 0;
}

static void note_report(void *ctx)
{
    struct shop *s = ctx;

    pool_lock(&s->pool);
    s->reports++;
    s->foreign_reports += !pthread_equal(pthread_self(), s->owner);
    pool_wake(&s->pool);
    pool_unlock(&s->pool);
}

static bool take_pieces(void *ctx, uint32_t worker, struct err *err)
{
    struct shop *s = ctx;
    bool more = true;

    (void)worker;
    (void)err;
    while (more) {
        pool_lock(&s->pool);
        more = s->next < PIECES;
        if (more)
            s->taken[s->next++]++;
        pool_unlock(&s->pool);
    }
    return true;
}

static void test_pool_hands_every_piece_out_once(void **state)
{
    struct shop *s = *state;
    const struct pool_job job = {.work = take_pieces, .ctx = s};
    struct err err = ERR_INIT;

    assert_true(pool_run(&s->pool, WORKERS, &job, &err));
    for (unsigned i = 0; i < PIECES; i++)
        assert_int_equal(s->taken[i], 1);
}

/* Each but the first waits for the one before it, which may not have begun yet. */
static bool work_in_turn(void *ctx, uint32_t worker, struct err *err)
{
    struct shop *s = ctx;

    (void)err;
    pool_lock(&s->pool);
    while (s->turn != worker)
        pool_wait(&s->pool);
    s->turn++;
    pool_wake(&s->pool);
    pool_unlock(&s->pool);
    return true;
}

static void test_pool_lets_workers_wait_for_each_other(void **state)
{
    struct shop *s = *state;
    const struct pool_job job = {.work = work_in_turn, .ctx = s};
    struct err err = ERR_INIT;

    assert_true(pool_run(&s->pool, POOL_WORKERS_MAX, &job, &err));
    assert_int_equal(s->turn, POOL_WORKERS_MAX);
}

static bool work_here(void *ctx, uint32_t worker, struct err *err)
{
    struct shop *s = ctx;

    (void)err;
    assert_int_equal(worker, 0);
    assert_true(pthread_equal(pthread_self(), s->owner));
    pool_report(&s->pool);
    pool_report(&s->pool);
    return true;
}

static void test_pool_runs_one_worker_in_the_calling_thread(void **state)
{
    struct shop *s = *state;
    const struct pool_job job = {work_here, note_report, s};
    struct err err = ERR_INIT;

    assert_true(pool_run(&s->pool, 1, &job, &err));
    assert_int_equal(s->reports, 2);
}

static bool wait_for_reports(void *ctx, uint32_t worker, struct err *err)
{
    struct shop *s = ctx;

    (void)worker;
    (void)err;
    pool_report(&s->pool); /* the waiting thread's business here */
    pool_lock(&s->pool);
    while (s->reports < 3)
        pool_wait(&s->pool);
    pool_unlock(&s->pool);
    return true;
}

static void test_pool_reports_in_the_waiting_thread(void **state)
{
    struct shop *s = *state;
    const struct pool_job job = {wait_for_reports, note_report, s};
    struct err err = ERR_INIT;

    assert_true(pool_run(&s->pool, WORKERS, &job, &err));
    assert_true(s->reports >= 3);
    assert_int_equal(s->foreign_reports, 0);
}

static bool fail_or_follow(void *ctx, uint32_t worker, struct err *err)
{
    struct shop *s = ctx;

    if (worker == s->failing) {
        err_reason(err, ERR_DATA, "mine", "worker %u failed", worker);
        return false;
    }
    pool_lock(&s->pool);
    while (!pool_has_failed(&s->pool))
        pool_wait(&s->pool);
    s->seen_failed++;
    pool_unlock(&s->pool);
    err_reason(err, ERR_STOPPED, "theirs", "another failed");
    return false;
}

static void test_pool_keeps_the_first_error(void **state)
{
    struct shop *s = *state;
    const struct pool_job job = {.work = fail_or_follow, .ctx = s};
    struct err err = ERR_INIT;

    s->failing = WORKERS - 1;
    assert_false(pool_run(&s->pool, WORKERS, &job, &err));
    assert_string_equal(err.reason, "mine");
    assert_int_equal(s->seen_failed, WORKERS - 1);
}

static void test_pool_forgets_a_failure_before_the_next_run(void **state)
{
    struct shop *s = *state;
    const struct pool_job bad = {.work = fail_or_follow, .ctx = s};
    const struct pool_job good = {.work = take_pieces, .ctx = s};
    struct err err = ERR_INIT;

    assert_false(pool_run(&s->pool, 1, &bad, &err));
    assert_string_equal(err.reason, "mine");
    assert_false(pool_has_failed(&s->pool));
    assert_true(pool_run(&s->pool, WORKERS, &good, &err));
    assert_int_equal(s->next, PIECES);
}

static bool wait_for_nothing(void *ctx, uint32_t worker, struct err *err)
{
    struct shop *s = ctx;

    (void)worker;
    pool_lock(&s->pool);
    while (!stop_requested())
        pool_wait(&s->pool);
    pool_unlock(&s->pool);
    err_set(err, ERR_STOPPED, "asked to stop");
    return false;
}

static void ask_to_stop(void *ctx)
{
    (void)ctx;
    stop_request(); /* as a signal does: it wakes nobody */
}

static void test_pool_ends_a_wait_when_a_stop_is_asked_for(void **state)
{
    struct shop *s = *state;
    const struct pool_job job = {wait_for_nothing, ask_to_stop, s};
    struct err err = ERR_INIT;

    assert_false(pool_run(&s->pool, WORKERS, &job, &err));
    assert_int_equal(err.kind, ERR_STOPPED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pool_hands_every_piece_out_once),
        TEST(test_pool_lets_workers_wait_for_each_other),
        TEST(test_pool_runs_one_worker_in_the_calling_thread),
        TEST(test_pool_reports_in_the_waiting_thread),
        TEST(test_pool_keeps_the_first_error),
        TEST(test_pool_forgets_a_failure_before_the_next_run),
        TEST(test_pool_ends_a_wait_when_a_stop_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
