/*
 * progress.h - how load tells where it is: a line that rewrites itself on a terminal, JSON
 * lines otherwise, both on stderr.
 */
#ifndef CDC_COMMANDS_PROGRESS_H
#define CDC_COMMANDS_PROGRESS_H

#include <pthread.h>

#include "cdc/load/load.h"

struct progress {
    pthread_mutex_t lock;
    bool terminal;
    uint64_t last_us; /* when a JSON line was last written */
    const char *last_phase;
};

void progress_init(struct progress *p);
/* load_config's callback; ctx is a struct progress. */
void progress_show(void *ctx, const struct load_progress *now);
/* End the line on a terminal. */
void progress_end(struct progress *p);

/* What a load did, on stdout, as text or one JSON value. */
void load_result_print(const struct load_result *r, bool unproven, bool json);

#endif
