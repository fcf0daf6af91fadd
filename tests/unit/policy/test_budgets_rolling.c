/* Rolling windows: what is spent counts until it is wholly older than the window. */
#include "help.h"

#define DAY_STEP (US_PER_DAY / WINDOW_ROLLING_STEPS)

static struct budget_rule rolling_rule(int64_t limit)
{
    struct budget_rule r = user_rule(S("roll"), limit, WINDOW_ROLLING);
    r.window.rolling_us = US_PER_DAY;
    return r;
}

static void test_counts_the_last_day(void **state)
{
    (void)state;
    struct budget_rule rule = rolling_rule(100);
    struct budgets *b = budgets_new(TEST_KEY, 1000);
    struct budget_rules *rules = budget_rules_new(&rule, 1, 1);
    struct hold h;
    spend_at(b, rules, S("ann"), NOON, 60);
    spend_at(b, rules, S("ann"), NOON + 6 * US_PER_HOUR, 30);
    assert_int_equal(hold_at(b, rules, S("ann"), NOON + 7 * US_PER_HOUR, 11, &h), BUDGET_SPENT);
    /* NOON starts a step: spent in it counts until a day after the step's end. */
    assert_int_equal(hold_at(b, rules, S("ann"), NOON + US_PER_DAY + DAY_STEP - 1, 11, &h), BUDGET_SPENT);
    assert_int_equal(look(b, rules, NOON + US_PER_DAY, S("roll"), S("user=ann")).state.spent, 90);
    assert_int_equal(hold_at(b, rules, S("ann"), NOON + US_PER_DAY + DAY_STEP, 71, &h), BUDGET_SPENT);
    assert_int_equal(hold_at(b, rules, S("ann"), NOON + US_PER_DAY + DAY_STEP, 70, &h), BUDGET_HELD);
    assert_int_equal(look(b, rules, NOON + US_PER_DAY + DAY_STEP, S("roll"), S("user=ann")).state.spent, 30);
    budget_void(b, &h);
    assert_int_equal(budgets_held(b), 0);
    /* Time alone empties it. */
    assert_int_equal(look(b, rules, NOON + 3 * US_PER_DAY, S("roll"), S("user=ann")).state.spent, 0);
    budget_rules_drop(rules);
    budgets_drop(b);
}

static void test_a_cost_belongs_to_the_step_of_its_admission(void **state)
{
    (void)state;
    struct budget_rule rule = rolling_rule(100);
    struct budgets *b = budgets_new(TEST_KEY, 1000);
    struct budget_rules *rules = budget_rules_new(&rule, 1, 1);
    struct hold h, late, above;
    assert_int_equal(hold_at(b, rules, S("ann"), NOON, 40, &h), BUDGET_HELD);
    assert_int_equal(h.part[0].key, budgets_cell_key(b, S("roll"), S("user=ann"), NOON));
    assert_int_equal(hold_at(b, rules, S("ann"), NOON, 40, &late), BUDGET_HELD);
    assert_int_equal(hold_at(b, rules, S("ann"), NOON, 10, &above), BUDGET_HELD);
    struct budget_amounts used = money(20);
    budget_post(b, &h, &used); /* six hours later, say: still in NOON's step */
    assert_int_equal(look(b, rules, NOON, S("roll"), S("user=ann")).state.spent, 20);
    int64_t after = NOON + US_PER_DAY + DAY_STEP;
    struct seen seen = look(b, rules, after, S("roll"), S("user=ann"));
    assert_int_equal(seen.state.spent, 0);
    assert_int_equal(seen.state.held, 50);
    budgets_sweep(b, rules, after + US_PER_HOUR); /* what is held stays */
    budget_post(b, &late, &used);                 /* its window is over: counts no more */
    used = money(70);
    budget_post(b, &above, &used);
    seen = look(b, rules, after, S("roll"), S("user=ann"));
    assert_int_equal(seen.state.spent, 0);
    assert_int_equal(seen.state.held, 0);
    budget_rules_drop(rules);
    budgets_drop(b);
}

static void test_steps_are_restored(void **state)
{
    (void)state;
    struct budget_rule rule = rolling_rule(100);
    struct budgets *b = budgets_new(TEST_KEY, 1000);
    int64_t start[3] = {NOON - 2 * US_PER_DAY, NOON - 10 * US_PER_HOUR, NOON};
    for (int i = 0; i < 3; i++) {
        uint64_t key = budgets_cell_key(b, S("roll"), S("user=ann"), start[i]);
        budgets_restore(b, key, S("roll"), S("user=ann"), start[i], 20);
    }
    struct budget_rules *rules = budget_rules_new(&rule, 1, 1);
    struct hold h;
    assert_int_equal(look(b, rules, NOON, S("roll"), S("user=ann")).state.spent, 40); /* the first is too old */
    assert_int_equal(hold_at(b, rules, S("ann"), NOON, 61, &h), BUDGET_SPENT);
    spend_at(b, rules, S("ann"), NOON, 10);
    /* More of the past, of a step that is there and of one that is not. */
    budgets_restore(b, 1, S("roll"), S("user=ann"), NOON, 20);
    budgets_restore(b, 2, S("roll"), S("user=ann"), NOON - US_PER_HOUR, 20);
    assert_int_equal(look(b, rules, NOON, S("roll"), S("user=ann")).state.spent, 90);
    assert_int_equal(hold_at(b, rules, S("ann"), NOON, 11, &h), BUDGET_SPENT);
    assert_int_equal(hold_at(b, rules, S("ann"), NOON + 14 * US_PER_HOUR + DAY_STEP, 30, &h), BUDGET_HELD);
    budget_void(b, &h);
    budgets_forget(b, S("roll"));
    assert_int_equal(look(b, rules, NOON, S("roll"), S("user=ann")).state.spent, 0);
    budget_rules_drop(rules);
    budgets_drop(b);
}

static void test_post_above_the_hold(void **state)
{
    (void)state;
    struct budget_rule rule = rolling_rule(100);
    struct budgets *b = budgets_new(TEST_KEY, 1000);
    struct budget_rules *rules = budget_rules_new(&rule, 1, 1);
    struct hold h;
    assert_int_equal(hold_at(b, rules, S("ann"), NOON, 10, &h), BUDGET_HELD);
    struct budget_amounts used = money(130);
    budget_post(b, &h, &used);
    assert_int_equal(look(b, rules, NOON, S("roll"), S("user=ann")).state.spent, 130);
    assert_int_equal(hold_at(b, rules, S("ann"), NOON, 1, &h), BUDGET_SPENT);
    budgets_sweep(b, rules, NOON + 3 * US_PER_DAY);
    assert_int_equal(look(b, rules, NOON + 3 * US_PER_DAY, S("roll"), S("user=ann")).found, 0);
    assert_int_equal(hold_at(b, rules, S("ann"), NOON + 3 * US_PER_DAY, 100, &h), BUDGET_HELD);
    budget_void(b, &h);
    budget_rules_drop(rules);
    budgets_drop(b);
}

static int wakes;

static void count_wake(struct budget_waiter *w)
{
    (void)w;
    wakes++;
}

static void test_expiry_wakes(void **state)
{
    (void)state;
    struct budget_rule rule = rolling_rule(100);
    struct budgets *b = budgets_new(TEST_KEY, 1000);
    struct budget_rules *rules = budget_rules_new(&rule, 1, 1);
    spend_at(b, rules, S("ann"), NOON, 50);
    struct hold open, h;
    struct budget_refusal why;
    int64_t later = NOON + US_PER_DAY;
    assert_int_equal(hold_at(b, rules, S("ann"), later, 40, &open), BUDGET_HELD);
    struct payer who = payer_user(S("ann"));
    struct budget_ask ask = money_ask(&who, later, 45);
    struct budget_waiter w;
    budget_waiter_init(&w, count_wake, NULL);
    assert_int_equal(budget_hold(b, rules, &ask, &w, &h, &why), BUDGET_WAIT);
    budgets_sweep(b, rules, later + DAY_STEP);
    assert_int_equal(wakes, 1);
    assert_int_equal(budget_retry(b, rules, &ask, &w, &h, &why), BUDGET_HELD);
    budget_void(b, &h);
    budget_void(b, &open);
    assert_int_equal(budgets_held(b), 0);
    budget_rules_drop(rules);
    budgets_drop(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_the_last_day), cmocka_unit_test(test_a_cost_belongs_to_the_step_of_its_admission),
        cmocka_unit_test(test_steps_are_restored),  cmocka_unit_test(test_post_above_the_hold),
        cmocka_unit_test(test_expiry_wakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
