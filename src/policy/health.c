/* One target's record: entering, leaving, and what is learned from it. */
#include "policy/health_inner.h"

#include <assert.h>

/* Fewer samples say nothing about a 95th percentile. */
enum { QUANTILE_SAMPLES_MIN = 20, QUANTILE_EVERY = 8 };
#define LATENCY_HALF_US (10 * US_PER_MINUTE)

static const str tier_names[FEATURE_TIER_COUNT] = {STR_INIT("critical"), STR_INIT("normal"), STR_INIT("background")};
static const str state_names[HEALTH_STATES] = {STR_INIT("closed"), STR_INIT("open"), STR_INIT("half_open")};
static const str outcome_names[HEALTH_OUTCOMES] = {STR_INIT("ok"),       STR_INIT("failed"),  STR_INIT("timed_out"),
                                                   STR_INIT("stalled"),  STR_INIT("limited"), STR_INIT("client"),
                                                   STR_INIT("cancelled")};

str feature_tier_name(enum feature_tier t)
{
    return tier_names[t];
}

bool feature_tier_find(str name, enum feature_tier *out)
{
    for (int t = 0; t < FEATURE_TIER_COUNT; t++) {
        if (!str_eq(name, tier_names[t])) continue;
        *out = (enum feature_tier)t;
        return true;
    }
    return false;
}

str health_state_name(enum health_state s)
{
    return state_names[s];
}

str health_outcome_name(enum health_outcome o)
{
    return outcome_names[o];
}

static enum health_outcome outcome_of_err(enum err e)
{
    if (e == ERR_NONE) return HEALTH_OK;
    if (e == ERR_PROVIDER_TIMEOUT) return HEALTH_TIMED_OUT;
    /* A kept connection that died says that the target had nothing to do. */
    if (e == ERR_STALE || err_info(e)->fault != FAULT_PROVIDER) return HEALTH_CANCELLED;
    return HEALTH_FAILED;
}

enum health_outcome health_outcome_of(enum err e, int status)
{
    switch (status) {
    case 401:
    case 402:
        return HEALTH_FAILED;
    case 408:
        return HEALTH_TIMED_OUT;
    case 429:
        return HEALTH_LIMITED;
    default:
        break;
    }
    if (status >= 500) return HEALTH_FAILED;
    if (status >= 400) return HEALTH_CLIENT;
    return outcome_of_err(e);
}

/* ---- in and out */

void health_admit(struct health *h, int64_t now_us, bool probe, struct health_pass *pass)
{
    *pass = (struct health_pass){
        .health = h,
        .at_us = now_us,
        .epoch = h->breaker.epoch,
        .probe = probe,
    };
    atomic_store_explicit(&h->in_flight, health_inside(h) + 1, memory_order_relaxed);
    pass->place = health_inside(h);
    pass->pressed = room_is_short(h);
}

static enum health_verdict enter(struct health *h, const struct health_ask *ask, struct health_waiter *w,
                                 struct health_pass *pass)
{
    h->last_us = ask->now_us;
    if (ask->now_us < h->rest.until_us) {
        pass->until_us = h->rest.until_us;
        return HEALTH_RESTING;
    }
    bool probe = false;
    if (!breaker_enter(h, ask->now_us, &probe, &pass->until_us)) return HEALTH_REFUSED;
    /* A probe needs no room: what holds it are calls from before the break. */
    if (probe || room_is_left(h)) {
        health_admit(h, ask->now_us, probe, pass);
        return HEALTH_GO;
    }
    if (w && ask->until_us > ask->now_us && waiters_enter(h, w, ask)) return HEALTH_WAIT;
    h->shed[ask->tier]++;
    return HEALTH_SHED;
}

enum health_verdict health_enter(struct health *h, const struct health_ask *ask, struct health_waiter *w,
                                 struct health_pass *pass)
{
    assert(!w || !w->health);
    *pass = (struct health_pass){0};
    pthread_mutex_lock(&h->mutex);
    enum health_verdict verdict = enter(h, ask, w, pass);
    h->refused += verdict == HEALTH_REFUSED || verdict == HEALTH_RESTING;
    pthread_mutex_unlock(&h->mutex);
    return verdict;
}

int64_t health_until_us(struct health *h, int64_t now_us)
{
    pthread_mutex_lock(&h->mutex);
    int64_t until_us = h->rest.until_us > now_us ? h->rest.until_us : now_us;
    if (!breaker_would_pass(h, until_us)) {
        int64_t probe_us = breaker_until_us(h, until_us);
        if (probe_us > until_us) until_us = probe_us;
    }
    pthread_mutex_unlock(&h->mutex);
    return until_us;
}

enum health_verdict health_look(struct health *h, int64_t now_us)
{
    enum health_verdict verdict = HEALTH_GO;
    pthread_mutex_lock(&h->mutex);
    if (now_us < h->rest.until_us) {
        verdict = HEALTH_RESTING;
    } else if (!breaker_would_pass(h, now_us)) {
        verdict = HEALTH_REFUSED;
    } else if (h->breaker.state == HEALTH_CLOSED && !room_is_left(h)) {
        verdict = HEALTH_WAIT;
    }
    pthread_mutex_unlock(&h->mutex);
    return verdict;
}

/* What was given just before the target broke or asked for rest is taken back: whoever was
 * not called yet need not find out for itself. */
static void reconsider(struct health *h, struct health_waiter *w, int64_t now_us)
{
    bool rests = now_us < h->rest.until_us;
    if (w->verdict != HEALTH_GO || (!rests && w->pass.epoch == h->breaker.epoch)) return;
    atomic_store_explicit(&h->in_flight, health_inside(h) - 1, memory_order_relaxed);
    w->verdict = rests ? HEALTH_RESTING : HEALTH_REFUSED;
    w->pass = (struct health_pass){.until_us = rests ? h->rest.until_us : h->breaker.probe_us};
    h->refused++;
    waiters_serve(h, now_us);
}

enum health_verdict health_collect(struct health_waiter *w, int64_t now_us, struct health_pass *pass)
{
    struct health *h = w->health;
    *pass = (struct health_pass){0};
    if (!h) return HEALTH_SHED;
    pthread_mutex_lock(&h->mutex);
    if (w->verdict == HEALTH_WAIT && now_us >= w->until_us) {
        waiters_remove(h, w);
        w->verdict = HEALTH_SHED;
        w->pass = (struct health_pass){0};
        h->shed[w->tier]++;
    }
    reconsider(h, w, now_us);
    enum health_verdict verdict = w->verdict;
    if (verdict != HEALTH_WAIT) {
        *pass = w->pass;
        w->pass = (struct health_pass){0};
        w->health = NULL;
    }
    pthread_mutex_unlock(&h->mutex);
    return verdict;
}

void health_quit(struct health_waiter *w, int64_t now_us)
{
    struct health *h = w->health;
    if (!h) return;
    pthread_mutex_lock(&h->mutex);
    if (w->verdict == HEALTH_WAIT) waiters_remove(h, w);
    struct health_pass pass = w->verdict == HEALTH_GO ? w->pass : (struct health_pass){0};
    w->pass = (struct health_pass){0};
    w->health = NULL;
    pthread_mutex_unlock(&h->mutex);
    health_leave(&pass, &(struct health_result){.outcome = HEALTH_CANCELLED, .now_us = now_us});
}

/* ---- learning */

/* Quantiles are read for every call and worked out for every eighth. */
static void learn_latency(struct decay *d, int64_t us, int64_t now_us, _Atomic int64_t *p50, _Atomic int64_t *p95)
{
    decay_add(d, us, now_us, LATENCY_HALF_US);
    uint32_t samples = decay_samples(d);
    if (samples < QUANTILE_SAMPLES_MIN || (samples % QUANTILE_EVERY && atomic_load(p95))) return;
    if (p50) atomic_store(p50, decay_quantile(d, 500));
    atomic_store(p95, decay_quantile(d, 950));
}

static void learn_first(struct health *h, int64_t us, int64_t now_us)
{
    learn_latency(&h->first, us, now_us, &h->first_p50_us, &h->first_p95_us);
}

/* One that was given up before its first token would have come even later. Below the
 * p95 that says nothing. Above it, leaving it out would make the p95 sink, and with it
 * the time after which the next one is given up; so it counts as one a bucket later: are
 * more than a twentieth given up, the p95 rises. */
static void learn_given_up(struct health *h, const struct health_pass *p, int64_t now_us)
{
    int64_t waited = now_us - p->at_us, p95 = atomic_load(&h->first_p95_us);
    if (!p->first_told && p95 && waited >= p95) learn_first(h, waited + waited / DECAY_STEPS, now_us);
}

static bool is_slow(const struct health *h, int64_t us)
{
    return h->rules.slow_us && us > h->rules.slow_us;
}

void health_first_token(struct health_pass *p, int64_t now_us)
{
    struct health *h = p->health;
    if (!h || p->first_told) return;
    int64_t us = now_us - p->at_us;
    p->first_told = true;
    pthread_mutex_lock(&h->mutex);
    learn_first(h, us, now_us);
    p->slow = is_slow(h, us);
    if (!p->slow) breaker_learn_early(h, p, now_us);
    pthread_mutex_unlock(&h->mutex);
}

static void learn(struct health *h, struct health_pass *p, const struct health_result *r)
{
    int64_t took = r->now_us - p->at_us;
    h->counts[r->outcome]++;
    if (r->outcome == HEALTH_OK) {
        if (!p->first_told) {
            learn_first(h, took, r->now_us);
            p->slow = is_slow(h, took);
        }
        h->slow += p->slow;
        learn_latency(&h->total, took, r->now_us, NULL, &h->total_p95_us);
        if (h->repeat_halves < 2 * h->rules.repeat_tokens) h->repeat_halves++;
    } else if (r->outcome != HEALTH_FAILED && r->outcome != HEALTH_LIMITED && r->outcome != HEALTH_CLIENT) {
        learn_given_up(h, p, r->now_us);
    }
    breaker_learn(h, p, r, p->slow);
    room_learn(h, p, r);
    rest_learn(h, r);
}

void health_leave(struct health_pass *p, const struct health_result *r)
{
    struct health *h = p->health;
    if (!h) return;
    pthread_mutex_lock(&h->mutex);
    assert(health_inside(h) > 0);
    atomic_store_explicit(&h->in_flight, health_inside(h) - 1, memory_order_relaxed);
    learn(h, p, r);
    waiters_serve(h, r->now_us);
    pthread_mutex_unlock(&h->mutex);
    p->health = NULL;
}

bool health_may_repeat(struct health *h)
{
    pthread_mutex_lock(&h->mutex);
    bool may = h->breaker.state == HEALTH_CLOSED && h->repeat_halves >= 2;
    if (may) h->repeat_halves -= 2;
    h->repeats += may;
    h->repeats_refused += !may;
    pthread_mutex_unlock(&h->mutex);
    return may;
}
