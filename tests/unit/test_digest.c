#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "schema/base/digest.h"

/* FIPS 180-4 examples. */
static void test_digest_gives_the_published_sha256(void **state)
{
    char hex[SHA256_HEX_SIZE];

    (void)state;
    sha256_hex(BYTES_EMPTY, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256_hex(bytes_str("abc"), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_hex(bytes_str("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void test_digest_hashes_keys_alike_under_one_seed_only(void **state)
{
    char drawn[17];
    char a[17];
    char b[17];

    (void)state;
    key_hash(bytes_str("42"), drawn); /* before any seed: a random key */
    key_hash_seed(bytes_str("queue one"));
    key_hash(bytes_str("42"), a);
    key_hash(bytes_str("43"), b);
    assert_string_not_equal(a, b);
    key_hash_seed(bytes_str("queue two"));
    key_hash(bytes_str("42"), b);
    assert_string_not_equal(a, b);
    key_hash_seed(bytes_str("queue one"));
    key_hash(bytes_str("42"), b);
    assert_string_equal(a, b);
    assert_string_not_equal(a, drawn);
    assert_int_equal(strspn(a, "0123456789abcdef"), 16);
    key_hash(BYTES_EMPTY, b);
    assert_int_equal(strlen(b), 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest_gives_the_published_sha256),
        cmocka_unit_test(test_digest_hashes_keys_alike_under_one_seed_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
