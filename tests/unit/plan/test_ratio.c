/* Cost of a success and its interval; shares; latency against what was promised. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "plan/slo.h"

#include <math.h>

static bool near(double a, double b)
{
    return fabs(a - b) < 5e-5;
}

/* Ten tasks of $1, of which eight succeed: $1.25 each. */
static void cost_of_a_success(void **state)
{
    struct ratio r = {0}, part = {0};
    (void)state;
    for (int i = 0; i < 10; i++) ratio_add(i < 5 ? &r : &part, PICOUSD_PER_USD, i % 5 != 0);
    ratio_merge(&r, &part);
    struct ratio_cost c = ratio_cost_each(&r);
    assert_true(c.known && c.bounded);
    assert_true(c.each_picousd == PICOUSD_PER_USD * 5 / 4);
    /* residuals 1 - 1.25 s: 8 of -0.25, 2 of 1 -> 2.5; error sqrt(2.5 * 10 / 9) / 8 = 0.208333; 1.25 * e^(+-0.326661) */
    assert_int_equal(c.low_picousd / 1000000, 901660);
    assert_int_equal(c.high_picousd / 1000000, 1732913);
}

static void few_and_none(void **state)
{
    struct ratio r = {0};
    (void)state;
    assert_false(ratio_cost_each(&r).known);
    ratio_add(&r, 77, 0);
    assert_false(ratio_cost_each(&r).known); /* paid for nothing: no figure, not zero */
    r = (struct ratio){0};
    ratio_add(&r, 77, 1);
    struct ratio_cost c = ratio_cost_each(&r);
    assert_true(c.known && !c.bounded && c.each_picousd == 77 && c.low_picousd == 77 && c.high_picousd == 77);
    ratio_add(&r, 77, 1); /* all the same: known exactly */
    c = ratio_cost_each(&r);
    assert_true(c.bounded && c.each_picousd == 77 && c.low_picousd == 77 && c.high_picousd == 77);
    for (int i = 0; i < 1000; i++) ratio_add(&r, 0, 1); /* free ones */
    c = ratio_cost_each(&r);
    assert_true(c.each_picousd == 0 && c.low_picousd >= 0 && c.high_picousd >= c.each_picousd);
    for (int i = 0; i < 20; i++) ratio_add(&r, PICOUSD_MAX, 0);
    c = ratio_cost_each(&r);
    assert_true(c.each_picousd > 0 && c.low_picousd <= c.each_picousd && c.each_picousd <= c.high_picousd);
}

/* Skewed costs, successes that hang together with them: of 1,000 intervals about 950 hold the truth. */
static void intervals_hold_the_truth(void **state)
{
    enum { ROUNDS = 1000, UNITS = 150 };
    struct rng rng;
    int held = 0;
    (void)state;
    rng_seed(&rng, 11);
    /* costs 2^u, u even in [0, 8): mean 255 / (8 ln 2); a success with 0.9 - u / 16: mean 0.65 */
    double truth = 255 / (8 * log(2)) / 0.65 * 1e6;
    for (int round = 0; round < ROUNDS; round++) {
        struct ratio r = {0};
        for (int i = 0; i < UNITS; i++) {
            double u = (double)rng_below(&rng, 1000000) / 125000;
            ratio_add(&r, (picousd)(exp2(u) * 1e6), (double)rng_below(&rng, 1000000) / 1e6 < 0.9 - u / 16);
        }
        struct ratio_cost c = ratio_cost_each(&r);
        held += (double)c.low_picousd <= truth && truth <= (double)c.high_picousd;
    }
    if (held < 925 || held > 975) fail_msg("%d of %d", held, ROUNDS);
}

/* Wilson's interval as textbooks have it. */
static void shares(void **state)
{
    (void)state;
    struct ratio_share s = ratio_share(8, 10);
    assert_true(near(s.share, 0.8) && near(s.low, 0.4902) && near(s.high, 0.9433));
    s = ratio_share(0, 10);
    assert_true(s.share == 0 && near(s.low, 0) && near(s.high, 0.2775));
    s = ratio_share(10, 10);
    assert_true(near(s.low, 0.7225) && near(s.high, 1));
    s = ratio_share(0, 0);
    assert_true(s.share == 0 && s.low == 0 && s.high == 1);
}

static void latency(void **state)
{
    (void)state;
    struct slo slo = {.within_us = 2000000, .share_permille = 990};
    struct slo_state s = slo_judge(&slo, 10000, 25);
    assert_true(s.met && near(s.over_share.share, 0.0025) && near(s.allowed_share, 0.01) && near(s.budget_left, 0.75));
    s = slo_judge(&slo, 10000, 100);
    assert_true(s.met && near(s.budget_left, 0));
    s = slo_judge(&slo, 10000, 101);
    assert_true(!s.met && s.budget_left < 0);
    s = slo_judge(&slo, 0, 0);
    assert_true(s.met && near(s.budget_left, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cost_of_a_success),
        cmocka_unit_test(few_and_none),
        cmocka_unit_test(intervals_hold_the_truth),
        cmocka_unit_test(shares),
        cmocka_unit_test(latency),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
