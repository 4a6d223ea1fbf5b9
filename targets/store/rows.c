/*
 * rows.c - what the target itself keeps of our progress, beside the data and in its
 * transactions. Version 2.
 *
 *   meta         one row: version.
 *   lane         one row a lane: (channel, lane) -> epoch, lsn, gtid (text of place.h), file,
 *                position, commit_us, queue_uuid, touched. The truth about what is applied. A
 *                unit changes it in its own transaction, where epoch and lsn are what the owner
 *                believes; `touched` makes that count a row even when nothing moves (repair).
 *   table_state  one row a table of the source: target_db, target_name (its name here), life
 *                (schema/life.h enum table_life), lo, hi, row_count, reason, definition
 *                (canonical CREATE TABLE text the target's table was made from).
 *   chunk        one row a chunk of a table under load; done commits with the chunk's rows.
 *   ddl          one row a DDL statement (channel, lsn, ordinal): step is how many of its
 *                statements are done, fingerprint is what the engine knows the target's
 *                definitions by before statement `step`, status STARTED or DONE.
 *
 * Names compare by bytes, times are source microseconds. A crash leaves whole transactions.
 * Rows of tables, chunks and DDL change only while the lane's row has the epoch of who changes
 * them: what a former owner sends late is refused ("fenced").
 *
 * Version 1 had no target_db and target_name; the first start behind it adds them (the same
 * names as at the source), then says so in meta: a crash in between repeats what is good to
 * repeat. A newer version is refused, by older programs this one, too.
 *
 * Example: lane ('copy', 0, 3, 1207, '3e11fa47-71ca-11e1-9e33-c80aa9429562:1207',
 * 'binlog.000003', 88123, ...) is at LSN 1207, and only the owner of epoch 3 moves it.
 */
#include "targets/store/rows.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/xalloc.h"

/* ---- the tables ---- */

static const struct state_column meta_columns[] = {
    [META_ID] = {"id", CELL_U8, 0, 0},
    [META_VERSION] = {"version", CELL_U32, 0, 0},
};

static const struct state_column lane_columns[] = {
    [LANE_CHANNEL] = {"channel", CELL_TEXT, TARGET_CHANNEL_MAX, 0},
    [LANE_LANE] = {"lane", CELL_U32, 0, 0},
    [LANE_EPOCH] = {"epoch", CELL_U64, 0, 0},
    [LANE_LSN] = {"lsn", CELL_U64, 0, 0},
    [LANE_GTID] = {"gtid", CELL_TEXT, 96, 0},
    [LANE_FILE] = {"file", CELL_TEXT, POSITION_FILE_MAX, 0},
    [LANE_POSITION] = {"position", CELL_U64, 0, 0},
    [LANE_COMMIT_US] = {"commit_us", CELL_U64, 0, 0},
    [LANE_QUEUE_UUID] = {"queue_uuid", CELL_BYTES, 16, 0},
    [LANE_TOUCHED] = {"touched", CELL_TOUCHED, 0, 0},
};

static const struct state_column table_columns[] = {
    [TABLE_CHANNEL] = {"channel", CELL_TEXT, TARGET_CHANNEL_MAX, 0},
    [TABLE_DB] = {"db", CELL_TEXT, NAME_CHARS_MAX, 0},
    [TABLE_NAME] = {"name", CELL_TEXT, NAME_CHARS_MAX, 0},
    [TABLE_LIFE] = {"life", CELL_U8, 0, 0},
    [TABLE_LO] = {"lo", CELL_U64, 0, 0},
    [TABLE_HI] = {"hi", CELL_U64, 0, 0},
    [TABLE_ROW_COUNT] = {"row_count", CELL_U64, 0, 0},
    [TABLE_REASON] = {"reason", CELL_TEXT, 512, 0},
    [TABLE_DEFINITION] = {"definition", CELL_LONG_TEXT, 0, 0},
    [TABLE_TARGET_DB] = {"target_db", CELL_TEXT, NAME_CHARS_MAX, 2},
    [TABLE_TARGET_NAME] = {"target_name", CELL_TEXT, NAME_CHARS_MAX, 2},
};

static const struct state_column chunk_columns[] = {
    [CHUNK_CHANNEL] = {"channel", CELL_TEXT, TARGET_CHANNEL_MAX, 0},
    [CHUNK_DB] = {"db", CELL_TEXT, NAME_CHARS_MAX, 0},
    [CHUNK_NAME] = {"name", CELL_TEXT, NAME_CHARS_MAX, 0},
    [CHUNK_NUMBER] = {"number", CELL_U64, 0, 0},
    [CHUNK_LOW] = {"low", CELL_LONG_TEXT, 0, 0},
    [CHUNK_HIGH] = {"high", CELL_LONG_TEXT, 0, 0},
    [CHUNK_DONE] = {"done", CELL_FLAG, 0, 0},
    [CHUNK_ROW_COUNT] = {"row_count", CELL_U64, 0, 0},
    [CHUNK_LO] = {"lo", CELL_U64, 0, 0},
    [CHUNK_HI] = {"hi", CELL_U64, 0, 0},
};

static const struct state_column ddl_columns[] = {
    [DDL_CHANNEL] = {"channel", CELL_TEXT, TARGET_CHANNEL_MAX, 0},
    [DDL_LSN] = {"lsn", CELL_U64, 0, 0},
    [DDL_ORDINAL] = {"ordinal", CELL_U32, 0, 0},
    [DDL_STEP] = {"step", CELL_U32, 0, 0},
    [DDL_FINGERPRINT] = {"fingerprint", CELL_CHARS, 64, 0},
    [DDL_STATUS] = {"status", CELL_TEXT, 8, 0},
};

#define COLUMNS(list) list, sizeof(list) / sizeof((list)[0])
const struct state_table state_tables[STATES] = {
    [STATE_META] = {"meta", COLUMNS(meta_columns), 1},
    [STATE_LANE] = {"lane", COLUMNS(lane_columns), 2},
    [STATE_TABLE] = {"table_state", COLUMNS(table_columns), 3},
    [STATE_CHUNK] = {"chunk", COLUMNS(chunk_columns), 4},
    [STATE_DDL] = {"ddl", COLUMNS(ddl_columns), 3},
};

/* ---- cells ---- */

struct value cell_number(uint64_t u)
{
    return (struct value){.kind = VALUE_UINT, .u = u};
}

struct value cell_text(const char *s)
{
    return (struct value){.kind = s ? VALUE_TEXT : VALUE_NULL,
                          .b = s ? bytes_str(s) : (struct bytes){0}};
}

struct value cell_bytes(const void *data, size_t n)
{
    return (struct value){.kind = VALUE_BYTES, .b = bytes_of(data, n)};
}

void cell_copy(const struct value *v, char *out, size_t size)
{
    size_t n = v->kind != VALUE_TEXT ? 0 : v->b.len < size ? v->b.len : size - 1;

    if (n)
        memcpy(out, v->b.data, n);
    out[n] = 0;
}

char *cell_heap(const struct value *v)
{
    return v->kind == VALUE_TEXT ? xstrndup((const char *)v->b.data, v->b.len) : NULL;
}

bool cell_is(const struct value *v, const char *s)
{
    return v->kind == VALUE_TEXT && bytes_equal(v->b, bytes_str(s));
}

struct value *cells_new(struct arena *a)
{
    struct value *cells = arena_alloc(a, STATE_COLUMNS_MAX * sizeof(*cells));

    for (unsigned i = 0; i < STATE_COLUMNS_MAX; i++)
        cells[i].kind = VALUE_ABSENT;
    return cells;
}

/* ---- changes of one transaction ---- */

struct state_change *batch_add(struct batch *b, enum state_act act, enum state_id id)
{
    struct state_change *c;

    if (b->n == b->cap) {
        b->cap = b->cap ? 2 * b->cap : 8;
        b->changes = xrealloc(b->changes, b->cap * sizeof(*b->changes));
    }
    c = &b->changes[b->n++];
    *c = (struct state_change){.act = act, .id = id};
    return c;
}

struct value *batch_put(struct batch *b, enum state_act act, enum state_id id)
{
    struct value *cells = cells_new(&b->arena);

    batch_add(b, act, id)->cells = cells;
    return cells;
}

struct value *batch_remove(struct batch *b, enum state_id id)
{
    struct value *where = cells_new(&b->arena);

    batch_add(b, STATE_REMOVE, id)->where = where;
    return where;
}

static size_t characters(struct bytes s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += (s.data[i] & 0xc0) != 0x80;
    return n;
}

/* No engine is left to cut a text. */
static bool check_sizes(const struct state_change *c, struct err *err)
{
    const struct state_table *t = &state_tables[c->id];

    for (unsigned i = 0; c->cells && i < t->n_columns; i++) {
        if (t->columns[i].type != CELL_TEXT || c->cells[i].kind != VALUE_TEXT ||
            characters(c->cells[i].b) <= t->columns[i].size)
            continue;
        err_server(err, ERR_SERVER, ERR_SIDE_TARGET, 0,
                   "the %s of a row of %s in the state on the target is longer than %u characters",
                   t->columns[i].name, t->name, t->columns[i].size);
        return false;
    }
    return true;
}

bool batch_run(struct target *t, struct batch *b, struct err *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < b->n; i++)
        ok = check_sizes(&b->changes[i], err);
    return ok && t->ops->writer->state_change(t, b->changes, b->n, err);
}

void batch_release(struct batch *b)
{
    arena_release(&b->arena);
    free(b->changes);
}

void store_fenced(const struct state_change *change, struct err *err)
{
    err_reason(err, ERR_DATA, "fenced", "%s", change->otherwise);
}

bool rows_read(struct target *t, enum state_id id, const struct value *key, unsigned n_key,
               state_row_fn *fn, void *ctx, struct err *err)
{
    return t->ops->writer->state_read(t, id, STATE_VERSION, key, n_key, fn, ctx, err);
}

void batch_guard(struct batch *b, const struct target *t)
{
    *batch_add(b, STATE_SET, STATE_LANE) = lane_guard(t, &b->arena, NULL);
}
