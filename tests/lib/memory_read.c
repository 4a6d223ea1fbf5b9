#include "tests/lib/memory_ops.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/xalloc.h"

/* ---- views: a copy of what is committed ---- */

void memory_view_release(struct memory_target *m)
{
    for (size_t i = 0; i < m->n_images; i++)
        free(m->images[i].row);
    free(m->images);
    m->images = NULL;
    m->n_images = m->cap_images = 0;
    m->has_view = false;
}

static void add_image(struct memory_target *m, const struct memory_row *row)
{
    if (m->n_images == m->cap_images) {
        m->cap_images = m->cap_images ? 2 * m->cap_images : 64;
        m->images = xrealloc(m->images, m->cap_images * sizeof(*m->images));
    }
    m->images[m->n_images++] = (struct memory_image){
        row->table->id, memory_copy(row->committed, row->table->def->n_columns), row->n_committed};
}

static bool view_open(struct target *t, struct err *err)
{
    struct memory_target *m = memory_of(t);
    struct map_entry *table;

    assert(!m->has_view);
    if (!memory_point(m, MEMORY_READ, err))
        return false;
    for (size_t i = 0; (table = map_next(&m->session.server->tables, &i)) != NULL;) {
        struct memory_table *mt = table->value;
        struct map_entry *e;

        for (size_t k = 0; (e = map_next(&mt->rows, &k)) != NULL;)
            if (((struct memory_row *)e->value)->n_committed)
                add_image(m, e->value);
    }
    m->has_view = true;
    return true;
}

static bool view_close(struct target *t, struct err *err)
{
    struct memory_target *m = memory_of(t);

    memory_view_release(m);
    return memory_point(m, MEMORY_READ, err);
}

/* ---- rows ---- */

struct found {
    const struct table *table;
    const struct value **rows;
    size_t n, cap;
};

static int compare_keys(const struct table *t, const struct value *row, const struct value *key)
{
    for (uint32_t i = 0; i < t->n_row_key; i++) {
        int order = memory_compare(&row[t->row_key[i]], &key[i]);

        if (order)
            return order;
    }
    return 0;
}

static bool has_key(const struct table *t, const struct value *row, const struct selection *which)
{
    for (size_t i = 0; i < which->n_keys; i++) {
        bool equal = true;

        for (uint32_t k = 0; equal && k < t->n_row_key; k++)
            equal = value_equal(&row[t->row_key[k]], &which->keys[i][t->row_key[k]]);
        if (equal)
            return true;
    }
    return false;
}

bool memory_selects(const struct table *t, const struct selection *which, const struct value *row)
{
    if (!which)
        return true;
    if ((which->low && compare_keys(t, row, which->low) < 0) ||
        (which->high && compare_keys(t, row, which->high) >= 0) ||
        (which->keys && !has_key(t, row, which)))
        return false;
    for (uint32_t i = 0; i < which->n_columns; i++)
        if (which->values[i].kind == VALUE_NULL ||
            !value_equal(&row[which->columns[i]], &which->values[i]))
            return false;
    return true;
}

static void add_found(struct found *f, const struct value *row, uint32_t copies,
                      const struct selection *which)
{
    if (!row || !memory_selects(f->table, which, row))
        return;
    for (uint32_t i = 0; i < copies; i++) {
        if (f->n == f->cap) {
            f->cap = f->cap ? 2 * f->cap : 64;
            f->rows = xrealloc(f->rows, f->cap * sizeof(*f->rows));
        }
        f->rows[f->n++] = row;
    }
}

static int by_key(const void *a, const void *b, void *ctx)
{
    const struct value *x = *(const struct value *const *)a;
    const struct value *y = *(const struct value *const *)b;
    const struct table *t = ctx;

    for (uint32_t i = 0; i < t->n_row_key; i++) {
        int order = memory_compare(&x[t->row_key[i]], &y[t->row_key[i]]);

        if (order)
            return order;
    }
    return 0;
}

void memory_sort(const struct table *t, const struct value **rows, size_t n)
{
    if (n)
        qsort_r(rows, n, sizeof(*rows), by_key, (void *)(uintptr_t)t);
}

static bool find(struct memory_target *m, const struct table *def, const struct selection *which,
                 struct found *f, struct err *err)
{
    struct memory_table *t = memory_find(m->session.server, def->db, def->name);
    struct map_entry *e;
    uint32_t copies;

    *f = (struct found){.table = def};
    if (!memory_point(m, MEMORY_READ, err))
        return false;
    if (!t || t->def->n_columns != def->n_columns) {
        err_reason(err, ERR_SERVER, "no_table", "table %s.%s is not on the target", def->db,
                   def->name);
        return false;
    }
    for (size_t i = 0; m->has_view && i < m->n_images; i++)
        if (m->images[i].table_id == t->id)
            add_found(f, m->images[i].row, m->images[i].copies, which);
    for (size_t i = 0; !m->has_view && (e = map_next(&t->rows, &i)) != NULL;) {
        const struct value *row = memory_sees(&m->session, e->value, &copies);

        add_found(f, row, copies, which);
    }
    return true;
}

static void columns_of(const struct target *t, const struct table *table, bool *columns)
{
    (void)t;
    for (uint32_t i = 0; i < table->n_columns; i++)
        columns[i] = true;
}

static bool read_rows(struct target *t, const struct table *table, const struct selection *which,
                      bool order, uint64_t limit, target_value_fn *row, void *ctx, struct err *err)
{
    struct found f;
    bool ok = find(memory_of(t), table, which, &f, err);

    if (ok && order)
        memory_sort(table, f.rows, f.n);
    if (limit && f.n > limit)
        f.n = limit;
    for (size_t i = 0; ok && i < f.n; i++)
        ok = row(ctx, f.rows[i], err);
    free(f.rows);
    return ok;
}

static void put_form(struct buf *b, const struct table *table, const struct value *row)
{
    bool *columns = xcalloc(table->n_columns + 1, sizeof(*columns));

    columns_of(NULL, table, columns);
    buf_reset(b);
    canon_put_row(b, table, columns, row);
    free(columns);
}

static bool read_sums(struct target *t, const struct table *table, const struct selection *which,
                      struct canon_sums *out, struct err *err)
{
    struct buf form = BUF_INIT;
    struct found f;
    bool ok = find(memory_of(t), table, which, &f, err);

    *out = (struct canon_sums){0};
    for (size_t i = 0; ok && i < f.n; i++) {
        put_form(&form, table, f.rows[i]);
        canon_add(out, buf_bytes(&form));
    }
    free(f.rows);
    buf_release(&form);
    return ok;
}

static bool read_hashes(struct target *t, const struct table *table, const struct selection *which,
                        canon_hash_fn *fn, void *ctx, struct err *err)
{
    struct value *key = xcalloc(table->n_columns + 1, sizeof(*key));
    struct buf form = BUF_INIT;
    struct found f;
    bool ok = find(memory_of(t), table, which, &f, err);

    for (size_t i = 0; ok && i < f.n; i++) {
        uint64_t hash;

        put_form(&form, table, f.rows[i]);
        hash = canon_hash64(buf_bytes(&form));
        for (uint32_t c = 0; c < table->n_columns; c++)
            key[c].kind = VALUE_ABSENT;
        for (uint32_t k = 0; k < table->n_row_key; k++)
            key[table->row_key[k]] = f.rows[i][table->row_key[k]];
        ok = fn(ctx, key, &hash, err);
    }
    free(key);
    free(f.rows);
    buf_release(&form);
    return ok;
}

const struct reader_ops memory_reader = {
    .view_open = view_open,
    .view_close = view_close,
    .columns = columns_of,
    .read_rows = read_rows,
    .read_sums = read_sums,
    .read_hashes = read_hashes,
};
