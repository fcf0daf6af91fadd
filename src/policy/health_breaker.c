/* The circuit breaker of one target.
 *
 * Two signs open it, both counted in points: a failure is 2, a timeout or a stall 4
 * (it cost its caller a deadline), a slow answer 1.
 * - `run`: points without a good answer between: a target that is wholly down.
 * - `excess`: points, less 2 for each good answer, never below zero (a CUSUM chart, Page
 *   1954): a target that fails half of its calls or more, at any rate of calls. A window
 *   with a share of failures in it was the alternative: it needs many calls to tell 30 %
 *   from 50 %, and old successes hide a target that has just begun to fail.
 *
 * The defaults are 10 failures in a row and 16 in excess. At 30 % random failures five in
 * a row come up almost twice in a thousand calls, ten four times in a million.
 *
 * What a call says counts only if it began since the last change of state (`epoch`): the
 * hundred that were in flight when a target broke are one piece of news, and a success
 * from before says nothing about a target that is being probed. The client's faults, 429
 * and what was cancelled count neither way. */
#include "policy/health_inner.h"

enum { POINTS_FAILED = 2, POINTS_SLOW = 1 };
/* A refusal while a probe is under way: nobody knows how long it takes. */
#define PROBE_RETRY_US US_PER_SECOND

static void change(struct breaker *b, enum health_state to, int64_t now_us)
{
    b->state = to;
    b->epoch++;
    b->since_us = now_us;
    b->probe_us = 0;
    b->run = b->excess = b->probing = b->successes = 0;
}

/* Each time twice as long, a fifth of it left to chance, so that not all
 * nodes probe at once. One that held for long after its last break starts anew. */
static int64_t open_time(struct health *h, int64_t now_us, uint64_t random)
{
    struct breaker *b = &h->breaker;
    const struct health_rules *rules = &h->rules;
    if (b->state == HEALTH_CLOSED && now_us - b->since_us >= rules->open_max_us) b->doublings = 0;
    int64_t time = rules->open_us;
    for (uint32_t i = 0; i < b->doublings && time < rules->open_max_us; i++) time *= 2;
    if (time < rules->open_max_us) b->doublings++;
    if (time > rules->open_max_us) time = rules->open_max_us;
    return time - (int64_t)(random % (uint64_t)(time / 5 + 1));
}

static void open(struct health *h, const struct health_result *r)
{
    struct breaker *b = &h->breaker;
    int64_t until_us = r->now_us + open_time(h, r->now_us, r->random);
    if (b->state == HEALTH_CLOSED) room_narrow(h);
    change(b, HEALTH_OPEN, r->now_us);
    b->probe_us = until_us;
    b->opened_by = r->err;
    b->openings++;
    waiters_dismiss(h, HEALTH_REFUSED, until_us);
}

static void count_success(struct health *h, int64_t now_us)
{
    if (++h->breaker.successes >= h->rules.probe_successes) change(&h->breaker, HEALTH_CLOSED, now_us);
}

bool breaker_would_pass(const struct health *h, int64_t now_us)
{
    const struct breaker *b = &h->breaker;
    if (b->state == HEALTH_OPEN) return now_us >= b->probe_us;
    return b->state == HEALTH_CLOSED || b->probing < h->rules.probes;
}

int64_t breaker_until_us(const struct health *h, int64_t now_us)
{
    return h->breaker.state == HEALTH_OPEN ? h->breaker.probe_us : now_us + PROBE_RETRY_US;
}

bool breaker_enter(struct health *h, int64_t now_us, bool *probe, int64_t *until_us)
{
    struct breaker *b = &h->breaker;
    if (!breaker_would_pass(h, now_us)) {
        *until_us = breaker_until_us(h, now_us);
        return false;
    }
    if (b->state == HEALTH_OPEN) change(b, HEALTH_HALF_OPEN, now_us);
    if (b->state == HEALTH_HALF_OPEN) {
        b->probing++;
        *probe = true;
    }
    return true;
}

void breaker_give_token(struct breaker *b, struct health_pass *pass)
{
    if (pass->probe && pass->epoch == b->epoch) b->probing--;
    pass->probe = false;
}

static uint32_t points_of(enum health_outcome outcome, bool slow)
{
    switch (outcome) {
    case HEALTH_FAILED:
        return POINTS_FAILED;
    case HEALTH_TIMED_OUT:
    case HEALTH_STALLED:
        return 2 * POINTS_FAILED;
    case HEALTH_OK:
        return slow ? POINTS_SLOW : 0;
    default:
        return 0;
    }
}

static void learn_closed(struct health *h, const struct health_result *r, uint32_t points)
{
    struct breaker *b = &h->breaker;
    if (points == 0) {
        b->run = 0;
        b->excess -= b->excess < POINTS_FAILED ? b->excess : POINTS_FAILED;
        return;
    }
    b->run += points;
    b->excess += points;
    if (b->run >= h->rules.failures_in_a_row * POINTS_FAILED || b->excess >= h->rules.excess_failures * POINTS_FAILED)
        open(h, r);
}

void breaker_learn(struct health *h, struct health_pass *p, const struct health_result *r, bool slow)
{
    struct breaker *b = &h->breaker;
    breaker_give_token(b, p);
    uint32_t points = points_of(r->outcome, slow);
    if (p->epoch != b->epoch || (points == 0 && r->outcome != HEALTH_OK)) return;
    if (b->state == HEALTH_CLOSED) {
        learn_closed(h, r, points);
    } else if (points) { /* a slow probe, too: it was slowness, maybe, that opened it */
        open(h, r);
    } else if (!p->first_closes) {
        count_success(h, r->now_us);
    }
}

void breaker_learn_early(struct health *h, struct health_pass *p, int64_t now_us)
{
    struct breaker *b = &h->breaker;
    if (!p->probe || p->epoch != b->epoch) return;
    breaker_give_token(b, p);
    p->first_closes = true;
    count_success(h, now_us);
}
