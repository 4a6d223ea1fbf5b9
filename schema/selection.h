/*
 * selection.h - which rows of a table are asked for, in values, free of any server's text.
 *
 * All conditions that are given hold together; a zeroed selection is all rows. Values are
 * borrowed for the call. Order and equality are the table's own: those of its collations.
 */
#ifndef SCHEMA_SELECTION_H
#define SCHEMA_SELECTION_H

#include "schema/table.h"
#include "schema/value.h"

struct selection {
    /* A range of the row key: n_row_key values each, in the order of the row key. */
    const struct value *low;  /* inclusive; NULL: open */
    const struct value *high; /* exclusive; NULL: open */
    /* Rows by their row keys: full-width rows in which the key's columns are filled. */
    const struct value *const *keys; /* NULL: no such condition */
    size_t n_keys;                   /* at least 1 if there is one */
    /* Columns that equal these values; a NULL among them equals nothing. */
    const uint32_t *columns;
    const struct value *values;
    uint32_t n_columns;
};

static inline bool selection_is_all(const struct selection *s)
{
    return !s || (!s->low && !s->high && !s->keys && !s->n_columns);
}

#endif
