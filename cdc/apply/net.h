/*
 * net.h - what a run of changes comes to, per row.
 *
 * Keys are compared by bytes: 'A' and 'a' are two rows here, of which the source lets at most
 * one live; since deletes run first the result is right (algorithms.md 3.3). A change of key
 * is a delete and an insert. Rows of tables without a row key are counted as a multiset.
 * Images are copied into the arena that net_init was given; operations point into it.
 */
#ifndef CDC_APPLY_NET_H
#define CDC_APPLY_NET_H

#include "schema/base/arena.h"
#include "schema/base/buf.h"
#include "schema/base/map.h"
#include "schema/change.h"
#include "targets/target.h"

enum net_mode {
    NET_STRICT, /* images say what exists: counts will be checked */
    NET_HEAL,   /* remove every key named, put its last state */
};

/* Operations in the order in which they must run; rows live in the group's arena. */
struct op_list {
    struct op *ops;
    size_t n, cap;
    size_t rows; /* in all ops together */
};

void op_list_add(struct op_list *list, const struct op *op);
void op_list_reset(struct op_list *list);
void op_list_release(struct op_list *list);

struct net {
    struct arena *arena; /* borrowed */
    struct map tables;   /* "db\0name" -> struct net_table, in the arena */
    struct buf key;
    size_t rows;         /* net rows held */
    uint64_t minus_zero; /* -0.0 in rows given to net_flush so far; the owner resets it */
};

void net_init(struct net *n, struct arena *arena);
void net_release(struct net *n);
/* Forget everything; call it together with the arena's reset. */
void net_reset(struct net *n);

/*
 * Take one change in; images are copied. Fails with ERR_DATA reason "row_count" when the
 * changes contradict each other (NET_STRICT): an insert of a living row, a delete of a dead one.
 */
MUST_CHECK bool net_add(struct net *n, const struct change *change, enum net_mode mode,
                        struct err *err);
/* Is there any pending row of this table? */
bool net_has(const struct net *n, const char *db, const char *name);
/* Turn all pending rows into operations at the end of the list, and forget them. */
void net_flush(struct net *n, struct op_list *out);

/* A copy of a full image in the arena. */
const struct value *net_copy_row(struct arena *a, const struct table *t, const struct value *row);

#endif
