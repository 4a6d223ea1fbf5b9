/*
 * test_memory.c - the contract suite on the in-memory target, and its faults.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/ddl/ddl.h"
#include "tests/contract/suite.h"
#include "tests/lib/memory_target.h"

static struct memory_server *server;

static struct target *open_memory(void)
{
    return memory_target_open(server);
}

#define SQL "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)"

/* A writer that adds one to the same row in every unit: value and lane must always agree. */
struct counter {
    struct target *t;
    struct lane_state lane;
    struct table *table;
    unsigned faults;
};

static bool connect_counter(struct counter *c, struct err *err)
{
    static const uint8_t uuid[16] = {1};

    target_close(c->t);
    c->t = open_memory();
    return target_take_over(c->t, "sim", 0, uuid, &c->lane, err);
}

static bool step(struct counter *c, struct err *err)
{
    struct value row[2] = {{.kind = VALUE_INT, .i = 1},
                           {.kind = VALUE_INT, .i = (int64_t)c->lane.lsn + 1}};
    const struct value *rows = row;
    struct op op = {
        .kind = c->lane.lsn ? OP_UPDATE : OP_INSERT, .table = c->table, .rows = &rows, .n_rows = 1};
    struct unit u = {.prev_lsn = c->lane.lsn,
                     .lsn = c->lane.lsn + 1,
                     .ops = &op,
                     .n_ops = 1,
                     .begins = true,
                     .ends = true};

    return target_submit(c->t, &u, err) && target_reap(c->t, &c->lane.lsn, err);
}

static bool check_value(void *ctx, const struct value *row, struct err *err)
{
    (void)err;
    *(int64_t *)ctx = row[1].i;
    return true;
}

static uint64_t run_counter(uint64_t seed, unsigned units)
{
    struct memory_dice dice = {seed, 3000, 3000, 1500, 1500};
    struct counter c = {0};
    struct err err = ERR_INIT;
    int64_t value = 0;

    server = memory_server_new();
    assert_true(ddl_parse_table(SQL, "c", &c.table, &err));
    assert_true(connect_counter(&c, &err));
    assert_true(target_create_database(c.t, "c", "utf8mb4", "utf8mb4_general_ci", &err) &&
                target_create_table(c.t, c.table, TABLE_WITH_KEYS, NULL, &err));
    memory_server_faults(server, memory_dice_fault, &dice);
    while (!connect_counter(&c, &err))
        c.faults++;
    while (c.lane.lsn < units) {
        if (step(&c, &err))
            continue;
        c.faults++;
        assert_true(err.kind == ERR_RETRY || strcmp(err.reason, "value_refused") == 0);
        while (!connect_counter(&c, &err))
            c.faults++;
    }
    memory_server_faults(server, NULL, NULL);
    assert_true(connect_counter(&c, &err));
    assert_int_equal(c.lane.lsn, units);
    assert_true(target_read_rows(c.t, c.table, NULL, false, 0, check_value, &value, &err));
    assert_int_equal(value, units);
    assert_true(c.faults > units / 10);
    target_close(c.t);
    table_free(c.table);
    memory_server_free(server);
    return dice.state;
}

static void test_units_are_applied_once_whatever_fails(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++)
        run_counter(seed, 200);
}

static void test_same_seed_gives_the_same_faults(void **state)
{
    (void)state;
    assert_true(run_counter(7, 500) == run_counter(7, 500));
}

static enum memory_fault crash_at(void *ctx, enum memory_point point)
{
    int *left = ctx;

    (void)point;
    return (*left)-- == 0 ? MEMORY_CRASH : MEMORY_GOOD;
}

struct swap {
    struct counter c;
    struct catalog *catalog;
    struct arena arena;
    struct notes notes;
    struct ddl ddl;
    struct ddl_unit unit;
};

static void plan_swap(struct swap *s, const char *sql)
{
    struct ddl_context ctx = {.db = "c", .explicit_defaults_for_timestamp = true};
    struct err err = ERR_INIT;

    assert_true(ddl_replay(s->catalog, sql, &ctx, &s->arena, &s->ddl, &err));
    s->unit = (struct ddl_unit){
        .prev_lsn = s->c.lane.lsn, .lsn = s->c.lane.lsn + 1, .advances = true, .ddl = &s->ddl};
}

/* Tables t, with one row, and u. */
static void begin_swap(struct swap *s)
{
    static const char *const made[] = {SQL, "CREATE TABLE u LIKE t"};
    struct err err = ERR_INIT;

    server = memory_server_new();
    assert_true(connect_counter(&s->c, &err));
    s->catalog = catalog_new();
    catalog_put_database(s->catalog, "c", "utf8mb4", "utf8mb4_general_ci");
    assert_true(ddl_parse_table(SQL, "c", &s->c.table, &err));
    for (int i = 0; i < 2; i++) {
        if (i == 1)
            assert_true(step(&s->c, &err));
        plan_swap(s, made[i]);
        if (i == 0)
            s->unit.advances = false; /* step() inserts at lsn 0 alone */
        else
            s->c.lane.lsn++;
        assert_true(target_apply_ddl(s->c.t, &s->unit, &s->notes, &err));
    }
    plan_swap(s, "RENAME TABLE t TO p, u TO t, p TO u");
}

static void end_swap(struct swap *s)
{
    target_close(s->c.t);
    table_free(s->c.table);
    notes_release(&s->notes);
    catalog_free(s->catalog);
    arena_release(&s->arena);
    memory_server_free(server);
}

/* Crash at every point of a definition change; calling it again brings it to its end, once. */
static void test_interrupted_definition_change_goes_on(void **state)
{
    int at, left;

    (void)state;
    for (at = 0, left = -1; left < 0; at++) {
        struct swap s = {.unit = {.lsn = 0}};
        struct err err = ERR_INIT;
        int64_t in_t = 0;

        begin_swap(&s);
        left = at;
        memory_server_faults(server, crash_at, &left);
        if (!target_apply_ddl(s.c.t, &s.unit, &s.notes, &err)) {
            assert_int_equal(err.kind, ERR_RETRY);
            assert_true(connect_counter(&s.c, &err));
            assert_true(target_apply_ddl(s.c.t, &s.unit, &s.notes, &err));
        }
        memory_server_faults(server, NULL, NULL);
        assert_true(connect_counter(&s.c, &err));
        assert_int_equal(s.c.lane.lsn, s.unit.lsn);
        assert_true(target_read_rows(s.c.t, s.c.table, NULL, false, 0, check_value, &in_t, &err));
        assert_int_equal(in_t, 0); /* the row is in u now */
        end_swap(&s);
    }
    assert_true(at > 6);
}

static void test_several_units_in_flight_run_in_order(void **state)
{
    struct counter c = {0};
    struct err err = ERR_INIT;
    struct value rows[MEMORY_IN_FLIGHT][2];
    const struct value *p[MEMORY_IN_FLIGHT];
    struct op ops[MEMORY_IN_FLIGHT];
    struct unit units[MEMORY_IN_FLIGHT];
    uint64_t lsn;

    (void)state;
    server = memory_server_new();
    assert_true(connect_counter(&c, &err));
    assert_true(ddl_parse_table(SQL, "c", &c.table, &err));
    assert_true(target_create_database(c.t, "c", "utf8mb4", "utf8mb4_general_ci", &err) &&
                target_create_table(c.t, c.table, TABLE_WITH_KEYS, NULL, &err));
    for (uint64_t i = 0; i < MEMORY_IN_FLIGHT; i++) {
        rows[i][0] = (struct value){.kind = VALUE_INT, .i = (int64_t)(i == 5 ? 4 : i)};
        rows[i][1] = rows[i][0];
        p[i] = rows[i];
        ops[i] = (struct op){.kind = OP_INSERT, .table = c.table, .rows = &p[i], .n_rows = 1};
        units[i] = (struct unit){
            .prev_lsn = i, .lsn = i + 1, .ops = &ops[i], .n_ops = 1, .begins = true, .ends = true};
        assert_true(target_submit(c.t, &units[i], &err));
    }
    for (uint64_t i = 0; i < 5; i++) {
        assert_true(target_reap(c.t, &lsn, &err));
        assert_int_equal(lsn, i + 1);
    }
    assert_false(target_reap(c.t, &lsn, &err)); /* and those behind it are dropped */
    assert_string_equal(err.reason, "duplicate_key");
    assert_true(connect_counter(&c, &err));
    assert_int_equal(c.lane.lsn, 5);
    target_close(c.t);
    table_free(c.table);
    memory_server_free(server);
}

/* ---- several units in flight, each under the target's names ---- */

static struct mapping *make_mapping(void)
{
    cJSON *json = cJSON_Parse("{\"rename\": {\"c.t\": \"c.first\", \"c.u\": \"c.second\"}}");
    struct mapping *m;
    struct err err = ERR_INIT;

    assert_true(mapping_parse(json, &m, &err));
    cJSON_Delete(json);
    return m;
}

static bool add_value(void *ctx, const struct value *row, struct err *err)
{
    (void)err;
    *(int64_t *)ctx += row[1].i;
    return true;
}

static int64_t sum_of(const char *name)
{
    struct target *t = open_memory();
    struct table *def;
    struct err err = ERR_INIT;
    int64_t sum = 0;
    char sql[200];

    snprintf(sql, sizeof(sql), "CREATE TABLE %s (id INT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)",
             name);
    assert_true(ddl_parse_table(sql, "c", &def, &err));
    assert_true(target_read_rows(t, def, NULL, false, 0, add_value, &sum, &err));
    table_free(def);
    target_close(t);
    return sum;
}

struct flight {
    struct target *t;
    struct mapping *mapping;
    struct table *tables[2];
    struct lane_state lane;
    struct value rows[2 * MEMORY_IN_FLIGHT][2];
    const struct value *p[2 * MEMORY_IN_FLIGHT];
    struct op ops[2 * MEMORY_IN_FLIGHT];
    uint64_t sent;
};

static void begin_flight(struct flight *f)
{
    static const uint8_t uuid[16] = {1};
    struct err err = ERR_INIT;

    server = memory_server_new();
    f->mapping = make_mapping();
    f->t = memory_target_open_mapped(server, f->mapping);
    assert_true(target_take_over(f->t, "sim", 0, uuid, &f->lane, &err));
    assert_true(target_create_database(f->t, "c", "utf8mb4", "utf8mb4_general_ci", &err));
    assert_true(ddl_parse_table(SQL, "c", &f->tables[0], &err));
    assert_true(ddl_parse_table("CREATE TABLE u (id INT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)",
                                "c", &f->tables[1], &err));
    for (int i = 0; i < 2; i++)
        assert_true(target_create_table(f->t, f->tables[i], TABLE_WITH_KEYS, NULL, &err));
}

/* The next unit: a row of 2 to the power of its number, in t and u by turns. */
static void send_next(struct flight *f, int64_t id)
{
    uint64_t i = f->sent++;
    struct err err = ERR_INIT;
    struct unit u = {.prev_lsn = target_submitted(f->t),
                     .lsn = i + 1,
                     .ops = &f->ops[i],
                     .n_ops = 1,
                     .begins = true,
                     .ends = true};

    f->rows[i][0] = (struct value){.kind = VALUE_INT, .i = id};
    f->rows[i][1] = (struct value){.kind = VALUE_INT, .i = (int64_t)1 << i};
    f->p[i] = f->rows[i];
    f->ops[i] =
        (struct op){.kind = OP_INSERT, .table = f->tables[i % 2], .rows = &f->p[i], .n_rows = 1};
    assert_true(target_submit(f->t, &u, &err));
    assert_int_equal(target_submitted(f->t), i + 1);
}

static void reap_next(struct flight *f, uint64_t expected)
{
    struct err err = ERR_INIT;
    uint64_t lsn = 0;

    assert_int_equal(target_acknowledged(f->t), expected - 1);
    assert_true(target_reap(f->t, &lsn, &err));
    assert_int_equal(lsn, expected);
    assert_int_equal(target_acknowledged(f->t), expected);
}

static void test_units_in_flight_keep_their_names(void **state)
{
    struct flight f = {.sent = 0};
    struct err err = ERR_INIT;
    uint64_t lsn;

    (void)state;
    begin_flight(&f);
    for (int i = 0; i < MEMORY_IN_FLIGHT; i++)
        send_next(&f, i);
    for (uint64_t i = 1; i <= 3; i++)
        reap_next(&f, i);
    for (int i = 0; i < 3; i++)
        send_next(&f, i == 1 ? 3 : 100 + i); /* 3: u has that row already */
    for (uint64_t i = 4; i <= 9; i++)
        reap_next(&f, i);
    assert_int_equal(sum_of("first"), 0x155);
    assert_int_equal(sum_of("second"), 0xaa);
    assert_false(target_reap(f.t, &lsn, &err));
    assert_string_equal(err.reason, "duplicate_key");
    assert_ptr_equal(target_failed_table(f.t), f.tables[1]); /* by the source's name */
    assert_int_equal(target_submitted(f.t), 9);
    f.sent = 9; /* what was behind it is dropped */
    send_next(&f, 200);
    reap_next(&f, 10);
    assert_int_equal(sum_of("second"), 0xaa + 0x200);
    target_close(f.t);
    table_free(f.tables[0]);
    table_free(f.tables[1]);
    mapping_free(f.mapping);
    memory_server_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units_are_applied_once_whatever_fails),
        cmocka_unit_test(test_same_seed_gives_the_same_faults),
        cmocka_unit_test(test_interrupted_definition_change_goes_on),
        cmocka_unit_test(test_several_units_in_flight_run_in_order),
        cmocka_unit_test(test_units_in_flight_keep_their_names),
    };
    int failed;

    server = memory_server_new();
    contract_open = open_memory;
    failed = contract_run("contract on the in-memory target");
    memory_server_free(server);
    return failed + cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
