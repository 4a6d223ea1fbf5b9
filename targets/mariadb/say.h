/*
 * say.h - parts of MariaDB's dialect, within ddl*.c.
 */
#ifndef TARGETS_MARIADB_SAY_H
#define TARGETS_MARIADB_SAY_H

#include "targets/mariadb/ddl.h"

#define MARIADB_VECTOR 110700 /* first version with VECTOR */

struct say {
    const struct table *table;
    uint32_t version;
    struct notes *notes; /* may be NULL */
    struct err *err;
};

enum say_use { SAY_GENERATED, SAY_DEFAULT, SAY_CHECK };

/* Can MariaDB evaluate the expression, to the same value? */
bool say_can_evaluate(const char *expr, enum say_use use);
/* The expression with -> as function calls and with MariaDB's collation names. */
void say_expr(const struct say *s, struct buf *b, const char *expr);
/* Is the DEFAULT kept? */
bool say_keeps_default(const struct column *c);
/* name, type and attributes. auto_increment false: leave that attribute out. */
MUST_CHECK bool say_column(const struct say *s, struct buf *b, const struct column *c,
                           bool auto_increment);
/* "PRIMARY KEY (..)", "KEY `k` (..) IGNORED"... */
void say_key(struct buf *b, const struct key *k);
/* False for keys that MariaDB lacks: functional parts. */
bool say_has_key(const struct key *k);
bool say_has_check(const struct check *c);
void say_check(const struct say *s, struct buf *b, const struct check *c);
void say_fk(struct buf *b, const struct foreign_key *f);
/* DEFAULT CHARACTER SET .. COLLATE .. */
MUST_CHECK bool say_charset(const struct say *s, struct buf *b, const char *charset,
                            const char *collation, const char *what);
/* ENGINE, ROW_FORMAT, KEY_BLOCK_SIZE, COMMENT with a blank before each. */
void say_options(const struct say *s, struct buf *b);
void say_note_key(const struct say *s, const struct key *k);
void say_note_check(const struct say *s, const struct check *c);
/* Notes about a column: SRID, vector, plain, collation in a unique key. */
void say_note_column(const struct say *s, const struct column *c);
void say_note(const struct say *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
