/*
 * suite.h - the contract of targets/target.h, as one suite for every engine.
 *
 * It speaks to a target through the interface alone. A program for an engine fills
 * contract_open and calls contract_run(). Each test begins with an empty database c, the
 * state schema and the lane in hand; lsn goes on from test to test.
 */
#ifndef TESTS_CONTRACT_SUITE_H
#define TESTS_CONTRACT_SUITE_H

#include "targets/target.h"

/* Another connection to the engine under test; fails the running test on an error. */
extern struct target *(*contract_open)(void);
int contract_run(const char *name);

#endif
