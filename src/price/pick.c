#include "price/set.h"

static struct price_rows own_or_book(const struct price_set *set, int64_t at_us)
{
    for (size_t i = 0; i < set->own_count; i++) {
        if (price_is_valid(set->rows[i], at_us)) return (struct price_rows){set->rows, set->own_count, at_us};
    }
    return (struct price_rows){set->rows + set->own_count, set->count - set->own_count, at_us};
}

/* Of several that hold, the highest context wins, then the latest start, then the last added. */
static const struct price *pick_tier(const struct price_rows *in, enum price_tier tier, int64_t prompt_tokens)
{
    const struct price *best = NULL;
    for (size_t i = 0; i < in->count; i++) {
        const struct price *p = in->rows[i];
        if (p->tier != tier || p->context_from > prompt_tokens || !price_is_valid(p, in->at_us)) continue;
        if (best && (p->context_from < best->context_from ||
                     (p->context_from == best->context_from && p->from_us < best->from_us))) {
            continue;
        }
        best = p;
    }
    return best;
}

struct price_rows price_rows_at(const struct price_set *set, int64_t at_us)
{
    struct price_rows in = own_or_book(set, at_us);
    if (set->ceiling && !pick_tier(&in, TIER_STANDARD, 0)) return (struct price_rows){&set->ceiling, 1, at_us};
    return in;
}

bool price_set_holds(const struct price_set *set, int64_t at_us)
{
    struct price_rows in = price_rows_at(set, at_us);
    return pick_tier(&in, TIER_STANDARD, 0) != NULL;
}

const struct price *price_pick(const struct price_set *set, enum price_tier tier, int64_t prompt_tokens, int64_t at_us,
                               bool *tier_missing)
{
    *tier_missing = false;
    struct price_rows in = price_rows_at(set, at_us);
    const struct price *standard = pick_tier(&in, TIER_STANDARD, prompt_tokens);
    if (tier == TIER_STANDARD) return standard;
    const struct price *p = pick_tier(&in, tier, prompt_tokens);
    /* A tier that knows no long context, where standard does, has no price for this prompt. */
    if (p && (!standard || p->context_from >= standard->context_from)) return p;
    *tier_missing = true;
    return standard;
}

int64_t price_prompt_tokens(const struct usage *usage)
{
    static const enum unit prompt[] = {UNIT_INPUT,          UNIT_CACHE_READ, UNIT_CACHE_WRITE_5M,
                                       UNIT_CACHE_WRITE_1H, UNIT_AUDIO_IN,   UNIT_IMAGE};
    int64_t sum = 0;
    for (size_t i = 0; i < COUNT_OF(prompt); i++) {
        int64_t n = usage->units[prompt[i]];
        if (n > 0 && __builtin_add_overflow(sum, n, &sum)) return INT64_MAX;
    }
    return sum;
}

bool price_set_has_tokens(const struct price_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        for (enum unit u = UNIT_INPUT; u <= UNIT_IMAGE; u++) {
            if (!set->rows[i]->free && set->rows[i]->unit[u] != PRICE_UNSET) return true;
        }
    }
    return !set->count && set->ceiling;
}
