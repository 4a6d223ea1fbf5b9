#include "schema/base/stop.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

static atomic_bool stop_flag;

static void on_signal(int sig)
{
    if (atomic_exchange(&stop_flag, true))
        _exit(128 + sig);
}

void stop_install(void)
{
    struct sigaction act = {.sa_handler = on_signal};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigemptyset(&act.sa_mask);
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

void stop_request(void)
{
    atomic_store(&stop_flag, true);
}

bool stop_requested(void)
{
    return atomic_load(&stop_flag);
}

void stop_clear(void)
{
    atomic_store(&stop_flag, false);
}
