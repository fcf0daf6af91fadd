#include "base/time.h"

/* Beyond these years a moment does not fit into 64 bits of microseconds anyway. */
#define YEAR_LIMIT 300000

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* What floor_div() leaves, from 0 to b - 1. */
static int64_t floor_mod(int64_t a, int64_t b)
{
    int64_t rest = a % b;
    return rest < 0 ? rest + b : rest;
}

/* Days since 1970-01-01. A year is taken to begin in March, so that the leap day
 * is its last. Source: Howard Hinnant, "chrono-compatible low-level date algorithms". */
static int64_t days_from_civil(int64_t year, int month, int64_t day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

int64_t time_from_civil(int64_t year, int month, int day, int hour, int minute, int second)
{
    if (year > YEAR_LIMIT) return INT64_MAX;
    if (year < -YEAR_LIMIT) return INT64_MIN;
    int64_t carry = floor_div((int64_t)month - 1, 12);
    int month_of_year = (int)(month - carry * 12);
    __int128 s = (__int128)days_from_civil(year + carry, month_of_year, day) * 86400 + (int64_t)hour * 3600 +
                 (int64_t)minute * 60 + second;
    s *= US_PER_SECOND;
    if (s > INT64_MAX) return INT64_MAX;
    if (s < INT64_MIN) return INT64_MIN;
    return (int64_t)s;
}

struct civil time_civil(int64_t at_us)
{
    int64_t days = floor_div(at_us, US_PER_DAY);
    int64_t rest = floor_mod(at_us, US_PER_DAY) / US_PER_SECOND;
    int64_t z = days + 719468;
    int64_t era = floor_div(z, 146097);
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    int month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
    return (struct civil){
        .year = year_of_era + era * 400 + (month <= 2),
        .month = month,
        .day = (int)(day_of_year - (153 * march_month + 2) / 5 + 1),
        .hour = (int)(rest / 3600),
        .minute = (int)(rest / 60 % 60),
        .second = (int)(rest % 60),
        .weekday = (int)floor_mod(days + 3, 7), /* 1970-01-01 was a Thursday */
    };
}

/* `value` in at least `width` digits; returns behind them. */
static char *put_digits(char *to, int64_t value, int width)
{
    char digits[20];
    int n = 0;
    do digits[n++] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    while (n < width) digits[n++] = '0';
    while (n) *to++ = digits[--n];
    return to;
}

static char *put_date(char *to, const struct civil *c)
{
    if (c->year < 0) *to++ = '-';
    to = put_digits(to, c->year < 0 ? -c->year : c->year, 4);
    *to++ = '-';
    to = put_digits(to, c->month, 2);
    *to++ = '-';
    return put_digits(to, c->day, 2);
}

str time_format(int64_t at_us, char out[40])
{
    struct civil c = time_civil(at_us);
    char *p = put_date(out, &c);
    *p++ = 'T';
    p = put_digits(p, c.hour, 2);
    *p++ = ':';
    p = put_digits(p, c.minute, 2);
    *p++ = ':';
    p = put_digits(p, c.second, 2);
    *p++ = '.';
    p = put_digits(p, floor_mod(at_us, US_PER_SECOND), 6);
    *p++ = 'Z';
    *p = '\0';
    return str_of(out, (size_t)(p - out));
}

str time_format_date(int64_t at_us, char out[40])
{
    struct civil c = time_civil(at_us);
    char *p = put_date(out, &c);
    *p = '\0';
    return str_of(out, (size_t)(p - out));
}

/* Exactly `width` digits at the head of `*s`, at most `max`. */
static bool take_number(str *s, size_t width, int max, int *out)
{
    uint64_t v;
    if (s->n < width || !str_to_u64(str_head(*s, width), &v) || v > (uint64_t)max) return false;
    *s = str_from_at(*s, width);
    *out = (int)v;
    return true;
}

static bool take_byte(str *s, char c)
{
    if (!s->n || s->p[0] != c) return false;
    *s = str_from_at(*s, 1);
    return true;
}

static int days_in(int year, int month)
{
    return (int)(days_from_civil(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) -
                 days_from_civil(year, month, 1));
}

/* The digits behind a point as microseconds; what is finer is cut off. */
static bool take_fraction(str *s, int64_t *us)
{
    int64_t unit = US_PER_SECOND / 10;
    size_t n = 0;
    *us = 0;
    for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++, unit /= 10) *us += (s->p[n] - '0') * unit;
    *s = str_from_at(*s, n);
    return n > 0;
}

/* "Z", "+02:00", "-05:30". */
static bool take_offset(str *s, int *offset_minutes)
{
    *offset_minutes = 0;
    if (take_byte(s, 'Z') || take_byte(s, 'z')) return true;
    bool west = s->n && s->p[0] == '-';
    int hours, minutes;
    if (!take_byte(s, west ? '-' : '+')) return false;
    if (!take_number(s, 2, 23, &hours) || !take_byte(s, ':') || !take_number(s, 2, 59, &minutes)) return false;
    *offset_minutes = (hours * 60 + minutes) * (west ? -1 : 1);
    return true;
}

bool time_parse(str s, int64_t *at_us)
{
    int year, month, day, hour = 0, minute = 0, second = 0, offset_minutes = 0;
    int64_t fraction_us = 0;
    if (!take_number(&s, 4, 9999, &year) || !take_byte(&s, '-') || !take_number(&s, 2, 12, &month) ||
        !take_byte(&s, '-') || !take_number(&s, 2, 31, &day)) {
        return false;
    }
    if (month < 1 || day < 1 || day > days_in(year, month)) return false;
    if (s.n) {
        if (!take_byte(&s, 'T') && !take_byte(&s, 't') && !take_byte(&s, ' ')) return false;
        if (!take_number(&s, 2, 23, &hour) || !take_byte(&s, ':') || !take_number(&s, 2, 59, &minute)) return false;
        if (take_byte(&s, ':')) {
            if (!take_number(&s, 2, 59, &second)) return false;
            if (take_byte(&s, '.') && !take_fraction(&s, &fraction_us)) return false;
        }
        if (!take_offset(&s, &offset_minutes) || s.n) return false;
    }
    *at_us = time_from_civil(year, month, day, hour, minute - offset_minutes, second) + fraction_us;
    return true;
}
