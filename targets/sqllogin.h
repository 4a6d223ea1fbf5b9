/*
 * sqllogin.h - TLS first, then the password: how a connection of the MySQL protocol is opened.
 *
 * Shared by the two places that call mysql_real_connect, which give it the password "": the
 * library holds none that it could send by itself. The first authentication plugin that it
 * asks is the one of sqllogin.c; that one brings TLS up, verifies the certificate against the
 * authorities AND the configured host, whatever address the socket goes to, and only then
 * hands the password over. A server that offers no TLS sees not even the user's name. What
 * may follow inside TLS is a short list of plugins; none that asks for clear text by name.
 */
#ifndef TARGETS_SQLLOGIN_H
#define TARGETS_SQLLOGIN_H

#include <mysql.h>

#include "schema/base/digest.h"
#include "schema/base/err.h"

struct login {
    const char *host;     /* as configured: what the certificate must be for */
    const char *password; /* "" if none */
    const char *ca;       /* PEM file of authorities */
    unsigned connect_timeout_s;
    unsigned io_timeout_s; /* for one read or write; 0 = none */

    bool asked; /* our plugin ran; a server has no second go */
    bool no_tls;
};

/*
 * Set all options of a new connection; no option file is read, LOCAL INFILE and reconnecting
 * behind our back are off, charset utf8mb4. login: borrowed until mysql_real_connect is back.
 * False: the library refused an option.
 */
MUST_CHECK bool login_prepare(MYSQL *my, struct login *login);

/* After a refusal of ours: what to do about it, as the end of a message; else NULL. */
const char *login_remedy(const struct login *login, unsigned number);

/*
 * Is the connection encrypted, its chain good and its certificate for this host? fingerprint
 * (may be NULL): SHA-256 of the certificate, "" if it cannot be had.
 */
MUST_CHECK bool login_is_verified(const MYSQL *my, const char *host,
                                  char fingerprint[SHA256_HEX_SIZE]);

/*
 * Let the kernel notice a peer that is gone, within LOGIN_PEER_GONE_S: keepalive for an idle
 * connection, TCP_USER_TIMEOUT for bytes that are not acknowledged or not taken.
 */
#define LOGIN_PEER_GONE_S 60
void login_keep(MYSQL *my);

/* Are there bytes that were read from the socket but not asked for yet? */
bool login_has_data(const MYSQL *my);

#endif
