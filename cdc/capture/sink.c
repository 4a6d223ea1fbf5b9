#include "cdc/capture/sink.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cdc/capture/match.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/types/convert.h"
#include "schema/types/types.h"

void capture_sink_init(struct capture_sink *s, struct queue *queue, const struct mapping *mapping)
{
    memset(s, 0, sizeof(*s));
    s->queue = queue;
    s->mapping = mapping;
    s->dialect = *dialect_canonical();
}

void capture_sink_release(struct capture_sink *s)
{
    arena_release(&s->arena);
    map_release(&s->parents);
    cascade_release(&s->cascade);
}

static bool on_begin(void *ctx, const struct tx_begin *begin, struct err *err)
{
    struct capture_sink *s = ctx;
    struct tx_begin stamped = *begin;

    stamped.receive_us = clock_wall_us();
    s->source_us = begin->commit_us;
    if (!queue_begin(s->queue, &stamped, err))
        return false;
    s->begin = stamped;
    s->in_transaction = true;
    s->has_parents = false;
    return true;
}

static bool is_wanted(void *ctx, const struct table *t)
{
    struct capture_sink *s = ctx;

    return mapping_wants(s->mapping, t->db, t->name);
}

/* Does it cascade into a wanted table, be it through one that is not copied either? Then apply
 * must know, if only to say that the chain is broken. */
static bool cascades_to_wanted(struct capture_sink *s, const struct table *parent)
{
    cascade_bind(&s->cascade, queue_catalog(s->queue));
    return cascade_may_reach(&s->cascade, parent, is_wanted, s);
}

/* Rows of an unwanted table, if all that its cascades do to a wanted one is in them. */
static const struct table *parent_of_wanted(struct capture_sink *s, const struct table_map *map)
{
    static char yes, no;
    const struct table *t;
    void **slot;

    if (!s->native_fk)
        return NULL;
    t = catalog_get(queue_catalog(s->queue), map->db, map->name);
    if (!t)
        return NULL;
    slot = map_slot(&s->parents, bytes_of(&t, sizeof(t)));
    if (!*slot)
        *slot = cascades_to_wanted(s, t) ? &yes : &no;
    return *slot == &yes ? t : NULL;
}

static bool on_resolve(void *ctx, const struct table_map *map, const struct table **table,
                       struct err *err)
{
    struct capture_sink *s = ctx;

    *table = NULL;
    if (!mapping_wants(s->mapping, map->db, map->name)) {
        *table = parent_of_wanted(s, map);
        s->has_parents |= *table != NULL;
        return !*table || capture_match(map, *table, err);
    }
    *table = catalog_get(queue_catalog(s->queue), map->db, map->name);
    if (!*table) {
        err_reason(err, ERR_DATA, "unknown_table",
                   "rows of table %s.%s, whose CREATE TABLE was not seen in the binlog", map->db,
                   map->name);
        return false;
    }
    return capture_match(map, *table, err);
}

static bool on_change(void *ctx, const struct change *change, struct err *err)
{
    struct capture_sink *s = ctx;

    if (s->has_parents &&
        (change->kind == CHANGE_INSERT ||
         (change->flags & (CHANGE_SQL_FK | CHANGE_NO_FK_CHECKS))) &&
        !mapping_wants(s->mapping, change->table->db, change->table->name))
        return true;
    s->changes++;
    return queue_change(s->queue, change, err);
}

static bool text_to_utf8(const struct query_event *q, struct arena *arena, const char **out,
                         struct err *err)
{
    const char *charset = "utf8mb4", *collation;
    struct buf b = BUF_INIT_MAX(DDL_TEXT_MAX * 3);
    bool ok;

    if (q->client_collation)
        collation_by_id(q->client_collation, &charset, &collation);
    ok = charset_to_utf8(charset, q->text, &b);
    if (ok)
        *out = arena_strndup(arena, buf_cstr(&b), b.len);
    else
        err_reason(err, ERR_DATA, "ddl_charset",
                   "a statement in character set %s with characters outside ASCII cannot be read; "
                   "run DDL from a utf8mb4 session",
                   charset);
    buf_release(&b);
    return ok;
}

static bool starts_with(const char *text, const char *word)
{
    return strncasecmp(text, word, strlen(word)) == 0;
}

bool capture_replay(struct catalog *catalog, const struct dialect *dialect,
                    const struct query_event *q, struct arena *arena, struct ddl *out,
                    struct err *err)
{
    const char *charset = NULL, *collation = NULL, *text;
    struct ddl_context context = {
        .dialect = dialect,
        .db = q->db,
        .sql_mode = q->sql_mode,
        .timestamp_us = q->timestamp_us,
        .time_zone = q->time_zone,
        .explicit_defaults_for_timestamp = q->explicit_defaults_for_timestamp < 0
                                               ? dialect->explicit_defaults_for_timestamp
                                               : q->explicit_defaults_for_timestamp != 0,
    };

    memset(out, 0, sizeof(*out));
    out->kind = DDL_IGNORED;
    if (!text_to_utf8(q, arena, &text, err))
        return false;
    text += strspn(text, " \t\r\n");
    if (starts_with(text, "SAVEPOINT") || starts_with(text, "RELEASE SAVEPOINT"))
        return true;
    if (q->rolls_back_to) {
        err_reason(err, ERR_DATA, "rollback_to",
                   "ROLLBACK TO SAVEPOINT in the binlog (a transaction that also changed a "
                   "non-transactional table) is not supported");
        return false;
    }
    if (q->server_collation && collation_by_id(q->server_collation, &charset, &collation)) {
        context.charset = charset;
        context.collation = collation;
    }
    if (q->utf8mb4_collation && collation_by_id(q->utf8mb4_collation, &charset, &collation))
        context.utf8mb4_collation = collation;
    return ddl_replay(catalog, text, &context, arena, out, err);
}

/* Is any table of this database copied, or does it cascade into one that is? Of the rows that a
 * statement as text reached by a cascade, the log says nothing at all. */
static bool has_wanted(struct capture_sink *s, const char *db)
{
    const struct table **tables;
    size_t n = catalog_tables(queue_catalog(s->queue), &tables);
    bool has = false;

    cascade_bind(&s->cascade, queue_catalog(s->queue));
    for (size_t i = 0; i < n && !has; i++)
        has = strcmp(tables[i]->db, db) == 0 &&
              (is_wanted(s, tables[i]) || cascade_may_reach(&s->cascade, tables[i], is_wanted, s));
    free(tables);
    return has;
}

/*
 * May a statement that changes rows as text change rows of a copied table? By the table that it
 * names, else by all databases that the source says it touched.
 */
static bool may_change_wanted(struct capture_sink *s, const struct query_event *q,
                              const char *named_db)
{
    if (named_db[0])
        return has_wanted(s, named_db);
    for (unsigned i = 0; i < q->n_dbs; i++)
        if (has_wanted(s, q->dbs[i]))
            return true;
    return q->n_dbs == 0;
}

/* Managed services and checksum tools write to tables of their own by statement. */
static bool take_rows_as_text(struct capture_sink *s, const struct query_event *q,
                              const struct ddl *ddl, struct err *err)
{
    const char *db = ddl->object[0] ? ddl->object : q->db;

    if (may_change_wanted(s, q, ddl->object)) {
        err_reason(err, ERR_DATA, "statement_format",
                   "a session of the source changed rows in database %.64s by a statement as "
                   "text; set binlog_format=ROW everywhere, also in sessions, and load again",
                   db[0] ? db : "(not named)");
        return false;
    }
    if (s->statements_passed++ == 0)
        log_info("capture",
                 "a statement as text that changes database %.64s, which is not copied, was read "
                 "past; others like it are counted, not told",
                 db[0] ? db : "(not named)");
    return true;
}

static bool on_query(void *ctx, const struct query_event *q, struct err *err)
{
    struct capture_sink *s = ctx;
    struct ddl ddl;
    bool ok;

    arena_reset(&s->arena);
    map_reset(&s->parents);
    ok = capture_replay(queue_catalog(s->queue), &s->dialect, q, &s->arena, &ddl, err);
    if (!ok)
        return false;
    if (ddl.kind == DDL_ROWS_AS_TEXT)
        return take_rows_as_text(s, q, &ddl, err);
    if (ddl.kind == DDL_IGNORED)
        return true;
    log_info("capture", "schema change: %u table definitions", ddl.n_effects);
    return queue_ddl(s->queue, &ddl, err);
}

static bool on_commit(void *ctx, const struct position *end, struct err *err)
{
    struct capture_sink *s = ctx;
    uint64_t lsn;

    if (!queue_finish(s->queue, end, &lsn, err))
        return false;
    s->in_transaction = false;
    s->transactions++;
    s->received = *end;
    if (!s->unsynced_since_us)
        s->unsynced_since_us = clock_steady_us();
    return true;
}

static bool on_rollback(void *ctx, const struct position *end, bool logged, struct err *err)
{
    struct capture_sink *s = ctx;

    s->in_transaction = false;
    map_reset(&s->parents);
    if (!queue_abort(s->queue, err))
        return false;
    if (!logged)
        return true;
    /* The source counts the GTID as executed, and so must we. */
    if (!queue_begin(s->queue, &s->begin, err))
        return false;
    s->in_transaction = true;
    return on_commit(s, end, err);
}

static bool on_idle(void *ctx, const struct position *at, uint64_t source_us, struct err *err)
{
    struct capture_sink *s = ctx;

    (void)err;
    s->received = *at;
    if (source_us)
        s->source_us = source_us;
    queue_idle(s->queue, at, source_us);
    return true;
}

struct decode_sink capture_sink_table(struct capture_sink *s)
{
    return (struct decode_sink){.ctx = s,
                                .begin = on_begin,
                                .resolve = on_resolve,
                                .change = on_change,
                                .query = on_query,
                                .commit = on_commit,
                                .rollback = on_rollback,
                                .idle = on_idle};
}
