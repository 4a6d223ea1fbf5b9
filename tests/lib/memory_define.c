#include "tests/lib/memory_ops.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/xalloc.h"

/* A definition waits for transactions that have rows of the table in hand. */
static bool is_busy(const struct memory_table *t, struct err *err)
{
    struct map_entry *e;

    for (size_t i = 0; t && (e = map_next(&t->rows, &i)) != NULL;) {
        if (!((struct memory_row *)e->value)->owner)
            continue;
        err_server(err, ERR_RETRY, ERR_SIDE_TARGET, 0, "table %s.%s: lock wait timeout", t->def->db,
                   t->def->name);
        return true;
    }
    return false;
}

static bool create_database(struct target *t, const char *db, const char *charset,
                            const char *collation, struct err *err)
{
    struct memory_target *m = memory_of(t);

    (void)charset, (void)collation;
    if (!memory_point(m, MEMORY_BEFORE_DEFINE, err))
        return false;
    map_put(&m->session.server->databases, bytes_str(db), m->session.server);
    return memory_point(m, MEMORY_AFTER_DEFINE, err);
}

static bool create_table(struct target *t, const struct table *table, enum table_parts parts,
                         struct notes *notes, struct err *err)
{
    struct memory_target *m = memory_of(t);
    struct memory_server *server = m->session.server;

    (void)notes;
    if (!memory_point(m, MEMORY_BEFORE_DEFINE, err) || !memory_guard(m, err))
        return false;
    if (!map_get(&server->databases, bytes_str(table->db))) {
        err_server(err, ERR_SERVER, ERR_SIDE_TARGET, 0, "there is no database %s", table->db);
        return false;
    }
    if (memory_find(server, table->db, table->name)) {
        err_reason(err, ERR_DATA, "exists", "table %s.%s is on the target already and is not ours",
                   table->db, table->name);
        return false;
    }
    memory_make(server, table)->has_keys = parts == TABLE_WITH_KEYS;
    return memory_point(m, MEMORY_AFTER_DEFINE, err);
}

static bool drop_table(struct target *t, const char *db, const char *name, struct err *err)
{
    struct memory_target *m = memory_of(t);
    struct memory_server *server = m->session.server;

    if (!memory_point(m, MEMORY_BEFORE_DEFINE, err) || !memory_guard(m, err) ||
        is_busy(memory_find(server, db, name), err))
        return false;
    memory_drop(server, db, name);
    return memory_point(m, MEMORY_AFTER_DEFINE, err);
}

static struct memory_table *need_table(struct memory_target *m, const struct table *table,
                                       struct err *err)
{
    struct memory_table *t = memory_find(m->session.server, table->db, table->name);

    if (!t)
        err_reason(err, ERR_SERVER, "no_table", "table %s.%s is not on the target", table->db,
                   table->name);
    return t;
}

static bool add_keys(struct target *t, const struct table *table, struct notes *notes,
                     struct err *err)
{
    struct memory_target *m = memory_of(t);
    struct memory_table *mt;

    (void)notes;
    return memory_point(m, MEMORY_BEFORE_DEFINE, err) && memory_guard(m, err) &&
           (mt = need_table(m, table, err)) != NULL && !is_busy(mt, err) &&
           memory_add_keys(&m->session, mt, err) && memory_point(m, MEMORY_AFTER_DEFINE, err);
}

static bool add_foreign_keys(struct target *t, const struct table *table, struct err *err)
{
    struct memory_target *m = memory_of(t);
    struct memory_table *mt;

    if (!memory_point(m, MEMORY_BEFORE_DEFINE, err) || !memory_guard(m, err) ||
        !(mt = need_table(m, table, err)))
        return false;
    mt->has_foreign_keys = true;
    return memory_point(m, MEMORY_AFTER_DEFINE, err);
}

static bool weaker(struct target *t, const struct table *table, struct notes *notes,
                   struct err *err)
{
    struct memory_target *m = memory_of(t);
    struct memory_table *mt;

    if (!memory_point(m, MEMORY_READ, err) || !(mt = need_table(m, table, err)))
        return false;
    for (uint32_t i = 0; !mt->has_foreign_keys && i < table->n_fks; i++)
        notes_add(notes, "%s.%s: foreign key %s is missing", table->db, table->name,
                  table->fks[i].name);
    return true;
}

static bool create_view(struct target *t, const char *db, const char *name, const char *select_text,
                        struct notes *notes, struct err *err)
{
    struct memory_target *m = memory_of(t);
    struct buf b = BUF_INIT;

    (void)notes, (void)select_text;
    if (!memory_point(m, MEMORY_BEFORE_DEFINE, err))
        return false;
    map_put(&m->session.server->views, table_name_key(&b, db, name), m->session.server);
    buf_release(&b);
    return memory_point(m, MEMORY_AFTER_DEFINE, err);
}

static bool table_exists(struct target *t, const char *db, const char *name, bool *exists,
                         struct err *err)
{
    struct memory_target *m = memory_of(t);
    struct buf b = BUF_INIT;

    if (!memory_point(m, MEMORY_READ, err))
        return false;
    *exists = memory_find(m->session.server, db, name) != NULL ||
              map_get(&m->session.server->views, table_name_key(&b, db, name)) != NULL;
    buf_release(&b);
    return true;
}

/* ---- DDL units ---- */

/* Which tables are there: what makes or changes one gives it a new id. */
static void put_ids(struct memory_server *server, const struct ddl *ddl, char out[65])
{
    uint64_t ids = 0;

    for (uint32_t i = 0; i < ddl->n_effects; i++) {
        const struct table *sides[2] = {ddl->effects[i].before, ddl->effects[i].after};

        for (int k = 0; k < 2; k++) {
            struct memory_table *t =
                sides[k] ? memory_find(server, sides[k]->db, sides[k]->name) : NULL;

            ids = ids * 1000003 + (t ? t->id : 0);
        }
    }
    snprintf(out, 65, "%016llx", (unsigned long long)ids);
}

/* A pair of the statement: create, drop, empty, or change and rename. */
static bool run_effect(struct memory_server *server, const struct ddl *ddl,
                       const struct ddl_effect *e, struct err *err)
{
    struct memory_table *t = e->before ? memory_find(server, e->before->db, e->before->name) : NULL;

    if (is_busy(t, err))
        return false;
    if (!e->before) {
        map_put(&server->databases, bytes_str(e->after->db), server);
        memory_make(server, e->after)->has_keys = true;
    } else if (!e->after) {
        memory_drop(server, e->before->db, e->before->name);
    } else if (ddl->kind == DDL_TRUNCATE_TABLE && t) {
        memory_truncate(t);
        t->id = ++server->next_id;
    } else {
        memory_alter(server, e->before, e->after);
    }
    return true;
}

/* The statement is atomic; its journal is not of the same transaction. */
static bool run_ddl(struct memory_target *m, const struct ddl *ddl, struct err *err)
{
    if (!memory_point(m, MEMORY_BEFORE_DEFINE, err))
        return false;
    for (uint32_t i = 0; i < ddl->n_effects; i++)
        if (!run_effect(m->session.server, ddl, &ddl->effects[i], err))
            return false;
    return memory_point(m, MEMORY_AFTER_DEFINE, err);
}

/* A former owner that is between two statements of a unit must not come to the next. */
static void lock_ddl(struct memory_session *s)
{
    struct memory_session *former = s->server->definer;

    if (former && former != s) {
        memory_rollback(former);
        former->dead = true;
    }
    s->server->definer = s;
}

static bool define(struct target *t, const struct ddl_unit *u, struct err *err)
{
    struct memory_target *m = memory_of(t);
    struct journal_row was;
    struct journal_row now = {.exists = true};
    bool happened;

    if (!store_journal_read(t, u, &was, err))
        return false;
    if (was.is_done)
        return true;
    put_ids(m->session.server, u->ddl, now.fingerprint);
    happened = was.exists && strcmp(was.fingerprint, now.fingerprint) != 0;
    if (!happened && (!store_journal_write(t, u, &now, err) || !run_ddl(m, u->ddl, err)))
        return false;
    now.is_done = true;
    return store_journal_write(t, u, &now, err);
}

static bool apply_ddl(struct target *t, const struct ddl_unit *u, struct notes *notes,
                      struct err *err)
{
    struct memory_target *m = memory_of(t);
    bool ok;

    (void)notes;
    assert(m->n_units == 0);
    lock_ddl(&m->session);
    ok = define(t, u, err);
    if (m->session.server->definer == &m->session)
        m->session.server->definer = NULL;
    return ok;
}

const struct definer_ops memory_definer = {
    .create_database = create_database,
    .create_table = create_table,
    .drop_table = drop_table,
    .add_keys = add_keys,
    .add_foreign_keys = add_foreign_keys,
    .weaker = weaker,
    .create_view = create_view,
    .table_exists = table_exists,
    .apply_ddl = apply_ddl,
};
