/*
 * snapshot.c - views that stand still, and table definitions read in them.
 *
 * A view is bracketed: gtid_executed read before it is a lower bound of what it shows, the
 * binlog's end read after it an upper one, because a commit is first in the binlog, then
 * seen by new views, then in gtid_executed; and binlog_order_commits makes what is seen a
 * prefix of the binlog (algorithms.md 1.1).
 */
#include <mysql.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/source/link.h"
#include "schema/base/xalloc.h"
#include "schema/catalog.h"
#include "schema/ddl/ddl.h"
#include "targets/sqltext.h"

#define CATALOG_TABLES_MAX 1000000
#define SHOW_CREATE_TABLE_COLUMNS 2 /* a view's answer has four */

bool source_view_open(struct source *s, struct source_view_bounds *bounds, struct err *err)
{
    bool ok = false;

    bounds->lo = (struct place){0};
    if (!s->info.order_commits) {
        err_reason(err, ERR_SERVER, "order_commits",
                   "binlog_order_commits is OFF on the source; set it ON");
        err->side = ERR_SIDE_SOURCE;
        return false;
    }
    if (source_exec(s, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", err) &&
        source_executed(s, &bounds->lo, err) &&
        source_exec(s, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", err) &&
        source_binlog_end(s, &bounds->hi, err))
        ok = true;
    s->in_view = ok;
    if (!ok)
        place_release(&bounds->lo);
    return ok;
}

bool source_view_close(struct source *s, struct err *err)
{
    s->in_view = false;
    return source_exec(s, "COMMIT", err);
}

struct create_text {
    char *text;
    bool is_table;
};

static bool keep_create(void *ctx, const struct bytes *columns, unsigned n, struct err *err)
{
    struct create_text *out = ctx;

    (void)err;
    out->is_table = n == SHOW_CREATE_TABLE_COLUMNS;
    if (out->is_table && columns[1].data && !out->text)
        out->text = xstrndup((const char *)columns[1].data, columns[1].len);
    return true;
}

/*
 * A row read takes the metadata lock for the rest of the view, and fails when DDL rebuilt
 * the table behind it; SHOW CREATE TABLE alone does neither.
 */
static bool pin(struct source *s, const char *db, const char *name, struct err *err)
{
    struct buf sql = BUF_INIT;
    bool ok;

    buf_put_str(&sql, "SELECT 1 FROM ");
    sql_put_table(&sql, db, name);
    buf_put_str(&sql, " LIMIT 1");
    ok = source_exec(s, buf_cstr(&sql), err);
    buf_release(&sql);
    return ok;
}

static bool show_create(struct source *s, const char *db, const char *name, struct create_text *out,
                        struct err *err)
{
    struct buf sql = BUF_INIT;
    bool ok;

    buf_put_str(&sql, "SHOW CREATE TABLE ");
    sql_put_table(&sql, db, name);
    ok = source_query(s, buf_cstr(&sql), keep_create, out, err);
    buf_release(&sql);
    return ok;
}

bool source_read_table(struct source *s, const char *db, const char *name, struct table **out,
                       struct err *err)
{
    struct create_text create = {NULL, false};
    bool ok = false;

    *out = NULL;
    if (s->in_view && !pin(s, db, name, err))
        goto done;
    if (!show_create(s, db, name, &create, err))
        goto done;
    if (!create.text) {
        err_reason(err, ERR_DATA, "no_table", "%s.%s is not a base table", db, name);
        goto done;
    }
    ok = ddl_parse_table(create.text, db, out, err);
done:
    if (!ok)
        err_context(err, "definition of %s.%s", db, name);
    free(create.text);
    return ok;
}

struct names {
    char **db;
    char **name;
    size_t n;
};

static void names_release(struct names *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->db[i]);
        free(l->name[i]);
    }
    free(l->db);
    free(l->name);
}

static bool keep_name(void *ctx, const struct source_table *t, struct err *err)
{
    struct names *l = ctx;

    if (l->n == CATALOG_TABLES_MAX) {
        err_set(err, ERR_DATA, "the source has more than %d tables", CATALOG_TABLES_MAX);
        return false;
    }
    if ((l->n & (l->n - 1)) == 0) { /* room doubles at each power of two */
        size_t room = l->n ? l->n * 2 : 1;

        l->db = xrealloc(l->db, room * sizeof(*l->db));
        l->name = xrealloc(l->name, room * sizeof(*l->name));
    }
    l->db[l->n] = xstrdup(t->db);
    l->name[l->n++] = xstrdup(t->name);
    return true;
}

static bool keep_database(void *ctx, const char *db, const char *charset, const char *collation,
                          struct err *err)
{
    (void)err;
    catalog_put_database(ctx, db, charset, collation);
    return true;
}

static bool read_names(struct source *s, struct catalog *catalog, struct names *list,
                       struct err *err)
{
    return source_list_databases(s, NULL, keep_database, catalog, err) &&
           source_list_tables(s, keep_name, list, err);
}

bool source_read_catalog(struct source *s,
                         bool (*wanted)(void *ctx, const char *db, const char *name), void *ctx,
                         struct catalog *catalog, struct err *err)
{
    struct names list = {NULL, NULL, 0};
    bool ok = read_names(s, catalog, &list, err);

    for (size_t i = 0; ok && i < list.n; i++) {
        struct table *t = NULL;

        if (!wanted(ctx, list.db[i], list.name[i]))
            continue;
        ok = source_read_table(s, list.db[i], list.name[i], &t, err);
        if (ok)
            catalog_put(catalog, t);
    }
    names_release(&list);
    return ok;
}
