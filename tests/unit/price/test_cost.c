/* Costs to the pico-dollar, and bounds that no cost may pass. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/time.h"
#include "price/price.h"

static void read_usage(char *text, struct usage *usage)
{
    str rest = str_from(text);
    while (rest.p) {
        str pair = str_cut(&rest, ',');
        str name = str_cut(&pair, '=');
        enum unit u;
        assert_true(unit_find(name, &u));
        assert_true(str_to_i64(pair, &usage->units[u]));
    }
}

static void test_cases_costs(void **state)
{
    (void)state;
    struct price_book *book = price_book_new();
    struct arena arena;
    arena_init(&arena);
    FILE *f = fopen("tests/cases/price/costs.txt", "r");
    assert_non_null(f);
    char line[512], provider[64], model[200], tier_name[32], date[32], units[200], total[40], cost_state[32], flag[32];
    int cases = 0;
    while (fgets(line, sizeof(line), f)) {
        if (line[0] == '#' || line[0] == '\n') continue;
        int n = sscanf(line, "%63s %199s %31s %31s %199s %39s %31s %31s", provider, model, tier_name, date, units,
                       total, cost_state, flag);
        assert_true(n >= 7);
        struct usage usage = {.known = true};
        read_usage(units, &usage);
        enum price_tier tier;
        int64_t at, expected;
        bool missing;
        assert_true(price_tier_find(str_from(tier_name), &tier));
        assert_true(time_parse(str_from(date), &at));
        assert_true(str_to_i64(str_from(total), &expected));
        struct price_set set = price_book_find(book, str_from(provider), str_from(model), &arena);
        struct cost cost = price_cost(price_pick(&set, tier, price_prompt_tokens(&usage), at, &missing), &usage);
        if (cost.total != expected || !str_eq(cost_state_name(cost.state), str_from(cost_state)) ||
            missing != (n == 8)) {
            fail_msg("%s: %lld %.*s", line, (long long)cost.total, STR_ARG(cost_state_name(cost.state)));
        }
        cases++;
    }
    assert_true(cases > 25);
    assert_int_equal(fclose(f), 0);
    arena_free(&arena);
    price_book_drop(book);
}

static struct price blank(void)
{
    struct price p = {.until_us = INT64_MAX, .per_hour = PRICE_UNSET};
    for (enum unit u = 0; u < UNIT_COUNT; u++) p.unit[u] = PRICE_UNSET;
    return p;
}

static void test_units_fall_back_to_their_whole(void **state)
{
    (void)state;
    struct price p = blank();
    p.unit[UNIT_INPUT] = 10;
    p.unit[UNIT_OUTPUT] = 100;
    struct usage u = {.known = true};
    for (enum unit i = 0; i < UNIT_COUNT; i++) u.units[i] = 1;
    struct cost cost = price_cost(&p, &u);
    assert_int_equal(cost.total, 6 * 10 + 3 * 100);
    assert_int_equal(cost.state, COST_EXACT);
    assert_int_equal(cost.unit[UNIT_AUDIO_OUT], 100);
    assert_int_equal(cost.unit[UNIT_SEARCHES], 0);
    p.unit[UNIT_CACHE_WRITE_5M] = 12;
    assert_int_equal(price_cost(&p, &u).unit[UNIT_CACHE_WRITE_1H], 12);
    p.unit[UNIT_CACHE_WRITE_1H] = 20;
    assert_int_equal(price_cost(&p, &u).unit[UNIT_CACHE_WRITE_1H], 20);
    p.unit[UNIT_CACHE_READ] = 0; /* set to nothing is not unset */
    assert_int_equal(price_cost(&p, &u).unit[UNIT_CACHE_READ], 0);
}

static void test_states(void **state)
{
    (void)state;
    struct price p = blank();
    struct usage u = {.known = true};
    u.units[UNIT_INPUT] = 5;
    assert_int_equal(price_cost(NULL, &u).state, COST_UNPRICED);
    assert_int_equal(price_cost(&p, &u).state, COST_UNPRICED);
    p.per_hour = 1;
    assert_int_equal(price_cost(&p, &u).state, COST_EXACT);
    assert_int_equal(price_cost(&p, &u).total, 0);
    p.unit[UNIT_INPUT] = 3;
    u.known = false;
    assert_int_equal(price_cost(&p, &u).state, COST_ESTIMATED);
    u.known = true;
    u.units[UNIT_OUTPUT] = -4;
    assert_int_equal(price_cost(&p, &u).total, 15);
    assert_int_equal(price_cost(&p, &u).flags, USAGE_CLAMPED);
    p.free = true;
    assert_int_equal(price_cost(&p, &u).state, COST_FREE);
    assert_int_equal(price_cost(&p, &u).total, 0);
}

static void test_overflow_is_flagged(void **state)
{
    (void)state;
    struct price p = blank();
    p.unit[UNIT_INPUT] = INT64_C(1000000000);
    p.unit[UNIT_OUTPUT] = INT64_C(1000000000);
    struct usage u = {.known = true};
    u.units[UNIT_INPUT] = INT64_C(9223372036); /* just fits */
    assert_int_equal(price_cost(&p, &u).flags, 0);
    assert_int_equal(price_cost(&p, &u).total, INT64_C(9223372036000000000));
    u.units[UNIT_OUTPUT] = 1; /* the sum does not */
    assert_int_equal(price_cost(&p, &u).flags, USAGE_OVERFLOW);
    assert_int_equal(price_cost(&p, &u).total, PICOUSD_MAX);
    assert_int_equal(price_cost(&p, &u).state, COST_ESTIMATED);
    u.units[UNIT_INPUT] = INT64_MAX;
    assert_int_equal(price_cost(&p, &u).total, PICOUSD_MAX);
    assert_int_equal(price_cost(&p, &u).flags, USAGE_OVERFLOW);
}

static void test_time_costs_rounded_up(void **state)
{
    (void)state;
    assert_int_equal(price_of_time(2 * PICOUSD_PER_USD, US_PER_HOUR), 2 * PICOUSD_PER_USD);
    assert_int_equal(price_of_time(1, 1), 1);
    assert_int_equal(price_of_time(US_PER_HOUR, 1), 1);
    assert_int_equal(price_of_time(US_PER_HOUR + 1, 1), 2);
    assert_int_equal(price_of_time(PICOUSD_MAX, INT64_MAX), PICOUSD_MAX);
    assert_int_equal(price_of_time(PRICE_UNSET, 100), 0);
    assert_int_equal(price_of_time(5, 0), 0);
}

static void test_bound_edges(void **state)
{
    (void)state;
    struct price p = blank();
    p.unit[UNIT_INPUT] = 10;
    p.unit[UNIT_OUTPUT] = 100;
    const struct price *rows[] = {&p};
    struct price_set set = {rows, 1, {0, 0}, false, 0};
    struct price_bound_ask ask = {.input_tokens = 7, .output_tokens = 3};
    assert_int_equal(price_bound(&set, 0, &ask), 370);
    assert_int_equal(price_bound_output_fitting(&set, 0, &ask, 370), 3);
    assert_int_equal(price_bound_output_fitting(&set, 0, &ask, 469), 3);
    assert_int_equal(price_bound_output_fitting(&set, 0, &ask, 470), 4);
    assert_int_equal(price_bound_output_fitting(&set, 0, &ask, 70), 0);
    assert_int_equal(price_bound_output_fitting(&set, 0, &ask, 69), -1);
    ask.input_tokens = INT64_MAX;
    assert_int_equal(price_bound(&set, 0, &ask), PICOUSD_MAX);
    assert_int_equal(price_bound_output_fitting(&set, 0, &ask, PICOUSD_MAX), -1);
    p.until_us = 0;
    assert_int_equal(price_bound(&set, 0, &ask), PICOUSD_MAX);
    assert_int_equal(price_bound_output_fitting(&set, 0, &ask, 1), -1);
    assert_int_equal(price_bound(&(struct price_set){0}, 0, &ask), PICOUSD_MAX);
    p.until_us = INT64_MAX;
    p.free = true;
    assert_int_equal(price_bound(&set, 0, &ask), 0);
    assert_int_equal(price_bound_output_fitting(&set, 0, &ask, 0), INT64_MAX);
}

/* Known prices are no price before they begin, and after they ended: only a ceiling helps there. */
static void test_prices_hold_while_they_are_in_force(void **state)
{
    (void)state;
    bool missing;
    struct price p = blank(), ceiling = blank();
    p.unit[UNIT_INPUT] = p.unit[UNIT_OUTPUT] = 10;
    p.from_us = 100;
    p.until_us = 200;
    ceiling.unit[UNIT_INPUT] = ceiling.unit[UNIT_OUTPUT] = 50;
    const struct price *rows[] = {&p};
    const struct price_bound_ask ask = {.input_tokens = 1};
    for (size_t own = 0; own < 2; own++) {
        struct price_set set = {rows, 1, {0}, own, own, NULL};
        assert_true(price_set_holds(&set, 100) && price_set_holds(&set, 199));
        assert_false(price_set_holds(&set, 99) || price_set_holds(&set, 200));
        assert_int_equal(price_bound(&set, 99, &ask), PICOUSD_MAX);
        set.ceiling = &ceiling;
        assert_true(price_set_holds(&set, 99) && price_set_holds(&set, 200));
        assert_int_equal(price_bound(&set, 99, &ask), 50);
        assert_int_equal(price_bound(&set, 100, &ask), 10);
        assert_true(price_is_ceiling(&set, price_pick(&set, TIER_STANDARD, 1, 99, &missing)));
        assert_false(price_is_ceiling(&set, price_pick(&set, TIER_STANDARD, 1, 100, &missing)));
    }
    p.tier = TIER_FLEX; /* says nothing of what a call usually costs */
    struct price_set set = {rows, 1, {0}, true, 1, NULL};
    assert_false(price_set_holds(&set, 150));
}

static void test_bound_takes_the_tiers_that_may_be_served(void **state)
{
    (void)state;
    struct price standard = blank(), flex = blank(), priority = blank(), lengthy = blank();
    standard.unit[UNIT_INPUT] = 10;
    flex = priority = lengthy = standard;
    flex.tier = TIER_FLEX;
    flex.unit[UNIT_INPUT] = 5;
    priority.tier = TIER_PRIORITY;
    priority.unit[UNIT_INPUT] = 25;
    lengthy.context_from = 1001;
    lengthy.unit[UNIT_INPUT] = 20;
    const struct price *rows[] = {&standard, &flex, &priority, &lengthy};
    struct price_set set = {rows, 4, {0, 0}, false, 0};
    struct price_bound_ask ask = {.input_tokens = 1000};
    assert_int_equal(price_bound(&set, 0, &ask), 25000);
    ask.tiers = 1u << TIER_STANDARD;
    assert_int_equal(price_bound(&set, 0, &ask), 10000);
    ask.tiers = 1u << TIER_FLEX;
    assert_int_equal(price_bound(&set, 0, &ask), 5000);
    ask.tiers = 1u << TIER_BATCH; /* has no row: standard stands in */
    assert_int_equal(price_bound(&set, 0, &ask), 10000);
    ask.input_tokens = 1001;
    ask.tiers = 1u << TIER_FLEX; /* has none for that context */
    assert_int_equal(price_bound(&set, 0, &ask), 20020);
}

/* Whatever a call uses within its ask, at any tier: its cost is within the bound. */
static void test_no_cost_passes_its_bound(void **state)
{
    (void)state;
    struct price_book *book = price_book_new();
    struct arena arena;
    arena_init(&arena);
    struct rng rng;
    rng_seed(&rng, 20261121);
    int64_t at;
    assert_true(time_parse(S("2026-11-21"), &at));
    for (int round = 0; round < 20000; round++) {
        struct price space;
        const struct price *row = price_book_at(book, rng_below(&rng, price_book_count(book)), &space);
        struct price_set set = price_book_find(book, row->provider, row->model, &arena);
        if (!set.count) continue; /* an id that is no name of its own */
        struct price_bound_ask ask = {.input_tokens = (int64_t)rng_below(&rng, 600000),
                                      .output_tokens = (int64_t)rng_below(&rng, 40000),
                                      .audio_tokens = (int64_t)rng_below(&rng, 1000),
                                      .image_tokens = (int64_t)rng_below(&rng, 1000),
                                      .requests = 1,
                                      .tool_calls = (int64_t)rng_below(&rng, 5)};
        enum price_tier tier = (enum price_tier)rng_below(&rng, TIER_COUNT);
        if (round % 2) ask.tiers = 1u << tier;
        struct usage usage = {.known = true};
        int64_t left = ask.input_tokens;
        for (enum unit u = UNIT_INPUT; u <= UNIT_CACHE_WRITE_1H; u++) {
            usage.units[u] = u == UNIT_CACHE_WRITE_1H ? left : (int64_t)rng_below(&rng, (uint64_t)left + 1);
            left -= usage.units[u];
        }
        usage.units[UNIT_REASONING] = (int64_t)rng_below(&rng, (uint64_t)ask.output_tokens + 1);
        usage.units[UNIT_OUTPUT] = ask.output_tokens - usage.units[UNIT_REASONING];
        usage.units[UNIT_AUDIO_IN] = ask.audio_tokens;
        usage.units[UNIT_IMAGE] = ask.image_tokens;
        usage.units[UNIT_SEARCHES] = ask.tool_calls;
        usage.units[UNIT_REQUESTS] = 1;
        bool missing;
        struct cost cost = price_cost(price_pick(&set, tier, price_prompt_tokens(&usage), at, &missing), &usage);
        picousd bound = price_bound(&set, at, &ask);
        if (cost.total > bound) fail_msg("%.*s/%.*s", STR_ARG(row->provider), STR_ARG(row->model));
        int64_t fits = price_bound_output_fitting(&set, at, &ask, bound);
        assert_true(fits >= ask.output_tokens);
        if (fits == INT64_MAX) continue;
        ask.output_tokens = fits;
        assert_true(price_bound(&set, at, &ask) <= bound);
        ask.output_tokens++;
        assert_true(price_bound(&set, at, &ask) > bound);
    }
    arena_free(&arena);
    price_book_drop(book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases_costs),
        cmocka_unit_test(test_units_fall_back_to_their_whole),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_overflow_is_flagged),
        cmocka_unit_test(test_time_costs_rounded_up),
        cmocka_unit_test(test_bound_edges),
        cmocka_unit_test(test_prices_hold_while_they_are_in_force),
        cmocka_unit_test(test_bound_takes_the_tiers_that_may_be_served),
        cmocka_unit_test(test_no_cost_passes_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
