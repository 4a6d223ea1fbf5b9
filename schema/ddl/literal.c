#include "schema/ddl/literal.h"

void sql_literal_put(struct buf *b, struct bytes s)
{
    buf_put_u8(b, '\'');
    for (size_t i = 0; i < s.len; i++) {
        switch (s.data[i]) {
        case '\0':
            buf_put_str(b, "\\0");
            break;
        case '\n':
            buf_put_str(b, "\\n");
            break;
        case '\r':
            buf_put_str(b, "\\r");
            break;
        case '\\':
            buf_put_str(b, "\\\\");
            break;
        case '\'':
            buf_put_str(b, "''");
            break;
        default:
            buf_put_u8(b, s.data[i]);
        }
    }
    buf_put_u8(b, '\'');
}

void sql_name_put(struct buf *b, const char *name)
{
    buf_put_u8(b, '`');
    for (; *name; name++) {
        if (*name == '`')
            buf_put_u8(b, '`');
        buf_put_u8(b, (uint8_t)*name);
    }
    buf_put_u8(b, '`');
}
