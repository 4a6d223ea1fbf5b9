/*
 * pattern.h - patterns of one name, matched by characters of UTF-8. Private to the room.
 */
#ifndef SCHEMA_MAPPING_PATTERN_H
#define SCHEMA_MAPPING_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#include "schema/base/arena.h"
#include "schema/base/err.h"

enum pattern_syntax {
    PATTERN_NATIVE, /* * and % any run, ? one character */
    PATTERN_DMS,    /* % any run, _ one character, [ab] a set, [a-d] a range: [_] and [%] are
                       themselves */
    PATTERN_EXACT,  /* no wildcard */
};

struct pattern_item;

struct pattern {
    const struct pattern_item *items; /* in the arena it was made in */
    size_t n;
};

/* Fails with ERR_CONFIG "bad_rule": a set that is empty, negated or not closed. */
MUST_CHECK bool pattern_make(struct arena *arena, const char *text, size_t len,
                             enum pattern_syntax syntax, struct pattern *out, struct err *err);
bool pattern_matches(const struct pattern *p, const char *name);

#endif
