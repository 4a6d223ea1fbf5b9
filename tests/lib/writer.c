#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct target_config config;
struct guard *guard;
struct target *t;
struct lane_state lane;
struct err err;

const uint8_t queue_uuid[16] = {1, 2, 3};

void must(bool ok)
{
    if (!ok)
        fail_msg("%s (%s)", err.text, err.reason);
}

void must_fail(bool ok, enum err_kind kind, const char *reason)
{
    assert_false(ok);
    if (err.kind != kind || strcmp(err.reason, reason) != 0)
        fail_msg("expected %d %s, got %d %s: %s", kind, reason, err.kind, err.reason, err.text);
    assert_null(strstr(err.text, CANARY));
}

bool no_row(void *ctx, const struct bytes *c, unsigned n, struct err *e)
{
    (void)ctx, (void)c, (void)n, (void)e;
    return true;
}

void run(const char *sql)
{
    must(target_query(t, sql, no_row, NULL, &err));
}

bool one_number(void *ctx, const struct bytes *c, unsigned n, struct err *e)
{
    (void)n, (void)e;
    *(long long *)ctx = c[0].data ? strtoll((const char *)c[0].data, NULL, 10) : -1;
    return true;
}

long long number(const char *sql)
{
    long long out = -2;

    must(target_query(t, sql, one_number, &out, &err));
    return out;
}

void own(void)
{
    must(target_take_over(t, CHANNEL, 0, queue_uuid, &lane, &err));
}

int setup(void **state)
{
    (void)state;
    must(target_connect(&config, guard, &t, &err));
    must(target_state_init(t, &err));
    run("DROP DATABASE IF EXISTS w");
    run("CREATE DATABASE w");
    own();
    return 0;
}

int teardown(void **state)
{
    (void)state;
    target_close(t);
    t = NULL;
    return 0;
}

struct column *add_column(struct table *d, const char *name, enum column_type type)
{
    struct column *grown = arena_alloc(&d->arena, (d->n_columns + 1) * sizeof(*grown));

    if (d->n_columns)
        memcpy(grown, d->columns, d->n_columns * sizeof(*grown));
    d->columns = grown;
    d->columns[d->n_columns].name = arena_strdup(&d->arena, name);
    d->columns[d->n_columns].type = type;
    d->columns[d->n_columns].nullable = true;
    d->columns[d->n_columns].comment = "";
    return &d->columns[d->n_columns++];
}

struct table *define(const char *name)
{
    struct table *d = table_new();

    d->db = arena_strdup(&d->arena, "w");
    d->name = arena_strdup(&d->arena, name);
    return d;
}

/* Column 0 is the row key. */
void set_key(struct table *d)
{
    d->row_key = arena_alloc(&d->arena, sizeof(uint32_t));
    d->n_row_key = 1;
}

struct table *define_pair(const char *name)
{
    struct table *d = define(name);

    add_column(d, "id", COLUMN_INT);
    add_column(d, "v", COLUMN_VARCHAR)->charset = "utf8mb4";
    set_key(d);
    return d;
}

struct value num(int64_t i)
{
    return (struct value){.kind = VALUE_INT, .i = i};
}

struct value uns(uint64_t u)
{
    return (struct value){.kind = VALUE_UINT, .u = u};
}

struct value raw(enum value_kind kind, const char *s, size_t n)
{
    return (struct value){.kind = kind, .b = bytes_of(s, n)};
}

struct value text(const char *s)
{
    return raw(VALUE_TEXT, s, strlen(s));
}

struct value null_value(void)
{
    return (struct value){.kind = VALUE_NULL};
}

struct op op_rows(enum op_kind kind, const struct table *d, const struct value *const *rows,
                  size_t n)
{
    return (struct op){.kind = kind, .table = d, .rows = rows, .n_rows = n};
}

struct unit unit_of(const struct op *ops, size_t n)
{
    struct unit u = {.prev_lsn = lane.lsn,
                     .lsn = lane.lsn + 1,
                     .ops = ops,
                     .n_ops = n,
                     .begins = true,
                     .ends = true};

    u.position.offset = 1000 + u.lsn;
    snprintf(u.position.file, sizeof(u.position.file), "binlog.000001");
    u.gtid.kind = GTID_MYSQL;
    u.gtid.mysql.gno = u.lsn;
    return u;
}

bool send_unit(const struct unit *u)
{
    uint64_t lsn = 0;

    if (!target_submit(t, u, &err) || !target_reap(t, &lsn, &err))
        return false;
    assert_int_equal(lsn, u->lsn);
    if (u->ends)
        lane.lsn = u->lsn;
    return true;
}

bool send_ops(const struct op *ops, size_t n)
{
    struct unit u = unit_of(ops, n);

    return send_unit(&u);
}

uint64_t stored_lsn(void)
{
    struct lane_state now;
    bool exists;

    must(target_lane_read(t, CHANNEL, 0, &exists, &now, &err));
    assert_true(exists);
    return now.lsn;
}

static const char *need(const char *name)
{
    const char *value = getenv(name);

    if (!value) {
        fprintf(stderr, "writer: %s is not set\n", name);
        exit(2);
    }
    return value;
}

bool writer_begin(void)
{
    struct residency_config residency = {.evidence = EVIDENCE_UNPROVEN_LOOPBACK};

    config = (struct target_config){.name = "test",
                                    .engine = "mariadb",
                                    .host = need("WRITER_HOST"),
                                    .user = need("WRITER_USER"),
                                    .password = need("WRITER_PASSWORD"),
                                    .tls_ca = need("WRITER_CA"),
                                    .state_schema = "domicile"};
    config.port = (uint16_t)strtoul(need("WRITER_PORT"), NULL, 10);
    residency.audit_file = need("WRITER_AUDIT");
    if (guard_open(&residency, &guard, &err))
        return true;
    fprintf(stderr, "writer: %s\n", err.text);
    return false;
}

int writer_main(const struct CMUnitTest *tests, size_t n)
{
    int failed;

    if (!writer_begin())
        return 2;
    failed = _cmocka_run_group_tests("writer", tests, n, NULL, NULL);
    guard_close(guard);
    return failed ? 1 : 0;
}
