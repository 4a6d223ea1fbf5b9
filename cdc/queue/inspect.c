/*
 * inspect.c - what is in a queue, and is it sound: for `domicile queue ls` and `verify`.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/queue/queue.h"
#include "cdc/queue/reader.h"

struct inspection {
    const struct fs *fs;
    const char *dir;
    struct queue_identity id;
    struct end_state end;
    bool verify;
    uint64_t chain;    /* behind the segment before */
    uint64_t next_lsn; /* that must come; 0: any */
};

static void fill_info(const struct segment *s, const struct segment_footer *counts, bool open,
                      uint64_t bytes, struct queue_segment_info *info)
{
    *info = (struct queue_segment_info){.first_lsn = s->head.first_lsn,
                                        .last_lsn = counts->last_lsn,
                                        .stored_bytes = bytes,
                                        .raw_bytes = counts->raw_bytes,
                                        .blocks = counts->blocks,
                                        .records = counts->records,
                                        .first_us = counts->first_us,
                                        .last_us = counts->last_us,
                                        .open = open};
    segment_name(s->head.first_lsn, info->file);
}

/* Walk the blocks up to the limit and count; *footer when one ended the walk. */
static bool walk_blocks(struct segment *s, bool verify, struct segment_footer *counts, bool *footer,
                        struct err *err)
{
    enum segment_step step;

    *footer = false;
    for (;;) {
        if (!segment_next(s, verify, &step, err))
            return false;
        if (step == SEGMENT_BAD)
            return segment_corrupt(s, s->offset, "the block is not valid", err);
        if (step == SEGMENT_END)
            break;
        if (s->block.flags & BLOCK_FOOTER) {
            *footer = true;
            break;
        }
        counts->blocks++;
        counts->records += s->block.records;
        counts->raw_bytes += s->block.raw;
    }
    counts->last_lsn = s->lsn;
    return *footer || s->offset == s->limit ||
           segment_corrupt(s, s->offset, "blocks are missing", err);
}

static bool inspect_open(struct inspection *in, struct segment *s, struct queue_segment_info *info,
                         struct err *err)
{
    struct segment_footer counts = {0};
    bool footer;

    if (s->limit < in->end.offset)
        return segment_corrupt(s, s->limit, "the file is cut", err);
    s->limit = in->end.offset;
    if (!walk_blocks(s, in->verify, &counts, &footer, err))
        return false;
    if (s->in_tx || s->lsn != in->end.end.lsn)
        return segment_corrupt(s, s->offset, "it does not end where END says", err);
    counts.last_us = in->end.end.commit_us;
    fill_info(s, &counts, true, s->offset, info);
    return true;
}

static bool inspect_closed(struct inspection *in, struct segment *s,
                           struct queue_segment_info *info, struct err *err)
{
    struct segment_footer footer;
    struct segment_footer counts = {0};
    bool found;

    if (!segment_read_footer(s, &found, &footer, &in->chain, err))
        return false;
    if (!found)
        return segment_corrupt(s, s->limit, "the footer is missing", err);
    fill_info(s, &footer, false, s->limit, info);
    in->next_lsn = footer.last_lsn + 1;
    if (!in->verify)
        return true;
    if (!walk_blocks(s, true, &counts, &found, err))
        return false;
    if (!found || s->offset != s->limit || counts.blocks != footer.blocks ||
        counts.records != footer.records || counts.raw_bytes != footer.raw_bytes ||
        counts.last_lsn != footer.last_lsn)
        return segment_corrupt(s, s->offset, "the footer does not fit the blocks", err);
    return true;
}

static bool inspect_segment(struct inspection *in, uint64_t first, struct queue_segment_info *info,
                            struct err *err)
{
    struct segment s = {.fd = -1};
    bool ok = false;

    if (in->next_lsn != 0 && first != in->next_lsn) {
        err_reason(err, ERR_DATA, "queue_corrupt",
                   "the segment that begins with LSN %llu is missing in %s",
                   (unsigned long long)in->next_lsn, in->dir);
        return false;
    }
    if (!segment_open(&s, in->fs, in->dir, first, in->id.uuid, err))
        return false;
    if (in->next_lsn != 0 && s.head.prev_chain != in->chain)
        segment_corrupt(&s, 0, "it does not continue the segment before", err);
    else
        ok = first == in->end.segment ? inspect_open(in, &s, info, err)
                                      : inspect_closed(in, &s, info, err);
    segment_close(&s);
    return ok;
}

/* Every record, as a consumer would read it. */
static bool verify_records(struct inspection *in, uint64_t first, struct err *err)
{
    struct queue_reader *r;
    struct queue_item item;
    bool got = true;
    bool ok = true;

    if (!reader_open(&(struct reader_start){.fs = in->fs,
                                            .dir = in->dir,
                                            .id = &in->id,
                                            .segment = first,
                                            .after = first - 1,
                                            .end = &in->end,
                                            .rows = true,
                                            .collect = true},
                     &r, err))
        return false;
    while (ok && got)
        ok = reader_step(r, &got, &item, err);
    if (ok && r->lsn != in->end.end.lsn) {
        err_reason(err, ERR_DATA, "queue_corrupt", "the queue %s ends at LSN %llu, END says %llu",
                   in->dir, (unsigned long long)r->lsn, (unsigned long long)in->end.end.lsn);
        ok = false;
    }
    queue_reader_close(r);
    return ok;
}

bool queue_inspect(const char *dir, const struct queue_options *options, bool verify,
                   void (*segment)(void *ctx, const struct queue_segment_info *info), void *ctx,
                   struct err *err)
{
    struct inspection in = {.fs = queue_fs(options), .dir = dir, .verify = verify};
    struct queue_segment_info info;
    uint64_t *list = NULL;
    size_t n;
    bool ok = false;

    if (!identity_read(in.fs, dir, &in.id, err) ||
        !reader_find_end(in.fs, dir, &in.id, &in.end, err) ||
        !segment_list(in.fs, dir, &list, &n, err))
        return false;
    /* A segment that was begun after END was read is not looked at. */
    while (n > 0 && list[n - 1] > in.end.segment)
        n--;
    if (n == 0 || list[n - 1] != in.end.segment) {
        err_reason(err, ERR_DATA, "queue_corrupt",
                   "the segment that begins with LSN %llu is missing in %s",
                   (unsigned long long)in.end.segment, dir);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        if (!inspect_segment(&in, list[i], &info, err))
            goto done;
        segment(ctx, &info);
    }
    ok = !verify || verify_records(&in, list[0], err);
done:
    free(list);
    return ok;
}

uint64_t queue_bytes(const char *dir, const struct queue_options *options)
{
    const struct fs *fs = queue_fs(options);
    struct err ignored;
    uint64_t *list;
    uint64_t total = 0;
    size_t n;

    if (!segment_list(fs, dir, &list, &n, &ignored))
        return 0;
    for (size_t i = 0; i < n; i++) {
        char name[SEGMENT_NAME_SIZE];
        char *path;
        uint64_t size = 0;
        int fd;

        segment_name(list[i], name);
        path = segment_path(dir, name);
        if (fs->open(fs->ctx, path, O_RDONLY, &fd, &ignored)) {
            if (fs->size(fs->ctx, fd, &size, &ignored))
                total += size;
            fs->close(fs->ctx, fd);
        }
        free(path);
    }
    free(list);
    return total;
}
