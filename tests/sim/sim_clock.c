/*
 * sim_clock.c - stands where schema/base/clock.c and log.c and getrandom(2) stand in
 * the product. The linker takes these and leaves the others out.
 */
#include "tests/sim/sim_clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>

#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/stop.h"

#define START_US UINT64_C(1700000000000000)

static struct {
    uint64_t now_us;
    uint64_t random;
    void (*on_sleep)(void *ctx);
    void *ctx;
    bool log;
} sim;

void sim_clock_reset(uint64_t seed, void (*on_sleep)(void *ctx), void *ctx)
{
    sim.now_us = START_US;
    sim.random = seed;
    sim.on_sleep = on_sleep;
    sim.ctx = ctx;
}

void sim_clock_pass_us(uint64_t us)
{
    sim.now_us += us;
}

void sim_clock_log(bool shown)
{
    sim.log = shown;
}

uint64_t clock_wall_us(void)
{
    return ++sim.now_us;
}

uint64_t clock_steady_us(void)
{
    return ++sim.now_us;
}

void clock_sleep_us(uint64_t us)
{
    if (stop_requested())
        return;
    sim.now_us += us;
    if (sim.on_sleep)
        sim.on_sleep(sim.ctx);
}

void clock_format(uint64_t wall_us, char *out, size_t size)
{
    snprintf(out, size, "%llu us", (unsigned long long)(wall_us - START_US));
}

void log_setup(enum log_level level, bool json)
{
    (void)level, (void)json;
}

void log_line(enum log_level level, const char *area, const char *fmt, ...)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    va_list args;

    if (!sim.log)
        return;
    fprintf(stderr, "      %s %s: ", names[level], area);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

void log_tell_due(void)
{
}

void log_flush(void)
{
}

ssize_t getrandom(void *data, size_t len, unsigned flags)
{
    uint8_t *at = data;

    (void)flags;
    for (size_t i = 0; i < len; i++) {
        sim.random = sim.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        at[i] = (uint8_t)(sim.random >> 56);
    }
    return (ssize_t)len;
}
