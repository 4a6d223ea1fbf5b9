/*
 * peer.h - what a configured host and the address of a peer are, before any evidence.
 *
 * Pure. No decision for a peer is ever taken from an address range alone (a VPC may use public
 * ranges); here only addresses are denied that can never be a network interface of ours.
 */
#ifndef TARGETS_RESIDENCY_PEER_H
#define TARGETS_RESIDENCY_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDRESS_TEXT_SIZE 48

struct address {
    uint8_t len; /* 4 or 16; 0: none */
    uint8_t bytes[16];
};

struct cidr {
    struct address base;
    uint8_t bits;
};

/*
 * Is host one name or one literal (IPv6 without brackets)? NULL when it is, else the reason:
 * local_socket, connection_string, multi_host (Connector/C gives them a meaning of its own),
 * bad_host.
 */
const char *host_check(const char *host);

/*
 * The address to look up for a socket's peer; IPv4 in IPv6 becomes IPv4. NULL when it can be
 * looked up, else the reason: local_socket, loopback, link_local, unspecified, multicast,
 * broadcast, translated (NAT64, 6to4, Teredo), service_address, unknown_family. out is set for
 * the IP families in any case.
 */
const char *peer_classify(const struct sockaddr *peer, struct address *out);

/* As peer_classify for an address in hand. */
const char *address_classify(const struct address *a);

/* A literal IPv4 or IPv6 address; IPv4 in IPv6 becomes IPv4. */
bool address_parse(const char *text, struct address *out);
bool address_equal(const struct address *a, const struct address *b);
/* At least ADDRESS_TEXT_SIZE bytes. */
void address_format(const struct address *a, char *out);
/* "10.0.8.0/24"; bits below the mask must be 0. */
bool cidr_parse(const char *text, struct cidr *out);
bool cidr_contains(const struct cidr *c, const struct address *a);

#endif
