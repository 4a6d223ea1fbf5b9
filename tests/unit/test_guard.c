#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/json.h"
#include "targets/residency/audit.h"
#include "targets/residency/guard.h"
#include "targets/residency/peer.h"

#define ACCOUNT "arn:aws:ec2:us-east-1:111122223333:subnet/"
#define LISTED_ID "subnet-08fc749671b2d4e05"
#define OTHER_ID "subnet-0f00ba4d11e22c339"
#define LISTED ACCOUNT LISTED_ID
#define OTHER ACCOUNT OTHER_ID
#define VPC "vpc-02a3eb6585c7d8e9f"
#define SERVER "9Mm2xyz"

/* The listed subnet has this host and 10.77.0.10; the other one has 10.78.0.10. */
struct place {
    char dir[64];
    char inventory[96];
    char policy[96];
    char audit[96];
    const char *allowed[1];
    const char *files[1];
    const char *zones[1];
    const char *vpcs[1];
    struct residency_config config;
};

static void write_text(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void put_interface(struct buf *b, const char *id, const char *subnet, const char *address)
{
    bool is_v6 = strchr(address, ':') != NULL;

    buf_putf(b,
             "%s{\"NetworkInterfaceId\":\"eni-%s\",\"InterfaceType\":\"interface\","
             "\"RequesterManaged\":false,\"SourceDestCheck\":true,\"Status\":\"in-use\","
             "\"VpcId\":\"" VPC "\",\"SubnetId\":\"%s\",\"Attachment\":{\"Status\":\"attached\","
             "\"InstanceId\":\"i-1\"},\"%s\":[{\"%s\":\"%s\"}]}",
             b->data[b->len - 1] == '[' ? "" : ",", id, subnet,
             is_v6 ? "Ipv6Addresses" : "PrivateIpAddresses",
             is_v6 ? "Ipv6Address" : "PrivateIpAddress", address);
}

/* Calls put for each address of this host that the guard judges; returns how many. */
static size_t each_own_address(struct buf *b,
                               void (*put)(struct buf *b, const char *address, size_t number,
                                           const char *arg),
                               const char *arg)
{
    struct ifaddrs *all = NULL;
    struct address a;
    char text[ADDRESS_TEXT_SIZE];
    size_t n = 0;

    assert_int_equal(getifaddrs(&all), 0);
    for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
        if (i->ifa_addr == NULL || peer_classify(i->ifa_addr, &a) != NULL)
            continue;
        address_format(&a, text);
        if (put != NULL)
            put(b, text, n, arg);
        n++;
    }
    freeifaddrs(all);
    return n;
}

static void put_own_interface(struct buf *b, const char *address, size_t number, const char *subnet)
{
    char id[32];

    snprintf(id, sizeof(id), "own%zu", number);
    put_interface(b, id, subnet, address);
}

static void put_own_range(struct buf *b, const char *address, size_t number, const char *is_v6)
{
    (void)number;
    if ((strchr(address, ':') != NULL) != (is_v6[0] == '6'))
        return;
    buf_putf(b, "%s{\"%sCidrBlock\":\"%s/%s\",\"%sCidrBlockState\":{\"State\":\"associated\"}}",
             b->data[b->len - 1] == '[' ? "" : ",", is_v6[0] == '6' ? "Ipv6" : "", address,
             is_v6[0] == '6' ? "128" : "32", is_v6[0] == '6' ? "Ipv6" : "");
}

static void put_subnet(struct buf *b, const char *id, const char *range, const char *zone,
                       bool has_host)
{
    buf_putf(b,
             "{\"SubnetId\":\"%s\",\"SubnetArn\":\"" ACCOUNT "%s\",\"VpcId\":\"" VPC
             "\",\"State\":\"available\",\"AvailabilityZoneId\":\"%s\",\"CidrBlock\":\"%s\","
             "\"CidrBlockAssociationSet\":[",
             id, id, zone, range);
    if (has_host)
        each_own_address(b, put_own_range, "4");
    buf_put_str(b, "],\"Ipv6CidrBlockAssociationSet\":[");
    if (has_host)
        each_own_address(b, put_own_range, "6");
    buf_put_str(b, "]}");
}

/* host_subnet: where this host is. age_s: of the answers; negative is in the future. */
static void write_inventory(const struct place *p, const char *host_subnet, long age_s,
                            bool has_target)
{
    struct buf b = BUF_INIT;
    char at[32];
    bool is_listed = strcmp(host_subnet, LISTED_ID) == 0;

    clock_format(clock_wall_us() - (uint64_t)(age_s * 1000000), at, sizeof(at));
    buf_putf(&b, "{\"captured_at\":\"%s\",\"NetworkInterfaces\":[", at);
    if (has_target)
        put_interface(&b, "target", LISTED_ID, "10.77.0.10");
    put_interface(&b, "outside", OTHER_ID, "10.78.0.10");
    each_own_address(&b, put_own_interface, host_subnet);
    buf_put_str(&b, "],\"Subnets\":[");
    put_subnet(&b, LISTED_ID, "10.77.0.0/24", "use1-qro1-az1", is_listed);
    buf_put_str(&b, ",");
    put_subnet(&b, OTHER_ID, "10.78.0.0/24", "use1-az6", !is_listed);
    buf_put_str(&b, "],\"AvailabilityZones\":[{\"ZoneId\":\"use1-qro1-az1\",\"ZoneType\":"
                    "\"local-zone\",\"GroupName\":\"us-east-1-qro-1\"}]}");
    write_text(p->inventory, buf_cstr(&b), b.len);
    buf_release(&b);
}

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof(*p));

    snprintf(p->dir, sizeof(p->dir), "/tmp/domicile-guard-XXXXXX");
    if (mkdtemp(p->dir) == NULL)
        return -1;
    snprintf(p->inventory, sizeof(p->inventory), "%s/inventory.json", p->dir);
    snprintf(p->policy, sizeof(p->policy), "%s/policy.json", p->dir);
    snprintf(p->audit, sizeof(p->audit), "%s/audit.jsonl", p->dir);
    p->allowed[0] = LISTED;
    p->config = (struct residency_config){.allowed_subnets = p->allowed,
                                          .n_allowed_subnets = 1,
                                          .evidence = EVIDENCE_INVENTORY,
                                          .inventory_file = p->inventory,
                                          .audit_file = p->audit};
    write_inventory(p, LISTED_ID, 60, true);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {"inventory.json",   "policy.json",
                                        "audit.jsonl",      "audit.jsonl.anchor",
                                        "audit.jsonl.pins", "audit.jsonl.pins.lock"};
    struct place *p = *state;
    char path[160];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", p->dir, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(p->dir), 0);
    free(p);
    return 0;
}

/* A host without any address but loopback has nothing to be judged by. */
static void need_address(void)
{
    if (each_own_address(NULL, NULL, NULL) == 0) {
        print_message("this host has no address but loopback\n");
        skip();
    }
}

static struct guard *open_guard(const struct place *p)
{
    struct guard *g = NULL;
    struct err err = ERR_INIT;
    bool ok = guard_open(&p->config, &g, &err);

    assert_string_equal(err.text, "");
    assert_true(ok);
    return g;
}

static void permit(struct guard *g, const char *host, struct permit *out)
{
    struct err err = ERR_INIT;
    bool ok = guard_permit(g, host, 3306, out, &err);

    assert_string_equal(err.text, "");
    assert_true(ok);
}

static void assert_no_permit(struct guard *g, const char *host, const char *reason)
{
    struct err err = ERR_INIT;
    struct permit out;

    assert_false(guard_permit(g, host, 3306, &out, &err));
    assert_string_equal(err.reason, reason);
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_int_equal(err_exit_code(&err), 1);
    assert_string_equal(out.peer, "");
}

/* The audit file verifies and holds this text. */
static void assert_recorded(const struct place *p, const char *text)
{
    struct audit_summary s;
    struct err err = ERR_INIT;
    char *data = NULL;
    size_t len;
    bool ok = audit_verify(p->audit, NULL, &s, &err);

    assert_string_equal(err.text, "");
    assert_true(ok);
    assert_true(fs_read_file(fs_real(), p->audit, 1 << 20, &data, &len, &err));
    if (strstr(data, text) == NULL)
        fail_msg("no %s in %s", text, data);
    free(data);
}

static void assert_not_opened(const struct place *p, const char *reason)
{
    struct guard *g = NULL;
    struct err err = ERR_INIT;
    char text[80];

    assert_false(guard_open(&p->config, &g, &err));
    assert_null(g);
    assert_string_equal(err.reason, reason);
    assert_in_range(err_exit_code(&err), 1, 2);
    snprintf(text, sizeof(text), "\"decision\":\"deny\",\"reason\":\"%s\"", reason);
    assert_recorded(p, text);
}

static void test_guard_permits_a_peer_inside_the_policy(void **state)
{
    const struct place *p = *state;
    struct permit out;
    struct guard *g;

    need_address();
    g = open_guard(p);
    permit(g, "10.77.0.10", &out);
    assert_string_equal(out.peer, "10.77.0.10");
    assert_string_equal(out.subnet_arn, LISTED);
    assert_string_equal(out.zone_id, "use1-qro1-az1");
    assert_string_equal(out.zone_type, "local-zone");
    assert_string_equal(out.interface, "eni-target");
    assert_false(out.is_unproven);
    assert_int_equal(strncmp(out.evidence, "static inventory sha256:", 24), 0);
    assert_int_equal(strlen(out.policy_sha256), 64);
    assert_int_equal(out.expires_us - out.issued_us, PERMIT_LIFE_US);
    assert_false(permit_is_due(&out));
    guard_close(g);
    assert_recorded(p, "\"event\":\"start\"");
    assert_recorded(p, "\"event\":\"host\",\"decision\":\"allow\"");
    assert_recorded(p, "\"event\":\"permit\",\"decision\":\"allow\",\"reason\":\"listed\"");
    assert_recorded(p, "\"event\":\"stop\"");
}

static void test_guard_refuses_peers_that_are_not_proven_inside(void **state)
{
    static const char *const rows[][2] = {
        {"10.78.0.10", "explicit_deny"},
        {"10.77.0.99", "no_interface"},
        {"203.0.113.5", "no_interface"},
        {"127.0.0.1", "loopback"},
        {"::1", "loopback"},
        {"::ffff:127.0.0.1", "loopback"},
        {"169.254.169.254", "link_local"},
        {"64:ff9b::a4d:a", "translated"},
        {"localhost", "local_socket"},
        {"", "local_socket"},
        {"10.77.0.10,10.78.0.10", "multi_host"},
        {"host=10.77.0.10", "connection_string"},
        {"10.77.10", "bad_host"},
    };
    const struct place *p = *state;
    struct guard *g;

    need_address();
    g = open_guard(p);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[80];

        assert_no_permit(g, rows[i][0], rows[i][1]);
        snprintf(text, sizeof(text), "\"decision\":\"deny\",\"reason\":\"%s\"", rows[i][1]);
        assert_recorded(p, text);
    }
    guard_close(g);
}

static void test_guard_does_not_open_without_a_good_policy(void **state)
{
    static const char misspelt[] = "{\"Statement\":[{\"Effect\":\"Deny\",\"Acton\":\"*\"}]}";
    struct place *p = *state;

    p->config.n_allowed_subnets = 0;
    assert_not_opened(p, "no_policy");
    p->files[0] = p->policy;
    p->config.policy_files = p->files;
    p->config.n_policy_files = 1;
    assert_not_opened(p, "policy_unreadable");
    write_text(p->policy, "", 0);
    assert_not_opened(p, "bad_json");
    write_text(p->policy, misspelt, sizeof(misspelt) - 1);
    assert_not_opened(p, "bad_structure");
    write_text(p->policy, "{\"Id\":\"a\0\"}", 11);
    assert_not_opened(p, "bad_json");
    p->config.n_policy_files = 0;
    p->allowed[0] = ACCOUNT "*";
    p->config.n_allowed_subnets = 1;
    assert_not_opened(p, "bad_subnet_arn");
}

static void test_guard_does_not_open_without_good_evidence(void **state)
{
    static const char next[] = "{\"captured_at\":\"2026-01-01T00:00:00Z\",\"NetworkInterfaces\":[],"
                               "\"Subnets\":[],\"AvailabilityZones\":[],\"NextToken\":\"x\"}";
    static const char nul[] = "{\"captured_at\":\"2026-01-01T00:00:00Z\\u0000\"}";
    struct place *p = *state;

    write_inventory(p, LISTED_ID, 24 * 3600 + 5, true);
    assert_not_opened(p, "inventory_old");
    write_inventory(p, LISTED_ID, -5, true);
    assert_not_opened(p, "inventory_future");
    write_text(p->inventory, next, sizeof(next) - 1);
    assert_not_opened(p, "bad_inventory");
    write_text(p->inventory, nul, sizeof(nul) - 1);
    assert_not_opened(p, "bad_json");
    write_text(p->inventory, "{}\0", 3);
    assert_not_opened(p, "bad_json");
    write_text(p->inventory, "{}", 2);
    assert_not_opened(p, "bad_inventory");
    unlink(p->inventory);
    assert_not_opened(p, "inventory_unreadable");
    p->config.inventory_file = NULL;
    assert_not_opened(p, "no_evidence");
    p->config.evidence = EVIDENCE_EC2;
    assert_not_opened(p, "ec2_not_available");
    p->config.evidence = EVIDENCE_NONE;
    assert_not_opened(p, "no_evidence");
}

static void test_guard_judges_the_host_it_runs_on(void **state)
{
    struct place *p = *state;
    struct guard *g;
    struct permit out;
    struct buf scp = BUF_INIT;
    struct err err = ERR_INIT;
    const char *other = OTHER;

    need_address();
    write_inventory(p, OTHER_ID, 60, true);
    assert_not_opened(p, "explicit_deny");
    assert_true(guard_scp(&other, 1, &scp, &err));
    write_text(p->policy, buf_cstr(&scp), scp.len);
    p->config.host_policy_file = p->policy;
    g = open_guard(p);
    permit(g, "10.77.0.10", &out);
    assert_no_permit(g, "10.78.0.10", "explicit_deny");
    /* The host moves while the guard is open. */
    write_inventory(p, LISTED_ID, 50, true);
    assert_false(guard_check_host(g, &err));
    assert_string_equal(err.reason, "explicit_deny");
    assert_no_permit(g, "10.77.0.10", "explicit_deny");
    guard_close(g);
    buf_release(&scp);
}

static void test_guard_judges_zones_after_the_arn(void **state)
{
    struct place *p = *state;
    struct guard *g;
    struct permit out;

    need_address();
    p->zones[0] = "use1-qro1-az1";
    p->config.required_zone_ids = p->zones;
    p->config.n_required_zone_ids = 1;
    g = open_guard(p);
    permit(g, "10.77.0.10", &out);
    assert_no_permit(g, "10.78.0.10", "explicit_deny");
    guard_close(g);
    p->zones[0] = "use1-az6";
    assert_not_opened(p, "zone_not_allowed");
}

static void test_guard_unproven_permits_loopback_only_and_says_so(void **state)
{
    struct place *p = *state;
    struct guard *g;
    struct permit out;

    p->config.evidence = EVIDENCE_UNPROVEN_LOOPBACK;
    p->config.inventory_file = NULL;
    p->config.n_allowed_subnets = 0;
    g = open_guard(p);
    assert_true(guard_is_unproven(g));
    permit(g, "127.0.0.1", &out);
    assert_true(out.is_unproven);
    assert_string_equal(out.evidence, "unproven loopback");
    assert_string_equal(out.subnet_arn, "");
    assert_no_permit(g, "10.77.0.10", "not_loopback");
    assert_no_permit(g, "169.254.169.254", "not_loopback");
    assert_no_permit(g, "localhost", "local_socket");
    guard_close(g);
    assert_recorded(p, "\"reason\":\"unproven_loopback\"");
    assert_recorded(p, "\"unproven\":true");
}

/* A connection from 10.77.0.4:50048 to 10.77.0.10:3306 as it should look. */
struct connection {
    struct sockaddr_in peer;
    struct sockaddr_in local;
    struct peer_facts facts;
};

static void connection_init(struct connection *c)
{
    *c = (struct connection){.peer = {.sin_family = AF_INET, .sin_port = htons(3306)},
                             .local = {.sin_family = AF_INET, .sin_port = htons(50048)}};
    assert_int_equal(inet_pton(AF_INET, "10.77.0.10", &c->peer.sin_addr), 1);
    assert_int_equal(inet_pton(AF_INET, "10.77.0.4", &c->local.sin_addr), 1);
    c->facts = (struct peer_facts){.peer = (const struct sockaddr *)&c->peer,
                                   .local = (const struct sockaddr *)&c->local,
                                   .echo = "10.77.0.4:50048",
                                   .server_id = SERVER,
                                   .proxy_protocol_networks = "",
                                   .tls_fingerprint = "ab:cd"};
}

static void confirm(struct guard *g, struct permit *p, const struct connection *c)
{
    struct err err = ERR_INIT;
    bool ok = guard_confirm(g, p, &c->facts, &err);

    assert_string_equal(err.text, "");
    assert_true(ok);
    assert_true(permit_check(p, &err));
}

static void assert_not_confirmed(struct guard *g, struct permit *p, const struct connection *c,
                                 const char *reason)
{
    struct err err = ERR_INIT;

    assert_false(guard_confirm(g, p, &c->facts, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_string_equal(err.reason, reason);
    assert_false(permit_check(p, &err));
    assert_string_equal(err.reason, "not_confirmed");
}

static void test_guard_confirms_the_connection_it_permitted(void **state)
{
    const struct place *p = *state;
    struct guard *g;
    struct permit out;
    struct connection c;
    struct err err = ERR_INIT;

    need_address();
    g = open_guard(p);
    permit(g, "10.77.0.10", &out);
    assert_false(permit_check(&out, &err));
    assert_string_equal(err.reason, "not_confirmed");
    connection_init(&c);
    confirm(g, &out, &c);
    assert_string_equal(out.server_id, SERVER);
    c.facts.echo = "host.example:50048";
    c.facts.proxy_protocol_networks = NULL;
    confirm(g, &out, &c);
    guard_close(g);
    assert_recorded(p, "\"event\":\"confirm\",\"decision\":\"allow\"");
    assert_recorded(p, "\"local\":\"10.77.0.4:50048\",\"echo\":\"ok\",\"tls_fp\":\"ab:cd\"");
    assert_recorded(p, "\"pin\":\"first_use\"");
}

static void test_guard_refuses_a_connection_that_is_another(void **state)
{
    static const char *const echoes[] = {"10.77.0.4:50049", "10.77.0.5:50048", "50048", "",
                                         "localhost",       "10.77.0.4:50048x"};
    const struct place *p = *state;
    struct guard *g;
    struct permit out;
    struct connection c;

    need_address();
    g = open_guard(p);
    permit(g, "10.77.0.10", &out);
    for (size_t i = 0; i < sizeof(echoes) / sizeof(echoes[0]); i++) {
        connection_init(&c);
        c.facts.echo = echoes[i];
        assert_not_confirmed(g, &out, &c, "middlebox");
    }
    connection_init(&c);
    c.facts.echo = NULL;
    assert_not_confirmed(g, &out, &c, "middlebox");
    connection_init(&c);
    c.facts.proxy_protocol_networks = "*";
    assert_not_confirmed(g, &out, &c, "proxy_protocol");
    connection_init(&c);
    c.facts.server_id = "";
    assert_not_confirmed(g, &out, &c, "no_server_id");
    connection_init(&c);
    c.peer.sin_port = htons(3307);
    assert_not_confirmed(g, &out, &c, "peer_changed");
    connection_init(&c);
    assert_int_equal(inet_pton(AF_INET, "10.78.0.10", &c.peer.sin_addr), 1);
    assert_not_confirmed(g, &out, &c, "peer_changed");
    guard_close(g);
    assert_recorded(p, "\"reason\":\"middlebox\"");
}

static void test_guard_refuses_a_changed_server_until_it_is_accepted(void **state)
{
    const struct place *p = *state;
    struct guard *g;
    struct permit out;
    struct connection c;
    struct err err = ERR_INIT;
    char accepted[80];

    need_address();
    g = open_guard(p);
    permit(g, "10.77.0.10", &out);
    connection_init(&c);
    confirm(g, &out, &c);
    assert_false(guard_accept(g, "10.77.0.10", 3306, accepted, &err));
    assert_string_equal(err.reason, "nothing_to_accept");
    c.facts.server_id = "another";
    assert_not_confirmed(g, &out, &c, "server_changed");
    guard_close(g);
    g = open_guard(p);
    permit(g, "10.77.0.10", &out);
    assert_not_confirmed(g, &out, &c, "server_changed");
    assert_true(guard_accept(g, "10.77.0.10", 3306, accepted, &err));
    assert_string_equal(accepted, "another");
    confirm(g, &out, &c);
    c.facts.server_id = SERVER;
    assert_not_confirmed(g, &out, &c, "server_changed");
    guard_close(g);
    assert_recorded(p, "\"event\":\"accept\"");
}

static void test_guard_renews_as_long_as_the_evidence_says_yes(void **state)
{
    const struct place *p = *state;
    struct guard *g;
    struct permit out;
    struct connection c;
    struct err err = ERR_INIT;
    uint64_t expires;

    need_address();
    g = open_guard(p);
    permit(g, "10.77.0.10", &out);
    connection_init(&c);
    confirm(g, &out, &c);
    out.issued_steady_us -= PERMIT_RENEW_US;
    out.expires_us -= PERMIT_RENEW_US;
    assert_true(permit_is_due(&out));
    expires = out.expires_us;
    assert_true(guard_renew(g, &out, &err));
    assert_true(out.expires_us > expires);
    assert_false(permit_is_due(&out));
    assert_true(permit_check(&out, &err));
    /* No evidence: it lives on, but no longer than it was to. */
    expires = out.expires_us;
    write_inventory(p, LISTED_ID, 25 * 3600, true);
    assert_true(guard_renew(g, &out, &err));
    assert_int_equal(out.expires_us, expires);
    unlink(p->inventory);
    assert_true(guard_renew(g, &out, &err));
    assert_int_equal(out.expires_us, expires);
    assert_true(permit_check(&out, &err));
    /* The evidence says no: it ends at once. */
    write_inventory(p, LISTED_ID, 60, false);
    assert_false(guard_renew(g, &out, &err));
    assert_string_equal(err.reason, "no_interface");
    assert_false(permit_check(&out, &err));
    assert_string_equal(err.reason, "permit_expired");
    guard_close(g);
    assert_recorded(p, "\"event\":\"renew\"");
}

static void test_guard_does_not_renew_an_expired_permit(void **state)
{
    const struct place *p = *state;
    struct guard *g;
    struct permit out;
    struct connection c;
    struct err err = ERR_INIT;

    need_address();
    g = open_guard(p);
    permit(g, "10.77.0.10", &out);
    connection_init(&c);
    confirm(g, &out, &c);
    out.issued_steady_us -= PERMIT_LIFE_US;
    assert_false(permit_check(&out, &err));
    assert_string_equal(err.reason, "permit_expired");
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_false(guard_renew(g, &out, &err));
    assert_string_equal(err.reason, "permit_expired");
    assert_false(guard_confirm(g, &out, &c.facts, &err));
    guard_close(g);
}

static void test_guard_decides_nothing_that_it_cannot_record(void **state)
{
    const struct place *p = *state;
    struct guard *g;
    struct permit out;
    struct err err = ERR_INIT;

    need_address();
    g = open_guard(p);
    unlink(p->audit);
    assert_false(guard_permit(g, "10.77.0.10", 3306, &out, &err));
    assert_string_equal(err.reason, "audit_broken");
    assert_string_equal(out.peer, "");
    guard_close(g);
}

static void test_guard_explains_without_permitting(void **state)
{
    struct place *p = *state;
    struct guard *g;
    struct permit out;
    struct err err = ERR_INIT;
    struct buf text = BUF_INIT;
    cJSON *root = NULL;
    bool allowed = false;

    need_address();
    p->config.only_explains = true;
    g = open_guard(p);
    assert_true(guard_explain(g, "10.77.0.10", 3306, false, &text, &allowed, &err));
    assert_true(allowed);
    assert_non_null(strstr(buf_cstr(&text), LISTED));
    assert_non_null(strstr(buf_cstr(&text), "decision: allow"));
    buf_reset(&text);
    assert_true(guard_explain(g, "10.78.0.10", 3306, true, &text, &allowed, &err));
    assert_false(allowed);
    assert_true(json_parse(buf_bytes(&text), 0, &root, &err));
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "decision")),
                        "deny");
    cJSON_Delete(root);
    buf_reset(&text);
    guard_describe(g, true, &text);
    assert_true(json_parse(buf_bytes(&text), 0, &root, &err));
    cJSON_Delete(root);
    assert_false(guard_permit(g, "10.77.0.10", 3306, &out, &err));
    assert_string_equal(err.reason, "only_explains");
    guard_close(g);
    buf_release(&text);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_guard_permits_a_peer_inside_the_policy),
        CASE(test_guard_refuses_peers_that_are_not_proven_inside),
        CASE(test_guard_does_not_open_without_a_good_policy),
        CASE(test_guard_does_not_open_without_good_evidence),
        CASE(test_guard_judges_the_host_it_runs_on),
        CASE(test_guard_judges_zones_after_the_arn),
        CASE(test_guard_unproven_permits_loopback_only_and_says_so),
        CASE(test_guard_confirms_the_connection_it_permitted),
        CASE(test_guard_refuses_a_connection_that_is_another),
        CASE(test_guard_refuses_a_changed_server_until_it_is_accepted),
        CASE(test_guard_renews_as_long_as_the_evidence_says_yes),
        CASE(test_guard_does_not_renew_an_expired_permit),
        CASE(test_guard_decides_nothing_that_it_cannot_record),
        CASE(test_guard_explains_without_permitting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
