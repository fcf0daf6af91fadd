#include "base/zone.h"

enum {
    HOURS_MAX = 167, /* of a jump's time of day; POSIX has 24 */
    DEFAULT_AT_S = 2 * 3600,
};

/* A quarter of a million years: as far as the rule is followed. */
#define RULE_LIMIT_S INT64_C(8000000000000)

static bool take(str *s, char c)
{
    if (!s->n || s->p[0] != c) return false;
    *s = str_from_at(*s, 1);
    return true;
}

static bool take_int(str *s, int max, int *out)
{
    size_t n = 0;
    int v = 0;
    for (; n < s->n && n < 4 && s->p[n] >= '0' && s->p[n] <= '9'; n++) v = v * 10 + (s->p[n] - '0');
    *s = str_from_at(*s, n);
    *out = v;
    return n > 0 && v <= max;
}

/* "CET" or "<+1030>": at least three characters. */
static bool take_name(str *s)
{
    bool quoted = take(s, '<');
    size_t n = 0;
    for (; n < s->n; n++) {
        char c = s->p[n];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-'))) break;
    }
    *s = str_from_at(*s, n);
    return n >= 3 && (!quoted || take(s, '>'));
}

/* "[+-]hh[:mm[:ss]]" in seconds. */
static bool take_time(str *s, int hours_max, int32_t *out)
{
    bool minus = take(s, '-');
    if (!minus) (void)take(s, '+');
    int hours, minutes = 0, seconds = 0;
    if (!take_int(s, hours_max, &hours)) return false;
    if (take(s, ':')) {
        if (!take_int(s, 59, &minutes)) return false;
        if (take(s, ':') && !take_int(s, 59, &seconds)) return false;
    }
    *out = (hours * 3600 + minutes * 60 + seconds) * (minus ? -1 : 1);
    return true;
}

static bool take_day(str *s, struct zone_day *d)
{
    d->month = d->week = 0;
    if (!take(s, ',')) return false;
    if (take(s, 'J')) {
        d->kind = DAY_JULIAN;
        if (!take_int(s, 365, &d->day) || d->day < 1) return false;
    } else if (take(s, 'M')) {
        d->kind = DAY_OF_MONTH;
        if (!take_int(s, 12, &d->month) || d->month < 1 || !take(s, '.')) return false;
        if (!take_int(s, 5, &d->week) || d->week < 1 || !take(s, '.')) return false;
        if (!take_int(s, 6, &d->day)) return false;
    } else {
        d->kind = DAY_ZERO_BASED;
        if (!take_int(s, 365, &d->day)) return false;
    }
    d->at_s = DEFAULT_AT_S;
    return !take(s, '/') || take_time(s, HOURS_MAX, &d->at_s);
}

bool zone_rule_parse(str s, struct zone_rule *out)
{
    struct zone_rule r = {.present = s.n > 0};
    int32_t west;
    if (s.n) {
        if (!take_name(&s) || !take_time(&s, 24, &west)) return false;
        r.std_offset_s = -west; /* POSIX counts to the west */
    }
    if (s.n) {
        r.has_dst = true;
        r.dst_offset_s = r.std_offset_s + 3600;
        if (!take_name(&s)) return false;
        if (s.n && s.p[0] != ',') {
            if (!take_time(&s, 24, &west)) return false;
            r.dst_offset_s = -west;
        }
        if (!take_day(&s, &r.dst_begins) || !take_day(&s, &r.dst_ends) || s.n) return false;
    }
    *out = r;
    return true;
}

/* That day's jump in `year`, as seconds on the local clock. */
static int64_t local_jump(const struct zone_day *d, int64_t year)
{
    int64_t us;
    switch (d->kind) {
    case DAY_JULIAN: { /* the leap day is never counted: day 60 is always the first of March */
        bool leap = time_from_civil(year, 2, 29, 0, 0, 0) != time_from_civil(year, 3, 1, 0, 0, 0);
        us = time_from_civil(year, 1, d->day + (leap && d->day >= 60), 0, 0, 0);
        break;
    }
    case DAY_ZERO_BASED:
        us = time_from_civil(year, 1, d->day + 1, 0, 0, 0);
        break;
    default: { /* the week-th such weekday of the month, the fifth being the last */
        int64_t first = time_from_civil(year, d->month, 1, 0, 0, 0);
        int sunday_based = (time_civil(first).weekday + 1) % 7;
        us = first + ((d->day - sunday_based + 7) % 7 + 7 * (d->week - 1)) * US_PER_DAY;
        while (us >= time_from_civil(year, d->month + 1, 1, 0, 0, 0)) us -= 7 * US_PER_DAY;
    }
    }
    return us / US_PER_SECOND + d->at_s;
}

struct zone_rule_span zone_rule_at(const struct zone_rule *rule, int64_t at_s)
{
    if (at_s >= RULE_LIMIT_S) return (struct zone_rule_span){RULE_LIMIT_S, INT64_MAX, rule->std_offset_s};
    if (at_s < -RULE_LIMIT_S) return (struct zone_rule_span){INT64_MIN, -RULE_LIMIT_S, rule->std_offset_s};
    int64_t year = time_civil((at_s + rule->std_offset_s) * US_PER_SECOND).year;
    struct zone_rule_span span = {INT64_MIN, INT64_MAX, rule->std_offset_s};
    /* A jump given as -1 or 167 o'clock may lie in the neighbouring year. Where a
     * year's end and the next one's beginning coincide it is the later that counts. */
    for (int64_t y = year - 1; y <= year + 1; y++) {
        const struct zone_rule_span jumps[] = {
            {local_jump(&rule->dst_begins, y) - rule->std_offset_s, 0, rule->dst_offset_s},
            {local_jump(&rule->dst_ends, y) - rule->dst_offset_s, 0, rule->std_offset_s},
        };
        for (size_t i = 0; i < COUNT_OF(jumps); i++) {
            if (jumps[i].from_s <= at_s && jumps[i].from_s >= span.from_s) {
                span.from_s = jumps[i].from_s;
                span.offset_s = jumps[i].offset_s;
            }
            if (jumps[i].from_s > at_s && jumps[i].from_s < span.until_s) span.until_s = jumps[i].from_s;
        }
    }
    return span;
}
