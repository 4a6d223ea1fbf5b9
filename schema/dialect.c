#include "schema/dialect.h"

#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#define SOURCE_VERSION_MIN 90000
#define MYSQL_8 80000
#define MARIADB_EXPLICIT_DEFAULTS 101000
#define MARIADB_UCA1400 110600

static uint32_t version_number(const char *text)
{
    unsigned major = 0, minor = 0, patch = 0;

    if (strncmp(text, "5.5.5-", 6) == 0 && strstr(text, "MariaDB"))
        text += 6;
    if (sscanf(text, "%3u.%2u.%2u", &major, &minor, &patch) < 2)
        return 0;
    return major * 10000 + minor * 100 + patch;
}

struct dialect dialect_of_version(const char *version)
{
    struct dialect d = {.version = version_number(version)};

    if (strstr(version, "MariaDB")) {
        d.flavour = FLAVOUR_MARIADB;
        d.utf8mb4_collation =
            d.version >= MARIADB_UCA1400 ? "utf8mb4_uca1400_ai_ci" : "utf8mb4_general_ci";
        d.explicit_defaults_for_timestamp = d.version >= MARIADB_EXPLICIT_DEFAULTS;
        return d;
    }
    d.utf8mb4_collation = d.version >= MYSQL_8 ? "utf8mb4_0900_ai_ci" : "utf8mb4_general_ci";
    d.explicit_defaults_for_timestamp = d.version >= MYSQL_8;
    return d;
}

const struct dialect *dialect_canonical(void)
{
    static const struct dialect mysql_9 = {
        .flavour = FLAVOUR_MYSQL,
        .version = SOURCE_VERSION_MIN,
        .utf8mb4_collation = "utf8mb4_0900_ai_ci",
        .explicit_defaults_for_timestamp = true,
    };

    return &mysql_9;
}

bool dialect_check_source(const struct dialect *d, const char *version, struct err *err)
{
    if (d->flavour == FLAVOUR_MARIADB)
        err_reason(err, ERR_SERVER, "mariadb_source",
                   "the source is MariaDB %.100s, which is not supported as a source yet", version);
    else if (d->version < SOURCE_VERSION_MIN)
        err_reason(err, ERR_SERVER, "old_source",
                   "the source is MySQL %.100s; versions before 9.0 are not supported yet as a "
                   "source",
                   version);
    else if (d->names == NAMES_KEPT)
        err_reason(err, ERR_SERVER, "name_case",
                   "the source has lower_case_table_names=2, which is not supported");
    else
        return true;
    err->side = ERR_SIDE_SOURCE;
    return false;
}

/* In a locale of its own: the program's must not decide how a server's names are spelled. */
static const char *lower_wide(struct arena *arena, const char *name)
{
    size_t n = strlen(name);
    wchar_t *wide = arena_alloc(arena, (n + 1) * sizeof(*wide));
    char *out = arena_alloc(arena, n * MB_LEN_MAX + 1);
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before;
    bool ok;

    if (!utf8)
        return name;
    before = uselocale(utf8);
    ok = mbstowcs(wide, name, n + 1) != (size_t)-1;
    for (size_t i = 0; ok && wide[i]; i++)
        wide[i] = (wchar_t)towlower((wint_t)wide[i]);
    ok = ok && wcstombs(out, wide, n * MB_LEN_MAX + 1) != (size_t)-1;
    uselocale(before);
    freelocale(utf8);
    return ok ? out : name;
}

const char *dialect_name(const struct dialect *d, struct arena *arena, const char *name)
{
    char *out;

    if (d->names == NAMES_AS_WRITTEN)
        return name;
    for (const char *p = name; *p; p++) {
        if ((unsigned char)*p >= 0x80)
            return lower_wide(arena, name);
    }
    out = arena_strdup(arena, name);
    for (char *p = out; *p; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
    return out;
}
