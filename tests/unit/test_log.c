#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/json.h"
#include "schema/base/log.h"

static char captured[8192];

/* What the calls of fn write to stderr. */
static void capture(void (*fn)(void))
{
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    size_t n;

    assert_non_null(file);
    log_flush(); /* what the test before has said */
    dup2(fileno(file), STDERR_FILENO);
    fn();
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    n = fread(captured, 1, sizeof(captured) - 1, file);
    captured[n] = '\0';
    fclose(file);
}

static void one_of_each(void)
{
    log_error("guard", "refused %s", "a");
    log_info("apply", "line one\nline \"two\" %d", 2);
    log_debug("apply", "not seen");
}

static void test_log_writes_one_text_line_per_message(void **state)
{
    char *second;

    (void)state;
    log_setup(LOG_INFO, false);
    capture(one_of_each);
    second = strchr(captured, '\n');
    assert_non_null(second);
    assert_non_null(strstr(captured, "Z error guard: refused a\n"));
    assert_non_null(strstr(second, "Z info  apply: line one line \"two\" 2\n"));
    assert_null(strstr(captured, "not seen"));
    assert_int_equal(captured[4], '-');
    assert_int_equal(captured[10], 'T');
}

static void test_log_writes_json_lines_that_parse(void **state)
{
    struct err err = ERR_INIT;
    char *end;
    cJSON *json;

    (void)state;
    log_setup(LOG_INFO, true);
    capture(one_of_each);
    log_setup(LOG_INFO, false);
    end = strchr(captured, '\n');
    assert_non_null(end);
    assert_true(json_parse(bytes_str(end + 1), 0, &json, &err));
    assert_string_equal(cJSON_GetObjectItem(json, "level")->valuestring, "info");
    assert_string_equal(cJSON_GetObjectItem(json, "area")->valuestring, "apply");
    assert_string_equal(cJSON_GetObjectItem(json, "message")->valuestring,
                        "line one line \"two\" 2");
    assert_int_equal(strlen(cJSON_GetObjectItem(json, "time")->valuestring), 24);
    cJSON_Delete(json);
    *end = '\0';
    assert_true(json_parse(bytes_str(captured), 0, &json, &err));
    cJSON_Delete(json);
}

static void very_long(void)
{
    char text[5000];

    memset(text, 0xff, sizeof(text) - 1); /* each byte becomes three in JSON */
    text[sizeof(text) - 1] = '\0';
    log_error("area", "%s", text);
}

static void test_log_cuts_a_long_message_but_ends_its_line(void **state)
{
    (void)state;
    log_setup(LOG_INFO, true);
    capture(very_long);
    log_setup(LOG_INFO, false);
    assert_true(strlen(captured) > 6000);
    assert_string_equal(captured + strlen(captured) - 3, "\"}\n");
}

static void test_log_level_decides_what_is_written(void **state)
{
    (void)state;
    log_setup(LOG_DEBUG, false);
    capture(one_of_each);
    assert_non_null(strstr(captured, "debug apply: not seen\n"));
    log_setup(LOG_ERROR, false);
    capture(one_of_each);
    assert_null(strstr(captured, "line one"));
    assert_non_null(strstr(captured, "refused a"));
    log_setup(LOG_INFO, false);
}

#define THREADS 4
#define TIMES 500

static void *say_again(void *arg)
{
    for (int i = 0; i < TIMES; i++)
        log_warn("apply", "the source is away");
    return arg;
}

static void say_again_in_threads(void)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, say_again, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    log_flush();
}

/* Each line is one occurrence, or tells of how many more. */
static unsigned long occurrences(const char *mark, unsigned long *lines)
{
    unsigned long n = 0;

    *lines = 0;
    for (char *line = captured; *line; line = strchr(line, '\n') + 1) {
        const char *count = strstr(line, mark);

        n += count && count < strchr(line, '\n') ? strtoul(count + strlen(mark), NULL, 10) : 1;
        ++*lines;
    }
    return n;
}

static void test_log_counts_a_message_that_repeats(void **state)
{
    unsigned long lines;

    (void)state;
    log_setup(LOG_INFO, false);
    capture(say_again_in_threads);
    assert_int_equal(occurrences("the source is away (repeated ", &lines), THREADS * TIMES);
    assert_in_range(lines, 2, THREADS * TIMES / 10);
    log_setup(LOG_INFO, true);
    capture(say_again_in_threads);
    assert_non_null(strstr(captured, "\"message\":\"the source is away\",\"repeated\":"));
    assert_int_equal(occurrences("\"repeated\":", &lines), THREADS * TIMES);
    assert_in_range(lines, 2, THREADS * TIMES / 10);
    log_setup(LOG_INFO, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_writes_one_text_line_per_message),
        cmocka_unit_test(test_log_writes_json_lines_that_parse),
        cmocka_unit_test(test_log_cuts_a_long_message_but_ends_its_line),
        cmocka_unit_test(test_log_level_decides_what_is_written),
        cmocka_unit_test(test_log_counts_a_message_that_repeats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
