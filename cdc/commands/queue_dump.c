#include "cdc/commands/queue_dump.h"

#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/digest.h"
#include "schema/base/json.h"

struct dumper {
    const struct dump_options *options;
    FILE *out;
    struct buf line;
    struct buf begin; /* its line, held until something of the transaction is shown */
    uint64_t lsn;
    bool shown;
};

/* ---- values ---- */

static void put_hex(struct buf *b, struct bytes bytes)
{
    static const char digits[] = "0123456789abcdef";

    buf_put_str(b, "{\"hex\":\"");
    for (size_t i = 0; i < bytes.len; i++) {
        buf_put_u8(b, (uint8_t)digits[bytes.data[i] >> 4]);
        buf_put_u8(b, (uint8_t)digits[bytes.data[i] & 15]);
    }
    buf_put_str(b, "\"}");
}

static bool is_utf8(const char *charset)
{
    return charset && (strncmp(charset, "utf8", 4) == 0 || strcmp(charset, "ascii") == 0);
}

static void put_set(struct buf *b, const struct column *c, uint64_t bits)
{
    const char *comma = "";

    buf_put_u8(b, '[');
    for (uint32_t i = 0; i < c->n_members && i < 64; i++) {
        if (bits >> i & 1) {
            buf_put_str(b, comma);
            json_put_cstr(b, c->members[i]);
            comma = ",";
        }
    }
    buf_put_u8(b, ']');
}

static void put_uint(struct buf *b, const struct column *c, uint64_t u)
{
    if (c->type == COLUMN_ENUM && u <= c->n_members)
        json_put_cstr(b, u ? c->members[u - 1] : "");
    else if (c->type == COLUMN_SET)
        put_set(b, c, u);
    else
        buf_putf(b, "%llu", (unsigned long long)u);
}

static void put_value(struct buf *b, const struct column *c, const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
    case VALUE_ABSENT:
        buf_put_str(b, "null");
        break;
    case VALUE_INT:
        buf_putf(b, "%lld", (long long)v->i);
        break;
    case VALUE_UINT:
        put_uint(b, c, v->u);
        break;
    case VALUE_FLOAT:
        buf_putf(b, "%.9g", (double)v->f);
        break;
    case VALUE_DOUBLE:
        buf_putf(b, "%.17g", v->d);
        break;
    case VALUE_TEXT:
        if (is_utf8(c->charset))
            json_put_string(b, v->b);
        else
            put_hex(b, v->b);
        break;
    case VALUE_BYTES:
        put_hex(b, v->b);
        break;
    case VALUE_DECIMAL:
    case VALUE_TEMPORAL:
    case VALUE_JSON:
        json_put_string(b, v->b);
        break;
    }
}

static void put_image(struct buf *b, const char *name, const struct table *t,
                      const struct value *values)
{
    const char *comma = "";

    buf_putf(b, ",\"%s\":{", name);
    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (values[i].kind == VALUE_ABSENT)
            continue;
        buf_put_str(b, comma);
        json_put_cstr(b, t->columns[i].name);
        buf_put_u8(b, ':');
        put_value(b, &t->columns[i], &values[i]);
        comma = ",";
    }
    buf_put_u8(b, '}');
}

/* By its row key, and where there is none by the whole row. */
static void put_key_hash(struct buf *b, const struct change *c)
{
    const struct table *t = c->table;
    const struct value *row = c->before ? c->before : c->after;
    struct buf key = BUF_INIT;
    char hash[17];

    for (uint32_t i = 0; i < t->n_row_key; i++)
        value_put_key(&key, &row[t->row_key[i]]);
    for (uint32_t i = 0; t->n_row_key == 0 && i < t->n_columns; i++)
        value_put_key(&key, &row[i]);
    key_hash(buf_bytes(&key), hash);
    buf_putf(b, ",\"key_hash\":\"%s\"", hash);
    buf_release(&key);
}

static void put_changed(struct buf *b, const struct change *c)
{
    const char *comma = "";

    buf_put_str(b, ",\"columns\":[");
    for (uint32_t i = 0; i < c->table->n_columns; i++) {
        if (value_equal(&c->before[i], &c->after[i]))
            continue;
        buf_put_str(b, comma);
        json_put_cstr(b, c->table->columns[i].name);
        comma = ",";
    }
    buf_put_u8(b, ']');
}

/* ---- records ---- */

static void put_name(struct buf *b, const char *name, const char *text)
{
    buf_putf(b, ",\"%s\":", name);
    json_put_cstr(b, text);
}

static void put_time(struct buf *b, const char *name, uint64_t us)
{
    char text[32];

    if (us == 0)
        return;
    clock_format(us, text, sizeof(text));
    put_name(b, name, text);
}

static void format_begin(struct buf *b, const struct tx_begin *begin)
{
    char gtid[GTID_TEXT_SIZE];

    gtid_print(&begin->gtid, gtid);
    buf_putf(b, "{\"record\":\"begin\",\"lsn\":%llu", (unsigned long long)begin->lsn);
    put_name(b, "gtid", gtid);
    put_time(b, "commit", begin->commit_us);
    put_time(b, "original_commit", begin->original_us);
    put_time(b, "received", begin->receive_us);
    buf_put_u8(b, '}');
}

static void format_change(struct dumper *d, const struct change *c)
{
    static const char *const kinds[] = {"", "insert", "update", "delete"};
    struct buf *b = &d->line;

    buf_putf(b, "{\"record\":\"change\",\"lsn\":%llu", (unsigned long long)d->lsn);
    put_name(b, "kind", kinds[c->kind]);
    put_name(b, "database", c->table->db);
    put_name(b, "table", c->table->name);
    put_key_hash(b, c);
    if (c->kind == CHANGE_UPDATE)
        put_changed(b, c);
    if (d->options->show_values && c->before)
        put_image(b, "before", c->table, c->before);
    if (d->options->show_values && c->after)
        put_image(b, "after", c->table, c->after);
    buf_put_u8(b, '}');
}

static void format_ddl(struct dumper *d, const struct ddl *ddl)
{
    static const char *const kinds[] = {"",
                                        "create_table",
                                        "alter_table",
                                        "drop_table",
                                        "truncate_table",
                                        "rename_table",
                                        "create_database",
                                        "alter_database",
                                        "drop_database",
                                        "ignored"};
    struct buf *b = &d->line;

    buf_putf(b, "{\"record\":\"ddl\",\"lsn\":%llu", (unsigned long long)d->lsn);
    put_name(b, "kind", kinds[ddl->kind]);
    put_name(b, "database", ddl->object[0] ? ddl->object : ddl->db);
    buf_put_str(b, ",\"tables\":[");
    for (uint32_t i = 0; i < ddl->n_effects; i++) {
        const struct table *before = ddl->effects[i].before;
        const struct table *after = ddl->effects[i].after;

        buf_put_str(b, i ? ",{" : "{");
        buf_put_str(b, "\"before\":");
        json_put_cstr(b, before ? before->name : NULL);
        put_name(b, "after", after ? after->name : NULL);
        put_name(b, "database", before ? before->db : after ? after->db : NULL);
        buf_put_u8(b, '}');
    }
    buf_put_u8(b, ']');
    if (d->options->show_values)
        put_name(b, "text", ddl->text);
    buf_put_u8(b, '}');
}

static void format_end(struct buf *b, const struct tx_end *end)
{
    buf_putf(b, "{\"record\":\"end\",\"lsn\":%llu", (unsigned long long)end->lsn);
    put_name(b, "file", end->end.file);
    buf_putf(b, ",\"offset\":%llu}", (unsigned long long)end->end.offset);
}

/* ---- which ---- */

static bool is_table(const struct dumper *d, const struct table *t)
{
    const char *want = d->options->table;
    size_t n;

    if (!want)
        return true;
    if (!t)
        return false;
    n = strlen(t->db);
    return strncmp(want, t->db, n) == 0 && want[n] == '.' && strcmp(want + n + 1, t->name) == 0;
}

static bool touches(const struct dumper *d, const struct ddl *ddl)
{
    bool yes = !d->options->table;

    for (uint32_t i = 0; i < ddl->n_effects; i++)
        yes = yes || is_table(d, ddl->effects[i].before) || is_table(d, ddl->effects[i].after);
    return yes;
}

static void write_line(struct dumper *d, struct buf *line)
{
    if (!d->shown && d->begin.len > 0 && line != &d->begin) {
        d->shown = true;
        write_line(d, &d->begin);
    }
    fwrite(line->data, 1, line->len, d->out);
    fputc('\n', d->out);
    buf_reset(line);
}

static void dump_item(struct dumper *d, const struct queue_item *item)
{
    switch (item->kind) {
    case QUEUE_BEGIN:
        d->lsn = item->begin.lsn;
        d->shown = false;
        buf_reset(&d->begin);
        format_begin(&d->begin, &item->begin);
        break;
    case QUEUE_CHANGE:
        if (!is_table(d, item->change.table))
            break;
        format_change(d, &item->change);
        write_line(d, &d->line);
        break;
    case QUEUE_DDL:
        if (!touches(d, &item->ddl))
            break;
        format_ddl(d, &item->ddl);
        write_line(d, &d->line);
        break;
    case QUEUE_END:
        if (d->options->table && !d->shown)
            break;
        format_end(&d->line, &item->end);
        write_line(d, &d->line);
        break;
    }
}

static void keep_first(void *ctx, const struct queue_segment_info *info)
{
    uint64_t *first = ctx;

    if (*first == 0)
        *first = info->first_lsn;
}

static bool find_first(const char *dir, const struct queue_options *options, uint64_t *first,
                       struct err *err)
{
    *first = 0;
    return queue_inspect(dir, options, false, keep_first, first, err);
}

bool queue_dump(const char *dir, const struct queue_options *options,
                const struct dump_options *dump, FILE *out, struct err *err)
{
    struct dumper d = {.options = dump, .out = out, .line = BUF_INIT, .begin = BUF_INIT};
    struct queue_reader *r = NULL;
    struct queue_identity id;
    struct queue_item item;
    struct queue_end end;
    uint64_t from = dump->from;
    uint64_t to = dump->to;
    bool got = true;
    bool ok = false;

    if (!queue_read_end(dir, options, &id, &end, err) ||
        (from == 0 && !find_first(dir, options, &from, err)))
        goto done;
    if (to == 0 || to > end.lsn)
        to = end.lsn;
    key_hash_seed(bytes_of(id.uuid, sizeof(id.uuid)));
    if (from <= to && !queue_reader_open(dir, options, from - 1, &r, err))
        goto done;
    while (r && got && d.lsn <= to && !ferror(out)) {
        if (!queue_read(r, 0, &got, &item, err))
            goto done;
        if (got && item.kind == QUEUE_BEGIN && item.begin.lsn > to)
            break;
        if (got)
            dump_item(&d, &item);
    }
    ok = fflush(out) == 0 && !ferror(out);
    if (!ok)
        err_set(err, ERR_IO, "the dump cannot be written");
done:
    queue_reader_close(r);
    buf_release(&d.line);
    buf_release(&d.begin);
    return ok;
}
