/*
 * commands.h - what every command file offers and uses.
 *
 * A command parses its arguments, calls one engine, prints, and returns the exit code:
 * 0 good, 1 the answer is no, 2 usage or configuration, 3 source, 4 target, 5 data, queue
 * or disk. Results go to stdout, everything else to stderr.
 */
#ifndef CDC_COMMANDS_COMMANDS_H
#define CDC_COMMANDS_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cdc/config/config.h"
#include "schema/base/err.h"

struct globals {
    const char *config_path; /* --config, else $DOMICILE_CONFIG, else "domicile.json" */
    bool json;               /* --json */
};

enum option_type { OPTION_FLAG, OPTION_STRING, OPTION_U64, OPTION_STRINGS };

/* One option of a command: "--name", "--name VALUE" or "--name=VALUE". */
struct option_spec {
    const char *name; /* without the dashes; NULL ends the list */
    enum option_type type;
    void *value; /* bool *, const char **, uint64_t *, struct strings * */
};

struct strings {
    const char **items; /* borrowed from argv; the array is freed by strings_release */
    size_t n;
};
void strings_release(struct strings *s);

/*
 * Read argv[1..] by the specs and the global options (--config, --json, --log-format,
 * --log-level, --help). Words without dashes go to `words` (at most words_max).
 * Returns -1 to go on, else the exit code (0 after --help, 2 after a message).
 */
int options_read(struct globals *g, int argc, char **argv, const char *help,
                 const struct option_spec *specs, struct strings *words, size_t words_max);

/* Report to stderr "domicile: text" and give the exit code: 1 also for what was stopped. */
int command_fail(const struct err *err);

struct command {
    const char *name;
    const char *summary;
    int (*run)(struct globals *g, int argc, char **argv); /* argv[0] is the command's name */
};

int command_check(struct globals *g, int argc, char **argv);
int command_load(struct globals *g, int argc, char **argv);
int command_replicate(struct globals *g, int argc, char **argv);
int command_validate(struct globals *g, int argc, char **argv);
int command_guard(struct globals *g, int argc, char **argv);
int command_status(struct globals *g, int argc, char **argv);
int command_queue(struct globals *g, int argc, char **argv);
int command_config(struct globals *g, int argc, char **argv);

#endif
