#include "tests/contract/case.h"

#include <stdlib.h>

#include "schema/base/xalloc.h"
#include "schema/ddl/ddl.h"

struct target *(*contract_open)(void);

struct table *d;
static struct arena *values; /* of the test */

void own_by(struct target *who, struct lane_state *out)
{
    must(target_take_over(who, CHANNEL, 0, queue_uuid, out, &err));
}

struct table *parse_table(const char *sql)
{
    struct table *table;

    must(ddl_parse_table(sql, "c", &table, &err));
    return table;
}

void make(const char *sql)
{
    struct notes notes = {0};

    table_free(d);
    d = parse_table(sql);
    must(target_create_table(t, d, TABLE_WITH_KEYS, &notes, &err));
    notes_release(&notes);
}

int contract_setup(void **state)
{
    static const char *const names[] = {"t", "u", "p"};

    (void)state;
    t = contract_open();
    values = xcalloc(1, sizeof(*values));
    must(target_state_init(t, &err));
    own();
    must(target_create_database(t, "c", "utf8mb4", "utf8mb4_general_ci", &err));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        must(target_drop_table(t, "c", names[i], &err));
        must(target_table_forget(t, "c", names[i], &err));
    }
    return 0;
}

int contract_teardown(void **state)
{
    (void)state;
    target_close(t);
    table_free(d);
    arena_release(values);
    free(values);
    d = NULL;
    t = NULL;
    return 0;
}

/* ---- rows and units ---- */

/* (id, v) */
const struct value *pair(int64_t id, const char *v)
{
    struct value *row = arena_alloc(values, 2 * sizeof(*row));

    row[0] = num(id);
    row[1] = v ? text(v) : null_value();
    return row;
}

bool one(enum op_kind kind, const struct value *row)
{
    struct op op = op_rows(kind, d, &row, 1);

    return send_ops(&op, 1);
}

/* ---- what is there, as text: "1=a 2=b 3=-" ---- */

bool put_pair(void *ctx, const struct value *row, struct err *e)
{
    struct buf *b = ctx;

    (void)e;
    buf_putf(b, "%s%lld=", b->len ? " " : "", (long long)row[0].i);
    if (row[1].kind == VALUE_NULL)
        buf_put_u8(b, '-');
    else
        buf_put_bytes(b, row[1].b);
    return true;
}

void check_read(struct target *who, const struct selection *which, uint64_t limit,
                const char *expected)
{
    struct buf b = BUF_INIT;

    must(target_read_rows(who, d, which, true, limit, put_pair, &b, &err));
    assert_string_equal(buf_cstr(&b), expected);
    buf_release(&b);
}

void check_rows(const char *expected)
{
    check_read(t, NULL, 0, expected);
}

int contract_run(const char *name)
{
    const struct {
        const struct CMUnitTest *tests;
        size_t n;
    } groups[] = {{contract_units, n_contract_units},
                  {contract_state, n_contract_state},
                  {contract_definer, n_contract_definer},
                  {contract_reader, n_contract_reader},
                  {contract_values, n_contract_values}};
    int failed = 0;

    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        failed += _cmocka_run_group_tests(name, groups[i].tests, groups[i].n, NULL, NULL);
    return failed;
}
