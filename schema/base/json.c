#include "schema/base/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/buf.h"
#include "schema/base/map.h"
#include "schema/base/xalloc.h"

/*
 * A lexer goes over the text before cJSON sees it: cJSON takes any byte up to 0x20 for a
 * blank, "01" and "+1" for numbers, and ends strings at a NUL. It also notes where keys and
 * numbers stand, in the order in which a walk over the tree meets them again.
 */
struct span {
    size_t at;
    size_t len;
};

struct spans {
    struct span *items;
    size_t n;
    size_t cap;
};

struct lexer {
    char *text; /* our copy; comments and trailing commas become blanks */
    size_t len;
    size_t at;
    unsigned flags;
    unsigned depth;
    struct span last_string;
    size_t comma; /* of a comma that only blanks have followed, else SIZE_MAX */
    struct spans keys;
    struct spans numbers;
    size_t key_at; /* how many of them the walk has met */
    size_t number_at;
    struct err *err;
};

static void spans_add(struct spans *s, size_t at, size_t len)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 32;
        s->items = xrealloc(s->items, s->cap * sizeof(*s->items));
    }
    s->items[s->n++] = (struct span){at, len};
}

static bool refuse(struct lexer *x, size_t at, const char *reason, const char *what)
{
    size_t line = 1;
    size_t column = 1;

    for (size_t i = 0; i < at && i < x->len; i++) {
        column = x->text[i] == '\n' ? 1 : column + 1;
        line += x->text[i] == '\n';
    }
    err_reason(x->err, ERR_CONFIG, reason, "line %zu column %zu: %s", line, column, what);
    return false;
}

static bool is_tail(uint8_t c)
{
    return (c & 0xc0) == 0x80;
}

/* Length of the valid UTF-8 character at p (Unicode table 3-7), 0 if it is none. */
static size_t utf8_length(const uint8_t *p, size_t left)
{
    uint8_t c = p[0];
    size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if (!is_tail(p[i]))
            return 0;
    if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) || (c == 0xf0 && p[1] < 0x90) ||
        (c == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

static bool lex_escape(struct lexer *x)
{
    size_t left = x->len - x->at;

    if (left >= 6 && memcmp(x->text + x->at, "\\u0000", 6) == 0)
        return refuse(x, x->at, "bad_json", "a string holds an escaped NUL");
    if (left < 2)
        return refuse(x, x->at, "bad_json", "a string does not end");
    x->at += 2;
    return true;
}

static bool lex_string(struct lexer *x)
{
    size_t start = x->at++;

    while (x->at < x->len) {
        uint8_t c = (uint8_t)x->text[x->at];
        size_t n = utf8_length((const uint8_t *)x->text + x->at, x->len - x->at);

        if (c == '"') {
            x->at++;
            x->last_string = (struct span){start, x->at - start};
            return true;
        }
        if (c < 0x20)
            return refuse(x, x->at, "bad_json", "a string holds a control character");
        if (n == 0)
            return refuse(x, x->at, "bad_json", "a string is not UTF-8");
        if (c != '\\')
            x->at += n;
        else if (!lex_escape(x))
            return false;
    }
    return refuse(x, start, "bad_json", "a string does not end");
}

static size_t digits_at(const char *s)
{
    return strspn(s, "0123456789");
}

/* Length of the JSON number that starts at s, 0 if it is none. */
static size_t number_length(const char *s)
{
    size_t n = s[0] == '-';
    size_t digits = digits_at(s + n);

    if (digits == 0 || (digits > 1 && s[n] == '0'))
        return 0;
    n += digits;
    if (s[n] == '.') {
        digits = digits_at(s + n + 1);
        if (digits == 0)
            return 0;
        n += 1 + digits;
    }
    if (s[n] == 'e' || s[n] == 'E') {
        n += 1 + (s[n + 1] == '+' || s[n + 1] == '-');
        digits = digits_at(s + n);
        if (digits == 0)
            return 0;
        n += digits;
    }
    return n;
}

static bool lex_number(struct lexer *x)
{
    size_t n = number_length(x->text + x->at);

    if (n == 0 || strspn(x->text + x->at, "0123456789+-.eE") != n)
        return refuse(x, x->at, "bad_json", "not a number");
    spans_add(&x->numbers, x->at, n);
    x->at += n;
    return true;
}

static bool lex_comment(struct lexer *x)
{
    char *start = x->text + x->at;
    char *end;

    if ((x->flags & JSON_COMMENTS) == 0 || (start[1] != '/' && start[1] != '*'))
        return refuse(x, x->at, "bad_json", "unexpected character");
    if (start[1] == '/')
        end = strchrnul(start, '\n');
    else if ((end = strstr(start + 2, "*/")) != NULL)
        end += 2;
    else
        return refuse(x, x->at, "bad_json", "a comment does not end");
    for (char *p = start; p < end; p++)
        if (*p != '\n')
            *p = ' ';
    x->at = (size_t)(end - x->text);
    return true;
}

static bool lex_close(struct lexer *x)
{
    if (x->depth > 0)
        x->depth--;
    if (x->comma != SIZE_MAX && (x->flags & JSON_COMMENTS) != 0)
        x->text[x->comma] = ' ';
    x->at++;
    return true;
}

static bool lex_literal(struct lexer *x)
{
    static const char *const words[] = {"true", "false", "null"};
    size_t n = strspn(x->text + x->at, "abcdefghijklmnopqrstuvwxyz");

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(words[i]) == n && memcmp(x->text + x->at, words[i], n) == 0) {
            x->at += n;
            return true;
        }
    return refuse(x, x->at, "bad_json", "unexpected character");
}

static bool lex_token(struct lexer *x)
{
    switch (x->text[x->at]) {
    case '"':
        return lex_string(x);
    case '{':
    case '[':
        if (++x->depth > JSON_DEPTH_MAX)
            return refuse(x, x->at, "bad_json", "nested too deeply");
        x->at++;
        return true;
    case '}':
    case ']':
        return lex_close(x);
    case ':':
        spans_add(&x->keys, x->last_string.at, x->last_string.len);
        x->at++;
        return true;
    case ',':
        x->at++;
        return true;
    case '-':
    case '0' ... '9':
        return lex_number(x);
    default:
        return lex_literal(x);
    }
}

/* What a comma follows is cJSON's to judge; here only "[,]" must not become "[]". */
static bool comma_may_trail(const struct lexer *x)
{
    size_t i = x->at;

    while (i > 0 && strchr(" \t\r\n", x->text[i - 1]) != NULL)
        i--;
    return i > 0 && strchr("[{,:", x->text[i - 1]) == NULL;
}

static bool lex(struct lexer *x)
{
    x->comma = SIZE_MAX;
    while (x->at < x->len) {
        char c = x->text[x->at];
        size_t comma = c == ',' && comma_may_trail(x) ? x->at : SIZE_MAX;
        bool ok = true;

        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            x->at++;
            continue;
        }
        if (c == '/') {
            if (!lex_comment(x))
                return false;
            continue;
        }
        ok = lex_token(x);
        if (!ok)
            return false;
        x->comma = comma;
    }
    return true;
}

static bool walk(struct lexer *x, cJSON *item);

static bool walk_key(struct lexer *x, struct map *seen, cJSON *child)
{
    struct span key = {0, 0};

    if (x->key_at < x->keys.n)
        key = x->keys.items[x->key_at++];
    if (map_put(seen, bytes_str(child->string), child) != NULL)
        return refuse(x, key.at, "duplicate_key", "the key is there twice");
    return true;
}

static bool walk_children(struct lexer *x, cJSON *parent)
{
    struct map seen = {0};
    bool ok = true;

    for (cJSON *child = parent->child; ok && child != NULL; child = child->next) {
        if (cJSON_IsObject(parent))
            ok = walk_key(x, &seen, child);
        ok = ok && walk(x, child);
    }
    map_release(&seen);
    return ok;
}

static bool walk(struct lexer *x, cJSON *item)
{
    if (cJSON_IsNumber(item) && x->number_at < x->numbers.n) {
        struct span number = x->numbers.items[x->number_at++];

        item->valuestring = xstrndup(x->text + number.at, number.len);
    }
    return walk_children(x, item);
}

static bool build(struct lexer *x, cJSON **out)
{
    const char *end = NULL;
    cJSON *tree = cJSON_ParseWithLengthOpts(x->text, x->len + 1, &end, true);

    if (tree == NULL)
        return refuse(x, end ? (size_t)(end - x->text) : 0, "bad_json", "not JSON");
    if (!walk(x, tree)) {
        cJSON_Delete(tree);
        return false;
    }
    *out = tree;
    return true;
}

bool json_parse(struct bytes text, unsigned flags, cJSON **out, struct err *err)
{
    struct lexer x = {.len = text.len, .flags = flags, .err = err};
    const uint8_t *nul;
    bool ok = false;

    *out = NULL;
    if (text.len > JSON_BYTES_MAX) {
        err_reason(err, ERR_CONFIG, "bad_json", "%zu bytes are over the limit of %zu", text.len,
                   JSON_BYTES_MAX);
        return false;
    }
    x.text = xcalloc(text.len + 1, 1);
    if (text.len > 0)
        memcpy(x.text, text.data, text.len);
    nul = text.len ? memchr(text.data, 0, text.len) : NULL;
    if (nul != NULL)
        ok = refuse(&x, (size_t)(nul - text.data), "bad_json", "a NUL byte");
    else
        ok = lex(&x) && build(&x, out);
    free(x.keys.items);
    free(x.numbers.items);
    free(x.text);
    return ok;
}

/* The digits of an integer; -0 is none. */
static const char *digits_of(const cJSON *item)
{
    const char *s = cJSON_IsNumber(item) ? item->valuestring : NULL;

    return s != NULL && strcmp(s, "-0") != 0 ? s : NULL;
}

bool json_uint64(const cJSON *item, uint64_t *out)
{
    const char *s = digits_of(item);
    char *end;

    if (s == NULL || s[0] == '-')
        return false;
    errno = 0;
    *out = strtoull(s, &end, 10);
    return errno == 0 && *end == '\0';
}

static void put_control(struct buf *b, uint8_t c)
{
    switch (c) {
    case '\n':
        buf_put_str(b, "\\n");
        break;
    case '\r':
        buf_put_str(b, "\\r");
        break;
    case '\t':
        buf_put_str(b, "\\t");
        break;
    default:
        buf_putf(b, "\\u%04x", c);
        break;
    }
}

void json_put_string(struct buf *b, struct bytes s)
{
    size_t n;

    buf_put_u8(b, '"');
    for (size_t i = 0; i < s.len; i += n ? n : 1) {
        uint8_t c = s.data[i];

        n = utf8_length(s.data + i, s.len - i);
        if (n == 0)
            buf_put_str(b, "\xef\xbf\xbd");
        else if (c < 0x20)
            put_control(b, c);
        else if (c == '"' || c == '\\')
            buf_putf(b, "\\%c", c);
        else
            buf_put(b, s.data + i, n);
    }
    buf_put_u8(b, '"');
}

void json_put_cstr(struct buf *b, const char *s)
{
    if (s == NULL)
        buf_put_str(b, "null");
    else
        json_put_string(b, bytes_str(s));
}
