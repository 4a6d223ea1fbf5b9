#include "schema/catalog.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/buf.h"
#include "schema/base/map.h"
#include "schema/base/xalloc.h"

struct database {
    char *name;
    char *charset;
    char *collation;
};

/* The tables that refer to one table, which need not be there. */
struct children {
    const struct table **tables; /* in order of (db, name) */
    size_t n, cap;
};

struct catalog {
    struct map tables;    /* db NUL name: struct table */
    struct map children;  /* db NUL name of the parent: struct children */
    struct map databases; /* name: struct database */
    struct table **old;   /* replaced definitions, alive until the end */
    size_t n_old;
    size_t cap_old;
    uint64_t version;
};

struct catalog *catalog_new(void)
{
    return xcalloc(1, sizeof(struct catalog));
}

static void database_free(struct database *d)
{
    if (d == NULL)
        return;
    free(d->name);
    free(d->charset);
    free(d->collation);
    free(d);
}

static void children_free(struct children *list)
{
    free(list->tables);
    free(list);
}

void catalog_free(struct catalog *c)
{
    struct map_entry *e;

    if (c == NULL)
        return;
    for (size_t i = 0; (e = map_next(&c->tables, &i)) != NULL;)
        table_free(e->value);
    for (size_t i = 0; (e = map_next(&c->databases, &i)) != NULL;)
        database_free(e->value);
    for (size_t i = 0; (e = map_next(&c->children, &i)) != NULL;)
        children_free(e->value);
    for (size_t i = 0; i < c->n_old; i++)
        table_free(c->old[i]);
    free(c->old);
    map_release(&c->children);
    map_release(&c->tables);
    map_release(&c->databases);
    free(c);
}

static void bury(struct catalog *c, struct table *t)
{
    if (t == NULL)
        return;
    if (c->n_old == c->cap_old) {
        c->cap_old = c->cap_old ? 2 * c->cap_old : 16;
        c->old = xrealloc(c->old, c->cap_old * sizeof(*c->old));
    }
    c->old[c->n_old++] = t;
}

static int compare_tables(const void *a, const void *b)
{
    const struct table *x = *(const struct table *const *)a;
    const struct table *y = *(const struct table *const *)b;
    int c = strcmp(x->db, y->db);

    return c ? c : strcmp(x->name, y->name);
}

/* Where t is, or would be, in the list. */
static size_t child_index(const struct children *list, const struct table *t)
{
    size_t low = 0, high = list->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_tables(&list->tables[middle], &t) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void add_child(struct children *list, const struct table *t)
{
    size_t at = child_index(list, t);

    if (at < list->n && list->tables[at] == t)
        return; /* a second foreign key onto the same parent */
    if (list->n == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 4;
        list->tables = xrealloc(list->tables, list->cap * sizeof(*list->tables));
    }
    memmove(&list->tables[at + 1], &list->tables[at], (list->n - at) * sizeof(*list->tables));
    list->tables[at] = t;
    list->n++;
}

static void remove_child(struct children *list, const struct table *t)
{
    size_t at = child_index(list, t);

    if (at == list->n || list->tables[at] != t)
        return;
    list->n--;
    memmove(&list->tables[at], &list->tables[at + 1], (list->n - at) * sizeof(*list->tables));
}

static void index_table(struct catalog *c, const struct table *t, bool is_there)
{
    struct buf key = BUF_INIT;

    c->version++;
    for (uint32_t i = 0; t && i < t->n_fks; i++) {
        void **slot;

        slot = map_slot(&c->children, table_name_key(&key, t->fks[i].ref_db, t->fks[i].ref_table));
        if (*slot == NULL)
            *slot = xcalloc(1, sizeof(struct children));
        if (is_there)
            add_child(*slot, t);
        else
            remove_child(*slot, t);
    }
    buf_release(&key);
}

void catalog_put(struct catalog *c, struct table *t)
{
    struct buf key = BUF_INIT;
    struct table *former;

    former = map_put(&c->tables, table_name_key(&key, t->db, t->name), t);
    assert(former != t);
    index_table(c, former, false);
    index_table(c, t, true);
    bury(c, former);
    buf_release(&key);
}

void catalog_remove(struct catalog *c, const char *db, const char *name)
{
    struct buf key = BUF_INIT;
    struct table *former;

    former = map_remove(&c->tables, table_name_key(&key, db, name));
    index_table(c, former, false);
    bury(c, former);
    buf_release(&key);
}

const struct table *catalog_get(const struct catalog *c, const char *db, const char *name)
{
    struct buf key = BUF_INIT;
    const struct table *t;

    t = map_get(&c->tables, table_name_key(&key, db, name));
    buf_release(&key);
    return t;
}

size_t catalog_tables(const struct catalog *c, const struct table ***out)
{
    const struct table **list = xcalloc(c->tables.count + 1, sizeof(*list));
    struct map_entry *e;
    size_t n = 0;

    for (size_t i = 0; (e = map_next(&c->tables, &i)) != NULL;)
        list[n++] = e->value;
    if (n > 1)
        qsort(list, n, sizeof(*list), compare_tables);
    *out = list;
    return n;
}

void catalog_put_database(struct catalog *c, const char *db, const char *charset,
                          const char *collation)
{
    struct database *d = xcalloc(1, sizeof(*d));

    d->name = xstrdup(db);
    d->charset = xstrdup(charset);
    d->collation = xstrdup(collation);
    database_free(map_put(&c->databases, bytes_str(db), d));
}

void catalog_remove_database(struct catalog *c, const char *db)
{
    const struct table **list;
    size_t n = catalog_tables(c, &list);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i]->db, db) == 0)
            catalog_remove(c, list[i]->db, list[i]->name);
    }
    free(list);
    database_free(map_remove(&c->databases, bytes_str(db)));
}

bool catalog_database(const struct catalog *c, const char *db, const char **charset,
                      const char **collation)
{
    const struct database *d = map_get(&c->databases, bytes_str(db));

    if (d == NULL)
        return false;
    *charset = d->charset;
    *collation = d->collation;
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t catalog_databases(const struct catalog *c, const char ***names)
{
    const char **list = xcalloc(c->databases.count + 1, sizeof(*list));
    struct map_entry *e;
    size_t n = 0;

    for (size_t i = 0; (e = map_next(&c->databases, &i)) != NULL;)
        list[n++] = ((const struct database *)e->value)->name;
    if (n > 1)
        qsort(list, n, sizeof(*list), compare_names);
    *names = list;
    return n;
}

size_t catalog_children(const struct catalog *c, const char *db, const char *name,
                        const struct table *const **out)
{
    struct buf key = BUF_INIT;
    const struct children *list;

    list = map_get(&c->children, table_name_key(&key, db, name));
    buf_release(&key);
    *out = list ? list->tables : NULL;
    return list ? list->n : 0;
}

uint64_t catalog_version(const struct catalog *c)
{
    return c->version;
}
