/* What a success costs, and how sure that is. Pure functions. */
#ifndef PLAN_RATIO_H
#define PLAN_RATIO_H

#include "base/money.h"

/* Sums over the units that succeed or fail as a whole: tasks, or calls without one. A zeroed struct is empty. */
struct ratio {
    uint64_t units, successes;
    __int128 cost_picousd;
    long double cost_squares, success_squares, products; /* sums of cost^2, success^2, cost * success */
};

/* A unit with all that was paid for it, failed attempts and all; `successes` is mostly 0 or 1. */
void ratio_add(struct ratio *r, picousd cost, uint64_t successes);
void ratio_merge(struct ratio *to, const struct ratio *from);

/* 95 % of such intervals hold the truth. */
struct ratio_cost {
    bool known;   /* false: there was no success */
    bool bounded; /* false: fewer than two units, low and high are the figure itself */
    __int128 each_picousd, low_picousd, high_picousd;
};

/* Cost for each success, failures paid for: the ratio estimator, its variance by the delta method, on the logarithm
 * so that the interval stays above zero and is as skewed as costs are. Source: Cochran, Sampling Techniques, 6.5. */
struct ratio_cost ratio_cost_each(const struct ratio *r);

struct ratio_share {
    double share, low, high; /* 0 of 0 is 0, between 0 and 1 */
};

/* Source: E. B. Wilson, "Probable inference", JASA 22 (1927). */
struct ratio_share ratio_share(uint64_t part, uint64_t of);

#endif
