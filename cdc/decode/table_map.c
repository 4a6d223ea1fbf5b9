/*
 * table_map.c - TABLE_MAP events (binlog.md 6) and the maps of the running statement.
 *
 *   u48 table id | u16 flags | u8 len, db, NUL | lenenc len, table, NUL | lenenc n columns
 *   | n type bytes | lenenc size, metadata | null bitmap | (u8 type, lenenc len, value)...
 *
 * A map holds from its event to the rows event with STMT_END; ids are reused, so a new map
 * of an id replaces the old one. meta keeps the metadata bytes, the first one low:
 * NEWDECIMAL precision | scale << 8; BIT bits % 8 | bits / 8 << 8; STRING, ENUM, SET the two
 * bytes of binlog.md 8.4; types with one byte that byte.
 */
#include "cdc/decode/decoder.h"
#include "schema/base/xalloc.h"

enum optional_type {
    OPTIONAL_SIGNEDNESS = 1,
    OPTIONAL_DEFAULT_CHARSET = 2,
    OPTIONAL_COLUMN_CHARSET = 3,
    OPTIONAL_COLUMN_NAME = 4,
    OPTIONAL_SET_MEMBERS = 5,
    OPTIONAL_ENUM_MEMBERS = 6,
    OPTIONAL_GEOMETRY = 7,
    OPTIONAL_PRIMARY_KEY = 8,
    OPTIONAL_PRIMARY_KEY_PREFIX = 9,
    OPTIONAL_ENUM_SET_DEFAULT_CHARSET = 10,
    OPTIONAL_ENUM_SET_CHARSET = 11,
    OPTIONAL_VISIBILITY = 12,
    OPTIONAL_DIMENSIONS = 13,
};

typedef bool column_test_fn(const struct map_column *c);

static bool is_numeric(const struct map_column *c)
{
    switch (c->type) {
    case WIRE_TINY:
    case WIRE_SHORT:
    case WIRE_INT24:
    case WIRE_LONG:
    case WIRE_LONGLONG:
    case WIRE_YEAR:
    case WIRE_FLOAT:
    case WIRE_DOUBLE:
    case WIRE_NEWDECIMAL:
        return true;
    default:
        return false;
    }
}

static bool is_character(const struct map_column *c)
{
    return c->type == WIRE_STRING || c->type == WIRE_VAR_STRING || c->type == WIRE_VARCHAR ||
           c->type == WIRE_BLOB || c->type == WIRE_VECTOR;
}

static bool is_enum_or_set(const struct map_column *c)
{
    return c->type == WIRE_ENUM || c->type == WIRE_SET;
}

static bool is_enum(const struct map_column *c)
{
    return c->type == WIRE_ENUM;
}

static bool is_set(const struct map_column *c)
{
    return c->type == WIRE_SET;
}

static bool is_geometry(const struct map_column *c)
{
    return c->type == WIRE_GEOMETRY;
}

static bool is_vector(const struct map_column *c)
{
    return c->type == WIRE_VECTOR;
}

/* The next column from *i on that passes; NULL at the end. */
static struct map_column *next_column(struct table_map *m, uint32_t *i, column_test_fn *test)
{
    while (*i < m->n_columns) {
        struct map_column *c = &m->columns[(*i)++];

        if (test(c))
            return c;
    }
    return NULL;
}

static void read_signedness(struct cursor *c, struct table_map *m)
{
    struct map_column *col;
    uint32_t i = 0;
    unsigned bit = 0;
    uint8_t byte = 0;

    while ((col = next_column(m, &i, is_numeric))) {
        if (bit % 8 == 0)
            byte = cursor_u8(c);
        col->is_unsigned = byte >> (7 - bit % 8) & 1;
        bit++;
    }
}

static void read_default_charset(struct cursor *c, struct table_map *m, column_test_fn *test)
{
    uint32_t collation = (uint32_t)cursor_lenenc(c);
    struct map_column *col;
    uint32_t i = 0;

    while ((col = next_column(m, &i, test)))
        col->collation = collation;
    while (cursor_left(c) > 0) {
        uint64_t index = cursor_lenenc(c);
        uint64_t n = 0;

        collation = (uint32_t)cursor_lenenc(c);
        i = 0;
        while ((col = next_column(m, &i, test)) && n < index)
            n++;
        if (!col) {
            c->bad = true;
            return;
        }
        col->collation = collation;
    }
}

static void read_charsets(struct cursor *c, struct table_map *m, column_test_fn *test)
{
    struct map_column *col;
    uint32_t i = 0;

    while ((col = next_column(m, &i, test)))
        col->collation = (uint32_t)cursor_lenenc(c);
}

static const char *name_of(struct decoder *d, struct bytes b)
{
    return arena_strndup(&d->map_arena, b.len ? (const char *)b.data : "", b.len);
}

static void read_names(struct decoder *d, struct cursor *c, struct table_map *m)
{
    for (uint32_t i = 0; i < m->n_columns && !c->bad; i++)
        m->columns[i].name = name_of(d, cursor_bytes(c, cursor_lenenc(c)));
    m->has_full_metadata = !c->bad;
}

static void read_members(struct decoder *d, struct cursor *c, struct map_column *col)
{
    uint64_t n = cursor_lenenc(c);

    if (n > cursor_left(c)) { /* each member takes at least its length byte */
        c->bad = true;
        return;
    }
    col->members = arena_alloc(&d->map_arena, (size_t)n * sizeof(*col->members) + 1);
    for (uint64_t i = 0; i < n && !c->bad; i++) {
        struct bytes member = cursor_bytes(c, cursor_lenenc(c));

        col->members[i] = arena_bytes(&d->map_arena, member);
    }
    col->n_members = (uint32_t)n;
}

static void read_all_members(struct decoder *d, struct cursor *c, struct table_map *m,
                             column_test_fn *test)
{
    struct map_column *col;
    uint32_t i = 0;

    while (!c->bad && (col = next_column(m, &i, test)))
        read_members(d, c, col);
}

static void read_primary_key(struct cursor *c, struct table_map *m, bool prefixes)
{
    while (cursor_left(c) > 0) {
        uint64_t index = cursor_lenenc(c);

        if (prefixes)
            cursor_lenenc(c);
        if (index >= m->n_columns) {
            c->bad = true;
            return;
        }
        m->columns[index].in_primary_key = true;
    }
}

static void read_visibility(struct cursor *c, struct table_map *m)
{
    uint8_t byte = 0;

    for (uint32_t i = 0; i < m->n_columns; i++) {
        if (i % 8 == 0)
            byte = cursor_u8(c);
        m->columns[i].visible = byte >> (7 - i % 8) & 1;
    }
}

static void read_geometry(struct cursor *c, struct table_map *m)
{
    struct map_column *col;
    uint32_t i = 0;

    while ((col = next_column(m, &i, is_geometry)))
        col->geometry = (uint32_t)cursor_lenenc(c);
}

static void read_dimensions(struct cursor *c, struct table_map *m)
{
    struct map_column *col;
    uint32_t i = 0;

    while ((col = next_column(m, &i, is_vector)))
        col->dimensions = (uint32_t)cursor_lenenc(c);
}

static void read_optional(struct decoder *d, uint8_t type, struct cursor *c, struct map_slot *slot)
{
    struct table_map *m = &slot->map;

    switch (type) {
    case OPTIONAL_SIGNEDNESS:
        slot->has_signedness = true;
        read_signedness(c, m);
        break;
    case OPTIONAL_DEFAULT_CHARSET:
        read_default_charset(c, m, is_character);
        break;
    case OPTIONAL_COLUMN_CHARSET:
        read_charsets(c, m, is_character);
        break;
    case OPTIONAL_COLUMN_NAME:
        read_names(d, c, m);
        break;
    case OPTIONAL_SET_MEMBERS:
        read_all_members(d, c, m, is_set);
        break;
    case OPTIONAL_ENUM_MEMBERS:
        read_all_members(d, c, m, is_enum);
        break;
    case OPTIONAL_GEOMETRY:
        read_geometry(c, m);
        break;
    case OPTIONAL_PRIMARY_KEY:
        read_primary_key(c, m, false);
        break;
    case OPTIONAL_PRIMARY_KEY_PREFIX:
        read_primary_key(c, m, true);
        break;
    case OPTIONAL_ENUM_SET_DEFAULT_CHARSET:
        read_default_charset(c, m, is_enum_or_set);
        break;
    case OPTIONAL_ENUM_SET_CHARSET:
        read_charsets(c, m, is_enum_or_set);
        break;
    case OPTIONAL_VISIBILITY:
        read_visibility(c, m);
        break;
    case OPTIONAL_DIMENSIONS:
        read_dimensions(c, m);
        break;
    default: /* newer kinds describe, they do not change how rows are read */
        break;
    }
}

/* Metadata of one column; ENUM and SET come out of STRING here. */
static bool read_meta(struct cursor *c, struct map_column *col)
{
    switch (col->type) {
    case WIRE_TINY:
    case WIRE_SHORT:
    case WIRE_INT24:
    case WIRE_LONG:
    case WIRE_LONGLONG:
    case WIRE_YEAR:
    case WIRE_DATE:
    case WIRE_TIME:
    case WIRE_DATETIME:
    case WIRE_TIMESTAMP:
        return true;
    case WIRE_FLOAT:
    case WIRE_DOUBLE:
    case WIRE_TIME2:
    case WIRE_DATETIME2:
    case WIRE_TIMESTAMP2:
    case WIRE_BLOB:
    case WIRE_JSON:
    case WIRE_GEOMETRY:
    case WIRE_VECTOR:
        col->meta = cursor_u8(c);
        return true;
    case WIRE_NEWDECIMAL:
    case WIRE_BIT:
    case WIRE_VARCHAR:
    case WIRE_VAR_STRING:
        col->meta = cursor_u16(c);
        return true;
    case WIRE_STRING:
        col->meta = cursor_u16(c);
        if ((col->meta & 0x30) == 0x30)
            col->type = (uint8_t)col->meta;
        return col->type == WIRE_STRING || is_enum_or_set(col);
    default:
        return false;
    }
}

unsigned string_length(const struct map_column *m)
{
    unsigned b0 = m->meta & 0xff;
    unsigned b1 = m->meta >> 8;

    return b1 | ((b0 & 0x30) ^ 0x30) << 4;
}

static bool read_columns(struct decoder *d, struct cursor *c, struct table_map *m, struct err *err)
{
    uint64_t n = cursor_lenenc(c);
    struct bytes types;
    struct cursor meta;
    struct bytes nullable;

    if (n == 0 || n > TABLE_COLUMNS_MAX) {
        err_set(err, ERR_DATA, "a table map has %llu columns", (unsigned long long)n);
        return false;
    }
    m->n_columns = (uint32_t)n;
    types = cursor_bytes(c, n);
    meta = cursor_of(cursor_bytes(c, cursor_lenenc(c)));
    nullable = cursor_bytes(c, (n + 7) / 8);
    if (c->bad) {
        err_set(err, ERR_DATA, "a table map is cut short");
        return false;
    }
    m->columns = arena_alloc(&d->map_arena, n * sizeof(*m->columns));
    for (uint32_t i = 0; i < n; i++) {
        struct map_column *col = &m->columns[i];

        col->type = types.data[i];
        col->nullable = nullable.data[i / 8] >> (i % 8) & 1;
        col->visible = true;
        if (!read_meta(&meta, col)) {
            err_reason(err, ERR_DATA, "unknown_type", "column %u of %s.%s has wire type %u", i + 1,
                       m->db, m->name, types.data[i]);
            return false;
        }
    }
    if (meta.bad || cursor_left(&meta) > 0) {
        err_set(err, ERR_DATA, "the metadata of table map %s.%s makes no sense", m->db, m->name);
        return false;
    }
    return true;
}

static bool read_all_optional(struct decoder *d, struct cursor *c, struct map_slot *slot,
                              struct err *err)
{
    while (cursor_left(c) > 0) {
        uint8_t type = cursor_u8(c);
        struct cursor value = cursor_of(cursor_bytes(c, cursor_lenenc(c)));

        read_optional(d, type, &value, slot);
        if (c->bad || value.bad) {
            err_set(err, ERR_DATA, "optional metadata %u of table map %s.%s makes no sense", type,
                    slot->map.db, slot->map.name);
            return false;
        }
    }
    for (uint32_t i = 0; i < slot->map.n_columns; i++)
        if (!is_character(&slot->map.columns[i]) && !is_enum_or_set(&slot->map.columns[i]))
            slot->map.columns[i].collation = 0;
    return true;
}

static void keep(struct decoder *d, struct map_slot *slot)
{
    struct bytes key = bytes_of(&slot->map.id, sizeof(slot->map.id));

    map_put(&d->maps, key, slot);
}

bool table_map_decode(struct decoder *d, struct bytes body, struct err *err)
{
    struct cursor c = cursor_of(body);
    struct map_slot *slot;

    if (d->maps.count >= MAPS_PER_STATEMENT_MAX) {
        err_set(err, ERR_DATA, "a statement has more than %u table maps", MAPS_PER_STATEMENT_MAX);
        return false;
    }
    slot = arena_alloc(&d->map_arena, sizeof(*slot));
    slot->map.id = cursor_u48(&c);
    cursor_u16(&c); /* flags: nothing there changes how rows are read */
    slot->map.db = name_of(d, cursor_bytes(&c, cursor_u8(&c)));
    cursor_u8(&c);
    slot->map.name = name_of(d, cursor_bytes(&c, cursor_lenenc(&c)));
    cursor_u8(&c);
    if (!read_columns(d, &c, &slot->map, err) || !read_all_optional(d, &c, slot, err))
        return false;
    keep(d, slot);
    return true;
}

void table_maps_clear(struct decoder *d)
{
    map_reset(&d->maps);
    arena_reset(&d->map_arena);
}

struct map_slot *table_map_find(struct decoder *d, uint64_t id)
{
    return map_get(&d->maps, bytes_of(&id, sizeof(id)));
}
