#include <stdlib.h>

#include "cdc/source/source.h"
#include "schema/base/xalloc.h"
#include "schema/catalog.h"

#define CATALOG_TABLES_MAX 1000000

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
