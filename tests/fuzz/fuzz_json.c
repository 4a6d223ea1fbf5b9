/*
 * Any bytes: refused or read. What was read has no NUL in it, and its strings, written
 * again, read back the same.
 */
#include <stdlib.h>
#include <string.h>

#include "schema/base/buf.h"
#include "schema/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_string(const char *s)
{
    struct buf b = BUF_INIT;
    struct err err = ERR_INIT;
    cJSON *again;

    json_put_cstr(&b, s);
    if (!json_parse(buf_bytes(&b), 0, &again, &err) || strcmp(again->valuestring, s) != 0)
        abort();
    cJSON_Delete(again);
    buf_release(&b);
}

static void check(const cJSON *item)
{
    uint64_t u;

    if (cJSON_IsString(item))
        check_string(item->valuestring);
    if (cJSON_IsNumber(item) && item->valuestring == NULL)
        abort();
    if (json_uint64(item, &u) && item->valuestring[0] == '-')
        abort();
    for (const cJSON *child = item->child; child != NULL; child = child->next)
        check(child);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (unsigned flags = 0; flags <= JSON_COMMENTS; flags++) {
        struct err err = ERR_INIT;
        cJSON *json;

        if (json_parse(bytes_of(data, size), flags, &json, &err)) {
            check(json);
            cJSON_Delete(json);
        } else if (err.reason[0] == '\0') {
            abort();
        }
    }
    return 0;
}
