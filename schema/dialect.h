/*
 * dialect.h - in whose tongue a statement speaks: flavour and version of a server, and those of
 * its settings that change what a statement means.
 */
#ifndef SCHEMA_DIALECT_H
#define SCHEMA_DIALECT_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/arena.h"
#include "schema/base/err.h"

enum flavour { FLAVOUR_MYSQL, FLAVOUR_MARIADB };

/* How a server holds names of databases and tables: its lower_case_table_names. */
enum name_case { NAMES_AS_WRITTEN = 0, NAMES_LOWERED = 1, NAMES_KEPT = 2 };

struct dialect {
    enum flavour flavour;
    uint32_t version;              /* 90704 = 9.7.4; 0 unknown */
    const char *utf8mb4_collation; /* of CHARACTER SET utf8mb4 without COLLATE; static */
    enum name_case names;          /* NAMES_KEPT: held as written, compared lowered */
    bool explicit_defaults_for_timestamp;
};

/* The defaults of a server from its @@version ("9.7.4-log", "5.5.5-10.11.19-MariaDB"); its
 * settings are the caller's to fill in. */
struct dialect dialect_of_version(const char *version);
/* MySQL 9 with its defaults: the tongue of definitions as they lie in queue and target state. */
const struct dialect *dialect_canonical(void);
/*
 * Can a server of this kind be a source? The only place that knows. Fails with ERR_SERVER, reason
 * "mariadb_source", "old_source" or "name_case"; version: the server's own text, for the message.
 */
MUST_CHECK bool dialect_check_source(const struct dialect *d, const char *version, struct err *err);
/* The name of a database or table as this server holds it; lives in the arena or is `name`. */
const char *dialect_name(const struct dialect *d, struct arena *arena, const char *name);

#endif
