#include "tests/contract/case.h"

#include <stdio.h>
#include <string.h>

/* ---- load ---- */

static void load_rows(const struct chunk_state *chunk, bool *ok)
{
    must(target_load_begin(t, d, &err));
    must(target_load_row(t, pair(1, "a"), &err));
    must(target_load_row(t, pair(2, NULL), &err));
    *ok = target_load_end(t, chunk, &err);
}

static void test_chunk_is_done_with_its_rows_or_not_at_all(void **state)
{
    struct chunk_state plan[2] = {{.number = 0, .high = (char *)"'it''s', 5\\"},
                                  {.number = 1, .low = (char *)"'it''s', 5\\"}};
    struct chunk_state *read;
    size_t n;
    bool ok;

    (void)state;
    make(PAIR);
    must(target_chunks_plan(t, "c", "t", plan, 2, &err));
    must(target_load_begin(t, d, &err));
    must(target_load_row(t, pair(1, "a"), &err));
    target_load_abort(t);
    check_rows("");
    plan[0].rows = 2;
    plan[0].lo = 5;
    plan[0].hi = 9;
    load_rows(&plan[0], &ok);
    must(ok);
    check_rows("1=a 2=-");
    must(target_chunks_read(t, CHANNEL, "c", "t", &read, &n, &err));
    assert_int_equal(n, 2);
    assert_true(read[0].done && read[0].rows == 2 && read[0].lo == 5 && read[0].hi == 9);
    assert_true(!read[1].done && !read[0].low && strcmp(read[1].low, plan[0].high) == 0);
    chunk_states_free(read, n);
    must(target_load_begin(t, d, &err));
    must(target_load_row(t, pair(7, "again"), &err));
    must_fail(target_load_end(t, &plan[0], &err), ERR_DATA, "fenced");
    check_rows("1=a 2=-");
}

/* ---- rows of our own state ---- */

static void count_states(size_t expected)
{
    struct table_state *states;
    size_t n, found = 0;

    must(target_tables_read(t, CHANNEL, &states, &n, &err));
    for (size_t i = 0; i < n; i++)
        found += strcmp(states[i].db, "c") == 0;
    assert_int_equal(found, expected);
    table_states_free(states, n);
}

static void test_table_states_are_saved_all_or_none(void **state)
{
    struct table_state good = {.db = "c", .name = "t", .life = TABLE_STRICT, .hi = UINT64_MAX};
    struct table_state bad = {.db = "c", .life = TABLE_STRICT};
    const struct table_state *both[] = {&good, &bad};
    struct table_state *states;
    size_t n;

    (void)state;
    memset(bad.name, 'x', 70); /* longer than a name may be */
    assert_false(target_tables_save(t, both, 2, &err));
    count_states(0);
    snprintf(bad.name, sizeof(bad.name), "u");
    good.lo = 5;
    good.definition = (char *)"CREATE TABLE `c`.`t` (c ENUM('a\\'b'))";
    must(target_tables_save(t, both, 2, &err));
    good.rows = 8;
    must(target_table_save(t, &good, &err));
    count_states(2);
    must(target_tables_read(t, CHANNEL, &states, &n, &err));
    assert_string_equal(states[0].name, "t");
    assert_string_equal(states[0].target_db, "c");
    assert_string_equal(states[0].target_name, "t");
    assert_true(states[0].lo == 5 && states[0].hi == UINT64_MAX && states[0].rows == 8);
    assert_string_equal(states[0].definition, good.definition);
    table_states_free(states, n);
    must(target_table_forget(t, "c", "t", &err));
    count_states(1);
}

/* ---- whose word counts ---- */

/* What a frozen owner sends when another one is at work: states, plans, rows, marks. */
static void check_fenced(struct target *who)
{
    struct notes notes = {0};
    struct table_state s = {.db = "c", .name = "t", .life = TABLE_STOPPED};
    const struct table_state *both[2] = {&s, &s};
    struct chunk_state chunk = {.number = 0, .rows = 1};
    struct table *indexed = parse_table("CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v VARCHAR(20)"
                                        " CHARACTER SET utf8mb4, KEY v (v))");

    must_fail(target_table_save(who, &s, &err), ERR_DATA, "fenced");
    must_fail(target_tables_save(who, both, 2, &err), ERR_DATA, "fenced");
    must_fail(target_table_forget(who, "c", "t", &err), ERR_DATA, "fenced");
    must_fail(target_chunks_plan(who, "c", "t", NULL, 0, &err), ERR_DATA, "fenced");
    must_fail(target_chunks_plan(who, "c", "t", &chunk, 1, &err), ERR_DATA, "fenced");
    for (int i = 0; i < 2; i++) {
        must(target_load_begin(who, d, &err));
        must(target_load_row(who, pair(7 + i, "late"), &err));
        must_fail(target_load_end(who, i ? &chunk : NULL, &err), ERR_DATA, "fenced");
    }
    must_fail(target_drop_table(who, "c", "t", &err), ERR_DATA, "fenced");
    must_fail(target_create_table(who, d, TABLE_WITH_KEYS, &notes, &err), ERR_DATA, "fenced");
    must_fail(target_add_keys(who, indexed, &notes, &err), ERR_DATA, "fenced");
    assert_non_null(strstr(err.text, "another owner"));
    assert_int_equal(notes.n, 0);
    table_free(indexed);
}

static void check_untouched(void)
{
    struct table_state *states;
    struct chunk_state *chunks;
    size_t n;

    must(target_tables_read(t, CHANNEL, &states, &n, &err));
    assert_true(n >= 1 && strcmp(states[0].name, "t") == 0);
    assert_true(states[0].life == TABLE_LOAD && states[0].rows == 3);
    table_states_free(states, n);
    must(target_chunks_read(t, CHANNEL, "c", "t", &chunks, &n, &err));
    assert_true(n == 2 && !chunks[0].done && !chunks[1].done);
    chunk_states_free(chunks, n);
    check_rows("");
}

static void test_state_of_a_former_owner_is_fenced(void **state)
{
    struct table_state s = {.db = "c", .name = "t", .life = TABLE_LOAD, .rows = 3};
    struct chunk_state plan[2] = {{.number = 0}, {.number = 1}};
    struct target *worker = contract_open(), *other = contract_open();
    struct lane_state theirs;

    (void)state;
    make(PAIR);
    target_join(worker, CHANNEL, 0, lane.epoch);
    must(target_table_save(worker, &s, &err));
    must(target_chunks_plan(worker, "c", "t", plan, 2, &err));
    must(target_load_begin(worker, d, &err)); /* rows that are on the way when it happens */
    must(target_load_row(worker, pair(1, "a"), &err));
    own_by(other, &theirs);
    must_fail(target_load_end(worker, &plan[0], &err), ERR_DATA, "fenced");
    check_fenced(worker);
    check_fenced(t);
    check_untouched();
    target_join(worker, CHANNEL, 0, theirs.epoch); /* the new owner's word */
    must(target_table_forget(worker, "c", "t", &err));
    target_close(worker);
    target_close(other);
    own();
}

static void test_owner_that_comes_back_takes_from_nobody_else(void **state)
{
    struct target *other = contract_open();
    struct lane_state mine, theirs;

    (void)state;
    must(target_take_back(other, CHANNEL, 0, queue_uuid, lane.epoch, &mine, &err));
    assert_int_equal(mine.epoch, lane.epoch + 1);
    own_by(t, &theirs);
    must_fail(target_take_back(other, CHANNEL, 0, queue_uuid, mine.epoch, &mine, &err), ERR_DATA,
              "fenced");
    assert_int_equal(stored_lsn(), theirs.lsn);
    lane = theirs; /* nobody was disturbed */
    make(PAIR);
    must(one(OP_INSERT, pair(1, "a")));
    target_close(other);
}

static void test_lane_belongs_to_one_queue(void **state)
{
    static const uint8_t other[16] = {9};
    struct lane_state out;
    bool exists;

    (void)state;
    must_fail(target_take_over(t, CHANNEL, 0, other, &out, &err), ERR_DATA, "other_queue");
    must(target_lane_read(t, CHANNEL, 0, &exists, &out, &err));
    assert_true(exists && out.epoch == lane.epoch);
    must(target_lane_read(t, "no such", 0, &exists, &out, &err));
    assert_false(exists);
}

const struct CMUnitTest contract_state[] = {
    CONTRACT_TEST(test_chunk_is_done_with_its_rows_or_not_at_all),
    CONTRACT_TEST(test_table_states_are_saved_all_or_none),
    CONTRACT_TEST(test_state_of_a_former_owner_is_fenced),
    CONTRACT_TEST(test_owner_that_comes_back_takes_from_nobody_else),
    CONTRACT_TEST(test_lane_belongs_to_one_queue),
};
const size_t n_contract_state = sizeof(contract_state) / sizeof(contract_state[0]);
