#include "cdc/capture/match.h"

#include <string.h>

#include "schema/types/types.h"

static bool differs(const struct table *t, const char *column, const char *what, struct err *err)
{
    err_reason(err, ERR_DATA, "definition_differs",
               "table %s.%s: column %s: %s in the binlog differs from the definition followed "
               "so far; a change of it was not seen in the binlog",
               t->db, t->name, column, what);
    return false;
}

static bool is_ascii(const char *s)
{
    for (; *s; s++) {
        if ((unsigned char)*s >= 0x80)
            return false;
    }
    return true;
}

static bool members_match(const struct map_column *m, const struct column *c)
{
    bool utf8 = strncmp(c->charset, "utf8", 4) == 0;

    if (m->n_members != c->n_members)
        return false;
    for (uint32_t i = 0; i < m->n_members; i++) {
        /* Other character sets would need a conversion; the count and ASCII names suffice. */
        bool comparable = utf8 || (is_ascii(c->members[i]) && charset_ascii_safe(c->charset));

        if (comparable && !bytes_equal(m->members[i], bytes_str(c->members[i])))
            return false;
    }
    return true;
}

static bool collation_matches(const struct map_column *m, const struct column *c)
{
    const char *charset, *collation;

    if (!c->charset || m->collation == 0)
        return true;
    return collation_by_id(m->collation, &charset, &collation) &&
           strcmp(collation, c->collation) == 0;
}

static bool is_number(enum column_type type)
{
    return type <= COLUMN_DOUBLE;
}

static bool column_matches(const struct map_column *m, const struct column *c,
                           const struct table *t, struct err *err)
{
    if (m->name && strcmp(m->name, c->name) != 0)
        return differs(t, c->name, "its name", err);
    if (!map_column_fits(m, c->type))
        return differs(t, c->name, "its type", err);
    if (m->nullable != c->nullable)
        return differs(t, c->name, "NULL or NOT NULL", err);
    if (is_number(c->type) && m->is_unsigned != c->is_unsigned)
        return differs(t, c->name, "its sign", err);
    if (!collation_matches(m, c))
        return differs(t, c->name, "its collation", err);
    if ((c->type == COLUMN_ENUM || c->type == COLUMN_SET) && !members_match(m, c))
        return differs(t, c->name, "its list of members", err);
    return true;
}

static const struct key *primary_key(const struct table *t)
{
    for (uint32_t i = 0; i < t->n_keys; i++) {
        if (t->keys[i].kind == KEY_PRIMARY)
            return &t->keys[i];
    }
    return NULL;
}

static bool is_part(const struct key *k, const char *column)
{
    for (uint32_t i = 0; i < k->n_parts; i++) {
        if (k->parts[i].column && strcmp(k->parts[i].column, column) == 0)
            return true;
    }
    return false;
}

bool capture_match(const struct table_map *map, const struct table *table, struct err *err)
{
    /* Without one the source may call a unique key over NOT NULL columns the primary key. */
    const struct key *primary = primary_key(table);

    if (!map->has_full_metadata) {
        err_reason(err, ERR_DATA, "row_metadata",
                   "table %s.%s: the event has no column names; on the source: SET GLOBAL "
                   "binlog_row_metadata = FULL",
                   table->db, table->name);
        return false;
    }
    if (map->n_columns != table->n_columns)
        return differs(table, "(all)", "the number of columns", err);
    for (uint32_t i = 0; i < map->n_columns; i++) {
        const struct column *c = &table->columns[i];

        if (!column_matches(&map->columns[i], c, table, err))
            return false;
        if (primary && map->columns[i].in_primary_key != is_part(primary, c->name))
            return differs(table, c->name, "its part in the primary key", err);
    }
    return true;
}
