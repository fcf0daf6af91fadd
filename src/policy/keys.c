#include "policy/keys.h"

#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

struct key_table {
    struct key *keys;
    size_t count;
    uint32_t *slot; /* number + 1 of a key, by the first bytes of its hash; 0: none */
    size_t mask;
    struct arena arena;
};

/* A secret that was found before, by a fingerprint that nobody outside this process can compute. */
struct found {
    uint64_t fingerprint[2];
    const struct key *key; /* NULL: the slot is free */
};

struct key_cache {
    const struct key_table *table;
    struct hash_key random[2];
    size_t mask;
    struct found slot[];
};

enum { CACHE_SLOTS_MAX = 4096 };

static _Noreturn void no_crypto(const char *what)
{
    fprintf(stderr, "purser: %s does not work on this machine\n", what);
    abort();
}

void key_hash(str secret, unsigned char out[KEY_HASH_BYTES])
{
    if (!EVP_Digest(secret.p ? secret.p : "", secret.n, out, NULL, EVP_sha256(), NULL)) no_crypto("SHA-256");
}

static uint64_t first_bytes(const unsigned char hash[KEY_HASH_BYTES])
{
    uint64_t v;
    memcpy(&v, hash, sizeof(v));
    return v;
}

static const struct key *find_hash(const struct key_table *t, const unsigned char hash[KEY_HASH_BYTES])
{
    for (size_t i = first_bytes(hash) & t->mask; t->slot[i]; i = (i + 1) & t->mask) {
        const struct key *k = &t->keys[t->slot[i] - 1];
        if (CRYPTO_memcmp(k->hash, hash, KEY_HASH_BYTES) == 0) return k;
    }
    return NULL;
}

static const str *copy_list(struct arena *a, const str *from, size_t count)
{
    if (!count) return NULL;
    str *to = arena_alloc(a, count * sizeof(*to));
    for (size_t i = 0; i < count; i++) to[i] = arena_str(a, from[i]);
    return to;
}

static void copy_key(struct arena *a, struct key *to, const struct key *from)
{
    *to = *from;
    to->name = arena_str(a, from->name);
    to->team = arena_str(a, from->team);
    to->models = copy_list(a, from->models, from->model_count);
    to->passthrough = copy_list(a, from->passthrough, from->passthrough_count);
}

struct key_table *key_table_new(const struct key *keys, size_t count)
{
    struct key_table *t = mem_zalloc(sizeof(*t));
    size_t slots = 16;
    while (slots < count * 2) slots *= 2;
    arena_init(&t->arena);
    t->keys = mem_zalloc(count * sizeof(*t->keys));
    t->slot = mem_zalloc(slots * sizeof(*t->slot));
    t->mask = slots - 1;
    t->count = count;
    for (size_t n = 0; n < count; n++) {
        copy_key(&t->arena, &t->keys[n], &keys[n]);
        if (find_hash(t, keys[n].hash)) continue;
        size_t i = first_bytes(keys[n].hash) & t->mask;
        while (t->slot[i]) i = (i + 1) & t->mask;
        t->slot[i] = (uint32_t)n + 1;
    }
    return t;
}

void key_table_drop(struct key_table *t)
{
    if (!t) return;
    arena_free(&t->arena);
    free(t->keys);
    free(t->slot);
    free(t);
}

size_t key_table_count(const struct key_table *t)
{
    return t->count;
}

const struct key *key_table_at(const struct key_table *t, size_t i)
{
    return i < t->count ? &t->keys[i] : NULL;
}

const struct key *key_table_find(const struct key_table *t, str secret)
{
    unsigned char hash[KEY_HASH_BYTES];
    if (!secret.n) return NULL;
    key_hash(secret, hash);
    return find_hash(t, hash);
}

struct key_cache *key_cache_new(const struct key_table *t)
{
    size_t slots = t->mask + 1 < CACHE_SLOTS_MAX ? t->mask + 1 : CACHE_SLOTS_MAX;
    struct key_cache *c = mem_zalloc(sizeof(*c) + slots * sizeof(c->slot[0]));
    c->table = t;
    c->mask = slots - 1;
    if (getrandom(c->random, sizeof(c->random), 0) != (ssize_t)sizeof(c->random))
        no_crypto("the kernel's random generator");
    return c;
}

void key_cache_drop(struct key_cache *c)
{
    if (!c) return;
    OPENSSL_cleanse(c->random, sizeof(c->random));
    free(c);
}

const struct key *key_cache_find(struct key_cache *c, str secret)
{
    uint64_t fingerprint[2];
    for (int i = 0; i < 2; i++) fingerprint[i] = hash_sip(c->random[i], secret.p, secret.n);
    struct found *f = &c->slot[fingerprint[0] & c->mask];
    if (f->key && CRYPTO_memcmp(f->fingerprint, fingerprint, sizeof(fingerprint)) == 0) return f->key;
    const struct key *key = key_table_find(c->table, secret);
    if (!key) return NULL; /* strangers must not push out those who are known */
    memcpy(f->fingerprint, fingerprint, sizeof(fingerprint));
    f->key = key;
    return key;
}

const struct key *key_table_find_name(const struct key_table *t, str name)
{
    for (size_t i = 0; i < t->count; i++) {
        if (str_eq(t->keys[i].name, name)) return &t->keys[i];
    }
    return NULL;
}

bool key_may_use(const struct key *k, str requested, str target)
{
    if (!k->model_count) return true;
    for (size_t i = 0; i < k->model_count; i++) {
        if (str_glob(k->models[i], requested) || str_glob(k->models[i], target)) return true;
    }
    return false;
}

/* 256 bits as 43 digits to the base 62 (62^43 > 2^256), least significant first. */
void key_make_secret(char out[64])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    uint32_t word[8];
    if (getrandom(word, sizeof(word), 0) != (ssize_t)sizeof(word)) no_crypto("the kernel's random generator");
    memcpy(out, "pk-", 3);
    for (int i = 0; i < 43; i++) {
        uint64_t rest = 0;
        for (int w = 7; w >= 0; w--) {
            rest = rest << 32 | word[w];
            word[w] = (uint32_t)(rest / 62);
            rest %= 62;
        }
        out[3 + i] = digits[rest];
    }
    out[46] = '\0';
    OPENSSL_cleanse(word, sizeof(word));
}

bool secret_equal(str a, str b)
{
    return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}
