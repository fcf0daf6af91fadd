/* Latency against what was promised: "99 % of calls within two seconds". Pure functions. */
#ifndef PLAN_SLO_H
#define PLAN_SLO_H

#include "plan/ratio.h"

struct slo {
    int64_t within_us;       /* > 0 */
    unsigned share_permille; /* of all that must be within it: 1 to 999 */
};

struct slo_state {
    uint64_t counted, over;
    struct ratio_share over_share;
    double allowed_share;
    bool met;           /* not more than allowed is over */
    double budget_left; /* of the error budget: 1 untouched, 0 used up, below 0 overdrawn */
};

/* `over` of `counted` took longer than within_us: see histogram_count_over(). */
struct slo_state slo_judge(const struct slo *s, uint64_t counted, uint64_t over);

#endif
