#include "flow/again.h"

#include "base/rng.h"
#include "base/time.h"
#include "flow/bound.h"
#include "flow/mishap.h"
#include "flow/purser.h"

/* Waits between repeats at one target: doubled each time, then drawn between half and all of it,
 * so that clients that failed together do not come back together. */
enum { BACKOFF_FIRST_US = 250 * 1000, BACKOFF_MOST_US = 8 * 1000 * 1000 };
/* The longest rest of a target that a call waits for, from its start on. */
enum { REST_MOST_US = 5 * 1000 * 1000 };

static int64_t left_us(const struct request *r, int64_t now_us)
{
    int64_t until_us = INT64_MAX;
    if (r->plan.attempts.time_us) until_us = r->answer.first_us + r->plan.attempts.time_us;
    if (r->answer.deadline_us && r->answer.deadline_us < until_us) until_us = r->answer.deadline_us;
    return until_us == INT64_MAX ? INT64_MAX : until_us - now_us;
}

static bool affords(const struct request *r, picousd spent)
{
    return r->plan.attempts.money < 0 || money_add_sat(r->cost_so_far, spent) < r->plan.attempts.money;
}

bool again_possible(const struct request *r)
{
    return !r->answer.begun && !r->worker->drain_over && (int64_t)r->attempts < r->plan.attempts.max;
}

bool again_may(const struct request *r, picousd spent)
{
    return r->x && r->receive.body.p && again_possible(r) && affords(r, spent) && left_us(r, time_mono_us()) > 0;
}

/* Was its target tried already, in this call? A rung may ask again what another one has asked. */
static bool tried(const struct request *r, const struct way *way)
{
    if (!r->answer.tried) return false;
    if (way->rung) return r->answer.tried & UINT32_C(1) << (way - r->plan.ways);
    for (size_t i = 0; i < r->plan.count; i++)
        if (r->answer.tried & UINT32_C(1) << i && str_eq(r->plan.ways[i].target->name, way->target->name)) return true;
    return false;
}

static bool is_open(const struct way *way, enum mishap mishap)
{
    return way->only_for == MISHAP_COUNT || way->only_for == mishap;
}

static bool lets_in(const struct way *way, int64_t now_us)
{
    enum health_verdict v = health_look(target_health(way->target), now_us);
    return v == HEALTH_GO || v == HEALTH_WAIT;
}

bool again_lets_in(const struct way *way)
{
    return lets_in(way, time_mono_us());
}

/* The next target that this call has not met yet, that is well, and that the call's money allows. */
static const struct way *next_way(const struct request *r, enum mishap mishap, bool first)
{
    int64_t now_us = time_mono_us();
    for (size_t i = 0; i < r->plan.count; i++) {
        const struct way *way = &r->plan.ways[i];
        if (tried(r, way) || !is_open(way, mishap) || !lets_in(way, now_us)) continue;
        if (bound_allows(r, way) || (first && bound_may_allow(r, way))) return way;
    }
    return NULL;
}

const struct way *again_first(const struct request *r)
{
    if (!enter_guards(r)) return r->plan.ways;
    const struct way *way = next_way(r, MISHAP_COUNT, true);
    return way ? way : r->plan.ways; /* all are unwell, or too dear: the first one says how */
}

/* The way that is kept for such a mishap alone. */
static const struct way *kept_way(const struct request *r, enum mishap mishap)
{
    for (size_t i = 0; i < r->plan.count; i++)
        if (r->plan.ways[i].only_for == mishap && !tried(r, &r->plan.ways[i]) && bound_allows(r, &r->plan.ways[i]))
            return &r->plan.ways[i];
    return NULL;
}

static int64_t backoff_us(struct request *r)
{
    int64_t most_us = BACKOFF_FIRST_US;
    for (unsigned i = 0; i < r->answer.repeats && most_us < BACKOFF_MOST_US; i++) most_us *= 2;
    return most_us / 2 + (int64_t)(rng_next(&r->worker->rng) % (uint64_t)(most_us / 2));
}

/* The same target once more, after it asked for, or a while. */
static bool repeat(struct request *r, const struct attempt *failed, int64_t asked_us, struct again *out)
{
    if (!mishap_may_pass(failed) || failed->way->only_for != MISHAP_COUNT || !failed->began) return false;
    if (!bound_allows(r, failed->way) || !health_may_repeat(target_health(failed->way->target))) return false;
    int64_t jitter_us = (int64_t)(rng_next(&r->worker->rng) % (BACKOFF_FIRST_US / 2));
    *out = (struct again){failed->way, REASON_RETRY, asked_us ? asked_us + jitter_us : backoff_us(r)};
    r->answer.repeats++;
    return true;
}

/* A target that asked for a moment's rest gets it: the call waits as it would in the target's queue. */
static bool wait_out(struct request *r, const struct attempt *refused, struct again *out)
{
    int64_t until_us = refused->enter.pass.until_us, now_us = time_mono_us();
    if (refused->err != ERR_TARGET_OPEN || !until_us || refused->way->only_for != MISHAP_COUNT) return false;
    if (until_us - r->answer.first_us > REST_MOST_US) return false;
    if (health_look(target_health(refused->way->target), now_us) == HEALTH_REFUSED) return false;
    int64_t jitter_us = (int64_t)(rng_next(&r->worker->rng) % (BACKOFF_FIRST_US / 2));
    *out = (struct again){refused->way, refused->reason, (until_us > now_us ? until_us - now_us : 0) + jitter_us};
    return true;
}

bool again_decide(struct request *r, const struct attempt *failed, struct again *out)
{
    enum mishap mishap = mishap_of(failed);
    int64_t now_us = time_mono_us();
    if (mishap == MISHAP_COUNT || !r->x || !r->receive.body.p || !again_possible(r) || !affords(r, 0)) return false;
    const struct setting_reaction *on = r->plan.model ? &r->plan.model->on[mishap] : NULL;
    if (!on || on->what == REACTION_STOP) return false;
    const struct way *way = on->what == REACTION_TARGET ? kept_way(r, mishap) : next_way(r, mishap, false);
    if (way) {
        *out = (struct again){way, REASON_FALLBACK, 0};
        return left_us(r, now_us) > 0;
    }
    bool mends = mishap == MISHAP_ERROR || mishap == MISHAP_TIMEOUT || mishap == MISHAP_RATE_LIMIT;
    int64_t asked_us = mishap_retry_after_us(failed, time_now_us());
    bool follows = on->what == REACTION_NEXT && mends;
    follows = follows && (failed->began ? repeat(r, failed, asked_us, out) : wait_out(r, failed, out));
    return follows && out->wait_us < left_us(r, now_us);
}

/* Leaves a quarter of the call's time to what would come behind. */
int64_t again_give_up_us(const struct request *r, bool *clients)
{
    int64_t now_us = loop_now_us(&r->worker->loop), left = left_us(r, now_us), deadline_us = r->answer.deadline_us;
    if (r->plan.attempts.max < 2 || left == INT64_MAX) return INT64_MAX;
    *clients = deadline_us && deadline_us - now_us == left;
    return now_us + left - left / 4;
}

bool again_would_go_on(const struct request *r)
{
    const struct setting_reaction *on = r->plan.model ? &r->plan.model->on[MISHAP_TIMEOUT] : NULL;
    if (!on || on->what == REACTION_STOP || (r->rival && !r->rival->over) || !again_may(r, 0)) return false;
    return on->what == REACTION_TARGET ? kept_way(r, MISHAP_TIMEOUT) : next_way(r, MISHAP_TIMEOUT, false);
}

static struct hedge_spend *hedge_spend(const struct request *r)
{
    return &r->lease->hedges[r->plan.model - r->lease->snapshot->settings->models];
}

/* One more, at what a call or the loser of two costs on average, must stay within the share; running ones count as if
 * they were over. A loser may cost more than a call: what it had generated when it was cancelled is estimated. */
static bool affords_hedge(const struct request *r)
{
    const struct hedge_spend *s = hedge_spend(r);
    if (!s->calls) return false;
    picousd usual = s->all / (int64_t)s->calls;
    picousd loser = s->losers ? s->lost / (int64_t)s->losers : 0;
    picousd after = money_add_sat(s->lost, money_mul_sat(usual > loser ? usual : loser, (int64_t)s->running + 1));
    return (unsigned __int128)after * 1000000 <=
           (unsigned __int128)(s->all - s->lost) * (uint64_t)r->plan.model->hedge.max_extra_ppm;
}

void again_spent(const struct attempt *a)
{
    const struct request *r = a->request;
    if (!r->plan.model || !r->plan.model->hedge.on) return;
    struct hedge_spend *s = hedge_spend(r);
    s->calls++;
    s->all = money_add_sat(s->all, a->post.cost.total);
    if (a->err != ERR_HEDGE_LOST && (a->reason != REASON_HEDGE || !a->err)) return;
    s->losers++;
    s->lost = money_add_sat(s->lost, a->post.cost.total);
}

const struct way *again_hedge(struct request *r, const struct attempt *slow)
{
    if (!r->plan.model || !r->plan.model->hedge.on || !again_possible(r) || !r->receive.body.p || !r->x) return NULL;
    if (!affords(r, 0) || !affords_hedge(r) || left_us(r, time_mono_us()) <= 0) return NULL;
    const struct way *way = next_way(r, MISHAP_TIMEOUT, false);
    hedge_spend(r)->running++;
    return way ? way : slow->way;
}

void again_hedge_over(const struct request *r)
{
    hedge_spend(r)->running--;
}

int64_t again_hedge_after_us(const struct request *r)
{
    const struct setting_hedge *h = r->plan.model ? &r->plan.model->hedge : NULL;
    if (!h || !h->on || r->plan.attempts.max < 2) return INT64_MAX;
    if (h->after_us) return h->after_us;
    int64_t p95_us = health_first_token_p95_us(target_health(r->attempt->way->target));
    return p95_us ? p95_us : INT64_MAX; /* too little is known yet */
}
