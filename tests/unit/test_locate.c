#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <sys/un.h>

#include "schema/base/json.h"
#include "targets/residency/locate.h"
#include "targets/residency/peer.h"
#include "tests/lib/residency_vectors.h"

static const char *classify_text(const char *text, struct address *out)
{
    struct sockaddr_un local = {AF_UNIX, ""};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    uint8_t bytes[16];

    if (strncmp(text, "unix:", 5) == 0)
        return peer_classify((const struct sockaddr *)&local, out);
    if (inet_pton(AF_INET, text, bytes) == 1) {
        memcpy(&v4.sin_addr, bytes, 4);
        return peer_classify((const struct sockaddr *)&v4, out);
    }
    assert_int_equal(inet_pton(AF_INET6, text, bytes), 1);
    memcpy(&v6.sin6_addr, bytes, 16);
    return peer_classify((const struct sockaddr *)&v6, out);
}

static void test_peer_classes_agree_with_all_vectors(void **state)
{
    cJSON *root = residency_vectors();
    const cJSON *v;
    size_t n = 0;

    (void)state;
    cJSON_ArrayForEach(v, cJSON_GetObjectItemCaseSensitive(root, "address_vectors"))
    {
        const char *deny = vector_string(v, "deny");
        struct address a;
        char text[ADDRESS_TEXT_SIZE];
        const char *reason = classify_text(vector_string(v, "peer"), &a);

        print_message("%s\n", vector_string(v, "id"));
        if (deny != NULL) {
            assert_non_null(reason);
            assert_string_equal(reason, deny);
        } else {
            assert_null(reason);
            address_format(&a, text);
            assert_string_equal(text, vector_string(v, "lookup"));
        }
        n++;
    }
    assert_int_equal(n, 11);
    cJSON_Delete(root);
}

static void test_peer_denies_every_class_that_is_no_interface(void **state)
{
    static const char *const rows[][2] = {
        {"127.8.9.1", "loopback"},
        {"::ffff:127.0.0.1", "loopback"},
        {"::ffff:169.254.1.1", "link_local"},
        {"fe80::1", "link_local"},
        {"febf::1", "link_local"},
        {"::", "unspecified"},
        {"0.1.2.3", "unspecified"},
        {"255.255.255.255", "broadcast"},
        {"ff02::1", "multicast"},
        {"239.1.1.1", "multicast"},
        {"64:ff9b:1::1", "translated"},
        {"2002:a00:80a::1", "translated"},
        {"2001::1", "translated"},
        {"::10.0.8.10", "translated"},
        {"fd00:ec2::254", "service_address"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address a;
        const char *reason = classify_text(rows[i][0], &a);

        assert_non_null(reason);
        assert_string_equal(reason, rows[i][1]);
    }
}

static void test_host_check_agrees_with_all_vectors(void **state)
{
    cJSON *root = residency_vectors();
    const cJSON *v;
    size_t n = 0;

    (void)state;
    cJSON_ArrayForEach(v, cJSON_GetObjectItemCaseSensitive(root, "host_vectors"))
    {
        const char *reason = host_check(vector_string(v, "host"));

        print_message("%s\n", vector_string(v, "id"));
        assert_string_equal(reason ? reason : "ok", vector_string(v, "expect"));
        n++;
    }
    assert_int_equal(n, 7);
    cJSON_Delete(root);
}

static void test_host_check_refuses_what_others_would_interpret(void **state)
{
    static const char *const rows[][2] = {
        {"LocalHost", "local_socket"},
        {"/run/mysqld.sock", "local_socket"},
        {"unix:/x", "local_socket"},
        {"mysql://10.0.8.10", "connection_string"},
        {"a;b", "connection_string"},
        {"a,b", "multi_host"},
        {"[::1]", "bad_host"},
        {"10.0.8.10 ", "bad_host"},
        {"127.1", "bad_host"},
        {"2130706433", "bad_host"},
        {"0x7f.0.0.1", "bad_host"},
        {"0x7f000001", "bad_host"},
        {"010.0.8.10", "bad_host"},
        {"fe80::1%eth0", "bad_host"},
        {"-oProxy", "bad_host"},
        {"db\n1", "bad_host"},
        {".", "bad_host"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *reason = host_check(rows[i][0]);

        assert_string_equal(reason ? reason : rows[i][0], rows[i][1]);
    }
    assert_null(host_check("db-1.example.internal."));
    assert_null(host_check("3com.example"));
}

/* An inventory's text of a resolver vector, or of a vector with one thing replaced. */
static char *inventory_text(const cJSON *v)
{
    cJSON *root = cJSON_CreateObject();
    const cJSON *interfaces = cJSON_GetObjectItemCaseSensitive(v, "interfaces");
    const cJSON *subnets = cJSON_GetObjectItemCaseSensitive(v, "subnets");
    char *text;

    cJSON_AddStringToObject(root, "captured_at", "2026-05-04T10:22:31Z");
    cJSON_AddItemToObject(root, "NetworkInterfaces", cJSON_Duplicate(interfaces, true));
    cJSON_AddItemToObject(root, "Subnets", cJSON_Duplicate(subnets, true));
    cJSON_AddItemToObject(root, "AvailabilityZones", cJSON_CreateArray());
    text = cJSON_Print(root);
    cJSON_Delete(root);
    return text;
}

static void read_text(struct inventory *inv, const char *text)
{
    struct err err = ERR_INIT;
    bool ok = inventory_parse(inv, bytes_str(text), &err);

    assert_string_equal(err.text, "");
    assert_true(ok);
}

static void read_own_vpc(const cJSON *v, struct vpc *own, struct cidr cidrs[8])
{
    const cJSON *vpc = cJSON_GetObjectItemCaseSensitive(v, "own_vpc");
    const cJSON *range;

    *own = (struct vpc){vector_string(vpc, "VpcId"), cidrs, 0, true};
    cJSON_ArrayForEach(range, cJSON_GetObjectItemCaseSensitive(vpc, "CidrBlocks"))
    {
        assert_true(own->n_cidrs < 8);
        assert_true(cidr_parse(range->valuestring, &cidrs[own->n_cidrs++]));
    }
}

static void locate_vector(const cJSON *v, const struct inventory *inv, struct locate_result *out)
{
    struct cidr cidrs[8];
    struct vpc own;
    const char *allowed[8];
    struct locate_scope scope = {&own, allowed, 0, false};
    struct address peer;
    const cJSON *vpc;
    bool located;

    read_own_vpc(v, &own, cidrs);
    cJSON_ArrayForEach(vpc, cJSON_GetObjectItemCaseSensitive(v, "allowed_vpcs"))
        allowed[scope.n_allowed_vpcs++] = vpc->valuestring;
    assert_true(address_parse(vector_string(v, "peer"), &peer));
    located = locate_peer(inv, &peer, &scope, out);
    assert_int_equal(located, out->reason == NULL);
}

static void check_resolver_vector(const cJSON *v)
{
    struct inventory inv = {0};
    struct locate_result r;
    char *text = inventory_text(v);
    const cJSON *candidates = cJSON_GetObjectItemCaseSensitive(v, "candidates");

    print_message("%s %s\n", vector_string(v, "id"), vector_string(v, "title"));
    read_text(&inv, text);
    locate_vector(v, &inv, &r);
    if (candidates == NULL) {
        assert_string_equal(r.reason, vector_string(v, "deny"));
        assert_int_equal(r.n, 0);
    } else {
        assert_null(r.reason);
        assert_int_equal(r.n, cJSON_GetArraySize(candidates));
        for (size_t i = 0; i < r.n; i++)
            assert_string_equal(r.items[i].subnet->arn,
                                cJSON_GetArrayItem(candidates, (int)i)->valuestring);
    }
    inventory_release(&inv);
    free(text);
}

static void test_locate_agrees_with_all_vectors(void **state)
{
    cJSON *root = residency_vectors();
    const cJSON *v;
    size_t n = 0;

    (void)state;
    cJSON_ArrayForEach(v, cJSON_GetObjectItemCaseSensitive(root, "resolver_vectors"))
    {
        check_resolver_vector(v);
        n++;
    }
    assert_int_equal(n, 7);
    cJSON_Delete(root);
}

/* The first vector's inventory with one text replaced: what is the reason then? */
static void assert_row(const char *find, const char *put, const char *reason)
{
    cJSON *root = residency_vectors();
    const cJSON *v =
        cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(root, "resolver_vectors"), 0);
    struct inventory inv = {0};
    struct locate_result r;
    char *text = inventory_text(v);
    char *at = strstr(text, find);
    size_t size = strlen(text) + strlen(put) + 1;
    char *changed = malloc(size);

    assert_non_null(at);
    snprintf(changed, size, "%.*s%s%s", (int)(at - text), text, put, at + strlen(find));
    read_text(&inv, changed);
    locate_vector(v, &inv, &r);
    assert_string_equal(r.reason ? r.reason : "located", reason);
    inventory_release(&inv);
    free(changed);
    free(text);
    cJSON_Delete(root);
}

static void test_locate_refuses_every_row_of_the_decision_table(void **state)
{
    static const char *const types[] = {
        "network_load_balancer",
        "gateway_load_balancer",
        "gateway_load_balancer_endpoint",
        "vpc_endpoint",
        "nat_gateway",
        "lambda",
        "natGateway",
        "branch",
        "trunk",
        "Interface",
        "",
    };
    char put[80];

    (void)state;
    assert_row("\"interface\"", "\"efa\"", "located");
    assert_row("\"interface\"", "\"efa-only\"", "located");
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        snprintf(put, sizeof(put), "\"%s\"", types[i]);
        assert_row("\"interface\"", put, "interface_type");
    }
    assert_row("\"InterfaceType\"", "\"Ignored\"", "interface_type");
    assert_row("\"RequesterManaged\":\tfalse", "\"RequesterManaged\":\ttrue", "managed_interface");
    assert_row("\"RequesterManaged\"", "\"Ignored\"", "managed_interface");
    assert_row("\"in-use\"", "\"available\"", "not_in_use");
    assert_row("\"in-use\"", "\"associated\"", "not_in_use");
    assert_row("\"attached\"", "\"detaching\"", "not_attached");
    assert_row("\"Attachment\"", "\"Ignored\"", "not_attached");
    assert_row("\"SourceDestCheck\":\ttrue", "\"SourceDestCheck\":\tfalse", "source_dest_check");
    assert_row("\"SourceDestCheck\"", "\"Ignored\"", "source_dest_check");
}

static void test_locate_refuses_a_subnet_that_does_not_fit(void **state)
{
    (void)state;
    assert_row("\"SubnetId\":\t\"subnet-08fc749671b2d4e05\"",
               "\"SubnetId\":\t\"subnet-0f00ba4d11e22c339\"", "no_subnet");
    assert_row("\"10.0.8.0/24\"", "\"10.0.9.0/24\"", "subnet_mismatch");
    assert_row("\"available\"", "\"pending\"", "subnet_mismatch");
    assert_row("subnet/subnet-08fc749671b2d4e05", "subnet/subnet-0f00ba4d11e22c339",
               "subnet_mismatch");
    assert_row("\"SubnetArn\"", "\"Ignored\"", "subnet_mismatch");
}

static const char two_vpcs[] =
    "{\"captured_at\":\"2026-05-04T10:22:31Z\",\"AvailabilityZones\":[],\"NetworkInterfaces\":["
    "{\"NetworkInterfaceId\":\"eni-1\",\"InterfaceType\":\"interface\",\"RequesterManaged\":false,"
    "\"SourceDestCheck\":true,\"Status\":\"in-use\",\"VpcId\":\"vpc-1\",\"SubnetId\":\"subnet-2\","
    "\"Attachment\":{\"Status\":\"attached\"},\"PrivateIpAddresses\":[{\"PrivateIpAddress\":"
    "\"10.0.8.10\",\"Association\":{\"PublicIp\":\"198.51.100.7\",\"CarrierIp\":\"198.51.100.8\"}"
    "}]},"
    "{\"NetworkInterfaceId\":\"eni-2\",\"InterfaceType\":\"interface\",\"RequesterManaged\":false,"
    "\"SourceDestCheck\":true,\"Status\":\"in-use\",\"VpcId\":\"vpc-2\",\"SubnetId\":\"subnet-1\","
    "\"Attachment\":{\"Status\":\"attached\"},\"PrivateIpAddresses\":[{\"PrivateIpAddress\":"
    "\"10.0.8.10\"}],\"Association\":{\"CustomerOwnedIp\":\"203.0.113.9\"}}],\"Subnets\":["
    "{\"SubnetId\":\"subnet-1\",\"SubnetArn\":\"arn:1/subnet-1\",\"VpcId\":\"vpc-2\",\"State\":"
    "\"available\",\"CidrBlock\":\"10.0.8.0/24\"},"
    "{\"SubnetId\":\"subnet-2\",\"SubnetArn\":\"arn:2/subnet-2\",\"VpcId\":\"vpc-1\",\"State\":"
    "\"available\",\"CidrBlock\":\"10.0.8.0/24\"}]}";

static void assert_found(const struct inventory *inv, const struct locate_scope *scope,
                         const char *peer, size_t n, const char *reason)
{
    struct address a;
    struct locate_result r;

    assert_true(address_parse(peer, &a));
    assert_int_equal(locate_peer(inv, &a, scope, &r), reason == NULL);
    assert_string_equal(r.reason ? r.reason : "", reason ? reason : "");
    assert_int_equal(r.n, n);
    for (size_t i = 1; i < r.n; i++)
        assert_true(strcmp(r.items[i - 1].subnet->arn, r.items[i].subnet->arn) < 0);
}

static void test_locate_takes_several_hits_only_when_every_vpc_is_allowed(void **state)
{
    const char *both[] = {"vpc-1", "vpc-2"};
    struct inventory inv = {0};
    struct arena arena = {0};
    struct vpc own;

    (void)state;
    read_text(&inv, two_vpcs);
    assert_found(&inv, &(struct locate_scope){NULL, both, 2, false}, "10.0.8.10", 2, NULL);
    assert_found(&inv, &(struct locate_scope){NULL, both, 1, false}, "10.0.8.10", 0,
                 "vpc_not_allowed");
    assert_found(&inv, &(struct locate_scope){0}, "10.0.8.10", 0, "vpc_not_allowed");
    assert_true(locate_vpc(&inv, "vpc-1", &arena, &own));
    assert_found(&inv, &(struct locate_scope){&own, NULL, 0, false}, "10.0.8.10", 1, NULL);
    assert_false(locate_vpc(&inv, "vpc-3", &arena, &own));
    arena_release(&arena);
    inventory_release(&inv);
}

static void test_locate_takes_another_vpc_only_where_ours_is_known(void **state)
{
    const char *other[] = {"vpc-2"};
    struct cidr range;
    struct vpc own = {"vpc-9", &range, 1, false};
    struct locate_scope scope = {&own, other, 1, false};
    struct inventory inv = {0};
    char *text = strdup(two_vpcs);

    (void)state;
    memcpy(strstr(text, "10.0.8.10"), "10.0.8.77", 9); /* eni-1 has another address */
    read_text(&inv, text);
    assert_true(cidr_parse("10.9.0.0/24", &range));
    assert_found(&inv, &scope, "10.0.8.10", 0, "own_vpc_unknown");
    own.is_whole = true;
    assert_found(&inv, &scope, "10.0.8.10", 1, NULL);
    assert_true(cidr_parse("10.0.0.0/16", &range)); /* ours: then nobody there has the address */
    assert_found(&inv, &scope, "10.0.8.10", 0, "no_interface");
    inventory_release(&inv);
    free(text);
}

static void test_locate_finds_no_interface_behind_a_translated_address(void **state)
{
    const char *both[] = {"vpc-1", "vpc-2"};
    static const char *const translated[] = {"198.51.100.7", "198.51.100.8", "203.0.113.9"};
    struct locate_scope scope = {NULL, both, 2, false};
    struct inventory inv = {0};

    (void)state;
    read_text(&inv, two_vpcs);
    for (size_t i = 0; i < 3; i++) {
        struct address a;
        struct locate_result r;

        assert_true(address_parse(translated[i], &a));
        assert_false(locate_peer(&inv, &a, &scope, &r));
        assert_string_equal(r.reason, "no_interface");
        assert_non_null(strstr(r.detail, "private address"));
    }
    inventory_release(&inv);
}

static void test_cidr_takes_clean_ranges_only(void **state)
{
    struct cidr c;
    struct address a;

    (void)state;
    assert_true(cidr_parse("10.0.8.0/22", &c));
    assert_true(address_parse("10.0.11.255", &a) && cidr_contains(&c, &a));
    assert_true(address_parse("10.0.12.0", &a) && !cidr_contains(&c, &a));
    assert_true(address_parse("::ffff:10.0.8.1", &a) && cidr_contains(&c, &a));
    assert_true(cidr_parse("0.0.0.0/0", &c) && cidr_contains(&c, &a));
    assert_true(cidr_parse("2600:1f18:4a3b:1200::/56", &c));
    assert_true(address_parse("2600:1f18:4a3b:12ff::1", &a) && cidr_contains(&c, &a));
    assert_true(address_parse("2600:1f18:4a3b:1300::1", &a) && !cidr_contains(&c, &a));
    assert_false(cidr_parse("10.0.8.1/24", &c));
    assert_false(cidr_parse("10.0.8.0/33", &c));
    assert_false(cidr_parse("10.0.8.0/", &c));
    assert_false(cidr_parse("10.0.8.0", &c));
    assert_false(cidr_parse("10.0.8.0/2 4", &c));
    assert_false(cidr_parse("::/129", &c));
    assert_false(cidr_parse("::/300", &c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peer_classes_agree_with_all_vectors),
        cmocka_unit_test(test_peer_denies_every_class_that_is_no_interface),
        cmocka_unit_test(test_host_check_agrees_with_all_vectors),
        cmocka_unit_test(test_host_check_refuses_what_others_would_interpret),
        cmocka_unit_test(test_locate_agrees_with_all_vectors),
        cmocka_unit_test(test_locate_refuses_every_row_of_the_decision_table),
        cmocka_unit_test(test_locate_refuses_a_subnet_that_does_not_fit),
        cmocka_unit_test(test_locate_takes_several_hits_only_when_every_vpc_is_allowed),
        cmocka_unit_test(test_locate_takes_another_vpc_only_where_ours_is_known),
        cmocka_unit_test(test_locate_finds_no_interface_behind_a_translated_address),
        cmocka_unit_test(test_cidr_takes_clean_ranges_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
