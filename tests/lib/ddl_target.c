#include "tests/lib/ddl_target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/xalloc.h"
#include "targets/mariadb/ddl.h"
#include "targets/sqltext.h"

#define VERSION 101100
#define FRESH "ddl_fresh" /* database for tables made anew, to compare with */

struct ddl_target {
    MYSQL *m;
    unsigned n_bad;
    unsigned n_statements;
    unsigned n_compared;
    unsigned n_reloads;
    unsigned n_defaults;
};

static bool run(struct ddl_target *t, const char *sql)
{
    if (sql[0] == '\0')
        return true;
    t->n_statements++;
    if (mysql_query(t->m, sql) == 0) {
        MYSQL_RES *res = mysql_store_result(t->m);

        mysql_free_result(res);
        return true;
    }
    t->n_bad++;
    printf("target refuses: %s\n  %s\n", mysql_error(t->m), sql);
    return false;
}

struct ddl_target *ddl_target_open(MYSQL *m)
{
    struct ddl_target *t = xcalloc(1, sizeof(*t));

    t->m = m;
    run(t, "SET sql_mode='STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,"
           "NO_ENGINE_SUBSTITUTION', time_zone='+00:00', check_constraint_checks=0, "
           "foreign_key_checks=0");
    run(t, "CREATE OR REPLACE DATABASE " FRESH);
    return t;
}

void ddl_target_close(struct ddl_target *t)
{
    if (t == NULL)
        return;
    printf(
        "target: %u statements, %u tables compared, %u defaults compared, %u reloads asked for\n",
        t->n_statements, t->n_compared, t->n_defaults, t->n_reloads);
    mysql_close(t->m);
    free(t);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of SHOW CREATE TABLE in order, without foreign keys, counter and commas. */
static char *sorted_create(struct ddl_target *t, const char *db, const char *name)
{
    struct buf b = BUF_INIT;
    char *lines[5000], *text, *line, *rest, *result;
    MYSQL_RES *res;
    MYSQL_ROW row;
    size_t n = 0;

    buf_put_str(&b, "SHOW CREATE TABLE ");
    sql_put_table(&b, db, name);
    if (mysql_query(t->m, buf_cstr(&b)) != 0) {
        buf_release(&b);
        return NULL;
    }
    buf_reset(&b);
    res = mysql_store_result(t->m);
    row = mysql_fetch_row(res);
    rest = text = xstrdup(row[1]);
    mysql_free_result(res);
    while ((line = strsep(&rest, "\n")) != NULL && n < 5000) {
        size_t len = strlen(line);
        char *counter = strstr(line, " AUTO_INCREMENT=");

        if (strstr(line, " FOREIGN KEY (") || strncmp(line, "CREATE TABLE", 12) == 0)
            continue;
        if (counter && line[0] == ')')
            memmove(counter, counter + 16 + strspn(counter + 16, "0123456789"),
                    strlen(counter + 16 + strspn(counter + 16, "0123456789")) + 1);
        if (len > 0 && line[len - 1] == ',')
            line[len - 1] = '\0';
        lines[n++] = line;
    }
    /* Columns stay in their order; they come first. */
    size_t n_columns = 0;

    while (n_columns < n && strncmp(lines[n_columns], "  `", 3) == 0)
        n_columns++;
    qsort(lines + n_columns, n - n_columns, sizeof(*lines), compare_lines);
    for (size_t i = 0; i < n; i++)
        buf_putf(&b, "%s\n", lines[i]);
    result = xstrdup(buf_cstr(&b));
    buf_release(&b);
    free(text);
    return result;
}

static void compare_text(struct ddl_target *t, const char *what, const char *has, const char *want)
{
    t->n_compared++;
    if (has && want && strcmp(has, want) == 0)
        return;
    t->n_bad++;
    printf("--- %s\n%s--- made anew\n%s\n", what, has ? has : "(none)\n", want ? want : "(none)\n");
}

/* The table as a load makes it: row key first, then the other keys. */
static char *loaded(struct ddl_target *t, struct table *fresh)
{
    struct buf b = BUF_INIT;
    struct err err = ERR_INIT;
    char *text = NULL;

    if (!mariadb_put_create(fresh, VERSION, TABLE_ROW_KEY_ONLY, &b, NULL, &err) ||
        !run(t, buf_cstr(&b)))
        goto done;
    buf_reset(&b);
    if (!mariadb_put_add_keys(fresh, VERSION, &b, NULL, &err) || !run(t, buf_cstr(&b)))
        goto done;
    text = sorted_create(t, fresh->db, fresh->name);
done:
    if (err.kind != ERR_NONE)
        printf("%s\n", err.text);
    run(t, "DROP DATABASE " FRESH);
    run(t, "CREATE DATABASE " FRESH);
    buf_release(&b);
    return text;
}

/* Does the table on the target look as one that is made from the definition now? */
static void compare(struct ddl_target *t, const struct table *now)
{
    struct table *fresh = table_clone(now);
    struct buf b = BUF_INIT;
    struct err err = ERR_INIT;
    char *want = NULL, *has, *by_load;

    fresh->db = FRESH;
    if (!mariadb_put_create(fresh, VERSION, TABLE_WITH_KEYS, &b, NULL, &err)) {
        t->n_bad++;
        printf("not said: %s\n", err.text);
    } else if (run(t, buf_cstr(&b))) {
        want = sorted_create(t, FRESH, now->name);
    }
    run(t, "DROP DATABASE " FRESH);
    run(t, "CREATE DATABASE " FRESH);
    has = sorted_create(t, now->db, now->name);
    compare_text(t, "on the target", has, want);
    by_load = loaded(t, fresh);
    compare_text(t, "as loaded", by_load, want);
    free(has);
    free(want);
    free(by_load);
    buf_release(&b);
    table_free(fresh);
}

/* What a reload does: drop, make with the row key, keys, foreign keys. */
static void reload(struct ddl_target *t, const struct ddl_effect *e)
{
    struct buf b = BUF_INIT;
    struct err err = ERR_INIT;

    t->n_reloads++;
    buf_put_str(&b, "DROP TABLE ");
    sql_put_table(&b, e->before->db, e->before->name);
    run(t, buf_cstr(&b));
    buf_reset(&b);
    if (mariadb_put_create(e->after, VERSION, TABLE_ROW_KEY_ONLY, &b, NULL, &err))
        run(t, buf_cstr(&b));
    buf_reset(&b);
    if (mariadb_put_add_keys(e->after, VERSION, &b, NULL, &err))
        run(t, buf_cstr(&b));
    buf_reset(&b);
    mariadb_put_add_fks(e->after, &b);
    run(t, buf_cstr(&b));
    if (err.kind != ERR_NONE) {
        t->n_bad++;
        printf("%s\n", err.text);
    }
    buf_release(&b);
}

unsigned ddl_target_follow(struct ddl_target *t, const struct catalog *c, const struct ddl *ddl)
{
    struct arena arena = {0};
    struct err err = ERR_INIT;
    struct notes notes = {NULL, 0};
    const char **sql;
    unsigned bad = t->n_bad;
    size_t n;

    if (mariadb_ddl_statements(ddl, VERSION, &arena, &sql, &n, &notes, &err)) {
        for (size_t i = 0; i < n; i++)
            run(t, sql[i]);
    } else if (strcmp(err.reason, "ddl_reload") == 0) {
        printf("reload: %s\n", err.text);
        reload(t, &ddl->effects[0]);
    } else {
        t->n_bad++;
        printf("not said: %s\n", err.text);
    }
    for (size_t i = 0; i < notes.n; i++)
        printf("note: %s\n", notes.lines[i]);
    notes_release(&notes);
    for (uint32_t i = 0; i < ddl->n_effects; i++) {
        const struct table *after = ddl->effects[i].after;

        if (after && catalog_get(c, after->db, after->name) == after)
            compare(t, after);
    }
    arena_release(&arena);
    return t->n_bad - bad;
}

/* The columns with a literal default, from the only row. */
static void put_select(struct buf *b, const struct table *table)
{
    const char *separator = "SELECT ";

    for (uint32_t i = 0; i < table->n_columns; i++) {
        if (table->columns[i].default_kind != DEFAULT_LITERAL)
            continue;
        buf_put_str(b, separator);
        if (table->columns[i].type == COLUMN_BIT)
            buf_put_str(b, "0+");
        sql_put_name(b, table->columns[i].name);
        separator = ", ";
    }
    if (b->len == 0)
        return;
    buf_put_str(b, " FROM ");
    sql_put_table(b, table->db, table->name);
}

static MYSQL_RES *default_row(MYSQL *m, const struct table *table)
{
    struct buf b = BUF_INIT;
    MYSQL_RES *res = NULL;

    buf_put_str(&b, "DELETE FROM ");
    sql_put_table(&b, table->db, table->name);
    if (mysql_query(m, buf_cstr(&b)) != 0)
        printf("not emptied: %s\n", mysql_error(m));
    buf_reset(&b);
    buf_put_str(&b, "INSERT INTO ");
    sql_put_table(&b, table->db, table->name);
    buf_put_str(&b, " () VALUES ()");
    if (mysql_query(m, buf_cstr(&b)) != 0) {
        printf("no row: %s\n  %s\n", mysql_error(m), buf_cstr(&b));
    } else {
        buf_reset(&b);
        put_select(&b, table);
        if (mysql_query(m, buf_cstr(&b)) == 0)
            res = mysql_store_result(m);
    }
    buf_release(&b);
    return res;
}

static bool has_literal_default(const struct table *table)
{
    for (uint32_t i = 0; i < table->n_columns; i++) {
        if (table->columns[i].default_kind == DEFAULT_LITERAL)
            return true;
    }
    return false;
}

unsigned ddl_target_defaults(struct ddl_target *t, MYSQL *source, const struct table *table)
{
    MYSQL_RES *a, *b;
    MYSQL_ROW x, y;
    unsigned bad = t->n_bad;

    if (!has_literal_default(table))
        return 0;
    run(t, "SET sql_mode='ALLOW_INVALID_DATES'");
    a = default_row(source, table);
    b = default_row(t->m, table);
    x = a ? mysql_fetch_row(a) : NULL;
    y = b ? mysql_fetch_row(b) : NULL;
    if (x == NULL || y == NULL) {
        t->n_bad++;
        printf("%s.%s: no row of defaults to compare\n", table->db, table->name);
    }
    for (unsigned i = 0; x && y && i < mysql_num_fields(a); i++) {
        unsigned long *lx = mysql_fetch_lengths(a), *ly = mysql_fetch_lengths(b);

        t->n_defaults++;
        if (x[i] && y[i] && lx[i] == ly[i] && memcmp(x[i], y[i], lx[i]) == 0)
            continue;
        t->n_bad++;
        printf("%s.%s.%s: default %s on the source, %s on the target\n", table->db, table->name,
               mysql_fetch_field_direct(a, i)->name, x[i] ? x[i] : "NULL", y[i] ? y[i] : "NULL");
    }
    mysql_free_result(a);
    mysql_free_result(b);
    return t->n_bad - bad;
}
