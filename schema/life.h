/*
 * life.h - a table's life in the copy: its states, what may happen to it, and what it becomes.
 *
 * One table of transitions (life.c) is the only answer to "what is it now?": nobody sets a
 * state by hand. The README shows it under "A table's life", and a test compares the two.
 */
#ifndef SCHEMA_LIFE_H
#define SCHEMA_LIFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/buf.h"

/* The numbers stand in the target's state rows: none is ever used anew. */
enum table_life {
    TABLE_UNKNOWN = 0, /* there is no row */
    TABLE_WAIT = 1,    /* not on the target, or to be loaded anew */
    TABLE_LOAD = 2,    /* chunks being copied; row key only */
    TABLE_COLLAPSE,    /* all chunks in; changes in (lo, hi] heal, then STRICT */
    TABLE_STRICT,      /* equals the source at the lane's position */
    TABLE_STOPPED,     /* a value or statement could not be carried: see reason */
    TABLE_DROPPED,     /* gone on the source; the target has nothing of ours by this name */
    TABLE_OUT,         /* not in the mapping any more: what the target has is of the past */
    TABLE_LIVES,       /* how many */
};

enum life_event {
    LIFE_FOUND,    /* load: the source has it and the mapping wants it */
    LIFE_BEGUN,    /* load: made empty on the target, its chunks planned */
    LIFE_COPIED,   /* load: every chunk is in */
    LIFE_HEALED,   /* load: its rows are those of one place, its keys are made */
    LIFE_REFUSED,  /* load: it cannot be loaded */
    LIFE_CREATED,  /* lane: CREATE TABLE, or renamed to this name from one that is followed */
    LIFE_ALTERED,  /* lane: another definition under the same name, followed by the target */
    LIFE_CHANGED,  /* load, lane: another definition, under a load */
    LIFE_REPLACED, /* lane: what has this name now must come from the source */
    LIFE_LEFT,     /* lane: dropped, or renamed to another name */
    LIFE_FAILED,   /* lane: the target refused a row, a count or a statement */
    LIFE_EXCLUDED, /* the mapping does not want it any more */
    LIFE_EVENTS,   /* how many */
};

/*
 * The state after an event. False, and *life as it was, when that cannot happen in that state:
 * a bug of ours or rows that somebody else wrote. The caller stops the table then.
 */
bool life_next(enum table_life *life, enum life_event event);

/* What a row of the target's state says; TABLE_UNKNOWN for no number of ours. */
enum table_life life_of_number(uint64_t number);
const char *life_name(enum table_life life); /* "wait", "load", ... */
const char *life_event_name(enum life_event event);
/* The transition table as text, one line each: from, event, to, why. */
void life_print(struct buf *out);

#endif
