/* What is to be expected of an hour, a day, a month; when a budget is used up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "plan/expected.h"

enum { WEEK = EXPECTED_WEEK_HOURS, DAY = 24 };

/* A Thursday's midnight: the first hour of the week as 1970 has it. */
#define MIDNIGHT (INT64_C(1795046400) * US_PER_SECOND)

static picousd spent[WEEK * 12];

/* Work hours of five days cost 100 an hour, the others 10: 5 * 8 * 100 + 128 * 10 = 5,280 a week. */
static picousd pattern(size_t hour)
{
    bool work_day = hour % WEEK / DAY < 5, work_hour = hour % DAY >= 9 && hour % DAY < 17;
    return work_day && work_hour ? 100 : 10;
}

static struct expected_past past_of(size_t hours)
{
    for (size_t h = 0; h < hours; h++) spent[h] = pattern(h);
    return (struct expected_past){.from_us = MIDNIGHT, .spent = spent, .hours = hours};
}

static int64_t hours(double n)
{
    return (int64_t)(n * (double)US_PER_HOUR);
}

static void a_week_as_it_was(void **state)
{
    struct expected e;
    (void)state;
    for (size_t weeks = 1; weeks <= 12; weeks++) {
        struct expected_past p = past_of(weeks * WEEK);
        expected_make(&p, &e);
        assert_int_equal(e.basis, EXPECTED_WEEKS);
        assert_int_equal(e.count, weeks > EXPECTED_WEEKS_MAX ? EXPECTED_WEEKS_MAX : weeks);
        int64_t now_us = MIDNIGHT + (int64_t)weeks * WEEK * US_PER_HOUR;
        for (size_t h = 0; h < 2 * WEEK; h++)
            assert_true(expected_between(&e, now_us + hours((double)h), now_us + hours((double)h + 1)) == pattern(h));
        assert_true(expected_between(&e, now_us, now_us + 7 * US_PER_DAY) == 5280);
    }
}

/* The past ends at any hour, and hours stay at their place in the week. */
static void weeks_that_end_anywhere(void **state)
{
    struct expected e;
    (void)state;
    for (size_t more = 0; more < WEEK; more += 5) {
        struct expected_past p = past_of(4 * WEEK + more);
        expected_make(&p, &e);
        assert_int_equal(e.count, 4);
        for (size_t h = 0; h < WEEK; h++)
            assert_true(expected_between(&e, MIDNIGHT + hours((double)h), MIDNIGHT + hours((double)h + 1)) ==
                        pattern(h));
    }
}

static void wild_ones_do_not_show(void **state)
{
    struct expected e;
    (void)state;
    struct expected_past p = past_of(5 * WEEK);
    spent[WEEK + 30] = 1000000;                                /* a loop bug */
    for (size_t h = 0; h < WEEK; h++) spent[3 * WEEK + h] = 0; /* an outage of a week */
    expected_make(&p, &e);
    for (size_t h = 0; h < WEEK; h++)
        assert_true(expected_between(&e, MIDNIGHT + hours((double)h), MIDNIGHT + hours((double)h + 1)) == pattern(h));
}

/* Spending that comes in lumps: most hours' medians are zero, the week's level is right all the same. */
static void lumps_keep_their_level(void **state)
{
    struct expected e;
    struct rng rng;
    (void)state;
    rng_seed(&rng, 3);
    struct expected_past p = {.from_us = MIDNIGHT, .spent = spent, .hours = 8 * WEEK};
    for (size_t h = 0; h < p.hours; h++) spent[h] = rng_below(&rng, 10) ? 0 : 10000;
    expected_make(&p, &e);
    __int128 week = expected_between(&e, MIDNIGHT, MIDNIGHT + 7 * US_PER_DAY);
    assert_true(week > 130000 && week < 210000);                                      /* 168,000 on the average */
    for (size_t h = 0; h < p.hours; h++) spent[h] = rng_below(&rng, 4) ? 100 : 10000; /* most medians are 100 */
    expected_make(&p, &e);
    week = expected_between(&e, MIDNIGHT, MIDNIGHT + 7 * US_PER_DAY);
    assert_true(week > 350000 && week < 520000); /* 432,600 on the average */
}

static void between_two_weeks(void **state)
{
    struct expected e;
    (void)state;
    struct expected_past p = past_of(2 * WEEK);
    for (size_t h = 0; h < p.hours; h++) spent[h] = h < WEEK ? 100 : 300;
    expected_make(&p, &e);
    assert_true(expected_between(&e, MIDNIGHT, MIDNIGHT + US_PER_HOUR) == 200);
}

static void less_than_a_week(void **state)
{
    struct expected e;
    (void)state;
    struct expected_past p = past_of(0);
    expected_make(&p, &e);
    assert_int_equal(e.basis, EXPECTED_NOTHING);
    assert_true(expected_between(&e, MIDNIGHT, MIDNIGHT + 7 * US_PER_DAY) == 0);

    p = past_of(5);
    spent[0] = 50;
    expected_make(&p, &e);
    assert_int_equal(e.basis, EXPECTED_HOURS_ALONE);
    assert_int_equal(e.count, 5);
    assert_true(expected_between(&e, MIDNIGHT, MIDNIGHT + US_PER_DAY) == 24 * 18); /* (50 + 4 * 10) / 5 */

    p = past_of(3 * DAY + 7);
    expected_make(&p, &e);
    assert_int_equal(e.basis, EXPECTED_DAYS);
    assert_int_equal(e.count, 3);
    for (size_t h = 0; h < WEEK; h++) /* each day as these days were */
        assert_true(expected_between(&e, MIDNIGHT + hours((double)h), MIDNIGHT + hours((double)h + 1)) ==
                    pattern(h % DAY));
    assert_true(str_eq(expected_basis_name(e.basis), S("days")));
}

static void parts_of_hours(void **state)
{
    struct expected e;
    (void)state;
    struct expected_past p = past_of(4 * WEEK);
    expected_make(&p, &e);
    assert_true(expected_between(&e, MIDNIGHT + hours(9.5), MIDNIGHT + hours(9.75)) == 25);
    assert_true(expected_between(&e, MIDNIGHT + hours(8.5), MIDNIGHT + hours(9.5)) == 55);
    assert_true(expected_between(&e, MIDNIGHT, MIDNIGHT) == 0);
    __int128 sum = 0; /* parts add up, over any number of weeks */
    for (int half = 0; half < 4 * WEEK; half += 7)
        sum += expected_between(&e, MIDNIGHT + hours(half / 2.0), MIDNIGHT + hours((half + 7) / 2.0));
    assert_true(sum == 2 * 5280);
    assert_true(expected_between(&e, -hours(WEEK), hours(2 * WEEK)) == 3 * 5280); /* before 1970 as well */
}

static void levels(void **state)
{
    struct expected e;
    (void)state;
    struct expected_past p = past_of(6 * WEEK);
    for (size_t h = 5 * WEEK; h < 6 * WEEK; h++) spent[h] *= 2;
    expected_make(&p, &e);
    assert_int_equal(expected_level_permille(&e, &p), 2000);
    for (size_t h = 5 * WEEK; h < 6 * WEEK; h++) spent[h] = 0;
    assert_int_equal(expected_level_permille(&e, &p), 100);
    p.hours = 0;
    assert_int_equal(expected_level_permille(&e, &p), 1000);
}

static void burn_rates(void **state)
{
    struct expected e;
    double rate;
    (void)state;
    struct expected_past p = past_of(4 * WEEK);
    expected_make(&p, &e);
    struct expected_budget week = {.limit = 5280, .from_us = MIDNIGHT, .until_us = MIDNIGHT + 7 * US_PER_DAY};
    /* as the curve has it: on plan at any time, where time alone would say 2.5 and 0.3 */
    assert_true(expected_burn_rate(&e, &week, 800, MIDNIGHT + hours(9), MIDNIGHT + hours(17), &rate));
    assert_true(rate > 0.999 && rate < 1.001);
    assert_true(expected_burn_rate(&e, &week, 90, MIDNIGHT, MIDNIGHT + hours(9), &rate));
    assert_true(rate > 0.999 && rate < 1.001);
    assert_true(expected_burn_rate(&e, &week, 1600, MIDNIGHT + hours(9), MIDNIGHT + hours(17), &rate));
    assert_true(rate > 1.999 && rate < 2.001);
    week.limit = 10560; /* twice of what is needed */
    assert_true(expected_burn_rate(&e, &week, 800, MIDNIGHT + hours(9), MIDNIGHT + hours(17), &rate));
    assert_true(rate > 0.499 && rate < 0.501);

    p.hours = 0; /* nothing known: by time */
    expected_make(&p, &e);
    assert_true(expected_burn_rate(&e, &week, 1056, MIDNIGHT, MIDNIGHT + hours(16.8), &rate));
    assert_true(rate > 0.999 && rate < 1.001);
    assert_false(expected_burn_rate(&e, &week, 1056, MIDNIGHT, MIDNIGHT, &rate));
    week.until_us = INT64_MAX;
    assert_false(expected_burn_rate(&e, &week, 1056, MIDNIGHT, MIDNIGHT + hours(16.8), &rate));
}

static void run_out(void **state)
{
    struct expected e;
    (void)state;
    struct expected_past p = past_of(4 * WEEK);
    expected_make(&p, &e);
    struct expected_budget b = {.limit = 1000, .from_us = MIDNIGHT, .until_us = INT64_MAX};
    /* from midnight: 90 until nine, 800 until five, 70 until midnight, then 40 more of the next day */
    assert_true(expected_run_out_us(&e, &b, 1000, MIDNIGHT) == MIDNIGHT + hours(28));
    b.spent = 90;
    assert_true(expected_run_out_us(&e, &b, 1000, MIDNIGHT + hours(9)) == MIDNIGHT + hours(28));
    b.limit = 590;
    assert_true(expected_run_out_us(&e, &b, 1000, MIDNIGHT + hours(9)) == MIDNIGHT + hours(14));
    assert_true(expected_run_out_us(&e, &b, 2000, MIDNIGHT + hours(9)) == MIDNIGHT + hours(11.5));
    b.until_us = MIDNIGHT + hours(14.5);
    assert_true(expected_run_out_us(&e, &b, 1000, MIDNIGHT + hours(9)) == MIDNIGHT + hours(14));
    b.until_us = MIDNIGHT + hours(13.5); /* within the hour, but too late */
    b.limit = 540;
    assert_true(expected_run_out_us(&e, &b, 1000, MIDNIGHT + hours(9)) == INT64_MAX);
    b.limit = 590;
    b.until_us = MIDNIGHT + hours(12);
    assert_true(expected_run_out_us(&e, &b, 1000, MIDNIGHT + hours(9)) == INT64_MAX);
    b.spent = 590;
    assert_true(expected_run_out_us(&e, &b, 1000, MIDNIGHT + hours(9)) == MIDNIGHT + hours(9));

    b = (struct expected_budget){.limit = 100 * 5280 + 40, .from_us = MIDNIGHT, .until_us = INT64_MAX};
    assert_true(expected_run_out_us(&e, &b, 1000, MIDNIGHT) == MIDNIGHT + 700 * US_PER_DAY + hours(4));
    b.limit = INT64_C(5280) * 400; /* not within five years */
    assert_true(expected_run_out_us(&e, &b, 1000, MIDNIGHT) == INT64_MAX);
    b.limit = PICOUSD_MAX;
    assert_true(expected_run_out_us(&e, &b, 1, MIDNIGHT) == INT64_MAX);
    p.hours = 0;
    expected_make(&p, &e);
    assert_true(expected_run_out_us(&e, &b, 1000, MIDNIGHT) == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_week_as_it_was),
        cmocka_unit_test(weeks_that_end_anywhere),
        cmocka_unit_test(wild_ones_do_not_show),
        cmocka_unit_test(lumps_keep_their_level),
        cmocka_unit_test(between_two_weeks),
        cmocka_unit_test(less_than_a_week),
        cmocka_unit_test(parts_of_hours),
        cmocka_unit_test(levels),
        cmocka_unit_test(burn_rates),
        cmocka_unit_test(run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
