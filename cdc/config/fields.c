#include "cdc/config/fields.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t distance(const char *a, const char *b)
{
    size_t row[64];
    size_t n = strlen(b);

    if (n >= 63)
        return 64;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t best = corner + (a[i - 1] != b[j - 1]);

            corner = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[n];
}

static bool unknown_key(const char *where, const char *key, const struct field *fields,
                        struct err *err)
{
    const char *best = NULL;
    size_t best_distance = 0;

    for (const struct field *f = fields; f->name; f++) {
        size_t d = distance(key, f->name);

        if (!best || d < best_distance) {
            best = f->name;
            best_distance = d;
        }
    }
    err_reason(err, ERR_CONFIG, "unknown_key",
               "unknown key \"%.60s\" in %s; the nearest known key is \"%s\"", key, where,
               best ? best : "");
    return false;
}

bool field_bad(const char *where, const char *key, const char *want, struct err *err)
{
    err_reason(err, ERR_CONFIG, "bad_value", "%s.%s must be %s", where, key, want);
    return false;
}

static bool read_unit(const char *text, const char *const units[], const uint64_t scale[],
                      uint64_t *out)
{
    char *end;
    unsigned long long v;

    errno = 0;
    v = strtoull(text, &end, 10);
    if (errno || end == text || !isdigit((unsigned char)text[0]))
        return false;
    for (size_t i = 0; units[i]; i++) {
        if (strcmp(end, units[i]) == 0 && v <= UINT64_MAX / scale[i]) {
            *out = v * scale[i];
            return true;
        }
    }
    return false;
}

static bool read_size(const cJSON *item, uint64_t *out)
{
    static const char *const units[] = {"", "B", "KiB", "MiB", "GiB", "TiB", NULL};
    static const uint64_t scale[] = {1, 1, 1 << 10, 1 << 20, 1 << 30, (uint64_t)1 << 40};

    if (cJSON_IsNumber(item) && item->valuedouble >= 1 && item->valuedouble < 9e15) {
        *out = (uint64_t)item->valuedouble;
        return true;
    }
    return cJSON_IsString(item) && read_unit(item->valuestring, units, scale, out) && *out > 0;
}

static bool read_duration(const cJSON *item, uint64_t *out)
{
    static const char *const units[] = {"us", "ms", "s", "min", "h", "d", NULL};
    static const uint64_t scale[] = {1, 1000, 1000000, 60000000, 3600000000ULL, 86400000000ULL};

    return cJSON_IsString(item) && read_unit(item->valuestring, units, scale, out);
}

const char *path_beside(struct config *c, const char *path)
{
    const char *slash = strrchr(c->path, '/');

    if (path[0] == '/' || !slash)
        return arena_strdup(&c->arena, path);
    return arena_printf(&c->arena, "%.*s/%s", (int)(slash - c->path), c->path, path);
}

static bool read_strings(struct config *c, const cJSON *item, bool paths, struct string_list *out)
{
    const cJSON *e;

    if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) > FIELD_LIST_MAX)
        return false;
    out->n = (size_t)cJSON_GetArraySize(item);
    out->items = arena_alloc(&c->arena, (out->n + 1) * sizeof(char *));
    out->n = 0;
    cJSON_ArrayForEach(e, item)
    {
        if (!cJSON_IsString(e) || !e->valuestring[0])
            return false;
        out->items[out->n++] =
            paths ? path_beside(c, e->valuestring) : arena_strdup(&c->arena, e->valuestring);
    }
    return true;
}

static bool read_number(const cJSON *item, double max, double *out)
{
    if (!cJSON_IsNumber(item) || item->valuedouble < 1 || item->valuedouble > max ||
        item->valuedouble != (double)(uint64_t)item->valuedouble)
        return false;
    *out = item->valuedouble;
    return true;
}

static const char *read_field(struct config *c, const cJSON *item, const struct field *f)
{
    double number;

    switch (f->type) {
    case FIELD_STRING:
    case FIELD_PATH:
        if (!cJSON_IsString(item))
            return "a string";
        *(const char **)f->out = f->type == FIELD_PATH ? path_beside(c, item->valuestring)
                                                       : arena_strdup(&c->arena, item->valuestring);
        return NULL;
    case FIELD_PORT:
        if (!read_number(item, 65535, &number))
            return "a port number from 1 to 65535";
        *(uint16_t *)f->out = (uint16_t)number;
        return NULL;
    case FIELD_U32:
        if (!read_number(item, 4294967295.0, &number))
            return "a whole number from 1 to 4294967295";
        *(uint32_t *)f->out = (uint32_t)number;
        return NULL;
    case FIELD_SIZE:
        return read_size(item, f->out) ? NULL : "a size such as \"50GiB\"";
    case FIELD_DURATION:
        return read_duration(item, f->out) ? NULL : "a duration such as \"24h\"";
    case FIELD_STRINGS:
    case FIELD_PATHS:
        return read_strings(c, item, f->type == FIELD_PATHS, f->out) ? NULL : "a list of strings";
    case FIELD_RAW:
        *(const cJSON **)f->out = item;
        return NULL;
    }
    return "something else";
}

bool fields_read(struct config *c, const cJSON *object, const char *where,
                 const struct field *fields, struct err *err)
{
    const cJSON *item;

    if (!cJSON_IsObject(object)) {
        err_reason(err, ERR_CONFIG, "bad_value", "%s must be an object { ... }", where);
        return false;
    }
    cJSON_ArrayForEach(item, object)
    {
        const struct field *f = fields;
        const char *want;

        while (f->name && strcmp(f->name, item->string) != 0)
            f++;
        if (!f->name)
            return unknown_key(where, item->string, fields, err);
        want = read_field(c, item, f);
        if (want)
            return field_bad(where, f->name, want, err);
    }
    return true;
}

bool field_missing(const char *where, const char *key, struct err *err)
{
    err_reason(err, ERR_CONFIG, "missing_key", "%s.%s is missing", where, key);
    return false;
}
