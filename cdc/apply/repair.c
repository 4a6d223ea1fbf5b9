#include <stdlib.h>

#include "cdc/apply/engine.h"
#include "schema/base/xalloc.h"

bool apply_repair(struct apply *a, const struct table *table, const struct value *const *keys,
                  size_t n_keys, const struct value *const *rows, size_t n_rows, struct err *err)
{
    bool ok;
    uint32_t *times = xcalloc(n_keys + 1, sizeof(*times));
    struct op ops[2];
    struct unit unit = {.prev_lsn = a->lane.lsn,
                        .lsn = a->lane.lsn,
                        .gtid = a->lane.gtid,
                        .position = a->lane.position,
                        .commit_us = a->lane.commit_us,
                        .ops = ops,
                        .begins = true,
                        .ends = true};
    uint64_t lsn;

    /* Held while it waited for a lost target: where that stands now is not known. */
    if (!a->target) {
        err_reason(err, ERR_RETRY, "no_target", "the lane has lost the target");
        free(times);
        return false;
    }
    for (size_t i = 0; i < n_keys; i++)
        times[i] = 1;
    if (n_keys)
        ops[unit.n_ops++] = (struct op){.kind = table->n_row_key ? OP_HEAL : OP_DELETE_IMAGE,
                                        .table = table,
                                        .rows = keys,
                                        .times = table->n_row_key ? NULL : times,
                                        .n_rows = n_keys};
    if (n_rows)
        ops[unit.n_ops++] =
            (struct op){.kind = OP_INSERT, .table = table, .rows = rows, .n_rows = n_rows};
    ok = target_submit(a->target, &unit, err) && target_reap(a->target, &lsn, err);
    free(times);
    return ok;
}
