/*
 * case.h - what the parts of the contract suite share: one table in hand, and its rows as text.
 *
 * The lane and the units come from tests/lib/writer.h. All fail the running test on an error.
 */
#ifndef TESTS_CONTRACT_CASE_H
#define TESTS_CONTRACT_CASE_H

#include "tests/contract/suite.h"
#include "tests/lib/writer.h"

#define PAIR "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v VARCHAR(20) CHARACTER SET utf8mb4)"

extern struct table *d; /* the table in hand, in database c; freed behind the test */

struct table *parse_table(const char *sql);
/* Take the definition in hand and create it, with keys. */
void make(const char *sql);
/* A row of (id, v); NULL for no v. It lives until the end of the test. */
const struct value *pair(int64_t id, const char *v);
/* A unit with one row of the table in hand. */
bool one(enum op_kind kind, const struct value *row);
void own_by(struct target *who, struct lane_state *out);
/* target_value_fn for a struct buf: "1=a 2=b 3=-". */
bool put_pair(void *ctx, const struct value *row, struct err *e);
void check_read(struct target *who, const struct selection *which, uint64_t limit,
                const char *expected);
/* All rows of the table in hand, by key. */
void check_rows(const char *expected);

int contract_setup(void **state);
int contract_teardown(void **state);
#define CONTRACT_TEST(name) cmocka_unit_test_setup_teardown(name, contract_setup, contract_teardown)

extern const struct CMUnitTest contract_units[], contract_state[], contract_definer[],
    contract_reader[], contract_values[];
extern const size_t n_contract_units, n_contract_state, n_contract_definer, n_contract_reader,
    n_contract_values;

#endif
