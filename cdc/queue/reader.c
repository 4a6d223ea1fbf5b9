/*
 * reader.c - walks the published part of a queue, block by block.
 *
 * Memory: one block, stored and raw, and one record. A reader never looks at or behind the
 * published end, so it never meets a block that a crash could take back.
 */
#include "cdc/queue/reader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/queue/bell.h"
#include "schema/base/clock.h"
#include "schema/base/stop.h"
#include "schema/base/xalloc.h"

#define POLL_US 2000

static bool here_corrupt(const struct queue_reader *r, const char *what, struct err *err)
{
    return segment_corrupt(&r->seg, r->seg.block_at, what, err);
}

/* A decoder said what is wrong; this says where. */
static bool with_place(const struct queue_reader *r, struct err *err)
{
    err_context(err, "%s, block at offset %llu", r->seg.path, (unsigned long long)r->seg.block_at);
    return false;
}

/* ---- blocks ---- */

static bool set_limit(struct queue_reader *r, struct err *err)
{
    if (r->seg.head.first_lsn == r->end.segment) {
        r->seg.limit = r->end.offset;
        return true;
    }
    if (r->seg.head.first_lsn > r->end.segment)
        return segment_corrupt(&r->seg, 0, "the segment is behind the published end", err);
    return r->fs->size(r->fs->ctx, r->seg.fd, &r->seg.limit, err);
}

/* Look at END again. *moved: there is more to read. */
static bool refresh(struct queue_reader *r, bool *moved, struct err *err)
{
    struct end_state now = r->end;
    bool found;

    *moved = false;
    if (r->fixed)
        return true;
    if (r->end_fd < 0 && !end_open(r->fs, r->dir, false, &r->end_fd, err))
        return false;
    if (!end_read(r->fs, r->end_fd, r->id.uuid, &found, &now, err))
        return false;
    if (!found)
        return true;
    *moved = now.segment > r->end.segment ||
             (now.segment == r->end.segment && now.offset > r->end.offset);
    /* After the power came back an older END may stand there: what was seen stays true. */
    if (*moved)
        r->end = now;
    return !*moved || set_limit(r, err);
}

static bool next_segment(struct queue_reader *r, struct err *err)
{
    uint64_t first = r->seg.lsn + 1;
    uint64_t chain = r->seg.chain;
    uint64_t *list = NULL;
    size_t n;
    bool there = false;

    if (!segment_list(r->fs, r->dir, &list, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        there = there || list[i] == first;
    if (!there && n > 0 && list[0] > first)
        err_reason(err, ERR_DATA, "queue_trimmed", "LSN %llu is no longer in the queue %s",
                   (unsigned long long)first, r->dir);
    else if (!there)
        err_reason(err, ERR_DATA, "queue_corrupt",
                   "the segment that begins with LSN %llu is missing in %s",
                   (unsigned long long)first, r->dir);
    free(list);
    if (!there)
        return false;
    segment_close(&r->seg);
    if (!segment_open(&r->seg, r->fs, r->dir, first, r->id.uuid, err))
        return false;
    if (r->seg.head.prev_chain != chain)
        return segment_corrupt(&r->seg, 0, "it does not continue the segment before", err);
    return set_limit(r, err);
}

/* The next block's header, across segments. *got false: nothing more is published. */
static bool next_block(struct queue_reader *r, bool *got, struct err *err)
{
    enum segment_step step;
    bool moved;

    *got = false;
    for (;;) {
        if (!segment_next(&r->seg, false, &step, err))
            return false;
        if (step == SEGMENT_BAD)
            return segment_corrupt(&r->seg, r->seg.offset, "the block is not valid", err);
        if (step == SEGMENT_BLOCK && !(r->seg.block.flags & BLOCK_FOOTER)) {
            *got = true;
            return true;
        }
        if (step == SEGMENT_BLOCK) {
            if (!segment_payload(&r->seg, err) || !next_segment(r, err))
                return false;
            continue;
        }
        if (r->seg.offset < r->seg.limit || r->seg.head.first_lsn != r->end.segment)
            return segment_corrupt(&r->seg, r->seg.offset, "blocks are missing", err);
        if (!refresh(r, &moved, err))
            return false;
        if (!moved)
            return true;
    }
}

/* Nothing in it is wanted, so its bytes need not be read. */
static bool may_skip(const struct queue_reader *r)
{
    const struct block *b = &r->seg.block;
    uint64_t last = b->last_lsn + !!(b->flags & BLOCK_TX_GOES_ON);

    return !r->collect && last <= r->after &&
           !(b->flags &
             (BLOCK_DEFINES | BLOCK_PREAMBLE | BLOCK_RECORD_CONTINUES | BLOCK_RECORD_GOES_ON));
}

static bool load_block(struct queue_reader *r, bool *got, struct err *err)
{
    for (;;) {
        if (!next_block(r, got, err))
            return false;
        if (!*got)
            return true;
        if (!may_skip(r))
            break;
        r->lsn = r->seg.block.last_lsn;
        r->in_tx = r->seg.in_tx;
        r->begin.lsn = r->lsn + 1;
        if (r->lsn == r->after && !r->in_tx) {
            *got = false;
            return true;
        }
    }
    if (!segment_payload(&r->seg, err) || !segment_unpack(&r->seg, r->zstd, &r->raw, err))
        return false;
    r->left = buf_bytes(&r->raw);
    return true;
}

/* ---- records ---- */

/* The rest of a record that goes on in the next blocks; `need` is its whole size. */
static bool join_record(struct queue_reader *r, size_t need, struct err *err)
{
    buf_reset(&r->part);
    buf_put_bytes(&r->part, r->left);
    while (r->part.len < need) {
        size_t missing = need - r->part.len;
        bool got;

        if (!(r->seg.block.flags & BLOCK_RECORD_GOES_ON))
            return here_corrupt(r, "a record ends too early", err);
        if (!load_block(r, &got, err))
            return false;
        if (!got || !(r->seg.block.flags & BLOCK_RECORD_CONTINUES))
            return here_corrupt(r, "a record is not continued", err);
        if (missing > r->left.len)
            missing = r->left.len;
        buf_put(&r->part, r->left.data, missing);
        r->left.data += missing;
        r->left.len -= missing;
    }
    return true;
}

static bool next_record(struct queue_reader *r, bool *got, enum record_type *type,
                        struct bytes *body, struct err *err)
{
    struct bytes joined;
    size_t need;

    *got = true;
    if (r->left.len == 0) {
        if (!load_block(r, got, err))
            return false;
        if (!*got)
            return true;
        if (r->seg.block.flags & BLOCK_RECORD_CONTINUES)
            return here_corrupt(r, "the beginning of a record is missing", err);
    }
    switch (record_split(&r->left, type, body, &need)) {
    case RECORD_WHOLE:
        return true;
    case RECORD_BROKEN:
        break;
    case RECORD_PART:
        if (need == 0)
            break;
        if (!join_record(r, need, err))
            return false;
        joined = buf_bytes(&r->part);
        return record_split(&joined, type, body, &need) == RECORD_WHOLE ||
               here_corrupt(r, "a record has no valid length", err);
    }
    return here_corrupt(r, "a record has no valid length", err);
}

/* ---- what a record does to the reader ---- */

static void own(struct queue_reader *r, uint32_t id, const struct table *t)
{
    struct table *mine = map_remove(&r->pending, bytes_of(&id, sizeof(id)));

    if (mine == NULL && catalog_get(r->catalog, t->db, t->name) == t)
        return;
    if (mine == NULL) {
        mine = table_clone(t);
        mine->id = id;
    }
    catalog_put(r->catalog, mine);
}

static bool take_table(struct queue_reader *r, struct bytes body, struct err *err)
{
    struct record_table t;

    if (!record_get_table(body, &t, err))
        return false;
    /* Each segment tells again what holds there; a number always means the same. */
    if (record_definitions_get(&r->definitions, t.id) != NULL) {
        table_free(t.table);
        return true;
    }
    record_definitions_put(&r->definitions, t.id, t.table);
    map_put(&r->pending, bytes_of(&t.id, sizeof(t.id)), t.table);
    if (t.id >= r->next_id)
        r->next_id = t.id + 1;
    if (t.live)
        own(r, t.id, t.table);
    return true;
}

static bool take_database(struct queue_reader *r, struct bytes body, struct err *err)
{
    const char *db, *charset, *collation;

    if (!record_get_database(body, &r->arena, &db, &charset, &collation, err))
        return false;
    catalog_put_database(r->catalog, db, charset, collation);
    return true;
}

static bool take_gtids(struct queue_reader *r, struct bytes body, struct err *err)
{
    if (r->placed || r->seg.head.version > 1)
        return true;
    r->placed = true;
    return record_get_gtids(body, &r->place, err);
}

static bool take_start(struct queue_reader *r, struct bytes body, struct err *err)
{
    struct record_start start;

    if (!record_get_start(body, r->seg.head.version, &start, err))
        return false;
    if (r->begin.lsn == 0) { /* the first segment read; later ones say what was read */
        place_release(&r->place);
        r->place = start.place;
        start.place = (struct place){0};
        r->placed = r->seg.head.version > 1; /* else the GTIDs are to come */
        r->begin.lsn = r->lsn;
        r->begin.gtid = start.gtid;
        r->begin.commit_us = start.commit_us;
    }
    place_release(&start.place);
    if (start.next_id > r->next_id)
        r->next_id = start.next_id;
    return true;
}

static void replay(struct queue_reader *r, const struct ddl *ddl, const struct record_ddl *more)
{
    /* One by one: RENAME a TO x, b TO a, x TO b makes a table that it takes away again. */
    for (uint32_t i = 0; i < ddl->n_effects; i++) {
        const struct ddl_effect *e = &ddl->effects[i];

        if (more->ids[2 * i] == more->ids[2 * i + 1])
            continue;
        if (e->before != NULL)
            catalog_remove(r->catalog, e->before->db, e->before->name);
        if (e->after != NULL)
            own(r, more->ids[2 * i + 1], e->after);
    }
    if (ddl->kind == DDL_DROP_DATABASE)
        catalog_remove_database(r->catalog, ddl->object);
    else if (more->charset[0] != '\0')
        catalog_put_database(r->catalog, ddl->object, more->charset, more->collation);
}

static bool take_begin(struct queue_reader *r, struct bytes body, struct err *err)
{
    if (!record_get_begin(body, &r->begin, err))
        return false;
    if (r->in_tx || r->begin.lsn != r->lsn + 1)
        return here_corrupt(r, "a transaction begins out of order", err);
    r->in_tx = true;
    if (r->first_us == 0)
        r->first_us = r->begin.commit_us;
    return true;
}

static bool take_end(struct queue_reader *r, struct bytes body, struct tx_end *end, struct err *err)
{
    if (!record_get_end(body, end, err))
        return false;
    if (!r->in_tx || end->lsn != r->begin.lsn)
        return here_corrupt(r, "a transaction ends out of order", err);
    r->in_tx = false;
    r->lsn = end->lsn;
    r->place.at = end->end;
    if (!r->collect)
        return true;
    if (!r->placed)
        return here_corrupt(r, "the segment's GTID set is missing", err);
    return place_add(&r->place, &r->begin.gtid, err);
}

static bool take_ddl(struct queue_reader *r, struct bytes body, struct ddl *ddl, struct err *err)
{
    struct record_ddl more;

    if (!record_get_ddl(body, &r->definitions, &r->arena, ddl, &more, err))
        return false;
    replay(r, ddl, &more);
    return true;
}

/* One record; item->kind stays 0 when it is none for the caller. */
static bool take(struct queue_reader *r, enum record_type type, struct bytes body,
                 struct queue_item *item, struct err *err)
{
    bool ok = true;

    if ((type == RECORD_CHANGE || type == RECORD_DDL) && !r->in_tx)
        return here_corrupt(r, "a change stands outside a transaction", err);
    switch (type) {
    case RECORD_BEGIN:
        ok = take_begin(r, body, err);
        item->kind = QUEUE_BEGIN;
        item->begin = r->begin;
        break;
    case RECORD_CHANGE:
        if (!r->rows || r->begin.lsn <= r->after)
            break;
        ok = record_get_change(body, &r->definitions, &r->row, &item->change, err);
        item->kind = QUEUE_CHANGE;
        break;
    case RECORD_DDL:
        ok = take_ddl(r, body, &item->ddl, err);
        item->kind = QUEUE_DDL;
        break;
    case RECORD_END:
        ok = take_end(r, body, &item->end, err);
        item->kind = QUEUE_END;
        break;
    case RECORD_TABLE:
        ok = take_table(r, body, err);
        break;
    case RECORD_DATABASE:
        ok = take_database(r, body, err);
        break;
    case RECORD_GTIDS:
        ok = take_gtids(r, body, err);
        break;
    case RECORD_START:
        ok = take_start(r, body, err);
        break;
    default:
        return here_corrupt(r, "a record has an unknown type", err);
    }
    return ok || with_place(r, err);
}

bool reader_step(struct queue_reader *r, bool *got, struct queue_item *item, struct err *err)
{
    enum record_type type;
    struct bytes body;
    uint64_t lsn;

    arena_reset(&r->arena);
    for (;;) {
        item->kind = 0;
        if (!next_record(r, got, &type, &body, err))
            return false;
        if (!*got)
            return true;
        lsn = r->lsn;
        if (!take(r, type, body, item, err))
            return false;
        if (item->kind == 0)
            continue;
        /* A passed-over transaction shows its end only, so that the walk can stop there. */
        if (r->begin.lsn > r->after || r->lsn != lsn)
            return true;
    }
}

/* ---- open and close ---- */

static struct queue_reader *reader_new(const struct reader_start *start)
{
    struct queue_reader *r = xcalloc(1, sizeof(*r));

    r->fs = start->fs;
    r->dir = xstrdup(start->dir);
    r->id = *start->id;
    r->end_fd = -1;
    r->seg.fd = -1;
    r->rows = start->rows;
    r->collect = start->collect;
    r->bell = start->bell;
    r->zstd = ZSTD_createDCtx();
    r->raw = BUF_INIT_MAX(BLOCK_RAW_BYTES_MAX);
    r->part = BUF_INIT_MAX(RECORD_BYTES_MAX + 16);
    r->catalog = catalog_new();
    r->next_id = 1;
    r->after = start->after;
    return r;
}

/* Read the preamble, then pass over everything up to `after`. */
static bool walk_to_start(struct queue_reader *r, struct err *err)
{
    struct queue_item item;
    enum record_type type;
    struct bytes body;
    bool got;

    while (r->seg.offset < r->seg.head.preamble_end || r->left.len > 0) {
        if (!next_record(r, &got, &type, &body, err) || !take(r, type, body, &item, err))
            return false;
        if (r->in_tx)
            return here_corrupt(r, "a transaction stands in the preamble", err);
    }
    while (r->lsn < r->after) {
        if (!reader_step(r, &got, &item, err))
            return false;
        if (!got && r->lsn < r->after) {
            err_reason(err, ERR_DATA, "queue_short", "the queue %s ends at LSN %llu, before %llu",
                       r->dir, (unsigned long long)r->lsn, (unsigned long long)r->after);
            return false;
        }
    }
    return true;
}

bool reader_open(const struct reader_start *start, struct queue_reader **out, struct err *err)
{
    struct queue_reader *r = reader_new(start);

    *out = NULL;
    if (start->end != NULL) {
        r->end = *start->end;
        r->fixed = true;
    } else if (!reader_find_end(r->fs, r->dir, &r->id, &r->end, err)) {
        goto fail;
    }
    if (!segment_open(&r->seg, r->fs, r->dir, start->segment, r->id.uuid, err))
        goto fail;
    r->lsn = r->seg.lsn;
    if (!set_limit(r, err) || !walk_to_start(r, err))
        goto fail;
    *out = r;
    return true;
fail:
    queue_reader_close(r);
    return false;
}

void queue_reader_close(struct queue_reader *r)
{
    struct map_entry *e;

    if (r == NULL)
        return;
    for (size_t i = 0; (e = map_next(&r->pending, &i)) != NULL;)
        table_free(e->value);
    map_release(&r->pending);
    record_definitions_release(&r->definitions);
    record_row_release(&r->row);
    catalog_free(r->catalog);
    place_release(&r->place);
    arena_release(&r->arena);
    buf_release(&r->raw);
    buf_release(&r->part);
    ZSTD_freeDCtx(r->zstd);
    segment_close(&r->seg);
    if (r->end_fd >= 0)
        r->fs->close(r->fs->ctx, r->end_fd);
    free(r->dir);
    free(r);
}

static bool find_segment(const struct fs *fs, const char *dir, uint64_t lsn, uint64_t *first_lsn,
                         struct err *err)
{
    uint64_t *list;
    size_t n;
    bool ok = false;

    *first_lsn = 0;
    if (!segment_list(fs, dir, &list, &n, err))
        return false;
    for (size_t i = 0; i < n && list[i] <= lsn; i++) {
        *first_lsn = list[i];
        ok = true;
    }
    if (!ok && n > 0)
        err_reason(err, ERR_DATA, "queue_trimmed",
                   "LSN %llu is no longer in the queue %s, which begins at %llu",
                   (unsigned long long)lsn, dir, (unsigned long long)list[0]);
    else if (!ok)
        err_reason(err, ERR_DATA, "queue_corrupt", "the queue %s has no segment", dir);
    free(list);
    return ok;
}

bool reader_find_segment(const struct fs *fs, const char *dir, const struct end_state *end,
                         uint64_t lsn, uint64_t *first_lsn, struct err *err)
{
    return find_segment(fs, dir, lsn < end->segment ? lsn : end->segment, first_lsn, err);
}

/* Walk the last segment for lack of END: only what `synced` proves may be shown. */
static bool prove_end(const struct fs *fs, const char *dir, const struct queue_identity *id,
                      struct end_state *out, struct err *err)
{
    struct segment seg = {.fd = -1};
    struct segment_scan scan;
    struct queue_reader *r = NULL;
    struct queue_item item;
    uint64_t first;
    bool got;
    bool ok = false;

    memset(out, 0, sizeof(*out));
    if (!find_segment(fs, dir, UINT64_MAX, &first, err) ||
        !segment_open(&seg, fs, dir, first, id->uuid, err) || !segment_scan(&seg, 0, &scan, err))
        goto done;
    seg.limit = scan.proven;
    if (!segment_scan(&seg, 0, &scan, err))
        goto done;
    out->segment = first;
    out->offset = scan.end;
    if (!reader_open(
            &(struct reader_start){
                .fs = fs, .dir = dir, .id = id, .segment = first, .after = first - 1, .end = out},
            &r, err))
        goto done;
    do {
        if (!reader_step(r, &got, &item, err))
            goto done;
    } while (got);
    out->end.lsn = r->lsn;
    out->end.gtid = r->begin.gtid;
    out->end.commit_us = r->begin.commit_us;
    out->end.end = r->place.at;
    out->end.seen = r->place.at;
    ok = true;
done:
    queue_reader_close(r);
    segment_close(&seg);
    return ok;
}

bool reader_find_end(const struct fs *fs, const char *dir, const struct queue_identity *id,
                     struct end_state *out, struct err *err)
{
    bool found = false;
    int fd;

    if (!end_open(fs, dir, false, &fd, err))
        return false;
    if (!end_read(fs, fd, id->uuid, &found, out, err)) {
        fs->close(fs->ctx, fd);
        return false;
    }
    if (fd >= 0)
        fs->close(fs->ctx, fd);
    return found || prove_end(fs, dir, id, out, err);
}

/* ---- the public face ---- */

bool queue_reader_open(const char *dir, const struct queue_options *options, uint64_t after,
                       struct queue_reader **out, struct err *err)
{
    struct queue_identity id;
    struct reader_start start = {
        .fs = queue_fs(options), .dir = dir, .id = &id, .after = after, .rows = true};
    struct end_state end;

    start.bell = options ? options->bell : NULL;

    *out = NULL;
    if (!identity_read(start.fs, dir, &id, err) || !reader_find_end(start.fs, dir, &id, &end, err))
        return false;
    if (after > end.end.lsn) {
        err_reason(err, ERR_DATA, "queue_short", "the queue %s ends at LSN %llu, before %llu", dir,
                   (unsigned long long)end.end.lsn, (unsigned long long)after);
        return false;
    }
    return reader_find_segment(start.fs, dir, &end, after + 1, &start.segment, err) &&
           reader_open(&start, out, err);
}

bool queue_read(struct queue_reader *r, unsigned timeout_ms, bool *got, struct queue_item *item,
                struct err *err)
{
    uint64_t deadline = 0;

    for (;;) {
        uint64_t now, rings = queue_bell_rings(r->bell);

        if (!reader_step(r, got, item, err))
            return false;
        if (*got || timeout_ms == 0)
            return true;
        now = clock_steady_us();
        if (deadline == 0)
            deadline = now + (uint64_t)timeout_ms * 1000;
        if (now >= deadline || stop_requested())
            return true;
        queue_bell_pause(r->bell, rings, POLL_US, deadline - now);
    }
}

const struct catalog *queue_reader_catalog(const struct queue_reader *r)
{
    return r->catalog;
}

uint64_t queue_reader_published(const struct queue_reader *r)
{
    return r->end.end.lsn;
}
