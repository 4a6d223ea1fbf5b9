#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cdc/commands/findings.h"
#include "schema/base/map.h"
#include "schema/cascade.h"

#define RETENTION_WARN_S 86400

static void must(struct findings *f, bool good, const char *fix, const char *what,
                 const char *consequence)
{
    if (good)
        findings_add(f, FINDING_GOOD, "source", NULL, "%s", what);
    else
        findings_add(f, FINDING_FAIL, "source", fix, "not %s: %s", what, consequence);
}

static void check_settings(const struct source_info *i, struct findings *f)
{
    struct err err = ERR_INIT;

    if (!dialect_check_source(&i->dialect, i->version, &err))
        findings_add(f, FINDING_FAIL, "source", "use a MySQL 9 source", "%s", err.text);
    else
        findings_add(f, FINDING_GOOD, "source", NULL, "MySQL %s", i->version);
    must(f, i->log_bin, "start the server with log_bin (RDS: automated backups on)",
         "binary log on", "there is nothing to read");
    must(f, i->row_format, "SET GLOBAL binlog_format = ROW (RDS: parameter group)",
         "binlog_format=ROW", "statements cannot be replayed exactly");
    must(f, i->full_image, "SET GLOBAL binlog_row_image = FULL (RDS: parameter group)",
         "binlog_row_image=FULL", "rows come without their unchanged columns");
    must(f, i->full_metadata, "SET GLOBAL binlog_row_metadata = FULL (RDS: parameter group)",
         "binlog_row_metadata=FULL",
         "events do not name their columns (the server's default is MINIMAL)");
    must(f, !i->partial_json, "SET GLOBAL binlog_row_value_options = '' (RDS: parameter group)",
         "whole JSON documents in the binary log", "partial JSON rows cannot be applied");
    must(f, i->gtid_on,
         "set gtid_mode=ON and enforce_gtid_consistency=ON (RDS: parameter gtid-mode)", "GTID on",
         "positions would not survive a failover");
    must(f, i->order_commits, "SET GLOBAL binlog_order_commits = ON", "binlog_order_commits=ON",
         "a snapshot cannot be placed in the binary log");
}

static void check_retention(const struct source_info *i, struct findings *f)
{
    const char *fix = "SET GLOBAL binlog_expire_logs_seconds = 604800 (RDS: CALL "
                      "mysql.rds_set_configuration('binlog retention hours', 168))";

    if (i->binlog_expire_s && i->binlog_expire_s < RETENTION_WARN_S)
        findings_add(f, FINDING_WARN, "source", fix,
                     "binary logs are kept for only %llu hours; a longer outage needs a new load",
                     (unsigned long long)(i->binlog_expire_s / 3600));
    else
        findings_add(f, FINDING_GOOD, "source", NULL, "binary logs are kept for %llu hours%s",
                     (unsigned long long)(i->binlog_expire_s / 3600),
                     i->binlog_expire_s ? "" : " (for ever)");
}

/* Grants are tested by using them; the text of SHOW GRANTS does not tell about roles. */
static void check_grants(struct source *s, const struct config *c, struct findings *f)
{
    struct position end;
    struct err err = ERR_INIT;
    bool may = false;
    char fix[400];

    snprintf(fix, sizeof(fix),
             "GRANT REPLICATION SLAVE, REPLICATION CLIENT, SELECT, SHOW VIEW, TRIGGER, EVENT ON "
             "*.* TO '%.64s'@'%%'",
             c->source.user);
    if (source_binlog_end(s, &end, &err))
        findings_add(f, FINDING_GOOD, "source", NULL, "the end of the binary log can be read");
    else
        findings_add(f, FINDING_FAIL, "source", fix, "%s", err.text);
    err = ERR_INIT;
    if (source_may_stream(s, &may, &err) && may)
        findings_add(f, FINDING_GOOD, "source", NULL, "the user may read the binary log");
    else
        findings_add(f, FINDING_FAIL, "source", fix,
                     "the user has no REPLICATION SLAVE privilege%s%s", err.text[0] ? ": " : "",
                     err.text);
}

static void check_table(const struct table *t, struct findings *f)
{
    for (uint32_t i = 0; i < t->n_columns; i++) {
        const char *charset = t->columns[i].charset;

        if (charset && strcmp(charset, "gb18030") == 0)
            findings_add(f, FINDING_FAIL, "mapping",
                         "convert the column to utf8mb4, or exclude the table",
                         "%s.%s.%s: MariaDB has no character set gb18030", t->db, t->name,
                         t->columns[i].name);
    }
    if (strcasecmp(t->engine, "InnoDB") != 0)
        findings_add(f, FINDING_FAIL, "mapping", "ALTER TABLE ... ENGINE=InnoDB, or exclude it",
                     "%s.%s: engine %s is not supported yet", t->db, t->name, t->engine);
    if (t->n_row_key == 0)
        findings_add(f, FINDING_WARN, "mapping",
                     "add a primary key (it may be invisible: ADD COLUMN id BIGINT UNSIGNED "
                     "INVISIBLE AUTO_INCREMENT PRIMARY KEY)",
                     "%s.%s has no primary or NOT NULL unique key: it is loaded in one piece and "
                     "its rows are found by comparing all columns",
                     t->db, t->name);
    for (uint32_t i = 0; i < t->n_keys; i++) {
        for (uint32_t p = 0; p < t->keys[i].n_parts; p++) {
            if (t->keys[i].parts[p].expr)
                findings_add(f, FINDING_NOTE, "mapping", NULL,
                             "%s.%s: index %s has a functional part and is not created on "
                             "MariaDB",
                             t->db, t->name, t->keys[i].name);
        }
    }
}

static bool wants(void *ctx, const char *db, const char *name)
{
    return mapping_wants(ctx, db, name);
}

/* What is called otherwise on the target, and whether each has a name of its own there. */
static void check_names(const struct config *c, const struct table *const *tables, size_t n,
                        struct findings *f)
{
    struct landing landing = {.mapping = c->mapping, .reserved_db = c->target.state_schema};
    struct err err = ERR_INIT;
    struct mapped_name to;

    for (size_t i = 0; i < n && mapping_renames(c->mapping); i++) {
        if (!landing_add(&landing, tables[i]->db, tables[i]->name, &err) ||
            !mapping_name(c->mapping, tables[i]->db, tables[i]->name, &to, &err))
            findings_add(f, FINDING_FAIL, "mapping", "change the rule or leave the table out", "%s",
                         err.text);
        else if (strcmp(to.db, tables[i]->db) != 0 || strcmp(to.name, tables[i]->name) != 0)
            findings_add(f, FINDING_NOTE, "mapping", NULL, "%s.%s is %s.%s on the target",
                         tables[i]->db, tables[i]->name, to.db, to.name);
    }
    landing_release(&landing);
}

static void check_tables(struct source *s, const struct config *c, struct catalog *catalog,
                         struct findings *f)
{
    const struct table **tables = NULL;
    struct err err = ERR_INIT;
    size_t n;

    if (!source_read_catalog(s, wants, c->mapping, catalog, &err)) {
        findings_add(f, FINDING_FAIL, "mapping",
                     "exclude what cannot be read, or grant SELECT and SHOW VIEW on it", "%s",
                     err.text);
        return;
    }
    n = catalog_tables(catalog, &tables);
    if (n == 0)
        findings_add(f, FINDING_FAIL, "mapping", "look at tables.include and the SELECT grant",
                     "no table of the source is in the mapping");
    else
        findings_add(f, FINDING_GOOD, "mapping", NULL, "%zu tables are to be copied", n);
    for (size_t i = 0; i < n; i++)
        check_table(tables[i], f);
    check_names(c, tables, n, f);
    free(tables);
}

/* ---- cascades that the binary log does not tell ---- */

static bool every_table(void *ctx, const char *db, const char *name)
{
    (void)ctx, (void)db, (void)name;
    return true;
}

struct chains {
    const struct mapping *mapping;
    struct findings *findings;
    struct map told;
};

static enum cascade_standing standing(void *ctx, const struct table *t)
{
    const struct chains *c = ctx;

    return mapping_wants(c->mapping, t->db, t->name) ? CASCADE_EXACT : CASCADE_AWAY;
}

static void tell_broken(void *ctx, const struct table *t, const struct table *by)
{
    struct chains *c = ctx;

    if (map_put(&c->told, bytes_of(&t, sizeof(t)), c))
        return;
    findings_add(c->findings, FINDING_FAIL, "mapping", "copy that table too, or exclude this one",
                 "%s.%s: foreign-key cascades reach it through table %s.%s, which is not copied",
                 t->db, t->name, by->db, by->name);
}

static void check_cascades(struct source *s, const struct config *config, struct findings *f)
{
    struct chains chains = {config->mapping, f, {0}};
    struct catalog *catalog = catalog_new();
    struct cascade cascade = {0};
    struct err err = ERR_INIT;

    findings_add(f, FINDING_NOTE, "source", NULL,
                 "foreign-key cascades are not in this binary log; the tool performs them");
    if (source_read_catalog(s, every_table, NULL, catalog, &err)) {
        cascade_bind(&cascade, catalog);
        cascade_breaks_ever(&cascade, standing, tell_broken, &chains);
    } else {
        findings_add(f, FINDING_WARN, "mapping", "grant SELECT and SHOW VIEW on it",
                     "whether they reach a copied table through another cannot be told: %s",
                     err.text);
    }
    cascade_release(&cascade);
    map_release(&chains.told);
    catalog_free(catalog);
}

void check_source(struct source *s, const struct config *config, struct catalog *catalog,
                  struct findings *f)
{
    const struct source_info *info = source_info(s);

    check_settings(info, f);
    check_retention(info, f);
    check_grants(s, config, f);
    check_tables(s, config, catalog, f);
    if (info->native_fk)
        check_cascades(s, config, f);
}
