/*
 * match.h - does a TABLE_MAP describe the table that the catalogue believes in?
 */
#ifndef CDC_CAPTURE_MATCH_H
#define CDC_CAPTURE_MATCH_H

#include "cdc/decode/decode.h"
#include "schema/table.h"

/*
 * Compare column count, names, wire types, signedness, nullability, character sets, members
 * and primary key. Fails with ERR_DATA reason "definition_differs", naming the table, the
 * column and the property.
 */
MUST_CHECK bool capture_match(const struct table_map *map, const struct table *table,
                              struct err *err);

#endif
