/* Each tests/mapping/NAME.json is a "tables" section, NAME.expected what it answers:
 *
 *   db.table => db.table            copied, under this name
 *   db.table => -                   not copied
 *   db.table => ! REASON: TEXT      its name is refused; TEXT is part of the message
 *   together: ok | TEXT             all copied names of the file, one after the other
 *   refused: REASON: TEXT           the section itself is refused
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schema/base/fs.h"
#include "schema/base/xalloc.h"
#include "schema/mapping/mapping.h"

#define DIR_OF_CASES "tests/mapping"

static char *read_file(const char *name, const char *ending)
{
    struct err err = ERR_INIT;
    char path[300], *text;
    size_t len;

    snprintf(path, sizeof(path), "%s/%s%s", DIR_OF_CASES, name, ending);
    if (!fs_read_file(fs_real(), path, 1 << 20, &text, &len, &err))
        fail_msg("%s", err.text);
    text = xrealloc(text, len + 1);
    text[len] = '\0';
    return text;
}

static struct mapping *parse(const char *text, struct err *err)
{
    struct mapping *m = NULL;
    cJSON *json = NULL;
    bool ok;

    *err = ERR_INIT;
    assert_true(json_parse(bytes_str(text), 0, &json, err));
    ok = mapping_parse(json, &m, err);
    cJSON_Delete(json);
    assert_true(ok == (m != NULL));
    return m;
}

/* want: "REASON: TEXT". */
static void check_error(const char *name, const char *want, const struct err *err)
{
    const char *colon = strchr(want, ':');
    size_t n = (size_t)(colon - want);

    assert_non_null(colon);
    assert_int_equal(err->kind, ERR_CONFIG);
    if (strncmp(err->reason, want, n) != 0 || err->reason[n] || !strstr(err->text, colon + 2))
        fail_msg("%s: wanted \"%s\", got \"%s: %s\"", name, want, err->reason, err->text);
}

static void check_name(const char *file, const struct mapping *m, char *source, const char *want,
                       struct landing *landing, struct err *together)
{
    char *dot = strchr(source, '.'), got[2 * MAPPING_NAME_SIZE];
    struct mapped_name to;
    struct err err = ERR_INIT;
    bool wanted;

    *dot = '\0';
    wanted = mapping_wants(m, source, dot + 1);
    if (wanted != (strcmp(want, "-") != 0))
        fail_msg("%s: %s.%s is %s", file, source, dot + 1, wanted ? "copied" : "not copied");
    if (!wanted)
        return;
    if (!landing_add(landing, source, dot + 1, together) && want[0] != '!')
        assert_string_equal(together->reason, "mapping_conflict");
    if (!mapping_name(m, source, dot + 1, &to, &err)) {
        if (want[0] != '!')
            fail_msg("%s: %s", file, err.text);
        check_error(file, want + 2, &err);
        return;
    }
    snprintf(got, sizeof(got), "%s.%s", to.db, to.name);
    if (strcmp(got, want) != 0)
        fail_msg("%s: %s.%s went to %s, not to %s", file, source, dot + 1, got, want);
}

static void check_lines(const char *file, const struct mapping *m, char *lines)
{
    struct landing landing = {.mapping = m, .reserved_db = "domicile"};
    struct err together = ERR_INIT;
    char *rest = lines, *line;

    while ((line = strsep(&rest, "\n")) != NULL && *line) {
        char *arrow = strstr(line, " => ");

        if (strcmp(line, "together: ok") == 0) {
            if (together.kind != ERR_NONE)
                fail_msg("%s: %s", file, together.text);
        } else if (strncmp(line, "together: ", 10) == 0) {
            if (!strstr(together.text, line + 10))
                fail_msg("%s: wanted \"%s\", got \"%s\"", file, line + 10, together.text);
        } else {
            if (!arrow)
                fail_msg("%s: line \"%s\"", file, line);
            *arrow = '\0';
            check_name(file, m, line, arrow + 4, &landing, &together);
        }
    }
    landing_release(&landing);
}

static void check_case(const char *file)
{
    char *json = read_file(file, ".json"), *lines = read_file(file, ".expected");
    struct err err;
    struct mapping *m = parse(json, &err), *again;

    if (strncmp(lines, "refused: ", 9) == 0) {
        lines[strcspn(lines, "\n")] = '\0';
        if (m)
            fail_msg("%s was accepted", file);
        check_error(file, lines + 9, &err);
    } else {
        char *copy = xstrdup(lines);

        if (!m)
            fail_msg("%s: %s", file, err.text);
        check_lines(file, m, lines);
        again = parse(mapping_text(m), &err);
        check_lines(file, again, copy);
        mapping_free(again);
        free(copy);
    }
    mapping_free(m);
    free(json);
    free(lines);
}

static void test_mapping_gives_the_names_that_the_rules_say(void **state)
{
    DIR *dir = opendir(DIR_OF_CASES);
    struct dirent *e;
    size_t n = 0;

    (void)state;
    assert_non_null(dir);
    while ((e = readdir(dir)) != NULL) {
        size_t len = strlen(e->d_name);

        if (len < 6 || strcmp(e->d_name + len - 5, ".json") != 0)
            continue;
        e->d_name[len - 5] = '\0';
        check_case(e->d_name);
        n++;
    }
    closedir(dir);
    assert_true(n >= 80);
}

static void test_mapping_without_rules_copies_all_under_its_own_name(void **state)
{
    struct mapped_name to;
    struct err err = ERR_INIT;

    (void)state;
    assert_true(mapping_wants(NULL, "shop", "a"));
    assert_false(mapping_wants(NULL, "mysql", "user"));
    assert_false(mapping_renames(NULL));
    assert_true(mapping_name(NULL, "shop", "a", &to, &err));
    assert_string_equal(to.db, "shop");
    assert_string_equal(to.name, "a");
    mapping_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mapping_gives_the_names_that_the_rules_say),
        cmocka_unit_test(test_mapping_without_rules_copies_all_under_its_own_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
