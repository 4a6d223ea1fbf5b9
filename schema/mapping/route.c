#include "schema/mapping/route.h"

#include <stdio.h>
#include <string.h>

/* MySQL's own name for a foreign key of this table: its name, _ibfk_, a number. */
static const char *generated_part(const char *fk, const char *table)
{
    size_t n = strlen(table);
    const char *part = fk + n;

    if (strncmp(fk, table, n) != 0 || strncmp(part, "_ibfk_", 6) != 0 || !part[6] ||
        part[6 + strspn(part + 6, "0123456789")])
        return NULL;
    return part;
}

static bool route_fk(const struct mapping *m, struct arena *arena, const struct table *source,
                     const char *name, struct foreign_key *fk, struct err *err)
{
    const char *part = generated_part(fk->name, source->name);
    struct mapped_name to;

    if (part && strlen(name) + strlen(part) <= NAME_CHARS_MAX)
        fk->name = arena_printf(arena, "%s%s", name, part);
    if (!mapping_name(m, fk->ref_db, fk->ref_table, &to, err))
        return false;
    fk->ref_db = arena_strdup(arena, to.db);
    fk->ref_table = arena_strdup(arena, to.name);
    return true;
}

bool route_table(const struct mapping *m, struct arena *arena, const struct table *source,
                 const struct table **out, struct err *err)
{
    struct mapped_name to;
    struct table *t;

    *out = source;
    if (!source || !mapping_renames(m))
        return true;
    if (!mapping_name(m, source->db, source->name, &to, err))
        return false;
    t = arena_alloc(arena, sizeof(*t));
    *t = *source;
    t->db = arena_strdup(arena, to.db);
    t->name = arena_strdup(arena, to.name);
    t->fks = arena_alloc(arena, (t->n_fks + 1) * sizeof(*t->fks));
    for (uint32_t i = 0; i < t->n_fks; i++) {
        t->fks[i] = source->fks[i];
        if (!route_fk(m, arena, source, t->name, &t->fks[i], err))
            return false;
    }
    *out = t;
    return true;
}

bool route_ddl(const struct mapping *m, struct arena *arena, const struct ddl *source,
               struct ddl *out, struct err *err)
{
    *out = *source;
    if (!mapping_renames(m))
        return true;
    out->said = source->effects;
    out->effects = arena_alloc(arena, (source->n_effects + 1) * sizeof(*out->effects));
    for (uint32_t i = 0; i < source->n_effects; i++) {
        if (!route_table(m, arena, source->effects[i].before, &out->effects[i].before, err) ||
            !route_table(m, arena, source->effects[i].after, &out->effects[i].after, err))
            return false;
    }
    return true;
}
