#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schema/base/json.h"
#include "targets/residency/policy.h"
#include "tests/lib/residency_vectors.h"

#define LISTED "arn:aws:ec2:us-east-1:111122223333:subnet/subnet-08fc749671b2d4e05"
#define OTHER "arn:aws:ec2:us-east-1:111122223333:subnet/subnet-0f00ba4d11e22c339"

static bool add_text(struct policy *p, const char *text, struct err *err)
{
    return policy_add(p, "test.json", bytes_str(text), err);
}

static bool load_vector(const cJSON *v, struct policy *p, struct err *err)
{
    const char *text = vector_string(v, "policy_text");
    const cJSON *docs = cJSON_GetObjectItemCaseSensitive(v, "policies");
    const cJSON *doc;
    bool ok = true;

    if (text != NULL)
        ok = add_text(p, text, err);
    cJSON_ArrayForEach(doc, docs)
    {
        char *printed = cJSON_Print(doc);

        ok = ok && add_text(p, printed, err);
        free(printed);
    }
    return ok && policy_ready(p, err);
}

static void judge_vector(const cJSON *v, struct policy *p, struct policy_decision *d)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(v, "subnet_arns");
    const char *arns[16];
    size_t n = 0;
    const cJSON *arn;

    cJSON_ArrayForEach(arn, list)
    {
        assert_true(n < 16);
        arns[n++] = arn->valuestring;
    }
    policy_decide(p, arns, n, d);
}

static void check_vector(const cJSON *v)
{
    const char *expect = vector_string(v, "expect");
    const char *reason = vector_string(v, "reason");
    struct policy *p = policy_new();
    struct err err = ERR_INIT;
    struct policy_decision d = {false, "", ""};

    print_message("%s %s\n", vector_string(v, "id"), vector_string(v, "title"));
    if (strcmp(expect, "policy_error") == 0) {
        assert_false(load_vector(v, p, &err));
        assert_string_equal(err.reason, reason);
        assert_int_equal(err.kind, ERR_CONFIG);
    } else {
        assert_true(load_vector(v, p, &err));
        judge_vector(v, p, &d);
        assert_string_equal(d.reason, reason);
        assert_int_equal(d.allowed, strcmp(expect, "allow") == 0);
    }
    policy_free(p);
}

static void test_policy_agrees_with_all_vectors(void **state)
{
    cJSON *root = residency_vectors();
    const cJSON *vectors = cJSON_GetObjectItemCaseSensitive(root, "policy_vectors");
    const cJSON *v;
    size_t n = 0;

    (void)state;
    cJSON_ArrayForEach(v, vectors)
    {
        check_vector(v);
        n++;
    }
    assert_int_equal(n, 47);
    cJSON_Delete(root);
}

/* The text of a Deny list with one thing put in place of the condition. */
static char *with_condition(const char *condition)
{
    char *text = malloc(8192);

    snprintf(text, 8192,
             "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":"
             "\"ec2:RunInstances\",\"Resource\":\"*\",\"Condition\":%s}]}",
             condition);
    return text;
}

static void assert_refused(const char *text, const char *reason)
{
    struct policy *p = policy_new();
    struct err err = ERR_INIT;

    assert_false(add_text(p, text, &err) && policy_ready(p, &err));
    assert_string_equal(err.reason, reason);
    policy_free(p);
}

static void assert_condition_refused(const char *condition, const char *reason)
{
    char *text = with_condition(condition);

    assert_refused(text, reason);
    free(text);
}

static void assert_decision(const char *text, const char *arn, const char *reason)
{
    struct policy *p = policy_new();
    struct err err = ERR_INIT;
    struct policy_decision d;

    assert_true(add_text(p, text, &err) && policy_ready(p, &err));
    policy_decide(p, &arn, 1, &d);
    assert_string_equal(d.reason, reason);
    assert_int_equal(d.allowed, strcmp(reason, "listed") == 0);
    policy_free(p);
}

static void assert_condition_decides(const char *condition, const char *arn, const char *reason)
{
    char *text = with_condition(condition);

    assert_decision(text, arn, reason);
    free(text);
}

static void test_policy_refuses_conditions_it_cannot_read(void **state)
{
    (void)state;
    assert_condition_refused("{\"Bool\":{\"ec2:Subnet\":\"true\"}}", "unsupported_operator");
    assert_condition_refused("{\"ForAllValues:IpAddressIfExists\":{\"ec2:Subnet\":\"10.0.0.0/8\"}}",
                             "unsupported_operator");
    assert_condition_refused("{\"ForAllValues:Null\":{\"ec2:Subnet\":\"false\"}}",
                             "unknown_operator");
    assert_condition_refused("{\"NullIfExists\":{\"ec2:Subnet\":\"false\"}}", "unknown_operator");
    assert_condition_refused("{\"arnNotEquals\":{\"ec2:Subnet\":\"" LISTED "\"}}",
                             "unknown_operator");
    assert_condition_refused("{\"ForAllValues:ForAllValues:ArnNotEquals\":{\"ec2:Subnet\":\"" LISTED
                             "\"}}",
                             "unknown_operator");
    assert_condition_refused("{\"Null\":{\"ec2:Subnet\":\"maybe\"}}", "bad_structure");
    assert_condition_refused("{\"ArnNotEquals\":{\"ec2:Subnet\":[1]}}", "bad_structure");
    assert_condition_refused("{\"ArnNotEquals\":{\"ec2:Subnet\":[null]}}", "bad_structure");
    assert_condition_refused("{\"ArnNotEquals\":\"ec2:Subnet\"}", "bad_structure");
    assert_condition_refused("{\"ArnNotEquals\":{}}", "empty_values");
    assert_condition_refused("{}", "empty_values");
    assert_condition_refused("[]", "bad_structure");
    assert_condition_refused("{\"ArnNotEquals\":{\"ec2:Subnet\":\"" LISTED
                             "\",\"EC2:SUBNET\":\"" OTHER "\"}}",
                             "duplicate_key");
    assert_condition_refused("{\"ArnNotEquals\":{\"ec2:Subnet\":\"" LISTED " \"}}",
                             "bad_arn_pattern");
    assert_condition_refused("{\"ArnNotEquals\":{\"ec2:Subnet\":\"*\"}}", "bad_arn_pattern");
    assert_condition_refused("{\"StringNotEquals\":{\"ec2:Subnet\":\"${aws:PrincipalTag/s}\"}}",
                             "unresolved_variable");
    assert_condition_refused("{\"Null\":{\"ec2:Subnet\":\"true\"}}", "no_allow_list");
    assert_condition_refused("{\"ArnNotEquals\":{\"ec2:SubnetID\":\"" LISTED "\"}}",
                             "no_allow_list");
}

static void test_policy_refuses_statements_it_cannot_read(void **state)
{
    (void)state;
    assert_refused("[]", "bad_structure");
    assert_refused("{}", "bad_structure");
    assert_refused("{\"Statement\":[]}", "bad_structure");
    assert_refused("{\"Statement\":[1]}", "bad_structure");
    assert_refused("{\"Version\":\"2013-01-01\",\"Statement\":[]}", "bad_structure");
    assert_refused("{\"Statements\":[]}", "bad_structure");
    assert_refused("{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\"}}", "bad_structure");
    assert_refused("{\"Statement\":{\"Effect\":\"Deny\",\"Resource\":\"*\"}}", "bad_structure");
    assert_refused("{\"Statement\":{\"Action\":\"*\",\"Resource\":\"*\"}}", "bad_structure");
    assert_refused("{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"NotAction\":\"s3:*\","
                   "\"Resource\":\"*\"}}",
                   "bad_structure");
    assert_refused("{\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"*\","
                   "\"Resource\":\"*\"}}",
                   "bad_structure");
    assert_refused("{\"Statement\":{\"Effect\":\"Deny\",\"Action\":[],\"Resource\":\"*\"}}",
                   "empty_values");
    assert_refused("{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"RunInstances\","
                   "\"Resource\":\"*\"}}",
                   "bad_structure");
    assert_refused("{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":"
                   "\"arn:aws:ec2:*\"}}",
                   "bad_arn_pattern");
}

static void test_policy_refuses_a_nul_raw_or_escaped(void **state)
{
    static const char raw[] = "{\"Statement\":[],\"Id\":\"a\0b\"}";
    struct policy *p = policy_new();
    struct err err = ERR_INIT;

    (void)state;
    assert_false(policy_add(p, "raw.json", bytes_of(raw, sizeof(raw) - 1), &err));
    assert_string_equal(err.reason, "bad_json");
    policy_free(p);
    assert_condition_refused("{\"ArnNotEquals\":{\"ec2:Subnet\":\"" LISTED "\\u0000x\"}}",
                             "bad_json");
}

static void test_policy_without_documents_is_refused(void **state)
{
    struct policy *p = policy_new();
    struct err err = ERR_INIT;
    const char *arn = LISTED;
    struct policy_decision d;

    (void)state;
    assert_false(policy_ready(p, &err));
    assert_string_equal(err.reason, "no_policy");
    policy_decide(p, &arn, 1, &d);
    assert_false(d.allowed);
    policy_free(p);
}

static void test_policy_evaluates_every_operator_on_the_subnet(void **state)
{
    static const char *const listing[] = {"ArnNotEquals",    "ArnNotLike",
                                          "StringNotEquals", "StringNotEqualsIgnoreCase",
                                          "StringNotLike",   "ForAnyValue:StringNotLikeIfExists"};
    char condition[512];

    (void)state;
    for (size_t i = 0; i < sizeof(listing) / sizeof(listing[0]); i++) {
        snprintf(condition, sizeof(condition), "{\"%s\":{\"ec2:Subnet\":\"%s\"}}", listing[i],
                 LISTED);
        assert_condition_decides(condition, LISTED, "listed");
        assert_condition_decides(condition, OTHER, "explicit_deny");
    }
    assert_condition_decides("{\"StringNotEqualsIgnoreCase\":{\"ec2:Subnet\":\"ARN:AWS:EC2:us-east-"
                             "1:111122223333:subnet/subnet-08FC749671b2d4e05\"}}",
                             LISTED, "listed");
    assert_condition_decides("{\"StringNotLike\":{\"ec2:Subnet\":\"ARN:*\"}}", LISTED,
                             "explicit_deny");
    assert_condition_decides("{\"ArnNotLike\":{\"ec2:Subnet\":\"arn:a*s:e?2:*:*:subnet/*-0*5\"}}",
                             LISTED, "listed");
}

static void test_policy_needs_every_document_to_allow(void **state)
{
    static const char allow_listed[] =
        "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"ec2:*\",\"Resource\":\"*\","
        "\"Condition\":{\"ArnEquals\":{\"ec2:Subnet\":\"" LISTED "\"}}}}";
    static const char allow_other[] =
        "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"ec2:*\",\"Resource\":\"*\","
        "\"Condition\":{\"ArnEquals\":{\"ec2:Subnet\":\"" OTHER "\"}}}}";
    struct policy *p = policy_new();
    struct err err = ERR_INIT;
    const char *arn = LISTED;
    struct policy_decision d;

    (void)state;
    assert_decision(allow_listed, LISTED, "listed");
    assert_true(add_text(p, allow_listed, &err) && add_text(p, allow_other, &err));
    assert_true(policy_ready(p, &err));
    policy_decide(p, &arn, 1, &d);
    assert_string_equal(d.reason, "no_matching_allow");
    policy_free(p);
}

static void test_policy_names_the_sid_that_denies(void **state)
{
    cJSON *root = residency_vectors();
    const cJSON *vectors = cJSON_GetObjectItemCaseSensitive(root, "policy_vectors");
    const cJSON *p28 = cJSON_GetArrayItem(vectors, 27);
    struct policy *p = policy_new();
    struct err err = ERR_INIT;
    struct policy_decision d;

    (void)state;
    assert_string_equal(vector_string(p28, "id"), "P28");
    assert_true(load_vector(p28, p, &err));
    judge_vector(p28, p, &d);
    assert_non_null(strstr(d.detail, "TeamLock"));
    assert_non_null(strstr(d.detail, "count as true"));
    policy_free(p);
    cJSON_Delete(root);
}

static void test_policy_scope_follows_resource_and_not_resource(void **state)
{
    static const char region_only[] =
        "{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":"
        "\"arn:aws:ec2:eu-west-1:*:network-interface/*\",\"Condition\":{\"ArnNotEquals\":"
        "{\"ec2:Subnet\":\"" LISTED "\"}}}}";
    static const char not_resource[] =
        "{\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"*\",\"NotResource\":"
        "\"arn:*:ec2:*:*:network-interface/*\",\"Condition\":{\"ArnNotEquals\":"
        "{\"ec2:Subnet\":\"" LISTED "\"}}}}";

    (void)state;
    /* Another Region's list says nothing about this subnet, so nothing lists it. */
    assert_decision(region_only, LISTED, "not_listed");
    assert_refused(not_resource, "no_allow_list");
}

static void test_list_of_subnets_decides_as_its_document(void **state)
{
    const char *arns[] = {LISTED};
    const char *listed = LISTED;
    const char *other = OTHER;
    struct policy *p = policy_new();
    struct err err = ERR_INIT;
    struct policy_decision d;

    (void)state;
    assert_true(policy_add_list(p, "allowed_subnets", arns, 1, &err));
    assert_true(policy_ready(p, &err));
    policy_decide(p, &listed, 1, &d);
    assert_true(d.allowed);
    policy_decide(p, &other, 1, &d);
    assert_string_equal(d.reason, "explicit_deny");
    assert_int_equal(strlen(policy_doc_sha256(p, 0)), 64);
    policy_free(p);
}

static void test_list_of_subnets_takes_literal_arns_only(void **state)
{
    static const char *const bad[] = {
        "arn:aws:ec2:us-east-1:111122223333:subnet/*",
        "arn:aws:ec2:us-east-1:111122223333:subnet/subnet-08fc749671b2d4e0",
        "arn:aws:ec2:us-east-1:111122223333:subnet/subnet-08FC749671B2D4E05",
        "arn:aws:ec2:us-east-1:11112222333:subnet/subnet-08fc749671b2d4e05",
        "arn:aws:ec2::111122223333:subnet/subnet-08fc749671b2d4e05",
        "arn:aws:ec2:us-east-1:111122223333:vpc/vpc-08fc749671b2d4e05",
        "subnet-08fc749671b2d4e05",
        "",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct policy *p = policy_new();
        struct err err = ERR_INIT;

        assert_false(policy_add_list(p, "allowed_subnets", &bad[i], 1, &err));
        assert_string_equal(err.reason, "bad_subnet_arn");
        policy_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy_agrees_with_all_vectors),
        cmocka_unit_test(test_policy_refuses_conditions_it_cannot_read),
        cmocka_unit_test(test_policy_refuses_statements_it_cannot_read),
        cmocka_unit_test(test_policy_refuses_a_nul_raw_or_escaped),
        cmocka_unit_test(test_policy_without_documents_is_refused),
        cmocka_unit_test(test_policy_evaluates_every_operator_on_the_subnet),
        cmocka_unit_test(test_policy_needs_every_document_to_allow),
        cmocka_unit_test(test_policy_names_the_sid_that_denies),
        cmocka_unit_test(test_policy_scope_follows_resource_and_not_resource),
        cmocka_unit_test(test_list_of_subnets_decides_as_its_document),
        cmocka_unit_test(test_list_of_subnets_takes_literal_arns_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
