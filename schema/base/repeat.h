/*
 * repeat.h - messages that come again: told once, then counted.
 *
 * A message is its level, area and text. Its first occurrence is to be told at once; those that
 * come within REPEAT_SPAN_US of it are counted, and the count is told when the span is over, the
 * place is needed for another message, or all is flushed. While it goes on coming, its count is
 * told once a span. Every occurrence is told or counted, none twice. Times are the caller's, of
 * one steady clock. Not safe for threads: the owner locks.
 */
#ifndef SCHEMA_BASE_REPEAT_H
#define SCHEMA_BASE_REPEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPEAT_SPAN_US ((uint64_t)10 * 1000000)
#define REPEAT_MESSAGES_MAX 32 /* watched at a time; the one silent for longest gives way */
#define REPEAT_TEXT_BYTES_MAX 2048

struct repeat {
    int level;
    const char *area; /* a constant; NULL: this place is free */
    char text[REPEAT_TEXT_BYTES_MAX];
    uint64_t told_us; /* what came up to here has been told */
    uint64_t last_us; /* the last that came */
    uint64_t count;   /* of those that came and are not told */
};

struct repeats { /* all zero: nothing watched */
    struct repeat items[REPEAT_MESSAGES_MAX];
};

/* Say that `count` more came in the given seconds (rounded up). The message is borrowed. */
typedef void repeat_tell(const struct repeat *message, uint64_t seconds);

/* Is this message to be told now? False: it is counted. text: shorter than the maximum. */
bool repeats_hear(struct repeats *r, int level, const char *area, const char *text, uint64_t now_us,
                  repeat_tell *tell);
/* Tell what is due. */
void repeats_sweep(struct repeats *r, uint64_t now_us, repeat_tell *tell);
/* Tell all counts; nothing is watched any more. */
void repeats_flush(struct repeats *r, repeat_tell *tell);

#endif
