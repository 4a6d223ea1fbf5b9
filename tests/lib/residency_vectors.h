/*
 * residency_vectors.h - the shared vectors of policy, addresses, hosts and resolver.
 *
 * Read from tests/unit/residency-vectors.json beside the tests' sources.
 */
#ifndef TESTS_LIB_RESIDENCY_VECTORS_H
#define TESTS_LIB_RESIDENCY_VECTORS_H

#include <cjson/cJSON.h>

/* The whole file; free with cJSON_Delete. Ends the test program when it cannot be read. */
cJSON *residency_vectors(void);
/* A member's string, or NULL. */
const char *vector_string(const cJSON *vector, const char *member);

#endif
