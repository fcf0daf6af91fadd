/* What the files of health share. All of it under the record's mutex, but for the atomics. */
#ifndef POLICY_HEALTH_INNER_H
#define POLICY_HEALTH_INNER_H

#include "base/time.h"
#include "policy/decay.h"
#include "policy/health.h"

#include <pthread.h>
#include <stdatomic.h>

struct breaker {
    enum health_state state;
    enum err opened_by;
    uint32_t epoch;     /* counts changes of state */
    uint32_t run;       /* points since the last good answer */
    uint32_t excess;    /* points more than good answers, lately */
    uint32_t probing;   /* half-open: tokens that are out */
    uint32_t successes; /* half-open */
    uint32_t doublings; /* of the time to stay open */
    int64_t since_us, probe_us;
    uint64_t openings;
};

/* How many calls may be in flight. */
struct health_room {
    uint32_t limit;
    uint32_t grown;    /* successes since it last grew */
    int64_t shrunk_us; /* what was admitted before is old news */
    /* The highest place of a call that was answered well: of this window of calls, and of the one before. */
    uint32_t borne_now, borne_before, window;
    uint32_t doubts; /* failures at higher places, since one there was answered well */
    uint32_t run;    /* failures since any was */
};

/* The target's own word, or what limits in a row suggest. */
struct health_rest {
    int64_t until_us;
    uint32_t limited; /* in a row */
};

struct health_queue {
    struct list waiters[FEATURE_TIER_COUNT];
    uint64_t round[FEATURE_TIER_COUNT]; /* the one that is being served */
    uint32_t count;
};

struct health {
    pthread_mutex_t mutex;
    _Atomic uint32_t in_flight; /* written under the mutex */
    _Atomic int64_t first_p50_us, first_p95_us, total_p95_us;
    struct health_rules rules;
    struct breaker breaker;
    struct health_room room;
    struct health_rest rest;
    struct health_queue queue;
    uint32_t repeat_halves; /* the bucket, in half tokens */
    int64_t last_us;
    uint64_t counts[HEALTH_OUTCOMES];
    uint64_t slow, waited, shed[FEATURE_TIER_COUNT], refused, repeats, repeats_refused;
    struct decay first, total;
    /* under the mutex of `healths`, or never changed */
    struct health *next_same_hash, *next;
    str name;
};

static inline uint32_t health_inside(const struct health *h)
{
    return atomic_load_explicit(&h->in_flight, memory_order_relaxed);
}

static inline int64_t later_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- health_breaker.c */
/* Says whether a call may pass; `*probe`: it took a token. Else `*until_us` is when to ask again. */
bool breaker_enter(struct health *h, int64_t now_us, bool *probe, int64_t *until_us);
bool breaker_would_pass(const struct health *h, int64_t now_us);
/* When it would, where it does not now. */
int64_t breaker_until_us(const struct health *h, int64_t now_us);
/* A probe is over, whatever came of it. */
void breaker_give_token(struct breaker *b, struct health_pass *pass);
void breaker_learn(struct health *h, struct health_pass *p, const struct health_result *r, bool slow);
/* A good sign before the end. */
void breaker_learn_early(struct health *h, struct health_pass *p, int64_t now_us);

/* ---- health_room.c */
void room_init(struct health *h);
bool room_is_left(const struct health *h);
/* Few are left: a success now may raise the limit. */
bool room_is_short(const struct health *h);
void room_learn(struct health *h, const struct health_pass *p, const struct health_result *r);
/* For a target that broke: it comes back to few at first. */
void room_narrow(struct health *h);
void rest_learn(struct health *h, const struct health_result *r);

/* ---- health_queue.c */
void waiters_init(struct health_queue *q);
/* Fails: false where it is full of calls that matter as much. */
bool waiters_enter(struct health *h, struct health_waiter *w, const struct health_ask *ask);
void waiters_remove(struct health *h, struct health_waiter *w);
/* Lets in whoever fits now. */
void waiters_serve(struct health *h, int64_t now_us);
/* Sends all away: they had better try elsewhere. */
void waiters_dismiss(struct health *h, enum health_verdict verdict, int64_t until_us);

/* ---- health.c */
void health_admit(struct health *h, int64_t now_us, bool probe, struct health_pass *pass);

#endif
