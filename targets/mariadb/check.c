/*
 * check.c - is this MariaDB fit to hold a copy?
 */
#include <stdarg.h>

#include "targets/mariadb/mariadb.h"

static const char *const needed[] = {"SELECT", "INSERT", "UPDATE", "DELETE",     "CREATE",
                                     "DROP",   "ALTER",  "INDEX",  "REFERENCES", "CREATE VIEW"};
#define N_NEEDED (sizeof(needed) / sizeof(needed[0]))

struct checker {
    target_finding_fn *fn;
    void *ctx;
};

static void PRINTF_LIKE(4, 5) say(const struct checker *c, enum target_fitness fitness,
                                  const char *remedy, const char *fmt, ...)
{
    struct buf what = BUF_INIT;
    va_list args;

    va_start(args, fmt);
    buf_vputf(&what, fmt, args);
    va_end(args);
    c->fn(c->ctx, &(struct target_finding){fitness, buf_cstr(&what), remedy});
    buf_release(&what);
}

static bool mark_privilege(void *ctx, const struct bytes *columns, unsigned n, struct err *err)
{
    bool *found = ctx;

    (void)err;
    for (size_t i = 0; i < N_NEEDED && n; i++)
        found[i] = found[i] || bytes_equal(columns[0], bytes_str(needed[i]));
    return true;
}

static bool check_grants(struct maria *t, const struct checker *c, struct err *err)
{
    bool found[N_NEEDED] = {false};

    if (!maria_query(t,
                     bytes_str("SELECT privilege_type FROM information_schema.user_privileges "
                               "UNION SELECT privilege_type FROM "
                               "information_schema.schema_privileges"),
                     "read the user's privileges", mark_privilege, found, err))
        return false;
    for (size_t i = 0; i < N_NEEDED; i++) {
        if (!found[i])
            say(c, TARGET_UNFIT,
                "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, "
                "REFERENCES, CREATE VIEW ON *.* to the target's user",
                "the user has no %s privilege", needed[i]);
    }
    return true;
}

static void check_source(struct maria *t, const struct target_needs *needs, const struct checker *c)
{
    if (t->lower_case_table_names != needs->lower_case_table_names)
        say(c, TARGET_UNFIT,
            "set lower_case_table_names of the target as on the source (needs a new "
            "data directory)",
            "lower_case_table_names is %d, on the source %d", t->lower_case_table_names,
            needs->lower_case_table_names);
    if (t->base.info.row_bytes_max < needs->row_bytes_max)
        say(c, TARGET_DOUBTFUL, "SET GLOBAL max_allowed_packet = the source's value",
            "max_allowed_packet is %llu, on the source %llu: a larger row would stop its table",
            (unsigned long long)t->base.info.row_bytes_max,
            (unsigned long long)needs->row_bytes_max);
}

bool maria_check(struct target *target, const struct target_needs *needs, target_finding_fn *fn,
                 void *ctx, struct err *err)
{
    struct maria *t = maria_of(target);
    const struct checker c = {fn, ctx};

    if (t->base.info.version_number < MARIADB_VERSION_MIN)
        say(&c, TARGET_UNFIT, "use MariaDB 10.6.9 or later", "MariaDB %s is too old",
            t->base.info.version);
    else
        say(&c, TARGET_FIT, NULL, "MariaDB %s", t->base.info.version);
    if (t->read_only)
        say(&c, TARGET_UNFIT, "SET GLOBAL read_only = OFF", "the server is read only");
    if (needs->has_source)
        check_source(t, needs, &c);
    return check_grants(t, &c, err);
}
