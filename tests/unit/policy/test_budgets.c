/* Hold, post, void; verdicts and what they tell; windows; the past. */
#include "help.h"

#include <stdio.h>

struct fixture {
    struct budgets *b;
    struct budget_rules *rules;
};

static struct fixture begin(const struct budget_rule *rules, size_t count)
{
    return (struct fixture){budgets_new(TEST_KEY, 1000), budget_rules_new(rules, count, 7)};
}

static void end(struct fixture f)
{
    assert_int_equal(budgets_held(f.b), 0);
    budget_rules_drop(f.rules);
    budgets_drop(f.b);
}

static void test_hold_then_post(void **state)
{
    (void)state;
    struct budget_rule rule = money_rule(S("day"), 100 * CENT, WINDOW_DAY);
    struct fixture f = begin(&rule, 1);
    struct hold h;
    assert_int_equal(hold_at(f.b, f.rules, S("ann"), NOON, 60 * CENT, &h), BUDGET_HELD);
    assert_int_equal(h.count, 1);
    assert_int_equal(h.generation, 7);
    assert_int_equal(h.part[0].amount, 60 * CENT);
    assert_int_equal(h.part[0].key, budgets_cell_key(f.b, S("day"), S(""), NOON - NOON % US_PER_DAY));
    assert_int_equal(budgets_held(f.b), 60 * CENT);

    struct budget_amounts used = money(10 * CENT);
    assert_int_equal(budget_part_used(&h.part[0], &used), 10 * CENT);
    budget_post(f.b, &h, &used);
    struct seen seen = look(f.b, f.rules, NOON, S("day"), S(""));
    assert_int_equal(seen.found, 1);
    assert_int_equal(seen.state.spent, 10 * CENT);
    assert_int_equal(seen.state.held, 0);
    assert_int_equal(seen.state.window_start_us, NOON - NOON % US_PER_DAY);
    assert_int_equal(seen.state.resets_us, NOON - NOON % US_PER_DAY + US_PER_DAY);

    assert_int_equal(hold_at(f.b, f.rules, S("ann"), NOON, 90 * CENT, &h), BUDGET_HELD);
    budget_void(f.b, &h);
    assert_int_equal(look(f.b, f.rules, NOON, S("day"), S("")).state.spent, 10 * CENT);
    end(f);
}

static void test_an_alert_counts_and_refuses_nobody(void **state)
{
    (void)state;
    struct budget_rule rules[2] = {money_rule(S("alert"), 10 * CENT, WINDOW_DAY),
                                   money_rule(S("hard"), 100 * CENT, WINDOW_DAY)};
    rules[0].on_exceed = ON_EXCEED_ALERT;
    struct fixture f = begin(rules, 2);
    struct hold h;
    assert_int_equal(hold_at(f.b, f.rules, S("ann"), NOON, 60 * CENT, &h), BUDGET_HELD);
    struct budget_amounts used = money(60 * CENT);
    budget_post(f.b, &h, &used);
    assert_int_equal(look(f.b, f.rules, NOON, S("alert"), S("")).state.spent, 60 * CENT);
    assert_int_equal(hold_at(f.b, f.rules, S("ann"), NOON, 60 * CENT, &h), BUDGET_SPENT); /* the other holds */
    end(f);
}

static void test_refusal_tells_why(void **state)
{
    (void)state;
    struct budget_rule rules[2] = {money_rule(S("day"), 100 * CENT, WINDOW_DAY),
                                   money_rule(S("month"), 80 * CENT, WINDOW_MONTH)};
    rules[0].clamp = true;
    rules[0].wait_us = 3;
    rules[1].wait_us = 9;
    struct fixture f = begin(rules, 2);
    spend_at(f.b, f.rules, S("ann"), NOON, 30 * CENT);
    struct hold h, other;
    struct payer who = payer_user(S("ann"));
    struct budget_refusal why;
    assert_int_equal(hold_at(f.b, f.rules, S("ann"), NOON, 20 * CENT, &h), BUDGET_HELD);

    struct budget_ask ask = money_ask(&who, NOON, 51 * CENT); /* fits day's rest, not month's */
    assert_int_equal(budget_hold(f.b, f.rules, &ask, NULL, &other, &why), BUDGET_SPENT);
    assert_true(str_eq(why.rule->name, S("month")));
    assert_int_equal(why.left, 50 * CENT);
    assert_int_equal(why.free_now, 30 * CENT);
    assert_int_equal(why.all_left.of[BUDGET_MONEY], 50 * CENT);
    assert_int_equal(why.all_free.of[BUDGET_MONEY], 30 * CENT);
    assert_int_equal(why.all_left.of[BUDGET_TOKENS], INT64_MAX);
    assert_true(why.clamp);
    assert_int_equal(why.resets_us, time_from_civil(2026, 12, 1, 0, 0, 0));

    ask = money_ask(&who, NOON, 50 * CENT); /* exactly what is left, once the hold is gone */
    assert_int_equal(budget_hold(f.b, f.rules, &ask, NULL, &other, &why), BUDGET_WAIT);
    assert_true(str_eq(why.rule->name, S("month")));
    assert_int_equal(why.wait_us, 9);
    ask = money_ask(&who, NOON, 71 * CENT);
    assert_int_equal(budget_hold(f.b, f.rules, &ask, NULL, &other, &why), BUDGET_SPENT);
    assert_true(str_eq(why.rule->name, S("month"))); /* both refuse: the one that resets last is named */
    budget_void(f.b, &h);
    ask = money_ask(&who, NOON, 50 * CENT);
    assert_int_equal(budget_hold(f.b, f.rules, &ask, NULL, &other, &why), BUDGET_HELD);
    budget_void(f.b, &other);
    end(f);
}

static void test_all_or_none(void **state)
{
    (void)state;
    struct budget_rule rules[4] = {money_rule(S("a"), 100 * CENT, WINDOW_DAY),
                                   user_rule(S("b"), 100 * CENT, WINDOW_DAY),
                                   money_rule(S("c"), 100 * CENT, WINDOW_HOUR),
                                   money_rule(S("d"), 10 * CENT, WINDOW_TOTAL)};
    struct fixture f = begin(rules, 4);
    struct hold h, more;
    assert_int_equal(hold_at(f.b, f.rules, S("ann"), NOON, 8 * CENT, &h), BUDGET_HELD);
    assert_int_equal(budgets_held(f.b), 4 * 8 * CENT);
    assert_int_equal(hold_at(f.b, f.rules, S("ann"), NOON, 8 * CENT, &more), BUDGET_WAIT);
    assert_int_equal(hold_at(f.b, f.rules, S("ann"), NOON, 11 * CENT, &more), BUDGET_SPENT);
    assert_int_equal(budgets_held(f.b), 4 * 8 * CENT); /* nothing stayed in a, b and c */
    budget_void(f.b, &h);
    end(f);
}

static void test_post_above_hold(void **state)
{
    (void)state;
    struct budget_rule rule = money_rule(S("day"), 100 * CENT, WINDOW_DAY);
    struct fixture f = begin(&rule, 1);
    struct hold h;
    assert_int_equal(hold_at(f.b, f.rules, S(""), NOON, 90 * CENT, &h), BUDGET_HELD);
    struct budget_amounts used = money(130 * CENT);
    budget_post(f.b, &h, &used);
    struct seen seen = look(f.b, f.rules, NOON, S("day"), S(""));
    assert_int_equal(seen.state.spent, 130 * CENT);
    assert_int_equal(seen.state.held, 0);
    assert_int_equal(hold_at(f.b, f.rules, S(""), NOON, 0, &h), BUDGET_SPENT);
    end(f);
}

static void test_free_calls(void **state)
{
    (void)state;
    struct budget_rule rule = money_rule(S("day"), CENT, WINDOW_DAY);
    struct fixture f = begin(&rule, 1);
    struct hold h;
    spend_at(f.b, f.rules, S(""), NOON, CENT);
    assert_int_equal(hold_at(f.b, f.rules, S(""), NOON, 1, &h), BUDGET_SPENT);
    assert_int_equal(hold_at(f.b, f.rules, S(""), NOON, 0, &h), BUDGET_HELD); /* costs nothing, is not refused */
    budgets_sweep(f.b, f.rules, NOON + 10 * US_PER_DAY);                      /* its hold pins the cell */
    struct budget_amounts used = money(3);
    budget_post(f.b, &h, &used);
    assert_int_equal(look(f.b, f.rules, NOON, S("day"), S("")).state.spent, CENT + 3);
    end(f);

    rule.limit = 0;
    f = begin(&rule, 1);
    assert_int_equal(hold_at(f.b, f.rules, S(""), NOON, 0, &h), BUDGET_SPENT);
    assert_int_equal(hold_at(f.b, f.rules, S(""), NOON, 1, &h), BUDGET_SPENT);
    end(f);
}

static void test_counted_only(void **state)
{
    (void)state;
    struct budget_rule rule = money_rule(S("day"), CENT, WINDOW_DAY);
    rule.enforced = false;
    struct fixture f = begin(&rule, 1);
    spend_at(f.b, f.rules, S(""), NOON, 500 * CENT);
    struct hold h, top;
    assert_int_equal(hold_at(f.b, f.rules, S(""), NOON, PICOUSD_MAX, &h), BUDGET_HELD);
    assert_int_equal(hold_at(f.b, f.rules, S(""), NOON, PICOUSD_MAX, &top), BUDGET_HELD);
    struct budget_amounts used = money(CENT);
    budget_post(f.b, &h, &used);
    budget_void(f.b, &top);
    assert_int_equal(look(f.b, f.rules, NOON, S("day"), S("")).state.spent, 501 * CENT);
    end(f);
}

static void test_measures(void **state)
{
    (void)state;
    struct budget_rule rules[3] = {money_rule(S("usd"), 10, WINDOW_DAY), money_rule(S("tok"), 100, WINDOW_DAY),
                                   money_rule(S("req"), 2, WINDOW_DAY)};
    rules[1].measure = BUDGET_TOKENS;
    rules[2].measure = BUDGET_REQUESTS;
    struct fixture f = begin(rules, 3);
    struct payer who = {0};
    struct budget_ask ask = {.who = &who, .at_us = NOON, .amounts = {{4, 50, 1}}};
    struct budget_refusal why;
    struct hold a, b, c;
    assert_int_equal(budget_hold(f.b, f.rules, &ask, NULL, &a, &why), BUDGET_HELD);
    assert_int_equal(budget_hold(f.b, f.rules, &ask, NULL, &b, &why), BUDGET_HELD);
    assert_int_equal(budget_hold(f.b, f.rules, &ask, NULL, &c, &why), BUDGET_WAIT);
    budget_post(f.b, &a, &(struct budget_amounts){{1, 20, 1}});
    ask.amounts.of[BUDGET_TOKENS] = 10;
    assert_int_equal(budget_hold(f.b, f.rules, &ask, NULL, &c, &why), BUDGET_WAIT); /* two requests are out */
    assert_true(str_eq(why.rule->name, S("req")));
    budget_void(f.b, &b);
    assert_int_equal(budget_hold(f.b, f.rules, &ask, NULL, &c, &why), BUDGET_HELD);
    budget_post(f.b, &c, &(struct budget_amounts){{1, 10, 1}});
    assert_int_equal(look(f.b, f.rules, NOON, S("tok"), S("")).state.spent, 30);
    assert_int_equal(look(f.b, f.rules, NOON, S("req"), S("")).state.spent, 2);
    end(f);
}

static void test_window_rolls_over(void **state)
{
    (void)state;
    struct budget_rule rule = money_rule(S("hour"), 10 * CENT, WINDOW_HOUR);
    struct fixture f = begin(&rule, 1);
    struct hold late, h;
    struct budget_amounts used = money(7 * CENT);
    assert_int_equal(hold_at(f.b, f.rules, S(""), NOON + US_PER_HOUR - 1, 8 * CENT, &late), BUDGET_HELD);
    spend_at(f.b, f.rules, S(""), NOON + US_PER_HOUR, 10 * CENT); /* a window of its own */
    assert_int_equal(hold_at(f.b, f.rules, S(""), NOON + US_PER_HOUR, 1, &h), BUDGET_SPENT);
    budget_post(f.b, &late, &used); /* belongs to the hour in which it was admitted */
    assert_int_equal(look(f.b, f.rules, NOON, S("hour"), S("")).state.spent, 7 * CENT);
    assert_int_equal(look(f.b, f.rules, NOON + US_PER_HOUR, S("hour"), S("")).state.spent, 10 * CENT);
    end(f);
}

static void test_each_value_has_its_own(void **state)
{
    (void)state;
    struct budget_rule rules[2] = {user_rule(S("user"), 10 * CENT, WINDOW_DAY),
                                   money_rule(S("all"), 15 * CENT, WINDOW_DAY)};
    struct fixture f = begin(rules, 2);
    struct hold h;
    spend_at(f.b, f.rules, S("ann"), NOON, 10 * CENT);
    assert_int_equal(hold_at(f.b, f.rules, S("ann"), NOON, 1, &h), BUDGET_SPENT);
    spend_at(f.b, f.rules, S("bob"), NOON, 5 * CENT);
    assert_int_equal(hold_at(f.b, f.rules, S("bob"), NOON, 1, &h), BUDGET_SPENT); /* "all" is gone */
    assert_int_equal(look(f.b, f.rules, NOON, S("user"), S("user=ann")).state.spent, 10 * CENT);
    assert_int_equal(look(f.b, f.rules, NOON, S("user"), S("user=bob")).state.spent, 5 * CENT);
    end(f);
}

static void test_beyond_the_ceiling_others_share(void **state)
{
    (void)state;
    struct budget_rule rule = user_rule(S("user"), 10 * CENT, WINDOW_DAY);
    struct fixture f = {budgets_new(TEST_KEY, 2), budget_rules_new(&rule, 1, 1)};
    struct hold h;
    spend_at(f.b, f.rules, S("ann"), NOON, CENT);
    spend_at(f.b, f.rules, S("bob"), NOON, CENT);
    spend_at(f.b, f.rules, S("cid"), NOON, 6 * CENT);
    assert_int_equal(hold_at(f.b, f.rules, S("dee"), NOON, 5 * CENT, &h), BUDGET_SPENT);
    spend_at(f.b, f.rules, S("dee"), NOON, 4 * CENT);
    assert_int_equal(look(f.b, f.rules, NOON, S("user"), S("(other)")).state.spent, 10 * CENT);
    spend_at(f.b, f.rules, S("ann"), NOON, 9 * CENT);
    end(f);
}

static void test_past_is_restored(void **state)
{
    (void)state;
    struct budget_rule rule = user_rule(S("user"), 10 * CENT, WINDOW_DAY);
    struct fixture f = begin(&rule, 1);
    int64_t midnight = NOON - NOON % US_PER_DAY;
    uint64_t key = budgets_cell_key(f.b, S("user"), S("user=ann"), midnight);
    budgets_restore(f.b, key, S("user"), S("user=ann"), midnight, 4 * CENT);
    budgets_restore(f.b, key, S("user"), S("user=ann"), midnight, 3 * CENT);
    struct hold h;
    assert_int_equal(hold_at(f.b, f.rules, S("ann"), NOON, 4 * CENT, &h), BUDGET_SPENT);
    assert_int_equal(hold_at(f.b, f.rules, S("ann"), NOON, 3 * CENT, &h), BUDGET_HELD);
    assert_int_equal(h.part[0].key, key);
    budgets_forget(f.b, S("user")); /* what is held stays */
    assert_int_equal(look(f.b, f.rules, NOON, S("user"), S("user=ann")).state.spent, 0);
    assert_int_equal(budgets_held(f.b), 3 * CENT);
    budget_void(f.b, &h);
    end(f);
}

struct names {
    int count;
    uint64_t key;
    char text[200];
};

static void note_name(void *ctx, uint64_t key, str budget, str value, int64_t window_start_us)
{
    struct names *n = ctx;
    n->count++;
    n->key = key;
    snprintf(n->text, sizeof(n->text), "%.*s %.*s %lld", STR_ARG(budget), STR_ARG(value), (long long)window_start_us);
}

static void test_ledger_learns_names(void **state)
{
    (void)state;
    struct budget_rule rule = user_rule(S("user"), 10 * CENT, WINDOW_TOTAL);
    rule.cells = S("user.2");
    struct fixture f = begin(&rule, 1);
    struct payer who = payer_user(S("ann"));
    struct names names = {0};
    struct budget_ask ask = money_ask(&who, NOON, CENT);
    ask.made = note_name;
    ask.made_ctx = &names;
    struct budget_refusal why;
    struct hold h;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(budget_hold(f.b, f.rules, &ask, NULL, &h, &why), BUDGET_HELD);
        assert_int_equal(names.count, 1);
        assert_int_equal(names.key, h.part[0].key);
        budget_void(f.b, &h);
    }
    int64_t start = window_start(&rule.window, NOON);
    char expect[200];
    snprintf(expect, sizeof(expect), "user.2 user=ann %lld", (long long)start);
    assert_string_equal(names.text, expect);
    assert_int_equal(names.key, budgets_cell_key(f.b, S("user.2"), S("user=ann"), start));
    end(f);
}

static void test_more_than_a_call_may_have_is_refused(void **state)
{
    (void)state;
    struct budget_rule rules[BUDGETS_PER_CALL_MAX + 1];
    char names[BUDGETS_PER_CALL_MAX + 1][8];
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        int n = snprintf(names[i], sizeof(names[i]), "b%zu", i);
        rules[i] = money_rule(str_of(names[i], (size_t)n), CENT, WINDOW_DAY);
    }
    struct fixture f = begin(rules, COUNT_OF(rules));
    struct hold h;
    assert_int_equal(hold_at(f.b, f.rules, S("ann"), NOON, 1, &h), BUDGET_SPENT);
    end(f);
}

static void test_sweep(void **state)
{
    (void)state;
    struct budget_rule rule = user_rule(S("user"), 10 * CENT, WINDOW_MINUTE);
    struct fixture f = {budgets_new(TEST_KEY, 2), budget_rules_new(&rule, 1, 1)};
    struct hold h;
    spend_at(f.b, f.rules, S("ann"), NOON, 5 * CENT);
    assert_int_equal(hold_at(f.b, f.rules, S("bob"), NOON, 5 * CENT, &h), BUDGET_HELD);
    budgets_sweep(f.b, f.rules, NOON + US_PER_MINUTE); /* a late retry may still come */
    assert_int_equal(look(f.b, f.rules, NOON, S("user"), S("user=ann")).state.spent, 5 * CENT);
    budgets_sweep(f.b, f.rules, NOON + 10 * US_PER_MINUTE);
    assert_int_equal(look(f.b, f.rules, NOON, S("user"), S("user=ann")).found, 0);
    assert_int_equal(look(f.b, f.rules, NOON, S("user"), S("user=bob")).state.held, 5 * CENT);
    /* Its place is free for another. */
    spend_at(f.b, f.rules, S("cid"), NOON + 10 * US_PER_MINUTE, CENT);
    assert_int_equal(look(f.b, f.rules, NOON + 10 * US_PER_MINUTE, S("user"), S("user=cid")).found, 1);
    budget_void(f.b, &h);
    end(f);
}

static void test_sweep_spares_what_is_being_restored(void **state)
{
    (void)state;
    struct budget_rule old = money_rule(S("old"), CENT, WINDOW_DAY), new = money_rule(S("new"), CENT, WINDOW_DAY);
    struct fixture f = begin(&old, 1);
    struct budget_rules *next = budget_rules_new(&new, 1, 2);
    int64_t midnight = NOON - NOON % US_PER_DAY;
    budgets_restore(f.b, 1, S("new"), S(""), midnight, CENT);
    budgets_sweep(f.b, f.rules, NOON); /* the rules of before */
    assert_int_equal(look(f.b, next, NOON, S("new"), S("")).state.spent, CENT);
    budgets_sweep(f.b, f.rules, NOON + 20 * US_PER_MINUTE); /* nobody wanted it */
    assert_int_equal(look(f.b, next, NOON, S("new"), S("")).found, 0);
    budget_rules_drop(next);
    end(f);
}

static void test_long_values(void **state)
{
    (void)state;
    struct budget_rule rule = user_rule(S("user"), 10 * CENT, WINDOW_DAY);
    struct fixture f = begin(&rule, 1);
    char name[500];
    memset(name, 'x', sizeof(name));
    struct hold h;
    spend_at(f.b, f.rules, str_of(name, 500), NOON, 10 * CENT);
    assert_int_equal(hold_at(f.b, f.rules, str_of(name, 500), NOON, 1, &h), BUDGET_SPENT);
    spend_at(f.b, f.rules, str_of(name, 499), NOON, 10 * CENT); /* another user */
    spend_at(f.b, f.rules, str_of(name, 100), NOON, 10 * CENT);
    assert_int_equal(hold_at(f.b, f.rules, str_of(name, 100), NOON, 1, &h), BUDGET_SPENT);
    end(f);
}

/* Hints make nothing and change nothing, also where they were given for nobody's cell
 * or for more cells than they carry. */
static void test_hints_are_only_hints(void **state)
{
    (void)state;
    static const str names[] = {STR_INIT("a"), STR_INIT("b"), STR_INIT("c"), STR_INIT("d"), STR_INIT("e")};
    struct budget_rule rules[5];
    for (size_t i = 0; i < COUNT_OF(rules); i++) rules[i] = user_rule(names[i], 100 * CENT, WINDOW_DAY);
    rules[1].window = (struct window){.kind = WINDOW_ROLLING, .rolling_us = US_PER_DAY};
    rules[2].scope.want[SCOPE_TEAM] = S("other");
    struct fixture f = begin(rules, COUNT_OF(rules));
    struct payer who = payer_user(S("ann"));
    struct budget_expected expected;
    for (int round = 0; round < 2; round++) { /* before there are cells, and after */
        budgets_expect(f.b, f.rules, &who, NOON, &expected);
        assert_int_equal(expected.count, 4);
        budgets_expect_soon(f.b, &expected);
        assert_int_equal(look(f.b, f.rules, NOON, S("a"), S("user=ann")).found, round);
        spend_at(f.b, f.rules, S("ann"), NOON, CENT);
    }
    assert_int_equal(look(f.b, f.rules, NOON, S("a"), S("user=ann")).state.spent, 2 * CENT);
    end(f);
    f = begin(NULL, 0);
    budgets_expect(f.b, f.rules, &who, NOON, &expected);
    assert_int_equal(expected.count, 0);
    budgets_expect_soon(f.b, &expected);
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hold_then_post),
        cmocka_unit_test(test_an_alert_counts_and_refuses_nobody),
        cmocka_unit_test(test_refusal_tells_why),
        cmocka_unit_test(test_all_or_none),
        cmocka_unit_test(test_post_above_hold),
        cmocka_unit_test(test_free_calls),
        cmocka_unit_test(test_counted_only),
        cmocka_unit_test(test_measures),
        cmocka_unit_test(test_window_rolls_over),
        cmocka_unit_test(test_each_value_has_its_own),
        cmocka_unit_test(test_beyond_the_ceiling_others_share),
        cmocka_unit_test(test_past_is_restored),
        cmocka_unit_test(test_ledger_learns_names),
        cmocka_unit_test(test_more_than_a_call_may_have_is_refused),
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_sweep_spares_what_is_being_restored),
        cmocka_unit_test(test_long_values),
        cmocka_unit_test(test_hints_are_only_hints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
