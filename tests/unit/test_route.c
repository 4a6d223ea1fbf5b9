#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schema/ddl/ddl.h"
#include "schema/mapping/route.h"

static struct mapping *mapping(const char *text)
{
    struct mapping *m = NULL;
    struct err err = ERR_INIT;
    cJSON *json = NULL;

    assert_true(json_parse(bytes_str(text), 0, &json, &err));
    assert_true(mapping_parse(json, &m, &err));
    cJSON_Delete(json);
    return m;
}

#define RENAMES                                                                                    \
    "{\"include\":[\"shop.*\",\"crm.*\"],\"exclude\":[\"crm.secret\"],"                            \
    "\"rename\":{\"shop\":\"copy\",\"shop.a\":\"other.b`b\"}}"

static void test_route_gives_a_definition_its_names_on_the_target(void **state)
{
    struct mapping *m = mapping(RENAMES);
    struct arena arena = {0};
    struct err err = ERR_INIT;
    struct table *source;
    const struct table *to;

    (void)state;
    assert_true(ddl_parse_table("CREATE TABLE shop.a (id INT PRIMARY KEY, p INT, q INT,"
                                " CONSTRAINT a_ibfk_1 FOREIGN KEY (p) REFERENCES shop.c (id),"
                                " CONSTRAINT mine FOREIGN KEY (q) REFERENCES shop.a (id))",
                                "shop", &source, &err));
    assert_true(route_table(m, &arena, source, &to, &err));
    assert_string_equal(to->db, "other");
    assert_string_equal(to->name, "b`b");
    assert_string_equal(to->fks[0].name, "b`b_ibfk_1");
    assert_string_equal(to->fks[0].ref_db, "copy");
    assert_string_equal(to->fks[0].ref_table, "c");
    assert_string_equal(to->fks[1].name, "mine");
    assert_string_equal(to->fks[1].ref_db, "other");
    assert_string_equal(source->fks[1].ref_db, "shop");
    assert_true(route_table(NULL, &arena, source, &to, &err));
    assert_ptr_equal(to, source);
    arena_release(&arena);
    table_free(source);
    mapping_free(m);
}

static void view(const char *text, const char *want)
{
    struct mapping *m = mapping(RENAMES);
    struct buf out = BUF_INIT;
    char why[300] = "";

    if (!route_view(m, text, &out, why, sizeof(why)))
        assert_string_equal(why, want);
    else
        assert_string_equal(buf_cstr(&out), want);
    buf_release(&out);
    mapping_free(m);
}

static void test_route_says_views_with_the_names_on_the_target(void **state)
{
    (void)state;
    view("select `shop`.`c`.`id` AS `shop` from `shop`.`c` where (`shop`.`c`.`id` > 1)",
         "select `copy`.`c`.`id` AS `shop` from `copy`.`c` where (`copy`.`c`.`id` > 1)");
    view("select `shop`.`id` AS `id` from `shop`.`a` `shop`",
         "select `shop`.`id` AS `id` from `other`.`b``b` `shop`");
    view(
        "select 'shop.a' AS `x` from ((`shop`.`a` `x` join `crm`.`n` `y` on((`x`.`id` = `y`.`id`)))"
        " left join `shop`.`d` on((`y`.`id` = `shop`.`d`.`id`)))",
        "select 'shop.a' AS `x` from ((`other`.`b``b` `x` join `crm`.`n` `y` on((`x`.`id` = "
        "`y`.`id`)))"
        " left join `copy`.`d` on((`y`.`id` = `copy`.`d`.`id`)))");
    view(
        "select extract(year from `shop`.`d`) AS `y`,trim(leading 'x' from `shop`.`e`) AS `t` from "
        "`shop`.`c` `shop`",
        "select extract(year from `shop`.`d`) AS `y`,trim(leading 'x' from `shop`.`e`) AS `t` from "
        "`copy`.`c` `shop`");
    view("select `t`.`n` AS `n` from (select count(0) AS `n` from `shop`.`c`) `t`",
         "select `t`.`n` AS `n` from (select count(0) AS `n` from `copy`.`c`) `t`");
    view("with `q` as (select `shop`.`c`.`id` AS `id` from `shop`.`c`) select `q`.`id` AS `id` "
         "from `q`",
         "with `q` as (select `copy`.`c`.`id` AS `id` from `copy`.`c`) select `q`.`id` AS `id` "
         "from `q`");
}

static void test_route_leaves_out_views_that_are_not_certain(void **state)
{
    (void)state;
    view("select `crm`.`secret`.`id` AS `id` from `crm`.`secret`",
         "it refers to what is not copied, crm.secret");
    view("select `x`.`id` AS `id` from `lost`.`t` `x`", "it refers to what is not copied, lost.t");
    view("select `shop`.`f`(1) AS `f` from `shop`.`c`", "it calls a stored function");
    view("select `a`.`id` AS `id` from `shop`.`a`", "it names columns by a table that is renamed");
    view("select `c`.`id` AS `id` from `c`", "a table in it is not qualified");
    view("select 'unfinished from `shop`.`c`", "its text cannot be read");
    view("select 1 AS `x` from (`shop`.`c`", "its brackets do not match");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_route_gives_a_definition_its_names_on_the_target),
        cmocka_unit_test(test_route_says_views_with_the_names_on_the_target),
        cmocka_unit_test(test_route_leaves_out_views_that_are_not_certain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
