/*
 * memory_target.c - the operations of the in-memory target: units, load, reading, definitions.
 * Rows of our own state are in memory_state.c.
 */
#include "tests/lib/memory_ops.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/xalloc.h"

/* ---- faults ---- */

static bool lost(struct memory_target *m, struct err *err)
{
    (void)m;
    err_server(err, ERR_RETRY, ERR_SIDE_TARGET, 0, "the connection to the target is gone");
    return false;
}

bool memory_point(struct memory_target *m, enum memory_point point, struct err *err)
{
    struct memory_server *server = m->session.server;
    enum memory_fault fault = MEMORY_GOOD;

    if (m->is_eye)
        return true;
    if (!m->session.dead && server->fault)
        fault = server->fault(server->fault_ctx, point);
    switch (fault) {
    case MEMORY_GOOD:
        return !m->session.dead || lost(m, err);
    case MEMORY_RETRY:
        /* What is committed cannot be taken back: only its answer can be lost. */
        if (point == MEMORY_AFTER_COMMIT || point == MEMORY_AFTER_DEFINE)
            return true;
        memory_rollback(&m->session);
        err_server(err, ERR_RETRY, ERR_SIDE_TARGET, 0, "deadlock on the target");
        return false;
    case MEMORY_VALUE:
        err_reason(err, ERR_DATA, "value_refused", "the target refused a value");
        return false;
    case MEMORY_LOST:
        memory_rollback(&m->session);
        m->session.dead = true;
        return lost(m, err);
    case MEMORY_CRASH:
        memory_server_crash(server);
        return lost(m, err);
    }
    return true;
}

/* ---- units ---- */

/* The table as the op knows it, or ERR_DATA "target_changed". */
static struct memory_table *table_of(struct memory_target *m, const struct table *def,
                                     struct err *err)
{
    struct memory_table *t = memory_find(m->session.server, def->db, def->name);
    bool same = t && t->def->n_columns == def->n_columns;

    for (uint32_t i = 0; same && i < def->n_columns; i++)
        same = strcmp(t->def->columns[i].name, def->columns[i].name) == 0;
    if (same)
        return t;
    err_reason(err, ERR_DATA, "target_changed", "table %s.%s on the target is not as it was made",
               def->db, def->name);
    return NULL;
}

static bool miscounted(const struct op *op, uint64_t rows, uint64_t wanted, struct err *err)
{
    err_reason(err, ERR_DATA, "row_count", "table %s.%s: %llu rows where %llu were expected",
               op->table->db, op->table->name, (unsigned long long)rows,
               (unsigned long long)wanted);
    return false;
}

static bool insert_row(struct memory_target *m, struct memory_table *t, const struct value *image,
                       struct err *err)
{
    struct memory_row *row = memory_row(t, image);
    uint32_t copies;

    if (!memory_lock(&m->session, row, err))
        return false;
    memory_sees(&m->session, row, &copies);
    if (copies && t->def->n_row_key) {
        err_reason(err, ERR_DATA, "duplicate_key", "table %s.%s already has a row of this key",
                   t->def->db, t->def->name);
        return false;
    }
    return memory_set(&m->session, row, image, copies + 1, err);
}

static bool equal_rows(const struct value *a, const struct value *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!value_equal(&a[i], &b[i]))
            return false;
    return true;
}

/* A row that already is what it shall be counts as none, as on a server. */
static bool update_row(struct memory_target *m, struct memory_table *t, const struct op *op,
                       size_t i, struct err *err)
{
    struct memory_row *row = memory_row(t, op->rows[i]);
    uint32_t copies;
    const struct value *now;

    if (!memory_lock(&m->session, row, err))
        return false;
    now = memory_sees(&m->session, row, &copies);
    if (!now || equal_rows(now, op->rows[i], t->def->n_columns))
        return miscounted(op, 0, 1, err);
    return memory_set(&m->session, row, op->rows[i], copies, err);
}

static bool delete_row(struct memory_target *m, struct memory_table *t, const struct op *op,
                       size_t i, struct err *err)
{
    struct memory_row *row = memory_row(t, op->rows[i]);
    uint32_t copies;

    if (!memory_lock(&m->session, row, err))
        return false;
    if (!memory_sees(&m->session, row, &copies))
        return op->kind == OP_HEAL || miscounted(op, 0, 1, err);
    return memory_set(&m->session, row, NULL, 0, err);
}

static bool delete_image(struct memory_target *m, struct memory_table *t, const struct op *op,
                         size_t i, struct err *err)
{
    struct memory_row *row = memory_row(t, op->rows[i]);
    uint32_t copies;

    if (!memory_lock(&m->session, row, err))
        return false;
    memory_sees(&m->session, row, &copies);
    if (copies < op->times[i])
        return miscounted(op, copies, op->times[i], err);
    return memory_set(&m->session, row, op->rows[i], copies - op->times[i], err);
}

/* Is the row a child of this parent by the op's foreign key? */
static bool is_child(const struct op *op, const struct value *parent, const struct value *child)
{
    for (uint32_t i = 0; i < op->fk->n_columns; i++) {
        const struct value *a = &parent[table_column(op->parent, op->fk->ref_columns[i])];
        const struct value *b = &child[table_column(op->table, op->fk->columns[i])];

        if (a->kind == VALUE_NULL || !value_equal(a, b))
            return false;
    }
    return true;
}

static bool cascade_to(struct memory_target *m, const struct op *op, size_t i,
                       struct memory_row *row, const struct value *now, uint32_t copies,
                       struct err *err)
{
    uint32_t n = op->table->n_columns;
    struct value *image;
    bool ok;

    if (op->kind == OP_CASCADE_DELETE)
        return memory_set(&m->session, row, NULL, 0, err);
    image = xcalloc(n, sizeof(*image));
    memcpy(image, now, n * sizeof(*image));
    for (uint32_t k = 0; k < op->fk->n_columns; k++) {
        struct value *v = &image[table_column(op->table, op->fk->columns[k])];

        *v = op->kind == OP_CASCADE_UPDATE
                 ? op->parent_after[i][table_column(op->parent, op->fk->ref_columns[k])]
                 : (struct value){.kind = VALUE_NULL};
    }
    /* The foreign key may be a part of the row key: then the row is another one. */
    if (memory_row(row->table, image) == row) {
        ok = memory_set(&m->session, row, image, copies, err);
    } else {
        struct value *copy = memory_copy(image, n); /* `now` dies with the next call */

        ok = memory_set(&m->session, row, NULL, 0, err);
        for (uint32_t c = 0; ok && c < copies; c++)
            ok = insert_row(m, row->table, copy, err);
        free(copy);
    }
    free(image);
    return ok;
}

static bool cascade(struct memory_target *m, struct memory_table *t, const struct op *op, size_t i,
                    struct err *err)
{
    size_t n = t->rows.n_entries; /* rows that the cascade makes are none of its own */

    for (size_t k = 0; k < n; k++) {
        struct memory_row *row = t->rows.entries[k].value;
        uint32_t copies;
        const struct value *now;

        if (!t->rows.entries[k].live)
            continue;
        now = memory_sees(&m->session, row, &copies);
        if (now && is_child(op, op->rows[i], now) && !cascade_to(m, op, i, row, now, copies, err))
            return false;
    }
    return true;
}

static bool run_row(struct memory_target *m, struct memory_table *t, const struct op *op, size_t i,
                    struct err *err)
{
    switch (op->kind) {
    case OP_INSERT:
        return insert_row(m, t, op->rows[i], err);
    case OP_UPDATE:
        return update_row(m, t, op, i, err);
    case OP_DELETE:
    case OP_HEAL:
        return delete_row(m, t, op, i, err);
    case OP_DELETE_IMAGE:
        return delete_image(m, t, op, i, err);
    case OP_CASCADE_DELETE:
    case OP_CASCADE_SET_NULL:
    case OP_CASCADE_UPDATE:
        return cascade(m, t, op, i, err);
    }
    return true;
}

static bool run_op(struct memory_target *m, const struct op *op, struct err *err)
{
    struct memory_table *t;

    m->failed = op->table;
    if (!memory_point(m, MEMORY_OP, err) || !(t = table_of(m, op->table, err)))
        return false;
    for (size_t i = 0; i < op->n_rows; i++)
        if (!run_row(m, t, op, i, err))
            return false;
    m->failed = NULL;
    return true;
}

static bool run_unit(struct memory_target *m, const struct memory_unit *mu, struct err *err)
{
    const struct unit *u = mu->unit;

    m->failed = NULL;
    if (u->begins && !memory_point(m, MEMORY_BEGIN, err))
        return false;
    if (u->begins)
        m->session.in_transaction = true;
    if (!m->session.in_transaction)
        return lost(m, err);
    if (u->begins && !memory_change(m, mu->lane, 1, err))
        return false;
    for (size_t i = 0; i < u->n_ops; i++)
        if (!run_op(m, &u->ops[i], err))
            return false;
    if (!u->begins && mu->lane && !memory_change(m, mu->lane, 1, err))
        return false;
    return !u->ends || memory_commit_all(m, err);
}

bool memory_commit_all(struct memory_target *m, struct err *err)
{
    if (!memory_point(m, MEMORY_BEFORE_COMMIT, err))
        return false;
    memory_commit(&m->session);
    return memory_point(m, MEMORY_AFTER_COMMIT, err);
}

static void drop_all(struct memory_target *m)
{
    m->n_units = 0;
    memory_rollback(&m->session);
}

static bool submit(struct target *t, const struct unit *unit, const struct state_change *lane,
                   struct err *err)
{
    struct memory_target *m = memory_of(t);

    assert(!m->load && m->n_units < MEMORY_IN_FLIGHT);
    if (m->session.dead) {
        drop_all(m);
        return lost(m, err);
    }
    m->units[m->n_units++] = (struct memory_unit){unit, lane};
    return true;
}

static bool reap(struct target *t, uint64_t *lsn, struct err *err)
{
    struct memory_target *m = memory_of(t);

    assert(m->n_units > 0);
    if (!run_unit(m, &m->units[0], err)) {
        /* The connection, not the table, is to blame. */
        if (err->kind == ERR_RETRY)
            m->failed = NULL;
        drop_all(m);
        return false;
    }
    *lsn = m->units[0].unit->lsn;
    memmove(m->units, m->units + 1, --m->n_units * sizeof(m->units[0]));
    return true;
}

static void rollback(struct target *t)
{
    drop_all(memory_of(t));
}

static const struct table *failed_table(const struct target *t)
{
    return ((const struct memory_target *)t)->failed;
}

/* ---- load ---- */

static bool load_begin(struct target *t, const struct table *table, struct err *err)
{
    struct memory_target *m = memory_of(t);

    assert(m->n_units == 0 && !m->load);
    if (!memory_point(m, MEMORY_BEGIN, err))
        return false;
    m->load = table;
    m->session.in_transaction = true;
    return true;
}

static bool load_row(struct target *t, const struct value *row, struct err *err)
{
    struct memory_target *m = memory_of(t);
    struct memory_table *table;

    assert(m->load);
    if (m->session.dead)
        return lost(m, err);
    table = table_of(m, m->load, err);
    return table && insert_row(m, table, row, err);
}

static void load_abort(struct target *t)
{
    struct memory_target *m = memory_of(t);

    m->load = NULL;
    memory_rollback(&m->session);
}

static bool load_end(struct target *t, const struct state_change *changes, size_t n,
                     struct err *err)
{
    struct memory_target *m = memory_of(t);
    bool ok;

    assert(m->load);
    ok = memory_change(m, changes, n, err) && memory_commit_all(m, err);
    load_abort(t);
    return ok;
}

/* ---- the whole ---- */

static bool never_open(struct target *t, struct err *err)
{
    (void)t;
    err_set(err, ERR_CONFIG, "the in-memory target is no engine of a configuration");
    return false;
}

static void release(struct target *t)
{
    struct memory_target *m = memory_of(t);

    memory_view_release(m);
    memory_session_close(&m->session);
}

static bool keep(struct target *t, struct err *err)
{
    struct memory_target *m = memory_of(t);

    return !m->session.dead || lost(m, err);
}

static bool check(struct target *t, const struct target_needs *needs, target_finding_fn *fn,
                  void *ctx, struct err *err)
{
    (void)t, (void)needs, (void)err;
    fn(ctx, &(struct target_finding){TARGET_FIT, "memory", NULL});
    return true;
}

static const struct writer_ops writer = {
    .submit = submit,
    .reap = reap,
    .rollback = rollback,
    .failed_table = failed_table,
    .load_begin = load_begin,
    .load_row = load_row,
    .load_end = load_end,
    .load_abort = load_abort,
    .state_make = memory_state_make,
    .state_read = memory_state_read,
    .state_change = memory_state_change,
};

static const struct target_ops memory_ops = {
    .engine = "memory",
    .size = sizeof(struct memory_target),
    .open = never_open,
    .release = release,
    .keep = keep,
    .check = check,
    .writer = &writer,
    .reader = &memory_reader,
    .definer = &memory_definer,
};

struct target *memory_target_open(struct memory_server *server)
{
    struct memory_target *m = xcalloc(1, sizeof(*m));

    m->base.ops = &memory_ops;
    m->base.config.name = m->base.config.engine = "memory";
    snprintf(m->base.info.version, sizeof(m->base.info.version), "memory");
    m->base.info.row_bytes_max = UINT64_MAX;
    memory_session_open(server, &m->session);
    return &m->base;
}

struct target *memory_target_eye(struct memory_server *server)
{
    struct target *t = memory_target_open(server);

    memory_of(t)->is_eye = true;
    return t;
}

struct target *memory_target_open_mapped(struct memory_server *server,
                                         const struct mapping *mapping)
{
    struct target *t = memory_target_open(server);

    t->config.mapping = mapping;
    return t;
}
