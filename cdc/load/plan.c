#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#include "cdc/load/work.h"
#include "cdc/snapshot/chunks.h"
#include "schema/base/xalloc.h"
#include "schema/ddl/ddl.h"

#define CHUNK_BYTES_DEFAULT ((uint64_t)32 << 20)
#define CHUNK_ROWS_MIN 1000
#define CHUNK_ROWS_MAX_DEFAULT 5000000
#define ROW_BYTES_UNKNOWN 200
#define FOREIGN_NAMES_MAX 10

struct listing {
    struct load *load;
    size_t cap;
};

static bool is_chosen(const struct load_config *c, const char *db, const char *name)
{
    if (!mapping_wants(c->mapping, db, name))
        return false;
    if (!c->n_only)
        return true;
    for (size_t i = 0; i < c->n_only; i++) {
        size_t n = strlen(db);

        if (strncmp(c->only[i], db, n) == 0 && c->only[i][n] == '.' &&
            strcmp(c->only[i] + n + 1, name) == 0)
            return true;
    }
    return false;
}

static struct load_table *add_table(struct listing *listing, const struct source_table *there,
                                    enum load_step step)
{
    struct load *l = listing->load;
    struct load_table *t;

    if (l->n_tables == listing->cap) {
        listing->cap = listing->cap ? listing->cap * 2 : 64;
        l->tables = xrealloc(l->tables, listing->cap * sizeof(*l->tables));
    }
    t = &l->tables[l->n_tables++];
    *t = (struct load_table){
        .db = xstrdup(there->db),
        .name = xstrdup(there->name),
        .step = step,
        .lo = UINT64_MAX,
        .rows_estimate = there->rows,
        .row_bytes = there->row_bytes ? there->row_bytes : ROW_BYTES_UNKNOWN,
    };
    return t;
}

static bool take_table(void *ctx, const struct source_table *there, struct err *err)
{
    struct listing *listing = ctx;

    (void)err;
    if (is_chosen(listing->load->config, there->db, there->name))
        (void)add_table(listing, there, STEP_PLAN);
    return true;
}

/* Two tables on one name would overwrite each other: said before anything is written. */
static bool check_names(const struct load *l, struct err *err)
{
    struct landing landing = {.mapping = l->config->mapping,
                              .reserved_db = l->config->target->state_schema};
    bool ok = true;

    for (size_t i = 0; ok && i < l->n_tables && mapping_renames(l->config->mapping); i++)
        ok = landing_add(&landing, l->tables[i].db, l->tables[i].name, err);
    landing_release(&landing);
    return ok;
}

static struct load_table *find_table(struct load *l, const char *db, const char *name)
{
    for (size_t i = 0; i < l->n_tables; i++) {
        if (strcmp(l->tables[i].db, db) == 0 && strcmp(l->tables[i].name, name) == 0)
            return &l->tables[i];
    }
    return NULL;
}

/* Bounds that an older version kept are not read: the table is cut anew. */
static bool bound_is_good(const struct table *t, const char *text)
{
    struct arena arena = {0};
    const struct value *key;
    bool good = !text || key_text_parse(text, t, &arena, &key);

    arena_release(&arena);
    return good;
}

/*
 * Take over what an interrupted load left, if it still fits: its chunks must have been read
 * at or behind the lane, for the lane has skipped the table's changes up to where it stands.
 */
static bool resume_table(struct load *l, struct load_table *t, const char *definition,
                         struct err *err)
{
    bool exists;

    t->step = STEP_PLAN;
    if (!definition || !definition[0])
        return true;
    if (!ddl_parse_table(definition, t->db, &t->table, err))
        return false;
    if (!t->table->n_row_key)
        return true;
    if (!target_table_exists(l->target, t->db, t->name, &exists, err) ||
        !target_chunks_read(l->target, l->config->channel, t->db, t->name, &t->chunks, &t->n_chunks,
                            err))
        return false;
    for (size_t i = 0; i < t->n_chunks; i++) {
        const struct chunk_state *chunk = &t->chunks[i];

        if (!bound_is_good(t->table, chunk->low) || !bound_is_good(t->table, chunk->high))
            return true;
        if (!chunk->done)
            continue;
        if (chunk->lo < l->lane.lsn || !exists)
            return true;
        t->lo = chunk->lo < t->lo ? chunk->lo : t->lo;
        t->hi = chunk->hi > t->hi ? chunk->hi : t->hi;
        t->rows += chunk->rows;
        t->done_chunks++;
    }
    if (!exists || !t->n_chunks)
        return true;
    t->definition = xstrdup(definition);
    t->step = t->done_chunks == t->n_chunks ? STEP_COPIED : STEP_COPY;
    return true;
}

static void forget_plan(struct load_table *t)
{
    chunk_states_free(t->chunks, t->n_chunks);
    table_free(t->table);
    free(t->definition);
    t->chunks = NULL;
    t->n_chunks = t->next_chunk = t->done_chunks = 0;
    t->table = NULL;
    t->definition = NULL;
    t->lo = UINT64_MAX;
    t->hi = t->rows = 0;
}

/* Was it called otherwise on the target? What has its name there now is not ours then. */
static bool has_moved(const struct load *l, const struct table_state *s)
{
    struct mapped_name to;
    struct err ignored = ERR_INIT;

    return mapping_name(l->config->mapping, s->db, s->name, &to, &ignored) &&
           (strcmp(to.db, s->target_db[0] ? s->target_db : s->db) != 0 ||
            strcmp(to.name, s->target_name[0] ? s->target_name : s->name) != 0);
}

static void know_table(const struct load *l, struct load_table *t, const struct table_state *state)
{
    t->is_known = true;
    t->life = state->life;
    t->made = state->definition ? xstrdup(state->definition) : NULL;
    t->is_unmade =
        state->life == TABLE_DROPPED || has_moved(l, state) ||
        ((state->life == TABLE_WAIT || state->life == TABLE_STOPPED || state->life == TABLE_OUT) &&
         (!state->definition || !state->definition[0]));
}

static bool take_state(struct load *l, struct load_table *t, const struct table_state *state,
                       struct err *err)
{
    know_table(l, t, state);
    switch (state->life) {
    case TABLE_STRICT:
    case TABLE_COLLAPSE:
        if (!ddl_parse_table(state->definition ? state->definition : "", t->db, &t->table, err))
            return false;
        t->definition = xstrdup(state->definition);
        t->lo = state->lo;
        t->hi = state->hi;
        t->rows = state->rows;
        t->step = state->life == TABLE_STRICT ? STEP_PRESENT : STEP_COPIED;
        return true;
    case TABLE_LOAD:
        if (!resume_table(l, t, state->definition, err))
            return false;
        if (t->step == STEP_PLAN)
            forget_plan(t);
        return true;
    default:
        return true;
    }
}

/* Its rows were to come, or were coming, and the source has it no more. The lane may be in front of
 * the statement that took it away, and a load that ends there would leave it waiting. */
static bool has_gone(const struct load_config *c, const struct table_state *s)
{
    return is_chosen(c, s->db, s->name) &&
           (s->life == TABLE_WAIT || s->life == TABLE_LOAD || s->life == TABLE_COLLAPSE);
}

static void add_gone(struct listing *listing, const struct table_state *s)
{
    const struct source_table there = {.db = s->db, .name = s->name};

    know_table(listing->load, add_table(listing, &there, STEP_GONE), s);
}

bool load_list_tables(struct load *l, struct err *err)
{
    bool ok = false;
    struct listing listing = {l, 0};
    struct table_state *states = NULL;
    size_t n_states = 0;

    load_tables_release(l);
    if (!source_list_tables(l->source, take_table, &listing, err) || !check_names(l, err) ||
        !target_tables_read(l->target, l->config->channel, &states, &n_states, err))
        goto done;
    for (size_t i = 0; i < n_states; i++) {
        struct load_table *t = find_table(l, states[i].db, states[i].name);

        if (!t && has_gone(l->config, &states[i]))
            add_gone(&listing, &states[i]);
        else if (t && !take_state(l, t, &states[i], err))
            goto done;
    }
    ok = true;
done:
    table_states_free(states, n_states);
    return ok;
}

void load_tables_release(struct load *l)
{
    for (size_t i = 0; i < l->n_tables; i++) {
        forget_plan(&l->tables[i]);
        free(l->tables[i].made);
        free(l->tables[i].db);
        free(l->tables[i].name);
    }
    free(l->tables);
    l->tables = NULL;
    l->n_tables = 0;
    l->at_table = NULL;
}

static bool refuse_foreign(struct load *l, struct err *err)
{
    bool ok = false;
    struct buf names = BUF_INIT;
    size_t n = 0;

    for (size_t i = 0; i < l->n_tables; i++) {
        const struct load_table *t = &l->tables[i];
        bool exists = false;

        if (t->is_known && !t->is_unmade)
            continue;
        if (!target_table_exists(l->target, t->db, t->name, &exists, err))
            goto done;
        if (!exists)
            continue;
        /* Who took the lane over from us may have made it: only the owner may say so. */
        if (n == 0 && !target_chunks_plan(l->target, t->db, t->name, NULL, 0, err))
            goto done;
        if (n++ < FOREIGN_NAMES_MAX)
            buf_putf(&names, "%s%s.%s", n > 1 ? ", " : "", t->db, t->name);
    }
    if (n) {
        err_reason(err, ERR_DATA, "exists",
                   "the target has %zu tables of the same name that this copy did not make"
                   " (%s%s); nothing was written; drop or rename them, or leave them out",
                   n, buf_cstr(&names), n > FOREIGN_NAMES_MAX ? ", ..." : "");
        goto done;
    }
    ok = true;
done:
    buf_release(&names);
    return ok;
}

static bool take_database(void *ctx, const char *db, const char *charset, const char *collation,
                          struct err *err)
{
    struct load *l = ctx;

    return target_create_database(l->target, db, charset, collation, err);
}

bool load_prepare_target(struct load *l, struct err *err)
{
    const char *made = "";

    if (!refuse_foreign(l, err))
        return false;
    for (size_t i = 0; i < l->n_tables; i++) {
        struct load_table *t = &l->tables[i];

        if (t->step != STEP_PLAN)
            continue;
        /* The list is in order of databases. */
        if (strcmp(made, t->db) != 0 &&
            !source_list_databases(l->source, t->db, take_database, l, err))
            return false;
        made = t->db;
        if ((t->life == TABLE_UNKNOWN || t->life == TABLE_DROPPED || t->life == TABLE_OUT) &&
            !load_move(l, l->target, t, LIFE_FOUND, "", err))
            return false;
        t->is_known = true;
    }
    return true;
}

bool load_make_table(struct load *l, struct load_table *t, struct target *target,
                     const struct chunk_state *chunks, size_t n, struct err *err)
{
    bool ok = false;
    struct notes notes = {0};

    /* First no chunk, then no table: a crash in between never shows done chunks without rows. */
    if (!target_chunks_plan(target, t->db, t->name, NULL, 0, err) ||
        !load_move(l, target, t, LIFE_BEGUN, "", err))
        goto done;
    t->is_unmade = false;
    if (!target_drop_table(target, t->db, t->name, err) ||
        !target_create_table(target, t->table, TABLE_ROW_KEY_ONLY, &notes, err) ||
        (n && !target_chunks_plan(target, t->db, t->name, chunks, n, err)))
        goto done;
    ok = true;
done:
    load_notes_merge(l, &notes);
    return ok;
}

static uint64_t chunk_rows(const struct load *l, const struct load_table *t)
{
    uint64_t max = l->config->chunk_rows_max ? l->config->chunk_rows_max : CHUNK_ROWS_MAX_DEFAULT;
    uint64_t bytes = l->config->chunk_bytes ? l->config->chunk_bytes : CHUNK_BYTES_DEFAULT;
    uint64_t rows = bytes / t->row_bytes;

    if (rows < CHUNK_ROWS_MIN)
        rows = CHUNK_ROWS_MIN;
    return rows > max ? max : rows;
}

static char *bound_text(const struct table *t, const struct value *key)
{
    struct buf b = BUF_INIT;
    char *text;

    key_text_put(&b, t, key);
    text = xstrdup(buf_cstr(&b));
    buf_release(&b);
    return text;
}

static bool cut_table(struct load *l, struct load_table *t, struct source *s,
                      struct chunk_state **out, size_t *n_out, struct err *err)
{
    bool ok = false;
    struct arena arena = {0};
    struct key_bounds bounds = {0};
    struct chunk_state *chunks;

    if (!chunks_walk(s, t->table, chunk_rows(l, t), &arena, &bounds, err))
        goto done;
    chunks = xcalloc(bounds.n + 1, sizeof(*chunks));
    for (size_t i = 0; i <= bounds.n; i++) {
        chunks[i].number = i;
        if (i > 0)
            chunks[i].low = bound_text(t->table, bounds.keys[i - 1]);
        if (i < bounds.n)
            chunks[i].high = bound_text(t->table, bounds.keys[i]);
    }
    *out = chunks;
    *n_out = bounds.n + 1;
    ok = true;
done:
    arena_release(&arena);
    return ok;
}

/* A view shows the past of InnoDB tables only: what another engine shows is of no one moment. */
static bool check_engine(const struct table *t, struct err *err)
{
    if (!t->engine || strcasecmp(t->engine, "InnoDB") == 0)
        return true;
    err_reason(err, ERR_DATA, "engine",
               "engine %.64s is not supported; ALTER TABLE ... ENGINE=InnoDB, or exclude it",
               t->engine);
    return false;
}

bool load_plan_table(struct load *l, struct load_table *t, struct source *s,
                     struct snapshot_view *v, struct target *target, enum load_step *step,
                     struct err *err)
{
    bool ok = false;
    struct buf text = BUF_INIT;
    struct chunk_state *chunks = NULL;
    size_t n = 0;

    pool_lock(&l->pool); /* for who counts rows */
    forget_plan(t);
    pool_unlock(&l->pool);
    if (!source_read_table(s, t->db, t->name, &t->table, err)) {
        if (err->kind != ERR_DATA || strcmp(err->reason, "no_table") != 0)
            goto done;
        *step = STEP_GONE;
        ok = true;
        goto done;
    }
    if (!check_engine(t->table, err) || !snapshot_view_check(v, t->table, err))
        goto done;
    ddl_print_table(t->table, &text);
    t->definition = xstrdup(buf_cstr(&text));
    if (!t->table->n_row_key) {
        *step = STEP_UNKEYED;
        ok = true;
        goto done;
    }
    if (!cut_table(l, t, s, &chunks, &n, err) || !load_make_table(l, t, target, chunks, n, err))
        goto done;
    t->chunks = chunks;
    t->n_chunks = n;
    chunks = NULL;
    n = 0;
    *step = STEP_COPY;
    ok = true;
done:
    chunk_states_free(chunks, n);
    buf_release(&text);
    return ok;
}
