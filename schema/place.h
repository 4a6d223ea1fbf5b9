/*
 * place.h - where in a source's history. Pure.
 *
 * A source names a transaction by a GTID (MySQL's or MariaDB's) or not at all, and a point in
 * its history by the GTIDs executed up to there, by file and offset in its binlog, or by both.
 * Only this file, its two parts (mysql_gtid, mariadb_gtid), the decoder and the source know
 * which kind it is; all others carry it, compare it, print it.
 *
 *   text    GTID       3e11fa47-71ca-11e1-9e33-c80aa9429562:7   0-1-7   "" for none
 *           position   binlog.000003:1234                               "" for none
 *           place      the GTIDs executed where known, else the position
 *   bytes   GTID       u8 0: none | 1: 16 bytes uuid, varint gno | 2: the same, string tag
 *                      | 3: varint domain, server, sequence
 *           position   string file, varint offset
 *           place      position, u8 0: no GTID | 1: string, a set in the wire form of
 *                      COM_BINLOG_DUMP_GTID | 2: varint n, n times varint domain (ascending),
 *                      server, sequence
 *   A string is a varint length and its bytes, a varint LEB128 of at most 10 bytes. The bytes
 *   carry no version of their own: the format that they stand in has one.
 */
#ifndef SCHEMA_PLACE_H
#define SCHEMA_PLACE_H

#include "schema/mariadb_gtid.h"
#include "schema/mysql_gtid.h"

#define POSITION_FILE_MAX 255
#define POSITION_TEXT_SIZE (POSITION_FILE_MAX + 22) /* file, colon, 20 digits and a NUL fit */
#define GTID_TEXT_SIZE MYSQL_GTID_TEXT_SIZE         /* the longest */
#define GTID_BYTES_MAX 64

enum gtid_kind { GTID_NONE = 0, GTID_MYSQL = 1, GTID_MARIADB = 2 };

/* One transaction's name. Zeroed: it has none. */
struct gtid {
    enum gtid_kind kind;
    union {
        struct mysql_gtid mysql;
        struct mariadb_gtid mariadb;
    };
};

bool gtid_equal(const struct gtid *a, const struct gtid *b);
/* out has GTID_TEXT_SIZE bytes. */
void gtid_print(const struct gtid *g, char *out);
/* Fails with ERR_DATA; "" is none. */
MUST_CHECK bool gtid_parse(const char *text, struct gtid *out, struct err *err);
void gtid_put(const struct gtid *g, struct buf *out);
/* Sets c->bad where the bytes break the rules. */
void gtid_get(struct cursor *c, struct gtid *out);

/* A place in the source's binlog: the end of an event. file "" = unknown. */
struct position {
    char file[POSITION_FILE_MAX + 1];
    uint64_t offset; /* bytes, 64-bit, from the start of the file */
};

/*
 * Order by the number after the file name's last dot, then by offset: <0, 0, >0. Names
 * whose stems differ compare by bytes.
 */
int position_compare(const struct position *a, const struct position *b);
/* `at` is known and not before `goal`. */
bool position_reached(const struct position *at, const struct position *goal);
/* out has POSITION_TEXT_SIZE bytes. */
void position_print(const struct position *p, char *out);
void position_put(const struct position *p, struct buf *out);
void position_get(struct cursor *c, struct position *out);

/*
 * A point between two transactions. Zeroed: the beginning, before which nothing was executed.
 * The GTIDs decide where they are known; file and offset are then where to go on reading.
 */
struct place {
    enum gtid_kind kind; /* of the set; GTID_NONE: it is empty */
    union {
        struct mysql_set *mysql;
        struct mariadb_set mariadb;
    };
    struct position at;
};

void place_release(struct place *p); /* zeroed again */
/* `to` is overwritten, not released. */
void place_copy(struct place *to, const struct place *from);
/* A MySQL GTID set, a list of MariaDB GTIDs, or FILE:OFFSET. "" is the beginning. Fails with
 * ERR_DATA; *out is zeroed then. */
MUST_CHECK bool place_parse(const char *text, struct place *out, struct err *err);
void place_print(const struct place *p, struct buf *out);
void place_put(const struct place *p, struct buf *out);
/* As gtid_get; *out is zeroed where c is bad. */
void place_get(struct cursor *c, struct place *out);

bool place_has_gtids(const struct place *p);
/* One more transaction; none changes nothing. Fails with ERR_DATA when the place is in the
 * history of another kind of server. */
MUST_CHECK bool place_add(struct place *p, const struct gtid *g, struct err *err);
bool place_has(const struct place *p, const struct gtid *g);
/* Is `p` at or behind `part`? By the GTIDs of `part` if it has some, else by its file and
 * offset; every place is behind the beginning. */
bool place_contains(const struct place *p, const struct place *part);
bool place_equal(const struct place *a, const struct place *b);

#endif
