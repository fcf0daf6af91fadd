#include "flow/bound.h"

#include "base/time.h"

struct bound bound_of_way(const struct request *r, const struct way *way, int64_t max_output)
{
    return (struct bound){r, way, time_now_us(), tokens_bound_known(r, way), max_output};
}

struct bound bound_of(const struct attempt *a)
{
    return (struct bound){a->request, a->way, a->hold.admitted_us, a->hold.input_tokens, a->hold.max_output};
}

static struct price_bound_ask ask_for(const struct bound *b)
{
    const struct call *call = &b->request->attribute.call;
    struct price_bound_ask ask = b->way->ask;
    ask.input_tokens = b->input_tokens;
    if (b->max_output >= 0) ask.output_tokens = call_output_of_all(call, b->max_output);
    return ask;
}

static bool by_the_hour(const struct way *way)
{
    return way->target->provider->cost_per_hour != PRICE_UNSET;
}

picousd bound_money(const struct bound *b)
{
    const struct target *t = b->way->target;
    const struct setting_provider *p = t->provider;
    if (by_the_hour(b->way)) {
        int64_t share = p->concurrency_at_full > 0 ? p->concurrency_at_full : 1;
        return price_of_time(p->cost_per_hour, p->timeouts.total_us) / share + 1;
    }
    struct price_bound_ask ask = ask_for(b);
    return price_bound(&t->prices, b->at_us, &ask);
}

static int64_t prompt_of(const struct price_bound_ask *ask)
{
    return ask->input_tokens + ask->image_tokens + ask->audio_tokens;
}

void bound_amounts(const struct bound *b, struct budget_amounts *out)
{
    struct price_bound_ask ask = ask_for(b);
    out->of[BUDGET_MONEY] = bound_money(b);
    out->of[BUDGET_TOKENS] = prompt_of(&ask) + ask.output_tokens;
    out->of[BUDGET_REQUESTS] = 1;
}

int64_t bound_output_fitting(const struct bound *b, const struct budget_amounts *room)
{
    const struct call *call = &b->request->attribute.call;
    int64_t tokens = INT64_MAX;
    struct price_bound_ask ask = ask_for(b);
    if (by_the_hour(b->way)) {
        if (bound_money(b) > room->of[BUDGET_MONEY]) return -1;
    } else if (room->of[BUDGET_MONEY] != INT64_MAX) {
        tokens = price_bound_output_fitting(&b->way->target->prices, b->at_us, &ask, room->of[BUDGET_MONEY]);
    }
    if (room->of[BUDGET_TOKENS] != INT64_MAX) {
        int64_t left = room->of[BUDGET_TOKENS] - prompt_of(&ask);
        if (left < tokens) tokens = left;
    }
    if (room->of[BUDGET_REQUESTS] < 1) return -1;
    if (tokens == INT64_MAX) return b->max_output;
    tokens -= call->prediction_bytes;
    return tokens < 0 ? -1 : tokens / call->choices;
}

int64_t bound_least_output(const struct way *way)
{
    return way->lowerable && way->max_output > BOUND_LEAST_OUTPUT ? BOUND_LEAST_OUTPUT : way->max_output;
}

bool bound_at_best(const struct bound *b, struct bound *out)
{
    *out = *b;
    out->max_output = bound_least_output(b->way);
    return tokens_bound_helps(b->request, b->way, &out->input_tokens);
}

/* ---- what a call may cost in all */

/* What an attempt that is not over may still cost: what it holds, or is about to. */
static picousd claim_of(const struct attempt *a)
{
    return a && !a->over ? a->hold.amounts.of[BUDGET_MONEY] : 0;
}

static picousd left_without(const struct request *r, picousd claims)
{
    if (r->plan.attempts.money < 0) return INT64_MAX;
    picousd taken = money_add_sat(r->cost_so_far, claims);
    return taken < r->plan.attempts.money ? r->plan.attempts.money - taken : 0;
}

picousd bound_left(const struct request *r, const struct attempt *but)
{
    picousd claims = r->attempt != but ? claim_of(r->attempt) : 0;
    return left_without(r, money_add_sat(claims, r->rival != but ? claim_of(r->rival) : 0));
}

static bool fits(const struct request *r, const struct way *way, int64_t more_tokens, picousd left)
{
    if (left == INT64_MAX) return true;
    struct bound least = bound_of_way(r, way, bound_least_output(way));
    least.input_tokens += more_tokens;
    return bound_money(&least) <= left;
}

bool bound_allows(const struct request *r, const struct way *way)
{
    return fits(r, way, 0, bound_left(r, NULL));
}

bool bound_allows_after(const struct attempt *a, picousd spent, const struct way *way, int64_t more_tokens)
{
    picousd left = bound_left(a->request, a);
    return fits(a->request, way, more_tokens, left == INT64_MAX ? left : left > spent ? left - spent : 0);
}

bool bound_may_allow(const struct request *r, const struct way *way)
{
    picousd left = bound_left(r, NULL);
    struct bound own, best;
    if (left == INT64_MAX) return true;
    own = bound_of_way(r, way, way->max_output);
    return bound_at_best(&own, &best) && bound_money(&best) <= left;
}
