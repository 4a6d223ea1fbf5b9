/*
 * engine.h - what the files of the apply engine share. Private to cdc/apply.
 */
#ifndef CDC_APPLY_ENGINE_H
#define CDC_APPLY_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>

#include "cdc/apply/apply.h"
#include "cdc/apply/cascade.h"
#include "cdc/apply/net.h"
#include "cdc/queue/followed.h"
#include "targets/sqltext.h"

/* ---- tables.c: what is known about each table of the channel ---- */

struct tables {
    struct map by_name; /* "db\0name" -> struct table_state, owned */
    struct buf key;
    const struct table_state **changed; /* not saved yet */
    size_t n_changed, cap_changed;
    uint64_t changes; /* of any state, from 1 */
    uint64_t settled; /* above this LSN tables_mode() is the same for every LSN, until a change */
};

enum tables_mode { TABLES_SKIP, TABLES_STRICT, TABLES_HEAL };

void tables_init(struct tables *t);
void tables_release(struct tables *t);
MUST_CHECK bool tables_read(struct tables *t, struct target *target, const char *channel,
                            struct err *err);
struct table_state *tables_get(struct tables *t, const char *db, const char *name);
/* How changes of this table at this LSN are taken. */
enum tables_mode tables_mode(struct tables *t, const struct table *table, uint64_t lsn);
/* What a name is to us when the lane meets a definition change at an LSN. */
enum side {
    SIDE_ABSENT,  /* nothing of ours */
    SIDE_EXACT,   /* strict, without the change */
    SIDE_LOADS,   /* under load, and read before the change or around it */
    SIDE_WAITS,   /* to be loaded */
    SIDE_STOPPED, /* stopped before the change */
    SIDE_HAS,     /* whatever it is, the change is in */
    SIDES,
};
enum side tables_side(struct tables *t, const struct table *table, uint64_t lsn);
/* Did we make a table of that name on the target? */
bool tables_made(struct tables *t, const struct table *table);
/* Is it inside its window, and was made from another definition than this one of the lane's place?
 * Then a change of it lies ahead in the window, which will send it back. */
bool tables_is_former(struct tables *t, const struct table *table);
/* Its next state by schema/life.h; STRICT takes the definition, DROPPED has none. Good when it
 * is saved. */
void tables_move(struct tables *t, const struct table *table, enum life_event event, uint64_t lo,
                 uint64_t hi, const char *reason);
/* All that was moved since the last time, or nothing of it. */
MUST_CHECK bool tables_save(struct tables *t, struct target *target, struct err *err);

/* ---- the engine ---- */

/* The target transaction being put together: whole source transactions, or a part of one. */
struct group {
    struct arena arena; /* rows of net and ops */
    struct net net;
    struct op_list ops;
    uint64_t transactions; /* complete ones */
    uint64_t changes;
    uint64_t net_rows; /* sent */
    uint64_t cascades;
    uint64_t opened_us; /* steady clock, of the first item */
    bool is_sent;       /* a part is in the target's transaction already */
    /* of the last complete transaction: */
    uint64_t lsn;
    struct gtid gtid;
    struct position position;
    uint64_t commit_us;
};

struct apply {
    struct apply_config config;
    char channel[TARGET_CHANNEL_MAX + 1];
    uint8_t queue_uuid[16];
    struct target *target;
    struct queue_reader *reader;
    struct lane_state lane;
    uint64_t epoch_max; /* the highest that may be ours: an answer may have been lost */
    struct tables tables;
    struct followed *followed; /* as scope.c saw it last */
    uint64_t followed_lsn;     /* it holds for all that is published up to here */
    struct group group;
    struct cascade cascade; /* on the reader's catalogue */
    uint64_t stood;         /* tables.changes that its verdicts hold for, 0 none */
    bool stops;             /* a broken chain stops a table, and on_stop is all */

    bool in_tx; /* between BEGIN and END */
    struct tx_begin tx;
    uint64_t tx_changes;
    uint32_t tx_ddl;
    bool is_caught_up;          /* nothing was left to do since the last failure */
    bool one_by_one;            /* find the row that failed last time */
    const struct table *failed; /* what the present error is about; NULL: no one table */

    atomic_bool pause;
    pthread_mutex_t mutex; /* of stats */
    struct apply_stats stats;
};

/* ---- group.c ---- */

void group_reset(struct group *g);
bool group_is_empty(const struct group *g);
bool group_is_full(const struct apply *a);
/* At a transaction boundary: is it time to commit the group? */
bool group_is_ready(const struct apply *a, uint64_t until);
/* Send one unit and wait for it; an error tells which table failed. */
MUST_CHECK bool group_send(struct apply *a, const struct unit *unit, struct err *err);
/* Send what is pending; commit it if `ends`. */
MUST_CHECK bool apply_flush(struct apply *a, bool ends, struct err *err);

/* ---- change.c ---- */

/* Reason of an error after which the tables that it was about are no longer followed: save
 * their states, and go on from the lane's LSN. */
#define CASCADE_BROKEN_REASON "cascade_broken"

MUST_CHECK bool apply_change(struct apply *a, const struct change *change, struct err *err);

/* ---- router.c ---- */

/* Read and apply until `until`, a stop or an error; nothing is mended here. */
MUST_CHECK bool router_run(struct apply *a, uint64_t until, struct err *err);

/* ---- lane.c ---- */

void lane_note_committed(struct apply *a, uint64_t target_us);
void lane_note_time(struct apply *a, uint64_t *counter, uint64_t since_us);
bool lane_asked_to_stop(struct apply *a, struct err *err);
/* A new connection; take the lane over; read table states. */
MUST_CHECK bool lane_open_target(struct apply *a, struct err *err);
MUST_CHECK bool lane_open_reader(struct apply *a, struct err *err);
/* Forget what is not committed. */
void lane_drop_work(struct apply *a);
bool lane_error_is_retried(const struct err *err);

/* ---- fate.c: what becomes of one effect of a definition change ---- */

enum fate_role { ROLE_CREATE, ROLE_STAY, ROLE_DROP, ROLE_MOVE };

enum fate_act {
    FATE_NOTHING,
    FATE_RUN,  /* the target's table follows */
    FATE_DROP, /* the target's table of the old name goes */
};

/* LIFE_EVENTS: nothing happens to that name. */
struct fate {
    enum fate_act act;
    enum life_event before; /* the name that the effect leaves */
    enum life_event after;  /* the name that it gives or keeps */
};

struct fate fate_of(enum fate_role role, enum side before, enum side after);

/* ---- scope.c ---- */

/* Behind each reading of the tables: those that are followed no more go OUT. */
MUST_CHECK bool scope_check(struct apply *a, struct err *err);
/* Before the target gets anything of a group: the same, if capture went on by another mapping.
 * Cheap while the reader has not looked behind what it knew. */
MUST_CHECK bool scope_keep(struct apply *a, struct err *err);

/* ---- ddl.c ---- */

MUST_CHECK bool apply_ddl(struct apply *a, const struct ddl *ddl, struct err *err);

#endif
