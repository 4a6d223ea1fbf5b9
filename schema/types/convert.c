/*
 * convert.c - iconv where its table is MySQL's, found by comparing all characters of each set with
 * what the server makes of them; latin1 by hand, for MySQL's is cp1252 with its five gaps filled.
 */
#include "schema/types/convert.h"

#include <iconv.h>
#include <string.h>

#include "schema/types/types.h"

#define PIECE 256

static const char *iconv_name(const char *charset)
{
    static const struct {
        const char *mysql;
        const char *iconv;
    } names[] = {
        {"gbk", "GBK"},          {"gb2312", "GB2312"},    {"cp932", "CP932"},
        {"cp1250", "CP1250"},    {"cp1251", "CP1251"},    {"cp1256", "CP1256"},
        {"cp1257", "CP1257"},    {"cp850", "CP850"},      {"cp852", "CP852"},
        {"latin2", "ISO8859-2"}, {"latin5", "ISO8859-9"}, {"latin7", "ISO8859-13"},
        {"koi8r", "KOI8-R"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i].mysql, charset) == 0)
            return names[i].iconv;
    }
    return NULL;
}

static bool is_ascii(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] >= 0x80)
            return false;
    }
    return true;
}

static void put_code(struct buf *out, unsigned c)
{
    if (c < 0x80) {
        buf_put_u8(out, (uint8_t)c);
    } else if (c < 0x800) {
        buf_put_u8(out, (uint8_t)(0xc0 | c >> 6));
        buf_put_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
    } else {
        buf_put_u8(out, (uint8_t)(0xe0 | c >> 12));
        buf_put_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        buf_put_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
    }
}

static void put_latin1(struct bytes text, struct buf *out)
{
    static const uint16_t from_80[32] = {
        0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
        0x2039, 0x0152, 0x008d, 0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
        0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
    };

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        put_code(out, c >= 0x80 && c < 0xa0 ? from_80[c - 0x80] : c);
    }
}

/* One ? for a character: a second byte may look like a quote. */
static void put_unread(const char *charset, struct bytes *text, struct buf *out)
{
    size_t n = charset_mbmaxlen(charset) > 1 && text->len > 1 && text->data[0] >= 0x80 ? 2 : 1;

    buf_put_u8(out, text->data[0] < 0x80 ? text->data[0] : '?');
    *text = bytes_of(text->data + n, text->len - n);
}

static bool put_by_iconv(iconv_t cd, const char *charset, struct bytes text, struct buf *out)
{
    bool all = true;

    while (text.len > 0) {
        char piece[PIECE];
        /* iconv does not write through it; its signature lacks the const. */
        char *in = (char *)(uintptr_t)text.data, *to = piece;
        size_t left = text.len, room = sizeof(piece);
        size_t made = iconv(cd, &in, &left, &to, &room);

        buf_put(out, piece, sizeof(piece) - room);
        /* A positive number counts characters that were replaced by similar ones. */
        all = all && (made == 0 || made == (size_t)-1);
        if (left == text.len && text.len > 0 && room == sizeof(piece)) {
            put_unread(charset, &text, out);
            all = false;
        } else {
            text = bytes_of(text.data + (text.len - left), left);
        }
    }
    return all;
}

bool charset_to_utf8(const char *charset, struct bytes text, struct buf *out)
{
    const char *name = iconv_name(charset);
    iconv_t cd;
    bool all;

    if (is_ascii(text) || strncmp(charset, "utf8", 4) == 0) {
        buf_put_bytes(out, text);
        return true;
    }
    if (strcmp(charset, "latin1") == 0) {
        put_latin1(text, out);
        return true;
    }
    cd = name ? iconv_open("UTF-8", name) : (iconv_t)-1;
    if (cd != (iconv_t)-1) {
        all = put_by_iconv(cd, charset, text, out);
        iconv_close(cd);
        return all;
    }
    while (text.len > 0)
        put_unread(charset, &text, out);
    return false;
}
