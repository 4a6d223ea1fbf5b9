/*
 * route.h - a definition under its names on the target. Pure.
 *
 * Everything before the target speaks of source tables; the target's door (targets/target.c)
 * takes the route, so that an engine sees names on the target only.
 */
#ifndef SCHEMA_MAPPING_ROUTE_H
#define SCHEMA_MAPPING_ROUTE_H

#include "schema/base/buf.h"
#include "schema/change.h"
#include "schema/mapping/mapping.h"

/*
 * *out: the source's definition with database, name, and the tables that its foreign keys name,
 * as they are on the target. Shares everything else with the source's, which must outlive it;
 * memory in the arena. Without renames it is the source's own. Foreign keys stand in the same
 * order; one that MySQL named after its table (orders_ibfk_1) is named after the target's, so
 * that both servers rename it in step. Fails as mapping_name().
 */
MUST_CHECK bool route_table(const struct mapping *m, struct arena *arena,
                            const struct table *source, const struct table **out, struct err *err);

/* The effects of a statement likewise; `said` keeps those of its text (see change.h). */
MUST_CHECK bool route_ddl(const struct mapping *m, struct arena *arena, const struct ddl *source,
                          struct ddl *out, struct err *err);

/*
 * The SELECT text of a view, as information_schema.VIEWS prints it (names quoted, tables
 * qualified), with its tables under their names on the target. False: it cannot be said with
 * certainty, `why` names the reason (a table that is not copied, a stored function, ...).
 */
bool route_view(const struct mapping *m, const char *select_text, struct buf *out, char *why,
                size_t why_size);

#endif
