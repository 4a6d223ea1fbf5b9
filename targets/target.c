#include "targets/target.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/xalloc.h"
#include "targets/mariadb/mariadb.h"

static const char *copy(struct arena *a, const char *s)
{
    return s ? arena_strdup(a, s) : "";
}

static struct target *target_new(const struct target_config *config, struct guard *guard,
                                 const struct permit *permit)
{
    struct target *t = xcalloc(1, sizeof(*t));

    t->config = *config;
    t->config.name = copy(&t->arena, config->name);
    t->config.engine = copy(&t->arena, config->engine);
    t->config.host = copy(&t->arena, config->host);
    t->config.user = copy(&t->arena, config->user);
    t->config.password = copy(&t->arena, config->password);
    t->config.tls_ca = copy(&t->arena, config->tls_ca);
    t->config.state_schema = copy(&t->arena, config->state_schema);
    t->guard = guard;
    t->permit = *permit;
    t->packet.sql = BUF_INIT;
    t->statement = BUF_INIT;
    t->row = BUF_INIT;
    return t;
}

bool target_open(const struct target_config *config, struct guard *guard,
                 const struct permit *permit, struct target **out, struct err *err)
{
    struct target *t;

    *out = NULL;
    if (strcmp(config->engine, "mariadb") != 0) {
        err_set(err, ERR_CONFIG, "target engine %s is not supported; it can be \"mariadb\"",
                config->engine);
        return false;
    }
    if (!config->tls_ca || !config->tls_ca[0]) {
        err_set(err, ERR_CONFIG, "target %s has no tls ca; connections are always verified",
                config->name);
        return false;
    }
    t = target_new(config, guard, permit);
    if (!maria_connect(t, err) || !maria_session(t, err)) {
        target_close(t);
        return false;
    }
    *out = t;
    return true;
}

bool target_connect(const struct target_config *config, struct guard *guard, struct target **out,
                    struct err *err)
{
    struct permit permit;

    *out = NULL;
    memset(&permit, 0, sizeof(permit));
    return guard_permit(guard, config->host, config->port, &permit, err) &&
           target_open(config, guard, &permit, out, err);
}

void target_close(struct target *t)
{
    if (!t)
        return;
    if (t->my)
        mysql_close(t->my);
    buf_release(&t->packet.sql);
    free(t->packet.expects);
    buf_release(&t->statement);
    buf_release(&t->row);
    free(t->written.columns);
    arena_release(&t->arena);
    free(t);
}

const struct target_info *target_info(const struct target *t)
{
    return &t->info;
}

const struct permit *target_permit(const struct target *t)
{
    return &t->permit;
}

bool target_keep(struct target *t, struct err *err)
{
    return maria_permit(t, err);
}

const struct table *target_failed_table(const struct target *t)
{
    return t->failed;
}

void table_states_free(struct table_state *states, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(states[i].definition);
    free(states);
}

void chunk_states_free(struct chunk_state *chunks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(chunks[i].low);
        free(chunks[i].high);
    }
    free(chunks);
}

void notes_add(struct notes *notes, const char *fmt, ...)
{
    struct buf line = BUF_INIT;
    va_list args;

    va_start(args, fmt);
    buf_vputf(&line, fmt, args);
    va_end(args);
    notes->lines = xrealloc(notes->lines, (notes->n + 1) * sizeof(*notes->lines));
    notes->lines[notes->n++] = xstrdup(buf_cstr(&line));
    buf_release(&line);
}

void notes_release(struct notes *notes)
{
    for (size_t i = 0; i < notes->n; i++)
        free(notes->lines[i]);
    free(notes->lines);
    notes->lines = NULL;
    notes->n = 0;
}
