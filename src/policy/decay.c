#include "policy/decay.h"

enum { LOW_BITS = 10, STEP_BITS = 3 };
_Static_assert(1 << STEP_BITS == DECAY_STEPS, "the bits below the leading one name the step");
_Static_assert(INT64_C(1) << LOW_BITS == DECAY_LOW, "the first octave");

static uint32_t index_of(int64_t value)
{
    if (value < DECAY_LOW) return 0;
    if (value > DECAY_TOP) value = DECAY_TOP;
    unsigned octave = 63 - (unsigned)__builtin_clzll((uint64_t)value);
    uint32_t step = (uint32_t)(value >> (octave - STEP_BITS)) & (DECAY_STEPS - 1);
    return 1 + (octave - LOW_BITS) * DECAY_STEPS + step;
}

/* The middle of a bucket. */
static int64_t value_of(uint32_t index)
{
    if (index == 0) return DECAY_LOW / 2;
    unsigned octave = (index - 1) / DECAY_STEPS + LOW_BITS;
    int64_t low = (int64_t)((index - 1) % DECAY_STEPS + DECAY_STEPS) << (octave - STEP_BITS);
    return low + (INT64_C(1) << (octave - STEP_BITS)) / 2;
}

static void halve(struct decay *d)
{
    d->total = 0;
    for (uint32_t i = 0; i < DECAY_BUCKETS; i++) d->total += d->weight[i] /= 2;
}

void decay_add(struct decay *d, int64_t value, int64_t now_us, int64_t half_us)
{
    if (d->halved_us == 0) d->halved_us = now_us;
    /* Seldom, and at most until nothing is left. */
    while (now_us - d->halved_us >= half_us && d->total) {
        halve(d);
        d->halved_us += half_us;
    }
    if (now_us - d->halved_us >= half_us) d->halved_us = now_us;
    if (d->total >= DECAY_FULL * DECAY_SAMPLE) halve(d);
    d->weight[index_of(value)] += DECAY_SAMPLE;
    d->total += DECAY_SAMPLE;
}

uint32_t decay_samples(const struct decay *d)
{
    return d->total / DECAY_SAMPLE;
}

int64_t decay_quantile(const struct decay *d, unsigned permille)
{
    if (!d->total) return 0;
    uint64_t rank = ((uint64_t)d->total * permille + 999) / 1000, seen = 0;
    if (rank == 0) rank = 1;
    for (uint32_t i = 0; i < DECAY_BUCKETS; i++) {
        seen += d->weight[i];
        if (seen >= rank) return value_of(i);
    }
    return value_of(DECAY_BUCKETS - 1);
}
