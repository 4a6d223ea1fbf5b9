/*
 * json.h - strict reading of JSON text through cJSON.
 *
 * cJSON cuts strings at a NUL and keeps numbers as doubles, so this door refuses a NUL,
 * escaped (\u0000) or raw, before it parses, refuses duplicate keys and trailing text, and
 * gives 64-bit integers as they are written.
 */
#ifndef SCHEMA_BASE_JSON_H
#define SCHEMA_BASE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/bytes.h"
#include "schema/base/err.h"

#define JSON_COMMENTS 1 /* accept // and C comments and trailing commas (configuration files) */

#define JSON_BYTES_MAX ((size_t)64 << 20)
#define JSON_DEPTH_MAX 100

/*
 * Parse text (need not end in NUL). Free *out with cJSON_Delete.
 * Fails with ERR_CONFIG and reason bad_json (or duplicate_key), naming line and column.
 */
MUST_CHECK bool json_parse(struct bytes text, unsigned flags, cJSON **out, struct err *err);

/*
 * A number of a tree that json_parse made, exactly: false when item is none, is -0, has a
 * fraction or an exponent, or does not fit. (Such an item holds its digits in valuestring, too.)
 */
MUST_CHECK bool json_uint64(const cJSON *item, uint64_t *out);

/* Append s as a JSON string with quotes; s is UTF-8 (invalid bytes become U+FFFD). */
struct buf;
void json_put_string(struct buf *b, struct bytes s);
void json_put_cstr(struct buf *b, const char *s); /* NULL gives null */

#endif
