/*
 * ddl_model.c - does the replayed definition stay equal to the source's, statement by statement?
 *
 * usage: ddl_model SOURCE_SOCKET TARGET_SOCKET|- CORPUS
 *
 * Each statement of the corpus runs on MySQL and is replayed on a catalogue; then the
 * canonical text of every table must equal that of its SHOW CREATE TABLE. Expressions are
 * compared by their tokens without parentheses and character set introducers, because the
 * server prints them anew. With a target socket, the statements that the definitions become
 * for MariaDB run there too, and its columns and keys are compared.
 * Prints each difference; exit 1 if there is one.
 */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/base/fs.h"
#include "schema/ddl/ddl.h"
#include "targets/sqltext.h"
#include "tests/lib/ddl_target.h"

struct run {
    MYSQL *source;
    struct catalog *catalog;
    struct ddl_target *target; /* NULL: not asked for */
    struct arena arena;
    char db[65];
    unsigned n_statements;
    unsigned n_compared;
    unsigned n_bad;
};

static MYSQL *connect_socket(const char *socket)
{
    MYSQL *m = mysql_init(NULL);

    mysql_options(m, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (mysql_real_connect(m, NULL, "root", "", NULL, 0, socket, 0) == NULL) {
        fprintf(stderr, "%s: %s\n", socket, mysql_error(m));
        exit(1);
    }
    return m;
}

/* --- one table, all tables ------------------------------------------------------------------ */

static char *show_create(struct run *r, const char *db, const char *name)
{
    struct buf q = BUF_INIT;
    char *text = NULL;
    MYSQL_RES *res;

    buf_put_str(&q, "SHOW CREATE TABLE ");
    sql_put_table(&q, db, name);
    if (mysql_real_query(r->source, buf_cstr(&q), q.len) == 0) {
        MYSQL_ROW row;

        res = mysql_store_result(r->source);
        row = mysql_fetch_row(res);
        text = strdup(row[1]);
        mysql_free_result(res);
    }
    buf_release(&q);
    return text;
}

static void compare_table(struct run *r, const struct table *t)
{
    char *text = show_create(r, t->db, t->name);
    struct buf ours = BUF_INIT, theirs = BUF_INIT, again = BUF_INIT;
    struct table *shown = NULL, *reread = NULL;
    struct err err = ERR_INIT;

    r->n_compared++;
    if (text == NULL) {
        r->n_bad++;
        printf("table %s.%s is in the model only\n", t->db, t->name);
        catalog_remove(r->catalog, t->db, t->name);
        return;
    }
    ddl_print_loose(t, &ours);
    if (!ddl_parse_table(text, t->db, &shown, &err)) {
        r->n_bad++;
        printf("SHOW CREATE TABLE not read: %s\n%s\n", err.text, text);
        goto done;
    }
    ddl_print_loose(shown, &theirs);
    if (strcmp(buf_cstr(&ours), buf_cstr(&theirs)) != 0) {
        r->n_bad++;
        printf("--- model\n%s\n--- source\n%s\n", buf_cstr(&ours), buf_cstr(&theirs));
        catalog_put(r->catalog, shown); /* report a difference once */
        shown = NULL;
        goto done;
    }
    /* The canonical text itself must be read back to the same text. */
    buf_reset(&ours);
    ddl_print_table(t, &ours);
    if (!ddl_parse_table(buf_cstr(&ours), "", &reread, &err)) {
        r->n_bad++;
        printf("canonical text not read: %s\n%s\n", err.text, buf_cstr(&ours));
        goto done;
    }
    ddl_print_table(reread, &again);
    if (strcmp(buf_cstr(&ours), buf_cstr(&again)) != 0) {
        r->n_bad++;
        printf("--- canonical\n%s\n--- read again\n%s\n", buf_cstr(&ours), buf_cstr(&again));
    }
done:
    table_free(shown);
    table_free(reread);
    buf_release(&ours);
    buf_release(&theirs);
    buf_release(&again);
    free(text);
}

static void adopt(struct run *r, const char *db, const char *name)
{
    char *text = show_create(r, db, name);
    struct table *t;
    struct err err = ERR_INIT;

    if (text && ddl_parse_table(text, db, &t, &err))
        catalog_put(r->catalog, t);
    free(text);
}

static void compare_all(struct run *r)
{
    const struct table **tables;
    size_t n = catalog_tables(r->catalog, &tables);
    MYSQL_RES *res;
    MYSQL_ROW row;

    for (size_t i = 0; i < n; i++)
        compare_table(r, tables[i]);
    free(tables);
    if (mysql_query(r->source, "SELECT table_schema, table_name FROM information_schema.tables "
                               "WHERE table_type = 'BASE TABLE' AND table_schema LIKE 'ddl\\_%'"))
        return;
    res = mysql_store_result(r->source);
    while ((row = mysql_fetch_row(res)) != NULL) {
        if (catalog_get(r->catalog, row[0], row[1]) == NULL) {
            r->n_bad++;
            printf("table %s.%s is not in the model\n", row[0], row[1]);
            adopt(r, row[0], row[1]);
        }
    }
    mysql_free_result(res);
}

/* One row of a query as strings in the arena, or false. */
static bool first_row(struct run *r, const char *sql, const char **out, unsigned n)
{
    MYSQL_RES *res;
    MYSQL_ROW row;

    if (mysql_query(r->source, sql) != 0 || (res = mysql_store_result(r->source)) == NULL)
        return false;
    row = mysql_fetch_row(res);
    for (unsigned i = 0; row && i < n; i++)
        out[i] = arena_strdup(&r->arena, row[i] ? row[i] : "");
    mysql_free_result(res);
    return row != NULL;
}

static void replay(struct run *r, const char *text)
{
    const char *collation = NULL;
    struct ddl_context ctx = {.db = r->db, .explicit_defaults_for_timestamp = true};
    struct err err = ERR_INIT;
    struct ddl ddl;

    if (first_row(r, "SELECT @@default_collation_for_utf8mb4", &collation, 1))
        ctx.utf8mb4_collation = collation;
    if (!ddl_replay(r->catalog, text, &ctx, &r->arena, &ddl, &err)) {
        r->n_bad++;
        printf("not replayed: %s (%s)\n  %s\n", err.text, err.reason, text);
        return;
    }
    if (ddl.kind == DDL_IGNORED)
        return;
    compare_all(r);
    if (r->target)
        r->n_bad += ddl_target_follow(r->target, r->catalog, &ddl);
}

/*
 * What the binlog has of a statement: MySQL rewrites some of them. The Info column is in three
 * byte UTF-8, so a text with longer characters is taken as it was sent.
 */
static void replay_logged(struct run *r, const char *file, const char *position, const char *sent)
{
    char sql[300];
    const char *logged[64];
    unsigned n = 0;
    MYSQL_RES *res;
    MYSQL_ROW row;

    snprintf(sql, sizeof(sql), "SHOW BINLOG EVENTS IN '%s' FROM %s", file, position);
    if (mysql_query(r->source, sql) != 0 || (res = mysql_store_result(r->source)) == NULL) {
        r->n_bad++;
        printf("no binlog: %s\n", mysql_error(r->source));
        return;
    }
    while ((row = mysql_fetch_row(res)) != NULL && n < 64) {
        const char *info = row[5], *use = strstr(row[5], "`; ");

        if (strcmp(row[2], "Query") != 0 || strcmp(info, "BEGIN") == 0)
            continue;
        if (strncmp(info, "use `", 5) == 0 && use)
            info = use + 3;
        logged[n++] = arena_strdup(&r->arena, strchr(sent, (char)0xf0) ? sent : info);
    }
    mysql_free_result(res);
    for (unsigned i = 0; i < n; i++)
        replay(r, logged[i]);
}

static void run_statement(struct run *r, const char *text)
{
    const char *log[2] = {"", ""};
    unsigned bad = r->n_bad;

    r->n_statements++;
    arena_reset(&r->arena);
    if (!first_row(r, "SHOW BINARY LOG STATUS", log, 2)) {
        r->n_bad++;
        printf("the source has no binlog\n");
        return;
    }
    if (mysql_query(r->source, text) != 0) {
        r->n_bad++;
        printf("source refuses: %s\n  %s\n", mysql_error(r->source), text);
        return;
    }
    mysql_free_result(mysql_store_result(r->source));
    if (sscanf(text, "USE %64s", r->db) == 1)
        return;
    replay_logged(r, log[0], log[1], text);
    if (r->n_bad != bad)
        printf("=== after: %s\n\n", text);
}

/* A row of nothing but defaults must be the same on both sides. */
static void compare_defaults(struct run *r)
{
    const struct table **tables;
    size_t n = catalog_tables(r->catalog, &tables);

    if (mysql_query(r->source, "SET sql_mode='ALLOW_INVALID_DATES'") != 0)
        r->n_bad++;
    for (size_t i = 0; r->target && i < n; i++)
        r->n_bad += ddl_target_defaults(r->target, r->source, tables[i]);
    free(tables);
}

/* Statements end with ";" at the end of a line; lines that start with "-- " are left out. */
static void run_corpus(struct run *r, char *text)
{
    struct buf statement = BUF_INIT;
    char *line, *rest = text;

    while ((line = strsep(&rest, "\n")) != NULL) {
        size_t n = strlen(line);

        if (strncmp(line, "-- ", 3) == 0 || (n == 0 && statement.len == 0))
            continue;
        if (statement.len)
            buf_put_u8(&statement, '\n');
        buf_put(&statement, line, n);
        if (n > 0 && line[n - 1] == ';') {
            buf_truncate(&statement, statement.len - 1);
            run_statement(r, buf_cstr(&statement));
            buf_reset(&statement);
        }
    }
    buf_release(&statement);
}

int main(int argc, char **argv)
{
    struct run r = {0};
    struct err err = ERR_INIT;
    size_t len;
    char *text;

    if (argc != 4) {
        fprintf(stderr, "usage: ddl_model SOURCE_SOCKET TARGET_SOCKET|- CORPUS\n");
        return 2;
    }
    if (!fs_read_file(fs_real(), argv[3], 16 << 20, &text, &len, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    r.source = connect_socket(argv[1]);
    r.catalog = catalog_new();
    if (strcmp(argv[2], "-") != 0)
        r.target = ddl_target_open(connect_socket(argv[2]));
    run_corpus(&r, text);
    compare_defaults(&r);
    printf("%u statements, %u comparisons, %u differences\n", r.n_statements, r.n_compared,
           r.n_bad);
    ddl_target_close(r.target);
    catalog_free(r.catalog);
    arena_release(&r.arena);
    mysql_close(r.source);
    free(text);
    return r.n_bad > 0 || r.n_compared == 0;
}
