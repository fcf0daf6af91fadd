#include "base/hash.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Key and text count up from zero. Source: the vectors of the SipHash paper's reference code. */
static void is_siphash(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        uint64_t hash;
    } rows[] = {
        {0, 0x726fdb47dd0e0e31u}, {1, 0x74f839c593dc67fdu},  {7, 0xab0200f58b01d137u},
        {8, 0x93f5f5799a932462u}, {15, 0xa129ca6149be45e5u}, {63, 0x958a324ceb064572u},
    };
    unsigned char text[64];
    for (size_t i = 0; i < sizeof(text); i++) text[i] = (unsigned char)i;
    struct hash_key key = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t hash = hash_sip(key, text, rows[i].n);
        if (hash != rows[i].hash) fail_msg("%zu bytes: %016llx", rows[i].n, (unsigned long long)hash);
    }
    key.k0 ^= 1;
    assert_int_not_equal(hash_sip(key, text, 8), rows[3].hash);
}

/* No bit, no length, no place of a block and no half of the key is without effect; nothing behind the text has any. */
static void tells_texts_apart(void **state)
{
    (void)state;
    enum { MOST = 100 };
    unsigned char text[MOST + 1] = {0}, swapped[64];
    struct hash_key key = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
    struct hash_key others[] = {{key.k0 ^ 1, key.k1}, {key.k0, key.k1 ^ 1}};
    for (size_t n = 0; n <= MOST; n++) {
        uint64_t is = hash_text(key, text, n);
        assert_int_not_equal(is, hash_text(key, text, n + 1)); /* zeros alone */
        for (size_t i = 0; i < COUNT_OF(others); i++) assert_int_not_equal(is, hash_text(others[i], text, n));
        text[n] ^= 1;
        assert_int_equal(is, hash_text(key, text, n));
        text[n] ^= 1;
        for (size_t bit = 0; bit < n * 8; bit++) {
            text[bit / 8] ^= (unsigned char)(1u << bit % 8);
            if (hash_text(key, text, n) == is) fail_msg("%zu bytes, bit %zu", n, bit);
            text[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
    }
    for (size_t i = 0; i < sizeof(swapped); i++) text[i] = (unsigned char)i;
    for (size_t half = 8; half <= 32; half *= 2) {
        memcpy(swapped, text, sizeof(swapped));
        memcpy(swapped, text + half, half);
        memcpy(swapped + half, text, half);
        assert_int_not_equal(hash_text(key, text, 64), hash_text(key, swapped, 64));
    }
}

/* Source: RFC 3720, B.4, and the usual check value. */
static void is_crc32c(void **state)
{
    (void)state;
    unsigned char zeros[32] = {0}, ones[32], up[32], down[32];
    memset(ones, 0xff, sizeof(ones));
    for (size_t i = 0; i < 32; i++) {
        up[i] = (unsigned char)i;
        down[i] = (unsigned char)(31 - i);
    }
    assert_int_equal(hash_crc32c(0, "", 0), 0);
    assert_int_equal(hash_crc32c(0, "123456789", 9), 0xe3069283u);
    assert_int_equal(hash_crc32c(0, zeros, 32), 0x8a9136aau);
    assert_int_equal(hash_crc32c(0, ones, 32), 0x62a8ab43u);
    assert_int_equal(hash_crc32c(0, up, 32), 0x46dd794eu);
    assert_int_equal(hash_crc32c(0, down, 32), 0x113fdb5cu);
}

/* Bit by bit, and split anywhere: the same. */
static void chains(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 6);
    unsigned char text[200];
    for (size_t i = 0; i < sizeof(text); i++) text[i] = (unsigned char)rng_next(&rng);
    for (size_t n = 0; n <= sizeof(text); n++) {
        uint32_t crc = ~0u;
        for (size_t i = 0; i < n; i++) {
            crc ^= text[i];
            for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
        }
        assert_int_equal(hash_crc32c(0, text, n), ~crc);
        size_t cut = (size_t)rng_below(&rng, n + 1);
        assert_int_equal(hash_crc32c(hash_crc32c(0, text, cut), text + cut, n - cut), ~crc);
    }
}

static void is_fnv(void **state)
{
    (void)state;
    assert_true(hash_fnv(S("")) == 0xcbf29ce484222325u);
    assert_true(hash_fnv(S("a")) == 0xaf63dc4c8601ec8cu);
    assert_true(hash_fnv(S("foobar")) == 0x85944171f73967e8u);
    assert_true(hash_fnv(S("\xff")) == ((0xcbf29ce484222325u ^ 0xff) * 0x100000001b3u)); /* bytes, not signed chars */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_siphash), cmocka_unit_test(tells_texts_apart),
        cmocka_unit_test(is_crc32c),  cmocka_unit_test(chains),
        cmocka_unit_test(is_fnv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
