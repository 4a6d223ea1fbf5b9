#include "schema/ddl/lexer.h"

#include <string.h>

void lexer_init(struct lexer *lx, struct bytes text, uint64_t sql_mode, struct arena *arena)
{
    memset(lx, 0, sizeof(*lx));
    lx->p = text.data;
    lx->end = text.data + text.len;
    lx->sql_mode = sql_mode;
    lx->arena = arena;
}

static size_t left(const struct lexer *lx)
{
    return (size_t)(lx->end - lx->p);
}

static uint8_t peek(const struct lexer *lx, size_t i)
{
    return i < left(lx) ? lx->p[i] : 0;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_word(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '$' || c >= 0x80;
}

/* Skip a comment up to and with its end; false if it has none. */
static bool skip_block(struct lexer *lx)
{
    for (lx->p += 2; left(lx) >= 2; lx->p++) {
        if (lx->p[0] == '*' && lx->p[1] == '/') {
            lx->p += 2;
            return true;
        }
    }
    return false;
}

static void skip_line(struct lexer *lx)
{
    while (left(lx) > 0 && *lx->p != '\n')
        lx->p++;
}

static void enter_code(struct lexer *lx)
{
    size_t digits = 0;

    lx->p += 3;
    while (digits < 6 && is_digit(peek(lx, digits)))
        digits++;
    if (digits >= 5)
        lx->p += digits;
    lx->in_code = true;
}

static bool at_line_comment(const struct lexer *lx)
{
    if (peek(lx, 0) == '#')
        return true;
    return peek(lx, 0) == '-' && peek(lx, 1) == '-' &&
           (left(lx) == 2 || peek(lx, 2) <= ' ' || peek(lx, 2) == 0x7f);
}

/* White space and comments; false at an unfinished comment. */
static bool skip_blank(struct lexer *lx, bool *spaced)
{
    *spaced = false;
    while (left(lx) > 0) {
        if (is_space(*lx->p)) {
            lx->p++;
        } else if (lx->in_code && peek(lx, 0) == '*' && peek(lx, 1) == '/') {
            lx->p += 2;
            lx->in_code = false;
        } else if (peek(lx, 0) == '/' && peek(lx, 1) == '*') {
            if (peek(lx, 2) == '!' && !lx->in_code)
                enter_code(lx);
            else if (!skip_block(lx))
                return false;
        } else if (at_line_comment(lx)) {
            skip_line(lx);
        } else {
            return true;
        }
        *spaced = true;
    }
    return !lx->in_code;
}

static uint8_t unescape(uint8_t c)
{
    switch (c) {
    case '0':
        return '\0';
    case 'b':
        return '\b';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'Z':
        return 0x1a;
    default:
        return c;
    }
}

/*
 * The length of a quoted run with both quotes, 0 if it does not end. Multi-byte characters need no
 * care: no byte of one is a quote or a backslash in UTF-8.
 */
static size_t quoted_length(const struct lexer *lx, bool escapes)
{
    uint8_t quote = lx->p[0];
    size_t n = 1;

    while (n < left(lx)) {
        if (lx->p[n] == quote && peek(lx, n + 1) != quote)
            return n + 1;
        n += lx->p[n] == quote || (lx->p[n] == '\\' && escapes) ? 2 : 1;
    }
    return 0;
}

static struct token quoted(struct lexer *lx, enum token_kind kind, bool escapes)
{
    size_t len = quoted_length(lx, escapes), n = 0;
    const uint8_t *s = lx->p, quote = *s;
    uint8_t *out;

    if (len == 0)
        return (struct token){TOKEN_BAD, BYTES_EMPTY, false};
    out = arena_alloc(lx->arena, len);
    for (size_t i = 1; i < len - 1; i++) {
        uint8_t c = s[i];

        if (c == quote) {
            i++;
        } else if (c == '\\' && escapes) {
            c = s[++i];
            /* \% and \_ stay two characters: they mean something to LIKE only. */
            if (c == '%' || c == '_')
                out[n++] = '\\';
            else
                c = unescape(c);
        }
        out[n++] = c;
    }
    lx->p += len;
    return (struct token){kind, {out, n}, false};
}

static struct token take(struct lexer *lx, enum token_kind kind, size_t n)
{
    struct token t = {kind, {lx->p, n}, false};

    lx->p += n;
    return t;
}

/* x'..' and b'..' with the closing quote consumed. */
static struct token quoted_digits(struct lexer *lx, enum token_kind kind)
{
    struct token t;
    size_t n = 2;

    while (is_hex(peek(lx, n)))
        n++;
    if (peek(lx, n) != '\'')
        return (struct token){TOKEN_BAD, BYTES_EMPTY, false};
    lx->p += 2;
    t = take(lx, kind, n - 2);
    lx->p++;
    return t;
}

static size_t word_length(const struct lexer *lx)
{
    size_t n = 0;

    while (is_word(peek(lx, n)))
        n++;
    return n;
}

/* All of word[from..n) satisfy is, and there is at least one. */
static bool all_are(const uint8_t *word, size_t from, size_t n, bool (*is)(uint8_t))
{
    for (size_t i = from; i < n; i++) {
        if (!is(word[i]))
            return false;
    }
    return n > from;
}

static bool is_bit(uint8_t c)
{
    return c == '0' || c == '1';
}

/* Length of an exponent (e5, e-10) at offset, or 0. */
static size_t exponent(const struct lexer *lx, size_t at)
{
    size_t n = 1;

    if (peek(lx, at) != 'e' && peek(lx, at) != 'E')
        return 0;
    if (peek(lx, at + n) == '+' || peek(lx, at + n) == '-')
        n++;
    if (!is_digit(peek(lx, at + n)))
        return 0;
    while (is_digit(peek(lx, at + n)))
        n++;
    return n;
}

/* Something that starts with a digit, or a point before a digit: a number or a name. */
static struct token number(struct lexer *lx)
{
    size_t word = word_length(lx), n = 0, exp;

    if (word > 2 && lx->p[0] == '0' && lx->p[1] == 'x' && all_are(lx->p, 2, word, is_hex)) {
        lx->p += 2;
        return take(lx, TOKEN_HEX, word - 2);
    }
    if (word > 2 && lx->p[0] == '0' && lx->p[1] == 'b' && all_are(lx->p, 2, word, is_bit)) {
        lx->p += 2;
        return take(lx, TOKEN_BIT, word - 2);
    }
    while (is_digit(peek(lx, n)))
        n++;
    exp = exponent(lx, n);
    if (exp > 0 && word <= n + exp)
        return take(lx, TOKEN_NUMBER, n + exp);
    if (n < word)
        return take(lx, TOKEN_WORD, word);
    if (peek(lx, n) == '.') {
        n++;
        while (is_digit(peek(lx, n)))
            n++;
        n += exponent(lx, n);
    }
    return take(lx, TOKEN_NUMBER, n);
}

static struct token symbol(struct lexer *lx)
{
    static const char *const long_ones[] = {
        "->>", "->", "||", "&&", "<=>", "<=", ">=", "<>", "!=", ":=", "<<", ">>"};

    for (size_t i = 0; i < sizeof(long_ones) / sizeof(*long_ones); i++) {
        size_t n = strlen(long_ones[i]);

        if (left(lx) >= n && memcmp(lx->p, long_ones[i], n) == 0)
            return take(lx, TOKEN_SYMBOL, n);
    }
    return take(lx, TOKEN_SYMBOL, 1);
}

static struct token scan(struct lexer *lx, bool spaced)
{
    uint8_t c = peek(lx, 0), next = peek(lx, 1);
    bool escapes = !(lx->sql_mode & SQL_MODE_NO_BACKSLASH_ESCAPES);

    if (left(lx) == 0)
        return (struct token){TOKEN_END, BYTES_EMPTY, false};
    if (c == '`')
        return quoted(lx, TOKEN_QUOTED, false);
    if (c == '"' && (lx->sql_mode & SQL_MODE_ANSI_QUOTES))
        return quoted(lx, TOKEN_QUOTED, false);
    if (c == '"' || c == '\'')
        return quoted(lx, TOKEN_STRING, escapes);
    if (lx->after_dot && is_word(c))
        return take(lx, TOKEN_WORD, word_length(lx));
    if ((c == 'x' || c == 'X') && next == '\'')
        return quoted_digits(lx, TOKEN_HEX);
    if ((c == 'b' || c == 'B') && next == '\'')
        return quoted_digits(lx, TOKEN_BIT);
    if (is_digit(c) || (c == '.' && is_digit(next) && (spaced || !lx->after_name)))
        return number(lx);
    if (is_word(c))
        return take(lx, TOKEN_WORD, word_length(lx));
    return symbol(lx);
}

struct token lexer_next(struct lexer *lx)
{
    struct token t;
    bool spaced;

    if (!skip_blank(lx, &spaced))
        return (struct token){TOKEN_BAD, BYTES_EMPTY, false};
    t = scan(lx, spaced);
    t.spaced = spaced;
    lx->after_dot = t.kind == TOKEN_SYMBOL && t.text.len == 1 && *t.text.data == '.';
    lx->after_name = t.kind == TOKEN_WORD || t.kind == TOKEN_QUOTED;
    return t;
}
