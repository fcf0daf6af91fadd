#include "plan/expected.h"

#include <stdlib.h>

static const str basis_names[] = {
    [EXPECTED_NOTHING] = STR_INIT("nothing"),
    [EXPECTED_HOURS_ALONE] = STR_INIT("hours"),
    [EXPECTED_DAYS] = STR_INIT("days"),
    [EXPECTED_WEEKS] = STR_INIT("weeks"),
};

str expected_basis_name(enum expected_basis b)
{
    return basis_names[b];
}

static int compare(const void *a, const void *b)
{
    picousd x = *(const picousd *)a, y = *(const picousd *)b;
    return (x > y) - (x < y);
}

/* Between the two in the middle where their number is even. */
static picousd median(picousd *of, size_t n)
{
    qsort(of, n, sizeof(*of), compare);
    picousd high = of[n / 2], low = of[(n - 1) / 2];
    return low + (high - low) / 2;
}

/* ---- the curve */

/* The last `count` runs of `length` hours, one behind the other. */
struct runs {
    const picousd *spent;
    size_t length, count;
};

static picousd median_at(const struct runs *r, size_t hour)
{
    picousd of[EXPECTED_WEEKS_MAX] = {0};
    for (size_t i = 0; i < r->count; i++) of[i] = r->spent[i * r->length + hour];
    return median(of, r->count);
}

static picousd median_total(const struct runs *r)
{
    picousd of[EXPECTED_WEEKS_MAX] = {0};
    for (size_t i = 0; i < r->count; i++) {
        of[i] = 0;
        for (size_t h = 0; h < r->length; h++) of[i] = money_add_sat(of[i], r->spent[i * r->length + h]);
    }
    return median(of, r->count);
}

/* One run, as it is to be expected; hours that are always zero stay so, unless all are. */
static void make_run(const struct runs *r, picousd *out)
{
    picousd level = median_total(r), sum = 0;
    for (size_t h = 0; h < r->length; h++) {
        out[h] = median_at(r, h);
        sum = money_add_sat(sum, out[h]);
    }
    for (size_t h = 0; h < r->length; h++)
        out[h] = sum ? (picousd)((__int128)out[h] * level / sum) : level / (picousd)r->length;
}

static size_t min_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

void expected_make(const struct expected_past *past, struct expected *out)
{
    enum { DAY = 24 };
    *out = (struct expected){0};
    if (!past->hours) return;
    size_t length = past->hours >= EXPECTED_WEEK_HOURS ? EXPECTED_WEEK_HOURS : past->hours >= DAY ? DAY : 1;
    struct runs r = {.length = length, .count = min_of(past->hours / length, EXPECTED_WEEKS_MAX)};
    if (length == 1) r = (struct runs){.length = past->hours, .count = 1}; /* the mean: most of them may be empty */
    size_t first = past->hours - r.length * r.count;
    r.spent = past->spent + first;
    out->basis = length == EXPECTED_WEEK_HOURS ? EXPECTED_WEEKS : length == DAY ? EXPECTED_DAYS : EXPECTED_HOURS_ALONE;
    out->count = (unsigned)(length == 1 ? past->hours : r.count);
    picousd run[EXPECTED_WEEK_HOURS];
    if (length == 1)
        run[0] = median_total(&r) / (picousd)past->hours;
    else
        make_run(&r, run);
    int64_t begin = past->from_us / US_PER_HOUR + (int64_t)first;
    for (size_t h = 0; h < EXPECTED_WEEK_HOURS; h++)
        out->hour_picousd[((uint64_t)begin + h) % EXPECTED_WEEK_HOURS] = run[h % length];
}

static picousd at_hour(const struct expected *e, int64_t hour)
{
    int64_t at = hour % EXPECTED_WEEK_HOURS;
    return e->hour_picousd[at < 0 ? at + EXPECTED_WEEK_HOURS : at];
}

static __int128 week_of(const struct expected *e)
{
    __int128 sum = 0;
    for (int h = 0; h < EXPECTED_WEEK_HOURS; h++) sum += e->hour_picousd[h];
    return sum;
}

__int128 expected_between(const struct expected *e, int64_t from_us, int64_t until_us)
{
    if (from_us >= until_us) return 0;
    int64_t first = time_floor_us(from_us, US_PER_HOUR), last = time_floor_us(until_us, US_PER_HOUR);
    __int128 into = (__int128)at_hour(e, first / US_PER_HOUR) * (from_us - first) / US_PER_HOUR;
    __int128 sum = (__int128)at_hour(e, last / US_PER_HOUR) * (until_us - last) / US_PER_HOUR - into;
    int64_t hour = first / US_PER_HOUR, end = last / US_PER_HOUR;
    sum += (end - hour) / EXPECTED_WEEK_HOURS * week_of(e);
    for (hour += (end - hour) / EXPECTED_WEEK_HOURS * EXPECTED_WEEK_HOURS; hour < end; hour++) sum += at_hour(e, hour);
    return sum;
}

unsigned expected_level_permille(const struct expected *e, const struct expected_past *past)
{
    enum { LEAST = 100, MOST = 10000 };
    size_t hours = min_of(past->hours, EXPECTED_WEEK_HOURS), first = past->hours - hours;
    int64_t from_us = past->from_us + (int64_t)first * US_PER_HOUR;
    __int128 planned = expected_between(e, from_us, from_us + (int64_t)hours * US_PER_HOUR), spent = 0;
    for (size_t h = first; h < past->hours; h++) spent += past->spent[h];
    if (planned <= 0) return 1000;
    __int128 level = spent * 1000 / planned;
    return level < LEAST ? LEAST : level > MOST ? MOST : (unsigned)level;
}

/* ---- budgets */

bool expected_burn_rate(const struct expected *e, const struct expected_budget *b, picousd spent, int64_t since_us,
                        int64_t now_us, double *out)
{
    *out = 0;
    if (b->until_us == INT64_MAX || since_us >= now_us || b->limit <= 0 || b->from_us >= b->until_us) return false;
    double share = (double)(now_us - since_us) / (double)(b->until_us - b->from_us);
    __int128 whole = expected_between(e, b->from_us, b->until_us), part = expected_between(e, since_us, now_us);
    if (whole > 0 && part > 0) share = (double)part / (double)whole;
    *out = (double)spent / (double)b->limit / share;
    return true;
}

/* Where in its hour the last of `left` goes. */
static int64_t within_hour(int64_t from_us, int64_t until_us, __int128 left, __int128 expected)
{
    return from_us + (int64_t)(left * (until_us - from_us) / expected);
}

int64_t expected_run_out_us(const struct expected *e, const struct expected_budget *b, unsigned level_permille,
                            int64_t now_us)
{
    const int64_t horizon_us = now_us + 5 * 365 * US_PER_DAY;
    int64_t end_us = b->until_us < horizon_us ? b->until_us : horizon_us;
    __int128 left = (__int128)(b->limit - b->spent) * 1000; /* at the curve's own level */
    if (left <= 0) return now_us;
    left /= level_permille ? level_permille : 1;
    __int128 week = week_of(e);
    if (week <= 0) return INT64_MAX;
    __int128 weeks = left / week;
    int64_t at_us = now_us;
    if (weeks > (end_us - at_us) / (7 * US_PER_DAY)) return INT64_MAX;
    at_us += (int64_t)weeks * 7 * US_PER_DAY;
    left -= weeks * week;
    while (at_us < end_us) {
        int64_t next_us = time_floor_us(at_us, US_PER_HOUR) + US_PER_HOUR;
        __int128 hour = expected_between(e, at_us, next_us);
        if (hour > 0 && hour >= left) {
            int64_t out_us = within_hour(at_us, next_us, left, hour);
            return out_us < end_us ? out_us : INT64_MAX;
        }
        left -= hour;
        at_us = next_us;
    }
    return INT64_MAX;
}
