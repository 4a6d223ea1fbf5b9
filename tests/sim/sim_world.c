#include "tests/sim/sim_world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/service/consumers.h"
#include "schema/base/stop.h"
#include "tests/sim/sim_clock.h"

#define TOUCHES_MAX 400000 /* of one run of the tool */
#define STEP_SLEEPS_MAX 60 /* of what a tick runs */

/* ---- chance and words ---- */

/* splitmix64 */
uint64_t world_random(struct world *w, uint64_t below)
{
    uint64_t z = w->random += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return below ? z % below : 0;
}

static bool chance(struct world *w, unsigned of_1024)
{
    return world_random(w, 1024) < of_1024;
}

void world_tell(const struct world *w, const char *fmt, ...)
{
    va_list args;

    if (!w->verbose)
        return;
    fprintf(stderr, "%7llu ", (unsigned long long)w->touches);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

bool world_failed(const struct world *w)
{
    return w->failure[0] != '\0';
}

/* ---- death ---- */

/* What is not committed is gone, and no call of the dead reaches anything. */
static void die(struct world *w, bool power)
{
    w->dead = true;
    stop_request();
    if (power)
        simfs_cut_power(w->disk, SIMFS_ANY, 1);
    else
        simfs_kill(w->disk);
    for (size_t i = 0; i < SIM_TARGETS; i++)
        memory_server_crash(w->targets[i].server);
    sim_source_break(w->source);
}

void world_fail(struct world *w, const char *fmt, ...)
{
    va_list args;

    if (!world_failed(w)) {
        va_start(args, fmt);
        vsnprintf(w->failure, sizeof(w->failure), fmt, args);
        va_end(args);
        world_tell(w, "FAILED: %s", w->failure);
    }
    if (!w->dead)
        die(w, false);
}

void world_arm(struct world *w)
{
    w->crash_at = UINT64_MAX;
    w->dies_in = (enum sim_phase)world_random(w, PHASES);
    w->give_up_at = w->touches + TOUCHES_MAX;
    w->faulty = w->disk_failed = w->fenced = false;
}

void world_phase(struct world *w, enum sim_phase phase)
{
    uint64_t bits;

    w->phase = phase;
    if (w->calm || phase != w->dies_in)
        return;
    bits = world_random(w, w->odds.life_bits);
    w->crash_at = w->touches + 1 + world_random(w, UINT64_C(1) << bits);
}

void world_restart(struct world *w)
{
    simfs_restart(w->disk);
    stop_clear();
    w->dead = w->moved = w->in_capture = false;
}

static void meet_death(struct world *w, enum sim_touch touch)
{
    bool power = world_random(w, 2);

    static const char *const places[] = {"the source", "the disk", "the target", "a sleep"};

    world_tell(w, "%s at %s%s", power ? "power cut" : "kill", places[touch],
               w->in_capture ? " in capture"
               : w->second   ? " of the second owner"
                             : "");
    if (power)
        w->tally.power++;
    else
        w->tally.tool++;
    die(w, power);
}

/* ---- what may happen meanwhile ---- */

static void commit_some(struct world *w)
{
    uint64_t n = world_random(w, 4);

    while (n-- > 0 && sim_source_count(w->source) < w->history)
        sim_source_commit(w->source);
}

static void step_capture(struct world *w)
{
    unsigned events = 1 + (unsigned)world_random(w, w->calm || chance(w, 256) ? 1000 : 30);
    struct err err = ERR_INIT;

    w->in_capture = true;
    w->sleeps = 0;
    sim_source_feed(w->source, events, w->capture);
    if (!capture_run(w->capture, NULL, &err) && !w->dead) {
        check_error(w, "capture", &err);
        w->capture_err = err;
        atomic_store(&w->capture_ended, true);
    }
    w->in_capture = false;
}

static void break_source(struct world *w)
{
    world_tell(w, "the source's connections break");
    w->tally.source++;
    w->faulty = true;
    sim_source_break(w->source);
    check_target(w, w->target);
}

/* As the process that applies does it. */
bool world_note_consumer(struct world *w, struct err *err)
{
    bool ok;

    w->noting = true;
    ok = consumer_write(&w->fs, SIM_DIR, w->queue_uuid, w->target->channel, apply_lsn(w->apply),
                        err);
    w->noting = false;
    return ok;
}

/* Another process thinks that this one is gone. It runs a while, and is gone again. */
static void take_over(struct world *w)
{
    struct err err = ERR_INIT;
    uint64_t goal = apply_lsn(w->apply) + world_random(w, 4);

    w->sleeps = 0;
    w->tally.takeover++;
    w->fenced = true; /* also where its opening fails half way */
    if (apply_open(&w->apply_config, &w->second, &err)) {
        world_tell(w, "a second owner at lsn %llu", (unsigned long long)apply_lsn(w->second));
        if (goal > apply_lsn(w->second) && !apply_run(w->second, goal, &err) && !w->dead &&
            err.kind != ERR_STOPPED)
            check_error(w, "second owner", &err);
    } else if (!w->dead && err.kind != ERR_RETRY) {
        check_error(w, "second owner", &err);
    }
    apply_close(w->second);
    w->second = NULL;
    if (!w->dead)
        check_target(w, w->target);
}

static void tick(struct world *w, enum sim_touch at)
{
    struct err err = ERR_INIT;

    w->moved = true;
    if (chance(w, 512))
        commit_some(w);
    if (!w->dead && w->capture && !atomic_load(&w->capture_ended) && (w->calm || chance(w, 512)))
        step_capture(w);
    if (!w->dead && !w->calm && chance(w, w->odds.source_fault))
        break_source(w);
    if (!w->dead && w->apply && !w->noting && chance(w, 128) && !world_note_consumer(w, &err))
        check_error(w, "consumer", &err);
    if (!w->dead && !w->calm && w->phase >= PHASE_LOAD &&
        chance(w, at == TOUCH_TARGET ? w->odds.takeover : w->odds.takeover / 16))
        take_over(w);
    if (chance(w, 64))
        sim_clock_pass_us(world_random(w, 4000000));
    w->moved = false;
}

static void touch(struct world *w, enum sim_touch at)
{
    if (w->dead)
        return;
    w->touches++;
    sim_clock_pass_us(1 + world_random(w, 50));
    if (w->touches >= w->crash_at) {
        meet_death(w, at);
        return;
    }
    if (w->touches >= w->give_up_at) {
        world_fail(w, "no progress: %d touches without an end", TOUCHES_MAX);
        return;
    }
    if (w->moved) {
        /* The source does not wait for capture. */
        if (at == TOUCH_SOURCE && chance(w, 32))
            commit_some(w);
        return;
    }
    if (at == TOUCH_SLEEP || chance(w, w->odds.tick))
        tick(w, at);
}

/* ---- the seams ---- */

static void on_sleep(void *ctx)
{
    struct world *w = ctx;

    touch(w, TOUCH_SLEEP);
    if (!w->moved || ++w->sleeps < STEP_SLEEPS_MAX)
        return;
    /* What waits for the main activity would wait for ever. */
    if (w->in_capture)
        capture_stop(w->capture);
    else if (w->second)
        apply_pause(w->second);
}

static void on_source(void *ctx)
{
    struct world *w = ctx;

    touch(w, TOUCH_SOURCE);
    if (w->dead)
        sim_source_break(w->source);
}

static void tell_target_fault(struct world *w, const char *what)
{
    world_tell(w, "%s", what);
    w->tally.target++;
    w->faulty = true;
}

static enum memory_fault on_target(void *ctx, enum memory_point point)
{
    struct sim_target *t = ctx;
    struct world *w = t->world;

    if (w->dead)
        return MEMORY_LOST;
    touch(w, TOUCH_TARGET);
    /* A reader may come at any time. */
    if (!w->dead && point == MEMORY_AFTER_COMMIT && chance(w, 64))
        check_target(w, t);
    if (w->dead || w->calm || !chance(w, w->odds.target_fault))
        return MEMORY_GOOD;
    check_target(w, t);
    switch (world_random(w, 3)) {
    case 0:
        tell_target_fault(w, "a deadlock on the target");
        return MEMORY_RETRY;
    case 1:
        tell_target_fault(w, "the target's connection is lost");
        return MEMORY_LOST;
    default:
        tell_target_fault(w, "the target crashes");
        memory_server_crash(t->server);
        return MEMORY_GOOD;
    }
}

static bool open_door(void *ctx, struct target **out, struct err *err)
{
    struct sim_target *t = ctx;

    *out = NULL;
    touch(t->world, TOUCH_TARGET);
    if (t->world->dead) {
        err_server(err, ERR_RETRY, ERR_SIDE_TARGET, 0, "the target cannot be reached");
        return false;
    }
    *out = memory_target_open(t->server);
    return true;
}

/* ---- the disk: each call that changes it is a touch ---- */

static const struct fs *disk_of(void *ctx)
{
    struct world *w = ctx;

    touch(w, TOUCH_DISK);
    if (!w->dead && !w->calm && chance(w, w->odds.disk_fault)) {
        world_tell(w, "the disk fails");
        w->faulty = w->disk_failed = true;
        simfs_fail(w->disk, SIMFS_ANY, 1, world_random(w, 2) ? EIO : ENOSPC);
    }
    return simfs_fs(w->disk);
}

static const struct fs *bare_disk(void *ctx)
{
    return simfs_fs(((struct world *)ctx)->disk);
}

static bool fs_open(void *ctx, const char *path, int flags, int *fd, struct err *err)
{
    const struct fs *fs = flags & O_CREAT ? disk_of(ctx) : bare_disk(ctx);

    return fs->open(fs->ctx, path, flags, fd, err);
}

static void fs_close(void *ctx, int fd)
{
    const struct fs *fs = bare_disk(ctx);

    fs->close(fs->ctx, fd);
}

static bool fs_pwrite(void *ctx, int fd, const void *data, size_t len, uint64_t offset,
                      struct err *err)
{
    const struct fs *fs = disk_of(ctx);

    return fs->pwrite(fs->ctx, fd, data, len, offset, err);
}

static bool fs_pread(void *ctx, int fd, void *data, size_t len, uint64_t offset, size_t *got,
                     struct err *err)
{
    const struct fs *fs = bare_disk(ctx);

    return fs->pread(fs->ctx, fd, data, len, offset, got, err);
}

static bool fs_datasync(void *ctx, int fd, struct err *err)
{
    const struct fs *fs = disk_of(ctx);

    return fs->datasync(fs->ctx, fd, err);
}

static bool fs_truncate(void *ctx, int fd, uint64_t size, struct err *err)
{
    const struct fs *fs = disk_of(ctx);

    return fs->truncate(fs->ctx, fd, size, err);
}

static bool fs_allocate(void *ctx, int fd, uint64_t offset, uint64_t len, struct err *err)
{
    const struct fs *fs = disk_of(ctx);

    return fs->allocate(fs->ctx, fd, offset, len, err);
}

static bool fs_size(void *ctx, int fd, uint64_t *size, struct err *err)
{
    const struct fs *fs = bare_disk(ctx);

    return fs->size(fs->ctx, fd, size, err);
}

static bool fs_next_data(void *ctx, int fd, uint64_t offset, uint64_t *next, struct err *err)
{
    const struct fs *fs = bare_disk(ctx);

    return fs->next_data(fs->ctx, fd, offset, next, err);
}

static bool fs_rename(void *ctx, const char *from, const char *to, struct err *err)
{
    const struct fs *fs = disk_of(ctx);

    return fs->rename(fs->ctx, from, to, err);
}

static bool fs_unlink(void *ctx, const char *path, struct err *err)
{
    const struct fs *fs = disk_of(ctx);

    return fs->unlink(fs->ctx, path, err);
}

static bool fs_sync_dir(void *ctx, const char *path, struct err *err)
{
    const struct fs *fs = disk_of(ctx);

    return fs->sync_dir(fs->ctx, path, err);
}

static bool fs_list(void *ctx, const char *path, char ***names, size_t *n, struct err *err)
{
    const struct fs *fs = bare_disk(ctx);

    return fs->list(fs->ctx, path, names, n, err);
}

static bool fs_make_dir(void *ctx, const char *path, struct err *err)
{
    const struct fs *fs = disk_of(ctx);

    return fs->make_dir(fs->ctx, path, err);
}

static bool fs_lock(void *ctx, int fd, bool *got, struct err *err)
{
    const struct fs *fs = bare_disk(ctx);

    return fs->lock(fs->ctx, fd, got, err);
}

static const struct fs fs_ops = {
    .open = fs_open,
    .close = fs_close,
    .pwrite = fs_pwrite,
    .pread = fs_pread,
    .datasync = fs_datasync,
    .truncate = fs_truncate,
    .allocate = fs_allocate,
    .size = fs_size,
    .next_data = fs_next_data,
    .rename = fs_rename,
    .unlink = fs_unlink,
    .sync_dir = fs_sync_dir,
    .list = fs_list,
    .make_dir = fs_make_dir,
    .lock = fs_lock,
};

/* ---- life of a world ---- */

/* What capture may trim behind: the slowest of both targets, as they noted it on the disk. */
static uint64_t slowest(void *ctx)
{
    static const char *const names[SIM_TARGETS] = {"east", "west"};
    struct world *w = ctx;
    struct consumers consumers;
    struct err ignored = ERR_INIT;
    uint64_t lsn = 0;

    if (consumers_read(&w->fs, SIM_DIR, w->queue_uuid, &consumers, &ignored))
        lsn = consumers_slowest(&consumers, names, SIM_TARGETS);
    consumers_release(&consumers);
    return lsn;
}

static struct mapping *mapping_without(const char *excluded)
{
    struct buf text = BUF_INIT;
    struct mapping *mapping = NULL;
    struct err err = ERR_INIT;
    cJSON *json;

    if (!excluded)
        return NULL;
    buf_putf(&text, "{\"exclude\":[\"%s\"]}", excluded);
    json = cJSON_Parse(buf_cstr(&text));
    if (!mapping_parse(json, &mapping, &err)) {
        fprintf(stderr, "simulate: %s\n", err.text);
        abort();
    }
    cJSON_Delete(json);
    buf_release(&text);
    return mapping;
}

static void draw(struct world *w)
{
    static const uint64_t segments[] = {2048, 4096, 16384};
    uint64_t segment = segments[world_random(w, 3)];

    w->odds.life_bits = 3 + (unsigned)world_random(w, 6);
    w->odds.tick = 32 + (unsigned)world_random(w, 128);
    w->odds.target_fault = (unsigned)world_random(w, 3) * 6;
    w->odds.source_fault = (unsigned)world_random(w, 3) * 4;
    w->odds.disk_fault = world_random(w, 8) == 0 ? 2 : 0;
    w->odds.takeover = (unsigned)world_random(w, 3) * 100;
    w->history = sim_source_count(w->source) + 20 + world_random(w, 120);
    w->view_max_age_us = world_random(w, 2) * 3000;
    w->queue = (struct queue_options){.max_bytes = segment * 200,
                                      .segment_bytes = segment,
                                      .retain_us = 1 + world_random(w, 2) * 3000000};
}

static void make_target(struct world *w, size_t i)
{
    static const char *const names[SIM_TARGETS] = {"east", "west"};
    struct sim_target *t = &w->targets[i];

    t->world = w;
    t->channel = names[i];
    t->server = memory_server_new();
    t->eye = memory_target_eye(t->server);
    t->door = (struct target_door){open_door, t, "domicile"};
    memory_server_faults(t->server, on_target, t);
}

void world_open(struct world *w, uint64_t seed, bool verbose)
{
    memset(w, 0, sizeof(*w));
    w->seed = w->random = seed;
    w->verbose = verbose;
    w->origin = UINT64_MAX;
    w->capture_err = ERR_INIT;
    sim_clock_reset(seed, on_sleep, w);
    w->shape = sim_shape_draw(seed);
    w->source = sim_source_new(&w->shape);
    sim_source_on_call(w->source, on_source, w);
    w->disk = simfs_new(seed);
    w->fs = fs_ops;
    w->fs.ctx = w;
    w->mapping = mapping_without(w->shape.excluded);
    draw(w);
    w->bare = w->queue;
    w->bare.fs = simfs_fs(w->disk);
    w->queue.fs = &w->fs;
    for (size_t i = 0; i < SIM_TARGETS; i++)
        make_target(w, i);
    w->capture_config = (struct capture_config){.source = sim_source_config(w->source),
                                                .queue_dir = SIM_DIR,
                                                .queue = &w->queue,
                                                .mapping = w->mapping,
                                                .applied = slowest,
                                                .applied_ctx = w};
    w->apply_config = (struct apply_config){.queue_dir = SIM_DIR,
                                            .queue = &w->queue,
                                            .group_rows_max = world_random(w, 2) * 3,
                                            .mapping = w->mapping};
    world_tell(w, "seed %llu: %u tables, %u levels, %s cascades%s%s%s, %llu transactions at most",
               (unsigned long long)seed, w->shape.tables, w->shape.fk_levels,
               w->shape.native_fk ? "unlogged" : "logged", w->shape.ddl ? ", ddl" : "",
               w->shape.excluded ? ", without " : "", w->shape.excluded ? w->shape.excluded : "",
               (unsigned long long)w->history);
}

void world_close(struct world *w)
{
    for (size_t i = 0; i < SIM_TARGETS; i++) {
        target_close(w->targets[i].eye);
        memory_server_free(w->targets[i].server);
    }
    sim_source_free(w->source);
    simfs_free(w->disk);
    mapping_free(w->mapping);
    sim_clock_reset(0, NULL, NULL);
}
