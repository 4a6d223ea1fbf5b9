#include <stdio.h>
#include <string.h>

#include "cdc/commands/commands.h"
#include "cdc/commands/progress.h"
#include "cdc/service/control.h"
#include "cdc/service/service.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/stop.h"

#define WATCH_US 100000

static const char help[] =
    "usage: domicile replicate [--until POSITION | --once] [--stage capture|apply]\n"
    "                          [--config FILE] [--json]\n"
    "\n"
    "Load what is missing, then follow the source until stopped: the service. It listens on\n"
    "a socket in the queue's directory for 'domicile status' and 'domicile validate'.\n"
    "\n"
    "  --until POSITION  stop exactly behind lsn:NUMBER, FILE:OFFSET or a GTID set; where the\n"
    "                    source has passed it already, nothing is loaded\n"
    "  --once            stop at the position that the source has now\n"
    "  --stage capture   only fill the queue (no target is opened)\n"
    "  --stage apply     only apply the queue that another process fills; loads first\n"
    "\n"
    "SIGTERM and SIGINT stop it at a transaction boundary: exit code 0, but 1 when --until or\n"
    "--once had not come to its end. These end with 1, too, while a table of the copy is\n"
    "refused, stopped or not loaded. It may be killed at any time.\n";

struct replicate {
    struct config config;
    struct service service;
    struct control *control;
    struct until until;
    unsigned stages;
    size_t refused;  /* tables that could not be loaded */
    bool is_given;   /* until: by the user, to be met exactly */
    bool has_passed; /* it: the source, before anything was loaded */
    bool json;
};

static bool read_stage(const char *stage, unsigned *stages)
{
    *stages = SERVICE_CAPTURE | SERVICE_APPLY;
    if (!stage)
        return true;
    *stages = strcmp(stage, "capture") == 0 ? SERVICE_CAPTURE
              : strcmp(stage, "apply") == 0 ? SERVICE_APPLY
                                            : 0;
    return *stages != 0;
}

static bool load_first(struct replicate *r, struct err *err)
{
    struct progress progress;
    struct load_result result;
    bool ok;

    memset(&result, 0, sizeof(result));
    progress_init(&progress);
    ok = service_load(&r->service, NULL, 0, progress_show, &progress, &result, err);
    progress_end(&progress);
    for (size_t i = 0; i < result.refused.n; i++)
        log_warn("load", "%s", result.refused.lines[i]);
    if (ok && result.tables_loaded)
        log_info("load", "%zu tables loaded, %llu rows, all at lsn %llu", result.tables_loaded,
                 (unsigned long long)result.rows, (unsigned long long)result.lsn);
    r->refused = result.refused.n;
    /* A refused table is told and left out; the others are followed. */
    if (!ok && strcmp(err->reason, "refused") == 0) {
        *err = ERR_INIT;
        ok = true;
    }
    load_result_release(&result);
    return ok;
}

/* Capture has ended badly: what it has published is still applied, then its error is told. */
static bool is_drained(struct replicate *r)
{
    struct apply_stats stats;

    if (!r->service.apply || !r->service.capture || !atomic_load(&r->service.capture_ended))
        return true;
    apply_stats_read(r->service.apply, &stats);
    return stats.lsn >= capture_lsn(r->service.capture);
}

/* Watch the threads until one ends or a stop is asked for. */
static bool watch(struct replicate *r, struct err *err)
{
    while (!stop_requested()) {
        bool lane_ok;

        if (service_failed(&r->service, err) &&
            (is_drained(r) || lane_ended(&r->service.lane, &lane_ok, err)))
            return false;
        if (r->service.apply && lane_ended(&r->service.lane, &lane_ok, err))
            return true;
        if (r->service.apply)
            lane_wait(&r->service.lane, WATCH_US);
        else
            clock_sleep_us(WATCH_US);
    }
    if (r->until.kind == UNTIL_FOREVER)
        return true;
    err_set(err, ERR_STOPPED, "stopped before the position that was asked for; run it again");
    return false;
}

/* A load ends where the source is: then the lane may not stop where it was asked to any more. */
static bool check_exact(struct replicate *r, uint64_t lsn_before, struct err *err)
{
    struct apply_stats lane;
    bool behind;

    apply_stats_read(r->service.apply, &lane);
    if (!r->is_given || lane.lsn == lsn_before)
        return true;
    if (!service_is_behind(&r->service, &r->until, &behind, err))
        return false;
    if (behind)
        err_reason(err, ERR_REFUSED, "until_passed",
                   "the load ended at lsn %llu, behind the place that --until names; the tables "
                   "are all there",
                   (unsigned long long)lane.lsn);
    return !behind;
}

/* Where the place that the user gave lies in the past, a load would end behind it. */
static bool load_missing(struct replicate *r, struct err *err)
{
    struct apply_stats lane;

    apply_stats_read(r->service.apply, &lane);
    if (r->is_given && !service_has_passed(&r->service, &r->until, &r->has_passed, err))
        return false;
    return r->has_passed || (load_first(r, err) && check_exact(r, lane.lsn, err));
}

static bool follow(struct replicate *r, struct err *err)
{
    uint64_t lsn = UINT64_MAX;

    if (!(r->stages & SERVICE_APPLY)) {
        if (r->until.kind == UNTIL_FOREVER)
            return watch(r, err);
        return service_wait_queue(&r->service, &r->until, &lsn, err);
    }
    if (!load_missing(r, err) || !service_wait_queue(&r->service, &r->until, &lsn, err)) {
        if (!atomic_load(&r->service.capture_ended) || stop_requested())
            return false;
        /* The queue ends before what was asked for, so all of it may be applied. */
        lsn = UINT64_MAX;
    }
    lane_start(&r->service.lane, lsn);
    return watch(r, err);
}

static void print_end(const struct replicate *r)
{
    struct apply_stats a;
    char gtid[GTID_TEXT_SIZE];
    bool unproven;

    if (!r->service.apply)
        return;
    unproven = guard_is_unproven(r->service.guard);
    apply_stats_read(r->service.apply, &a);
    gtid_print(&a.gtid, gtid);
    if (r->json)
        printf("{\"lsn\":%llu,\"gtid\":\"%s\",\"file\":\"%s\",\"offset\":%llu,\"unproven\":%s}\n",
               (unsigned long long)a.lsn, gtid, a.position.file,
               (unsigned long long)a.position.offset, unproven ? "true" : "false");
    else
        printf("stopped at lsn %llu, gtid %s, position %s:%llu%s\n", (unsigned long long)a.lsn,
               gtid[0] ? gtid : "(none yet)", a.position.file[0] ? a.position.file : "(start)",
               (unsigned long long)a.position.offset, unproven ? " (residency unproven)" : "");
}

static bool run(struct replicate *r, const char *until, bool once, struct err *err)
{
    r->is_given = until != NULL;
    if (until && !until_parse(until, &r->until, err))
        return false;
    if (once && !until_now(&r->config, &r->until, err))
        return false;
    if (!service_open(&r->config, r->stages, &r->service, err) ||
        !control_open(&r->service, &r->control, err))
        return false;
    log_info("service", "residency evidence: %s", guard_evidence_name(r->service.guard));
    return follow(r, err);
}

/* A step that has come to its end says whether all tables have come with it. */
static bool check_step(struct replicate *r, struct err *err)
{
    if (!r->service.apply || r->until.kind == UNTIL_FOREVER)
        return true;
    if (!service_check_followed(&r->service, err) ||
        (r->has_passed && !service_check_loaded(&r->service, err)))
        return false;
    if (r->refused)
        err_reason(err, ERR_REFUSED, "refused", "%zu tables could not be loaded", r->refused);
    return !r->refused;
}

int command_replicate(struct globals *g, int argc, char **argv)
{
    const char *until = NULL, *stage = NULL;
    bool once = false;
    const struct option_spec specs[] = {{"until", OPTION_STRING, &until},
                                        {"once", OPTION_FLAG, &once},
                                        {"stage", OPTION_STRING, &stage},
                                        {NULL, OPTION_FLAG, NULL}};
    int code = options_read(g, argc, argv, help, specs, NULL, 0);
    struct replicate r;
    struct err err = ERR_INIT;
    bool ok;

    if (code >= 0)
        return code;
    memset(&r, 0, sizeof(r));
    r.json = g->json;
    if (!read_stage(stage, &r.stages) || (until && once)) {
        fprintf(stderr, "domicile: replicate: --stage is capture or apply, and --until and "
                        "--once do not go together\n");
        return 2;
    }
    if (!config_load(g->config_path, &r.config, &err))
        return command_fail(&err);
    r.config.residency.is_service = true;
    ok = run(&r, until, once, &err);
    control_close(r.control);
    if (r.service.apply)
        lane_join(&r.service.lane);
    if (ok || err.kind == ERR_STOPPED)
        print_end(&r);
    ok = ok && check_step(&r, &err);
    /* A service is there to be stopped; a step that has an end has not come to it. */
    if (err.kind == ERR_STOPPED && r.until.kind == UNTIL_FOREVER)
        ok = true;
    code = ok ? 0 : command_fail(&err);
    service_close(&r.service, &err);
    until_release(&r.until);
    config_release(&r.config);
    return code;
}
