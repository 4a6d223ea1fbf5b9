/*
 * sim_source_stream.c - connections, and the stream as a server's dump thread sends it.
 *
 * It begins with the file that holds the first transaction the reader lacks; each file is told by
 * an artificial ROTATE. Transactions that the reader has are left out; where they end is told by
 * a heartbeat before the next event, or at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/decode/decoder.h"
#include "schema/base/clock.h"
#include "schema/base/xalloc.h"
#include "tests/sim/sim_source_parts.h"

static bool lost(struct err *err)
{
    err_server(err, ERR_RETRY, ERR_SIDE_SOURCE, 2013, "the connection to the source ended");
    return false;
}

bool sim_enter(struct sim_link *l, struct err *err)
{
    if (l->s->on_call)
        l->s->on_call(l->s->on_call_ctx);
    return !l->dead || lost(err);
}

void sim_settle(struct sim_source *s)
{
    if (sim_dice(s, 4)) {
        s->visible = s->executed = s->count;
        return;
    }
    s->visible += sim_dice(s, (unsigned)(s->count - s->visible) + 1);
    s->executed += sim_dice(s, (unsigned)(s->visible - s->executed) + 1);
}

void sim_view_end(struct sim_link *l)
{
    for (size_t i = 0; i < l->n_pinned; i++)
        l->pinned[i]->pins--;
    l->n_pinned = 0;
    l->in_view = false;
}

static void kill_links(struct sim_source *s)
{
    for (struct sim_link *l = s->links; l; l = l->next) {
        sim_view_end(l);
        l->dead = true;
    }
}

void sim_source_down(struct sim_source *s, bool down)
{
    s->down = down;
    if (down)
        kill_links(s);
}

void sim_source_break(struct sim_source *s)
{
    kill_links(s);
    if (sim_dice(s, 2))
        return;
    sim_binlog_rotate(s, true);
    s->visible = s->executed = s->count;
}

void sim_source_feed(struct sim_source *s, unsigned events, struct capture *c)
{
    s->feeds = true;
    s->feed = events;
    s->fed = c;
}

static void fill_info(const struct sim_source *s, struct source_info *info)
{
    struct gtid g = sim_gtid(1);
    char text[GTID_TEXT_SIZE];

    snprintf(info->version, sizeof(info->version), "9.7.4");
    info->dialect = dialect_of_version(info->version);
    gtid_print(&g, text);
    snprintf(info->server_uuid, sizeof(info->server_uuid), "%.36s", text);
    info->log_bin = info->row_format = info->full_image = info->full_metadata = true;
    info->gtid_on = info->order_commits = true;
    info->native_fk = s->shape.native_fk;
    info->checksum_crc32 = s->checksum;
    info->max_allowed_packet = (uint64_t)64 << 20;
}

static bool link_connect(const struct source_config *config, struct source **out, struct err *err)
{
    struct sim_source *s = sim_of(config->driver);
    struct sim_link *l;

    if (s->on_call)
        s->on_call(s->on_call_ctx);
    if (s->down)
        return lost(err);
    l = xcalloc(1, sizeof(*l));
    l->base.driver = config->driver;
    fill_info(s, &l->base.info);
    l->s = s;
    l->made = BUF_INIT;
    l->next = s->links;
    s->links = l;
    *out = &l->base;
    return true;
}

static void link_close(struct source *base)
{
    struct sim_link *l = sim_link_of(base);

    for (struct sim_link **at = &l->s->links; *at; at = &(*at)->next) {
        if (*at == l) {
            *at = l->next;
            break;
        }
    }
    sim_view_end(l);
    free(l->pinned);
    buf_release(&l->made);
    free(l);
}

static bool link_executed(struct source *base, struct place *out, struct err *err)
{
    struct sim_link *l = sim_link_of(base);

    *out = (struct place){0};
    if (!sim_enter(l, err))
        return false;
    sim_settle(l->s);
    *out = sim_place(l->s->executed);
    return true;
}

static bool link_binlog_end(struct source *base, struct position *end, struct err *err)
{
    struct sim_link *l = sim_link_of(base);

    *end = (struct position){0};
    if (!sim_enter(l, err))
        return false;
    *end = sim_binlog_end(l->s);
    return true;
}

static bool link_reaches(struct source *base, const struct position *end, bool *reaches,
                         struct err *err)
{
    struct sim_link *l = sim_link_of(base);

    *reaches = true;
    if (!sim_enter(l, err))
        return false;
    for (size_t i = 0; i < l->s->n_files; i++)
        if (strcmp(l->s->files[i].name, end->file) == 0)
            *reaches = l->s->files[i].bytes.len >= end->offset;
    return true;
}

static bool link_may_stream(struct source *base, bool *may, struct err *err)
{
    *may = true;
    return sim_enter(sim_link_of(base), err);
}

static bool link_bound_waits(struct source *base, struct err *err)
{
    return sim_enter(sim_link_of(base), err);
}

static bool link_no_objects(struct source *base, source_object_fn *fn, void *ctx, struct err *err)
{
    (void)fn, (void)ctx;
    return sim_enter(sim_link_of(base), err);
}

/* ---- stream ---- */

static uint64_t passed(const struct place *from, uint64_t count)
{
    uint64_t n = 0;

    while (n <= count) {
        struct gtid g = sim_gtid(n + 1);

        if (!place_has(from, &g))
            break;
        n++;
    }
    return n;
}

static bool link_stream_start(struct source *base, const struct place *from, struct err *err)
{
    struct sim_link *l = sim_link_of(base);
    struct sim_source *s = l->s;
    size_t file;

    if (!sim_enter(l, err))
        return false;
    l->passed = passed(from, s->count);
    if (l->passed > s->count) {
        err_reason(err, ERR_SERVER, "diverged", "the reader has more GTIDs than the source");
        err->side = ERR_SIDE_SOURCE;
        return false;
    }
    for (file = s->n_files - 1; s->files[file].before > l->passed;)
        file--;
    l->at = s->files[file].first_event;
    l->streams = true;
    return true;
}

static bool is_ready(const struct sim_link *l)
{
    return !l->s->feeds || l->s->feed > 0;
}

static bool link_stream_pending(struct source *base)
{
    const struct sim_link *l = sim_link_of(base);

    return !l->dead && l->streams && is_ready(l) && l->at < l->s->n_events;
}

static struct bytes make(struct sim_link *l, uint8_t type, uint64_t log_pos, uint16_t flags,
                         const char *file, uint64_t offset)
{
    struct buf body = BUF_INIT;

    if (type == EVENT_ROTATE)
        buf_put_u64(&body, offset);
    buf_put_str(&body, file);
    buf_reset(&l->made);
    sim_put_event(l->s, &l->made, type, 0, log_pos, flags, buf_bytes(&body));
    buf_release(&body);
    return buf_bytes(&l->made);
}

static struct bytes heartbeat(struct sim_link *l, uint64_t offset)
{
    l->silent = 0;
    return make(l, EVENT_HEARTBEAT, offset, 0, l->s->files[l->opened - 1].name, 0);
}

/* Leave out what the reader has. */
static void skip(struct sim_link *l)
{
    const struct sim_source *s = l->s;

    while (l->at < s->n_events) {
        const struct sim_event *e = &s->events[l->at];

        if (e->number == 0 || e->number > l->passed)
            return;
        l->silent = e->offset + e->len;
        l->at++;
    }
}

static struct bytes take(struct sim_link *l)
{
    struct sim_source *s = l->s;
    const struct sim_event *e = &s->events[l->at];

    if (l->opened != e->file + 1u) {
        l->opened = e->file + 1u;
        return make(l, EVENT_ROTATE, 0, EVENT_FLAG_ARTIFICIAL, s->files[e->file].name, 4);
    }
    l->at++;
    l->told_end = false;
    if (s->feeds && e->number > 0)
        s->feed--;
    return bytes_of(s->files[e->file].bytes.data + e->offset, e->len);
}

/* Nothing more is known, or may be told. */
static void wait_for_more(struct sim_link *l, unsigned timeout_ms, struct bytes *event)
{
    struct sim_source *s = l->s;

    if (is_ready(l) && l->opened && (l->silent || (!l->told_end && !sim_dice(s, 4)))) {
        l->told_end = true;
        *event = heartbeat(l, s->files[l->opened - 1].bytes.len);
        return;
    }
    if (!s->feeds) {
        clock_sleep_us((uint64_t)timeout_ms * 1000);
        return;
    }
    s->feeds = false;
    capture_stop(s->fed);
}

static bool link_stream_next(struct source *base, unsigned timeout_ms, struct bytes *event,
                             struct err *err)
{
    struct sim_link *l = sim_link_of(base);

    *event = BYTES_EMPTY;
    if (!sim_enter(l, err))
        return false;
    skip(l);
    if (!is_ready(l) || l->at == l->s->n_events)
        wait_for_more(l, timeout_ms, event);
    else if (l->silent)
        *event = heartbeat(l, l->silent);
    else
        *event = take(l);
    return true;
}

const struct source_driver sim_driver = {
    .connect = link_connect,
    .close = link_close,
    .executed = link_executed,
    .binlog_end = link_binlog_end,
    .reaches = link_reaches,
    .list_tables = sim_list_tables,
    .list_databases = sim_list_databases,
    .list_views = link_no_objects,
    .list_programs = link_no_objects,
    .may_stream = link_may_stream,
    .stream_start = link_stream_start,
    .stream_pending = link_stream_pending,
    .stream_next = link_stream_next,
    .view_open = sim_view_open,
    .view_close = sim_view_close,
    .read_table = sim_read_table,
    .read_rows = sim_read_rows,
    .read_sums = sim_read_sums,
    .read_hashes = sim_read_hashes,
    .bound_waits = link_bound_waits,
    .read_bound = sim_read_bound,
};
