/* The upper bound that a budget holds before a call: for every row that the call
 * may meet, its dearest reading of the ask; of those the dearest. */
#include "base/time.h"
#include "price/set.h"

static picousd dearer(picousd a, picousd b)
{
    return a > b ? a : b;
}

/* A token of input may be written into a cache, which costs more than reading it. */
static picousd dearest_input(const struct price *p)
{
    picousd most = dearer(price_unit(p, UNIT_INPUT), price_unit(p, UNIT_CACHE_READ));
    most = dearer(most, dearer(price_unit(p, UNIT_CACHE_WRITE_5M), price_unit(p, UNIT_CACHE_WRITE_1H)));
    return dearer(most, 0);
}

/* Output may be audio or an image where the row has a price for these. */
static picousd dearest_output(const struct price *p)
{
    picousd most = dearer(price_unit(p, UNIT_OUTPUT), price_unit(p, UNIT_REASONING));
    most = dearer(most, dearer(p->unit[UNIT_AUDIO_OUT], p->unit[UNIT_IMAGE]));
    return dearer(most, 0);
}

static picousd times(picousd each, int64_t count)
{
    return each <= 0 || count <= 0 ? 0 : money_mul_sat(each, count);
}

/* Everything but the output. */
static picousd bound_fixed(const struct price *p, const struct price_bound_ask *ask)
{
    picousd input = dearest_input(p);
    picousd sum = times(input, ask->input_tokens);
    sum = money_add_sat(sum, times(dearer(input, price_unit(p, UNIT_IMAGE)), ask->image_tokens));
    sum = money_add_sat(sum, times(dearer(input, price_unit(p, UNIT_AUDIO_IN)), ask->audio_tokens));
    sum = money_add_sat(sum, times(p->unit[UNIT_REQUESTS], ask->requests));
    sum = money_add_sat(sum, times(dearer(p->unit[UNIT_TOOL_CALLS], p->unit[UNIT_SEARCHES]), ask->tool_calls));
    sum = money_add_sat(sum, times(p->unit[UNIT_SECONDS], ask->seconds));
    int64_t us;
    if (ask->seconds <= 0) return sum;
    if (__builtin_mul_overflow(ask->seconds, US_PER_SECOND, &us)) us = INT64_MAX;
    return money_add_sat(sum, price_of_time(p->per_hour, us));
}

static int64_t prompt_max(const struct price_bound_ask *ask)
{
    int64_t sum = 0;
    const int64_t parts[] = {ask->input_tokens, ask->image_tokens, ask->audio_tokens};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (parts[i] > 0 && __builtin_add_overflow(sum, parts[i], &sum)) return INT64_MAX;
    }
    return sum;
}

/* Standard prices stand in for a tier that has none at that context. */
static bool stands_in(const struct price_rows *in, const struct price *standard, uint32_t tiers)
{
    for (enum price_tier t = TIER_STANDARD + 1; t < TIER_COUNT; t++) {
        if (!(tiers & 1u << t)) continue;
        bool found = false;
        for (size_t i = 0; i < in->count && !found; i++) {
            const struct price *p = in->rows[i];
            found = p->tier == t && p->context_from == standard->context_from && price_is_valid(p, in->at_us);
        }
        if (!found) return true;
    }
    return false;
}

static bool may_meet(const struct price_rows *in, const struct price *p, uint32_t tiers, int64_t prompt)
{
    if (!price_is_valid(p, in->at_us) || p->context_from > prompt) return false;
    if (!tiers || tiers & 1u << p->tier) return true;
    return p->tier == TIER_STANDARD && stands_in(in, p, tiers);
}

picousd price_bound(const struct price_set *set, int64_t at_us, const struct price_bound_ask *ask)
{
    struct price_rows in = price_rows_at(set, at_us);
    int64_t prompt = prompt_max(ask);
    picousd most = -1;
    for (size_t i = 0; i < in.count; i++) {
        const struct price *p = in.rows[i];
        if (!may_meet(&in, p, ask->tiers, prompt)) continue;
        picousd bound = p->free ? 0 : money_add_sat(bound_fixed(p, ask), times(dearest_output(p), ask->output_tokens));
        most = dearer(most, bound);
    }
    return most < 0 ? PICOUSD_MAX : most;
}

int64_t price_bound_output_fitting(const struct price_set *set, int64_t at_us, const struct price_bound_ask *ask,
                                   picousd room)
{
    struct price_rows in = price_rows_at(set, at_us);
    int64_t prompt = prompt_max(ask), fitting = INT64_MAX;
    bool met = false;
    for (size_t i = 0; i < in.count; i++) {
        const struct price *p = in.rows[i];
        if (!may_meet(&in, p, ask->tiers, prompt)) continue;
        met = true;
        picousd fixed = p->free ? 0 : bound_fixed(p, ask), output = p->free ? 0 : dearest_output(p);
        /* A sum that was stopped at the top is no sum: nothing fits beside it. */
        if (fixed > room || fixed == PICOUSD_MAX) return -1;
        int64_t n = output ? (room - fixed) / output : INT64_MAX;
        if (n < fitting) fitting = n;
    }
    return met ? fitting : -1;
}
