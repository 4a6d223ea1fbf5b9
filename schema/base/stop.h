/*
 * stop.h - the one mutable global: somebody asked the process to end.
 *
 * Every wait and every loop of an engine looks at it. The first SIGINT or SIGTERM asks for
 * an orderly end (finish the transaction in hand, store the position); a second one ends
 * the process at once, which is as safe as a kill.
 */
#ifndef SCHEMA_BASE_STOP_H
#define SCHEMA_BASE_STOP_H

#include <stdbool.h>

void stop_install(void); /* SIGINT, SIGTERM; SIGPIPE ignored */
void stop_request(void); /* from any thread or signal handler */
bool stop_requested(void);
void stop_clear(void); /* for tests */

#endif
