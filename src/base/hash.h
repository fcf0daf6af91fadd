/* Hashes, each for its purpose. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/str.h"

struct hash_key {
    uint64_t k0, k1;
};

/* SipHash-2-4: for tables whose keys a peer chooses. Source: Aumasson and Bernstein, 2012. */
uint64_t hash_sip(struct hash_key key, const void *p, size_t n);
/* The same, keyed by where a table is kept, which a peer cannot know: for tables that last as long as a call. */
uint64_t hash_in(const void *table, str s);
/* Five times as fast: for telling long texts apart where who made two alike would only cheat himself.
 * Source: the multiply and fold of Makarov's MUM, 2016. */
uint64_t hash_text(struct hash_key key, const void *p, size_t n);
/* CRC-32C (Castagnoli), as iSCSI and ext4 use it: for the journal's records.
 * `crc` chains: start with 0, pass the last result on. Source: RFC 3720, B.4. */
uint32_t hash_crc32c(uint32_t crc, const void *p, size_t n);
/* 64-bit FNV-1a: for tables whose keys are our own. */
uint64_t hash_fnv(str s);

#endif
