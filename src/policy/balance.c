#include "policy/balance.h"

#include "base/rng.h"

enum { EXPLORE_ONE_IN = 64 };

/* What the order goes by: less is earlier. */
static int64_t rank_of(enum balance how, const struct balance_fact *f)
{
    switch (how) {
    case BALANCE_LEAST_BUSY:
        return f->in_flight;
    case BALANCE_FASTEST:
        return f->first_token_us;
    case BALANCE_CHEAPEST:
        return f->cost < 0 ? INT64_MAX : f->cost;
    default:
        return 0;
    }
}

static bool is_before(enum balance how, const struct balance_fact *a, const struct balance_fact *b)
{
    if (a->shut != b->shut) return b->shut;
    return rank_of(how, a) < rank_of(how, b);
}

/* Stable, and few. */
static void sort(enum balance how, const struct balance_fact *facts, size_t n, uint8_t *order)
{
    for (size_t i = 1; i < n; i++) {
        for (size_t j = i; j && is_before(how, &facts[order[j]], &facts[order[j - 1]]); j--) {
            uint8_t swap = order[j];
            order[j] = order[j - 1];
            order[j - 1] = swap;
        }
    }
}

/* Each place is drawn from those that are left, so that the second one follows the weights, too. */
static void draw(const struct balance_fact *facts, size_t n, struct rng *chance, uint8_t *order)
{
    for (size_t at = 0; at < n; at++) {
        uint64_t sum = 0;
        for (size_t i = at; i < n; i++) sum += (uint64_t)facts[order[i]].weight;
        uint64_t ticket = rng_below(chance, sum);
        size_t i = at;
        while (ticket >= (uint64_t)facts[order[i]].weight) ticket -= (uint64_t)facts[order[i++]].weight;
        balance_prefer(order + at, n - at, order[i]);
    }
}

void balance_prefer(uint8_t *order, size_t n, uint8_t target)
{
    size_t at = 0;
    while (at < n && order[at] != target) at++;
    if (at == n) return;
    for (; at; at--) order[at] = order[at - 1];
    order[0] = target;
}

void balance_order(enum balance how, const struct balance_fact *facts, size_t n, uint64_t random, uint8_t *order)
{
    struct rng chance;
    rng_seed(&chance, random);
    for (size_t i = 0; i < n; i++) order[i] = (uint8_t)i;
    if (how == BALANCE_WEIGHTED && n) draw(facts, n, &chance, order);
    if (how == BALANCE_FASTEST && n && rng_below(&chance, EXPLORE_ONE_IN) == 0) {
        sort(how, facts, n, order);
        balance_prefer(order, n, (uint8_t)rng_below(&chance, n));
        how = BALANCE_ORDERED; /* the open ones stay in front */
    }
    sort(how, facts, n, order);
}
