/*
 * fuzz_ddl.c - any text as a statement: no crash, and a definition that came out is printed
 * as text that is read back to the same text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "schema/ddl/ddl.h"
#include "targets/mariadb/ddl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct table *t)
{
    struct buf first = BUF_INIT, second = BUF_INIT;
    struct err err = ERR_INIT;
    struct table *again = NULL;

    ddl_print_table(t, &first);
    if (!ddl_parse_table(buf_cstr(&first), "", &again, &err))
        abort();
    ddl_print_table(again, &second);
    if (strcmp(buf_cstr(&first), buf_cstr(&second)) != 0)
        abort();
    table_free(again);
    buf_release(&first);
    buf_release(&second);
}

static void say(const struct ddl *ddl)
{
    struct arena arena = {0};
    struct err err = ERR_INIT;
    const char **sql;
    size_t n;

    if (!mariadb_ddl_statements(ddl, 101100, &arena, &sql, &n, NULL, &err) && err.text[0] == '\0')
        abort();
    arena_release(&arena);
}

/* Statements are separated by a line with a semicolon at its end. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ddl_context ctx = {.db = "d", .explicit_defaults_for_timestamp = true};
    struct catalog *c = catalog_new();
    struct arena arena = {0};
    char *text = malloc(size + 1), *rest = text, *statement;

    memcpy(text, data, size);
    text[size] = '\0';
    if (size > 0)
        ctx.sql_mode = data[0] == 'A' ? 0x4 : data[0] == 'B' ? 0x100000 : 0;
    while ((statement = strsep(&rest, ";")) != NULL) {
        struct err err = ERR_INIT;
        struct ddl ddl;

        if (!ddl_replay(c, statement, &ctx, &arena, &ddl, &err)) {
            if (err.reason[0] == '\0')
                abort();
            continue;
        }
        for (uint32_t i = 0; i < ddl.n_effects; i++) {
            if (ddl.effects[i].after)
                check_round_trip(ddl.effects[i].after);
        }
        say(&ddl);
    }
    arena_release(&arena);
    catalog_free(c);
    free(text);
    return 0;
}
