/*
 * dms.c - AWS DMS table-mapping documents: {"rules": [ ... ]}, each rule one of
 *
 *   {"rule-type": "selection", "rule-id": "1", "rule-name": "1",
 *    "object-locator": {"schema-name": "Test", "table-name": "%", "table-type": "table"},
 *    "rule-action": "include" | "exclude" | "explicit", "filters": [], "load-order": "1"}
 *
 *   {"rule-type": "transformation", "rule-id": "2", "rule-name": "2",
 *    "rule-target": "schema" | "table",
 *    "object-locator": {"schema-name": "Test", "table-name": "%"},
 *    "rule-action": "rename" | "add-prefix" | "add-suffix" | "remove-prefix" | "remove-suffix" |
 *                   "replace-prefix" | "replace-suffix" | "convert-lowercase" |
 * "convert-uppercase", "value": "new name or part", "old-value": "what is replaced"}
 *
 * The order of rules does not count: what a rule excludes stays out whatever includes it, and
 * all names in locators are names on the source. explicit takes exact names. An object (a
 * schema, a table) takes one transformation; a table may have one of its own beside that of
 * its schema. Prefixes and suffixes that a name does not have change nothing. load-order says
 * what DMS loads first; here every table ends at one position, so it is read and has no effect.
 *
 * Refused by rule id: filters, views (table-type view or all), rules for columns and
 * tablespaces, table-settings, and any other member, action or type.
 */
#include <stdio.h>
#include <string.h>

#include "schema/mapping/rules.h"

struct rule {
    const cJSON *json;
    const char *type, *action;
    char id[32];
    struct err *err;
};

static bool refuse(const struct rule *r, const char *what, const char *name)
{
    err_reason(r->err, ERR_CONFIG, "rule_not_supported",
               "DMS rule %s (%s%s%s): %s%s%s is not supported", r->id, r->type,
               r->action[0] ? " " : "", r->action, what, name[0] ? " " : "", name);
    return false;
}

static bool bad(const struct rule *r, const char *what)
{
    err_reason(r->err, ERR_CONFIG, "bad_rule", "DMS rule %s (%s%s%s): %s", r->id, r->type,
               r->action[0] ? " " : "", r->action, what);
    return false;
}

static const char *text_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsString(item) ? item->valuestring : NULL;
}

static bool is_one_of(const char *s, const char *const list[])
{
    for (size_t i = 0; list[i]; i++)
        if (strcmp(s, list[i]) == 0)
            return true;
    return false;
}

static bool check_members(const struct rule *r, const cJSON *object, const char *const known[])
{
    const cJSON *item;

    cJSON_ArrayForEach(item, object)
    {
        if (!is_one_of(item->string, known))
            return refuse(r, "member", item->string);
    }
    return true;
}

/* Ids are numbers, in quotes or not. */
static bool read_id(struct rule *r, size_t ordinal)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(r->json, "rule-id");
    const char *text = cJSON_IsString(id) || cJSON_IsNumber(id) ? id->valuestring : NULL;

    snprintf(r->id, sizeof(r->id), "number %zu", ordinal);
    if (!text || !text[0] || strlen(text) >= sizeof(r->id) ||
        strspn(text, "0123456789") != strlen(text))
        return bad(r, "rule-id must be a number");
    snprintf(r->id, sizeof(r->id), "%s", text);
    return true;
}

static bool check_filters(const struct rule *r)
{
    const cJSON *filters = cJSON_GetObjectItemCaseSensitive(r->json, "filters");

    return cJSON_GetArraySize(filters) == 0 || refuse(r, "a filter of rows", "");
}

/* schema-name and table-name of the locator; *name NULL where there is none. */
static bool read_locator(const struct rule *r, const char **db, const char **name)
{
    static const char *const known[] = {"schema-name", "table-name", "table-type", NULL};
    const cJSON *locator = cJSON_GetObjectItemCaseSensitive(r->json, "object-locator");
    const char *type = text_of(locator, "table-type");

    if (!check_members(r, locator, known))
        return false;
    if (type && strcmp(type, "table") != 0)
        return refuse(r, "table-type", type);
    *db = text_of(locator, "schema-name");
    *name = text_of(locator, "table-name");
    return (*db && (*db)[0]) || bad(r, "object-locator.schema-name is missing");
}

static bool make_patterns(struct mapping *m, const struct rule *r, const char *db, const char *name,
                          enum pattern_syntax syntax, struct pattern *db_out,
                          struct pattern *name_out)
{
    if (pattern_make(&m->arena, db, strlen(db), syntax, db_out, r->err) &&
        pattern_make(&m->arena, name, strlen(name), syntax, name_out, r->err))
        return true;
    err_context(r->err, "DMS rule %s (%s %s)", r->id, r->type, r->action);
    return false;
}

static bool read_selection(struct mapping *m, const struct rule *r)
{
    static const char *const known[] = {"rule-type",   "rule-id", "rule-name",  "object-locator",
                                        "rule-action", "filters", "load-order", NULL};
    static const char *const actions[] = {"include", "exclude", "explicit", NULL};
    struct selection *s = &m->selections[m->n_selections];
    const char *db, *name;

    if (!check_members(r, r->json, known) || !check_filters(r) || !read_locator(r, &db, &name))
        return false;
    if (!is_one_of(r->action, actions))
        return refuse(r, "this action", "");
    if (!name || !name[0])
        return bad(r, "object-locator.table-name is missing");
    s->excludes = strcmp(r->action, "exclude") == 0;
    m->n_selections++;
    return make_patterns(m, r, db, name,
                         strcmp(r->action, "explicit") == 0 ? PATTERN_EXACT : PATTERN_DMS, &s->db,
                         &s->name);
}

static bool read_change(const struct rule *r, enum change_of_name *what)
{
    static const char *const names[] = {
        [NAME_RENAME] = "rename",
        [NAME_ADD_PREFIX] = "add-prefix",
        [NAME_ADD_SUFFIX] = "add-suffix",
        [NAME_REMOVE_PREFIX] = "remove-prefix",
        [NAME_REMOVE_SUFFIX] = "remove-suffix",
        [NAME_REPLACE_PREFIX] = "replace-prefix",
        [NAME_REPLACE_SUFFIX] = "replace-suffix",
        [NAME_LOWER] = "convert-lowercase",
        [NAME_UPPER] = "convert-uppercase",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(r->action, names[i]) == 0) {
            *what = (enum change_of_name)i;
            return true;
        }
    }
    return refuse(r, "this action", "");
}

static bool read_values(struct mapping *m, const struct rule *r, struct transformation *t)
{
    const char *value = text_of(r->json, "value"), *old = text_of(r->json, "old-value");
    bool folds = t->what == NAME_LOWER || t->what == NAME_UPPER;
    bool replaces = t->what == NAME_REPLACE_PREFIX || t->what == NAME_REPLACE_SUFFIX;

    if (!folds && (!value || (!value[0] && !replaces)))
        return bad(r, "value is missing");
    if (replaces && (!old || !old[0]))
        return bad(r, "old-value is missing");
    t->value = value && !folds ? arena_strdup(&m->arena, value) : NULL;
    t->old = replaces ? arena_strdup(&m->arena, old) : NULL;
    return true;
}

static bool read_transformation(struct mapping *m, const struct rule *r)
{
    static const char *const known[] = {"rule-type",   "rule-id", "rule-name", "object-locator",
                                        "rule-action", "value",   "old-value", "rule-target",
                                        "filters",     NULL};
    struct transformation *t = &m->transformations[m->n_transformations];
    const char *target = text_of(r->json, "rule-target"), *db, *name;

    if (!target)
        return bad(r, "rule-target is missing");
    if (strcmp(target, "schema") != 0 && strcmp(target, "table") != 0)
        return refuse(r, "rule-target", target);
    /* The action first: a rule that defines keys should not be told by its members. */
    if (!read_change(r, &t->what) || !check_members(r, r->json, known) || !check_filters(r) ||
        !read_locator(r, &db, &name) || !read_values(m, r, t))
        return false;
    t->of_table = strcmp(target, "table") == 0;
    if (t->of_table && (!name || !name[0]))
        return bad(r, "object-locator.table-name is missing");
    if (!t->of_table && name && strcmp(name, "%") != 0)
        return bad(r, "object-locator.table-name has no place in a rule for schemas");
    t->id = arena_printf(&m->arena, "DMS rule %s", r->id);
    m->n_transformations++;
    return make_patterns(m, r, db, name ? name : "%", PATTERN_DMS, &t->db, &t->name);
}

static bool read_rule(struct mapping *m, const cJSON *json, size_t ordinal, struct map *ids,
                      struct err *err)
{
    const char *type = text_of(json, "rule-type"), *action = text_of(json, "rule-action");
    struct rule r = {
        .json = json, .type = type ? type : "", .action = action ? action : "", .err = err};

    if (!read_id(&r, ordinal))
        return false;
    if (map_put(ids, bytes_str(r.id), ids))
        return bad(&r, "another rule has this id");
    if (!type)
        return bad(&r, "rule-type is missing");
    if (strcmp(type, "selection") != 0 && strcmp(type, "transformation") != 0)
        return refuse(&r, "this type of rule", "");
    if (!action)
        return bad(&r, "rule-action is missing");
    return strcmp(type, "selection") == 0 ? read_selection(m, &r) : read_transformation(m, &r);
}

bool dms_parse(struct mapping *m, const cJSON *rules, struct err *err)
{
    struct map ids = {0};
    const cJSON *json;
    size_t ordinal = 0;
    bool ok = cJSON_IsArray(rules), includes = false;

    if (!ok)
        err_reason(err, ERR_CONFIG, "bad_rule", "rules must be a list of DMS rules");
    cJSON_ArrayForEach(json, rules)
    {
        ok = ok && read_rule(m, json, ++ordinal, &ids, err);
    }
    for (size_t i = 0; ok && i < m->n_selections; i++)
        includes = includes || !m->selections[i].excludes;
    if (ok && !includes) {
        err_reason(err, ERR_CONFIG, "bad_rule",
                   "no selection rule of the DMS document includes a table");
        ok = false;
    }
    map_release(&ids);
    return ok;
}
