#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/commands/queue_dump.h"
#include "schema/base/json.h"
#include "tests/lib/queue_fixture.h"

#define CANARY "canary-7f3a"

static struct err err;

#define OK(call)                                                                                   \
    do {                                                                                           \
        if (!(call))                                                                               \
            fail_msg("%s", err.text);                                                              \
    } while (0)

static void put_insert(struct queue *q, const char *table, int64_t id)
{
    struct value v[FIXTURE_COLUMNS] = {
        {.kind = VALUE_INT, .i = id},
        {.kind = VALUE_UINT, .u = UINT64_MAX},
        {.kind = VALUE_NULL},
        {.kind = VALUE_DOUBLE, .d = 0.1},
        {.kind = VALUE_DECIMAL, .b = bytes_str("12.50")},
        {.kind = VALUE_ABSENT},
        {.kind = VALUE_TEXT, .b = bytes_str(CANARY)},
        {.kind = VALUE_BYTES, .b = bytes_str("\x01\xff")},
        {.kind = VALUE_JSON, .b = bytes_str("{\"a\": \"" CANARY "\"}")},
    };
    struct change c = {.kind = CHANGE_INSERT, .after = v};

    c.table = catalog_get(queue_catalog(q), "shop", table);
    OK(queue_change(q, &c, &err));
}

/* Transaction 1 inserts into item, 2 into order, 3 into both. */
static char *make_queue(void)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, NULL);

    for (uint64_t lsn = 1; lsn <= 3; lsn++) {
        struct tx_begin begin = {.gtid = fixture_gtid(lsn), .commit_us = 1700000000000000};
        struct position end = fixture_position(lsn);

        OK(queue_begin(q, &begin, &err));
        if (lsn & 1)
            put_insert(q, "item", (int64_t)lsn);
        if (lsn & 2)
            put_insert(q, "order", (int64_t)lsn);
        OK(queue_finish(q, &end, &lsn, &err));
    }
    OK(queue_sync(q, &err));
    queue_close(q);
    return dir;
}

/* All of its output; free it. Every line is checked to be JSON. */
static char *dump(const char *dir, const struct dump_options *options, unsigned *lines)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    OK(queue_dump(dir, NULL, options, out, &err));
    fclose(out);
    *lines = 0;
    for (char *p = text; *p;) {
        size_t n = strcspn(p, "\n");
        cJSON *json;

        OK(json_parse(bytes_of(p, n), 0, &json, &err));
        cJSON_Delete(json);
        ++*lines;
        p += n + 1;
    }
    return text;
}

static void test_dump_shows_no_value_unless_asked_to(void **state)
{
    char *dir = make_queue();
    unsigned lines;
    char *text = dump(dir, &(struct dump_options){0}, &lines);

    (void)state;
    assert_int_equal(lines, 3 * 2 + 4);
    assert_non_null(strstr(text, "\"key_hash\":\""));
    assert_null(strstr(text, "canary"));
    assert_null(strstr(text, "12.50"));
    assert_null(strstr(text, "18446744073709551615"));
    free(text);
    fixture_remove_dir(dir);
}

static void test_dump_shows_values_exactly(void **state)
{
    char *dir = make_queue();
    unsigned lines;
    char *text = dump(dir, &(struct dump_options){.show_values = true, .to = 1}, &lines);

    (void)state;
    assert_int_equal(lines, 3);
    assert_non_null(strstr(text,
                           "\"after\":{\"id\":1,\"amount\":18446744073709551615,\"weight\":null,"
                           "\"size\":0.10000000000000001,\"price\":\"12.50\","
                           "\"title\":\"" CANARY "\",\"photo\":{\"hex\":\"01ff\"},"
                           "\"extra\":\"{\\\"a\\\": \\\"" CANARY "\\\"}\"}"));
    free(text);
    fixture_remove_dir(dir);
}

static void test_dump_of_a_table_leaves_out_what_does_not_touch_it(void **state)
{
    char *dir = make_queue();
    unsigned lines;
    char *text = dump(dir, &(struct dump_options){.table = "shop.order"}, &lines);

    (void)state;
    assert_int_equal(lines, 6);
    assert_null(strstr(text, "\"lsn\":1"));
    assert_null(strstr(text, "\"item\""));
    free(text);
    fixture_remove_dir(dir);
}

static void test_dump_of_a_range_has_its_bounds(void **state)
{
    char *dir = make_queue();
    unsigned lines;
    char *text = dump(dir, &(struct dump_options){.from = 2, .to = 2}, &lines);

    (void)state;
    assert_int_equal(lines, 3);
    assert_non_null(strstr(text, "\"lsn\":2"));
    free(text);
    text = dump(dir, &(struct dump_options){.from = 4}, &lines);
    assert_int_equal(lines, 0);
    free(text);
    fixture_remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dump_shows_no_value_unless_asked_to),
        cmocka_unit_test(test_dump_shows_values_exactly),
        cmocka_unit_test(test_dump_of_a_table_leaves_out_what_does_not_touch_it),
        cmocka_unit_test(test_dump_of_a_range_has_its_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
