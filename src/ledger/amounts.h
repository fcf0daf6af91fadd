/* Amounts by key: a growing table of sums. Thread: one. */
#ifndef LEDGER_AMOUNTS_H
#define LEDGER_AMOUNTS_H

#include "base/str.h"

struct amount {
    uint64_t key;
    int64_t sum;   /* stops at the ends of its range */
    uint64_t wrap; /* the same modulo 2^64: for proofs */
    bool used;
    bool seen; /* for whoever walks the table */
};

struct amounts {
    struct amount *slots;
    size_t cap, count;
};

void amounts_init(struct amounts *a);
void amounts_free(struct amounts *a);
void amounts_clear(struct amounts *a); /* keeps the memory */
/* The key's entry, made with 0 where it is missing. Valid until the next call. */
struct amount *amounts_at(struct amounts *a, uint64_t key);
void amounts_add(struct amounts *a, uint64_t key, int64_t amount);
/* NULL where it is missing. */
struct amount *amounts_find(const struct amounts *a, uint64_t key);
/* Each in turn, from *at = 0; NULL at the end. */
struct amount *amounts_next(const struct amounts *a, size_t *at);

#endif
