#include "tests/contract/case.h"

#include <stdio.h>
#include <string.h>

/* ---- load ---- */

static void load_rows(const struct chunk_state *chunk, bool *ok)
{
    must(target_load_begin(t, d, &err));
    must(target_load_row(t, pair(1, "a"), &err));
    must(target_load_row(t, pair(2, NULL), &err));
    *ok = target_load_end(t, CHANNEL, chunk, &err);
}

static void test_chunk_is_done_with_its_rows_or_not_at_all(void **state)
{
    struct chunk_state plan[2] = {{.number = 0, .high = (char *)"k1:01"},
                                  {.number = 1, .low = (char *)"k1:01"}};
    struct chunk_state *read;
    size_t n;
    bool ok;

    (void)state;
    make(PAIR);
    must(target_chunks_plan(t, CHANNEL, "c", "t", plan, 2, &err));
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
    assert_true(!read[1].done && !read[0].low && strcmp(read[1].low, "k1:01") == 0);
    chunk_states_free(read, n);
    must(target_load_begin(t, d, &err));
    must(target_load_row(t, pair(7, "again"), &err));
    must_fail(target_load_end(t, CHANNEL, &plan[0], &err), ERR_DATA, "fenced");
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
    assert_false(target_tables_save(t, CHANNEL, both, 2, &err));
    count_states(0);
    snprintf(bad.name, sizeof(bad.name), "u");
    good.definition = (char *)"it's";
    must(target_tables_save(t, CHANNEL, both, 2, &err));
    good.rows = 8;
    must(target_table_save(t, CHANNEL, &good, &err));
    count_states(2);
    must(target_tables_read(t, CHANNEL, &states, &n, &err));
    assert_string_equal(states[0].name, "t");
    assert_string_equal(states[0].target_db, "c");
    assert_string_equal(states[0].target_name, "t");
    assert_true(states[0].hi == UINT64_MAX && states[0].rows == 8);
    assert_string_equal(states[0].definition, "it's");
    table_states_free(states, n);
    must(target_table_forget(t, CHANNEL, "c", "t", &err));
    count_states(1);
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
    CONTRACT_TEST(test_lane_belongs_to_one_queue),
};
const size_t n_contract_state = sizeof(contract_state) / sizeof(contract_state[0]);
