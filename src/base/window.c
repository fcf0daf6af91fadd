#include "base/zone.h"

static const struct {
    str name;
    enum window_kind kind;
} kinds[] = {
    {STR_INIT("minute"), WINDOW_MINUTE}, {STR_INIT("hour"), WINDOW_HOUR},   {STR_INIT("day"), WINDOW_DAY},
    {STR_INIT("week"), WINDOW_WEEK},     {STR_INIT("month"), WINDOW_MONTH}, {STR_INIT("total"), WINDOW_TOTAL},
};

bool window_parse(str s, struct window *out)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (!str_eq(kinds[i].name, s)) continue;
        *out = (struct window){.kind = kinds[i].kind};
        return true;
    }
    int64_t length_us;
    if (!time_parse_duration(s, &length_us)) return false;
    if (length_us < US_PER_SECOND || length_us > WINDOW_ROLLING_DAYS_MAX * US_PER_DAY) return false;
    *out = (struct window){.kind = WINDOW_ROLLING, .rolling_us = length_us};
    return true;
}

str window_format(const struct window *w, char text[40])
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (kinds[i].kind == w->kind) return kinds[i].name;
    }
    return time_format_duration(w->rolling_us, text);
}

int64_t window_step_us(const struct window *w)
{
    if (w->kind != WINDOW_ROLLING) return 0;
    return (w->rolling_us + WINDOW_ROLLING_STEPS - 1) / WINDOW_ROLLING_STEPS; /* never shorter than promised */
}

struct bounds {
    int64_t from_us, until_us;
};

/* A minute or an hour on the zone's clocks. A jump inside of one cuts it: half an
 * hour at Lord Howe, nothing where clocks jump by whole hours. */
static struct bounds clock_bounds(const struct zone *z, int64_t at_us, int64_t length_us)
{
    struct zone_span span = zone_span_at(z, at_us);
    int64_t offset_us = span.offset_s * US_PER_SECOND;
    struct bounds b;
    b.from_us = time_floor_us(at_us + offset_us, length_us) - offset_us;
    b.until_us = b.from_us + length_us;
    if (b.from_us < span.from_us) b.from_us = span.from_us;
    if (b.until_us > span.until_us) b.until_us = span.until_us;
    return b;
}

/* The first midnight of the day, week (from Monday) or month that holds the date, or of the next. */
static int64_t midnight(const struct window *w, const struct civil *c, int later)
{
    switch (w->kind) {
    case WINDOW_WEEK:
        return zone_from_civil(w->zone, c->year, c->month, c->day - c->weekday + 7 * later, 0, 0);
    case WINDOW_MONTH:
        return zone_from_civil(w->zone, c->year, c->month + later, 1, 0, 0);
    default:
        return zone_from_civil(w->zone, c->year, c->month, c->day + later, 0, 0);
    }
}

static struct bounds date_bounds(const struct window *w, int64_t at_us)
{
    struct civil c = time_civil(at_us + zone_offset_s(w->zone, at_us) * US_PER_SECOND);
    struct bounds b = {midnight(w, &c, 0), midnight(w, &c, 1)};
    /* Clocks set back over midnight (St. John's, until 2011: 00:01 to 23:01) show
     * the old date again: the new day has begun all the same. */
    for (int later = 2; b.until_us <= at_us; later++) b = (struct bounds){b.until_us, midnight(w, &c, later)};
    return b;
}

/* Half of what 64 bits hold, so that no sum below leaves them. */
#define AT_LIMIT_US (INT64_MAX / 2)

static struct bounds window_bounds(const struct window *w, int64_t at_us)
{
    if (at_us > AT_LIMIT_US) at_us = AT_LIMIT_US;
    if (at_us < -AT_LIMIT_US) at_us = -AT_LIMIT_US;
    switch (w->kind) {
    case WINDOW_MINUTE:
        return clock_bounds(w->zone, at_us, US_PER_MINUTE);
    case WINDOW_HOUR:
        return clock_bounds(w->zone, at_us, US_PER_HOUR);
    case WINDOW_DAY:
    case WINDOW_WEEK:
    case WINDOW_MONTH:
        return date_bounds(w, at_us);
    case WINDOW_ROLLING: {
        int64_t step_us = window_step_us(w), from_us = time_floor_us(at_us, step_us);
        return (struct bounds){from_us, from_us + WINDOW_ROLLING_STEPS * step_us};
    }
    default:
        return (struct bounds){0, INT64_MAX};
    }
}

int64_t window_start(const struct window *w, int64_t at_us)
{
    return window_bounds(w, at_us).from_us;
}

int64_t window_end(const struct window *w, int64_t at_us)
{
    return window_bounds(w, at_us).until_us;
}
