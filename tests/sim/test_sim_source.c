/* The simulated source proves itself: what the product reads of it is what its model says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cdc/capture/sink.h"
#include "schema/base/log.h"
#include "schema/base/xalloc.h"
#include "tests/lib/queue_fixture.h"
#include "tests/lib/simfs.h"
#include "tests/sim/sim_source_parts.h"

#define SEEDS 60
#define COMMITS 60
#define EVENT_MAX (1u << 20)
#define QUEUE_DIR "/queue"

/* ---- rows as a multiset of their bytes ---- */

struct rows {
    struct map copies; /* of each row's bytes: how many */
    struct buf key;
};

static struct bytes row_bytes(struct rows *r, const struct value *row, uint32_t n)
{
    buf_reset(&r->key);
    r->key.max = BUF_MAX_DEFAULT;
    for (uint32_t i = 0; i < n; i++)
        value_put_key(&r->key, &row[i]);
    return buf_bytes(&r->key);
}

static void add_row(struct rows *r, const struct value *row, uint32_t n, intptr_t copies)
{
    void **slot = map_slot(&r->copies, row_bytes(r, row, n));

    *slot = (void *)((intptr_t)*slot + copies);
}

static void rows_release(struct rows *r)
{
    map_release(&r->copies);
    buf_release(&r->key);
}

static void add_model(struct rows *r, const struct sim_source *s, uint64_t n, const char *db,
                      const char *name, intptr_t copies)
{
    const struct table *def;
    const struct value **rows;
    size_t count = sim_source_rows_at(s, n, db, name, &rows);

    assert_true(sim_source_table_at(s, n, db, name, &def));
    for (size_t i = 0; i < count; i++)
        add_row(r, rows[i], def->n_columns, copies);
    free(rows);
}

static bool is_balanced(const struct rows *r)
{
    struct map_entry *e;

    for (size_t i = 0; (e = map_next(&r->copies, &i)) != NULL;)
        if (e->value)
            return false;
    return true;
}

/* ---- a queue on a simulated disk ---- */

struct world {
    struct sim_source *source;
    struct simfs *disk;
    struct queue_options options;
    struct queue *queue;
    struct capture_sink sink;
    uint64_t at;       /* what rows that are not in tables are taken from */
    struct map tables; /* "db.name" to struct rows, as the queue tells them */
};

static bool every_table(void *ctx, const char *db, const char *name)
{
    (void)ctx, (void)db, (void)name;
    return true;
}

static void must(bool ok, const struct err *err)
{
    if (!ok)
        fail_msg("%s", err->text);
}

static void make_queue(struct world *w)
{
    struct queue_identity id = fixture_identity();
    struct catalog *catalog = catalog_new();
    struct source *s = NULL;
    struct place place;
    struct err err = ERR_INIT;

    w->options = (struct queue_options){
        .max_bytes = 4u << 20, .segment_bytes = 1u << 20, .fs = simfs_fs(w->disk)};
    w->at = sim_source_count(w->source);
    must(source_connect(sim_source_config(w->source), &s, &err), &err);
    must(source_read_catalog(s, every_table, NULL, catalog, &err), &err);
    place = sim_place(w->at);
    must(queue_create(QUEUE_DIR, &w->options, &id, &place, catalog, &err), &err);
    must(queue_open(QUEUE_DIR, &w->options, &w->queue, &err), &err);
    capture_sink_init(&w->sink, w->queue, NULL);
    w->sink.native_fk = source_info(s)->native_fk;
    w->sink.dialect = source_info(s)->dialect;
    place_release(&place);
    catalog_free(catalog);
    source_close(s);
}

static struct world *world_new(uint64_t seed, bool native_fk, bool ddl)
{
    struct world *w = xcalloc(1, sizeof(*w));
    struct sim_shape shape = sim_shape_draw(seed);

    shape.native_fk = native_fk;
    shape.ddl = ddl;
    w->source = sim_source_new(&shape);
    w->disk = simfs_new(seed);
    make_queue(w);
    return w;
}

static void forget_tables(struct world *w)
{
    struct map_entry *e;

    for (size_t i = 0; (e = map_next(&w->tables, &i)) != NULL;) {
        rows_release(e->value);
        free(e->value);
    }
    map_release(&w->tables);
    w->tables = (struct map){0};
}

static void world_free(struct world *w)
{
    forget_tables(w);
    capture_sink_release(&w->sink);
    queue_close(w->queue);
    simfs_free(w->disk);
    sim_source_free(w->source);
    free(w);
}

/* Decode up to `events` events of one connection, or all. False: it was lost. */
static bool follow(struct world *w, unsigned events)
{
    struct decode_sink sink = capture_sink_table(&w->sink);
    struct decoder *d;
    struct position end;
    struct source *s = NULL;
    struct err err = ERR_INIT;
    bool ok = true;

    must(source_connect(sim_source_config(w->source), &s, &err), &err);
    must(source_binlog_end(s, &end, &err), &err);
    d = decoder_new(&sink, source_info(s)->checksum_crc32, EVENT_MAX);
    must(source_stream_start(s, queue_place(w->queue), &err), &err);
    while (ok && events-- > 0 && !position_reached(&w->sink.received, &end)) {
        struct bytes event;

        ok = source_stream_next(s, 0, &event, &err);
        assert_true(ok || err.kind == ERR_RETRY);
        if (ok && event.len)
            must(decoder_event(d, event, &err), &err);
    }
    if (w->sink.in_transaction)
        must(queue_abort(w->queue, &err), &err);
    w->sink.in_transaction = false;
    must(queue_sync(w->queue, &err), &err);
    decoder_free(d);
    source_close(s);
    return ok;
}

static struct rows *rows_of(struct world *w, const char *db, const char *name)
{
    char *key = xasprintf("%s.%s", db, name);
    struct rows **slot;

    slot = (struct rows **)map_slot(&w->tables, bytes_str(key));
    if (!*slot) {
        *slot = xcalloc(1, sizeof(**slot));
        if (sim_find(w->source, w->at, db, name))
            add_model(*slot, w->source, w->at, db, name, 1);
    }
    free(key);
    return *slot;
}

static void play(struct world *w, const struct change *c)
{
    struct rows *r = rows_of(w, c->table->db, c->table->name);

    if (c->before)
        add_row(r, c->before, c->table->n_columns, -1);
    if (c->after)
        add_row(r, c->after, c->table->n_columns, 1);
}

/* Does the model hold the same, of the tables that no unlogged cascade touches? */
static void compare(struct world *w, uint64_t n)
{
    const char *(*names)[2];
    size_t count = sim_source_names(w->source, n, &names);

    for (size_t i = 0; i < count; i++) {
        const struct table *def;
        struct rows *r = rows_of(w, names[i][0], names[i][1]);

        assert_true(sim_source_table_at(w->source, n, names[i][0], names[i][1], &def));
        if (w->source->shape.native_fk && def->n_fks)
            continue;
        add_model(r, w->source, n, names[i][0], names[i][1], -1);
        if (!is_balanced(r))
            fail_msg("seed %llu: after transaction %llu %s.%s differs",
                     (unsigned long long)w->source->shape.seed, (unsigned long long)n, names[i][0],
                     names[i][1]);
        add_model(r, w->source, n, names[i][0], names[i][1], 1);
    }
    free(names);
}

/* The definitions that travelled are the model's; rows go on from what it holds now. */
static void follow_ddl(struct world *w, const struct catalog *catalog, uint64_t n)
{
    const struct table **tables;
    const char *(*names)[2];
    size_t n_tables = catalog_tables(catalog, &tables);
    size_t n_names = sim_source_names(w->source, n, &names);

    if (n_tables != n_names)
        fail_msg("seed %llu: after transaction %llu the queue has %zu tables, the model %zu",
                 (unsigned long long)w->source->shape.seed, (unsigned long long)n, n_tables,
                 n_names);
    for (size_t i = 0; i < n_tables; i++) {
        const struct table *def;

        assert_true(sim_source_table_at(w->source, n, tables[i]->db, tables[i]->name, &def));
        assert_true(ddl_same_table(tables[i], def));
    }
    free(tables);
    free(names);
    forget_tables(w);
    w->at = n;
}

static void read_back(struct world *w)
{
    struct queue_reader *r = NULL;
    uint64_t n = w->at;
    struct err err = ERR_INIT;

    must(queue_reader_open(QUEUE_DIR, &w->options, 0, &r, &err), &err);
    for (;;) {
        struct queue_item item;
        bool got;

        must(queue_read(r, 0, &got, &item, &err), &err);
        if (!got)
            break;
        if (item.kind == QUEUE_BEGIN)
            assert_int_equal(sim_source_number(w->source, &item.begin.gtid), ++n);
        if (item.kind == QUEUE_CHANGE)
            play(w, &item.change);
        if (item.kind == QUEUE_DDL)
            follow_ddl(w, queue_reader_catalog(r), n);
        if (item.kind == QUEUE_END)
            compare(w, n);
    }
    assert_int_equal(n, sim_source_count(w->source));
    queue_reader_close(r);
}

static void run(uint64_t seed, bool native_fk, bool ddl)
{
    struct world *w = world_new(seed, native_fk, ddl);
    uint64_t rng = seed;

    for (unsigned i = 0; i < COMMITS; i++) {
        sim_source_commit(w->source);
        if (fixture_random(&rng) % 6 == 0)
            assert_true(follow(w, 1 + (unsigned)(fixture_random(&rng) % 40)));
        if (fixture_random(&rng) % 20 == 0)
            sim_source_break(w->source);
    }
    assert_true(follow(w, UINT32_MAX));
    read_back(w);
    world_free(w);
}

static void same_rows(const struct sim_source *a, const struct sim_source *b, uint64_t n)
{
    const char *(*names)[2];
    size_t count = sim_source_names(a, n, &names);

    for (size_t i = 0; i < count; i++) {
        struct rows r = {0};

        add_model(&r, a, n, names[i][0], names[i][1], 1);
        add_model(&r, b, n, names[i][0], names[i][1], -1);
        assert_true(is_balanced(&r));
        rows_release(&r);
    }
    free(names);
}

static void test_the_queue_holds_what_the_model_says(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run(seed, false, false);
}

static void test_definitions_change_as_the_model_says(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run(seed, false, true);
}

static void test_unlogged_cascades_leave_the_other_tables_alone(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run(seed, true, seed % 2);
}

/* What an engine does by itself is what another source logs. */
static void test_logged_and_unlogged_cascades_end_in_the_same_rows(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct sim_shape shape = sim_shape_draw(seed);
        struct sim_source *a, *b;

        shape.native_fk = true;
        a = sim_source_new(&shape);
        shape.native_fk = false;
        b = sim_source_new(&shape);
        for (unsigned i = 0; i < COMMITS; i++) {
            sim_source_commit(a);
            sim_source_commit(b);
        }
        for (uint64_t n = 1; n <= sim_source_count(a); n++)
            same_rows(a, b, n);
        sim_source_free(a);
        sim_source_free(b);
    }
}

/* ---- the same seed ---- */

static void test_a_seed_gives_one_history(void **state)
{
    struct sim_shape shape = sim_shape_draw(7);
    struct sim_source *a = sim_source_new(&shape), *b = sim_source_new(&shape);

    (void)state;
    for (unsigned i = 0; i < COMMITS; i++) {
        sim_source_commit(a);
        sim_source_commit(b);
    }
    assert_int_equal(a->n_files, b->n_files);
    for (size_t i = 0; i < a->n_files; i++)
        assert_true(bytes_equal(buf_bytes(&a->files[i].bytes), buf_bytes(&b->files[i].bytes)));
    sim_source_free(a);
    sim_source_free(b);
}

/* ---- views ---- */

static void commit_some(void *ctx)
{
    struct sim_source *s = ctx;

    while (sim_dice(s, 3) == 0)
        sim_source_commit(s);
}

struct reading {
    struct rows rows;
    const struct table *t;
    struct sim_source *s;
};

static bool keep_row(void *ctx, const struct value *row, struct err *err)
{
    struct reading *r = ctx;

    (void)err;
    add_row(&r->rows, row, r->t->n_columns, 1);
    commit_some(r->s);
    return true;
}

static void read_view(struct sim_source *s, struct source *c, uint64_t view)
{
    const char *(*names)[2];
    size_t n = sim_source_names(s, view, &names);

    for (size_t i = 0; i < n; i++) {
        const struct sim_table *now;
        struct reading r = {.s = s};
        struct table *t = NULL;
        struct err err = ERR_INIT;

        if (!source_read_table(c, names[i][0], names[i][1], &t, &err)) {
            assert_true(s->shape.ddl);
            continue;
        }
        r.t = t;
        must(source_read_rows(c, t, NULL, t->n_row_key > 0, 0, keep_row, &r, &err), &err);
        /* By its name of now: a table that was renamed is another one by its old name. */
        now = sim_find(s, sim_source_count(s), names[i][0], names[i][1]);
        assert_non_null(now);
        for (size_t k = 0; k < now->n_rows; k++)
            if (sim_shown(&now->rows[k], view))
                add_row(&r.rows, now->rows[k].values, t->n_columns, -1);
        assert_true(is_balanced(&r.rows));
        rows_release(&r.rows);
        table_free(t);
    }
    free(names);
}

static void test_a_view_shows_one_moment_between_its_bounds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct sim_shape shape = sim_shape_draw(seed);
        struct sim_source *s = sim_source_new(&shape);
        struct source_view_bounds bounds;
        struct source *c = NULL;
        struct err err = ERR_INIT;
        uint64_t view;
        struct gtid behind;

        sim_source_on_call(s, commit_some, s);
        must(source_connect(sim_source_config(s), &c, &err), &err);
        must(source_view_open(c, &bounds, &err), &err);
        view = sim_link_of(c)->view;
        behind = sim_gtid(view + 1);
        assert_false(place_has(&bounds.lo, &behind));
        assert_true(view <= sim_source_count(s));
        if (view) {
            struct gtid last = sim_gtid(view);

            assert_true(place_has(&bounds.hi, &last) || place_has(&bounds.committing, &last));
        }
        read_view(s, c, view);
        source_view_bounds_release(&bounds);
        must(source_view_close(c, &err), &err);
        source_close(c);
        sim_source_free(s);
    }
}

static void test_a_broken_connection_stays_broken(void **state)
{
    struct sim_shape shape = sim_shape_draw(3);
    struct sim_source *s = sim_source_new(&shape);
    struct source *c = NULL, *other = NULL;
    struct place place;
    struct err err = ERR_INIT;

    (void)state;
    must(source_connect(sim_source_config(s), &c, &err), &err);
    sim_source_break(s);
    assert_false(source_executed(c, &place, &err));
    assert_int_equal(err.kind, ERR_RETRY);
    sim_source_down(s, true);
    assert_false(source_connect(sim_source_config(s), &other, &err));
    sim_source_down(s, false);
    must(source_connect(sim_source_config(s), &other, &err), &err);
    source_close(c);
    source_close(other);
    sim_source_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_queue_holds_what_the_model_says),
        cmocka_unit_test(test_definitions_change_as_the_model_says),
        cmocka_unit_test(test_logged_and_unlogged_cascades_end_in_the_same_rows),
        cmocka_unit_test(test_unlogged_cascades_leave_the_other_tables_alone),
        cmocka_unit_test(test_a_seed_gives_one_history),
        cmocka_unit_test(test_a_view_shows_one_moment_between_its_bounds),
        cmocka_unit_test(test_a_broken_connection_stays_broken),
    };

    log_setup(LOG_WARN, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
