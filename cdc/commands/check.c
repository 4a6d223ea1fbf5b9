#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "cdc/commands/commands.h"
#include "cdc/commands/findings.h"
#include "schema/base/fs.h"

#define QUEUE_FREE_WARN ((uint64_t)5 << 30)

static const char help[] =
    "usage: domicile check [--config FILE] [--json]\n"
    "\n"
    "Look at everything that load and replicate will need; nothing is written but the guard's\n"
    "audit records in the queue's directory, which is made when it is missing. It looks at: the\n"
    "source's settings and grants, the residency guard's decision on the target and on this\n"
    "host, the target, the tables of the mapping, the queue's disk; and in what a copy that is\n"
    "there is weaker than the source. Every failure and warning comes with its fix. Exit code 1\n"
    "when something would fail.\n";

static void check_queue(const struct config *c, struct findings *f)
{
    struct statvfs v;
    uint64_t free_bytes;

    if (statvfs(c->queue_dir, &v) != 0)
        return; /* the directory could not be made: said already */
    free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
    if (free_bytes < QUEUE_FREE_WARN)
        findings_add(f, FINDING_WARN, "queue", "give the queue a larger disk",
                     "only %llu MiB are free for the queue",
                     (unsigned long long)(free_bytes >> 20));
    else
        findings_add(f, FINDING_GOOD, "queue", NULL, "%llu GiB are free for the queue",
                     (unsigned long long)(free_bytes >> 30));
}

static void check_guarded_target(const struct config *c, struct source *source, struct findings *f,
                                 bool *unproven)
{
    struct guard *guard = NULL;
    struct target *target = NULL;
    struct err err = ERR_INIT;

    if (!fs_real()->make_dir(fs_real()->ctx, c->queue_dir, &err)) {
        findings_add(f, FINDING_FAIL, "queue",
                     "make the directory that it is to lie in, or name another in queue.dir", "%s",
                     err.text);
        return;
    }
    if (!guard_open(&c->residency, &guard, &err)) {
        findings_add(f, FINDING_FAIL, "guard", "see 'domicile guard evidence'", "%s [%s]", err.text,
                     err.reason);
        return;
    }
    *unproven = guard_is_unproven(guard);
    if (*unproven)
        findings_add(f, FINDING_WARN, "guard", "name an inventory in residency.evidence",
                     "residency is not proven: loopback peers only, for a try-out");
    if (!target_connect(&c->target, guard, &target, &err)) {
        findings_add(f, FINDING_FAIL, err.kind == ERR_REFUSED ? "guard" : "target",
                     err.kind == ERR_REFUSED ? "see 'domicile guard explain'"
                                             : "make the target answer with this configuration",
                     "%s%s%s%s", err.text, err.reason[0] ? " [" : "", err.reason,
                     err.reason[0] ? "]" : "");
    } else {
        const struct permit *p = target_permit(target);

        findings_add(f, FINDING_GOOD, "guard", NULL, "%s is permitted%s%s", p->peer,
                     p->subnet_arn[0] ? ": " : "", p->subnet_arn);
        check_target(target, source ? source_info(source) : NULL, f);
        check_copy(target, source, c, f);
    }
    target_close(target);
    guard_close(guard);
}

static void check_all(const struct config *c, struct findings *f, bool *unproven)
{
    struct source *source = NULL;
    struct catalog *catalog = catalog_new();
    struct err err = ERR_INIT;

    if (source_connect(&c->source, &source, &err))
        check_source(source, c, catalog, f);
    else
        findings_add(f, FINDING_FAIL, "source",
                     "make the source answer with this configuration; its settings, grants and "
                     "tables are looked at then",
                     "%s", err.text);
    check_guarded_target(c, source, f, unproven);
    check_queue(c, f);
    catalog_free(catalog);
    source_close(source);
}

int command_check(struct globals *g, int argc, char **argv)
{
    int code = options_read(g, argc, argv, help, NULL, NULL, 0);
    struct config config;
    struct findings findings = {NULL, 0};
    struct err err = ERR_INIT;
    bool unproven = false;

    if (code >= 0)
        return code;
    if (!config_load(g->config_path, &config, &err))
        return command_fail(&err);
    check_all(&config, &findings, &unproven);
    findings_print(&findings, g->json, unproven);
    code = findings_count(&findings, FINDING_FAIL) ? 1 : 0;
    findings_release(&findings);
    config_release(&config);
    return code;
}
