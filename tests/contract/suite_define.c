#include "tests/contract/case.h"

#include "schema/ddl/ddl.h"

/* ---- definitions ---- */

static void test_keys_and_foreign_keys_may_be_added_again(void **state)
{
    const struct value *rows[2] = {pair(1, "a"), pair(2, "a")};
    struct notes notes = {0};
    bool exists, ok = true;

    (void)state;
    d = parse_table(
        "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v VARCHAR(20) CHARACTER SET utf8mb4,"
        " UNIQUE KEY v (v))");
    must(target_create_table(t, d, TABLE_ROW_KEY_ONLY, &notes, &err));
    must_fail(target_create_table(t, d, TABLE_ROW_KEY_ONLY, &notes, &err), ERR_DATA, "exists");
    must(target_table_exists(t, "c", "t", &exists, &err));
    assert_true(exists);
    must(target_load_begin(t, d, &err));
    for (int i = 0; i < 2; i++)
        ok = ok && target_load_row(t, rows[i], &err);
    must(ok && target_load_end(t, NULL, &err));
    must_fail(target_add_keys(t, d, &notes, &err), ERR_DATA, "duplicate_key");
    must(one(OP_DELETE, rows[1]));
    must(target_add_keys(t, d, &notes, &err));
    must(target_add_keys(t, d, &notes, &err));
    must(target_add_foreign_keys(t, d, &err));
    must_fail(one(OP_INSERT, rows[1]), ERR_DATA, "duplicate_key");
    must(target_drop_table(t, "c", "t", &err));
    must(target_drop_table(t, "c", "t", &err));
    must(target_table_exists(t, "c", "t", &exists, &err));
    assert_false(exists);
    notes_release(&notes);
}

static void test_foreign_keys_that_are_missing_are_told(void **state)
{
    struct notes notes = {0};
    struct table *p = parse_table("CREATE TABLE p (id INT NOT NULL PRIMARY KEY)");

    (void)state;
    d = parse_table("CREATE TABLE t (id INT NOT NULL PRIMARY KEY, p INT, KEY p (p),"
                    " CONSTRAINT of_p FOREIGN KEY (p) REFERENCES p (id))");
    must(target_create_table(t, p, TABLE_WITH_KEYS, &notes, &err));
    must(target_create_table(t, d, TABLE_WITH_KEYS, &notes, &err));
    must(target_weaker(t, d, &notes, &err));
    assert_int_equal(notes.n, 1);
    assert_non_null(strstr(notes.lines[0], "c.t: foreign key of_p"));
    notes_release(&notes);
    must(target_add_foreign_keys(t, d, &err));
    must(target_weaker(t, d, &notes, &err));
    assert_int_equal(notes.n, 0);
    must(target_drop_table(t, "c", "t", &err));
    must(target_drop_table(t, "c", "p", &err));
    table_free(p);
}

struct ddl_case {
    struct catalog *catalog;
    struct arena arena;
};

static void plan_ddl(struct ddl_case *c, const char *sql, struct ddl_unit *u)
{
    struct ddl_context ctx = {.db = "c", .explicit_defaults_for_timestamp = true};
    struct ddl *ddl = arena_alloc(&c->arena, sizeof(*ddl));

    must(ddl_replay(c->catalog, sql, &ctx, &c->arena, ddl, &err));
    *u = (struct ddl_unit){.prev_lsn = lane.lsn, .lsn = lane.lsn + 1, .advances = true, .ddl = ddl};
}

static bool run_ddl(struct ddl_case *c, const char *sql, struct ddl_unit *u)
{
    struct notes notes = {0};
    bool ok;

    plan_ddl(c, sql, u);
    ok = target_apply_ddl(t, u, &notes, &err);
    if (ok)
        lane.lsn++;
    notes_release(&notes);
    return ok;
}

/* A row that no unit wrote, so that the lane stays. */
static void fill_unseen(void)
{
    must(target_load_begin(t, d, &err));
    must(target_load_row(t, pair(7, "kept"), &err));
    must(target_load_end(t, NULL, &err));
}

static void take_definition(const struct ddl_case *c, const char *name)
{
    table_free(d);
    d = table_clone(catalog_get(c->catalog, "c", name));
}

static void test_definition_changes_are_barriers_of_the_lane(void **state)
{
    struct ddl_case c = {.catalog = catalog_new()};
    struct notes notes = {0};
    struct ddl_unit u;
    bool exists, begun;

    (void)state;
    catalog_put_database(c.catalog, "c", "utf8mb4", "utf8mb4_general_ci");
    must(run_ddl(&c, PAIR, &u));
    assert_int_equal(stored_lsn(), lane.lsn);
    must(target_ddl_begun(t, u.prev_lsn, &begun, &err));
    assert_true(begun);
    must(target_ddl_begun(t, lane.lsn, &begun, &err));
    assert_false(begun);
    take_definition(&c, "t");
    must(one(OP_INSERT, pair(1, "a")));
    must(run_ddl(&c, "ALTER TABLE t DROP COLUMN v", &u));
    must(run_ddl(&c, "ALTER TABLE t ADD COLUMN v VARCHAR(20) CHARACTER SET utf8mb4", &u));
    must(run_ddl(&c, "RENAME TABLE t TO u", &u));
    must(target_apply_ddl(t, &u, &notes, &err)); /* done: nothing */
    take_definition(&c, "u");
    check_rows("1=-");
    must(run_ddl(&c, "TRUNCATE TABLE u", &u));
    check_rows("");
    must(run_ddl(&c, "DROP TABLE u", &u));
    must(target_table_exists(t, "c", "u", &exists, &err));
    assert_false(exists);
    notes_release(&notes);
    catalog_free(c.catalog);
    arena_release(&c.arena);
}

/* The first of two definition changes of one transaction is done when the process ends. */
static void test_definition_change_that_is_done_is_not_done_again(void **state)
{
    struct ddl_case c = {.catalog = catalog_new()};
    struct notes notes = {0};
    struct ddl_unit first, second;
    bool begun;

    (void)state;
    catalog_put_database(c.catalog, "c", "utf8mb4", "utf8mb4_general_ci");
    must(run_ddl(&c, PAIR, &first));
    take_definition(&c, "t");
    must(one(OP_INSERT, pair(1, "a")));
    plan_ddl(&c, "TRUNCATE TABLE t", &first);
    first.advances = false;
    must(target_apply_ddl(t, &first, &notes, &err));
    assert_int_equal(stored_lsn(), lane.lsn);
    target_close(t);
    t = contract_open();
    own();
    must(target_ddl_begun(t, lane.lsn, &begun, &err));
    assert_true(begun);
    fill_unseen();
    must(target_apply_ddl(t, &first, &notes, &err));
    check_rows("7=kept");
    plan_ddl(&c, "RENAME TABLE t TO u", &second);
    second.ordinal = 1;
    must(target_apply_ddl(t, &second, &notes, &err));
    lane.lsn++;
    assert_int_equal(stored_lsn(), lane.lsn);
    take_definition(&c, "u");
    check_rows("7=kept");
    notes_release(&notes);
    catalog_free(c.catalog);
    arena_release(&c.arena);
}

static void test_tables_may_swap_their_names(void **state)
{
    struct ddl_case c = {.catalog = catalog_new()};
    struct notes notes = {0};
    struct ddl_unit u;

    (void)state;
    catalog_put_database(c.catalog, "c", "utf8mb4", "utf8mb4_general_ci");
    must(run_ddl(&c, PAIR, &u));
    must(run_ddl(&c, "CREATE TABLE u LIKE t", &u));
    take_definition(&c, "t");
    must(one(OP_INSERT, pair(1, "t")));
    take_definition(&c, "u");
    must(one(OP_INSERT, pair(2, "u")));
    must(run_ddl(&c, "RENAME TABLE t TO p, u TO t, p TO u", &u));
    must(target_apply_ddl(t, &u, &notes, &err)); /* not back */
    take_definition(&c, "t");
    check_rows("2=u");
    take_definition(&c, "u");
    check_rows("1=t");
    notes_release(&notes);
    catalog_free(c.catalog);
    arena_release(&c.arena);
}

static void test_definition_changes_of_a_former_owner_are_fenced(void **state)
{
    struct ddl_case c = {.catalog = catalog_new()};
    struct target *other = contract_open();
    struct lane_state theirs;
    struct ddl_unit u;
    bool exists;

    (void)state;
    catalog_put_database(c.catalog, "c", "utf8mb4", "utf8mb4_general_ci");
    own_by(other, &theirs);
    must_fail(run_ddl(&c, PAIR, &u), ERR_DATA, "fenced");
    must(target_table_exists(t, "c", "t", &exists, &err));
    assert_false(exists);
    target_close(other);
    catalog_free(c.catalog);
    arena_release(&c.arena);
}

const struct CMUnitTest contract_definer[] = {
    CONTRACT_TEST(test_keys_and_foreign_keys_may_be_added_again),
    CONTRACT_TEST(test_foreign_keys_that_are_missing_are_told),
    CONTRACT_TEST(test_definition_changes_are_barriers_of_the_lane),
    CONTRACT_TEST(test_definition_change_that_is_done_is_not_done_again),
    CONTRACT_TEST(test_tables_may_swap_their_names),
    CONTRACT_TEST(test_definition_changes_of_a_former_owner_are_fenced),
};
const size_t n_contract_definer = sizeof(contract_definer) / sizeof(contract_definer[0]);
