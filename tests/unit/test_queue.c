#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/xalloc.h"
#include "tests/lib/queue_fixture.h"

static struct err err;

#define OK(call)                                                                                   \
    do {                                                                                           \
        if (!(call))                                                                               \
            fail_msg("%s", err.text);                                                              \
    } while (0)

static const struct fixture small = {.seed = 1, .changes_max = 20, .value_bytes_max = 300};
static const struct queue_options tiny = {
    .max_bytes = 1 << 30, .segment_bytes = 64 << 10, .retain_us = 1};

static void write_n(const struct fixture *f, struct queue *q, unsigned n)
{
    uint64_t lsn;

    for (unsigned i = 0; i < n; i++)
        OK(fixture_write(f, q, &lsn, &err));
}

static void read_range(const struct fixture *f, struct queue_reader *r, uint64_t from, uint64_t to)
{
    bool got;

    for (uint64_t lsn = from; lsn <= to; lsn++) {
        OK(fixture_read(f, r, lsn, 0, &got, &err));
        assert_true(got);
    }
}

static void nothing_more(struct queue_reader *r)
{
    struct queue_item item;
    bool got;

    OK(queue_read(r, 0, &got, &item, &err));
    assert_false(got);
}

static void test_queue_gives_back_what_was_written(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, &tiny);
    struct queue_reader *r;

    (void)state;
    write_n(&small, q, 2000);
    OK(queue_sync(q, &err));
    OK(queue_reader_open(dir, &tiny, 0, &r, &err));
    read_range(&small, r, 1, 2000);
    nothing_more(r);
    queue_reader_close(r);
    queue_close(q);
    fixture_remove_dir(dir);
}

static void test_queue_shows_only_what_is_synced(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, NULL);
    struct queue_reader *r;

    (void)state;
    OK(queue_reader_open(dir, NULL, 0, &r, &err));
    nothing_more(r);
    write_n(&small, q, 10);
    nothing_more(r);
    assert_int_equal(queue_get_end(q).lsn, 0);
    OK(queue_sync(q, &err));
    assert_int_equal(queue_unsynced(q), 0);
    assert_int_equal(queue_get_end(q).lsn, 10);
    write_n(&small, q, 5);
    read_range(&small, r, 1, 10);
    nothing_more(r);
    queue_reader_close(r);
    queue_close(q);
    fixture_remove_dir(dir);
}

static void test_queue_begins_anywhere(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, &tiny);

    (void)state;
    write_n(&small, q, 1000);
    OK(queue_sync(q, &err));
    for (uint64_t after = 0; after <= 1000; after += 37) {
        struct queue_reader *r;

        OK(queue_reader_open(dir, &tiny, after, &r, &err));
        read_range(&small, r, after + 1, after + 3 < 1000 ? after + 3 : 1000);
        assert_non_null(catalog_get(queue_reader_catalog(r), "shop", "item"));
        queue_reader_close(r);
    }
    queue_close(q);
    fixture_remove_dir(dir);
}

static void test_queue_refuses_a_start_behind_its_end(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, NULL);
    struct queue_reader *r;

    (void)state;
    write_n(&small, q, 3);
    OK(queue_sync(q, &err));
    assert_false(queue_reader_open(dir, NULL, 4, &r, &err));
    assert_string_equal(err.reason, "queue_short");
    queue_close(q);
    fixture_remove_dir(dir);
}

static void test_queue_goes_on_after_opening_again(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, &tiny);
    struct queue_reader *r;

    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        struct queue_end end;

        write_n(&small, q, 30);
        OK(queue_sync(q, &err));
        queue_close(q);
        OK(queue_open(dir, &tiny, &q, &err));
        end = queue_get_end(q);
        assert_int_equal(end.lsn, 30 * (round + 1));
        assert_int_equal(end.gtid.mysql.gno, end.lsn);
        assert_int_equal(end.end.offset, fixture_position(end.lsn).offset);
        assert_int_equal(end.commit_us, 1700000000000000 + end.lsn);
    }
    OK(queue_reader_open(dir, &tiny, 0, &r, &err));
    read_range(&small, r, 1, 600);
    nothing_more(r);
    queue_reader_close(r);
    queue_close(q);
    fixture_remove_dir(dir);
}

static void test_queue_loses_unsynced_transactions_only(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, NULL);

    (void)state;
    write_n(&small, q, 10);
    OK(queue_sync(q, &err));
    write_n(&small, q, 10);
    queue_close(q);
    OK(queue_open(dir, NULL, &q, &err));
    assert_int_equal(queue_get_end(q).lsn, 10);
    write_n(&small, q, 10);
    OK(queue_sync(q, &err));
    assert_int_equal(queue_get_end(q).lsn, 20);
    queue_close(q);
    fixture_remove_dir(dir);
}

static void test_queue_has_one_writer(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, NULL);
    struct queue *second;
    struct queue_identity id = fixture_identity();
    struct place start = {.at = fixture_position(0)};
    struct catalog *catalog = fixture_catalog();

    (void)state;
    assert_false(queue_open(dir, NULL, &second, &err));
    assert_string_equal(err.reason, "queue_locked");
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_true(queue_exists(dir, NULL));
    assert_false(queue_create(dir, NULL, &id, &start, catalog, &err));
    assert_string_equal(err.reason, "queue_exists");
    assert_memory_equal(queue_identity(q)->uuid, id.uuid, 16);
    assert_string_equal(queue_identity(q)->source_uuid, id.source_uuid);
    catalog_free(catalog);
    queue_close(q);
    fixture_remove_dir(dir);
}

static void test_queue_refuses_a_directory_without_a_queue(void **state)
{
    char *dir = fixture_dir();
    struct queue *q;
    struct queue_reader *r;

    (void)state;
    assert_false(queue_exists(dir, NULL));
    assert_false(queue_open(dir, NULL, &q, &err));
    assert_string_equal(err.reason, "no_queue");
    assert_false(queue_reader_open(dir, NULL, 0, &r, &err));
    assert_string_equal(err.reason, "no_queue");
    fixture_remove_dir(dir);
}

/* ---- large transactions ---- */

static void test_queue_streams_a_large_transaction_and_shows_it_whole(void **state)
{
    const struct fixture large = {.seed = 5, .changes_max = 20000, .value_bytes_max = 2000};
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, &tiny);
    struct queue_reader *r;

    (void)state;
    write_n(&large, q, 6);
    OK(queue_sync(q, &err));
    write_n(&large, q, 3);
    OK(queue_sync(q, &err));
    OK(queue_reader_open(dir, &tiny, 0, &r, &err));
    read_range(&large, r, 1, 9);
    nothing_more(r);
    queue_reader_close(r);
    OK(queue_reader_open(dir, &tiny, 7, &r, &err));
    read_range(&large, r, 8, 9);
    queue_reader_close(r);
    queue_close(q);
    OK(queue_open(dir, &tiny, &q, &err));
    assert_int_equal(queue_get_end(q).lsn, 9);
    queue_close(q);
    fixture_remove_dir(dir);
}

static void test_queue_cuts_a_record_over_the_size_of_a_block(void **state)
{
    const struct fixture wide = {.seed = 6, .changes_max = 6, .value_bytes_max = 3 << 20};
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, NULL);
    struct queue_reader *r;

    (void)state;
    write_n(&wide, q, 12);
    OK(queue_sync(q, &err));
    OK(queue_reader_open(dir, NULL, 0, &r, &err));
    read_range(&wide, r, 1, 12);
    queue_reader_close(r);
    OK(queue_reader_open(dir, NULL, 6, &r, &err));
    read_range(&wide, r, 7, 12);
    queue_reader_close(r);
    queue_close(q);
    fixture_remove_dir(dir);
}

/* Begin and fill a transaction, and leave it open. */
static void half_transaction(struct queue *q, unsigned changes, size_t bytes)
{
    struct tx_begin begin = {.gtid = fixture_gtid(999999)};
    struct value v[FIXTURE_COLUMNS] = {{.kind = VALUE_INT, .i = 1}};
    struct change c = {.kind = CHANGE_INSERT, .after = v};
    uint8_t *noise = xcalloc(1, bytes + 8);
    uint64_t rng = 77;

    for (size_t i = 0; i < bytes; i += 8)
        memcpy(noise + i, (uint64_t[]){fixture_random(&rng)}, 8);
    v[7] = (struct value){.kind = VALUE_BYTES, .b = bytes_of(noise, bytes)};
    c.table = catalog_get(queue_catalog(q), "shop", "item");
    OK(queue_begin(q, &begin, &err));
    for (unsigned i = 0; i < changes; i++)
        OK(queue_change(q, &c, &err));
    free(noise);
}

static void test_queue_forgets_an_aborted_transaction(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, NULL);
    struct queue_reader *r;

    (void)state;
    write_n(&small, q, 5);
    half_transaction(q, 3, 100); /* still in memory */
    OK(queue_abort(q, &err));
    write_n(&small, q, 5);
    half_transaction(q, 100, 20000); /* on disk, with the end of the ones before */
    OK(queue_sync(q, &err));
    assert_int_equal(queue_get_end(q).lsn, 10);
    OK(queue_abort(q, &err));
    half_transaction(q, 100, 20000);
    OK(queue_abort(q, &err));
    write_n(&small, q, 5);
    OK(queue_sync(q, &err));
    OK(queue_reader_open(dir, NULL, 0, &r, &err));
    read_range(&small, r, 1, 15);
    nothing_more(r);
    queue_reader_close(r);
    queue_close(q);
    OK(queue_open(dir, NULL, &q, &err));
    assert_int_equal(queue_get_end(q).lsn, 15);
    queue_close(q);
    fixture_remove_dir(dir);
}

static void test_queue_drops_a_transaction_that_was_open_at_the_end(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, NULL);
    struct queue_reader *r;

    (void)state;
    write_n(&small, q, 5);
    half_transaction(q, 100, 20000);
    OK(queue_sync(q, &err));
    queue_close(q);
    OK(queue_open(dir, NULL, &q, &err));
    assert_int_equal(queue_get_end(q).lsn, 5);
    write_n(&small, q, 5);
    OK(queue_sync(q, &err));
    OK(queue_reader_open(dir, NULL, 0, &r, &err));
    read_range(&small, r, 1, 10);
    queue_reader_close(r);
    queue_close(q);
    fixture_remove_dir(dir);
}

/* ---- room ---- */

static void test_queue_stops_at_max_bytes_and_goes_on_after_trim(void **state)
{
    const struct queue_options o = {
        .max_bytes = 1 << 20, .segment_bytes = 64 << 10, .retain_us = UINT64_C(1) << 60};
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, &o);
    struct queue_reader *r;
    uint64_t lsn = 0;
    uint64_t written;

    (void)state;
    while (fixture_write(&small, q, &lsn, &err))
        assert_true(lsn < 100000);
    assert_string_equal(err.reason, "queue_full");
    assert_int_equal(err.kind, ERR_IO);
    assert_true(queue_bytes(dir, &o) <= o.max_bytes);
    assert_false(fixture_write(&small, q, &lsn, &err));
    assert_string_equal(err.reason, "queue_full");
    written = lsn;
    OK(queue_trim(q, 0, &err));
    assert_false(fixture_write(&small, q, &lsn, &err));
    /* retain is long, but room is needed */
    OK(queue_trim(q, written / 2, &err));
    write_n(&small, q, 50);
    OK(queue_sync(q, &err));
    assert_int_equal(queue_get_end(q).lsn, written + 50);
    assert_false(queue_reader_open(dir, &o, 0, &r, &err));
    assert_string_equal(err.reason, "queue_trimmed");
    OK(queue_reader_open(dir, &o, written / 2, &r, &err));
    read_range(&small, r, written / 2 + 1, written + 50);
    queue_reader_close(r);
    queue_close(q);
    OK(queue_open(dir, &o, &q, &err));
    assert_int_equal(queue_get_end(q).lsn, written + 50);
    queue_close(q);
    fixture_remove_dir(dir);
}

static void test_queue_keeps_applied_segments_for_their_time(void **state)
{
    const struct queue_options o = {.segment_bytes = 64 << 10, .retain_us = 3600000000};
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, &o);
    uint64_t before;

    (void)state;
    write_n(&small, q, 1000);
    OK(queue_sync(q, &err));
    before = queue_bytes(dir, &o);
    OK(queue_trim(q, 1000, &err));
    assert_int_equal(queue_bytes(dir, &o), before);
    queue_close(q);
    OK(queue_open(dir, &tiny, &q, &err)); /* retain_us 1 */
    OK(queue_trim(q, 1000, &err));
    assert_true(queue_bytes(dir, &o) < before / 2);
    write_n(&small, q, 10);
    queue_close(q);
    fixture_remove_dir(dir);
}

/* ---- DDL ---- */

static void write_ddl(struct queue *q, enum ddl_kind kind, const char *object,
                      const struct table *before, const struct table *after)
{
    uint64_t next = queue_get_end(q).lsn + 1;
    struct tx_begin begin = {.gtid = fixture_gtid(next), .commit_us = 5};
    struct ddl_effect effect = {before, after};
    struct ddl ddl = {.kind = kind,
                      .db = "shop",
                      .text = "a statement",
                      .sql_mode = 7,
                      .timestamp_us = 8,
                      .time_zone = "SYSTEM",
                      .object = object,
                      .effects = &effect,
                      .n_effects = before != NULL || after != NULL};
    struct position end = fixture_position(next);
    uint64_t lsn;

    OK(queue_begin(q, &begin, &err));
    OK(queue_ddl(q, &ddl, &err));
    OK(queue_finish(q, &end, &lsn, &err));
    OK(queue_sync(q, &err));
}

static const struct table *create_table(struct queue *q, const char *name)
{
    struct table *t = fixture_table("shop", name);

    catalog_put(queue_catalog(q), t);
    write_ddl(q, DDL_CREATE_TABLE, "", NULL, t);
    return t;
}

static void drop_table(struct queue *q, const char *name)
{
    const struct table *t = catalog_get(queue_catalog(q), "shop", name);

    catalog_remove(queue_catalog(q), "shop", name);
    write_ddl(q, DDL_DROP_TABLE, "", t, NULL);
}

static struct ddl *read_ddl(struct queue_reader *r, struct queue_item *item)
{
    static struct ddl ddl;
    bool got;

    OK(queue_read(r, 0, &got, item, &err));
    assert_true(got);
    assert_int_equal(item->kind, QUEUE_BEGIN);
    OK(queue_read(r, 0, &got, item, &err));
    assert_int_equal(item->kind, QUEUE_DDL);
    ddl = item->ddl;
    return &ddl;
}

static void read_end(struct queue_reader *r)
{
    struct queue_item item;
    bool got;

    OK(queue_read(r, 0, &got, &item, &err));
    assert_int_equal(item.kind, QUEUE_END);
}

static void test_queue_carries_definitions_with_ddl(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, NULL);
    struct queue_reader *r;
    struct queue_item item;
    struct ddl *ddl;

    (void)state;
    create_table(q, "fresh");
    drop_table(q, "item");
    catalog_put_database(queue_catalog(q), "new_db", "latin1", "latin1_bin");
    write_ddl(q, DDL_CREATE_DATABASE, "new_db", NULL, NULL);

    OK(queue_reader_open(dir, NULL, 0, &r, &err));
    assert_null(catalog_get(queue_reader_catalog(r), "shop", "fresh"));
    ddl = read_ddl(r, &item);
    assert_int_equal(ddl->kind, DDL_CREATE_TABLE);
    assert_string_equal(ddl->text, "a statement");
    assert_string_equal(ddl->time_zone, "SYSTEM");
    assert_int_equal(ddl->sql_mode, 7);
    assert_int_equal(ddl->timestamp_us, 8);
    assert_int_equal(ddl->n_effects, 1);
    assert_null(ddl->effects[0].before);
    assert_string_equal(ddl->effects[0].after->name, "fresh");
    assert_int_equal(ddl->effects[0].after->n_columns, FIXTURE_COLUMNS);
    assert_ptr_equal(catalog_get(queue_reader_catalog(r), "shop", "fresh"), ddl->effects[0].after);
    read_end(r);
    ddl = read_ddl(r, &item);
    assert_string_equal(ddl->effects[0].before->name, "item");
    assert_null(ddl->effects[0].after);
    assert_null(catalog_get(queue_reader_catalog(r), "shop", "item"));
    read_end(r);
    read_ddl(r, &item);
    {
        const char *charset, *collation;

        assert_true(catalog_database(queue_reader_catalog(r), "new_db", &charset, &collation));
        assert_string_equal(charset, "latin1");
        assert_string_equal(collation, "latin1_bin");
    }
    queue_reader_close(r);
    queue_close(q);
    fixture_remove_dir(dir);
}

static void expect_tables(const struct catalog *c, const char *names)
{
    const struct table **list;
    size_t n = catalog_tables(c, &list);
    struct buf b = BUF_INIT;

    for (size_t i = 0; i < n; i++)
        buf_putf(&b, "%s ", list[i]->name);
    assert_string_equal(buf_cstr(&b), names);
    buf_release(&b);
    free(list);
}

static void test_queue_catalogue_survives_opening_and_new_segments(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, &tiny);
    struct queue_reader *r;
    const char *charset, *collation;

    (void)state;
    create_table(q, "a");
    drop_table(q, "item");
    queue_close(q);
    OK(queue_open(dir, &tiny, &q, &err));
    expect_tables(queue_catalog(q), "a order ");
    create_table(q, "item");
    write_n(&small, q, 500); /* several segments */
    OK(queue_sync(q, &err));
    create_table(q, "b");
    for (uint64_t after = 3; after <= 503; after += 50) {
        OK(queue_reader_open(dir, &tiny, after, &r, &err));
        expect_tables(queue_reader_catalog(r), "a item order ");
        assert_true(catalog_database(queue_reader_catalog(r), "shop", &charset, &collation));
        queue_reader_close(r);
    }
    OK(queue_reader_open(dir, &tiny, 1, &r, &err));
    expect_tables(queue_reader_catalog(r), "a item order ");
    queue_reader_close(r);
    OK(queue_reader_open(dir, &tiny, 2, &r, &err));
    expect_tables(queue_reader_catalog(r), "a order ");
    queue_reader_close(r);
    OK(queue_reader_open(dir, &tiny, 504, &r, &err));
    expect_tables(queue_reader_catalog(r), "a b item order ");
    queue_reader_close(r);
    queue_close(q);
    fixture_remove_dir(dir);
}

static void test_queue_abort_takes_ddl_back(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, NULL);
    struct tx_begin begin = {.gtid = fixture_gtid(1)};
    struct table *fresh = fixture_table("shop", "fresh");
    const struct table *item = catalog_get(queue_catalog(q), "shop", "item");
    struct ddl_effect effects[2] = {{NULL, fresh}, {item, NULL}};
    struct ddl ddl = {.kind = DDL_RENAME_TABLE,
                      .db = "",
                      .text = "x",
                      .time_zone = "",
                      .object = "",
                      .effects = effects,
                      .n_effects = 2};
    struct queue_reader *r;

    (void)state;
    catalog_put(queue_catalog(q), fresh);
    catalog_remove(queue_catalog(q), "shop", "item");
    OK(queue_begin(q, &begin, &err));
    OK(queue_ddl(q, &ddl, &err));
    OK(queue_abort(q, &err));
    expect_tables(queue_catalog(q), "item order ");
    write_n(&small, q, 20);
    OK(queue_sync(q, &err));
    OK(queue_reader_open(dir, NULL, 0, &r, &err));
    read_range(&small, r, 1, 20);
    expect_tables(queue_reader_catalog(r), "item order ");
    queue_reader_close(r);
    queue_close(q);
    fixture_remove_dir(dir);
}

static void test_queue_refuses_a_definition_of_another_catalogue(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, NULL);
    struct tx_begin begin = {.gtid = fixture_gtid(1)};
    struct table *t = fixture_table("shop", "item");
    struct value v[FIXTURE_COLUMNS] = {{.kind = VALUE_NULL}};
    struct change c = {.kind = CHANGE_INSERT, .table = t, .after = v};

    (void)state;
    OK(queue_begin(q, &begin, &err));
    assert_false(queue_change(q, &c, &err));
    assert_string_equal(err.reason, "unknown_table");
    OK(queue_abort(q, &err));
    table_free(t);
    queue_close(q);
    fixture_remove_dir(dir);
}

/* ---- finding ---- */

static void test_queue_finds_positions(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, &tiny);
    struct position at;
    uint64_t lsn;

    (void)state;
    at = fixture_position(0);
    OK(queue_find_position(dir, &tiny, 0, &at, &lsn, &err));
    assert_int_equal(lsn, 0); /* nothing to wait for */
    write_n(&small, q, 700);
    OK(queue_sync(q, &err));
    for (uint64_t want = 1; want <= 700; want += 23) {
        at = fixture_position(want);
        OK(queue_find_position(dir, &tiny, 0, &at, &lsn, &err));
        assert_int_equal(lsn, want);
        at.offset -= 1;
        OK(queue_find_position(dir, &tiny, 0, &at, &lsn, &err));
        assert_int_equal(lsn, want);
        OK(queue_find_position(dir, &tiny, want, &at, &lsn, &err));
        assert_int_equal(lsn, want < 700 ? want + 1 : 700);
    }
    at = fixture_position(701);
    assert_false(queue_find_position(dir, &tiny, 5, &at, &lsn, &err));
    assert_string_equal(err.reason, "not_yet");
    assert_int_equal(err.kind, ERR_RETRY);
    queue_idle(q, &at, 99);
    OK(queue_find_position(dir, &tiny, 5, &at, &lsn, &err));
    assert_int_equal(lsn, 700);
    assert_int_equal(queue_get_end(q).idle_us, 99);
    queue_close(q);
    fixture_remove_dir(dir);
}

static void test_queue_finds_gtids(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, &tiny);

    (void)state;
    write_n(&small, q, 700);
    OK(queue_sync(q, &err));
    for (uint64_t n = 0; n <= 700; n += 50) {
        struct place place = {0};
        struct gtid g;
        uint64_t lsn;

        for (uint64_t i = 1; i <= n; i++) {
            g = fixture_gtid(i);
            OK(place_add(&place, &g, &err));
        }
        g = fixture_gtid(n + 2); /* behind a gap */
        OK(place_add(&place, &g, &err));
        OK(queue_find_within(dir, &tiny, 0, &place, &lsn, &err));
        assert_int_equal(lsn, n);
        if (n >= 100) {
            OK(queue_find_within(dir, &tiny, 100, &place, &lsn, &err));
            assert_int_equal(lsn, n);
        }
        place_release(&place);
    }
    queue_close(q);
    fixture_remove_dir(dir);
}

/* --until with a set that leaves out what came before. */
static void test_queue_finds_where_a_part_of_a_set_ends(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, &tiny);

    (void)state;
    write_n(&small, q, 700);
    OK(queue_sync(q, &err));
    for (uint64_t n = 1; n <= 700; n += 33) {
        struct place place = {0};
        struct gtid g = fixture_gtid(n);
        uint64_t lsn;

        OK(place_add(&place, &g, &err));
        OK(queue_find_behind(dir, &tiny, &place, &lsn, &err));
        assert_int_equal(lsn, n);
        g = fixture_gtid(701);
        OK(place_add(&place, &g, &err));
        assert_false(queue_find_behind(dir, &tiny, &place, &lsn, &err));
        assert_string_equal(err.reason, "not_yet");
        place_release(&place);
    }
    queue_close(q);
    fixture_remove_dir(dir);
}

/* ---- inspection ---- */

struct seen {
    unsigned segments;
    uint64_t last_lsn;
    uint64_t records;
    bool open;
};

static void note_segment(void *ctx, const struct queue_segment_info *info)
{
    struct seen *s = ctx;

    assert_int_equal(info->first_lsn, s->last_lsn + 1);
    s->last_lsn = info->last_lsn;
    s->records += info->records;
    s->segments++;
    s->open = info->open;
}

static void test_queue_inspection_counts_and_verifies(void **state)
{
    char *dir = fixture_dir();
    struct queue *q = fixture_queue(dir, &tiny);

    (void)state;
    write_n(&small, q, 700);
    OK(queue_sync(q, &err));
    for (int verify = 0; verify < 2; verify++) {
        struct seen s = {0};

        OK(queue_inspect(dir, &tiny, verify, note_segment, &s, &err));
        assert_true(s.segments > 3);
        assert_int_equal(s.last_lsn, 700);
        assert_true(s.records > 1400);
        assert_true(s.open);
    }
    queue_close(q);
    fixture_remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_gives_back_what_was_written),
        cmocka_unit_test(test_queue_shows_only_what_is_synced),
        cmocka_unit_test(test_queue_begins_anywhere),
        cmocka_unit_test(test_queue_refuses_a_start_behind_its_end),
        cmocka_unit_test(test_queue_goes_on_after_opening_again),
        cmocka_unit_test(test_queue_loses_unsynced_transactions_only),
        cmocka_unit_test(test_queue_has_one_writer),
        cmocka_unit_test(test_queue_refuses_a_directory_without_a_queue),
        cmocka_unit_test(test_queue_streams_a_large_transaction_and_shows_it_whole),
        cmocka_unit_test(test_queue_cuts_a_record_over_the_size_of_a_block),
        cmocka_unit_test(test_queue_forgets_an_aborted_transaction),
        cmocka_unit_test(test_queue_drops_a_transaction_that_was_open_at_the_end),
        cmocka_unit_test(test_queue_stops_at_max_bytes_and_goes_on_after_trim),
        cmocka_unit_test(test_queue_keeps_applied_segments_for_their_time),
        cmocka_unit_test(test_queue_carries_definitions_with_ddl),
        cmocka_unit_test(test_queue_catalogue_survives_opening_and_new_segments),
        cmocka_unit_test(test_queue_abort_takes_ddl_back),
        cmocka_unit_test(test_queue_refuses_a_definition_of_another_catalogue),
        cmocka_unit_test(test_queue_finds_positions),
        cmocka_unit_test(test_queue_finds_gtids),
        cmocka_unit_test(test_queue_finds_where_a_part_of_a_set_ends),
        cmocka_unit_test(test_queue_inspection_counts_and_verifies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
