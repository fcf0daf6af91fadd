/* Rates and concurrency: requests and tokens per minute by GCRA (the generic cell
 * rate algorithm, ITU-T I.371), calls at a time by a counter. */
#ifndef POLICY_LIMITS_H
#define POLICY_LIMITS_H

#include "base/hash.h"
#include "policy/scope.h"

struct limit_rule {
    struct scope scope;
    int64_t requests_per_minute, tokens_per_minute, concurrency; /* 0: not limited */
    str name; /* for messages: the settings' `name`, else its scope in words */
    str where;
};

struct limits;      /* all cells; outlives reloads. Thread: any */
struct limit_rules; /* one settings snapshot's, immutable */
struct limit_cell;

struct limits *limits_new(struct hash_key key, size_t max_cells);
void limits_drop(struct limits *l);
struct limit_rules *limit_rules_new(const struct limit_rule *rules, size_t count);
void limit_rules_drop(struct limit_rules *r);

enum { LIMITS_PER_CALL_MAX = 16 };

/* What a call took: concurrency to give back, tokens to correct. */
struct limit_take {
    uint32_t count;
    int64_t tokens;
    struct limit_cell *cell[LIMITS_PER_CALL_MAX];
    int64_t tokens_until_ns[LIMITS_PER_CALL_MAX];       /* when time alone will have given the tokens back */
    const struct limit_rule *rule[LIMITS_PER_CALL_MAX]; /* valid while the snapshot is held */
};

enum limit_kind { LIMIT_REQUESTS, LIMIT_TOKENS, LIMIT_CONCURRENCY };

/* The tightest rule, for x-ratelimit headers, and the refusing one. */
struct limit_state {
    const struct limit_rule *refused; /* NULL: admitted */
    enum limit_kind kind;
    int64_t retry_after_us;
    bool never;                                                    /* larger than the whole limit: no wait helps */
    int64_t limit_requests, remaining_requests, reset_requests_us; /* limit 0: no such limit */
    int64_t limit_tokens, remaining_tokens, reset_tokens_us;
};

/* Takes one request, `tokens` and one place in every rule that matches, or
 * nothing. `mono_us`: the monotonic clock. Thread: any worker. */
bool limits_take(struct limits *l, const struct limit_rules *rules, const struct payer *who, int64_t tokens,
                 int64_t mono_us, struct limit_take *out, struct limit_state *state) MUST_CHECK;
/* Gives the place back and corrects the tokens to what was used: of those that were
 * not, as many as time has not given back already. Exactly once. */
void limits_give(struct limits *l, struct limit_take *take, int64_t tokens_used);
/* The same at a moment of the monotonic clock that the caller knows. */
void limits_give_at(struct limits *l, struct limit_take *take, int64_t tokens_used, int64_t mono_us);
/* Drops cells that are full again and that no call uses. Called now and then (a
 * minute is fine) by one thread; never keeps the mutex for long. */
void limits_sweep(struct limits *l, int64_t mono_us);
/* Calls that have taken and not given yet, counted once a rule: zero after a drain. */
int64_t limits_in_flight(struct limits *l);

#endif
