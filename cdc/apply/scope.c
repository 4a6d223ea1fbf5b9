/*
 * scope.c - which tables the lane may go on with: the mapping, and what of it is in the queue.
 *
 * A table that the mapping leaves out, that is called otherwise on the target now, or whose rows
 * are not all in the queue behind what it holds, is no copy any more: it is OUT until a load takes
 * it in again. Said before the lane passes the place where its rows end.
 */
#include <stdlib.h>

#include "cdc/apply/engine.h"
#include "schema/base/log.h"

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Is every change behind what the table holds in the queue? */
static bool has_rows(const struct apply *a, const struct table_state *s, struct err *why)
{
    uint64_t since = followed_since(a->followed, s->db, s->name);

    if (s->life != TABLE_STRICT && s->life != TABLE_COLLAPSE && s->life != TABLE_LOAD)
        return true;
    if (since <= later(a->lane.lsn, s->life == TABLE_STRICT ? s->hi : s->lo))
        return true;
    if (since == FOLLOWED_NEVER)
        err_set(why, ERR_DATA, "the process that captures leaves its rows out of the queue");
    else
        err_set(why, ERR_DATA,
                "its rows are in the queue from lsn %llu on only; it is to be loaded anew",
                (unsigned long long)since);
    return false;
}

static bool has_its_name(const struct apply *a, struct table_state *s, struct err *why)
{
    const char *db = s->target_db[0] ? s->target_db : s->db;
    const char *name = s->target_name[0] ? s->target_name : s->name;
    struct mapped_name to;
    struct err err = ERR_INIT;

    if (mapping_name(a->config.mapping, s->db, s->name, &to, &err) && strcmp(to.db, db) == 0 &&
        strcmp(to.name, name) == 0)
        return true;
    if (err.kind != ERR_NONE)
        *why = err;
    else
        err_set(why, ERR_DATA,
                "the mapping calls it %s.%s now; it is to be loaded anew, and %s.%s stays on the "
                "target until you drop it",
                to.db, to.name, db, name);
    /* What the new name holds was not made by us. */
    free(s->definition);
    s->definition = NULL;
    return false;
}

static bool stays(const struct apply *a, struct table_state *s, bool is_read, struct err *why)
{
    if (s->life == TABLE_UNKNOWN || s->life == TABLE_DROPPED || s->life == TABLE_OUT)
        return true;
    if (!mapping_wants(a->config.mapping, s->db, s->name)) {
        err_set(why, ERR_DATA, "left out by the mapping");
        return false;
    }
    /* The name that a state was saved with is known where it was just read. */
    return has_rows(a, s, why) && (!is_read || has_its_name(a, s, why));
}

static bool judge_all(struct apply *a, bool is_read, struct err *err)
{
    struct map_entry *e;
    struct err why;

    for (size_t i = 0; (e = map_next(&a->tables.by_name, &i)) != NULL;) {
        struct table_state *s = e->value;
        const struct table named = {.db = s->db, .name = s->name};

        if (stays(a, s, is_read, &why))
            continue;
        log_warn("apply", "table %s.%s is not followed: %s", s->db, s->name, why.text);
        tables_move(&a->tables, &named, LIFE_EXCLUDED, 0, 0, why.text);
    }
    return tables_save(&a->tables, a->target, err);
}

bool scope_check(struct apply *a, struct err *err)
{
    bool changed;

    return followed_read(queue_fs(a->config.queue), a->config.queue_dir, &a->followed, &changed,
                         err) &&
           judge_all(a, true, err);
}

bool scope_keep(struct apply *a, struct err *err)
{
    /* Capture notes its mapping before it appends: what is read behind a published end holds for
     * all that this end admits. */
    uint64_t published = queue_reader_published(a->reader);
    bool changed;

    if (published == a->followed_lsn)
        return true;
    if (!followed_read(queue_fs(a->config.queue), a->config.queue_dir, &a->followed, &changed,
                       err) ||
        (changed && !judge_all(a, false, err)))
        return false;
    a->followed_lsn = published;
    return true;
}
