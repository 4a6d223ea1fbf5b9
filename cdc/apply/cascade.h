/*
 * cascade.h - foreign-key cascades that the source's engine did and did not log.
 *
 * For one change of a parent row: which statements on which child tables follow, in order,
 * down the tree. A level whose own children may cascade is read from the target first (it
 * equals the source there), its rows are changed, then they are the parents of the next
 * level; so cycles and self-references end, since each row is gone before its children are
 * looked for. A level without such children is one statement.
 */
#ifndef CDC_APPLY_CASCADE_H
#define CDC_APPLY_CASCADE_H

#include "schema/base/arena.h"
#include "schema/catalog.h"
#include "schema/change.h"
#include "targets/target.h"

#define CASCADE_DEPTH_MAX 64     /* InnoDB itself stops at 15 */
#define CASCADE_ROWS_MAX 1000000 /* read for one parent row and one child table */

/* What the planner needs from its owner. */
struct cascade_env {
    void *ctx;
    const struct catalog *catalog;
    struct arena *arena; /* rows and operations live here until the owner has sent them */
    /* Is this child table followed at this place? */
    bool (*follows)(void *ctx, const struct table *child);
    /* Append an operation. */
    bool (*emit)(void *ctx, const struct op *op, struct err *err);
    /* All rows of child whose foreign key equals the parent's image, with everything emitted so
     * far applied; in the arena. */
    bool (*read)(void *ctx, const struct table *child, const struct foreign_key *fk,
                 const struct table *parent, const struct value *image, const struct value ***rows,
                 size_t *n, struct err *err);
};

/* Does a change of this table ever cascade? Cheap filter for the owner, by definition only. */
bool cascade_possible(const struct cascade_env *env, const struct table *parent);
/* Does this change cascade? */
bool cascade_applies(const struct cascade_env *env, const struct change *change);
/* May a cascade from `parent` reach a table for which `pending` is true? */
bool cascade_reaches(const struct cascade_env *env, const struct table *parent,
                     bool (*pending)(void *ctx, const struct table *child), void *ctx);
/* Emit what follows from the change; the change itself is the owner's. */
MUST_CHECK bool cascade_run(const struct cascade_env *env, const struct change *change,
                            struct err *err);

#endif
