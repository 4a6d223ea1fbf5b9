#include "schema/base/cond.h"

#include <time.h>

#define US_PER_S 1000000u

void cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

bool cond_wait_until(pthread_cond_t *c, pthread_mutex_t *lock, uint64_t end_us)
{
    struct timespec end = {.tv_sec = (time_t)(end_us / US_PER_S),
                           .tv_nsec = (long)(end_us % US_PER_S) * 1000};

    return pthread_cond_timedwait(c, lock, &end) == 0;
}
