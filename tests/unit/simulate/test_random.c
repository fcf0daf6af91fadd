/* Distributions: what is understood, what is refused, what is drawn. */
#include "simulate/sim_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_counts(void **state)
{
    (void)state;
    struct dist d;
    assert_true(dist_parse_count(S("32"), &d));
    assert_int_equal(d.kind, DIST_FIXED);
    assert_true(dist_parse_count(S("fixed:7"), &d));
    assert_int_equal((int)d.a, 7);
    assert_true(dist_parse_count(S("20..200"), &d));
    assert_int_equal(d.kind, DIST_UNIFORM);
    assert_true(dist_parse_count(S("uniform:3,4"), &d));
    assert_int_equal((int)d.b, 4);
    assert_true(dist_parse_count(S("lognormal:80,0.5"), &d));
    assert_int_equal(d.kind, DIST_LOGNORMAL);
    assert_true(dist_parse_count(S("exponential:50"), &d));
    static const str wrong[] = {STR_INIT(""),
                                STR_INIT("-1"),
                                STR_INIT("1.5"),
                                STR_INIT("9..2"),
                                STR_INIT("lognormal:80"),
                                STR_INIT("gauss:1,2"),
                                STR_INIT("lognormal:80,x"),
                                STR_INIT("20.."),
                                STR_INIT("1e3"),
                                STR_INIT("9999999999999"),
                                STR_INIT("lognormal:5,11")};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) assert_false(dist_parse_count(wrong[i], &d));
}

static void test_durations(void **state)
{
    (void)state;
    struct dist d;
    struct rng r;
    rng_seed(&r, 1);
    assert_true(dist_parse_duration(S("250ms"), &d));
    assert_int_equal(dist_draw(&d, &r), 250000);
    assert_true(dist_parse_duration(S("100ms..2s"), &d));
    for (int i = 0; i < 1000; i++) {
        int64_t us = dist_draw(&d, &r);
        assert_true(us >= 100000 && us <= 2000000);
    }
    assert_true(dist_parse_duration(S("lognormal:300ms,0.6"), &d));
    assert_int_equal((int)d.a, 300000);
    assert_false(dist_parse_duration(S("250"), &d)); /* of what? */
    assert_true(dist_parse_duration(S("0..5ms"), &d));
    assert_false(dist_parse_duration(S("fast"), &d));
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void test_draws(void **state)
{
    (void)state;
    enum { DRAWS = 20001 };
    static int64_t drawn[DRAWS];
    struct dist d;
    struct rng r;
    rng_seed(&r, 42);
    assert_true(dist_parse_count(S("lognormal:80,0.5"), &d));
    for (int i = 0; i < DRAWS; i++) drawn[i] = dist_draw(&d, &r);
    qsort(drawn, DRAWS, sizeof drawn[0], by_value);
    assert_in_range(drawn[DRAWS / 2], 78, 82);          /* the median */
    assert_in_range(drawn[DRAWS * 84 / 100], 125, 139); /* one sigma up: 80 e^0.5 = 132 */
    assert_true(dist_parse_count(S("exponential:50"), &d));
    int64_t sum = 0;
    for (int i = 0; i < DRAWS; i++) sum += dist_draw(&d, &r);
    assert_in_range(sum / DRAWS, 48, 52);
    /* both ends of a range are drawn */
    bool low = false, high = false;
    assert_true(dist_parse_count(S("3..5"), &d));
    for (int i = 0; i < 1000; i++) {
        int64_t v = dist_draw(&d, &r);
        assert_in_range(v, 3, 5);
        low |= v == 3;
        high |= v == 5;
    }
    assert_true(low && high);
}

static void test_repeats(void **state)
{
    (void)state;
    struct dist d;
    struct rng a, b;
    rng_seed(&a, 7);
    rng_seed(&b, 7);
    assert_true(dist_parse_count(S("lognormal:80,0.5"), &d));
    for (int i = 0; i < 100; i++) assert_int_equal(dist_draw(&d, &a), dist_draw(&d, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
