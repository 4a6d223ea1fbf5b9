#include "targets/mariadb/engine.h"

#include <stdlib.h>

#include "targets/mariadb/mariadb.h"

static bool open_target(struct target *target, struct err *err)
{
    struct maria *t = maria_of(target);

    t->packet.sql = BUF_INIT;
    t->statement = BUF_INIT;
    t->row = BUF_INIT;
    return maria_connect(t, err) && maria_session(t, err);
}

static void release(struct target *target)
{
    struct maria *t = maria_of(target);

    if (t->my)
        mysql_close(t->my);
    buf_release(&t->packet.sql);
    free(t->packet.expects);
    buf_release(&t->statement);
    buf_release(&t->row);
    free(t->written.columns);
}

static bool keep(struct target *target, struct err *err)
{
    return maria_permit(maria_of(target), err);
}

static const struct writer_ops writer = {
    .submit = mariadb_submit,
    .reap = mariadb_reap,
    .rollback = mariadb_rollback,
    .failed_table = mariadb_failed_table,
    .load_begin = mariadb_load_begin,
    .load_row = mariadb_load_row,
    .load_end = mariadb_load_end,
    .load_abort = mariadb_load_abort,
    .state_make = mariadb_state_make,
    .state_read = mariadb_state_read,
    .state_change = mariadb_state_change,
};

static const struct reader_ops reader = {
    .view_open = mariadb_view_open,
    .view_close = mariadb_view_close,
    .columns = mariadb_columns,
    .read_rows = mariadb_read_rows,
    .read_sums = mariadb_read_sums,
    .read_hashes = mariadb_read_hashes,
};

static const struct definer_ops definer = {
    .create_database = mariadb_create_database,
    .create_table = mariadb_create_table,
    .drop_table = mariadb_drop_table,
    .add_keys = mariadb_add_keys,
    .add_foreign_keys = mariadb_add_foreign_keys,
    .weaker = mariadb_weaker,
    .create_view = mariadb_create_view,
    .table_exists = mariadb_table_exists,
    .apply_ddl = mariadb_apply_ddl,
};

const struct target_ops mariadb_target = {
    .engine = "mariadb",
    .size = sizeof(struct maria),
    .open = open_target,
    .release = release,
    .keep = keep,
    .check = maria_check,
    .writer = &writer,
    .reader = &reader,
    .definer = &definer,
};
