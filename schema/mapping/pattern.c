#include "schema/mapping/pattern.h"

#include <stdbool.h>
#include <string.h>

enum item_kind { ITEM_CHAR, ITEM_ONE, ITEM_RUN, ITEM_SET };

struct range {
    uint32_t low, high;
};

struct pattern_item {
    enum item_kind kind;
    uint32_t c;           /* ITEM_CHAR */
    struct range *ranges; /* ITEM_SET */
    size_t n_ranges;
};

/* The character at *p, which moves on; a byte that is no UTF-8 stands for itself. */
static uint32_t next_char(const char **p, const char *end)
{
    const unsigned char *s = (const unsigned char *)*p;
    size_t more = s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 1 : s[0] < 0xf0 ? 2 : 3;
    uint32_t c = more == 0 ? s[0] : s[0] & (0x3fu >> more);

    if (more && (size_t)(end - *p) <= more)
        more = 0, c = s[0];
    for (size_t i = 1; i <= more; i++)
        c = c << 6 | (s[i] & 0x3f);
    *p += 1 + more;
    return c;
}

static bool bad_set(const char *text, size_t len, const char *what, struct err *err)
{
    err_reason(err, ERR_CONFIG, "bad_rule", "pattern \"%.*s\": %s", (int)(len > 200 ? 200 : len),
               text, what);
    return false;
}

/* *p stands behind the bracket; afterwards behind the closing one. */
static bool make_set(struct arena *arena, const char **p, const char *end,
                     struct pattern_item *item, const char **wrong)
{
    item->kind = ITEM_SET;
    item->ranges = arena_alloc(arena, ((size_t)(end - *p) + 1) * sizeof(*item->ranges));
    if (*p < end && (**p == '^' || **p == '!')) {
        *wrong = "a set of characters that begins with ^ or ! is not supported";
        return false;
    }
    while (*p < end && **p != ']') {
        struct range *r = &item->ranges[item->n_ranges++];

        r->low = r->high = next_char(p, end);
        if (end - *p >= 2 && **p == '-' && (*p)[1] != ']') {
            ++*p;
            r->high = next_char(p, end);
        }
    }
    if (*p == end || item->n_ranges == 0) {
        *wrong = "a set of characters [...] is empty or not closed";
        return false;
    }
    ++*p;
    return true;
}

static enum item_kind kind_of(char c, enum pattern_syntax syntax)
{
    if (syntax == PATTERN_EXACT)
        return ITEM_CHAR;
    if (c == '%' || (c == '*' && syntax == PATTERN_NATIVE))
        return ITEM_RUN;
    if (c == (syntax == PATTERN_DMS ? '_' : '?'))
        return ITEM_ONE;
    return c == '[' && syntax == PATTERN_DMS ? ITEM_SET : ITEM_CHAR;
}

bool pattern_make(struct arena *arena, const char *text, size_t len, enum pattern_syntax syntax,
                  struct pattern *out, struct err *err)
{
    const char *p = text, *end = text + len, *wrong = NULL;
    struct pattern_item *items = arena_alloc(arena, (len + 1) * sizeof(*items));
    size_t n = 0;

    while (p < end) {
        struct pattern_item *item = &items[n++];

        item->kind = kind_of(*p, syntax);
        if (item->kind == ITEM_CHAR) {
            item->c = next_char(&p, end);
            continue;
        }
        p++;
        if (item->kind == ITEM_SET && !make_set(arena, &p, end, item, &wrong))
            return bad_set(text, len, wrong, err);
    }
    *out = (struct pattern){items, n};
    return true;
}

static bool is_in(const struct pattern_item *item, uint32_t c)
{
    for (size_t i = 0; i < item->n_ranges; i++)
        if (c >= item->ranges[i].low && c <= item->ranges[i].high)
            return true;
    return false;
}

static bool takes(const struct pattern_item *item, uint32_t c)
{
    return item->kind == ITEM_ONE || (item->kind == ITEM_CHAR && item->c == c) ||
           (item->kind == ITEM_SET && is_in(item, c));
}

bool pattern_matches(const struct pattern *p, const char *name)
{
    const char *end = name + strlen(name), *mark = NULL;
    size_t i = 0, star = 0;
    bool has_star = false;

    while (name < end) {
        const char *next = name;

        if (i < p->n && p->items[i].kind == ITEM_RUN) {
            has_star = true;
            star = ++i;
            mark = name;
        } else if (i < p->n && takes(&p->items[i], next_char(&next, end))) {
            i++;
            name = next;
        } else if (has_star) {
            i = star;
            next_char(&mark, end);
            name = mark;
        } else {
            return false;
        }
    }
    while (i < p->n && p->items[i].kind == ITEM_RUN)
        i++;
    return i == p->n;
}
