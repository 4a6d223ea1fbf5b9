/*
 * engine.h - MariaDB as a target, for the table of engines in target.c.
 */
#ifndef TARGETS_MARIADB_ENGINE_H
#define TARGETS_MARIADB_ENGINE_H

#include "targets/engine.h"

extern const struct target_ops mariadb_target;

#endif
