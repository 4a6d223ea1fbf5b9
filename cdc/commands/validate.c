#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cdc/commands/commands.h"
#include "cdc/service/control.h"
#include "cdc/service/service.h"
#include "schema/base/json.h"

#define SILENCE_MAX_S (24 * 3600) /* a large table without a difference has nothing to tell */

static const char help[] =
    "usage: domicile validate [--mode frozen|offline] [--repair] [--tables DB.TABLE]...\n"
    "                         [--show-values] [--report FILE] [--config FILE] [--json]\n"
    "\n"
    "Compare source and target row by row: checksums in both servers, then row hashes, then\n"
    "rows. Exit code 0: equal; 1: differences were found (with --repair: and put right; run\n"
    "it again to prove it), or it was stopped. A table of the source that the target has no copy\n"
    "of is a difference. One that is stopped or not loaded is named and not compared: then the\n"
    "answer is no, exit code 1, too.\n"
    "\n"
    "  --mode frozen      both sides at one position while writers write (default)\n"
    "  --mode offline     both sides as they are; for a source that stands still\n"
    "  --repair           rewrite the rows that differ, through the lane\n"
    "  --tables DB.TABLE  only this table (may be given more than once)\n"
    "  --show-values      rows in the output; without it keys are hashes\n"
    "  --report FILE      the JSON lines also into a file (mode 0600)\n"
    "\n"
    "A running service does the work itself; else this command takes the lane over.\n";

struct printer {
    bool json;
    FILE *report;
};

static const char *text_of(const cJSON *o, const char *name)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

    return cJSON_IsString(v) ? v->valuestring : "";
}

static double number_of(const cJSON *o, const char *name)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

    return cJSON_IsNumber(v) ? v->valuedouble : 0;
}

static void print_columns(const cJSON *o)
{
    const cJSON *columns = cJSON_GetObjectItemCaseSensitive(o, "columns"), *c;
    const char *separator = "  columns ";

    cJSON_ArrayForEach(c, columns)
    {
        printf("%s%s", separator, c->valuestring);
        separator = ", ";
    }
}

static void print_side(const cJSON *o, const char *side)
{
    const cJSON *row = cJSON_GetObjectItemCaseSensitive(o, side);
    char *text = row ? cJSON_PrintUnformatted(row) : NULL;

    if (text)
        printf("\n    %s %s", side, text);
    cJSON_free(text);
}

static void print_result(const cJSON *o)
{
    if (number_of(o, "tables_skipped") > 0)
        printf("%.0f tables were not compared\n", number_of(o, "tables_skipped"));
    if (number_of(o, "minus_zero") > 0)
        printf("%.0f values are -0.0 on the source and 0 on the target\n",
               number_of(o, "minus_zero"));
    printf("%.0f differences in %.0f of %.0f tables, %.0f rows compared",
           number_of(o, "differences"), number_of(o, "tables_differing"), number_of(o, "tables"),
           number_of(o, "rows"));
    if (number_of(o, "repaired") > 0)
        printf(", %.0f repaired", number_of(o, "repaired"));
    if (text_of(o, "file")[0])
        printf(", at lsn %.0f, gtid %s, position %s:%.0f", number_of(o, "lsn"), text_of(o, "gtid"),
               text_of(o, "file"), number_of(o, "offset"));
    printf("%s\n", cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "unproven"))
                       ? " (residency unproven)"
                       : "");
}

static void print_text(const char *line)
{
    cJSON *o = NULL;
    struct err err = ERR_INIT;
    const char *type;

    if (!json_parse(bytes_str(line), 0, &o, &err)) {
        puts(line);
        return;
    }
    type = text_of(o, "type");
    if (strcmp(type, "difference") == 0) {
        printf("%s.%s: row %s: %s", text_of(o, "database"), text_of(o, "table"),
               text_of(o, "key_hash"), text_of(o, "kind"));
        print_columns(o);
        print_side(o, "source");
        print_side(o, "target");
        puts("");
    } else if (strcmp(type, "table") == 0) {
        printf("%s.%s:", text_of(o, "database"), text_of(o, "table"));
        printf(" %.0f rows, %.0f differences%s%s\n", number_of(o, "rows"),
               number_of(o, "differences"), text_of(o, "note")[0] ? "; " : "", text_of(o, "note"));
    } else if (strcmp(type, "result") == 0) {
        print_result(o);
    }
    cJSON_Delete(o);
}

static void on_line(void *ctx, const char *line)
{
    struct printer *p = ctx;

    if (p->report)
        fprintf(p->report, "%s\n", line);
    if (p->json)
        puts(line);
    else
        print_text(line);
}

static void put_request(struct buf *b, const struct validate_request *r)
{
    buf_putf(b, "{\"do\":\"validate\",\"mode\":\"%s\",\"repair\":%s,\"show_values\":%s,\"only\":[",
             r->mode == VALIDATE_OFFLINE ? "offline" : "frozen", r->repair ? "true" : "false",
             r->show_values ? "true" : "false");
    for (size_t i = 0; i < r->n_only; i++) {
        buf_put_str(b, i ? "," : "");
        json_put_cstr(b, r->only[i]);
    }
    buf_put_str(b, "]}");
}

static int run_here(struct config *config, const struct validate_request *r, struct printer *p)
{
    struct service service;
    struct err err = ERR_INIT;
    bool equal = false, ok;
    unsigned stages =
        r->mode == VALIDATE_OFFLINE && !r->repair ? 0 : SERVICE_CAPTURE | SERVICE_APPLY;

    ok = service_open(config, stages, &service, &err) &&
         service_validate(&service, r, on_line, p, &equal, &err);
    service_close(&service, &err);
    if (!ok)
        return command_fail(&err);
    return equal ? 0 : 1;
}

static int run(struct config *config, const struct validate_request *r, struct printer *p)
{
    struct buf request = BUF_INIT;
    struct err err = ERR_INIT;
    bool running = false, ok;
    int code = 0;

    put_request(&request, r);
    ok = control_call(config->queue_dir, CONTROL_APPLY, buf_cstr(&request), SILENCE_MAX_S, on_line,
                      p, &running, &code, &err);
    buf_release(&request);
    if (!ok)
        return command_fail(&err);
    if (!running)
        return run_here(config, r, p);
    if (err.kind != ERR_NONE)
        command_fail(&err);
    return code;
}

static bool read_mode(const char *mode, enum validate_mode *out)
{
    *out = VALIDATE_FROZEN;
    if (!mode || strcmp(mode, "frozen") == 0)
        return true;
    *out = VALIDATE_OFFLINE;
    return strcmp(mode, "offline") == 0;
}

static FILE *open_report(const char *path)
{
    mode_t before = umask(0077);
    FILE *f = fopen(path, "we");

    umask(before);
    return f;
}

int command_validate(struct globals *g, int argc, char **argv)
{
    struct strings tables = {NULL, 0};
    struct validate_request r = {.mode = VALIDATE_FROZEN};
    struct printer printer = {false, NULL};
    const char *mode = NULL, *report = NULL;
    const struct option_spec specs[] = {
        {"mode", OPTION_STRING, &mode},      {"repair", OPTION_FLAG, &r.repair},
        {"tables", OPTION_STRINGS, &tables}, {"show-values", OPTION_FLAG, &r.show_values},
        {"report", OPTION_STRING, &report},  {NULL, OPTION_FLAG, NULL}};
    int code = options_read(g, argc, argv, help, specs, NULL, 0);
    struct config config;
    struct err err = ERR_INIT;

    if (code >= 0)
        return code;
    if (!read_mode(mode, &r.mode)) {
        fprintf(stderr, "domicile: validate: --mode is frozen or offline (live comparison is "
                        "not supported yet)\n");
        return 2;
    }
    r.only = tables.items;
    r.n_only = tables.n;
    printer.json = g->json;
    if (!config_load(g->config_path, &config, &err)) {
        code = command_fail(&err);
        goto done;
    }
    if (report && !(printer.report = open_report(report))) {
        err_errno(&err, "report %s", report);
        code = command_fail(&err);
    } else {
        code = run(&config, &r, &printer);
    }
    config_release(&config);
    if (printer.report && fclose(printer.report) != 0) {
        err_errno(&err, "report %s", report);
        code = command_fail(&err);
    }
done:
    strings_release(&tables);
    return code;
}
