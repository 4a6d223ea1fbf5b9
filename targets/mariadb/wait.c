/*
 * wait.c - how long an answer of the target is waited for.
 *
 * A statement may take hours (a big index, an ALTER), and a server may hang for ever; its
 * connection looks the same. So no statement has a limit of its own: when an answer is missing
 * for ANSWER_QUIET_S, a second connection, judged by the guard like any other, asks whether the
 * server still answers and still has our thread. If it does, the wait goes on; if not, the
 * connection is cut and the error is ERR_RETRY, as for any that was lost. A peer that is gone
 * is noticed by the kernel before (targets/sqllogin.h). Once a stop was asked for, STOP_ANSWER_S is
 * all that an answer may still take: the server goes on or rolls back, as after a kill.
 */
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "schema/base/clock.h"
#include "schema/base/stop.h"
#include "targets/mariadb/mariadb.h"
#include "targets/residency/guard.h"
#include "targets/sqllogin.h"

#define SECOND_US ((uint64_t)1000 * 1000)
#define ANSWER_QUIET_S 30
#define PROBE_ANSWER_S 10
#define STOP_ANSWER_S 20
#define SLICE_MS 100

static bool read_count(void *ctx, const struct bytes *columns, unsigned n, struct err *err)
{
    bool *found = ctx;

    (void)err;
    *found = n == 1 && columns[0].len == 1 && columns[0].data[0] == '1';
    return true;
}

static bool is_thread_there(struct maria *t, struct maria *probe, struct err *err)
{
    bool found = false;
    char sql[128];

    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = %lu",
             mysql_thread_id(t->my));
    if (!maria_ask(probe, bytes_str(sql), "ask for our own connection", read_count, &found, err))
        return false;
    if (!found)
        err_server(err, ERR_RETRY, ERR_SIDE_TARGET, 0, "the server does not know it any more");
    return found;
}

/* Does the server answer a second connection, and does it still have the first? */
static bool probe_server(struct maria *t, struct err *err)
{
    struct maria probe = {.is_probe = true};
    bool ok = false;

    probe.base.config = t->base.config;
    probe.base.guard = t->base.guard;
    if (!guard_permit(t->base.guard, t->base.permit.host, t->base.permit.port, &probe.base.permit,
                      err))
        return false;
    if (strcmp(probe.base.permit.peer, t->base.permit.peer) != 0)
        err_server(err, ERR_RETRY, ERR_SIDE_TARGET, 0, "the host is at another address now");
    else if (maria_connect(&probe, err))
        ok = is_thread_there(t, &probe, err);
    else /* also a refusal is an answer: too many connections, a changed password */
        ok = err->server_errno >= 1000 && err->server_errno < 2000;
    if (probe.my)
        mysql_close(probe.my);
    return ok;
}

/* Nothing may wait on this connection again. */
static bool give_up(struct maria *t, const char *what, unsigned waited_s, const struct err *why,
                    struct err *err)
{
    enum err_kind kind = why->kind == ERR_REFUSED ? ERR_REFUSED : ERR_RETRY;

    (void)shutdown((int)mysql_get_socket(t->my), SHUT_RDWR);
    err_server(err, kind, ERR_SIDE_TARGET, 0, "%s: no answer of the target for %u s: %s", what,
               waited_s, why->text);
    return false;
}

bool maria_await(struct maria *t, const char *what, struct err *err)
{
    uint64_t begin = clock_steady_us();
    uint64_t now = begin;
    uint64_t probe_at = begin + (t->is_probe ? PROBE_ANSWER_S : ANSWER_QUIET_S) * SECOND_US;
    uint64_t stop_at = 0;
    struct err why = ERR_INIT;
    struct pollfd p = {.fd = (int)mysql_get_socket(t->my), .events = POLLIN};

    if (!t->my->net.pvio)
        return true; /* the library has closed it and says why */
    /* Anything but "not yet" is for the library to read, an error too. */
    while (!login_has_data(t->my) && poll(&p, 1, SLICE_MS) <= 0) {
        unsigned waited_s;

        now = clock_steady_us();
        waited_s = (unsigned)((now - begin) / SECOND_US);
        if (stop_at == 0 && stop_requested())
            stop_at = now + STOP_ANSWER_S * SECOND_US;
        if (stop_at != 0 && now >= stop_at) {
            err_set(&why, ERR_RETRY, "and the tool was asked to stop");
            return give_up(t, what, waited_s, &why, err);
        }
        if (now < probe_at)
            continue;
        if (t->is_probe)
            err_set(&why, ERR_RETRY, "a second connection does not help");
        if (t->is_probe || !probe_server(t, &why))
            return give_up(t, what, waited_s, &why, err);
        probe_at = clock_steady_us() + ANSWER_QUIET_S * SECOND_US;
    }
    return true;
}
