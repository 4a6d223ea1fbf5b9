/*
 * writer.h - for the tests of target.h's contract: one target, its lane, and units to send.
 *
 * main() calls writer_main() with the tests; it reads WRITER_HOST, WRITER_PORT, WRITER_USER,
 * WRITER_PASSWORD, WRITER_CA and WRITER_AUDIT. Each test begins with an empty database w, the
 * state schema and the lane in hand. All fail the running test on an error.
 */
#ifndef TESTS_LIB_WRITER_H
#define TESTS_LIB_WRITER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema/value.h"
#include "targets/target.h"
#include "tests/lib/target_sql.h"

#define CHANNEL "test"
#define CANARY "canary-7f3a"

extern struct target_config config;
extern struct guard *guard;
extern struct target *t;
extern struct lane_state lane;
extern struct err err;
extern const uint8_t queue_uuid[16];

void must(bool ok);
void must_fail(bool ok, enum err_kind kind, const char *reason);
bool no_row(void *ctx, const struct bytes *c, unsigned n, struct err *e);
void run(const char *sql);
bool one_number(void *ctx, const struct bytes *c, unsigned n, struct err *e);
long long number(const char *sql);
void own(void);
int setup(void **state);
int teardown(void **state);
struct column *add_column(struct table *d, const char *name, enum column_type type);
struct table *define(const char *name);
void set_key(struct table *d);
struct table *define_pair(const char *name);
struct value num(int64_t i);
struct value uns(uint64_t u);
struct value raw(enum value_kind kind, const char *s, size_t n);
struct value text(const char *s);
struct value null_value(void);
struct op op_rows(enum op_kind kind, const struct table *d, const struct value *const *rows,
                  size_t n);
struct unit unit_of(const struct op *ops, size_t n);
bool send_unit(const struct unit *u);
bool send_ops(const struct op *ops, size_t n);
uint64_t stored_lsn(void);
/* The configuration from the environment, and the guard; false: said on stderr. */
bool writer_begin(void);
int writer_main(const struct CMUnitTest *tests, size_t n);

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
