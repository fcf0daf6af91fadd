#include "past.h"

#include <math.h>
#include <stdlib.h>

/* How busy an hour of a working day is, and of one at the weekend, in UTC: shops open late, sleep a little. */
static const double at_work[24] = {.18, .13, .10, .09, .10, .16, .32, .58, .88, 1.0, 1.0, .95,
                                   .80, .90, 1.0, .98, .92, .82, .70, .62, .55, .45, .35, .25};
static const double at_weekends[24] = {.16, .12, .09, .08, .08, .10, .14, .20, .28, .36, .42, .45,
                                       .44, .43, .44, .46, .48, .50, .52, .50, .44, .36, .28, .21};
/* Batches run while people sleep. */
static const double at_night[24] = {.6, 1, 1, 1, .9, .5, .1};

static bool is_weekend(int64_t at_us)
{
    return time_civil(at_us).weekday >= 5;
}

static double weight_of(const struct past_feature *f, bool weekend, int hour)
{
    if (f->kind == KIND_BATCH || f->kind == KIND_EMBED) return f->share * at_night[hour] * (weekend ? 0.4 : 1.0);
    double busy = weekend ? at_weekends[hour] : at_work[hour];
    bool office = f->kind == KIND_AGENT || strcmp(f->team, "finance") == 0 || strcmp(f->team, "sales") == 0;
    return f->share * busy * (office && weekend ? 0.12 : 1.0);
}

static void weigh_features(struct past_rhythm *r)
{
    for (int weekend = 0; weekend < 2; weekend++) {
        for (int hour = 0; hour < 24; hour++) {
            double sum = 0;
            for (size_t f = 0; f < PAST_FEATURES; f++) {
                sum += weight_of(&past_features[f], weekend, hour);
                r->feature[weekend][hour][f] = sum;
            }
        }
    }
}

const struct past_feature *rhythm_feature(const struct past_rhythm *r, int64_t at_us, struct rng *rng)
{
    const double *sums = r->feature[is_weekend(at_us)][time_civil(at_us).hour];
    double at = rng_unit(rng) * sums[PAST_FEATURES - 1];
    size_t f = 0;
    while (f + 1 < PAST_FEATURES && sums[f] <= at) f++;
    return &past_features[f];
}

/* Midnight of the last such weekday (0: Monday) at or before the time. */
static int64_t weekday_before(int64_t at_us, int weekday)
{
    int64_t day_us = time_floor_us(at_us, US_PER_DAY);
    return day_us - (time_civil(day_us).weekday - weekday + 7) % 7 * US_PER_DAY;
}

static int64_t at_share(const struct past_rhythm *r, double share)
{
    return r->from_us + (int64_t)((double)(r->until_us - r->from_us) * share);
}

static void place_events(struct past_rhythm *r)
{
    r->loop_from_us = weekday_before(at_share(r, 0.68), 5) + 2 * US_PER_HOUR + 10 * US_PER_MINUTE;
    r->loop_until_us = r->loop_from_us + 53 * US_PER_HOUR;
    if (r->loop_from_us < r->from_us || r->loop_until_us > r->until_us) r->loop_from_us = r->loop_until_us = INT64_MAX;
    r->outage_from_us = weekday_before(at_share(r, 0.42), 2) + 14 * US_PER_HOUR + 7 * US_PER_MINUTE;
    r->outage_until_us = r->outage_from_us + 52 * US_PER_MINUTE;
    r->crowded_from_us = weekday_before(at_share(r, 0.85), 1) + 9 * US_PER_HOUR;
    r->crowded_until_us = r->crowded_from_us + 5 * US_PER_HOUR;
    r->price_us = time_floor_us(at_share(r, 0.55), US_PER_DAY);
}

void rhythm_init(struct past_rhythm *r, const struct past_ask *ask, struct rng *rng)
{
    r->until_us = ask->until_us;
    r->from_us = time_floor_us(ask->until_us - ask->days * US_PER_DAY, US_PER_HOUR);
    r->hours = (size_t)((r->until_us - r->from_us + US_PER_HOUR - 1) / US_PER_HOUR);
    r->sum = mem_alloc(r->hours * sizeof(*r->sum));
    weigh_features(r);
    place_events(r);
    double sum = 0, of_day = 1;
    for (size_t h = 0; h < r->hours; h++) {
        int64_t at_us = r->from_us + (int64_t)h * US_PER_HOUR;
        int hour = time_civil(at_us).hour;
        if (hour == 0 || h == 0) of_day = exp(0.09 * past_normal(rng));
        double growth = 0.75 + 0.5 * (double)h / (double)r->hours;
        double part = h + 1 == r->hours ? (double)(r->until_us - at_us) / (double)US_PER_HOUR : 1;
        sum += r->feature[is_weekend(at_us)][hour][PAST_FEATURES - 1] * growth * of_day * part;
        r->sum[h] = sum;
    }
    for (size_t h = 0; h < r->hours; h++) r->sum[h] /= sum;
}

void rhythm_free(struct past_rhythm *r)
{
    free(r->sum);
}
