/*
 * fate.c - what becomes of one effect of a definition change: a table of cases.
 *
 * An effect takes a name away, gives one, or both; what each of the two names is to us at that
 * place decides. A case that is not in the table asks for nothing.
 */
#include "cdc/apply/engine.h"

#define NONE LIFE_EVENTS
#define ANY SIDES

struct fate_case {
    enum fate_role role;
    enum side before, after;
    struct fate fate;
};

/* The first that fits counts. */
static const struct fate_case cases[] = {
    /* A loader that has the name in hand will read something newer than this statement. */
    {ROLE_CREATE, ANY, SIDE_ABSENT, {FATE_RUN, NONE, LIFE_CREATED}},
    {ROLE_CREATE, ANY, SIDE_EXACT, {FATE_RUN, NONE, LIFE_CREATED}}, /* after a crash */

    {ROLE_STAY, SIDE_EXACT, ANY, {FATE_RUN, NONE, LIFE_ALTERED}},
    {ROLE_STAY, SIDE_LOADS, ANY, {FATE_NOTHING, NONE, LIFE_CHANGED}},

    {ROLE_DROP, SIDE_EXACT, ANY, {FATE_DROP, LIFE_LEFT, NONE}},
    {ROLE_DROP, SIDE_LOADS, ANY, {FATE_DROP, LIFE_LEFT, NONE}},
    {ROLE_DROP, SIDE_WAITS, ANY, {FATE_DROP, LIFE_LEFT, NONE}},
    {ROLE_DROP, SIDE_STOPPED, ANY, {FATE_DROP, LIFE_LEFT, NONE}},

    /* Loaded under the new name, behind this statement: the old one only goes. */
    {ROLE_MOVE, SIDE_EXACT, SIDE_HAS, {FATE_DROP, LIFE_LEFT, NONE}},
    {ROLE_MOVE, SIDE_EXACT, SIDE_WAITS, {FATE_DROP, LIFE_LEFT, NONE}},
    {ROLE_MOVE, SIDE_EXACT, SIDE_LOADS, {FATE_DROP, LIFE_LEFT, NONE}},
    {ROLE_MOVE, SIDE_EXACT, ANY, {FATE_RUN, LIFE_LEFT, LIFE_CREATED}},

    /* Nothing exact under the old name, or something newer: its rows must come from the source. */
    {ROLE_MOVE, SIDE_ABSENT, SIDE_ABSENT, {FATE_NOTHING, NONE, LIFE_REPLACED}},
    {ROLE_MOVE, SIDE_ABSENT, SIDE_EXACT, {FATE_NOTHING, NONE, LIFE_REPLACED}},
    {ROLE_MOVE, SIDE_ABSENT, SIDE_STOPPED, {FATE_NOTHING, NONE, LIFE_REPLACED}},
    {ROLE_MOVE, SIDE_HAS, SIDE_ABSENT, {FATE_NOTHING, NONE, LIFE_REPLACED}},
    {ROLE_MOVE, SIDE_HAS, SIDE_EXACT, {FATE_NOTHING, NONE, LIFE_REPLACED}},
    {ROLE_MOVE, SIDE_HAS, SIDE_STOPPED, {FATE_NOTHING, NONE, LIFE_REPLACED}},
    {ROLE_MOVE, SIDE_ABSENT, ANY, {FATE_NOTHING, NONE, NONE}},
    {ROLE_MOVE, SIDE_HAS, ANY, {FATE_NOTHING, NONE, NONE}},
    {ROLE_MOVE, ANY, SIDE_HAS, {FATE_DROP, LIFE_LEFT, NONE}},
    {ROLE_MOVE, ANY, SIDE_WAITS, {FATE_DROP, LIFE_LEFT, NONE}},
    {ROLE_MOVE, ANY, SIDE_LOADS, {FATE_DROP, LIFE_LEFT, NONE}},
    {ROLE_MOVE, ANY, ANY, {FATE_DROP, LIFE_LEFT, LIFE_REPLACED}},
};

struct fate fate_of(enum fate_role role, enum side before, enum side after)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct fate_case *c = &cases[i];

        if (c->role == role && (c->before == ANY || c->before == before) &&
            (c->after == ANY || c->after == after))
            return c->fate;
    }
    return (struct fate){FATE_NOTHING, NONE, NONE};
}
