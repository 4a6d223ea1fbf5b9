#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/apply/engine.h"
#include "schema/base/fs.h"
#include "schema/life.h"

static enum table_life after(enum table_life life, enum life_event event)
{
    assert_true(life_next(&life, event));
    return life;
}

static void test_life_keeps_the_numbers_of_the_first_version(void **state)
{
    (void)state;
    assert_int_equal(TABLE_WAIT, 1);
    assert_int_equal(TABLE_LOAD, 2);
    assert_int_equal(TABLE_COLLAPSE, 3);
    assert_int_equal(TABLE_STRICT, 4);
    assert_int_equal(TABLE_STOPPED, 5);
    assert_int_equal(TABLE_DROPPED, 6);
    assert_int_equal(life_of_number(4), TABLE_STRICT);
    assert_int_equal(life_of_number(TABLE_LIVES), TABLE_UNKNOWN);
    assert_int_equal(life_of_number(UINT64_MAX), TABLE_UNKNOWN);
}

static void test_life_from_load_to_strict(void **state)
{
    (void)state;
    assert_int_equal(after(TABLE_UNKNOWN, LIFE_FOUND), TABLE_WAIT);
    assert_int_equal(after(TABLE_WAIT, LIFE_BEGUN), TABLE_LOAD);
    assert_int_equal(after(TABLE_LOAD, LIFE_COPIED), TABLE_COLLAPSE);
    assert_int_equal(after(TABLE_COLLAPSE, LIFE_HEALED), TABLE_STRICT);
}

static void test_life_refuses_what_cannot_happen(void **state)
{
    enum table_life life = TABLE_STOPPED;

    (void)state;
    /* The same CREATE again must not wake a stopped table. */
    assert_false(life_next(&life, LIFE_CREATED));
    assert_int_equal(life, TABLE_STOPPED);
    life = TABLE_WAIT;
    assert_false(life_next(&life, LIFE_HEALED));
    life = TABLE_OUT;
    assert_false(life_next(&life, LIFE_ALTERED));
}

static void test_life_leaves_no_state_by_two_ways_for_one_event(void **state)
{
    struct buf text = BUF_INIT;
    char *line, *rest;

    (void)state;
    life_print(&text);
    rest = (char *)buf_cstr(&text);
    while ((line = strsep(&rest, "\n")) != NULL && line[0]) {
        char key[24];

        /* Columns of ten: state, event. */
        snprintf(key, sizeof(key), "\n%.20s", line);
        assert_null(rest ? strstr(rest - 1, key) : NULL);
    }
    buf_release(&text);
}

static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);

    for (const char *p = text; (p = strstr(p, word)) != NULL; p += n)
        if ((p == text || !isalpha((unsigned char)p[-1])) && !isalpha((unsigned char)p[n]))
            return true;
    return false;
}

static void test_life_is_in_the_readme_as_it_is(void **state)
{
    struct buf table = BUF_INIT;
    struct err err = ERR_INIT;
    char *readme, *chapter;
    size_t len;

    (void)state;
    assert_true(fs_read_file(fs_real(), "README.md", 1 << 20, &readme, &len, &err));
    life_print(&table);
    chapter = strstr(readme, "### A table's life");
    assert_non_null(chapter);
    assert_non_null(strstr(chapter, buf_cstr(&table)));
    /* The picture above it names every state and every event. */
    *strstr(chapter, "State, event, next state") = '\0';
    for (int i = 0; i < LIFE_EVENTS; i++)
        assert_true(has_word(chapter, life_event_name((enum life_event)i)));
    for (int i = TABLE_WAIT; i < TABLE_LIVES; i++) {
        char name[16] = "";

        for (size_t k = 0; life_name((enum table_life)i)[k]; k++)
            name[k] = (char)toupper((unsigned char)life_name((enum table_life)i)[k]);
        assert_true(has_word(chapter, name));
    }
    free(readme);
    buf_release(&table);
}

static void check_fate(enum fate_role role, enum side before, enum side name, enum fate_act act,
                       enum life_event leaves, enum life_event comes)
{
    struct fate f = fate_of(role, before, name);

    assert_int_equal(f.act, act);
    assert_int_equal(f.before, leaves);
    assert_int_equal(f.after, comes);
}

#define NONE LIFE_EVENTS

static void test_fate_of_a_create_leaves_a_stopped_table_alone(void **state)
{
    (void)state;
    check_fate(ROLE_CREATE, SIDE_ABSENT, SIDE_ABSENT, FATE_RUN, NONE, LIFE_CREATED);
    check_fate(ROLE_CREATE, SIDE_ABSENT, SIDE_STOPPED, FATE_NOTHING, NONE, NONE);
    check_fate(ROLE_CREATE, SIDE_ABSENT, SIDE_LOADS, FATE_NOTHING, NONE, NONE);
    check_fate(ROLE_CREATE, SIDE_ABSENT, SIDE_HAS, FATE_NOTHING, NONE, NONE);
}

static void test_fate_of_a_swap_with_one_side_loaded_behind_it(void **state)
{
    (void)state;
    /* a -> b, b -> a; a has the swap, b has not: what is b now must be loaded, the old b goes. */
    check_fate(ROLE_MOVE, SIDE_HAS, SIDE_EXACT, FATE_NOTHING, NONE, LIFE_REPLACED);
    check_fate(ROLE_MOVE, SIDE_EXACT, SIDE_HAS, FATE_DROP, LIFE_LEFT, NONE);
    /* Both have it. */
    check_fate(ROLE_MOVE, SIDE_HAS, SIDE_HAS, FATE_NOTHING, NONE, NONE);
    check_fate(ROLE_MOVE, SIDE_STOPPED, SIDE_EXACT, FATE_DROP, LIFE_LEFT, LIFE_REPLACED);
}

/* Whatever meets whatever: an event of a fate is possible in the states that its side stands for.
 */
static void test_fate_asks_for_nothing_impossible(void **state)
{
    static const enum table_life of_side[] = {TABLE_DROPPED, TABLE_STRICT,  TABLE_LOAD,
                                              TABLE_WAIT,    TABLE_STOPPED, TABLE_STRICT};

    (void)state;
    for (int before = 0; before < SIDES; before++) {
        for (int name = 0; name < SIDES; name++) {
            struct fate f = fate_of(ROLE_MOVE, (enum side)before, (enum side)name);
            enum table_life life = of_side[before];

            if (f.before != NONE)
                assert_true(life_next(&life, f.before));
            /* What is given a name has lost its own first, or never had one. */
            life = TABLE_DROPPED;
            if (f.after != NONE)
                assert_true(life_next(&life, f.after));
        }
        for (int role = ROLE_STAY; role <= ROLE_DROP; role++) {
            struct fate f = fate_of((enum fate_role)role, (enum side)before, (enum side)before);
            enum table_life life = of_side[before];

            if (f.before != NONE)
                assert_true(life_next(&life, f.before));
            if (f.after != NONE)
                assert_true(life_next(&life, f.after));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life_keeps_the_numbers_of_the_first_version),
        cmocka_unit_test(test_life_from_load_to_strict),
        cmocka_unit_test(test_life_refuses_what_cannot_happen),
        cmocka_unit_test(test_life_leaves_no_state_by_two_ways_for_one_event),
        cmocka_unit_test(test_life_is_in_the_readme_as_it_is),
        cmocka_unit_test(test_fate_of_a_create_leaves_a_stopped_table_alone),
        cmocka_unit_test(test_fate_of_a_swap_with_one_side_loaded_behind_it),
        cmocka_unit_test(test_fate_asks_for_nothing_impossible),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
