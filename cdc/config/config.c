/*
 * config.c - the sections of the configuration.
 */
#include "cdc/config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/config/fields.h"
#include "schema/base/fs.h"

#define CONFIG_BYTES_MAX ((size_t)4 << 20)

static bool read_tls(struct config *c, const cJSON *tls, const char *where, const char **ca,
                     struct err *err)
{
    char name[80];
    const struct field fields[] = {{"ca", FIELD_PATH, ca}, {NULL, FIELD_RAW, NULL}};

    snprintf(name, sizeof(name), "%s.tls", where);
    if (tls && !fields_read(c, tls, name, fields, err))
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
    if (!fields_read(c, object, "source", fields, err))
        return false;
    if (!s->host)
        return field_missing("source", "host", err);
    if (!s->user)
        return field_missing("source", "user", err);
    if (!s->server_id)
        return field_missing("source", "server_id", err);
    if (heartbeat_us < 100000 || heartbeat_us > 60000000)
        return field_bad("source", "heartbeat", "from \"100ms\" to \"60s\"", err);
    s->heartbeat_ms = (uint32_t)(heartbeat_us / 1000);
    return read_tls(c, tls, "source", &s->tls_ca, err) &&
           secret_read(c, &secret, "source", &s->password, err);
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
    if (!fields_read(c, object, "targets[0]", fields, err))
        return false;
    if (strcmp(t->engine, "mariadb") != 0) {
        err_set(err, ERR_CONFIG, "targets[0].engine \"%.32s\" is not supported; use \"mariadb\"",
                t->engine);
        return false;
    }
    if (!t->host)
        return field_missing("targets[0]", "host", err);
    if (!t->user)
        return field_missing("targets[0]", "user", err);
    if (strlen(t->name) > TARGET_CHANNEL_MAX || !t->name[0])
        return field_bad("targets[0]", "name", "1 to 64 bytes long", err);
    if (lanes != 1)
        return field_bad("targets[0]", "lanes", "1; more lanes are not supported yet", err);
    if (c->load_workers > 64)
        return field_bad("targets[0]", "load_workers", "at most 64", err);
    if (strcmp(on_stop, "table") != 0 && strcmp(on_stop, "all") != 0)
        return field_bad("targets[0]", "on_stop", "\"table\" or \"all\"", err);
    c->stop_all = strcmp(on_stop, "all") == 0;
    c->channel = t->name;
    return read_tls(c, tls, "targets[0]", &t->tls_ca, err) &&
           secret_read(c, &secret, "targets[0]", &t->password, err);
}

/* The section itself, or the name of a file with an AWS DMS table-mapping document. */
static bool read_tables(struct config *c, const cJSON *section, struct err *err)
{
    const char *path;
    char *text = NULL;
    size_t len = 0;
    cJSON *document = NULL;
    bool ok = false;

    if (!cJSON_IsString(section))
        return mapping_parse(section, &c->mapping, err);
    path = path_beside(c, section->valuestring);
    if (!fs_read_file(fs_real(), path, CONFIG_BYTES_MAX, &text, &len, err)) {
        struct err why = *err;

        err_set(err, ERR_CONFIG, "tables: %s", why.text);
        return false;
    }
    if (!json_parse(bytes_of(text, len), 0, &document, err))
        goto done;
    if (!cJSON_GetObjectItemCaseSensitive(document, "rules")) {
        err_reason(err, ERR_CONFIG, "bad_rule",
                   "no AWS DMS table-mapping document: it has no rules");
        goto done;
    }
    ok = mapping_parse(document, &c->mapping, err);
done:
    if (!ok)
        err_context(err, "tables: %s", path);
    cJSON_Delete(document);
    free(text);
    return ok;
}

static bool read_queue(struct config *c, const cJSON *object, struct err *err)
{
    const struct field fields[] = {{"dir", FIELD_PATH, &c->queue_dir},
                                   {"max_bytes", FIELD_SIZE, &c->queue.max_bytes},
                                   {"segment_bytes", FIELD_SIZE, &c->queue.segment_bytes},
                                   {"retain", FIELD_DURATION, &c->queue.retain_us},
                                   {NULL, FIELD_RAW, NULL}};

    if (!fields_read(c, object, "queue", fields, err))
        return false;
    return c->queue_dir ? true : field_missing("queue", "dir", err);
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
        if (!fields_read(c, evidence, "residency.evidence", fields, err))
            return false;
        return r->inventory_file ? true : field_missing("residency.evidence", "inventory", err);
    } else {
        return field_bad("residency", "evidence",
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
    if (!fields_read(c, object, "residency", fields, err))
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
        return field_bad("residency", "host_policy", "null or the name of a policy file", err);
    if (!evidence)
        return field_missing("residency", "evidence", err);
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

    if (object && !fields_read(c, object, "state", fields, err))
        return false;
    if (!c->target.state_schema[0] || strlen(c->target.state_schema) > NAME_CHARS_MAX)
        return field_bad("state", "schema", "a database name", err);
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

    if (!fields_read(c, top, "the configuration", fields, err))
        return false;
    if (!source)
        return field_missing("the configuration", "source", err);
    if (!cJSON_IsArray(targets) || cJSON_GetArraySize(targets) != 1)
        return field_bad("the configuration", "targets",
                         "a list of one target; several are not supported yet", err);
    if (!queue)
        return field_missing("the configuration", "queue", err);
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
    config->target.mapping = config->mapping;
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
    mapping_free(config->mapping);
    arena_release(&config->arena);
    memset(config, 0, sizeof(*config));
}
