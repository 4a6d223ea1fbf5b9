/*
 * sim_clock.h - time that is a number.
 *
 * Linked into the simulation, sim_clock.c gives the product its clock, its random numbers and
 * its log: whatever else would differ from run to run.
 */
#ifndef TESTS_SIM_SIM_CLOCK_H
#define TESTS_SIM_SIM_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Begin anew; the seed is that of getrandom(). on_sleep: called in every sleep, after the time
 * has passed; NULL for none. */
void sim_clock_reset(uint64_t seed, void (*on_sleep)(void *ctx), void *ctx);
void sim_clock_pass_us(uint64_t us);
/* The product's log goes to stderr; at first it goes nowhere. */
void sim_clock_log(bool shown);

#endif
