/*
 * journal.c - definition changes of the lane, begun and done.
 */
#include <assert.h>
#include <string.h>

#include "targets/store/rows.h"

struct journal_read {
    const struct ddl_unit *unit;
    struct journal_row *own; /* the unit's; NULL: not asked */
    struct batch *past;      /* removes what the unit's lane is past; NULL: not asked */
    uint64_t newest;
};

static bool take_journal(void *ctx, const struct value *cells, struct err *err)
{
    struct journal_read *read = ctx;
    uint64_t lsn = cells[DDL_LSN].u;
    struct journal_row *own = read->own;

    (void)err;
    read->newest = lsn > read->newest ? lsn : read->newest;
    if (own && lsn == read->unit->lsn && cells[DDL_ORDINAL].u == read->unit->ordinal) {
        own->exists = true;
        own->is_done = cell_is(&cells[DDL_STATUS], "DONE");
        own->step = (uint32_t)cells[DDL_STEP].u;
        cell_copy(&cells[DDL_FINGERPRINT], own->fingerprint, sizeof(own->fingerprint));
    }
    if (read->past && lsn <= read->unit->prev_lsn) {
        struct value *where = batch_remove(read->past, STATE_DDL);

        where[DDL_CHANNEL] = value_copy(&read->past->arena, &cells[DDL_CHANNEL]);
        where[DDL_LSN] = cells[DDL_LSN];
        where[DDL_ORDINAL] = cells[DDL_ORDINAL];
    }
    return true;
}

static bool read_journal(struct target *t, struct journal_read *read, struct err *err)
{
    struct value key = cell_text(t->owner.channel);

    assert(t->owner.epoch);
    return rows_read(t, STATE_DDL, &key, 1, take_journal, read, err);
}

bool store_journal_read(struct target *t, const struct ddl_unit *unit, struct journal_row *out,
                        struct err *err)
{
    struct journal_read read = {.unit = unit, .own = out};

    memset(out, 0, sizeof(*out));
    return read_journal(t, &read, err);
}

bool store_journal_newest(struct target *t, uint64_t *lsn, struct err *err)
{
    struct journal_read read = {.newest = 0};
    bool ok = read_journal(t, &read, err);

    *lsn = read.newest;
    return ok;
}

bool target_ddl_begun(struct target *t, uint64_t lsn, bool *begun, struct err *err)
{
    uint64_t newest;
    bool ok = store_journal_newest(t, &newest, err);

    *begun = newest > lsn;
    return ok;
}

bool store_journal_write(struct target *t, const struct ddl_unit *u, const struct journal_row *row,
                         struct err *err)
{
    struct batch b = {.n = 0};
    struct journal_read read = {.unit = u, .past = &b};
    struct state_change *guard = batch_add(&b, STATE_SET, STATE_LANE);
    struct value *cells;
    bool ok;

    *guard = lane_guard(t, &b.arena, &u->prev_lsn);
    if (row->is_done && u->advances)
        lane_advance(guard, &b.arena, u->lsn, &u->gtid, &u->position, u->commit_us);
    ok = read_journal(t, &read, err);
    cells = batch_put(&b, STATE_PUT, STATE_DDL);
    cells[DDL_CHANNEL] = cell_text(t->owner.channel);
    cells[DDL_LSN] = cell_number(u->lsn);
    cells[DDL_ORDINAL] = cell_number(u->ordinal);
    cells[DDL_STEP] = cell_number(row->step);
    cells[DDL_FINGERPRINT] = cell_text(row->fingerprint);
    cells[DDL_STATUS] = cell_text(row->is_done ? "DONE" : "STARTED");
    ok = ok && batch_run(t, &b, err);
    batch_release(&b);
    return ok;
}
