/*
 * engine.h - what an engine implements so that a target can be it.
 *
 * The calls of target.h go through these tables; each slot keeps the contract of the call of
 * the same name. An engine embeds struct target as the first member of its own, is listed in
 * target.c, and passes tests/contract/. Tables and names that its slots get are the target's.
 */
#ifndef TARGETS_ENGINE_H
#define TARGETS_ENGINE_H

#include "schema/base/arena.h"
#include "targets/store/store.h"
#include "targets/target.h"

/* Units, load, and the rows of our own state (store.h). */
struct writer_ops {
    /* lane: what the unit does to our state in its own transaction, first where it begins, else
     * last; NULL: nothing. It and the unit live until the reap. */
    bool (*submit)(struct target *t, const struct unit *unit, const struct state_change *lane,
                   struct err *err);
    bool (*reap)(struct target *t, uint64_t *lsn, struct err *err);
    void (*rollback)(struct target *t);
    const struct table *(*failed_table)(const struct target *t);
    bool (*load_begin)(struct target *t, const struct table *table, struct err *err);
    bool (*load_row)(struct target *t, const struct value *row, struct err *err);
    /* The changes are the last of the rows' transaction. */
    bool (*load_end)(struct target *t, const struct state_change *changes, size_t n,
                     struct err *err);
    void (*load_abort)(struct target *t);
    /* Make the tables of our state that are missing, and add the columns that are younger than
     * this version (0: nothing is there yet). May be repeated. */
    bool (*state_make)(struct target *t, unsigned version, struct err *err);
    /*
     * Rows whose key begins with these values, in the order of their keys; columns younger than
     * `version` are absent. Fails with a reason "no_table" or "no_database" where there is no
     * state, "no_column" where it is older. fn must not use this target.
     */
    bool (*state_read)(struct target *t, enum state_id id, unsigned version,
                       const struct value *key, unsigned n_key, state_row_fn *fn, void *ctx,
                       struct err *err);
    /* In order, in one transaction of their own; all of them or none. */
    bool (*state_change)(struct target *t, const struct state_change *changes, size_t n,
                         struct err *err);
};

struct reader_ops {
    bool (*view_open)(struct target *t, struct err *err);
    bool (*view_close)(struct target *t, struct err *err);
    void (*columns)(const struct target *t, const struct table *table, bool *columns);
    bool (*read_rows)(struct target *t, const struct table *table, const struct selection *which,
                      bool order, uint64_t limit, target_value_fn *row, void *ctx, struct err *err);
    bool (*read_sums)(struct target *t, const struct table *table, const struct selection *which,
                      struct canon_sums *out, struct err *err);
    bool (*read_hashes)(struct target *t, const struct table *table, const struct selection *which,
                        canon_hash_fn *fn, void *ctx, struct err *err);
};

/* Databases, tables, keys, foreign keys, views, DDL units. */
struct definer_ops {
    bool (*create_database)(struct target *t, const char *db, const char *charset,
                            const char *collation, struct err *err);
    bool (*create_table)(struct target *t, const struct table *table, enum table_parts parts,
                         struct notes *notes, struct err *err);
    bool (*drop_table)(struct target *t, const char *db, const char *name, struct err *err);
    bool (*add_keys)(struct target *t, const struct table *table, struct notes *notes,
                     struct err *err);
    bool (*add_foreign_keys)(struct target *t, const struct table *table, struct err *err);
    bool (*weaker)(struct target *t, const struct table *table, struct notes *notes,
                   struct err *err);
    bool (*create_view)(struct target *t, const char *db, const char *name, const char *select_text,
                        struct notes *notes, struct err *err);
    bool (*table_exists)(struct target *t, const char *db, const char *name, bool *exists,
                         struct err *err);
    bool (*apply_ddl)(struct target *t, const struct ddl_unit *unit, struct notes *notes,
                      struct err *err);
};

struct target_ops {
    const char *engine; /* the name in the configuration */
    size_t size;        /* of the engine's struct; it begins zeroed */
    /* Connect to the permit's peer, confirm it with the guard, set the session up. After a
     * failure release is called too. */
    bool (*open)(struct target *t, struct err *err);
    void (*release)(struct target *t);
    bool (*keep)(struct target *t, struct err *err);
    bool (*check)(struct target *t, const struct target_needs *needs, target_finding_fn *fn,
                  void *ctx, struct err *err);
    const struct writer_ops *writer;
    const struct reader_ops *reader;
    const struct definer_ops *definer;
};

/* A unit from its submit to its reap. */
struct unit_in_flight {
    struct unit unit; /* in the target's names; what it points to is the arena's or borrowed */
    struct arena arena;
    struct state_change lane;
    const struct table **tables; /* pairs: the source's, the target's */
    size_t n_tables;
};

struct target {
    const struct target_ops *ops;
    struct target_config config; /* strings in arena */
    struct arena arena;
    struct guard *guard;
    struct permit permit;
    struct target_info info;
    struct { /* of the lane; epoch 0: this connection may change nothing of the state */
        char channel[TARGET_CHANNEL_MAX + 1];
        uint32_t lane;
        uint64_t epoch;
    } owner;
    /* Definitions under the target's names (schema/mapping/route.h), by how long they are used. */
    struct arena load_routes;        /* of the table under load */
    const struct table *load_source; /* that table; our own rows are kept by its name */
    struct unit_in_flight units[TARGET_IN_FLIGHT_MAX]; /* a ring */
    size_t first_unit, n_units;
    struct unit_in_flight *failed;    /* the last unit, if it failed */
    uint64_t submitted, acknowledged; /* LSN of the lane: sent, and known to be committed */
};

#endif
