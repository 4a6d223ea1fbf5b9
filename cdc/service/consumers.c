/*
 * consumers.c - the files CONSUMER.*, version 1.
 *
 * "CONSUMER." and the target's name, in which every byte but letters, digits, '-' and '_' is
 * written as %XX. One line of JSON:
 *
 *   {"version":1,"queue":"0d9c...32 hex digits","consumer":"zone","lsn":4711,
 *    "written_us":1772600000000000}
 *
 * Valid if and only if it parses, the version is known, and "queue" is the uuid in the file
 * QUEUE: a file of a queue that was there before counts as none. The name that counts is
 * "consumer", not the file's.
 * What a crash leaves behind: the former content, or none, and perhaps a .tmp that nobody
 * reads. Both say less than the truth, so less is trimmed.
 */
#include "cdc/service/consumers.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/json.h"
#include "schema/base/log.h"
#include "schema/base/xalloc.h"

#define FILE_PREFIX "CONSUMER."
#define FILE_BYTES_MAX 4096
#define CONSUMERS_MAX 256
#define CONSUMER_VERSION 1

static void put_file_name(struct buf *b, const char *name)
{
    buf_put_str(b, FILE_PREFIX);
    for (const char *p = name; *p; p++) {
        if (isalnum((unsigned char)*p) || *p == '-' || *p == '_')
            buf_put_u8(b, (uint8_t)*p);
        else
            buf_putf(b, "%%%02X", (unsigned char)*p);
    }
}

static void put_uuid(struct buf *b, const uint8_t uuid[16])
{
    for (int i = 0; i < 16; i++)
        buf_putf(b, "%02x", uuid[i]);
}

bool consumer_write(const struct fs *fs, const char *dir, const uint8_t uuid[16], const char *name,
                    uint64_t lsn, struct err *err)
{
    struct buf file = BUF_INIT, text = BUF_INIT;
    bool ok;

    put_file_name(&file, name);
    buf_putf(&text, "{\"version\":%d,\"queue\":\"", CONSUMER_VERSION);
    put_uuid(&text, uuid);
    buf_put_str(&text, "\",\"consumer\":");
    json_put_cstr(&text, name);
    buf_putf(&text, ",\"lsn\":%llu,\"written_us\":%llu}\n", (unsigned long long)lsn,
             (unsigned long long)clock_wall_us());
    ok = fs_replace_file(fs, dir, buf_cstr(&file), buf_bytes(&text), err);
    buf_release(&file);
    buf_release(&text);
    return ok;
}

static const char *text_of(const cJSON *o, const char *name)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

    return cJSON_IsString(v) ? v->valuestring : "";
}

/* False: not a file of this queue's consumers. */
static bool parse(const cJSON *o, const uint8_t uuid[16], struct consumer *out)
{
    struct buf id = BUF_INIT;
    uint64_t version = 0;
    bool is_ours;

    put_uuid(&id, uuid);
    is_ours = strcmp(text_of(o, "queue"), buf_cstr(&id)) == 0;
    buf_release(&id);
    if (!is_ours || !text_of(o, "consumer")[0])
        return false;
    strncpy(out->name, text_of(o, "consumer"), sizeof(out->name) - 1);
    if (!json_uint64(cJSON_GetObjectItemCaseSensitive(o, "version"), &version) ||
        version != CONSUMER_VERSION ||
        !json_uint64(cJSON_GetObjectItemCaseSensitive(o, "lsn"), &out->lsn) ||
        !json_uint64(cJSON_GetObjectItemCaseSensitive(o, "written_us"), &out->written_us))
        out->lsn = 0;
    return true;
}

/* False: gone meanwhile, unreadable, or of another queue. */
static bool read_one(const struct fs *fs, const char *path, const uint8_t uuid[16],
                     struct consumer *out)
{
    char *data = NULL;
    size_t len;
    cJSON *json = NULL;
    struct err why = ERR_INIT;
    bool found = false;

    if (!fs_read_file(fs, path, FILE_BYTES_MAX, &data, &len, &why) ||
        !json_parse(bytes_of(data, len), 0, &json, &why))
        log_warn("queue", "%s: %s", path, why.text);
    else
        found = parse(json, uuid, out);
    cJSON_Delete(json);
    free(data);
    return found;
}

static bool is_consumer_file(const char *name)
{
    size_t len = strlen(name);

    return strncmp(name, FILE_PREFIX, strlen(FILE_PREFIX)) == 0 &&
           !(len > 4 && strcmp(name + len - 4, ".tmp") == 0);
}

bool consumers_read(const struct fs *fs, const char *dir, const uint8_t uuid[16],
                    struct consumers *out, struct err *err)
{
    char **names;
    size_t n;

    *out = (struct consumers){NULL, 0};
    if (!fs->list(fs->ctx, dir, &names, &n, err))
        return false;
    out->items = xcalloc(CONSUMERS_MAX, sizeof(*out->items));
    for (size_t i = 0; i < n && out->n < CONSUMERS_MAX; i++) {
        struct buf path = BUF_INIT;

        buf_putf(&path, "%s/%s", dir, names[i]);
        if (is_consumer_file(names[i]) && read_one(fs, buf_cstr(&path), uuid, &out->items[out->n]))
            out->n++;
        buf_release(&path);
    }
    fs_free_names(names, n);
    return true;
}

void consumers_release(struct consumers *c)
{
    free(c->items);
    *c = (struct consumers){NULL, 0};
}

const struct consumer *consumers_find(const struct consumers *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->items[i].name, name) == 0)
            return &c->items[i];
    }
    return NULL;
}

uint64_t consumers_slowest(const struct consumers *c, const char *const *names, size_t n)
{
    uint64_t slowest = UINT64_MAX;

    for (size_t i = 0; i < n; i++) {
        const struct consumer *one = consumers_find(c, names[i]);
        uint64_t lsn = one ? one->lsn : 0;

        slowest = lsn < slowest ? lsn : slowest;
    }
    return n ? slowest : 0;
}
