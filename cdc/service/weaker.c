#include "cdc/service/weaker.h"

#include "schema/ddl/ddl.h"

static bool list_one(struct target *target, const struct table_state *s, struct notes *out,
                     struct err *err)
{
    struct table *table = NULL;
    bool ok = ddl_parse_table(s->definition, s->db, &table, err) &&
              target_weaker(target, table, out, err);

    table_free(table);
    if (ok || err->kind == ERR_RETRY || err->kind == ERR_REFUSED)
        return ok;
    notes_add(out, "%s.%s: not known: %s", s->db, s->name, err->text);
    *err = (struct err)ERR_INIT;
    return true;
}

bool weaker_list(struct target *target, const struct table_state *states, size_t n,
                 struct notes *out, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct table_state *s = &states[i];

        if (s->life == TABLE_STRICT && s->definition && s->definition[0] &&
            !list_one(target, s, out, err))
            return false;
    }
    return true;
}
