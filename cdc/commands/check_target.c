#include <string.h>

#include "cdc/commands/findings.h"

#define VERSION_MIN 100600

static const char *const needed[] = {"SELECT", "INSERT", "UPDATE", "DELETE",     "CREATE",
                                     "DROP",   "ALTER",  "INDEX",  "REFERENCES", "CREATE VIEW"};
#define N_NEEDED (sizeof(needed) / sizeof(needed[0]))

static bool mark_privilege(void *ctx, const struct bytes *columns, unsigned n, struct err *err)
{
    bool *found = ctx;

    (void)err;
    for (size_t i = 0; i < N_NEEDED && n; i++)
        found[i] = found[i] || bytes_equal(columns[0], bytes_str(needed[i]));
    return true;
}

static void check_grants(struct target *t, struct findings *f)
{
    bool found[N_NEEDED] = {false};
    struct err err = ERR_INIT;

    if (!target_query(t,
                      "SELECT privilege_type FROM information_schema.user_privileges UNION "
                      "SELECT privilege_type FROM information_schema.schema_privileges",
                      mark_privilege, found, &err)) {
        findings_add(f, FINDING_FAIL, "target", "look at the server's error log", "%s", err.text);
        return;
    }
    for (size_t i = 0; i < N_NEEDED; i++) {
        if (!found[i])
            findings_add(f, FINDING_FAIL, "target",
                         "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, "
                         "REFERENCES, CREATE VIEW ON *.* to the target's user",
                         "the user has no %s privilege", needed[i]);
    }
}

void check_target(struct target *t, const struct source_info *source, struct findings *f)
{
    const struct target_info *i = target_info(t);

    if (i->version_number < VERSION_MIN)
        findings_add(f, FINDING_FAIL, "target", "use MariaDB 10.6 or later",
                     "MariaDB %s is too old", i->version);
    else
        findings_add(f, FINDING_GOOD, "target", NULL, "MariaDB %s", i->version);
    if (i->read_only)
        findings_add(f, FINDING_FAIL, "target", "SET GLOBAL read_only = OFF",
                     "the server is read only");
    if (source && i->lower_case_table_names != source->lower_case_table_names)
        findings_add(f, FINDING_FAIL, "target",
                     "set lower_case_table_names of the target as on the source (needs a new "
                     "data directory)",
                     "lower_case_table_names is %d, on the source %d", i->lower_case_table_names,
                     source->lower_case_table_names);
    if (source && i->max_allowed_packet < source->max_allowed_packet)
        findings_add(f, FINDING_WARN, "target",
                     "SET GLOBAL max_allowed_packet = the source's value",
                     "max_allowed_packet is %llu, on the source %llu: a larger row would stop its "
                     "table",
                     (unsigned long long)i->max_allowed_packet,
                     (unsigned long long)source->max_allowed_packet);
    check_grants(t, f);
}
