/* Distributions that lengths and delays are drawn from, and hashes that stand
 * in for a stream of random numbers where one must be found again by position. */
#ifndef SIMULATE_SIM_RANDOM_H
#define SIMULATE_SIM_RANDOM_H

#include "base/rng.h"
#include "base/str.h"

enum dist_kind { DIST_FIXED, DIST_UNIFORM, DIST_LOGNORMAL, DIST_EXPONENTIAL };

struct dist {
    enum dist_kind kind;
    double a; /* fixed: the value; uniform: the least; lognormal: the median; exponential: the mean */
    double b; /* uniform: the most; lognormal: sigma */
};

/* The largest value that may be written or drawn: tokens, or microseconds (about 11 days). */
#define DIST_MAX 1e12

static inline struct dist dist_fixed(double value)
{
    return (struct dist){.kind = DIST_FIXED, .a = value};
}

/* "32", "fixed:32", "20..200", "lognormal:80,0.5" (median, sigma), "exponential:50".
 * Fails: false where it is none of these or a value lies outside 0..DIST_MAX. */
bool dist_parse_count(str s, struct dist *out) MUST_CHECK;
/* The same with units: "20ms", "100ms..2s", "lognormal:300ms,0.6". Units: drawn in microseconds. */
bool dist_parse_duration(str s, struct dist *out) MUST_CHECK;
/* Whole, 0..DIST_MAX. A fixed one takes nothing from `r`. */
int64_t dist_draw(const struct dist *d, struct rng *r);

/* A well-mixed function of its argument: word i of an answer is sim_mix(seed + i). */
static inline uint64_t sim_mix(uint64_t z)
{
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

#endif
