#include <stdio.h>
#include <string.h>

#include "cdc/commands/commands.h"
#include "cdc/commands/progress.h"
#include "cdc/service/service.h"

static const char help[] =
    "usage: domicile load [--tables DB.TABLE]... [--config FILE] [--json]\n"
    "\n"
    "Copy every table of the configuration that is not on the target yet, while writers\n"
    "write. Ends with all tables at one printed position, secondary indexes and foreign keys\n"
    "in place. Run again it goes on where it was; when all is there it does nothing.\n"
    "\n"
    "  --tables DB.TABLE  only this table (may be given more than once)\n"
    "\n"
    "Exit code 1 while a table of the copy is refused, stopped or not loaded: each is named.\n"
    "SIGTERM and SIGINT stop it with exit code 1. It may be killed at any time.\n"
    "Progress goes to stderr: one line on a terminal, JSON lines otherwise.\n";

int command_load(struct globals *g, int argc, char **argv)
{
    struct strings tables = {NULL, 0};
    const struct option_spec specs[] = {{"tables", OPTION_STRINGS, &tables},
                                        {NULL, OPTION_FLAG, NULL}};
    int code = options_read(g, argc, argv, help, specs, NULL, 0);
    struct config config;
    struct service service;
    struct progress progress;
    struct load_result result;
    struct err err = ERR_INIT;
    bool ok;

    if (code >= 0)
        return code;
    if (!config_load(g->config_path, &config, &err))
        return command_fail(&err);
    memset(&result, 0, sizeof(result));
    progress_init(&progress);
    memset(&service, 0, sizeof(service));
    ok = service_check_tables(&config, tables.items, tables.n, &err) &&
         service_open(&config, SERVICE_CAPTURE | SERVICE_APPLY, &service, &err) &&
         service_load(&service, tables.n ? tables.items : NULL, tables.n, progress_show, &progress,
                      &result, &err) &&
         service_check_followed(&service, &err);
    progress_end(&progress);
    if (ok || result.refused.n || strcmp(err.reason, "not_followed") == 0)
        load_result_print(&result, guard_is_unproven(service.guard), g->json);
    if (err.kind == ERR_STOPPED)
        err_set(&err, ERR_STOPPED, "load was stopped before its end; run it again, it goes on");
    code = ok ? 0 : command_fail(&err);
    service_close(&service, &err);
    load_result_release(&result);
    config_release(&config);
    strings_release(&tables);
    return code;
}
