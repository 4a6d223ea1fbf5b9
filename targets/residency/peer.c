#include "targets/residency/peer.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HOST_BYTES_MAX 253

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static const struct {
    const char *cidr;
    const char *reason;
} denied[] = {
    {"127.0.0.0/8", "loopback"},
    {"169.254.0.0/16", "link_local"},
    {"0.0.0.0/8", "unspecified"},
    {"224.0.0.0/4", "multicast"},
    {"255.255.255.255/32", "broadcast"},
    {"::1/128", "loopback"},
    {"::/128", "unspecified"},
    {"fe80::/10", "link_local"},
    {"ff00::/8", "multicast"},
    {"64:ff9b::/96", "translated"},
    {"64:ff9b:1::/48", "translated"},
    {"2002::/16", "translated"},
    {"2001::/32", "translated"},
    {"::/96", "translated"},
    {"fd00:ec2::/32", "service_address"},
};

static bool is_name(const char *host)
{
    static const char set[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *last = host;
    size_t len = strlen(host);

    if (strspn(host, set) != len || host[0] == '-' || host[0] == '.')
        return false;
    for (const char *p = host; *p != '\0'; p++)
        if (*p == '.' && p[1] != '\0')
            last = p + 1;
    /* "127.1", "2130706433" and "0x7f.1" are addresses to the resolver, not names. */
    return strchr("0123456789", last[0]) == NULL ||
           last[strspn(last, "0123456789xXabcdefABCDEF.")] != '\0';
}

const char *host_check(const char *host)
{
    struct address literal;

    if (host[0] == '\0' || host[0] == '/' || strcasecmp(host, "localhost") == 0 ||
        strncmp(host, "unix:", 5) == 0)
        return "local_socket";
    if (strpbrk(host, ";=") != NULL || strstr(host, "://") != NULL)
        return "connection_string";
    if (strchr(host, ',') != NULL)
        return "multi_host";
    if (strlen(host) > HOST_BYTES_MAX)
        return "bad_host";
    return address_parse(host, &literal) || is_name(host) ? NULL : "bad_host";
}

static struct address address_of(const void *bytes, uint8_t len)
{
    struct address a = {len, {0}};

    if (len == 16 && memcmp(bytes, mapped_prefix, sizeof(mapped_prefix)) == 0) {
        a.len = 4;
        memcpy(a.bytes, (const uint8_t *)bytes + sizeof(mapped_prefix), 4);
    } else {
        memcpy(a.bytes, bytes, len);
    }
    return a;
}

const char *address_classify(const struct address *a)
{
    for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++) {
        struct cidr c;

        if (cidr_parse(denied[i].cidr, &c) && cidr_contains(&c, a))
            return denied[i].reason;
    }
    return NULL;
}

const char *peer_classify(const struct sockaddr *peer, struct address *out)
{
    *out = (struct address){0};
    switch (peer->sa_family) {
    case AF_INET:
        *out = address_of(&((const struct sockaddr_in *)(const void *)peer)->sin_addr, 4);
        return address_classify(out);
    case AF_INET6:
        *out = address_of(&((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, 16);
        return address_classify(out);
    case AF_UNIX:
        return "local_socket";
    default:
        return "unknown_family";
    }
}

bool address_parse(const char *text, struct address *out)
{
    uint8_t bytes[16];

    *out = (struct address){0};
    if (inet_pton(AF_INET, text, bytes) == 1)
        *out = address_of(bytes, 4);
    else if (inet_pton(AF_INET6, text, bytes) == 1)
        *out = address_of(bytes, 16);
    return out->len != 0;
}

bool address_equal(const struct address *a, const struct address *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

void address_format(const struct address *a, char *out)
{
    out[0] = '\0';
    if (a->len != 0 &&
        inet_ntop(a->len == 4 ? AF_INET : AF_INET6, a->bytes, out, ADDRESS_TEXT_SIZE) == NULL)
        out[0] = '\0';
}

static bool base_is_clean(const struct cidr *c)
{
    for (unsigned bit = c->bits; bit < c->base.len * 8u; bit++)
        if (c->base.bytes[bit / 8] >> (7 - bit % 8) & 1)
            return false;
    return true;
}

bool cidr_parse(const char *text, struct cidr *out)
{
    const char *slash = strchr(text, '/');
    char base[ADDRESS_TEXT_SIZE] = "";
    size_t digits;

    if (slash == NULL || (size_t)(slash - text) >= sizeof(base))
        return false;
    memcpy(base, text, (size_t)(slash - text));
    digits = strspn(slash + 1, "0123456789");
    if (digits == 0 || digits > 3 || slash[1 + digits] != '\0')
        return false;
    if (!address_parse(base, &out->base))
        return false;
    out->bits = (uint8_t)strtoul(slash + 1, NULL, 10);
    return strtoul(slash + 1, NULL, 10) <= out->base.len * 8u && base_is_clean(out);
}

bool cidr_contains(const struct cidr *c, const struct address *a)
{
    unsigned whole = c->bits / 8;
    unsigned rest = c->bits % 8;

    if (c->base.len != a->len || memcmp(c->base.bytes, a->bytes, whole) != 0)
        return false;
    return rest == 0 || (c->base.bytes[whole] ^ a->bytes[whole]) >> (8 - rest) == 0;
}
