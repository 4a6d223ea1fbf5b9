/*
 * snapshot_binlog.c - are rows read by SELECT equal to the same rows in the binlog?
 *
 *   snapshot_binlog HOST PORT USER PASSWORD_FILE CA DB GTIDS
 *
 * Reads the binlog behind GTIDS up to now, keeps each table's inserted rows of DB, then
 * reads the tables in a view and compares value by value. First columns are integer keys.
 * Prints what differs by table, column and row number; exit 1 if anything does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/decode/decode.h"
#include "cdc/source/source.h"
#include "schema/base/buf.h"
#include "schema/base/fs.h"
#include "schema/base/xalloc.h"
#include "schema/catalog.h"
#include "schema/table.h"
#include "tests/lib/printer.h"

#define ROWS_MAX 10000
#define TABLES_MAX 32
#define EVENT_MAX ((uint64_t)1 << 30)

struct rows {
    const struct table *table;
    struct value *rows[ROWS_MAX];
    size_t n;
};

struct run {
    const char *db;
    struct catalog *catalog;
    struct place seen;
    struct gtid current;
    struct arena arena;
    struct rows tables[TABLES_MAX];
    size_t n_tables;
    /* while comparing */
    struct rows *with;
    size_t at;
    size_t differences;
    size_t values;
};

static struct rows *rows_of(struct run *r, const struct table *t)
{
    for (size_t i = 0; i < r->n_tables; i++)
        if (r->tables[i].table == t)
            return &r->tables[i];
    if (r->n_tables == TABLES_MAX)
        abort();
    r->tables[r->n_tables].table = t;
    return &r->tables[r->n_tables++];
}

static bool on_begin(void *ctx, const struct tx_begin *begin, struct err *err)
{
    struct run *r = ctx;

    (void)err;
    r->current = begin->gtid;
    return true;
}

static bool on_resolve(void *ctx, const struct table_map *map, const struct table **table,
                       struct err *err)
{
    struct run *r = ctx;

    (void)err;
    *table = catalog_get(r->catalog, map->db, map->name);
    return true;
}

static bool on_change(void *ctx, const struct change *c, struct err *err)
{
    struct run *r = ctx;
    struct rows *rows = rows_of(r, c->table);
    struct value *copy;

    if (c->kind != CHANGE_INSERT || rows->n == ROWS_MAX) {
        err_set(err, ERR_DATA, "a change that this test does not expect");
        return false;
    }
    copy = arena_alloc(&r->arena, c->table->n_columns * sizeof(*copy));
    for (uint32_t i = 0; i < c->table->n_columns; i++)
        copy[i] = value_copy(&r->arena, &c->after[i]);
    rows->rows[rows->n++] = copy;
    return true;
}

static bool on_query(void *ctx, const struct query_event *q, struct err *err)
{
    (void)ctx, (void)q, (void)err;
    return true;
}

static bool on_end(void *ctx, const struct position *end, struct err *err)
{
    struct run *r = ctx;

    (void)end;
    return place_add(&r->seen, &r->current, err);
}

static bool on_rollback(void *ctx, const struct position *end, bool logged, struct err *err)
{
    (void)logged;
    return on_end(ctx, end, err);
}

static bool on_idle(void *ctx, const struct position *at, uint64_t us, struct err *err)
{
    (void)ctx, (void)at, (void)us, (void)err;
    return true;
}

static bool read_binlog(struct run *r, const struct source_config *config,
                        const struct place *until, struct err *err)
{
    struct decode_sink sink = {r,        on_begin, on_resolve,  on_change,
                               on_query, on_end,   on_rollback, on_idle};
    struct source *s = NULL;
    struct decoder *d = NULL;
    bool ok = false;

    if (!source_connect(config, &s, err))
        return false;
    d = decoder_new(&sink, source_info(s)->checksum_crc32, EVENT_MAX);
    if (!source_stream_start(s, &r->seen, err))
        goto done;
    while (!place_contains(&r->seen, until)) {
        struct bytes event;

        if (!source_stream_next(s, 1000, &event, err))
            goto done;
        if (event.len && !decoder_event(d, event, err))
            goto done;
    }
    ok = true;
done:
    decoder_free(d);
    source_close(s);
    return ok;
}

static void report(const struct run *r, uint32_t i, const struct value *binlog,
                   const struct value *snapshot)
{
    struct buf b = BUF_INIT;

    buf_putf(&b, "%s.%s row %zu: binlog ", r->with->table->name, r->with->table->columns[i].name,
             r->at);
    printer_put_value(&b, binlog);
    buf_put_str(&b, " snapshot ");
    printer_put_value(&b, snapshot);
    puts(buf_cstr(&b));
    buf_release(&b);
}

static bool on_row(void *ctx, const struct value *row, struct err *err)
{
    struct run *r = ctx;
    const struct table *t = r->with->table;

    if (r->at == r->with->n) {
        err_set(err, ERR_DATA, "%s has more rows than the binlog", t->name);
        return false;
    }
    for (uint32_t i = 0; i < t->n_columns; i++) {
        const struct value *binlog = &r->with->rows[r->at][i];

        r->values++;
        if (value_equal(binlog, &row[i]))
            continue;
        r->differences++;
        report(r, i, binlog, &row[i]);
    }
    r->at++;
    return true;
}

static int compare_keys(const void *a, const void *b)
{
    const struct value *x = *(struct value *const *)a;
    const struct value *y = *(struct value *const *)b;

    return (x->i > y->i) - (x->i < y->i);
}

static bool compare(struct run *r, struct source *s, struct err *err)
{
    for (size_t i = 0; i < r->n_tables; i++) {
        struct rows *rows = &r->tables[i];
        struct table *pinned = NULL;

        qsort(rows->rows, rows->n, sizeof(rows->rows[0]), compare_keys);
        r->with = rows;
        r->at = 0;
        if (!source_read_table(s, rows->table->db, rows->table->name, &pinned, err) ||
            !source_read_rows(s, pinned, NULL, true, 0, on_row, r, err)) {
            table_free(pinned);
            return false;
        }
        table_free(pinned);
        if (r->at != rows->n) {
            err_set(err, ERR_DATA, "%s has %zu rows, the binlog %zu", rows->table->name, r->at,
                    rows->n);
            return false;
        }
        printf("%s: %zu rows of %u columns\n", rows->table->name, rows->n, rows->table->n_columns);
    }
    return true;
}

static bool wanted(void *ctx, const char *db, const char *name)
{
    const struct run *r = ctx;

    (void)name;
    return strcmp(db, r->db) == 0;
}

static void print_committing(const struct source_view_bounds *bounds)
{
    struct buf text = BUF_INIT;

    place_print(&bounds->committing, &text);
    printf("committing: %s\n", buf_cstr(&text));
    buf_release(&text);
}

static bool run(struct run *r, const struct source_config *config, const char *from,
                struct err *err)
{
    struct source_view_bounds bounds = {0};
    struct source *s = NULL;
    bool ok = false;

    r->catalog = catalog_new();
    if (!place_parse(from, &r->seen, err) || !source_connect(config, &s, err) ||
        !source_read_catalog(s, wanted, r, r->catalog, err) || !source_view_open(s, &bounds, err))
        goto done;
    print_committing(&bounds);
    if (!read_binlog(r, config, &bounds.lo, err) || !compare(r, s, err) ||
        !source_view_close(s, err))
        goto done;
    ok = r->n_tables > 0;
    if (!ok)
        err_set(err, ERR_DATA, "the binlog holds no row of %s", r->db);
done:
    source_close(s);
    source_view_bounds_release(&bounds);
    place_release(&r->seen);
    arena_release(&r->arena);
    catalog_free(r->catalog);
    return ok;
}

int main(int argc, char **argv)
{
    static struct run r;
    struct source_config config = {.server_id = 4712, .heartbeat_ms = 500};
    struct err err = ERR_INIT;
    char *password = NULL;
    size_t len = 0;
    bool ok;

    if (argc != 8) {
        fprintf(stderr, "usage: %s HOST PORT USER PASSWORD_FILE CA DB GTIDS\n", argv[0]);
        return 2;
    }
    if (!fs_read_file(fs_real(), argv[4], 4096, &password, &len, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    password[strcspn(password, "\n")] = '\0';
    config.host = argv[1];
    config.port = (uint16_t)strtoul(argv[2], NULL, 10);
    config.user = argv[3];
    config.password = password;
    config.tls_ca = argv[5];
    r.db = argv[6];
    ok = run(&r, &config, argv[7], &err);
    free(password);
    if (!ok)
        fprintf(stderr, "%s (%s)\n", err.text, err.reason);
    printf("%zu values compared, %zu differ\n", r.values, r.differences);
    return ok && r.differences == 0 ? 0 : 1;
}
