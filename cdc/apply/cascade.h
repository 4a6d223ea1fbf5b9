/*
 * cascade.h - a verdict of schema/cascade.h, performed: which statements on which tables follow.
 *
 * Down the tree, in order. A level whose own children follow is read first (it holds what the
 * source held, or the chain would be broken), its rows are changed, then they are the parents
 * of the next level; so cycles and self-references end, since each row is gone before its
 * children are looked for. A level without such children is one statement.
 */
#ifndef CDC_APPLY_CASCADE_H
#define CDC_APPLY_CASCADE_H

#include "schema/base/arena.h"
#include "schema/cascade.h"
#include "targets/target.h"

#define CASCADE_DEPTH_MAX 64     /* InnoDB itself stops at 15 */
#define CASCADE_ROWS_MAX 1000000 /* read for one parent row and one child table */

/* What the run needs from its owner. */
struct cascade_runner {
    void *ctx;
    struct cascade *cascade;
    struct arena *arena; /* rows and operations live here until the owner has sent them */
    cascade_standing_fn *standing;
    /* Append an operation. */
    bool (*emit)(void *ctx, const struct op *op, struct err *err);
    /* All rows of child whose foreign key equals the parent's image, with everything emitted so
     * far applied; in the arena. */
    bool (*read)(void *ctx, const struct table *child, const struct foreign_key *fk,
                 const struct table *parent, const struct value *image, const struct value ***rows,
                 size_t *n, struct err *err);
};

/* Emit what follows from the change, whose chain is not broken; the change itself is the
 * owner's. Its images must live as long as the arena. */
MUST_CHECK bool cascade_run(const struct cascade_runner *r, const struct change *change,
                            struct err *err);

#endif
