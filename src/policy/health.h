/* How each target does, and whether a call may go to it now.
 *
 * A record for each target ("provider/model"), shared by all workers, kept over
 * reloads by its name, found once and then used by pointer. In it:
 * - a circuit breaker: `closed` lets calls through, `open` none, `half_open` one probe at a time;
 * - a rest: not before the time that the target itself named (Retry-After), or that
 *   limits in a row suggest;
 * - a limit of calls in flight that shrinks under overload, and a bounded queue before it,
 *   by tier, fair between keys;
 * - a bucket of tokens for repeating a call at the very target that failed it;
 * - where the first token and the end of an answer lie, lately.
 *
 * Each record has a mutex, held for some hundred instructions and never while anything
 * waits. What a record keeps is small: 2 kB.
 * Units: all times are of the monotonic clock and passed in. Thread: any. */
#ifndef POLICY_HEALTH_H
#define POLICY_HEALTH_H

#include "base/err.h"
#include "base/list.h"

/* How much a feature matters when not all can be served. */
enum feature_tier { FEATURE_TIER_CRITICAL, FEATURE_TIER_NORMAL, FEATURE_TIER_BACKGROUND, FEATURE_TIER_COUNT };
str feature_tier_name(enum feature_tier t);
bool feature_tier_find(str name, enum feature_tier *out) MUST_CHECK;

enum health_state { HEALTH_CLOSED, HEALTH_OPEN, HEALTH_HALF_OPEN, HEALTH_STATES };
str health_state_name(enum health_state s);

/* What an attempt says of its target. */
enum health_outcome {
    HEALTH_OK,        /* a whole answer */
    HEALTH_FAILED,    /* an error, a broken answer, no connection: the provider's fault */
    HEALTH_TIMED_OUT, /* too slow for a deadline */
    HEALTH_STALLED,   /* began and went silent */
    HEALTH_LIMITED,   /* 429: works, but not for us now */
    HEALTH_CLIENT,    /* refused for what the client asked: neither good nor bad */
    HEALTH_CANCELLED, /* given up by the client or by us: says nothing */
    HEALTH_OUTCOMES,
};
str health_outcome_name(enum health_outcome o);
/* From how the attempt ended and the target's status (0: none came). 401 and 402 are the target's
 * fault: purser's own credential or account is refused, whoever asks. 403 is not: some
 * refuse contents with it. HEALTH_STALLED is for the caller to tell. */
enum health_outcome health_outcome_of(enum err e, int status);

/* Settings of a target. health_rules_default() is what a new record has. */
struct health_rules {
    uint32_t failures_in_a_row;       /* open the breaker; timeouts and stalls count twice, slow answers half */
    uint32_t excess_failures;         /* likewise: failures - successes of lately, see health_breaker.c */
    uint32_t probes, probe_successes; /* half-open: at a time; that close it */
    int64_t open_us, open_max_us;     /* how long it stays open at first, at most */
    int64_t slow_us;                  /* a first token later than this is slow; 0: none is */
    uint32_t limit_max;               /* ceiling of calls in flight */
    uint32_t queue_max;               /* ceiling of waiting calls */
    uint32_t repeat_tokens;           /* ceiling of the bucket, which starts full */
};
void health_rules_default(struct health_rules *r);

struct health;  /* of one target; lives as long as `healths` */
struct healths; /* all of them; outlives reloads */

/* Beyond `max` records a provider's further models share its record "provider/(other)". */
struct healths *healths_new(size_t max);
void healths_drop(struct healths *all);
/* Found or made. Never NULL. Takes a mutex: ask once and keep the pointer. */
struct health *health_find(struct healths *all, str target) __attribute__((returns_nonnull));
str health_name(const struct health *h);
void health_set_rules(struct health *h, const struct health_rules *rules, int64_t now_us);

enum health_verdict {
    HEALTH_GO,      /* `pass` is taken: health_leave() exactly once */
    HEALTH_WAIT,    /* at the limit: the waiter stands in the queue */
    HEALTH_SHED,    /* at the limit, and nothing may wait, or the wait was over */
    HEALTH_REFUSED, /* the breaker is open, or half-open with its probe under way */
    HEALTH_RESTING, /* not before `pass->until_us` */
};

/* What an attempt holds of its target. Plain data. */
struct health_pass {
    struct health *health; /* NULL: nothing */
    int64_t at_us;
    int64_t until_us;  /* of a refusal: when asking again may help; 0: nobody knows */
    uint32_t place;    /* so many were in flight when it was let in, itself included */
    uint32_t epoch;    /* of the breaker: what began before its last change has no say */
    bool probe;        /* holds a probe's token */
    bool pressed;      /* the limit was near: a success may raise it */
    bool first_told;   /* health_first_token() was called */
    bool first_closes; /* ... and counted for closing: the end does not count again */
    bool slow;         /* its first token was late */
};

/* A place in a queue. Embedded in the waiting attempt; init once, then enter, then
 * collect after each wake-up and at the deadline, or quit. */
struct health_waiter {
    struct list link;
    struct health *health; /* NULL: stands nowhere. Written by its owner's thread only */
    uint64_t key;
    uint64_t round; /* its turn, see health_queue.c */
    enum feature_tier tier;
    int64_t since_us, until_us;
    enum health_verdict verdict; /* HEALTH_WAIT while it stands in the queue */
    struct health_pass pass;
    /* Called on any thread, under the record's mutex: must only send a wake-up. */
    void (*wake)(struct health_waiter *w);
    void *owner;
};
void health_waiter_init(struct health_waiter *w, void (*wake)(struct health_waiter *), void *owner);

struct health_ask {
    int64_t now_us;
    int64_t until_us; /* waits no longer than this; not after now_us: does not wait */
    uint64_t key;     /* whose call, for fairness: a hash of the key's name */
    enum feature_tier tier;
};

/* May a call go now?
 * Owns:  HEALTH_GO: the caller must health_leave() exactly once.
 *        HEALTH_WAIT: `w` is queued until health_collect() says otherwise or health_quit().
 *        `w` NULL: HEALTH_SHED in the place of HEALTH_WAIT (a hedge does not wait). */
enum health_verdict health_enter(struct health *h, const struct health_ask *ask, struct health_waiter *w,
                                 struct health_pass *pass) MUST_CHECK;
/* What became of the wait; HEALTH_WAIT: nothing yet, it keeps its place. */
enum health_verdict health_collect(struct health_waiter *w, int64_t now_us, struct health_pass *pass) MUST_CHECK;
/* Gives up waiting, or what was given meanwhile; harmless where it does not wait. */
void health_quit(struct health_waiter *w, int64_t now_us);
/* Would it be let in? Takes nothing; HEALTH_WAIT: at its limit. */
enum health_verdict health_look(struct health *h, int64_t now_us);

/* When a call would no longer be refused by its breaker or rest; `now_us` where it is not. */
int64_t health_until_us(struct health *h, int64_t now_us);

/* The first token came: it is known at once that the target works, not only at a long stream's end. */
void health_first_token(struct health_pass *p, int64_t now_us);

struct health_result {
    enum health_outcome outcome;
    enum err err; /* for people */
    int status;   /* 0: none came */
    int64_t now_us;
    int64_t retry_after_us; /* that the target asked for, from now; 0: none */
    uint64_t random;        /* jitter */
};
/* Exactly once for each pass; wakes who waits. Harmless for a pass that holds nothing. */
void health_leave(struct health_pass *p, const struct health_result *r);

/* May the call be repeated at this target, which has just failed it? Takes a token;
 * never while the breaker is not closed. A pause (Retry-After) is health_enter()'s to say. */
bool health_may_repeat(struct health *h) MUST_CHECK;

/* ---- for planning, without the mutex */
/* 0: not known yet (fewer than 20 samples). A call that was given up before its first
 * token counts as one that late, so that hedging does not make its own p95 sink. */
int64_t health_first_token_p50_us(const struct health *h);
int64_t health_first_token_p95_us(const struct health *h);
int64_t health_total_p95_us(const struct health *h);
uint32_t health_in_flight(const struct health *h);

/* ---- for people and metrics */
struct health_view {
    str target;
    enum health_state state;
    enum err opened_by; /* the last failure before it opened */
    int64_t since_us;   /* of the state; 0: since the start */
    int64_t probe_us;   /* open: the next probe; else 0 */
    int64_t resting_us; /* not before; 0: does not rest */
    int64_t last_us;    /* last entered; 0: never */
    uint64_t openings, counts[HEALTH_OUTCOMES];
    uint64_t slow, waited, shed[FEATURE_TIER_COUNT], refused, repeats, repeats_refused;
    uint32_t limit, in_flight, waiting;
    uint32_t repeat_tokens;
    int64_t first_p50_us, first_p95_us, total_p95_us;
};
void health_see(struct health *h, int64_t now_us, struct health_view *out);
typedef void health_visit(void *ctx, const struct health_view *view);
/* In the order in which they were made. `visit` must not call health_find(). */
void healths_each(struct healths *all, int64_t now_us, health_visit *visit, void *ctx);
/* Passes that were taken and not given back: zero after a drain. */
uint64_t healths_in_flight(struct healths *all);

#endif
