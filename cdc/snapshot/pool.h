/*
 * pool.h - N workers over one function, with one failure.
 *
 * The owner's tables, counters and whatever else its workers share lie under the pool's lock. A
 * worker that must wait for what another one is doing waits in pool_wait(); who changed
 * something calls pool_wake(). A worker that fails ends the run: the others see it
 * by pool_has_failed() when they look for more work, and the first error is the run's.
 *
 * One worker runs in the calling thread, and no thread is made.
 */
#ifndef CDC_SNAPSHOT_POOL_H
#define CDC_SNAPSHOT_POOL_H

#include <pthread.h>
#include <stdint.h>

#include "schema/base/err.h"

#define POOL_WORKERS_MAX 64
/* A stop comes by a signal and wakes nobody, so every wait ends after this. */
#define POOL_LOOK_US 100000

struct pool_job {
    /* What worker number `worker` (from 0) does until there is no more to do. */
    bool (*work)(void *ctx, uint32_t worker, struct err *err);
    /* Called by the waiting thread, without the lock, every POOL_LOOK_US or more often; or NULL */
    void (*progress)(void *ctx);
    void *ctx;
};

struct pool {
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t changed;
    const struct pool_job *job; /* NULL: it does not run */
    uint32_t busy;              /* workers that have not ended */
    bool is_alone;              /* the worker is the calling thread */
    bool has_failed;
    struct err failure; /* the first */
};

void pool_init(struct pool *p);
void pool_release(struct pool *p);

/*
 * Run n workers (1 to POOL_WORKERS_MAX), and wait for all of them: as long as their own waits
 * let them. Fails with the first error of a worker, or with ERR_RETRY when a thread could not
 * be started. Not from inside a worker.
 */
MUST_CHECK bool pool_run(struct pool *p, uint32_t n, const struct pool_job *job, struct err *err);

void pool_lock(struct pool *p);
void pool_unlock(struct pool *p);

/* With the lock held. Until pool_wake(), the end of a worker or a failure, at most POOL_LOOK_US;
 * what was waited for must be looked at again, and a stop too. */
void pool_wait(struct pool *p);
void pool_wake(struct pool *p);
/* Has a worker of this run failed? */
bool pool_has_failed(const struct pool *p);

/* In a worker, without the lock, now and then: reports when there is no waiting thread to do it. */
void pool_report(struct pool *p);

#endif
