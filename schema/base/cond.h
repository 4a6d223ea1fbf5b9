/*
 * cond.h - a condition that waits by the steady clock, never without a limit.
 */
#ifndef SCHEMA_BASE_COND_H
#define SCHEMA_BASE_COND_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

void cond_init(pthread_cond_t *c);

/* With the lock held, until end_us of the steady clock: then false. Like any condition it may
 * return true for nothing. */
bool cond_wait_until(pthread_cond_t *c, pthread_mutex_t *lock, uint64_t end_us);

#endif
