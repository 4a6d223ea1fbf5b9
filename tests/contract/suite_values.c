/*
 * suite_values.c - every type with its boundary values, written in every way and read back; and the
 * canonical form of each, which the engine computes as canon.c does.
 */
#include "tests/contract/case.h"

#include <float.h>
#include <string.h>

#define TYPE_COLUMNS 23
#define TYPE_ROWS 5

#define TYPES                                                                                      \
    ", ub BIGINT UNSIGNED, de DECIMAL(65,30), f FLOAT, d DOUBLE, fm FLOAT(7,2), b BIT(64), y "     \
    "YEAR,"                                                                                        \
    " da DATE, ti TIME(6), dt DATETIME(3), ts TIMESTAMP(6) NULL, ch CHAR(10) CHARACTER SET "       \
    "latin1,"                                                                                      \
    " vc VARCHAR(100) CHARACTER SET utf8mb4, u16 TEXT CHARACTER SET utf16, sj VARCHAR(20)"         \
    " CHARACTER SET sjis, bi BINARY(4), vb VARBINARY(9), bl LONGBLOB, e ENUM('a','b') CHARACTER"   \
    " SET utf8mb4, s SET('a','b','c') CHARACTER SET utf8mb4, j JSON, g GEOMETRY)"
#define KEYED "CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY" TYPES
#define UNKEYED "CREATE TABLE t (id BIGINT" TYPES

#define POINT_BYTES "\xe6\x10\0\0\1\1\0\0\0\0\0\0\0\0\0\xf0?\0\0\0\0\0\0\0@"

static void fill_ordinary(struct value *row)
{
    const struct value set[TYPE_COLUMNS] = {
        num(0),
        uns(1),
        raw(VALUE_DECIMAL, "1.500000000000000000000000000000", 32),
        {.kind = VALUE_FLOAT, .f = 0.1f},
        {.kind = VALUE_DOUBLE, .d = 0.1},
        {.kind = VALUE_FLOAT, .f = 1.23f},
        uns(1),
        uns(1901),
        raw(VALUE_TEMPORAL, "2024-02-31", 10),
        raw(VALUE_TEMPORAL, "-00:00:00.000001", 16),
        raw(VALUE_TEMPORAL, "2024-00-10 00:00:00.000", 23),
        raw(VALUE_TEMPORAL, "1970-01-01 00:00:01.000000", 26),
        text("abc"),
        text("A"),
        raw(VALUE_TEXT, "\0a", 2),
        text("abc"),
        raw(VALUE_BYTES, "abcd", 4),
        raw(VALUE_BYTES, "ab", 2),
        raw(VALUE_BYTES, "abc", 3),
        uns(1),
        uns(5),
        raw(VALUE_JSON, "[1, 2]", 6),
        null_value()};

    memcpy(row, set, sizeof(set));
}

static void fill_types(struct value rows[TYPE_ROWS][TYPE_COLUMNS])
{
    const struct value set[2][TYPE_COLUMNS] = {
        {num(INT64_MIN),
         uns(UINT64_MAX),
         raw(VALUE_DECIMAL, "-99999999999999999999999999999999999.000000000000000000000000000001",
             67),
         {.kind = VALUE_FLOAT, .f = FLT_MAX},
         {.kind = VALUE_DOUBLE, .d = DBL_MAX},
         {.kind = VALUE_FLOAT, .f = 99999.99f},
         uns(UINT64_MAX),
         uns(2155),
         raw(VALUE_TEMPORAL, "9999-12-31", 10),
         raw(VALUE_TEMPORAL, "838:59:59.000000", 16),
         raw(VALUE_TEMPORAL, "9999-12-31 23:59:59.999", 23),
         raw(VALUE_TEMPORAL, "2038-01-19 03:14:07.999999", 26),
         text("\xe9'\\\"x"),
         text("a'b\\c;--\n\x1a\xf0\x9f\x98\x80 "),
         raw(VALUE_TEXT, "\xd8=\xde\0", 4),
         text("\x83\x5c'"),
         raw(VALUE_BYTES, "\0\1\0\0", 4),
         raw(VALUE_BYTES, "'\0", 2),
         raw(VALUE_BYTES, "'\0\\\xff\n", 5),
         uns(2),
         uns(7),
         raw(VALUE_JSON, "{\"a\": \"it's \\\\ \\u0001\", \"n\": 1.0}", 33),
         raw(VALUE_BYTES, POINT_BYTES, 25)},
        {num(INT64_MAX),
         uns(0),
         raw(VALUE_DECIMAL, "0.000000000000000000000000000000", 32),
         {.kind = VALUE_FLOAT, .f = FLT_MIN},
         {.kind = VALUE_DOUBLE, .d = 5e-324},
         {.kind = VALUE_FLOAT, .f = -0.01f},
         uns(0),
         uns(0),
         raw(VALUE_TEMPORAL, "0000-00-00", 10),
         raw(VALUE_TEMPORAL, "-838:59:59.000000", 17),
         raw(VALUE_TEMPORAL, "0000-00-00 00:00:00.000", 23),
         raw(VALUE_TEMPORAL, "0000-00-00 00:00:00.000000", 26),
         text(""),
         text(""),
         text(""),
         text(""),
         raw(VALUE_BYTES, "\0\0\0\0", 4),
         raw(VALUE_BYTES, "", 0),
         raw(VALUE_BYTES, "", 0),
         uns(0),
         uns(0),
         raw(VALUE_JSON, "null", 4),
         null_value()},
    };

    memcpy(rows, set, sizeof(set));
    fill_ordinary(rows[2]);
    for (int r = 3; r < TYPE_ROWS; r++)
        for (int c = 0; c < TYPE_COLUMNS; c++)
            rows[r][c] = c == 0 ? num(r) : null_value();
    rows[4][4] = (struct value){.kind = VALUE_DOUBLE, .d = -1.2345678901234568e-10};
    rows[4][3] = (struct value){.kind = VALUE_FLOAT, .f = 16777217.0f / 3};
}

struct compare {
    struct value (*rows)[TYPE_COLUMNS];
    const struct table *table;
    int seen;
};

static bool compare_row(void *ctx, const struct value *row, struct err *e)
{
    struct compare *c = ctx;

    (void)e;
    for (int r = 0; r < TYPE_ROWS; r++) {
        if (!value_equal(&row[0], &c->rows[r][0]))
            continue;
        c->seen++;
        for (uint32_t i = 0; i < TYPE_COLUMNS; i++)
            if (!value_equal(&row[i], &c->rows[r][i]))
                fail_msg("row %d column %s differs (kind %d, %d)", r, c->table->columns[i].name,
                         row[i].kind, c->rows[r][i].kind);
    }
    return true;
}

static void check_types(struct value rows[TYPE_ROWS][TYPE_COLUMNS])
{
    struct compare c = {rows, d, 0};

    must(target_read_rows(t, d, NULL, d->n_row_key > 0, 0, compare_row, &c, &err));
    assert_int_equal(c.seen, TYPE_ROWS);
}

/* The table in hand, the rows, and pointers to them. */
static void begin_types(const char *sql, struct value rows[TYPE_ROWS][TYPE_COLUMNS],
                        const struct value *p[TYPE_ROWS])
{
    make(sql);
    assert_int_equal(d->n_columns, TYPE_COLUMNS);
    fill_types(rows);
    for (int i = 0; i < TYPE_ROWS; i++)
        p[i] = rows[i];
}

static void test_units_keep_every_value(void **state)
{
    struct value rows[TYPE_ROWS][TYPE_COLUMNS];
    const struct value *p[TYPE_ROWS];
    struct op op;

    (void)state;
    begin_types(KEYED, rows, p);
    op = op_rows(OP_INSERT, d, p, TYPE_ROWS);
    must(send_ops(&op, 1));
    check_types(rows);
}

static void test_updates_keep_every_value(void **state)
{
    struct value rows[TYPE_ROWS][TYPE_COLUMNS], others[TYPE_ROWS][TYPE_COLUMNS];
    const struct value *p[TYPE_ROWS], *other[TYPE_ROWS];
    struct op op;

    (void)state;
    begin_types(KEYED, rows, p);
    for (int i = 0; i < TYPE_ROWS; i++) {
        other[i] = others[i];
        for (int c = 0; c < TYPE_COLUMNS; c++)
            others[i][c] = c == 0 ? rows[i][0] : null_value();
        others[i][table_column(d, "vc")] = text("other");
    }
    op = op_rows(OP_INSERT, d, other, TYPE_ROWS);
    must(send_ops(&op, 1));
    op = op_rows(OP_UPDATE, d, p, TYPE_ROWS);
    must(send_ops(&op, 1));
    check_types(rows);
}

static void test_load_keeps_every_value(void **state)
{
    struct value rows[TYPE_ROWS][TYPE_COLUMNS];
    const struct value *p[TYPE_ROWS];

    (void)state;
    begin_types(KEYED, rows, p);
    must(target_load_begin(t, d, &err));
    for (int i = 0; i < TYPE_ROWS; i++)
        must(target_load_row(t, p[i], &err));
    must(target_load_end(t, NULL, &err));
    check_types(rows);
}

static void test_images_of_every_value_are_found_exactly(void **state)
{
    struct value rows[TYPE_ROWS][TYPE_COLUMNS];
    const struct value *p[TYPE_ROWS];
    uint32_t times[TYPE_ROWS];
    struct op ops[3];

    (void)state;
    begin_types(UNKEYED, rows, p);
    for (int i = 0; i < TYPE_ROWS; i++)
        times[i] = 2;
    for (int i = 0; i < 3; i++)
        ops[i] = op_rows(OP_INSERT, d, p, TYPE_ROWS);
    must(send_ops(ops, 3));
    ops[0] = op_rows(OP_DELETE_IMAGE, d, p, TYPE_ROWS);
    ops[0].times = times;
    must(send_ops(ops, 1));
    check_types(rows);
    must_fail(send_ops(ops, 1), ERR_DATA, "row_count");
}

/* ---- the canonical form ---- */

struct hash_check {
    const struct value **rows;
    const bool *columns;
    int seen;
};

static bool check_hash(void *ctx, const struct value *row, const uint64_t *hash, struct err *e)
{
    struct hash_check *h = ctx;

    (void)e;
    assert_non_null(hash);
    assert_int_equal(row[1].kind, VALUE_ABSENT);
    for (int i = 0; i < TYPE_ROWS; i++) {
        struct buf form = BUF_INIT;

        if (value_equal(&row[0], &h->rows[i][0])) {
            canon_put_row(&form, d, h->columns, h->rows[i]);
            assert_true(*hash == canon_hash64(buf_bytes(&form)));
            h->seen++;
        }
        buf_release(&form);
    }
    return true;
}

static void test_engine_computes_the_canonical_form_of_every_type(void **state)
{
    struct value rows[TYPE_ROWS][TYPE_COLUMNS];
    const struct value *p[TYPE_ROWS];
    bool columns[TYPE_COLUMNS];
    struct hash_check h = {.rows = p, .columns = columns};
    struct canon_sums theirs, ours = {0};
    struct op op;

    (void)state;
    begin_types(KEYED, rows, p);
    op = op_rows(OP_INSERT, d, p, TYPE_ROWS);
    must(send_ops(&op, 1));
    target_columns(t, d, columns);
    for (int i = 0; i < TYPE_ROWS; i++) {
        struct buf form = BUF_INIT;

        canon_put_row(&form, d, columns, rows[i]);
        canon_add(&ours, buf_bytes(&form));
        buf_release(&form);
    }
    must(target_read_hashes(t, d, NULL, check_hash, &h, &err));
    assert_int_equal(h.seen, TYPE_ROWS);
    must(target_read_sums(t, d, NULL, &theirs, &err));
    assert_true(canon_sums_equal(&ours, &theirs));
}

const struct CMUnitTest contract_values[] = {
    CONTRACT_TEST(test_units_keep_every_value),
    CONTRACT_TEST(test_updates_keep_every_value),
    CONTRACT_TEST(test_load_keeps_every_value),
    CONTRACT_TEST(test_images_of_every_value_are_found_exactly),
    CONTRACT_TEST(test_engine_computes_the_canonical_form_of_every_type),
};
const size_t n_contract_values = sizeof(contract_values) / sizeof(contract_values[0]);
