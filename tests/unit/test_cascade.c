#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "cdc/apply/cascade.h"
#include "schema/ddl/ddl.h"

/* What the planner asked for, as text: "read child; delete child 1; ..." */
static struct buf told;
static struct arena arena;
static struct catalog *catalog;
static const char *ignored;
static int rows_left; /* that `read` gives out, one a call */

static void add_table(const char *sql)
{
    struct table *t;
    struct err err = ERR_INIT;

    if (!ddl_parse_table(sql, "w", &t, &err))
        fail_msg("%s", err.text);
    catalog_put(catalog, t);
}

static int setup(void **state)
{
    (void)state;
    told = BUF_INIT;
    catalog = catalog_new();
    ignored = "";
    rows_left = 0;
    add_table("CREATE TABLE parent (id INT NOT NULL PRIMARY KEY, v INT NULL)");
    add_table("CREATE TABLE child (id INT NOT NULL PRIMARY KEY, pid INT NULL, CONSTRAINT c FOREIGN "
              "KEY (pid) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE)");
    add_table("CREATE TABLE grand (id INT NOT NULL PRIMARY KEY, cid INT NULL, CONSTRAINT g FOREIGN "
              "KEY (cid) REFERENCES child (id) ON DELETE SET NULL ON UPDATE RESTRICT)");
    add_table("CREATE TABLE emp (id INT NOT NULL PRIMARY KEY, mgr INT NULL, CONSTRAINT e FOREIGN "
              "KEY (mgr) REFERENCES emp (id) ON DELETE CASCADE)");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_release(&told);
    arena_release(&arena);
    catalog_free(catalog);
    return 0;
}

static bool follows(void *ctx, const struct table *child)
{
    (void)ctx;
    return strcmp(child->name, ignored) != 0;
}

static bool emit(void *ctx, const struct op *op, struct err *err)
{
    (void)ctx, (void)err;
    buf_putf(&told, "%s %s %lld; ",
             op->kind == OP_CASCADE_DELETE     ? "delete"
             : op->kind == OP_CASCADE_SET_NULL ? "null"
                                               : "update",
             op->table->name, (long long)op->rows[0][0].i);
    return true;
}

static bool read_rows(void *ctx, const struct table *child, const struct foreign_key *fk,
                      const struct table *parent, const struct value *image,
                      const struct value ***rows, size_t *n, struct err *err)
{
    struct value *row = arena_alloc(&arena, 2 * sizeof(*row));

    (void)ctx, (void)fk, (void)parent, (void)err;
    buf_putf(&told, "read %s; ", child->name);
    *n = rows_left > 0;
    rows_left--;
    row[0] = (struct value){.kind = VALUE_INT, .i = image[0].i * 10};
    row[1] = image[0];
    *rows = arena_alloc(&arena, sizeof(**rows));
    (*rows)[0] = row;
    return true;
}

static struct cascade_env env(void)
{
    return (struct cascade_env){
        .catalog = catalog, .arena = &arena, .follows = follows, .emit = emit, .read = read_rows};
}

static void plan(const char *table, int64_t before_id, int64_t after_id, uint16_t flags,
                 const char *expected)
{
    struct cascade_env e = env();
    struct value before[2] = {{.kind = VALUE_INT, .i = before_id}, {.kind = VALUE_NULL}};
    struct value after[2] = {{.kind = VALUE_INT, .i = after_id}, {.kind = VALUE_NULL}};
    struct change c = {.kind = after_id ? CHANGE_UPDATE : CHANGE_DELETE,
                       .flags = flags,
                       .table = catalog_get(catalog, "w", table),
                       .before = before,
                       .after = after_id ? after : NULL};
    struct err err = ERR_INIT;

    buf_reset(&told);
    assert_int_equal(cascade_applies(&e, &c), expected[0] != 0);
    if (expected[0] && !cascade_run(&e, &c, &err))
        fail_msg("%s", err.text);
    assert_string_equal(buf_cstr(&told), expected);
}

static void test_cascade_reads_a_level_only_when_its_children_may_follow(void **state)
{
    (void)state;
    rows_left = 1;
    plan("parent", 1, 0, 0, "read child; delete child 1; null grand 10; ");
    /* An update of child.pid touches nothing that grand refers to. */
    plan("parent", 1, 2, 0, "update child 1; ");
    plan("child", 5, 0, 0, "null grand 5; ");
    plan("child", 5, 6, 0, "");
}

static void test_cascade_does_nothing_where_the_source_logged_or_skipped_it(void **state)
{
    (void)state;
    plan("parent", 1, 0, CHANGE_SQL_FK, "");
    plan("parent", 1, 0, CHANGE_NO_FK_CHECKS, "");
    plan("parent", 1, 1, 0, "");
}

static void test_cascade_leaves_tables_alone_that_are_not_followed(void **state)
{
    (void)state;
    ignored = "grand";
    plan("parent", 1, 0, 0, "delete child 1; ");
    ignored = "child";
    plan("parent", 1, 0, 0, "");
}

static void test_cascade_walks_down_a_self_reference_and_ends(void **state)
{
    (void)state;
    rows_left = 2;
    plan("emp", 1, 0, 0,
         "read emp; delete emp 1; read emp; delete emp 10; read emp; delete emp 100; ");
}

static void test_cascade_refuses_an_endless_descent(void **state)
{
    struct cascade_env e = env();
    struct value before[2] = {{.kind = VALUE_INT, .i = 0}, {.kind = VALUE_NULL}};
    struct change c = {
        .kind = CHANGE_DELETE, .table = catalog_get(catalog, "w", "emp"), .before = before};
    struct err err = ERR_INIT;

    (void)state;
    rows_left = 1000000;
    assert_false(cascade_run(&e, &c, &err));
    assert_string_equal(err.reason, "cascade_depth");
}

static bool is_grand(void *ctx, const struct table *t)
{
    (void)ctx;
    return strcmp(t->name, "grand") == 0;
}

static void test_cascade_knows_which_tables_it_may_reach(void **state)
{
    struct cascade_env e = env();

    (void)state;
    assert_true(cascade_reaches(&e, catalog_get(catalog, "w", "parent"), is_grand, NULL));
    assert_false(cascade_reaches(&e, catalog_get(catalog, "w", "emp"), is_grand, NULL));
    assert_true(cascade_possible(&e, catalog_get(catalog, "w", "child")));
    assert_false(cascade_possible(&e, catalog_get(catalog, "w", "grand")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cascade_reads_a_level_only_when_its_children_may_follow),
        TEST(test_cascade_does_nothing_where_the_source_logged_or_skipped_it),
        TEST(test_cascade_leaves_tables_alone_that_are_not_followed),
        TEST(test_cascade_walks_down_a_self_reference_and_ends),
        TEST(test_cascade_refuses_an_endless_descent),
        TEST(test_cascade_knows_which_tables_it_may_reach),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
