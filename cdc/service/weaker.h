/*
 * weaker.h - in what the copy is weaker than the source: clauses that the target cannot carry, and
 * what could not be made there. Measured when it is asked, from the definitions that the target's
 * tables were made from and from the target itself.
 */
#ifndef CDC_SERVICE_WEAKER_H
#define CDC_SERVICE_WEAKER_H

#include "targets/target.h"

/* One note each, of the tables that are followed. */
MUST_CHECK bool weaker_list(struct target *target, const struct table_state *states, size_t n,
                            struct notes *out, struct err *err);

#endif
