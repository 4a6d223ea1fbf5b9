#include "schema/base/clock.h"

#include <stdio.h>
#include <time.h>

#include "schema/base/stop.h"

#define US_PER_S 1000000u
/* A signal may land in another thread, so a sleeper looks at the flag this often. */
#define SLEEP_SLICE_US 20000u

static uint64_t now_us(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * US_PER_S + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t clock_wall_us(void)
{
    return now_us(CLOCK_REALTIME);
}

uint64_t clock_steady_us(void)
{
    return now_us(CLOCK_MONOTONIC);
}

void clock_sleep_us(uint64_t us)
{
    uint64_t start = clock_steady_us();

    while (!stop_requested()) {
        uint64_t gone = clock_steady_us() - start;
        uint64_t left = gone < us ? us - gone : 0;
        uint64_t slice = left < SLEEP_SLICE_US ? left : SLEEP_SLICE_US;
        struct timespec ts = {0, (long)slice * 1000};

        if (slice == 0)
            break;
        nanosleep(&ts, NULL);
    }
}

void clock_format(uint64_t wall_us, char *out, size_t size)
{
    time_t seconds = (time_t)(wall_us / US_PER_S);
    unsigned ms = (unsigned)(wall_us % US_PER_S / 1000);
    struct tm tm;
    char date[32];

    if (gmtime_r(&seconds, &tm) == NULL ||
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        date[0] = '\0';
    snprintf(out, size, "%s.%03uZ", date, ms);
}
