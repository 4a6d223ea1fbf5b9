#include <stdio.h>
#include <string.h>

#include "schema/types/types.h"

#define MARIADB_UCA1400 101000 /* first version with uca1400 collations */

/*
 * A MySQL 0900 collation and its twin. The twins of the first group are the server's own
 * alias list; those after "bg" are the nearest tailoring: equality and order differ more.
 * fallback serves servers older than 10.10: never stricter than the original, since a
 * stricter one would refuse rows that are distinct on the source.
 */
struct twin {
    const char *mysql;
    const char *mariadb;
    const char *fallback;
    bool differs;
};

#define BIN "utf8mb4_nopad_bin"
#define BOTH(code, lang)                                                                           \
    {"utf8mb4_" code "_0900_ai_ci", "utf8mb4_uca1400_" lang "nopad_ai_ci", BIN, true},             \
    {                                                                                              \
        "utf8mb4_" code "_0900_as_cs", "utf8mb4_uca1400_" lang "nopad_as_cs", BIN, true            \
    }

static const struct twin twins[] = {
    {"utf8mb4_0900_ai_ci", "utf8mb4_uca1400_nopad_ai_ci", "utf8mb4_unicode_520_nopad_ci", true},
    {"utf8mb4_0900_as_ci", "utf8mb4_uca1400_nopad_as_ci", BIN, true},
    {"utf8mb4_0900_as_cs", "utf8mb4_uca1400_nopad_as_cs", BIN, true},
    {"utf8mb4_0900_bin", BIN, BIN, false},
    BOTH("de_pb", "german2_"),
    BOTH("is", "icelandic_"),
    BOTH("lv", "latvian_"),
    BOTH("ro", "romanian_"),
    BOTH("sl", "slovenian_"),
    BOTH("pl", "polish_"),
    BOTH("et", "estonian_"),
    BOTH("es", "spanish_"),
    BOTH("sv", "swedish_"),
    BOTH("tr", "turkish_"),
    BOTH("cs", "czech_"),
    BOTH("da", "danish_"),
    BOTH("lt", "lithuanian_"),
    BOTH("sk", "slovak_"),
    BOTH("es_trad", "spanish2_"),
    BOTH("la", "roman_"),
    BOTH("eo", "esperanto_"),
    BOTH("hu", "hungarian_"),
    BOTH("hr", "croatian_"),
    BOTH("vi", "vietnamese_"),
    BOTH("bg", ""),
    BOTH("gl", ""),
    BOTH("mn_cyrl", ""),
    BOTH("ru", ""),
    BOTH("nb", "danish_"),
    BOTH("nn", "danish_"),
    BOTH("bs", "croatian_"),
    BOTH("sr_latn", "croatian_"),
    {"utf8mb4_ja_0900_as_cs", "utf8mb4_uca1400_nopad_as_cs", BIN, true},
    {"utf8mb4_ja_0900_as_cs_ks", "utf8mb4_uca1400_nopad_as_cs", BIN, true},
    {"utf8mb4_zh_0900_as_cs", "utf8mb4_uca1400_nopad_as_cs", BIN, true},
    /* Unknown to MariaDB; general_ci would merge accents, so the binary one stands in. */
    {"utf8mb3_tolower_ci", "utf8mb3_bin", "utf8mb3_bin", true},
};

const char *collation_for_mariadb(const char *collation, uint32_t version, bool *differs)
{
    const char *name = collation_name(collation);

    *differs = false;
    if (name == NULL || strncmp(name, "gb18030", 7) == 0)
        return NULL;
    for (size_t i = 0; i < sizeof(twins) / sizeof(*twins); i++) {
        if (strcmp(twins[i].mysql, name) == 0) {
            *differs = twins[i].differs;
            return version >= MARIADB_UCA1400 ? twins[i].mariadb : twins[i].fallback;
        }
    }
    return name;
}
