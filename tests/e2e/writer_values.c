/*
 * writer_values.c - every type with its boundary values, through a real MariaDB and back.
 */
#include "tests/lib/writer.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/xalloc.h"
#include "schema/ddl/ddl.h"

/* ---- every type ---- */

#define TYPE_COLUMNS 22
#define TYPE_ROWS 5

static const char types_sql[] =
    "CREATE TABLE w.types (id BIGINT PRIMARY KEY, ub BIGINT UNSIGNED, de DECIMAL(65,30), f FLOAT,"
    " d DOUBLE, fm FLOAT(7,2), b BIT(64), y YEAR, da DATE, ti TIME(6), dt DATETIME(3),"
    " ts TIMESTAMP(6) NULL, ch CHAR(10) CHARACTER SET latin1, vc VARCHAR(100) CHARACTER SET utf8mb4"
    " COLLATE utf8mb4_uca1400_nopad_ai_ci, u16 TEXT CHARACTER SET utf16, sj VARCHAR(20) CHARACTER"
    " SET sjis, bi BINARY(4), bl LONGBLOB, e ENUM('a','b') CHARACTER SET utf8mb4,"
    " s SET('a','b','c') CHARACTER SET utf8mb4, j JSON, g GEOMETRY)";

static struct table *define_types(void)
{
    static const struct {
        const char *name;
        enum column_type type;
        const char *charset;
    } columns[TYPE_COLUMNS] = {
        {"id", COLUMN_BIGINT, NULL},   {"ub", COLUMN_BIGINT, NULL},
        {"de", COLUMN_DECIMAL, NULL},  {"f", COLUMN_FLOAT, NULL},
        {"d", COLUMN_DOUBLE, NULL},    {"fm", COLUMN_FLOAT, NULL},
        {"b", COLUMN_BIT, NULL},       {"y", COLUMN_YEAR, NULL},
        {"da", COLUMN_DATE, NULL},     {"ti", COLUMN_TIME, NULL},
        {"dt", COLUMN_DATETIME, NULL}, {"ts", COLUMN_TIMESTAMP, NULL},
        {"ch", COLUMN_CHAR, "latin1"}, {"vc", COLUMN_VARCHAR, "utf8mb4"},
        {"u16", COLUMN_TEXT, "utf16"}, {"sj", COLUMN_VARCHAR, "sjis"},
        {"bi", COLUMN_BINARY, NULL},   {"bl", COLUMN_LONGBLOB, NULL},
        {"e", COLUMN_ENUM, "utf8mb4"}, {"s", COLUMN_SET, "utf8mb4"},
        {"j", COLUMN_JSON, NULL},      {"g", COLUMN_GEOMETRY, NULL},
    };
    struct table *d = define("types");

    for (size_t i = 0; i < TYPE_COLUMNS; i++)
        add_column(d, columns[i].name, columns[i].type)->charset = columns[i].charset;
    d->columns[1].is_unsigned = true;
    set_key(d);
    return d;
}

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

static void check_types(const struct table *d, struct value rows[TYPE_ROWS][TYPE_COLUMNS])
{
    struct compare c = {rows, d, 0};

    must(target_read_rows(t, d, NULL, true, 0, compare_row, &c, &err));
    assert_int_equal(c.seen, TYPE_ROWS);
}

static void test_writer_keeps_every_value_through_units(void **state)
{
    struct table *d = define_types();
    struct value rows[TYPE_ROWS][TYPE_COLUMNS];
    const struct value *p[TYPE_ROWS];
    struct op op;

    (void)state;
    fill_types(rows);
    for (int i = 0; i < TYPE_ROWS; i++)
        p[i] = rows[i];
    run(types_sql);
    op = op_rows(OP_INSERT, d, p, TYPE_ROWS);
    must(send_ops(&op, 1));
    check_types(d, rows);
    table_free(d);
}

static void test_writer_keeps_every_value_through_updates(void **state)
{
    struct table *d = define_types();
    struct value rows[TYPE_ROWS][TYPE_COLUMNS];
    const struct value *p[TYPE_ROWS];
    struct op op;

    (void)state;
    fill_types(rows);
    run(types_sql);
    for (int i = 0; i < TYPE_ROWS; i++) {
        char sql[128];

        snprintf(sql, sizeof(sql), "INSERT INTO w.types (id, vc) VALUES (%lld, 'other')",
                 (long long)rows[i][0].i);
        run(sql);
        p[i] = rows[i];
    }
    op = op_rows(OP_UPDATE, d, p, TYPE_ROWS);
    must(send_ops(&op, 1));
    check_types(d, rows);
    table_free(d);
}

static void test_writer_keeps_every_value_through_load(void **state)
{
    struct table *d = define_types();
    struct value rows[TYPE_ROWS][TYPE_COLUMNS];

    (void)state;
    fill_types(rows);
    run(types_sql);
    must(target_load_begin(t, d, &err));
    for (int i = 0; i < TYPE_ROWS; i++)
        must(target_load_row(t, rows[i], &err));
    must(target_load_end(t, NULL, &err));
    check_types(d, rows);
    table_free(d);
}

static void test_writer_deletes_exact_images_of_a_table_without_key(void **state)
{
    struct table *d = define_types();
    struct value rows[TYPE_ROWS][TYPE_COLUMNS];
    const struct value *p[TYPE_ROWS];
    uint32_t times[TYPE_ROWS];
    struct op ops[3];

    (void)state;
    fill_types(rows);
    for (int i = 0; i < TYPE_ROWS; i++) {
        p[i] = rows[i];
        times[i] = 2;
    }
    run(types_sql);
    run("ALTER TABLE w.types DROP PRIMARY KEY");
    d->n_row_key = 0;
    for (int i = 0; i < 3; i++)
        ops[i] = op_rows(OP_INSERT, d, p, TYPE_ROWS);
    must(send_ops(ops, 3));
    ops[0] = op_rows(OP_DELETE_IMAGE, d, p, TYPE_ROWS);
    ops[0].times = times;
    must(send_ops(ops, 1));
    check_types(d, rows);
    must_fail(send_ops(ops, 1), ERR_DATA, "row_count");
    table_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_writer_keeps_every_value_through_units),
        TEST(test_writer_keeps_every_value_through_updates),
        TEST(test_writer_keeps_every_value_through_load),
        TEST(test_writer_deletes_exact_images_of_a_table_without_key),
    };

    return writer_main(tests, sizeof(tests) / sizeof(tests[0]));
}
