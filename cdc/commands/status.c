#include <stdio.h>
#include <string.h>

#include "cdc/commands/commands.h"
#include "cdc/service/control.h"
#include "cdc/service/status.h"
#include "schema/base/clock.h"
#include "schema/base/json.h"
#include "schema/base/stop.h"

#define WATCH_US 1000000

static const char help[] =
    "usage: domicile status [--watch] [--config FILE] [--json]\n"
    "\n"
    "Where the copy is: captured and applied position, lag and what is being waited for,\n"
    "table states, the guard. Asks the running service, else looks at queue and target.\n"
    "What cannot be read is named in the answer; the exit code is 0 when there is an answer.\n"
    "\n"
    "  --watch  again every second until stopped\n";

static const cJSON *get(const cJSON *o, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(o, name);
}

static const char *text(const cJSON *o, const char *name)
{
    const cJSON *v = get(o, name);

    return cJSON_IsString(v) ? v->valuestring : "";
}

static double number(const cJSON *o, const char *name)
{
    const cJSON *v = get(o, name);

    return cJSON_IsNumber(v) ? v->valuedouble : 0;
}

static void print_place(const char *title, const cJSON *o)
{
    if (!o)
        return;
    printf("%-10s lsn %.0f", title, number(o, "lsn"));
    if (text(o, "gtid")[0])
        printf(", gtid %s", text(o, "gtid"));
    if (text(o, "file")[0])
        printf(", position %s:%.0f", text(o, "file"), number(o, "offset"));
    puts("");
}

static void print_tables(const cJSON *tables)
{
    const cJSON *t;
    size_t strict = 0;

    cJSON_ArrayForEach(t, tables)
    {
        if (strcmp(text(t, "state"), "strict") == 0) {
            strict++;
            continue;
        }
        printf("%-10s %s.%s is %s%s%s\n", "table", text(t, "database"), text(t, "table"),
               text(t, "state"), text(t, "reason")[0] ? ": " : "", text(t, "reason"));
    }
    if (tables)
        printf("%-10s %zu of %d equal the source at the applied position\n", "tables", strict,
               cJSON_GetArraySize(tables));
}

static void print_guard(const cJSON *g)
{
    if (!g)
        return;
    if (text(g, "refused")[0]) {
        printf("%-10s REFUSED: %s", "guard", text(g, "refused"));
        if (text(g, "reason")[0])
            printf(" [%s]", text(g, "reason"));
        puts("");
        return;
    }
    printf("%-10s %s%s%s%s%s\n", "guard", text(g, "evidence"), text(g, "subnet_arn")[0] ? ", " : "",
           text(g, "subnet_arn"), text(g, "permit_expires")[0] ? ", permit until " : "",
           text(g, "permit_expires"));
}

static void print_problem(const cJSON *o, const char *name, const char *title)
{
    if (text(o, name)[0])
        printf("%-10s %s\n", title, text(o, name));
}

static void print_status(const cJSON *o)
{
    const cJSON *lag = get(o, "lag"), *capture = get(o, "capture"), *loading = get(o, "loading");

    if (cJSON_IsTrue(get(o, "running")))
        printf("%-10s running, process %.0f, since %s\n", "service", number(o, "pid"),
               text(o, "since"));
    else
        printf("%-10s not running\n", "service");
    if (capture)
        printf("%-10s %s, %.0f transactions, %.0f reconnects\n", "capture",
               cJSON_IsTrue(get(capture, "connected")) ? "connected" : "not connected",
               number(capture, "transactions"), number(capture, "reconnects"));
    if (loading)
        printf("%-10s %s, %.0f of %.0f tables, %.0f rows\n", "loading", text(loading, "phase"),
               number(loading, "tables_done"), number(loading, "tables"), number(loading, "rows"));
    print_place("queue", get(o, "queue"));
    print_place("applied", get(o, "apply"));
    if (lag)
        printf("%-10s %.0f transactions, %.1f s; waiting for %s\n", "lag",
               number(lag, "transactions"), number(lag, "apply_s"), text(lag, "waiting_for"));
    print_tables(get(o, "tables"));
    print_problem(o, "consistency", "view");
    print_problem(o, "queue_problem", "queue");
    print_problem(o, "target_problem", "target");
    print_guard(get(o, "guard"));
}

static void keep_line(void *ctx, const char *line)
{
    struct buf *b = ctx;

    buf_reset(b);
    buf_put_str(b, line);
}

static void show_text(const char *line)
{
    cJSON *o = NULL;
    struct err err = ERR_INIT;

    if (!json_parse(bytes_str(line), 0, &o, &err))
        return;
    print_status(o);
    cJSON_Delete(o);
}

/*
 * One value, also when capture and apply are two processes: then the answer of capture's is the
 * member "capture_service" of the other one's.
 */
static void show_json(struct buf *capture, struct buf *service)
{
    if (!service->len) {
        puts(buf_cstr(capture));
    } else if (!capture->len) {
        puts(buf_cstr(service));
    } else {
        printf("%.*s,\"capture_service\":%s}\n", (int)service->len - 1, buf_cstr(service),
               buf_cstr(capture));
    }
}

static bool ask(const struct config *config, const char *socket_name, struct buf *answer,
                struct err *err)
{
    bool running = false;
    int code = 0;

    if (!control_call(config->queue_dir, socket_name, "{\"do\":\"status\"}", keep_line, answer,
                      &running, &code, err))
        return false;
    return !running || code == 0;
}

static int show(struct globals *g, struct config *config)
{
    struct err err = ERR_INIT;
    struct buf capture = BUF_INIT, service = BUF_INIT;
    int code = 0;

    if (!ask(config, "capture.sock", &capture, &err) ||
        !ask(config, "control.sock", &service, &err)) {
        code = command_fail(&err);
        goto done;
    }
    if (!capture.len && !service.len)
        status_offline(config, &service);
    if (g->json) {
        show_json(&capture, &service);
    } else {
        if (capture.len)
            show_text(buf_cstr(&capture));
        if (service.len)
            show_text(buf_cstr(&service));
    }
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
