#include "schema/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static PRINTF_LIKE(3, 0) void fill(struct err *err, enum err_kind kind, const char *fmt,
                                   va_list args)
{
    char text[sizeof(err->text)]; /* an argument may be the old text of the same err */

    vsnprintf(text, sizeof(text), fmt, args);
    memcpy(err->text, text, sizeof(text));
    err->kind = kind;
    err->side = ERR_SIDE_NONE;
    err->server_errno = 0;
    err->reason[0] = '\0';
}

void err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fill(err, kind, fmt, args);
    va_end(args);
}

void err_server(struct err *err, enum err_kind kind, enum err_side side, unsigned server_errno,
                const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fill(err, kind, fmt, args);
    va_end(args);
    err->side = side;
    err->server_errno = server_errno;
}

void err_reason(struct err *err, enum err_kind kind, const char *reason, const char *fmt, ...)
{
    va_list args;
    char code[sizeof(err->reason)];

    snprintf(code, sizeof(code), "%s", reason);
    va_start(args, fmt);
    fill(err, kind, fmt, args);
    va_end(args);
    memcpy(err->reason, code, sizeof(code));
}

void err_context(struct err *err, const char *fmt, ...)
{
    va_list args;
    char text[sizeof(err->text)];
    size_t used;
    size_t old = strlen(err->text);

    va_start(args, fmt);
    vsnprintf(text, sizeof(text) - 2, fmt, args);
    va_end(args);
    used = strlen(text);
    memcpy(text + used, ": ", 3);
    used += 2;
    if (old > sizeof(text) - 1 - used)
        old = sizeof(text) - 1 - used;
    memcpy(text + used, err->text, old);
    text[used + old] = '\0';
    memcpy(err->text, text, used + old + 1);
}

void err_errno(struct err *err, const char *fmt, ...)
{
    int code = errno;
    va_list args;
    char why[128];
    size_t used;

    va_start(args, fmt);
    fill(err, ERR_IO, fmt, args);
    va_end(args);
    used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, ": %s",
             strerror_r(code, why, sizeof(why)));
}

static int exit_by_side(enum err_side side)
{
    switch (side) {
    case ERR_SIDE_SOURCE:
        return 3;
    case ERR_SIDE_TARGET:
        return 4;
    case ERR_SIDE_NONE:
        break;
    }
    return 5;
}

int err_exit_code(const struct err *err)
{
    switch (err->kind) {
    case ERR_NONE:
    case ERR_STOPPED:
        return 0;
    case ERR_REFUSED:
        return 1;
    case ERR_CONFIG:
        return 2;
    case ERR_RETRY:
    case ERR_SERVER:
        return exit_by_side(err->side);
    case ERR_DATA:
    case ERR_IO:
        break;
    }
    return 5;
}
