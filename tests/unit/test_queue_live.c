/* A reader beside a live writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/xalloc.h"
#include "schema/ddl/ddl.h"
#include "tests/lib/queue_fixture.h"

static struct err err;

#define OK(call)                                                                                   \
    do {                                                                                           \
        if (!(call))                                                                               \
            fail_msg("%s", err.text);                                                              \
    } while (0)

static const struct fixture small = {.seed = 1, .changes_max = 20, .value_bytes_max = 300};
static const struct queue_options tiny = {
    .max_bytes = 1 << 30, .segment_bytes = 64 << 10, .retain_us = 1};

struct follower {
    const char *dir;
    uint64_t last;
};

static void *follow(void *arg)
{
    struct follower *f = arg;
    struct queue_reader *r;
    struct err mine;
    uint64_t lsn = 1;
    bool got;

    if (!queue_reader_open(f->dir, &tiny, 0, &r, &mine))
        return xstrdup(mine.text);
    while (lsn <= f->last) {
        if (!fixture_read(&small, r, lsn, 10000, &got, &mine)) {
            queue_reader_close(r);
            return xstrdup(mine.text);
        }
        if (!got) {
            queue_reader_close(r);
            return xstrdup("nothing came in time");
        }
        if (queue_reader_published(r) < lsn) {
            queue_reader_close(r);
            return xstrdup("what is not published was read");
        }
        lsn++;
    }
    queue_reader_close(r);
    return NULL;
}

static void write_live(struct queue *q, unsigned n)
{
    uint64_t lsn;

    for (unsigned i = 1; i <= n; i++) {
        OK(fixture_write(&small, q, &lsn, &err));
        if (i % 7 == 0 || i == n)
            OK(queue_sync(q, &err));
        if (i % 100 == 0)
            clock_sleep_us(1000);
    }
}

static void test_queue_is_read_by_threads_while_it_is_written(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, &tiny);
    struct follower f = {dir, 1500};
    pthread_t thread[2];
    void *failed;

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, follow, &f), 0);
    write_live(q, 1500);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(thread[i], &failed), 0);
        if (failed != NULL)
            fail_msg("%s", (char *)failed);
    }
    queue_close(q);
    fixture_remove_dir(dir);
}

static void test_queue_is_read_by_another_process_while_it_is_written(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, &tiny);
    struct follower f = {dir, 1500};
    pid_t pid = fork();
    int status;

    (void)state;
    if (pid == 0) {
        char *failed = follow(&f);

        if (failed != NULL)
            fprintf(stderr, "%s\n", failed);
        _exit(failed != NULL);
    }
    write_live(q, 1500);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    queue_close(q);
    fixture_remove_dir(dir);
}

static void test_queue_reader_follows_a_swap_of_names(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, NULL);
    struct tx_begin begin = {.gtid = fixture_gtid(1)};
    struct position end = fixture_position(1);
    struct ddl_context context = {.db = "shop", .time_zone = ""};
    struct arena arena = {0};
    struct queue_item item = {0};
    const struct table **tables;
    struct queue_reader *r;
    struct ddl ddl;
    uint64_t lsn;
    bool got;

    (void)state;
    OK(queue_begin(q, &begin, &err));
    OK(ddl_replay(queue_catalog(q), "RENAME TABLE item TO x, `order` TO item, x TO `order`",
                  &context, &arena, &ddl, &err));
    OK(queue_ddl(q, &ddl, &err));
    OK(queue_finish(q, &end, &lsn, &err));
    OK(queue_sync(q, &err));
    OK(queue_reader_open(dir, NULL, 0, &r, &err));
    while (item.kind != QUEUE_END)
        OK(queue_read(r, 0, &got, &item, &err));
    assert_int_equal(catalog_tables(queue_reader_catalog(r), &tables), 2);
    assert_string_equal(tables[0]->name, "item");
    assert_string_equal(tables[1]->name, "order");
    free(tables);
    queue_reader_close(r);
    arena_release(&arena);
    queue_close(q);
    fixture_remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_is_read_by_threads_while_it_is_written),
        cmocka_unit_test(test_queue_is_read_by_another_process_while_it_is_written),
        cmocka_unit_test(test_queue_reader_follows_a_swap_of_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
