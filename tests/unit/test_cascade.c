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
static struct cascade cascade;
static const char *ignored, *opened;
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
    ignored = opened = "";
    rows_left = 0;
    add_table("CREATE TABLE parent (id INT NOT NULL PRIMARY KEY, v INT NULL)");
    add_table("CREATE TABLE child (id INT NOT NULL PRIMARY KEY, pid INT NULL, CONSTRAINT c FOREIGN "
              "KEY (pid) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE)");
    add_table("CREATE TABLE grand (id INT NOT NULL PRIMARY KEY, cid INT NULL, CONSTRAINT g FOREIGN "
              "KEY (cid) REFERENCES child (id) ON DELETE SET NULL ON UPDATE RESTRICT)");
    add_table("CREATE TABLE emp (id INT NOT NULL PRIMARY KEY, mgr INT NULL, CONSTRAINT e FOREIGN "
              "KEY (mgr) REFERENCES emp (id) ON DELETE CASCADE)");
    add_table("CREATE TABLE pair (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b))");
    add_table("CREATE TABLE half (id INT NOT NULL PRIMARY KEY, a INT NULL, b INT NULL, c INT NULL,"
              " KEY (a, c), CONSTRAINT h FOREIGN KEY (a, b) REFERENCES pair (a, b)"
              " ON DELETE CASCADE ON UPDATE CASCADE)");
    add_table("CREATE TABLE tail (id INT NOT NULL PRIMARY KEY, a INT NULL, c INT NULL,"
              " CONSTRAINT t FOREIGN KEY (a, c) REFERENCES half (a, c)"
              " ON DELETE SET NULL ON UPDATE CASCADE)");
    cascade_bind(&cascade, catalog);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_release(&told);
    arena_release(&arena);
    cascade_release(&cascade);
    catalog_free(catalog);
    return 0;
}

/* Tables named in `ignored` are away, those in `open` are inside their load's window. */
static enum cascade_standing standing(void *ctx, const struct table *t)
{
    (void)ctx;
    if (strcmp(t->name, ignored) == 0)
        return CASCADE_AWAY;
    return strcmp(t->name, opened) == 0 ? CASCADE_OPEN : CASCADE_EXACT;
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

static struct change change_of(const char *table, const struct value *before,
                               const struct value *after, uint16_t flags)
{
    return (struct change){.kind = after ? CHANGE_UPDATE : CHANGE_DELETE,
                           .flags = flags,
                           .table = catalog_get(catalog, "w", table),
                           .before = before,
                           .after = after};
}

static enum cascade_verdict judge(const struct change *c)
{
    cascade_restand(&cascade);
    return cascade_is_unlogged(c) ? cascade_judge(&cascade, c, standing, NULL) : CASCADE_NONE;
}

static bool run(const struct change *c, struct err *err)
{
    struct cascade_runner r = {.cascade = &cascade,
                               .arena = &arena,
                               .standing = standing,
                               .emit = emit,
                               .read = read_rows};

    return cascade_run(&r, c, err);
}

static void plan(const char *table, int64_t before_id, int64_t after_id, uint16_t flags,
                 enum cascade_verdict verdict, const char *expected)
{
    struct value before[2] = {{.kind = VALUE_INT, .i = before_id}, {.kind = VALUE_NULL}};
    struct value after[2] = {{.kind = VALUE_INT, .i = after_id}, {.kind = VALUE_NULL}};
    struct change c = change_of(table, before, after_id ? after : NULL, flags);
    struct err err = ERR_INIT;

    buf_reset(&told);
    assert_int_equal(judge(&c), verdict);
    if (verdict != CASCADE_NONE && !run(&c, &err))
        fail_msg("%s", err.text);
    assert_string_equal(buf_cstr(&told), expected);
}

static void test_cascade_reads_a_level_only_when_its_children_may_follow(void **state)
{
    (void)state;
    rows_left = 1;
    plan("parent", 1, 0, 0, CASCADE_READING, "read child; delete child 1; null grand 10; ");
    /* An update of child.pid touches nothing that grand refers to. */
    plan("parent", 1, 2, 0, CASCADE_STATEMENT, "update child 1; ");
    plan("child", 5, 0, 0, CASCADE_STATEMENT, "null grand 5; ");
    plan("child", 5, 6, 0, CASCADE_NONE, "");
}

static void test_cascade_does_nothing_where_the_source_logged_or_skipped_it(void **state)
{
    (void)state;
    plan("parent", 1, 0, CHANGE_SQL_FK, CASCADE_NONE, "");
    plan("parent", 1, 0, CHANGE_NO_FK_CHECKS, CASCADE_NONE, "");
    plan("parent", 1, 1, 0, CASCADE_NONE, "");
}

static void test_cascade_leaves_tables_alone_that_are_not_followed(void **state)
{
    (void)state;
    ignored = "grand";
    plan("parent", 1, 0, 0, CASCADE_STATEMENT, "delete child 1; ");
    ignored = "child";
    /* The new pid of a child touches nobody else. */
    plan("parent", 1, 2, 0, CASCADE_NONE, "");
}

static void test_cascade_walks_down_a_self_reference_and_ends(void **state)
{
    (void)state;
    rows_left = 2;
    plan("emp", 1, 0, 0, CASCADE_READING,
         "read emp; delete emp 1; read emp; delete emp 10; read emp; delete emp 100; ");
}

static void test_cascade_refuses_an_endless_descent(void **state)
{
    struct value before[2] = {{.kind = VALUE_INT, .i = 0}, {.kind = VALUE_NULL}};
    struct change c = change_of("emp", before, NULL, 0);
    struct err err = ERR_INIT;

    (void)state;
    rows_left = 1000000;
    assert_false(run(&c, &err));
    assert_string_equal(err.reason, "cascade_depth");
}

static void test_cascade_follows_composite_keys_by_their_columns(void **state)
{
    struct value before[2] = {{.kind = VALUE_INT, .i = 1}, {.kind = VALUE_INT, .i = 2}};
    struct value after[2] = {{.kind = VALUE_INT, .i = 1}, {.kind = VALUE_INT, .i = 3}};
    struct change c = change_of("pair", before, after, 0);

    (void)state;
    /* half.a may change with the key, and tail refers to it. */
    assert_int_equal(judge(&c), CASCADE_READING);
    ignored = "tail";
    assert_int_equal(judge(&c), CASCADE_STATEMENT);
    ignored = "";
    c.after = NULL;
    c.kind = CHANGE_DELETE;
    assert_int_equal(judge(&c), CASCADE_READING);
    c.after = before;
    c.kind = CHANGE_UPDATE;
    assert_int_equal(judge(&c), CASCADE_NONE);
}

/* "tail by half; " */
static void tell_broken(void *ctx, const struct table *t, const struct table *by)
{
    (void)ctx;
    buf_putf(&told, "%s by %s; ", t->name, by->name);
}

static void breaks(const char *table, const char *expected)
{
    struct value before[2] = {{.kind = VALUE_INT, .i = 1}, {.kind = VALUE_INT, .i = 2}};
    struct change c = change_of(table, before, NULL, 0);

    buf_reset(&told);
    cascade_breaks(&cascade, &c, standing, tell_broken, NULL);
    assert_string_equal(buf_cstr(&told), expected);
    assert_int_equal(judge(&c) == CASCADE_BROKEN, expected[0] != 0);
}

static void test_cascade_is_broken_by_a_middle_table_that_is_not_followed(void **state)
{
    (void)state;
    breaks("parent", "");
    ignored = "child";
    breaks("parent", "grand by child; ");
    ignored = "parent"; /* where it begins does not matter */
    breaks("parent", "");
    ignored = "grand";
    breaks("parent", "");
    ignored = "half";
    breaks("pair", "tail by half; ");
}

static void test_cascade_is_broken_by_a_table_inside_its_window(void **state)
{
    (void)state;
    opened = "child";
    breaks("parent", "child by child; grand by child; ");
    opened = "grand";
    breaks("parent", "grand by grand; ");
    opened = "emp";
    breaks("emp", "emp by emp; emp by emp; "); /* named twice: by its parent and by itself */
    opened = "parent";
    breaks("parent", "");
}

static void test_cascade_tells_what_is_broken_for_ever(void **state)
{
    (void)state;
    cascade_breaks_ever(&cascade, standing, tell_broken, NULL);
    assert_string_equal(buf_cstr(&told), "");
    ignored = "half";
    cascade_breaks_ever(&cascade, standing, tell_broken, NULL);
    assert_non_null(strstr(buf_cstr(&told), "tail by half; "));
    assert_null(strstr(buf_cstr(&told), "grand"));
}

static void test_cascade_goes_through_a_ring_once(void **state)
{
    struct value before[2] = {{.kind = VALUE_INT, .i = 1}, {.kind = VALUE_INT, .i = 2}};
    struct change c;

    (void)state;
    add_table("CREATE TABLE yin (id INT NOT NULL PRIMARY KEY, o INT NULL, CONSTRAINT yi FOREIGN "
              "KEY (o) REFERENCES yang (id) ON DELETE CASCADE)");
    add_table("CREATE TABLE yang (id INT NOT NULL PRIMARY KEY, o INT NULL, CONSTRAINT ya FOREIGN "
              "KEY (o) REFERENCES yin (id) ON DELETE SET NULL)");
    c = change_of("yin", before, NULL, 0);
    assert_int_equal(judge(&c), CASCADE_STATEMENT);
    c = change_of("yang", before, NULL, 0);
    assert_int_equal(judge(&c), CASCADE_READING);
    assert_int_equal(cascade_rank(&cascade, catalog_get(catalog, "w", "yin")),
                     cascade_rank(&cascade, catalog_get(catalog, "w", "yang")));
}

static uint32_t rank(const char *name)
{
    return cascade_rank(&cascade, catalog_get(catalog, "w", name));
}

static void test_cascade_ranks_parents_before_children(void **state)
{
    (void)state;
    assert_true(rank("grand") > rank("child"));
    assert_true(rank("child") > rank("parent"));
    assert_true(rank("pair") < rank("half") && rank("half") < rank("tail"));
    assert_true(rank("emp") != rank("parent"));
}

static bool is_grand(void *ctx, const struct table *t)
{
    (void)ctx;
    return strcmp(t->name, "grand") == 0;
}

static void test_cascade_knows_which_tables_it_may_reach(void **state)
{
    struct value before[2] = {{.kind = VALUE_INT, .i = 1}, {.kind = VALUE_NULL}};
    struct value after[2] = {{.kind = VALUE_INT, .i = 2}, {.kind = VALUE_NULL}};
    struct change c = change_of("parent", before, NULL, 0);

    (void)state;
    assert_true(cascade_reaches(&cascade, &c, is_grand, NULL));
    c = change_of("parent", before, after, 0);
    assert_false(cascade_reaches(&cascade, &c, is_grand, NULL));
    assert_true(cascade_may_reach(&cascade, catalog_get(catalog, "w", "parent"), is_grand, NULL));
    assert_false(cascade_may_reach(&cascade, catalog_get(catalog, "w", "emp"), is_grand, NULL));
    assert_true(cascade_may_touch(catalog_get(catalog, "w", "child")));
    assert_false(cascade_may_touch(catalog_get(catalog, "w", "parent")));
}

static void test_cascade_sees_a_new_definition(void **state)
{
    (void)state;
    plan("child", 5, 6, 0, CASCADE_NONE, "");
    add_table("CREATE TABLE grand (id INT NOT NULL PRIMARY KEY, cid INT NULL, CONSTRAINT g FOREIGN "
              "KEY (cid) REFERENCES child (id) ON DELETE SET NULL ON UPDATE CASCADE)");
    plan("child", 5, 6, 0, CASCADE_STATEMENT, "update grand 5; ");
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
        TEST(test_cascade_follows_composite_keys_by_their_columns),
        TEST(test_cascade_is_broken_by_a_middle_table_that_is_not_followed),
        TEST(test_cascade_is_broken_by_a_table_inside_its_window),
        TEST(test_cascade_tells_what_is_broken_for_ever),
        TEST(test_cascade_goes_through_a_ring_once),
        TEST(test_cascade_ranks_parents_before_children),
        TEST(test_cascade_knows_which_tables_it_may_reach),
        TEST(test_cascade_sees_a_new_definition),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
