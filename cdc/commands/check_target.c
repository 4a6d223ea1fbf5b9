#include "cdc/commands/findings.h"

static void take_finding(void *ctx, const struct target_finding *finding)
{
    static const enum finding_level levels[] = {
        [TARGET_FIT] = FINDING_GOOD,
        [TARGET_DOUBTFUL] = FINDING_WARN,
        [TARGET_UNFIT] = FINDING_FAIL,
    };

    findings_add(ctx, levels[finding->fitness], "target", finding->remedy, "%s", finding->what);
}

void check_target(struct target *t, const struct source_info *source, struct findings *f)
{
    struct target_needs needs = {.has_source = source != NULL};
    struct err err = ERR_INIT;

    if (source) {
        needs.lower_case_table_names = (int)source->dialect.names;
        needs.row_bytes_max = source->max_allowed_packet;
    }
    if (!target_check(t, &needs, take_finding, f, &err))
        findings_add(f, FINDING_FAIL, "target", "look at the server's error log", "%s", err.text);
}
