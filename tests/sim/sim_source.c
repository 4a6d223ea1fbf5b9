#include "tests/sim/sim_source.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/xalloc.h"
#include "tests/lib/queue_fixture.h"
#include "tests/sim/sim_source_parts.h"

#define TABLES_MIN 2
#define TABLES_MAX 5
#define LEVELS_MAX 3
#define ROWS_AT_FIRST 6 /* transactions that make rows */

unsigned sim_pick(struct sim_source *s, unsigned n)
{
    return (unsigned)(fixture_random(&s->rng) % n);
}

unsigned sim_dice(struct sim_source *s, unsigned n)
{
    return (unsigned)(fixture_random(&s->dice) % n);
}

struct sim_shape sim_shape_draw(uint64_t seed)
{
    static const char *const names[TABLES_MAX] = {"shop.t0", "shop.t1", "shop.t2", "crm.t3",
                                                  "shop.t4"};
    uint64_t rng = seed ^ UINT64_C(0x5eed5eed5eed5eed);
    struct sim_shape shape = {.seed = seed};

    shape.native_fk = fixture_random(&rng) % 2;
    shape.ddl = fixture_random(&rng) % 2;
    shape.tables = TABLES_MIN + (unsigned)(fixture_random(&rng) % (TABLES_MAX - TABLES_MIN + 1));
    shape.fk_levels = (unsigned)(fixture_random(&rng) % (LEVELS_MAX + 1));
    if (shape.fk_levels > shape.tables - 1)
        shape.fk_levels = shape.tables - 1;
    if (fixture_random(&rng) % 4 == 0)
        shape.excluded = names[fixture_random(&rng) % shape.tables];
    return shape;
}

struct sim_source *sim_source_new(const struct sim_shape *shape)
{
    struct sim_source *s = xcalloc(1, sizeof(*s));

    s->driver = sim_driver;
    s->config = (struct source_config){
        .driver = &s->driver, .host = "sim", .user = "sim", .password = "", .server_id = 4711};
    s->shape = *shape;
    s->rng = shape->seed;
    s->dice = ~shape->seed;
    s->checksum = sim_pick(s, 4) == 0;
    s->catalog = catalog_new();
    sim_binlog_open(s);
    sim_make_tables(s);
    for (unsigned i = 0; i < ROWS_AT_FIRST; i++)
        sim_commit_rows(s);
    s->visible = s->executed = s->count;
    return s;
}

void sim_source_free(struct sim_source *s)
{
    if (!s)
        return;
    sim_binlog_release(s);
    sim_model_release(s);
    free(s);
}

const struct source_config *sim_source_config(struct sim_source *s)
{
    return &s->config;
}

void sim_source_on_call(struct sim_source *s, void (*fn)(void *ctx), void *ctx)
{
    s->on_call = fn;
    s->on_call_ctx = ctx;
}

uint64_t sim_source_count(const struct sim_source *s)
{
    return s->count;
}

uint64_t sim_source_number(const struct sim_source *s, const struct gtid *gtid)
{
    struct gtid same;

    if (gtid->kind != GTID_MYSQL || gtid->mysql.gno > s->count)
        return 0;
    same = sim_gtid(gtid->mysql.gno);
    return gtid_equal(&same, gtid) ? gtid->mysql.gno : 0;
}

bool sim_source_table_at(const struct sim_source *s, uint64_t n, const char *db, const char *name,
                         const struct table **def)
{
    const struct sim_table *t = sim_find(s, n, db, name);

    *def = t ? sim_def_at(t, n) : NULL;
    return t != NULL;
}

bool sim_source_same_table(const struct sim_source *s, uint64_t a, uint64_t b, const char *db,
                           const char *name)
{
    const struct sim_table *t = sim_find(s, a, db, name);

    return t && t == sim_find(s, b, db, name);
}

size_t sim_source_rows_at(const struct sim_source *s, uint64_t n, const char *db, const char *name,
                          const struct value ***rows)
{
    const struct sim_table *t = sim_find(s, n, db, name);
    size_t found = 0;

    *rows = xcalloc((t ? t->n_rows : 0) + 1, sizeof(**rows));
    for (size_t i = 0; t && i < t->n_rows; i++)
        if (sim_shown(&t->rows[i], n))
            (*rows)[found++] = t->rows[i].values;
    return found;
}

size_t sim_source_names(const struct sim_source *s, uint64_t n, const char *(**names)[2])
{
    size_t found = 0;

    *names = xcalloc(s->n_tables + 1, sizeof(**names));
    for (size_t i = 0; i < s->n_tables; i++) {
        const struct table *def = sim_def_at(s->tables[i], n);

        if (!def)
            continue;
        (*names)[found][0] = def->db;
        (*names)[found++][1] = def->name;
    }
    return found;
}
