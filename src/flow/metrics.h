/* Counters and histograms of one worker, by bounded label sets. The worker
 * writes, the admin thread reads; one short lock a call keeps them apart. */
#ifndef FLOW_METRICS_H
#define FLOW_METRICS_H

#include "base/err.h"
#include "base/usage.h"

#include <pthread.h>

enum { METRIC_SERIES_MAX = 512, METRIC_BUCKETS = 14, METRIC_TOKEN_BUCKETS = 14 };
enum { METRIC_SAMPLE_EVERY = 32 };

/* The steps of requests, then those of attempts. */
enum metric_step_id {
#define STEP(name, waits, text) METRIC_STEP_##name,
#include "flow/request.def"

#include "flow/attempt.def"
#undef STEP
    METRIC_STEPS
};

/* Why a call is answered without a provider. */
enum degrade_reason {
    DEGRADE_NONE,
    DEGRADE_SWITCH,
    DEGRADE_BUDGET,
    DEGRADE_OUTAGE,
    DEGRADE_RUNAWAY,
    DEGRADE_RULE,
    DEGRADE_BURN_RATE,
    DEGRADE_COUNT
};

/* Labels of a series; further combinations share the series "other". */
struct metric_labels {
    str operation, provider, vendor, model, key, feature;
};

struct metric_series {
    struct metric_labels labels; /* owned copies */
    uint64_t hash;
    uint64_t attempts, wasted;
    uint64_t by_err[ERR_COUNT];
    int64_t units[UNIT_COUNT];
    __int128 cost, cost_estimated;
    int64_t unpriced_tokens;
    /* seconds: GenAI conventions' boundaries 0.01 x 2^i; the last bucket is +Inf */
    uint64_t duration[METRIC_BUCKETS + 1], first_token[METRIC_BUCKETS + 1], chunk[METRIC_BUCKETS + 1];
    double duration_sum, first_token_sum, chunk_sum;
    uint64_t first_token_count, chunk_count;
    /* tokens: 4^i */
    uint64_t input[METRIC_TOKEN_BUCKETS + 1], output[METRIC_TOKEN_BUCKETS + 1];
    int64_t input_sum, output_sum;
};

struct metric_step {
    uint64_t ns, count;
};

struct metrics {
    pthread_mutex_t lock;
    struct metric_series *series; /* [METRIC_SERIES_MAX + 1], made as needed; the last is "other" */
    size_t count;
    uint16_t slots[METRIC_SERIES_MAX * 2]; /* index + 1 by hash */
    uint64_t refused[ERR_COUNT];           /* calls that no provider saw, by error */
    uint64_t degraded[DEGRADE_COUNT];      /* calls answered without a provider */
    uint64_t replayed;                     /* calls that got the answer of before */
    uint64_t overhead_us, overhead_count;
    struct metric_step steps[METRIC_STEPS]; /* every METRIC_SAMPLE_EVERYth request's */
    uint64_t waits, wait_us;                /* for held budget */
};

struct metric_call {
    struct metric_labels labels;
    enum err err;
    const struct usage *usage;
    picousd cost;
    enum cost_state state;
    bool wasted;
    int64_t total_us, first_token_us, overhead_us; /* first_token_us 0: none */
    int64_t chunks, chunks_us;                     /* with output, behind the first one: how many, in what time */
};

void metrics_init(struct metrics *m);
void metrics_free(struct metrics *m);
void metrics_attempt(struct metrics *m, const struct metric_call *call);
void metrics_refused(struct metrics *m, enum err e);
void metrics_degraded(struct metrics *m, enum degrade_reason why);
void metrics_replayed(struct metrics *m);
void metrics_step(struct metrics *m, unsigned step, uint64_t ns);
void metrics_wait(struct metrics *m, int64_t wait_us);
/* Adds `from` to `into`, locking `from`. */
void metrics_merge(struct metrics *into, struct metrics *from);

#endif
