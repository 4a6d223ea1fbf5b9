#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cdc/config/fields.h"
#include "schema/base/clock.h"

#define SECRET_BYTES_MAX 4096
#define COMMAND_S 60 /* a command may ask a person */
#define SLICE_MS 10

static char *keep_secret(struct config *c, char text[SECRET_BYTES_MAX], size_t n)
{
    char *out;

    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    out = arena_strndup(&c->arena, text, n);
    explicit_bzero(text, SECRET_BYTES_MAX);
    return out;
}

static char *read_stream_secret(struct config *c, FILE *f)
{
    char text[SECRET_BYTES_MAX];

    return keep_secret(c, text, fread(text, 1, sizeof(text) - 1, f));
}

/* A shell with its output in *fd. */
static bool start_command(const char *command, int *fd, pid_t *pid)
{
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
    posix_spawn_file_actions_t actions;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    errno = posix_spawn(pid, "/bin/sh", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *fd = ends[0];
    if (errno == 0)
        return true;
    close(ends[0]);
    return false;
}

/* Its output, then its end; false when that takes longer than COMMAND_S. Closes fd. */
static bool finish_command(int fd, pid_t pid, char text[SECRET_BYTES_MAX], size_t *n, int *status)
{
    uint64_t until = clock_steady_us() + (uint64_t)COMMAND_S * 1000000;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    pid_t ended = 0;

    *n = 0;
    while (ended == 0 && clock_steady_us() < until) {
        if (poll(&p, 1, SLICE_MS) > 0) {
            ssize_t got = read(fd, text + *n, SECRET_BYTES_MAX - 1 - *n);

            *n += got > 0 ? (size_t)got : 0;
            if (got == 0 || (got < 0 && errno != EINTR)) {
                close(p.fd);
                p.fd = -1; /* poll then only waits */
            }
        }
        if (p.fd < 0)
            ended = waitpid(pid, status, WNOHANG);
    }
    if (p.fd >= 0)
        close(p.fd);
    if (ended == pid)
        return true;
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, status, 0);
    return false;
}

static bool secret_command(struct config *c, const char *command, const char *where,
                           const char **out, struct err *err)
{
    char text[SECRET_BYTES_MAX];
    size_t n = 0;
    pid_t pid = 0;
    int status = 0;
    int fd = -1;
    bool in_time;

    if (!start_command(command, &fd, &pid)) {
        err_errno(err, "%s.password_command", where);
        return false;
    }
    in_time = finish_command(fd, pid, text, &n, &status);
    *out = keep_secret(c, text, n);
    if (!in_time)
        err_set(err, ERR_CONFIG, "%s.password_command has not ended within %d s", where, COMMAND_S);
    else if (status != 0)
        err_set(err, ERR_CONFIG, "%s.password_command ended with status %d", where, status);
    return in_time && status == 0;
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
