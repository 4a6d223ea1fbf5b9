/*
 * queue.c - the writer: transactions in, durable segments out.
 *
 * Recovery at opening follows the crash rule in segment.c; the catalogue, the GTID set and
 * the position are then read back from the last segment, so no other file can disagree.
 */
#include "cdc/queue/queue.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/queue/reader.h"
#include "cdc/queue/tail.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/xalloc.h"

#define MAX_BYTES_DEFAULT ((uint64_t)50 << 30)
#define SEGMENT_BYTES_DEFAULT ((uint64_t)256 << 20)
#define RETAIN_US_DEFAULT (UINT64_C(24) * 3600 * 1000000)
#define SEGMENTS_WITHIN_MAX 4
#define REWRITE_BYTES ((size_t)1 << 20)

/* ---- making and freeing the struct ---- */

struct queue_options queue_options_filled(const struct queue_options *options)
{
    struct queue_options o = {0};

    if (options != NULL)
        o = *options;
    o.max_bytes = o.max_bytes ? o.max_bytes : MAX_BYTES_DEFAULT;
    o.segment_bytes = o.segment_bytes ? o.segment_bytes : SEGMENT_BYTES_DEFAULT;
    /* Trimming works by whole segments, so a few must fit. */
    if (o.segment_bytes > o.max_bytes / SEGMENTS_WITHIN_MAX)
        o.segment_bytes = o.max_bytes / SEGMENTS_WITHIN_MAX;
    o.retain_us = o.retain_us ? o.retain_us : RETAIN_US_DEFAULT;
    o.zstd_level = o.zstd_level ? o.zstd_level : 1;
    o.fs = queue_fs(options);
    return o;
}

static struct queue *queue_new(const char *dir, const struct queue_options *options)
{
    struct queue *q = xcalloc(1, sizeof(*q));

    q->options = queue_options_filled(options);
    q->fs = q->options.fs;
    q->dir = xstrdup(dir);
    q->lock_fd = -1;
    q->old_lock_fd = -1;
    q->end_fd = -1;
    q->tail.fd = -1;
    q->block = BUF_INIT_MAX(BLOCK_RAW_BYTES_MAX);
    q->packed = BUF_INIT_MAX(ZSTD_COMPRESSBOUND(BLOCK_RAW_BYTES_MAX) + BLOCK_HEADER_BYTES + 8);
    q->record = BUF_INIT_MAX(RECORD_BYTES_MAX);
    q->zstd = ZSTD_createCCtx();
    q->databases = catalog_new();
    q->next_id = 1;
    pthread_mutex_init(&q->mutex, NULL);
    return q;
}

void queue_close(struct queue *q)
{
    if (q == NULL)
        return;
    if (q->tail.fd >= 0)
        q->fs->close(q->fs->ctx, q->tail.fd);
    if (q->end_fd >= 0)
        q->fs->close(q->fs->ctx, q->end_fd);
    if (q->lock_fd >= 0)
        q->fs->close(q->fs->ctx, q->lock_fd);
    if (q->old_lock_fd >= 0)
        q->fs->close(q->fs->ctx, q->old_lock_fd);
    record_definitions_release(&q->definitions);
    catalog_free(q->catalog);
    catalog_free(q->databases);
    place_release(&q->place);
    buf_release(&q->block);
    buf_release(&q->packed);
    buf_release(&q->record);
    ZSTD_freeCCtx(q->zstd);
    pthread_mutex_destroy(&q->mutex);
    free(q->undo);
    free(q->closed);
    free(q->dir);
    free(q);
}

/* Databases without their tables: what an aborted CREATE or DROP DATABASE goes back to. */
static void copy_databases(const struct catalog *from, struct catalog *to)
{
    const char **names;
    const char *charset, *collation;
    size_t n = catalog_databases(from, &names);

    for (size_t i = 0; i < n; i++) {
        if (catalog_database(from, names[i], &charset, &collation))
            catalog_put_database(to, names[i], charset, collation);
    }
    free(names);
}

static void note_databases(struct queue *q)
{
    catalog_free(q->databases);
    q->databases = catalog_new();
    copy_databases(q->catalog, q->databases);
}

/* ---- create ---- */

static struct catalog *copy_catalog(const struct catalog *from)
{
    struct catalog *to = catalog_new();
    const struct table **list;
    size_t n = catalog_tables(from, &list);

    copy_databases(from, to);
    for (size_t i = 0; i < n; i++)
        catalog_put(to, table_clone(list[i]));
    free(list);
    return to;
}

/* What an interrupted creation or rotation left behind. */
static bool remove_leftovers(struct queue *q, bool segments, struct err *err)
{
    char **names;
    size_t n;
    bool ok = true;

    if (!q->fs->list(q->fs->ctx, q->dir, &names, &n, err))
        return false;
    for (size_t i = 0; ok && i < n; i++) {
        size_t len = strlen(names[i]);
        bool tmp = len > 4 && strcmp(names[i] + len - 4, ".tmp") == 0;
        char *path;

        if (strncmp(names[i], "seg-", 4) != 0 || (!tmp && !segments))
            continue;
        path = segment_path(q->dir, names[i]);
        ok = q->fs->unlink(q->fs->ctx, path, err);
        free(path);
    }
    fs_free_names(names, n);
    return ok;
}

/* The directory's own name must survive, too. */
static bool sync_parent(const struct fs *fs, const char *dir, struct err *err)
{
    size_t len = strlen(dir);
    char *parent;
    bool ok;

    while (len > 1 && dir[len - 1] == '/')
        len--;
    while (len > 0 && dir[len - 1] != '/')
        len--;
    while (len > 1 && dir[len - 1] == '/')
        len--;
    parent = len > 0 ? xstrndup(dir, len) : xstrdup(".");
    ok = fs->sync_dir(fs->ctx, parent, err);
    free(parent);
    return ok;
}

bool queue_exists(const char *dir, const struct queue_options *options)
{
    return identity_exists(queue_fs(options), dir);
}

bool queue_create(const char *dir, const struct queue_options *options,
                  const struct queue_identity *id, const struct place *start,
                  const struct catalog *catalog, struct err *err)
{
    struct queue *q = queue_new(dir, options);
    bool ok = false;

    q->id = *id;
    place_copy(&q->place, start);
    q->catalog = copy_catalog(catalog);
    q->last.end = start->at;
    q->last.seen = start->at;
    if (!q->fs->make_dir(q->fs->ctx, dir, err) || !sync_parent(q->fs, dir, err))
        goto done;
    if (!identity_claim(q->fs, dir, &q->lock_fd, err)) {
        q->lock_fd = -1;
        goto done;
    }
    if (!remove_leftovers(q, true, err))
        goto done;
    if (!end_open(q->fs, dir, true, &q->end_fd, err)) {
        q->end_fd = -1;
        goto done;
    }
    if (!tail_create(q, 0, err) || !tail_publish(q, err))
        goto done;
    ok = identity_create(q->fs, dir, q->lock_fd, id, err);
done:
    if (!ok)
        err_context(err, "create the queue %s", dir);
    queue_close(q);
    return ok;
}

/* ---- open ---- */

/* All segments but the last: closed, and each continued by the next. */
static bool check_closed(struct queue *q, const uint64_t *list, size_t n, struct err *err)
{
    struct segment seg = {.fd = -1};
    struct segment_footer footer = {0};
    struct closed_segment closed;
    uint64_t chain = 0;
    bool found;
    bool ok = false;

    for (size_t i = 0; i < n; i++) {
        segment_close(&seg);
        if (!segment_open(&seg, q->fs, q->dir, list[i], q->id.uuid, err))
            goto done;
        if (i > 0 && (list[i] != footer.last_lsn + 1 || seg.head.prev_chain != chain)) {
            segment_corrupt(&seg, 0, "it does not continue the segment before", err);
            goto done;
        }
        if (i > 0) {
            closed.closed_us = seg.head.created_us;
            tail_note_closed(q, &closed);
        }
        if (i + 1 == n)
            break;
        if (!segment_read_footer(&seg, &found, &footer, &chain, err))
            goto done;
        if (!found) {
            segment_corrupt(&seg, seg.limit, "the footer is missing", err);
            goto done;
        }
        closed = (struct closed_segment){
            .first_lsn = list[i], .last_lsn = footer.last_lsn, .bytes = seg.limit};
    }
    ok = true;
done:
    segment_close(&seg);
    return ok;
}

/* What must be durable in the last segment by the word of END. */
static bool published_offset(struct queue *q, uint64_t last, uint64_t *proven, struct err *err)
{
    struct end_state state;
    bool found;

    *proven = 0;
    if (!end_read(q->fs, q->end_fd, q->id.uuid, &found, &state, err))
        return false;
    if (found && state.segment > last) {
        err_reason(err, ERR_DATA, "queue_corrupt",
                   "the segment that begins with LSN %llu is missing in %s",
                   (unsigned long long)state.segment, q->dir);
        return false;
    }
    if (found && state.segment == last)
        *proven = state.offset;
    return true;
}

/*
 * After a failed fdatasync the kernel keeps pages that never reached the disk and calls them
 * clean: valid blocks that nothing proves durable may be such. Written again they are dirty,
 * and the sync that follows means what it says.
 */
static bool write_again(struct queue *q, int fd, uint64_t from, uint64_t to, struct err *err)
{
    uint8_t *window = xcalloc(1, REWRITE_BYTES);
    size_t got = 0;
    bool ok = true;

    while (ok && from < to) {
        size_t n = to - from < REWRITE_BYTES ? (size_t)(to - from) : REWRITE_BYTES;

        ok = q->fs->pread(q->fs->ctx, fd, window, n, from, &got, err) &&
             q->fs->pwrite(q->fs->ctx, fd, window, got, from, err);
        if (got == 0)
            break;
        from += got;
    }
    free(window);
    return ok;
}

/* Cut the torn tail and make the room behind it zeros again. */
static bool mend_tail(struct queue *q, const struct segment *seg, const struct segment_scan *scan,
                      struct err *err)
{
    struct tail *t = &q->tail;
    struct err ignored;

    if (!q->fs->open(q->fs->ctx, seg->path, O_RDWR, &t->fd, err)) {
        t->fd = -1;
        return false;
    }
    if (!q->fs->truncate(q->fs->ctx, t->fd, scan->end, err) ||
        !write_again(q, t->fd, scan->proven, scan->end, err))
        return false;
    t->allocated = scan->end;
    if (scan->end < q->options.segment_bytes &&
        q->fs->allocate(q->fs->ctx, t->fd, scan->end, q->options.segment_bytes - scan->end,
                        &ignored))
        t->allocated = q->options.segment_bytes; /* else the first block asks again */
    t->first_lsn = seg->head.first_lsn;
    t->offset = scan->end;
    t->synced = scan->end;
    t->chain = scan->chain;
    t->lsn = scan->lsn;
    t->counts = scan->counts;
    return q->fs->datasync(q->fs->ctx, t->fd, err);
}

static bool recover_tail(struct queue *q, uint64_t last, struct err *err)
{
    struct segment seg = {.fd = -1};
    struct segment_scan scan;
    uint64_t proven;
    bool ok = false;

    if (!published_offset(q, last, &proven, err) ||
        !segment_open(&seg, q->fs, q->dir, last, q->id.uuid, err) ||
        !segment_scan(&seg, proven, &scan, err))
        goto done;
    if (seg.offset > scan.end && !scan.footer)
        log_info("queue", "an incomplete transaction of %llu bytes at the end is dropped",
                 (unsigned long long)(seg.offset - scan.end));
    ok = mend_tail(q, &seg, &scan, err);
done:
    segment_close(&seg);
    return ok;
}

/* The catalogue, the GTIDs and the position, from the records of the last segment. */
static bool recover_state(struct queue *q, struct err *err)
{
    struct queue_reader *r = NULL;
    struct queue_item item;
    struct end_state end = {.segment = q->tail.first_lsn, .offset = q->tail.offset};
    bool got;
    bool ok = false;

    if (!reader_open(&(struct reader_start){.fs = q->fs,
                                            .dir = q->dir,
                                            .id = &q->id,
                                            .segment = end.segment,
                                            .after = end.segment - 1,
                                            .end = &end,
                                            .collect = true},
                     &r, err))
        goto done;
    do {
        if (!reader_step(r, &got, &item, err))
            goto done;
    } while (got);
    q->lsn = r->lsn;
    q->last = (struct queue_end){.lsn = r->lsn,
                                 .gtid = r->begin.gtid,
                                 .end = r->place.at,
                                 .commit_us = r->begin.commit_us,
                                 .seen = r->place.at};
    q->first_us = r->first_us;
    q->last_us = r->begin.commit_us;
    q->next_id = r->next_id;
    q->catalog = r->catalog;
    q->definitions = r->definitions;
    q->place = r->place;
    r->catalog = NULL;
    r->place = (struct place){0};
    r->definitions = (struct record_definitions){0};
    note_databases(q);
    ok = true;
done:
    queue_reader_close(r);
    return ok;
}

/* From here on an older program refuses the queue. */
static bool upgrade(struct queue *q, struct err *err)
{
    int fd;

    if (q->id.version == QUEUE_VERSION)
        return true;
    if (!identity_upgrade(q->fs, q->dir, &q->id, &fd, err))
        return false;
    log_info("queue", "%s is upgraded from format version %u to %d", q->dir, q->id.version,
             QUEUE_VERSION);
    q->old_lock_fd = q->lock_fd;
    q->lock_fd = fd;
    q->id.version = QUEUE_VERSION;
    return true;
}

bool queue_open(const char *dir, const struct queue_options *options, struct queue **out,
                struct err *err)
{
    struct queue *q = queue_new(dir, options);
    uint64_t *list = NULL;
    size_t n;
    bool ok = false;

    *out = NULL;
    if (!identity_read(q->fs, dir, &q->id, err))
        goto done;
    if (!identity_lock(q->fs, dir, &q->lock_fd, err)) {
        q->lock_fd = -1;
        goto done;
    }
    if (!end_open(q->fs, dir, true, &q->end_fd, err)) {
        q->end_fd = -1;
        goto done;
    }
    if (!remove_leftovers(q, false, err) || !q->fs->sync_dir(q->fs->ctx, dir, err) ||
        !segment_list(q->fs, dir, &list, &n, err))
        goto done;
    if (n == 0) {
        err_reason(err, ERR_DATA, "queue_corrupt", "the queue %s has no segment", dir);
        goto done;
    }
    if (!check_closed(q, list, n, err) || !recover_tail(q, list[n - 1], err) ||
        !recover_state(q, err) || !upgrade(q, err) || !tail_publish(q, err))
        goto done;
    ok = true;
    *out = q;
done:
    free(list);
    if (!ok)
        queue_close(q);
    return ok;
}

/* ---- what it knows ---- */

const struct queue_identity *queue_identity(const struct queue *q)
{
    return &q->id;
}

const struct place *queue_place(const struct queue *q)
{
    return &q->place;
}

struct catalog *queue_catalog(struct queue *q)
{
    return q->catalog;
}

uint64_t queue_unsynced(const struct queue *q)
{
    return q->tail.fd < 0 ? 0 : q->tail.offset - q->tail.synced + q->block.len;
}

struct queue_end queue_get_end(struct queue *q)
{
    struct queue_end end;

    pthread_mutex_lock(&q->mutex);
    end = q->published.end;
    pthread_mutex_unlock(&q->mutex);
    return end;
}

/* ---- transactions ---- */

static bool usable(const struct queue *q, struct err *err)
{
    if (!q->broken)
        return true;
    err_set(err, ERR_IO, "the queue %s failed to sync before; it must be opened again", q->dir);
    return false;
}

static bool put(struct queue *q, bool defines, struct err *err)
{
    bool ok = tail_append(q, defines, err);

    buf_reset(&q->record);
    return ok;
}

bool queue_begin(struct queue *q, const struct tx_begin *begin, struct err *err)
{
    struct tail *t = &q->tail;

    assert(!q->in_tx);
    if (!usable(q, err))
        return false;
    if (t->fd < 0 ||
        (q->lsn >= t->first_lsn && t->offset + q->block.len >= q->options.segment_bytes)) {
        if (!tail_rotate(q, err))
            return false;
    }
    q->begin = *begin;
    q->begin.lsn = q->lsn + 1;
    record_put_begin(&q->record, &q->begin);
    if (!put(q, false, err))
        return false;
    q->in_tx = true;
    q->streamed = false;
    q->tx_next_id = q->next_id;
    q->n_undo = 0;
    q->databases_touched = false;
    return true;
}

static void give_number(struct queue *q, const struct table *t)
{
    /* The catalogue is ours and its tables are not const objects; only this number may
     * change in one. */
    ((struct table *)(uintptr_t)t)->id = q->next_id;
    record_definitions_put(&q->definitions, q->next_id, t);
    q->next_id++;
}

bool queue_definition(struct queue *q, const struct table *t, bool live, uint32_t *id,
                      struct err *err)
{
    *id = t->id;
    if (t->id != 0 && record_definitions_get(&q->definitions, t->id) == t)
        return true;
    if (t->id != 0 || (live && catalog_get(q->catalog, t->db, t->name) != t)) {
        err_reason(err, ERR_DATA, "unknown_table",
                   "the definition of %s.%s is not the one in the queue's catalogue", t->db,
                   t->name);
        return false;
    }
    record_put_table(&q->record, q->next_id, live, t);
    if (!put(q, true, err))
        return false;
    give_number(q, t);
    *id = t->id;
    return true;
}

bool queue_change(struct queue *q, const struct change *change, struct err *err)
{
    uint32_t id;

    assert(q->in_tx);
    if (!usable(q, err) || !queue_definition(q, change->table, true, &id, err))
        return false;
    record_put_change(&q->record, id, change);
    return put(q, false, err);
}

static void note_effect(struct queue *q, const struct ddl_effect *e)
{
    if (q->n_undo == q->cap_undo) {
        q->cap_undo = q->cap_undo ? 2 * q->cap_undo : 16;
        q->undo = xrealloc(q->undo, q->cap_undo * sizeof(*q->undo));
    }
    q->undo[q->n_undo++] = (struct undo){e->before, e->after};
}

static bool number_effects(struct queue *q, const struct ddl *ddl, uint32_t *ids, struct err *err)
{
    for (uint32_t i = 0; i < ddl->n_effects; i++) {
        const struct ddl_effect *e = &ddl->effects[i];

        ids[2 * i] = 0;
        ids[2 * i + 1] = 0;
        if (e->before != NULL && !queue_definition(q, e->before, false, &ids[2 * i], err))
            return false;
        if (e->after != NULL && !queue_definition(q, e->after, false, &ids[2 * i + 1], err))
            return false;
    }
    return true;
}

bool queue_ddl(struct queue *q, const struct ddl *ddl, struct err *err)
{
    struct record_ddl more = {.charset = "", .collation = ""};
    uint32_t *ids;
    bool database = ddl->kind == DDL_CREATE_DATABASE || ddl->kind == DDL_ALTER_DATABASE;
    bool ok;

    assert(q->in_tx);
    if (!usable(q, err))
        return false;
    ids = xcalloc(2 * (size_t)ddl->n_effects + 1, sizeof(*ids));
    ok = number_effects(q, ddl, ids, err);
    if (ok) {
        more.ids = ids;
        if (database && !catalog_database(q->catalog, ddl->object, &more.charset, &more.collation))
            more.charset = more.collation = "";
        record_put_ddl(&q->record, ddl, &more);
        ok = put(q, true, err);
    }
    if (ok) {
        for (uint32_t i = 0; i < ddl->n_effects; i++)
            note_effect(q, &ddl->effects[i]);
        q->databases_touched |= database || ddl->kind == DDL_DROP_DATABASE;
    }
    free(ids);
    return ok;
}

bool queue_finish(struct queue *q, const struct position *end, uint64_t *lsn, struct err *err)
{
    struct tx_end e = {.lsn = q->begin.lsn, .end = *end};

    assert(q->in_tx);
    if (!usable(q, err))
        return false;
    record_put_end(&q->record, &e);
    if (!place_add(&q->place, &q->begin.gtid, err) || !put(q, false, err))
        return false;
    q->place.at = *end;
    q->in_tx = false;
    q->streamed = false;
    q->done = q->open;
    q->done.lsn = e.lsn;
    q->lsn = e.lsn;
    q->last = (struct queue_end){.lsn = e.lsn,
                                 .gtid = q->begin.gtid,
                                 .end = *end,
                                 .commit_us = q->begin.commit_us,
                                 .seen = *end};
    q->first_us = q->first_us ? q->first_us : q->begin.commit_us;
    q->last_us = q->begin.commit_us;
    if (q->databases_touched)
        note_databases(q);
    *lsn = e.lsn;
    return true;
}

/* The catalogue goes back to before the transaction. A definition that was replaced belongs
 * to the catalogue's past for good, so an equal one takes its place. */
static void undo_ddl(struct queue *q)
{
    const char **names;
    size_t n;

    for (size_t i = q->n_undo; i-- > 0;) {
        const struct table *before = q->undo[i].before;
        const struct table *after = q->undo[i].after;

        if (after != NULL && after != before)
            catalog_remove(q->catalog, after->db, after->name);
        if (before != NULL && after != before)
            catalog_put(q->catalog, table_clone(before));
    }
    if (q->databases_touched) {
        n = catalog_databases(q->catalog, &names);
        for (size_t i = 0; i < n; i++) {
            const char *charset, *collation;

            if (!catalog_database(q->databases, names[i], &charset, &collation))
                catalog_remove_database(q->catalog, names[i]);
        }
        free(names);
        copy_databases(q->databases, q->catalog);
    }
}

bool queue_abort(struct queue *q, struct err *err)
{
    assert(q->in_tx);
    if (!usable(q, err))
        return false;
    if (q->streamed) {
        q->mark.allocated = q->tail.allocated;
        q->mark.synced = q->tail.synced;
        q->tail = q->mark;
        q->lead = 0;
    }
    buf_truncate(&q->block, q->done.len);
    q->open = q->done;
    q->streamed = false;
    q->in_tx = false;
    undo_ddl(q);
    /* Their records are gone, so they are told again when they are needed again. */
    for (uint32_t id = q->tx_next_id; id < q->next_id; id++) {
        struct table *t = (struct table *)(uintptr_t)record_definitions_get(&q->definitions, id);

        if (t != NULL)
            t->id = 0;
        record_definitions_put(&q->definitions, id, NULL);
    }
    return true;
}

void queue_idle(struct queue *q, const struct position *seen, uint64_t source_us)
{
    struct err ignored;

    if (q->broken || q->in_tx || position_compare(seen, &q->last.end) < 0 ||
        (q->last.idle_us == source_us && position_compare(seen, &q->last.seen) == 0))
        return;
    q->last.seen = *seen;
    q->last.idle_us = source_us;
    /* Behind transactions that are not synced it goes out with them. */
    if (q->tail.fd < 0 || q->done.len > 0 || tail_boundary(q) != q->tail.synced)
        return;
    if (!tail_publish(q, &ignored))
        log_warn("queue", "%s", ignored.text);
}

bool queue_sync(struct queue *q, struct err *err)
{
    return usable(q, err) && tail_sync(q, err);
}

/* ---- retention ---- */

static bool may_go(const struct queue *q, const struct closed_segment *c, uint64_t applied_lsn,
                   uint64_t now)
{
    uint64_t all = q->closed_bytes + q->tail.allocated;

    if (c->last_lsn > applied_lsn)
        return false;
    return now >= c->closed_us + q->options.retain_us || all > q->options.max_bytes / 5 * 4;
}

uint64_t queue_room(const struct queue *q)
{
    uint64_t all = q->closed_bytes + q->tail.allocated;

    return all < q->options.max_bytes ? q->options.max_bytes - all : 0;
}

bool queue_trim(struct queue *q, uint64_t applied_lsn, struct err *err)
{
    uint64_t now = clock_wall_us();
    size_t keep = q->tail.fd < 0; /* one segment at least stays */
    size_t n = 0;
    bool ok = true;

    while (ok && n + keep < q->n_closed && may_go(q, &q->closed[n], applied_lsn, now)) {
        char name[SEGMENT_NAME_SIZE];
        char *path;

        segment_name(q->closed[n].first_lsn, name);
        path = segment_path(q->dir, name);
        ok = q->fs->unlink(q->fs->ctx, path, err);
        free(path);
        if (ok)
            q->closed_bytes -= q->closed[n++].bytes;
    }
    if (n == 0)
        return ok;
    q->n_closed -= n;
    memmove(q->closed, q->closed + n, q->n_closed * sizeof(*q->closed));
    return ok && q->fs->sync_dir(q->fs->ctx, q->dir, err);
}
