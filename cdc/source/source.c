#include "cdc/source/source.h"

#include "cdc/source/driver.h"
#include "cdc/source/mysql/mysql.h"

bool source_connect(const struct source_config *config, struct source **out, struct err *err)
{
    const struct source_driver *driver = config->driver ? config->driver : &mysql_source;

    *out = NULL;
    return driver->connect(config, out, err);
}

void source_close(struct source *s)
{
    if (s)
        s->driver->close(s);
}

const struct source_info *source_info(const struct source *s)
{
    return &s->info;
}

bool source_executed(struct source *s, struct place *out, struct err *err)
{
    return s->driver->executed(s, out, err);
}

bool source_binlog_end(struct source *s, struct position *end, struct err *err)
{
    return s->driver->binlog_end(s, end, err);
}

bool source_reaches(struct source *s, const struct position *end, bool *reaches, struct err *err)
{
    return s->driver->reaches(s, end, reaches, err);
}

bool source_list_tables(struct source *s, source_table_fn *fn, void *ctx, struct err *err)
{
    return s->driver->list_tables(s, fn, ctx, err);
}

bool source_list_databases(struct source *s, const char *only, source_database_fn *fn, void *ctx,
                           struct err *err)
{
    return s->driver->list_databases(s, only, fn, ctx, err);
}

bool source_list_views(struct source *s, source_object_fn *fn, void *ctx, struct err *err)
{
    return s->driver->list_views(s, fn, ctx, err);
}

bool source_list_programs(struct source *s, source_object_fn *fn, void *ctx, struct err *err)
{
    return s->driver->list_programs(s, fn, ctx, err);
}

bool source_may_stream(struct source *s, bool *may, struct err *err)
{
    return s->driver->may_stream(s, may, err);
}

bool source_stream_start(struct source *s, const struct place *from, struct err *err)
{
    return s->driver->stream_start(s, from, err);
}

bool source_stream_pending(struct source *s)
{
    return s->driver->stream_pending(s);
}

bool source_stream_next(struct source *s, unsigned timeout_ms, struct bytes *event, struct err *err)
{
    return s->driver->stream_next(s, timeout_ms, event, err);
}

bool source_view_open(struct source *s, struct source_view_bounds *bounds, struct err *err)
{
    return s->driver->view_open(s, bounds, err);
}

void source_view_bounds_release(struct source_view_bounds *bounds)
{
    place_release(&bounds->lo);
    place_release(&bounds->hi);
    place_release(&bounds->committing);
}

bool source_view_close(struct source *s, struct err *err)
{
    return s->driver->view_close(s, err);
}

bool source_read_table(struct source *s, const char *db, const char *name, struct table **out,
                       struct err *err)
{
    return s->driver->read_table(s, db, name, out, err);
}

bool source_read_rows(struct source *s, const struct table *t, const struct selection *which,
                      bool order, uint64_t limit, source_value_fn *row, void *ctx, struct err *err)
{
    return s->driver->read_rows(s, t, which, order, limit, row, ctx, err);
}

bool source_read_sums(struct source *s, const struct table *t, const bool *columns,
                      const struct selection *which, struct canon_sums *out, struct err *err)
{
    return s->driver->read_sums(s, t, columns, which, out, err);
}

bool source_read_hashes(struct source *s, const struct table *t, const bool *columns,
                        const struct selection *which, canon_hash_fn *fn, void *ctx,
                        struct err *err)
{
    return s->driver->read_hashes(s, t, columns, which, fn, ctx, err);
}

bool source_bound_waits(struct source *s, struct err *err)
{
    return s->driver->bound_waits(s, err);
}

bool source_read_bound(struct source *s, const struct table *t, const struct value *from,
                       uint64_t rows, struct arena *arena, struct value **key, struct err *err)
{
    return s->driver->read_bound(s, t, from, rows, arena, key, err);
}

bool source_is_blocked(const struct err *err)
{
    return err->kind == ERR_RETRY && err->side == ERR_SIDE_SOURCE &&
           (strcmp(err->reason, "lock_wait") == 0 || strcmp(err->reason, "table_changed") == 0);
}
