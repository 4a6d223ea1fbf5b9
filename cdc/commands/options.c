#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/commands/commands.h"
#include "schema/base/log.h"
#include "schema/base/xalloc.h"

void strings_release(struct strings *s)
{
    free(s->items);
    s->items = NULL;
    s->n = 0;
}

static void strings_add(struct strings *s, const char *item)
{
    s->items = xrealloc(s->items, (s->n + 1) * sizeof(*s->items));
    s->items[s->n++] = item;
}

int command_fail(const struct err *err)
{
    if (err->reason[0])
        fprintf(stderr, "domicile: %s [%s]\n", err->text, err->reason);
    else
        fprintf(stderr, "domicile: %s\n", err->text);
    /* Only a service may be stopped and be good; what was to come to an end has not. */
    return err->kind == ERR_STOPPED ? 1 : err_exit_code(err);
}

static int usage(const char *command, const char *what, const char *word)
{
    fprintf(stderr, "domicile: %s: %s '%s'; see 'domicile %s --help'\n", command, what, word,
            command);
    return 2;
}

struct log_options {
    const char *format;
    const char *level;
};

/* NULL, or the word that is none of those that may be there. */
static const char *log_apply(const struct log_options *o)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    bool json = strcmp(o->format, "json") == 0;

    if (!json && strcmp(o->format, "text") != 0)
        return o->format;
    for (unsigned i = 0; i < 4; i++) {
        if (strcmp(o->level, levels[i]) == 0) {
            log_setup((enum log_level)i, json);
            return NULL;
        }
    }
    return o->level;
}

static const struct option_spec *find_spec(const struct option_spec *specs, const char *name,
                                           size_t len)
{
    for (; specs && specs->name; specs++) {
        if (strlen(specs->name) == len && memcmp(specs->name, name, len) == 0)
            return specs;
    }
    return NULL;
}

static bool read_u64(const char *text, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && text[0] != '-';
}

static bool store(const struct option_spec *spec, const char *value)
{
    switch (spec->type) {
    case OPTION_FLAG:
        *(bool *)spec->value = true;
        return true;
    case OPTION_STRING:
        *(const char **)spec->value = value;
        return true;
    case OPTION_U64:
        return read_u64(value, spec->value);
    case OPTION_STRINGS:
        strings_add(spec->value, value);
        return true;
    }
    return false;
}

int options_read(struct globals *g, int argc, char **argv, const char *help,
                 const struct option_spec *specs, struct strings *words, size_t words_max)
{
    struct log_options log = {"text", "info"};
    const struct option_spec common[] = {{"config", OPTION_STRING, &g->config_path},
                                         {"json", OPTION_FLAG, &g->json},
                                         {"log-format", OPTION_STRING, &log.format},
                                         {"log-level", OPTION_STRING, &log.level},
                                         {NULL, OPTION_FLAG, NULL}};
    const char *bad;

    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        const char *equals = strchr(name, '=');
        const struct option_spec *spec;
        const char *value = NULL;
        size_t len;

        if (strncmp(name, "--", 2) != 0 || name[2] == '\0') {
            if (!words || words->n == words_max || name[0] == '-')
                return usage(argv[0], name[0] == '-' ? "unknown option" : "unexpected word", name);
            strings_add(words, name);
            continue;
        }
        if (strcmp(name, "--help") == 0) {
            fputs(help, stdout);
            return 0;
        }
        name += 2;
        len = equals ? (size_t)(equals - name) : strlen(name);
        spec = find_spec(specs, name, len);
        if (!spec)
            spec = find_spec(common, name, len);
        if (!spec || (spec->type == OPTION_FLAG && equals))
            return usage(argv[0], "unknown option", argv[i]);
        if (spec->type != OPTION_FLAG) {
            value = equals ? equals + 1 : i + 1 < argc ? argv[++i] : NULL;
            if (!value)
                return usage(argv[0], "a value is missing after", argv[i]);
        }
        if (!store(spec, value))
            return usage(argv[0], "not a number:", value);
    }
    bad = log_apply(&log);
    return bad ? usage(argv[0], "unknown log format or level", bad) : -1;
}
