/* Where windows begin and end, on days that jump and on those that do not. */
#include "base/rng.h"
#include "base/time.h"
#include "zones.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static int64_t moment(const char *text)
{
    int64_t at_us;
    if (!time_parse(str_from(text), &at_us)) fail_msg("%s", text);
    return at_us;
}

static void parses(void **state)
{
    (void)state;
    static const struct {
        str text;
        bool ok;
        enum window_kind kind;
        int64_t rolling_us;
    } rows[] = {
        {STR_INIT("minute"), true, WINDOW_MINUTE, 0},
        {STR_INIT("hour"), true, WINDOW_HOUR, 0},
        {STR_INIT("day"), true, WINDOW_DAY, 0},
        {STR_INIT("week"), true, WINDOW_WEEK, 0},
        {STR_INIT("month"), true, WINDOW_MONTH, 0},
        {STR_INIT("total"), true, WINDOW_TOTAL, 0},
        {STR_INIT("24h"), true, WINDOW_ROLLING, 86400000000},
        {STR_INIT("1s"), true, WINDOW_ROLLING, 1000000},
        {STR_INIT("90m"), true, WINDOW_ROLLING, 5400000000},
        {STR_INIT("3660d"), true, WINDOW_ROLLING, 316224000000000},
        {STR_INIT("3661d"), false, 0, 0},
        {STR_INIT("999ms"), false, 0, 0},
        {STR_INIT("0"), false, 0, 0},
        {STR_INIT("Day"), false, 0, 0},
        {STR_INIT("days"), false, 0, 0},
        {STR_INIT("24"), false, 0, 0},
        {STR_INIT(""), false, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct window w;
        memset(&w, 0xff, sizeof(w));
        bool ok = window_parse(rows[i].text, &w);
        if (ok != rows[i].ok) fail_msg("%s: %d", rows[i].text.p, ok);
        if (!ok) continue;
        assert_int_equal(w.kind, rows[i].kind);
        assert_int_equal(w.rolling_us, rows[i].rolling_us);
        assert_null(w.zone);
    }
}

static const struct {
    const char *zone; /* NULL: none */
    enum window_kind kind;
    const char *at, *start, *end;
} rows[] = {
    {NULL, WINDOW_MINUTE, "2026-11-21T10:15:30.5Z", "2026-11-21T10:15Z", "2026-11-21T10:16Z"},
    {NULL, WINDOW_HOUR, "2026-11-21T10:15:30.5Z", "2026-11-21T10:00Z", "2026-11-21T11:00Z"},
    {NULL, WINDOW_DAY, "2026-11-21T10:15:30.5Z", "2026-11-21", "2026-11-22"},
    {NULL, WINDOW_DAY, "2026-11-21", "2026-11-21", "2026-11-22"},
    {NULL, WINDOW_DAY, "2026-11-21T23:59:59.999999Z", "2026-11-21", "2026-11-22"},
    {NULL, WINDOW_WEEK, "2026-11-21T10:15Z", "2026-11-16", "2026-11-23"}, /* a Saturday */
    {NULL, WINDOW_WEEK, "2026-11-22T23:59Z", "2026-11-16", "2026-11-23"},
    {NULL, WINDOW_WEEK, "2026-11-23", "2026-11-23", "2026-11-30"},
    {NULL, WINDOW_WEEK, "2027-01-01", "2026-12-28", "2027-01-04"},
    {NULL, WINDOW_MONTH, "2026-11-21T10:15Z", "2026-11-01", "2026-12-01"},
    {NULL, WINDOW_MONTH, "2026-12-31T23:59Z", "2026-12-01", "2027-01-01"},
    {NULL, WINDOW_MONTH, "2028-02-29T12:00Z", "2028-02-01", "2028-03-01"},
    {NULL, WINDOW_DAY, "1969-12-31T12:00Z", "1969-12-31", "1970-01-01"},
    {NULL, WINDOW_HOUR, "1969-12-31T23:59:59.999999Z", "1969-12-31T23:00Z", "1970-01-01"},
    {"Asia/Kolkata", WINDOW_HOUR, "2026-11-21T10:15Z", "2026-11-21T09:30Z", "2026-11-21T10:30Z"},
    {"Asia/Kolkata", WINDOW_DAY, "2026-11-21T18:29Z", "2026-11-20T18:30Z", "2026-11-21T18:30Z"},
    {"Asia/Kolkata", WINDOW_DAY, "2026-11-21T18:30Z", "2026-11-21T18:30Z", "2026-11-22T18:30Z"},
    {"Asia/Kolkata", WINDOW_MONTH, "2026-11-30T18:30Z", "2026-11-30T18:30Z", "2026-12-31T18:30Z"},
    /* days of 23 and 25 hours, a week and a month with one in them */
    {"Europe/Berlin", WINDOW_DAY, "2026-03-29T12:00Z", "2026-03-28T23:00Z", "2026-03-29T22:00Z"},
    {"Europe/Berlin", WINDOW_DAY, "2026-10-25T12:00Z", "2026-10-24T22:00Z", "2026-10-25T23:00Z"},
    {"Europe/Berlin", WINDOW_WEEK, "2026-03-29T12:00Z", "2026-03-22T23:00Z", "2026-03-29T22:00Z"},
    {"Europe/Berlin", WINDOW_MONTH, "2026-10-10T12:00Z", "2026-09-30T22:00Z", "2026-10-31T23:00Z"},
    {"Europe/Berlin", WINDOW_MONTH, "2150-07-10T12:00Z", "2150-06-30T22:00Z", "2150-07-31T22:00Z"},
    /* a doubled hour is two windows, one that is left out none */
    {"Europe/Berlin", WINDOW_HOUR, "2026-10-25T00:30Z", "2026-10-25T00:00Z", "2026-10-25T01:00Z"},
    {"Europe/Berlin", WINDOW_HOUR, "2026-10-25T01:30Z", "2026-10-25T01:00Z", "2026-10-25T02:00Z"},
    {"Europe/Berlin", WINDOW_HOUR, "2026-03-29T01:30Z", "2026-03-29T01:00Z", "2026-03-29T02:00Z"},
    {"America/New_York", WINDOW_DAY, "2026-03-08T12:00Z", "2026-03-08T05:00Z", "2026-03-09T04:00Z"},
    {"America/New_York", WINDOW_DAY, "2026-11-01T12:00Z", "2026-11-01T04:00Z", "2026-11-02T05:00Z"},
    {"America/New_York", WINDOW_DAY, "2026-11-21T04:59:59Z", "2026-11-20T05:00Z", "2026-11-21T05:00Z"},
    /* a day of 24.5 hours; half hours around the jumps */
    {"Australia/Lord_Howe", WINDOW_DAY, "2026-04-04T20:00Z", "2026-04-04T13:00Z", "2026-04-05T13:30Z"},
    {"Australia/Lord_Howe", WINDOW_HOUR, "2026-04-04T14:30Z", "2026-04-04T14:00Z", "2026-04-04T15:00Z"},
    {"Australia/Lord_Howe", WINDOW_HOUR, "2026-04-04T15:10Z", "2026-04-04T15:00Z", "2026-04-04T15:30Z"},
    {"Australia/Lord_Howe", WINDOW_HOUR, "2026-10-03T15:40Z", "2026-10-03T15:30Z", "2026-10-03T16:00Z"},
    /* midnight left out, midnight twice, a day left out, midnight gone back over */
    {"America/Havana", WINDOW_DAY, "2026-03-08T12:00Z", "2026-03-08T05:00Z", "2026-03-09T04:00Z"},
    {"America/Havana", WINDOW_DAY, "2026-11-01T05:30Z", "2026-11-01T04:00Z", "2026-11-02T05:00Z"},
    {"Pacific/Apia", WINDOW_DAY, "2011-12-30T09:00Z", "2011-12-29T10:00Z", "2011-12-30T10:00Z"},
    {"Pacific/Apia", WINDOW_DAY, "2011-12-30T11:00Z", "2011-12-30T10:00Z", "2011-12-31T10:00Z"},
    {"America/St_Johns", WINDOW_DAY, "2010-11-07T02:29Z", "2010-11-06T02:30Z", "2010-11-07T02:30Z"},
    {"America/St_Johns", WINDOW_DAY, "2010-11-07T02:45Z", "2010-11-07T02:30Z", "2010-11-08T03:30Z"},
    {"America/St_Johns", WINDOW_DAY, "2010-11-07T12:00Z", "2010-11-07T02:30Z", "2010-11-08T03:30Z"},
};

static void begins_and_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct zone *z = rows[i].zone ? zone_of_machine(rows[i].zone) : NULL;
        if (rows[i].zone && !z) continue;
        struct window w = {.kind = rows[i].kind, .zone = z};
        int64_t at_us = moment(rows[i].at), start = window_start(&w, at_us), end = window_end(&w, at_us);
        char a[40], b[40];
        if (start != moment(rows[i].start) || end != moment(rows[i].end)) {
            fail_msg("row %zu, %s: %s to %s, expected %s to %s", i, rows[i].at, time_format(start, a).p,
                     time_format(end, b).p, rows[i].start, rows[i].end);
        }
        zone_drop(z);
    }
}

/* Windows tile the time: each holds its moment, begins where the last one ended, and
 * every moment of it says the same. */
static void check_tile(const struct window *w, int64_t at_us, struct rng *rng)
{
    int64_t start = window_start(w, at_us), end = window_end(w, at_us);
    char a[40];
    if (start > at_us || end <= at_us) fail_msg("kind %d at %s", (int)w->kind, time_format(at_us, a).p);
    int64_t inside = start + (int64_t)rng_below(rng, (uint64_t)(end - start));
    const int64_t same[] = {start, inside, end - 1};
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        if (window_start(w, same[i]) != start || window_end(w, same[i]) != end) {
            fail_msg("kind %d at %s", (int)w->kind, time_format(same[i], a).p);
        }
    }
    assert_int_equal(window_start(w, end), end);
    assert_int_equal(window_end(w, start - 1), start);
}

static void tiles_the_time(void **state)
{
    (void)state;
    static const char *const zones[] = {NULL,           "Europe/Berlin",       "America/New_York", "Asia/Kolkata",
                                        "Pacific/Apia", "Australia/Lord_Howe", "America/St_Johns", "America/Havana",
                                        "America/Nuuk", "Africa/Casablanca"};
    struct rng rng;
    rng_seed(&rng, 4);
    for (size_t k = 0; k < COUNT_OF(zones); k++) {
        struct zone *z = zones[k] ? zone_of_machine(zones[k]) : NULL;
        if (zones[k] && !z) continue;
        for (int i = 0; i < 3000; i++) {
            int64_t at_us = (int64_t)rng_below(&rng, (uint64_t)moment("2200-01-01"));
            for (enum window_kind kind = WINDOW_MINUTE; kind <= WINDOW_MONTH; kind++) {
                check_tile(&(struct window){.kind = kind, .zone = z}, at_us, &rng);
            }
        }
        /* every half hour of five years, where the jumps are */
        for (int64_t at_us = moment("2008-01-01"); at_us < moment("2013-01-01"); at_us += US_PER_HOUR / 2) {
            check_tile(&(struct window){.kind = WINDOW_HOUR, .zone = z}, at_us, &rng);
            check_tile(&(struct window){.kind = WINDOW_DAY, .zone = z}, at_us, &rng);
        }
        zone_drop(z);
    }
}

static void rolls(void **state)
{
    (void)state;
    struct window w = {.kind = WINDOW_ROLLING, .rolling_us = 24 * US_PER_HOUR};
    int64_t at_us = moment("2026-11-21T10:15:30Z");
    assert_int_equal(window_step_us(&w), US_PER_HOUR / 2);
    assert_int_equal(window_start(&w, at_us), moment("2026-11-21T10:00Z"));
    assert_int_equal(window_end(&w, at_us), moment("2026-11-22T10:00Z"));
    assert_int_equal(window_start(&w, moment("2026-11-21T10:30Z")), moment("2026-11-21T10:30Z"));
    assert_int_equal(window_start(&w, moment("2026-11-21T10:29:59.999999Z")), moment("2026-11-21T10:00Z"));
    assert_int_equal(window_start(&w, -1), -US_PER_HOUR / 2);
    /* a length that 48 does not divide: the steps are never too short together */
    w.rolling_us = US_PER_SECOND;
    assert_int_equal(window_step_us(&w), 20834);
    assert_int_equal(window_start(&w, 20833), 0);
    assert_int_equal(window_start(&w, 20834), 20834);
    assert_true(window_end(&w, 0) >= US_PER_SECOND);
    w.kind = WINDOW_DAY;
    assert_int_equal(window_step_us(&w), 0);
}

/* A jump that changes only the zone's name does not cut the hour it falls into. */
static void ignores_new_names(void **state)
{
    (void)state;
    static const struct tzif_jump jumps[] = {{1000000000, 1}, {1000001800, 1}, {1000009999, 0}};
    struct buf b;
    buf_init(&b, 0);
    put_tzif_jumps(&b, jumps, 3, S("AAA-1"));
    struct zone *z = zone_new(buf_str(&b));
    assert_non_null(z);
    struct window w = {.kind = WINDOW_HOUR, .zone = z};
    assert_int_equal(window_start(&w, 1000001850 * US_PER_SECOND), 1000000800 * US_PER_SECOND);
    assert_int_equal(window_end(&w, 1000001750 * US_PER_SECOND), 1000004400 * US_PER_SECOND);
    zone_drop(z);
    buf_free(&b);
}

static void has_totals_and_ends_of_time(void **state)
{
    (void)state;
    struct zone *z = zone_of_machine("Europe/Berlin");
    struct window w = {.kind = WINDOW_TOTAL, .zone = z};
    assert_int_equal(window_start(&w, moment("2026-11-21")), 0);
    assert_int_equal(window_end(&w, moment("2026-11-21")), INT64_MAX);
    static const int64_t moments[] = {INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < COUNT_OF(moments); i++) {
        for (w.kind = WINDOW_MINUTE; w.kind <= WINDOW_ROLLING; w.kind++) {
            w.rolling_us = US_PER_HOUR;
            assert_true(window_start(&w, moments[i]) < window_end(&w, moments[i]));
        }
    }
    zone_drop(z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses), cmocka_unit_test(begins_and_ends),   cmocka_unit_test(tiles_the_time),
        cmocka_unit_test(rolls),  cmocka_unit_test(ignores_new_names), cmocka_unit_test(has_totals_and_ends_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
