/*
 * run.c - the files RUN and RUN.capture, version 1.
 *
 * Replaced as a whole at the start, every few seconds, and at the end. One line of JSON:
 *
 *   {"version":1,"pid":4711,"started_us":1772600000000000,"seen_us":1772600005000000,
 *    "ended":true,"error":"cannot reach ...","reason":"diverged"}
 *
 * "error" is "" after a good end. What a crash leaves behind: the former content, which says
 * "ended":false.
 */
#include "cdc/service/run.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/buf.h"
#include "schema/base/json.h"

#define RUN_VERSION 1
#define FILE_BYTES_MAX 16384

bool run_write(const struct fs *fs, const char *dir, const char *file, const struct run *run,
               struct err *err)
{
    struct buf b = BUF_INIT;
    bool ok;

    buf_putf(&b, "{\"version\":%d,\"pid\":%llu,\"started_us\":%llu,\"seen_us\":%llu,\"ended\":%s",
             RUN_VERSION, (unsigned long long)run->pid, (unsigned long long)run->started_us,
             (unsigned long long)run->seen_us, run->ended ? "true" : "false");
    buf_put_str(&b, ",\"error\":");
    json_put_cstr(&b, run->error);
    buf_put_str(&b, ",\"reason\":");
    json_put_cstr(&b, run->reason);
    buf_put_str(&b, "}\n");
    ok = fs_replace_file(fs, dir, file, buf_bytes(&b), err);
    buf_release(&b);
    return ok;
}

static void get_text(const cJSON *o, const char *name, char *out, size_t size)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

    if (cJSON_IsString(v))
        strncpy(out, v->valuestring, size - 1);
}

static bool get_number(const cJSON *o, const char *name, uint64_t *out)
{
    return json_uint64(cJSON_GetObjectItemCaseSensitive(o, name), out);
}

void run_read(const struct fs *fs, const char *dir, const char *file, struct run *out)
{
    struct buf path = BUF_INIT;
    char *data = NULL;
    size_t len;
    cJSON *o = NULL;
    uint64_t version = 0;
    struct err ignored = ERR_INIT;

    memset(out, 0, sizeof(*out));
    buf_putf(&path, "%s/%s", dir, file);
    if (fs_read_file(fs, buf_cstr(&path), FILE_BYTES_MAX, &data, &len, &ignored) &&
        json_parse(bytes_of(data, len), 0, &o, &ignored) && get_number(o, "version", &version) &&
        version == RUN_VERSION && get_number(o, "pid", &out->pid) &&
        get_number(o, "started_us", &out->started_us) && get_number(o, "seen_us", &out->seen_us)) {
        out->found = true;
        out->ended = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "ended"));
        get_text(o, "error", out->error, sizeof(out->error));
        get_text(o, "reason", out->reason, sizeof(out->reason));
    }
    cJSON_Delete(o);
    free(data);
    buf_release(&path);
}
