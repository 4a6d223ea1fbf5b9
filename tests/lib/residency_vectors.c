#include "tests/lib/residency_vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/fs.h"
#include "schema/base/json.h"

#define VECTORS "tests/unit/residency-vectors.json"

/* Tests run in the root of the source tree; from elsewhere, the compiler knew the way. */
static const char *vectors_path(char *path, size_t size)
{
    static const char here[] = "tests/lib/residency_vectors.c";
    size_t root = strlen(__FILE__) - strlen(here);

    snprintf(path, size, "%.*s%s", (int)root, __FILE__, VECTORS);
    return path;
}

cJSON *residency_vectors(void)
{
    struct err err = ERR_INIT;
    char path[1024];
    char *text = NULL;
    size_t len = 0;
    cJSON *root = NULL;

    if (!fs_read_file(fs_real(), vectors_path(path, sizeof(path)), 1 << 20, &text, &len, &err) ||
        !json_parse(bytes_of(text, len), 0, &root, &err)) {
        fprintf(stderr, "%s: %s\n", path, err.text);
        exit(1);
    }
    free(text);
    return root;
}

const char *vector_string(const cJSON *vector, const char *member)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(vector, member));
}
