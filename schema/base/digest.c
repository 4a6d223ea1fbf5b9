#include "schema/base/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define KEY_HASH_BYTES 8

static uint8_t key_hash_secret[SHA256_DIGEST_LENGTH];
static bool key_hash_seeded;
static pthread_mutex_t key_hash_lock = PTHREAD_MUTEX_INITIALIZER;

static void put_hex(const uint8_t *in, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
    out[2 * n] = '\0';
}

/* libcrypto without SHA-256 or random bytes is an installation we must not run on. */
static void must(bool ok)
{
    if (ok)
        return;
    fputs("domicile: libcrypto gave no digest\n", stderr);
    abort();
}

void sha256_hex(struct bytes data, char out[SHA256_HEX_SIZE])
{
    uint8_t md[SHA256_DIGEST_LENGTH];

    must(EVP_Digest(data.data, data.len, md, NULL, EVP_sha256(), NULL) == 1);
    put_hex(md, sizeof(md), out);
}

void key_hash_seed(struct bytes seed)
{
    pthread_mutex_lock(&key_hash_lock);
    must(EVP_Digest(seed.data, seed.len, key_hash_secret, NULL, EVP_sha256(), NULL) == 1);
    key_hash_seeded = true;
    pthread_mutex_unlock(&key_hash_lock);
}

static void copy_secret(uint8_t *out)
{
    pthread_mutex_lock(&key_hash_lock);
    if (!key_hash_seeded)
        must(RAND_bytes(key_hash_secret, sizeof(key_hash_secret)) == 1);
    key_hash_seeded = true;
    memcpy(out, key_hash_secret, sizeof(key_hash_secret));
    pthread_mutex_unlock(&key_hash_lock);
}

void key_hash(struct bytes key, char out[17])
{
    uint8_t secret[sizeof(key_hash_secret)];
    uint8_t md[SHA256_DIGEST_LENGTH];

    copy_secret(secret);
    must(HMAC(EVP_sha256(), secret, sizeof(secret), key.data, key.len, md, NULL) != NULL);
    put_hex(md, KEY_HASH_BYTES, out);
}
