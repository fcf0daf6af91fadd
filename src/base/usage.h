/* What a call used, as a vector of disjoint units: each token stands in exactly
 * one of them, so that cost is a plain sum of price x count. Providers report
 * overlapping counts; dialects make them disjoint at the edge. */
#ifndef BASE_USAGE_H
#define BASE_USAGE_H

#include "base/money.h"
#include "base/str.h"

/* UNIT(constant, name in settings, SQL, JSON and metrics, what is counted) */
#define USAGE_UNITS(UNIT)                                                                                              \
    UNIT(INPUT, "input", "text tokens read, neither from nor into a cache")                                            \
    UNIT(CACHE_READ, "cache_read", "prompt tokens read from the provider's cache")                                     \
    UNIT(CACHE_WRITE_5M, "cache_write_5m", "prompt tokens written to it for five minutes")                             \
    UNIT(CACHE_WRITE_1H, "cache_write_1h", "prompt tokens written to it for an hour")                                  \
    UNIT(OUTPUT, "output", "tokens generated and shown")                                                               \
    UNIT(REASONING, "reasoning", "tokens generated and not shown")                                                     \
    UNIT(AUDIO_IN, "audio_in", "audio tokens read")                                                                    \
    UNIT(AUDIO_OUT, "audio_out", "audio tokens generated")                                                             \
    UNIT(IMAGE, "image", "image tokens read or generated, where they are priced apart")                                \
    UNIT(TOOL_CALLS, "tool_calls", "calls of tools that run at the provider")                                          \
    UNIT(SEARCHES, "searches", "searches that the provider made")                                                      \
    UNIT(SECONDS, "seconds", "seconds of audio, or of a machine's time")                                               \
    UNIT(REQUESTS, "requests", "calls, where each has a price of its own")

enum unit {
#define UNIT(constant, name, text) UNIT_##constant,
    USAGE_UNITS(UNIT)
#undef UNIT
        UNIT_COUNT
};

/* What was odd about a usage object. Kept on the row; see docs/ledger.md. */
enum usage_flag {
    USAGE_CLAMPED = 1 << 0,       /* a part was larger than its whole, or negative */
    USAGE_TOTAL_DIFFERS = 1 << 1, /* the provider's total is not the sum of its parts */
    USAGE_NOT_A_COUNT = 1 << 2,   /* a field that should be a count was something else */
    USAGE_OVERFLOW = 1 << 3,      /* price x count left the range of an amount */
    USAGE_ABOVE_BOUND = 1 << 4,   /* the provider billed more than the bound it was given */
    USAGE_TIER_DIFFERS = 1 << 5,  /* another service tier was served than was asked for */
    USAGE_OTHER_RATE = 1 << 6,    /* a part is billed at other prices than the model's: another model's, a place's */
};

struct usage {
    int64_t units[UNIT_COUNT]; /* each >= 0 */
    uint32_t flags;            /* of enum usage_flag */
    bool known;                /* false: the provider said nothing */
};

/* "input" for UNIT_INPUT. */
str unit_name(enum unit u);
/* Fails: false for a name that is no unit's. */
bool unit_find(str name, enum unit *out) MUST_CHECK;

/* Where a cost comes from. Every amount in the ledger carries one. */
#define COST_STATES(STATE)                                                                                             \
    STATE(EXACT, "exact", "the provider's counts at known prices")                                                     \
    STATE(ESTIMATED, "estimated", "counts unknown; `cost_max` is the upper end")                                       \
    STATE(UNPRICED, "unpriced", "no price is known; the cost column is no cost")                                       \
    STATE(FREE, "free", "known to cost nothing")

enum cost_state {
#define STATE(constant, name, text) COST_##constant,
    COST_STATES(STATE)
#undef STATE
        COST_STATE_COUNT
};

str cost_state_name(enum cost_state s);

#endif
