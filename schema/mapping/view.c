/*
 * view.c - names inside the text of a view.
 *
 * MySQL prints a view with every name in backticks: a column of a table is db.table.column, or
 * alias.column; a table stands behind FROM or JOIN (or a comma or bracket there) as db.table.
 * So three names are a column, two are a table exactly where a table may stand. FROM inside a
 * call (EXTRACT, TRIM, SUBSTRING) is none of these: a bracket counts as a query only when it
 * begins like one.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "schema/ddl/lexer.h"
#include "schema/mapping/route.h"

#define TOKENS_MAX 200000
#define DEPTH_MAX 1000

struct piece {
    struct token token;
    const char *raw; /* with the white space before it */
    size_t raw_len;
};

struct level {
    bool is_query; /* it began with SELECT or WITH */
    bool in_from;
};

struct rewrite {
    const struct mapping *m;
    struct piece *pieces;
    size_t n;
    struct level levels[DEPTH_MAX];
    size_t depth;
    bool table_may_stand;
    bool has_with;
    struct map bare; /* names of tables without an alias that are called otherwise now */
    struct buf *out;
    char *why;
    size_t why_size;
};

static bool give_up(struct rewrite *r, const char *what, const char *a, const char *b)
{
    snprintf(r->why, r->why_size, "%s%s%s%s%s", what, a[0] ? " " : "", a, b[0] ? "." : "", b);
    return false;
}

static bool is_symbol(const struct piece *p, char c)
{
    return p->token.kind == TOKEN_SYMBOL && p->token.text.len == 1 &&
           p->token.text.data[0] == (uint8_t)c;
}

static bool is_word(const struct piece *p, const char *word)
{
    return p->token.kind == TOKEN_WORD && p->token.text.len == strlen(word) &&
           strncasecmp((const char *)p->token.text.data, word, p->token.text.len) == 0;
}

static bool is_name(const struct piece *p)
{
    return p->token.kind == TOKEN_QUOTED;
}

static bool cut(struct rewrite *r, const char *text, struct arena *arena)
{
    struct lexer lx;
    const char *at = text;
    struct token t;

    lexer_init(&lx, bytes_str(text), 0, arena);
    r->pieces = arena_alloc(arena, (strlen(text) + 2) * sizeof(*r->pieces));
    do {
        t = lexer_next(&lx);
        if (t.kind == TOKEN_BAD || r->n == TOKENS_MAX)
            return give_up(r, "its text cannot be read", "", "");
        r->pieces[r->n++] = (struct piece){t, at, (size_t)((const char *)lx.p - at)};
        at = (const char *)lx.p;
    } while (t.kind != TOKEN_END);
    r->n--;
    return true;
}

static void put_raw(struct rewrite *r, size_t i)
{
    buf_put(r->out, r->pieces[i].raw, r->pieces[i].raw_len);
}

static void put_name(struct rewrite *r, size_t i, const char *name)
{
    const struct piece *p = &r->pieces[i];

    buf_put(r->out, p->raw, strspn(p->raw, " \t\r\n"));
    buf_put_u8(r->out, '`');
    for (; *name; name++) {
        if (*name == '`')
            buf_put_u8(r->out, '`');
        buf_put_u8(r->out, (uint8_t)*name);
    }
    buf_put_u8(r->out, '`');
}

static bool copy_name(const struct piece *p, char out[MAPPING_NAME_SIZE])
{
    if (p->token.text.len >= MAPPING_NAME_SIZE)
        return false;
    memcpy(out, p->token.text.data, p->token.text.len);
    out[p->token.text.len] = '\0';
    return true;
}

/* Pieces i and i + 2 are database and table. */
static bool put_table(struct rewrite *r, size_t i, bool is_reference)
{
    char db[MAPPING_NAME_SIZE], name[MAPPING_NAME_SIZE];
    struct mapped_name to;
    struct err err = ERR_INIT;

    if (!copy_name(&r->pieces[i], db) || !copy_name(&r->pieces[i + 2], name))
        return give_up(r, "a name in it is too long", "", "");
    if (!mapping_wants(r->m, db, name))
        return give_up(r, "it refers to what is not copied,", db, name);
    if (!mapping_name(r->m, db, name, &to, &err))
        return give_up(r, err.text, "", "");
    put_name(r, i, to.db);
    put_raw(r, i + 1);
    put_name(r, i + 2, to.name);
    /* Behind a table without an alias its columns may be called by the table's name. */
    if (is_reference && strcmp(to.name, name) != 0 &&
        !(i + 3 < r->n && (is_name(&r->pieces[i + 3]) || is_word(&r->pieces[i + 3], "AS"))))
        map_put(&r->bare, bytes_str(name), r);
    return true;
}

/* How many names with dots between them begin at i. */
static size_t chain_at(const struct rewrite *r, size_t i)
{
    size_t n = 1;

    while (i + 2 * n < r->n && is_symbol(&r->pieces[i + 2 * n - 1], '.') &&
           is_name(&r->pieces[i + 2 * n]))
        n++;
    return n;
}

static bool take_names(struct rewrite *r, size_t i, size_t *used)
{
    size_t n = chain_at(r, i);
    bool is_call = i + 2 * n - 1 < r->n && is_symbol(&r->pieces[i + 2 * n - 1], '(');

    *used = 2 * n - 1;
    if (is_call && n > 1)
        return give_up(r, "it calls a stored function", "", "");
    if (n > 3 || (r->table_may_stand && n > 2))
        return give_up(r, "a name in it has too many parts", "", "");
    if (n == 1 && r->table_may_stand && !r->has_with)
        return give_up(r, "a table in it is not qualified", "", "");
    if (n == 3 || (n == 2 && r->table_may_stand)) {
        if (!put_table(r, i, n == 2))
            return false;
        for (size_t k = 3; k < *used; k++)
            put_raw(r, i + k);
    } else {
        for (size_t k = 0; k < *used; k++)
            put_raw(r, i + k);
    }
    r->table_may_stand = false;
    return true;
}

static bool take_symbol(struct rewrite *r, size_t i)
{
    struct level *l = &r->levels[r->depth];

    if (is_symbol(&r->pieces[i], '(')) {
        bool is_query = i + 1 < r->n && (is_word(&r->pieces[i + 1], "SELECT") ||
                                         is_word(&r->pieces[i + 1], "WITH"));

        if (++r->depth == DEPTH_MAX)
            return give_up(r, "it is nested too deeply", "", "");
        r->table_may_stand = r->table_may_stand && !is_query;
        r->levels[r->depth] = (struct level){is_query, r->table_may_stand};
    } else if (is_symbol(&r->pieces[i], ')')) {
        if (r->depth == 0)
            return give_up(r, "its brackets do not match", "", "");
        r->depth--;
        r->table_may_stand = false;
    } else {
        r->table_may_stand = is_symbol(&r->pieces[i], ',') && l->in_from;
    }
    put_raw(r, i);
    return true;
}

static void take_word(struct rewrite *r, size_t i)
{
    static const char *const ends_from[] = {"SELECT", "WHERE", "GROUP", "HAVING", "WINDOW",
                                            "ORDER",  "LIMIT", "UNION", "EXCEPT", "INTERSECT"};
    struct level *l = &r->levels[r->depth];
    const struct piece *p = &r->pieces[i];

    r->table_may_stand = (is_word(p, "FROM") && l->is_query) ||
                         ((is_word(p, "JOIN") || is_word(p, "STRAIGHT_JOIN")) && l->in_from);
    l->in_from = l->in_from || r->table_may_stand;
    for (size_t k = 0; k < sizeof(ends_from) / sizeof(ends_from[0]); k++)
        l->in_from = l->in_from && !is_word(p, ends_from[k]);
    r->has_with = r->has_with || is_word(p, "WITH");
    put_raw(r, i);
}

/* alias.column, where the alias is a table that is called otherwise now? */
static bool check_bare(struct rewrite *r)
{
    for (size_t i = 0; i < r->n; i++) {
        size_t n = is_name(&r->pieces[i]) ? chain_at(r, i) : 0;

        if (n == 2 && map_get(&r->bare, r->pieces[i].token.text))
            return give_up(r, "it names columns by a table that is renamed", "", "");
        i += n > 1 ? 2 * n - 2 : 0;
    }
    return true;
}

static bool walk(struct rewrite *r)
{
    size_t used;

    r->levels[0] = (struct level){true, false};
    for (size_t i = 0; i < r->n; i += used) {
        used = 1;
        if (is_name(&r->pieces[i])) {
            if (!take_names(r, i, &used))
                return false;
        } else if (r->pieces[i].token.kind == TOKEN_SYMBOL) {
            if (!take_symbol(r, i))
                return false;
        } else if (r->pieces[i].token.kind == TOKEN_WORD) {
            take_word(r, i);
        } else {
            r->table_may_stand = false;
            put_raw(r, i);
        }
    }
    return r->depth == 0 ? check_bare(r) : give_up(r, "its brackets do not match", "", "");
}

bool route_view(const struct mapping *m, const char *select_text, struct buf *out, char *why,
                size_t why_size)
{
    struct arena arena = {0};
    struct rewrite *r = arena_alloc(&arena, sizeof(*r));
    bool ok;

    r->m = m;
    r->out = out;
    r->why = why;
    r->why_size = why_size;
    ok = cut(r, select_text, &arena) && walk(r);
    map_release(&r->bare);
    arena_release(&arena);
    return ok;
}
