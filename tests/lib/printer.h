/*
 * printer.h - a decode sink that writes what it is told as lines of JSON.
 *
 * Values are strings with their kind before a colon: i, u, f, d (hexadecimal floats), n
 * (decimal), t (temporal), s (text) and b (bytes) in hex, j (JSON text), or null.
 */
#ifndef TESTS_LIB_PRINTER_H
#define TESTS_LIB_PRINTER_H

#include "cdc/decode/decode.h"
#include "schema/base/buf.h"
#include "schema/table.h"

#define PRINTER_TABLES_MAX 64

struct printer {
    struct buf out;
    const struct table *tables[PRINTER_TABLES_MAX]; /* borrowed; others are not wanted */
    size_t n_tables;
    bool maps; /* print each table map that is resolved */
};

struct decode_sink printer_sink(struct printer *p);
void printer_put_value(struct buf *b, const struct value *v);

#endif
