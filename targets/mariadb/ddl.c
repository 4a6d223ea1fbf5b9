#include "targets/mariadb/ddl.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "schema/types/types.h"
#include "targets/mariadb/say.h"
#include "targets/sqltext.h"

#define VARBINARY_VECTOR_MAX 4096 /* bytes; longer vectors are BLOBs, for the row size */

void say_note(const struct say *s, const char *fmt, ...)
{
    char text[512];
    va_list args;

    if (s->notes == NULL)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    notes_add(s->notes, "%s.%s: %s", s->table->db, s->table->name, text);
}

bool say_charset(const struct say *s, struct buf *b, const char *charset, const char *collation,
                 const char *what)
{
    bool differs;
    const char *name = collation_for_mariadb(collation, s->version, &differs);

    if (name == NULL) {
        err_reason(s->err, ERR_DATA, "charset_unsupported",
                   "%s has character set %s, which MariaDB lacks; "
                   "convert it to utf8mb4 on the source",
                   what, charset);
        return false;
    }
    buf_putf(b, " CHARACTER SET %s COLLATE %s", charset, name);
    return true;
}

/* --- columns -------------------------------------------------------------------------------- */

static void put_vector(const struct say *s, struct buf *b, const struct column *c)
{
    if (s->version >= MARIADB_VECTOR)
        buf_putf(b, "vector(%u)", c->length);
    else if (c->length * 4 <= VARBINARY_VECTOR_MAX)
        buf_putf(b, "varbinary(%u)", c->length * 4);
    else
        buf_put_str(b, "blob");
}

static void put_type(const struct say *s, struct buf *b, const struct column *c, bool generated)
{
    if (c->type == COLUMN_VECTOR)
        put_vector(s, b, c);
    else if (c->type == COLUMN_GEOMETRY && c->geometry == GEOMETRY_COLLECTION)
        buf_put_str(b, "geometrycollection");
    else if (c->type == COLUMN_JSON && generated)
        buf_put_str(b, "longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
    else
        column_put_type(b, c);
}

static void put_now(struct buf *b, const struct column *c)
{
    buf_put_str(b, "CURRENT_TIMESTAMP");
    if (c->fsp)
        buf_putf(b, "(%u)", c->fsp);
}

static void put_default(const struct say *s, struct buf *b, const struct column *c)
{
    if (c->default_kind == DEFAULT_NONE || !say_keeps_default(c))
        return;
    buf_put_str(b, " DEFAULT ");
    if (c->default_kind == DEFAULT_NULL) {
        buf_put_str(b, "NULL");
    } else if (c->default_kind == DEFAULT_NOW) {
        put_now(b, c);
    } else if (c->default_kind == DEFAULT_LITERAL) {
        buf_put_str(b, c->default_text);
    } else {
        buf_put_u8(b, '(');
        say_expr(s, b, c->default_text);
        buf_put_u8(b, ')');
    }
}

/* MariaDB wants a default for an invisible NOT NULL column; else it stays visible. */
static bool stays_invisible(const struct table *t, const struct column *c)
{
    bool generated = c->generated != GENERATED_NONE && !mariadb_column_is_plain(t, c);
    bool has_default = c->default_kind != DEFAULT_NONE && say_keeps_default(c);

    return c->invisible && (c->nullable || generated || c->auto_increment || has_default);
}

static void put_value_attributes(const struct say *s, struct buf *b, const struct column *c,
                                 bool generated, bool auto_increment)
{
    if (generated) {
        buf_put_str(b, " GENERATED ALWAYS AS (");
        say_expr(s, b, c->generated_expr);
        buf_put_str(b, c->generated == GENERATED_STORED ? ") STORED" : ") VIRTUAL");
        return;
    }
    buf_put_str(b, c->nullable ? " NULL" : " NOT NULL");
    put_default(s, b, c);
    if (c->on_update_now) {
        buf_put_str(b, " ON UPDATE ");
        put_now(b, c);
    }
    if (c->auto_increment && auto_increment)
        buf_put_str(b, " AUTO_INCREMENT");
}

bool say_column(const struct say *s, struct buf *b, const struct column *c, bool auto_increment)
{
    bool generated = c->generated != GENERATED_NONE && !mariadb_column_is_plain(s->table, c);
    char what[300];

    sql_put_name(b, c->name);
    buf_put_u8(b, ' ');
    put_type(s, b, c, generated);
    snprintf(what, sizeof(what), "column %s.%s.%s", s->table->db, s->table->name, c->name);
    if (c->charset && !say_charset(s, b, c->charset, c->collation, what))
        return false;
    put_value_attributes(s, b, c, generated, auto_increment);
    if (stays_invisible(s->table, c))
        buf_put_str(b, " INVISIBLE");
    if (c->comment[0]) {
        buf_put_str(b, " COMMENT ");
        sql_put_string(b, bytes_str(c->comment));
    }
    return true;
}

static bool in_unique_key(const struct table *t, const struct column *c)
{
    for (uint32_t i = 0; i < t->n_keys; i++) {
        const struct key *k = &t->keys[i];

        if (k->kind != KEY_PRIMARY && k->kind != KEY_UNIQUE)
            continue;
        for (uint32_t j = 0; j < k->n_parts; j++) {
            if (k->parts[j].column && strcasecmp(k->parts[j].column, c->name) == 0)
                return true;
        }
    }
    return false;
}

void say_note_column(const struct say *s, const struct column *c)
{
    bool differs = false;

    if (c->has_srid)
        say_note(s, "column %s: SRID %u is kept in the values, not enforced", c->name, c->srid);
    if (c->type == COLUMN_VECTOR && s->version < MARIADB_VECTOR)
        say_note(s, "column %s: vector(%u) is kept as bytes", c->name, c->length);
    if (mariadb_column_is_plain(s->table, c))
        say_note(s, "column %s: generated on the source, a plain column with the same values here",
                 c->name);
    if (!say_keeps_default(c))
        say_note(s, "column %s: its default expression is left out", c->name);
    if (c->invisible && !stays_invisible(s->table, c))
        say_note(s, "column %s: visible, because it has no default", c->name);
    if (c->collation && in_unique_key(s->table, c)) {
        const char *name = collation_for_mariadb(c->collation, s->version, &differs);

        if (differs)
            say_note(s, "column %s in a unique key: collation %s stands for %s", c->name, name,
                     c->collation);
    }
}

/* --- keys and constraints -------------------------------------------------------------------- */

bool say_has_key(const struct key *k)
{
    for (uint32_t i = 0; i < k->n_parts; i++) {
        if (k->parts[i].column == NULL)
            return false;
    }
    return true;
}

void say_key(struct buf *b, const struct key *k)
{
    static const char *const kinds[] = {
        [KEY_PRIMARY] = "PRIMARY KEY",    [KEY_UNIQUE] = "UNIQUE KEY ",   [KEY_INDEX] = "KEY ",
        [KEY_FULLTEXT] = "FULLTEXT KEY ", [KEY_SPATIAL] = "SPATIAL KEY ",
    };

    buf_put_str(b, kinds[k->kind]);
    if (k->kind != KEY_PRIMARY)
        sql_put_name(b, k->name);
    for (uint32_t i = 0; i < k->n_parts; i++) {
        buf_put_str(b, i ? "," : " (");
        sql_put_name(b, k->parts[i].column);
        if (k->parts[i].prefix)
            buf_putf(b, "(%u)", k->parts[i].prefix);
        if (k->parts[i].desc)
            buf_put_str(b, " DESC");
    }
    buf_put_u8(b, ')');
    if (k->comment[0]) {
        buf_put_str(b, " COMMENT ");
        sql_put_string(b, bytes_str(k->comment));
    }
    if (k->invisible)
        buf_put_str(b, " IGNORED");
}

void say_note_key(const struct say *s, const struct key *k)
{
    if (!say_has_key(k))
        say_note(s, "%s %s is left out: MariaDB has no keys on expressions",
                 k->kind == KEY_UNIQUE ? "unique key" : "key", k->name);
    if (k->parser)
        say_note(s, "fulltext key %s: without parser %s", k->name, k->parser);
}

void say_check(const struct say *s, struct buf *b, const struct check *c)
{
    buf_put_str(b, "CONSTRAINT ");
    sql_put_name(b, c->name);
    buf_put_str(b, " CHECK (");
    say_expr(s, b, c->expr);
    buf_put_u8(b, ')');
}

void say_note_check(const struct say *s, const struct check *c)
{
    if (!c->enforced)
        say_note(s, "check %s is left out: it is not enforced on the source", c->name);
    else if (!say_has_check(c))
        say_note(s, "check %s is left out: MariaDB cannot evaluate it", c->name);
}

static void put_names(struct buf *b, const char **names, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        buf_put_str(b, i ? "," : "(");
        sql_put_name(b, names[i]);
    }
    buf_put_u8(b, ')');
}

void say_fk(struct buf *b, const struct foreign_key *f)
{
    /* SET DEFAULT is accepted by both servers and done by neither. */
    static const char *const actions[] = {
        [FK_NO_ACTION] = NULL,      [FK_RESTRICT] = "RESTRICT", [FK_CASCADE] = "CASCADE",
        [FK_SET_NULL] = "SET NULL", [FK_SET_DEFAULT] = NULL,
    };

    buf_put_str(b, "CONSTRAINT ");
    sql_put_name(b, f->name);
    buf_put_str(b, " FOREIGN KEY ");
    put_names(b, f->columns, f->n_columns);
    buf_put_str(b, " REFERENCES ");
    sql_put_table(b, f->ref_db, f->ref_table);
    buf_put_u8(b, ' ');
    put_names(b, f->ref_columns, f->n_columns);
    if (actions[f->on_delete])
        buf_putf(b, " ON DELETE %s", actions[f->on_delete]);
    if (actions[f->on_update])
        buf_putf(b, " ON UPDATE %s", actions[f->on_update]);
}

/* --- tables ---------------------------------------------------------------------------------- */

static bool innodb_row_format(const char *format)
{
    return strcmp(format, "DYNAMIC") == 0 || strcmp(format, "COMPACT") == 0 ||
           strcmp(format, "REDUNDANT") == 0 || strcmp(format, "COMPRESSED") == 0;
}

void say_options(const struct say *s, struct buf *b)
{
    const struct table *t = s->table;

    buf_put_str(b, " ENGINE=InnoDB");
    if (t->row_format && innodb_row_format(t->row_format))
        buf_putf(b, " ROW_FORMAT=%s", t->row_format);
    if (t->key_block_size)
        buf_putf(b, " KEY_BLOCK_SIZE=%u", t->key_block_size);
    buf_put_str(b, " COMMENT=");
    sql_put_string(b, bytes_str(t->comment));
}

static bool is_row_key(const struct table *t, const struct key *k)
{
    return t->row_key_name && strcasecmp(k->name, t->row_key_name) == 0;
}

/* MariaDB wants an AUTO_INCREMENT column to lead a key that exists already. */
static bool auto_increment_waits(const struct table *t, enum table_parts parts)
{
    for (uint32_t i = 0; i < t->n_columns; i++) {
        if (t->columns[i].auto_increment)
            return parts == TABLE_ROW_KEY_ONLY && (t->n_row_key == 0 || t->row_key[0] != i);
    }
    return false;
}

static bool put_elements(const struct say *s, enum table_parts parts, struct buf *b)
{
    const struct table *t = s->table;
    bool waits = auto_increment_waits(t, parts);

    for (uint32_t i = 0; i < t->n_columns; i++) {
        buf_put_str(b, i ? ",\n  " : "\n  ");
        if (!say_column(s, b, &t->columns[i], !waits))
            return false;
        say_note_column(s, &t->columns[i]);
    }
    for (uint32_t i = 0; i < t->n_keys; i++) {
        bool wanted = is_row_key(t, &t->keys[i]) || parts == TABLE_WITH_KEYS;

        if (!wanted || !say_has_key(&t->keys[i])) {
            if (parts == TABLE_WITH_KEYS)
                say_note_key(s, &t->keys[i]);
            continue;
        }
        if (parts == TABLE_WITH_KEYS)
            say_note_key(s, &t->keys[i]);
        buf_put_str(b, ",\n  ");
        say_key(b, &t->keys[i]);
    }
    for (uint32_t i = 0; i < t->n_checks; i++) {
        say_note_check(s, &t->checks[i]);
        if (!say_has_check(&t->checks[i]))
            continue;
        buf_put_str(b, ",\n  ");
        say_check(s, b, &t->checks[i]);
    }
    return true;
}

bool mariadb_put_create(const struct table *t, uint32_t version, enum table_parts parts,
                        struct buf *out, struct notes *notes, struct err *err)
{
    struct say s = {t, version, notes, err};
    char what[200];

    buf_put_str(out, "CREATE TABLE ");
    sql_put_table(out, t->db, t->name);
    buf_put_str(out, " (");
    if (!put_elements(&s, parts, out))
        return false;
    buf_put_str(out, "\n)");
    say_options(&s, out);
    if (strcasecmp(t->engine, "InnoDB") != 0)
        say_note(&s, "engine InnoDB stands for %s", t->engine);
    snprintf(what, sizeof(what), "table %s.%s", t->db, t->name);
    buf_put_str(out, " DEFAULT");
    if (!say_charset(&s, out, t->charset, t->collation, what))
        return false;
    if (t->auto_increment)
        buf_putf(out, " AUTO_INCREMENT=%" PRIu64, t->auto_increment);
    if (t->partition) {
        buf_put_u8(out, '\n');
        say_expr(&s, out, t->partition);
    }
    return true;
}

static void put_head(struct buf *out, const struct table *t, bool *first)
{
    if (*first) {
        buf_put_str(out, "ALTER TABLE ");
        sql_put_table(out, t->db, t->name);
    }
    buf_put_str(out, *first ? "\n  " : ",\n  ");
    *first = false;
}

bool mariadb_put_add_keys(const struct table *t, uint32_t version, struct buf *out,
                          struct notes *notes, struct err *err)
{
    struct say s = {t, version, notes, err};
    bool first = true;

    for (uint32_t i = 0; i < t->n_keys; i++) {
        if (is_row_key(t, &t->keys[i]))
            continue;
        say_note_key(&s, &t->keys[i]);
        if (!say_has_key(&t->keys[i]))
            continue;
        put_head(out, t, &first);
        buf_put_str(out, "ADD ");
        say_key(out, &t->keys[i]);
    }
    for (uint32_t i = 0; auto_increment_waits(t, TABLE_ROW_KEY_ONLY) && i < t->n_columns; i++) {
        if (!t->columns[i].auto_increment)
            continue;
        put_head(out, t, &first);
        buf_put_str(out, "MODIFY COLUMN ");
        if (!say_column(&s, out, &t->columns[i], true))
            return false;
    }
    return true;
}

void mariadb_put_add_fks(const struct table *t, struct buf *out)
{
    bool first = true;

    for (uint32_t i = 0; i < t->n_fks; i++) {
        put_head(out, t, &first);
        buf_put_str(out, "ADD ");
        say_fk(out, &t->fks[i]);
    }
}

bool mariadb_put_create_database(const char *db, const char *charset, const char *collation,
                                 uint32_t version, struct buf *out, struct err *err)
{
    struct say s = {NULL, version, NULL, err};
    char what[200];

    snprintf(what, sizeof(what), "database %s", db);
    buf_put_str(out, "CREATE DATABASE IF NOT EXISTS ");
    sql_put_name(out, db);
    return say_charset(&s, out, charset, collation, what);
}
