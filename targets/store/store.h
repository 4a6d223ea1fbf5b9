/*
 * store.h - what a target keeps of our progress, beside the data and in its transactions.
 *
 * The tables are described here once, and everything that is known about their rows is in
 * the other files here: an engine makes the tables, reads rows by a key's beginning, and changes
 * rows in one transaction. It knows neither a lane nor a chunk.
 */
#ifndef TARGETS_STORE_STORE_H
#define TARGETS_STORE_STORE_H

#include "schema/base/arena.h"
#include "schema/value.h"
#include "targets/target.h"

#define STATE_COLUMNS_MAX 11

enum state_id { STATE_META, STATE_LANE, STATE_TABLE, STATE_CHUNK, STATE_DDL, STATES };

/* Values are VALUE_UINT, VALUE_TEXT or VALUE_BYTES; only CELL_LONG_TEXT may be VALUE_NULL. */
enum cell_type {
    CELL_U8,
    CELL_FLAG, /* 0 or 1 */
    CELL_U32,
    CELL_U64,
    CELL_TOUCHED,   /* u64, raised by each STATE_SET: for servers that count changed rows only */
    CELL_TEXT,      /* up to `size` characters of UTF-8; compared by bytes */
    CELL_CHARS,     /* `size` ASCII characters, or none */
    CELL_LONG_TEXT, /* may be missing */
    CELL_BYTES,     /* `size` bytes */
};

struct state_column {
    const char *name;
    enum cell_type type;
    unsigned size;
    unsigned since; /* of this version on; 0: from the first. Older rows have an empty text */
};

struct state_table {
    const char *name;
    const struct state_column *columns;
    unsigned n_columns;
    unsigned n_key; /* so many columns at the beginning are the primary key */
};

extern const struct state_table state_tables[STATES];

enum state_act {
    STATE_PUT, /* the row of `cells`, new or in place of the one of that key */
    STATE_ADD, /* the same, unless there is one of that key */
    /* One row, named by its whole key and more in `where`, gets what `cells` has. No row is so:
     * ERR_DATA "fenced" with the text `otherwise`, and nothing of the transaction is kept. */
    STATE_SET,
    STATE_REMOVE, /* all rows that `where` names */
};

/* Arrays of a value a column; VALUE_ABSENT: left as it is, not asked for. */
struct state_change {
    enum state_act act;
    enum state_id id;
    const struct value *cells; /* STATE_PUT, STATE_ADD: without an absent one */
    const struct value *where;
    const char *otherwise;
};

/* A row as it is read; borrowed for the call. */
typedef bool state_row_fn(void *ctx, const struct value *cells, struct err *err);

/* ERR_DATA "fenced" of a STATE_SET that found no row: for engines. */
void store_fenced(const struct state_change *change, struct err *err);

/* The lane's row as who joined its owner believes it is: changes nothing, or is fenced. */
struct state_change store_guard(const struct target *t, struct arena *arena);

/*
 * What a unit does to the lane's row, in the unit's own transaction: first where it begins, else
 * last. False: nothing. The change lives in the arena.
 */
bool store_unit(const struct target *t, const struct unit *unit, struct arena *arena,
                struct state_change *out);

/* A definition change of the lane, as its row in the journal; see rows.c. */
struct journal_row {
    bool exists;
    bool is_done;
    uint32_t step;
    char fingerprint[65];
};
MUST_CHECK bool store_journal_read(struct target *t, const struct ddl_unit *unit,
                                   struct journal_row *out, struct err *err);
/* LSN of the newest row of the channel that was joined; 0: there is none. */
MUST_CHECK bool store_journal_newest(struct target *t, uint64_t *lsn, struct err *err);
/* One transaction: the lane's guard, the journal row, rows away that the lane is past. The lane
 * moves if it is done and the unit advances. */
MUST_CHECK bool store_journal_write(struct target *t, const struct ddl_unit *unit,
                                    const struct journal_row *row, struct err *err);

#endif
