/*
 * ddl.h - definitions of MySQL said in MariaDB's dialect. Pure: text in, text out.
 *
 * Everything is said anew from the model, nothing is forwarded: a verbatim statement would
 * change its meaning in silence (types-and-ddl.md 0.5, A.3). Statements are for sessions with
 * NAMES utf8mb4, foreign_key_checks=0, check_constraint_checks=0 and a sql_mode without
 * NO_ZERO_DATE, ANSI_QUOTES and NO_BACKSLASH_ESCAPES.
 *
 * What is weaker on MariaDB or missing there becomes a line in `notes` (NULL: not wanted):
 * functional keys and keys that MariaDB lacks are left out, checks that are not enforced or
 * not sayable too, SRIDs are kept in the values only, collations have a twin. The target is
 * never stricter than the source.
 *
 * Generated columns stay generated where both servers compute the same; else they are plain
 * columns that the writer fills from the row images.
 */
#ifndef TARGETS_MARIADB_DDL_H
#define TARGETS_MARIADB_DDL_H

#include "schema/ddl/ddl.h"
#include "targets/target.h"

/* A generated column of the source that is an ordinary one on MariaDB. */
bool mariadb_column_is_plain(const struct table *t, const struct column *c);
/* Does the writer give this column a value? */
static inline bool mariadb_column_is_written(const struct table *t, const struct column *c)
{
    return !column_is_generated(c) || mariadb_column_is_plain(t, c);
}

/*
 * CREATE TABLE. TABLE_ROW_KEY_ONLY: columns and row key, for the load; TABLE_WITH_KEYS: also
 * the secondary keys. Foreign keys and checks: checks always, foreign keys never.
 * Fails with ERR_DATA "charset_unsupported", naming the column and the remedy.
 */
MUST_CHECK bool mariadb_put_create(const struct table *t, uint32_t version, enum table_parts parts,
                                   struct buf *out, struct notes *notes, struct err *err);
/* One ALTER TABLE with all secondary keys (and AUTO_INCREMENT if it had to wait for one);
 * nothing is put when there are none. */
MUST_CHECK bool mariadb_put_add_keys(const struct table *t, uint32_t version, struct buf *out,
                                     struct notes *notes, struct err *err);
/* One ALTER TABLE with all foreign keys; nothing is put when there are none. */
void mariadb_put_add_fks(const struct table *t, struct buf *out);
MUST_CHECK bool mariadb_put_create_database(const char *db, const char *charset,
                                            const char *collation, uint32_t version,
                                            struct buf *out, struct err *err);

/*
 * The statements for one DDL of the queue, in order; memory in the arena, *n may be 0. DROP
 * DATABASE drops the tables of its effects; the database itself stays, it may hold more.
 * Fails with ERR_DATA: "charset_unsupported"; "ddl_reload" when MariaDB cannot compute what
 * the rows hold after the statement, so that the table has to be loaded anew.
 */
MUST_CHECK bool mariadb_ddl_statements(const struct ddl *ddl, uint32_t version, struct arena *arena,
                                       const char ***sql, size_t *n, struct notes *notes,
                                       struct err *err);
/* The ALTER TABLE part of it; *out stays empty when nothing changes on MariaDB. */
MUST_CHECK bool mariadb_put_alter(const struct ddl *ddl, uint32_t version, struct buf *out,
                                  struct notes *notes, struct err *err);

#endif
