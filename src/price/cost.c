#include "base/time.h"
#include "price/set.h"

/* What a unit is a part of, where it has no price of its own; itself: of nothing. */
static const enum unit part_of[UNIT_COUNT] = {
    [UNIT_INPUT] = UNIT_INPUT,          [UNIT_CACHE_READ] = UNIT_INPUT,
    [UNIT_CACHE_WRITE_5M] = UNIT_INPUT, [UNIT_CACHE_WRITE_1H] = UNIT_CACHE_WRITE_5M,
    [UNIT_OUTPUT] = UNIT_OUTPUT,        [UNIT_REASONING] = UNIT_OUTPUT,
    [UNIT_AUDIO_IN] = UNIT_INPUT,       [UNIT_AUDIO_OUT] = UNIT_OUTPUT,
    [UNIT_IMAGE] = UNIT_INPUT,          [UNIT_TOOL_CALLS] = UNIT_TOOL_CALLS,
    [UNIT_SEARCHES] = UNIT_SEARCHES,    [UNIT_SECONDS] = UNIT_SECONDS,
    [UNIT_REQUESTS] = UNIT_REQUESTS,
};

static bool is_token(enum unit u)
{
    return u <= UNIT_IMAGE;
}

picousd price_unit(const struct price *p, enum unit u)
{
    while (p->unit[u] == PRICE_UNSET && part_of[u] != u) u = part_of[u];
    return p->unit[u];
}

/* Adds one unit; says through `state` what that makes of the sum. */
static void cost_add(struct cost *cost, const struct price *price, enum unit u, int64_t count)
{
    if (count < 0) {
        cost->flags |= USAGE_CLAMPED;
        return;
    }
    if (!count) return;
    picousd each = price_unit(price, u);
    if (each == PRICE_UNSET) {
        if (is_token(u) && price->per_hour == PRICE_UNSET) cost->state = COST_UNPRICED;
        return;
    }
    if (!money_mul(each, count, &cost->unit[u])) {
        cost->unit[u] = PICOUSD_MAX;
        cost->flags |= USAGE_OVERFLOW;
    }
    if (!money_add(cost->total, cost->unit[u], &cost->total)) {
        cost->total = PICOUSD_MAX;
        cost->flags |= USAGE_OVERFLOW;
    }
}

struct cost price_cost(const struct price *price, const struct usage *usage)
{
    struct cost cost = {.state = COST_EXACT};
    if (!price) {
        cost.state = COST_UNPRICED;
        return cost;
    }
    if (price->free) {
        cost.state = COST_FREE;
        return cost;
    }
    for (enum unit u = 0; u < UNIT_COUNT; u++) cost_add(&cost, price, u, usage->units[u]);
    if (cost.state == COST_EXACT && (!usage->known || (cost.flags & USAGE_OVERFLOW))) cost.state = COST_ESTIMATED;
    return cost;
}

picousd price_of_time(picousd per_hour, int64_t us)
{
    if (per_hour <= 0 || us <= 0) return 0;
    __int128 cost = ((__int128)per_hour * us + US_PER_HOUR - 1) / US_PER_HOUR;
    return cost > PICOUSD_MAX ? PICOUSD_MAX : (picousd)cost;
}
