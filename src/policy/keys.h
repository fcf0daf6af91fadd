/* Who is calling: keys, kept as SHA-256 hashes only. */
#ifndef POLICY_KEYS_H
#define POLICY_KEYS_H

#include "base/arena.h"
#include "base/str.h"

enum { KEY_HASH_BYTES = 32, KEY_MODELS_MAX = 64 };

struct key {
    str name, team;
    unsigned char hash[KEY_HASH_BYTES];
    const str *models; /* globs: "cheap", "openai/" "*"; count 0: all */
    size_t model_count;
    const str *passthrough; /* other paths that are let through */
    size_t passthrough_count;
    int64_t created_us;
    int64_t expires_us; /* 0: never */
    bool revoked;
    bool stored; /* made by `purser keys add`: lives in the ledger, not in the settings */
};

struct key_table; /* immutable. Thread: any */
/* Copies. Two keys of one secret: the first wins. */
struct key_table *key_table_new(const struct key *keys, size_t count);
void key_table_drop(struct key_table *t);
size_t key_table_count(const struct key_table *t);
const struct key *key_table_at(const struct key_table *t, size_t i);
/* The key with this secret, revoked and expired ones too; NULL where there is
 * none. Compares hashes, in constant time. */
const struct key *key_table_find(const struct key_table *t, str secret);
const struct key *key_table_find_name(const struct key_table *t, str name);

/* key_table_find() that remembers whom it found: hashing a secret on every call would cost as much
 * as all else that tells who is calling. Keeps neither secrets nor hashes of them, but 128
 * bits of SipHash under keys drawn at random. `t` must outlive it. Thread: one at a time. */
struct key_cache;
struct key_cache *key_cache_new(const struct key_table *t);
void key_cache_drop(struct key_cache *c);
const struct key *key_cache_find(struct key_cache *c, str secret);

/* By the public name, or the target's "provider/model". */
bool key_may_use(const struct key *k, str requested, str target);

void key_hash(str secret, unsigned char out[KEY_HASH_BYTES]);
/* A new secret: "pk-" and 43 letters and digits, 256 bits from the kernel. */
void key_make_secret(char out[64]);
/* Constant time in the content, not in the length. */
bool secret_equal(str a, str b);

#endif
