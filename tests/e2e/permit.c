/*
 * permit.c - nothing goes out to a target without a permit that holds, on a real MariaDB. Run by
 * NN_permit.sh, which gives PERMIT_HOST, PERMIT_PORT, PERMIT_USER, PERMIT_PASSWORD, PERMIT_CA and
 * PERMIT_DIR.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "targets/target.h"
#include "tests/lib/target_sql.h"

static struct target_config config;
static char audit[512];
static struct guard *guard;
static struct target *t;
static struct err err;

static void must(bool ok)
{
    if (!ok)
        fail_msg("%s (%s)", err.text, err.reason);
}

static int setup(void **state)
{
    struct residency_config residency = {.evidence = EVIDENCE_UNPROVEN_LOOPBACK,
                                         .audit_file = audit};

    (void)state;
    must(guard_open(&residency, &guard, &err));
    must(target_connect(&config, guard, &t, &err));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    target_close(t);
    guard_close(guard);
    return 0;
}

static bool no_row(void *ctx, const struct bytes *c, unsigned n, struct err *e)
{
    (void)ctx, (void)c, (void)n, (void)e;
    return true;
}

static bool count_row(void *ctx, const struct bytes *c, unsigned n, struct err *e)
{
    (void)c, (void)n, (void)e;
    ++*(int *)ctx;
    return true;
}

/* As the clock would: the permit of this connection was given us microseconds earlier. */
static void age_permit(uint64_t us)
{
    struct permit *p = (struct permit *)(uintptr_t)target_permit(t);

    p->issued_us -= us;
    p->expires_us -= us;
    p->issued_steady_us -= us;
}

static void test_target_judges_its_connection_anew_when_the_permit_expired(void **state)
{
    uint64_t seq = target_permit(t)->seq;

    (void)state;
    age_permit(2 * PERMIT_LIFE_US);
    assert_true(permit_is_expired(target_permit(t)));
    must(target_query(t, "SELECT 1", no_row, NULL, &err));
    assert_true(target_permit(t)->seq > seq);
    must(permit_check(target_permit(t), &err));
}

static void test_target_renews_a_permit_that_is_due(void **state)
{
    uint64_t expires;

    (void)state;
    age_permit(PERMIT_RENEW_US);
    expires = target_permit(t)->expires_us;
    must(target_keep(t, &err));
    assert_true(target_permit(t)->expires_us > expires);
}

static void test_target_sends_nothing_without_a_permit(void **state)
{
    static const char probe[] = "SHOW DATABASES LIKE 'permit_probe'";
    int n = 0;

    (void)state;
    age_permit(2 * PERMIT_LIFE_US);
    assert_int_equal(unlink(audit), 0); /* the guard can record nothing, so it permits nothing */
    assert_false(target_query(t, "CREATE DATABASE permit_probe", no_row, NULL, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_string_equal(err.reason, "audit_broken");
    assert_false(target_keep(t, &err));
    teardown(state);
    snprintf(audit + strlen(audit), 2, "2");
    setup(state);
    must(target_query(t, probe, count_row, &n, &err));
    assert_int_equal(n, 0);
}

static const char *need(const char *name)
{
    const char *value = getenv(name);

    if (!value) {
        fprintf(stderr, "permit: %s is not set\n", name);
        exit(2);
    }
    return value;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_target_judges_its_connection_anew_when_the_permit_expired),
        TEST(test_target_renews_a_permit_that_is_due),
        TEST(test_target_sends_nothing_without_a_permit),
    };

    config = (struct target_config){.name = "test",
                                    .engine = "mariadb",
                                    .host = need("PERMIT_HOST"),
                                    .user = need("PERMIT_USER"),
                                    .password = need("PERMIT_PASSWORD"),
                                    .tls_ca = need("PERMIT_CA"),
                                    .state_schema = "domicile"};
    config.port = (uint16_t)strtoul(need("PERMIT_PORT"), NULL, 10);
    snprintf(audit, sizeof(audit) - 1, "%s/audit.jsonl", need("PERMIT_DIR"));
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
