/*
 * find.c - from a place in the source's history to a place in the queue.
 */
#include <stdlib.h>
#include <string.h>

#include "cdc/queue/queue.h"
#include "cdc/queue/reader.h"

struct search {
    const struct fs *fs;
    const char *dir;
    struct queue_identity id;
    struct end_state end;
};

static bool search_init(struct search *s, const char *dir, const struct queue_options *options,
                        uint64_t from, struct err *err)
{
    s->fs = queue_fs(options);
    s->dir = dir;
    if (!identity_read(s->fs, dir, &s->id, err) ||
        !reader_find_end(s->fs, dir, &s->id, &s->end, err))
        return false;
    if (from <= s->end.end.lsn)
        return true;
    err_reason(err, ERR_DATA, "queue_short", "the queue %s ends at LSN %llu, before %llu", dir,
               (unsigned long long)s->end.end.lsn, (unsigned long long)from);
    return false;
}

/* A reader that stands behind `after`, in the segment that begins with `segment`. */
static bool walker_open(const struct search *s, uint64_t segment, uint64_t after, bool collect,
                        struct queue_reader **out, struct err *err)
{
    return reader_open(&(struct reader_start){.fs = s->fs,
                                              .dir = s->dir,
                                              .id = &s->id,
                                              .segment = segment,
                                              .after = after,
                                              .end = &s->end,
                                              .collect = collect},
                       out, err);
}

/* Is everything before the segment out of the question? */
typedef bool passed_fn(const struct queue_reader *at_start, const void *what);

static bool position_passed(const struct queue_reader *at_start, const void *what)
{
    return position_compare(&at_start->place.at, what) < 0;
}

static bool is_within(const struct queue_reader *at_start, const void *what)
{
    return place_contains(what, &at_start->place);
}

/* Behind which LSN the walk may begin: binary search over the preambles. */
static bool narrow(const struct search *s, uint64_t from, passed_fn *passed, const void *what,
                   uint64_t *after, struct err *err)
{
    uint64_t *list;
    size_t n;
    size_t low = 0;
    bool ok = false;

    *after = from;
    if (!segment_list(s->fs, s->dir, &list, &n, err))
        return false;
    while (n > 0 && list[n - 1] > s->end.segment)
        n--;
    while (low < n && list[low] <= from + 1)
        low++;
    while (low < n) {
        size_t middle = low + (n - low) / 2;
        struct queue_reader *r;

        if (!walker_open(s, list[middle], list[middle] - 1, true, &r, err))
            goto done;
        if (passed(r, what)) {
            *after = list[middle] - 1;
            low = middle + 1;
        } else {
            n = middle;
        }
        queue_reader_close(r);
    }
    ok = true;
done:
    free(list);
    return ok;
}

static bool walk_from(const struct search *s, uint64_t after, struct queue_reader **out,
                      struct err *err)
{
    uint64_t segment;

    return reader_find_segment(s->fs, s->dir, &s->end, after + 1, &segment, err) &&
           walker_open(s, segment, after, false, out, err);
}

bool queue_find_position(const char *dir, const struct queue_options *options, uint64_t from,
                         const struct position *at, uint64_t *lsn, struct err *err)
{
    struct search s;
    struct queue_reader *r = NULL;
    struct queue_item item;
    uint64_t after;
    bool got = true;
    bool ok = false;

    if (!search_init(&s, dir, options, from, err) ||
        !narrow(&s, from, position_passed, at, &after, err) || !walk_from(&s, after, &r, err))
        return false;
    while (got) {
        if (!reader_step(r, &got, &item, err))
            goto done;
        if (got && item.kind == QUEUE_END && position_compare(&item.end.end, at) >= 0) {
            *lsn = item.end.lsn;
            ok = true;
            goto done;
        }
    }
    if (position_compare(&s.end.end.seen, at) >= 0 || position_compare(&s.end.end.end, at) >= 0) {
        *lsn = s.end.end.lsn;
        ok = true;
        goto done;
    }
    err_reason(err, ERR_RETRY, "not_yet", "the queue %s does not reach %s:%llu yet", dir, at->file,
               (unsigned long long)at->offset);
done:
    queue_reader_close(r);
    return ok;
}

bool queue_find_start(const char *dir, const struct queue_options *options, struct place *out,
                      struct err *err)
{
    struct search s;
    struct queue_reader *r = NULL;
    uint64_t segment;
    bool ok = search_init(&s, dir, options, 0, err) &&
              reader_find_segment(s.fs, s.dir, &s.end, 1, &segment, err) &&
              walker_open(&s, segment, 0, true, &r, err);

    if (ok)
        place_copy(out, &r->place);
    queue_reader_close(r);
    return ok;
}

bool queue_find_within(const char *dir, const struct queue_options *options, uint64_t from,
                       const struct place *place, uint64_t *lsn, struct err *err)
{
    struct search s;
    struct queue_reader *r = NULL;
    struct queue_item item;
    bool got = true;
    bool ok = false;

    if (!search_init(&s, dir, options, from, err) ||
        !narrow(&s, from, is_within, place, lsn, err) || !walk_from(&s, *lsn, &r, err))
        return false;
    while (got) {
        if (!reader_step(r, &got, &item, err))
            goto done;
        if (got && item.kind == QUEUE_BEGIN && !place_has(place, &item.begin.gtid))
            break;
        if (got && item.kind == QUEUE_END)
            *lsn = item.end.lsn;
    }
    ok = true;
done:
    queue_reader_close(r);
    return ok;
}

static bool is_before(const struct queue_reader *at_start, const void *what)
{
    return !place_contains(&at_start->place, what);
}

/* What was trimmed away ends here. */
static bool first_place(const struct search *s, uint64_t *after, struct err *err)
{
    uint64_t *list;
    size_t n;

    if (!segment_list(s->fs, s->dir, &list, &n, err))
        return false;
    *after = n > 0 ? list[0] - 1 : 0;
    free(list);
    return true;
}

static bool open_before(const struct search *s, uint64_t from, const struct place *goal,
                        bool follows, struct queue_reader **out, struct err *err)
{
    struct reader_start start = {
        .fs = s->fs, .dir = s->dir, .id = &s->id, .end = follows ? NULL : &s->end, .collect = true};

    return narrow(s, from, is_before, goal, &start.after, err) &&
           reader_find_segment(s->fs, s->dir, &s->end, start.after + 1, &start.segment, err) &&
           reader_open(&start, out, err);
}

bool reader_open_before(const char *dir, const struct queue_options *options, uint64_t from,
                        const struct place *goal, struct queue_reader **out, struct err *err)
{
    struct search s;

    return search_init(&s, dir, options, from, err) && open_before(&s, from, goal, true, out, err);
}

bool queue_find_behind(const char *dir, const struct queue_options *options,
                       const struct place *goal, uint64_t *lsn, struct err *err)
{
    struct search s;
    struct queue_reader *r = NULL;
    struct queue_item item;
    bool got = true;
    bool ok = false;

    if (!search_init(&s, dir, options, 0, err) || !first_place(&s, lsn, err) ||
        !open_before(&s, *lsn, goal, false, &r, err))
        return false;
    *lsn = r->lsn;
    while (is_before(r, goal)) {
        if (!reader_step(r, &got, &item, err))
            goto done;
        if (!got) {
            err_reason(err, ERR_RETRY, "not_yet", "the queue %s does not hold those GTIDs yet",
                       dir);
            goto done;
        }
        if (item.kind == QUEUE_END)
            *lsn = item.end.lsn;
    }
    ok = true;
done:
    queue_reader_close(r);
    return ok;
}

bool queue_read_end(const char *dir, const struct queue_options *options, struct queue_identity *id,
                    struct queue_end *end, struct err *err)
{
    const struct fs *fs = queue_fs(options);
    struct end_state state;

    if (!identity_read(fs, dir, id, err) || !reader_find_end(fs, dir, id, &state, err))
        return false;
    *end = state.end;
    return true;
}
