#include "tests/lib/queue_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "schema/base/xalloc.h"

/* splitmix64 */
uint64_t fixture_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void fill_column(struct column *c, const char *name, enum column_type type, uint32_t length)
{
    c->name = name;
    c->type = type;
    c->length = length;
    c->nullable = true;
    c->comment = "";
    if (column_is_text(c)) {
        c->charset = "utf8mb4";
        c->collation = "utf8mb4_0900_ai_ci";
    }
}

struct table *fixture_table(const char *db, const char *name)
{
    struct table *t = table_new();
    struct column *c = arena_alloc(&t->arena, FIXTURE_COLUMNS * sizeof(*c));

    fill_column(&c[0], "id", COLUMN_BIGINT, 0);
    c[0].nullable = false;
    fill_column(&c[1], "amount", COLUMN_BIGINT, 0);
    c[1].is_unsigned = true;
    fill_column(&c[2], "weight", COLUMN_FLOAT, 0);
    fill_column(&c[3], "size", COLUMN_DOUBLE, 0);
    fill_column(&c[4], "price", COLUMN_DECIMAL, 0);
    c[4].precision = 10;
    c[4].scale = 2;
    fill_column(&c[5], "at", COLUMN_DATETIME, 0);
    fill_column(&c[6], "title", COLUMN_VARCHAR, 200);
    fill_column(&c[7], "photo", COLUMN_LONGBLOB, 0);
    fill_column(&c[8], "extra", COLUMN_JSON, 0);
    t->db = arena_strdup(&t->arena, db);
    t->name = arena_strdup(&t->arena, name);
    t->columns = c;
    t->n_columns = FIXTURE_COLUMNS;
    t->keys = arena_alloc(&t->arena, sizeof(*t->keys));
    t->n_keys = 1;
    t->keys[0] = (struct key){.kind = KEY_PRIMARY, .name = "PRIMARY", .n_parts = 1, .comment = ""};
    t->keys[0].parts = arena_alloc(&t->arena, sizeof(*t->keys[0].parts));
    t->keys[0].parts[0].column = "id";
    t->engine = "InnoDB";
    t->charset = "utf8mb4";
    t->collation = "utf8mb4_0900_ai_ci";
    t->comment = "";
    table_finish(t);
    return t;
}

struct catalog *fixture_catalog(void)
{
    struct catalog *c = catalog_new();

    catalog_put_database(c, "shop", "utf8mb4", "utf8mb4_0900_ai_ci");
    catalog_put(c, fixture_table("shop", "item"));
    catalog_put(c, fixture_table("shop", "order"));
    return c;
}

struct queue_identity fixture_identity(void)
{
    struct queue_identity id = {.source_uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562"};

    memcpy(id.uuid, "0123456789abcdef", sizeof(id.uuid));
    return id;
}

struct position fixture_position(uint64_t lsn)
{
    struct position p = {.offset = 4 + 1000 * lsn};

    snprintf(p.file, sizeof(p.file), "binlog.%06u", 7);
    return p;
}

struct gtid fixture_gtid(uint64_t lsn)
{
    struct gtid g = {.kind = GTID_MYSQL, .mysql.gno = lsn};

    memcpy(g.mysql.uuid, "\x3e\x11\xfa\x47\x71\xca\x11\xe1\x9e\x33\xc8\x0a\xa9\x42\x95\x62", 16);
    return g;
}

struct queue *fixture_queue(const char *dir, const struct queue_options *options)
{
    struct queue_identity id = fixture_identity();
    struct place start = {.at = fixture_position(0)};
    struct catalog *catalog = fixture_catalog();
    struct queue *q;
    struct err err;

    if (!queue_create(dir, options, &id, &start, catalog, &err))
        fail_msg("%s", err.text);
    catalog_free(catalog);
    if (!queue_open(dir, options, &q, &err))
        fail_msg("%s", err.text);
    return q;
}

static struct bytes random_bytes(uint64_t *rng, struct arena *a, size_t max)
{
    size_t n = fixture_random(rng) % (max + 1);
    uint8_t *p = arena_alloc(a, n + 8);
    bool text = fixture_random(rng) % 2;

    for (size_t i = 0; i < n; i += 8) {
        uint64_t word = fixture_random(rng);

        if (text) /* something to compress */
            word = (word & UINT64_C(0x0303030303030303)) + UINT64_C(0x6161616161616161);
        memcpy(p + i, &word, sizeof(word));
    }
    return bytes_of(p, n);
}

static void random_image(const struct fixture *f, uint64_t *rng, struct arena *a, struct value *v)
{
    static const enum value_kind kinds[FIXTURE_COLUMNS] = {
        VALUE_INT,      VALUE_UINT, VALUE_FLOAT, VALUE_DOUBLE, VALUE_DECIMAL,
        VALUE_TEMPORAL, VALUE_TEXT, VALUE_BYTES, VALUE_JSON,
    };

    memset(v, 0, FIXTURE_COLUMNS * sizeof(*v));
    for (int i = 0; i < FIXTURE_COLUMNS; i++) {
        uint64_t dice = fixture_random(rng) % 8;
        uint64_t word = fixture_random(rng);

        word >>= fixture_random(rng) % 64; /* behind the word: stored queues were made so */

        v[i].kind = i > 0 && dice < 2 ? (dice ? VALUE_NULL : VALUE_ABSENT) : kinds[i];
        if (v[i].kind == VALUE_INT)
            v[i].i = (int64_t)(dice % 2 ? word : 0 - word);
        else if (v[i].kind == VALUE_UINT)
            v[i].u = word;
        else if (v[i].kind == VALUE_FLOAT)
            v[i].f = (float)word / 3;
        else if (v[i].kind == VALUE_DOUBLE)
            v[i].d = (double)word / 3;
        else if (v[i].kind >= VALUE_DECIMAL && v[i].kind <= VALUE_JSON)
            v[i].b = random_bytes(rng, a, dice == 7 ? f->value_bytes_max : 20);
    }
}

struct made {
    struct arena arena;
    struct tx_begin begin;
    unsigned n_changes;
    uint64_t rng;
    struct value before[FIXTURE_COLUMNS];
    struct value after[FIXTURE_COLUMNS];
    const char *table;
    struct change change;
};

static void make_begin(const struct fixture *f, uint64_t lsn, struct made *m)
{
    memset(m, 0, sizeof(*m));
    m->rng = f->seed * 1000003 + lsn;
    m->begin = (struct tx_begin){.lsn = lsn,
                                 .gtid = fixture_gtid(lsn),
                                 .commit_us = 1700000000000000 + lsn,
                                 .original_us = lsn};
    m->begin.receive_us = fixture_random(&m->rng);
    m->begin.source_bytes = fixture_random(&m->rng) % 10000;
    m->n_changes = (unsigned)(fixture_random(&m->rng) % (f->changes_max + 1));
}

static void make_change(const struct fixture *f, struct made *m)
{
    uint64_t dice;

    arena_reset(&m->arena);
    random_image(f, &m->rng, &m->arena, m->before);
    random_image(f, &m->rng, &m->arena, m->after);
    dice = fixture_random(&m->rng);
    m->table = dice & 64 ? "item" : "order";
    m->change = (struct change){.kind = (enum change_kind)(1 + dice % 3), .flags = dice >> 8 & 31};
    for (int i = 0; m->change.kind == CHANGE_UPDATE && i < FIXTURE_COLUMNS; i++) {
        if (dice >> (16 + i) & 1)
            m->after[i] = m->before[i];
    }
    m->change.before = m->change.kind == CHANGE_INSERT ? NULL : m->before;
    m->change.after = m->change.kind == CHANGE_DELETE ? NULL : m->after;
}

bool fixture_write(const struct fixture *f, struct queue *q, uint64_t *lsn, struct err *err)
{
    uint64_t next = queue_get_end(q).lsn;
    struct position end;
    struct gtid gtid;
    struct made m;
    struct err ignored;
    bool ok;

    /* The published end may lag; the GTIDs do not. */
    do {
        gtid = fixture_gtid(++next);
    } while (place_has(queue_place(q), &gtid));
    make_begin(f, next, &m);
    if (!queue_begin(q, &m.begin, err))
        return false;
    ok = true;
    for (unsigned i = 0; ok && i < m.n_changes; i++) {
        make_change(f, &m);
        m.change.table = catalog_get(queue_catalog(q), "shop", m.table);
        ok = queue_change(q, &m.change, err);
    }
    end = fixture_position(next);
    ok = ok && queue_finish(q, &end, lsn, err);
    if (ok)
        assert_int_equal(*lsn, next);
    else if (!queue_abort(q, &ignored))
        print_message("abort: %s\n", ignored.text);
    arena_release(&m.arena);
    return ok;
}

static void same_image(const struct value *a, const struct value *b)
{
    assert_int_equal(a == NULL, b == NULL);
    for (int i = 0; a != NULL && i < FIXTURE_COLUMNS; i++)
        assert_true(value_equal(&a[i], &b[i]));
}

static void same_change(const struct made *m, const struct change *c)
{
    assert_int_equal(c->kind, m->change.kind);
    assert_int_equal(c->flags, m->change.flags);
    assert_string_equal(c->table->db, "shop");
    assert_string_equal(c->table->name, m->table);
    same_image(m->change.before, c->before);
    same_image(m->change.after, c->after);
}

bool fixture_read(const struct fixture *f, struct queue_reader *r, uint64_t lsn,
                  unsigned timeout_ms, bool *got, struct err *err)
{
    struct queue_item item;
    struct position end = fixture_position(lsn);
    struct made m;
    bool ok;

    make_begin(f, lsn, &m);
    if (!queue_read(r, timeout_ms, got, &item, err))
        return false;
    if (!*got)
        return true;
    assert_int_equal(item.kind, QUEUE_BEGIN);
    assert_int_equal(item.begin.lsn, lsn);
    assert_memory_equal(&item.begin.gtid, &m.begin.gtid, sizeof(m.begin.gtid));
    assert_int_equal(item.begin.commit_us, m.begin.commit_us);
    assert_int_equal(item.begin.receive_us, m.begin.receive_us);
    assert_int_equal(item.begin.source_bytes, m.begin.source_bytes);
    for (unsigned i = 0; i < m.n_changes; i++) {
        make_change(f, &m);
        ok = queue_read(r, timeout_ms, got, &item, err);
        if (!ok)
            goto done;
        assert_true(*got);
        assert_int_equal(item.kind, QUEUE_CHANGE);
        same_change(&m, &item.change);
    }
    ok = queue_read(r, timeout_ms, got, &item, err);
    if (!ok)
        goto done;
    assert_true(*got);
    assert_int_equal(item.kind, QUEUE_END);
    assert_int_equal(item.end.lsn, lsn);
    assert_string_equal(item.end.end.file, end.file);
    assert_int_equal(item.end.end.offset, end.offset);
done:
    arena_release(&m.arena);
    return ok;
}

char *fixture_dir(void)
{
    char *dir = xstrdup("/tmp/test_queue.XXXXXX");

    assert_non_null(mkdtemp(dir));
    return dir;
}

void fixture_remove_dir(char *dir)
{
    struct err err;
    char **names;
    size_t n;
    const struct fs *fs = fs_real();

    assert_true(fs->list(NULL, dir, &names, &n, &err));
    for (size_t i = 0; i < n; i++) {
        char *path = xasprintf("%s/%s", dir, names[i]);

        assert_true(fs->unlink(NULL, path, &err));
        free(path);
    }
    fs_free_names(names, n);
    rmdir(dir);
    free(dir);
}
