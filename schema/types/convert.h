/*
 * convert.h - text in a character set of MySQL to UTF-8, as MySQL itself would convert it.
 */
#ifndef SCHEMA_TYPES_CONVERT_H
#define SCHEMA_TYPES_CONVERT_H

#include "schema/base/buf.h"
#include "schema/base/bytes.h"

/*
 * Append `text` as UTF-8. False: the character set is none that is read here, or a byte makes no
 * character in it; then what was appended has a ? for each byte that was not read.
 */
bool charset_to_utf8(const char *charset, struct bytes text, struct buf *out);

#endif
