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
#include "targets/target.h"

/* Units, load, and the rows of our own state. */
struct writer_ops {
    bool (*submit)(struct target *t, const struct unit *unit, struct err *err);
    bool (*reap)(struct target *t, uint64_t *lsn, struct err *err);
    void (*rollback)(struct target *t);
    const struct table *(*failed_table)(const struct target *t);
    bool (*load_begin)(struct target *t, const struct table *table, struct err *err);
    bool (*load_row)(struct target *t, const struct value *row, struct err *err);
    bool (*load_end)(struct target *t, const char *channel, const struct chunk_state *chunk,
                     struct err *err);
    void (*load_abort)(struct target *t);
    bool (*state_exists)(struct target *t, bool *exists, struct err *err);
    bool (*state_init)(struct target *t, struct err *err);
    bool (*lane_read)(struct target *t, const char *channel, uint32_t lane, bool *exists,
                      struct lane_state *out, struct err *err);
    bool (*take_over)(struct target *t, const char *channel, uint32_t lane,
                      const uint8_t queue_uuid[16], struct lane_state *out, struct err *err);
    bool (*tables_read)(struct target *t, const char *channel, struct table_state **out, size_t *n,
                        struct err *err);
    bool (*table_save)(struct target *t, const char *channel, const struct table_state *state,
                       struct err *err);
    bool (*tables_save)(struct target *t, const char *channel,
                        const struct table_state *const *states, size_t n, struct err *err);
    bool (*table_forget)(struct target *t, const char *channel, const char *db, const char *name,
                         struct err *err);
    bool (*chunks_read)(struct target *t, const char *channel, const char *db, const char *name,
                        struct chunk_state **out, size_t *n, struct err *err);
    bool (*chunks_plan)(struct target *t, const char *channel, const char *db, const char *name,
                        const struct chunk_state *chunks, size_t n, struct err *err);
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
    bool (*ddl_begun)(struct target *t, uint64_t lsn, bool *begun, struct err *err);
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

struct target {
    const struct target_ops *ops;
    struct target_config config; /* strings in arena */
    struct arena arena;
    struct guard *guard;
    struct permit permit;
    struct target_info info;
    /* Definitions under the target's names (schema/mapping/route.h), by how long they are used. */
    struct arena load_routes;         /* of the table under load */
    const struct table *load_source;  /* that table; our own rows are kept by its name */
    struct arena unit_routes;         /* of the last unit */
    const struct table **unit_tables; /* pairs: the source's, the target's */
    size_t n_unit_tables;
};

#endif
