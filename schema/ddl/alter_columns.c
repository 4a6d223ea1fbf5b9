/*
 * alter_columns.c - columns in their new order, with their types worked out.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema/base/xalloc.h"
#include "schema/ddl/alter.h"
#include "schema/types/types.h"

struct slot *find_slot(struct builder *b, const char *name)
{
    for (uint32_t i = 0; i < b->n_slots; i++) {
        if (strcasecmp(b->slots[i].column.name, name) == 0)
            return &b->slots[i];
    }
    return NULL;
}

const char *renamed_column(const struct builder *b, const char *old)
{
    for (uint32_t i = 0; i < b->n_slots; i++) {
        if (b->slots[i].old && strcasecmp(b->slots[i].old, old) == 0)
            return b->slots[i].column.name;
    }
    return NULL;
}

static void insert_slot(struct builder *b, uint32_t at, const struct slot *s)
{
    if (b->n_slots == b->cap_slots) {
        b->cap_slots = b->cap_slots ? 2 * b->cap_slots : 16;
        b->slots = xrealloc(b->slots, b->cap_slots * sizeof(*b->slots));
    }
    memmove(&b->slots[at + 1], &b->slots[at], (b->n_slots - at) * sizeof(*b->slots));
    b->slots[at] = *s;
    b->n_slots++;
}

/* --- from a written definition to a column ------------------------------------------------- */

static enum column_type blob_class(uint64_t bytes, bool text)
{
    int step = bytes < 256 ? 0 : bytes < 65536 ? 1 : bytes < 16777216 ? 2 : 3;

    return (enum column_type)((text ? COLUMN_TINYTEXT : COLUMN_TINYBLOB) + step);
}

static bool is_text_class(enum column_type type)
{
    return type >= COLUMN_TINYTEXT && type <= COLUMN_LONGTEXT;
}

static enum column_type binary_twin(enum column_type type)
{
    if (type == COLUMN_CHAR)
        return COLUMN_BINARY;
    if (type == COLUMN_VARCHAR)
        return COLUMN_VARBINARY;
    if (is_text_class(type))
        return (enum column_type)(type - COLUMN_TINYTEXT + COLUMN_TINYBLOB);
    return type;
}

static const char *bin_collation(struct builder *b, const char *charset)
{
    const char *name = collation_name(arena_printf(&b->t->arena, "%s_bin", charset));

    return name ? name : charset_default_collation(charset);
}

/* Character set and collation of a text, ENUM or SET column, else none. */
static void resolve_charset(struct builder *b, struct column_def *d, struct column *c)
{
    bool holds_text = column_is_text(c) || c->type == COLUMN_ENUM || c->type == COLUMN_SET;

    if (c->collation && c->collation[0] == '\0')
        c->collation = NULL;
    if (c->charset && c->charset[0] == '\0')
        c->charset = NULL;
    if (holds_text && d->byte) {
        c->charset = "binary";
        c->collation = NULL;
    }
    if (!holds_text) {
        c->charset = c->collation = NULL;
        return;
    }
    if (c->collation != NULL) {
        c->charset = collation_charset(c->collation);
    } else if (c->charset != NULL) {
        c->collation = default_collation(c->charset, b->env->utf8mb4_collation);
    } else {
        c->charset = b->t->charset;
        c->collation = b->t->collation;
    }
    if (d->binary && strcmp(c->charset, "binary") != 0)
        c->collation = bin_collation(b, c->charset);
}

/* Members lose their trailing blanks, as CHAR values do. */
static void trim_members(struct builder *b, struct column *c)
{
    for (uint32_t i = 0; i < c->n_members; i++) {
        size_t n = strlen(c->members[i]);

        while (n > 0 && c->members[i][n - 1] == ' ')
            n--;
        c->members[i] = arena_strndup(&b->t->arena, c->members[i], n);
    }
}

static void resolve_text(struct builder *b, struct column_def *d, struct column *c)
{
    resolve_charset(b, d, c);
    if (c->charset && strcmp(c->charset, "binary") != 0)
        trim_members(b, c);
    if (d->sized && (c->type == COLUMN_TEXT || c->type == COLUMN_BLOB)) {
        uint64_t width = c->charset ? charset_mbmaxlen(c->charset) : 1;
        bool text = c->type == COLUMN_TEXT;

        if (d->size > 0)
            c->type = blob_class(d->size * width, text);
    }
    if (c->charset && strcmp(c->charset, "binary") == 0 && column_is_text(c)) {
        c->type = binary_twin(c->type);
        c->charset = c->collation = NULL;
    }
}

/* Only tinyint(1) and ZEROFILL widths are remembered by the server. */
static void resolve_width(struct column *c)
{
    static const uint32_t widths[] = {3, 5, 8, 10, 20};

    if (c->type > COLUMN_BIGINT)
        return;
    if (c->zerofill) {
        if (c->length == 0)
            c->length = widths[c->type];
    } else if (c->type != COLUMN_TINYINT || c->length != 1 || c->is_unsigned) {
        c->length = 0;
    }
}

/* What a TIMESTAMP gets by itself when explicit_defaults_for_timestamp is off. */
static void implicit_timestamp(struct builder *b, struct column_def *d, struct slot *s)
{
    bool first = true;

    if (s->column.type != COLUMN_TIMESTAMP || b->env->explicit_timestamp || d->null_given ||
        s->column.generated != GENERATED_NONE)
        return;
    s->column.nullable = false;
    if (s->dflt.kind != DEFAULT_NONE || s->column.on_update_now)
        return;
    for (uint32_t i = 0; i < b->n_slots; i++)
        first = first && b->slots[i].column.type != COLUMN_TIMESTAMP;
    if (first) {
        s->dflt.kind = DEFAULT_NOW;
        s->column.on_update_now = true;
    } else {
        s->dflt.kind = DEFAULT_LITERAL;
        s->dflt.literal = (struct token){TOKEN_STRING, bytes_str("0000-00-00 00:00:00"), false};
    }
}

static struct slot slot_of(struct builder *b, struct column_def *d)
{
    struct slot s = {.column = d->column, .dflt = d->dflt, .has_dflt = true};

    resolve_text(b, d, &s.column);
    resolve_width(&s.column);
    if (s.column.auto_increment)
        s.column.nullable = false;
    implicit_timestamp(b, d, &s);
    return s;
}

/* --- the old columns ------------------------------------------------------------------------ */

static struct spec *find_spec(struct builder *b, enum spec_kind kind, const char *name)
{
    for (size_t i = 0; i < b->st->n_specs; i++) {
        struct spec *s = &b->st->specs[i];

        if (s->kind == kind && strcasecmp(s->name, name) == 0)
            return s;
    }
    return NULL;
}

/* SET DEFAULT, DROP DEFAULT, SET [IN]VISIBLE, RENAME COLUMN on a column that stays. */
static void amend(struct builder *b, struct slot *s)
{
    const struct spec *spec = find_spec(b, SPEC_SET_DEFAULT, s->old);

    if (spec) {
        s->dflt = spec->def->dflt;
        s->has_dflt = true;
    }
    spec = find_spec(b, SPEC_COLUMN_VISIBLE, s->old);
    if (spec)
        s->column.invisible = !spec->flag;
    spec = find_spec(b, SPEC_RENAME_COLUMN, s->old);
    if (spec)
        s->column.name = spec->new_name;
}

static void keep_old_columns(struct builder *b)
{
    for (uint32_t i = 0; b->before && i < b->before->n_columns; i++) {
        const struct column *c = &b->before->columns[i];
        struct slot s = {.column = *c, .old = c->name, .was = c};
        struct spec *change = find_spec(b, SPEC_CHANGE_COLUMN, c->name);

        if (find_spec(b, SPEC_DROP_COLUMN, c->name))
            continue;
        if (change) {
            if (change->first || change->after)
                continue;
            s = slot_of(b, change->def);
            s.old = c->name;
            s.was = c;
            s.changed = true;
        } else {
            amend(b, &s);
        }
        insert_slot(b, b->n_slots, &s);
    }
}

static bool place(struct builder *b, const struct spec *spec, struct slot *s)
{
    struct slot *after;

    if (find_slot(b, s->column.name))
        return builder_fail(b, "column", s->column.name);
    if (spec->first) {
        insert_slot(b, 0, s);
        return true;
    }
    if (spec->after == NULL) {
        insert_slot(b, b->n_slots, s);
        return true;
    }
    after = find_slot(b, spec->after);
    if (after == NULL)
        return builder_fail(b, "column", spec->after);
    insert_slot(b, (uint32_t)(after - b->slots) + 1, s);
    return true;
}

static bool place_new_columns(struct builder *b)
{
    for (size_t i = 0; i < b->st->n_specs; i++) {
        const struct spec *spec = &b->st->specs[i];
        struct slot s;

        if (spec->kind == SPEC_CHANGE_COLUMN && (spec->first || spec->after)) {
            uint32_t old = b->before ? table_column(b->before, spec->name) : UINT32_MAX;

            s = slot_of(b, spec->def);
            if (old == UINT32_MAX)
                return builder_fail(b, "column", spec->name);
            s.was = &b->before->columns[old];
            s.old = s.was->name;
            s.changed = true;
        } else if (spec->kind == SPEC_ADD_COLUMN) {
            s = slot_of(b, spec->def);
        } else {
            continue;
        }
        if (!place(b, spec, &s))
            return false;
    }
    return true;
}

/* Each column that a spec names must be known: else the definition is not the source's. */
static bool check_names(struct builder *b)
{
    for (size_t i = 0; i < b->st->n_specs; i++) {
        const struct spec *s = &b->st->specs[i];

        switch (s->kind) {
        case SPEC_CHANGE_COLUMN:
        case SPEC_RENAME_COLUMN:
        case SPEC_DROP_COLUMN:
        case SPEC_SET_DEFAULT:
        case SPEC_COLUMN_VISIBLE:
            if (b->before == NULL || table_column(b->before, s->name) == UINT32_MAX)
                return builder_fail(b, "column", s->name);
            break;
        default:
            break;
        }
    }
    return true;
}

/* CONVERT TO: room for as many characters as before. */
static void convert_column(struct builder *b, struct column *c)
{
    unsigned from, to;
    uint64_t bytes;

    if (c->charset == NULL || strcmp(c->charset, "binary") == 0)
        return;
    from = charset_mbmaxlen(c->charset);
    to = charset_mbmaxlen(b->t->charset);
    c->charset = b->t->charset;
    c->collation = b->t->collation;
    if (is_text_class(c->type) && from > 0) {
        static const uint64_t room[] = {255, 65535, 16777215, UINT32_MAX};

        bytes = room[c->type - COLUMN_TINYTEXT] / from * to;
        if (from != to)
            c->type = blob_class(bytes, true);
    }
    if (strcmp(c->charset, "binary") == 0 && column_is_text(c)) {
        c->type = binary_twin(c->type);
        c->charset = c->collation = NULL;
    }
}

static void convert_columns(struct builder *b)
{
    bool convert = false;

    for (size_t i = 0; i < b->st->n_specs; i++)
        convert = convert || b->st->specs[i].kind == SPEC_CONVERT;
    for (uint32_t i = 0; convert && i < b->n_slots; i++)
        convert_column(b, &b->slots[i].column);
}

bool build_columns(struct builder *b)
{
    if (!check_names(b))
        return false;
    keep_old_columns(b);
    for (uint32_t i = 0; i < b->n_slots; i++) {
        if (find_slot(b, b->slots[i].column.name) != &b->slots[i])
            return builder_fail(b, "column", b->slots[i].column.name);
    }
    if (!place_new_columns(b))
        return false;
    convert_columns(b);
    return true;
}
