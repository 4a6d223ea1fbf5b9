#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/config/fields.h"

#define SECRET_BYTES_MAX 4096

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

bool secret_read(struct config *c, const struct secret *s, const char *where, const char **out,
                 struct err *err)
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
