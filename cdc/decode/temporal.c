/*
 * temporal.c - dates and times of row images and of JSON, to text as MySQL prints it.
 *
 * Zero and partial dates (0000-00-00, 2024-00-31, 2024-02-31) are values like others and
 * stay as they are; only what MySQL itself cannot print (month 14, second 61) is refused.
 * Formats: binlog.md 8.3 and 9.
 */
#include "cdc/decode/decoder.h"

#define DATETIME_ZERO 0x8000000000u
#define TIME_ZERO 0x800000
#define FSP_MAX 6

static const uint32_t fraction_limits[] = {1, 100, 10000, 1000000};

struct clock_parts {
    unsigned year;
    unsigned month;
    unsigned day;
    unsigned hour;
    unsigned minute;
    unsigned second;
};

/* v in n digits with zeros before; by hand, because each row of a stream comes through here. */
static void put_digits(char *out, size_t *len, uint64_t v, unsigned n)
{
    for (unsigned i = n; i > 0; i--) {
        out[*len + i - 1] = (char)('0' + v % 10);
        v /= 10;
    }
    *len += n;
}

static void put_part(char *out, size_t *len, char before, unsigned v)
{
    out[(*len)++] = before;
    put_digits(out, len, v, 2);
}

static void put_clock(const struct clock_parts *t, char *out, size_t *len)
{
    put_digits(out, len, t->hour, t->hour > 99 ? 3 : 2);
    put_part(out, len, ':', t->minute);
    put_part(out, len, ':', t->second);
}

/* Write ".ddd": stored has 2, 4 or 6 decimal digits, of which the first fsp are shown. */
static bool put_fraction(uint64_t stored, unsigned fsp, char *out, size_t *len)
{
    unsigned stored_digits = (fsp + 1) / 2 * 2;
    char digits[8];
    size_t n = 0;

    if (fsp == 0)
        return stored == 0;
    if (stored >= fraction_limits[stored_digits / 2])
        return false;
    put_digits(digits, &n, stored, stored_digits);
    out[(*len)++] = '.';
    memcpy(out + *len, digits, fsp);
    *len += fsp;
    return true;
}

static bool put_date(const struct clock_parts *t, char *out, size_t *len)
{
    if (t->year > 9999 || t->month > 12 || t->day > 31)
        return false;
    *len = 0;
    put_digits(out, len, t->year, 4);
    put_part(out, len, '-', t->month);
    put_part(out, len, '-', t->day);
    return true;
}

static bool put_datetime(const struct clock_parts *t, char *out, size_t *len)
{
    if (!put_date(t, out, len) || t->hour > 23 || t->minute > 59 || t->second > 59)
        return false;
    out[(*len)++] = ' ';
    put_clock(t, out, len);
    return true;
}

static struct clock_parts unpack(uint64_t v)
{
    uint64_t ym = v >> 22;

    return (struct clock_parts){(unsigned)(ym / 13),      (unsigned)(ym % 13),
                                (unsigned)(v >> 17 & 31), (unsigned)(v >> 12 & 31),
                                (unsigned)(v >> 6 & 63),  (unsigned)(v & 63)};
}

bool temporal_date(struct cursor *c, char *out, size_t *len)
{
    uint32_t v = cursor_u24(c);
    struct clock_parts t = {v >> 9, v >> 5 & 15, v & 31, 0, 0, 0};

    return !c->bad && put_date(&t, out, len);
}

bool temporal_datetime(struct cursor *c, unsigned fsp, char *out, size_t *len)
{
    uint64_t v = cursor_uint_be(c, 5);
    uint64_t fraction = cursor_uint_be(c, (fsp + 1) / 2);
    struct clock_parts t;

    if (c->bad || fsp > FSP_MAX || v < DATETIME_ZERO)
        return false;
    t = unpack(v - DATETIME_ZERO);
    return put_datetime(&t, out, len) && put_fraction(fraction, fsp, out, len);
}

/* Days since 1970-01-01 to a date of the proleptic Gregorian calendar. */
static void date_of_days(uint32_t days, struct clock_parts *t)
{
    uint32_t z = days + 719468;
    uint32_t era = z / 146097;
    uint32_t doe = z - era * 146097;
    uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    uint32_t mp = (5 * doy + 2) / 153;

    t->day = doy - (153 * mp + 2) / 5 + 1;
    t->month = mp < 10 ? mp + 3 : mp - 9;
    t->year = yoe + era * 400 + (t->month <= 2);
}

static bool put_seconds(uint32_t seconds, char *out, size_t *len)
{
    struct clock_parts t = {0, 0, 0, 0, 0, 0};

    if (seconds != 0) { /* 0 is MySQL's zero timestamp, not 1970 */
        date_of_days(seconds / 86400, &t);
        t.hour = seconds / 3600 % 24;
        t.minute = seconds / 60 % 60;
        t.second = seconds % 60;
    }
    return put_datetime(&t, out, len);
}

bool temporal_timestamp(struct cursor *c, unsigned fsp, char *out, size_t *len)
{
    uint32_t seconds = (uint32_t)cursor_uint_be(c, 4);
    uint64_t fraction = cursor_uint_be(c, (fsp + 1) / 2);

    if (c->bad || fsp > FSP_MAX)
        return false;
    return put_seconds(seconds, out, len) && put_fraction(fraction, fsp, out, len);
}

static bool put_time(uint64_t v, bool negative, char *out, size_t *len)
{
    struct clock_parts t = unpack(v);

    /* Hours take ten bits here: 838 is the last one. */
    t.hour = (unsigned)(v >> 12);
    if (v >> 12 > 838 || t.minute > 59 || t.second > 59)
        return false;
    *len = 0;
    if (negative)
        out[(*len)++] = '-';
    put_clock(&t, out, len);
    return true;
}

bool temporal_time(struct cursor *c, unsigned fsp, char *out, size_t *len)
{
    unsigned bits = (fsp + 1) / 2 * 8;
    int64_t v = (int64_t)cursor_uint_be(c, 3 + (fsp + 1) / 2);
    bool negative;
    uint64_t magnitude;

    if (c->bad || fsp > FSP_MAX)
        return false;
    v -= (int64_t)TIME_ZERO << bits;
    negative = v < 0;
    magnitude = negative ? (uint64_t)-v : (uint64_t)v;
    return put_time(magnitude >> bits, negative, out, len) &&
           put_fraction(magnitude & ((1u << bits) - 1), fsp, out, len);
}

static bool old_time(struct cursor *c, char *out, size_t *len)
{
    int32_t v = (int32_t)(cursor_u24(c) << 8) >> 8;
    unsigned a = (unsigned)(v < 0 ? -v : v);

    if (c->bad || a / 100 % 100 > 59 || a % 100 > 59)
        return false;
    return put_time((uint64_t)(a / 10000) << 12 | (a / 100 % 100) << 6 | a % 100, v < 0, out, len);
}

static bool old_datetime(struct cursor *c, char *out, size_t *len)
{
    uint64_t v = cursor_u64(c);
    uint64_t date = v / 1000000;
    unsigned time = (unsigned)(v % 1000000);
    struct clock_parts t = {0,
                            (unsigned)(date / 100 % 100),
                            (unsigned)(date % 100),
                            time / 10000,
                            time / 100 % 100,
                            time % 100};

    if (c->bad || date / 10000 > 9999)
        return false;
    t.year = (unsigned)(date / 10000);
    return put_datetime(&t, out, len);
}

bool temporal_old(struct cursor *c, uint8_t wire_type, char *out, size_t *len)
{
    uint32_t seconds;

    if (wire_type == WIRE_TIME)
        return old_time(c, out, len);
    if (wire_type == WIRE_DATETIME)
        return old_datetime(c, out, len);
    seconds = cursor_u32(c);
    return !c->bad && put_seconds(seconds, out, len);
}

bool temporal_packed(int64_t packed, uint8_t wire_type, char *out, size_t *len)
{
    bool negative = packed < 0;
    uint64_t v = negative ? -(uint64_t)packed : (uint64_t)packed;
    struct clock_parts t = unpack(v >> 24);

    if (wire_type == WIRE_TIME)
        return put_time(v >> 24, negative, out, len) &&
               put_fraction(v & 0xffffff, FSP_MAX, out, len);
    if (negative)
        return false;
    if (wire_type == WIRE_DATE)
        return put_date(&t, out, len);
    return put_datetime(&t, out, len) && put_fraction(v & 0xffffff, FSP_MAX, out, len);
}
