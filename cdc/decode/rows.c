/*
 * rows.c - WRITE, UPDATE and DELETE_ROWS events, versions 1 and 2 (binlog.md 7).
 *
 *   u48 table id | u16 flags | [v2: u16 extra length incl. itself, extra] | lenenc n columns
 *   | bitmap of columns present [UPDATE: a second one, for the after image] | rows
 *   row: null bitmap over the columns present | values that are not NULL
 *
 * Bits behind the last column are padding: 1 on some servers, 0 on others.
 */
#include <stdlib.h>

#include "cdc/decode/decoder.h"
#include "schema/base/xalloc.h"

#define ROWS_FLAG_STMT_END 0x01
#define ROWS_EXTRA_MIN 2
#define TABLE_ID_DUMMY 0x00ffffff

struct rows {
    struct decoder *d;
    const struct map_slot *slot;
    enum change_kind kind;
    uint16_t flags;
};

static enum change_kind kind_of(uint8_t type)
{
    switch (type) {
    case EVENT_WRITE_ROWS_V1:
    case EVENT_WRITE_ROWS:
        return CHANGE_INSERT;
    case EVENT_UPDATE_ROWS_V1:
    case EVENT_UPDATE_ROWS:
        return CHANGE_UPDATE;
    default:
        return CHANGE_DELETE;
    }
}

static bool all_present(struct bytes bitmap, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!(bitmap.data[i / 8] >> (i % 8) & 1))
            return false;
    return true;
}

static bool check_definition(const struct map_slot *slot, struct err *err)
{
    const struct table *t = slot->table;

    if (t->n_columns != slot->map.n_columns) {
        err_reason(err, ERR_DATA, "schema_mismatch",
                   "%s.%s has %u columns in the event and %u in its definition", t->db, t->name,
                   slot->map.n_columns, t->n_columns);
        return false;
    }
    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (column_matches(&slot->map.columns[i], slot->has_signedness, &t->columns[i]))
            continue;
        err_reason(err, ERR_DATA, "schema_mismatch",
                   "column %s of %s.%s is of another type in the event (wire type %u) than in "
                   "its definition",
                   t->columns[i].name, t->db, t->name, slot->map.columns[i].type);
        return false;
    }
    return true;
}

static bool resolve(struct decoder *d, struct map_slot *slot, struct err *err)
{
    if (slot->resolved)
        return true;
    if (!d->sink.resolve(d->sink.ctx, &slot->map, &slot->table, err))
        return false;
    slot->resolved = true;
    return !slot->table || check_definition(slot, err);
}

static void make_room(struct decoder *d, uint32_t n)
{
    if (n <= d->n_values)
        return;
    for (int i = 0; i < 2; i++)
        d->values[i] = xrealloc(d->values[i], n * sizeof(*d->values[i]));
    d->n_values = n;
}

static bool read_image(const struct rows *r, struct cursor *c, struct value *out, struct err *err)
{
    const struct table *t = r->slot->table;
    struct bytes nulls = cursor_bytes(c, (t->n_columns + 7) / 8);

    for (uint32_t i = 0; i < t->n_columns && !c->bad; i++) {
        if (nulls.data[i / 8] >> (i % 8) & 1) {
            out[i] = (struct value){.kind = VALUE_NULL};
            continue;
        }
        if (!column_decode(c, &r->slot->map.columns[i], &t->columns[i], &r->d->row_arena,
                           &r->d->scratch, &out[i])) {
            err_set(err, ERR_DATA, "a value of column %s of %s.%s makes no sense",
                    t->columns[i].name, t->db, t->name);
            return false;
        }
    }
    if (c->bad)
        err_set(err, ERR_DATA, "a row of %s.%s is cut short", t->db, t->name);
    return !c->bad;
}

static bool read_row(const struct rows *r, struct cursor *c, struct err *err)
{
    struct decoder *d = r->d;
    struct change change = {r->kind, r->flags, r->slot->table, NULL, NULL};

    arena_reset(&d->row_arena);
    if (r->kind != CHANGE_INSERT) {
        if (!read_image(r, c, d->values[0], err))
            return false;
        change.before = d->values[0];
    }
    if (r->kind != CHANGE_DELETE) {
        if (!read_image(r, c, d->values[1], err))
            return false;
        change.after = d->values[1];
    }
    return d->sink.change(d->sink.ctx, &change, err);
}

/* The bitmaps, which must name every column. */
static bool read_bitmaps(const struct rows *r, struct cursor *c, struct err *err)
{
    const struct table_map *m = &r->slot->map;
    uint64_t n = cursor_lenenc(c);
    unsigned bitmaps = r->kind == CHANGE_UPDATE ? 2 : 1;

    if (c->bad || n != m->n_columns) {
        err_set(err, ERR_DATA, "a rows event of %s.%s does not agree with its table map", m->db,
                m->name);
        return false;
    }
    while (bitmaps-- > 0) {
        struct bytes bitmap = cursor_bytes(c, (n + 7) / 8);

        if (c->bad) {
            err_set(err, ERR_DATA, "a rows event of %s.%s is cut short", m->db, m->name);
            return false;
        }
        if (!all_present(bitmap, (uint32_t)n)) {
            err_reason(err, ERR_DATA, "row_image",
                       "a row image of %s.%s lacks columns; set binlog_row_image=FULL on the "
                       "source, also in sessions, and reload the table",
                       m->db, m->name);
            return false;
        }
    }
    return true;
}

static bool read_rows(const struct rows *r, struct cursor *c, struct err *err)
{
    make_room(r->d, r->slot->table->n_columns);
    if (!read_bitmaps(r, c, err))
        return false;
    while (cursor_left(c) > 0)
        if (!read_row(r, c, err))
            return false;
    return true;
}

static void read_header(const struct event *e, struct cursor *c, uint64_t *id, uint16_t *flags)
{
    *id = cursor_u48(c);
    *flags = cursor_u16(c);
    if (e->type >= EVENT_WRITE_ROWS) {
        uint16_t extra = cursor_u16(c);

        if (extra < ROWS_EXTRA_MIN)
            c->bad = true;
        else
            cursor_bytes(c, extra - ROWS_EXTRA_MIN);
    }
}

bool rows_decode(struct decoder *d, const struct event *e, struct err *err)
{
    struct cursor c = cursor_of(e->body);
    struct rows r = {d, NULL, kind_of(e->type), 0};
    struct map_slot *slot;
    uint64_t id;

    read_header(e, &c, &id, &r.flags);
    if (c.bad) {
        err_set(err, ERR_DATA, "the header of a rows event makes no sense");
        return false;
    }
    slot = table_map_find(d, id);
    if (!slot && !(id == TABLE_ID_DUMMY && (r.flags & ROWS_FLAG_STMT_END))) {
        err_set(err, ERR_DATA, "rows of table id %llu come without a table map",
                (unsigned long long)id);
        return false;
    }
    r.slot = slot;
    if (slot && !resolve(d, slot, err))
        return false;
    if (slot && slot->table && !read_rows(&r, &c, err))
        return false;
    if (r.flags & ROWS_FLAG_STMT_END)
        table_maps_clear(d);
    return true;
}
