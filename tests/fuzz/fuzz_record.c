/*
 * Any bytes as a stream of records: refused, or read. What was read, written and read again is
 * the same.
 */
#include <stdlib.h>
#include <string.h>

#include "cdc/queue/queue.h"
#include "cdc/queue/record.h"
#include "schema/ddl/ddl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    struct record_definitions definitions;
    struct table *table; /* number 1 */
    struct arena arena;
    struct record_row row;
    struct record_row row_again;
    struct buf again;
};

static void must(bool ok)
{
    if (!ok)
        abort();
}

static struct bytes body_of(struct world *w, enum record_type want)
{
    struct bytes in = buf_bytes(&w->again);
    struct bytes body;
    enum record_type type;
    size_t need;

    must(record_split(&in, &type, &body, &need) == RECORD_WHOLE && type == want && in.len == 0);
    return body;
}

static void same_image(const struct value *a, const struct value *b, uint32_t n)
{
    must((a == NULL) == (b == NULL));
    for (uint32_t i = 0; a != NULL && i < n; i++)
        must(value_equal(&a[i], &b[i]));
}

static void try_change(struct world *w, struct bytes body, struct err *err)
{
    struct change c, again;

    if (!record_get_change(body, &w->definitions, &w->row, &c, err))
        return;
    record_put_change(&w->again, 1, &c);
    must(record_get_change(body_of(w, RECORD_CHANGE), &w->definitions, &w->row_again, &again, err));
    must(c.kind == again.kind && c.flags == again.flags);
    same_image(c.before, again.before, c.table->n_columns);
    same_image(c.after, again.after, c.table->n_columns);
}

static void try_ddl(struct world *w, struct bytes body, struct err *err)
{
    struct ddl d, again;
    struct record_ddl more, more_again;

    if (!record_get_ddl(body, &w->definitions, &w->arena, &d, &more, err))
        return;
    record_put_ddl(&w->again, &d, &more);
    must(record_get_ddl(body_of(w, RECORD_DDL), &w->definitions, &w->arena, &again, &more_again,
                        err));
    must(d.kind == again.kind && d.n_effects == again.n_effects);
    must(strcmp(d.text, again.text) == 0 && strcmp(more.charset, more_again.charset) == 0);
}

static void try_table(struct bytes body, struct err *err)
{
    struct record_table t;

    if (record_get_table(body, &t, err))
        table_free(t.table);
}

static void try_gtids(struct bytes body, struct err *err)
{
    struct place place = {0};

    if (record_get_gtids(body, &place, err))
        place_release(&place);
}

static void try_start(struct world *w, struct bytes body, struct err *err)
{
    for (uint16_t version = 1; version <= QUEUE_VERSION; version++) {
        struct record_start start, again;

        if (!record_get_start(body, version, &start, err))
            continue;
        buf_reset(&w->again);
        record_put_start(&w->again, &start);
        must(record_get_start(body_of(w, RECORD_START), QUEUE_VERSION, &again, err));
        must(place_equal(&start.place, &again.place) && gtid_equal(&start.gtid, &again.gtid));
        must(start.commit_us == again.commit_us && start.next_id == again.next_id);
        place_release(&start.place);
        place_release(&again.place);
    }
}

static void try_others(struct world *w, enum record_type type, struct bytes body, struct err *err)
{
    struct tx_begin begin, begin_again;
    struct tx_end end, end_again;
    const char *db, *charset, *collation;

    if (type == RECORD_BEGIN && record_get_begin(body, &begin, err)) {
        record_put_begin(&w->again, &begin);
        must(record_get_begin(body_of(w, RECORD_BEGIN), &begin_again, err));
        must(gtid_equal(&begin.gtid, &begin_again.gtid));
        must(begin.lsn == begin_again.lsn && begin.commit_us == begin_again.commit_us);
    } else if (type == RECORD_END && record_get_end(body, &end, err)) {
        record_put_end(&w->again, &end);
        must(record_get_end(body_of(w, RECORD_END), &end_again, err));
        must(end.lsn == end_again.lsn && position_compare(&end.end, &end_again.end) == 0);
    } else if (type == RECORD_DATABASE &&
               record_get_database(body, &w->arena, &db, &charset, &collation, err)) {
        record_put_database(&w->again, db, charset, collation);
    }
}

static void try_record(struct world *w, enum record_type type, struct bytes body)
{
    struct err err = ERR_INIT;

    buf_reset(&w->again);
    arena_reset(&w->arena);
    switch (type) {
    case RECORD_CHANGE:
        try_change(w, body, &err);
        break;
    case RECORD_DDL:
        try_ddl(w, body, &err);
        break;
    case RECORD_TABLE:
        try_table(body, &err);
        break;
    case RECORD_GTIDS:
        try_gtids(body, &err);
        break;
    case RECORD_START:
        try_start(w, body, &err);
        break;
    default:
        try_others(w, type, body, &err);
        break;
    }
    must(err.kind == ERR_NONE || strcmp(err.reason, "queue_corrupt") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.again = BUF_INIT};
    struct bytes in = bytes_of(data, size);
    struct bytes body;
    enum record_type type;
    struct err err = ERR_INIT;
    size_t need;

    must(ddl_parse_table("CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(9), c DOUBLE, d BLOB)", "s",
                         &w.table, &err));
    record_definitions_put(&w.definitions, 1, w.table);
    while (record_split(&in, &type, &body, &need) == RECORD_WHOLE)
        try_record(&w, type, body);
    record_definitions_release(&w.definitions);
    record_row_release(&w.row);
    record_row_release(&w.row_again);
    arena_release(&w.arena);
    buf_release(&w.again);
    table_free(w.table);
    return 0;
}
