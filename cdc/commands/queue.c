#include <stdio.h>
#include <string.h>

#include "cdc/commands/commands.h"
#include "cdc/commands/queue_dump.h"
#include "cdc/queue/queue.h"
#include "cdc/service/consumers.h"
#include "schema/base/clock.h"
#include "schema/base/json.h"

static const char help[] =
    "usage: domicile queue ls     [--dir DIR] [--config FILE] [--json]\n"
    "       domicile queue verify [--dir DIR] [--config FILE] [--json]\n"
    "       domicile queue dump   [--from LSN] [--to LSN] [--table DB.TABLE] [--show-values]\n"
    "                             [--dir DIR] [--config FILE]\n"
    "\n"
    "The captured changes on disk. Reads only, also beside a running service.\n"
    "\n"
    "  ls      the segments: transactions, sizes, times; and who has read up to where.\n"
    "          The queue is kept for the configured targets alone: one that was taken out of\n"
    "          the configuration holds nothing back once capture has been started again\n"
    "  verify  read and check every byte; damage is named with file and offset, exit 5\n"
    "  dump    the records as JSON lines, rows by the hash of their key\n"
    "\n"
    "  --from LSN       first transaction (default: the oldest one there)\n"
    "  --to LSN         last transaction (default: the newest)\n"
    "  --table DB.TABLE only changes and statements of this table\n"
    "  --show-values    row values and statement texts, too\n"
    "  --dir DIR        the queue's directory, instead of the configuration's\n";

struct request {
    const char *dir;
    const char *channel; /* the configured target; NULL: not known */
    struct queue_options options;
    bool json;
};

/* ---- ls and verify ---- */

struct listing {
    const struct request *request;
    struct queue_segment_info total;
    unsigned segments;
};

static void put_time(struct buf *b, uint64_t us)
{
    char text[32];

    if (us == 0) {
        buf_put_str(b, "null");
        return;
    }
    clock_format(us, text, sizeof(text));
    json_put_cstr(b, text);
}

static void print_json(const struct queue_segment_info *s)
{
    struct buf b = BUF_INIT;

    buf_putf(&b, "{\"file\":\"%s\",\"first_lsn\":%llu,\"last_lsn\":%llu,", s->file,
             (unsigned long long)s->first_lsn, (unsigned long long)s->last_lsn);
    buf_putf(&b, "\"stored_bytes\":%llu,\"raw_bytes\":%llu,\"blocks\":%llu,\"records\":%llu,",
             (unsigned long long)s->stored_bytes, (unsigned long long)s->raw_bytes,
             (unsigned long long)s->blocks, (unsigned long long)s->records);
    buf_put_str(&b, "\"first_commit\":");
    put_time(&b, s->first_us);
    buf_put_str(&b, ",\"last_commit\":");
    put_time(&b, s->last_us);
    buf_putf(&b, ",\"open\":%s}", s->open ? "true" : "false");
    puts(buf_cstr(&b));
    buf_release(&b);
}

static double ratio(const struct queue_segment_info *s)
{
    return s->stored_bytes ? (double)s->raw_bytes / (double)s->stored_bytes : 0;
}

static void print_text(const struct queue_segment_info *s)
{
    char last[32] = "-";

    if (s->last_us)
        clock_format(s->last_us, last, sizeof(last));
    printf("%-24s %12llu %12llu %13llu %13llu %5.1f  %-24s%s\n", s->file,
           (unsigned long long)s->first_lsn, (unsigned long long)s->last_lsn,
           (unsigned long long)s->stored_bytes, (unsigned long long)s->raw_bytes, ratio(s), last,
           s->open ? " open" : "");
}

static void on_segment(void *ctx, const struct queue_segment_info *s)
{
    struct listing *l = ctx;

    if (l->segments++ == 0 && !l->request->json)
        printf("%-24s %12s %12s %13s %13s %5s  %s\n", "segment", "first lsn", "last lsn",
               "stored bytes", "raw bytes", "ratio", "last commit");
    if (l->request->json)
        print_json(s);
    else
        print_text(s);
    l->total.stored_bytes += s->stored_bytes;
    l->total.raw_bytes += s->raw_bytes;
    l->total.records += s->records;
    l->total.last_lsn = s->last_lsn;
    if (l->segments == 1)
        l->total.first_lsn = s->first_lsn;
}

/* ---- who has read it ---- */

static void print_consumer(const struct request *request, const struct consumer *c,
                           uint64_t end_lsn)
{
    bool configured = request->channel && strcmp(request->channel, c->name) == 0;
    uint64_t behind = end_lsn > c->lsn ? end_lsn - c->lsn : 0;
    struct buf b = BUF_INIT;

    if (request->json) {
        buf_put_str(&b, "{\"consumer\":");
        json_put_cstr(&b, c->name);
        buf_putf(&b, ",\"lsn\":%llu,\"behind\":%llu,\"written\":", (unsigned long long)c->lsn,
                 (unsigned long long)behind);
        put_time(&b, c->written_us);
        if (request->channel)
            buf_putf(&b, ",\"configured\":%s", configured ? "true" : "false");
        buf_put_str(&b, "}");
    } else {
        char when[32] = "-";

        if (c->written_us)
            clock_format(c->written_us, when, sizeof(when));
        buf_putf(&b, "target %s has read up to lsn %llu, %llu transactions before the end (%s)%s",
                 c->name, (unsigned long long)c->lsn, (unsigned long long)behind, when,
                 request->channel && !configured ? "; not configured, the queue is not kept for it"
                                                 : "");
    }
    puts(buf_cstr(&b));
    buf_release(&b);
}

static bool list_consumers(const struct request *request, struct err *err)
{
    struct queue_identity id;
    struct queue_end end;
    struct consumers consumers;

    if (!queue_read_end(request->dir, &request->options, &id, &end, err) ||
        !consumers_read(fs_real(), request->dir, id.uuid, &consumers, err))
        return false;
    for (size_t i = 0; i < consumers.n; i++)
        print_consumer(request, &consumers.items[i], end.lsn);
    if (!request->json && request->channel && !consumers_find(&consumers, request->channel))
        printf("target %s has not read it yet; all of it is kept\n", request->channel);
    consumers_release(&consumers);
    return true;
}

static int list(const struct request *request, bool verify)
{
    struct listing l = {.request = request};
    struct err err = ERR_INIT;
    uint64_t n;

    if (!queue_inspect(request->dir, &request->options, verify, on_segment, &l, &err))
        return command_fail(&err);
    n = l.total.last_lsn + 1 - l.total.first_lsn;
    if (!request->json)
        printf("%s%llu transactions, %llu records in %u segments, %llu bytes, ratio %.1f\n",
               verify ? "sound: " : "", (unsigned long long)n, (unsigned long long)l.total.records,
               l.segments, (unsigned long long)l.total.stored_bytes, ratio(&l.total));
    if (!verify && !list_consumers(request, &err))
        return command_fail(&err);
    return 0;
}

/* ---- the command ---- */

static int run(const struct request *request, const char *what, const struct dump_options *dump)
{
    struct err err = ERR_INIT;

    if (strcmp(what, "ls") == 0)
        return list(request, false);
    if (strcmp(what, "verify") == 0)
        return list(request, true);
    if (strcmp(what, "dump") != 0) {
        fprintf(stderr, "domicile: queue: unknown word '%s'; see 'domicile queue --help'\n", what);
        return 2;
    }
    return queue_dump(request->dir, &request->options, dump, stdout, &err) ? 0 : command_fail(&err);
}

int command_queue(struct globals *g, int argc, char **argv)
{
    struct request request = {0};
    struct dump_options dump = {0};
    struct strings words = {0};
    const struct option_spec specs[] = {{"dir", OPTION_STRING, &request.dir},
                                        {"from", OPTION_U64, &dump.from},
                                        {"to", OPTION_U64, &dump.to},
                                        {"table", OPTION_STRING, &dump.table},
                                        {"show-values", OPTION_FLAG, &dump.show_values},
                                        {NULL, OPTION_FLAG, NULL}};
    int code = options_read(g, argc, argv, help, specs, &words, 1);
    struct config config;
    struct err err = ERR_INIT;

    if (code >= 0)
        goto done;
    if (words.n == 0) {
        fputs(help, stderr);
        code = 2;
        goto done;
    }
    request.json = g->json;
    if (request.dir) {
        code = run(&request, words.items[0], &dump);
        goto done;
    }
    if (!config_load(g->config_path, &config, &err)) {
        code = command_fail(&err);
        goto done;
    }
    request.dir = config.queue_dir;
    request.options = config.queue;
    request.channel = config.channel;
    code = run(&request, words.items[0], &dump);
    config_release(&config);
done:
    strings_release(&words);
    return code;
}
