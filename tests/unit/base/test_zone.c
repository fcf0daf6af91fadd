/* Time zones against known moments, and against the C library as an independent judge. */
#include "base/rng.h"
#include "base/time.h"
#include "zones.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static int64_t moment(const char *text)
{
    int64_t at_us;
    if (!time_parse(str_from(text), &at_us)) fail_msg("%s", text);
    return at_us;
}

static const struct {
    const char *zone, *at;
    int64_t offset_s;
} offsets[] = {
    {"UTC", "2026-07-01", 0},
    {"Asia/Kolkata", "2026-01-01", 19800},
    {"Asia/Kolkata", "2150-07-01", 19800},
    {"Europe/Berlin", "1850-01-01", 3208}, /* local mean time */
    {"Europe/Berlin", "2026-01-01", 3600},
    {"Europe/Berlin", "2026-03-29T00:59:59.999999Z", 3600},
    {"Europe/Berlin", "2026-03-29T01:00:00Z", 7200},
    {"Europe/Berlin", "2026-10-25T00:59:59Z", 7200},
    {"Europe/Berlin", "2026-10-25T01:00:00Z", 3600},
    {"Europe/Berlin", "1945-06-15T00:00:00Z", 10800}, /* double summer time */
    {"Europe/Berlin", "1945-05-23T23:59:59.999999Z", 7200},
    {"Europe/Berlin", "1945-05-24T00:00:00Z", 10800},
    {"Europe/Berlin", "2099-07-01", 7200},
    {"Europe/Berlin", "2100-07-01", 7200},
    {"Europe/Berlin", "2101-01-01", 3600},
    {"Europe/Berlin", "9999-07-01", 7200},
    {"America/New_York", "2026-03-08T06:59:59Z", -18000},
    {"America/New_York", "2026-03-08T07:00:00Z", -14400},
    {"America/New_York", "2026-11-01T05:59:59Z", -14400},
    {"America/New_York", "2026-11-01T06:00:00Z", -18000},
    {"America/New_York", "2150-07-01", -14400},
    {"Australia/Lord_Howe", "2026-01-01", 39600},
    {"Australia/Lord_Howe", "2026-04-04T14:59:59Z", 39600},
    {"Australia/Lord_Howe", "2026-04-04T15:00:00Z", 37800},
    {"Australia/Lord_Howe", "2026-10-03T15:29:59Z", 37800},
    {"Australia/Lord_Howe", "2026-10-03T15:30:00Z", 39600},
    {"Australia/Lord_Howe", "2151-01-01", 39600}, /* a summer over New Year, by the rule */
    {"Australia/Lord_Howe", "2151-07-01", 37800},
    {"America/Nuuk", "2150-07-01", -3600}, /* a jump on the evening before: M3.5.0/-1 */
    {"Pacific/Apia", "2011-12-30T09:59:59Z", -36000},
    {"Pacific/Apia", "2011-12-30T10:00:00Z", 50400}, /* over the date line */
};

static void knows_offsets(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(offsets); i++) {
        struct zone *z = zone_of_machine(offsets[i].zone);
        if (!z) continue;
        int64_t is = zone_offset_s(z, moment(offsets[i].at));
        if (is != offsets[i].offset_s) fail_msg("%s %s: %lld", offsets[i].zone, offsets[i].at, (long long)is);
        zone_drop(z);
    }
}

static const struct {
    const char *zone;
    int year, month, day, hour, minute;
    const char *at;
} clocks[] = {
    {"UTC", 2026, 11, 21, 10, 15, "2026-11-21T10:15Z"},
    {"Asia/Kolkata", 2026, 11, 21, 0, 0, "2026-11-20T18:30Z"},
    {"Europe/Berlin", 2026, 1, 1, 0, 0, "2025-12-31T23:00Z"},
    {"Europe/Berlin", 2026, 3, 29, 1, 59, "2026-03-29T00:59Z"},
    {"Europe/Berlin", 2026, 3, 29, 2, 0, "2026-03-29T01:00Z"}, /* left out: the jump */
    {"Europe/Berlin", 2026, 3, 29, 2, 59, "2026-03-29T01:00Z"},
    {"Europe/Berlin", 2026, 3, 29, 3, 0, "2026-03-29T01:00Z"},
    {"Europe/Berlin", 2026, 10, 25, 2, 0, "2026-10-25T00:00Z"}, /* doubled: the first */
    {"Europe/Berlin", 2026, 10, 25, 2, 59, "2026-10-25T00:59Z"},
    {"Europe/Berlin", 2026, 10, 25, 3, 0, "2026-10-25T02:00Z"},
    {"Europe/Berlin", 2150, 7, 1, 12, 0, "2150-07-01T10:00Z"},
    {"America/New_York", 2026, 3, 8, 2, 30, "2026-03-08T07:00Z"},
    {"America/New_York", 2026, 11, 1, 1, 30, "2026-11-01T05:30Z"},
    {"Australia/Lord_Howe", 2026, 10, 4, 2, 15, "2026-10-03T15:30Z"}, /* half an hour left out */
    {"Australia/Lord_Howe", 2026, 4, 5, 1, 45, "2026-04-04T14:45Z"},
    {"Australia/Lord_Howe", 2026, 4, 5, 2, 0, "2026-04-04T15:30Z"},
    {"Pacific/Apia", 2011, 12, 30, 12, 0, "2011-12-30T10:00Z"}, /* a day that never was */
    {"Pacific/Apia", 2011, 12, 31, 0, 0, "2011-12-30T10:00Z"},
    {"America/Havana", 2026, 11, 1, 0, 0, "2026-11-01T04:00Z"}, /* midnight twice */
    {"America/Havana", 2026, 3, 8, 0, 0, "2026-03-08T05:00Z"},  /* midnight left out */
};

static void reads_clocks(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(clocks); i++) {
        struct zone *z = zone_of_machine(clocks[i].zone);
        if (!z) continue;
        int64_t at_us =
            zone_from_civil(z, clocks[i].year, clocks[i].month, clocks[i].day, clocks[i].hour, clocks[i].minute);
        char text[40];
        if (at_us != moment(clocks[i].at)) {
            fail_msg("row %zu: %s %s, expected %s", i, clocks[i].zone, time_format(at_us, text).p, clocks[i].at);
        }
        zone_drop(z);
    }
}

static bool same_clock(int64_t at_s, const struct tm *tm)
{
    time_t t = (time_t)at_s;
    struct tm other;
    localtime_r(&t, &other);
    return other.tm_year == tm->tm_year && other.tm_yday == tm->tm_yday && other.tm_hour == tm->tm_hour &&
           other.tm_min == tm->tm_min;
}

/* The offset is libc's; the way back finds the first moment that shows the same clocks. */
static void check_against_libc(const struct zone *z, const char *name, int64_t at_s)
{
    static const int steps_back_s[] = {1800, 3600, 7200};
    time_t t = (time_t)at_s;
    struct tm tm;
    assert_non_null(localtime_r(&t, &tm));
    int64_t offset_s = zone_offset_s(z, at_s * US_PER_SECOND);
    if (offset_s != tm.tm_gmtoff) {
        fail_msg("%s at %lld: %lld, libc has %ld", name, (long long)at_s, (long long)offset_s, tm.tm_gmtoff);
    }
    struct tm copy = tm;
    int64_t libc_s = (int64_t)mktime(&copy) - tm.tm_sec; /* one of the two, where a time is doubled */
    int64_t minute_s = at_s - tm.tm_sec;
    int64_t back_s =
        zone_from_civil(z, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min) / US_PER_SECOND;
    int64_t first_s = minute_s;
    for (size_t i = 0; i < COUNT_OF(steps_back_s); i++) {
        if (same_clock(minute_s - steps_back_s[i], &tm)) first_s = minute_s - steps_back_s[i];
    }
    if (back_s != first_s || back_s > libc_s || !same_clock(libc_s, &tm))
        fail_msg("%s at %lld: %lld back", name, (long long)at_s, (long long)(back_s - first_s));
}

static const char *const judged[] = {
    "UTC",          "Europe/Berlin",     "America/New_York", "Asia/Kolkata",      "Australia/Lord_Howe",
    "America/Nuuk", "Africa/Casablanca", "Asia/Tehran",      "America/Sao_Paulo", "Europe/Dublin",
    "Asia/Gaza",    "Pacific/Auckland",
};

static void agrees_with_libc(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 3);
    for (size_t k = 0; k < COUNT_OF(judged); k++) {
        struct zone *z = zone_of_machine(judged[k]);
        if (!z) continue;
        setenv("TZ", judged[k], 1);
        tzset();
        int64_t from_s = moment("1970-02-01") / US_PER_SECOND, until_s = moment("2199-12-01") / US_PER_SECOND;
        for (int i = 0; i < 4000; i++) {
            check_against_libc(z, judged[k], from_s + (int64_t)rng_below(&rng, (uint64_t)(until_s - from_s)));
        }
        /* Close to every jump, where it is hard: found by walking libc's offset in steps of six hours. */
        long last_s = 0;
        for (int64_t at_s = from_s; at_s < until_s; at_s += 6 * 3600) {
            time_t t = (time_t)at_s;
            struct tm tm;
            localtime_r(&t, &tm);
            bool jumped = at_s > from_s && tm.tm_gmtoff != last_s;
            last_s = tm.tm_gmtoff;
            for (int i = 0; jumped && i < 40; i++) {
                check_against_libc(z, judged[k], at_s - (int64_t)rng_below(&rng, 9 * 3600) + 3600);
            }
        }
        zone_drop(z);
    }
    unsetenv("TZ");
    tzset();
}

static void follows_rules(void **state)
{
    (void)state;
    static const struct {
        str rule;
        const char *at;
        int64_t offset_s;
    } rows[] = {
        {STR_INIT(""), "2150-01-01", 7200}, /* the last known offset */
        {STR_INIT("AAA-3"), "2150-01-01", 10800},
        {STR_INIT("AAA-3"), "2001-09-09T01:46:39Z", 3600}, /* the second before the jump */
        {STR_INIT("<+0330>-3:30"), "2150-01-01", 12600},
        {STR_INIT("<-0030>+0:30:15"), "2150-01-01", -1815},
        {STR_INIT("AAA5BBB,M3.2.0,M11.1.0"), "2150-03-08T06:59:59Z", -18000},
        {STR_INIT("AAA5BBB,M3.2.0,M11.1.0"), "2150-03-08T07:00:00Z", -14400},
        {STR_INIT("AAA5BBB,M3.2.0,M11.1.0"), "2150-11-01T05:59:59Z", -14400},
        {STR_INIT("AAA5BBB,M3.2.0,M11.1.0"), "2150-11-01T06:00:00Z", -18000},
        {STR_INIT("AAA0BBB-2,M1.5.6,M12.5.1/3"), "2150-07-01", 7200},
        {STR_INIT("AAA0BBB,J59/0,J60/0"), "2152-02-28T00:00:00Z", 3600}, /* day 60 is the first of March in */
        {STR_INIT("AAA0BBB,J59/0,J60/0"), "2152-02-29T22:59:59Z", 3600}, /* every year, leap or not */
        {STR_INIT("AAA0BBB,J59/0,J60/0"), "2152-02-29T23:00:00Z", 0},
        {STR_INIT("AAA0BBB,J59/0,J60/0"), "2151-02-28T22:59:59Z", 3600},
        {STR_INIT("AAA0BBB,J59/0,J60/0"), "2151-02-28T23:00:00Z", 0},
        {STR_INIT("AAA0BBB,58/0,59/0"), "2152-02-28T00:00:00Z", 3600}, /* the 59th day, the leap day counted */
        {STR_INIT("AAA0BBB,58/0,59/0"), "2152-02-28T22:59:59Z", 3600},
        {STR_INIT("AAA0BBB,58/0,59/0"), "2152-02-28T23:00:00Z", 0},
        {STR_INIT("AAA0BBB,M4.1.0/-24,M10.1.0/167"), "2150-04-04T00:00:00Z", 3600},
        {STR_INIT("AAA0BBB,M4.1.0/-24,M10.1.0/167"), "2150-04-03T23:59:59Z", 0},
        {STR_INIT("AAA0BBB,M4.1.0/-24,M10.1.0/167"), "2150-10-10T21:59:59Z", 3600},
        {STR_INIT("AAA0BBB,M4.1.0/-24,M10.1.0/167"), "2150-10-10T22:00:00Z", 0},
        {STR_INIT("XXX3EDT4,0/0,J365/23"), "2150-12-31T23:00:00Z", -14400}, /* all the year (RFC 8536, 3.3.1) */
        {STR_INIT("XXX3EDT4,0/0,J365/23"), "2151-01-01T03:00:00Z", -14400},
        {STR_INIT("XXX3EDT4,0/0,J365/23"), "2151-07-01T03:00:00Z", -14400},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf b;
        buf_init(&b, 0);
        put_tzif(&b, rows[i].rule);
        struct zone *z = zone_new(buf_str(&b));
        if (!z) fail_msg("%s is refused", rows[i].rule.p);
        int64_t is = zone_offset_s(z, moment(rows[i].at));
        if (is != rows[i].offset_s) fail_msg("row %zu: %s %s: %lld", i, rows[i].rule.p, rows[i].at, (long long)is);
        zone_drop(z);
        buf_free(&b);
    }
}

static void refuses_rules(void **state)
{
    (void)state;
    static const str rules[] = {
        STR_INIT("A"),
        STR_INIT("AA3"),
        STR_INIT("AAA"),
        STR_INIT("AAA25"),
        STR_INIT("AAA3:60"),
        STR_INIT("AAA3:00:60"),
        STR_INIT("<AAA3"),
        STR_INIT("<+3>"),
        STR_INIT("AAA3BBB"),
        STR_INIT("AAA3BBB,M3"),
        STR_INIT("AAA3BBB,M3.2.0"),
        STR_INIT("AAA3BBB,M13.2.0,M11.1.0"),
        STR_INIT("AAA3BBB,M0.2.0,M11.1.0"),
        STR_INIT("AAA3BBB,M3.6.0,M11.1.0"),
        STR_INIT("AAA3BBB,M3.0.0,M11.1.0"),
        STR_INIT("AAA3BBB,M3.2.7,M11.1.0"),
        STR_INIT("AAA3BBB,J0,J365"),
        STR_INIT("AAA3BBB,J1,J366"),
        STR_INIT("AAA3BBB,0,366"),
        STR_INIT("AAA3BBB,0,365/168"),
        STR_INIT("AAA3BBB,0,365,"),
        STR_INIT("AAA3BBB,0,365 "),
        STR_INIT(":Europe/Berlin"),
    };
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        struct buf b;
        buf_init(&b, 0);
        put_tzif(&b, rules[i]);
        struct zone *z = zone_new(buf_str(&b));
        if (z) fail_msg("%s is accepted", rules[i].p);
        buf_free(&b);
    }
}

/* Every truncation is refused, and no flipped byte does harm: offsets stay in range, lookups end. */
static void survives_bad_files(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    put_tzif(&b, S("AAA5BBB,M3.2.0,M11.1.0"));
    for (size_t n = 0; n < b.n; n++) assert_null(zone_new(str_of(b.p, n)));
    for (size_t at = 0; at < b.n; at++) {
        for (int bit = 0; bit < 8; bit++) {
            b.p[at] ^= (char)(1 << bit);
            struct zone *z = zone_new(buf_str(&b));
            if (z) {
                static const int years[] = {-290000, 1, 1970, 2001, 2026, 2099, 2100, 2300, 253000, 254000, 290000};
                for (size_t i = 0; i < COUNT_OF(years); i++) {
                    int64_t at_us = zone_from_civil(z, years[i], 2, 29, 2, 30);
                    int64_t offset_s = zone_offset_s(z, at_us);
                    assert_true(offset_s >= -89999 && offset_s <= 93599);
                }
                zone_drop(z);
            }
            b.p[at] ^= (char)(1 << bit);
        }
    }
    b.p[4] = 0; /* version 1 has no 64-bit table */
    assert_null(zone_new(buf_str(&b)));
    buf_clear(&b);
    put_tzif_header(&b, '2', 0, 0, 0);
    buf_add(&b, S("AAA\0"));
    put_tzif_header(&b, '2', 0, 0, 0); /* not one type */
    buf_add(&b, S("AAA\0\n\n"));
    assert_null(zone_new(buf_str(&b)));
    buf_clear(&b);
    put_tzif_header(&b, '2', 0, 0, 0);
    buf_add(&b, S("AAA\0"));
    put_tzif_header(&b, '2', 1, 0, 1); /* one leap second */
    buf_add(&b, S("\0\0\0\0\0\0AAA\0\0\0\0\0\0\0\0\0\0\0\0\1\n\n"));
    assert_null(zone_new(buf_str(&b)));
    buf_free(&b);
    static const struct tzif_jump bad[][2] = {
        {{1000, 0}, {2000, 2}}, /* a type there is not */
        {{1000, 0}, {1000, 1}}, /* not ascending */
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        buf_init(&b, 0);
        put_tzif_jumps(&b, bad[i], 2, S(""));
        assert_null(zone_new(buf_str(&b)));
        buf_free(&b);
    }
    assert_null(zone_new(STR_NONE));
    assert_null(zone_new(S("UTC")));
    zone_drop(NULL);
}

static void keeps_utc(void **state)
{
    (void)state;
    struct zone *utc = zone_new_utc();
    static const int64_t moments[] = {INT64_MIN, -1, 0, 1795256130123456, INT64_MAX};
    for (size_t i = 0; i < COUNT_OF(moments); i++) {
        assert_int_equal(zone_offset_s(utc, moments[i]), 0);
        assert_int_equal(zone_offset_s(NULL, moments[i]), 0);
    }
    assert_int_equal(zone_from_civil(utc, 2026, 11, 21, 10, 15), 1795256100000000);
    assert_int_equal(zone_from_civil(NULL, 2026, 11, 21, 10, 15), 1795256100000000);
    assert_int_equal(zone_from_civil(NULL, INT64_MAX, 1, 1, 0, 0), INT64_MAX);
    assert_int_equal(zone_from_civil(NULL, INT64_MIN, 1, 1, 0, 0), INT64_MIN);
    zone_drop(utc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_offsets), cmocka_unit_test(reads_clocks),  cmocka_unit_test(agrees_with_libc),
        cmocka_unit_test(follows_rules), cmocka_unit_test(refuses_rules), cmocka_unit_test(survives_bad_files),
        cmocka_unit_test(keeps_utc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
