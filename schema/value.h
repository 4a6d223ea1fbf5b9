/*
 * value.h - one column value, exact, free of any server's wire format.
 *
 * A value says what it is by its kind; the column definition (table.h) says how to read it.
 * Text stays in the bytes and the character set of the source column. Pointers are
 * borrowed: they live as long as the arena, event or record that the value came from.
 */
#ifndef SCHEMA_VALUE_H
#define SCHEMA_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/arena.h"
#include "schema/base/bytes.h"

enum value_kind {
    VALUE_NULL = 0,
    VALUE_INT = 1,      /* i: signed integers of all sizes */
    VALUE_UINT = 2,     /* u: unsigned integers; YEAR (0 or 1901..2155); BIT (its bits);
                           ENUM (index from 1, 0 = the error value ''); SET (bit 0 = first) */
    VALUE_FLOAT = 3,    /* f */
    VALUE_DOUBLE = 4,   /* d */
    VALUE_DECIMAL = 5,  /* b: ASCII, [-]digits[.digits], exactly the column's scale, no
                           leading zeros but one before the point, never "-0" */
    VALUE_TEMPORAL = 6, /* b: ASCII as MySQL prints it with the column's fraction digits:
                           YYYY-MM-DD, [-]H{2,3}:MM:SS[.f], YYYY-MM-DD HH:MM:SS[.f];
                           TIMESTAMP in UTC; zero and partial dates as they are */
    VALUE_TEXT = 7,     /* b: bytes in the column's character set */
    VALUE_BYTES = 8,    /* b: BINARY(n) padded with 00 to n, VARBINARY, BLOB; GEOMETRY as u32 LE
                           SRID + WKB; VECTOR as float32 LE */
    VALUE_JSON = 9,     /* b: UTF-8 text exactly as MySQL's CAST(c AS CHAR) prints it */
    VALUE_ABSENT = 10,  /* the image did not carry this column */
};

struct value {
    enum value_kind kind;
    union {
        int64_t i;
        uint64_t u;
        double d;
        float f;
        struct bytes b;
    };
};

/* Same kind and same bits (floats by bits; -0.0 differs from 0.0). */
bool value_equal(const struct value *a, const struct value *b);

/* A copy whose bytes live in the arena. */
struct value value_copy(struct arena *a, const struct value *v);

/* Append a self-delimiting byte form (kind, length, bytes) usable as a hash-map key. */
struct buf;
void value_put_key(struct buf *b, const struct value *v);
/* And back: the value borrows the bytes; a form that is none sets c->bad. */
struct cursor;
struct value value_take_key(struct cursor *c);

#endif
