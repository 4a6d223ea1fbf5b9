#include "schema/mariadb_gtid.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/xalloc.h"

void mariadb_set_release(struct mariadb_set *s)
{
    free(s->last);
    *s = (struct mariadb_set){NULL, 0};
}

/* Index of the first one whose domain is not before. */
static size_t lower_bound(const struct mariadb_set *s, uint32_t domain)
{
    size_t lo = 0, hi = s->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (s->last[mid].domain < domain)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

void mariadb_set_add(struct mariadb_set *s, const struct mariadb_gtid *g)
{
    size_t i = lower_bound(s, g->domain);

    if (i < s->n && s->last[i].domain == g->domain) {
        if (s->last[i].sequence < g->sequence)
            s->last[i] = *g;
        return;
    }
    s->last = xrealloc(s->last, (s->n + 1) * sizeof(*s->last));
    memmove(&s->last[i + 1], &s->last[i], (s->n - i) * sizeof(*s->last));
    s->last[i] = *g;
    s->n++;
}

bool mariadb_set_has(const struct mariadb_set *s, const struct mariadb_gtid *g)
{
    size_t i = lower_bound(s, g->domain);

    return i < s->n && s->last[i].domain == g->domain && s->last[i].sequence >= g->sequence;
}

bool mariadb_set_contains(const struct mariadb_set *s, const struct mariadb_set *subset)
{
    for (size_t i = 0; i < subset->n; i++) {
        if (!mariadb_set_has(s, &subset->last[i]))
            return false;
    }
    return true;
}

/* --- text ------------------------------------------------------------------------------ */

static bool scan_number(const char **p, uint64_t max, uint64_t *out)
{
    const char *s = *p;
    uint64_t v = 0;

    if (*s < '0' || *s > '9')
        return false;
    for (; *s >= '0' && *s <= '9'; s++) {
        uint64_t digit = (uint64_t)(*s - '0');

        if (v > (max - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    *p = s;
    return true;
}

static bool scan_gtid(const char **p, struct mariadb_gtid *out)
{
    uint64_t domain, server;

    if (!scan_number(p, UINT32_MAX, &domain) || *(*p)++ != '-' ||
        !scan_number(p, UINT32_MAX, &server) || *(*p)++ != '-' ||
        !scan_number(p, UINT64_MAX, &out->sequence))
        return false;
    out->domain = (uint32_t)domain;
    out->server = (uint32_t)server;
    return out->sequence > 0;
}

static void skip_space(const char **p)
{
    while (**p == ' ' || **p == '\n' || **p == '\r' || **p == '\t')
        (*p)++;
}

bool mariadb_set_parse(const char *text, struct mariadb_set *out, struct err *err)
{
    const char *p = text;

    *out = (struct mariadb_set){NULL, 0};
    for (skip_space(&p); *p != '\0'; skip_space(&p)) {
        struct mariadb_gtid g;
        size_t before = out->n;

        if (*p == ',') {
            p++;
            continue;
        }
        if (!scan_gtid(&p, &g))
            goto bad;
        skip_space(&p);
        if ((*p != ',' && *p != '\0') || out->n == MARIADB_DOMAINS_MAX)
            goto bad;
        mariadb_set_add(out, &g);
        if (out->n == before)
            goto bad; /* which of the two were the last? */
    }
    return true;
bad:
    err_set(err, ERR_DATA, "not a list of MariaDB GTIDs at character %zu", (size_t)(p - text) + 1);
    mariadb_set_release(out);
    return false;
}

void mariadb_gtid_print(const struct mariadb_gtid *g, char *out)
{
    snprintf(out, MARIADB_GTID_TEXT_SIZE, "%" PRIu32 "-%" PRIu32 "-%" PRIu64, g->domain, g->server,
             g->sequence);
}

void mariadb_set_print(const struct mariadb_set *s, struct buf *out)
{
    char text[MARIADB_GTID_TEXT_SIZE];

    for (size_t i = 0; i < s->n; i++) {
        mariadb_gtid_print(&s->last[i], text);
        buf_putf(out, "%s%s", i ? "," : "", text);
    }
}

bool mariadb_gtid_parse(const char *text, struct mariadb_gtid *out, struct err *err)
{
    const char *p = text;

    if (scan_gtid(&p, out) && *p == '\0')
        return true;
    err_set(err, ERR_DATA, "not a MariaDB GTID");
    return false;
}

/* --- bytes ----------------------------------------------------------------------------- */

void mariadb_set_put(const struct mariadb_set *s, struct buf *out)
{
    buf_put_varint(out, s->n);
    for (size_t i = 0; i < s->n; i++) {
        buf_put_varint(out, s->last[i].domain);
        buf_put_varint(out, s->last[i].server);
        buf_put_varint(out, s->last[i].sequence);
    }
}

void mariadb_set_get(struct cursor *c, struct mariadb_set *out)
{
    uint64_t n = cursor_varint(c);

    *out = (struct mariadb_set){NULL, 0};
    /* One takes three bytes at least. */
    if (n > MARIADB_DOMAINS_MAX || n > cursor_left(c) / 3) {
        c->bad = true;
        return;
    }
    for (uint64_t i = 0; i < n && !c->bad; i++) {
        uint64_t domain = cursor_varint(c), server = cursor_varint(c);
        struct mariadb_gtid g = {(uint32_t)domain, (uint32_t)server, cursor_varint(c)};

        if (domain > UINT32_MAX || server > UINT32_MAX || g.sequence == 0 ||
            (i > 0 && out->last[i - 1].domain >= g.domain))
            c->bad = true;
        else
            mariadb_set_add(out, &g);
    }
    if (c->bad)
        mariadb_set_release(out);
}
