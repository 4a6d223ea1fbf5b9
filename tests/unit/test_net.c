#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cdc/apply/net.h"
#include "schema/ddl/ddl.h"

#define IDS 12
#define UNIQUES 8
#define SEEDS 3000

/* One table, id primary key, u unique and nullable, v anything: as an array by id. */
struct model {
    bool there[IDS];
    int u[IDS]; /* -1: NULL */
    int v[IDS];
};

static struct table *table;
static uint64_t seed;

static unsigned pick(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 20) % n;
}

static struct table *parse(const char *sql)
{
    struct table *t;
    struct err err = ERR_INIT;

    if (!ddl_parse_table(sql, "w", &t, &err))
        fail_msg("%s", err.text);
    return t;
}

static int setup(void **state)
{
    (void)state;
    table = parse("CREATE TABLE t (id INT NOT NULL, u INT NULL, v INT NULL, PRIMARY KEY (id), "
                  "UNIQUE KEY u (u))");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    table_free(table);
    return 0;
}

static bool unique_is_free(const struct model *m, int u)
{
    for (int i = 0; i < IDS; i++)
        if (m->there[i] && u >= 0 && m->u[i] == u)
            return false;
    return true;
}

static void image(struct value row[3], int id, int u, int v)
{
    row[0] = (struct value){.kind = VALUE_INT, .i = id};
    row[1] = (struct value){.kind = u < 0 ? VALUE_NULL : VALUE_INT, .i = u < 0 ? 0 : u};
    row[2] = (struct value){.kind = VALUE_INT, .i = v};
}

/* A legal change of the source; false: none came out of this draw. */
static bool draw(struct model *m, struct change *c, struct value before[3], struct value after[3])
{
    int id = (int)pick(IDS);
    int to = pick(4) ? id : (int)pick(IDS);
    int u = (int)pick(UNIQUES + 3) - 3 < 0 ? -1 : (int)pick(UNIQUES);
    int v = (int)pick(3);

    *c = (struct change){.table = table, .before = before, .after = after};
    if (m->there[id]) {
        image(before, id, m->u[id], m->v[id]);
        m->there[id] = false;
        if (pick(3) == 0) {
            c->kind = CHANGE_DELETE;
            c->after = NULL;
            return true;
        }
        if (pick(2))
            u = m->u[id];
        if (m->there[to] || !unique_is_free(m, u)) {
            m->there[id] = true;
            return false;
        }
        c->kind = CHANGE_UPDATE;
    } else {
        to = id;
        if (!unique_is_free(m, u))
            return false;
        c->kind = CHANGE_INSERT;
        c->before = NULL;
    }
    image(after, to, u, v);
    m->there[to] = true;
    m->u[to] = u;
    m->v[to] = v;
    return true;
}

static void store(struct model *m, const struct value *row, bool must_exist)
{
    int id = (int)row[0].i;
    int u = row[1].kind == VALUE_NULL ? -1 : (int)row[1].i;

    assert_int_equal(m->there[id], must_exist);
    if (must_exist && m->u[id] == u && m->v[id] == row[2].i)
        fail_msg("an update that changes nothing would count wrong");
    m->there[id] = false;
    assert_true(unique_is_free(m, u));
    m->there[id] = true;
    m->u[id] = u;
    m->v[id] = (int)row[2].i;
}

/* The target: strict counts, unique keys checked row by row. */
static void apply_ops(struct model *m, const struct op_list *ops)
{
    for (size_t i = 0; i < ops->n; i++) {
        const struct op *op = &ops->ops[i];

        for (size_t r = 0; r < op->n_rows; r++) {
            int id = (int)op->rows[r][0].i;

            if (op->kind == OP_DELETE)
                assert_true(m->there[id]);
            if (op->kind == OP_DELETE || op->kind == OP_HEAL)
                m->there[id] = false;
            else
                store(m, op->rows[r], op->kind == OP_UPDATE);
        }
    }
}

static void assert_equal_models(const struct model *a, const struct model *b)
{
    for (int i = 0; i < IDS; i++) {
        assert_int_equal(a->there[i], b->there[i]);
        if (a->there[i])
            assert_true(a->u[i] == b->u[i] && a->v[i] == b->v[i]);
    }
}

static void flush_into(struct net *n, struct op_list *ops, struct arena *arena, struct model *m)
{
    net_flush(n, ops);
    apply_ops(m, ops);
    op_list_reset(ops);
    arena_reset(arena);
}

static void run_seed(uint64_t start, enum net_mode mode)
{
    struct arena arena = {0};
    struct net net;
    struct op_list ops = {0};
    struct model source = {0};
    struct model target = {0};
    struct err err = ERR_INIT;
    unsigned group = 1;

    seed = start * 2654435761u + 1;
    group += pick(60);
    net_init(&net, &arena);
    for (int i = 0; i < 200; i++) {
        struct value before[3];
        struct value after[3];
        struct change c;

        if (!draw(&source, &c, before, after))
            continue;
        if (!net_add(&net, &c, mode, &err))
            fail_msg("seed %llu: %s", (unsigned long long)start, err.text);
        if (pick(group) == 0) {
            flush_into(&net, &ops, &arena, &target);
            assert_equal_models(&source, &target);
        }
    }
    flush_into(&net, &ops, &arena, &target);
    assert_equal_models(&source, &target);
    net_release(&net);
    op_list_release(&ops);
    arena_release(&arena);
}

static void test_net_effect_equals_the_changes_and_never_violates_a_key(void **state)
{
    (void)state;
    for (uint64_t s = 1; s <= SEEDS; s++)
        run_seed(s, NET_STRICT);
}

/* Collapse: the target is at an unknown mixture of states, yet ends right. */
static void test_net_heals_from_any_mixture_of_states_in_the_window(void **state)
{
    (void)state;
    for (uint64_t s = 1; s <= SEEDS; s++) {
        struct arena arena = {0};
        struct net net;
        struct op_list ops = {0};
        struct model source = {0};
        struct model target;
        struct err err = ERR_INIT;

        seed = s * 2654435761u + 1;
        net_init(&net, &arena);
        for (int i = 0; i < 100; i++) {
            struct value before[3];
            struct value after[3];
            struct change c;

            draw(&source, &c, before, after);
        }
        target = source;
        for (int i = 0; i < 100; i++) {
            struct value before[3];
            struct value after[3];
            struct change c;
            int id = (int)pick(IDS);

            if (draw(&source, &c, before, after))
                assert_true(net_add(&net, &c, NET_HEAL, &err));
            /* Some row was read under this later view. */
            target.there[id] = source.there[id];
            target.u[id] = source.u[id];
            target.v[id] = source.v[id];
        }
        net_flush(&net, &ops);
        for (size_t i = 0; i < ops.n; i++)
            assert_true(ops.ops[i].kind == OP_HEAL || ops.ops[i].kind == OP_INSERT);
        apply_ops(&target, &ops);
        assert_equal_models(&source, &target);
        net_release(&net);
        op_list_release(&ops);
        arena_release(&arena);
    }
}

static void add(struct net *n, enum change_kind kind, const struct value *before,
                const struct value *after, const struct table *t)
{
    struct change c = {.kind = kind, .table = t, .before = before, .after = after};
    struct err err = ERR_INIT;

    if (!net_add(n, &c, NET_STRICT, &err))
        fail_msg("%s", err.text);
}

static void test_net_counts_equal_rows_of_a_table_without_key(void **state)
{
    struct table *t = parse("CREATE TABLE k (a INT NULL, b INT NULL, c INT NULL)");
    struct arena arena = {0};
    struct net net;
    struct op_list ops = {0};
    struct value x[3];
    struct value y[3];

    (void)state;
    image(x, 1, -1, 1);
    image(y, 2, 2, 2);
    net_init(&net, &arena);
    add(&net, CHANGE_INSERT, NULL, x, t);
    add(&net, CHANGE_INSERT, NULL, x, t);
    add(&net, CHANGE_UPDATE, x, y, t);
    add(&net, CHANGE_DELETE, y, NULL, t);
    add(&net, CHANGE_DELETE, y, NULL, t);
    add(&net, CHANGE_DELETE, y, NULL, t);
    net_flush(&net, &ops);
    assert_int_equal(ops.n, 2);
    assert_int_equal(ops.ops[0].kind, OP_DELETE_IMAGE);
    assert_int_equal(ops.ops[0].n_rows, 1);
    assert_int_equal(ops.ops[0].times[0], 2);
    assert_int_equal(ops.ops[1].kind, OP_INSERT);
    assert_int_equal(ops.ops[1].n_rows, 1);
    net_release(&net);
    op_list_release(&ops);
    arena_release(&arena);
    table_free(t);
}

static void test_net_refuses_changes_that_contradict(void **state)
{
    struct arena arena = {0};
    struct net net;
    struct value x[3];
    struct err err = ERR_INIT;
    struct change c = {.kind = CHANGE_INSERT, .table = table, .after = x};

    (void)state;
    image(x, 1, 1, 1);
    net_init(&net, &arena);
    assert_true(net_add(&net, &c, NET_STRICT, &err));
    assert_false(net_add(&net, &c, NET_STRICT, &err));
    assert_string_equal(err.reason, "row_count");
    net_release(&net);
    arena_release(&arena);
}

static void test_net_takes_minus_zero_and_zero_for_one_value_and_counts_it(void **state)
{
    struct table *t = parse("CREATE TABLE f (id INT NOT NULL PRIMARY KEY, d DOUBLE NULL)");
    struct arena arena = {0};
    struct net net;
    struct op_list ops = {0};
    struct value a[2] = {{.kind = VALUE_INT, .i = 1}, {.kind = VALUE_DOUBLE, .d = 0.0}};
    struct value b[2] = {{.kind = VALUE_INT, .i = 1}, {.kind = VALUE_DOUBLE, .d = -0.0}};
    struct value c[2] = {{.kind = VALUE_INT, .i = 2}, {.kind = VALUE_DOUBLE, .d = -0.0}};

    (void)state;
    net_init(&net, &arena);
    add(&net, CHANGE_UPDATE, a, b, t);
    add(&net, CHANGE_INSERT, NULL, c, t);
    net_flush(&net, &ops);
    assert_int_equal(ops.n, 1);
    assert_int_equal(ops.ops[0].kind, OP_INSERT);
    assert_int_equal(net.minus_zero, 1);
    net_release(&net);
    op_list_release(&ops);
    arena_release(&arena);
    table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_effect_equals_the_changes_and_never_violates_a_key),
        cmocka_unit_test(test_net_heals_from_any_mixture_of_states_in_the_window),
        cmocka_unit_test(test_net_counts_equal_rows_of_a_table_without_key),
        cmocka_unit_test(test_net_refuses_changes_that_contradict),
        cmocka_unit_test(test_net_takes_minus_zero_and_zero_for_one_value_and_counts_it),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
