/*
 * cascade.h - what follows by foreign keys from a change that the source's engine did not log.
 *
 * An engine that cascades by itself writes the parent's change to the binlog and not a word of
 * what it did to the children. Here is the one answer to what that was: for load, which must
 * know what a view's window cannot be trusted for; for apply, which does the same on the target;
 * for validate. It knows definitions only, and is told how each table stands.
 *
 * A cascade may be performed on a table only when that table and all tables on the way to it
 * hold exactly what the source held before the change: a level whose rows are not known hides
 * which rows of the next level are meant. Whatever else it reaches cannot be kept exact by any
 * statement: the chain is broken there, and the table must be loaded anew or stopped.
 *
 * What was found out about a table is kept until the catalogue changes, verdicts until the owner
 * says that tables stand otherwise. Not for threads.
 */
#ifndef SCHEMA_CASCADE_H
#define SCHEMA_CASCADE_H

#include "schema/base/arena.h"
#include "schema/base/map.h"
#include "schema/catalog.h"
#include "schema/change.h"

/* One foreign key that acts: rows of child that refer to a parent row which went, or whose
 * referenced columns changed. */
struct cascade_step {
    const struct table *child;
    const struct foreign_key *fk; /* of child */
    enum fk_action action;        /* FK_CASCADE or FK_SET_NULL */
    bool removes;                 /* the child's rows go; else columns of fk change */
    /* private: */
    uint64_t walk[2];
    uint64_t judged;
    int verdict;
};

struct cascade {
    const struct catalog *catalog;
    uint64_t version;    /* of the catalogue, that the rest was derived from */
    struct map families; /* table pointer: struct family */
    struct arena arena;
    uint64_t walks;
    uint64_t standings;
    uint32_t ranks;
};

/* How a table stands at the place of the change. */
enum cascade_standing {
    CASCADE_EXACT, /* it holds what the source held: cascades are performed on it */
    CASCADE_OPEN,  /* followed, but inside its load's window: nothing is known of its rows */
    CASCADE_AWAY,  /* not followed here: not copied, stopped, waiting, or read at a later place */
};
typedef enum cascade_standing cascade_standing_fn(void *ctx, const struct table *t);

enum cascade_verdict {
    CASCADE_NONE,      /* nothing that is followed is touched */
    CASCADE_STATEMENT, /* statements named by the parent's image alone */
    CASCADE_READING,   /* rows of some level must be read to know the next one's */
    CASCADE_BROKEN,    /* reaches a table on which it cannot be performed */
};

/* A zeroed struct is ready for cascade_bind(). */
void cascade_release(struct cascade *c);
/* catalog is borrowed. What was kept is forgotten. */
void cascade_bind(struct cascade *c, const struct catalog *catalog);
/* Tables stand otherwise than before: verdicts are found anew. */
void cascade_restand(struct cascade *c);

/* May the change have had effects that no event tells? By its kind and flags alone. */
bool cascade_is_unlogged(const struct change *change);

/*
 * The steps of a parent row that went from before to after (NULL: deleted), one a call, NULL at
 * the end: for (size_t i = 0; (s = cascade_next(c, parent, before, after, &i)) != NULL;)
 */
const struct cascade_step *cascade_next(struct cascade *c, const struct table *parent,
                                        const struct value *before, const struct value *after,
                                        size_t *i);

/* The verdict on an unlogged change. */
enum cascade_verdict cascade_judge(struct cascade *c, const struct change *change,
                                   cascade_standing_fn *standing, void *ctx);
/* Must the child's rows be read before the step is performed? By definition, not by rows. */
bool cascade_reads(struct cascade *c, const struct cascade_step *step,
                   cascade_standing_fn *standing, void *ctx);
/* Of a broken chain: each table that it cannot be performed on, perhaps more than once, with the
 * table on the way whose rows are not known (itself, when it is inside its window). */
typedef void cascade_broken_fn(void *ctx, const struct table *t, const struct table *by);
void cascade_breaks(struct cascade *c, const struct change *change, cascade_standing_fn *standing,
                    cascade_broken_fn *broken, void *ctx);
/* The same for any change that may ever come, by definitions. */
void cascade_breaks_ever(struct cascade *c, cascade_standing_fn *standing,
                         cascade_broken_fn *broken, void *ctx);

/* Does the change reach, directly or on the way, a table for which `is` holds? */
typedef bool cascade_is_fn(void *ctx, const struct table *t);
bool cascade_reaches(struct cascade *c, const struct change *change, cascade_is_fn *is, void *ctx);
/* May any change of `parent` ever do so? */
bool cascade_may_reach(struct cascade *c, const struct table *parent, cascade_is_fn *is, void *ctx);

/* May a cascade ever touch rows of the table? */
bool cascade_may_touch(const struct table *t);
/* Parents before children; equal for tables that reach each other. */
uint32_t cascade_rank(struct cascade *c, const struct table *t);

#endif
