#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/buf.h"
#include "tests/lib/simfs.h"

static struct err err;

static int open_file(const struct fs *fs, const char *path)
{
    int fd;

    assert_true(fs->open(fs->ctx, path, O_RDWR | O_CREAT, &fd, &err));
    return fd;
}

static void write_at(const struct fs *fs, int fd, const char *text, uint64_t offset)
{
    assert_true(fs->pwrite(fs->ctx, fd, text, strlen(text), offset, &err));
}

static void test_simfs_reads_back_what_was_written(void **state)
{
    struct simfs *s = simfs_new(1);
    const struct fs *fs = simfs_fs(s);
    int fd = open_file(fs, "/a");
    char text[16];
    size_t got;

    (void)state;
    write_at(fs, fd, "hello", 3);
    assert_true(fs->pread(fs->ctx, fd, text, sizeof(text), 0, &got, &err));
    assert_int_equal(got, 8);
    assert_memory_equal(text, "\0\0\0hello", 8);
    simfs_free(s);
}

static void test_simfs_keeps_synced_bytes_and_names_over_a_crash(void **state)
{
    char *data;
    size_t len;

    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct simfs *s = simfs_new(seed);
        const struct fs *fs = simfs_fs(s);
        int fd;

        assert_true(fs->make_dir(fs->ctx, "/d", &err));
        fd = open_file(fs, "/d/a");
        write_at(fs, fd, "kept", 0);
        assert_true(fs->datasync(fs->ctx, fd, &err));
        assert_true(fs->sync_dir(fs->ctx, "/d", &err));
        assert_true(fs->sync_dir(fs->ctx, "/", &err));
        simfs_restart(s);
        assert_true(fs_read_file(fs, "/d/a", 100, &data, &len, &err));
        assert_string_equal(data, "kept");
        free(data);
        simfs_free(s);
    }
}

/* Over many seeds: whole, lost and torn unsynced sectors are all seen, and a file whose
 * name was not synced is seen both there and gone. */
static void test_simfs_loses_and_tears_what_was_not_synced(void **state)
{
    int whole = 0;
    int lost = 0;
    int torn = 0;
    int gone = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct simfs *s = simfs_new(seed);
        const struct fs *fs = simfs_fs(s);
        int fd = open_file(fs, "/a");
        char old[SIMFS_SECTOR];
        char new[SIMFS_SECTOR];
        char *data;
        size_t len;

        memset(old, 'o', sizeof(old));
        memset(new, 'n', sizeof(new));
        assert_true(fs->pwrite(fs->ctx, fd, old, sizeof(old), 0, &err));
        assert_true(fs->datasync(fs->ctx, fd, &err));
        assert_true(fs->pwrite(fs->ctx, fd, new, sizeof(new), 0, &err));
        simfs_restart(s);
        if (!fs_read_file(fs, "/a", 1 << 20, &data, &len, &err)) {
            gone++;
        } else {
            size_t n = strspn(data, "n");

            assert_int_equal(len, SIMFS_SECTOR);
            assert_int_equal(n + strspn(data + n, "o"), SIMFS_SECTOR);
            whole += n == SIMFS_SECTOR;
            lost += n == 0;
            torn += n > 0 && n < SIMFS_SECTOR;
            free(data);
        }
        simfs_free(s);
    }
    assert_true(whole > 0);
    assert_true(lost > 0);
    assert_true(torn > 0);
    assert_true(gone > 0);
}

static void test_simfs_repeats_itself_for_a_seed(void **state)
{
    char *data[2];
    size_t len[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct simfs *s = simfs_new(77);
        const struct fs *fs = simfs_fs(s);
        int fd = open_file(fs, "/a");
        char text[4096];

        assert_true(fs->sync_dir(fs->ctx, "/", &err));
        memset(text, 'x', sizeof(text));
        assert_true(fs->pwrite(fs->ctx, fd, text, sizeof(text), 0, &err));
        simfs_restart(s);
        assert_true(fs_read_file(fs, "/a", 1 << 20, &data[i], &len[i], &err));
        simfs_free(s);
    }
    assert_int_equal(len[0], len[1]);
    assert_memory_equal(data[0], data[1], len[0]);
    free(data[0]);
    free(data[1]);
}

static void test_simfs_fails_the_call_it_is_told_to(void **state)
{
    struct simfs *s = simfs_new(3);
    const struct fs *fs = simfs_fs(s);
    int fd = open_file(fs, "/a");

    (void)state;
    simfs_fail(s, SIMFS_PWRITE, 2, ENOSPC);
    assert_true(fs->pwrite(fs->ctx, fd, "a", 1, 0, &err));
    assert_false(fs->pwrite(fs->ctx, fd, "b", 1, 1, &err));
    assert_int_equal(err.kind, ERR_IO);
    assert_non_null(strstr(err.text, "No space"));
    assert_true(fs->pwrite(fs->ctx, fd, "c", 1, 1, &err));
    simfs_free(s);
}

/* What Linux does: after a failed sync the dirty pages are clean, and the next sync lies. */
static void test_simfs_does_not_sync_after_a_failed_sync(void **state)
{
    int missing = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct simfs *s = simfs_new(seed);
        const struct fs *fs = simfs_fs(s);
        int fd = open_file(fs, "/a");
        char *data;
        size_t len;

        assert_true(fs->sync_dir(fs->ctx, "/", &err));
        write_at(fs, fd, "value", 0);
        simfs_fail(s, SIMFS_DATASYNC, 1, EIO);
        assert_false(fs->datasync(fs->ctx, fd, &err));
        assert_true(fs->datasync(fs->ctx, fd, &err));
        simfs_restart(s);
        assert_true(fs_read_file(fs, "/a", 100, &data, &len, &err));
        missing += strcmp(data, "value") != 0;
        free(data);
        simfs_free(s);
    }
    assert_true(missing > 0);
}

static void test_simfs_answers_nothing_after_the_power_went(void **state)
{
    struct simfs *s = simfs_new(4);
    const struct fs *fs = simfs_fs(s);
    int fd = open_file(fs, "/a");
    uint64_t size;
    bool got;

    (void)state;
    assert_true(fs->lock(fs->ctx, fd, &got, &err));
    assert_true(got);
    assert_true(fs->datasync(fs->ctx, fd, &err));
    assert_true(fs->sync_dir(fs->ctx, "/", &err));
    simfs_cut_power(s, SIMFS_CHANGING, 1);
    assert_true(fs->size(fs->ctx, fd, &size, &err));
    assert_false(fs->pwrite(fs->ctx, fd, "a", 1, 0, &err));
    assert_true(simfs_power_is_off(s));
    assert_false(fs->size(fs->ctx, fd, &size, &err));
    simfs_restart(s);
    assert_false(fs->size(fs->ctx, fd, &size, &err)); /* the descriptor died */
    fd = open_file(fs, "/a");
    assert_true(fs->lock(fs->ctx, fd, &got, &err));
    assert_true(got);
    simfs_free(s);
}

static void test_simfs_renames_in_one_piece(void **state)
{
    int old_seen = 0;
    int new_seen = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct simfs *s = simfs_new(seed);
        const struct fs *fs = simfs_fs(s);
        int fd = open_file(fs, "/a");
        char **names;
        size_t n;

        write_at(fs, fd, "x", 0);
        assert_true(fs->datasync(fs->ctx, fd, &err));
        assert_true(fs->sync_dir(fs->ctx, "/", &err));
        assert_true(fs->rename(fs->ctx, "/a", "/b", &err));
        simfs_restart(s);
        assert_true(fs->list(fs->ctx, "/", &names, &n, &err));
        assert_int_equal(n, 1);
        old_seen += strcmp(names[0], "a") == 0;
        new_seen += strcmp(names[0], "b") == 0;
        fs_free_names(names, n);
        simfs_free(s);
    }
    assert_true(old_seen > 0);
    assert_true(new_seen > 0);
}

static void test_simfs_locks_a_file_for_one_descriptor(void **state)
{
    struct simfs *s = simfs_new(5);
    const struct fs *fs = simfs_fs(s);
    int a = open_file(fs, "/lock");
    int b = open_file(fs, "/lock");
    bool got;

    (void)state;
    assert_true(fs->lock(fs->ctx, a, &got, &err) && got);
    assert_true(fs->lock(fs->ctx, b, &got, &err));
    assert_false(got);
    fs->close(fs->ctx, a);
    assert_true(fs->lock(fs->ctx, b, &got, &err) && got);
    simfs_free(s);
}

static void test_simfs_keeps_unsynced_bytes_when_a_process_is_killed(void **state)
{
    char *data;
    size_t len;
    unsigned lost = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct simfs *s = simfs_new(seed);
        const struct fs *fs = simfs_fs(s);
        int fd = open_file(fs, "/a");

        write_at(fs, fd, "written", 0);
        simfs_kill(s);
        assert_false(fs->pwrite(fs->ctx, fd, "W", 1, 0, &err));
        simfs_restart(s);
        assert_true(fs_read_file(fs, "/a", 100, &data, &len, &err));
        assert_string_equal(data, "written");
        free(data);
        /* It is still not synced. */
        simfs_restart(s);
        if (!fs_read_file(fs, "/a", 100, &data, &len, &err)) {
            lost++;
        } else {
            lost += strcmp(data, "written") != 0;
            free(data);
        }
        simfs_free(s);
    }
    assert_true(lost > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simfs_reads_back_what_was_written),
        cmocka_unit_test(test_simfs_keeps_synced_bytes_and_names_over_a_crash),
        cmocka_unit_test(test_simfs_loses_and_tears_what_was_not_synced),
        cmocka_unit_test(test_simfs_repeats_itself_for_a_seed),
        cmocka_unit_test(test_simfs_fails_the_call_it_is_told_to),
        cmocka_unit_test(test_simfs_does_not_sync_after_a_failed_sync),
        cmocka_unit_test(test_simfs_answers_nothing_after_the_power_went),
        cmocka_unit_test(test_simfs_keeps_unsynced_bytes_when_a_process_is_killed),
        cmocka_unit_test(test_simfs_renames_in_one_piece),
        cmocka_unit_test(test_simfs_locks_a_file_for_one_descriptor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
