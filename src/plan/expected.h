/* What spending is to be expected, by the hour of the week: from the last weeks' spending, so that a Monday morning
 * is held against Monday mornings. Pure functions; times are microseconds since 1970 in UTC.
 *
 * The shape of a week is the median of each hour over the weeks, its level the median of the weeks' totals: one wild
 * hour or one wild week does not show. (The hours' medians alone would add up to too little: spending is skewed.) */
#ifndef PLAN_EXPECTED_H
#define PLAN_EXPECTED_H

#include "base/money.h"
#include "base/time.h"

enum { EXPECTED_WEEK_HOURS = 168, EXPECTED_WEEKS_MAX = 8, EXPECTED_WEEKS_GOOD = 4 };

/* What was spent in each hour, hours without spending among them. */
struct expected_past {
    int64_t from_us; /* a whole hour: the first one's */
    const picousd *spent;
    size_t hours;
};

/* From what the curve is. */
enum expected_basis {
    EXPECTED_NOTHING,     /* there is no past: the curve is zero */
    EXPECTED_HOURS_ALONE, /* less than a day: each hour is as the mean of them */
    EXPECTED_DAYS,        /* less than a week: each hour is as that hour of these days */
    EXPECTED_WEEKS,
};
/* "nothing", "hours", "days", "weeks". */
str expected_basis_name(enum expected_basis b);

struct expected {
    enum expected_basis basis;
    unsigned count; /* of weeks, days or hours: below EXPECTED_WEEKS_GOOD weeks it is a guess, and must say so */
    picousd hour_picousd[EXPECTED_WEEK_HOURS]; /* by hours since 1970 modulo the week */
};

/* From the last eight whole weeks, days or hours of the past: it should end with the last hour that is over. */
void expected_make(const struct expected_past *past, struct expected *out);
/* What is expected in [from_us, until_us); hours in part count in part. */
__int128 expected_between(const struct expected *e, int64_t from_us, int64_t until_us);

/* How spending goes now: of the last seven days, or what there is of them, what was spent for each thousandth of
 * what the curve expects. 1000: as expected. Between 100 and 10,000. */
unsigned expected_level_permille(const struct expected *e, const struct expected_past *past);

struct expected_budget {
    picousd limit, spent;      /* > 0; since the window began */
    int64_t from_us, until_us; /* the window; until_us INT64_MAX: it has no end */
};

/* How many times faster the budget is spent in [since_us, now_us) than the plan has it: `spent` in that stretch as a
 * share of the limit, divided by the share of the window's spending that is expected in that stretch (not by its
 * share of the window's time). 1: on plan. Where nothing is expected, time is the plan.
 * Fails: false where the window has no end or the stretch is empty: there is no plan. */
bool expected_burn_rate(const struct expected *e, const struct expected_budget *b, picousd spent, int64_t since_us,
                        int64_t now_us, double *out) MUST_CHECK;
/* When the budget is used up if spending follows the curve at this level. INT64_MAX: not before the window ends, or
 * not within five years. `now_us` where it is used up already. */
int64_t expected_run_out_us(const struct expected *e, const struct expected_budget *b, unsigned level_permille,
                            int64_t now_us);

#endif
