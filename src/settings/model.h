/* What an entry of `models:` says: whom to ask, in which order, how often, and what then. */
#ifndef SETTINGS_MODEL_H
#define SETTINGS_MODEL_H

#include "base/money.h"
#include "base/str.h"

enum { MODEL_TARGETS_MAX = 16, MODEL_ATTEMPTS_MAX = 16 };

/* A target in the settings: "openai/gpt-5-mini", with its weight where `balance: weighted`. */
struct setting_to {
    str provider, model;
    int64_t weight; /* at least 1 */
};

/* In which order a model's targets are tried. */
enum balance {
    BALANCE_ORDERED,    /* as they stand */
    BALANCE_WEIGHTED,   /* drawn by weight */
    BALANCE_LEAST_BUSY, /* fewest calls in flight first */
    BALANCE_FASTEST,    /* shortest time to first token first */
    BALANCE_CHEAPEST,   /* lowest bound first */
};

/* What may happen to an attempt that another target could mend. */
enum mishap {
    MISHAP_ERROR,
    MISHAP_TIMEOUT,
    MISHAP_RATE_LIMIT,
    MISHAP_CONTEXT_WINDOW,
    MISHAP_CONTENT_POLICY,
    MISHAP_COUNT
};

/* What is done about it. */
enum reaction { REACTION_NEXT, REACTION_STOP, REACTION_TARGET };

struct setting_reaction {
    enum reaction what;
    struct setting_to to; /* REACTION_TARGET */
};

/* All attempts of a call share it: whichever ends first. */
struct setting_attempts {
    int64_t max;     /* attempts, the first one included; at least 1 */
    int64_t time_us; /* from the first one's start; 0: no limit of its own */
    picousd money;   /* -1: no limit of its own */
};

struct setting_hedge {
    bool on;
    int64_t after_us;      /* 0: the target's own p95 of the time to first token */
    int64_t max_extra_ppm; /* extra spend that hedges may cause, in millionths of all spend */
};

enum sticky { STICKY_NONE, STICKY_SESSION, STICKY_USER, STICKY_KEY };

/* What is answered without a provider. */
struct setting_degraded {
    bool set;
    str reply; /* empty: an error with `status`; with a format or schema asked for it must be valid for it */
    int64_t status;
    str match;                           /* a pattern that the last user message must match; empty: any */
    const struct setting_degraded *next; /* the rule that is tried where this one does not match; NULL: none */
};

struct setting_model {
    str name;            /* public */
    str provider, model; /* the first target */
    struct setting_to *targets;
    size_t target_count; /* at least 1 */
    enum balance balance;
    struct setting_attempts attempts;
    struct setting_reaction on[MISHAP_COUNT];
    struct setting_hedge hedge;
    enum sticky sticky;
    struct setting_degraded degraded;
};

#endif
