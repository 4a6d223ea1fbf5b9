#include "schema/table.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema/base/buf.h"
#include "schema/base/xalloc.h"
#include "schema/ddl/literal.h"

struct table *table_new(void)
{
    return xcalloc(1, sizeof(struct table));
}

void table_free(struct table *t)
{
    if (t == NULL)
        return;
    arena_release(&t->arena);
    free(t);
}

static const char *copy_str(struct arena *a, const char *s)
{
    return s ? arena_strdup(a, s) : NULL;
}

static const char **copy_strs(struct arena *a, const char **list, uint32_t n)
{
    const char **copy = arena_alloc(a, (n + 1) * sizeof(*copy));

    for (uint32_t i = 0; i < n; i++)
        copy[i] = arena_strdup(a, list[i]);
    return copy;
}

struct column column_copy(struct arena *a, const struct column *c)
{
    struct column copy = *c;

    copy.name = copy_str(a, c->name);
    copy.charset = copy_str(a, c->charset);
    copy.collation = copy_str(a, c->collation);
    copy.members = c->members ? copy_strs(a, c->members, c->n_members) : NULL;
    copy.default_text = copy_str(a, c->default_text);
    copy.generated_expr = copy_str(a, c->generated_expr);
    copy.comment = copy_str(a, c->comment);
    return copy;
}

struct key key_copy(struct arena *a, const struct key *k)
{
    struct key copy = *k;

    copy.name = copy_str(a, k->name);
    copy.parser = copy_str(a, k->parser);
    copy.comment = copy_str(a, k->comment);
    copy.parts = arena_alloc(a, (k->n_parts + 1) * sizeof(*copy.parts));
    for (uint32_t i = 0; i < k->n_parts; i++) {
        copy.parts[i] = k->parts[i];
        copy.parts[i].column = copy_str(a, k->parts[i].column);
        copy.parts[i].expr = copy_str(a, k->parts[i].expr);
    }
    return copy;
}

struct foreign_key foreign_key_copy(struct arena *a, const struct foreign_key *f)
{
    struct foreign_key copy = *f;

    copy.name = copy_str(a, f->name);
    copy.columns = copy_strs(a, f->columns, f->n_columns);
    copy.ref_db = copy_str(a, f->ref_db);
    copy.ref_table = copy_str(a, f->ref_table);
    copy.ref_columns = copy_strs(a, f->ref_columns, f->n_columns);
    return copy;
}

static void copy_parts(struct table *to, const struct table *t)
{
    struct arena *a = &to->arena;

    to->columns = arena_alloc(a, (t->n_columns + 1) * sizeof(*to->columns));
    for (uint32_t i = 0; i < t->n_columns; i++)
        to->columns[i] = column_copy(a, &t->columns[i]);
    to->keys = arena_alloc(a, (t->n_keys + 1) * sizeof(*to->keys));
    for (uint32_t i = 0; i < t->n_keys; i++)
        to->keys[i] = key_copy(a, &t->keys[i]);
    to->fks = arena_alloc(a, (t->n_fks + 1) * sizeof(*to->fks));
    for (uint32_t i = 0; i < t->n_fks; i++)
        to->fks[i] = foreign_key_copy(a, &t->fks[i]);
    to->checks = arena_alloc(a, (t->n_checks + 1) * sizeof(*to->checks));
    for (uint32_t i = 0; i < t->n_checks; i++) {
        to->checks[i] = t->checks[i];
        to->checks[i].name = copy_str(a, t->checks[i].name);
        to->checks[i].expr = copy_str(a, t->checks[i].expr);
    }
}

struct table *table_clone(const struct table *t)
{
    struct table *to = table_new();
    struct arena *a = &to->arena;

    to->db = copy_str(a, t->db);
    to->name = copy_str(a, t->name);
    to->n_columns = t->n_columns;
    to->n_keys = t->n_keys;
    to->n_fks = t->n_fks;
    to->n_checks = t->n_checks;
    copy_parts(to, t);
    to->engine = copy_str(a, t->engine);
    to->charset = copy_str(a, t->charset);
    to->collation = copy_str(a, t->collation);
    to->row_format = copy_str(a, t->row_format);
    to->key_block_size = t->key_block_size;
    to->auto_increment = t->auto_increment;
    to->partition = copy_str(a, t->partition);
    to->comment = copy_str(a, t->comment);
    table_finish(to);
    return to;
}

struct key_traits {
    bool has_null;     /* a NULL could stand in it */
    bool has_cut;      /* a part is a prefix */
    bool has_computed; /* a part is an expression or a virtual column */
};

static struct key_traits key_traits(const struct table *t, const struct key *k)
{
    struct key_traits traits = {false, false, false};

    for (uint32_t i = 0; i < k->n_parts; i++) {
        uint32_t c = k->parts[i].column ? table_column(t, k->parts[i].column) : UINT32_MAX;

        if (c == UINT32_MAX || t->columns[c].nullable)
            traits.has_null = true;
        if (k->parts[i].prefix > 0)
            traits.has_cut = true;
        if (c == UINT32_MAX || t->columns[c].generated == GENERATED_VIRTUAL)
            traits.has_computed = true;
    }
    return traits;
}

/* Where MySQL lists a key: primary, unique without NULL, unique, others, FULLTEXT. */
static int key_rank(const struct table *t, const struct key *k)
{
    struct key_traits traits = key_traits(t, k);

    if (k->kind == KEY_PRIMARY)
        return 0;
    if (k->kind == KEY_FULLTEXT)
        return 20;
    if (k->kind != KEY_UNIQUE)
        return 10 + traits.has_computed;
    return 1 + 4 * traits.has_null + 2 * traits.has_cut + traits.has_computed;
}

static void sort_keys(struct table *t)
{
    for (uint32_t i = 1; i < t->n_keys; i++) {
        struct key k = t->keys[i];
        int rank = key_rank(t, &k);
        uint32_t j = i;

        for (; j > 0 && key_rank(t, &t->keys[j - 1]) > rank; j--)
            t->keys[j] = t->keys[j - 1];
        t->keys[j] = k;
    }
}

static bool key_names_rows(const struct table *t, const struct key *k)
{
    struct key_traits traits = key_traits(t, k);

    if (k->kind == KEY_PRIMARY)
        return true;
    if (k->kind != KEY_UNIQUE)
        return false;
    return !traits.has_null && !traits.has_cut;
}

static int compare_fks(const void *a, const void *b)
{
    return strcmp(((const struct foreign_key *)a)->name, ((const struct foreign_key *)b)->name);
}

static int compare_checks(const void *a, const void *b)
{
    return strcmp(((const struct check *)a)->name, ((const struct check *)b)->name);
}

void table_finish(struct table *t)
{
    sort_keys(t);
    if (t->n_fks > 1)
        qsort(t->fks, t->n_fks, sizeof(*t->fks), compare_fks);
    if (t->n_checks > 1)
        qsort(t->checks, t->n_checks, sizeof(*t->checks), compare_checks);
    t->row_key = NULL;
    t->n_row_key = 0;
    t->row_key_name = NULL;
    for (uint32_t i = 0; i < t->n_keys; i++) {
        const struct key *k = &t->keys[i];

        if (!key_names_rows(t, k))
            continue;
        t->row_key = arena_alloc(&t->arena, k->n_parts * sizeof(*t->row_key));
        for (uint32_t j = 0; j < k->n_parts; j++)
            t->row_key[j] = table_column(t, k->parts[j].column);
        t->n_row_key = k->n_parts;
        t->row_key_name = k->name;
        return;
    }
}

struct bytes table_name_key(struct buf *key, const char *db, const char *name)
{
    buf_reset(key);
    buf_put(key, db, strlen(db) + 1);
    buf_put_str(key, name);
    return buf_bytes(key);
}

bool table_same_name(const struct table *a, const struct table *b)
{
    return strcmp(a->db, b->db) == 0 && strcmp(a->name, b->name) == 0;
}

uint32_t table_column(const struct table *t, const char *name)
{
    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (strcasecmp(t->columns[i].name, name) == 0)
            return i;
    }
    return UINT32_MAX;
}

struct key *table_key(const struct table *t, const char *name)
{
    for (uint32_t i = 0; i < t->n_keys; i++) {
        if (strcasecmp(t->keys[i].name, name) == 0)
            return &t->keys[i];
    }
    return NULL;
}

bool column_is_text(const struct column *c)
{
    return c->type >= COLUMN_CHAR && c->type <= COLUMN_LONGTEXT;
}

const char *column_type_name(enum column_type type)
{
    static const char *const names[] = {
        [COLUMN_TINYINT] = "tinyint",
        [COLUMN_SMALLINT] = "smallint",
        [COLUMN_MEDIUMINT] = "mediumint",
        [COLUMN_INT] = "int",
        [COLUMN_BIGINT] = "bigint",
        [COLUMN_DECIMAL] = "decimal",
        [COLUMN_FLOAT] = "float",
        [COLUMN_DOUBLE] = "double",
        [COLUMN_BIT] = "bit",
        [COLUMN_YEAR] = "year",
        [COLUMN_DATE] = "date",
        [COLUMN_TIME] = "time",
        [COLUMN_DATETIME] = "datetime",
        [COLUMN_TIMESTAMP] = "timestamp",
        [COLUMN_CHAR] = "char",
        [COLUMN_VARCHAR] = "varchar",
        [COLUMN_TINYTEXT] = "tinytext",
        [COLUMN_TEXT] = "text",
        [COLUMN_MEDIUMTEXT] = "mediumtext",
        [COLUMN_LONGTEXT] = "longtext",
        [COLUMN_BINARY] = "binary",
        [COLUMN_VARBINARY] = "varbinary",
        [COLUMN_TINYBLOB] = "tinyblob",
        [COLUMN_BLOB] = "blob",
        [COLUMN_MEDIUMBLOB] = "mediumblob",
        [COLUMN_LONGBLOB] = "longblob",
        [COLUMN_ENUM] = "enum",
        [COLUMN_SET] = "set",
        [COLUMN_JSON] = "json",
        [COLUMN_GEOMETRY] = "geometry",
        [COLUMN_VECTOR] = "vector",
    };

    return names[type];
}

static const char *geometry_name(enum geometry_type type)
{
    static const char *const names[] = {
        [GEOMETRY_ANY] = "geometry",
        [GEOMETRY_POINT] = "point",
        [GEOMETRY_LINESTRING] = "linestring",
        [GEOMETRY_POLYGON] = "polygon",
        [GEOMETRY_MULTIPOINT] = "multipoint",
        [GEOMETRY_MULTILINESTRING] = "multilinestring",
        [GEOMETRY_MULTIPOLYGON] = "multipolygon",
        [GEOMETRY_COLLECTION] = "geomcollection",
    };

    return names[type];
}

static void put_members(struct buf *b, const struct column *c)
{
    for (uint32_t i = 0; i < c->n_members; i++) {
        buf_put_str(b, i ? "," : "(");
        sql_literal_put(b, bytes_str(c->members[i]));
    }
    buf_put_str(b, ")");
}

static void put_size(struct buf *b, const struct column *c)
{
    switch (c->type) {
    case COLUMN_CHAR:
    case COLUMN_VARCHAR:
    case COLUMN_BINARY:
    case COLUMN_VARBINARY:
    case COLUMN_BIT:
    case COLUMN_VECTOR:
        buf_putf(b, "(%u)", c->length);
        break;
    case COLUMN_DECIMAL:
        buf_putf(b, "(%u,%u)", c->precision, c->scale);
        break;
    case COLUMN_FLOAT:
    case COLUMN_DOUBLE:
        if (c->precision)
            buf_putf(b, "(%u,%u)", c->precision, c->scale);
        break;
    case COLUMN_TIME:
    case COLUMN_DATETIME:
    case COLUMN_TIMESTAMP:
        if (c->fsp)
            buf_putf(b, "(%u)", c->fsp);
        break;
    case COLUMN_ENUM:
    case COLUMN_SET:
        put_members(b, c);
        break;
    default:
        if (c->type <= COLUMN_BIGINT && c->length)
            buf_putf(b, "(%u)", c->length);
    }
}

void column_put_type(struct buf *b, const struct column *c)
{
    if (c->type == COLUMN_GEOMETRY)
        buf_put_str(b, geometry_name(c->geometry));
    else
        buf_put_str(b, column_type_name(c->type));
    put_size(b, c);
    if (c->is_unsigned)
        buf_put_str(b, " unsigned");
    if (c->zerofill)
        buf_put_str(b, " zerofill");
}
