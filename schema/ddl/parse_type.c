/*
 * parse_type.c - column types with their synonyms.
 */
#include <string.h>
#include <strings.h>

#include "schema/ddl/parse.h"

enum type_trait {
    TRAIT_NONE,
    TRAIT_NATIONAL = 1, /* utf8mb3 */
    TRAIT_BOOL = 2,
    TRAIT_SERIAL = 4,
    TRAIT_REAL = 8,    /* FLOAT under REAL_AS_FLOAT */
    TRAIT_FIXED4 = 16, /* FLOAT4, FLOAT8: no size */
};

struct type_name {
    const char *name;
    enum column_type type;
    unsigned traits;
};

static const struct type_name type_names[] = {
    {"TINYINT", COLUMN_TINYINT, 0},
    {"INT1", COLUMN_TINYINT, 0},
    {"BOOL", COLUMN_TINYINT, TRAIT_BOOL},
    {"BOOLEAN", COLUMN_TINYINT, TRAIT_BOOL},
    {"SMALLINT", COLUMN_SMALLINT, 0},
    {"INT2", COLUMN_SMALLINT, 0},
    {"MEDIUMINT", COLUMN_MEDIUMINT, 0},
    {"MIDDLEINT", COLUMN_MEDIUMINT, 0},
    {"INT3", COLUMN_MEDIUMINT, 0},
    {"INT", COLUMN_INT, 0},
    {"INTEGER", COLUMN_INT, 0},
    {"INT4", COLUMN_INT, 0},
    {"BIGINT", COLUMN_BIGINT, 0},
    {"INT8", COLUMN_BIGINT, 0},
    {"SERIAL", COLUMN_BIGINT, TRAIT_SERIAL},
    {"DECIMAL", COLUMN_DECIMAL, 0},
    {"DEC", COLUMN_DECIMAL, 0},
    {"FIXED", COLUMN_DECIMAL, 0},
    {"NUMERIC", COLUMN_DECIMAL, 0},
    {"FLOAT", COLUMN_FLOAT, 0},
    {"FLOAT4", COLUMN_FLOAT, TRAIT_FIXED4},
    {"DOUBLE", COLUMN_DOUBLE, 0},
    {"FLOAT8", COLUMN_DOUBLE, TRAIT_FIXED4},
    {"REAL", COLUMN_DOUBLE, TRAIT_REAL},
    {"BIT", COLUMN_BIT, 0},
    {"YEAR", COLUMN_YEAR, 0},
    {"DATE", COLUMN_DATE, 0},
    {"TIME", COLUMN_TIME, 0},
    {"DATETIME", COLUMN_DATETIME, 0},
    {"TIMESTAMP", COLUMN_TIMESTAMP, 0},
    {"CHAR", COLUMN_CHAR, 0},
    {"CHARACTER", COLUMN_CHAR, 0},
    {"NCHAR", COLUMN_CHAR, TRAIT_NATIONAL},
    {"VARCHAR", COLUMN_VARCHAR, 0},
    {"VARCHARACTER", COLUMN_VARCHAR, 0},
    {"NVARCHAR", COLUMN_VARCHAR, TRAIT_NATIONAL},
    {"TINYTEXT", COLUMN_TINYTEXT, 0},
    {"TEXT", COLUMN_TEXT, 0},
    {"MEDIUMTEXT", COLUMN_MEDIUMTEXT, 0},
    {"LONGTEXT", COLUMN_LONGTEXT, 0},
    {"BINARY", COLUMN_BINARY, 0},
    {"VARBINARY", COLUMN_VARBINARY, 0},
    {"TINYBLOB", COLUMN_TINYBLOB, 0},
    {"BLOB", COLUMN_BLOB, 0},
    {"MEDIUMBLOB", COLUMN_MEDIUMBLOB, 0},
    {"LONGBLOB", COLUMN_LONGBLOB, 0},
    {"ENUM", COLUMN_ENUM, 0},
    {"SET", COLUMN_SET, 0},
    {"JSON", COLUMN_JSON, 0},
    {"VECTOR", COLUMN_VECTOR, 0},
};

static const struct {
    const char *name;
    enum geometry_type type;
} geometry_names[] = {
    {"GEOMETRY", GEOMETRY_ANY},
    {"POINT", GEOMETRY_POINT},
    {"LINESTRING", GEOMETRY_LINESTRING},
    {"POLYGON", GEOMETRY_POLYGON},
    {"MULTIPOINT", GEOMETRY_MULTIPOINT},
    {"MULTILINESTRING", GEOMETRY_MULTILINESTRING},
    {"MULTIPOLYGON", GEOMETRY_MULTIPOLYGON},
    {"GEOMETRYCOLLECTION", GEOMETRY_COLLECTION},
    {"GEOMCOLLECTION", GEOMETRY_COLLECTION},
};

static bool find_geometry(struct parser *p, struct column *c)
{
    for (size_t i = 0; i < sizeof(geometry_names) / sizeof(*geometry_names); i++) {
        if (parser_accept(p, geometry_names[i].name)) {
            c->type = COLUMN_GEOMETRY;
            c->geometry = geometry_names[i].type;
            return true;
        }
    }
    return false;
}

/* LONG, LONG VARCHAR, LONG CHAR VARYING, LONG VARBINARY, LONG BYTE is an attribute. */
static void long_type(struct parser *p, struct column *c)
{
    c->type = COLUMN_MEDIUMTEXT;
    if (parser_accept(p, "VARBINARY")) {
        c->type = COLUMN_MEDIUMBLOB;
    } else if (!parser_accept(p, "VARCHAR") && !parser_accept(p, "VARCHARACTER")) {
        struct token next = parser_peek(p);

        if ((parser_at(p, "CHAR") || parser_at(p, "CHARACTER")) && token_is(&next, "VARYING")) {
            parser_next(p);
            parser_next(p);
        }
    }
}

static bool find_type(struct parser *p, struct column *c, unsigned *traits)
{
    *traits = 0;
    if (parser_accept(p, "LONG")) {
        long_type(p, c);
        return true;
    }
    if (parser_accept(p, "NATIONAL"))
        *traits |= TRAIT_NATIONAL;
    if (find_geometry(p, c))
        return true;
    for (size_t i = 0; i < sizeof(type_names) / sizeof(*type_names); i++) {
        if (parser_accept(p, type_names[i].name)) {
            c->type = type_names[i].type;
            *traits |= type_names[i].traits;
            return true;
        }
    }
    return parser_syntax(p);
}

/* A size such as (10); (19.5) counts as (19), as in MySQL. */
static bool leading_number(struct parser *p, uint64_t max, uint64_t *n)
{
    struct bytes t = p->token.text;
    uint64_t v = 0;
    size_t i = 0;

    if (p->token.kind != TOKEN_NUMBER)
        return parser_syntax(p);
    for (; i < t.len && t.data[i] >= '0' && t.data[i] <= '9'; i++) {
        if (v > max)
            return parser_syntax(p);
        v = v * 10 + (uint64_t)(t.data[i] - '0');
    }
    if (v > max || i == 0)
        return parser_syntax(p);
    *n = v;
    parser_next(p);
    return true;
}

/* [(n[,m])] */
static bool sizes(struct parser *p, uint64_t max, unsigned *n_given, uint64_t *n, uint64_t *m)
{
    *n_given = 0;
    *n = *m = 0;
    if (!parser_accept_symbol(p, "("))
        return true;
    *n_given = 1;
    if (!leading_number(p, max, n))
        return false;
    if (parser_accept_symbol(p, ",")) {
        *n_given = 2;
        if (!leading_number(p, 255, m))
            return false;
    }
    return parser_expect_symbol(p, ")");
}

static bool members(struct parser *p, struct column *c)
{
    size_t cap = 0;

    if (!parser_expect_symbol(p, "("))
        return false;
    do {
        if (c->n_members == cap) {
            const char **more;

            cap = cap ? 2 * cap : 8;
            if (cap > 2 * 65536)
                return parser_refuse(p, "an ENUM or SET with so many members");
            more = arena_alloc(p->arena, cap * sizeof(*more));
            if (c->n_members > 0)
                memcpy(more, c->members, c->n_members * sizeof(*more));
            c->members = more;
        }
        if (!parser_string(p, &c->members[c->n_members]))
            return false;
        c->n_members++;
    } while (parser_accept_symbol(p, ","));
    return parser_expect_symbol(p, ")");
}

static bool number_sizes(struct parser *p, struct column *c, unsigned traits)
{
    unsigned given;
    uint64_t n, m;

    if (!sizes(p, 255, &given, &n, &m))
        return false;
    if (c->type == COLUMN_DECIMAL) {
        c->precision = given && n ? (uint8_t)n : 10;
        c->scale = (uint8_t)m;
    } else if (c->type == COLUMN_FLOAT || c->type == COLUMN_DOUBLE) {
        if (given == 2) {
            c->precision = (uint8_t)n;
            c->scale = (uint8_t)m;
        } else if (given == 1 && c->type == COLUMN_FLOAT && !(traits & TRAIT_FIXED4) && n > 24) {
            c->type = COLUMN_DOUBLE;
        }
    } else {
        c->length = (uint32_t)n;
        if (traits & TRAIT_BOOL)
            c->length = 1;
    }
    return true;
}

static bool temporal_sizes(struct parser *p, struct column *c)
{
    unsigned given;
    uint64_t n, m;

    if (!sizes(p, 255, &given, &n, &m))
        return false;
    if (c->type != COLUMN_YEAR && c->type != COLUMN_DATE)
        c->fsp = n > 6 ? 6 : (uint8_t)n;
    return true;
}

static bool text_sizes(struct parser *p, struct column_def *d)
{
    struct column *c = &d->column;
    unsigned given;
    uint64_t n, m;

    if (parser_accept(p, "VARYING"))
        c->type = c->type == COLUMN_BINARY ? COLUMN_VARBINARY : COLUMN_VARCHAR;
    if (!sizes(p, UINT32_MAX, &given, &n, &m))
        return false;
    switch (c->type) {
    case COLUMN_TEXT:
    case COLUMN_BLOB:
        d->sized = given > 0;
        d->size = n;
        return true;
    case COLUMN_VECTOR:
        c->length = given ? (uint32_t)n : 2048;
        return true;
    case COLUMN_CHAR:
    case COLUMN_BINARY:
    case COLUMN_BIT:
        c->length = given ? (uint32_t)n : 1;
        if (c->type == COLUMN_BIT && n == 0)
            c->length = 1;
        return true;
    default:
        c->length = (uint32_t)n;
        return true;
    }
}

bool parse_type(struct parser *p, struct column_def *d)
{
    struct column *c = &d->column;
    unsigned traits;

    if (!find_type(p, c, &traits))
        return false;
    if (c->type == COLUMN_DOUBLE)
        (void)parser_accept(p, "PRECISION");
    if ((traits & TRAIT_REAL) && (p->ctx->sql_mode & SQL_MODE_REAL_AS_FLOAT))
        c->type = COLUMN_FLOAT;
    if (traits & TRAIT_NATIONAL) {
        (void)(parser_accept(p, "CHARACTER") || parser_accept(p, "CHAR"));
        if (parser_accept(p, "VARCHAR") || parser_accept(p, "VARCHARACTER"))
            c->type = COLUMN_VARCHAR;
        c->charset = "utf8mb3";
    }
    if (traits & TRAIT_SERIAL) {
        d->is_serial = true;
        c->is_unsigned = true;
        c->auto_increment = true;
    }
    if (c->type == COLUMN_ENUM || c->type == COLUMN_SET)
        return members(p, c);
    if (c->type <= COLUMN_DOUBLE)
        return number_sizes(p, c, traits);
    if (c->type >= COLUMN_YEAR && c->type <= COLUMN_TIMESTAMP)
        return temporal_sizes(p, c);
    if (c->type == COLUMN_JSON || c->type == COLUMN_GEOMETRY)
        return true;
    return text_sizes(p, d);
}
