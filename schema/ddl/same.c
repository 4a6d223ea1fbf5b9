/*
 * same.c - are two definitions the same, when one was followed through the binlog and the
 * other read from SHOW CREATE TABLE?
 *
 * MySQL prints an expression anew each time it parses the table: -(1000000) becomes -1000000
 * after any ALTER, introducers and parentheses come and go. It does not tell which keys it
 * made for foreign keys, and it names the engine of each partition. So expressions are
 * compared by their tokens without parentheses, "=" (of := and =) and introducers.
 */
#include <ctype.h>
#include <string.h>

#include "schema/ddl/ddl.h"
#include "schema/ddl/lexer.h"

static bool is_noise(const struct token *t)
{
    if (t->kind == TOKEN_SYMBOL && t->text.len == 1 && strchr("()=", *t->text.data))
        return true;
    return t->kind == TOKEN_WORD && *t->text.data == '_';
}

static const char *loosen(struct arena *a, const char *expr)
{
    struct buf b = BUF_INIT;
    struct lexer lx;
    struct token t;
    const char *text;

    if (expr == NULL)
        return NULL;
    lexer_init(&lx, bytes_str(expr), 0, a);
    while ((t = lexer_next(&lx)).kind != TOKEN_END && t.kind != TOKEN_BAD) {
        if (is_noise(&t))
            continue;
        for (size_t i = 0; i < t.text.len; i++)
            buf_put_u8(&b,
                       t.kind == TOKEN_STRING ? t.text.data[i] : (uint8_t)tolower(t.text.data[i]));
        buf_put_u8(&b, ' ');
    }
    text = arena_strdup(a, buf_cstr(&b));
    buf_release(&b);
    return text;
}

static const char *loosen_partition(struct arena *a, const char *partition)
{
    char *text = arena_strdup(a, loosen(a, partition));
    static const char added[] = "engine innodb ";
    char *p;

    while ((p = strstr(text, added)) != NULL)
        memmove(p, p + strlen(added), strlen(p + strlen(added)) + 1);
    return text;
}

void ddl_print_loose(const struct table *t, struct buf *out)
{
    struct table *c = table_clone(t);
    struct arena *a = &c->arena;

    for (uint32_t i = 0; i < c->n_columns; i++) {
        c->columns[i].generated_expr = loosen(a, c->columns[i].generated_expr);
        if (c->columns[i].default_kind == DEFAULT_EXPR)
            c->columns[i].default_text = loosen(a, c->columns[i].default_text);
    }
    for (uint32_t i = 0; i < c->n_keys; i++) {
        c->keys[i].implicit = false;
        for (uint32_t j = 0; j < c->keys[i].n_parts; j++)
            c->keys[i].parts[j].expr = loosen(a, c->keys[i].parts[j].expr);
    }
    for (uint32_t i = 0; i < c->n_checks; i++)
        c->checks[i].expr = loosen(a, c->checks[i].expr);
    if (c->partition)
        c->partition = loosen_partition(a, c->partition);
    ddl_print_table(c, out);
    table_free(c);
}

bool ddl_same_table(const struct table *a, const struct table *b)
{
    struct buf text_a = BUF_INIT, text_b = BUF_INIT;
    bool same;

    ddl_print_loose(a, &text_a);
    ddl_print_loose(b, &text_b);
    same = bytes_equal(buf_bytes(&text_a), buf_bytes(&text_b));
    buf_release(&text_a);
    buf_release(&text_b);
    return same;
}
