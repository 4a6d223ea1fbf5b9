/*
 * print.c - a definition as canonical CREATE TABLE text.
 */
#include <inttypes.h>
#include <string.h>

#include "schema/ddl/ddl.h"
#include "schema/ddl/literal.h"

static void put_now(struct buf *b, const struct column *c)
{
    buf_put_str(b, "CURRENT_TIMESTAMP");
    if (c->fsp)
        buf_putf(b, "(%u)", c->fsp);
}

static void put_default(struct buf *b, const struct column *c)
{
    switch (c->default_kind) {
    case DEFAULT_NONE:
        return;
    case DEFAULT_NULL:
        buf_put_str(b, " DEFAULT NULL");
        return;
    case DEFAULT_LITERAL:
        buf_putf(b, " DEFAULT %s", c->default_text);
        return;
    case DEFAULT_NOW:
        buf_put_str(b, " DEFAULT ");
        put_now(b, c);
        return;
    case DEFAULT_EXPR:
        buf_putf(b, " DEFAULT (%s)", c->default_text);
        return;
    }
}

static void put_column(struct buf *b, const struct column *c)
{
    sql_name_put(b, c->name);
    buf_put_u8(b, ' ');
    column_put_type(b, c);
    if (c->charset)
        buf_putf(b, " CHARACTER SET %s COLLATE %s", c->charset, c->collation);
    if (c->generated != GENERATED_NONE)
        buf_putf(b, " GENERATED ALWAYS AS (%s) %s", c->generated_expr,
                 c->generated == GENERATED_STORED ? "STORED" : "VIRTUAL");
    buf_put_str(b, c->nullable ? " NULL" : " NOT NULL");
    put_default(b, c);
    if (c->on_update_now) {
        buf_put_str(b, " ON UPDATE ");
        put_now(b, c);
    }
    if (c->auto_increment)
        buf_put_str(b, " AUTO_INCREMENT");
    if (c->has_srid)
        buf_putf(b, " SRID %u", c->srid);
    if (c->invisible)
        buf_put_str(b, " INVISIBLE");
    if (c->comment[0]) {
        buf_put_str(b, " COMMENT ");
        sql_literal_put(b, bytes_str(c->comment));
    }
}

static void put_key_part(struct buf *b, const struct key_part *part)
{
    if (part->column)
        sql_name_put(b, part->column);
    else
        buf_putf(b, "(%s)", part->expr);
    if (part->prefix)
        buf_putf(b, "(%u)", part->prefix);
    if (part->desc)
        buf_put_str(b, " DESC");
}

static void put_key(struct buf *b, const struct key *k)
{
    static const char *const kinds[] = {
        [KEY_PRIMARY] = "PRIMARY KEY",    [KEY_UNIQUE] = "UNIQUE KEY ",   [KEY_INDEX] = "KEY ",
        [KEY_FULLTEXT] = "FULLTEXT KEY ", [KEY_SPATIAL] = "SPATIAL KEY ",
    };

    buf_put_str(b, kinds[k->kind]);
    if (k->kind != KEY_PRIMARY)
        sql_name_put(b, k->name);
    for (uint32_t i = 0; i < k->n_parts; i++) {
        buf_put_str(b, i ? "," : " (");
        put_key_part(b, &k->parts[i]);
    }
    buf_put_u8(b, ')');
    if (k->parser) {
        buf_put_str(b, " WITH PARSER ");
        sql_name_put(b, k->parser);
    }
    if (k->comment[0]) {
        buf_put_str(b, " COMMENT ");
        sql_literal_put(b, bytes_str(k->comment));
    }
    if (k->invisible)
        buf_put_str(b, " INVISIBLE");
    if (k->implicit)
        buf_put_str(b, " IMPLICIT");
}

static void put_names(struct buf *b, const char **names, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        buf_put_str(b, i ? "," : "(");
        sql_name_put(b, names[i]);
    }
    buf_put_u8(b, ')');
}

static void put_fk(struct buf *b, const struct foreign_key *f)
{
    static const char *const actions[] = {
        [FK_NO_ACTION] = NULL,      [FK_RESTRICT] = "RESTRICT",       [FK_CASCADE] = "CASCADE",
        [FK_SET_NULL] = "SET NULL", [FK_SET_DEFAULT] = "SET DEFAULT",
    };

    buf_put_str(b, "CONSTRAINT ");
    sql_name_put(b, f->name);
    buf_put_str(b, " FOREIGN KEY ");
    put_names(b, f->columns, f->n_columns);
    buf_put_str(b, " REFERENCES ");
    sql_name_put(b, f->ref_db);
    buf_put_u8(b, '.');
    sql_name_put(b, f->ref_table);
    buf_put_u8(b, ' ');
    put_names(b, f->ref_columns, f->n_columns);
    if (actions[f->on_delete])
        buf_putf(b, " ON DELETE %s", actions[f->on_delete]);
    if (actions[f->on_update])
        buf_putf(b, " ON UPDATE %s", actions[f->on_update]);
}

static void put_check(struct buf *b, const struct check *c)
{
    buf_put_str(b, "CONSTRAINT ");
    sql_name_put(b, c->name);
    buf_putf(b, " CHECK (%s)%s", c->expr, c->enforced ? "" : " NOT ENFORCED");
}

static void put_options(struct buf *b, const struct table *t)
{
    buf_put_str(b, " ENGINE=");
    sql_name_put(b, t->engine);
    buf_putf(b, " DEFAULT CHARSET=%s COLLATE=%s", t->charset, t->collation);
    if (t->row_format) {
        buf_put_str(b, " ROW_FORMAT=");
        sql_name_put(b, t->row_format);
    }
    if (t->key_block_size)
        buf_putf(b, " KEY_BLOCK_SIZE=%u", t->key_block_size);
    if (t->comment[0]) {
        buf_put_str(b, " COMMENT=");
        sql_literal_put(b, bytes_str(t->comment));
    }
    if (t->partition)
        buf_putf(b, "\n%s", t->partition);
}

void ddl_print_table(const struct table *t, struct buf *out)
{
    const char *separator = "\n  ";

    buf_put_str(out, "CREATE TABLE ");
    sql_name_put(out, t->db);
    buf_put_u8(out, '.');
    sql_name_put(out, t->name);
    buf_put_str(out, " (");
    for (uint32_t i = 0; i < t->n_columns; i++, separator = ",\n  ") {
        buf_put_str(out, separator);
        put_column(out, &t->columns[i]);
    }
    for (uint32_t i = 0; i < t->n_keys; i++) {
        buf_put_str(out, separator);
        put_key(out, &t->keys[i]);
    }
    for (uint32_t i = 0; i < t->n_fks; i++) {
        buf_put_str(out, separator);
        put_fk(out, &t->fks[i]);
    }
    for (uint32_t i = 0; i < t->n_checks; i++) {
        buf_put_str(out, separator);
        put_check(out, &t->checks[i]);
    }
    buf_put_str(out, "\n)");
    put_options(out, t);
}
