/* The load on a lane that is none: it stands at the beginning, and may send a table back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/load/load.h"
#include "schema/base/clock.h"
#include "tests/lib/memory_target.h"
#include "tests/lib/queue_fixture.h"
#include "tests/lib/simfs.h"
#include "tests/sim/sim_source_parts.h"

#define QUEUE_DIR "/queue"
#define CHANNEL "zone"
#define SEED 7

/* Time passes in sleeps alone: this program brings its clock, so the library's is not linked. */
static uint64_t now_us;

uint64_t clock_wall_us(void)
{
    return now_us;
}

uint64_t clock_steady_us(void)
{
    return now_us;
}

void clock_sleep_us(uint64_t us)
{
    now_us += us;
}

void clock_format(uint64_t wall_us, char *out, size_t size)
{
    snprintf(out, size, "%llu", (unsigned long long)wall_us);
}

struct world {
    struct sim_source *source;
    struct simfs *disk;
    struct queue_options options;
    struct memory_server *server;
    struct target *target; /* of the lane */
    struct lane_state state;
    bool sends_back;
    unsigned runs;
};

static void must(bool ok, const struct err *err)
{
    if (!ok)
        fail_msg("%s", err->text);
}

static bool every_table(void *ctx, const char *db, const char *name)
{
    (void)ctx, (void)db, (void)name;
    return true;
}

static void make_queue(struct world *w)
{
    struct queue_identity id = fixture_identity();
    struct catalog *catalog = catalog_new();
    struct source *s = NULL;
    struct place place = sim_place(sim_source_count(w->source));
    struct err err = ERR_INIT;

    w->options = (struct queue_options){.fs = simfs_fs(w->disk)};
    must(source_connect(sim_source_config(w->source), &s, &err), &err);
    must(source_read_catalog(s, every_table, NULL, catalog, &err), &err);
    must(queue_create(QUEUE_DIR, &w->options, &id, &place, catalog, &err), &err);
    place_release(&place);
    catalog_free(catalog);
    source_close(s);
}

static int set_up(void **state)
{
    static struct world world;
    struct queue_identity id = fixture_identity();
    struct sim_shape shape = sim_shape_draw(SEED);
    struct world *w = &world;
    struct err err = ERR_INIT;

    *w = (struct world){0};
    shape.native_fk = shape.ddl = false;
    shape.excluded = NULL;
    w->source = sim_source_new(&shape);
    w->disk = simfs_new(SEED);
    make_queue(w);
    w->server = memory_server_new();
    w->target = memory_target_open(w->server);
    must(target_state_init(w->target, &err), &err);
    must(target_take_over(w->target, CHANNEL, 0, id.uuid, &w->state, &err), &err);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    target_close(w->target);
    memory_server_free(w->server);
    simfs_free(w->disk);
    sim_source_free(w->source);
    return 0;
}

/* ---- the lane ---- */

/* As a definition change would that the lane meets: each time that the load looks where it is. */
static void send_back(struct world *w)
{
    struct table_state *states;
    struct err err = ERR_INIT;
    size_t n;

    must(target_tables_read(w->target, CHANNEL, &states, &n, &err), &err);
    if (n && states[0].life == TABLE_STRICT) {
        states[0].life = TABLE_WAIT;
        must(target_table_save(w->target, &states[0], &err), &err);
    }
    table_states_free(states, n);
}

static void lane_place(void *ctx, struct lane_place *out)
{
    struct world *w = ctx;

    *out = (struct lane_place){0};
    if (w->sends_back)
        send_back(w);
}

static bool lane_run(void *ctx, uint64_t until, struct err *err)
{
    struct world *w = ctx;

    (void)err;
    assert_int_equal(until, 0); /* there is no transaction */
    w->runs++;
    return true;
}

static bool lane_good(void *ctx, struct err *err)
{
    (void)ctx, (void)err;
    return true;
}

static void lane_let_in(void *ctx, struct target *target)
{
    struct world *w = ctx;

    target_join(target, CHANNEL, 0, w->state.epoch);
}

static bool lane_not_asked(void *ctx, const struct table *table, const struct value *const *keys,
                           size_t n_keys, const struct value *const *rows, size_t n_rows,
                           struct err *err)
{
    (void)ctx, (void)table, (void)keys, (void)n_keys, (void)rows, (void)n_rows, (void)err;
    fail_msg("a load repairs nothing");
    return false;
}

static void lane_not_let_go(void *ctx)
{
    (void)ctx;
    fail_msg("a load does not hold the lane");
}

static bool open_door(void *ctx, struct target **out, struct err *err)
{
    struct world *w = ctx;

    (void)err;
    *out = memory_target_open(w->server);
    return true;
}

static bool load(struct world *w, struct load_result *result, struct err *err)
{
    const struct snapshot_lane lane = {.place = lane_place,
                                       .run = lane_run,
                                       .reload = lane_good,
                                       .settle = lane_good,
                                       .join = lane_let_in,
                                       .repair = lane_not_asked,
                                       .hold = lane_good,
                                       .release = lane_not_let_go,
                                       .ctx = w};
    const struct target_door door = {open_door, w, "domicile"};
    const struct load_config config = {.source = sim_source_config(w->source),
                                       .target = &door,
                                       .queue = {QUEUE_DIR, &w->options, NULL},
                                       .channel = CHANNEL,
                                       .lane = &lane,
                                       .workers = 1,
                                       .chunk_bytes = 256};

    return load_run(&config, result, err);
}

static size_t count_life(struct world *w, enum table_life life)
{
    struct table_state *states;
    struct err err = ERR_INIT;
    size_t n, found = 0;

    must(target_tables_read(w->target, CHANNEL, &states, &n, &err), &err);
    for (size_t i = 0; i < n; i++)
        found += states[i].life == life;
    table_states_free(states, n);
    return found;
}

static uint64_t count_rows(struct world *w, size_t *tables)
{
    uint64_t n = sim_source_count(w->source), found = 0;
    const char *(*names)[2];

    *tables = sim_source_names(w->source, n, &names);
    for (size_t i = 0; i < *tables; i++) {
        const struct value **rows;

        found += sim_source_rows_at(w->source, n, names[i][0], names[i][1], &rows);
        free(rows);
    }
    free(names);
    return found;
}

static void test_load_needs_no_more_of_the_lane_than_its_slots(void **state)
{
    struct world *w = *state;
    struct load_result result;
    struct err err = ERR_INIT;
    size_t tables;
    uint64_t rows = count_rows(w, &tables);

    must(load(w, &result, &err), &err);
    assert_true(rows > 0 && w->runs > 0);
    assert_int_equal(result.rows, rows);
    assert_int_equal(result.tables_loaded, tables);
    assert_int_equal(count_life(w, TABLE_STRICT), tables);
    load_result_release(&result);
}

/* The last look of the last round finds a table that waits: the load may not say yes. */
static void test_load_tells_a_table_that_is_always_sent_back(void **state)
{
    struct world *w = *state;
    struct load_result result;
    struct err err = ERR_INIT;

    w->sends_back = true;
    assert_false(load(w, &result, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_string_equal(err.reason, "refused");
    assert_int_equal(result.refused.n, 1);
    load_result_release(&result);
}

/* It waits on the target, and the source has dropped it; the lane does not come to that any more.
 */
static void test_load_forgets_a_table_that_went_before_it_was_loaded(void **state)
{
    struct world *w = *state;
    struct table_state gone = {.db = "gone", .name = "gone", .life = TABLE_WAIT};
    struct load_result result;
    struct err err = ERR_INIT;

    must(target_table_save(w->target, &gone, &err), &err);
    must(load(w, &result, &err), &err);
    assert_int_equal(count_life(w, TABLE_WAIT), 0);
    load_result_release(&result);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_load_needs_no_more_of_the_lane_than_its_slots),
        TEST(test_load_tells_a_table_that_is_always_sent_back),
        TEST(test_load_forgets_a_table_that_went_before_it_was_loaded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
