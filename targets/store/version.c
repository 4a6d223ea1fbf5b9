/*
 * version.c - is there a state, and is it one that we know? Made and upgraded here.
 */
#include <string.h>

#include "schema/base/log.h"
#include "targets/store/rows.h"

static bool read_version(void *ctx, const struct value *cells, struct err *err)
{
    (void)err;
    *(uint64_t *)ctx = cells[META_VERSION].u;
    return true;
}

/* 0: there is none. */
static bool state_version(struct target *t, uint64_t *version, struct err *err)
{
    struct value id = cell_number(1);

    *version = 0;
    if (rows_read(t, STATE_META, &id, 1, read_version, version, err))
        return true;
    if (strcmp(err->reason, "no_table") != 0 && strcmp(err->reason, "no_database") != 0)
        return false;
    *err = ERR_INIT;
    return true;
}

bool target_state_exists(struct target *t, bool *exists, struct err *err)
{
    uint64_t version;
    bool ok = state_version(t, &version, err);

    *exists = version > 0;
    return ok;
}

static bool put_version(struct target *t, enum state_act act, struct err *err)
{
    struct batch b = {.n = 0};
    struct value *cells = batch_put(&b, act, STATE_META);
    bool ok;

    cells[META_ID] = cell_number(1);
    cells[META_VERSION] = cell_number(STATE_VERSION);
    ok = batch_run(t, &b, err);
    batch_release(&b);
    return ok;
}

/* A row of version 1: it is called here as at the source. */
static bool add_names(void *ctx, const struct value *cells, struct err *err)
{
    struct batch *b = ctx;
    struct value *to, *where;
    struct state_change *c;

    (void)err;
    if (!cell_is(&cells[TABLE_TARGET_DB], "") && !cell_is(&cells[TABLE_TARGET_NAME], ""))
        return true;
    to = batch_put(b, STATE_SET, STATE_TABLE);
    where = cells_new(&b->arena);
    for (unsigned i = 0; i < state_tables[STATE_TABLE].n_key; i++)
        where[i] = value_copy(&b->arena, &cells[i]);
    to[TABLE_TARGET_DB] = where[TABLE_DB];
    to[TABLE_TARGET_NAME] = where[TABLE_NAME];
    c = &b->changes[b->n - 1];
    c->where = where;
    c->otherwise = "a table's state went while the state on the target was upgraded";
    return true;
}

/* From version 1. Every step may be repeated; the version comes last. */
static bool upgrade(struct target *t, struct err *err)
{
    struct batch b = {.n = 0};
    bool ok = t->ops->writer->state_make(t, 1, err) &&
              rows_read(t, STATE_TABLE, NULL, 0, add_names, &b, err) &&
              (b.n == 0 || batch_run(t, &b, err)) && put_version(t, STATE_PUT, err);

    if (ok)
        log_info("target", "the state schema %s is upgraded from version 1 to %d",
                 t->config.state_schema, STATE_VERSION);
    batch_release(&b);
    return ok;
}

bool target_state_init(struct target *t, struct err *err)
{
    uint64_t version;

    if (!state_version(t, &version, err) ||
        (version == 0 && (!t->ops->writer->state_make(t, 0, err) ||
                          !put_version(t, STATE_ADD, err) || !state_version(t, &version, err))))
        return false;
    if (version == 1)
        return upgrade(t, err);
    if (version == STATE_VERSION)
        return true;
    err_set(err, ERR_CONFIG,
            "state schema %s on the target has version %llu, this program knows up to %d",
            t->config.state_schema, (unsigned long long)version, STATE_VERSION);
    return false;
}
