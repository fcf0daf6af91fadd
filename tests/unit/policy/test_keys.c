/* Secrets, their hashes, and what a key may use. */
#include "help.h"

#include "policy/keys.h"

#include <pthread.h>
#include <stdio.h>

static struct key make_key(str name, str secret)
{
    struct key k = {.name = name, .team = S("support")};
    key_hash(secret, k.hash);
    return k;
}

static void test_hash_is_sha256(void **state)
{
    (void)state;
    /* FIPS 180-4, "abc". */
    static const unsigned char expect[KEY_HASH_BYTES] = {
        0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
        0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
    };
    unsigned char hash[KEY_HASH_BYTES];
    key_hash(S("abc"), hash);
    assert_memory_equal(hash, expect, sizeof(hash));
    key_hash(STR_NONE, hash);
    assert_int_equal(hash[0], 0xe3);
}

static void test_find(void **state)
{
    (void)state;
    enum { KEYS = 500 };
    static struct key keys[KEYS];
    static char names[KEYS][16];
    for (int i = 0; i < KEYS; i++) {
        int n = snprintf(names[i], sizeof(names[i]), "secret-%d", i);
        keys[i] = make_key(str_of(names[i], (size_t)n), str_of(names[i], (size_t)n));
    }
    keys[7].revoked = true;
    struct key_table *t = key_table_new(keys, KEYS);
    assert_int_equal(key_table_count(t), KEYS);
    for (int i = 0; i < KEYS; i++) {
        const struct key *k = key_table_find(t, str_from(names[i]));
        assert_ptr_equal(k, key_table_at(t, (size_t)i));
        assert_true(str_eq(k->name, str_from(names[i])));
        assert_ptr_not_equal(k->name.p, names[i]); /* a copy */
        assert_ptr_equal(key_table_find_name(t, str_from(names[i])), k);
    }
    assert_true(key_table_find(t, S("secret-7"))->revoked);
    assert_null(key_table_find(t, S("secret-500")));
    assert_null(key_table_find(t, S("")));
    assert_null(key_table_find(t, S("secret-1 ")));
    assert_null(key_table_find_name(t, S("nobody")));
    assert_null(key_table_at(t, KEYS));
    key_table_drop(t);
}

static void test_two_keys_of_one_secret(void **state)
{
    (void)state;
    struct key keys[2] = {make_key(S("first"), S("same")), make_key(S("second"), S("same"))};
    struct key_table *t = key_table_new(keys, 2);
    assert_true(str_eq(key_table_find(t, S("same"))->name, S("first")));
    assert_true(str_eq(key_table_find_name(t, S("second"))->name, S("second")));
    key_table_drop(t);
    t = key_table_new(NULL, 0);
    assert_null(key_table_find(t, S("same")));
    key_table_drop(t);
}

static const struct {
    const char *globs[3];
    const char *requested, *target;
    bool may;
} uses[] = {
    {{NULL}, "anything", "openai/gpt-5", true},
    {{"cheap"}, "cheap", "lab/sim-small", true},
    {{"cheap"}, "cheaper", "lab/sim-small", false},
    {{"openai/*"}, "best", "openai/gpt-5", true},
    {{"openai/*"}, "best", "lab/gpt-5", false},
    {{"cheap", "openai/*"}, "openai/gpt-5", "openai/gpt-5", true},
    {{"cheap", "*mini*"}, "gpt-5-mini", "openai/gpt-5-mini", true},
    {{""}, "cheap", "lab/sim-small", false},
};

static void test_models(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(uses); i++) {
        str globs[3];
        struct key k = {.models = globs};
        while (k.model_count < 3 && uses[i].globs[k.model_count]) {
            globs[k.model_count] = str_from(uses[i].globs[k.model_count]);
            k.model_count++;
        }
        struct key_table *t = key_table_new(&k, 1);
        if (key_may_use(key_table_at(t, 0), str_from(uses[i].requested), str_from(uses[i].target)) != uses[i].may)
            fail_msg("case %zu: %s, %s", i, uses[i].requested, uses[i].target);
        key_table_drop(t);
    }
}

static void test_secrets(void **state)
{
    (void)state;
    char a[64], b[64];
    unsigned seen[128] = {0};
    for (int round = 0; round < 200; round++) {
        key_make_secret(a);
        key_make_secret(b);
        assert_int_equal(strlen(a), 46);
        assert_memory_equal(a, "pk-", 3);
        assert_string_not_equal(a, b);
        for (const char *p = a + 3; *p; p++) {
            assert_true((*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z'));
            seen[(unsigned char)*p]++;
        }
    }
    /* 8,600 digits of 62 kinds, some 139 each: one that never comes is a mistake, not chance. */
    for (const char *p = "09AZaz"; *p; p++) assert_true(seen[(unsigned char)*p] > 50);
}

static void test_equal(void **state)
{
    (void)state;
    assert_true(secret_equal(S("abc"), S("abc")));
    assert_true(secret_equal(S(""), STR_NONE));
    assert_false(secret_equal(S("abc"), S("abd")));
    assert_false(secret_equal(S("abc"), S("abcd")));
}

static void *run_finds(void *arg)
{
    const struct key_table *t = arg;
    for (int i = 0; i < 5000; i++) {
        if (!key_table_find(t, S("right")) || key_table_find(t, S("wrong"))) return arg;
    }
    return NULL;
}

static void test_cache_finds_the_same(void **state)
{
    (void)state;
    enum { KEYS = 5000 }; /* more than a cache has slots */
    static struct key keys[KEYS];
    static char secrets[KEYS][16];
    for (int i = 0; i < KEYS; i++) {
        int n = snprintf(secrets[i], sizeof(secrets[i]), "secret-%d", i);
        keys[i] = make_key(S("k"), str_of(secrets[i], (size_t)n));
    }
    struct key_table *t = key_table_new(keys, KEYS);
    struct key_cache *c = key_cache_new(t);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < KEYS; i++) {
            str secret = str_from(secrets[i]);
            assert_ptr_equal(key_cache_find(c, secret), key_table_at(t, (size_t)i));
            if (round) assert_ptr_equal(key_cache_find(c, secret), key_table_at(t, (size_t)i));
        }
        assert_null(key_cache_find(c, S("secret-5000")));
        assert_null(key_cache_find(c, S("secret-1 ")));
        assert_null(key_cache_find(c, S("")));
    }
    key_cache_drop(c);
    key_table_drop(t);
}

static void test_many_threads(void **state)
{
    (void)state;
    struct key key = make_key(S("k"), S("right"));
    struct key_table *t = key_table_new(&key, 1);
    pthread_t thread[24];
    for (size_t i = 0; i < COUNT_OF(thread); i++) assert_int_equal(pthread_create(&thread[i], NULL, run_finds, t), 0);
    for (size_t i = 0; i < COUNT_OF(thread); i++) {
        void *wrong;
        pthread_join(thread[i], &wrong);
        assert_null(wrong);
    }
    key_table_drop(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_is_sha256),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_two_keys_of_one_secret),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_cache_finds_the_same),
        cmocka_unit_test(test_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
