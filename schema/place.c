#include "schema/place.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The byte form of a GTID. */
enum { FORM_NONE = 0, FORM_MYSQL = 1, FORM_MYSQL_TAGGED = 2, FORM_MARIADB = 3 };

static void put_string(struct buf *out, const char *s)
{
    buf_put_varbytes(out, bytes_str(s));
}

/* Into a zeroed C string of at most max bytes. */
static void get_string(struct cursor *c, char *out, size_t max)
{
    struct bytes s = cursor_varbytes(c);

    if (s.len > max || (s.len > 0 && memchr(s.data, '\0', s.len) != NULL))
        c->bad = true;
    else if (s.len > 0)
        memcpy(out, s.data, s.len);
}

/* ---- one GTID ---- */

bool gtid_equal(const struct gtid *a, const struct gtid *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case GTID_MYSQL:
        return memcmp(a->mysql.uuid, b->mysql.uuid, sizeof(a->mysql.uuid)) == 0 &&
               a->mysql.gno == b->mysql.gno && strcmp(a->mysql.tag, b->mysql.tag) == 0;
    case GTID_MARIADB:
        return a->mariadb.domain == b->mariadb.domain && a->mariadb.server == b->mariadb.server &&
               a->mariadb.sequence == b->mariadb.sequence;
    default:
        return true;
    }
}

void gtid_print(const struct gtid *g, char *out)
{
    out[0] = '\0';
    if (g->kind == GTID_MYSQL)
        mysql_gtid_print(&g->mysql, out);
    else if (g->kind == GTID_MARIADB)
        mariadb_gtid_print(&g->mariadb, out);
}

bool gtid_parse(const char *text, struct gtid *out, struct err *err)
{
    memset(out, 0, sizeof(*out));
    if (text[0] == '\0')
        return true;
    out->kind = strchr(text, ':') ? GTID_MYSQL : GTID_MARIADB;
    return out->kind == GTID_MYSQL ? mysql_gtid_parse(text, &out->mysql, err)
                                   : mariadb_gtid_parse(text, &out->mariadb, err);
}

void gtid_put(const struct gtid *g, struct buf *out)
{
    if (g->kind == GTID_MYSQL) {
        buf_put_u8(out, g->mysql.tag[0] ? FORM_MYSQL_TAGGED : FORM_MYSQL);
        buf_put(out, g->mysql.uuid, sizeof(g->mysql.uuid));
        buf_put_varint(out, g->mysql.gno);
        if (g->mysql.tag[0])
            put_string(out, g->mysql.tag);
    } else if (g->kind == GTID_MARIADB) {
        buf_put_u8(out, FORM_MARIADB);
        buf_put_varint(out, g->mariadb.domain);
        buf_put_varint(out, g->mariadb.server);
        buf_put_varint(out, g->mariadb.sequence);
    } else {
        buf_put_u8(out, FORM_NONE);
    }
}

static void get_mysql_gtid(struct cursor *c, bool tagged, struct mysql_gtid *out)
{
    struct bytes uuid = cursor_bytes(c, sizeof(out->uuid));

    out->gno = cursor_varint(c);
    if (uuid.len == sizeof(out->uuid))
        memcpy(out->uuid, uuid.data, uuid.len);
    if (tagged)
        get_string(c, out->tag, GTID_TAG_MAX);
    c->bad = c->bad || out->gno == 0 || tagged != (out->tag[0] != '\0');
}

static void get_mariadb_gtid(struct cursor *c, struct mariadb_gtid *out)
{
    uint64_t domain = cursor_varint(c), server = cursor_varint(c);

    *out = (struct mariadb_gtid){(uint32_t)domain, (uint32_t)server, cursor_varint(c)};
    c->bad = c->bad || domain > UINT32_MAX || server > UINT32_MAX || out->sequence == 0;
}

void gtid_get(struct cursor *c, struct gtid *out)
{
    uint8_t form = cursor_u8(c);

    memset(out, 0, sizeof(*out));
    if (form == FORM_NONE)
        return;
    if (form == FORM_MYSQL || form == FORM_MYSQL_TAGGED) {
        out->kind = GTID_MYSQL;
        get_mysql_gtid(c, form == FORM_MYSQL_TAGGED, &out->mysql);
    } else if (form == FORM_MARIADB) {
        out->kind = GTID_MARIADB;
        get_mariadb_gtid(c, &out->mariadb);
    } else {
        c->bad = true;
    }
    if (c->bad)
        memset(out, 0, sizeof(*out));
}

/* ---- file and offset ---- */

/* Length of the name before its last dot, and the number after it. */
static size_t split_file(const char *file, unsigned long long *number)
{
    const char *dot = strrchr(file, '.');
    char *end;

    *number = 0;
    if (dot == NULL || dot[1] < '0' || dot[1] > '9')
        return strlen(file);
    *number = strtoull(dot + 1, &end, 10);
    if (*end != '\0') {
        *number = 0;
        return strlen(file);
    }
    return (size_t)(dot - file);
}

int position_compare(const struct position *a, const struct position *b)
{
    unsigned long long na, nb;
    size_t la = split_file(a->file, &na), lb = split_file(b->file, &nb);

    if (la != lb || memcmp(a->file, b->file, la) != 0)
        return strcmp(a->file, b->file);
    if (na != nb)
        return na < nb ? -1 : 1;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

bool position_reached(const struct position *at, const struct position *goal)
{
    return at->file[0] != '\0' && position_compare(at, goal) >= 0;
}

void position_print(const struct position *p, char *out)
{
    out[0] = '\0';
    if (p->file[0] != '\0')
        snprintf(out, POSITION_TEXT_SIZE, "%s:%" PRIu64, p->file, p->offset);
}

void position_put(const struct position *p, struct buf *out)
{
    put_string(out, p->file);
    buf_put_varint(out, p->offset);
}

void position_get(struct cursor *c, struct position *out)
{
    memset(out, 0, sizeof(*out));
    get_string(c, out->file, POSITION_FILE_MAX);
    out->offset = cursor_varint(c);
}

/* A binlog's name ends in a dot and a number, which no GTID set has. */
static bool position_scan(const char *text, struct position *out)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    unsigned long long number;
    char *end;

    if (len == 0 || len > POSITION_FILE_MAX || colon[1] < '0' || colon[1] > '9')
        return false;
    memset(out, 0, sizeof(*out));
    out->offset = strtoull(colon + 1, &end, 10);
    memcpy(out->file, text, len);
    return *end == '\0' && split_file(out->file, &number) < len;
}

/* ---- place ---- */

void place_release(struct place *p)
{
    if (p->kind == GTID_MYSQL)
        mysql_set_free(p->mysql);
    else if (p->kind == GTID_MARIADB)
        mariadb_set_release(&p->mariadb);
    memset(p, 0, sizeof(*p));
}

void place_copy(struct place *to, const struct place *from)
{
    *to = *from;
    if (from->kind == GTID_MYSQL) {
        to->mysql = mysql_set_clone(from->mysql);
    } else if (from->kind == GTID_MARIADB) {
        to->mariadb = (struct mariadb_set){NULL, 0};
        for (size_t i = 0; i < from->mariadb.n; i++)
            mariadb_set_add(&to->mariadb, &from->mariadb.last[i]);
    }
}

/* An empty set is of no kind. */
static void settle(struct place *p)
{
    struct position at = p->at;

    if ((p->kind == GTID_MYSQL && mysql_set_is_empty(p->mysql)) ||
        (p->kind == GTID_MARIADB && p->mariadb.n == 0)) {
        place_release(p);
        p->at = at;
    }
}

bool place_parse(const char *text, struct place *out, struct err *err)
{
    struct err ignored = ERR_INIT;

    memset(out, 0, sizeof(*out));
    if (position_scan(text, &out->at))
        return true;
    memset(out, 0, sizeof(*out));
    if (mysql_set_parse(text, &out->mysql, &ignored)) {
        out->kind = GTID_MYSQL;
    } else if (mariadb_set_parse(text, &out->mariadb, &ignored)) {
        out->kind = GTID_MARIADB;
    } else {
        memset(out, 0, sizeof(*out));
        err_set(err, ERR_DATA, "neither a GTID set nor FILE:OFFSET");
        return false;
    }
    settle(out);
    return true;
}

void place_print(const struct place *p, struct buf *out)
{
    char at[POSITION_TEXT_SIZE];

    if (p->kind == GTID_MYSQL) {
        mysql_set_print(p->mysql, out);
    } else if (p->kind == GTID_MARIADB) {
        mariadb_set_print(&p->mariadb, out);
    } else {
        position_print(&p->at, at);
        buf_put_str(out, at);
    }
}

void place_put(const struct place *p, struct buf *out)
{
    struct buf set = BUF_INIT;

    position_put(&p->at, out);
    buf_put_u8(out, (uint8_t)p->kind);
    if (p->kind == GTID_MYSQL) {
        mysql_set_encode(p->mysql, &set);
        buf_put_varbytes(out, buf_bytes(&set));
        buf_release(&set);
    } else if (p->kind == GTID_MARIADB) {
        mariadb_set_put(&p->mariadb, out);
    }
}

void place_get(struct cursor *c, struct place *out)
{
    struct err ignored = ERR_INIT;
    uint8_t kind;

    memset(out, 0, sizeof(*out));
    position_get(c, &out->at);
    kind = cursor_u8(c);
    if (kind == GTID_MYSQL && mysql_set_decode(cursor_varbytes(c), &out->mysql, &ignored)) {
        out->kind = GTID_MYSQL;
    } else if (kind == GTID_MARIADB) {
        mariadb_set_get(c, &out->mariadb);
        out->kind = GTID_MARIADB;
    } else {
        c->bad = c->bad || kind != GTID_NONE;
    }
    settle(out);
    if (c->bad)
        place_release(out);
}

bool place_has_gtids(const struct place *p)
{
    return p->kind != GTID_NONE;
}

bool place_add(struct place *p, const struct gtid *g, struct err *err)
{
    if (g->kind == GTID_NONE)
        return true;
    if (p->kind == GTID_NONE) {
        p->kind = g->kind;
        if (p->kind == GTID_MYSQL)
            p->mysql = mysql_set_new();
        else
            p->mariadb = (struct mariadb_set){NULL, 0};
    }
    if (p->kind != g->kind) {
        err_reason(err, ERR_DATA, "other_history", "a %s GTID in the history of a %s server",
                   g->kind == GTID_MYSQL ? "MySQL" : "MariaDB",
                   p->kind == GTID_MYSQL ? "MySQL" : "MariaDB");
        return false;
    }
    if (p->kind == GTID_MYSQL)
        mysql_set_add(p->mysql, &g->mysql);
    else
        mariadb_set_add(&p->mariadb, &g->mariadb);
    return true;
}

bool place_has(const struct place *p, const struct gtid *g)
{
    if (p->kind != g->kind || g->kind == GTID_NONE)
        return false;
    return p->kind == GTID_MYSQL ? mysql_set_has(p->mysql, &g->mysql)
                                 : mariadb_set_has(&p->mariadb, &g->mariadb);
}

bool place_contains(const struct place *p, const struct place *part)
{
    if (part->kind == GTID_NONE)
        return part->at.file[0] == '\0' || position_reached(&p->at, &part->at);
    if (p->kind != part->kind)
        return false;
    return p->kind == GTID_MYSQL ? mysql_set_contains(p->mysql, part->mysql)
                                 : mariadb_set_contains(&p->mariadb, &part->mariadb);
}

bool place_equal(const struct place *a, const struct place *b)
{
    return place_contains(a, b) && place_contains(b, a);
}
