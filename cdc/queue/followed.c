/*
 * followed.c - the file FOLLOWED, version 1.
 *
 * One line of JSON for each mapping that rows were captured by, oldest first:
 *
 *   {"version":1,"lsn":4711,"tables":{"include":["shop.*"]}}
 *
 * "tables" is the section of the configuration (schema/mapping/mapping.h); it holds for what lies
 * behind "lsn", up to the next line's. Lines behind the queue's end are of a queue that was here
 * before: the next writer takes them away. What a crash leaves behind: the former content, and
 * then nothing was captured by the newer mapping, or the whole new one.
 */
#include "cdc/queue/followed.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/buf.h"
#include "schema/base/xalloc.h"

#define FILE_NAME "FOLLOWED"
#define FILE_BYTES_MAX ((size_t)64 << 20)
#define FOLLOWED_VERSION 1

struct stretch {
    uint64_t lsn;
    struct mapping *mapping;
};

struct followed {
    char *text; /* of the file */
    struct stretch *stretches;
    size_t n;
};

static bool read_text(const struct fs *fs, const char *dir, char **text, struct err *err)
{
    struct buf path = BUF_INIT;
    char **names = NULL;
    size_t n = 0, len = 0;
    bool ok, found = false;

    *text = xstrdup("");
    if (!fs->list(fs->ctx, dir, &names, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        found = found || strcmp(names[i], FILE_NAME) == 0;
    fs_free_names(names, n);
    if (!found)
        return true;
    free(*text);
    *text = NULL;
    buf_putf(&path, "%s/%s", dir, FILE_NAME);
    ok = fs_read_file(fs, buf_cstr(&path), FILE_BYTES_MAX, text, &len, err);
    buf_release(&path);
    return ok;
}

static bool read_line(const char *line, size_t len, struct stretch *out, struct err *err)
{
    cJSON *json = NULL;
    uint64_t version = 0;
    bool ok = json_parse(bytes_of(line, len), 0, &json, err);

    if (ok && (!json_uint64(cJSON_GetObjectItemCaseSensitive(json, "version"), &version) ||
               version != FOLLOWED_VERSION ||
               !json_uint64(cJSON_GetObjectItemCaseSensitive(json, "lsn"), &out->lsn))) {
        err_set(err, ERR_DATA, "a line of another version");
        ok = false;
    }
    ok = ok && mapping_parse(cJSON_GetObjectItemCaseSensitive(json, "tables"), &out->mapping, err);
    cJSON_Delete(json);
    return ok;
}

static bool parse(struct followed *f, struct err *err)
{
    const char *line = f->text;

    while (*line) {
        size_t len = strcspn(line, "\n");

        f->stretches = xrealloc(f->stretches, (f->n + 1) * sizeof(*f->stretches));
        f->stretches[f->n] = (struct stretch){0, NULL};
        if (!read_line(line, len, &f->stretches[f->n], err)) {
            struct err why = *err;

            err_reason(err, ERR_DATA, "queue_followed", "queue file %s, line %zu: %s", FILE_NAME,
                       f->n + 1, why.text);
            return false;
        }
        f->n++;
        line += len + (line[len] == '\n');
    }
    return true;
}

bool followed_read(const struct fs *fs, const char *dir, struct followed **f, bool *changed,
                   struct err *err)
{
    struct followed *now;
    char *text = NULL;

    *changed = false;
    if (!read_text(fs, dir, &text, err))
        goto failed;
    if (*f && strcmp((*f)->text, text) == 0) {
        free(text);
        return true;
    }
    now = xcalloc(1, sizeof(*now));
    now->text = text;
    if (!parse(now, err)) {
        followed_free(now);
        return false;
    }
    followed_free(*f);
    *f = now;
    *changed = true;
    return true;
failed:
    free(text);
    return false;
}

void followed_free(struct followed *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n; i++)
        mapping_free(f->stretches[i].mapping);
    free(f->stretches);
    free(f->text);
    free(f);
}

uint64_t followed_since(const struct followed *f, const char *db, const char *name)
{
    uint64_t since = FOLLOWED_NEVER;

    if (f->n == 0)
        return 0;
    for (size_t i = f->n; i > 0 && mapping_wants(f->stretches[i - 1].mapping, db, name); i--)
        since = i == 1 ? 0 : f->stretches[i - 1].lsn;
    return since;
}

bool followed_note(const struct fs *fs, const char *dir, const struct mapping *mapping,
                   uint64_t lsn, struct err *err)
{
    struct followed *f = NULL;
    struct buf text = BUF_INIT;
    bool changed, ok = false;

    if (!followed_read(fs, dir, &f, &changed, err))
        goto done;
    while (f->n && f->stretches[f->n - 1].lsn > lsn)
        mapping_free(f->stretches[--f->n].mapping);
    ok = f->n && strcmp(mapping_text(f->stretches[f->n - 1].mapping), mapping_text(mapping)) == 0;
    if (ok)
        goto done;
    for (size_t i = 0; i < f->n; i++)
        buf_putf(&text, "{\"version\":%d,\"lsn\":%llu,\"tables\":%s}\n", FOLLOWED_VERSION,
                 (unsigned long long)f->stretches[i].lsn, mapping_text(f->stretches[i].mapping));
    buf_putf(&text, "{\"version\":%d,\"lsn\":%llu,\"tables\":%s}\n", FOLLOWED_VERSION,
             (unsigned long long)(f->n ? lsn : 0), mapping_text(mapping));
    ok = fs_replace_file(fs, dir, FILE_NAME, buf_bytes(&text), err);
done:
    followed_free(f);
    buf_release(&text);
    return ok;
}
