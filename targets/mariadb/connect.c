/*
 * connect.c - the one place that opens a connection to a target.
 *
 * The socket goes to the literal address of the permit, so that no name is resolved twice;
 * the certificate must be for the configured host. sqllogin.h says how that is made sure of
 * before the login; here it is looked at once more, on what the connection really uses.
 */
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "schema/base/digest.h"
#include "targets/mariadb/mariadb.h"
#include "targets/sqllogin.h"

#include <errmsg.h>

#define CONNECT_TIMEOUT_S 10
#define IO_TIMEOUT_S 600 /* inside one packet; wait.c says how long for its begin */

static bool check_certificate(struct maria *t, char fingerprint[SHA256_HEX_SIZE], struct err *err)
{
    if (login_is_verified(t->my, t->base.permit.host, fingerprint))
        return true;
    err_server(err, ERR_SERVER, ERR_SIDE_TARGET, 0,
               "certificate of the target is not valid for host %s", t->base.permit.host);
    return false;
}

struct echo {
    char host[320];
    char server_id[160];
    char proxy_networks[1024];
    bool got;
    bool has_proxy_networks;
};

static bool put_field(char *out, size_t size, struct bytes b)
{
    if (b.len >= size)
        return false;
    if (b.len)
        memcpy(out, b.data, b.len);
    out[b.len] = 0;
    return true;
}

static bool read_echo(void *ctx, const struct bytes *c, unsigned n, struct err *err)
{
    struct echo *echo = ctx;

    assert(n == 3);
    echo->has_proxy_networks = c[2].data != NULL;
    echo->got = put_field(echo->host, sizeof(echo->host), c[0]) &&
                put_field(echo->server_id, sizeof(echo->server_id), c[1]) &&
                put_field(echo->proxy_networks, sizeof(echo->proxy_networks), c[2]);
    if (!echo->got)
        err_server(err, ERR_SERVER, ERR_SIDE_TARGET, 0, "target describes itself too long");
    return echo->got;
}

static bool confirm_peer(struct maria *t, const char *fingerprint, struct err *err)
{
    static const char sql[] = "SELECT HOST, @@global.server_uid, @@global.proxy_protocol_networks "
                              "FROM information_schema.PROCESSLIST WHERE ID = CONNECTION_ID()";
    struct echo echo = {.got = false};
    struct sockaddr_storage peer;
    struct sockaddr_storage local;
    socklen_t peer_len = sizeof(peer);
    socklen_t local_len = sizeof(local);
    int fd = mysql_get_socket(t->my);
    struct peer_facts facts = {0};

    if (getpeername(fd, (struct sockaddr *)&peer, &peer_len) != 0 ||
        getsockname(fd, (struct sockaddr *)&local, &local_len) != 0) {
        err_server(err, ERR_RETRY, ERR_SIDE_TARGET, 0, "target connection is gone");
        return false;
    }
    if (!maria_ask(t, bytes_str(sql), "ask the target who it is", read_echo, &echo, err))
        return false;
    if (!echo.got) {
        err_reason(err, ERR_REFUSED, "no_echo", "target %s does not show our own connection",
                   t->base.permit.host);
        return false;
    }
    facts.peer = (struct sockaddr *)&peer;
    facts.local = (struct sockaddr *)&local;
    facts.echo = echo.host;
    facts.server_id = echo.server_id;
    facts.proxy_protocol_networks = echo.has_proxy_networks ? echo.proxy_networks : NULL;
    facts.tls_fingerprint = fingerprint[0] ? fingerprint : NULL;
    return guard_confirm(t->base.guard, &t->base.permit, &facts, err);
}

/*
 * A statement may take longer than a permit lives (a big index): then the connection in hand is
 * judged like a new one, from name to echo, before anything else goes out on it.
 */
static bool permit_again(struct maria *t, struct err *err)
{
    struct permit fresh;
    char fingerprint[SHA256_HEX_SIZE];

    if (!guard_permit(t->base.guard, t->base.permit.host, t->base.permit.port, &fresh, err))
        return false;
    if (strcmp(fresh.peer, t->base.permit.peer) != 0) {
        err_server(err, ERR_RETRY, ERR_SIDE_TARGET, 0, "target %s is at another address now",
                   t->base.permit.host);
        return false;
    }
    t->base.permit = fresh;
    return check_certificate(t, fingerprint, err) && confirm_peer(t, fingerprint, err);
}

bool maria_permit(struct maria *t, struct err *err)
{
    bool ok = true;

    if (permit_is_expired(&t->base.permit))
        ok = permit_again(t, err);
    else if (permit_is_due(&t->base.permit))
        ok = guard_renew(t->base.guard, &t->base.permit, err);
    return ok && permit_check(&t->base.permit, err);
}

/* What a person can do about it. */
static const char *connect_remedy(unsigned number)
{
    switch (number) {
    case 1045: /* access denied */
    case 1698:
        return "; check the target's user, its password and the host that it may come from";
    case CR_SSL_CONNECTION_ERROR:
        return "; check the target's tls.ca and that its host is a name in the certificate";
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
        return "; check the target's host and port and that the server runs";
    default:
        return "";
    }
}

static void connect_error(struct maria *t, const struct login *login, struct err *err)
{
    unsigned number = mysql_errno(t->my);
    const char *remedy = login_remedy(login, number);
    char answer[200];
    bool retry = number == CR_CONNECTION_ERROR || number == CR_CONN_HOST_ERROR ||
                 number == CR_SERVER_LOST || number == CR_SERVER_GONE_ERROR || number == 1040 ||
                 number == 1203 || number == 1053;

    if (number >= 2000 && number < 3000)
        snprintf(answer, sizeof(answer), "%s", mysql_error(t->my));
    else
        snprintf(answer, sizeof(answer), "refused with error %u (SQLSTATE %s)", number,
                 mysql_sqlstate(t->my));
    err_server(err, retry ? ERR_RETRY : ERR_SERVER, ERR_SIDE_TARGET, number,
               "connect to target %s (%s port %u) as %.80s: %s%s", t->base.permit.host,
               t->base.permit.peer, (unsigned)t->base.permit.port, t->base.config.user, answer,
               remedy ? remedy : connect_remedy(number));
}

bool maria_connect(struct maria *t, struct err *err)
{
    char fingerprint[SHA256_HEX_SIZE];
    struct login login = {
        .host = t->base.permit.host,
        .password = t->base.config.password,
        .ca = t->base.config.tls_ca,
        .connect_timeout_s =
            t->base.config.connect_timeout_s ? t->base.config.connect_timeout_s : CONNECT_TIMEOUT_S,
        .io_timeout_s = IO_TIMEOUT_S,
    };

    t->my = mysql_init(NULL);
    if (!t->my || !login_prepare(t->my, &login)) {
        err_server(err, ERR_SERVER, ERR_SIDE_TARGET, 0, "the client library cannot be set up");
        return false;
    }
    if (!mysql_real_connect(t->my, t->base.permit.peer, t->base.config.user, "", NULL,
                            t->base.permit.port, NULL,
                            CLIENT_MULTI_STATEMENTS | CLIENT_MULTI_RESULTS)) {
        connect_error(t, &login, err);
        return false;
    }
    login_keep(t->my);
    return check_certificate(t, fingerprint, err) && confirm_peer(t, fingerprint, err);
}
