#include <stdlib.h>
#include <string.h>

#include "cdc/service/service.h"
#include "schema/base/map.h"

static bool take_name(void *ctx, const struct source_table *t, struct err *err)
{
    struct buf key = BUF_INIT;

    (void)err;
    buf_putf(&key, "%s.%s", t->db, t->name);
    map_put(ctx, buf_bytes(&key), ctx);
    buf_release(&key);
    return true;
}

static bool read_names(const struct config *config, struct map *names, struct err *err)
{
    struct source *s = NULL;
    bool ok =
        source_connect(&config->source, &s, err) && source_list_tables(s, take_name, names, err);

    source_close(s);
    return ok;
}

static bool check_name(const struct config *config, const struct map *names, const char *name,
                       struct err *err)
{
    const char *dot = strchr(name, '.');
    char db[4 * NAME_CHARS_MAX + 1];

    if (!dot || dot == name || (size_t)(dot - name) >= sizeof(db) || !dot[1] ||
        !map_get(names, bytes_str(name))) {
        err_reason(err, ERR_CONFIG, "no_table",
                   "the source has no table %.200s; write it as database.table, as it is there",
                   name);
        return false;
    }
    memcpy(db, name, (size_t)(dot - name));
    db[dot - name] = '\0';
    if (mapping_wants(config->mapping, db, dot + 1))
        return true;
    err_reason(err, ERR_CONFIG, "no_table",
               "the configuration does not copy table %.200s; look at its tables section", name);
    return false;
}

bool service_check_tables(const struct config *config, const char *const *names, size_t n,
                          struct err *err)
{
    struct map there = {0};
    bool ok = n == 0 || read_names(config, &there, err);

    for (size_t i = 0; i < n && ok; i++)
        ok = check_name(config, &there, names[i], err);
    map_release(&there);
    return ok;
}

static bool is_followed(const struct config *c, const struct table_state *t)
{
    return t->life == TABLE_STRICT || t->life == TABLE_DROPPED || t->life == TABLE_OUT ||
           !mapping_wants(c->mapping, t->db, t->name);
}

static bool judge_states(const struct config *c, const struct table_state *states, size_t n,
                         struct err *err)
{
    const struct table_state *first = NULL;
    size_t held = 0;

    for (size_t i = 0; i < n; i++) {
        if (is_followed(c, &states[i]))
            continue;
        first = first ? first : &states[i];
        held++;
    }
    if (!first)
        return true;
    err_reason(err, ERR_REFUSED, "not_followed",
               "%zu of %zu tables are not followed, as %s.%s (%s%s); look at 'domicile status', "
               "load them again",
               held, n, first->db, first->name,
               first->life == TABLE_STOPPED ? "stopped: " : "not loaded",
               first->life == TABLE_STOPPED ? first->reason : "");
    return false;
}

static bool read_states(struct service *s, struct table_state **states, size_t *n, struct err *err)
{
    struct target *target = NULL;
    bool ok = target_enter(&s->door, &target, err) &&
              target_tables_read(target, s->config->channel, states, n, err);

    target_close(target);
    return ok;
}

bool service_check_followed(struct service *s, struct err *err)
{
    struct table_state *states = NULL;
    size_t n = 0;
    bool ok = read_states(s, &states, &n, err) && judge_states(s->config, states, n, err);

    table_states_free(states, n);
    return ok;
}

/* A table that was left out counts as not there. */
static bool has_state(const struct table_state *states, size_t n, const struct table *t)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(states[i].db, t->db) == 0 && strcmp(states[i].name, t->name) == 0)
            return states[i].life != TABLE_OUT && states[i].life != TABLE_DROPPED;
    }
    return false;
}

static bool judge_catalog(const struct config *c, const struct catalog *catalog,
                          const struct table_state *states, size_t n, struct err *err)
{
    const struct table **tables, *first = NULL;
    size_t count = catalog_tables(catalog, &tables), missing = 0;

    for (size_t i = 0; i < count; i++) {
        if (!mapping_wants(c->mapping, tables[i]->db, tables[i]->name) ||
            has_state(states, n, tables[i]))
            continue;
        first = first ? first : tables[i];
        missing++;
    }
    if (first)
        err_reason(err, ERR_REFUSED, "not_loaded",
                   "%zu tables are not loaded, as %s.%s: the source has passed the place that "
                   "--until names, and a load ends where the source is now; run load, or replicate "
                   "without --until",
                   missing, first->db, first->name);
    free(tables);
    return !first;
}

bool service_check_loaded(struct service *s, struct err *err)
{
    const struct config *c = s->config;
    struct queue_reader *reader = NULL;
    struct table_state *states = NULL;
    size_t n = 0;
    bool ok = read_states(s, &states, &n, err) &&
              queue_reader_open(c->queue_dir, &c->queue, apply_lsn(s->apply), &reader, err) &&
              judge_catalog(c, queue_reader_catalog(reader), states, n, err);

    queue_reader_close(reader);
    table_states_free(states, n);
    return ok;
}
