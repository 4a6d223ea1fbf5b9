/*
 * clock.h - wall time, steady time, sleep.
 *
 * Correctness never depends on wall time; it is for people and for lag. Waits use the
 * steady clock. Times are in microseconds unless the name says otherwise.
 */
#ifndef SCHEMA_BASE_CLOCK_H
#define SCHEMA_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

uint64_t clock_wall_us(void);     /* since 1970-01-01 UTC */
uint64_t clock_steady_us(void);   /* since some start; never goes back */
void clock_sleep_us(uint64_t us); /* returns early when a stop is requested */
/* RFC 3339 UTC with milliseconds into out (at least 32 bytes): 2026-05-04T10:22:31.084Z */
void clock_format(uint64_t wall_us, char *out, size_t size);

#endif
