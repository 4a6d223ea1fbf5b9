#include "schema/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/base/json.h"

/* Escaping makes at most three bytes of one (U+FFFD). */
#define LOG_LINE_BYTES_MAX 16384
#define LOG_MESSAGE_BYTES_MAX 2048

static _Atomic int log_level_max = LOG_INFO;
static atomic_bool log_json;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_setup(enum log_level level, bool json)
{
    atomic_store(&log_level_max, (int)level);
    atomic_store(&log_json, json);
}

static void format_json(struct buf *line, const char *time, const char *level, const char *area,
                        const char *message)
{
    buf_put_str(line, "{\"time\":");
    json_put_cstr(line, time);
    buf_put_str(line, ",\"level\":");
    json_put_cstr(line, level);
    buf_put_str(line, ",\"area\":");
    json_put_cstr(line, area);
    buf_put_str(line, ",\"message\":");
    json_put_cstr(line, message);
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

void log_line(enum log_level level, const char *area, const char *fmt, ...)
{
    struct buf line = BUF_INIT_MAX(LOG_LINE_BYTES_MAX);
    char message[LOG_MESSAGE_BYTES_MAX];
    char time[32];
    va_list args;

    if ((int)level > atomic_load(&log_level_max))
        return;
    va_start(args, fmt);
    vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    flatten(message);
    clock_format(clock_wall_us(), time, sizeof(time));
    if (atomic_load(&log_json))
        format_json(&line, time, level_names[level], area, message);
    else
        buf_putf(&line, "%s %-5s %s: %s\n", time, level_names[level], area, message);
    write_all(line.data, line.len);
    buf_release(&line);
}
