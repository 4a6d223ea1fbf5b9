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
    bool is_eye;         /* nothing goes wrong */
    struct memory_unit { /* borrowed until the reap */
        const struct unit *unit;
        const struct state_change *lane;
    } units[MEMORY_IN_FLIGHT];
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
/* In the session's transaction. */
MUST_CHECK bool memory_change(struct memory_target *m, const struct state_change *changes, size_t n,
                              struct err *err);
/* Is the lane as who joined its owner believes? */
MUST_CHECK bool memory_guard(struct memory_target *m, struct err *err);
MUST_CHECK bool memory_state_make(struct target *t, unsigned version, struct err *err);
MUST_CHECK bool memory_state_read(struct target *t, enum state_id id, unsigned version,
                                  const struct value *key, unsigned n_key, state_row_fn *fn,
                                  void *ctx, struct err *err);
MUST_CHECK bool memory_state_change(struct target *t, const struct state_change *changes, size_t n,
                                    struct err *err);

/* memory_read.c */
extern const struct reader_ops memory_reader;
void memory_view_release(struct memory_target *m);

/* memory_define.c */
extern const struct definer_ops memory_definer;

#endif
