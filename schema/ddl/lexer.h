/*
 * lexer.h - tokens of MySQL's SQL, as far as DDL needs them.
 *
 * A versioned comment that is still in a logged statement was executed by the source (a
 * server blanks those it skipped), so its content is code here; all other comments,
 * MariaDB's included, are white space. Decoded names and strings live in the arena.
 */
#ifndef SCHEMA_DDL_LEXER_H
#define SCHEMA_DDL_LEXER_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/arena.h"
#include "schema/base/bytes.h"

#define SQL_MODE_REAL_AS_FLOAT 0x1
#define SQL_MODE_ANSI_QUOTES 0x4
#define SQL_MODE_NO_BACKSLASH_ESCAPES 0x100000

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,   /* bare name or keyword; text as written */
    TOKEN_QUOTED, /* quoted name, decoded */
    TOKEN_STRING, /* decoded */
    TOKEN_NUMBER, /* unsigned, as written */
    TOKEN_HEX,    /* x'..' or 0x..: the digits only */
    TOKEN_BIT,    /* b'..' or 0b..: the digits only */
    TOKEN_SYMBOL, /* one character, or one of -> ->> || && <= >= <> != := << >> */
    TOKEN_BAD,    /* an unfinished string, name or comment */
};

struct token {
    enum token_kind kind;
    struct bytes text;
    bool spaced; /* white space or a comment stood before it */
};

struct lexer {
    const uint8_t *p;
    const uint8_t *end;
    uint64_t sql_mode;
    struct arena *arena;
    bool in_code;    /* inside a versioned comment */
    bool after_name; /* the last token was a name, so a dot starts a name */
    bool after_dot;  /* the last token was such a dot */
};

void lexer_init(struct lexer *lx, struct bytes text, uint64_t sql_mode, struct arena *arena);
struct token lexer_next(struct lexer *lx);

#endif
