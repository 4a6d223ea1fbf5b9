/*
 * snapshot.c - views that stand still, and table definitions read in them.
 *
 * A view is bracketed: gtid_executed read before it is a lower bound of what it shows. A commit
 * is first in the binlog, then seen by new views, then moves from gtid_owned to gtid_executed in
 * one step; so gtid_owned and behind it gtid_executed, read after the view, are together an upper
 * bound, and so is the binlog's end. binlog_order_commits makes what is seen a prefix of the binlog
 * (algorithms.md 1.1).
 */
#include <mysql.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/source/mysql/link.h"
#include "schema/base/xalloc.h"
#include "schema/catalog.h"
#include "schema/ddl/ddl.h"
#include "targets/sqltext.h"

#define UUID_HEAD 8                 /* hexadecimal digits before the first dash */
#define SHOW_CREATE_TABLE_COLUMNS 2 /* a view's answer has four */

/*
 * A set with the thread behind each number, and nothing between two UUIDs:
 * "11111111-...:17#25:19#2622222222-...:3#27". The thread's digits end eight before the next
 * UUID's first dash.
 */
static void put_owned(struct buf *out, const char *text)
{
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, "#"), hex;

        buf_put(out, p, n);
        p += n;
        if (!*p)
            return;
        hex = strspn(++p, "0123456789abcdefABCDEF");
        if (p[hex] == '-' && hex > UUID_HEAD) {
            p += hex - UUID_HEAD;
            buf_put_str(out, ",");
        } else {
            p += strspn(p, "0123456789");
        }
    }
}

/* GTIDs that sessions have and that are not executed. */
static bool read_owned(struct link *s, struct place *out, struct err *err)
{
    struct buf set = BUF_INIT;
    char *text = NULL;
    bool ok = link_query_one(s, "SELECT @@GLOBAL.gtid_owned", &text, err);

    if (ok) {
        put_owned(&set, text ? text : "");
        ok = place_parse(buf_cstr(&set), out, err);
    }
    buf_release(&set);
    free(text);
    return ok;
}

bool link_view_open(struct source *base, struct source_view_bounds *bounds, struct err *err)
{
    struct link *s = link_of(base);
    bool ok = false;

    *bounds = (struct source_view_bounds){0};
    if (!s->base.info.order_commits) {
        err_reason(err, ERR_SERVER, "order_commits",
                   "binlog_order_commits is OFF on the source; set it ON");
        err->side = ERR_SIDE_SOURCE;
        return false;
    }
    if (link_exec(s, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", err) &&
        source_executed(base, &bounds->lo, err) &&
        link_exec(s, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", err) &&
        read_owned(s, &bounds->committing, err) && source_executed(base, &bounds->hi, err) &&
        source_binlog_end(base, &bounds->hi.at, err))
        ok = true;
    s->in_view = ok;
    if (!ok)
        source_view_bounds_release(bounds);
    return ok;
}

bool link_view_close(struct source *base, struct err *err)
{
    struct link *s = link_of(base);

    s->in_view = false;
    return link_exec(s, "COMMIT", err);
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
static bool pin(struct link *s, const char *db, const char *name, struct err *err)
{
    struct buf sql = BUF_INIT;
    bool ok;

    buf_put_str(&sql, "SELECT 1 FROM ");
    sql_put_table(&sql, db, name);
    buf_put_str(&sql, " LIMIT 1");
    ok = link_exec(s, buf_cstr(&sql), err);
    buf_release(&sql);
    return ok;
}

static bool show_create(struct link *s, const char *db, const char *name, struct create_text *out,
                        struct err *err)
{
    struct buf sql = BUF_INIT;
    bool ok;

    buf_put_str(&sql, "SHOW CREATE TABLE ");
    sql_put_table(&sql, db, name);
    ok = link_query(s, buf_cstr(&sql), keep_create, out, err);
    buf_release(&sql);
    return ok;
}

bool link_read_table(struct source *base, const char *db, const char *name, struct table **out,
                     struct err *err)
{
    struct link *s = link_of(base);
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
    ok = ddl_parse_shown(create.text, db, &s->base.info.dialect, out, err);
done:
    if (!ok)
        err_context(err, "definition of %s.%s", db, name);
    free(create.text);
    return ok;
}
