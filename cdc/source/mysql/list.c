/*
 * list.c - what there is on the source: tables, databases, views, programs. The only place
 * that knows the server's dictionary.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/source/mysql/link.h"
#include "schema/base/buf.h"
#include "schema/base/xalloc.h"
#include "targets/sqltext.h"

#define NOT_SYSTEM " NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')"
#define FIELDS_MAX 4

/* Text columns of one row as C strings, for as long as the call. */
struct fields {
    bool (*row)(struct fields *f, struct err *err);
    void *ctx;
    char *text[FIELDS_MAX];
    unsigned n;
};

static bool take_fields(void *ctx, const struct bytes *columns, unsigned n, struct err *err)
{
    struct fields *f = ctx;
    bool ok;

    assert(n == f->n);
    for (unsigned i = 0; i < n; i++)
        f->text[i] = xstrndup(columns[i].data ? (const char *)columns[i].data : "", columns[i].len);
    ok = f->row(f, err);
    for (unsigned i = 0; i < n; i++)
        free(f->text[i]);
    return ok;
}

/* ---- tables ---- */

struct table_list {
    source_table_fn *fn;
    void *ctx;
};

static bool hand_table(struct fields *f, struct err *err)
{
    const struct table_list *list = f->ctx;
    struct source_table t = {.db = f->text[0],
                             .name = f->text[1],
                             .rows = strtoull(f->text[2], NULL, 10),
                             .row_bytes = strtoull(f->text[3], NULL, 10)};

    return list->fn(list->ctx, &t, err);
}

bool link_list_tables(struct source *base, source_table_fn *fn, void *ctx, struct err *err)
{
    struct link *s = link_of(base);
    struct table_list list = {fn, ctx};
    struct fields f = {.row = hand_table, .ctx = &list, .n = 4};

    /* Statistics may be a day old by default; they size the chunks. */
    return link_query(s, "SET SESSION information_schema_stats_expiry = 0", NULL, NULL, err) &&
           link_query(s,
                      "SELECT TABLE_SCHEMA, TABLE_NAME, COALESCE(TABLE_ROWS, 0),"
                      " COALESCE(AVG_ROW_LENGTH, 0) FROM information_schema.TABLES"
                      " WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA" NOT_SYSTEM
                      " ORDER BY TABLE_SCHEMA, TABLE_NAME",
                      take_fields, &f, err);
}

/* ---- databases ---- */

/* Databases, views and programs are three texts each: source_database_fn and source_object_fn
 * are one type. */
struct object_list {
    source_object_fn *fn;
    void *ctx;
};

static bool hand_object(struct fields *f, struct err *err)
{
    const struct object_list *list = f->ctx;

    return list->fn(list->ctx, f->text[0], f->text[1], f->text[2], err);
}

bool link_list_databases(struct source *base, const char *only, source_database_fn *fn, void *ctx,
                         struct err *err)
{
    struct link *s = link_of(base);
    struct object_list list = {fn, ctx};
    struct fields f = {.row = hand_object, .ctx = &list, .n = 3};
    struct buf sql = BUF_INIT;
    bool ok;

    buf_put_str(&sql, "SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME"
                      " FROM information_schema.SCHEMATA WHERE SCHEMA_NAME");
    if (only) {
        buf_put_str(&sql, " = ");
        sql_put_string(&sql, bytes_str(only));
    } else {
        buf_put_str(&sql, NOT_SYSTEM);
    }
    ok = link_query(s, buf_cstr(&sql), take_fields, &f, err);
    buf_release(&sql);
    return ok;
}

/* ---- views and programs ---- */

bool link_list_views(struct source *base, source_object_fn *fn, void *ctx, struct err *err)
{
    struct link *s = link_of(base);
    struct object_list list = {fn, ctx};
    struct fields f = {.row = hand_object, .ctx = &list, .n = 3};

    return link_query(s,
                      "SELECT VIEW_DEFINITION, TABLE_SCHEMA, TABLE_NAME"
                      " FROM information_schema.VIEWS WHERE TABLE_SCHEMA" NOT_SYSTEM,
                      take_fields, &f, err);
}

bool link_list_programs(struct source *base, source_object_fn *fn, void *ctx, struct err *err)
{
    struct link *s = link_of(base);
    struct object_list list = {fn, ctx};
    struct fields f = {.row = hand_object, .ctx = &list, .n = 3};

    return link_query(s,
                      "SELECT 'trigger', TRIGGER_SCHEMA, TRIGGER_NAME"
                      " FROM information_schema.TRIGGERS"
                      " UNION ALL SELECT 'event', EVENT_SCHEMA, EVENT_NAME"
                      " FROM information_schema.EVENTS"
                      " UNION ALL SELECT LOWER(ROUTINE_TYPE), ROUTINE_SCHEMA, ROUTINE_NAME"
                      " FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA" NOT_SYSTEM
                      " ORDER BY 1, 2, 3",
                      take_fields, &f, err);
}

/* ---- rights ---- */

static bool hand_nothing(struct fields *f, struct err *err)
{
    (void)err;
    *(bool *)f->ctx = true;
    return true;
}

bool link_may_stream(struct source *base, bool *may, struct err *err)
{
    struct link *s = link_of(base);
    struct fields f = {.row = hand_nothing, .ctx = may, .n = 1};

    *may = false;
    return link_query(s,
                      "SELECT 1 FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE IN"
                      " ('REPLICATION SLAVE', 'SUPER') LIMIT 1",
                      take_fields, &f, err);
}
