#include "cdc/commands/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/json.h"

#define JSON_EVERY_US 2000000

void progress_init(struct progress *p)
{
    memset(p, 0, sizeof(*p));
    pthread_mutex_init(&p->lock, NULL);
    p->terminal = isatty(STDERR_FILENO) == 1;
}

static void show_terminal(const struct load_progress *now)
{
    fprintf(stderr, "\r\033[K%s: %zu of %zu tables, %llu rows, %.0f rows/s", now->phase,
            now->tables_done, now->tables, (unsigned long long)now->rows, now->rows_per_s);
    if (now->eta_s)
        fprintf(stderr, ", %llu:%02llu left", (unsigned long long)(now->eta_s / 60),
                (unsigned long long)(now->eta_s % 60));
    /* A log line that comes in between begins at the left. */
    fputc('\r', stderr);
    fflush(stderr);
}

static void show_json(const struct load_progress *now)
{
    fprintf(stderr,
            "{\"type\":\"progress\",\"phase\":\"%s\",\"tables\":%zu,\"tables_done\":%zu,"
            "\"rows\":%llu,\"rows_per_s\":%.0f,\"eta_s\":%llu}\n",
            now->phase, now->tables, now->tables_done, (unsigned long long)now->rows,
            now->rows_per_s, (unsigned long long)now->eta_s);
}

void progress_show(void *ctx, const struct load_progress *now)
{
    struct progress *p = ctx;
    uint64_t steady = clock_steady_us();

    pthread_mutex_lock(&p->lock);
    if (p->terminal) {
        show_terminal(now);
    } else if (!p->last_phase || strcmp(p->last_phase, now->phase) != 0 ||
               steady - p->last_us >= JSON_EVERY_US) {
        show_json(now);
        p->last_us = steady;
    }
    p->last_phase = now->phase;
    pthread_mutex_unlock(&p->lock);
}

void progress_end(struct progress *p)
{
    if (p->terminal && p->last_phase)
        fputs("\n", stderr);
}

static void print_notes(const char *title, const struct notes *notes)
{
    if (!notes->n)
        return;
    printf("%s:\n", title);
    for (size_t i = 0; i < notes->n; i++)
        printf("  %s\n", notes->lines[i]);
}

static void put_notes(struct buf *b, const char *name, const struct notes *notes)
{
    buf_putf(b, ",\"%s\":[", name);
    for (size_t i = 0; i < notes->n; i++) {
        buf_put_str(b, i ? "," : "");
        json_put_cstr(b, notes->lines[i]);
    }
    buf_put_str(b, "]");
}

static void print_json(const struct load_result *r, const char *gtid, bool unproven)
{
    struct buf b = BUF_INIT;

    buf_putf(&b,
             "{\"tables_loaded\":%zu,\"tables_present\":%zu,\"rows\":%llu,\"bytes\":%llu,"
             "\"lsn\":%llu,\"gtid\":\"%s\",\"file\":",
             r->tables_loaded, r->tables_present, (unsigned long long)r->rows,
             (unsigned long long)r->bytes, (unsigned long long)r->lsn, gtid);
    json_put_cstr(&b, r->position.file);
    buf_putf(&b, ",\"offset\":%llu,\"unproven\":%s", (unsigned long long)r->position.offset,
             unproven ? "true" : "false");
    put_notes(&b, "notes", &r->notes);
    put_notes(&b, "waiting", &r->waiting);
    put_notes(&b, "refused", &r->refused);
    buf_put_str(&b, "}");
    puts(buf_cstr(&b));
    buf_release(&b);
}

void load_result_print(const struct load_result *r, bool unproven, bool json)
{
    char gtid[GTID_TEXT_SIZE];

    gtid_print(&r->gtid, gtid);
    if (json) {
        print_json(r, gtid, unproven);
        return;
    }
    print_notes("different on the target", &r->notes);
    print_notes("waiting for the cutover, not created", &r->waiting);
    print_notes("refused", &r->refused);
    printf("%zu tables loaded now, %zu were there already, %llu rows copied%s\n", r->tables_loaded,
           r->tables_present, (unsigned long long)r->rows, unproven ? " (residency unproven)" : "");
    printf("all tables are at lsn %llu, gtid %s, position %s:%llu\n", (unsigned long long)r->lsn,
           gtid[0] ? gtid : "(none yet)", r->position.file[0] ? r->position.file : "(start)",
           (unsigned long long)r->position.offset);
}
