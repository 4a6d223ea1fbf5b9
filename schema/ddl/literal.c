#include "schema/ddl/literal.h"

#include <string.h>

static const char *escape(uint8_t c)
{
    switch (c) {
    case '\0':
        return "\\0";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\\':
        return "\\\\";
    case '\'':
        return "''";
    default:
        return NULL;
    }
}

void sql_literal_put(struct buf *b, struct bytes s)
{
    size_t from = 0;

    buf_put_u8(b, '\'');
    for (size_t i = 0; i < s.len; i++) {
        const char *escaped = s.data[i] <= '\\' ? escape(s.data[i]) : NULL;

        if (!escaped)
            continue;
        if (i > from)
            buf_put(b, s.data + from, i - from);
        buf_put_str(b, escaped);
        from = i + 1;
    }
    if (s.len > from)
        buf_put(b, s.data + from, s.len - from);
    buf_put_u8(b, '\'');
}

void sql_name_put(struct buf *b, const char *name)
{
    const char *p = name;
    const char *quote;

    buf_put_u8(b, '`');
    while ((quote = strchr(p, '`')) != NULL) {
        buf_put(b, p, (size_t)(quote - p) + 1);
        buf_put_u8(b, '`');
        p = quote + 1;
    }
    buf_put_str(b, p);
    buf_put_u8(b, '`');
}
