/*
 * pins.h - which server was met at an address: the identity that a reconnect must find again.
 *
 * One small JSON file, {"format":1,"pins":{"10.0.8.10:3306":{"server_id":"...",
 * "refused_id":"..."}}}, replaced by rename under a lock file beside it. refused_id is the
 * identity that was last refused there: what `guard accept` accepts, and nothing else.
 */
#ifndef TARGETS_RESIDENCY_PINS_H
#define TARGETS_RESIDENCY_PINS_H

#include <stdbool.h>

#include "schema/base/err.h"

#define SERVER_ID_BYTES_MAX 79

enum pin_result { PIN_SAME, PIN_FIRST_USE, PIN_CHANGED };

/*
 * Compare the identity met at peer ("addr:port") with the pin. First use pins it; a change is
 * noted as refused. pinned: receives the identity that is pinned now.
 */
MUST_CHECK bool pins_meet(const char *path, const char *peer, const char *server_id,
                          enum pin_result *result, char pinned[SERVER_ID_BYTES_MAX + 1],
                          struct err *err);

/* Pin what was refused last. *found: false when nothing was. */
MUST_CHECK bool pins_accept(const char *path, const char *peer, bool *found,
                            char accepted[SERVER_ID_BYTES_MAX + 1], struct err *err);

#endif
