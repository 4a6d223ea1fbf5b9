/* What a server's flavour, version and settings change in what a statement means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cdc/capture/sink.h"
#include "schema/types/convert.h"

#define LATIN1 8
#define GBK 28
#define BIG5 1
#define UTF8MB4 255

static const struct table *replayed(struct catalog *c, const struct dialect *d, uint32_t charset,
                                    const char *db, const char *text, const char *name)
{
    struct query_event q = {.db = db,
                            .text = bytes_str(text),
                            .time_zone = "",
                            .client_collation = charset,
                            .explicit_defaults_for_timestamp = -1};
    struct arena arena = {0};
    struct err err = ERR_INIT;
    struct ddl ddl;
    bool ok = capture_replay(c, d, &q, &arena, &ddl, &err);

    if (!ok)
        print_message("%s\n", err.text);
    arena_release(&arena);
    return ok && name ? catalog_get(c, "shop", name) : NULL;
}

static void test_text_is_read_in_the_sessions_character_set(void **state)
{
    struct catalog *c = catalog_new();
    const struct table *t;

    (void)state;
    t = replayed(c, dialect_canonical(), LATIN1, "shop",
                 "CREATE TABLE m (s VARCHAR(9) DEFAULT '\x80\x99')", "m");
    assert_non_null(t);
    assert_string_equal(t->columns[0].default_text, "'\xe2\x82\xac\xe2\x84\xa2'");
    /* The second byte of a character is a backslash here. */
    t = replayed(c, dialect_canonical(), GBK, "shop",
                 "CREATE TABLE g (s VARCHAR(9) DEFAULT '\x81\x5c')", "g");
    assert_non_null(t);
    assert_string_equal(t->columns[0].default_text, "'\xe4\xb9\x97'");
    /* iconv's table is not the server's. */
    assert_null(replayed(c, dialect_canonical(), BIG5, "shop",
                         "CREATE TABLE b (s INT COMMENT '\xa5\x5c')", "b"));
    catalog_free(c);
}

static void test_names_are_lowered_where_the_server_lowers_them(void **state)
{
    struct catalog *c = catalog_new();
    struct dialect d = *dialect_canonical();
    const struct table *t;

    (void)state;
    d.names = NAMES_LOWERED;
    t = replayed(c, &d, UTF8MB4, "Shop", "CREATE TABLE Item (Id INT PRIMARY KEY)", "item");
    assert_non_null(t);
    assert_string_equal(t->columns[0].name, "Id");
    t = replayed(c, &d, UTF8MB4, "x",
                 "CREATE TABLE SHOP.Line (i INT, FOREIGN KEY (i) REFERENCES Item (Id))", "line");
    assert_non_null(t);
    assert_string_equal(t->fks[0].ref_table, "item");
    assert_non_null(
        replayed(c, &d, UTF8MB4, "Shop", "RENAME TABLE LINE TO Shop.\xc3\x84pfel", "\xc3\xa4pfel"));
    assert_null(replayed(c, &d, UTF8MB4, "", "DROP DATABASE SHOP", "item"));
    assert_null(catalog_get(c, "shop", "item"));
    catalog_free(c);
}

static void test_what_the_session_does_not_say_is_as_its_server_has_it(void **state)
{
    static const char text[] = "CREATE TABLE t (at TIMESTAMP, v TEXT CHARACTER SET utf8mb4)";
    struct dialect old = dialect_of_version("5.7.22-log"), now = dialect_of_version("9.7.4");
    struct catalog *c = catalog_new();
    const struct table *t = replayed(c, &old, UTF8MB4, "shop", text, "t");

    (void)state;
    assert_non_null(t);
    assert_false(t->columns[0].nullable);
    assert_string_equal(t->columns[1].collation, "utf8mb4_general_ci");
    catalog_free(c);
    c = catalog_new();
    t = replayed(c, &now, UTF8MB4, "shop", text, "t");
    assert_non_null(t);
    assert_true(t->columns[0].nullable);
    assert_string_equal(t->columns[1].collation, "utf8mb4_0900_ai_ci");
    catalog_free(c);
}

static void test_only_mysql_9_is_a_source(void **state)
{
    static const char *const no[] = {"8.0.43", "5.7.22-log", "5.5.5-10.11.19-MariaDB",
                                     "11.8.2-MariaDB", "odd"};
    struct err err = ERR_INIT;
    struct dialect d;

    (void)state;
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        d = dialect_of_version(no[i]);
        assert_false(dialect_check_source(&d, no[i], &err));
    }
    d = dialect_of_version("9.7.4-log");
    assert_int_equal(d.version, 90704);
    assert_true(dialect_check_source(&d, "9.7.4-log", &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_read_in_the_sessions_character_set),
        cmocka_unit_test(test_names_are_lowered_where_the_server_lowers_them),
        cmocka_unit_test(test_what_the_session_does_not_say_is_as_its_server_has_it),
        cmocka_unit_test(test_only_mysql_9_is_a_source),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
