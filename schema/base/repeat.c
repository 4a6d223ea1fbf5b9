#include "schema/base/repeat.h"

#include <assert.h>
#include <string.h>

#define US_PER_S 1000000u

static void tell_count(struct repeat *m, repeat_tell *tell)
{
    if (m->count > 0)
        tell(m, (m->last_us - m->told_us + US_PER_S - 1) / US_PER_S);
    m->told_us = m->last_us;
    m->count = 0;
}

static void drop(struct repeat *m, repeat_tell *tell)
{
    tell_count(m, tell);
    m->area = NULL;
}

void repeats_sweep(struct repeats *r, uint64_t now_us, repeat_tell *tell)
{
    for (size_t i = 0; i < REPEAT_MESSAGES_MAX; i++) {
        struct repeat *m = &r->items[i];

        if (m->area && now_us - m->last_us >= REPEAT_SPAN_US)
            drop(m, tell);
        else if (m->area && now_us - m->told_us >= REPEAT_SPAN_US)
            tell_count(m, tell);
    }
}

void repeats_flush(struct repeats *r, repeat_tell *tell)
{
    for (size_t i = 0; i < REPEAT_MESSAGES_MAX; i++) {
        if (r->items[i].area)
            drop(&r->items[i], tell);
    }
}

static struct repeat *find(struct repeats *r, int level, const char *area, const char *text)
{
    for (size_t i = 0; i < REPEAT_MESSAGES_MAX; i++) {
        struct repeat *m = &r->items[i];

        if (m->area && m->level == level && strcmp(m->area, area) == 0 &&
            strcmp(m->text, text) == 0)
            return m;
    }
    return NULL;
}

/* A free place, or that of the message which has been silent for longest. */
static struct repeat *make_place(struct repeats *r, repeat_tell *tell)
{
    struct repeat *place = &r->items[0];

    for (size_t i = 0; i < REPEAT_MESSAGES_MAX && place->area; i++) {
        struct repeat *m = &r->items[i];

        if (!m->area || m->last_us < place->last_us)
            place = m;
    }
    if (place->area)
        drop(place, tell);
    return place;
}

bool repeats_hear(struct repeats *r, int level, const char *area, const char *text, uint64_t now_us,
                  repeat_tell *tell)
{
    struct repeat *m;

    assert(strlen(text) < REPEAT_TEXT_BYTES_MAX);
    repeats_sweep(r, now_us, tell);
    m = find(r, level, area, text);
    if (m) {
        m->last_us = now_us;
        m->count++;
        return false;
    }
    m = make_place(r, tell);
    m->level = level;
    m->area = area;
    memcpy(m->text, text, strlen(text) + 1);
    m->told_us = m->last_us = now_us;
    return true;
}
