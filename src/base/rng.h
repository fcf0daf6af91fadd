/* Random numbers: a seeded stream that can be repeated (tests, the simulator). */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include "base/str.h"

/* xoshiro256**. Source: Blackman and Vigna, 2018. Not for secrets. */
struct rng {
    uint64_t s[4];
};

void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
/* 0 <= result < n, without bias; n > 0. */
uint64_t rng_below(struct rng *r, uint64_t n);
/* 0 <= result < 1. */
double rng_unit(struct rng *r);

#endif
