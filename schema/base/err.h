/*
 * err.h - what went wrong, told once.
 *
 * The leaf that fails fills the err; callers may put context before it; only a command
 * reports it. The struct is of fixed size and owns nothing. A text is a fact: lower case,
 * no full stop, what failed on which object, and after "; " the remedy where there is one.
 * It never holds a row value, a key or a password. Server messages quote values
 * ("Duplicate entry '...'"), so they are given by number and SQLSTATE only.
 */
#ifndef SCHEMA_BASE_ERR_H
#define SCHEMA_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

enum err_kind {
    ERR_NONE = 0,
    ERR_RETRY,   /* lost connection, deadlock: back off and resume. Given up: exit by side */
    ERR_SERVER,  /* a server's answer that a retry does not change: exit by side */
    ERR_CONFIG,  /* configuration or usage: exit 2 */
    ERR_REFUSED, /* the answer is no (guard, check, validate): exit 1 */
    ERR_DATA,    /* a value, a schema, our queue's content: exit 5 */
    ERR_IO,      /* our disk: exit 5 */
    ERR_STOPPED, /* a stop was asked for; nothing is wrong: exit 0 */
};

enum err_side { ERR_SIDE_NONE = 0, ERR_SIDE_SOURCE, ERR_SIDE_TARGET };

struct err {
    enum err_kind kind;
    enum err_side side;
    unsigned server_errno; /* the server's error number, 0 if none */
    char reason[48];       /* stable code for programs ("not_listed"), "" if none */
    char text[1024];
};

#define ERR_INIT ((struct err){ERR_NONE, ERR_SIDE_NONE, 0, "", ""})

/* Set kind and text; clears side, errno and reason. A too long text is cut. */
void err_set(struct err *err, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As err_set, with side and the server's error number. */
void err_server(struct err *err, enum err_kind kind, enum err_side side, unsigned server_errno,
                const char *fmt, ...) PRINTF_LIKE(5, 6);

/* As err_set, with a stable reason code (copied, at most 47 characters). */
void err_reason(struct err *err, enum err_kind kind, const char *reason, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* Put "context: " before the text. */
void err_context(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ERR_IO with strerror(errno) after ": ". */
void err_errno(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The process's exit code for this error: 0 to 5 as in DESIGN 5 (see README). */
int err_exit_code(const struct err *err);

#endif
