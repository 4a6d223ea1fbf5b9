/*
 * types.h - one row per source type and per collation: what it becomes on each target.
 *
 * Sources: types-and-ddl.md A.2 (collations), A.3 (types), binlog.md 8 (wire types).
 */
#ifndef SCHEMA_TYPES_TYPES_H
#define SCHEMA_TYPES_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/table.h"

/* Collation number (as in binlog metadata) to names; false if unknown. */
bool collation_by_id(uint32_t id, const char **charset, const char **collation);
/* Character set of a collation name ("latin1_bin" gives "latin1"), NULL if unknown. */
const char *collation_charset(const char *collation);
/* The server's own spelling of a name given in any case ("UTF8" gives "utf8mb3"), or NULL. */
const char *charset_name(const char *charset);
const char *collation_name(const char *collation);
/* Default collation of a character set on MySQL 8+ ("utf8mb4_0900_ai_ci"), NULL if unknown. */
const char *charset_default_collation(const char *charset);
/* Bytes per character at most: latin1 1, utf8mb4 4...; 0 if unknown. */
unsigned charset_mbmaxlen(const char *charset);
/*
 * May a quoted literal in this character set be written byte by byte into a utf8mb4
 * statement (no byte of a multi-byte character is a quote, backslash or ASCII)?
 */
bool charset_ascii_safe(const char *charset);

/*
 * The MariaDB name of a MySQL collation for a server version (101100 = 10.11.0); *differs is
 * set when order or equality may differ there. NULL: no counterpart (gb18030).
 */
const char *collation_for_mariadb(const char *collation, uint32_t version, bool *differs);

#endif
