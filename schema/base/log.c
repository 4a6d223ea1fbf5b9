#include "schema/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/base/json.h"
#include "schema/base/repeat.h"

/* Escaping makes at most three bytes of one (U+FFFD). */
#define LOG_LINE_BYTES_MAX 16384

static _Atomic int log_level_max = LOG_INFO;
static atomic_bool log_json;
static pthread_mutex_t heard_lock = PTHREAD_MUTEX_INITIALIZER; /* a count follows its message */
static struct repeats heard;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_setup(enum log_level level, bool json)
{
    atomic_store(&log_level_max, (int)level);
    atomic_store(&log_json, json);
}

static void format_text(struct buf *line, const char *time, const struct repeat *m,
                        uint64_t seconds)
{
    buf_putf(line, "%s %-5s %s: %s", time, level_names[m->level], m->area, m->text);
    if (m->count > 0)
        buf_putf(line, " (repeated %llu time%s in %llu s)", (unsigned long long)m->count,
                 m->count == 1 ? "" : "s", (unsigned long long)seconds);
    buf_put_u8(line, '\n');
}

static void format_json(struct buf *line, const char *time, const struct repeat *m,
                        uint64_t seconds)
{
    buf_put_str(line, "{\"time\":");
    json_put_cstr(line, time);
    buf_put_str(line, ",\"level\":");
    json_put_cstr(line, level_names[m->level]);
    buf_put_str(line, ",\"area\":");
    json_put_cstr(line, m->area);
    buf_put_str(line, ",\"message\":");
    json_put_cstr(line, m->text);
    if (m->count > 0)
        buf_putf(line, ",\"repeated\":%llu,\"repeated_s\":%llu", (unsigned long long)m->count,
                 (unsigned long long)seconds);
    buf_put_str(line, "}\n");
}

/* A line break inside a message would forge a second log line. */
static void flatten(char *s)
{
    for (; *s != '\0'; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = ' ';
}

static void write_all(const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(STDERR_FILENO, p, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return;
        p += done;
        n -= (size_t)done;
    }
}

static void write_line(const struct repeat *m, uint64_t seconds)
{
    struct buf line = BUF_INIT_MAX(LOG_LINE_BYTES_MAX);
    char time[32];

    clock_format(clock_wall_us(), time, sizeof(time));
    (atomic_load(&log_json) ? format_json : format_text)(&line, time, m, seconds);
    write_all(line.data, line.len);
    buf_release(&line);
}

void log_line(enum log_level level, const char *area, const char *fmt, ...)
{
    struct repeat m = {.level = (int)level, .area = area};
    va_list args;

    if ((int)level > atomic_load(&log_level_max))
        return;
    va_start(args, fmt);
    vsnprintf(m.text, sizeof(m.text), fmt, args);
    va_end(args);
    flatten(m.text);
    pthread_mutex_lock(&heard_lock);
    if (repeats_hear(&heard, m.level, area, m.text, clock_steady_us(), write_line))
        write_line(&m, 0);
    pthread_mutex_unlock(&heard_lock);
}

void log_tell_due(void)
{
    pthread_mutex_lock(&heard_lock);
    repeats_sweep(&heard, clock_steady_us(), write_line);
    pthread_mutex_unlock(&heard_lock);
}

void log_flush(void)
{
    pthread_mutex_lock(&heard_lock);
    repeats_flush(&heard, write_line);
    pthread_mutex_unlock(&heard_lock);
}
