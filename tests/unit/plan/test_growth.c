/* What of a call grows, between periods and from day to day. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "plan/growth.h"

#include <math.h>

enum { DAYS = 28 };

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-7;
}

static void between_periods(void **state)
{
    (void)state;
    struct growth_use before = {.calls = 100}, after = {.calls = 300}, none = {0};
    before.amount[GROWTH_SYSTEM] = 50000;
    after.amount[GROWTH_SYSTEM] = 300000; /* 500 -> 1,000 a call */
    after.amount[GROWTH_TOOLS] = 900;
    struct growth g = growth_between(&before, &after, GROWTH_SYSTEM);
    assert_true(g.known && near(g.before, 500) && near(g.after, 1000) && near(g.change, 1));
    g = growth_between(&before, &after, GROWTH_TOOLS);
    assert_true(!g.known && near(g.before, 0) && near(g.after, 3)); /* from nothing: no rate */
    assert_false(growth_between(&none, &after, GROWTH_SYSTEM).known);
    assert_false(growth_between(&before, &none, GROWTH_SYSTEM).known);
}

/* 1,000 bytes a call on the first day, 1 % of that more each day. */
static void fill(struct growth_use days[DAYS], double per_day)
{
    for (int i = 0; i < DAYS; i++) {
        days[i] = (struct growth_use){.calls = 200};
        days[i].amount[GROWTH_HISTORY] = (__int128)(200 * 1000 * (1 + per_day * i));
        days[i].amount[GROWTH_OUTPUT] = 200 * 70;
    }
}

static void from_day_to_day(void **state)
{
    struct growth_use days[DAYS];
    (void)state;
    fill(days, 0.01);
    struct growth_trend t = growth_trend(days, DAYS, GROWTH_HISTORY);
    assert_true(t.known && t.days == DAYS);
    assert_true(near(t.share_per_day, 10 / 1135.0)); /* of the median day */
    assert_true(t.chance < 1e-9);
    t = growth_trend(days, DAYS, GROWTH_OUTPUT); /* stands still */
    assert_true(t.known && near(t.share_per_day, 0) && near(t.chance, 1));
    t = growth_trend(days, GROWTH_DAYS_MIN, GROWTH_HISTORY);
    assert_true(t.known && t.chance < 0.01);
    t = growth_trend(days, GROWTH_DAYS_MIN - 1, GROWTH_HISTORY);
    assert_true(!t.known && t.days == GROWTH_DAYS_MIN - 1);
    assert_false(growth_trend(days, 0, GROWTH_HISTORY).known);
}

/* Equal days tell less: S = 16, variance (8 * 7 * 21 - 2 * 4 * 3 * 13) / 18 = 48, z = 15 / 6.928 = 2.165. */
static void equal_days(void **state)
{
    struct growth_use days[8] = {0};
    (void)state;
    for (int i = 0; i < 8; i++) days[i] = (struct growth_use){.calls = 1, .amount[GROWTH_SYSTEM] = 100 + i / 4};
    double chance = growth_trend(days, 8, GROWTH_SYSTEM).chance;
    assert_true(fabs(chance - 0.030383) < 1e-5);
}

/* A quarter of the days wild, some empty: the slope is what the others say. */
static void wild_days(void **state)
{
    struct growth_use days[DAYS];
    (void)state;
    fill(days, 0.01);
    for (int i = 2; i < DAYS; i += 4) days[i].amount[GROWTH_HISTORY] *= i % 8 == 2 ? 20 : 0;
    for (int i = 3; i < DAYS; i += 9) days[i] = (struct growth_use){0};
    struct growth_trend t = growth_trend(days, DAYS, GROWTH_HISTORY);
    assert_int_equal(t.days, DAYS - 3);
    assert_true(t.share_per_day > 0.007 && t.share_per_day < 0.011);
}

/* Days in no order: one in a hundred shows a chance below 0.01. */
static void chance_is_chance(void **state)
{
    enum { ROUNDS = 2000 };
    struct growth_use days[DAYS] = {0};
    struct rng rng;
    int below = 0;
    (void)state;
    rng_seed(&rng, 5);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < DAYS; i++) {
            days[i].calls = 1;
            days[i].amount[GROWTH_SYSTEM] = rng_below(&rng, 100000);
        }
        below += growth_trend(days, DAYS, GROWTH_SYSTEM).chance < 0.01;
    }
    if (below < 5 || below > 40) fail_msg("%d of %d", below, ROUNDS);
}

/* More days than there is room for: the last ones. */
static void many_days(void **state)
{
    static struct growth_use days[GROWTH_DAYS_MAX + 100];
    (void)state;
    for (int i = 0; i < GROWTH_DAYS_MAX + 100; i++) {
        days[i].calls = 1;
        days[i].amount[GROWTH_SYSTEM] = i < 100 ? 1000000 - i : 1000 + i;
    }
    struct growth_trend t = growth_trend(days, GROWTH_DAYS_MAX + 100, GROWTH_SYSTEM);
    assert_int_equal(t.days, GROWTH_DAYS_MAX);
    assert_true(t.share_per_day > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(between_periods), cmocka_unit_test(from_day_to_day),  cmocka_unit_test(equal_days),
        cmocka_unit_test(wild_days),       cmocka_unit_test(chance_is_chance), cmocka_unit_test(many_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
