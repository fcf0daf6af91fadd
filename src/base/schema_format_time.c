/* Dates and times of RFC 3339, and its durations (appendix A). */
#include "base/schema_inside.h"

/* `digits` of them at `at`; -1 where they are not there. */
static int number_at(str s, size_t at, size_t digits)
{
    if (s.n < digits || at > s.n - digits) return -1;
    int v = 0;
    for (size_t i = at; i < at + digits; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return -1;
        v = v * 10 + (s.p[i] - '0');
    }
    return v;
}

static bool is_at(str s, size_t at, char c)
{
    return at < s.n && s.p[at] == c;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

bool schema_format_date(str s)
{
    int year = number_at(s, 0, 4), month = number_at(s, 5, 2), day = number_at(s, 8, 2);
    return s.n == 10 && is_at(s, 4, '-') && is_at(s, 7, '-') && year >= 0 && month >= 1 && month <= 12 && day >= 1 &&
           day <= days_of(year, month);
}

/* "Z", "+02:00": minutes east of Greenwich. */
static bool read_offset(str s, int *minutes)
{
    *minutes = 0;
    if (s.n == 1) return (s.p[0] | 0x20) == 'z';
    int hour = number_at(s, 1, 2), minute = number_at(s, 4, 2);
    if (s.n != 6 || (s.p[0] != '+' && s.p[0] != '-') || s.p[3] != ':') return false;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return false;
    *minutes = (hour * 60 + minute) * (s.p[0] == '-' ? -1 : 1);
    return true;
}

bool schema_format_time(str s)
{
    int hour = number_at(s, 0, 2), minute = number_at(s, 3, 2), second = number_at(s, 6, 2), east;
    if (!is_at(s, 2, ':') || !is_at(s, 5, ':')) return false;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return false;
    size_t at = 8;
    if (is_at(s, at, '.')) {
        for (at++; number_at(s, at, 1) >= 0;) at++;
        if (at == 9) return false;
    }
    if (!read_offset(str_from_at(s, at), &east)) return false;
    int utc = ((hour * 60 + minute - east) % 1440 + 1440) % 1440;
    return second < 60 || utc == 23 * 60 + 59; /* leap seconds are at the end of a day */
}

bool schema_format_date_time(str s)
{
    return s.n > 11 && schema_format_date(str_head(s, 10)) && (s.p[10] | 0x20) == 't' &&
           schema_format_time(str_from_at(s, 11));
}

/* A run of numbers with these units, which may begin and end anywhere but leaves none out between. */
static bool read_units(str *s, const char *units)
{
    const char *next = NULL;
    while (s->n && s->p[0] >= '0' && s->p[0] <= '9') {
        size_t n = 0;
        while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9') n++;
        const char *unit = n < s->n ? strchr(units, s->p[n]) : NULL;
        if (!unit || !*unit || (next && unit != next)) return false;
        next = unit + 1;
        *s = str_from_at(*s, n + 1);
    }
    return next != NULL;
}

bool schema_format_duration(str s)
{
    if (!str_starts(s, S("P"))) return false;
    s = str_from_at(s, 1);
    str weeks = s;
    if (read_units(&weeks, "W")) return weeks.n == 0;
    if (!str_starts(s, S("T")) && !read_units(&s, "YMD")) return false;
    if (!s.n) return true;
    if (s.p[0] != 'T') return false;
    s = str_from_at(s, 1);
    return read_units(&s, "HMS") && s.n == 0;
}
