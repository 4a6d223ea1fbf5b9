#include "cdc/queue/bell.h"

#include "schema/base/clock.h"
#include "schema/base/cond.h"

void queue_bell_init(struct queue_bell *b)
{
    *b = (struct queue_bell){0};
    pthread_mutex_init(&b->lock, NULL);
    cond_init(&b->rung);
}

void queue_bell_release(struct queue_bell *b)
{
    pthread_cond_destroy(&b->rung);
    pthread_mutex_destroy(&b->lock);
}

void queue_bell_ring(struct queue_bell *b)
{
    pthread_mutex_lock(&b->lock);
    b->rings++;
    pthread_cond_broadcast(&b->rung);
    pthread_mutex_unlock(&b->lock);
}

uint64_t queue_bell_rings(struct queue_bell *b)
{
    uint64_t rings;

    if (!b)
        return 0;
    pthread_mutex_lock(&b->lock);
    rings = b->rings;
    pthread_mutex_unlock(&b->lock);
    return rings;
}

void queue_bell_wait(struct queue_bell *b, uint64_t rings, uint64_t timeout_us)
{
    uint64_t end_us = clock_steady_us() + timeout_us;

    pthread_mutex_lock(&b->lock);
    while (b->rings == rings && cond_wait_until(&b->rung, &b->lock, end_us))
        continue;
    pthread_mutex_unlock(&b->lock);
}

void queue_bell_pause(struct queue_bell *b, uint64_t rings, uint64_t poll_us, uint64_t timeout_us)
{
    uint64_t most_us = b ? BELL_LOOK_US : poll_us;
    uint64_t us = timeout_us < most_us ? timeout_us : most_us;

    if (b)
        queue_bell_wait(b, rings, us);
    else
        clock_sleep_us(us);
}
