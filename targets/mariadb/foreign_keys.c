/*
 * foreign_keys.c - foreign keys on the target, and what a table is weaker in.
 */
#include <stdlib.h>
#include <strings.h>

#include "schema/base/xalloc.h"
#include "targets/mariadb/ddl.h"
#include "targets/mariadb/mariadb.h"

/* Which of the definition's foreign keys the server has, by name. */
struct present {
    const struct table *table;
    bool *has; /* n_fks flags */
    uint64_t count;
};

static bool take_name(void *ctx, const struct bytes *c, unsigned n, struct err *err)
{
    struct present *p = ctx;

    (void)n, (void)err;
    p->count++;
    for (uint32_t i = 0; i < p->table->n_fks; i++) {
        const char *name = p->table->fks[i].name;

        if (strlen(name) == c[0].len && strncasecmp(name, (const char *)c[0].data, c[0].len) == 0)
            p->has[i] = true;
    }
    return true;
}

static bool read_present(struct maria *t, struct present *p, struct err *err)
{
    struct buf sql = BUF_INIT;
    bool ok;

    buf_put_str(&sql, "SELECT CONSTRAINT_NAME FROM information_schema.TABLE_CONSTRAINTS"
                      " WHERE CONSTRAINT_TYPE='FOREIGN KEY' AND TABLE_SCHEMA=");
    sql_put_string(&sql, bytes_str(p->table->db));
    buf_put_str(&sql, " AND TABLE_NAME=");
    sql_put_string(&sql, bytes_str(p->table->name));
    ok = maria_query(t, buf_bytes(&sql), "read foreign keys", take_name, p, err);
    buf_release(&sql);
    /* A rename gives some of them another name: as many as there should be are those. */
    for (uint32_t i = 0; ok && p->count >= p->table->n_fks && i < p->table->n_fks; i++)
        p->has[i] = true;
    return ok;
}

static bool add(struct maria *t, const struct table *table, struct foreign_key *fks, uint32_t n,
                struct err *err)
{
    struct table only = *table;
    struct buf sql = BUF_INIT;
    bool ok;

    only.fks = fks;
    only.n_fks = n;
    mariadb_put_add_fks(&only, &sql);
    ok = maria_run(t, buf_bytes(&sql), "add foreign keys", err);
    if (!ok)
        err_context(err, "table %s.%s: foreign key %s%s", table->db, table->name, fks->name,
                    n > 1 ? " and others" : "");
    buf_release(&sql);
    return ok;
}

static bool is_tables_fault(const struct err *err)
{
    return err->kind == ERR_DATA || err->kind == ERR_SERVER;
}

/* What cannot be made does not take the others with it. */
static bool add_one_by_one(struct maria *t, const struct table *table, const bool *has,
                           struct err *err)
{
    struct err first = ERR_INIT;

    for (uint32_t i = 0; i < table->n_fks; i++) {
        if (has[i] || add(t, table, &table->fks[i], 1, err))
            continue;
        if (!is_tables_fault(err))
            return false;
        if (first.kind == ERR_NONE)
            first = *err;
    }
    *err = first;
    return first.kind == ERR_NONE;
}

bool mariadb_add_foreign_keys(struct target *target, const struct table *table, struct err *err)
{
    struct maria *t = maria_of(target);
    struct present p = {table, NULL, 0};
    bool ok = true;

    if (!table->n_fks)
        return true;
    p.has = xcalloc(table->n_fks, sizeof(bool));
    if (!read_present(t, &p, err))
        ok = false;
    else if (p.count || !add(t, table, table->fks, table->n_fks, err))
        ok = (p.count || is_tables_fault(err)) && add_one_by_one(t, table, p.has, err);
    free(p.has);
    return ok;
}

static bool note_missing(struct maria *t, const struct table *table, struct notes *notes,
                         struct err *err)
{
    struct present p = {table, xcalloc(table->n_fks + 1, sizeof(bool)), 0};
    bool ok = read_present(t, &p, err);

    for (uint32_t i = 0; ok && i < table->n_fks; i++) {
        const struct foreign_key *fk = &table->fks[i];

        if (!p.has[i])
            notes_add(notes, "%s.%s: foreign key %s to %s.%s is missing", table->db, table->name,
                      fk->name, fk->ref_db, fk->ref_table);
    }
    free(p.has);
    return ok;
}

bool mariadb_weaker(struct target *target, const struct table *table, struct notes *notes,
                    struct err *err)
{
    struct maria *t = maria_of(target);
    struct buf said = BUF_INIT;
    bool ok =
        mariadb_put_create(table, t->base.info.version_number, TABLE_WITH_KEYS, &said, notes, err);

    buf_release(&said);
    return ok && (!table->n_fks || note_missing(t, table, notes, err));
}
