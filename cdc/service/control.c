#include "cdc/service/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cdc/service/model.h"
#include "schema/base/clock.h"
#include "schema/base/cond.h"
#include "schema/base/json.h"
#include "schema/base/log.h"
#include "schema/base/stop.h"
#include "schema/base/xalloc.h"

#define REQUEST_BYTES_MAX 65536
#define LINE_BYTES_MAX ((size_t)64 << 20)
#define ACCEPT_PAUSE_US 200000 /* no descriptor is free */
#define CLIENT_TIMEOUT_S 10
#define IDLE_MS 1000 /* of the listener, should a wake-up get lost */
#define CONNECT_S 10 /* the backlog is full */
#define CLOSE_S 60   /* for what clients have asked for, before the process is asked to stop */
#define SLICE_US 100000
#define CLIENTS_MAX 16

struct control {
    struct service *service;
    char *path;
    int fd;
    int wake_fd; /* readable once it is to end */
    pthread_t thread;
    pthread_mutex_t lock; /* over the two below */
    pthread_cond_t changed;
    bool stop;
    unsigned clients;
    pthread_mutex_t status_lock; /* status shares one target connection */
    pthread_mutex_t validate_lock;
};

struct client {
    struct control *control;
    int fd;
};

static bool socket_path(const char *dir, const char *name, struct sockaddr_un *out, struct err *err)
{
    memset(out, 0, sizeof(*out));
    out->sun_family = AF_UNIX;
    if ((size_t)snprintf(out->sun_path, sizeof(out->sun_path), "%s/%s", dir, name) >=
        sizeof(out->sun_path)) {
        err_set(err, ERR_CONFIG, "queue.dir %s is too long for a Unix socket in it", dir);
        return false;
    }
    return true;
}

static bool write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static void send_line(void *ctx, const char *line)
{
    const int *fd = ctx;

    /* A client that went away does not stop the work it asked for. */
    if (write_all(*fd, line, strlen(line)))
        (void)write_all(*fd, "\n", 1);
}

static void send_end(int fd, int exit_code, const struct err *err)
{
    struct buf b = BUF_INIT;

    buf_putf(&b, "{\"type\":\"end\",\"exit\":%d", exit_code);
    if (err->kind != ERR_NONE) {
        buf_put_str(&b, ",\"error\":");
        json_put_cstr(&b, err->text);
        buf_put_str(&b, ",\"reason\":");
        json_put_cstr(&b, err->reason);
    }
    buf_put_str(&b, "}");
    send_line(&fd, buf_cstr(&b));
    buf_release(&b);
}

static bool read_request(int fd, char *out, size_t size)
{
    size_t n = 0;

    while (n + 1 < size) {
        ssize_t got = recv(fd, out + n, size - 1 - n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        n += (size_t)got;
        out[n] = '\0';
        if (memchr(out, '\n', n))
            return true;
    }
    return false;
}

static void do_validate(struct control *c, int fd, const cJSON *request)
{
    struct validate_request r = {.mode = VALIDATE_FROZEN};
    const cJSON *mode = cJSON_GetObjectItemCaseSensitive(request, "mode");
    const cJSON *only = cJSON_GetObjectItemCaseSensitive(request, "only"), *item;
    struct err err = ERR_INIT;
    const char **names;
    bool equal = false;

    if (cJSON_IsString(mode) && strcmp(mode->valuestring, "offline") == 0)
        r.mode = VALIDATE_OFFLINE;
    r.repair = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(request, "repair"));
    r.show_values = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(request, "show_values"));
    names = xcalloc((size_t)cJSON_GetArraySize(only) + 1, sizeof(char *));
    cJSON_ArrayForEach(item, only)
    {
        if (cJSON_IsString(item))
            names[r.n_only++] = item->valuestring;
    }
    r.only = r.n_only ? names : NULL;
    if (!c->service->apply)
        err_set(&err, ERR_CONFIG, "this service only captures; ask the one that applies");
    else if (pthread_mutex_trylock(&c->validate_lock) != 0)
        err_set(&err, ERR_CONFIG, "a validation is running already");
    else if (service_validate(c->service, &r, send_line, &fd, &equal, &err))
        pthread_mutex_unlock(&c->validate_lock);
    else
        pthread_mutex_unlock(&c->validate_lock);
    /* A comparison that was stopped has not said that both are equal. */
    send_end(fd, err.kind != ERR_NONE && err.kind != ERR_STOPPED ? err_exit_code(&err) : !equal,
             &err);
    free(names);
}

static void do_status(struct control *c, int fd, const cJSON *request)
{
    const cJSON *form = cJSON_GetObjectItemCaseSensitive(request, "form");
    struct buf b = BUF_INIT;
    struct model m;

    pthread_mutex_lock(&c->status_lock);
    model_of_service(c->service, &m);
    pthread_mutex_unlock(&c->status_lock);
    if (cJSON_IsString(form) && strcmp(form->valuestring, "text") == 0) {
        model_print_text(&m, &b);
        buf_truncate(&b, b.len ? b.len - 1 : 0); /* the last line's end comes with it */
    } else {
        model_print_json(&m, &b);
    }
    send_line(&fd, buf_cstr(&b));
    buf_release(&b);
    model_release(&m);
}

static void serve(struct control *c, int fd)
{
    char text[REQUEST_BYTES_MAX];
    cJSON *request = NULL;
    struct err err = ERR_INIT;
    const cJSON *verb;

    if (!read_request(fd, text, sizeof(text)))
        return;
    if (!json_parse(bytes_str(text), 0, &request, &err)) {
        send_end(fd, 2, &err);
        return;
    }
    verb = cJSON_GetObjectItemCaseSensitive(request, "do");
    if (cJSON_IsString(verb) && strcmp(verb->valuestring, "status") == 0) {
        do_status(c, fd, request);
        send_end(fd, 0, &err);
    } else if (cJSON_IsString(verb) && strcmp(verb->valuestring, "validate") == 0) {
        do_validate(c, fd, request);
    } else {
        err_set(&err, ERR_CONFIG, "unknown request; this service is of another version");
        send_end(fd, 2, &err);
    }
    cJSON_Delete(request);
}

static void note_client_gone(struct control *c)
{
    pthread_mutex_lock(&c->lock);
    c->clients--;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static void *client_main(void *arg)
{
    struct client *client = arg;
    struct control *c = client->control;

    serve(c, client->fd);
    close(client->fd);
    free(client);
    note_client_gone(c);
    return NULL;
}

static void start_client(struct control *c, int fd)
{
    struct timeval limit = {.tv_sec = CLIENT_TIMEOUT_S};
    struct client *client = xcalloc(1, sizeof(*client));
    pthread_t thread;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    *client = (struct client){c, fd};
    pthread_mutex_lock(&c->lock);
    c->clients++;
    pthread_mutex_unlock(&c->lock);
    if (pthread_create(&thread, NULL, client_main, client) != 0) {
        close(fd);
        free(client);
        note_client_gone(c);
        return;
    }
    pthread_detach(thread);
}

/* Those who come meanwhile wait in the socket's backlog. False: it is to end. */
static bool wait_for_place(struct control *c)
{
    bool stop;

    pthread_mutex_lock(&c->lock);
    while (c->clients >= CLIENTS_MAX && !c->stop)
        (void)cond_wait_until(&c->changed, &c->lock, clock_steady_us() + SLICE_US);
    stop = c->stop;
    pthread_mutex_unlock(&c->lock);
    return !stop;
}

static void *control_main(void *arg)
{
    struct control *c = arg;

    while (wait_for_place(c)) {
        struct pollfd p[2] = {{.fd = c->fd, .events = POLLIN},
                              {.fd = c->wake_fd, .events = POLLIN}};
        int fd;

        if (poll(p, 2, IDLE_MS) <= 0 || !(p[0].revents & POLLIN))
            continue;
        fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            start_client(c, fd);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
            clock_sleep_us(ACCEPT_PAUSE_US);
    }
    return NULL;
}

static bool listen_at(struct control *c, const struct sockaddr_un *addr, struct err *err)
{
    mode_t before = umask(0177);
    bool ok;

    /* Whoever opened the service owns the queue, so a socket that is there is a leftover. */
    unlink(addr->sun_path);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ok = c->fd >= 0 && bind(c->fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 &&
         listen(c->fd, 16) == 0;
    umask(before);
    if (!ok)
        err_errno(err, "control socket %s", addr->sun_path);
    return ok;
}

static void free_control(struct control *c)
{
    if (c->fd >= 0)
        close(c->fd);
    if (c->wake_fd >= 0)
        close(c->wake_fd);
    free(c->path);
    free(c);
}

bool control_open(struct service *s, struct control **out, struct err *err)
{
    struct control *c = xcalloc(1, sizeof(*c));
    const char *name = s->stages == SERVICE_CAPTURE ? CONTROL_CAPTURE : CONTROL_APPLY;
    struct sockaddr_un addr;

    c->service = s;
    c->fd = -1;
    c->wake_fd = eventfd(0, EFD_CLOEXEC);
    pthread_mutex_init(&c->lock, NULL);
    cond_init(&c->changed);
    pthread_mutex_init(&c->status_lock, NULL);
    pthread_mutex_init(&c->validate_lock, NULL);
    if (c->wake_fd < 0) {
        err_errno(err, "control socket");
        goto fail;
    }
    if (!socket_path(s->config->queue_dir, name, &addr, err) || !listen_at(c, &addr, err))
        goto fail;
    c->path = xstrdup(addr.sun_path);
    if (pthread_create(&c->thread, NULL, control_main, c) != 0) {
        err_set(err, ERR_IO, "cannot start a thread for the control socket");
        goto fail;
    }
    *out = c;
    return true;
fail:
    free_control(c);
    return false;
}

/* What is asked to stop has waits with limits of their own. */
static void wait_for_clients(struct control *c)
{
    uint64_t end = clock_steady_us() + (uint64_t)CLOSE_S * 1000000;

    pthread_mutex_lock(&c->lock);
    while (c->clients > 0) {
        (void)cond_wait_until(&c->changed, &c->lock, clock_steady_us() + SLICE_US);
        if (!c->clients || clock_steady_us() < end || stop_requested())
            continue;
        log_warn("service", "a validation has not ended for %d s; it is stopped", CLOSE_S);
        stop_request();
    }
    pthread_mutex_unlock(&c->lock);
}

void control_close(struct control *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    if (eventfd_write(c->wake_fd, 1) != 0)
        log_error("service", "cannot wake the control socket's thread");
    pthread_join(c->thread, NULL);
    wait_for_clients(c);
    unlink(c->path);
    free_control(c);
}

/* ---- client ---- */

/* The last line says how it went. False: it was not the last one. */
static bool read_end(const char *line, int *exit_code, struct err *err)
{
    cJSON *json = NULL;
    struct err ignored = ERR_INIT;
    const cJSON *type, *text, *reason, *code;
    bool is_end;

    if (strncmp(line, "{\"type\":\"end\"", 13) != 0 ||
        !json_parse(bytes_str(line), 0, &json, &ignored))
        return false;
    type = cJSON_GetObjectItemCaseSensitive(json, "type");
    text = cJSON_GetObjectItemCaseSensitive(json, "error");
    reason = cJSON_GetObjectItemCaseSensitive(json, "reason");
    code = cJSON_GetObjectItemCaseSensitive(json, "exit");
    is_end = cJSON_IsString(type) && cJSON_IsNumber(code);
    if (is_end) {
        *exit_code = code->valueint;
        *err = ERR_INIT;
        if (cJSON_IsString(text))
            err_reason(err, ERR_REFUSED, cJSON_IsString(reason) ? reason->valuestring : "", "%s",
                       text->valuestring);
    }
    cJSON_Delete(json);
    return is_end;
}

/* False: no more, and errno is EAGAIN where that took too long. */
static bool next_line(FILE *f, char **text, size_t *cap)
{
    ssize_t n;

    errno = 0;
    n = getline(text, cap, f);
    if (n <= 0 || (size_t)n > LINE_BYTES_MAX)
        return false;
    if ((*text)[n - 1] == '\n')
        (*text)[n - 1] = '\0';
    return true;
}

static bool read_lines(FILE *f, service_line_fn *line, void *ctx, int *exit_code, struct err *err)
{
    char *text = NULL;
    size_t cap = 0;
    bool ended = false;

    while (!ended && next_line(f, &text, &cap)) {
        ended = read_end(text, exit_code, err);
        if (!ended)
            line(ctx, text);
    }
    if (!ended && stop_requested())
        err_set(err, ERR_STOPPED, "stopped; the service goes on with what it was asked for");
    else if (!ended && errno == EAGAIN)
        err_reason(err, ERR_IO, "service_silent",
                   "the service is there and does not answer; look at its log");
    else if (!ended)
        err_set(err, ERR_IO, "the service went away in the middle of its answer; ask again");
    free(text);
    return ended;
}

/* *fd -1: nobody listens there, errno says why; EAGAIN: somebody does, and is busy. */
static int connect_to(const struct sockaddr_un *addr)
{
    const struct timeval limit = {.tv_sec = CONNECT_S};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int code;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0)
        return fd;
    code = errno;
    close(fd);
    errno = code;
    return -1;
}

bool control_listens(const char *queue_dir, const char *socket_name)
{
    struct sockaddr_un addr;
    struct err ignored = ERR_INIT;
    int fd;

    if (!socket_path(queue_dir, socket_name, &addr, &ignored))
        return false;
    fd = connect_to(&addr);
    if (fd < 0)
        return errno == EAGAIN;
    close(fd);
    return true;
}

bool control_call(const char *queue_dir, const char *socket_name, const char *request,
                  uint32_t silence_max_s, service_line_fn *line, void *ctx, bool *running,
                  int *exit_code, struct err *err)
{
    const struct timeval limit = {.tv_sec = silence_max_s};
    struct sockaddr_un addr;
    int fd;
    FILE *f;
    bool ok;

    *running = false;
    if (!socket_path(queue_dir, socket_name, &addr, err))
        return false;
    fd = connect_to(&addr);
    if (fd < 0) {
        /* A service that was killed leaves its socket; a name that leads nowhere is none. */
        if (errno == ENOENT || errno == ENOTDIR || errno == ECONNREFUSED)
            return true;
        err_errno(err, "control socket %s (run as the user of the service)", addr.sun_path);
        return false;
    }
    *running = true;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    f = fdopen(fd, "r");
    ok = f && write_all(fd, request, strlen(request)) && write_all(fd, "\n", 1);
    if (!ok)
        err_errno(err, "control socket %s", addr.sun_path);
    else
        ok = read_lines(f, line, ctx, exit_code, err);
    if (f)
        fclose(f);
    else
        close(fd);
    return ok;
}
