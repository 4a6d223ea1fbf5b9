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

bool service_check_followed(struct service *s, struct err *err)
{
    const struct config *c = s->config;
    struct target *target = NULL;
    struct table_state *states = NULL;
    size_t n = 0;
    bool ok = target_enter(&s->door, &target, err) &&
              target_tables_read(target, c->channel, &states, &n, err) &&
              judge_states(c, states, n, err);

    table_states_free(states, n);
    target_close(target);
    return ok;
}
