/*
 * writer_ddl.c - DDL under its journal, interrupted.
 */
#include "tests/lib/writer.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/xalloc.h"
#include "schema/ddl/ddl.h"

/* ---- DDL ---- */

struct ddl_case {
    struct catalog *catalog;
    struct arena arena;
    struct ddl ddl;
    struct ddl_unit unit;
    struct target *blocker;
};

/* ALTER TABLE w.t ADD c INT of which the journal says STARTED and that did not happen. */
static void interrupt_alter(struct ddl_case *c)
{
    struct ddl_context ctx = {.db = "w", .explicit_defaults_for_timestamp = true};
    struct table *d;
    struct notes notes = {NULL, 0};

    memset(c, 0, sizeof(*c));
    run("CREATE TABLE w.t (id INT NOT NULL PRIMARY KEY)");
    c->catalog = catalog_new();
    catalog_put_database(c->catalog, "w", "utf8mb4", "utf8mb4_general_ci");
    must(ddl_parse_table("CREATE TABLE t (id INT NOT NULL PRIMARY KEY)", "w", &d, &err));
    catalog_put(c->catalog, d);
    must(ddl_replay(c->catalog, "ALTER TABLE t ADD c INT", &ctx, &c->arena, &c->ddl, &err));
    c->unit = (struct ddl_unit){
        .prev_lsn = lane.lsn, .lsn = lane.lsn + 1, .advances = true, .ddl = &c->ddl};
    must(target_connect(&config, guard, &c->blocker, &err));
    must(target_query(c->blocker, "START TRANSACTION", no_row, NULL, &err));
    must(target_query(c->blocker, "SELECT * FROM w.t", no_row, NULL, &err));
    run("SET lock_wait_timeout=1");
    must_fail(target_apply_ddl(t, &c->unit, &notes, &err), ERR_RETRY, "");
    must(target_query(c->blocker, "ROLLBACK", no_row, NULL, &err));
    assert_int_equal(number("SELECT COUNT(*) FROM domicile.ddl WHERE status='STARTED'"), 1);
    assert_int_equal(stored_lsn(), lane.lsn);
    notes_release(&notes);
}

static void end_case(struct ddl_case *c)
{
    run("DELETE FROM domicile.ddl");
    target_close(c->blocker);
    catalog_free(c->catalog);
    arena_release(&c->arena);
}

static void apply_again(struct ddl_case *c)
{
    struct notes notes = {NULL, 0};

    must(target_apply_ddl(t, &c->unit, &notes, &err));
    notes_release(&notes);
    lane.lsn++;
    assert_int_equal(stored_lsn(), lane.lsn);
    assert_int_equal(number("SELECT COUNT(*) FROM information_schema.COLUMNS WHERE "
                            "TABLE_SCHEMA='w' AND TABLE_NAME='t' AND COLUMN_NAME='c'"),
                     1);
}

static void test_writer_runs_ddl_that_a_crash_had_kept_from_happening(void **state)
{
    struct ddl_case c;

    (void)state;
    interrupt_alter(&c);
    apply_again(&c);
    end_case(&c);
}

static void test_writer_sees_that_ddl_had_happened_before_the_crash(void **state)
{
    struct ddl_case c;

    (void)state;
    interrupt_alter(&c);
    run("ALTER TABLE w.t ADD c INT");
    apply_again(&c);
    end_case(&c);
}

static void test_writer_stops_when_an_interrupted_ddl_is_unclear(void **state)
{
    struct ddl_case c;
    struct notes notes = {NULL, 0};

    (void)state;
    interrupt_alter(&c);
    run("ALTER TABLE w.t ADD other INT");
    must_fail(target_apply_ddl(t, &c.unit, &notes, &err), ERR_DATA, "ddl_unclear");
    assert_int_equal(stored_lsn(), lane.lsn);
    notes_release(&notes);
    end_case(&c);
}

static void test_writer_fences_ddl_of_a_former_owner(void **state)
{
    struct ddl_case c;
    struct lane_state other;
    struct notes notes = {NULL, 0};

    (void)state;
    interrupt_alter(&c);
    must(target_take_over(c.blocker, CHANNEL, 0, queue_uuid, &other, &err));
    must_fail(target_apply_ddl(t, &c.unit, &notes, &err), ERR_DATA, "fenced");
    assert_int_equal(number("SELECT COUNT(*) FROM information_schema.COLUMNS WHERE "
                            "TABLE_SCHEMA='w' AND TABLE_NAME='t'"),
                     1);
    notes_release(&notes);
    own();
    end_case(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_writer_runs_ddl_that_a_crash_had_kept_from_happening),
        TEST(test_writer_sees_that_ddl_had_happened_before_the_crash),
        TEST(test_writer_stops_when_an_interrupted_ddl_is_unclear),
        TEST(test_writer_fences_ddl_of_a_former_owner),
    };

    return writer_main(tests, sizeof(tests) / sizeof(tests[0]));
}
