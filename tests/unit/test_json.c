#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "schema/base/buf.h"
#include "schema/base/json.h"

static cJSON *parse(const char *text, unsigned flags)
{
    struct err err = ERR_INIT;
    cJSON *json;

    if (!json_parse(bytes_str(text), flags, &json, &err))
        fail_msg("%s: %s", text, err.text);
    return json;
}

static void refuse(struct bytes text, unsigned flags, const char *reason, const char *part)
{
    struct err err = ERR_INIT;
    cJSON *json;

    if (json_parse(text, flags, &json, &err))
        fail_msg("accepted: %.*s", (int)text.len, (const char *)text.data);
    assert_null(json);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_string_equal(err.reason, reason);
    if (strstr(err.text, part) == NULL)
        fail_msg("\"%s\" not in \"%s\"", part, err.text);
}

static void refuse_bad(const char *text, const char *part)
{
    refuse(bytes_str(text), 0, "bad_json", part);
}

static void test_json_reads_64_bit_integers_as_they_are_written(void **state)
{
    cJSON *j = parse("{\"a\":18446744073709551615,\"b\":[-9223372036854775808,9007199254740993],"
                     "\"c\":1.5,\"d\":{\"e\":7}}",
                     0);
    cJSON *b = cJSON_GetObjectItem(j, "b");
    uint64_t u;

    (void)state;
    assert_true(json_uint64(cJSON_GetObjectItem(j, "a"), &u));
    assert_true(u == UINT64_MAX);
    assert_false(json_uint64(cJSON_GetArrayItem(b, 0), &u));
    assert_true(json_uint64(cJSON_GetArrayItem(b, 1), &u));
    assert_true(u == 9007199254740993u); /* not a double */
    assert_false(json_uint64(cJSON_GetObjectItem(j, "c"), &u));
    assert_true(json_uint64(cJSON_GetObjectItem(cJSON_GetObjectItem(j, "d"), "e"), &u));
    assert_int_equal(u, 7);
    assert_false(json_uint64(b, &u));
    assert_false(json_uint64(NULL, &u));
    cJSON_Delete(j);
    j = parse("-0", 0);
    assert_false(json_uint64(j, &u));
    cJSON_Delete(j);
}

static void test_json_refuses_a_raw_nul_wherever_it_stands(void **state)
{
    (void)state;
    refuse(bytes_of("{\"a\":\"x\0y\"}", 11), 0, "bad_json", "line 1 column 8: a NUL byte");
    refuse(bytes_of("{}\0", 3), 0, "bad_json", "a NUL byte");
    refuse(bytes_of("\0{}", 3), 0, "bad_json", "a NUL byte");
    refuse(bytes_of("{/*\0*/}", 8), JSON_COMMENTS, "bad_json", "a NUL byte");
}

static void test_json_refuses_an_escaped_nul(void **state)
{
    cJSON *j;

    (void)state;
    refuse_bad("{\"a\":\"x\\u0000y\"}", "line 1 column 8: a string holds an escaped NUL");
    refuse_bad("{\"a\\u0000\":1}", "an escaped NUL");
    refuse_bad("[\"\\\\\\u0000\"]", "an escaped NUL"); /* after an escaped backslash */
    j = parse("[\"\\\\u0000\"]", 0);                   /* a backslash and u0000 */
    assert_string_equal(cJSON_GetArrayItem(j, 0)->valuestring, "\\u0000");
    cJSON_Delete(j);
}

static void test_json_refuses_a_key_that_is_there_twice(void **state)
{
    cJSON *j;

    (void)state;
    refuse(bytes_str("{\"a\":1,\n \"b\":{\"c\":1,\"c\":2}}"), 0, "duplicate_key",
           "line 2 column 13:");
    refuse(bytes_str("{\"a\":1,\"\\u0061\":2}"), 0, "duplicate_key", "twice");
    j = parse("{\"a\":{\"a\":1},\"A\":[{\"b\":1},{\"b\":2}]}", 0);
    cJSON_Delete(j);
}

static void test_json_accepts_comments_only_when_asked(void **state)
{
    const char *text = "// one\n{\"a\": 1, /* two\n */ \"b\": \"//no\", \"c\": [1, 2, ], }\n";
    cJSON *j = parse(text, JSON_COMMENTS);

    (void)state;
    assert_string_equal(cJSON_GetObjectItem(j, "b")->valuestring, "//no");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(j, "c")), 2);
    cJSON_Delete(j);
    refuse_bad(text, "line 1 column 1");
    refuse_bad("[1,]", "not JSON");
    refuse(bytes_str("[,]"), JSON_COMMENTS, "bad_json", "");
    refuse(bytes_str("[1,,]"), JSON_COMMENTS, "bad_json", "");
    refuse(bytes_str("[1,/* x */,]"), JSON_COMMENTS, "bad_json", "");
    refuse(bytes_str("{\"a\":,}"), JSON_COMMENTS, "bad_json", "");
    refuse(bytes_str("{} /* open"), JSON_COMMENTS, "bad_json", "a comment does not end");
    refuse(bytes_str("{} /"), JSON_COMMENTS, "bad_json", "unexpected");
    refuse(bytes_str("1/**/2"), JSON_COMMENTS, "bad_json", "");
}

static void test_json_refuses_what_only_cjson_takes(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "{} x",
        "{}{}",
        "[01]",
        "[+1]",
        "[1.]",
        "[.5]",
        "[1e]",
        "[--1]",
        "[1 2]",
        "[tru]",
        "[TRUE]",
        "['a']",
        "{a:1}",
        "\xef\xbb\xbf{}",
        "[\"a\nb\"]",
        "[\"\\x\"]",
        "[\x01]",
        "[\"a]",
        "[\"\\\"]",
        "[nan]",
        "[\"\xff\"]",
        "[\"\xc0\xaf\"]",
        "[\"\xed\xa0\x80\"]",
        "[\"\\ud800\"]",
        "{\"a\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        refuse_bad(texts[i], "line ");
}

static void test_json_refuses_deep_nesting(void **state)
{
    struct buf b = BUF_INIT;
    cJSON *j;

    (void)state;
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        buf_put_u8(&b, '[');
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        buf_put_u8(&b, ']');
    j = parse(buf_cstr(&b), 0);
    cJSON_Delete(j);
    buf_reset(&b);
    for (int i = 0; i < 100000; i++)
        buf_put_u8(&b, '[');
    refuse_bad(buf_cstr(&b), "nested too deeply");
    buf_release(&b);
}

static void test_json_writes_strings_that_read_back(void **state)
{
    struct buf b = BUF_INIT;
    cJSON *j;

    (void)state;
    json_put_string(&b, bytes_str("a\"b\\c\n\t\r\x01\x1f\xc3\xa9\xf0\x9f\x98\x80/"));
    assert_string_equal(buf_cstr(&b), "\"a\\\"b\\\\c\\n\\t\\r\\u0001\\u001f"
                                      "\xc3\xa9\xf0\x9f\x98\x80/\"");
    j = parse(buf_cstr(&b), 0);
    assert_string_equal(j->valuestring, "a\"b\\c\n\t\r\x01\x1f\xc3\xa9\xf0\x9f\x98\x80/");
    cJSON_Delete(j);
    buf_release(&b);
}

static void test_json_writes_invalid_bytes_as_replacement_characters(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    json_put_string(&b, bytes_of("a\xff\0\xe2\x82", 5));
    assert_string_equal(buf_cstr(&b), "\"a\xef\xbf\xbd\\u0000\xef\xbf\xbd\xef\xbf\xbd\"");
    buf_reset(&b);
    json_put_cstr(&b, NULL);
    assert_string_equal(buf_cstr(&b), "null");
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_reads_64_bit_integers_as_they_are_written),
        cmocka_unit_test(test_json_refuses_a_raw_nul_wherever_it_stands),
        cmocka_unit_test(test_json_refuses_an_escaped_nul),
        cmocka_unit_test(test_json_refuses_a_key_that_is_there_twice),
        cmocka_unit_test(test_json_accepts_comments_only_when_asked),
        cmocka_unit_test(test_json_refuses_what_only_cjson_takes),
        cmocka_unit_test(test_json_refuses_deep_nesting),
        cmocka_unit_test(test_json_writes_strings_that_read_back),
        cmocka_unit_test(test_json_writes_invalid_bytes_as_replacement_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
