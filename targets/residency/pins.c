#include "targets/residency/pins.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "schema/base/json.h"
#include "schema/base/xalloc.h"

#define PINS_BYTES_MAX ((size_t)1 << 20)

struct pins {
    const char *path;
    int lock_fd;
    cJSON *root;
    cJSON *pins; /* in root */
};

static bool lock(struct pins *p, struct err *err)
{
    char *path = xasprintf("%s.lock", p->path);
    bool ok;

    p->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ok = p->lock_fd >= 0;
    if (!ok)
        err_errno(err, "lock %s", path);
    ok = ok && fs_lock_soon(p->lock_fd, path, err);
    free(path);
    return ok;
}

static bool parse(struct pins *p, struct bytes text, struct err *err)
{
    if (!json_parse(text, 0, &p->root, err)) {
        err_context(err, "server identities %s", p->path);
        return false;
    }
    p->pins = cJSON_GetObjectItemCaseSensitive(p->root, "pins");
    if (!cJSON_IsObject(p->pins)) {
        err_reason(err, ERR_REFUSED, "bad_pins", "server identities %s: no member \"pins\"",
                   p->path);
        return false;
    }
    return true;
}

static bool load(struct pins *p, struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    bool ok;

    if (access(p->path, F_OK) != 0 && errno == ENOENT) {
        p->root = cJSON_CreateObject();
        cJSON_AddNumberToObject(p->root, "format", 1);
        p->pins = cJSON_AddObjectToObject(p->root, "pins");
        return true;
    }
    ok = fs_read_file(fs_real(), p->path, PINS_BYTES_MAX, &text, &len, err) &&
         parse(p, bytes_of(text, len), err);
    free(text);
    return ok;
}

static bool save(const struct pins *p, struct err *err)
{
    char *text = cJSON_PrintUnformatted(p->root);
    char *tmp = xasprintf("%s.new", p->path);
    size_t len = strlen(text);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    ok = ok && rename(tmp, p->path) == 0;
    if (!ok)
        err_errno(err, "write %s", tmp);
    free(tmp);
    cJSON_free(text);
    return ok;
}

static bool pins_open(struct pins *p, const char *path, struct err *err)
{
    *p = (struct pins){path, -1, NULL, NULL};
    return lock(p, err) && load(p, err);
}

static void pins_close(struct pins *p)
{
    cJSON_Delete(p->root);
    if (p->lock_fd >= 0)
        close(p->lock_fd);
}

static void set(cJSON *object, const char *member, const char *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, member);
    cJSON_AddStringToObject(object, member, value);
}

static const char *text_of(const cJSON *pin, const char *member)
{
    const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(pin, member));

    return s ? s : "";
}

bool pins_meet(const char *path, const char *peer, const char *server_id, enum pin_result *result,
               char pinned[SERVER_ID_BYTES_MAX + 1], struct err *err)
{
    struct pins p;
    cJSON *pin;
    bool ok = pins_open(&p, path, err);

    if (!ok)
        goto done;
    pin = cJSON_GetObjectItemCaseSensitive(p.pins, peer);
    *result = pin == NULL ? PIN_FIRST_USE : PIN_SAME;
    if (pin == NULL) {
        pin = cJSON_AddObjectToObject(p.pins, peer);
        set(pin, "server_id", server_id);
    } else if (strcmp(text_of(pin, "server_id"), server_id) != 0) {
        *result = PIN_CHANGED;
        set(pin, "refused_id", server_id);
    }
    snprintf(pinned, SERVER_ID_BYTES_MAX + 1, "%s", text_of(pin, "server_id"));
    ok = *result == PIN_SAME || save(&p, err);
done:
    pins_close(&p);
    return ok;
}

bool pins_accept(const char *path, const char *peer, bool *found,
                 char accepted[SERVER_ID_BYTES_MAX + 1], struct err *err)
{
    struct pins p;
    cJSON *pin;
    bool ok = pins_open(&p, path, err);

    *found = false;
    if (!ok)
        goto done;
    pin = cJSON_GetObjectItemCaseSensitive(p.pins, peer);
    *found = text_of(pin, "refused_id")[0] != '\0';
    if (*found) {
        snprintf(accepted, SERVER_ID_BYTES_MAX + 1, "%s", text_of(pin, "refused_id"));
        set(pin, "server_id", accepted);
        cJSON_DeleteItemFromObjectCaseSensitive(pin, "refused_id");
        ok = save(&p, err);
    }
done:
    pins_close(&p);
    return ok;
}
