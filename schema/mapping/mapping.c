#include "schema/mapping/mapping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wctype.h>

#include "schema/base/buf.h"
#include "schema/base/xalloc.h"
#include "schema/mapping/rules.h"

bool mapping_is_system(const char *db)
{
    static const char *const system[] = {"mysql", "sys", "information_schema",
                                         "performance_schema"};

    for (size_t i = 0; i < sizeof(system) / sizeof(system[0]); i++)
        if (strcasecmp(db, system[i]) == 0)
            return true;
    return false;
}

/* ---- the plain form ---- */

static bool bad_shape(const char *key, const char *want, struct err *err)
{
    err_reason(err, ERR_CONFIG, "bad_value", "tables.%s must be %s", key, want);
    return false;
}

static bool read_pattern(struct mapping *m, const char *key, const cJSON *item, struct err *err)
{
    struct selection *s = &m->selections[m->n_selections];
    const char *text = cJSON_IsString(item) ? item->valuestring : "";
    const char *dot = strchr(text, '.');

    if (!text[0])
        return bad_shape(key, "a list of strings", err);
    if (!dot || dot == text || !dot[1]) {
        err_set(err, ERR_CONFIG,
                "tables.%s: \"%.200s\" must be written as database.table, for example \"shop.*\"",
                key, text);
        return false;
    }
    s->excludes = strcmp(key, "exclude") == 0;
    m->n_selections++;
    return pattern_make(&m->arena, text, (size_t)(dot - text), PATTERN_NATIVE, &s->db, err) &&
           pattern_make(&m->arena, dot + 1, strlen(dot + 1), PATTERN_NATIVE, &s->name, err);
}

static bool read_patterns(struct mapping *m, const char *key, const cJSON *list, struct err *err)
{
    const cJSON *item;

    if (!list)
        return true;
    if (!cJSON_IsArray(list))
        return bad_shape(key, "a list of strings", err);
    cJSON_ArrayForEach(item, list)
    {
        if (!read_pattern(m, key, item, err))
            return false;
    }
    return true;
}

static bool bad_rename(const cJSON *item, const char *want, struct err *err)
{
    err_set(err, ERR_CONFIG, "tables.rename: \"%.200s\": %s", item->string, want);
    return false;
}

/* {"shop": "copy"} or {"shop.a": "copy.b"}: both sides of one shape. */
static bool read_rename(struct mapping *m, const cJSON *item, struct err *err)
{
    struct transformation *t = &m->transformations[m->n_transformations++];
    const char *from = item->string, *to = cJSON_IsString(item) ? item->valuestring : "";
    const char *dot = strchr(from, '.'), *to_dot = strchr(to, '.');

    if (strpbrk(from, "*%?"))
        return bad_rename(item, "names are exact here, without wildcards", err);
    if (!to[0] || !dot != !to_dot)
        return bad_rename(item,
                          "a database is renamed to a database, a database.table to a "
                          "database.table",
                          err);
    if (dot && (dot == from || !dot[1] || to_dot == to || !to_dot[1]))
        return bad_rename(item, "a table is written as database.table", err);
    t->id = arena_printf(&m->arena, "tables.rename \"%s\"", from);
    t->of_table = dot != NULL;
    t->what = NAME_RENAME;
    t->value = arena_strdup(&m->arena, to_dot ? to_dot + 1 : to);
    t->to_db = to_dot ? arena_strndup(&m->arena, to, (size_t)(to_dot - to)) : NULL;
    return pattern_make(&m->arena, from, dot ? (size_t)(dot - from) : strlen(from), PATTERN_EXACT,
                        &t->db, err) &&
           (!dot ||
            pattern_make(&m->arena, dot + 1, strlen(dot + 1), PATTERN_EXACT, &t->name, err));
}

static bool read_renames(struct mapping *m, const cJSON *object, struct err *err)
{
    const cJSON *item;

    if (!object)
        return true;
    if (!cJSON_IsObject(object))
        return bad_shape("rename", "an object {\"shop\": \"copy\"}", err);
    cJSON_ArrayForEach(item, object)
    {
        if (!read_rename(m, item, err))
            return false;
    }
    return true;
}

static bool check_keys(const cJSON *tables, struct err *err)
{
    bool is_dms = cJSON_GetObjectItemCaseSensitive(tables, "rules") != NULL;
    const cJSON *item;

    cJSON_ArrayForEach(item, tables)
    {
        const char *k = item->string;

        if (is_dms ? strcmp(k, "rules") == 0
                   : strcmp(k, "include") == 0 || strcmp(k, "exclude") == 0 ||
                         strcmp(k, "rename") == 0)
            continue;
        err_reason(err, ERR_CONFIG, "unknown_key", "unknown key \"%.60s\" in tables; %s", k,
                   is_dms ? "a DMS document holds \"rules\" alone"
                          : "the keys are \"include\", \"exclude\", \"rename\", or \"rules\"");
        return false;
    }
    return true;
}

static bool read_plain(struct mapping *m, const cJSON *tables, struct err *err)
{
    const cJSON *include = cJSON_GetObjectItemCaseSensitive(tables, "include");

    m->takes_all = !include || cJSON_GetArraySize(include) == 0;
    return read_patterns(m, "include", include, err) &&
           read_patterns(m, "exclude", cJSON_GetObjectItemCaseSensitive(tables, "exclude"), err) &&
           read_renames(m, cJSON_GetObjectItemCaseSensitive(tables, "rename"), err);
}

/* ---- life ---- */

static bool make_room(struct mapping *m, const cJSON *tables, struct err *err)
{
    const cJSON *item;
    size_t n = 0;

    cJSON_ArrayForEach(item, tables) n += (size_t)cJSON_GetArraySize(item);
    if (n > RULES_MAX) {
        err_set(err, ERR_CONFIG, "tables holds more than %d rules", RULES_MAX);
        return false;
    }
    m->selections = arena_alloc(&m->arena, (n + 1) * sizeof(*m->selections));
    m->transformations = arena_alloc(&m->arena, (n + 1) * sizeof(*m->transformations));
    return true;
}

static bool read_section(struct mapping *m, const cJSON *tables, struct err *err)
{
    const cJSON *rules = cJSON_GetObjectItemCaseSensitive(tables, "rules");
    char *text;

    if (!cJSON_IsObject(tables)) {
        err_reason(err, ERR_CONFIG, "bad_value", "tables must be an object { ... }");
        return false;
    }
    m->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (m->locale == (locale_t)0) {
        err_set(err, ERR_CONFIG, "this system has no locale C.UTF-8");
        return false;
    }
    text = cJSON_PrintUnformatted(tables);
    m->text = arena_strdup(&m->arena, text ? text : "{}");
    cJSON_free(text);
    return check_keys(tables, err) && make_room(m, tables, err) &&
           (rules ? dms_parse(m, rules, err) : read_plain(m, tables, err));
}

bool mapping_parse(const cJSON *tables, struct mapping **out, struct err *err)
{
    struct mapping *m = xcalloc(1, sizeof(*m));

    if (read_section(m, tables, err)) {
        *out = m;
        return true;
    }
    mapping_free(m);
    return false;
}

void mapping_free(struct mapping *m)
{
    if (!m)
        return;
    if (m->locale != (locale_t)0)
        freelocale(m->locale);
    arena_release(&m->arena);
    free(m);
}

const char *mapping_text(const struct mapping *m)
{
    return m ? m->text : "{}";
}

/* ---- is it copied ---- */

bool mapping_wants(const struct mapping *m, const char *db, const char *name)
{
    bool in = !m || m->takes_all;

    if (mapping_is_system(db))
        return false;
    for (size_t i = 0; m && i < m->n_selections; i++) {
        const struct selection *s = &m->selections[i];

        if ((s->excludes || !in) && pattern_matches(&s->db, db) &&
            pattern_matches(&s->name, name)) {
            if (s->excludes)
                return false;
            in = true;
        }
    }
    return in;
}

bool mapping_renames(const struct mapping *m)
{
    return m && m->n_transformations > 0;
}

/* ---- under which name ---- */

static bool has_prefix(const char *s, const char *part)
{
    return strncmp(s, part, strlen(part)) == 0;
}

static bool has_suffix(const char *s, const char *part)
{
    size_t n = strlen(s), k = strlen(part);

    return n >= k && strcmp(s + n - k, part) == 0;
}

static void put_folded(struct buf *b, const char *s, bool upper, locale_t locale)
{
    const char *end = s + strlen(s);

    while (s < end) {
        size_t n = (unsigned char)*s < 0x80   ? 1
                   : (unsigned char)*s < 0xe0 ? 2
                   : (unsigned char)*s < 0xf0 ? 3
                                              : 4;
        uint32_t c = (unsigned char)*s;

        n = n > (size_t)(end - s) ? 1 : n;
        if (n > 1)
            c &= 0x7fu >> n;
        for (size_t i = 1; i < n; i++)
            c = c << 6 | ((unsigned char)s[i] & 0x3f);
        c = upper ? towupper_l(c, locale) : towlower_l(c, locale);
        if (c < 0x80)
            buf_put_u8(b, (uint8_t)c);
        else if (c < 0x800)
            buf_put(b, (uint8_t[]){(uint8_t)(0xc0 | c >> 6), (uint8_t)(0x80 | (c & 0x3f))}, 2);
        else if (c < 0x10000)
            buf_put(b,
                    (uint8_t[]){(uint8_t)(0xe0 | c >> 12), (uint8_t)(0x80 | (c >> 6 & 0x3f)),
                                (uint8_t)(0x80 | (c & 0x3f))},
                    3);
        else
            buf_put(b, s, n);
        s += n;
    }
}

static void put_changed(const struct mapping *m, const struct transformation *t, const char *name,
                        struct buf *b)
{
    bool at_start = t->what == NAME_REMOVE_PREFIX || t->what == NAME_REPLACE_PREFIX;
    const char *part =
        t->what == NAME_REPLACE_PREFIX || t->what == NAME_REPLACE_SUFFIX ? t->old : t->value;
    const char *instead = part == t->old ? t->value : "";

    switch (t->what) {
    case NAME_RENAME:
        buf_put_str(b, t->value);
        return;
    case NAME_ADD_PREFIX:
        buf_put_str(b, t->value);
        buf_put_str(b, name);
        return;
    case NAME_ADD_SUFFIX:
        buf_put_str(b, name);
        buf_put_str(b, t->value);
        return;
    case NAME_LOWER:
    case NAME_UPPER:
        put_folded(b, name, t->what == NAME_UPPER, m->locale);
        return;
    default:
        break;
    }
    if (at_start && has_prefix(name, part)) {
        buf_put_str(b, instead);
        buf_put_str(b, name + strlen(part));
    } else if (!at_start && has_suffix(name, part)) {
        buf_put(b, name, strlen(name) - strlen(part));
        buf_put_str(b, instead);
    } else {
        buf_put_str(b, name);
    }
}

/* The one rule for this object; two are an error, as in DMS. *rule NULL: none. */
static bool find_rule(const struct mapping *m, bool of_table, const char *db, const char *name,
                      const struct transformation **rule, struct err *err)
{
    *rule = NULL;
    for (size_t i = 0; m && i < m->n_transformations; i++) {
        const struct transformation *t = &m->transformations[i];

        if (t->of_table != of_table || !pattern_matches(&t->db, db) ||
            (of_table && !pattern_matches(&t->name, name)))
            continue;
        if (*rule) {
            err_reason(err, ERR_CONFIG, "mapping_name",
                       "%s %s%s%s is renamed by two rules, %s and %s; one object takes one "
                       "transformation",
                       of_table ? "table" : "database", db, of_table ? "." : "",
                       of_table ? name : "", (*rule)->id, t->id);
            return false;
        }
        *rule = t;
    }
    return true;
}

static size_t count_chars(const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static bool keep_name(const char *of, const char *to, char out[MAPPING_NAME_SIZE], struct err *err)
{
    size_t n = strlen(to);

    if (n == 0 || n >= MAPPING_NAME_SIZE || count_chars(to) > NAME_CHARS_MAX) {
        err_reason(err, ERR_CONFIG, "mapping_name",
                   "the mapping gives %s the name \"%.300s\", which is %s", of, to,
                   n == 0 ? "empty" : "longer than 64 characters");
        return false;
    }
    memcpy(out, to, n + 1);
    return true;
}

static bool change_name(const struct mapping *m, const struct transformation *t, const char *of,
                        const char *name, char out[MAPPING_NAME_SIZE], struct err *err)
{
    struct buf b = BUF_INIT;
    bool ok;

    if (!t)
        return keep_name(of, name, out, err);
    put_changed(m, t, name, &b);
    ok = keep_name(of, buf_cstr(&b), out, err);
    buf_release(&b);
    return ok;
}

static bool check_database(const char *of, const char *db, struct err *err)
{
    if (!mapping_is_system(db))
        return true;
    err_reason(err, ERR_CONFIG, "mapping_name",
               "the mapping sends %s to %s, which is a database of the server itself", of, db);
    return false;
}

bool mapping_database(const struct mapping *m, const char *db, char out[MAPPING_NAME_SIZE],
                      struct err *err)
{
    const struct transformation *t;

    return find_rule(m, false, db, NULL, &t, err) && change_name(m, t, db, db, out, err) &&
           (!t || check_database(db, out, err));
}

bool mapping_name(const struct mapping *m, const char *db, const char *name,
                  struct mapped_name *out, struct err *err)
{
    const struct transformation *t;
    char of[2 * MAPPING_NAME_SIZE];

    snprintf(of, sizeof(of), "%s.%s", db, name);
    if (!find_rule(m, true, db, name, &t, err) || !change_name(m, t, of, name, out->name, err))
        return false;
    if (t && t->to_db)
        return keep_name(of, t->to_db, out->db, err) && check_database(of, out->db, err);
    return mapping_database(m, db, out->db, err);
}

/* ---- many names ---- */

bool landing_add(struct landing *l, const char *db, const char *name, struct err *err)
{
    struct mapped_name to;
    struct buf key = BUF_INIT;
    char *source;
    void **slot;
    bool ok = false;

    if (!mapping_name(l->mapping, db, name, &to, err))
        return false;
    if (l->reserved_db && strcmp(to.db, l->reserved_db) == 0) {
        err_reason(err, ERR_CONFIG, "mapping_conflict",
                   "the mapping sends %s.%s to %s.%s, in the database that holds the state of the "
                   "copy (state.schema)",
                   db, name, to.db, to.name);
        return false;
    }
    source = arena_printf(&l->arena, "%s.%s", db, name);
    buf_put(&key, to.db, strlen(to.db) + 1);
    buf_put_str(&key, to.name);
    slot = map_slot(&l->taken, buf_bytes(&key));
    if (*slot && strcmp(*slot, source) != 0) {
        err_reason(err, ERR_CONFIG, "mapping_conflict",
                   "%s and %s would both land on %s.%s; rename one of them or leave it out",
                   (const char *)*slot, source, to.db, to.name);
        goto done;
    }
    *slot = source;
    ok = true;
done:
    buf_release(&key);
    return ok;
}

void landing_release(struct landing *l)
{
    map_release(&l->taken);
    arena_release(&l->arena);
}
