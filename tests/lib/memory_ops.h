/*
 * memory_ops.h - what the files of the in-memory target share.
 */
#ifndef TESTS_LIB_MEMORY_OPS_H
#define TESTS_LIB_MEMORY_OPS_H

#include <stdio.h>

#include "targets/engine.h"
#include "tests/lib/memory_server.h"

struct memory_image { /* of a view */
    uint64_t table_id;
    struct value *row;
    uint32_t copies;
};

struct memory_target {
    struct target base; /* first */
    struct memory_session session;
    bool owns_lane;
    char channel[TARGET_CHANNEL_MAX + 1];
    uint32_t lane;
    uint64_t epoch;
    struct unit units[MEMORY_IN_FLIGHT]; /* what they point to is borrowed until the reap */
    size_t n_units;
    const struct table *failed;
    const struct table *load; /* the table of an open load */
    bool has_view;
    struct memory_image *images;
    size_t n_images, cap_images;
};

static inline struct memory_target *memory_of(struct target *t)
{
    return (struct memory_target *)t;
}

/* Does it go on here? Else the fault has happened, with err. */
MUST_CHECK bool memory_point(struct memory_target *m, enum memory_point point, struct err *err);
MUST_CHECK bool memory_commit_all(struct memory_target *m, struct err *err);

/* memory_state.c */
MUST_CHECK bool memory_lane_lock(struct memory_target *m, const struct unit *u, struct err *err);
void memory_lane_advance(struct memory_target *m, const struct unit *u);
/* The chunk's row, not done yet; else "fenced". */
MUST_CHECK bool memory_chunk_find(struct memory_target *m, const char *channel,
                                  const struct table *table, uint64_t number,
                                  struct chunk_state **out, struct err *err);
MUST_CHECK bool memory_state_exists(struct target *t, bool *exists, struct err *err);
MUST_CHECK bool memory_state_init(struct target *t, struct err *err);
MUST_CHECK bool memory_lane_read(struct target *t, const char *channel, uint32_t lane, bool *exists,
                                 struct lane_state *out, struct err *err);
MUST_CHECK bool memory_take_over(struct target *t, const char *channel, uint32_t lane,
                                 const uint8_t queue_uuid[16], struct lane_state *out,
                                 struct err *err);
MUST_CHECK bool memory_tables_read(struct target *t, const char *channel, struct table_state **out,
                                   size_t *n, struct err *err);
MUST_CHECK bool memory_table_save(struct target *t, const char *channel,
                                  const struct table_state *state, struct err *err);
MUST_CHECK bool memory_tables_save(struct target *t, const char *channel,
                                   const struct table_state *const *states, size_t n,
                                   struct err *err);
MUST_CHECK bool memory_table_forget(struct target *t, const char *channel, const char *db,
                                    const char *name, struct err *err);
MUST_CHECK bool memory_chunks_read(struct target *t, const char *channel, const char *db,
                                   const char *name, struct chunk_state **out, size_t *n,
                                   struct err *err);
MUST_CHECK bool memory_chunks_plan(struct target *t, const char *channel, const char *db,
                                   const char *name, const struct chunk_state *chunks, size_t n,
                                   struct err *err);

/* memory_read.c */
extern const struct reader_ops memory_reader;
void memory_view_release(struct memory_target *m);

/* memory_define.c */
extern const struct definer_ops memory_definer;

#endif
