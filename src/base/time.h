/* Time: microseconds since 1970 in UTC (`_us`), a monotonic clock for durations,
 * and time zones for calendar windows. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include "base/str.h"

#define US_PER_MS     INT64_C(1000)
#define US_PER_SECOND INT64_C(1000000)
#define US_PER_MINUTE (60 * US_PER_SECOND)
#define US_PER_HOUR   (60 * US_PER_MINUTE)
#define US_PER_DAY    (24 * US_PER_HOUR)

int64_t time_now_us(void);  /* wall clock */
int64_t time_mono_us(void); /* never goes back; its zero means nothing */

/* The last whole `step_us` (above zero) at or before `at_us`, which may lie before 1970. */
static inline int64_t time_floor_us(int64_t at_us, int64_t step_us)
{
    int64_t rest = at_us % step_us;
    return at_us - rest - (rest < 0 ? step_us : 0);
}

struct civil {
    int64_t year;
    int month, day, hour, minute, second; /* month and day from 1 */
    int weekday;                          /* 0 = Monday */
};

/* Proleptic Gregorian, without leap seconds. Parts beyond their range carry over
 * (month 13 is January, day 0 the day before); what does not fit is INT64_MIN or _MAX. */
int64_t time_from_civil(int64_t year, int month, int day, int hour, int minute, int second);
struct civil time_civil(int64_t at_us);
/* "2026-11-21T10:15:30.123456Z", or the date alone. */
str time_format(int64_t at_us, char out[40]);
str time_format_date(int64_t at_us, char out[40]);
/* "2026-01-01", "2026-01-01T00:00:00Z", with a fraction or without, with an offset
 * such as +02:00 in the place of Z. A time of day without either is refused. */
bool time_parse(str s, int64_t *at_us) MUST_CHECK;
/* "Sun, 06 Nov 1994 08:49:37 GMT", as headers have it. */
bool time_parse_http(str s, int64_t *at_us) MUST_CHECK;
/* "5s", "250ms", "10m", "24h", "7d", "2w", "0": digits and a unit, a decimal point allowed. */
bool time_parse_duration(str s, int64_t *us) MUST_CHECK;
/* Exact, in the largest unit that gives a whole number, below a minute as a decimal: "90m", "1.5s". */
str time_format_duration(int64_t us, char out[40]);
/* "32MB", "8kB", "64KiB", "1GB", "512": bytes; MB and MiB both mean 1,048,576. In any case. */
bool size_parse(str s, int64_t *bytes) MUST_CHECK;

/* A time zone's rules, read from TZif bytes (RFC 8536), as /usr/share/zoneinfo has them. */
struct zone;
/* Fails: NULL for bytes that are no TZif version 2 or newer, or count leap seconds.
 * Owns: the caller drops it. */
struct zone *zone_new(str tzif);
struct zone *zone_new_utc(void);
void zone_drop(struct zone *z);
/* Seconds east of Greenwich at that moment. A NULL zone is UTC, here and below. */
int64_t zone_offset_s(const struct zone *z, int64_t at_us);
/* The moment at which the zone's clocks show this; a time that a jump leaves out
 * is the moment of the jump, of a doubled one the first is taken. */
int64_t zone_from_civil(const struct zone *z, int64_t year, int month, int day, int hour, int minute);

/* How a budget's spending starts over. */
enum window_kind { WINDOW_MINUTE, WINDOW_HOUR, WINDOW_DAY, WINDOW_WEEK, WINDOW_MONTH, WINDOW_TOTAL, WINDOW_ROLLING };

struct window {
    enum window_kind kind;
    int64_t rolling_us;      /* WINDOW_ROLLING only */
    const struct zone *zone; /* NULL: UTC */
};

enum {
    WINDOW_ROLLING_STEPS = 48, /* rolling windows move on in steps of this part of their length */
    WINDOW_ROLLING_DAYS_MAX = 3660,
};

/* "minute" ... "total", or a duration of at least a second. `out->zone` becomes NULL. */
bool window_parse(str s, struct window *out) MUST_CHECK;
/* As window_parse() reads it: "day", "1d12h". Points into `text` or is constant. */
str window_format(const struct window *w, char text[40]);
/* The step of a rolling window, rounded up; 0 for the others. Steps begin at multiples of it. */
int64_t window_step_us(const struct window *w);
/* Where the window that holds `at_us` began: for rolling ones, where the step did; 0 for WINDOW_TOTAL. */
int64_t window_start(const struct window *w, int64_t at_us);
/* When it ends: the reset that people are told; for rolling ones, when what is
 * spent in this step falls out. INT64_MAX for WINDOW_TOTAL. */
int64_t window_end(const struct window *w, int64_t at_us);

#endif
