#include "cdc/capture/start.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "cdc/capture/sink.h"
#include "cdc/decode/decode.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/stop.h"

#define TRIES_MAX 30
#define SCAN_POLL_MS 200

/* Looks through the transactions that came while definitions were read. */
struct scan {
    struct catalog *catalog;
    struct dialect dialect; /* of the source */
    struct place place;     /* what was executed at first, and what was read since */
    struct gtid current;
    struct arena arena;
    bool found_ddl;
};

static bool scan_begin(void *ctx, const struct tx_begin *begin, struct err *err)
{
    struct scan *s = ctx;

    (void)err;
    s->current = begin->gtid;
    return true;
}

static bool scan_resolve(void *ctx, const struct table_map *map, const struct table **table,
                         struct err *err)
{
    (void)ctx, (void)map, (void)err;
    *table = NULL;
    return true;
}

static bool scan_change(void *ctx, const struct change *change, struct err *err)
{
    (void)ctx, (void)change, (void)err;
    return true;
}

static bool scan_query(void *ctx, const struct query_event *q, struct err *err)
{
    struct scan *s = ctx;
    struct ddl ddl;
    struct err ignored = ERR_INIT;

    (void)err;
    arena_reset(&s->arena);
    if (!capture_replay(s->catalog, &s->dialect, q, &s->arena, &ddl, &ignored) ||
        (ddl.kind != DDL_IGNORED && ddl.kind != DDL_ROWS_AS_TEXT))
        s->found_ddl = true;
    return true;
}

static bool scan_end(void *ctx, const struct position *end, struct err *err)
{
    struct scan *s = ctx;

    s->place.at = *end;
    return place_add(&s->place, &s->current, err);
}

static bool scan_rollback(void *ctx, const struct position *end, bool logged, struct err *err)
{
    struct scan *s = ctx;

    if (logged)
        return scan_end(ctx, end, err);
    s->place.at = *end;
    return true;
}

static bool scan_idle(void *ctx, const struct position *at, uint64_t source_us, struct err *err)
{
    struct scan *s = ctx;

    (void)source_us, (void)err;
    s->place.at = *at;
    return true;
}

static bool scan_stream(struct source *stream, struct scan *scan, struct decoder *d,
                        const struct place *from, const struct position *end, struct err *err)
{
    if (!source_stream_start(stream, from, err))
        return false;
    while (!scan->found_ddl &&
           (decoder_in_transaction(d) || !position_reached(&scan->place.at, end))) {
        struct bytes event;

        if (stop_requested()) {
            err_set(err, ERR_STOPPED, "stopped while the schema was read");
            return false;
        }
        if (!source_stream_next(stream, SCAN_POLL_MS, &event, err))
            return false;
        if (event.len && !decoder_event(d, event, err))
            return false;
    }
    return true;
}

/* *at_end: the place of `end`, if there was no DDL since `from`. */
static bool scan_between(const struct capture_config *config, struct catalog *catalog,
                         const struct place *from, const struct position *end, struct place *at_end,
                         bool *quiet, struct err *err)
{
    struct scan scan = {
        .catalog = catalog,
    };
    struct decode_sink sink = {.ctx = &scan,
                               .begin = scan_begin,
                               .resolve = scan_resolve,
                               .change = scan_change,
                               .query = scan_query,
                               .commit = scan_end,
                               .rollback = scan_rollback,
                               .idle = scan_idle};
    struct source *stream = NULL;
    struct decoder *d = NULL;
    bool ok = false;

    place_copy(&scan.place, from);
    if (!source_connect(config->source, &stream, err))
        goto done;
    scan.dialect = source_info(stream)->dialect;
    d = decoder_new(&sink, source_info(stream)->checksum_crc32, config->event_bytes_max);
    if (!scan_stream(stream, &scan, d, from, end, err))
        goto done;
    if (!scan.found_ddl) {
        *at_end = scan.place;
        at_end->at = (struct position){0}; /* the GTIDs say where to go on */
        scan.place = (struct place){0};
        *quiet = true;
    }
    ok = true;
done:
    decoder_free(d);
    source_close(stream);
    arena_release(&scan.arena);
    place_release(&scan.place);
    return ok;
}

static bool every_table(void *ctx, const char *db, const char *name)
{
    (void)ctx, (void)db, (void)name;
    return true;
}

/* One try. *place: where the catalogue holds; *quiet false: the schema moved. */
static bool read_schema(const struct capture_config *config, struct source *s,
                        struct catalog *catalog, struct place *place, bool *quiet, struct err *err)
{
    struct place before = {0};
    struct position end;
    bool ok = source_executed(s, &before, err) &&
              source_read_catalog(s, every_table, NULL, catalog, err) &&
              source_binlog_end(s, &end, err) &&
              scan_between(config, catalog, &before, &end, place, quiet, err);

    place_release(&before);
    return ok;
}

static bool make_queue(const struct capture_config *config, const struct source *s,
                       const struct place *start, const struct catalog *catalog, struct err *err)
{
    struct queue_identity id;

    memset(&id, 0, sizeof(id));
    if (getrandom(id.uuid, sizeof(id.uuid), 0) != (ssize_t)sizeof(id.uuid)) {
        err_errno(err, "random number for a new queue");
        return false;
    }
    snprintf(id.source_uuid, sizeof(id.source_uuid), "%s", source_info(s)->server_uuid);
    return queue_create(config->queue_dir, config->queue, &id, start, catalog, err);
}

bool capture_create_queue(const struct capture_config *config, struct err *err)
{
    struct source *s = NULL;
    bool ok = false;

    if (!source_connect(config->source, &s, err))
        return false;
    for (int i = 0; i < TRIES_MAX && !ok; i++) {
        struct catalog *catalog = catalog_new();
        struct place place = {0};
        bool quiet = false;
        bool failed = !read_schema(config, s, catalog, &place, &quiet, err) ||
                      (quiet && !make_queue(config, s, &place, catalog, err));

        ok = quiet && !failed;
        catalog_free(catalog);
        place_release(&place);
        /* A table dropped while the list was read is a schema that moved, no error. */
        if (failed && strcmp(err->reason, "no_table") != 0) {
            source_close(s);
            return false;
        }
        if (!ok) {
            log_info("capture", "the schema changed while it was read; reading it again");
            clock_sleep_us(100000);
        }
    }
    if (!ok)
        err_reason(err, ERR_DATA, "schema_moving",
                   "the source's schema changed in each of %d readings; start again when no "
                   "schema change is running",
                   TRIES_MAX);
    source_close(s);
    return ok;
}
