#include "targets/sqllogin.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <errmsg.h>
#include <mysql/plugin_auth.h>

/* The library's own description of a connection, to reach its TLS session. */
#define HAVE_TLS 1
typedef unsigned char uchar;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include <ma_pvio.h>
#pragma GCC diagnostic pop

#define PACKET_BYTES_MAX ((unsigned long)1 << 30)
#define NET_BUFFER_BYTES ((unsigned long)1 << 20)
#define KEEPALIVE_IDLE_S 20
#define KEEPALIVE_INTERVAL_S 10
#define KEEPALIVE_COUNT ((LOGIN_PEER_GONE_S - KEEPALIVE_IDLE_S) / KEEPALIVE_INTERVAL_S)
#define PLUGIN_NAME "domicile_verify"
#define USERDATA_KEY "domicile_login"
/*
 * The library looks for a plugin's name inside this text. sha256_password and
 * caching_sha2_password send the password itself where the server asks, inside TLS only.
 */
#define PLUGINS                                                                                    \
    PLUGIN_NAME ",mysql_native_password,client_ed25519,caching_sha2_password,sha256_password"

static void set_error(MYSQL *my, unsigned number, const char *text)
{
    my->net.last_errno = number;
    snprintf(my->net.sqlstate, sizeof(my->net.sqlstate), "HY000");
    snprintf(my->net.last_error, sizeof(my->net.last_error), "%s", text);
}

static bool replace(char **text, const char *by)
{
    char *copy = strdup(by);

    if (!copy)
        return false;
    free(*text);
    *text = copy;
    return true;
}

static bool cert_is_for(X509 *cert, const char *host)
{
    return X509_check_host(cert, host, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1 ||
           X509_check_ip_asc(cert, host, 0) == 1;
}

static bool library_is_openssl(void)
{
    const char *name = NULL;

    return mariadb_get_infov(NULL, MARIADB_TLS_LIBRARY, &name) == 0 && name &&
           strncmp(name, "OpenSSL", 7) == 0;
}

bool login_is_verified(const MYSQL *my, const char *host, char fingerprint[SHA256_HEX_SIZE])
{
    const MARIADB_TLS *tls = my->net.pvio ? my->net.pvio->ctls : NULL;
    SSL *ssl = tls && library_is_openssl() ? tls->ssl : NULL;
    X509 *cert = ssl ? SSL_get1_peer_certificate(ssl) : NULL;
    unsigned char *der = NULL;
    bool ok = cert && SSL_get_verify_result(ssl) == X509_V_OK && cert_is_for(cert, host);

    if (fingerprint) {
        int n = ok ? i2d_X509(cert, &der) : 0;

        fingerprint[0] = 0;
        if (n > 0)
            sha256_hex(bytes_of(der, (size_t)n), fingerprint);
    }
    OPENSSL_free(der);
    X509_free(cert);
    return ok;
}

/*
 * Called by the library after the server's greeting, before it sends anything. The first
 * packet starts TLS and carries no answer for authentication, so the server asks the account's
 * own plugin next.
 */
static int verify_then_log_in(MYSQL_PLUGIN_VIO *vio, MYSQL *my)
{
    struct login *login = NULL;

    if (mysql_get_optionv(my, MARIADB_OPT_USERDATA, (void *)USERDATA_KEY, &login) != 0 || !login ||
        login->asked) {
        set_error(my, CR_PLUGIN_NOT_ALLOWED, "the server asks for an unknown plugin");
        return CR_ERROR;
    }
    login->asked = true;
    if (!(my->server_capabilities & CLIENT_SSL)) {
        login->no_tls = true;
        set_error(my, CR_SSL_CONNECTION_ERROR, "TLS is required, but the server offers none");
        return CR_ERROR;
    }
    /* The library verifies too, for the host that stands here, before the first packet. */
    if (!replace(&my->host, login->host) || vio->write_packet(vio, NULL, 0) != 0)
        return CR_ERROR;
    if (!login_is_verified(my, login->host, NULL)) {
        set_error(my, CR_SSL_CONNECTION_ERROR, "the certificate is not valid for the host");
        return CR_ERROR;
    }
    return replace(&my->passwd, login->password) ? CR_OK : CR_ERROR;
}

/* As st_mysql_client_plugin_AUTHENTICATION, whose header includes one that is not installed. */
struct auth_plugin {
    MYSQL_CLIENT_PLUGIN_HEADER
    int (*authenticate_user)(MYSQL_PLUGIN_VIO *vio, MYSQL *my);
};

#define AUTH_PLUGIN_TYPE 2
#define AUTH_PLUGIN_INTERFACE 0x0100

static bool register_plugin(MYSQL *my)
{
    static const struct auth_plugin plugin = {
        .type = AUTH_PLUGIN_TYPE,
        .interface_version = AUTH_PLUGIN_INTERFACE,
        .name = PLUGIN_NAME,
        .author = "domicile",
        .desc = "verifies the server before the login",
        .version = {1, 0, 0},
        .license = "",
        .authenticate_user = verify_then_log_in,
    };
    /* The library only keeps the address; from the second call on it is there already. */
    struct st_mysql_client_plugin *ours = (struct st_mysql_client_plugin *)&plugin;

    return mysql_client_register_plugin(my, ours) == ours;
}

bool login_prepare(MYSQL *my, struct login *login)
{
    unsigned protocol = MYSQL_PROTOCOL_TCP;
    unsigned off = 0;
    my_bool yes = 1;
    my_bool no = 0;
    unsigned long packet = PACKET_BYTES_MAX;
    unsigned long net_buffer = NET_BUFFER_BYTES;
    unsigned io_s = login->io_timeout_s;

    login->asked = false;
    login->no_tls = false;
    return register_plugin(my) && mysql_options(my, MYSQL_OPT_PROTOCOL, &protocol) == 0 &&
           mysql_options(my, MYSQL_OPT_CONNECT_TIMEOUT, &login->connect_timeout_s) == 0 &&
           (io_s == 0 || (mysql_options(my, MYSQL_OPT_READ_TIMEOUT, &io_s) == 0 &&
                          mysql_options(my, MYSQL_OPT_WRITE_TIMEOUT, &io_s) == 0)) &&
           mysql_options(my, MYSQL_OPT_RECONNECT, &no) == 0 &&
           mysql_options(my, MYSQL_OPT_LOCAL_INFILE, &off) == 0 &&
           mysql_options(my, MYSQL_SET_CHARSET_NAME, "utf8mb4") == 0 &&
           mysql_options(my, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet) == 0 &&
           mysql_options(my, MYSQL_OPT_NET_BUFFER_LENGTH, &net_buffer) == 0 &&
           mysql_options(my, MYSQL_OPT_SSL_ENFORCE, &yes) == 0 &&
           mysql_options(my, MYSQL_OPT_SSL_CA, login->ca) == 0 &&
           mysql_options(my, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes) == 0 &&
           mysql_options(my, MARIADB_OPT_TLS_VERSION, "TLSv1.2,TLSv1.3") == 0 &&
           mysql_options(my, MARIADB_OPT_RESTRICTED_AUTH, PLUGINS) == 0 &&
           mysql_options(my, MYSQL_DEFAULT_AUTH, PLUGIN_NAME) == 0 &&
           mysql_optionsv(my, MARIADB_OPT_USERDATA, (void *)USERDATA_KEY, (void *)login) == 0;
}

const char *login_remedy(const struct login *login, unsigned number)
{
    if (login->no_tls)
        return "; turn TLS on at the server (ssl_cert and ssl_key), nothing was sent to it";
    if (number == CR_PLUGIN_NOT_ALLOWED)
        return "; give the account mysql_native_password, ed25519 or caching_sha2_password, "
               "the password was not sent";
    return NULL;
}

static void set_option(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof(value));
}

void login_keep(MYSQL *my)
{
    int fd = (int)mysql_get_socket(my);

    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, LOGIN_PEER_GONE_S * 1000);
}

bool login_has_data(const MYSQL *my)
{
    const MARIADB_PVIO *pvio = my->net.pvio;

    if (!pvio)
        return false;
    if (pvio->cache && pvio->cache_pos < pvio->cache + pvio->cache_size)
        return true;
    return pvio->ctls && SSL_pending(pvio->ctls->ssl) > 0;
}
