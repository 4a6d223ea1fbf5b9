#include "cdc/snapshot/pool.h"

#include <assert.h>

#include "schema/base/clock.h"
#include "schema/base/cond.h"

struct worker {
    struct pool *pool;
    uint32_t number;
    pthread_t thread;
};

void pool_init(struct pool *p)
{
    *p = (struct pool){0};
    pthread_mutex_init(&p->lock, NULL);
    cond_init(&p->changed);
}

void pool_release(struct pool *p)
{
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
}

void pool_lock(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
}

void pool_unlock(struct pool *p)
{
    pthread_mutex_unlock(&p->lock);
}

void pool_wait(struct pool *p)
{
    (void)cond_wait_until(&p->changed, &p->lock, clock_steady_us() + POOL_LOOK_US);
}

void pool_wake(struct pool *p)
{
    pthread_cond_broadcast(&p->changed);
}

bool pool_has_failed(const struct pool *p)
{
    return p->has_failed;
}

void pool_report(struct pool *p)
{
    if (p->is_alone && p->job->progress)
        p->job->progress(p->job->ctx);
}

/* With the lock held. */
static void fail(struct pool *p, const struct err *err)
{
    if (!p->has_failed)
        p->failure = *err;
    p->has_failed = true;
    pool_wake(p);
}

static void work(struct worker *w)
{
    struct pool *p = w->pool;
    struct err err = ERR_INIT;
    bool ok = p->job->work(p->job->ctx, w->number, &err);

    pool_lock(p);
    if (!ok)
        fail(p, &err);
    p->busy--;
    pool_wake(p);
    pool_unlock(p);
}

static void *worker_main(void *arg)
{
    work(arg);
    return NULL;
}

static bool start(struct worker *w)
{
    struct pool *p = w->pool;
    struct err err = ERR_INIT;

    pool_lock(p);
    p->busy++;
    pool_unlock(p);
    if (pthread_create(&w->thread, NULL, worker_main, w) == 0)
        return true;
    err_set(&err, ERR_RETRY, "a thread for worker %u could not be started", w->number);
    pool_lock(p);
    p->busy--;
    fail(p, &err);
    pool_unlock(p);
    return false;
}

static void wait_for_all(struct pool *p)
{
    pool_lock(p);
    while (p->busy) {
        pool_wait(p);
        if (!p->job->progress)
            continue;
        pool_unlock(p);
        p->job->progress(p->job->ctx);
        pool_lock(p);
    }
    pool_unlock(p);
}

static void run_threads(struct pool *p, uint32_t n)
{
    struct worker workers[POOL_WORKERS_MAX];
    uint32_t started = 0;

    for (uint32_t i = 0; i < n; i++)
        workers[i] = (struct worker){.pool = p, .number = i};
    while (started < n && start(&workers[started]))
        started++;
    wait_for_all(p);
    for (uint32_t i = 0; i < started; i++)
        pthread_join(workers[i].thread, NULL);
}

bool pool_run(struct pool *p, uint32_t n, const struct pool_job *job, struct err *err)
{
    bool ok;

    assert(n > 0 && n <= POOL_WORKERS_MAX && !p->job);
    p->job = job;
    p->is_alone = n == 1;
    if (p->is_alone) {
        p->busy = 1;
        work(&(struct worker){.pool = p});
    } else {
        run_threads(p, n);
    }
    ok = !p->has_failed;
    if (!ok)
        *err = p->failure;
    p->has_failed = p->is_alone = false;
    p->job = NULL;
    return ok;
}
