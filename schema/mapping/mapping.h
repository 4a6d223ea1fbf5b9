/*
 * mapping.h - which source table goes where under which name: the only answer to it. Pure.
 *
 * A mapping is made once, from the "tables" section of the configuration, and never changes.
 * It answers two questions about a name on the source: is it copied, and what is it called on
 * the target. System databases are never copied. NULL stands for the mapping without rules:
 * everything else is copied under its own name.
 *
 * The section has one of two forms.
 *
 *   {"include": ["shop.*"], "exclude": ["shop.tmp_%"], "rename": {"shop": "copy", "shop.a":
 * "shop.b"}}
 *
 *     Patterns are database.table; * and % stand for any run of characters, ? for one. Without
 *     include everything is copied; exclude wins. Names in rename are exact: a database, or a
 *     database.table that then goes to the full name given, whatever its database is renamed to.
 *
 *   {"rules": [...]}   an AWS DMS table-mapping document, see dms.c for what is understood
 *
 * Names compare by their bytes, as MySQL's do.
 */
#ifndef SCHEMA_MAPPING_MAPPING_H
#define SCHEMA_MAPPING_MAPPING_H

#include "schema/base/arena.h"
#include "schema/base/json.h"
#include "schema/base/map.h"
#include "schema/table.h"

#define MAPPING_NAME_SIZE (4 * NAME_CHARS_MAX + 1) /* bytes of a name in UTF-8, with its NUL */

struct mapping;

struct mapped_name {
    char db[MAPPING_NAME_SIZE];
    char name[MAPPING_NAME_SIZE];
};

/*
 * tables: the section as parsed; borrowed for the call. Free with mapping_free. Fails with
 * ERR_CONFIG; reason "rule_not_supported" (rule id and action named) for a part of a DMS
 * document that has no equal here, "bad_rule" for one that DMS would not accept either.
 */
MUST_CHECK bool mapping_parse(const cJSON *tables, struct mapping **out, struct err *err);
void mapping_free(struct mapping *m);

bool mapping_is_system(const char *db); /* a database of the server itself */

/* Is this table or view of the source copied? */
bool mapping_wants(const struct mapping *m, const char *db, const char *name);
/* Can a name on the target differ from the one on the source? */
bool mapping_renames(const struct mapping *m);

/*
 * The name on the target, whether or not the table is copied. Fails with ERR_CONFIG reason
 * "mapping_name": two rules that rename the same object (both ids named), or a result that
 * is empty, longer than 64 characters or in a system database.
 */
MUST_CHECK bool mapping_name(const struct mapping *m, const char *db, const char *name,
                             struct mapped_name *out, struct err *err);
/* What becomes of a database's name alone: of tables that no table rule names. */
MUST_CHECK bool mapping_database(const struct mapping *m, const char *db,
                                 char out[MAPPING_NAME_SIZE], struct err *err);

/* The section again, as compact JSON: mapping_parse() of it gives an equal mapping. */
const char *mapping_text(const struct mapping *m);

/*
 * Names that are to be copied, one after the other: no two may land on one name, none in a
 * database that is kept for the tool. Fails with ERR_CONFIG "mapping_conflict" and both source
 * names, or as mapping_name().
 */
struct landing {
    const struct mapping *mapping;
    const char *reserved_db; /* the state schema, or NULL */
    struct map taken;        /* target name to source name */
    struct arena arena;
};
MUST_CHECK bool landing_add(struct landing *l, const char *db, const char *name, struct err *err);
void landing_release(struct landing *l);

#endif
