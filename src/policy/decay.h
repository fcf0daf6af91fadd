/* A small histogram that forgets: where the quantiles of lately lie.
 *
 * Eight buckets an octave, so that a quantile is within 6.3 % of the truth; values
 * below DECAY_LOW share one bucket, those above DECAY_TOP count as it. A sample weighs
 * DECAY_SAMPLE; all weights are halved whenever DECAY_FULL samples are in and whenever
 * `half_us` have passed, so that yesterday's load does not speak for today's.
 * Thread: one at a time. */
#ifndef POLICY_DECAY_H
#define POLICY_DECAY_H

#include "base/str.h"

#define DECAY_LOW (INT64_C(1) << 10)
#define DECAY_TOP (INT64_C(1) << 40)

enum {
    DECAY_STEPS = 8,
    DECAY_BUCKETS = 1 + (40 - 10) * DECAY_STEPS + 1,
    DECAY_SAMPLE = 256,
    DECAY_FULL = 1024, /* samples */
};

struct decay {
    int64_t halved_us; /* 0: no sample yet */
    uint32_t total;    /* of the weights */
    uint32_t weight[DECAY_BUCKETS];
};

void decay_add(struct decay *d, int64_t value, int64_t now_us, int64_t half_us);
/* Samples, old ones at what they still weigh. */
uint32_t decay_samples(const struct decay *d);
/* The value below which `permille` thousandths of the weight lie; 0 where there is none. */
int64_t decay_quantile(const struct decay *d, unsigned permille);

#endif
