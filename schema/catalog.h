/*
 * catalog.h - which table definition holds now, at the position that the owner is at.
 *
 * The owner walks the history forward: it loads definitions once and then applies each DDL
 * statement in order. Definitions stay alive until the catalogue is freed, also after DDL
 * replaced them, so that changes decoded earlier may keep their pointers. Not for threads.
 */
#ifndef SCHEMA_CATALOG_H
#define SCHEMA_CATALOG_H

#include "schema/change.h"
#include "schema/table.h"

struct catalog;

struct catalog *catalog_new(void);
void catalog_free(struct catalog *c);
/* Takes ownership of t; replaces a table of the same name. */
void catalog_put(struct catalog *c, struct table *t);
void catalog_remove(struct catalog *c, const char *db, const char *name);
const struct table *catalog_get(const struct catalog *c, const char *db, const char *name);
/* All live tables in order of (db, name); free(*out), not the tables. */
size_t catalog_tables(const struct catalog *c, const struct table ***out);
/* Default character set and collation of a database (for CREATE TABLE without one). */
void catalog_put_database(struct catalog *c, const char *db, const char *charset,
                          const char *collation);
void catalog_remove_database(struct catalog *c, const char *db); /* and its tables */
bool catalog_database(const struct catalog *c, const char *db, const char **charset,
                      const char **collation);
size_t catalog_databases(const struct catalog *c, const char ***names); /* free(*names) */
/* Tables with a foreign key onto db.name, in order of (db, name); borrowed until the catalogue
 * changes. */
size_t catalog_children(const struct catalog *c, const char *db, const char *name,
                        const struct table *const **out);
/* Grows with each change of a table: what was derived from the catalogue holds until then. */
uint64_t catalog_version(const struct catalog *c);

#endif
