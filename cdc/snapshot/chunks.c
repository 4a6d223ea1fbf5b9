#include "cdc/snapshot/chunks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/stop.h"
#include "schema/base/xalloc.h"

bool chunks_walk(struct source *s, const struct table *t, uint64_t rows_per_chunk,
                 struct arena *arena, struct key_bounds *out, struct err *err)
{
    bool ok = false;
    struct value *key = NULL;
    const struct value **keys = NULL;
    size_t n = 0, cap = 0;

    assert(t->n_row_key > 0 && rows_per_chunk > 0);
    for (;;) {
        const struct value *from = key;

        if (stop_requested()) {
            err_set(err, ERR_STOPPED, "asked to stop");
            goto done;
        }
        /* A table far larger than its statistics say must not give chunks without end. */
        if (n && n % (CHUNKS_MAX / 10) == 0)
            rows_per_chunk *= 2;
        if (!source_read_bound(s, t, from, rows_per_chunk, arena, &key, err))
            goto done;
        if (!key)
            break;
        if (n == cap) {
            cap = cap ? cap * 2 : 64;
            keys = xrealloc(keys, cap * sizeof(*keys));
        }
        keys[n++] = key;
    }
    out->keys = arena_alloc(arena, (n + 1) * sizeof(*keys));
    if (n)
        memcpy(out->keys, keys, n * sizeof(*keys));
    out->n = n;
    ok = true;
done:
    free(keys);
    return ok;
}
