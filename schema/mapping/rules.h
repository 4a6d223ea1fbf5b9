/*
 * rules.h - a mapping from inside: what both forms of the section become. Private to the room.
 */
#ifndef SCHEMA_MAPPING_RULES_H
#define SCHEMA_MAPPING_RULES_H

#include <locale.h>

#include "schema/mapping/mapping.h"
#include "schema/mapping/pattern.h"

#define RULES_MAX 10000

struct selection {
    bool excludes;
    struct pattern db, name;
};

enum change_of_name {
    NAME_RENAME,
    NAME_ADD_PREFIX,
    NAME_ADD_SUFFIX,
    NAME_REMOVE_PREFIX,
    NAME_REMOVE_SUFFIX,
    NAME_REPLACE_PREFIX,
    NAME_REPLACE_SUFFIX,
    NAME_LOWER,
    NAME_UPPER,
};

struct transformation {
    const char *id; /* of the rule, for messages */
    bool of_table;  /* else of the database */
    enum change_of_name what;
    struct pattern db, name;
    const char *value; /* new name or part; NULL for LOWER and UPPER */
    const char *old;   /* REPLACE: what is replaced */
    const char *to_db; /* of_table: the database it goes to, NULL: by the rules of databases */
};

struct mapping {
    struct arena arena;
    const char *text;
    bool takes_all; /* no rule includes anything: everything is */
    struct selection *selections;
    size_t n_selections;
    struct transformation *transformations;
    size_t n_transformations;
    locale_t locale; /* of letters, for LOWER and UPPER: the same on every machine */
};

/* The rules of {"rules": [...]} into m, which has room for as many. */
MUST_CHECK bool dms_parse(struct mapping *m, const cJSON *rules, struct err *err);

#endif
