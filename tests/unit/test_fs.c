#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/fs.h"

static char dir[] = "/tmp/test-fs-XXXXXX";
static struct err err;

static const char *in_dir(const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static int open_file(const struct fs *fs, const char *name)
{
    int fd;

    assert_true(fs->open(fs->ctx, in_dir(name), O_RDWR | O_CREAT, &fd, &err));
    return fd;
}

static void test_fs_writes_reads_and_sizes(void **state)
{
    const struct fs *fs = fs_real();
    int fd = open_file(fs, "a");
    uint64_t size;
    char text[16];
    size_t got;

    (void)state;
    assert_true(fs->pwrite(fs->ctx, fd, "hello", 5, 3, &err));
    assert_true(fs->datasync(fs->ctx, fd, &err));
    assert_true(fs->size(fs->ctx, fd, &size, &err));
    assert_int_equal(size, 8);
    assert_true(fs->pread(fs->ctx, fd, text, sizeof(text), 0, &got, &err));
    assert_int_equal(got, 8);
    assert_memory_equal(text, "\0\0\0hello", 8);
    assert_true(fs->truncate(fs->ctx, fd, 4, &err));
    assert_true(fs->allocate(fs->ctx, fd, 0, 4096, &err));
    assert_true(fs->size(fs->ctx, fd, &size, &err));
    assert_int_equal(size, 4096);
    assert_true(fs->pread(fs->ctx, fd, text, 8, 0, &got, &err));
    assert_memory_equal(text, "\0\0\0h\0\0\0\0", 8);
    fs->close(fs->ctx, fd);
    assert_true(fs->unlink(fs->ctx, in_dir("a"), &err));
    assert_true(fs->sync_dir(fs->ctx, dir, &err));
}

static void test_fs_locks_a_file_once(void **state)
{
    const struct fs *fs = fs_real();
    int a = open_file(fs, "lock");
    int b = open_file(fs, "lock");
    bool got;

    (void)state;
    assert_true(fs->lock(fs->ctx, a, &got, &err));
    assert_true(got);
    assert_true(fs->lock(fs->ctx, b, &got, &err));
    assert_false(got);
    fs->close(fs->ctx, a);
    assert_true(fs->lock(fs->ctx, b, &got, &err));
    assert_true(got);
    fs->close(fs->ctx, b);
    assert_true(fs->unlink(fs->ctx, in_dir("lock"), &err));
}

static void test_fs_lists_names_in_byte_order(void **state)
{
    const struct fs *fs = fs_real();
    char sub[256];
    char **names;
    size_t n;

    (void)state;
    snprintf(sub, sizeof(sub), "%s", in_dir("sub"));
    assert_true(fs->make_dir(fs->ctx, sub, &err));
    assert_true(fs->make_dir(fs->ctx, sub, &err)); /* exists is good */
    fs->close(fs->ctx, open_file(fs, "sub/b"));
    fs->close(fs->ctx, open_file(fs, "sub/a"));
    fs->close(fs->ctx, open_file(fs, "sub/B"));
    assert_true(fs->list(fs->ctx, sub, &names, &n, &err));
    assert_int_equal(n, 3);
    assert_string_equal(names[0], "B");
    assert_string_equal(names[1], "a");
    assert_string_equal(names[2], "b");
    for (size_t i = 0; i < n; i++) {
        char path[600];

        snprintf(path, sizeof(path), "%s/%s", sub, names[i]);
        assert_true(fs->unlink(fs->ctx, path, &err));
    }
    fs_free_names(names, n);
    rmdir(sub);
    assert_false(fs->list(fs->ctx, sub, &names, &n, &err));
    assert_int_equal(err.kind, ERR_IO);
}

static void test_fs_reads_a_file_up_to_its_limit(void **state)
{
    const struct fs *fs = fs_real();
    char big[10000];
    char *data;
    size_t len;
    int fd = open_file(fs, "big");

    (void)state;
    memset(big, 'x', sizeof(big));
    assert_true(fs->pwrite(fs->ctx, fd, big, sizeof(big), 0, &err));
    fs->close(fs->ctx, fd);
    assert_true(fs_read_file(fs, in_dir("big"), sizeof(big), &data, &len, &err));
    assert_int_equal(len, sizeof(big));
    assert_memory_equal(data, big, sizeof(big));
    assert_int_equal(data[len], 0);
    free(data);
    assert_false(fs_read_file(fs, in_dir("big"), sizeof(big) - 1, &data, &len, &err));
    assert_non_null(strstr(err.text, "over the limit of 9999 bytes"));
    assert_null(data);
    assert_true(fs->unlink(fs->ctx, in_dir("big"), &err));
    assert_false(fs_read_file(fs, in_dir("big"), 10, &data, &len, &err));
    assert_non_null(strstr(err.text, "No such file"));
}

static void test_fs_names_the_path_it_could_not_open(void **state)
{
    const struct fs *fs = fs_real();
    int fd;

    (void)state;
    assert_false(fs->open(fs->ctx, in_dir("none"), O_RDONLY, &fd, &err));
    assert_int_equal(err.kind, ERR_IO);
    assert_non_null(strstr(err.text, "/none: No such file or directory"));
    assert_false(fs->rename(fs->ctx, in_dir("none"), "/tmp/x", &err));
    assert_false(fs->make_dir(fs->ctx, "/dev/null", &err));
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) == NULL;
}

static int remove_dir(void **state)
{
    (void)state;
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fs_writes_reads_and_sizes),
        cmocka_unit_test(test_fs_locks_a_file_once),
        cmocka_unit_test(test_fs_lists_names_in_byte_order),
        cmocka_unit_test(test_fs_reads_a_file_up_to_its_limit),
        cmocka_unit_test(test_fs_names_the_path_it_could_not_open),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
