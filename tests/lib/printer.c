#include "tests/lib/printer.h"

#include <string.h>

#include "schema/base/json.h"

static void put_hex(struct buf *b, struct bytes v)
{
    for (size_t i = 0; i < v.len; i++)
        buf_putf(b, "%02x", v.data[i]);
}

static void put_tagged(struct buf *b, const char *tag, struct bytes v)
{
    struct buf text = BUF_INIT;

    buf_put_str(&text, tag);
    buf_put_bytes(&text, v);
    json_put_string(b, buf_bytes(&text));
    buf_release(&text);
}

void printer_put_value(struct buf *b, const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
        buf_put_str(b, "null");
        break;
    case VALUE_INT:
        buf_putf(b, "\"i:%lld\"", (long long)v->i);
        break;
    case VALUE_UINT:
        buf_putf(b, "\"u:%llu\"", (unsigned long long)v->u);
        break;
    case VALUE_FLOAT:
        buf_putf(b, "\"f:%a\"", (double)v->f);
        break;
    case VALUE_DOUBLE:
        buf_putf(b, "\"d:%a\"", v->d);
        break;
    case VALUE_DECIMAL:
        put_tagged(b, "n:", v->b);
        break;
    case VALUE_TEMPORAL:
        put_tagged(b, "t:", v->b);
        break;
    case VALUE_JSON:
        put_tagged(b, "j:", v->b);
        break;
    default:
        buf_put_str(b, v->kind == VALUE_TEXT ? "\"s:" : "\"b:");
        put_hex(b, v->b);
        buf_put_u8(b, '"');
        break;
    }
}

static void put_row(struct buf *b, const char *name, const struct value *row, uint32_t n)
{
    if (!row)
        return;
    buf_putf(b, ",\"%s\":[", name);
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0)
            buf_put_u8(b, ',');
        printer_put_value(b, &row[i]);
    }
    buf_put_u8(b, ']');
}

static bool on_begin(void *ctx, const struct tx_begin *begin, struct err *err)
{
    struct printer *p = ctx;
    char gtid[GTID_TEXT_SIZE];

    (void)err;
    gtid_print(&begin->gtid, gtid);
    buf_putf(&p->out, "{\"begin\":\"%s\",\"commit_us\":%llu,\"original_us\":%llu,\"bytes\":%llu}\n",
             gtid, (unsigned long long)begin->commit_us, (unsigned long long)begin->original_us,
             (unsigned long long)begin->source_bytes);
    return true;
}

static void put_map(struct buf *b, const struct table_map *m)
{
    buf_putf(b, "{\"map\":\"%s.%s\",\"columns\":[", m->db, m->name);
    for (uint32_t i = 0; i < m->n_columns; i++) {
        const struct map_column *c = &m->columns[i];

        buf_putf(b, "%s\"%s %u/%04x%s%s%s%s %u", i ? "," : "", c->name ? c->name : "?", c->type,
                 c->meta, c->nullable ? " null" : "", c->is_unsigned ? " unsigned" : "",
                 c->in_primary_key ? " key" : "", c->visible ? "" : " invisible", c->collation);
        for (uint32_t j = 0; j < c->n_members; j++) {
            buf_put_u8(b, ' ');
            put_hex(b, c->members[j]);
        }
        buf_put_u8(b, '"');
    }
    buf_put_str(b, "]}\n");
}

static bool on_resolve(void *ctx, const struct table_map *map, const struct table **table,
                       struct err *err)
{
    struct printer *p = ctx;

    (void)err;
    *table = NULL;
    if (p->maps)
        put_map(&p->out, map);
    for (size_t i = 0; i < p->n_tables; i++)
        if (strcmp(p->tables[i]->db, map->db) == 0 && strcmp(p->tables[i]->name, map->name) == 0)
            *table = p->tables[i];
    return true;
}

static bool on_change(void *ctx, const struct change *change, struct err *err)
{
    static const char *const names[] = {"", "insert", "update", "delete"};
    struct printer *p = ctx;

    (void)err;
    buf_putf(&p->out, "{\"%s\":\"%s.%s\",\"flags\":%u", names[change->kind], change->table->db,
             change->table->name, change->flags);
    put_row(&p->out, "before", change->before, change->table->n_columns);
    put_row(&p->out, "after", change->after, change->table->n_columns);
    buf_put_str(&p->out, "}\n");
    return true;
}

static bool on_query(void *ctx, const struct query_event *q, struct err *err)
{
    struct printer *p = ctx;

    (void)err;
    buf_put_str(&p->out, "{\"query\":");
    json_put_string(&p->out, q->text);
    buf_putf(&p->out,
             ",\"db\":\"%s\",\"in_transaction\":%s,\"sql_mode\":%llu,\"client\":%u,\"server\":%u,"
             "\"time_zone\":\"%s\",\"us\":%llu}\n",
             q->db, q->in_transaction ? "true" : "false", (unsigned long long)q->sql_mode,
             q->client_collation, q->server_collation, q->time_zone,
             (unsigned long long)q->timestamp_us);
    return true;
}

static bool put_end(struct printer *p, const char *what, const struct position *at)
{
    buf_putf(&p->out, "{\"%s\":\"%s:%llu\"}\n", what, at->file, (unsigned long long)at->offset);
    return true;
}

static bool on_commit(void *ctx, const struct position *end, struct err *err)
{
    (void)err;
    return put_end(ctx, "commit", end);
}

static bool on_rollback(void *ctx, const struct position *end, bool logged, struct err *err)
{
    (void)logged, (void)err;
    return put_end(ctx, "rollback", end);
}

static bool on_idle(void *ctx, const struct position *at, uint64_t source_us, struct err *err)
{
    (void)source_us;
    (void)err;
    return put_end(ctx, "idle", at);
}

struct decode_sink printer_sink(struct printer *p)
{
    return (struct decode_sink){.ctx = p,
                                .begin = on_begin,
                                .resolve = on_resolve,
                                .change = on_change,
                                .query = on_query,
                                .commit = on_commit,
                                .rollback = on_rollback,
                                .idle = on_idle};
}
