/* Civil time, its texts, durations and sizes. */
#include "base/rng.h"
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static void expect_str(str is, str expected)
{
    if (!str_eq(is, expected)) fail_msg("'%" STR_FMT "', expected '%" STR_FMT "'", STR_ARG(is), STR_ARG(expected));
}

static void knows_moments(void **state)
{
    (void)state;
    static const struct {
        int64_t year;
        int month, day, hour, minute, second;
        int64_t at_s;
        int weekday;
    } rows[] = {
        {1970, 1, 1, 0, 0, 0, 0, 3},
        {1969, 12, 31, 23, 59, 59, -1, 2},
        {2000, 2, 29, 12, 0, 0, 951825600, 1},
        {1900, 3, 1, 0, 0, 0, -2203891200, 3},
        {2026, 11, 21, 10, 15, 30, 1795256130, 5},
        {2038, 1, 19, 3, 14, 8, 2147483648, 1},
        {2100, 3, 1, 0, 0, 0, 4107542400, 0},
        {9999, 12, 31, 23, 59, 59, 253402300799, 4},
        {0, 1, 1, 0, 0, 0, -62167219200, 5},
        {-1, 12, 31, 0, 0, 0, -62167305600, 4},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t at_us =
            time_from_civil(rows[i].year, rows[i].month, rows[i].day, rows[i].hour, rows[i].minute, rows[i].second);
        if (at_us != rows[i].at_s * US_PER_SECOND) fail_msg("row %zu: %lld", i, (long long)at_us);
        struct civil c = time_civil(at_us + 999999); /* a fraction changes nothing */
        assert_int_equal(c.year, rows[i].year);
        assert_int_equal(c.month, rows[i].month);
        assert_int_equal(c.day, rows[i].day);
        assert_int_equal(c.hour, rows[i].hour);
        assert_int_equal(c.minute, rows[i].minute);
        assert_int_equal(c.second, rows[i].second);
        assert_int_equal(c.weekday, rows[i].weekday);
    }
}

static void carries_over(void **state)
{
    (void)state;
    assert_int_equal(time_from_civil(2026, 13, 1, 0, 0, 0), time_from_civil(2027, 1, 1, 0, 0, 0));
    assert_int_equal(time_from_civil(2026, 0, 1, 0, 0, 0), time_from_civil(2025, 12, 1, 0, 0, 0));
    assert_int_equal(time_from_civil(2026, -11, 1, 0, 0, 0), time_from_civil(2025, 1, 1, 0, 0, 0));
    assert_int_equal(time_from_civil(2026, 25, 1, 0, 0, 0), time_from_civil(2028, 1, 1, 0, 0, 0));
    assert_int_equal(time_from_civil(2026, 3, 0, 0, 0, 0), time_from_civil(2026, 2, 28, 0, 0, 0));
    assert_int_equal(time_from_civil(2024, 2, 30, 24, 60, 60), time_from_civil(2024, 3, 2, 1, 1, 0));
    assert_int_equal(time_from_civil(INT64_MAX, 12, 31, 0, 0, 0), INT64_MAX);
    assert_int_equal(time_from_civil(INT64_MIN, 1, 1, 0, 0, 0), INT64_MIN);
    assert_int_equal(time_from_civil(294247, 12, 31, 0, 0, 0), INT64_MAX);
    assert_int_equal(time_from_civil(-294247, 1, 1, 0, 0, 0), INT64_MIN);
}

/* The C library is the judge: thousands of moments from the year 1 to 9999. */
static void agrees_with_libc(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 1);
    for (int i = 0; i < 20000; i++) {
        time_t at_s = (time_t)rng_below(&rng, 315537897600) - 62135596800;
        struct tm tm;
        assert_non_null(gmtime_r(&at_s, &tm));
        struct civil c = time_civil((int64_t)at_s * US_PER_SECOND);
        assert_int_equal(c.year, tm.tm_year + 1900);
        assert_int_equal(c.month, tm.tm_mon + 1);
        assert_int_equal(c.day, tm.tm_mday);
        assert_int_equal(c.hour, tm.tm_hour);
        assert_int_equal(c.minute, tm.tm_min);
        assert_int_equal(c.second, tm.tm_sec);
        assert_int_equal(c.weekday, (tm.tm_wday + 6) % 7);
        assert_int_equal(time_from_civil(c.year, c.month, c.day, c.hour, c.minute, c.second),
                         (int64_t)at_s * US_PER_SECOND);
        char text[40];
        int64_t back;
        str s = time_format((int64_t)at_s * US_PER_SECOND + i, text);
        assert_true(time_parse(s, &back));
        assert_int_equal(back, (int64_t)at_s * US_PER_SECOND + i);
    }
}

static void formats(void **state)
{
    (void)state;
    static const struct {
        int64_t at_us;
        str full, date;
    } rows[] = {
        {0, STR_INIT("1970-01-01T00:00:00.000000Z"), STR_INIT("1970-01-01")},
        {-1, STR_INIT("1969-12-31T23:59:59.999999Z"), STR_INIT("1969-12-31")},
        {1795256130123456, STR_INIT("2026-11-21T10:15:30.123456Z"), STR_INIT("2026-11-21")},
        {-62167305600000000, STR_INIT("-0001-12-31T00:00:00.000000Z"), STR_INIT("-0001-12-31")},
        {INT64_MAX, STR_INIT("294247-01-10T04:00:54.775807Z"), STR_INIT("294247-01-10")},
        {INT64_MIN, STR_INIT("-290308-12-21T19:59:05.224192Z"), STR_INIT("-290308-12-21")},
    };
    char text[40];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect_str(time_format(rows[i].at_us, text), rows[i].full);
        assert_int_equal(text[rows[i].full.n], '\0');
        expect_str(time_format_date(rows[i].at_us, text), rows[i].date);
        assert_int_equal(text[rows[i].date.n], '\0');
    }
}

static void parses_moments(void **state)
{
    (void)state;
    static const struct {
        str text;
        bool ok;
        int64_t at_us;
    } rows[] = {
        {STR_INIT("1970-01-01"), true, 0},
        {STR_INIT("2026-11-21"), true, 1795219200000000},
        {STR_INIT("2026-11-21T10:15:30Z"), true, 1795256130000000},
        {STR_INIT("2026-11-21T10:15:30.5Z"), true, 1795256130500000},
        {STR_INIT("2026-11-21T10:15:30.123456Z"), true, 1795256130123456},
        {STR_INIT("2026-11-21T10:15:30.123456999Z"), true, 1795256130123456},
        {STR_INIT("2026-11-21t10:15:30z"), true, 1795256130000000},
        {STR_INIT("2026-11-21 10:15:30Z"), true, 1795256130000000},
        {STR_INIT("2026-11-21T10:15Z"), true, 1795256100000000},
        {STR_INIT("2026-11-21T12:15:30+02:00"), true, 1795256130000000},
        {STR_INIT("2026-11-21T04:45:30-05:30"), true, 1795256130000000},
        {STR_INIT("2026-11-21T10:15:30+00:00"), true, 1795256130000000},
        {STR_INIT("1969-12-31T23:59:59.999999Z"), true, -1},
        {STR_INIT("2024-02-29"), true, 1709164800000000},
        {STR_INIT("2023-02-29"), false, 0},
        {STR_INIT("2100-02-29"), false, 0},
        {STR_INIT("2026-04-31"), false, 0},
        {STR_INIT("2026-00-01"), false, 0},
        {STR_INIT("2026-13-01"), false, 0},
        {STR_INIT("2026-01-00"), false, 0},
        {STR_INIT("2026-1-1"), false, 0},
        {STR_INIT("26-01-01"), false, 0},
        {STR_INIT("+026-01-01"), false, 0},
        {STR_INIT("2026-01-01T"), false, 0},
        {STR_INIT("2026-01-01T10"), false, 0},
        {STR_INIT("2026-01-01T10:15"), false, 0},
        {STR_INIT("2026-01-01T10:15:30"), false, 0},
        {STR_INIT("2026-01-01T24:00:00Z"), false, 0},
        {STR_INIT("2026-01-01T10:60:00Z"), false, 0},
        {STR_INIT("2026-01-01T10:15:60Z"), false, 0},
        {STR_INIT("2026-01-01T10:15:30.Z"), false, 0},
        {STR_INIT("2026-01-01T10:15:30,5Z"), false, 0},
        {STR_INIT("2026-01-01T10:15:30Zx"), false, 0},
        {STR_INIT("2026-01-01T10:15:30+2"), false, 0},
        {STR_INIT("2026-01-01T10:15:30+24:00"), false, 0},
        {STR_INIT("2026-01-01Z"), false, 0},
        {STR_INIT(" 2026-01-01"), false, 0},
        {STR_INIT("2026-01-01 "), false, 0},
        {STR_INIT(""), false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t at_us = 0;
        bool ok = time_parse(rows[i].text, &at_us);
        if (ok != rows[i].ok || at_us != rows[i].at_us) {
            fail_msg("%s: %d, %lld", rows[i].text.p, ok, (long long)at_us);
        }
    }
}

static void parses_durations(void **state)
{
    (void)state;
    static const struct {
        str text;
        bool ok;
        int64_t us;
    } rows[] = {
        {STR_INIT("0"), true, 0},
        {STR_INIT("0s"), true, 0},
        {STR_INIT("5s"), true, 5000000},
        {STR_INIT("250ms"), true, 250000},
        {STR_INIT("7us"), true, 7},
        {STR_INIT("10m"), true, 600000000},
        {STR_INIT("24h"), true, 86400000000},
        {STR_INIT("7d"), true, 604800000000},
        {STR_INIT("2w"), true, 1209600000000},
        {STR_INIT("1.5s"), true, 1500000},
        {STR_INIT("0.25h"), true, 900000000},
        {STR_INIT("1.000000s"), true, 1000000},
        {STR_INIT("007s"), true, 7000000},
        {STR_INIT("9223372036854775807us"), true, INT64_MAX},
        {STR_INIT("9223372036854775808us"), false, 0},
        {STR_INIT("15250285w"), false, 0},
        {STR_INIT("0.5us"), false, 0}, /* finer than a microsecond */
        {STR_INIT("1.0000001s"), false, 0},
        {STR_INIT("5"), false, 0},
        {STR_INIT("s"), false, 0},
        {STR_INIT(""), false, 0},
        {STR_INIT(".5s"), false, 0},
        {STR_INIT("5.s"), false, 0},
        {STR_INIT("1.2.3s"), false, 0},
        {STR_INIT("-5s"), false, 0},
        {STR_INIT("+5s"), false, 0},
        {STR_INIT("5 s"), false, 0},
        {STR_INIT("5S"), false, 0},
        {STR_INIT("5M"), false, 0},
        {STR_INIT("5sec"), false, 0},
        {STR_INIT("1h30m"), false, 0},
        {STR_INIT("1e3s"), false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t us = 0;
        bool ok = time_parse_duration(rows[i].text, &us);
        if (ok != rows[i].ok || us != rows[i].us) fail_msg("%s: %d, %lld", rows[i].text.p, ok, (long long)us);
    }
    int64_t us;
    assert_false(time_parse_duration(STR_NONE, &us));
}

static void formats_durations(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        str text;
    } rows[] = {
        {0, STR_INIT("0s")},
        {1, STR_INIT("1us")},
        {999, STR_INIT("999us")},
        {1500, STR_INIT("1.5ms")},
        {250000, STR_INIT("250ms")},
        {1500000, STR_INIT("1.5s")},
        {1000001, STR_INIT("1.000001s")},
        {90 * US_PER_SECOND, STR_INIT("90s")},
        {90 * US_PER_MINUTE, STR_INIT("90m")},
        {36 * US_PER_HOUR, STR_INIT("36h")},
        {14 * US_PER_DAY, STR_INIT("14d")},
        {-1500000, STR_INIT("-1.5s")},
        {INT64_MAX, STR_INIT("9223372036854.775807s")},
        {INT64_MIN, STR_INIT("-9223372036854.775808s")},
    };
    char text[40];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect_str(time_format_duration(rows[i].us, text), rows[i].text);
        assert_int_equal(text[rows[i].text.n], '\0');
    }
    struct rng rng;
    rng_seed(&rng, 2);
    for (int i = 0; i < 20000; i++) {
        int64_t us = (int64_t)(rng_next(&rng) >> (1 + rng_below(&rng, 60))), back = -1;
        if (i % 2) us -= us % US_PER_MINUTE;
        assert_true(time_parse_duration(time_format_duration(us, text), &back));
        assert_int_equal(back, us);
    }
}

static void parses_sizes(void **state)
{
    (void)state;
    static const struct {
        str text;
        bool ok;
        int64_t bytes;
    } rows[] = {
        {STR_INIT("512"), true, 512},
        {STR_INIT("0"), true, 0},
        {STR_INIT("512B"), true, 512},
        {STR_INIT("8kB"), true, 8192},
        {STR_INIT("8KB"), true, 8192},
        {STR_INIT("8k"), true, 8192},
        {STR_INIT("64KiB"), true, 65536},
        {STR_INIT("64kib"), true, 65536},
        {STR_INIT("1MB"), true, 1048576},
        {STR_INIT("1MiB"), true, 1048576},
        {STR_INIT("32MB"), true, 33554432},
        {STR_INIT("1GB"), true, 1073741824},
        {STR_INIT("2TiB"), true, 2199023255552},
        {STR_INIT("1.5GB"), true, 1610612736},
        {STR_INIT("0.5kB"), true, 512},
        {STR_INIT("8388607TB"), true, 9223370937343148032},
        {STR_INIT("8388608TB"), false, 0},
        {STR_INIT("0.5"), false, 0}, /* half a byte */
        {STR_INIT("0.3kB"), false, 0},
        {STR_INIT("32 MB"), false, 0},
        {STR_INIT("32PB"), false, 0},
        {STR_INIT("32Mb/s"), false, 0},
        {STR_INIT("MB"), false, 0},
        {STR_INIT("-1"), false, 0},
        {STR_INIT(""), false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t bytes = 0;
        bool ok = size_parse(rows[i].text, &bytes);
        if (ok != rows[i].ok || bytes != rows[i].bytes) fail_msg("%s: %d, %lld", rows[i].text.p, ok, (long long)bytes);
    }
}

static void floors(void **state)
{
    (void)state;
    assert_int_equal(time_floor_us(0, 10), 0);
    assert_int_equal(time_floor_us(9, 10), 0);
    assert_int_equal(time_floor_us(10, 10), 10);
    assert_int_equal(time_floor_us(-1, 10), -10);
    assert_int_equal(time_floor_us(-10, 10), -10);
    assert_int_equal(time_floor_us(-11, 10), -20);
    assert_int_equal(time_floor_us(time_from_civil(1969, 12, 31, 23, 59, 59), US_PER_DAY), -US_PER_DAY);
}

static void reads_the_clocks(void **state)
{
    (void)state;
    int64_t now = time_now_us();
    assert_true(now > time_from_civil(2024, 1, 1, 0, 0, 0) && now < time_from_civil(2200, 1, 1, 0, 0, 0));
    assert_true(llabs(now / US_PER_SECOND - (int64_t)time(NULL)) <= 2);
    int64_t last = time_mono_us();
    for (int i = 0; i < 1000; i++) {
        int64_t next = time_mono_us();
        assert_true(next >= last);
        last = next;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_moments),     cmocka_unit_test(carries_over),
        cmocka_unit_test(agrees_with_libc),  cmocka_unit_test(formats),
        cmocka_unit_test(parses_moments),    cmocka_unit_test(parses_durations),
        cmocka_unit_test(formats_durations), cmocka_unit_test(parses_sizes),
        cmocka_unit_test(reads_the_clocks),  cmocka_unit_test(floors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
