#include "plan/growth.h"

#include "base/arena.h"

#include <math.h>
#include <stdlib.h>

static const str segment_names[GROWTH_SEGMENT_COUNT] = {
#define SEGMENT(constant, name, what) [GROWTH_##constant] = STR_INIT(name),
    GROWTH_SEGMENTS(SEGMENT)
#undef SEGMENT
};

str growth_segment_name(enum growth_segment s)
{
    return segment_names[s];
}

static double each(const struct growth_use *u, enum growth_segment s)
{
    return u->calls > 0 ? (double)u->amount[s] / (double)u->calls : 0;
}

struct growth growth_between(const struct growth_use *before, const struct growth_use *after, enum growth_segment s)
{
    struct growth g = {.before = each(before, s), .after = each(after, s)};
    g.known = before->calls > 0 && after->calls > 0 && g.before > 0;
    if (g.known) g.change = g.after / g.before - 1;
    return g;
}

/* ---- from day to day */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *of, size_t n)
{
    qsort(of, n, sizeof(*of), compare);
    return (of[n / 2] + of[(n - 1) / 2]) / 2;
}

struct days {
    double at[GROWTH_DAYS_MAX], value[GROWTH_DAYS_MAX];
    size_t n;
};

static void read_days(const struct growth_use *days, size_t count, enum growth_segment s, struct days *out)
{
    size_t first = count > GROWTH_DAYS_MAX ? count - GROWTH_DAYS_MAX : 0;
    out->n = 0;
    for (size_t i = first; i < count; i++) {
        if (days[i].calls <= 0) continue;
        out->at[out->n] = (double)i;
        out->value[out->n++] = each(&days[i], s);
    }
}

/* How much the sum of the pairs' signs varies by chance; days that are equal tell less. */
static double variance(double *sorted, size_t n)
{
    double count = (double)n, v = count * (count - 1) * (2 * count + 5);
    qsort(sorted, n, sizeof(*sorted), compare);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && sorted[to] == sorted[from];) to++;
        double t = (double)(to - from);
        v -= t * (t - 1) * (2 * t + 5);
    }
    return v / 18;
}

struct growth_trend growth_trend(const struct growth_use *days, size_t count, enum growth_segment s)
{
    struct growth_trend out = {.chance = 1};
    struct days *d = mem_alloc(sizeof(*d));
    read_days(days, count, s, d);
    out.days = (unsigned)d->n;
    out.known = d->n >= GROWTH_DAYS_MIN;
    if (out.known) {
        double *slopes = mem_alloc(d->n * (d->n - 1) / 2 * sizeof(*slopes)), signs = 0;
        size_t n = 0;
        for (size_t i = 0; i < d->n; i++) {
            for (size_t j = i + 1; j < d->n; j++) {
                double rise = d->value[j] - d->value[i];
                slopes[n++] = rise / (d->at[j] - d->at[i]);
                signs += (rise > 0) - (rise < 0);
            }
        }
        double slope = median(slopes, n), spread = sqrt(variance(d->value, d->n)), middle = median(d->value, d->n);
        if (middle > 0) out.share_per_day = slope / middle;
        /* one step of the sum is two: the middle of it */
        if (spread > 0 && signs != 0) out.chance = erfc((fabs(signs) - 1) / spread / sqrt(2));
        free(slopes);
    }
    free(d);
    return out;
}
