/*
 * A queue that version 0.1 of the program wrote (tests/fixtures/queue-v1: 24 transactions of the
 * fixture's seed 1 in segments of 4 KiB, and an idle END) goes on as one of version 2.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/queue/end.h"
#include "cdc/queue/record.h"
#include "cdc/queue/segment.h"
#include "schema/base/log.h"
#include "tests/lib/queue_fixture.h"

#define OLD_COUNT 24
#define UUID "3e11fa47-71ca-11e1-9e33-c80aa9429562"

#define OK(call)                                                                                   \
    do {                                                                                           \
        if (!(call))                                                                               \
            fail_msg("%s", err.text);                                                              \
    } while (0)

static const struct fixture small = {.seed = 1, .changes_max = 4, .value_bytes_max = 60};
static const struct queue_options tiny = {
    .max_bytes = 1 << 20, .segment_bytes = 4 << 10, .retain_us = 1};
static struct err err;

static void copy_file(const char *name, const char *dir)
{
    char *from = segment_path("tests/fixtures/queue-v1", name);
    char *to = segment_path(dir, name);
    char *data;
    size_t len;
    FILE *f;

    OK(fs_read_file(fs_real(), from, 1 << 20, &data, &len, &err));
    f = fopen(to, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    free(data);
    free(from);
    free(to);
}

static char *old_queue(void)
{
    const struct fs *fs = fs_real();
    char *dir = fixture_dir();
    char **names;
    size_t n;

    OK(fs->list(fs->ctx, "tests/fixtures/queue-v1", &names, &n, &err));
    for (size_t i = 0; i < n; i++) {
        if (strchr("QEs", names[i][0]))
            copy_file(names[i], dir);
    }
    fs_free_names(names, n);
    return dir;
}

static void assert_versions(const char *dir, uint16_t first, uint16_t last, uint16_t of_queue)
{
    struct queue_identity id;
    struct segment seg;
    uint64_t *list;
    size_t n;

    OK(identity_read(fs_real(), dir, &id, &err));
    assert_int_equal(id.version, of_queue);
    OK(segment_list(fs_real(), dir, &list, &n, &err));
    assert_true(n > 1);
    OK(segment_open(&seg, fs_real(), dir, list[0], id.uuid, &err));
    assert_int_equal(seg.head.version, first);
    segment_close(&seg);
    OK(segment_open(&seg, fs_real(), dir, list[n - 1], id.uuid, &err));
    assert_int_equal(seg.head.version, last);
    segment_close(&seg);
    free(list);
}

static void read_all(const char *dir, uint64_t from, uint64_t to)
{
    struct queue_reader *r;
    bool got;

    OK(queue_reader_open(dir, &tiny, from - 1, &r, &err));
    assert_non_null(catalog_get(queue_reader_catalog(r), "shop", "order"));
    for (uint64_t lsn = from; lsn <= to; lsn++) {
        OK(fixture_read(&small, r, lsn, 0, &got, &err));
        assert_true(got);
    }
    queue_reader_close(r);
}

static void assert_at(const char *dir, uint64_t lsn, const char *set)
{
    struct place place;
    uint64_t found;

    assert_true(place_parse(set, &place, &err));
    OK(queue_find_behind(dir, &tiny, &place, &found, &err));
    assert_int_equal(found, lsn);
    OK(queue_find_within(dir, &tiny, 0, &place, &found, &err));
    assert_int_equal(found, lsn);
    place_release(&place);
}

static void test_queue_of_version_1_is_read_as_it_is(void **state)
{
    char *dir = old_queue();
    struct queue_identity id;
    struct queue_end end;
    struct gtid last = fixture_gtid(OLD_COUNT);

    (void)state;
    OK(queue_read_end(dir, &tiny, &id, &end, &err));
    assert_int_equal(end.lsn, OLD_COUNT);
    assert_true(gtid_equal(&end.gtid, &last));
    assert_int_equal(end.idle_us, 77);
    assert_int_equal(end.end.offset, fixture_position(OLD_COUNT).offset);
    assert_int_equal(end.seen.offset, fixture_position(OLD_COUNT + 1).offset);
    for (uint64_t from = 1; from <= OLD_COUNT; from += 5)
        read_all(dir, from, OLD_COUNT);
    assert_at(dir, 20, UUID ":1-20");
    assert_versions(dir, 1, 1, 1);
    fixture_remove_dir(dir);
}

static void test_queue_of_version_1_goes_on_as_version_2(void **state)
{
    char *dir = old_queue();
    struct queue *q;
    uint64_t lsn = 0;
    struct place place;

    (void)state;
    OK(queue_open(dir, &tiny, &q, &err));
    assert_int_equal(queue_get_end(q).lsn, OLD_COUNT);
    OK(place_parse(UUID ":1-24", &place, &err));
    assert_true(place_equal(queue_place(q), &place));
    place_release(&place);
    assert_versions(dir, 1, 1, 2); /* the open segment stays what it is */
    while (lsn < 3 * OLD_COUNT)
        OK(fixture_write(&small, q, &lsn, &err));
    OK(queue_sync(q, &err));
    read_all(dir, 1, 3 * OLD_COUNT);
    queue_close(q);
    assert_versions(dir, 1, 2, 2);
    OK(queue_open(dir, &tiny, &q, &err));
    assert_int_equal(queue_get_end(q).lsn, 3 * OLD_COUNT);
    for (uint64_t from = 1; from <= 3 * OLD_COUNT; from += 5)
        read_all(dir, from, 3 * OLD_COUNT);
    assert_at(dir, 20, UUID ":1-20");
    assert_at(dir, 70, UUID ":1-70");
    queue_close(q);
    fixture_remove_dir(dir);
}

/* Nobody gets the lock of the file that was replaced, nor that of the new one. */
static void test_queue_stays_locked_over_its_upgrade(void **state)
{
    char *dir = old_queue();
    struct queue *q, *second;
    int before, fd;
    bool got;
    char *path = segment_path(dir, "QUEUE");
    const struct fs *fs = fs_real();

    (void)state;
    OK(fs->open(fs->ctx, path, 0, &before, &err));
    OK(queue_open(dir, &tiny, &q, &err));
    OK(fs->lock(fs->ctx, before, &got, &err));
    assert_false(got);
    fs->close(fs->ctx, before);
    assert_false(queue_open(dir, &tiny, &second, &err));
    assert_string_equal(err.reason, "queue_locked");
    queue_close(q);
    OK(identity_lock(fs, dir, &fd, &err));
    fs->close(fs->ctx, fd);
    free(path);
    fixture_remove_dir(dir);
}

static int quiet(void **state)
{
    (void)state;
    log_setup(LOG_WARN, false);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_of_version_1_is_read_as_it_is),
        cmocka_unit_test(test_queue_of_version_1_goes_on_as_version_2),
        cmocka_unit_test(test_queue_stays_locked_over_its_upgrade),
    };

    return cmocka_run_group_tests(tests, quiet, NULL);
}
