#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cdc/config/config.h"

#define SOURCE                                                                                     \
    "\"source\":{\"host\":\"h\",\"user\":\"u\",\"server_id\":7,\"tls\":{\"ca\":\"ca.pem\"}}"
#define TARGET "\"targets\":[{\"host\":\"10.0.8.10\",\"user\":\"a\",\"tls\":{\"ca\":\"ca.pem\"}}]"
#define QUEUE "\"queue\":{\"dir\":\"/nonexistent/q\"}"
#define RESIDENCY "\"residency\":{\"evidence\":\"unproven-loopback\"}"

static char path[64];

static bool load(const char *text, struct config *c, struct err *err)
{
    FILE *f;
    int fd;

    snprintf(path, sizeof(path), "/tmp/test_config_XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    f = fdopen(fd, "w");
    fputs(text, f);
    fclose(f);
    *err = ERR_INIT;
    return config_load(path, c, err);
}

static void refused(const char *text, const char *reason, const char *part)
{
    struct config c;
    struct err err;

    assert_false(load(text, &c, &err));
    unlink(path);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_int_equal(err_exit_code(&err), 2);
    if (reason[0])
        assert_string_equal(err.reason, reason);
    if (!strstr(err.text, part))
        fail_msg("\"%s\" does not name \"%s\"", err.text, part);
}

static void test_config_reads_every_section(void **state)
{
    struct config c;
    struct err err;

    (void)state;
    assert_true(load("{" SOURCE "," TARGET ", // a comment\n" QUEUE ",\"tables\":{\"include\":["
                     "\"shop.*\"],\"exclude\":[\"shop.tmp_%\"]}," RESIDENCY
                     ",\"state\":{\"schema\":\"st\"},}",
                     &c, &err));
    unlink(path);
    assert_string_equal(c.source.host, "h");
    assert_int_equal(c.source.port, 3306);
    assert_int_equal(c.source.server_id, 7);
    assert_string_equal(c.target.host, "10.0.8.10");
    assert_string_equal(c.target.state_schema, "st");
    assert_string_equal(c.queue_dir, "/nonexistent/q");
    assert_string_equal(c.residency.audit_file, "/nonexistent/q/audit.jsonl");
    assert_int_equal(c.residency.evidence, EVIDENCE_UNPROVEN_LOOPBACK);
    assert_true(mapping_wants(c.mapping, "shop", "orders"));
    assert_false(mapping_wants(c.mapping, "shop", "tmp_x"));
    assert_false(mapping_wants(c.mapping, "shop2", "orders"));
    config_release(&c);
}

static void test_config_names_the_nearest_key(void **state)
{
    (void)state;
    refused("{" SOURCE "," TARGET "," QUEUE ",\"residensy\":{}}", "unknown_key", "\"residency\"");
    refused("{\"source\":{\"hots\":\"h\"}," TARGET "," QUEUE "," RESIDENCY "}", "unknown_key",
            "\"host\"");
}

static void test_config_needs_a_policy(void **state)
{
    (void)state;
    refused("{" SOURCE "," TARGET "," QUEUE "}", "no_policy", "residency");
    refused("{" SOURCE "," TARGET "," QUEUE ",\"residency\":{}}", "missing_key",
            "residency.evidence");
}

static void test_config_refuses_what_is_not_there_yet_by_name(void **state)
{
    (void)state;
    refused("{" SOURCE ",\"targets\":[{\"engine\":\"postgres\"}]," QUEUE "," RESIDENCY "}", "",
            "postgres");
    refused("{" SOURCE ",\"targets\":[{\"host\":\"a\",\"user\":\"b\",\"lanes\":4}]," QUEUE
            "," RESIDENCY "}",
            "bad_value", "lanes");
}

static void test_config_keeps_passwords_out_of_the_file(void **state)
{
    (void)state;
    refused("{\"source\":{\"host\":\"h\",\"user\":\"u\",\"server_id\":7,\"password\":\"hunter2\","
            "\"tls\":{\"ca\":\"x\"}}," TARGET "," QUEUE "," RESIDENCY "}",
            "", "password_file");
}

static void test_config_refuses_a_nul(void **state)
{
    (void)state;
    refused("{" SOURCE "," TARGET "," QUEUE ",\"residency\":{\"evidence\":\"unproven-loopback"
            "\\u0000x\"}}",
            "bad_json", "");
}

static void test_config_reads_a_password_file(void **state)
{
    struct config c;
    struct err err;
    FILE *f = fopen("/tmp/test_config.pw", "w");

    (void)state;
    assert_non_null(f);
    fputs("secret word\n", f);
    fclose(f);
    assert_true(load("{\"source\":{\"host\":\"h\",\"user\":\"u\",\"server_id\":7,"
                     "\"password_file\":\"test_config.pw\",\"tls\":{\"ca\":\"x\"}}," TARGET
                     "," QUEUE "," RESIDENCY "}",
                     &c, &err));
    unlink(path);
    unlink("/tmp/test_config.pw");
    assert_string_equal(c.source.password, "secret word");
    config_release(&c);
}

static void test_config_reads_sizes_and_durations(void **state)
{
    struct config c;
    struct err err;

    (void)state;
    assert_true(load("{" SOURCE "," TARGET ",\"queue\":{\"dir\":\"/x\",\"max_bytes\":\"2GiB\","
                     "\"retain\":\"90s\"}," RESIDENCY "}",
                     &c, &err));
    unlink(path);
    assert_int_equal(c.queue.max_bytes, (uint64_t)2 << 30);
    assert_int_equal(c.queue.retain_us, 90000000);
    config_release(&c);
    refused("{" SOURCE "," TARGET ",\"queue\":{\"dir\":\"/x\",\"max_bytes\":\"2 potatoes\"}"
            "," RESIDENCY "}",
            "bad_value", "max_bytes");
}

static void test_config_takes_a_dms_document_by_its_name(void **state)
{
    struct config c;
    struct err err;
    struct mapped_name to;
    FILE *f = fopen("/tmp/test_config_dms.json", "w");

    (void)state;
    assert_non_null(f);
    fputs("{\"rules\":[{\"rule-type\":\"selection\",\"rule-id\":\"1\",\"rule-name\":\"1\","
          "\"object-locator\":{\"schema-name\":\"shop\",\"table-name\":\"%\"},"
          "\"rule-action\":\"include\"},{\"rule-type\":\"transformation\",\"rule-id\":\"2\","
          "\"rule-target\":\"schema\",\"rule-action\":\"add-suffix\",\"value\":\"_zone\","
          "\"object-locator\":{\"schema-name\":\"shop\"}}]}",
          f);
    fclose(f);
    assert_true(load("{" SOURCE "," TARGET "," QUEUE
                     ",\"tables\":\"test_config_dms.json\"," RESIDENCY "}",
                     &c, &err));
    unlink(path);
    unlink("/tmp/test_config_dms.json");
    assert_false(mapping_wants(c.mapping, "other", "a"));
    assert_true(mapping_name(c.mapping, "shop", "a", &to, &err));
    assert_string_equal(to.db, "shop_zone");
    config_release(&c);
    refused("{" SOURCE "," TARGET "," QUEUE ",\"tables\":\"no_such_file.json\"," RESIDENCY "}", "",
            "no_such_file.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_reads_every_section),
        cmocka_unit_test(test_config_names_the_nearest_key),
        cmocka_unit_test(test_config_needs_a_policy),
        cmocka_unit_test(test_config_refuses_what_is_not_there_yet_by_name),
        cmocka_unit_test(test_config_keeps_passwords_out_of_the_file),
        cmocka_unit_test(test_config_refuses_a_nul),
        cmocka_unit_test(test_config_reads_a_password_file),
        cmocka_unit_test(test_config_reads_sizes_and_durations),
        cmocka_unit_test(test_config_takes_a_dms_document_by_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
