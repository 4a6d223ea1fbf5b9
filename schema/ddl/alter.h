/*
 * alter.h - the workshop where a definition and a list of specs become the next definition.
 *
 * The rules are MySQL's, found by running it: DROP and CHANGE look up old names, FIRST and
 * AFTER new ones, specs act in written order, renames are simultaneous.
 */
#ifndef SCHEMA_DDL_ALTER_H
#define SCHEMA_DDL_ALTER_H

#include "schema/ddl/parse.h"

struct slot {
    struct column column;
    const char *old;          /* name before the statement; NULL for an added column */
    const struct column *was; /* the definition before, NULL for an added one */
    struct default_clause dflt;
    bool has_dflt; /* dflt is to be resolved */
    bool changed;  /* by CHANGE or MODIFY */
};

struct builder {
    struct statement *st;
    const struct table *before; /* NULL for CREATE TABLE */
    const struct alter_env *env;
    struct table *t; /* being made; its arena owns all results */
    struct err *err;
    struct slot *slots;
    uint32_t n_slots;
    uint32_t cap_slots;
};

/* alter_columns.c: the slots in their new order, types resolved, defaults not yet. */
MUST_CHECK bool build_columns(struct builder *b);
/* alter_keys.c: keys, then what they ask of columns; foreign keys; checks. */
MUST_CHECK bool build_keys(struct builder *b);
MUST_CHECK bool build_constraints(struct builder *b);

/* The slot of a column by its new name, or NULL. */
struct slot *find_slot(struct builder *b, const char *name);
/* The name now of a column of the old definition; NULL if it was dropped. */
const char *renamed_column(const struct builder *b, const char *old);
bool builder_fail(struct builder *b, const char *what, const char *name);

#endif
