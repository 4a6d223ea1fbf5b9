#include "cdc/service/model.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cdc/service/control.h"
#include "cdc/service/weaker.h"
#include "schema/base/clock.h"

static void take_queue(struct model *m, const struct config *c)
{
    struct queue_identity id;
    struct err err = ERR_INIT;

    if (!queue_exists(c->queue_dir, &c->queue))
        err_set(&err, ERR_CONFIG, "there is no queue in %s yet; load or replicate makes it",
                c->queue_dir);
    else if (queue_read_end(c->queue_dir, &c->queue, &id, &m->queue, &err) &&
             consumers_read(fs_real(), c->queue_dir, id.uuid, &m->consumers, &err))
        m->has_queue = true;
    m->queue_bytes = m->has_queue ? queue_bytes(c->queue_dir, &c->queue) : 0;
    snprintf(m->queue_problem, sizeof(m->queue_problem), "%s", err.text);
}

static void take_guard(struct model *m, const struct guard *g)
{
    m->has_guard = true;
    snprintf(m->evidence, sizeof(m->evidence), "%s", guard_evidence_name(g));
    m->is_unproven = guard_is_unproven(g);
}

/* Table states and the permit through a target connection; a failure is named. */
static void take_target(struct model *m, const struct config *c, struct guard *g,
                        struct target **target)
{
    struct err err = ERR_INIT;
    bool exists = false;

    take_guard(m, g);
    if ((*target || target_connect(&c->target, g, target, &err)) &&
        target_state_exists(*target, &exists, &err) &&
        (!exists || target_tables_read(*target, c->channel, &m->tables, &m->n_tables, &err)) &&
        weaker_list(*target, m->tables, m->n_tables, &m->weaker, &err)) {
        m->has_tables = true;
        m->has_permit = true;
        m->permit = *target_permit(*target);
        return;
    }
    snprintf(m->target_problem, sizeof(m->target_problem), "%s", err.text);
    snprintf(m->target_reason, sizeof(m->target_reason), "%s", err.reason);
    target_close(*target);
    *target = NULL;
}

static void take_loading(struct model *m, struct service *s)
{
    pthread_mutex_lock(&s->load_lock);
    m->is_loading = s->loading;
    m->load = s->load;
    pthread_mutex_unlock(&s->load_lock);
}

void model_of_service(struct service *s, struct model *m)
{
    memset(m, 0, sizeof(*m));
    m->is_running = true;
    m->pid = (uint64_t)getpid();
    m->since_us = s->started_us;
    m->stages = s->stages;
    take_queue(m, s->config);
    take_loading(m, s);
    if (s->capture) {
        m->has_capture = true;
        capture_stats_read(s->capture, &m->capture);
        if (atomic_load(&s->capture_ended))
            m->failure = s->capture_err;
    } else {
        m->capture_elsewhere = control_listens(s->config->queue_dir, CONTROL_CAPTURE);
    }
    if (s->apply) {
        m->has_lane = true;
        apply_stats_read(s->apply, &m->lane);
        take_target(m, s->config, s->guard, &s->status_target);
    } else {
        take_guard(m, s->guard);
    }
}

/* The lane's place as the target has it. */
static void take_lane(struct model *m, const struct config *c, struct target *t)
{
    struct lane_state lane = {.lsn = 0};
    struct err err = ERR_INIT;
    bool exists = false, state = false;

    if (!target_state_exists(t, &state, &err) || !state ||
        !target_lane_read(t, c->channel, 0, &exists, &lane, &err) || !exists)
        return;
    m->has_lane = true;
    m->lane.lsn = lane.lsn;
    m->lane.gtid = lane.gtid;
    m->lane.position = lane.position;
    m->lane.commit_us = lane.commit_us;
}

static void take_offline_target(struct model *m, struct config *c)
{
    struct guard *guard = NULL;
    struct target *target = NULL;
    struct err err = ERR_INIT;

    if (guard_open(&c->residency, &guard, &err)) {
        take_target(m, c, guard, &target);
        if (target)
            take_lane(m, c, target);
    } else {
        snprintf(m->guard_refusal, sizeof(m->guard_refusal), "%s", err.text);
        snprintf(m->guard_reason, sizeof(m->guard_reason), "%s", err.reason);
    }
    target_close(target);
    guard_close(guard);
}

/* Of two processes the one that tells of an error, else the one that was seen last. */
static void take_last_run(struct model *m, const struct config *c)
{
    struct run capture;

    run_read(fs_real(), c->queue_dir, RUN_FILE, &m->last_run);
    run_read(fs_real(), c->queue_dir, RUN_FILE_CAPTURE, &capture);
    if (!m->last_run.error[0] && (capture.error[0] || capture.seen_us > m->last_run.seen_us))
        m->last_run = capture;
}

void model_offline(struct config *c, struct model *m)
{
    memset(m, 0, sizeof(*m));
    m->capture_elsewhere = control_listens(c->queue_dir, CONTROL_CAPTURE);
    take_last_run(m, c);
    take_queue(m, c);
    /* Status makes no directory; where the audit file has no place, nothing is asked. */
    if (m->has_queue || access(c->queue_dir, F_OK) == 0)
        take_offline_target(m, c);
}

void model_release(struct model *m)
{
    table_states_free(m->tables, m->n_tables);
    notes_release(&m->weaker);
    consumers_release(&m->consumers);
    memset(m, 0, sizeof(*m));
}

/* ---- what follows from it ---- */

bool model_queued(const struct model *m, uint64_t *n)
{
    *n = m->queue.lsn > m->lane.lsn ? m->queue.lsn - m->lane.lsn : 0;
    return m->has_queue && m->has_lane;
}

const char *model_waiting_for(const struct model *m)
{
    uint64_t queued = 0;
    bool applies = m->is_running && (m->stages & SERVICE_APPLY);

    if (m->has_capture && m->capture.queue_full)
        return "room in the queue";
    if (m->failure.kind != ERR_NONE)
        return "somebody to mend what has ended capture";
    if (m->has_capture && !m->capture.connected)
        return "the source connection";
    if (m->has_capture && !applies)
        return "the source's next transaction";
    if (!applies)
        return m->capture_elsewhere ? "a process that applies; none runs"
                                    : "the service; it does not run";
    if (model_queued(m, &queued) && queued)
        return "the target";
    if (m->has_capture)
        return "the source's next transaction";
    return m->capture_elsewhere ? "the process that captures"
                                : "a process that captures; none runs";
}

const char *model_consistency(const struct model *m)
{
    for (size_t i = 0; i < m->n_tables; i++) {
        enum table_life life = m->tables[i].life;

        if (life != TABLE_STRICT && life != TABLE_DROPPED && life != TABLE_OUT)
            return "mixed";
    }
    return "transaction";
}
