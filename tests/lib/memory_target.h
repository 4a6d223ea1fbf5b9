/*
 * memory_target.h - a target in memory, for contract tests and simulations. Never a bar that
 * names a server.
 *
 * It keeps the contract of targets/target.h with nothing outside the process: deterministic, no
 * thread, no real time. It is made here only; no configuration leads to it. DDL commits by itself
 * and is not atomic with its journal, as on MariaDB.
 *
 * Units run when they are reaped, in order, so that what they borrow must really live until then.
 * Up to MEMORY_IN_FLIGHT may be submitted; after a failure those behind it are dropped.
 *
 * Faults: before and after everything that changes the server, and before reads, a function is
 * asked what shall go wrong. After a lost connection or a crash the target answers ERR_RETRY
 * until it is closed and opened again.
 */
#ifndef TESTS_LIB_MEMORY_TARGET_H
#define TESTS_LIB_MEMORY_TARGET_H

#include "targets/target.h"

#define MEMORY_IN_FLIGHT 8

struct memory_server;

enum memory_point {
    MEMORY_BEGIN,         /* a unit or a load is about to begin its transaction */
    MEMORY_OP,            /* an operation of a unit */
    MEMORY_BEFORE_COMMIT, /* of a unit, a load, a state row, a take-over */
    MEMORY_AFTER_COMMIT,
    MEMORY_BEFORE_DEFINE, /* a definition is about to change */
    MEMORY_AFTER_DEFINE,
    MEMORY_READ,
};

enum memory_fault {
    MEMORY_GOOD,
    MEMORY_RETRY, /* a deadlock: rolled back, the connection stays */
    MEMORY_LOST,  /* the connection; what was not committed is rolled back */
    MEMORY_CRASH, /* the server: every connection is lost */
    MEMORY_VALUE, /* MEMORY_OP: ERR_DATA "value_refused" */
};

typedef enum memory_fault memory_fault_fn(void *ctx, enum memory_point point);

struct memory_server *memory_server_new(void);
void memory_server_free(struct memory_server *server); /* when its targets are closed */
/* fault: NULL for none. */
void memory_server_faults(struct memory_server *server, memory_fault_fn *fault, void *ctx);
/* Lose what is not committed, and every connection. */
void memory_server_crash(struct memory_server *server);

/* Close with target_close(). server must outlive it. */
struct target *memory_target_open(struct memory_server *server);
/* With names of its own; mapping is borrowed. */
struct target *memory_target_open_mapped(struct memory_server *server,
                                         const struct mapping *mapping);
/* For checks: no fault is asked for, and no crash ends it. */
struct target *memory_target_eye(struct memory_server *server);

/*
 * Faults by a seed: each point fails with the given chances of 65536. The state is the
 * caller's; the same seed and calls give the same faults.
 */
struct memory_dice {
    uint64_t state;
    uint32_t retry, lost, crash, value;
};
memory_fault_fn memory_dice_fault; /* ctx: struct memory_dice */

#endif
