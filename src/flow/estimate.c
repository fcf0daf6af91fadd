/* What an attempt cost whose usage nobody told: it was cut, or the client hung up.
 *
 * cost = min(hold, input + output seen + seconds unseen x the fastest rate seen of
 * this target); the upper end is the hold. A token of text is about four bytes; a
 * delta is at least one. */
#include "flow/request.h"

#include "base/time.h"
#include "flow/repair.h"

enum {
    BYTES_PER_TOKEN = 4,
    TOKENS_PER_MESSAGE = 4,
    CANCEL_US = 2000, /* until the provider hears that nobody listens any more */
};

/* Until a target has been seen to generate: about the fastest that is on offer. */
static const double unseen_rate = 200.0 / 1e6;

static int64_t at_most(int64_t value, int64_t ceiling)
{
    return value < ceiling ? value : ceiling;
}

/* By the bytes alone: what a target's calls teach is in comparison to this. */
int64_t estimate_input_blind(const struct call *call)
{
    return (call->text_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN + call->messages * TOKENS_PER_MESSAGE;
}

static int64_t likely_input(const struct attempt *a)
{
    const struct tokens_walk *counted = a->hold.counted ? a->hold.walk : NULL;
    int64_t tokens =
        counted ? counted->tokens
                : token_calibration_apply(&a->way->target->weighed, estimate_input_blind(&a->request->attribute.call));
    return at_most(tokens + repair_bound(a) / BYTES_PER_TOKEN, a->hold.input_tokens);
}

static int64_t likely_output(const struct attempt *a, int64_t now_us)
{
    const struct answer *seen = &a->body.answer;
    const struct call_media *media = &a->request->attribute.call.media;
    if (call_paid_by_character(a->request->receive.kind, a->way->target->model)) return 0;
    if (media->likely_output) return a->began && a->wire.call.sent ? media->likely_output : 0;
    if (a->hold.max_output < 0 || !a->began || !a->wire.call.sent) return 0;
    int64_t tokens = (seen->output_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
    if (seen->output_events > tokens) tokens = seen->output_events;
    double rate = a->way->target->fastest_tokens_per_us;
    int64_t since_us = a->body.last_us ? a->body.last_us : a->wire.call.connected_us;
    int64_t unseen_us = (now_us > since_us ? now_us - since_us : 0) + CANCEL_US;
    double unseen = (double)unseen_us * (rate > 0 ? rate : unseen_rate);
    int64_t most = call_output_of_all(&a->request->attribute.call, a->hold.max_output);
    return unseen >= (double)(most - tokens) ? (tokens > most ? tokens : most) : tokens + (int64_t)unseen;
}

void estimate_blind(const struct attempt *a, int64_t now_us, struct estimate *out)
{
    const struct request *r = a->request;
    const struct target *t = a->way->target;
    *out = (struct estimate){0};
    out->usage.units[UNIT_INPUT] = likely_input(a);
    out->usage.units[UNIT_OUTPUT] = likely_output(a, now_us);
    out->usage.units[UNIT_REQUESTS] = r->attribute.call.media.pieces > 1 ? r->attribute.call.media.pieces : 1;
    out->usage.units[UNIT_SECONDS] = r->attribute.call.media.likely_seconds;
    bool tier_missing;
    enum price_tier tier = TIER_STANDARD;
    if (!price_tier_find(r->attribute.call.service_tier, &tier)) tier = TIER_STANDARD;
    const struct price *price =
        price_pick(&t->prices, tier, price_prompt_tokens(&out->usage), a->hold.admitted_us, &tier_missing);
    out->usage.known = true;
    out->cost = price_cost(price, &out->usage);
    out->usage.known = false;
    const struct setting_provider *p = t->provider;
    if (p->cost_per_hour != PRICE_UNSET) {
        int64_t share = p->concurrency_at_full > 0 ? p->concurrency_at_full : 1;
        out->cost = (struct cost){.total = price_of_time(p->cost_per_hour, now_us - a->hold.since_us) / share,
                                  .state = COST_ESTIMATED};
        out->cost.unit[UNIT_SECONDS] = out->cost.total;
    }
    picousd held = a->hold.amounts.of[BUDGET_MONEY];
    if (out->cost.total > held) { /* the bound is what the provider enforces: it cannot have been more */
        out->cost.total = held;
        out->cost.unit[UNIT_OUTPUT] = held > out->cost.unit[UNIT_INPUT] ? held - out->cost.unit[UNIT_INPUT] : 0;
        out->cost.unit[UNIT_INPUT] = held - out->cost.unit[UNIT_OUTPUT];
    }
    out->cost_max = held;
    if (out->cost.state == COST_EXACT) out->cost.state = COST_ESTIMATED;
    if (price_is_ceiling(&t->prices, price)) out->cost.state = COST_UNPRICED;
}
