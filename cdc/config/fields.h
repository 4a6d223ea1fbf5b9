/*
 * fields.h - one table of fields per JSON object, read by one loop. Private to the room.
 *
 * A field that is not in the table is an error naming the nearest one that is.
 */
#ifndef CDC_CONFIG_FIELDS_H
#define CDC_CONFIG_FIELDS_H

#include "cdc/config/config.h"
#include "schema/base/json.h"

#define FIELD_LIST_MAX 10000

enum field_type {
    FIELD_STRING,   /* const char * */
    FIELD_PATH,     /* const char *, relative to the configuration file */
    FIELD_PORT,     /* uint16_t, 1.. */
    FIELD_U32,      /* uint32_t, 1.. */
    FIELD_SIZE,     /* uint64_t bytes: number, or "50GiB" */
    FIELD_DURATION, /* uint64_t µs: "24h", "90s", "250ms" */
    FIELD_STRINGS,  /* struct string_list */
    FIELD_PATHS,    /* struct string_list */
    FIELD_RAW,      /* const cJSON *: looked at by its own code */
};

struct string_list {
    const char **items;
    size_t n;
};

struct field {
    const char *name;
    enum field_type type;
    void *out;
};

/* fields: ended by one without a name. where: how messages call the object. */
MUST_CHECK bool fields_read(struct config *c, const cJSON *object, const char *where,
                            const struct field *fields, struct err *err);
/* Errors for what fields_read() cannot know; always false. */
bool field_missing(const char *where, const char *key, struct err *err);
bool field_bad(const char *where, const char *key, const char *want, struct err *err);
/* Relative to the configuration's directory; in its arena. */
const char *path_beside(struct config *c, const char *path);

/* ---- secret.c ---- */

struct secret {
    const char *plain; /* "password": refused, it would be in a file that gets copied */
    const char *file;
    const char *env;
    const char *command;
};

/* *out: the password, "" if none is named; in the arena. */
MUST_CHECK bool secret_read(struct config *c, const struct secret *s, const char *where,
                            const char **out, struct err *err);

#endif
