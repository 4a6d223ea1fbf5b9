/*
 * config.h - the JSON configuration file as structs.
 *
 * Unknown keys, wrong types and values out of range are errors that name the key, the place
 * and the nearest known key. Secrets are read from file, environment or command when the
 * configuration is loaded and never printed. Relative paths are relative to the
 * configuration file's directory.
 */
#ifndef CDC_CONFIG_CONFIG_H
#define CDC_CONFIG_CONFIG_H

#include "cdc/queue/queue.h"
#include "cdc/source/source.h"
#include "schema/base/arena.h"
#include "schema/base/err.h"
#include "schema/mapping/mapping.h"
#include "targets/residency/guard.h"
#include "targets/target.h"

struct config {
    struct arena arena; /* owns every string below */
    const char *path;
    struct source_config source;
    struct target_config target;
    struct mapping *mapping; /* NULL: everything, under its own name */
    const char *queue_dir;
    struct queue_options queue;
    struct residency_config residency;
    const char *channel; /* name of the lane rows in the target: the target's name */
    uint32_t load_workers;
    uint64_t event_bytes_max;
    bool stop_all; /* on_stop: all */
};

/* Read and check a file. Release with config_release. Fails with ERR_CONFIG. */
MUST_CHECK bool config_load(const char *path, struct config *config, struct err *err);
void config_release(struct config *config);

#endif
