/*
 * sim_source_shape.c - which tables there are at first, and definitions by statement.
 *
 * The first tables are a chain of foreign keys, fk_levels below t0; the others stand alone, refer
 * to themselves or to one of the chain. A key is one or two integers; a child has its own key, or
 * the parent's as its own.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/ddl/ddl.h"
#include "tests/sim/sim_source_parts.h"

static struct ddl replay(struct sim_source *s, const char *text)
{
    struct ddl_context context = {.dialect = dialect_canonical(), .db = "", .time_zone = ""};
    struct ddl ddl;
    struct err err = ERR_INIT;

    context.explicit_defaults_for_timestamp = true;
    arena_reset(&s->scratch);
    if (!ddl_replay(s->catalog, text, &context, &s->scratch, &ddl, &err)) {
        fprintf(stderr, "simulation: %s: %s\n", text, err.text);
        abort();
    }
    return ddl;
}

void sim_define_by(struct sim_source *s, const char *text)
{
    struct ddl ddl = replay(s, text);

    for (uint32_t i = 0; i < ddl.n_effects; i++) {
        const struct ddl_effect *e = &ddl.effects[i];
        struct sim_table *t;

        if (!e->before) {
            sim_table_new(s, e->after);
            continue;
        }
        t = sim_find(s, SIM_NEVER - 1, e->before->db, e->before->name);
        assert(t);
        if (!e->after)
            t->died = s->count + 1;
        else if (e->after != e->before)
            sim_define(s, t, e->after);
    }
}

/* ---- the first tables ---- */

static const char *db_of(unsigned i)
{
    return i == 3 ? "crm" : "shop";
}

static void put_own_key(struct sim_source *s, struct buf *columns, struct buf *key)
{
    if (sim_pick(s, 4) == 0) {
        buf_put_str(columns, "a INT NOT NULL, b BIGINT NOT NULL");
        buf_put_str(key, "a, b");
    } else {
        buf_put_str(columns, sim_pick(s, 2) ? "id INT NOT NULL" : "id BIGINT NOT NULL");
        buf_put_str(key, "id");
    }
}

static const char *type_of(const struct column *c)
{
    return c->type == COLUMN_BIGINT ? "BIGINT" : "INT";
}

static void put_action(struct sim_source *s, struct buf *b, const char *on, bool may_null,
                       bool may_cascade)
{
    unsigned dice = sim_pick(s, 20);

    if (may_cascade && dice < 9)
        buf_putf(b, " %s CASCADE", on);
    else if (may_null && dice < 14)
        buf_putf(b, " %s SET NULL", on);
    else if (dice < 16)
        buf_putf(b, " %s RESTRICT", on);
}

/* Columns that refer to the parent's key: the child's own key if `shared`. self: InnoDB takes
 * updates of a table that refers to itself for RESTRICT. */
static void put_parent(struct sim_source *s, const struct table *up, bool shared, bool self,
                       struct buf *columns, struct buf *fk)
{
    bool nullable = !shared && sim_pick(s, 4) > 0;
    const char *prefix = shared ? "" : "p_";

    buf_put_str(fk, "FOREIGN KEY (");
    for (uint32_t i = 0; i < up->n_row_key; i++) {
        const struct column *c = &up->columns[up->row_key[i]];

        buf_putf(columns, "%s%s%s %s%s", columns->len ? ", " : "", prefix, c->name, type_of(c),
                 nullable ? "" : " NOT NULL");
        buf_putf(fk, "%s%s%s", i ? ", " : "", prefix, c->name);
    }
    buf_putf(fk, ") REFERENCES %s.%s (", up->db, up->name);
    for (uint32_t i = 0; i < up->n_row_key; i++)
        buf_putf(fk, "%s%s", i ? ", " : "", up->columns[up->row_key[i]].name);
    buf_put_str(fk, ")");
    put_action(s, fk, "ON DELETE", nullable, true);
    if (!self)
        put_action(s, fk, "ON UPDATE", nullable, true);
}

static void put_key_of(const struct table *up, struct buf *key)
{
    for (uint32_t i = 0; i < up->n_row_key; i++)
        buf_putf(key, "%s%s", i ? ", " : "", up->columns[up->row_key[i]].name);
}

static void put_rest(struct sim_source *s, struct buf *columns, bool unique)
{
    buf_put_str(columns, ", n INT, v VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
    buf_put_str(columns, sim_pick(s, 2) ? " NOT NULL" : "");
    if (unique)
        buf_put_str(columns, ", u INT, UNIQUE KEY u (u)");
}

struct parts {
    struct buf columns, key, fk, text;
};

static void run_create(struct sim_source *s, const char *db, const char *name, struct parts *p)
{
    buf_putf(&p->text, "CREATE TABLE %s.%s (%s", db, name, buf_cstr(&p->columns));
    if (p->key.len)
        buf_putf(&p->text, ", PRIMARY KEY (%s)", buf_cstr(&p->key));
    if (p->fk.len)
        buf_putf(&p->text, ", CONSTRAINT fk%u %s", s->constraints++, buf_cstr(&p->fk));
    buf_put_str(&p->text, ")");
    sim_define_by(s, buf_cstr(&p->text));
    sim_binlog_ddl(s, db, buf_cstr(&p->text));
    buf_release(&p->columns);
    buf_release(&p->key);
    buf_release(&p->fk);
    buf_release(&p->text);
}

/* A tree: rows refer to rows of the same table. */
static void put_tree(struct sim_source *s, const char *db, const char *name, struct parts *p)
{
    buf_put_str(&p->columns, "id INT NOT NULL, p_id INT");
    buf_put_str(&p->key, "id");
    buf_putf(&p->fk, "FOREIGN KEY (p_id) REFERENCES %s.%s (id)", db, name);
    put_action(s, &p->fk, "ON DELETE", true, true);
}

void sim_create_table(struct sim_source *s, const char *db, const char *name,
                      const struct table *up)
{
    struct parts p = {BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT};
    unsigned dice = sim_pick(s, 8);

    if (up) {
        bool shared = dice < 2;

        if (!shared)
            put_own_key(s, &p.columns, &p.key);
        put_parent(s, up, shared, false, &p.columns, &p.fk);
        if (shared)
            put_key_of(up, &p.key);
    } else if (dice < 2) {
        put_tree(s, db, name, &p);
    } else if (dice < 3) {
        buf_put_str(&p.columns, "k INT NOT NULL"); /* no key: rows are a multiset */
    } else {
        put_own_key(s, &p.columns, &p.key);
    }
    put_rest(s, &p.columns, p.key.len && sim_pick(s, 4) == 0);
    run_create(s, db, name, &p);
}

static void create_root(struct sim_source *s)
{
    struct parts p = {BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT};

    put_own_key(s, &p.columns, &p.key);
    put_rest(s, &p.columns, sim_pick(s, 4) == 0);
    run_create(s, "shop", "t0", &p);
}

void sim_make_tables(struct sim_source *s)
{
    static const char *const databases[] = {"CREATE DATABASE shop CHARACTER SET utf8mb4",
                                            "CREATE DATABASE crm CHARACTER SET utf8mb4"};

    for (size_t i = 0; i < 2; i++) {
        sim_define_by(s, databases[i]);
        sim_binlog_ddl(s, i ? "crm" : "shop", databases[i]);
    }
    create_root(s);
    for (unsigned i = 1; i < s->shape.tables; i++) {
        const struct table *up = NULL;
        char name[16];

        snprintf(name, sizeof(name), "t%u", i);
        if (i <= s->shape.fk_levels)
            up = sim_def(s->tables[i - 1]);
        else if (s->shape.fk_levels && sim_pick(s, 3) == 0)
            up = sim_def(s->tables[sim_pick(s, s->shape.fk_levels)]);
        sim_create_table(s, db_of(i), name, up);
    }
    s->names = s->shape.tables;
}
