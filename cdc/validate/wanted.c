#include <stdlib.h>

#include "cdc/validate/work.h"
#include "schema/base/xalloc.h"

static bool take_name(void *ctx, const struct source_table *t, struct err *err)
{
    struct validate *v = ctx;
    const struct validate_config *c = v->config;

    (void)err;
    if (!mapping_wants(c->mapping, t->db, t->name) || !validate_is_chosen(c, t->db, t->name))
        return true;
    v->wanted = xrealloc(v->wanted, (v->n_wanted + 1) * sizeof(*v->wanted));
    v->wanted[v->n_wanted++] = (struct table_name){xstrdup(t->db), xstrdup(t->name)};
    return true;
}

bool wanted_list(struct validate *v, struct err *err)
{
    return source_list_tables(v->workers[0].source, take_name, v, err);
}

void wanted_release(struct validate *v)
{
    for (size_t i = 0; i < v->n_wanted; i++) {
        free(v->wanted[i].db);
        free(v->wanted[i].name);
    }
    free(v->wanted);
    v->wanted = NULL;
    v->n_wanted = 0;
}

static void put_name(struct buf *b, const char *db, const char *name)
{
    buf_reset(b);
    buf_putf(b, "%s.%s", db, name);
}

/* Is it still there, and the same since the view? Else its end, or its start, is on the way. */
static bool report_missing(struct validate *v, const struct table_name *w, struct err *err)
{
    struct table *now = NULL;
    struct check_table *t;

    if (source_read_table(v->workers[0].source, w->db, w->name, &now, err)) {
        table_free(now);
        t = validate_add_missing(v, w->db, w->name);
        report_table(v, t, "the target has no copy of the table; load it");
        return true;
    }
    if (strcmp(err->reason, "no_table") != 0 && strcmp(err->reason, "table_changed") != 0 &&
        !source_is_blocked(err))
        return false;
    *err = ERR_INIT;
    return true;
}

/* A name that was asked for and that neither side knows is a mistake of who asked. */
static bool check_asked(const struct validate_config *c, const struct map *known, struct err *err)
{
    for (size_t i = 0; i < c->n_only; i++) {
        if (map_get(known, bytes_str(c->only[i])))
            continue;
        err_reason(err, ERR_CONFIG, "no_table",
                   "there is no table %.200s: neither in this copy nor, as the configuration "
                   "wants it, on the source; write it as database.table",
                   c->only[i]);
        return false;
    }
    return true;
}

bool wanted_compare(struct validate *v, struct err *err)
{
    const struct validate_config *c = v->config;
    struct map known = {0};
    struct buf key = BUF_INIT;
    size_t n_states = v->n_tables;
    bool ok = false;

    for (size_t i = 0; i < n_states; i++) {
        put_name(&key, v->tables[i].table->db, v->tables[i].table->name);
        map_put(&known, buf_bytes(&key), v);
    }
    for (size_t i = 0; i < v->n_wanted; i++) {
        put_name(&key, v->wanted[i].db, v->wanted[i].name);
        if (!map_put(&known, buf_bytes(&key), v) && !report_missing(v, &v->wanted[i], err))
            goto done;
    }
    ok = check_asked(c, &known, err);
done:
    map_release(&known);
    buf_release(&key);
    return ok;
}
