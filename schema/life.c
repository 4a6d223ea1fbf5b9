#include "schema/life.h"

#include <assert.h>

struct transition {
    enum table_life from;
    enum life_event event;
    enum table_life to;
    const char *why;
};

static const struct transition transitions[] = {
    {TABLE_UNKNOWN, LIFE_FOUND, TABLE_WAIT, "the source has it, the copy does not"},
    {TABLE_UNKNOWN, LIFE_CREATED, TABLE_STRICT, "it was empty, or followed under another name"},
    {TABLE_UNKNOWN, LIFE_REPLACED, TABLE_WAIT, "renamed from a table whose rows we do not have"},
    {TABLE_UNKNOWN, LIFE_FAILED, TABLE_STOPPED, "the target could not make it"},

    {TABLE_WAIT, LIFE_BEGUN, TABLE_LOAD, "its rows come now"},
    {TABLE_WAIT, LIFE_REFUSED, TABLE_STOPPED, "it cannot be loaded as it is"},
    {TABLE_WAIT, LIFE_CHANGED, TABLE_WAIT, "the load will see the newer one"},
    {TABLE_WAIT, LIFE_FAILED, TABLE_STOPPED, "what is there could not be taken away"},
    {TABLE_WAIT, LIFE_LEFT, TABLE_DROPPED, "it went before it was loaded"},
    {TABLE_WAIT, LIFE_EXCLUDED, TABLE_OUT, "nothing of it is followed"},

    {TABLE_LOAD, LIFE_BEGUN, TABLE_LOAD, "the load begins anew"},
    {TABLE_LOAD, LIFE_COPIED, TABLE_COLLAPSE, "the lane heals what changed between the chunks"},
    {TABLE_LOAD, LIFE_HEALED, TABLE_STRICT, "no row key: it was read in one piece"},
    {TABLE_LOAD, LIFE_REFUSED, TABLE_STOPPED, "a value could not be carried"},
    {TABLE_LOAD, LIFE_CHANGED, TABLE_WAIT, "its chunks are of the former definition"},
    {TABLE_LOAD, LIFE_FAILED, TABLE_STOPPED, "what is there could not be taken away"},
    {TABLE_LOAD, LIFE_LEFT, TABLE_DROPPED, "it went under the load"},
    {TABLE_LOAD, LIFE_EXCLUDED, TABLE_OUT, "nothing of it is followed"},

    {TABLE_COLLAPSE, LIFE_COPIED, TABLE_COLLAPSE, "the window became wider"},
    {TABLE_COLLAPSE, LIFE_HEALED, TABLE_STRICT, "the lane is behind the window"},
    {TABLE_COLLAPSE, LIFE_REFUSED, TABLE_STOPPED, "its keys could not be made"},
    {TABLE_COLLAPSE, LIFE_CHANGED, TABLE_WAIT, "its chunks are of the former definition"},
    {TABLE_COLLAPSE, LIFE_REPLACED, TABLE_WAIT, "a cascade reached it inside the window"},
    {TABLE_COLLAPSE, LIFE_FAILED, TABLE_STOPPED, "a row could not be carried"},
    {TABLE_COLLAPSE, LIFE_LEFT, TABLE_DROPPED, "it went inside the window"},
    {TABLE_COLLAPSE, LIFE_EXCLUDED, TABLE_OUT, "nothing of it is followed"},

    {TABLE_STRICT, LIFE_CREATED, TABLE_STRICT, "the same statement, read again after a crash"},
    {TABLE_STRICT, LIFE_ALTERED, TABLE_STRICT, "the target followed"},
    {TABLE_STRICT, LIFE_REPLACED, TABLE_WAIT, "the target cannot compute what it is now"},
    {TABLE_STRICT, LIFE_FAILED, TABLE_STOPPED, "a row or a statement could not be carried"},
    {TABLE_STRICT, LIFE_LEFT, TABLE_DROPPED, "dropped, or renamed"},
    {TABLE_STRICT, LIFE_EXCLUDED, TABLE_OUT, "nothing of it is followed"},

    {TABLE_STOPPED, LIFE_BEGUN, TABLE_LOAD, "somebody asked for a load"},
    {TABLE_STOPPED, LIFE_REFUSED, TABLE_STOPPED, "it cannot be loaded yet"},
    {TABLE_STOPPED, LIFE_FAILED, TABLE_STOPPED, "a swap of its name failed"},
    {TABLE_STOPPED, LIFE_REPLACED, TABLE_WAIT, "what has the name now can be loaded"},
    {TABLE_STOPPED, LIFE_LEFT, TABLE_DROPPED, "dropped, or renamed"},
    {TABLE_STOPPED, LIFE_EXCLUDED, TABLE_OUT, "nothing of it is followed"},

    {TABLE_DROPPED, LIFE_FOUND, TABLE_WAIT, "the source has one of that name again"},
    {TABLE_DROPPED, LIFE_CREATED, TABLE_STRICT, "it was empty, or followed under another name"},
    {TABLE_DROPPED, LIFE_REPLACED, TABLE_WAIT, "renamed from a table whose rows we do not have"},
    {TABLE_DROPPED, LIFE_FAILED, TABLE_STOPPED, "the target could not make it"},
    {TABLE_DROPPED, LIFE_EXCLUDED, TABLE_OUT, "nothing of it is followed"},

    {TABLE_OUT, LIFE_FOUND, TABLE_WAIT, "in the mapping again: what came meanwhile is missing"},
    {TABLE_OUT, LIFE_EXCLUDED, TABLE_OUT, "still not in the mapping"},
};

#define TRANSITIONS (sizeof(transitions) / sizeof(transitions[0]))

static const char *const life_names[] = {"unknown", "wait",    "load",    "collapse",
                                         "strict",  "stopped", "dropped", "out"};
static const char *const event_names[] = {"found",    "begun",   "copied",  "healed",
                                          "refused",  "created", "altered", "changed",
                                          "replaced", "left",    "failed",  "excluded"};

_Static_assert(sizeof(life_names) / sizeof(life_names[0]) == TABLE_LIVES, "a name each");
_Static_assert(sizeof(event_names) / sizeof(event_names[0]) == LIFE_EVENTS, "a name each");

bool life_next(enum table_life *life, enum life_event event)
{
    for (size_t i = 0; i < TRANSITIONS; i++) {
        if (transitions[i].from == *life && transitions[i].event == event) {
            *life = transitions[i].to;
            return true;
        }
    }
    return false;
}

enum table_life life_of_number(uint64_t number)
{
    return number < TABLE_LIVES ? (enum table_life)number : TABLE_UNKNOWN;
}

const char *life_name(enum table_life life)
{
    assert((unsigned)life < TABLE_LIVES);
    return life_names[life];
}

const char *life_event_name(enum life_event event)
{
    assert((unsigned)event < LIFE_EVENTS);
    return event_names[event];
}

void life_print(struct buf *out)
{
    for (size_t i = 0; i < TRANSITIONS; i++)
        buf_putf(out, "%-9s %-9s %-9s %s\n", life_name(transitions[i].from),
                 life_event_name(transitions[i].event), life_name(transitions[i].to),
                 transitions[i].why);
}
