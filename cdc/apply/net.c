#include "cdc/apply/net.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "schema/base/xalloc.h"

struct net_row {
    const struct value *before; /* the row as it was before the run; NULL: it was not there */
    const struct value *after;  /* as it is now; NULL: gone */
    int64_t copies;             /* tables without a row key: copies more (or fewer) */
};

struct net_table {
    const struct table *table; /* the newest definition; they are equal between DDL */
    enum net_mode mode;
    struct map rows;  /* key bytes -> struct net_row */
    size_t n_uniques; /* columns of other unique keys */
    uint32_t *uniques;
};

void op_list_add(struct op_list *list, const struct op *op)
{
    if (list->n == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 64;
        list->ops = xrealloc(list->ops, list->cap * sizeof(*list->ops));
    }
    list->ops[list->n++] = *op;
    list->rows += op->n_rows;
}

void op_list_reset(struct op_list *list)
{
    list->n = 0;
    list->rows = 0;
}

void op_list_release(struct op_list *list)
{
    free(list->ops);
    *list = (struct op_list){NULL, 0, 0, 0};
}

void net_init(struct net *n, struct arena *arena)
{
    memset(n, 0, sizeof(*n));
    n->arena = arena;
    n->key = BUF_INIT;
}

void net_reset(struct net *n)
{
    struct map_entry *e;

    for (size_t i = 0; (e = map_next(&n->tables, &i)) != NULL;)
        map_release(&((struct net_table *)e->value)->rows);
    map_reset(&n->tables);
    n->rows = 0;
}

void net_release(struct net *n)
{
    net_reset(n);
    map_release(&n->tables);
    buf_release(&n->key);
}

const struct value *net_copy_row(struct arena *a, const struct table *t, const struct value *row)
{
    struct value *copy = arena_alloc(a, t->n_columns * sizeof(*copy));

    for (uint32_t i = 0; i < t->n_columns; i++)
        copy[i] = value_copy(a, &row[i]);
    return copy;
}

/* Columns of unique keys other than the row key, once each. */
static void find_uniques(struct net *n, struct net_table *nt)
{
    const struct table *t = nt->table;

    nt->n_uniques = 0;
    nt->uniques = arena_alloc(n->arena, (t->n_columns + 1) * sizeof(*nt->uniques));
    for (uint32_t k = 0; k < t->n_keys; k++) {
        const struct key *key = &t->keys[k];
        bool is_row_key = t->row_key_name && strcmp(key->name, t->row_key_name) == 0;

        if ((key->kind != KEY_UNIQUE && key->kind != KEY_PRIMARY) || is_row_key)
            continue;
        for (uint32_t p = 0; p < key->n_parts; p++) {
            uint32_t c = key->parts[p].column ? table_column(t, key->parts[p].column) : UINT32_MAX;

            for (size_t i = 0; c != UINT32_MAX && i < nt->n_uniques; i++)
                if (nt->uniques[i] == c)
                    c = UINT32_MAX;
            if (c != UINT32_MAX)
                nt->uniques[nt->n_uniques++] = c;
        }
    }
}

static struct net_table *table_of(struct net *n, const struct table *t, enum net_mode mode)
{
    struct net_table *nt;

    (void)table_name_key(&n->key, t->db, t->name);
    nt = map_get(&n->tables, buf_bytes(&n->key));
    if (!nt) {
        nt = arena_alloc(n->arena, sizeof(*nt));
        nt->table = t;
        nt->mode = mode;
        find_uniques(n, nt);
        map_put(&n->tables, buf_bytes(&n->key), nt);
    }
    nt->table = t;
    return nt;
}

bool net_has(const struct net *n, const char *db, const char *name)
{
    struct buf key = BUF_INIT;
    struct net_table *nt;

    nt = map_get(&n->tables, table_name_key(&key, db, name));
    buf_release(&key);
    return nt && nt->rows.count > 0;
}

static struct net_row *row_of(struct net *n, struct net_table *nt, const struct value *image,
                              bool *is_new)
{
    const struct table *t = nt->table;
    struct net_row *row;
    void **slot;

    buf_reset(&n->key);
    if (t->n_row_key == 0)
        for (uint32_t i = 0; i < t->n_columns; i++)
            value_put_key(&n->key, &image[i]);
    for (uint32_t i = 0; i < t->n_row_key; i++)
        value_put_key(&n->key, &image[t->row_key[i]]);
    slot = map_slot(&nt->rows, buf_bytes(&n->key));
    row = *slot;
    *is_new = row == NULL;
    if (!row) {
        *slot = row = arena_alloc(n->arena, sizeof(*row));
        n->rows++;
    }
    return row;
}

static bool contradiction(const struct table *t, const char *what, struct err *err)
{
    err_reason(err, ERR_DATA, "row_count", "changes of table %s.%s contradict each other: %s",
               t->db, t->name, what);
    return false;
}

static bool put_row(struct net *n, struct net_table *nt, const struct value *image, struct err *err)
{
    bool is_new;
    struct net_row *row = row_of(n, nt, image, &is_new);

    if (nt->table->n_row_key == 0) {
        row->copies++;
        if (!row->after)
            row->after = net_copy_row(n->arena, nt->table, image);
        return true;
    }
    if (row->after && nt->mode == NET_STRICT)
        return contradiction(nt->table, "insert of a row that is there", err);
    if (is_new && nt->mode == NET_HEAL)
        row->before = row->after = net_copy_row(n->arena, nt->table, image);
    else
        row->after = net_copy_row(n->arena, nt->table, image);
    return true;
}

static bool drop_row(struct net *n, struct net_table *nt, const struct value *image,
                     struct err *err)
{
    bool is_new;
    struct net_row *row = row_of(n, nt, image, &is_new);

    if (nt->table->n_row_key == 0) {
        row->copies--;
        if (!row->after)
            row->after = net_copy_row(n->arena, nt->table, image);
        return true;
    }
    if (is_new)
        row->before = net_copy_row(n->arena, nt->table, image);
    else if (!row->after && nt->mode == NET_STRICT)
        return contradiction(nt->table, "delete of a row that is gone", err);
    row->after = NULL;
    return true;
}

static bool same_key(const struct table *t, const struct value *a, const struct value *b)
{
    for (uint32_t i = 0; i < t->n_row_key; i++)
        if (!value_equal(&a[t->row_key[i]], &b[t->row_key[i]]))
            return false;
    return t->n_row_key > 0;
}

/* An update that keeps its key: the row stays the same entry. */
static bool change_row(struct net *n, struct net_table *nt, const struct change *c, struct err *err)
{
    bool is_new;
    struct net_row *row = row_of(n, nt, c->before, &is_new);

    if (is_new)
        row->before = net_copy_row(n->arena, nt->table, c->before);
    else if (!row->after && nt->mode == NET_STRICT)
        return contradiction(nt->table, "update of a row that is gone", err);
    row->after = net_copy_row(n->arena, nt->table, c->after);
    return true;
}

bool net_add(struct net *n, const struct change *c, enum net_mode mode, struct err *err)
{
    struct net_table *nt = table_of(n, c->table, mode);

    assert(nt->mode == mode);
    switch (c->kind) {
    case CHANGE_INSERT:
        return put_row(n, nt, c->after, err);
    case CHANGE_DELETE:
        return drop_row(n, nt, c->before, err);
    case CHANGE_UPDATE:
        if (same_key(c->table, c->before, c->after))
            return change_row(n, nt, c, err);
        return drop_row(n, nt, c->before, err) && put_row(n, nt, c->after, err);
    }
    return true;
}

/* ---- to operations ---- */

/* Rows of one table in one class, growing in the arena's memory. */
struct rows {
    const struct value **rows;
    uint32_t *times;
    size_t n;
};

static struct rows rows_for(struct net *n, size_t count, bool with_times)
{
    struct rows r = {NULL, NULL, 0};

    r.rows = arena_alloc(n->arena, (count + 1) * sizeof(*r.rows));
    if (with_times)
        r.times = arena_alloc(n->arena, (count + 1) * sizeof(*r.times));
    return r;
}

static void emit(struct op_list *out, enum op_kind kind, const struct table *t,
                 const struct rows *r)
{
    struct op op = {.kind = kind, .table = t, .rows = r->rows, .times = r->times, .n_rows = r->n};

    if (r->n)
        op_list_add(out, &op);
}

static bool is_minus_zero(const struct value *v)
{
    return (v->kind == VALUE_DOUBLE && v->d == 0 && signbit(v->d)) ||
           (v->kind == VALUE_FLOAT && v->f == 0 && signbit(v->f));
}

static bool is_zero(const struct value *v)
{
    return (v->kind == VALUE_DOUBLE && v->d == 0) || (v->kind == VALUE_FLOAT && v->f == 0);
}

static void count_minus_zero(struct net *n, const struct table *t, const struct value *row)
{
    for (uint32_t i = 0; i < t->n_columns; i++)
        if (!column_is_generated(&t->columns[i]) && is_minus_zero(&row[i]))
            n->minus_zero++;
}

static bool differs(const struct value *a, const struct value *b)
{
    return !value_equal(a, b) && !(is_zero(a) && is_zero(b));
}

/* Would an update change a written column? -0.0 and 0 are one value on the target. */
static bool changes_row(const struct table *t, const struct net_row *row)
{
    for (uint32_t i = 0; i < t->n_columns; i++)
        if (!column_is_generated(&t->columns[i]) && differs(&row->before[i], &row->after[i]))
            return true;
    return false;
}

static bool changes_unique(const struct net_table *nt, const struct net_row *row)
{
    for (size_t i = 0; i < nt->n_uniques; i++)
        if (!value_equal(&row->before[nt->uniques[i]], &row->after[nt->uniques[i]]))
            return true;
    return false;
}

static void flush_keyed(struct net *n, struct net_table *nt, struct op_list *out)
{
    struct rows deletes = rows_for(n, nt->rows.count, false);
    struct rows updates = rows_for(n, nt->rows.count, false);
    struct rows inserts = rows_for(n, nt->rows.count, false);
    struct map_entry *e;

    for (size_t i = 0; (e = map_next(&nt->rows, &i)) != NULL;) {
        const struct net_row *row = e->value;
        bool rewrite =
            nt->mode == NET_HEAL || (row->before && row->after && changes_unique(nt, row));

        if (row->before && row->after && !rewrite && !changes_row(nt->table, row))
            continue;
        if (row->before && (!row->after || rewrite))
            deletes.rows[deletes.n++] = row->before;
        if (row->before && row->after && !rewrite)
            updates.rows[updates.n++] = row->after;
        if (row->after && (!row->before || rewrite))
            inserts.rows[inserts.n++] = row->after;
        if (row->after)
            count_minus_zero(n, nt->table, row->after);
    }
    emit(out, nt->mode == NET_HEAL ? OP_HEAL : OP_DELETE, nt->table, &deletes);
    emit(out, OP_UPDATE, nt->table, &updates);
    emit(out, OP_INSERT, nt->table, &inserts);
}

static void flush_multiset(struct net *n, struct net_table *nt, struct op_list *out)
{
    struct rows deletes = rows_for(n, nt->rows.count, true);
    struct rows inserts;
    struct map_entry *e;
    size_t copies = 0;

    for (size_t i = 0; (e = map_next(&nt->rows, &i)) != NULL;) {
        const struct net_row *row = e->value;

        if (row->copies > 0)
            copies += (size_t)row->copies;
        if (row->copies < 0) {
            deletes.times[deletes.n] = (uint32_t)-row->copies;
            deletes.rows[deletes.n++] = row->after;
        }
    }
    inserts = rows_for(n, copies, false);
    for (size_t i = 0; (e = map_next(&nt->rows, &i)) != NULL;) {
        const struct net_row *row = e->value;

        for (int64_t k = 0; k < row->copies; k++) {
            inserts.rows[inserts.n++] = row->after;
            count_minus_zero(n, nt->table, row->after);
        }
    }
    emit(out, OP_DELETE_IMAGE, nt->table, &deletes);
    emit(out, OP_INSERT, nt->table, &inserts);
}

void net_flush(struct net *n, struct op_list *out)
{
    struct map_entry *e;

    for (size_t i = 0; (e = map_next(&n->tables, &i)) != NULL;) {
        struct net_table *nt = e->value;

        if (nt->table->n_row_key)
            flush_keyed(n, nt, out);
        else
            flush_multiset(n, nt, out);
    }
    net_reset(n);
}
