#include "targets/target.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/cursor.h"
#include "schema/base/xalloc.h"
#include "schema/mapping/route.h"
#include "targets/engine.h"
#include "targets/mariadb/engine.h"

static const struct target_ops *const engines[] = {&mariadb_target};
#define N_ENGINES (sizeof(engines) / sizeof(engines[0]))

static const struct target_ops *find_engine(const char *name, struct err *err)
{
    struct buf names = BUF_INIT;

    for (size_t i = 0; i < N_ENGINES; i++) {
        if (strcmp(engines[i]->engine, name) == 0)
            return engines[i];
        buf_putf(&names, "%s\"%s\"", i ? ", " : "", engines[i]->engine);
    }
    err_set(err, ERR_CONFIG, "target engine %s is not supported; it can be %s", name,
            buf_cstr(&names));
    buf_release(&names);
    return NULL;
}

static const char *copy(struct arena *a, const char *s)
{
    return s ? arena_strdup(a, s) : "";
}

static struct target *target_new(const struct target_ops *ops, const struct target_config *config,
                                 struct guard *guard, const struct permit *permit)
{
    struct target *t = xcalloc(1, ops->size);

    t->ops = ops;
    t->config = *config;
    t->config.name = copy(&t->arena, config->name);
    t->config.engine = copy(&t->arena, config->engine);
    t->config.host = copy(&t->arena, config->host);
    t->config.user = copy(&t->arena, config->user);
    t->config.password = copy(&t->arena, config->password);
    t->config.tls_ca = copy(&t->arena, config->tls_ca);
    t->config.state_schema = copy(&t->arena, config->state_schema);
    t->guard = guard;
    t->permit = *permit;
    return t;
}

bool target_open(const struct target_config *config, struct guard *guard,
                 const struct permit *permit, struct target **out, struct err *err)
{
    const struct target_ops *ops = find_engine(config->engine, err);
    struct target *t;

    *out = NULL;
    if (!ops)
        return false;
    if (!config->tls_ca || !config->tls_ca[0]) {
        err_set(err, ERR_CONFIG, "target %s has no tls ca; connections are always verified",
                config->name);
        return false;
    }
    t = target_new(ops, config, guard, permit);
    if (!ops->open(t, err)) {
        target_close(t);
        return false;
    }
    *out = t;
    return true;
}

bool target_connect(const struct target_config *config, struct guard *guard, struct target **out,
                    struct err *err)
{
    struct permit permit;

    *out = NULL;
    memset(&permit, 0, sizeof(permit));
    return guard_permit(guard, config->host, config->port, &permit, err) &&
           target_open(config, guard, &permit, out, err);
}

static bool open_guarded(void *ctx, struct target **out, struct err *err)
{
    const struct target_guarded *g = ctx;

    return target_connect(g->config, g->guard, out, err);
}

struct target_door target_guarded(struct target_guarded *guarded)
{
    return (struct target_door){open_guarded, guarded, guarded->config->state_schema};
}

bool target_enter(const struct target_door *door, struct target **out, struct err *err)
{
    *out = NULL;
    return door->open(door->ctx, out, err);
}

void target_close(struct target *t)
{
    if (!t)
        return;
    t->ops->release(t);
    for (size_t i = 0; i < TARGET_IN_FLIGHT_MAX; i++)
        arena_release(&t->units[i].arena);
    arena_release(&t->load_routes);
    arena_release(&t->arena);
    free(t);
}

const struct target_info *target_info(const struct target *t)
{
    return &t->info;
}

const struct permit *target_permit(const struct target *t)
{
    return &t->permit;
}

bool target_keep(struct target *t, struct err *err)
{
    return t->ops->keep(t, err);
}

bool target_check(struct target *t, const struct target_needs *needs, target_finding_fn *fn,
                  void *ctx, struct err *err)
{
    return t->ops->check(t, needs, fn, ctx, err);
}

/* ---- writer ---- */

static bool route_op(const struct target *t, struct unit_in_flight *f, const struct op *op,
                     struct op *out, struct err *err)
{
    *out = *op;
    for (size_t i = 0; i < f->n_tables; i++) {
        if (f->tables[2 * i] == op->table) {
            out->table = f->tables[2 * i + 1];
            return true;
        }
    }
    if (!route_table(t->config.mapping, &f->arena, op->table, &out->table, err))
        return false;
    f->tables[2 * f->n_tables] = op->table;
    f->tables[2 * f->n_tables++ + 1] = out->table;
    return true;
}

static bool route_unit(const struct target *t, struct unit_in_flight *f, struct err *err)
{
    const struct unit *unit = &f->unit;
    struct op *ops;

    f->n_tables = 0;
    if (!mapping_renames(t->config.mapping))
        return true;
    f->tables = arena_alloc(&f->arena, (2 * unit->n_ops + 1) * sizeof(struct table *));
    ops = arena_alloc(&f->arena, (unit->n_ops + 1) * sizeof(*ops));
    for (size_t i = 0; i < unit->n_ops; i++)
        if (!route_op(t, f, &unit->ops[i], &ops[i], err))
            return false;
    f->unit.ops = ops;
    return true;
}

/* After an error nothing is in flight any more. */
static bool unit_failed(struct target *t, struct unit_in_flight *f)
{
    t->failed = f;
    t->n_units = 0;
    t->submitted = t->acknowledged;
    return false;
}

bool target_submit(struct target *t, const struct unit *unit, struct err *err)
{
    size_t at = (t->first_unit + t->n_units) % TARGET_IN_FLIGHT_MAX;
    struct unit_in_flight *f = &t->units[at];
    bool has_lane;

    assert(t->n_units < TARGET_IN_FLIGHT_MAX);
    t->failed = NULL;
    arena_reset(&f->arena);
    f->unit = *unit;
    if (!route_unit(t, f, err)) {
        t->ops->writer->rollback(t);
        return unit_failed(t, f);
    }
    has_lane = store_unit(t, &f->unit, &f->arena, &f->lane);
    if (!t->ops->writer->submit(t, &f->unit, has_lane ? &f->lane : NULL, err))
        return unit_failed(t, f);
    t->n_units++;
    if (unit->ends)
        t->submitted = unit->lsn;
    return true;
}

bool target_reap(struct target *t, uint64_t *lsn, struct err *err)
{
    struct unit_in_flight *f = &t->units[t->first_unit];

    assert(t->n_units > 0);
    if (!t->ops->writer->reap(t, lsn, err))
        return unit_failed(t, f);
    t->first_unit = (t->first_unit + 1) % TARGET_IN_FLIGHT_MAX;
    t->n_units--;
    if (f->unit.ends)
        t->acknowledged = f->unit.lsn;
    return true;
}

void target_rollback(struct target *t)
{
    t->ops->writer->rollback(t);
    t->n_units = 0;
    t->submitted = t->acknowledged;
}

uint64_t target_submitted(const struct target *t)
{
    return t->submitted;
}

uint64_t target_acknowledged(const struct target *t)
{
    return t->acknowledged;
}

const struct table *target_failed_table(const struct target *t)
{
    const struct table *failed = t->ops->writer->failed_table(t);
    const struct unit_in_flight *f = t->failed;

    for (size_t i = 0; failed && f && i < f->n_tables; i++)
        if (f->tables[2 * i + 1] == failed)
            return f->tables[2 * i];
    return failed;
}

bool target_load_begin(struct target *t, const struct table *table, struct err *err)
{
    const struct table *to;

    arena_reset(&t->load_routes);
    t->load_source = table;
    return route_table(t->config.mapping, &t->load_routes, table, &to, err) &&
           t->ops->writer->load_begin(t, to, err);
}

bool target_load_row(struct target *t, const struct value *row, struct err *err)
{
    return t->ops->writer->load_row(t, row, err);
}

void target_load_abort(struct target *t)
{
    t->ops->writer->load_abort(t);
}

/* ---- reader ---- */

bool target_view_open(struct target *t, struct err *err)
{
    return t->ops->reader->view_open(t, err);
}

bool target_view_close(struct target *t, struct err *err)
{
    return t->ops->reader->view_close(t, err);
}

void target_columns(const struct target *t, const struct table *table, bool *columns)
{
    t->ops->reader->columns(t, table, columns);
}

bool target_read_rows(struct target *t, const struct table *table, const struct selection *which,
                      bool order, uint64_t limit, target_value_fn *row, void *ctx, struct err *err)
{
    struct arena arena = {0};
    const struct table *to;
    bool ok = route_table(t->config.mapping, &arena, table, &to, err) &&
              t->ops->reader->read_rows(t, to, which, order, limit, row, ctx, err);

    arena_release(&arena);
    return ok;
}

bool target_read_sums(struct target *t, const struct table *table, const struct selection *which,
                      struct canon_sums *out, struct err *err)
{
    struct arena arena = {0};
    const struct table *to;
    bool ok = route_table(t->config.mapping, &arena, table, &to, err) &&
              t->ops->reader->read_sums(t, to, which, out, err);

    arena_release(&arena);
    return ok;
}

bool target_read_hashes(struct target *t, const struct table *table, const struct selection *which,
                        canon_hash_fn *fn, void *ctx, struct err *err)
{
    struct arena arena = {0};
    const struct table *to;
    bool ok = route_table(t->config.mapping, &arena, table, &to, err) &&
              t->ops->reader->read_hashes(t, to, which, fn, ctx, err);

    arena_release(&arena);
    return ok;
}

/* ---- definer ---- */

bool target_create_database(struct target *t, const char *db, const char *charset,
                            const char *collation, struct err *err)
{
    char to[MAPPING_NAME_SIZE];

    return mapping_database(t->config.mapping, db, to, err) &&
           t->ops->definer->create_database(t, to, charset, collation, err);
}

/* A table that has a database of its own by the mapping: no database of the source becomes it. */
static bool make_own_database(struct target *t, const struct table *source, const struct table *to,
                              struct err *err)
{
    char db[MAPPING_NAME_SIZE];

    if (!source || source == to)
        return true;
    return mapping_database(t->config.mapping, source->db, db, err) &&
           (strcmp(db, to->db) == 0 ||
            t->ops->definer->create_database(t, to->db, source->charset, source->collation, err));
}

bool target_create_table(struct target *t, const struct table *table, enum table_parts parts,
                         struct notes *notes, struct err *err)
{
    struct arena arena = {0};
    const struct table *to;
    bool ok = route_table(t->config.mapping, &arena, table, &to, err) &&
              make_own_database(t, table, to, err) &&
              t->ops->definer->create_table(t, to, parts, notes, err);

    arena_release(&arena);
    return ok;
}

bool target_drop_table(struct target *t, const char *db, const char *name, struct err *err)
{
    struct mapped_name to;

    return mapping_name(t->config.mapping, db, name, &to, err) &&
           t->ops->definer->drop_table(t, to.db, to.name, err);
}

bool target_add_keys(struct target *t, const struct table *table, struct notes *notes,
                     struct err *err)
{
    struct arena arena = {0};
    const struct table *to;
    bool ok = route_table(t->config.mapping, &arena, table, &to, err) &&
              t->ops->definer->add_keys(t, to, notes, err);

    arena_release(&arena);
    return ok;
}

bool target_add_foreign_keys(struct target *t, const struct table *table, struct err *err)
{
    struct arena arena = {0};
    const struct table *to;
    bool ok = route_table(t->config.mapping, &arena, table, &to, err) &&
              t->ops->definer->add_foreign_keys(t, to, err);

    arena_release(&arena);
    return ok;
}

bool target_weaker(struct target *t, const struct table *table, struct notes *notes,
                   struct err *err)
{
    struct arena arena = {0};
    const struct table *to;
    bool ok = route_table(t->config.mapping, &arena, table, &to, err) &&
              t->ops->definer->weaker(t, to, notes, err);

    arena_release(&arena);
    return ok;
}

bool target_create_view(struct target *t, const char *db, const char *name, const char *select_text,
                        struct notes *notes, struct err *err)
{
    struct buf text = BUF_INIT;
    struct mapped_name to;
    char why[300];
    bool ok = true;

    if (!mapping_renames(t->config.mapping))
        return t->ops->definer->create_view(t, db, name, select_text, notes, err);
    if (!mapping_name(t->config.mapping, db, name, &to, err))
        return false;
    if (route_view(t->config.mapping, select_text, &text, why, sizeof(why)))
        ok = t->ops->definer->create_view(t, to.db, to.name, buf_cstr(&text), notes, err);
    else
        notes_add(notes, "view %s.%s was not created: %s", db, name, why);
    buf_release(&text);
    return ok;
}

bool target_table_exists(struct target *t, const char *db, const char *name, bool *exists,
                         struct err *err)
{
    struct mapped_name to;

    return mapping_name(t->config.mapping, db, name, &to, err) &&
           t->ops->definer->table_exists(t, to.db, to.name, exists, err);
}

bool target_apply_ddl(struct target *t, const struct ddl_unit *unit, struct notes *notes,
                      struct err *err)
{
    struct arena arena = {0};
    struct ddl_unit routed = *unit;
    struct ddl ddl;
    bool ok = route_ddl(t->config.mapping, &arena, unit->ddl, &ddl, err);

    routed.ddl = &ddl;
    for (uint32_t i = 0; ok && i < ddl.n_effects; i++)
        ok = make_own_database(t, unit->ddl->effects[i].after, ddl.effects[i].after, err);
    ok = ok && t->ops->definer->apply_ddl(t, &routed, notes, err);
    arena_release(&arena);
    return ok;
}

void table_states_free(struct table_state *states, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(states[i].definition);
    free(states);
}

void chunk_states_free(struct chunk_state *chunks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(chunks[i].low);
        free(chunks[i].high);
    }
    free(chunks);
}

#define KEY_TEXT "k1:"

void key_text_put(struct buf *b, const struct table *t, const struct value *key)
{
    static const char digits[] = "0123456789abcdef";
    struct buf bytes = BUF_INIT;

    for (uint32_t i = 0; i < t->n_row_key; i++)
        value_put_key(&bytes, &key[i]);
    buf_put_str(b, KEY_TEXT);
    for (size_t i = 0; i < bytes.len; i++) {
        buf_put_u8(b, (uint8_t)digits[bytes.data[i] >> 4]);
        buf_put_u8(b, (uint8_t)digits[bytes.data[i] & 15]);
    }
    buf_release(&bytes);
}

static bool unhex(const char *text, struct arena *arena, struct bytes *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = strlen(text);
    uint8_t *data = arena_alloc(arena, n / 2 + 1);

    for (size_t i = 0; i < n; i++) {
        const char *at = strchr(digits, text[i]);

        if (!at)
            return false;
        data[i / 2] = (uint8_t)((i % 2 ? data[i / 2] : 0) << 4 | (at - digits));
    }
    *out = bytes_of(data, n / 2);
    return n % 2 == 0;
}

bool key_text_parse(const char *text, const struct table *t, struct arena *arena,
                    const struct value **key)
{
    struct value *values = arena_alloc(arena, (t->n_row_key + 1) * sizeof(*values));
    struct bytes bytes;
    struct cursor c;

    if (strncmp(text, KEY_TEXT, strlen(KEY_TEXT)) != 0 ||
        !unhex(text + strlen(KEY_TEXT), arena, &bytes))
        return false;
    c = cursor_of(bytes);
    for (uint32_t i = 0; i < t->n_row_key; i++)
        values[i] = value_take_key(&c);
    *key = values;
    return !c.bad && cursor_left(&c) == 0 && t->n_row_key > 0;
}

void notes_add(struct notes *notes, const char *fmt, ...)
{
    struct buf line = BUF_INIT;
    va_list args;

    va_start(args, fmt);
    buf_vputf(&line, fmt, args);
    va_end(args);
    notes->lines = xrealloc(notes->lines, (notes->n + 1) * sizeof(*notes->lines));
    notes->lines[notes->n++] = xstrdup(buf_cstr(&line));
    buf_release(&line);
}

void notes_release(struct notes *notes)
{
    for (size_t i = 0; i < notes->n; i++)
        free(notes->lines[i]);
    free(notes->lines);
    notes->lines = NULL;
    notes->n = 0;
}
