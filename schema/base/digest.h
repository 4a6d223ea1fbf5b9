/*
 * digest.h - SHA-256 and keyed hashes, through libcrypto.
 */
#ifndef SCHEMA_BASE_DIGEST_H
#define SCHEMA_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "schema/base/bytes.h"

#define SHA256_HEX_SIZE 65

/* 64 lower-case hex digits and a NUL. */
void sha256_hex(struct bytes data, char out[SHA256_HEX_SIZE]);

/*
 * How a row key is named in messages: 16 hex digits of HMAC-SHA-256 under a key that the
 * process drew at its start (key_hash_seed sets a fixed one from the queue's uuid, so that
 * the hashes of one installation agree between runs) and a NUL.
 */
void key_hash_seed(struct bytes seed);
void key_hash(struct bytes key, char out[17]);

#endif
