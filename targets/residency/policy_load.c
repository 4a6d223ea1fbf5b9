#include "targets/residency/policy_doc.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "schema/base/json.h"

#define STATEMENTS_MAX 1000
#define VALUES_MAX 10000
#define KEYS_MAX 1000 /* under one operator */

struct loader {
    struct arena *arena;
    char place[96]; /* "statement 2 (DenyNotLocalZones)" */
    struct err *err;
};

static const struct operator_name {
    const char *name;
    enum policy_operator op;
    bool is_negated;
} operator_names[] = {
    {"ArnEquals", OPERATOR_ARN, false},
    {"ArnLike", OPERATOR_ARN, false},
    {"ArnNotEquals", OPERATOR_ARN, true},
    {"ArnNotLike", OPERATOR_ARN, true},
    {"StringEquals", OPERATOR_STRING, false},
    {"StringNotEquals", OPERATOR_STRING, true},
    {"StringEqualsIgnoreCase", OPERATOR_STRING_NOCASE, false},
    {"StringNotEqualsIgnoreCase", OPERATOR_STRING_NOCASE, true},
    {"StringLike", OPERATOR_STRING_LIKE, false},
    {"StringNotLike", OPERATOR_STRING_LIKE, true},
    {"Null", OPERATOR_NULL, false},
    {"NumericEquals", OPERATOR_OTHER, false},
    {"NumericNotEquals", OPERATOR_OTHER, true},
    {"NumericLessThan", OPERATOR_OTHER, false},
    {"NumericLessThanEquals", OPERATOR_OTHER, false},
    {"NumericGreaterThan", OPERATOR_OTHER, false},
    {"NumericGreaterThanEquals", OPERATOR_OTHER, false},
    {"DateEquals", OPERATOR_OTHER, false},
    {"DateNotEquals", OPERATOR_OTHER, true},
    {"DateLessThan", OPERATOR_OTHER, false},
    {"DateLessThanEquals", OPERATOR_OTHER, false},
    {"DateGreaterThan", OPERATOR_OTHER, false},
    {"DateGreaterThanEquals", OPERATOR_OTHER, false},
    {"Bool", OPERATOR_OTHER, false},
    {"BinaryEquals", OPERATOR_OTHER, false},
    {"IpAddress", OPERATOR_OTHER, false},
    {"NotIpAddress", OPERATOR_OTHER, true},
};

static bool refuse(struct loader *l, const char *reason, const char *what, const char *which)
{
    err_reason(l->err, ERR_CONFIG, reason, "%s: %s \"%.80s\"", l->place, what, which);
    return false;
}

static bool starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool arn_split(const char *arn, struct bytes parts[ARN_PARTS])
{
    for (size_t i = 0; i + 1 < ARN_PARTS; i++) {
        const char *colon = strchr(arn, ':');

        if (colon == NULL)
            return false;
        parts[i] = bytes_of(arn, (size_t)(colon - arn));
        arn = colon + 1;
    }
    parts[ARN_PARTS - 1] = bytes_str(arn);
    return true;
}

static bool check_arn_pattern(struct loader *l, const char *pattern)
{
    struct bytes parts[ARN_PARTS];

    for (const char *p = pattern; *p != '\0'; p++)
        if (isspace((unsigned char)*p))
            return refuse(l, "bad_arn_pattern", "white space in the ARN pattern", pattern);
    if (!starts_with(pattern, "arn:") || !arn_split(pattern, parts))
        return refuse(l, "bad_arn_pattern", "not an ARN pattern of six parts:", pattern);
    return true;
}

static bool check_value(struct loader *l, const cJSON *item, const char *what)
{
    if (!cJSON_IsString(item))
        return refuse(l, "bad_structure", "a value is not a string in", what);
    if (strlen(item->valuestring) > POLICY_VALUE_BYTES_MAX)
        return refuse(l, "bad_structure", "a value is too long in", what);
    if (strstr(item->valuestring, "${") != NULL)
        return refuse(l, "unresolved_variable",
                      "policy variables are not resolved:", item->valuestring);
    return true;
}

/* A string, or a list of strings that is not empty. */
static bool load_strings(struct loader *l, const cJSON *item, const char *what,
                         struct string_list *out)
{
    bool is_array = cJSON_IsArray(item);
    size_t n = is_array ? (size_t)cJSON_GetArraySize(item) : 1;

    if (n == 0)
        return refuse(l, "empty_values", "the list is empty in", what);
    if (n > VALUES_MAX)
        return refuse(l, "bad_structure", "too many values in", what);
    *out = (struct string_list){arena_alloc(l->arena, n * sizeof(char *)), 0};
    for (const cJSON *v = is_array ? item->child : item; out->n < n; v = v->next) {
        if (!check_value(l, v, what))
            return false;
        out->items[out->n++] = arena_strdup(l->arena, v->valuestring);
    }
    return true;
}

static bool load_actions(struct loader *l, const cJSON *item, struct string_list *out)
{
    if (!load_strings(l, item, item->string, out))
        return false;
    for (size_t i = 0; i < out->n; i++) {
        const char *colon = strchr(out->items[i], ':');

        if (strcmp(out->items[i], "*") == 0)
            continue;
        if (colon == NULL || colon == out->items[i] || colon[1] == '\0')
            return refuse(l, "bad_structure", "not an action pattern:", out->items[i]);
    }
    return true;
}

static bool load_resources(struct loader *l, const cJSON *item, struct string_list *out)
{
    if (!load_strings(l, item, item->string, out))
        return false;
    for (size_t i = 0; i < out->n; i++)
        if (strcmp(out->items[i], "*") != 0 && !check_arn_pattern(l, out->items[i]))
            return false;
    return true;
}

/* ForAllValues:, ForAnyValue: and IfExists change nothing for one value of a present key. */
static const struct operator_name *find_operator(const char *name)
{
    static const char *const prefixes[] = {"ForAllValues:", "ForAnyValue:"};
    static const char suffix[] = "IfExists";
    size_t len;
    bool is_plain = true;

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (is_plain && starts_with(name, prefixes[i])) {
            name += strlen(prefixes[i]);
            is_plain = false;
        }
    len = strlen(name);
    if (len > strlen(suffix) && strcmp(name + len - strlen(suffix), suffix) == 0) {
        len -= strlen(suffix);
        is_plain = false;
    }
    for (size_t i = 0; i < sizeof(operator_names) / sizeof(operator_names[0]); i++) {
        const struct operator_name *o = &operator_names[i];

        if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
            return o->op == OPERATOR_NULL && !is_plain ? NULL : o;
    }
    return NULL;
}

static bool check_condition_values(struct loader *l, const struct policy_condition *c)
{
    for (size_t i = 0; i < c->values.n; i++) {
        const char *value = c->values.items[i];

        if (c->op == OPERATOR_ARN && !check_arn_pattern(l, value))
            return false;
        if (c->op == OPERATOR_NULL && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
            return refuse(l, "bad_structure", "Null takes true or false, not", value);
    }
    return true;
}

static bool load_condition(struct loader *l, const struct operator_name *o, const cJSON *key,
                           struct policy_condition *c)
{
    c->op = o->op;
    c->is_negated = o->is_negated;
    c->is_subnet = strcasecmp(key->string, "ec2:Subnet") == 0;
    if (c->is_subnet && c->op == OPERATOR_OTHER)
        return refuse(l, "unsupported_operator", "ec2:Subnet under", o->name);
    if (key->string[0] == '\0')
        return refuse(l, "bad_structure", "a condition key is empty under", o->name);
    for (const cJSON *before = key->prev; before->next != NULL; before = before->prev)
        if (strcasecmp(before->string, key->string) == 0)
            return refuse(l, "duplicate_key", "the condition key is there twice:", key->string);
    return load_strings(l, key, key->string, &c->values) && check_condition_values(l, c);
}

static size_t count_keys(const cJSON *condition)
{
    size_t n = 0;

    for (const cJSON *op = condition->child; op != NULL; op = op->next)
        n += (size_t)cJSON_GetArraySize(op);
    return n;
}

static bool load_conditions(struct loader *l, const cJSON *item, struct policy_statement *s)
{
    if (!cJSON_IsObject(item))
        return refuse(l, "bad_structure", "not an object:", "Condition");
    if (item->child == NULL)
        return refuse(l, "empty_values", "nothing in", "Condition");
    s->conditions = arena_alloc(l->arena, count_keys(item) * sizeof(*s->conditions) + 1);
    for (const cJSON *op = item->child; op != NULL; op = op->next) {
        const struct operator_name *o = find_operator(op->string);

        if (o == NULL)
            return refuse(l, "unknown_operator", "no condition operator is called", op->string);
        if (!cJSON_IsObject(op))
            return refuse(l, "bad_structure", "not an object:", op->string);
        if (op->child == NULL)
            return refuse(l, "empty_values", "no key under", op->string);
        if (cJSON_GetArraySize(op) > KEYS_MAX)
            return refuse(l, "bad_structure", "too many keys under", op->string);
        for (const cJSON *key = op->child; key != NULL; key = key->next)
            if (!load_condition(l, o, key, &s->conditions[s->n_conditions++]))
                return false;
    }
    return true;
}

static bool load_effect(struct loader *l, const cJSON *item, struct policy_statement *s)
{
    const char *effect = cJSON_IsString(item) ? item->valuestring : "";

    s->is_deny = strcmp(effect, "Deny") == 0;
    if (!s->is_deny && strcmp(effect, "Allow") != 0)
        return refuse(l, "bad_structure", "Effect is Allow or Deny, not", effect);
    return true;
}

static bool load_sid(struct loader *l, const cJSON *item, struct policy_statement *s)
{
    if (!check_value(l, item, "Sid"))
        return false;
    s->sid = arena_strdup(l->arena, item->valuestring);
    return true;
}

static bool load_element(struct loader *l, const cJSON *item, struct policy_statement *s)
{
    const char *name = item->string;

    if (strcmp(name, "Sid") == 0)
        return load_sid(l, item, s);
    if (strcmp(name, "Effect") == 0)
        return load_effect(l, item, s);
    if (strcmp(name, "Condition") == 0)
        return load_conditions(l, item, s);
    if (strcmp(name, "Action") == 0 || strcmp(name, "NotAction") == 0) {
        if (s->actions.n > 0)
            return refuse(l, "bad_structure", "both Action and", "NotAction");
        s->is_not_action = name[0] == 'N';
        return load_actions(l, item, &s->actions);
    }
    if (strcmp(name, "Resource") == 0 || strcmp(name, "NotResource") == 0) {
        if (s->resources.n > 0)
            return refuse(l, "bad_structure", "both Resource and", "NotResource");
        s->is_not_resource = name[0] == 'N';
        return load_resources(l, item, &s->resources);
    }
    return refuse(l, "bad_structure", "no statement element is called", name);
}

static bool load_statement(struct loader *l, const cJSON *item, struct policy_statement *s)
{
    if (!cJSON_IsObject(item))
        return refuse(l, "bad_structure", "not an object:", "Statement");
    s->sid = "";
    for (const cJSON *element = item->child; element != NULL; element = element->next)
        if (!load_element(l, element, s))
            return false;
    if (cJSON_GetObjectItemCaseSensitive(item, "Effect") == NULL)
        return refuse(l, "bad_structure", "missing element", "Effect");
    if (s->actions.n == 0)
        return refuse(l, "bad_structure", "missing element", "Action");
    if (s->resources.n == 0)
        return refuse(l, "bad_structure", "missing element", "Resource");
    return true;
}

static void name_place(struct loader *l, const cJSON *item, size_t number)
{
    const cJSON *sid = cJSON_GetObjectItemCaseSensitive(item, "Sid");

    if (cJSON_IsString(sid))
        snprintf(l->place, sizeof(l->place), "statement %zu (%.60s)", number, sid->valuestring);
    else
        snprintf(l->place, sizeof(l->place), "statement %zu", number);
}

static bool load_statements(struct loader *l, const cJSON *item, struct policy_doc *doc)
{
    bool is_array = cJSON_IsArray(item);
    size_t n = is_array ? (size_t)cJSON_GetArraySize(item) : 1;

    if (n == 0 || n > STATEMENTS_MAX)
        return refuse(l, "bad_structure", "none or too many in", "Statement");
    doc->statements = arena_alloc(l->arena, n * sizeof(*doc->statements));
    for (const cJSON *s = is_array ? item->child : item; doc->n_statements < n; s = s->next) {
        struct policy_statement *out = &doc->statements[doc->n_statements++];

        name_place(l, s, doc->n_statements);
        if (!load_statement(l, s, out))
            return false;
        doc->has_allow = doc->has_allow || !out->is_deny;
    }
    return true;
}

static bool check_version(struct loader *l, const cJSON *item)
{
    const char *version = cJSON_IsString(item) ? item->valuestring : "";

    if (strcmp(version, "2012-10-17") != 0 && strcmp(version, "2008-10-17") != 0)
        return refuse(l, "bad_structure", "not a policy language Version:", version);
    return true;
}

static bool load_root(struct loader *l, const cJSON *root, struct policy_doc *doc)
{
    const cJSON *statements = NULL;

    if (!cJSON_IsObject(root))
        return refuse(l, "bad_structure", "not an object:", "document");
    for (const cJSON *item = root->child; item != NULL; item = item->next) {
        if (strcmp(item->string, "Statement") == 0)
            statements = item;
        else if (strcmp(item->string, "Version") == 0) {
            if (!check_version(l, item))
                return false;
        } else if (strcmp(item->string, "Id") == 0) {
            if (!check_value(l, item, "Id"))
                return false;
        } else
            return refuse(l, "bad_structure", "no policy element is called", item->string);
    }
    if (statements == NULL)
        return refuse(l, "bad_structure", "missing element", "Statement");
    return load_statements(l, statements, doc);
}

bool policy_doc_load(struct policy_doc *doc, struct arena *arena, struct bytes text,
                     struct err *err)
{
    struct loader l = {arena, "document", err};
    cJSON *root = NULL;
    bool ok;

    if (text.len > POLICY_BYTES_MAX)
        return refuse(&l, "bad_json", "over 1 MiB:", doc->name);
    if (!json_parse(text, 0, &root, err))
        return false;
    sha256_hex(text, doc->sha256);
    ok = load_root(&l, root, doc);
    cJSON_Delete(root);
    return ok;
}
