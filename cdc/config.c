/*
 * config.c - one table of fields per JSON object, read by one loop.
 *
 * A field that is not in the table is an error naming the nearest one that is.
 */
#include "cdc/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/fs.h"
#include "schema/base/json.h"

#define CONFIG_BYTES_MAX ((size_t)4 << 20)
#define SECRET_BYTES_MAX 4096
#define PATTERNS_MAX 10000

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

static bool bad_value(const char *where, const char *key, const char *want, struct err *err)
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

static const char *path_beside(struct config *c, const char *path)
{
    const char *slash = strrchr(c->path, '/');

    if (path[0] == '/' || !slash)
        return arena_strdup(&c->arena, path);
    return arena_printf(&c->arena, "%.*s/%s", (int)(slash - c->path), c->path, path);
}

static bool read_strings(struct config *c, const cJSON *item, bool paths, struct string_list *out)
{
    const cJSON *e;

    if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) > PATTERNS_MAX)
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

static bool read_object(struct config *c, const cJSON *object, const char *where,
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
            return bad_value(where, f->name, want, err);
    }
    return true;
}

static bool missing(const char *where, const char *key, struct err *err)
{
    err_reason(err, ERR_CONFIG, "missing_key", "%s.%s is missing", where, key);
    return false;
}

/* ---- secrets ---- */

struct secret {
    const char *plain; /* "password": refused, it would be in a file that gets copied */
    const char *file;
    const char *env;
    const char *command;
};

static char *read_stream_secret(struct config *c, FILE *f)
{
    char text[SECRET_BYTES_MAX];
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    char *out;

    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    out = arena_strndup(&c->arena, text, n);
    explicit_bzero(text, sizeof(text));
    return out;
}

static bool secret_command(struct config *c, const char *command, const char *where,
                           const char **out, struct err *err)
{
    FILE *f = popen(command, "r");
    int status;

    if (!f) {
        err_errno(err, "%s.password_command", where);
        return false;
    }
    *out = read_stream_secret(c, f);
    status = pclose(f);
    if (status != 0) {
        err_set(err, ERR_CONFIG, "%s.password_command ended with status %d", where, status);
        return false;
    }
    return true;
}

static bool read_secret(struct config *c, const struct secret *s, const char *where,
                        const char **out, struct err *err)
{
    FILE *f;

    *out = "";
    if (s->plain) {
        err_set(err, ERR_CONFIG,
                "%s.password is not accepted; use password_file, password_env or "
                "password_command",
                where);
        return false;
    }
    if (s->env) {
        const char *v = getenv(s->env);

        if (!v) {
            err_set(err, ERR_CONFIG, "%s.password_env: %s is not in the environment", where,
                    s->env);
            return false;
        }
        *out = arena_strdup(&c->arena, v);
        return true;
    }
    if (s->command)
        return secret_command(c, s->command, where, out, err);
    if (!s->file)
        return true;
    f = fopen(s->file, "re");
    if (!f) {
        err_set(err, ERR_CONFIG, "%s.password_file %s: %s", where, s->file, strerror(errno));
        return false;
    }
    *out = read_stream_secret(c, f);
    fclose(f);
    return true;
}

/* ---- the sections ---- */

static bool read_tls(struct config *c, const cJSON *tls, const char *where, const char **ca,
                     struct err *err)
{
    char name[80];
    const struct field fields[] = {{"ca", FIELD_PATH, ca}, {NULL, FIELD_RAW, NULL}};

    snprintf(name, sizeof(name), "%s.tls", where);
    if (tls && !read_object(c, tls, name, fields, err))
        return false;
    if (!*ca) {
        err_set(err, ERR_CONFIG,
                "%s.ca is missing; connections are verified against this certificate authority",
                name);
        return false;
    }
    return true;
}

static bool read_source(struct config *c, const cJSON *object, struct err *err)
{
    struct source_config *s = &c->source;
    struct secret secret = {NULL, NULL, NULL, NULL};
    const cJSON *tls = NULL;
    uint64_t heartbeat_us = 1000000;
    const struct field fields[] = {{"host", FIELD_STRING, &s->host},
                                   {"port", FIELD_PORT, &s->port},
                                   {"user", FIELD_STRING, &s->user},
                                   {"password", FIELD_STRING, &secret.plain},
                                   {"password_file", FIELD_PATH, &secret.file},
                                   {"password_env", FIELD_STRING, &secret.env},
                                   {"password_command", FIELD_STRING, &secret.command},
                                   {"tls", FIELD_RAW, &tls},
                                   {"server_id", FIELD_U32, &s->server_id},
                                   {"connect_timeout_s", FIELD_U32, &s->connect_timeout_s},
                                   {"heartbeat", FIELD_DURATION, &heartbeat_us},
                                   {"event_bytes_max", FIELD_SIZE, &c->event_bytes_max},
                                   {NULL, FIELD_RAW, NULL}};

    s->port = 3306;
    s->connect_timeout_s = 10;
    if (!read_object(c, object, "source", fields, err))
        return false;
    if (!s->host)
        return missing("source", "host", err);
    if (!s->user)
        return missing("source", "user", err);
    if (!s->server_id)
        return missing("source", "server_id", err);
    if (heartbeat_us < 100000 || heartbeat_us > 60000000)
        return bad_value("source", "heartbeat", "from \"100ms\" to \"60s\"", err);
    s->heartbeat_ms = (uint32_t)(heartbeat_us / 1000);
    return read_tls(c, tls, "source", &s->tls_ca, err) &&
           read_secret(c, &secret, "source", &s->password, err);
}

static bool read_target(struct config *c, const cJSON *object, struct err *err)
{
    struct target_config *t = &c->target;
    struct secret secret = {NULL, NULL, NULL, NULL};
    const cJSON *tls = NULL;
    const char *on_stop = "table";
    uint32_t lanes = 1;
    const struct field fields[] = {{"name", FIELD_STRING, &t->name},
                                   {"engine", FIELD_STRING, &t->engine},
                                   {"host", FIELD_STRING, &t->host},
                                   {"port", FIELD_PORT, &t->port},
                                   {"user", FIELD_STRING, &t->user},
                                   {"password", FIELD_STRING, &secret.plain},
                                   {"password_file", FIELD_PATH, &secret.file},
                                   {"password_env", FIELD_STRING, &secret.env},
                                   {"password_command", FIELD_STRING, &secret.command},
                                   {"tls", FIELD_RAW, &tls},
                                   {"lanes", FIELD_U32, &lanes},
                                   {"load_workers", FIELD_U32, &c->load_workers},
                                   {"on_stop", FIELD_STRING, &on_stop},
                                   {"connect_timeout_s", FIELD_U32, &t->connect_timeout_s},
                                   {NULL, FIELD_RAW, NULL}};

    t->name = "target";
    t->engine = "mariadb";
    t->port = 3306;
    t->connect_timeout_s = 10;
    if (!read_object(c, object, "targets[0]", fields, err))
        return false;
    if (strcmp(t->engine, "mariadb") != 0) {
        err_set(err, ERR_CONFIG, "targets[0].engine \"%.32s\" is not supported; use \"mariadb\"",
                t->engine);
        return false;
    }
    if (!t->host)
        return missing("targets[0]", "host", err);
    if (!t->user)
        return missing("targets[0]", "user", err);
    if (strlen(t->name) > TARGET_CHANNEL_MAX || !t->name[0])
        return bad_value("targets[0]", "name", "1 to 64 bytes long", err);
    if (lanes != 1)
        return bad_value("targets[0]", "lanes", "1; more lanes are not supported yet", err);
    if (c->load_workers > 64)
        return bad_value("targets[0]", "load_workers", "at most 64", err);
    if (strcmp(on_stop, "table") != 0 && strcmp(on_stop, "all") != 0)
        return bad_value("targets[0]", "on_stop", "\"table\" or \"all\"", err);
    c->stop_all = strcmp(on_stop, "all") == 0;
    c->channel = t->name;
    return read_tls(c, tls, "targets[0]", &t->tls_ca, err) &&
           read_secret(c, &secret, "targets[0]", &t->password, err);
}

static bool check_patterns(const char *key, const struct string_list *list, struct err *err)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *dot = strchr(list->items[i], '.');

        if (!dot || dot == list->items[i] || !dot[1]) {
            err_set(err, ERR_CONFIG,
                    "tables.%s: \"%.200s\" must be written as database.table, for example "
                    "\"shop.*\"",
                    key, list->items[i]);
            return false;
        }
    }
    return true;
}

static bool read_tables(struct config *c, const cJSON *object, struct err *err)
{
    struct string_list include = {NULL, 0}, exclude = {NULL, 0};
    const cJSON *rename = NULL;
    const struct field fields[] = {{"include", FIELD_STRINGS, &include},
                                   {"exclude", FIELD_STRINGS, &exclude},
                                   {"rename", FIELD_RAW, &rename},
                                   {NULL, FIELD_RAW, NULL}};

    if (cJSON_IsString(object)) {
        err_set(err, ERR_CONFIG,
                "tables names a mapping file, which is not supported yet; use "
                "tables.include and tables.exclude");
        return false;
    }
    if (!read_object(c, object, "tables", fields, err))
        return false;
    if (rename) {
        err_set(err, ERR_CONFIG, "tables.rename is not supported yet; remove it");
        return false;
    }
    c->tables = (struct table_filter){include.items, include.n, exclude.items, exclude.n};
    return check_patterns("include", &include, err) && check_patterns("exclude", &exclude, err);
}

static bool read_queue(struct config *c, const cJSON *object, struct err *err)
{
    const struct field fields[] = {{"dir", FIELD_PATH, &c->queue_dir},
                                   {"max_bytes", FIELD_SIZE, &c->queue.max_bytes},
                                   {"segment_bytes", FIELD_SIZE, &c->queue.segment_bytes},
                                   {"retain", FIELD_DURATION, &c->queue.retain_us},
                                   {NULL, FIELD_RAW, NULL}};

    if (!read_object(c, object, "queue", fields, err))
        return false;
    return c->queue_dir ? true : missing("queue", "dir", err);
}

static bool read_evidence(struct config *c, const cJSON *evidence, struct err *err)
{
    struct residency_config *r = &c->residency;
    const struct field fields[] = {{"inventory", FIELD_PATH, &r->inventory_file},
                                   {NULL, FIELD_RAW, NULL}};

    if (cJSON_IsString(evidence) && strcmp(evidence->valuestring, "ec2") == 0) {
        r->evidence = EVIDENCE_EC2;
    } else if (cJSON_IsString(evidence) &&
               strcmp(evidence->valuestring, "unproven-loopback") == 0) {
        r->evidence = EVIDENCE_UNPROVEN_LOOPBACK;
    } else if (cJSON_IsObject(evidence)) {
        r->evidence = EVIDENCE_INVENTORY;
        if (!read_object(c, evidence, "residency.evidence", fields, err))
            return false;
        return r->inventory_file ? true : missing("residency.evidence", "inventory", err);
    } else {
        return bad_value("residency", "evidence",
                         "{\"inventory\": \"file.json\"} or \"unproven-loopback\"", err);
    }
    return true;
}

static bool read_residency(struct config *c, const cJSON *object, struct err *err)
{
    struct residency_config *r = &c->residency;
    struct string_list subnets = {NULL, 0}, files = {NULL, 0}, vpcs = {NULL, 0}, zones = {NULL, 0};
    const cJSON *evidence = NULL, *host_policy = NULL;
    const struct field fields[] = {
        {"allowed_subnets", FIELD_STRINGS, &subnets}, {"policy_files", FIELD_PATHS, &files},
        {"allowed_vpcs", FIELD_STRINGS, &vpcs},       {"required_zone_ids", FIELD_STRINGS, &zones},
        {"host_policy", FIELD_RAW, &host_policy},     {"evidence", FIELD_RAW, &evidence},
        {"audit_file", FIELD_PATH, &r->audit_file},   {NULL, FIELD_RAW, NULL}};

    if (!object) {
        err_reason(err, ERR_CONFIG, "no_policy",
                   "residency is missing; without a policy nothing is sent");
        return false;
    }
    if (!read_object(c, object, "residency", fields, err))
        return false;
    r->allowed_subnets = subnets.items;
    r->n_allowed_subnets = subnets.n;
    r->policy_files = files.items;
    r->n_policy_files = files.n;
    r->allowed_vpcs = vpcs.items;
    r->n_allowed_vpcs = vpcs.n;
    r->required_zone_ids = zones.items;
    r->n_required_zone_ids = zones.n;
    if (cJSON_IsString(host_policy))
        r->host_policy_file = path_beside(c, host_policy->valuestring);
    else if (host_policy && !cJSON_IsNull(host_policy))
        return bad_value("residency", "host_policy", "null or the name of a policy file", err);
    if (!evidence)
        return missing("residency", "evidence", err);
    return read_evidence(c, evidence, err);
}

static const char *audit_file(struct config *c)
{
    const char *named = c->residency.audit_file;

    return named ? named : arena_printf(&c->arena, "%s/audit.jsonl", c->queue_dir);
}

/* A policy that cannot be read refuses everything, so it is on record like any refusal. */
static bool refuse_residency(struct config *c, const struct err *err)
{
    guard_record_refusal(audit_file(c), err);
    return false;
}

static bool read_state(struct config *c, const cJSON *object, struct err *err)
{
    const struct field fields[] = {{"schema", FIELD_STRING, &c->target.state_schema},
                                   {NULL, FIELD_RAW, NULL}};

    if (object && !read_object(c, object, "state", fields, err))
        return false;
    if (!c->target.state_schema[0] || strlen(c->target.state_schema) > NAME_CHARS_MAX)
        return bad_value("state", "schema", "a database name", err);
    return true;
}

static bool read_top(struct config *c, const cJSON *top, struct err *err)
{
    const cJSON *source = NULL, *targets = NULL, *tables = NULL, *queue = NULL, *residency = NULL,
                *state = NULL;
    const struct field fields[] = {{"source", FIELD_RAW, &source},
                                   {"targets", FIELD_RAW, &targets},
                                   {"tables", FIELD_RAW, &tables},
                                   {"queue", FIELD_RAW, &queue},
                                   {"residency", FIELD_RAW, &residency},
                                   {"state", FIELD_RAW, &state},
                                   {NULL, FIELD_RAW, NULL}};

    if (!read_object(c, top, "the configuration", fields, err))
        return false;
    if (!source)
        return missing("the configuration", "source", err);
    if (!cJSON_IsArray(targets) || cJSON_GetArraySize(targets) != 1)
        return bad_value("the configuration", "targets",
                         "a list of one target; several are not supported yet", err);
    if (!queue)
        return missing("the configuration", "queue", err);
    return read_source(c, source, err) && read_target(c, targets->child, err) &&
           (!tables || read_tables(c, tables, err)) && read_queue(c, queue, err) &&
           (read_residency(c, residency, err) || refuse_residency(c, err)) &&
           read_state(c, state, err);
}

bool config_load(const char *path, struct config *config, struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    cJSON *top = NULL;
    bool ok = false;

    memset(config, 0, sizeof(*config));
    config->path = arena_strdup(&config->arena, path);
    config->target.state_schema = "domicile";
    if (!fs_read_file(fs_real(), path, CONFIG_BYTES_MAX, &text, &len, err)) {
        struct err why = *err;

        err_reason(err, ERR_CONFIG, "no_config",
                   "configuration: %s; name the file with --config or $DOMICILE_CONFIG", why.text);
        goto done;
    }
    if (!json_parse(bytes_of(text, len), JSON_COMMENTS, &top, err) || !read_top(config, top, err)) {
        err_context(err, "%s", path);
        goto done;
    }
    config->residency.audit_file = audit_file(config);
    ok = true;
done:
    cJSON_Delete(top);
    free(text);
    if (!ok)
        config_release(config);
    return ok;
}

void config_release(struct config *config)
{
    arena_release(&config->arena);
    memset(config, 0, sizeof(*config));
}

/* ---- which tables ---- */

static bool glob(const char *pattern, const char *text)
{
    const char *star = NULL, *mark = NULL;

    while (*text) {
        if (*pattern == '*' || *pattern == '%') {
            star = ++pattern;
            mark = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++mark;
        } else {
            return false;
        }
    }
    while (*pattern == '*' || *pattern == '%')
        pattern++;
    return *pattern == '\0';
}

static bool matches(const char *pattern, const char *db, const char *name)
{
    const char *dot = strchr(pattern, '.');
    char left[4 * NAME_CHARS_MAX + 2];

    snprintf(left, sizeof(left), "%.*s", (int)(dot - pattern), pattern);
    return glob(left, db) && glob(dot + 1, name);
}

bool config_wanted(void *ctx, const char *db, const char *name)
{
    const struct table_filter *f = ctx;
    static const char *const system[] = {"mysql", "sys", "information_schema",
                                         "performance_schema"};
    bool in = f->n_include == 0;

    for (size_t i = 0; i < sizeof(system) / sizeof(system[0]); i++) {
        if (strcasecmp(db, system[i]) == 0)
            return false;
    }
    for (size_t i = 0; i < f->n_include && !in; i++)
        in = matches(f->include[i], db, name);
    for (size_t i = 0; i < f->n_exclude && in; i++)
        in = !matches(f->exclude[i], db, name);
    return in;
}
