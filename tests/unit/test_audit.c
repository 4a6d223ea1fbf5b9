#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "targets/residency/audit.h"

struct place {
    char dir[64];
    char file[96];
    char anchor[104];
};

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof(*p));

    snprintf(p->dir, sizeof(p->dir), "/tmp/domicile-audit-XXXXXX");
    if (mkdtemp(p->dir) == NULL)
        return -1;
    snprintf(p->file, sizeof(p->file), "%s/audit.jsonl", p->dir);
    snprintf(p->anchor, sizeof(p->anchor), "%s/audit.jsonl.anchor", p->dir);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;

    unlink(p->file);
    unlink(p->anchor);
    assert_int_equal(rmdir(p->dir), 0);
    free(p);
    return 0;
}

static struct audit *open_audit(const struct place *p)
{
    struct audit *a = NULL;
    struct err err = ERR_INIT;
    bool ok = audit_open(p->file, &a, &err);

    assert_string_equal(err.text, "");
    assert_true(ok);
    return a;
}

static void append(struct audit *a, const char *members, uint64_t expect_seq)
{
    struct err err = ERR_INIT;
    uint64_t seq = 0;
    bool ok = audit_append(a, "permit", bytes_str(members), &seq, &err);

    assert_string_equal(err.text, "");
    assert_true(ok);
    assert_int_equal(seq, expect_seq);
}

static void write_records_of(const struct place *p, uint64_t first, uint64_t last,
                             const char *members)
{
    struct audit *a = open_audit(p);

    for (uint64_t seq = first; seq <= last; seq++)
        append(a, members, seq);
    audit_close(a);
}

static void write_records(const struct place *p, uint64_t first, uint64_t last)
{
    write_records_of(p, first, last, "\"decision\":\"allow\",\"reason\":\"listed\"");
}

static void verify_good(const struct place *p, uint64_t n_records, struct audit_summary *s)
{
    struct err err = ERR_INIT;
    bool ok = audit_verify(p->file, NULL, s, &err);

    assert_string_equal(err.text, "");
    assert_true(ok);
    assert_int_equal(s->n_records, n_records);
    assert_int_equal(s->last_seq, n_records);
}

static void verify_bad(const struct place *p, const char *head, const char *reason)
{
    struct audit_summary s;
    struct err err = ERR_INIT;

    assert_false(audit_verify(p->file, head, &s, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_string_equal(err.reason, reason);
}

static char *read_all(const char *path, size_t *len)
{
    struct err err = ERR_INIT;
    char *data = NULL;

    assert_true(fs_read_file(fs_real(), path, 1 << 22, &data, len, &err));
    return data;
}

static void write_whole(const char *path, const void *data, size_t len, const char *mode)
{
    FILE *f = fopen(path, mode);

    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void test_audit_chain_verifies_after_reopening(void **state)
{
    const struct place *p = *state;
    struct audit_summary s;
    struct stat st;

    write_records(p, 1, 3);
    write_records(p, 4, 5);
    verify_good(p, 5, &s);
    assert_true(s.has_anchor);
    assert_false(s.is_tail_torn);
    assert_int_equal(s.n_torn, 0);
    assert_int_equal(stat(p->file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_audit_shows_any_changed_byte(void **state)
{
    const struct place *p = *state;
    size_t len;
    char *data;

    write_records(p, 1, 3);
    data = read_all(p->file, &len);
    for (size_t i = 0; i < len; i++) {
        struct audit_summary s;
        struct err err = ERR_INIT;

        data[i] ^= 1;
        write_whole(p->file, data, len, "w");
        data[i] ^= 1;
        if (audit_verify(p->file, NULL, &s, &err))
            fail_msg("byte %zu of %zu was changed and nobody saw it", i, len);
    }
    free(data);
}

static void test_audit_shows_a_removed_line(void **state)
{
    const struct place *p = *state;
    size_t len;
    char *data;
    char *second;
    char *third;

    write_records(p, 1, 4);
    data = read_all(p->file, &len);
    second = strchr(data, '\n') + 1;
    third = strchr(second, '\n') + 1;
    write_whole(p->file, data, (size_t)(second - data), "w");
    write_whole(p->file, third, len - (size_t)(third - data), "a");
    verify_bad(p, NULL, "audit_broken");
    free(data);
}

static void test_audit_shows_truncation_by_its_anchor(void **state)
{
    const struct place *p = *state;
    struct audit *a = NULL;
    struct err err = ERR_INIT;
    size_t len;
    char *data;

    write_records(p, 1, 3);
    data = read_all(p->file, &len);
    for (size_t cut = 0; cut < len; cut += 7) {
        write_whole(p->file, data, cut, "w");
        verify_bad(p, NULL, "audit_truncated");
        err = ERR_INIT;
        assert_false(audit_open(p->file, &a, &err));
        assert_string_equal(err.reason, "audit_truncated");
    }
    free(data);
}

static void test_audit_shows_truncation_by_a_head_noted_elsewhere(void **state)
{
    const struct place *p = *state;
    struct audit_summary s;
    struct err err = ERR_INIT;
    char head[128];

    write_records(p, 1, 3);
    verify_good(p, 3, &s);
    snprintf(head, sizeof(head), "%llu:%s", (unsigned long long)s.last_seq, s.last_hash);
    assert_true(audit_verify(p->file, head, &s, &err));
    unlink(p->file);
    unlink(p->anchor);
    /* Of other text: records of one text and one millisecond are equal, and so are their hashes. */
    write_records_of(p, 1, 2, "\"decision\":\"allow\",\"reason\":\"written again\"");
    verify_bad(p, head, "audit_truncated");
    write_records(p, 3, 3);
    verify_bad(p, head, "audit_broken");
    assert_false(audit_verify(p->file, "3:abc", &s, &err));
}

static void test_audit_names_a_torn_tail_and_goes_on(void **state)
{
    static const char *const tails[] = {"{\"v\":1,\"se", "x", "\n", "{\"v\":1,\"seq\"\n{\"v\"",
                                        "garbage\n"};
    const struct place *p = *state;
    struct audit_summary s;

    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        unlink(p->file);
        unlink(p->anchor);
        write_records(p, 1, 2);
        write_whole(p->file, tails[i], strlen(tails[i]), "a");
        verify_good(p, 2, &s);
        assert_true(s.is_tail_torn);
        write_records(p, 4, 5); /* 3 is the torn record */
        verify_good(p, 5, &s);
        assert_int_equal(s.n_torn, 1);
        assert_false(s.is_tail_torn);
    }
}

static void test_audit_takes_a_record_that_lacks_its_newline(void **state)
{
    const struct place *p = *state;
    struct audit_summary s;
    struct stat st;
    char two[128];

    write_records(p, 1, 2);
    verify_good(p, 2, &s);
    snprintf(two, sizeof(two), "%llu:%s\n", (unsigned long long)s.last_seq, s.last_hash);
    write_records(p, 3, 3);
    /* As a crash between the write and the anchor leaves it. */
    assert_int_equal(stat(p->file, &st), 0);
    assert_int_equal(truncate(p->file, st.st_size - 1), 0);
    write_whole(p->anchor, two, strlen(two), "w");
    write_records(p, 4, 4);
    verify_good(p, 4, &s);
    assert_int_equal(s.n_torn, 0);
}

static void test_audit_shows_an_edited_torn_tail(void **state)
{
    const struct place *p = *state;
    size_t len;
    char *data;

    write_records(p, 1, 2);
    write_whole(p->file, "fragment", 8, "a");
    write_records(p, 4, 4);
    data = read_all(p->file, &len);
    *strstr(data, "fragment") = 'F';
    write_whole(p->file, data, len, "w");
    verify_bad(p, NULL, "audit_broken");
    free(data);
}

static void test_audit_shows_garbage_between_records(void **state)
{
    const struct place *p = *state;
    size_t len;
    char *data;
    char *second;

    write_records(p, 1, 2);
    data = read_all(p->file, &len);
    second = strchr(data, '\n') + 1;
    write_whole(p->file, data, (size_t)(second - data), "w");
    write_whole(p->file, "between\n", 8, "a");
    write_whole(p->file, second, len - (size_t)(second - data), "a");
    verify_bad(p, NULL, "audit_broken");
    free(data);
}

static void test_audit_refuses_to_write_where_its_file_was_deleted(void **state)
{
    const struct place *p = *state;
    struct audit *a = open_audit(p);
    struct err err = ERR_INIT;

    append(a, "", 1);
    unlink(p->file);
    assert_false(audit_append(a, "permit", BYTES_EMPTY, NULL, &err));
    assert_string_equal(err.reason, "audit_broken");
    audit_close(a);
}

static void *append_many(void *arg)
{
    struct err err = ERR_INIT;

    for (int i = 0; i < 20; i++)
        if (!audit_append(arg, "renew", bytes_str("\"who\":\"thread\""), NULL, &err))
            return arg;
    return NULL;
}

static void test_audit_is_one_chain_for_threads_and_processes(void **state)
{
    const struct place *p = *state;
    struct audit *a = open_audit(p);
    struct audit_summary s;
    pthread_t threads[2];
    int status = 1;
    pid_t child = fork();

    if (child == 0) {
        struct audit *own = open_audit(p);

        _exit(append_many(own) == NULL ? 0 : 1);
    }
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, append_many, a), 0);
    for (size_t i = 0; i < 2; i++) {
        void *failed;

        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    verify_good(p, 60, &s);
    audit_close(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_audit_chain_verifies_after_reopening, setup, teardown),
        cmocka_unit_test_setup_teardown(test_audit_shows_any_changed_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_audit_shows_a_removed_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_audit_shows_truncation_by_its_anchor, setup, teardown),
        cmocka_unit_test_setup_teardown(test_audit_shows_truncation_by_a_head_noted_elsewhere,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_audit_names_a_torn_tail_and_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_audit_takes_a_record_that_lacks_its_newline, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_audit_shows_an_edited_torn_tail, setup, teardown),
        cmocka_unit_test_setup_teardown(test_audit_shows_garbage_between_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_audit_refuses_to_write_where_its_file_was_deleted,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_audit_is_one_chain_for_threads_and_processes, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
