/*
 * log.h - messages to stderr, as text or as JSON lines.
 *
 * A message is a fact, lower case, no full stop. No row value, key, password or statement
 * text at any level. Safe for threads: one write(2) per line. A message that comes again is
 * counted (repeat.h) and told as "... (repeated 12 times in 10 s)", in JSON as the same message
 * with "repeated" and "repeated_s".
 */
#ifndef SCHEMA_BASE_LOG_H
#define SCHEMA_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_setup(enum log_level level, bool json);
/* area: "capture", "apply", "guard"...; a short constant. */
void log_line(enum log_level level, const char *area, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Tell the counts whose span is over; now and then, where nothing else may be logged for long. */
void log_tell_due(void);
/* Tell all counts: before the process ends. */
void log_flush(void);

#define log_error(area, ...) log_line(LOG_ERROR, area, __VA_ARGS__)
#define log_warn(area, ...) log_line(LOG_WARN, area, __VA_ARGS__)
#define log_info(area, ...) log_line(LOG_INFO, area, __VA_ARGS__)
#define log_debug(area, ...) log_line(LOG_DEBUG, area, __VA_ARGS__)

#endif
