#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "schema/types/types.h"
#include "targets/mariadb/ddl.h"

static struct table *table(const char *text)
{
    struct table *t = NULL;
    struct err err = ERR_INIT;

    if (!ddl_parse_table(text, "d", &t, &err))
        fail_msg("%s", err.text);
    return t;
}

static char *create(const char *text, struct notes *notes)
{
    struct table *t = table(text);
    struct buf b = BUF_INIT;
    struct err err = ERR_INIT;
    char *out;

    if (!mariadb_put_create(t, 101100, TABLE_WITH_KEYS, &b, notes, &err))
        fail_msg("%s", err.text);
    out = strdup(buf_cstr(&b));
    buf_release(&b);
    table_free(t);
    return out;
}

static void assert_says(const char *text, const char *want)
{
    char *out = create(text, NULL);

    if (strstr(out, want) == NULL)
        fail_msg("no \"%s\" in:\n%s", want, out);
    free(out);
}

static void assert_omits(const char *text, const char *unwanted)
{
    char *out = create(text, NULL);

    if (strstr(out, unwanted) != NULL)
        fail_msg("\"%s\" in:\n%s", unwanted, out);
    free(out);
}

static void test_create_says_what_a_verbatim_text_would_lose(void **state)
{
    (void)state;
    assert_says("CREATE TABLE t (a int, b int /*!80023 INVISIBLE */)",
                "`b` int NULL DEFAULT NULL INVISIBLE");
    assert_says("CREATE TABLE t (a int, KEY k (a) /*!80000 INVISIBLE */)", "KEY `k` (`a`) IGNORED");
    assert_omits("CREATE TABLE t (a int, CHECK (a > 0) /*!80016 NOT ENFORCED */)", "CHECK");
    assert_omits("CREATE TABLE t (a point NOT NULL /*!80003 SRID 4326 */)", "4326");
    assert_says("CREATE TABLE t (a varchar(3))", "COLLATE utf8mb4_uca1400_nopad_ai_ci");
    assert_says("CREATE TABLE t (a geomcollection)", "geometrycollection");
    assert_says("CREATE TABLE t (a vector(3))", "varbinary(12)");
    assert_omits("CREATE TABLE t (a int, KEY ((a + 1)))", "KEY");
    assert_omits("CREATE TABLE t (a int, b int AS (a) STORED NOT NULL)", "STORED NOT NULL");
    assert_omits("CREATE TABLE t (a text, FULLTEXT (a) WITH PARSER ngram)", "PARSER");
    assert_says("CREATE TABLE t (a int) ENGINE=MyISAM", "ENGINE=InnoDB");
}

static void test_create_rewrites_json_arrows(void **state)
{
    (void)state;
    assert_says("CREATE TABLE t (j json, a varchar(9) AS (j->>'$.x') STORED)",
                "json_unquote(json_extract(j,'$.x'))");
    assert_says("CREATE TABLE t (j json, a varchar(9) AS (CONCAT(t.j -> '$.x', `j`->'$.y')))",
                "CONCAT(json_extract(t.j,'$.x'), json_extract(`j`,'$.y'))");
}

static void test_generated_columns_are_plain_where_servers_differ(void **state)
{
    static const struct {
        const char *column;
        bool plain;
    } cases[] = {
        {"g int AS (a + 1)", false},
        {"g varchar(9) AS (CONCAT(v, 'x')) STORED", false},
        {"g varchar(9) AS (CONCAT(c, 'x')) STORED", true},
        {"g varchar(99) AS (CONCAT(f)) STORED", true},
        {"g double AS (a / 3)", true},
        {"g varchar(9) AS (UPPER(v))", true},
        {"g int AS (v > 'b')", true},
        {"g int AS (a > 1)", false},
        {"g datetime AS (CAST(v AS DATETIME))", true},
        {"g varchar(9) AS (REGEXP_REPLACE(v, 'a', 'b'))", true},
        {"g int AS (v REGEXP 'a')", true},
        {"g json AS (JSON_ARRAY(a))", true},
        {"g int AS (a MEMBER OF ('[1]'))", true},
        {"g int AS (JSON_VALUE(j, '$.x' RETURNING SIGNED))", true},
        {"g int AS (CAST(j AS JSON))", true},
        {"g int AS (a) STORED NOT NULL PRIMARY KEY", true},
        {"g varbinary(16) AS (UUID_TO_BIN(v))", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct buf b = BUF_INIT;
        struct table *t;

        buf_putf(&b, "CREATE TABLE t (a int, v varchar(9), c char(3), f float, j json, %s)",
                 cases[i].column);
        t = table(buf_cstr(&b));
        if (mariadb_column_is_plain(t, &t->columns[5]) != cases[i].plain)
            fail_msg("%s", cases[i].column);
        table_free(t);
        buf_release(&b);
    }
}

static void test_gb18030_is_refused_with_the_remedy(void **state)
{
    struct table *t = table("CREATE TABLE t (a varchar(3) CHARACTER SET gb18030)");
    struct buf b = BUF_INIT;
    struct err err = ERR_INIT;

    (void)state;
    assert_false(mariadb_put_create(t, 101100, TABLE_WITH_KEYS, &b, NULL, &err));
    assert_string_equal(err.reason, "charset_unsupported");
    assert_non_null(strstr(err.text, "convert it to utf8mb4"));
    buf_release(&b);
    table_free(t);
}

static void test_load_parts_put_keys_after_rows(void **state)
{
    struct table *t = table("CREATE TABLE t (id int NOT NULL AUTO_INCREMENT, a int NOT NULL, "
                            "PRIMARY KEY (a), KEY (id), CONSTRAINT f FOREIGN KEY (id) "
                            "REFERENCES p (x) ON DELETE CASCADE ON UPDATE SET DEFAULT)");
    struct buf b = BUF_INIT;
    struct err err = ERR_INIT;

    (void)state;
    assert_true(mariadb_put_create(t, 101100, TABLE_ROW_KEY_ONLY, &b, NULL, &err));
    assert_null(strstr(buf_cstr(&b), "AUTO_INCREMENT"));
    assert_null(strstr(buf_cstr(&b), "KEY `id`"));
    buf_reset(&b);
    assert_true(mariadb_put_add_keys(t, 101100, &b, NULL, &err));
    assert_string_equal(buf_cstr(&b), "ALTER TABLE `d`.`t`\n  ADD KEY `id` (`id`),\n  "
                                      "MODIFY COLUMN `id` int NOT NULL AUTO_INCREMENT");
    buf_reset(&b);
    mariadb_put_add_fks(t, &b);
    assert_string_equal(buf_cstr(&b),
                        "ALTER TABLE `d`.`t`\n  ADD CONSTRAINT `f` FOREIGN KEY (`id`) REFERENCES "
                        "`d`.`p` (`x`) ON DELETE CASCADE");
    buf_release(&b);
    table_free(t);
}

/* The statements for `alter`, joined; "reload" when it asks for one. */
static char *said(const char *before, const char *alter)
{
    struct ddl_context ctx = {.db = "d", .explicit_defaults_for_timestamp = true};
    struct catalog *c = catalog_new();
    struct arena arena = {0};
    struct err err = ERR_INIT;
    struct buf b = BUF_INIT;
    const char **sql;
    struct ddl ddl;
    size_t n = 0;
    char *out;

    if (!ddl_replay(c, before, &ctx, &arena, &ddl, &err) ||
        !ddl_replay(c, alter, &ctx, &arena, &ddl, &err))
        fail_msg("%s", err.text);
    if (!mariadb_ddl_statements(&ddl, 101100, &arena, &sql, &n, NULL, &err))
        buf_put_str(&b, err.reason);
    for (size_t i = 0; i < n; i++)
        buf_putf(&b, "%s%s", i ? "; " : "", sql[i]);
    out = strdup(buf_cstr(&b));
    buf_release(&b);
    arena_release(&arena);
    catalog_free(c);
    return out;
}

static void assert_said(const char *before, const char *alter, const char *want)
{
    char *out = said(before, alter);

    assert_string_equal(out, want);
    free(out);
}

static void test_alter_is_said_from_the_difference(void **state)
{
    static const char t[] = "CREATE TABLE t (a int, b int, UNIQUE u (a, b), CHECK (b > 0))";

    (void)state;
    assert_said(t, "ALTER TABLE t FORCE, STATS_PERSISTENT=1, ALGORITHM=COPY", "");
    assert_said(t, "ALTER TABLE t CHANGE a b int, CHANGE b a int, DROP CHECK t_chk_1",
                "ALTER TABLE `d`.`t`\n  DROP CONSTRAINT `t_chk_1`,\n  "
                "CHANGE COLUMN `a` `b` int NULL DEFAULT NULL,\n  "
                "CHANGE COLUMN `b` `a` int NULL DEFAULT NULL");
    assert_said(t, "ALTER TABLE t DROP COLUMN a",
                "ALTER TABLE `d`.`t`\n  DROP KEY `u`,\n  DROP COLUMN `a`,\n  "
                "ADD UNIQUE KEY `u` (`b`)");
    assert_said(t, "ALTER TABLE t ALTER INDEX u INVISIBLE",
                "ALTER TABLE `d`.`t`\n  ALTER KEY `u` IGNORED");
    assert_said(t, "RENAME TABLE t TO x",
                "RENAME TABLE `d`.`t` TO `d`.`x`; ALTER TABLE `d`.`x` DROP CONSTRAINT `t_chk_1`, "
                "ADD CONSTRAINT `x_chk_1` CHECK (b > 0)");
    assert_said(t, "DROP TABLE t", "DROP TABLE IF EXISTS `d`.`t`");
}

static void test_alter_asks_for_a_reload_where_values_are_not_in_the_binlog(void **state)
{
    static const char t[] = "CREATE TABLE t (a int, f float)";

    (void)state;
    assert_said(t, "ALTER TABLE t ADD g varchar(99) AS (CONCAT(f)) STORED", "ddl_reload");
    assert_said(t, "ALTER TABLE t ADD id int AUTO_INCREMENT PRIMARY KEY", "ddl_reload");
    assert_said(t, "ALTER TABLE t ADD u varbinary(16) DEFAULT (UUID_TO_BIN(UUID()))", "ddl_reload");
}

static void test_collations_have_twins_that_are_not_stricter(void **state)
{
    bool differs;

    (void)state;
    assert_string_equal(collation_for_mariadb("utf8mb4_sv_0900_as_cs", 101100, &differs),
                        "utf8mb4_uca1400_swedish_nopad_as_cs");
    assert_true(differs);
    assert_string_equal(collation_for_mariadb("utf8mb4_sv_0900_as_cs", 100600, &differs),
                        "utf8mb4_nopad_bin");
    assert_string_equal(collation_for_mariadb("latin1_german2_ci", 101100, &differs),
                        "latin1_german2_ci");
    assert_false(differs);
    assert_null(collation_for_mariadb("gb18030_bin", 101100, &differs));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_says_what_a_verbatim_text_would_lose),
        cmocka_unit_test(test_create_rewrites_json_arrows),
        cmocka_unit_test(test_generated_columns_are_plain_where_servers_differ),
        cmocka_unit_test(test_gb18030_is_refused_with_the_remedy),
        cmocka_unit_test(test_load_parts_put_keys_after_rows),
        cmocka_unit_test(test_alter_is_said_from_the_difference),
        cmocka_unit_test(test_alter_asks_for_a_reload_where_values_are_not_in_the_binlog),
        cmocka_unit_test(test_collations_have_twins_that_are_not_stricter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
