/*
 * record.c - the record format, version 2 (the version stands in the segment's header).
 *
 * A stream of records, each: varint length of (type + body), u8 type, body. A varint is
 * LEB128 of at most 10 bytes; a string is a varint length and its bytes; integers of fixed
 * width are little-endian. A body must be used up exactly by its fields.
 *
 *   BEGIN 1     varint lsn, gtid, varint commit_us, original_us, receive_us, source_bytes
 *   CHANGE 2    u8 kind (1 insert, 2 update, 3 delete), varint flags, varint table id,
 *               image before (update, delete), image after (insert, update)
 *   DDL 3       u8 kind, string db, text, time_zone, object, charset, collation (the last
 *               two: of the database `object` after CREATE and ALTER DATABASE, else empty),
 *               varint sql_mode, timestamp_us, varint n, then n times varint id before,
 *               varint id after (0: none)
 *   END 4       varint lsn, position
 *   TABLE 5     varint id, u8 live, string db, string canonical CREATE TABLE text
 *   DATABASE 6  string name, charset, collation
 *   START 8     place, gtid and varint commit_us of the transaction before, varint next
 *               definition id
 *
 *   gtid, position, place: place.h
 *   image       one value for each column of the table, in order
 *   value       u8 tag: low 4 bits kind (value.h), high 4 bits h, then
 *               NULL, ABSENT: nothing                     INT: zigzag varint
 *               UINT: varint                              FLOAT, DOUBLE: 4 or 8 bytes IEEE
 *               all others: h < 15: h bytes; h = 15: varint length, then the bytes
 *               kind 15 (only in the after image of an update): same as before
 *
 * A segment opens with START, one DATABASE and one live TABLE for each that holds
 * there; then come transactions: BEGIN, (TABLE | CHANGE | DDL)*, END. A definition number is
 * never used for another definition within a queue. A TABLE stands before the first record
 * that names its id; it repeats in the opening of every later segment while it is live.
 *
 * Example, an insert of (-3, NULL, 'abc') into table 7, 11 bytes after the length 0b:
 *   0b | 02 | 01 | 00 | 07 | 01 05 | 00 | 37 61 62 63
 *   (length, CHANGE, insert, flags, table, INT zigzag(-3), NULL, TEXT with h = 3)
 *
 * Version 1, of MySQL sources only, is the same but for two records: START has the position
 * where the place stands now, and behind it comes
 *   GTIDS 7     gtid set in the wire form of COM_BINLOG_DUMP_GTID
 * So a segment of version 1 that is still open goes on with what this program writes.
 *
 * What a crash leaves behind is the block's matter (segment.c): records are read only from
 * blocks whose hash was right, so a record that breaks these rules is corruption.
 */
#include "cdc/queue/record.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/cursor.h"
#include "schema/base/xalloc.h"
#include "schema/ddl/ddl.h"

#define VALUE_SAME 15     /* a tag of this file only */
#define SHORT_LENGTH 15   /* h: the length follows as a varint */
#define VALUE_HEAD_MAX 11 /* tag and varint */

static bool corrupt(struct err *err, const char *what)
{
    err_reason(err, ERR_DATA, "queue_corrupt", "a %s record does not follow the format", what);
    return false;
}

/* ---- varints by pointer: a row is written into room reserved once ---- */

static inline uint8_t *put_varint(uint8_t *p, uint64_t v)
{
    while (v >= 0x80) {
        *p++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    return p;
}

static inline uint64_t get_varint(struct cursor *c)
{
    if (c->p < c->end && *c->p < 0x80)
        return *c->p++;
    return cursor_varint(c);
}

static inline uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

static inline int64_t unzigzag(uint64_t v)
{
    return (int64_t)((v >> 1) ^ (0 - (v & 1)));
}

/* ---- framing ---- */

/* Room for a two-byte length, which most records have; record_close moves the others. */
static size_t record_open(struct buf *out, enum record_type type)
{
    size_t start = out->len;
    const uint8_t head[3] = {0, 0, (uint8_t)type};

    buf_put(out, head, sizeof(head));
    return start;
}

static void record_close(struct buf *out, size_t start)
{
    uint8_t length[10];
    size_t body = out->len - start - 2;
    size_t n = (size_t)(put_varint(length, body) - length);

    if (out->overflow)
        return;
    if (n > 2 && buf_reserve(out, n - 2) == NULL)
        return;
    if (n != 2)
        memmove(out->data + start + n, out->data + start + 2, body);
    memcpy(out->data + start, length, n);
    out->len = start + n + body;
}

enum record_split_result record_split(struct bytes *in, enum record_type *type, struct bytes *body,
                                      size_t *need)
{
    struct cursor c = cursor_of(*in);
    uint64_t length;
    size_t head;

    *need = 0;
    length = get_varint(&c);
    if (c.bad)
        return in->len < 10 ? RECORD_PART : RECORD_BROKEN;
    if (length == 0 || length > RECORD_BYTES_MAX)
        return RECORD_BROKEN;
    head = in->len - cursor_left(&c);
    if (length > cursor_left(&c)) {
        *need = head + length;
        return RECORD_PART;
    }
    *type = cursor_u8(&c);
    *body = cursor_bytes(&c, length - 1);
    in->data += head + length;
    in->len -= head + length;
    return RECORD_WHOLE;
}

/* ---- definitions ---- */

void record_definitions_put(struct record_definitions *d, uint32_t id, const struct table *t)
{
    map_put(&d->by_id, bytes_of(&id, sizeof(id)), (void *)(uintptr_t)t);
    d->last_id = id;
    d->last = t;
}

const struct table *record_definitions_get(struct record_definitions *d, uint32_t id)
{
    if (d->last == NULL || d->last_id != id) {
        d->last = map_get(&d->by_id, bytes_of(&id, sizeof(id)));
        d->last_id = id;
    }
    return d->last;
}

void record_definitions_release(struct record_definitions *d)
{
    map_release(&d->by_id);
    d->last = NULL;
}

void record_row_release(struct record_row *row)
{
    free(row->before);
    free(row->after);
    *row = (struct record_row){NULL, NULL, 0};
}

/* The values need not be cleared: an image fills as many as its table has columns. */
static void row_reserve(struct record_row *row, uint32_t n_columns)
{
    if (row->cap >= n_columns)
        return;
    row->before = xrealloc(row->before, n_columns * sizeof(*row->before));
    row->after = xrealloc(row->after, n_columns * sizeof(*row->after));
    row->cap = n_columns;
}

/* ---- parts ---- */

static void put_string(struct buf *out, const char *s)
{
    buf_put_varbytes(out, bytes_str(s ? s : ""));
}

static const char *get_string(struct cursor *c, struct arena *arena)
{
    struct bytes b = cursor_varbytes(c);

    if (b.len > 0 && memchr(b.data, '\0', b.len) != NULL)
        c->bad = true; /* written from C strings, so it would come back cut */
    return arena_strndup(arena, b.len ? (const char *)b.data : "", b.len);
}

static bool used_up(const struct cursor *c)
{
    return !c->bad && c->p == c->end;
}

/* A number that must fit 32 bits. */
static uint32_t get_u32(struct cursor *c)
{
    uint64_t v = get_varint(c);

    if (v > UINT32_MAX)
        c->bad = true;
    return (uint32_t)v;
}

/* ---- values and changes ---- */

static inline bool has_bytes(enum value_kind kind)
{
    return kind >= VALUE_DECIMAL && kind <= VALUE_JSON;
}

static size_t image_room(const struct value *values, uint32_t n)
{
    size_t room = (size_t)n * VALUE_HEAD_MAX;

    for (uint32_t i = 0; i < n; i++)
        room += has_bytes(values[i].kind) ? values[i].b.len : 0;
    return room;
}

static inline uint8_t *put_value(uint8_t *p, const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
    case VALUE_ABSENT:
        *p++ = (uint8_t)v->kind;
        return p;
    case VALUE_INT:
        *p++ = VALUE_INT;
        return put_varint(p, zigzag(v->i));
    case VALUE_UINT:
        *p++ = VALUE_UINT;
        return put_varint(p, v->u);
    case VALUE_FLOAT:
        *p++ = VALUE_FLOAT;
        memcpy(p, &v->f, sizeof(v->f));
        return p + sizeof(v->f);
    case VALUE_DOUBLE:
        *p++ = VALUE_DOUBLE;
        memcpy(p, &v->d, sizeof(v->d));
        return p + sizeof(v->d);
    default:
        break;
    }
    assert(has_bytes(v->kind));
    if (v->b.len < SHORT_LENGTH) {
        *p++ = (uint8_t)(v->kind | v->b.len << 4);
    } else {
        *p++ = (uint8_t)(v->kind | SHORT_LENGTH << 4);
        p = put_varint(p, v->b.len);
    }
    if (v->b.len > 0)
        memcpy(p, v->b.data, v->b.len);
    return p + v->b.len;
}

/* `same`: the image before, or NULL. */
static void put_image(struct buf *out, const struct value *values, const struct value *same,
                      uint32_t n)
{
    uint8_t *start = buf_reserve(out, image_room(values, n));
    uint8_t *p = start;

    if (start == NULL)
        return;
    for (uint32_t i = 0; i < n; i++) {
        if (same != NULL && value_equal(&values[i], &same[i]))
            *p++ = VALUE_SAME;
        else
            p = put_value(p, &values[i]);
    }
    out->len += (size_t)(p - start);
}

void record_put_change(struct buf *out, uint32_t table_id, const struct change *change)
{
    size_t start = record_open(out, RECORD_CHANGE);
    uint32_t n = change->table->n_columns;

    buf_put_u8(out, (uint8_t)change->kind);
    buf_put_varint(out, change->flags);
    buf_put_varint(out, table_id);
    if (change->kind != CHANGE_INSERT)
        put_image(out, change->before, NULL, n);
    if (change->kind != CHANGE_DELETE)
        put_image(out, change->after, change->kind == CHANGE_UPDATE ? change->before : NULL, n);
    record_close(out, start);
}

static inline void get_bytes_value(struct cursor *c, uint8_t tag, struct value *v)
{
    uint64_t n = tag >> 4;

    if (n == SHORT_LENGTH)
        n = get_varint(c);
    if (n > (uint64_t)(c->end - c->p)) {
        c->bad = true;
        n = 0;
    }
    v->b = (struct bytes){c->p, (size_t)n};
    c->p += n;
}

static inline void get_value(struct cursor *c, const struct value *same, struct value *v)
{
    uint8_t tag = c->p < c->end ? *c->p++ : (c->bad = true, 0);
    uint64_t bits;
    uint32_t half;

    v->kind = tag & 15;
    if (has_bytes(v->kind)) {
        get_bytes_value(c, tag, v);
        return;
    }
    c->bad = c->bad || tag > 15;
    switch (tag & 15) {
    case VALUE_NULL:
    case VALUE_ABSENT:
        v->u = 0;
        break;
    case VALUE_INT:
        v->i = unzigzag(get_varint(c));
        break;
    case VALUE_UINT:
        v->u = get_varint(c);
        break;
    case VALUE_FLOAT:
        half = cursor_u32(c);
        memcpy(&v->f, &half, sizeof(half));
        break;
    case VALUE_DOUBLE:
        bits = cursor_u64(c);
        memcpy(&v->d, &bits, sizeof(bits));
        break;
    default:
        if ((tag & 15) == VALUE_SAME && same != NULL) {
            *v = *same;
        } else {
            v->kind = VALUE_NULL;
            c->bad = true;
        }
    }
}

static void get_image(struct cursor *c, const struct value *same, struct value *out, uint32_t n)
{
    for (uint32_t i = 0; i < n && !c->bad; i++)
        get_value(c, same ? &same[i] : NULL, &out[i]);
}

bool record_get_change(struct bytes body, struct record_definitions *d, struct record_row *row,
                       struct change *out, struct err *err)
{
    struct cursor c = cursor_of(body);
    uint8_t kind = cursor_u8(&c);
    uint64_t flags = get_varint(&c);
    uint32_t id = get_u32(&c);

    memset(out, 0, sizeof(*out));
    if (c.bad || kind < CHANGE_INSERT || kind > CHANGE_DELETE || flags > UINT16_MAX)
        return corrupt(err, "change");
    out->kind = kind;
    out->flags = (uint16_t)flags;
    out->table = record_definitions_get(d, id);
    if (out->table == NULL)
        return corrupt(err, "change of an unknown table");
    row_reserve(row, out->table->n_columns);
    if (kind != CHANGE_INSERT) {
        get_image(&c, NULL, row->before, out->table->n_columns);
        out->before = row->before;
    }
    if (kind != CHANGE_DELETE) {
        get_image(&c, out->before, row->after, out->table->n_columns);
        out->after = row->after;
    }
    return used_up(&c) || corrupt(err, "change");
}

/* ---- transactions ---- */

void record_put_begin(struct buf *out, const struct tx_begin *begin)
{
    size_t start = record_open(out, RECORD_BEGIN);

    buf_put_varint(out, begin->lsn);
    gtid_put(&begin->gtid, out);
    buf_put_varint(out, begin->commit_us);
    buf_put_varint(out, begin->original_us);
    buf_put_varint(out, begin->receive_us);
    buf_put_varint(out, begin->source_bytes);
    record_close(out, start);
}

bool record_get_begin(struct bytes body, struct tx_begin *out, struct err *err)
{
    struct cursor c = cursor_of(body);

    out->lsn = cursor_varint(&c);
    gtid_get(&c, &out->gtid);
    out->commit_us = cursor_varint(&c);
    out->original_us = cursor_varint(&c);
    out->receive_us = cursor_varint(&c);
    out->source_bytes = cursor_varint(&c);
    return used_up(&c) || corrupt(err, "begin");
}

void record_put_end(struct buf *out, const struct tx_end *end)
{
    size_t start = record_open(out, RECORD_END);

    buf_put_varint(out, end->lsn);
    position_put(&end->end, out);
    record_close(out, start);
}

bool record_get_end(struct bytes body, struct tx_end *out, struct err *err)
{
    struct cursor c = cursor_of(body);

    out->lsn = cursor_varint(&c);
    position_get(&c, &out->end);
    return used_up(&c) || corrupt(err, "end");
}

/* ---- DDL and definitions ---- */

void record_put_ddl(struct buf *out, const struct ddl *ddl, const struct record_ddl *more)
{
    size_t start = record_open(out, RECORD_DDL);

    buf_put_u8(out, (uint8_t)ddl->kind);
    put_string(out, ddl->db);
    put_string(out, ddl->text);
    put_string(out, ddl->time_zone);
    put_string(out, ddl->object);
    put_string(out, more->charset);
    put_string(out, more->collation);
    buf_put_varint(out, ddl->sql_mode);
    buf_put_varint(out, ddl->timestamp_us);
    buf_put_varint(out, ddl->n_effects);
    for (uint32_t i = 0; i < 2 * ddl->n_effects; i++)
        buf_put_varint(out, more->ids[i]);
    record_close(out, start);
}

static bool get_effects(struct cursor *c, struct record_definitions *d, struct arena *arena,
                        struct ddl *out, struct record_ddl *more)
{
    uint64_t n = cursor_varint(c);
    uint32_t *ids;

    /* An effect is two bytes at least, so the count is bounded by what is there, too. */
    if (c->bad || n > RECORD_EFFECTS_MAX || 2 * n > cursor_left(c))
        return false;
    ids = arena_alloc(arena, (2 * n + 1) * sizeof(*ids));
    out->effects = arena_alloc(arena, (n + 1) * sizeof(*out->effects));
    out->n_effects = (uint32_t)n;
    for (uint64_t i = 0; i < 2 * n; i++) {
        const struct table *t = NULL;

        ids[i] = get_u32(c);
        if (ids[i] != 0 && (t = record_definitions_get(d, ids[i])) == NULL)
            return false;
        if (i % 2 == 0)
            out->effects[i / 2].before = t;
        else
            out->effects[i / 2].after = t;
    }
    more->ids = ids;
    return true;
}

bool record_get_ddl(struct bytes body, struct record_definitions *d, struct arena *arena,
                    struct ddl *out, struct record_ddl *more, struct err *err)
{
    struct cursor c = cursor_of(body);

    memset(out, 0, sizeof(*out));
    out->kind = cursor_u8(&c);
    out->db = get_string(&c, arena);
    out->text = get_string(&c, arena);
    out->time_zone = get_string(&c, arena);
    out->object = get_string(&c, arena);
    more->charset = get_string(&c, arena);
    more->collation = get_string(&c, arena);
    out->sql_mode = cursor_varint(&c);
    out->timestamp_us = cursor_varint(&c);
    if (!get_effects(&c, d, arena, out, more) || !used_up(&c) || out->kind < DDL_CREATE_TABLE ||
        out->kind > DDL_IGNORED)
        return corrupt(err, "ddl");
    return true;
}

void record_put_table(struct buf *out, uint32_t id, bool live, const struct table *table)
{
    size_t start = record_open(out, RECORD_TABLE);
    struct buf text = BUF_INIT;

    ddl_print_table(table, &text);
    buf_put_varint(out, id);
    buf_put_u8(out, live);
    put_string(out, table->db);
    buf_put_varbytes(out, buf_bytes(&text));
    out->overflow = out->overflow || text.overflow;
    record_close(out, start);
    buf_release(&text);
}

bool record_get_table(struct bytes body, struct record_table *out, struct err *err)
{
    struct cursor c = cursor_of(body);
    struct arena arena = {0};
    const char *db;
    const char *text;
    bool ok = false;

    memset(out, 0, sizeof(*out));
    out->id = get_u32(&c);
    out->live = cursor_u8(&c) != 0;
    db = get_string(&c, &arena);
    text = get_string(&c, &arena);
    if (!used_up(&c) || out->id == 0) {
        corrupt(err, "table");
        goto done;
    }
    if (!ddl_parse_table(text, db, &out->table, err)) {
        err_reason(err, ERR_DATA, "queue_corrupt",
                   "table definition %u of the queue is not readable", out->id);
        goto done;
    }
    out->table->id = out->id;
    ok = true;
done:
    arena_release(&arena);
    return ok;
}

void record_put_database(struct buf *out, const char *db, const char *charset,
                         const char *collation)
{
    size_t start = record_open(out, RECORD_DATABASE);

    put_string(out, db);
    put_string(out, charset);
    put_string(out, collation);
    record_close(out, start);
}

bool record_get_database(struct bytes body, struct arena *arena, const char **db,
                         const char **charset, const char **collation, struct err *err)
{
    struct cursor c = cursor_of(body);

    *db = get_string(&c, arena);
    *charset = get_string(&c, arena);
    *collation = get_string(&c, arena);
    return used_up(&c) || corrupt(err, "database");
}

bool record_get_gtids(struct bytes body, struct place *out, struct err *err)
{
    struct mysql_set *set;

    if (!mysql_set_decode(body, &set, err))
        return corrupt(err, "gtids");
    if (mysql_set_is_empty(set)) {
        mysql_set_free(set);
        return true;
    }
    out->kind = GTID_MYSQL;
    out->mysql = set;
    return true;
}

void record_put_start(struct buf *out, const struct record_start *start)
{
    size_t at = record_open(out, RECORD_START);

    place_put(&start->place, out);
    gtid_put(&start->gtid, out);
    buf_put_varint(out, start->commit_us);
    buf_put_varint(out, start->next_id);
    record_close(out, at);
}

bool record_get_start(struct bytes body, uint16_t version, struct record_start *out,
                      struct err *err)
{
    struct cursor c = cursor_of(body);

    *out = (struct record_start){0};
    if (version == 1)
        position_get(&c, &out->place.at);
    else
        place_get(&c, &out->place);
    gtid_get(&c, &out->gtid);
    out->commit_us = cursor_varint(&c);
    out->next_id = get_u32(&c);
    if (used_up(&c))
        return true;
    place_release(&out->place);
    return corrupt(err, "start");
}
