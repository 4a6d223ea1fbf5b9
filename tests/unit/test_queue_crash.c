#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/log.h"
#include "schema/base/xalloc.h"
#include "tests/lib/queue_fixture.h"
#include "tests/lib/simfs.h"

#define DIR "/q"
#define OK(call)                                                                                   \
    do {                                                                                           \
        if (!(call))                                                                               \
            fail_msg("%s", err.text);                                                              \
    } while (0)

static struct err err;
static const struct fixture small = {.seed = 1, .changes_max = 6, .value_bytes_max = 200};

static struct queue_options options_on(struct simfs *s, uint64_t segment_bytes)
{
    return (struct queue_options){
        .max_bytes = 64 << 20, .segment_bytes = segment_bytes, .retain_us = 1, .fs = simfs_fs(s)};
}

static void write_n(struct queue *q, unsigned n, bool sync)
{
    uint64_t lsn;

    for (unsigned i = 0; i < n; i++) {
        OK(fixture_write(&small, q, &lsn, &err));
        if (sync)
            OK(queue_sync(q, &err));
    }
}

/* Everything from the first to `last` is there and right. */
static void check_content(const struct fixture *f, const struct queue_options *o, uint64_t after,
                          uint64_t last)
{
    struct queue_reader *r;
    bool got;

    OK(queue_reader_open(DIR, o, after, &r, &err));
    for (uint64_t lsn = after + 1; lsn <= last; lsn++) {
        OK(fixture_read(f, r, lsn, 0, &got, &err));
        assert_true(got);
    }
    OK(fixture_read(f, r, last + 1, 0, &got, &err));
    assert_false(got);
    queue_reader_close(r);
}

/* ---- crashes ---- */

struct history {
    uint64_t written; /* finished */
    uint64_t synced;  /* queue_sync() said so */
    uint64_t trimmed;
};

/* Random work until something fails or the work is done. */
static void work(const struct fixture *f, struct queue *q, uint64_t *rng, struct history *h)
{
    unsigned steps = 20 + (unsigned)(fixture_random(rng) % 200);

    for (unsigned i = 0; i < steps; i++) {
        uint64_t dice = fixture_random(rng) % 16;
        uint64_t lsn = 0;

        if (dice == 0) {
            struct tx_begin begin = {.gtid = fixture_gtid(77777777)};

            if (!queue_begin(q, &begin, &err) || !queue_abort(q, &err))
                return;
        } else if (dice == 1) {
            uint64_t applied = h->synced / 2;

            h->trimmed = applied; /* may be gone from here on */
            if (!queue_trim(q, applied, &err))
                return;
        } else if (dice < 5) {
            if (!queue_sync(q, &err))
                return;
            h->synced = h->written;
            assert_int_equal(queue_get_end(q).lsn, h->synced);
        } else {
            if (!fixture_write(f, q, &lsn, &err))
                return;
            h->written = lsn;
        }
    }
}

static struct queue *open_after_crash(struct simfs *s, const struct queue_options *o, uint64_t *rng)
{
    struct queue *q;

    /* The power may go in the middle of recovery, too. */
    while (fixture_random(rng) % 3 == 0) {
        simfs_cut_power(s, SIMFS_CHANGING, 1 + (unsigned)(fixture_random(rng) % 6));
        if (queue_open(DIR, o, &q, &err))
            queue_close(q);
        simfs_restart(s);
    }
    OK(queue_open(DIR, o, &q, &err));
    return q;
}

static void crash_rounds(uint64_t seed, const struct fixture *f, uint64_t segment_bytes)
{
    struct simfs *s = simfs_new(seed);
    struct queue_options o = options_on(s, segment_bytes);
    struct queue *q = fixture_queue(DIR, &o);
    struct history h = {0};
    uint64_t rng = seed;

    for (int round = 0; round < 4; round++) {
        struct queue_end end;

        simfs_cut_power(s, SIMFS_CHANGING, 1 + (unsigned)(fixture_random(&rng) % 120));
        work(f, q, &rng, &h);
        queue_close(q);
        simfs_restart(s);
        q = open_after_crash(s, &o, &rng);
        end = queue_get_end(q);
        if (end.lsn < h.synced || end.lsn > h.written)
            fail_msg("seed %llu: %llu synced, %llu written, %llu there", (unsigned long long)seed,
                     (unsigned long long)h.synced, (unsigned long long)h.written,
                     (unsigned long long)end.lsn);
        assert_int_equal(end.gtid.mysql.gno, end.lsn);
        check_content(f, &o, h.trimmed, end.lsn);
        h.written = end.lsn;
        h.synced = end.lsn;
    }
    queue_close(q);
    simfs_free(s);
}

static void test_queue_keeps_a_prefix_with_all_synced_over_crashes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++)
        crash_rounds(seed, &small, seed % 3 ? 16 << 10 : 4 << 20);
}

static void test_queue_keeps_a_prefix_when_transactions_are_large(void **state)
{
    const struct fixture large = {.seed = 3, .changes_max = 60, .value_bytes_max = 60000};

    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++)
        crash_rounds(seed, &large, 1 << 20);
}

static void test_queue_creation_is_whole_or_nothing(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 40; n++) {
        struct simfs *s = simfs_new(n);
        struct queue_options o = options_on(s, 1 << 20);
        struct queue_identity id = fixture_identity();
        struct place start = {.at = fixture_position(0)};
        struct catalog *catalog = fixture_catalog();
        struct queue *q;
        bool made;

        simfs_cut_power(s, SIMFS_CHANGING, n);
        made = queue_create(DIR, &o, &id, &start, catalog, &err);
        simfs_restart(s);
        if (made || queue_exists(DIR, &o)) {
            OK(queue_open(DIR, &o, &q, &err));
            queue_close(q);
        } else {
            OK(queue_create(DIR, &o, &id, &start, catalog, &err));
        }
        catalog_free(catalog);
        simfs_free(s);
    }
}

/* ---- errors of the disk ---- */

static void test_queue_trusts_no_page_after_a_failed_sync(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct simfs *s = simfs_new(seed);
        struct queue_options o = options_on(s, 1 << 20);
        struct queue *q = fixture_queue(DIR, &o);
        uint64_t lsn;
        uint64_t end;

        write_n(q, 10, true);
        write_n(q, 10, false);
        simfs_fail(s, SIMFS_DATASYNC, 1, EIO);
        assert_false(queue_sync(q, &err));
        assert_int_equal(err.kind, ERR_IO);
        assert_string_equal(err.reason, "");
        assert_false(queue_sync(q, &err));
        assert_false(fixture_write(&small, q, &lsn, &err));
        assert_int_equal(queue_get_end(q).lsn, 10);
        queue_close(q);
        /* Only the process is new, the cache is the old one. */
        OK(queue_open(DIR, &o, &q, &err));
        end = queue_get_end(q).lsn;
        assert_in_range(end, 10, 20);
        queue_close(q);
        simfs_restart(s);
        OK(queue_open(DIR, &o, &q, &err));
        assert_int_equal(queue_get_end(q).lsn, end);
        check_content(&small, &o, 0, end);
        queue_close(q);
        simfs_free(s);
    }
}

/* The next segment is there before it is published; a reader that stands at the end waits for it.
 */
static void test_queue_is_read_while_it_goes_on_to_the_next_segment(void **state)
{
    struct simfs *s = simfs_new(1);
    struct queue_options o = options_on(s, 8 << 10);
    struct queue *q = fixture_queue(DIR, &o);
    struct queue_reader *r;
    uint64_t lsn, last;

    (void)state;
    simfs_fail(s, SIMFS_SYNC_DIR, 1, EIO);
    do
        last = queue_get_end(q).lsn;
    while (fixture_write(&small, q, &lsn, &err) && queue_sync(q, &err));
    assert_true(last > 0);
    OK(queue_reader_open(DIR, &o, queue_get_end(q).lsn, &r, &err));
    queue_reader_close(r);
    queue_close(q);
    simfs_free(s);
}

static void retry_write(struct simfs *s, struct queue *q, uint64_t *lsn)
{
    if (fixture_write(&small, q, lsn, &err))
        return;
    assert_string_equal(err.reason, "queue_full");
    assert_int_equal(err.kind, ERR_IO);
    simfs_fail(s, 0, 0, 0);
    OK(fixture_write(&small, q, lsn, &err));
}

static void test_queue_goes_on_after_the_disk_was_full(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 60; n++) {
        struct simfs *s = simfs_new(n);
        struct queue_options o = options_on(s, 8 << 10);
        struct queue *q = fixture_queue(DIR, &o);
        uint64_t lsn = 0;

        simfs_fail(s, SIMFS_PWRITE | SIMFS_ALLOCATE, n, ENOSPC);
        for (int i = 0; i < 120; i++) {
            retry_write(s, q, &lsn);
            if (i % 5)
                continue;
            if (!queue_sync(q, &err)) {
                simfs_fail(s, 0, 0, 0);
                OK(queue_sync(q, &err));
            }
        }
        OK(queue_sync(q, &err));
        assert_int_equal(queue_get_end(q).lsn, 120);
        check_content(&small, &o, 0, 120);
        queue_close(q);
        simfs_restart(s);
        OK(queue_open(DIR, &o, &q, &err));
        assert_int_equal(queue_get_end(q).lsn, 120);
        check_content(&small, &o, 0, 120);
        queue_close(q);
        simfs_free(s);
    }
}

static void test_queue_survives_any_failing_call(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 150; n++) {
        struct simfs *s = simfs_new(n);
        struct queue_options o = options_on(s, 8 << 10);
        struct queue *q = fixture_queue(DIR, &o);
        struct history h = {0};
        uint64_t rng = 5;
        uint64_t end;

        simfs_fail(s, SIMFS_ANY, n, EIO);
        work(&small, q, &rng, &h);
        queue_close(q);
        simfs_restart(s);
        OK(queue_open(DIR, &o, &q, &err));
        end = queue_get_end(q).lsn;
        assert_in_range(end, h.synced, h.written);
        check_content(&small, &o, h.trimmed, end);
        queue_close(q);
        simfs_free(s);
    }
}

/* ---- damage at rest ---- */

static int open_file(const struct fs *fs, const char *name, int flags)
{
    char *path = xasprintf(DIR "/%s", name);
    int fd;

    OK(fs->open(fs->ctx, path, flags, &fd, &err));
    free(path);
    return fd;
}

static uint64_t file_size(const struct fs *fs, const char *name)
{
    int fd = open_file(fs, name, O_RDONLY);
    uint64_t size;

    OK(fs->size(fs->ctx, fd, &size, &err));
    fs->close(fs->ctx, fd);
    return size;
}

static void zero_from(const struct fs *fs, const char *name, uint64_t from, uint64_t size)
{
    int fd = open_file(fs, name, O_RDWR);

    OK(fs->truncate(fs->ctx, fd, from, &err));
    OK(fs->truncate(fs->ctx, fd, size, &err));
    fs->close(fs->ctx, fd);
}

static void remove_file(const struct fs *fs, const char *name)
{
    char *path = xasprintf(DIR "/%s", name);

    OK(fs->unlink(fs->ctx, path, &err));
    free(path);
}

static uint64_t data_end(const struct fs *fs, const char *name)
{
    uint64_t size = file_size(fs, name);
    uint8_t *all = xcalloc(1, size);
    int fd = open_file(fs, name, O_RDONLY);
    size_t got;

    OK(fs->pread(fs->ctx, fd, all, size, 0, &got, &err));
    while (size > 0 && all[size - 1] == 0)
        size--;
    fs->close(fs->ctx, fd);
    free(all);
    return (size + 7) & ~UINT64_C(7);
}

#define FIRST "seg-0000000000000001.q"

/* A queue of four transactions, each in a block of its own. synced: published, too. */
static struct simfs *four_blocks(struct queue_options *o, bool synced, uint64_t ends[5])
{
    struct simfs *s = simfs_new(1);
    struct queue *q;
    struct queue_reader *r;

    *o = options_on(s, 64 << 10);
    q = fixture_queue(DIR, o);
    ends[0] = data_end(o->fs, FIRST);
    for (int i = 1; i < 5; i++) {
        write_n(q, 1, true);
        ends[i] = data_end(o->fs, FIRST);
    }
    OK(queue_reader_open(DIR, o, 4, &r, &err));
    queue_reader_close(r);
    queue_close(q);
    if (!synced)
        remove_file(o->fs, "END");
    return s;
}

static void test_queue_stops_at_torn_tail(void **state)
{
    struct queue_options o;
    uint64_t ends[5];
    struct simfs *s = four_blocks(&o, false, ends);
    struct queue *q;

    (void)state;
    /* The last block is proven by nothing behind it: any cut of it is a torn tail. */
    simfs_free(s);
    for (uint64_t cut = ends[3]; cut < ends[4]; cut++) {
        s = four_blocks(&o, false, ends);
        zero_from(o.fs, FIRST, cut, ends[4]);
        OK(queue_open(DIR, &o, &q, &err));
        /* padding is zeros anyway */
        assert_in_range(queue_get_end(q).lsn, 3, cut + 8 > ends[4] ? 4 : 3);
        write_n(q, 2, true);
        check_content(&small, &o, 0, queue_get_end(q).lsn);
        queue_close(q);
        simfs_free(s);
    }
}

static void test_queue_names_a_cut_of_synced_bytes_corrupt(void **state)
{
    struct queue_options o;
    uint64_t ends[5];
    struct queue *q;

    (void)state;
    /* The fourth block says that three are durable, and END that all four are. */
    for (int published = 0; published < 2; published++) {
        uint64_t to;

        simfs_free(four_blocks(&o, true, ends));
        to = ends[published ? 4 : 3] - 8;
        for (uint64_t cut = 0; cut < to; cut += 13) {
            struct simfs *s = four_blocks(&o, published, ends);
            uint8_t keep[8192];
            size_t got;
            int fd = open_file(o.fs, FIRST, O_RDWR);

            /* The bytes behind the cut up to the proof are zeros, the proof stays. */
            OK(o.fs->pread(o.fs->ctx, fd, keep, ends[4] - ends[3], ends[3], &got, &err));
            o.fs->close(o.fs->ctx, fd);
            zero_from(o.fs, FIRST, cut, ends[4]);
            if (!published) {
                fd = open_file(o.fs, FIRST, O_RDWR);
                OK(o.fs->pwrite(o.fs->ctx, fd, keep, got, ends[3], &err));
                o.fs->close(o.fs->ctx, fd);
            }
            assert_false(queue_open(DIR, &o, &q, &err));
            assert_string_equal(err.reason, "queue_corrupt");
            assert_non_null(strstr(err.text, FIRST));
            simfs_free(s);
        }
    }
}

static void ignore_segment(void *ctx, const struct queue_segment_info *info)
{
    (void)ctx;
    (void)info;
}

static void test_queue_names_every_flipped_bit_corrupt(void **state)
{
    struct queue_options o;
    uint64_t ends[5];
    struct simfs *s = four_blocks(&o, true, ends);
    struct queue *q;
    uint64_t bytes = ends[4];

    (void)state;
    for (uint64_t at = 0; at < bytes; at++) {
        assert_true(simfs_flip(s, DIR "/" FIRST, at, (uint8_t)(1 << (at % 8))));
        if (queue_open(DIR, &o, &q, &err))
            fail_msg("a flip at %llu was not seen", (unsigned long long)at);
        assert_string_equal(err.reason, "queue_corrupt");
        assert_non_null(strstr(err.text, FIRST));
        assert_false(queue_inspect(DIR, &o, true, ignore_segment, NULL, &err));
        assert_string_equal(err.reason, "queue_corrupt");
        assert_true(simfs_flip(s, DIR "/" FIRST, at, (uint8_t)(1 << (at % 8))));
    }
    OK(queue_open(DIR, &o, &q, &err)); /* nothing was changed meanwhile */
    check_content(&small, &o, 0, 4);
    queue_close(q);
    simfs_free(s);
}

static struct simfs *many_segments(struct queue_options *o, char ***names, size_t *n)
{
    struct simfs *s = simfs_new(1);
    struct queue *q;

    *o = options_on(s, 8 << 10);
    q = fixture_queue(DIR, o);
    write_n(q, 100, true);
    queue_close(q);
    OK(o->fs->list(o->fs->ctx, DIR, names, n, &err));
    return s;
}

/* Is the damage seen by a reader from the beginning? It must not pass over it. */
static bool reader_sees_it(const struct queue_options *o)
{
    struct queue_reader *r;
    struct queue_item item;
    bool got = true;
    bool ok = queue_reader_open(DIR, o, 0, &r, &err);

    if (!ok)
        return true;
    while (ok && got)
        ok = queue_read(r, 0, &got, &item, &err);
    queue_reader_close(r);
    return !ok;
}

static void test_queue_names_damage_in_a_closed_segment_corrupt(void **state)
{
    struct queue_options o;
    char **names;
    size_t n;
    struct simfs *s = many_segments(&o, &names, &n);
    const char *second = names[3]; /* END, QUEUE, first, second */
    char *path = xasprintf(DIR "/%s", second);
    uint64_t size = file_size(o.fs, second);

    (void)state;
    assert_true(n > 6);
    for (uint64_t at = 0; at < size; at++) {
        assert_true(simfs_flip(s, path, at, 0x10));
        if (queue_inspect(DIR, &o, true, ignore_segment, NULL, &err))
            fail_msg("a flip at %llu was not seen", (unsigned long long)at);
        assert_string_equal(err.reason, "queue_corrupt");
        assert_non_null(strstr(err.text, second));
        assert_true(reader_sees_it(&o));
        assert_string_equal(err.reason, "queue_corrupt");
        assert_true(simfs_flip(s, path, at, 0x10));
    }
    assert_false(reader_sees_it(&o));
    free(path);
    fs_free_names(names, n);
    simfs_free(s);
}

static void corrupt_everywhere(const struct queue_options *o)
{
    struct queue *q;

    assert_false(queue_open(DIR, o, &q, &err));
    assert_string_equal(err.reason, "queue_corrupt");
    assert_false(queue_inspect(DIR, o, false, ignore_segment, NULL, &err));
    assert_string_equal(err.reason, "queue_corrupt");
    assert_true(reader_sees_it(o));
    assert_string_equal(err.reason, "queue_corrupt");
}

static void rename_in(const struct fs *fs, const char *from, const char *to)
{
    char *a = xasprintf(DIR "/%s", from);
    char *b = xasprintf(DIR "/%s", to);

    OK(fs->rename(fs->ctx, a, b, &err));
    free(a);
    free(b);
}

static void test_queue_misses_a_missing_segment(void **state)
{
    struct queue_options o;
    char **names;
    size_t n;
    struct simfs *s = many_segments(&o, &names, &n);

    (void)state;
    remove_file(o.fs, names[4]);
    corrupt_everywhere(&o);
    fs_free_names(names, n);
    simfs_free(s);

    s = many_segments(&o, &names, &n); /* the newest one */
    remove_file(o.fs, names[n - 1]);
    corrupt_everywhere(&o);
    fs_free_names(names, n);
    simfs_free(s);
}

static void test_queue_sees_swapped_segments(void **state)
{
    struct queue_options o;
    char **names;
    size_t n;
    struct simfs *s = many_segments(&o, &names, &n);

    (void)state;
    rename_in(o.fs, names[3], "other");
    rename_in(o.fs, names[4], names[3]);
    rename_in(o.fs, "other", names[4]);
    corrupt_everywhere(&o);
    fs_free_names(names, n);
    simfs_free(s);
}

static void test_queue_sees_a_segment_that_lost_its_end(void **state)
{
    struct queue_options o;
    char **names;
    size_t n;
    struct simfs *s = many_segments(&o, &names, &n);
    uint64_t size = file_size(o.fs, names[3]);

    (void)state;
    zero_from(o.fs, names[3], size - 200, size - 200);
    corrupt_everywhere(&o);
    fs_free_names(names, n);
    simfs_free(s);
}

static void test_queue_refuses_a_newer_version_by_name(void **state)
{
    struct queue_options o;
    uint64_t ends[5];
    struct simfs *s = four_blocks(&o, true, ends);
    struct queue *q;
    struct queue_reader *r;

    (void)state;
    assert_true(simfs_flip(s, DIR "/QUEUE", 9, 1)); /* version 258 */
    assert_false(queue_open(DIR, &o, &q, &err));
    assert_string_equal(err.reason, "queue_newer");
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.text, "258"));
    assert_false(queue_reader_open(DIR, &o, 0, &r, &err));
    assert_string_equal(err.reason, "queue_newer");
    simfs_free(s);
}

static void test_queue_does_without_a_readable_end_file(void **state)
{
    struct queue_options o;
    uint64_t ends[5];
    struct simfs *s = four_blocks(&o, false, ends);
    struct queue_identity id;
    struct queue_end end;
    struct queue *q;

    (void)state;
    /* Without the writer only what blocks prove is shown... */
    OK(queue_read_end(DIR, &o, &id, &end, &err));
    assert_int_equal(end.lsn, 3);
    assert_int_equal(end.gtid.mysql.gno, 3);
    assert_int_equal(end.end.offset, fixture_position(3).offset);
    check_content(&small, &o, 0, 3);
    /* ...and the writer finds the rest. */
    OK(queue_open(DIR, &o, &q, &err));
    assert_int_equal(queue_get_end(q).lsn, 4);
    check_content(&small, &o, 0, 4);
    assert_true(simfs_flip(s, DIR "/END", 100, 1));
    OK(queue_read_end(DIR, &o, &id, &end, &err));
    assert_int_equal(end.lsn, 3);
    queue_close(q);
    simfs_free(s);
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
        cmocka_unit_test(test_queue_keeps_a_prefix_with_all_synced_over_crashes),
        cmocka_unit_test(test_queue_keeps_a_prefix_when_transactions_are_large),
        cmocka_unit_test(test_queue_creation_is_whole_or_nothing),
        cmocka_unit_test(test_queue_trusts_no_page_after_a_failed_sync),
        cmocka_unit_test(test_queue_is_read_while_it_goes_on_to_the_next_segment),
        cmocka_unit_test(test_queue_goes_on_after_the_disk_was_full),
        cmocka_unit_test(test_queue_survives_any_failing_call),
        cmocka_unit_test(test_queue_stops_at_torn_tail),
        cmocka_unit_test(test_queue_names_a_cut_of_synced_bytes_corrupt),
        cmocka_unit_test(test_queue_names_every_flipped_bit_corrupt),
        cmocka_unit_test(test_queue_names_damage_in_a_closed_segment_corrupt),
        cmocka_unit_test(test_queue_misses_a_missing_segment),
        cmocka_unit_test(test_queue_sees_swapped_segments),
        cmocka_unit_test(test_queue_sees_a_segment_that_lost_its_end),
        cmocka_unit_test(test_queue_refuses_a_newer_version_by_name),
        cmocka_unit_test(test_queue_does_without_a_readable_end_file),
    };

    return cmocka_run_group_tests(tests, quiet, NULL);
}
