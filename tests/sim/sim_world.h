/*
 * sim_world.h - one small world: a source, a disk, two targets, and the tool between them.
 *
 * The tool's engines are the product's own. Each time they touch the world (a call of the source,
 * of the disk, of a target, a sleep) the world may move by the seed: the source commits, capture
 * takes a step, a connection breaks, a target crashes, a second owner takes the lane over; or the
 * tool dies, in one of two ways. From its death on nothing that it does reaches the world: its
 * code unwinds through its error paths and is begun anew on what is durable. One thread, no real
 * time: the same seed gives the same run.
 */
#ifndef TESTS_SIM_SIM_WORLD_H
#define TESTS_SIM_SIM_WORLD_H

#include <stdatomic.h>

#include "cdc/apply/apply.h"
#include "cdc/capture/capture.h"
#include "tests/lib/memory_server.h"
#include "tests/lib/simfs.h"
#include "tests/sim/sim_source.h"

#define SIM_TARGETS 2
#define SIM_DIR "/queue"

enum sim_touch { TOUCH_SOURCE, TOUCH_DISK, TOUCH_TARGET, TOUCH_SLEEP };

/* What the tool is at. */
enum sim_phase { PHASE_CAPTURE, PHASE_APPLY, PHASE_LOAD, PHASE_FOLLOW, PHASES };

/* Crash points: each is followed by a check. */
struct sim_tally {
    uint64_t tool;     /* kill -9: what was written is there */
    uint64_t power;    /* power cut: what was not synced may be gone or torn */
    uint64_t target;   /* the target or its connection; a commit may have been done */
    uint64_t source;   /* every connection to the source */
    uint64_t takeover; /* a second owner of the lane, beside the first */
};

struct world;

struct sim_target {
    struct world *world;
    const char *channel;
    struct memory_server *server;
    struct target *eye; /* what is committed there */
    struct target_door door;
    uint64_t epoch; /* the highest that was seen */
    uint64_t lsn;   /* likewise; neither may ever go back */
};

/* How lively this world is: the chance of each, in 1024 touches. */
struct sim_odds {
    unsigned life_bits; /* it lives less than two to this touches in the phase that it dies in */
    unsigned tick;      /* that the world moves at all */
    unsigned target_fault, source_fault, disk_fault, takeover;
};

struct world {
    uint64_t seed;
    uint64_t random;
    bool verbose;
    struct sim_shape shape;
    struct sim_odds odds;
    struct sim_tally tally;

    struct sim_source *source;
    uint64_t history; /* transactions that it may have */
    struct simfs *disk;
    struct fs fs;             /* the disk as the tool sees it */
    uint64_t view_max_age_us; /* of a load */
    struct queue_options queue;
    struct queue_options bare; /* the same without being touched by it: for checks */
    struct mapping *mapping;
    struct sim_target targets[SIM_TARGETS];

    /* the tool */
    struct capture_config capture_config;
    struct apply_config apply_config;
    struct capture *capture;
    atomic_bool capture_ended;
    struct err capture_err;
    struct sim_target *target; /* the one that is worked on */
    struct apply *apply;
    uint8_t queue_uuid[16];
    bool noting; /* the consumer's file is being written */

    enum sim_phase phase, dies_in;
    uint64_t touches, crash_at, give_up_at;
    bool calm;  /* the world moves, but nothing goes wrong */
    bool dead;  /* the tool */
    bool moved; /* inside a tick */
    bool in_capture;
    struct apply *second; /* the other owner, while it runs */
    unsigned sleeps;      /* of what a tick runs */
    bool faulty;          /* something broke in this run of the tool: it may say so */
    bool disk_failed;
    bool fenced; /* the lane was taken over in this run */

    /* what the checks know */
    uint64_t origin; /* transaction of the source = lsn + origin; UINT64_MAX: not known yet */
    uint64_t mapped; /* the queue was looked at up to here */
    uint64_t published;
    char failure[2048]; /* "" while all is well */
};

void world_open(struct world *w, uint64_t seed, bool verbose);
void world_close(struct world *w);

uint64_t world_random(struct world *w, uint64_t below);
/* The first one counts; the tool dies of it. */
void world_fail(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool world_failed(const struct world *w);
void world_tell(const struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Before the tool starts: draw in which phase it dies. */
void world_arm(struct world *w);
/* It begins a phase: draw how long it has if it is to die in it. */
void world_phase(struct world *w, enum sim_phase phase);
/* After it: all is closed by now. */
void world_restart(struct world *w);

/* Say on the disk up to where the target has read the queue. */
MUST_CHECK bool world_note_consumer(struct world *w, struct err *err);

/* ---- sim_check.c ---- */

/* The target holds, at the place that its lane says, what the source held. */
void check_target(struct world *w, struct sim_target *t);
/* The queue that was just opened has everything that it must have. */
void check_queue(struct world *w);
/* The end of a history: everything is there. */
void check_end(struct world *w, struct sim_target *t);
/* May the tool have ended with this? */
void check_error(struct world *w, const char *what, const struct err *err);

#endif
