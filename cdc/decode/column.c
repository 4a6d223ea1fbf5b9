/*
 * column.c - one column of a row image to an exact value (binlog.md 8).
 *
 * The wire says how many bytes there are, the definition says what they mean: sign, text or
 * bytes, the width that BINARY is padded to.
 */
#include "cdc/decode/decoder.h"

#define BYTES_BIT_MAX 8
#define FSP_MAX 6
#define COLLATION_BINARY 63

static bool decode_int(struct cursor *c, size_t n, bool is_unsigned, struct value *out)
{
    uint64_t u = cursor_uint(c, n);

    if (is_unsigned) {
        *out = (struct value){.kind = VALUE_UINT, .u = u};
    } else {
        unsigned shift = 64 - 8 * (unsigned)n;

        *out = (struct value){.kind = VALUE_INT, .i = (int64_t)(u << shift) >> shift};
    }
    return !c->bad;
}

static bool decode_float(struct cursor *c, bool wide, struct value *out)
{
    if (wide) {
        uint64_t bits = cursor_u64(c);

        out->kind = VALUE_DOUBLE;
        memcpy(&out->d, &bits, sizeof(bits));
    } else {
        uint32_t bits = cursor_u32(c);

        out->kind = VALUE_FLOAT;
        memcpy(&out->f, &bits, sizeof(bits));
    }
    return !c->bad;
}

static void set_ascii(struct arena *a, enum value_kind kind, const char *text, size_t len,
                      struct value *out)
{
    *out = (struct value){.kind = kind, .b = arena_bytes(a, bytes_of(text, len))};
}

static bool decode_decimal(struct cursor *c, const struct map_column *m, struct arena *arena,
                           struct value *out)
{
    char text[DECIMAL_TEXT_SIZE];
    size_t len = 0;

    if (!decimal_decode(c, m->meta & 0xff, m->meta >> 8, text, &len))
        return false;
    set_ascii(arena, VALUE_DECIMAL, text, len, out);
    return true;
}

static bool decode_temporal(struct cursor *c, const struct map_column *m, struct arena *arena,
                            struct value *out)
{
    char text[40];
    size_t len = 0;
    bool ok;

    switch (m->type) {
    case WIRE_DATE:
        ok = temporal_date(c, text, &len);
        break;
    case WIRE_TIME2:
        ok = m->meta <= FSP_MAX && temporal_time(c, m->meta, text, &len);
        break;
    case WIRE_DATETIME2:
        ok = m->meta <= FSP_MAX && temporal_datetime(c, m->meta, text, &len);
        break;
    case WIRE_TIMESTAMP2:
        ok = m->meta <= FSP_MAX && temporal_timestamp(c, m->meta, text, &len);
        break;
    default:
        ok = temporal_old(c, m->type, text, &len);
        break;
    }
    if (ok)
        set_ascii(arena, VALUE_TEMPORAL, text, len, out);
    return ok;
}

static bool decode_year(struct cursor *c, struct value *out)
{
    uint8_t y = cursor_u8(c);

    *out = (struct value){.kind = VALUE_UINT, .u = y ? 1900u + y : 0};
    return !c->bad;
}

static bool decode_bit(struct cursor *c, const struct map_column *m, struct value *out)
{
    unsigned bytes = (m->meta >> 8) + ((m->meta & 0xff) > 0);

    if (bytes == 0 || bytes > BYTES_BIT_MAX)
        return false;
    *out = (struct value){.kind = VALUE_UINT, .u = cursor_uint_be(c, bytes)};
    return !c->bad;
}

static bool decode_members(struct cursor *c, const struct map_column *m, struct value *out)
{
    unsigned bytes = m->meta >> 8;

    if (bytes == 0 || bytes > 8)
        return false;
    *out = (struct value){.kind = VALUE_UINT, .u = cursor_uint(c, bytes)};
    return !c->bad;
}

/* Row images drop the zero bytes at the end of BINARY(n): without them keys do not match. */
static bool pad_binary(struct bytes *b, const struct column *col, struct arena *arena)
{
    uint8_t *padded;

    if (b->len > col->length)
        return false;
    if (b->len == col->length)
        return true;
    padded = arena_alloc(arena, col->length);
    if (b->len > 0)
        memcpy(padded, b->data, b->len);
    *b = bytes_of(padded, col->length);
    return true;
}

static enum value_kind text_or_bytes(const struct column *col)
{
    return column_is_text(col) ? VALUE_TEXT : VALUE_BYTES;
}

static bool decode_string(struct cursor *c, const struct map_column *m, const struct column *col,
                          struct arena *arena, struct value *out)
{
    unsigned max = m->type == WIRE_STRING ? string_length(m) : m->meta;
    uint64_t len = max > 255 ? cursor_u16(c) : cursor_u8(c);

    if (len > max)
        return false;
    out->b = cursor_bytes(c, len);
    out->kind = text_or_bytes(col);
    if (c->bad)
        return false;
    return col->type != COLUMN_BINARY || pad_binary(&out->b, col, arena);
}

static bool decode_blob(struct cursor *c, const struct map_column *m, const struct column *col,
                        struct value *out)
{
    if (m->meta < 1 || m->meta > 4)
        return false;
    out->b = cursor_bytes(c, cursor_uint(c, m->meta));
    out->kind = text_or_bytes(col);
    return !c->bad;
}

static bool decode_json(struct cursor *c, const struct map_column *m, struct arena *arena,
                        struct buf *scratch, struct value *out)
{
    struct bytes doc;

    if (m->meta < 1 || m->meta > 4)
        return false;
    doc = cursor_bytes(c, cursor_uint(c, m->meta));
    buf_reset(scratch);
    if (c->bad || !json_binary_print(doc, scratch))
        return false;
    *out = (struct value){.kind = VALUE_JSON, .b = arena_bytes(arena, buf_bytes(scratch))};
    return true;
}

bool column_decode(struct cursor *c, const struct map_column *m, const struct column *col,
                   struct arena *arena, struct buf *scratch, struct value *out)
{
    switch (m->type) {
    case WIRE_TINY:
        return decode_int(c, 1, col->is_unsigned, out);
    case WIRE_SHORT:
        return decode_int(c, 2, col->is_unsigned, out);
    case WIRE_INT24:
        return decode_int(c, 3, col->is_unsigned, out);
    case WIRE_LONG:
        return decode_int(c, 4, col->is_unsigned, out);
    case WIRE_LONGLONG:
        return decode_int(c, 8, col->is_unsigned, out);
    case WIRE_FLOAT:
        return decode_float(c, false, out);
    case WIRE_DOUBLE:
        return decode_float(c, true, out);
    case WIRE_NEWDECIMAL:
        return decode_decimal(c, m, arena, out);
    case WIRE_YEAR:
        return decode_year(c, out);
    case WIRE_BIT:
        return decode_bit(c, m, out);
    case WIRE_ENUM:
    case WIRE_SET:
        return decode_members(c, m, out);
    case WIRE_STRING:
    case WIRE_VARCHAR:
    case WIRE_VAR_STRING:
        return decode_string(c, m, col, arena, out);
    case WIRE_BLOB:
    case WIRE_GEOMETRY:
    case WIRE_VECTOR:
        return decode_blob(c, m, col, out);
    case WIRE_JSON:
        return decode_json(c, m, arena, scratch, out);
    default:
        return decode_temporal(c, m, arena, out);
    }
}

/* What wire type does a column of the definition have? The older of two is the second. */
static const uint8_t wire_types[][2] = {
    [COLUMN_TINYINT] = {WIRE_TINY, WIRE_TINY},
    [COLUMN_SMALLINT] = {WIRE_SHORT, WIRE_SHORT},
    [COLUMN_MEDIUMINT] = {WIRE_INT24, WIRE_INT24},
    [COLUMN_INT] = {WIRE_LONG, WIRE_LONG},
    [COLUMN_BIGINT] = {WIRE_LONGLONG, WIRE_LONGLONG},
    [COLUMN_DECIMAL] = {WIRE_NEWDECIMAL, WIRE_NEWDECIMAL},
    [COLUMN_FLOAT] = {WIRE_FLOAT, WIRE_FLOAT},
    [COLUMN_DOUBLE] = {WIRE_DOUBLE, WIRE_DOUBLE},
    [COLUMN_BIT] = {WIRE_BIT, WIRE_BIT},
    [COLUMN_YEAR] = {WIRE_YEAR, WIRE_YEAR},
    [COLUMN_DATE] = {WIRE_DATE, WIRE_DATE},
    [COLUMN_TIME] = {WIRE_TIME2, WIRE_TIME},
    [COLUMN_DATETIME] = {WIRE_DATETIME2, WIRE_DATETIME},
    [COLUMN_TIMESTAMP] = {WIRE_TIMESTAMP2, WIRE_TIMESTAMP},
    [COLUMN_CHAR] = {WIRE_STRING, WIRE_STRING},
    [COLUMN_VARCHAR] = {WIRE_VARCHAR, WIRE_VAR_STRING},
    [COLUMN_TINYTEXT] = {WIRE_BLOB, WIRE_BLOB},
    [COLUMN_TEXT] = {WIRE_BLOB, WIRE_BLOB},
    [COLUMN_MEDIUMTEXT] = {WIRE_BLOB, WIRE_BLOB},
    [COLUMN_LONGTEXT] = {WIRE_BLOB, WIRE_BLOB},
    [COLUMN_BINARY] = {WIRE_STRING, WIRE_STRING},
    [COLUMN_VARBINARY] = {WIRE_VARCHAR, WIRE_VAR_STRING},
    [COLUMN_TINYBLOB] = {WIRE_BLOB, WIRE_BLOB},
    [COLUMN_BLOB] = {WIRE_BLOB, WIRE_BLOB},
    [COLUMN_MEDIUMBLOB] = {WIRE_BLOB, WIRE_BLOB},
    [COLUMN_LONGBLOB] = {WIRE_BLOB, WIRE_BLOB},
    [COLUMN_ENUM] = {WIRE_ENUM, WIRE_ENUM},
    [COLUMN_SET] = {WIRE_SET, WIRE_SET},
    [COLUMN_JSON] = {WIRE_JSON, WIRE_JSON},
    [COLUMN_GEOMETRY] = {WIRE_GEOMETRY, WIRE_GEOMETRY},
    [COLUMN_VECTOR] = {WIRE_VECTOR, WIRE_VECTOR},
};

bool map_column_fits(const struct map_column *m, enum column_type type)
{
    return m->type == wire_types[type][0] || m->type == wire_types[type][1];
}

static bool meta_matches(const struct map_column *m, const struct column *col)
{
    switch (m->type) {
    case WIRE_NEWDECIMAL:
        return (m->meta & 0xff) == col->precision && m->meta >> 8 == col->scale;
    case WIRE_TIME2:
    case WIRE_DATETIME2:
    case WIRE_TIMESTAMP2:
        return m->meta == col->fsp;
    case WIRE_TIME:
    case WIRE_DATETIME:
    case WIRE_TIMESTAMP:
        return col->fsp == 0;
    case WIRE_BIT:
        return (m->meta & 0xff) + (m->meta >> 8) * 8u == col->length;
    case WIRE_STRING:
        return col->type != COLUMN_BINARY || string_length(m) == col->length;
    default:
        return true;
    }
}

bool column_matches(const struct map_column *m, bool has_signedness, const struct column *col)
{
    bool integer = col->type <= COLUMN_BIGINT;

    if (!map_column_fits(m, col->type))
        return false;
    if (has_signedness && integer && m->is_unsigned != col->is_unsigned)
        return false;
    if (m->collation != 0 && m->type != WIRE_VECTOR && m->type != WIRE_ENUM &&
        m->type != WIRE_SET && (m->collation != COLLATION_BINARY) != column_is_text(col))
        return false;
    return meta_matches(m, col);
}
