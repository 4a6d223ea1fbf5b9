#include "schema/mysql_gtid.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/cursor.h"
#include "schema/base/xalloc.h"

struct interval {
    uint64_t first;
    uint64_t last; /* inclusive */
};

/* One (uuid, tag): intervals sorted, neither overlapping nor adjacent. */
struct source {
    uint8_t uuid[16];
    char tag[GTID_TAG_MAX + 1];
    struct interval *ranges;
    size_t n;
    size_t cap;
};

struct mysql_set {
    struct source *sources; /* sorted by uuid, then tag */
    size_t n;
    size_t cap;
};

#define GNO_MAX ((uint64_t)INT64_MAX - 1) /* MySQL: gno is a positive int64 */

struct mysql_set *mysql_set_new(void)
{
    return xcalloc(1, sizeof(struct mysql_set));
}

void mysql_set_free(struct mysql_set *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n; i++)
        free(s->sources[i].ranges);
    free(s->sources);
    free(s);
}

static int compare_source(const struct source *s, const uint8_t *uuid, const char *tag)
{
    int c = memcmp(s->uuid, uuid, 16);

    return c ? c : strcmp(s->tag, tag);
}

/* Index of the first source that is not before (uuid, tag). */
static size_t lower_bound(const struct mysql_set *s, const uint8_t *uuid, const char *tag)
{
    size_t lo = 0, hi = s->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (compare_source(&s->sources[mid], uuid, tag) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static const struct source *find_source(const struct mysql_set *s, const uint8_t *uuid,
                                        const char *tag)
{
    size_t i = lower_bound(s, uuid, tag);

    if (i < s->n && compare_source(&s->sources[i], uuid, tag) == 0)
        return &s->sources[i];
    return NULL;
}

static struct source *want_source(struct mysql_set *s, const uint8_t *uuid, const char *tag)
{
    size_t i = lower_bound(s, uuid, tag);
    struct source *src;

    if (i < s->n && compare_source(&s->sources[i], uuid, tag) == 0)
        return &s->sources[i];
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 4;
        s->sources = xrealloc(s->sources, s->cap * sizeof(*s->sources));
    }
    src = &s->sources[i];
    memmove(src + 1, src, (s->n - i) * sizeof(*src));
    s->n++;
    memset(src, 0, sizeof(*src));
    memcpy(src->uuid, uuid, 16);
    memcpy(src->tag, tag, strlen(tag) + 1);
    return src;
}

/* Index of the first range that ends at or after gno. */
static size_t find_range(const struct source *s, uint64_t gno)
{
    size_t lo = 0, hi = s->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (s->ranges[mid].last < gno)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void insert_range(struct source *s, size_t i, uint64_t first, uint64_t last)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 4;
        s->ranges = xrealloc(s->ranges, s->cap * sizeof(*s->ranges));
    }
    memmove(&s->ranges[i + 1], &s->ranges[i], (s->n - i) * sizeof(*s->ranges));
    s->ranges[i] = (struct interval){first, last};
    s->n++;
}

static void add_range(struct source *s, uint64_t first, uint64_t last)
{
    size_t i = find_range(s, first - 1); /* a range that ends just before is extended */
    size_t j = i;

    while (j < s->n && s->ranges[j].first <= last + 1) {
        if (s->ranges[j].first < first)
            first = s->ranges[j].first;
        if (s->ranges[j].last > last)
            last = s->ranges[j].last;
        j++;
    }
    if (j == i) {
        insert_range(s, i, first, last);
        return;
    }
    s->ranges[i] = (struct interval){first, last};
    memmove(&s->ranges[i + 1], &s->ranges[j], (s->n - j) * sizeof(*s->ranges));
    s->n -= j - i - 1;
}

struct mysql_set *mysql_set_clone(const struct mysql_set *s)
{
    struct mysql_set *copy = mysql_set_new();

    mysql_set_merge(copy, s);
    return copy;
}

void mysql_set_add(struct mysql_set *s, const struct mysql_gtid *g)
{
    add_range(want_source(s, g->uuid, g->tag), g->gno, g->gno);
}

void mysql_set_merge(struct mysql_set *s, const struct mysql_set *other)
{
    for (size_t i = 0; i < other->n; i++) {
        const struct source *from = &other->sources[i];
        struct source *to = want_source(s, from->uuid, from->tag);

        for (size_t j = 0; j < from->n; j++)
            add_range(to, from->ranges[j].first, from->ranges[j].last);
    }
}

static bool source_covers(const struct source *s, uint64_t first, uint64_t last)
{
    size_t i = find_range(s, first);

    return i < s->n && s->ranges[i].first <= first && s->ranges[i].last >= last;
}

bool mysql_set_has(const struct mysql_set *s, const struct mysql_gtid *g)
{
    const struct source *src = find_source(s, g->uuid, g->tag);

    return src != NULL && source_covers(src, g->gno, g->gno);
}

bool mysql_set_contains(const struct mysql_set *s, const struct mysql_set *subset)
{
    for (size_t i = 0; i < subset->n; i++) {
        const struct source *sub = &subset->sources[i];
        const struct source *src = find_source(s, sub->uuid, sub->tag);

        for (size_t j = 0; j < sub->n; j++) {
            if (src == NULL || !source_covers(src, sub->ranges[j].first, sub->ranges[j].last))
                return false;
        }
    }
    return true;
}

bool mysql_set_is_empty(const struct mysql_set *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->sources[i].n > 0)
            return false;
    }
    return true;
}

/* --- text ------------------------------------------------------------------------------ */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static void skip_space(const char **p)
{
    while (**p == ' ' || **p == '\n' || **p == '\r' || **p == '\t')
        (*p)++;
}

/* 32 hex digits, dashes at the usual places. */
static bool scan_uuid(const char **p, uint8_t *uuid)
{
    const char *s = *p;

    for (size_t i = 0; i < 16; i++) {
        int hi, lo;

        if ((i == 4 || i == 6 || i == 8 || i == 10) && *s++ != '-')
            return false;
        hi = hex_digit(s[0]);
        lo = hi < 0 ? -1 : hex_digit(s[1]);
        if (lo < 0)
            return false;
        uuid[i] = (uint8_t)(hi << 4 | lo);
        s += 2;
    }
    *p = s;
    return true;
}

static bool scan_gno(const char **p, uint64_t *gno)
{
    const char *s = *p;
    uint64_t v = 0;

    if (*s < '0' || *s > '9')
        return false;
    for (; *s >= '0' && *s <= '9'; s++) {
        if (v > GNO_MAX / 10)
            return false;
        v = v * 10 + (uint64_t)(*s - '0');
    }
    if (v == 0 || v > GNO_MAX)
        return false;
    *gno = v;
    *p = s;
    return true;
}

static bool is_tag_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool scan_tag(const char **p, char *tag)
{
    const char *s = *p;
    size_t n = 0;

    if (!is_tag_start(*s))
        return false;
    while (is_tag_start(*s) || (*s >= '0' && *s <= '9')) {
        if (n == GTID_TAG_MAX)
            return false;
        tag[n++] = *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : *s;
        s++;
    }
    tag[n] = '\0';
    *p = s;
    return true;
}

/* One uuid with its tags and intervals, up to a comma or the end. */
static bool scan_element(const char **p, struct mysql_set *set, size_t *budget)
{
    uint8_t uuid[16];
    char tag[GTID_TAG_MAX + 1] = "";

    if (!scan_uuid(p, uuid))
        return false;
    for (skip_space(p); **p == ':'; skip_space(p)) {
        uint64_t first, last;

        (*p)++;
        skip_space(p);
        if (is_tag_start(**p)) {
            if (!scan_tag(p, tag))
                return false;
            continue;
        }
        if (!scan_gno(p, &first))
            return false;
        last = first;
        skip_space(p);
        if (**p == '-') {
            (*p)++;
            skip_space(p);
            if (!scan_gno(p, &last))
                return false;
        }
        if (last < first || (*budget)-- == 0)
            return false;
        add_range(want_source(set, uuid, tag), first, last);
    }
    return true;
}

bool mysql_set_parse(const char *text, struct mysql_set **out, struct err *err)
{
    struct mysql_set *set = mysql_set_new();
    size_t budget = GTID_INTERVALS_MAX;
    const char *p = text;

    for (skip_space(&p); *p != '\0'; skip_space(&p)) {
        if (*p == ',') {
            p++;
            continue;
        }
        if (!scan_element(&p, set, &budget) || (*p != ',' && *p != '\0')) {
            err_set(err, ERR_DATA, "not a GTID set at character %zu", (size_t)(p - text) + 1);
            mysql_set_free(set);
            return false;
        }
    }
    *out = set;
    return true;
}

static void uuid_print(const uint8_t *u, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = digits[u[i] >> 4];
        *out++ = digits[u[i] & 15];
    }
    *out = '\0';
}

void mysql_set_print(const struct mysql_set *s, struct buf *out)
{
    const struct source *former = NULL;
    char uuid[37];

    for (size_t i = 0; i < s->n; i++) {
        const struct source *src = &s->sources[i];

        if (src->n == 0)
            continue;
        if (former == NULL || memcmp(former->uuid, src->uuid, 16) != 0) {
            uuid_print(src->uuid, uuid);
            buf_putf(out, "%s%s", former ? "," : "", uuid);
        }
        former = src;
        if (src->tag[0])
            buf_putf(out, ":%s", src->tag);
        for (size_t j = 0; j < src->n; j++) {
            buf_putf(out, ":%" PRIu64, src->ranges[j].first);
            if (src->ranges[j].last > src->ranges[j].first)
                buf_putf(out, "-%" PRIu64, src->ranges[j].last);
        }
    }
}

void mysql_gtid_print(const struct mysql_gtid *g, char *out)
{
    char uuid[37];

    uuid_print(g->uuid, uuid);
    snprintf(out, MYSQL_GTID_TEXT_SIZE, "%s%s%s:%" PRIu64, uuid, g->tag[0] ? ":" : "", g->tag,
             g->gno);
}

bool mysql_gtid_parse(const char *text, struct mysql_gtid *out, struct err *err)
{
    const char *p = text;

    memset(out, 0, sizeof(*out));
    if (!scan_uuid(&p, out->uuid) || *p++ != ':')
        goto bad;
    if (is_tag_start(*p) && (!scan_tag(&p, out->tag) || *p++ != ':'))
        goto bad;
    if (!scan_gno(&p, &out->gno) || *p != '\0')
        goto bad;
    return true;
bad:
    err_set(err, ERR_DATA, "not a GTID");
    return false;
}

/* --- wire ------------------------------------------------------------------------------ */

/* MySQL's varlen: trailing 1-bits of the first byte + 1 = bytes; here only tag lengths. */
static bool wire_tag(struct cursor *c, char *tag)
{
    uint8_t len = cursor_u8(c);
    struct bytes b;

    if (len & 1)
        return false;
    len >>= 1;
    if (len > GTID_TAG_MAX)
        return false;
    b = cursor_bytes(c, len);
    if (c->bad)
        return false;
    for (size_t i = 0; i < b.len; i++) {
        char ch = (char)b.data[i];

        if (!(ch == '_' || (ch >= 'a' && ch <= 'z') || (i > 0 && ch >= '0' && ch <= '9')))
            return false;
    }
    if (b.len)
        memcpy(tag, b.data, b.len);
    tag[b.len] = '\0';
    return true;
}

static bool wire_source(struct cursor *c, bool tagged, struct mysql_set *set, size_t *budget)
{
    char tag[GTID_TAG_MAX + 1] = "";
    struct bytes uuid = cursor_bytes(c, 16);
    struct source *src;
    uint64_t n;

    if (c->bad || (tagged && !wire_tag(c, tag)))
        return false;
    n = cursor_u64(c);
    if (n > cursor_left(c) / 16 || n > *budget)
        return false;
    *budget -= n;
    src = want_source(set, uuid.data, tag);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t first = cursor_u64(c), end = cursor_u64(c);

        if (first == 0 || end <= first || end > GNO_MAX + 1)
            return false;
        add_range(src, first, end - 1);
    }
    return !c->bad;
}

bool mysql_set_decode(struct bytes wire, struct mysql_set **out, struct err *err)
{
    struct mysql_set *set = mysql_set_new();
    struct cursor c = cursor_of(wire);
    size_t budget = GTID_INTERVALS_MAX;
    uint64_t head = cursor_u64(&c), n = head;
    bool tagged = head >> 56 == 1, ok = head >> 56 <= 1;

    if (tagged) {
        ok = (head & 0xff) == 1;
        n = head << 8 >> 16;
    }
    ok = ok && !c.bad && n <= cursor_left(&c) / 24;
    for (uint64_t i = 0; ok && i < n; i++)
        ok = wire_source(&c, tagged, set, &budget);
    if (!ok || cursor_left(&c) != 0) {
        err_set(err, ERR_DATA, "GTID set is not well-formed");
        mysql_set_free(set);
        return false;
    }
    *out = set;
    return true;
}

void mysql_set_encode(const struct mysql_set *s, struct buf *out)
{
    uint64_t n = 0;
    bool tagged = false;

    for (size_t i = 0; i < s->n; i++) {
        n += s->sources[i].n > 0;
        tagged = tagged || (s->sources[i].n > 0 && s->sources[i].tag[0]);
    }
    buf_put_u64(out, tagged ? (uint64_t)1 << 56 | n << 8 | 1 : n);
    for (size_t i = 0; i < s->n; i++) {
        const struct source *src = &s->sources[i];

        if (src->n == 0)
            continue;
        buf_put(out, src->uuid, 16);
        if (tagged) {
            buf_put_u8(out, (uint8_t)(strlen(src->tag) << 1));
            buf_put_str(out, src->tag);
        }
        buf_put_u64(out, src->n);
        for (size_t j = 0; j < src->n; j++) {
            buf_put_u64(out, src->ranges[j].first);
            buf_put_u64(out, src->ranges[j].last + 1);
        }
    }
}
