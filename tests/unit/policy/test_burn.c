/* Burn rates: when both windows are above, when that ends, and that the sums are those of a list of all spending. */
#include "policy/burn.h"

#include "help.h"

#include "base/rng.h"

#include <stdio.h>

struct fixture {
    struct burns *b;
    struct budget_rule rule;
    struct burn_state s; /* the last one */
    int64_t now_us;
};

/* $72 a day are $3 an hour; ten times that is $30 within an hour, $2.5 within five minutes. */
static struct fixture begin(void)
{
    struct fixture f = {.b = burns_new(TEST_KEY, 1000), .now_us = NOON};
    f.rule = money_rule(S("day"), 7200 * CENT, WINDOW_DAY);
    f.rule.burn = (struct burn_rule){.over_us = US_PER_HOUR, .rate_milli = 10000};
    return f;
}

static void end(struct fixture *f)
{
    burns_drop(f->b);
}

static bool spend(struct fixture *f, int64_t amount)
{
    burns_note(f->b, &f->rule, S(""), f->now_us, amount, &f->s);
    return f->s.burning;
}

static bool burns(struct fixture *f, str value)
{
    burns_look(f->b, &f->rule, value, f->now_us, &f->s);
    return f->s.burning;
}

static void restore(struct fixture *f, int64_t ago_us, int64_t amount, uint32_t restoring)
{
    const struct burn_past past = {S(""), f->now_us - ago_us, amount};
    burns_restore(f->b, &f->rule, &past, restoring);
}

static void test_it_takes_both_windows(void **state)
{
    (void)state;
    struct fixture f = begin();
    assert_false(spend(&f, 2900 * CENT)); /* a burst: the short window alone */
    assert_true(f.s.rate_short_milli > 100000 && f.s.rate_long_milli == 9666);
    f.now_us += 20 * US_PER_MINUTE;
    assert_false(spend(&f, 200 * CENT)); /* the long one alone: it has slowed down */
    assert_true(f.s.rate_long_milli > 10000 && f.s.rate_short_milli == 8000);
    assert_true(spend(&f, 100 * CENT));
    assert_true(f.s.began);
    assert_int_equal(f.s.spent_long, 3200 * CENT);
    assert_int_equal(f.s.spent_short, 300 * CENT);
    end(&f);
}

static void test_it_ends_by_itself(void **state)
{
    (void)state;
    struct fixture f = begin();
    for (int i = 0; i < 30; i++, f.now_us += US_PER_MINUTE) assert_false(spend(&f, 100 * CENT)); /* $30: not above */
    assert_true(spend(&f, 100 * CENT));
    int64_t ends_us = f.s.ends_us, from_us = f.now_us;
    assert_true(ends_us > from_us && ends_us <= from_us + 5 * US_PER_MINUTE);
    int64_t last_us = from_us;
    for (; burns(&f, S("")); f.now_us += US_PER_SECOND) last_us = f.now_us;
    assert_true(last_us < ends_us && ends_us - last_us <= 75 * US_PER_SECOND); /* told in steps of 75 s */
    assert_true(f.s.rate_long_milli > 10000);                                  /* the short window ended it */
    f.now_us += 2 * US_PER_HOUR;
    assert_false(burns(&f, S("")));
    assert_int_equal(f.s.spent_long, 0);
    end(&f);
}

/* Above for as long as the long window says so: what flaps in the short one is no news. */
static void test_it_is_told_once(void **state)
{
    (void)state;
    struct fixture f = begin();
    int told = 0, ended = 0;
    bool before = false;
    for (int i = 0; i < 300; i++, f.now_us += 10 * US_PER_SECOND) {
        bool now = burns(&f, S(""));
        told += f.s.began;
        ended += before && !now;
        if (!now) now = spend(&f, 100 * CENT); /* who is refused spends nothing */
        told += f.s.began;
        before = now;
    }
    assert_true(ended > 3);
    assert_int_equal(told, 1);
    f.now_us += 2 * US_PER_HOUR;
    assert_false(burns(&f, S("")));
    for (int i = 0; i < 40; i++) told += spend(&f, 100 * CENT) && f.s.began;
    assert_int_equal(told, 2);
    struct burn_state seen;
    f.now_us += 2 * US_PER_HOUR;
    burns_note(f.b, &f.rule, S(""), f.now_us, 1, &f.s);
    f.now_us += US_PER_SECOND;
    restore(&f, 0, 4000 * CENT, 1);
    burns_see(f.b, &f.rule, S(""), f.now_us, &seen); /* figures tell nobody */
    assert_true(seen.burning);
    assert_true(burns(&f, S("")) && f.s.began);
    end(&f);
}

static void test_counters_are_apart(void **state)
{
    (void)state;
    struct fixture f = begin();
    f.rule.scope.want[SCOPE_USER] = S("*");
    burns_note(f.b, &f.rule, S("user=ann"), f.now_us, 4000 * CENT, &f.s);
    assert_true(f.s.burning);
    assert_false(burns(&f, S("user=bob")));
    assert_true(burns(&f, S("user=ann")));
    struct budget_rule other = f.rule;
    other.name = S("other");
    burns_look(f.b, &other, S("user=ann"), f.now_us, &f.s);
    assert_false(f.s.burning);
    f.rule.burn.over_us = 2 * US_PER_HOUR; /* counts in steps of its own */
    assert_false(burns(&f, S("user=ann")));
    assert_int_equal(f.s.spent_long, 0);
    for (int i = 0; i < 5000; i++) { /* the longest unused goes first */
        char text[16];
        int n = snprintf(text, sizeof(text), "u%d", i);
        burns_note(f.b, &f.rule, str_of(text, (size_t)n), f.now_us, 1, &f.s);
    }
    burns_look(f.b, &f.rule, S("u0"), f.now_us, &f.s);
    assert_int_equal(f.s.spent_long, 0);
    burns_look(f.b, &f.rule, S("u4999"), f.now_us, &f.s);
    assert_int_equal(f.s.spent_long, 1);
    end(&f);
}

static void test_every_measure_and_window(void **state)
{
    (void)state;
    struct fixture f = begin();
    static const enum window_kind kinds[] = {WINDOW_MINUTE, WINDOW_HOUR, WINDOW_DAY, WINDOW_WEEK, WINDOW_MONTH};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        f.rule.name = S("other");
        f.rule.window.kind = kinds[i];
        f.rule.measure = BUDGET_REQUESTS;
        f.rule.limit = burn_window_us(&f.rule.window) / US_PER_SECOND; /* one a second */
        f.rule.burn = (struct burn_rule){.over_us = 12 * US_PER_SECOND, .rate_milli = 2000};
        f.now_us += US_PER_DAY;
        int n = 1;
        while (!spend(&f, 1)) n++;
        assert_int_equal(n, 25); /* more than two a second in twelve seconds */
    }
    f.rule.window = (struct window){.kind = WINDOW_ROLLING, .rolling_us = 6 * US_PER_HOUR};
    assert_int_equal(burn_window_us(&f.rule.window), 6 * US_PER_HOUR);
    f.rule.window = (struct window){.kind = WINDOW_TOTAL};
    assert_int_equal(burn_window_us(&f.rule.window), 0);
    f.rule = money_rule(S("nothing"), 0, WINDOW_DAY); /* a limit of nothing is refused anyway */
    f.rule.burn = (struct burn_rule){.over_us = US_PER_HOUR, .rate_milli = 10000};
    assert_false(spend(&f, CENT));
    f.rule.limit = INT64_MAX; /* numbers at their end */
    assert_true(spend(&f, INT64_MAX) && spend(&f, INT64_MAX));
    assert_int_equal(f.s.spent_long, INT64_MAX);
    end(&f);
}

static void test_clocks_that_jump(void **state)
{
    (void)state;
    struct fixture f = begin();
    assert_true(spend(&f, 4000 * CENT));
    f.now_us -= 10 * US_PER_MINUTE;
    assert_true(spend(&f, 1)); /* a little back: nothing is lost */
    f.now_us -= 30 * US_PER_DAY;
    assert_false(burns(&f, S(""))); /* far back: it begins anew, and does not burn for a month */
    f.now_us += 60 * US_PER_DAY;
    assert_false(burns(&f, S("")));
    end(&f);
}

static void test_the_past_is_restored(void **state)
{
    (void)state;
    struct fixture f = begin();
    for (int i = 59; i >= 0; i--) /* rows come in no order */
        restore(&f, (i * 7 % 60) * US_PER_MINUTE, i % 2 ? 100 * CENT : 0, 1);
    restore(&f, 2 * US_PER_HOUR, 9000 * CENT, 1); /* too old */
    assert_false(burns(&f, S("")));
    assert_true(f.s.spent_long > 2900 * CENT && f.s.spent_long <= 3000 * CENT);
    restore(&f, 3 * US_PER_MINUTE, 500 * CENT, 1);
    assert_true(burns(&f, S("")));
    spend(&f, 100 * CENT);
    restore(&f, 3 * US_PER_MINUTE, 500 * CENT, 2); /* a rule that was left out for a while */
    restore(&f, 0, 200 * CENT, 2);
    assert_false(burns(&f, S("")));
    assert_int_equal(f.s.spent_long, 700 * CENT);
    end(&f);
}

/* ---- against a list of all that was spent */

enum { SPENDINGS = 400 };

static int64_t within(const int64_t *at_us, const int64_t *amount, int n, int64_t from_us, int64_t to_us)
{
    int64_t all = 0;
    for (int i = 0; i < n; i++)
        if (at_us[i] > from_us && at_us[i] <= to_us) all += amount[i];
    return all;
}

static void test_sums_are_right(void **state)
{
    (void)state;
    int64_t at_us[SPENDINGS], amount[SPENDINGS];
    struct rng r;
    rng_seed(&r, 7);
    for (int round = 0; round < 20; round++) {
        struct fixture f = begin();
        int64_t step_us = burn_step_us(&f.rule.burn);
        for (int i = 0; i < SPENDINGS; i++) {
            f.now_us += (int64_t)rng_below(&r, (uint64_t)(round % 2 ? step_us : 20 * US_PER_SECOND));
            at_us[i] = f.now_us;
            amount[i] = (int64_t)rng_below(&r, CENT);
            spend(&f, amount[i]);
            /* exact but for the step that only in part belongs to it */
            int64_t over_us = f.rule.burn.over_us, part_us = over_us / BURN_SHORT_PART, now_us = f.now_us;
            assert_true(f.s.spent_long >= within(at_us, amount, i + 1, now_us - over_us + step_us, now_us));
            assert_true(f.s.spent_long <= within(at_us, amount, i + 1, now_us - over_us - step_us, now_us));
            assert_true(f.s.spent_short >= within(at_us, amount, i + 1, now_us - part_us + step_us, now_us));
            assert_true(f.s.spent_short <= within(at_us, amount, i + 1, now_us - part_us - step_us, now_us));
        }
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_takes_both_windows),    cmocka_unit_test(test_it_ends_by_itself),
        cmocka_unit_test(test_it_is_told_once),          cmocka_unit_test(test_counters_are_apart),
        cmocka_unit_test(test_every_measure_and_window), cmocka_unit_test(test_clocks_that_jump),
        cmocka_unit_test(test_the_past_is_restored),     cmocka_unit_test(test_sums_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
