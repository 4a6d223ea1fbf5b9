/* What capture makes of what the decoder found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cdc/capture/match.h"
#include "cdc/capture/sink.h"
#include "schema/base/json.h"
#include "tests/lib/queue_fixture.h"

#define WIRE_INT 3

static void test_a_rollback_in_the_log_uses_its_gtid_up(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, NULL);
    struct capture_sink s;
    struct decode_sink sink;
    struct tx_begin begin = {.gtid = fixture_gtid(7)};
    struct position end = fixture_position(7);
    struct err err = ERR_INIT;

    (void)state;
    capture_sink_init(&s, q, NULL);
    sink = capture_sink_table(&s);
    /* The source went away in the middle: the GTID may come again. */
    assert_true(sink.begin(&s, &begin, &err));
    assert_true(sink.rollback(&s, &end, false, &err));
    assert_false(place_has(queue_place(q), &begin.gtid));
    assert_true(sink.begin(&s, &begin, &err));
    assert_true(sink.rollback(&s, &end, true, &err));
    assert_true(place_has(queue_place(q), &begin.gtid));
    assert_true(queue_sync(q, &err));
    assert_int_equal(queue_get_end(q).lsn, 1);
    assert_false(s.in_transaction);
    capture_sink_release(&s);
    queue_close(q);
    fixture_remove_dir(dir);
}

static void test_a_map_with_another_primary_key_does_not_match(void **state)
{
    struct map_column columns[] = {
        {.name = "id", .type = WIRE_INT, .in_primary_key = true},
        {.name = "n", .type = WIRE_INT},
    };
    struct table_map map = {
        .db = "d", .name = "t", .columns = columns, .n_columns = 2, .has_full_metadata = true};
    struct table *t = NULL;
    struct err err = ERR_INIT;

    (void)state;
    assert_true(ddl_parse_table("CREATE TABLE t (id INT, n INT NOT NULL, PRIMARY KEY (id))", "d",
                                &t, &err));
    assert_true(capture_match(&map, t, &err));
    columns[1].in_primary_key = true;
    assert_false(capture_match(&map, t, &err));
    assert_string_equal(err.reason, "definition_differs");
    columns[0].in_primary_key = false;
    assert_false(capture_match(&map, t, &err));
    table_free(t);
}

static void test_a_unique_key_may_stand_for_a_primary_key(void **state)
{
    struct map_column columns[] = {
        {.name = "n", .type = WIRE_INT, .nullable = true},
        {.name = "id", .type = WIRE_INT, .in_primary_key = true},
    };
    struct table_map map = {
        .db = "d", .name = "t", .columns = columns, .n_columns = 2, .has_full_metadata = true};
    struct table *t = NULL;
    struct err err = ERR_INIT;

    (void)state;
    assert_true(
        ddl_parse_table("CREATE TABLE t (n INT, id INT NOT NULL, UNIQUE (id))", "d", &t, &err));
    assert_true(capture_match(&map, t, &err));
    table_free(t);
}

static bool say(struct capture_sink *s, const char *text, struct err *err)
{
    struct decode_sink sink = capture_sink_table(s);
    struct query_event q = {.db = "", .text = bytes_str(text), .time_zone = ""};

    q.explicit_defaults_for_timestamp = -1;
    return sink.query(s, &q, err);
}

static struct mapping *only_shop(void)
{
    struct mapping *m = NULL;
    struct err err = ERR_INIT;
    cJSON *json = NULL;

    assert_true(json_parse(bytes_str("{\"include\":[\"shop.*\"]}"), 0, &json, &err));
    assert_true(mapping_parse(json, &m, &err));
    cJSON_Delete(json);
    return m;
}

/* The engine changes the children, and a log of statements says nothing of it. */
static void test_text_that_cascades_into_a_copied_table_is_refused(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, NULL);
    struct mapping *m = only_shop();
    struct capture_sink s;
    struct decode_sink sink;
    struct tx_begin begin = {.gtid = fixture_gtid(7)};
    struct err err = ERR_INIT;

    (void)state;
    capture_sink_init(&s, q, m);
    sink = capture_sink_table(&s);
    assert_true(sink.begin(&s, &begin, &err));
    assert_true(say(&s, "CREATE TABLE alone.t (id INT PRIMARY KEY)", &err));
    assert_true(say(&s, "CREATE TABLE crm.p (id INT PRIMARY KEY)", &err));
    assert_true(say(&s,
                    "CREATE TABLE shop.c (id INT PRIMARY KEY, p INT, "
                    "FOREIGN KEY (p) REFERENCES crm.p (id) ON DELETE CASCADE)",
                    &err));
    assert_true(say(&s, "DELETE FROM alone.t WHERE id = 1", &err));
    assert_false(say(&s, "DELETE FROM crm.p WHERE id = 1", &err));
    assert_string_equal(err.reason, "statement_format");
    capture_sink_release(&s);
    queue_close(q);
    mapping_free(m);
    fixture_remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_rollback_in_the_log_uses_its_gtid_up),
        cmocka_unit_test(test_a_map_with_another_primary_key_does_not_match),
        cmocka_unit_test(test_a_unique_key_may_stand_for_a_primary_key),
        cmocka_unit_test(test_text_that_cascades_into_a_copied_table_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
