#include <stdio.h>
#include <string.h>

#include "cdc/commands/commands.h"
#include "cdc/service/control.h"
#include "cdc/service/model.h"
#include "schema/base/clock.h"
#include "schema/base/stop.h"

#define WATCH_US 1000000
#define ANSWER_MAX_S 120 /* a service may wait for its target first */

static const char help[] =
    "usage: domicile status [--watch] [--config FILE] [--json]\n"
    "\n"
    "Where the copy is: captured and applied position, lag and what is being waited for,\n"
    "table states, the guard. Asks the running service, else looks at queue and target and\n"
    "tells when the service last ran and what ended it.\n"
    "What cannot be read is named in the answer; the exit code is 0 when there is an answer.\n"
    "\n"
    "  --watch  again every second until stopped\n";

static void keep_line(void *ctx, const char *line)
{
    struct buf *b = ctx;

    buf_put_str(b, line);
    buf_put_str(b, "\n");
}

/* Both forms are printed by whoever has the model: the service, or this process without one. */
static bool ask(const struct config *config, const char *socket_name, bool json, struct buf *answer,
                struct err *err)
{
    bool running = false;
    int code = 0;

    if (!control_call(config->queue_dir, socket_name,
                      json ? "{\"do\":\"status\"}" : "{\"do\":\"status\",\"form\":\"text\"}",
                      ANSWER_MAX_S, keep_line, answer, &running, &code, err))
        return false;
    return !running || code == 0;
}

static void look(struct config *config, bool json, struct buf *answer)
{
    struct model m;

    model_offline(config, &m);
    if (json) {
        model_print_json(&m, answer);
        buf_put_str(answer, "\n");
    } else {
        model_print_text(&m, answer);
    }
    model_release(&m);
}

/*
 * One value, also when capture and apply are two processes: then the answer of capture's is the
 * member "capture_service" of the other one's.
 */
static void show_json(struct buf *capture, struct buf *service)
{
    if (capture->len)
        printf("%.*s,\"capture_service\":%.*s}\n", (int)service->len - 2, buf_cstr(service),
               (int)capture->len - 1, buf_cstr(capture));
    else
        fputs(buf_cstr(service), stdout);
}

static int show(struct globals *g, struct config *config)
{
    struct err err = ERR_INIT;
    struct buf capture = BUF_INIT, service = BUF_INIT;
    int code = 0;

    if (!ask(config, CONTROL_CAPTURE, g->json, &capture, &err) ||
        !ask(config, CONTROL_APPLY, g->json, &service, &err)) {
        code = command_fail(&err);
        goto done;
    }
    if (!service.len)
        look(config, g->json, &service);
    if (g->json)
        show_json(&capture, &service);
    else
        printf("%s%s", capture.len ? buf_cstr(&capture) : "", buf_cstr(&service));
    fflush(stdout);
done:
    buf_release(&capture);
    buf_release(&service);
    return code;
}

int command_status(struct globals *g, int argc, char **argv)
{
    bool watch = false;
    const struct option_spec specs[] = {{"watch", OPTION_FLAG, &watch}, {NULL, OPTION_FLAG, NULL}};
    int code = options_read(g, argc, argv, help, specs, NULL, 0);
    struct config config;
    struct err err = ERR_INIT;

    if (code >= 0)
        return code;
    if (!config_load(g->config_path, &config, &err))
        return command_fail(&err);
    do {
        code = show(g, &config);
        if (watch)
            clock_sleep_us(WATCH_US);
    } while (watch && code == 0 && !stop_requested());
    config_release(&config);
    return code;
}
