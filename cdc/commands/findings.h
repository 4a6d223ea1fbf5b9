/*
 * findings.h - what check found, each with its remedy.
 */
#ifndef CDC_COMMANDS_FINDINGS_H
#define CDC_COMMANDS_FINDINGS_H

#include <stdbool.h>

#include "cdc/config/config.h"
#include "cdc/source/source.h"
#include "schema/catalog.h"
#include "targets/target.h"

enum finding_level { FINDING_GOOD, FINDING_NOTE, FINDING_WARN, FINDING_FAIL };

struct finding {
    enum finding_level level;
    char *area; /* "source", "target", "guard", "mapping" */
    char *text;
    char *fix; /* a statement or an action; NULL when there is nothing to do */
};

struct findings {
    struct finding *items;
    size_t n;
};

void findings_add(struct findings *f, enum finding_level level, const char *area, const char *fix,
                  const char *fmt, ...) PRINTF_LIKE(5, 6);
void findings_release(struct findings *f);
size_t findings_count(const struct findings *f, enum finding_level level);
void findings_print(const struct findings *f, bool json, bool unproven);

/* Settings, grants and the tables of the mapping. Fills the catalogue with wanted tables. */
void check_source(struct source *s, const struct config *config, struct catalog *catalog,
                  struct findings *f);
/* The target as its connection shows it. */
void check_target(struct target *t, const struct source_info *source, struct findings *f);
/* What a load made already, where it is weaker than the source; s: NULL where it does not answer.
 */
void check_copy(struct target *t, struct source *s, const struct config *config,
                struct findings *f);

#endif
