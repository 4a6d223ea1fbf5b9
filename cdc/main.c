/*
 * main.c - the command table, nothing else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "cdc/commands/commands.h"
#include "schema/base/log.h"
#include "schema/base/stop.h"

#ifndef DOMICILE_VERSION
#define DOMICILE_VERSION "0.1.0"
#endif

static const struct command commands[] = {
    {"check", "look at source, target, guard and mapping before anything moves", command_check},
    {"load", "copy every table once and end with all of them at one position", command_load},
    {"replicate", "load what is missing, then follow the source; the service", command_replicate},
    {"validate", "compare source and target row by row, and repair", command_validate},
    {"status", "positions, lag per stage, table states, refusals", command_status},
    {"guard", "ask the residency guard, look at its evidence and audit log", command_guard},
    {"queue", "list, verify and dump the captured changes", command_queue},
    {"config", "check and show the configuration", command_config},
};

static void print_help(FILE *out)
{
    fputs("domicile keeps an exact, resident copy of a MySQL database.\n\n"
          "usage: domicile COMMAND [--config FILE] [options]\n\ncommands:\n",
          out);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\noptions of every command:\n"
          "  --config FILE        configuration (default: $DOMICILE_CONFIG, else domicile.json)\n"
          "  --json               results as JSON\n"
          "  --log-format FORMAT  text or json\n"
          "  --log-level LEVEL    error, warn, info or debug\n"
          "  --help               help for the command\n\n"
          "exit codes: 0 good, 1 the answer is no, 2 usage or configuration, 3 source,\n"
          "4 target, 5 data, queue or disk\n",
          out);
}

static int run(int argc, char **argv)
{
    struct globals g = {getenv("DOMICILE_CONFIG"), false};

    if (!g.config_path)
        g.config_path = "domicile.json";
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(argc < 2 ? stderr : stdout);
        return argc < 2 ? 2 : 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("domicile " DOMICILE_VERSION);
        return 0;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(&g, argc - 1, argv + 1);
    }
    fprintf(stderr, "domicile: unknown command '%s'; see 'domicile --help'\n", argv[1]);
    return 2;
}

int main(int argc, char **argv)
{
    int code;

    /* Core dumps would hold rows, and a piped core handler ignores RLIMIT_CORE. */
    prctl(PR_SET_DUMPABLE, 0);
    stop_install();
    code = run(argc, argv);
    log_flush();
    return code;
}
