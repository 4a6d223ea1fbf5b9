/*
 * simulate.c - many small histories through the real engines, with crashes everywhere.
 *
 *   simulate [--seed S] [--seeds N] [--points P] [--verbose]
 *
 * Plays N worlds (sim_world.h) from seed S on, each until it has had P crash points or its source
 * has nothing new, then lets it come to its end in calm. Exit 0: all equal; 1: a difference, with
 * the line that plays it again; 2: usage.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cdc/load/load.h"
#include "cdc/service/lane.h"
#include "schema/base/stop.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_world.h"

#define HANGS_AFTER_S 60
#define END_ROUNDS_MAX 8

static uint64_t playing; /* the seed, for the alarm */

/* ---- one life of the tool ---- */

static bool open_capture(struct world *w, struct err *err)
{
    struct queue_identity id;
    struct queue_end end;

    world_phase(w, PHASE_CAPTURE);
    atomic_store(&w->capture_ended, false);
    if (!capture_open(&w->capture_config, &w->capture, err) ||
        !queue_read_end(SIM_DIR, &w->bare, &id, &end, err))
        return false;
    memcpy(w->queue_uuid, id.uuid, sizeof(w->queue_uuid));
    check_queue(w);
    return !world_failed(w);
}

static bool open_apply(struct world *w, struct err *err)
{
    world_phase(w, PHASE_APPLY);
    w->apply_config.target = &w->target->door;
    w->apply_config.channel = w->target->channel;
    return apply_open(&w->apply_config, &w->apply, err) && world_note_consumer(w, err);
}

static bool load(struct world *w, struct err *err)
{
    struct lane lane;
    struct snapshot_lane slots;
    struct load_config config = {.source = sim_source_config(w->source),
                                 .target = &w->target->door,
                                 .queue = {SIM_DIR, &w->queue, &w->capture_ended},
                                 .channel = w->target->channel,
                                 .lane = &slots,
                                 .workers = 1,
                                 .chunk_rows_max = 1 + w->seed % 5,
                                 .view_max_age_us = w->view_max_age_us,
                                 .mapping = w->mapping};
    struct load_result result;
    bool ok;

    world_phase(w, PHASE_LOAD);
    lane_init(&lane, w->apply);
    slots = lane_slots(&lane);
    ok = load_run(&config, &result, err);
    load_result_release(&result);
    return ok;
}

static bool follow(struct world *w, struct err *err)
{
    uint64_t until = w->calm ? capture_lsn(w->capture) : UINT64_MAX;

    world_phase(w, PHASE_FOLLOW);
    return apply_run(w->apply, until, err);
}

static void close_tool(struct world *w)
{
    apply_close(w->apply);
    w->apply = NULL;
    capture_close(w->capture);
    w->capture = NULL;
}

/* Until it dies, or has nothing more to do. */
static void run_tool(struct world *w)
{
    struct err err = ERR_INIT;

    world_arm(w);
    world_tell(w, "-- the tool starts, for %s", w->target->channel);
    if (!open_capture(w, &err))
        check_error(w, "capture's start", &err);
    else if (!open_apply(w, &err))
        check_error(w, "apply's start", &err);
    else if (!load(w, &err) && err.kind != ERR_REFUSED)
        check_error(w, "load", &err);
    else if (!follow(w, &err))
        check_error(w, "apply", &err);
    close_tool(w);
    world_restart(w);
    check_target(w, w->target);
}

/* ---- one world ---- */

static uint64_t points(const struct sim_tally *t)
{
    return t->tool + t->power + t->target + t->source + t->takeover;
}

static bool has_all(const struct world *w)
{
    for (size_t i = 0; i < SIM_TARGETS; i++)
        if (w->origin == UINT64_MAX || w->targets[i].lsn + w->origin < w->history)
            return false;
    return true;
}

/* No more history, no more crashes: each target comes to the source's end. */
static void come_to_the_end(struct world *w)
{
    w->calm = true;
    while (sim_source_count(w->source) < w->history)
        sim_source_commit(w->source);
    /* One may have to wait for the other's reading to make room in the queue; and what the lane
     * sent back is loaded in the round after it. */
    for (unsigned round = 0, left = END_ROUNDS_MAX; round < left && !world_failed(w); round++) {
        for (size_t i = 0; i < SIM_TARGETS && !world_failed(w); i++) {
            w->target = &w->targets[i];
            run_tool(w);
        }
        if (left == END_ROUNDS_MAX && has_all(w))
            left = round + 2;
    }
    for (size_t i = 0; i < SIM_TARGETS; i++)
        check_end(w, &w->targets[i]);
}

static bool play(uint64_t seed, uint64_t max, bool verbose, struct sim_tally *sum)
{
    static struct world w;
    bool ok;

    playing = seed;
    alarm(HANGS_AFTER_S);
    world_open(&w, seed, verbose);
    while (points(&w.tally) < max && !world_failed(&w) && !has_all(&w)) {
        w.target = &w.targets[world_random(&w, 4) == 0];
        run_tool(&w);
    }
    come_to_the_end(&w);
    ok = !world_failed(&w);
    if (!ok)
        printf("seed %" PRIu64 ", crash point %" PRIu64 ": %s\n"
               "play it again: simulate --seed %" PRIu64 " --seeds 1 --points %" PRIu64
               " --verbose\n",
               seed, points(&w.tally), w.failure, seed, max);
    sum->tool += w.tally.tool;
    sum->power += w.tally.power;
    sum->target += w.tally.target;
    sum->source += w.tally.source;
    sum->takeover += w.tally.takeover;
    world_close(&w);
    return ok;
}

/* ---- command line ---- */

/* It hangs, or an assertion failed: which seed? */
static void on_signal(int sig)
{
    char text[128];
    int len = snprintf(text, sizeof(text), "seed %" PRIu64 ": %s\n", playing,
                       sig == SIGALRM ? "it hangs" : "an assertion failed");

    if (write(STDOUT_FILENO, text, (size_t)len) < 0)
        _exit(3);
    _exit(1);
}

static int usage(void)
{
    fprintf(stderr, "usage: simulate [--seed S] [--seeds N] [--points P] [--verbose]\n");
    return 2;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, seeds = 1, max = 100;
    bool verbose = false, ok = true;
    struct sim_tally sum = {0};

    for (int i = 1; i < argc; i++) {
        uint64_t *number = strcmp(argv[i], "--seed") == 0     ? &seed
                           : strcmp(argv[i], "--seeds") == 0  ? &seeds
                           : strcmp(argv[i], "--points") == 0 ? &max
                                                              : NULL;
        char *end;

        if (strcmp(argv[i], "--verbose") == 0) {
            verbose = true;
            continue;
        }
        if (!number || ++i == argc)
            return usage();
        *number = strtoull(argv[i], &end, 10);
        if (*end || end == argv[i])
            return usage();
    }
    signal(SIGALRM, on_signal);
    signal(SIGABRT, on_signal);
    sim_clock_log(verbose);
    for (uint64_t s = seed; ok && s < seed + seeds; s++)
        ok = play(s, max, verbose, &sum);
    printf("points %" PRIu64 " tool %" PRIu64 " power %" PRIu64 " target %" PRIu64
           " source %" PRIu64 " take-over %" PRIu64 "\n",
           points(&sum), sum.tool, sum.power, sum.target, sum.source, sum.takeover);
    return ok ? 0 : 1;
}
