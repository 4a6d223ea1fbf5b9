/*
 * driver.h - what a kind of source server has to give. Private to cdc/source and to tests that
 * bring a source of their own.
 *
 * A driver is chosen by source_connect(); each slot has the contract of the function of
 * source.h of the same name. All slots are filled.
 */
#ifndef CDC_SOURCE_DRIVER_H
#define CDC_SOURCE_DRIVER_H

#include "cdc/source/source.h"

struct source_driver {
    bool (*connect)(const struct source_config *config, struct source **out, struct err *err);
    void (*close)(struct source *s); /* frees s */
    bool (*executed)(struct source *s, struct place *out, struct err *err);
    bool (*binlog_end)(struct source *s, struct position *end, struct err *err);
    bool (*reaches)(struct source *s, const struct position *end, bool *reaches, struct err *err);
    bool (*list_tables)(struct source *s, source_table_fn *fn, void *ctx, struct err *err);
    bool (*list_databases)(struct source *s, const char *only, source_database_fn *fn, void *ctx,
                           struct err *err);
    bool (*list_views)(struct source *s, source_object_fn *fn, void *ctx, struct err *err);
    bool (*list_programs)(struct source *s, source_object_fn *fn, void *ctx, struct err *err);
    bool (*may_stream)(struct source *s, bool *may, struct err *err);
    bool (*stream_start)(struct source *s, const struct place *from, struct err *err);
    bool (*stream_pending)(struct source *s);
    bool (*stream_next)(struct source *s, unsigned timeout_ms, struct bytes *event,
                        struct err *err);
    bool (*view_open)(struct source *s, struct source_view_bounds *bounds, struct err *err);
    bool (*view_close)(struct source *s, struct err *err);
    bool (*read_table)(struct source *s, const char *db, const char *name, struct table **out,
                       struct err *err);
    bool (*read_rows)(struct source *s, const struct table *t, const struct selection *which,
                      bool order, uint64_t limit, source_value_fn *row, void *ctx, struct err *err);
    bool (*read_sums)(struct source *s, const struct table *t, const bool *columns,
                      const struct selection *which, struct canon_sums *out, struct err *err);
    bool (*read_hashes)(struct source *s, const struct table *t, const bool *columns,
                        const struct selection *which, canon_hash_fn *fn, void *ctx,
                        struct err *err);
    bool (*bound_waits)(struct source *s, struct err *err);
    bool (*read_bound)(struct source *s, const struct table *t, const struct value *from,
                       uint64_t rows, struct arena *arena, struct value **key, struct err *err);
};

/* What every connection begins with. */
struct source {
    const struct source_driver *driver;
    struct source_info info;
};

#endif
