#include "tests/lib/memory_server.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/buf.h"
#include "schema/base/xalloc.h"

/* ---- values ---- */

static bool has_bytes(const struct value *v)
{
    return v->kind >= VALUE_DECIMAL && v->kind <= VALUE_JSON;
}

struct value *memory_copy(const struct value *row, uint32_t n)
{
    size_t bytes = 0;
    struct value *copy;
    uint8_t *at;

    for (uint32_t i = 0; i < n; i++)
        bytes += has_bytes(&row[i]) ? row[i].b.len : 0;
    copy = xcalloc(1, n * sizeof(*copy) + bytes + 1);
    at = (uint8_t *)(copy + n);
    for (uint32_t i = 0; i < n; i++) {
        copy[i] = row[i];
        if (!has_bytes(&row[i]))
            continue;
        if (row[i].b.len)
            memcpy(at, row[i].b.data, row[i].b.len);
        copy[i].b = bytes_of(at, row[i].b.len);
        at += row[i].b.len;
    }
    return copy;
}

static int compare_bytes(struct bytes a, struct bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.data, b.data, n) : 0;

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

int memory_compare(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind)
        return (a->kind > b->kind) - (a->kind < b->kind);
    switch (a->kind) {
    case VALUE_INT:
        return (a->i > b->i) - (a->i < b->i);
    case VALUE_UINT:
        return (a->u > b->u) - (a->u < b->u);
    case VALUE_FLOAT:
        return (a->f > b->f) - (a->f < b->f);
    case VALUE_DOUBLE:
        return (a->d > b->d) - (a->d < b->d);
    case VALUE_NULL:
    case VALUE_ABSENT:
        return 0;
    default:
        return compare_bytes(a->b, b->b);
    }
}

/* ---- sessions ---- */

void memory_session_open(struct memory_server *server, struct memory_session *s)
{
    s->server = server;
    s->next = server->sessions;
    server->sessions = s;
}

void memory_session_close(struct memory_session *s)
{
    memory_rollback(s);
    for (struct memory_session **at = &s->server->sessions; *at; at = &(*at)->next) {
        if (*at == s) {
            *at = s->next;
            break;
        }
    }
    free(s->touched);
}

static void put_row_key(struct buf *b, const struct table *t, const struct value *row)
{
    for (uint32_t i = 0; i < t->n_row_key; i++)
        value_put_key(b, &row[t->row_key[i]]);
    for (uint32_t i = 0; t->n_row_key == 0 && i < t->n_columns; i++)
        value_put_key(b, &row[i]);
}

/* False: a part is NULL, or it is no key to keep, so nothing is unique. */
static bool put_unique(struct buf *b, const struct memory_table *t, uint32_t key,
                       const struct value *row)
{
    const struct key *k = &t->def->keys[key];

    buf_reset(b);
    buf_put_u32(b, key);
    for (uint32_t i = 0; i < k->n_parts; i++) {
        uint32_t c = k->parts[i].column ? table_column(t->def, k->parts[i].column) : UINT32_MAX;

        if (c == UINT32_MAX || row[c].kind == VALUE_NULL)
            return false;
        value_put_key(b, &row[c]);
    }
    return k->kind == KEY_UNIQUE || k->kind == KEY_PRIMARY;
}

/* The index names the row that had the values last; after a rollback that must be true again. */
static void index_row(struct memory_row *row, const struct value *image)
{
    struct buf key = BUF_INIT;

    for (uint32_t k = 0; image && row->table->has_keys && k < row->table->def->n_keys; k++) {
        if (put_unique(&key, row->table, k, image))
            *map_slot(&row->table->uniques, buf_bytes(&key)) = row;
    }
    buf_release(&key);
}

void memory_commit(struct memory_session *s)
{
    for (size_t i = 0; i < s->n_touched; i++) {
        struct memory_row *row = s->touched[i];

        if (row->committed != row->pending)
            free(row->committed);
        row->committed = row->pending;
        row->n_committed = row->n_pending;
        row->owner = NULL;
    }
    s->n_touched = 0;
    s->in_transaction = false;
}

void memory_rollback(struct memory_session *s)
{
    for (size_t i = 0; i < s->n_touched; i++) {
        struct memory_row *row = s->touched[i];

        if (row->committed != row->pending)
            free(row->pending);
        row->pending = row->committed;
        row->n_pending = row->n_committed;
        row->owner = NULL;
    }
    for (size_t i = 0; i < s->n_touched; i++)
        index_row(s->touched[i], s->touched[i]->committed);
    s->n_touched = 0;
    s->in_transaction = false;
}

/* ---- tables ---- */

struct memory_table *memory_find(struct memory_server *server, const char *db, const char *name)
{
    struct buf b = BUF_INIT;
    struct memory_table *t = map_get(&server->tables, table_name_key(&b, db, name));

    buf_release(&b);
    return t;
}

static void put_table(struct memory_server *server, struct memory_table *t)
{
    struct buf b = BUF_INIT;

    t->id = ++server->next_id;
    map_put(&server->tables, table_name_key(&b, t->def->db, t->def->name), t);
    buf_release(&b);
}

struct memory_table *memory_make(struct memory_server *server, const struct table *def)
{
    struct memory_table *t = xcalloc(1, sizeof(*t));

    assert(!memory_find(server, def->db, def->name));
    t->def = table_clone(def);
    put_table(server, t);
    return t;
}

void memory_truncate(struct memory_table *t)
{
    struct map_entry *e;

    for (size_t i = 0; (e = map_next(&t->rows, &i)) != NULL;) {
        struct memory_row *row = e->value;

        /* DDL waits for transactions; here nobody may have the table in hand. */
        assert(!row->owner);
        free(row->committed);
        free(row);
    }
    map_release(&t->rows);
    map_release(&t->uniques);
}

static struct memory_table *take_away(struct memory_server *server, const char *db,
                                      const char *name)
{
    struct buf b = BUF_INIT;
    struct memory_table *t = map_remove(&server->tables, table_name_key(&b, db, name));

    buf_release(&b);
    return t;
}

static void free_table(struct memory_table *t)
{
    memory_truncate(t);
    table_free(t->def);
    free(t);
}

void memory_drop(struct memory_server *server, const char *db, const char *name)
{
    struct memory_table *t = take_away(server, db, name);

    if (t)
        free_table(t);
}

/* What rows that are there get in a new column: as a server without strictness would. */
static struct value fresh_value(const struct column *c)
{
    bool has_default = c->default_kind == DEFAULT_LITERAL;
    bool quoted = has_default && c->default_text[0] == '\'';
    const char *text = has_default ? c->default_text + quoted : "0";

    if (c->nullable && !has_default)
        return (struct value){.kind = VALUE_NULL};
    if (column_is_text(c))
        return (struct value){.kind = VALUE_TEXT,
                              .b = bytes_of(text, quoted ? strlen(text) - 1 : 0)};
    if (c->is_unsigned)
        return (struct value){.kind = VALUE_UINT, .u = strtoull(text, NULL, 10)};
    return (struct value){.kind = VALUE_INT, .i = strtoll(text, NULL, 10)};
}

/* Where column i of the new definition was; a column that was renamed kept its place. */
static uint32_t old_column(const struct table *before, const struct table *after, uint32_t i)
{
    uint32_t old = table_column(before, after->columns[i].name);

    if (old == UINT32_MAX && before->n_columns == after->n_columns)
        return i;
    return old;
}

static struct value *altered(const struct table *before, const struct table *after,
                             const struct value *row)
{
    struct value *wide = xcalloc(after->n_columns + 1, sizeof(*wide));
    struct value *copy;

    for (uint32_t i = 0; i < after->n_columns; i++) {
        uint32_t old = old_column(before, after, i);

        wide[i] = old == UINT32_MAX ? fresh_value(&after->columns[i]) : row[old];
    }
    copy = memory_copy(wide, after->n_columns);
    free(wide);
    return copy;
}

void memory_alter(struct memory_server *server, const struct table *before,
                  const struct table *after)
{
    struct memory_table *old = take_away(server, before->db, before->name);
    struct memory_table *t;
    struct map_entry *e;

    if (!old)
        return;
    t = memory_make(server, after);
    t->has_keys = old->has_keys;
    t->has_foreign_keys = old->has_foreign_keys;
    for (size_t i = 0; (e = map_next(&old->rows, &i)) != NULL;) {
        struct memory_row *from = e->value;
        struct memory_row *row;
        struct value *image;

        if (!from->committed || !from->n_committed)
            continue;
        image = altered(old->def, t->def, from->committed);
        row = memory_row(t, image);
        free(row->committed == row->pending ? row->committed : NULL);
        row->committed = row->pending = image;
        row->n_committed += from->n_committed;
        row->n_pending = row->n_committed;
        index_row(row, image);
    }
    free_table(old);
}

/* ---- rows ---- */

const struct value *memory_sees(const struct memory_session *s, const struct memory_row *row,
                                uint32_t *copies)
{
    bool mine = row->owner == s;

    *copies = mine ? row->n_pending : row->n_committed;
    if (*copies == 0)
        return NULL;
    return mine ? row->pending : row->committed;
}

struct memory_row *memory_row(struct memory_table *t, const struct value *image)
{
    struct buf key = BUF_INIT;
    void **slot;
    struct memory_row *row;

    put_row_key(&key, t->def, image);
    slot = map_slot(&t->rows, buf_bytes(&key));
    if (!*slot)
        *slot = xcalloc(1, sizeof(*row));
    row = *slot;
    row->table = t;
    buf_release(&key);
    return row;
}

bool memory_lock(struct memory_session *s, struct memory_row *row, struct err *err)
{
    if (row->owner == s)
        return true;
    if (row->owner) {
        err_server(err, ERR_RETRY, ERR_SIDE_TARGET, 0, "table %s.%s: lock wait timeout",
                   row->table->def->db, row->table->def->name);
        return false;
    }
    if (s->n_touched == s->cap_touched) {
        s->cap_touched = s->cap_touched ? 2 * s->cap_touched : 64;
        s->touched = xrealloc(s->touched, s->cap_touched * sizeof(struct memory_row *));
    }
    s->touched[s->n_touched++] = row;
    row->owner = s;
    return true;
}

static bool refuse_duplicate(const struct memory_table *t, struct err *err)
{
    err_reason(err, ERR_DATA, "duplicate_key", "table %s.%s already has a row of this key",
               t->def->db, t->def->name);
    return false;
}

static bool check_uniques(struct memory_session *s, struct memory_row *row,
                          const struct value *image, struct err *err)
{
    struct memory_table *t = row->table;
    struct buf key = BUF_INIT;
    struct buf other = BUF_INIT;
    bool ok = true;

    for (uint32_t k = 0; ok && t->has_keys && k < t->def->n_keys; k++) {
        struct memory_row *holder;
        const struct value *held;
        uint32_t copies;

        if (!put_unique(&key, t, k, image))
            continue;
        holder = map_get(&t->uniques, buf_bytes(&key));
        if (holder && holder != row && holder->owner && holder->owner != s) {
            ok = memory_lock(s, holder, err);
        } else if (holder && holder != row && (held = memory_sees(s, holder, &copies)) != NULL &&
                   put_unique(&other, t, k, held) &&
                   bytes_equal(buf_bytes(&key), buf_bytes(&other))) {
            ok = refuse_duplicate(t, err);
        }
    }
    buf_release(&key);
    buf_release(&other);
    return ok;
}

static bool check_image(const struct memory_table *t, const struct value *image, struct err *err)
{
    for (uint32_t i = 0; i < t->def->n_columns; i++) {
        const struct column *c = &t->def->columns[i];

        if (image[i].kind != VALUE_ABSENT && (image[i].kind != VALUE_NULL || c->nullable))
            continue;
        err_reason(err, ERR_DATA, "value_refused", "table %s.%s: column %s may not be null",
                   t->def->db, t->def->name, c->name);
        return false;
    }
    return true;
}

bool memory_set(struct memory_session *s, struct memory_row *row, const struct value *image,
                uint32_t copies, struct err *err)
{
    struct value *copy = NULL;

    if (image && copies &&
        (!check_image(row->table, image, err) || !check_uniques(s, row, image, err)))
        return false;
    if (!memory_lock(s, row, err))
        return false;
    if (image && copies)
        copy = memory_copy(image, row->table->def->n_columns);
    if (row->pending != row->committed)
        free(row->pending);
    row->pending = copy;
    row->n_pending = copy ? copies : 0;
    index_row(row, copy);
    return true;
}

bool memory_add_keys(struct memory_session *s, struct memory_table *t, struct err *err)
{
    struct map_entry *e;

    if (t->has_keys)
        return true;
    t->has_keys = true;
    for (size_t i = 0; (e = map_next(&t->rows, &i)) != NULL;) {
        struct memory_row *row = e->value;

        if (!row->n_committed)
            continue;
        if (!check_uniques(s, row, row->committed, err)) {
            map_reset(&t->uniques);
            t->has_keys = false;
            return false;
        }
        index_row(row, row->committed);
    }
    return true;
}

/* ---- the server ---- */

/* All that memory_row() and memory_set() look at: names, what may be NULL, the key. */
static struct table *state_definition(const struct state_table *s)
{
    struct table *t = table_new();

    t->db = "";
    t->name = s->name;
    t->n_columns = s->n_columns;
    t->columns = arena_alloc(&t->arena, s->n_columns * sizeof(*t->columns));
    t->n_row_key = s->n_key;
    t->row_key = arena_alloc(&t->arena, s->n_key * sizeof(*t->row_key));
    for (uint32_t i = 0; i < s->n_columns; i++) {
        t->columns[i].name = s->columns[i].name;
        t->columns[i].nullable = s->columns[i].type == CELL_LONG_TEXT;
    }
    for (uint32_t i = 0; i < s->n_key; i++)
        t->row_key[i] = i;
    return t;
}

struct memory_server *memory_server_new(void)
{
    struct memory_server *server = xcalloc(1, sizeof(*server));

    for (size_t i = 0; i < STATES; i++)
        server->state[i].def = state_definition(&state_tables[i]);
    return server;
}

void memory_server_crash(struct memory_server *server)
{
    for (struct memory_session *s = server->sessions; s; s = s->next) {
        memory_rollback(s);
        s->dead = true;
    }
}

void memory_server_faults(struct memory_server *server, memory_fault_fn *fault, void *ctx)
{
    server->fault = fault;
    server->fault_ctx = ctx;
}

void memory_server_free(struct memory_server *server)
{
    struct map_entry *e;

    assert(!server->sessions);
    for (size_t i = 0; (e = map_next(&server->tables, &i)) != NULL;)
        free_table(e->value);
    map_release(&server->tables);
    map_release(&server->databases);
    map_release(&server->views);
    for (size_t i = 0; i < STATES; i++) {
        memory_truncate(&server->state[i]);
        table_free(server->state[i].def);
    }
    free(server);
}

/* ---- faults by a seed ---- */

enum memory_fault memory_dice_fault(void *ctx, enum memory_point point)
{
    struct memory_dice *d = ctx;
    uint32_t n;

    /* splitmix64 */
    uint64_t z = (d->state += 0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    n = (uint32_t)(z ^ z >> 31) & 0xffff;
    if (n < d->retry)
        return MEMORY_RETRY;
    n -= d->retry;
    if (n < d->lost)
        return MEMORY_LOST;
    n -= d->lost;
    if (n < d->crash)
        return MEMORY_CRASH;
    n -= d->crash;
    return point == MEMORY_OP && n < d->value ? MEMORY_VALUE : MEMORY_GOOD;
}
