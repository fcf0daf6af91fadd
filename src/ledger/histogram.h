/* A mergeable histogram of durations: 16 buckets an octave, so that a quantile is
 * within 3.2 % of the truth; sparse in memory and in the store.
 * Values above HISTOGRAM_TOP count as it; below zero as zero. */
#ifndef LEDGER_HISTOGRAM_H
#define LEDGER_HISTOGRAM_H

#include "base/buf.h"

#define HISTOGRAM_TOP (INT64_C(1) << 36) /* 19 hours in microseconds */

struct histogram_bucket {
    uint32_t index;
    uint64_t count;
};

struct histogram {
    struct histogram_bucket *buckets; /* sorted by index. Owns: histogram_free() */
    uint32_t n, cap;
    uint64_t total;
};

void histogram_init(struct histogram *h);
void histogram_free(struct histogram *h);
void histogram_clear(struct histogram *h); /* keeps the memory */
void histogram_add(struct histogram *h, int64_t value);
void histogram_merge(struct histogram *h, const struct histogram *other);
/* Takes `other` out again, which was part of it; what was not is passed over. */
void histogram_subtract(struct histogram *h, const struct histogram *other);
/* The value below which `permille` thousandths of the samples lie: 500, 950, 990.
 * 0 where there are none. */
int64_t histogram_quantile(const struct histogram *h, unsigned permille);
/* Samples above `value`, to the bucket: those in its own bucket are not. */
uint64_t histogram_count_over(const struct histogram *h, int64_t value);
/* The store's form: LEB128 pairs (index - previous index, count), by index. */
bool histogram_encode(const struct histogram *h, struct buf *out);
/* Adds an encoded one. Fails: false, with nothing added, when it is malformed. */
bool histogram_merge_encoded(struct histogram *h, str blob) MUST_CHECK;

#endif
