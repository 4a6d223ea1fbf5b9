/*
 * policy_doc.h - a policy document as it is judged: the form between loader and evaluator.
 *
 * Private to policy.c and policy_load.c. All strings live in the policy's arena.
 */
#ifndef TARGETS_RESIDENCY_POLICY_DOC_H
#define TARGETS_RESIDENCY_POLICY_DOC_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/arena.h"
#include "schema/base/digest.h"
#include "targets/residency/policy.h"

enum policy_operator {
    OPERATOR_ARN,           /* six parts matched one by one; * and ? in each */
    OPERATOR_STRING,        /* literal */
    OPERATOR_STRING_NOCASE, /* literal, case of ASCII letters ignored */
    OPERATOR_STRING_LIKE,   /* * and ? over the whole string */
    OPERATOR_NULL,
    OPERATOR_OTHER, /* numbers, dates, addresses...: never evaluated */
};

struct string_list {
    const char **items;
    size_t n;
};

/* One key under one operator. */
struct policy_condition {
    enum policy_operator op;
    bool is_negated;
    bool is_subnet; /* the key is ec2:Subnet; all other keys are unknown to us */
    struct string_list values;
};

struct policy_statement {
    const char *sid; /* "" if none */
    bool is_deny;
    bool is_not_action;
    bool is_not_resource;
    struct string_list actions;
    struct string_list resources;
    struct policy_condition *conditions;
    size_t n_conditions;
};

struct policy_doc {
    const char *name;
    char sha256[SHA256_HEX_SIZE];
    struct policy_statement *statements;
    size_t n_statements;
    bool has_allow;
};

struct policy {
    struct arena arena;
    struct policy_doc docs[POLICY_DOCS_MAX];
    size_t n_docs;
};

#define ARN_PARTS 6

/* The parts of an ARN; the last one takes all further colons. False: fewer than six parts. */
bool arn_split(const char *arn, struct bytes parts[ARN_PARTS]);

/* Read one document into doc; its strings go to the arena. Fails as policy_add says. */
MUST_CHECK bool policy_doc_load(struct policy_doc *doc, struct arena *arena, struct bytes text,
                                struct err *err);

#endif
