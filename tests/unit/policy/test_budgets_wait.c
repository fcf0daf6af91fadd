/* The queue: who waits, who passes, who is woken, who is told that it is over. */
#include "help.h"

#include <stdio.h>

struct caller {
    struct budget_waiter waiter;
    struct payer who;
    int64_t at_us, amount;
    int woken;
    struct hold hold;
    struct budget_refusal why;
};

struct stage {
    struct budgets *b;
    struct budget_rules *rules;
    struct hold first; /* what stands in the way */
};

static void count_wake(struct budget_waiter *w)
{
    ((struct caller *)w->owner)->woken++;
}

static enum budget_verdict ask(struct stage *s, struct caller *c, int64_t at_us, int64_t amount)
{
    budget_waiter_init(&c->waiter, count_wake, c);
    c->who = payer_user(S("ann"));
    c->at_us = at_us;
    c->amount = amount;
    c->woken = 0;
    struct budget_ask a = money_ask(&c->who, at_us, amount);
    return budget_hold(s->b, s->rules, &a, &c->waiter, &c->hold, &c->why);
}

static enum budget_verdict again(struct stage *s, struct caller *c)
{
    struct budget_ask a = money_ask(&c->who, c->at_us, c->amount);
    c->woken = 0;
    return budget_retry(s->b, s->rules, &a, &c->waiter, &c->hold, &c->why);
}

static void post(struct stage *s, struct hold *h, int64_t amount)
{
    struct budget_amounts used = money(amount);
    budget_post(s->b, h, &used);
}

/* A dollar, of which `held` is out. */
static struct stage begin(int64_t held)
{
    struct budget_rule rule = money_rule(S("day"), 100, WINDOW_DAY);
    struct stage s = {budgets_new(TEST_KEY, 100), budget_rules_new(&rule, 1, 1), {0}};
    assert_int_equal(hold_at(s.b, s.rules, S("ann"), NOON, held, &s.first), BUDGET_HELD);
    return s;
}

static void end(struct stage *s)
{
    assert_int_equal(budgets_held(s->b), 0);
    assert_int_equal(look(s->b, s->rules, NOON, S("day"), S("")).state.waiting, 0);
    budget_rules_drop(s->rules);
    budgets_drop(s->b);
}

static void test_waits_and_is_woken(void **state)
{
    (void)state;
    struct stage s = begin(80);
    struct caller c;
    assert_int_equal(ask(&s, &c, NOON, 30), BUDGET_WAIT);
    assert_int_equal(c.why.wait_us, 5 * US_PER_SECOND);
    assert_int_equal(c.why.free_now, 20);
    assert_int_equal(look(s.b, s.rules, NOON, S("day"), S("")).state.waiting, 1);
    assert_int_equal(budgets_held(s.b), 80); /* a waiter holds nothing */
    assert_int_equal(again(&s, &c), BUDGET_WAIT);
    post(&s, &s.first, 70);
    assert_int_equal(c.woken, 1);
    assert_int_equal(again(&s, &c), BUDGET_HELD);
    post(&s, &c.hold, 30);
    end(&s);
}

static void test_order_of_arrival(void **state)
{
    (void)state;
    struct stage s = begin(100);
    struct caller a, b, c;
    assert_int_equal(ask(&s, &a, NOON, 40), BUDGET_WAIT);
    assert_int_equal(ask(&s, &b, NOON + 1, 40), BUDGET_WAIT);
    assert_int_equal(ask(&s, &c, NOON + 2, 40), BUDGET_WAIT);
    post(&s, &s.first, 0);
    assert_true(a.woken && b.woken && !c.woken);  /* two fit */
    assert_int_equal(again(&s, &c), BUDGET_WAIT); /* not woken, not its turn */
    assert_int_equal(again(&s, &b), BUDGET_HELD);
    assert_int_equal(again(&s, &c), BUDGET_WAIT); /* the room left is a's, who was woken */
    assert_int_equal(again(&s, &a), BUDGET_HELD);
    budget_void(s.b, &b.hold);
    assert_int_equal(c.woken, 1);
    assert_int_equal(again(&s, &c), BUDGET_HELD);
    budget_void(s.b, &a.hold);
    budget_void(s.b, &c.hold);
    end(&s);
}

static void test_a_small_newcomer_passes_for_a_second(void **state)
{
    (void)state;
    struct stage s = begin(60);
    struct caller large, small, same;
    assert_int_equal(ask(&s, &large, NOON, 50), BUDGET_WAIT);
    assert_int_equal(ask(&s, &small, NOON + US_PER_SECOND - 1, 10), BUDGET_HELD);
    post(&s, &small.hold, 0);
    assert_int_equal(ask(&s, &small, NOON + US_PER_SECOND, 10), BUDGET_WAIT);
    budget_leave(s.b, &small.waiter);
    post(&s, &s.first, 0); /* 100 are free, 50 of them are spoken for */
    assert_int_equal(ask(&s, &same, NOON + 1, 51), BUDGET_WAIT);
    assert_int_equal(ask(&s, &small, NOON + 2 * US_PER_SECOND, 50), BUDGET_WAIT); /* behind `same` as well */
    budget_leave(s.b, &same.waiter);
    assert_int_equal(again(&s, &small), BUDGET_HELD); /* fits beside the large one */
    assert_int_equal(again(&s, &large), BUDGET_HELD);
    budget_void(s.b, &small.hold);
    budget_void(s.b, &large.hold);
    end(&s);
}

static void test_leaving_wakes_the_next(void **state)
{
    (void)state;
    struct stage s = begin(80);
    struct caller large, small;
    assert_int_equal(ask(&s, &large, NOON, 50), BUDGET_WAIT);
    assert_int_equal(ask(&s, &small, NOON + 2 * US_PER_SECOND, 10), BUDGET_WAIT);
    budget_leave(s.b, &large.waiter);
    assert_int_equal(small.woken, 1);
    budget_leave(s.b, &large.waiter); /* harmless */
    assert_int_equal(again(&s, &small), BUDGET_HELD);
    budget_void(s.b, &small.hold);
    post(&s, &s.first, 80);
    end(&s);
}

static void test_asking_less_lets_the_next_in(void **state)
{
    (void)state;
    struct stage s = begin(80);
    struct caller large, next;
    assert_int_equal(ask(&s, &large, NOON, 50), BUDGET_WAIT);
    assert_int_equal(ask(&s, &next, NOON + 2 * US_PER_SECOND, 10), BUDGET_WAIT);
    large.amount = 10;
    assert_int_equal(again(&s, &large), BUDGET_HELD);
    assert_int_equal(next.woken, 1);
    assert_int_equal(again(&s, &next), BUDGET_HELD);
    budget_void(s.b, &large.hold);
    budget_void(s.b, &next.hold);
    budget_void(s.b, &s.first);
    end(&s);
}

static void test_the_hopeless_are_told(void **state)
{
    (void)state;
    struct stage s = begin(80);
    struct caller a, large, c;
    assert_int_equal(ask(&s, &a, NOON, 35), BUDGET_WAIT);
    assert_int_equal(ask(&s, &large, NOON + 1, 60), BUDGET_WAIT);
    assert_int_equal(ask(&s, &c, NOON + 2, 50), BUDGET_WAIT);
    post(&s, &s.first, 45); /* 55 are left: for a, and later for c or none */
    assert_true(a.woken && large.woken && !c.woken);
    assert_int_equal(again(&s, &large), BUDGET_SPENT);
    assert_int_equal(large.why.left, 55);
    assert_int_equal(again(&s, &a), BUDGET_HELD);
    post(&s, &a.hold, 35);
    assert_int_equal(c.woken, 1);
    assert_int_equal(again(&s, &c), BUDGET_SPENT);
    end(&s);
}

static void test_moves_to_the_queue_that_blocks(void **state)
{
    (void)state;
    struct budget_rule rules[2] = {money_rule(S("day"), 100, WINDOW_DAY), money_rule(S("hour"), 100, WINDOW_HOUR)};
    struct stage s = {budgets_new(TEST_KEY, 100), budget_rules_new(rules, 2, 1), {0}};
    struct budget_rules *day = budget_rules_new(rules, 1, 1), *hour = budget_rules_new(rules + 1, 1, 1);
    struct stage only_day = {s.b, day, {0}}, only_hour = {s.b, hour, {0}};
    struct caller both, late;
    assert_int_equal(hold_at(s.b, day, S("ann"), NOON, 80, &only_day.first), BUDGET_HELD);
    assert_int_equal(hold_at(s.b, hour, S("ann"), NOON, 90, &only_hour.first), BUDGET_HELD);
    assert_int_equal(ask(&s, &both, NOON, 30), BUDGET_WAIT);
    assert_true(str_eq(both.why.rule->name, S("day")));
    assert_int_equal(ask(&only_hour, &late, NOON + 1, 30), BUDGET_WAIT);
    post(&s, &only_day.first, 0);
    assert_int_equal(both.woken, 1);
    assert_int_equal(again(&s, &both), BUDGET_WAIT);
    assert_true(str_eq(both.why.rule->name, S("hour")));
    post(&s, &only_hour.first, 50); /* room for one: the one that came first, though it queued here later */
    assert_true(both.woken && !late.woken);
    assert_int_equal(again(&only_hour, &late), BUDGET_WAIT);
    assert_int_equal(again(&s, &both), BUDGET_HELD);
    post(&s, &both.hold, 0);
    assert_int_equal(late.woken, 1);
    assert_int_equal(again(&only_hour, &late), BUDGET_HELD);
    post(&s, &late.hold, 0);
    assert_int_equal(budgets_held(s.b), 0);
    budget_rules_drop(day);
    budget_rules_drop(hour);
    end(&s);
}

static void test_a_waiter_pins_its_cell(void **state)
{
    (void)state;
    struct stage s = begin(100);
    struct caller c;
    assert_int_equal(ask(&s, &c, NOON, 30), BUDGET_WAIT);
    budgets_sweep(s.b, s.rules, NOON + 3 * US_PER_DAY);
    post(&s, &s.first, 10);
    budgets_sweep(s.b, s.rules, NOON + 3 * US_PER_DAY);
    assert_int_equal(c.woken, 1);
    assert_int_equal(again(&s, &c), BUDGET_HELD);
    post(&s, &c.hold, 30);
    assert_int_equal(look(s.b, s.rules, NOON, S("day"), S("")).state.spent, 40);
    end(&s);
}

static void test_everybody_gets_a_turn(void **state)
{
    (void)state;
    enum { CROWD = 200 };
    static struct caller crowd[CROWD];
    struct stage s = begin(100);
    /* Large and small ones mixed; newcomers keep coming while the crowd waits. */
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(ask(&s, &crowd[i], NOON + i, i % 3 ? 1 : 90), BUDGET_WAIT);
    }
    budget_void(s.b, &s.first);
    int served = 0, first_waiting = 0;
    for (int turn = 0; served < CROWD && turn < 10 * CROWD; turn++) {
        struct caller newcomer;
        enum budget_verdict v = ask(&s, &newcomer, NOON + 2 * US_PER_SECOND + turn, 1);
        if (v == BUDGET_HELD) budget_void(s.b, &newcomer.hold);
        if (v == BUDGET_WAIT) budget_leave(s.b, &newcomer.waiter);
        for (int i = 0; i < CROWD; i++) {
            if (!crowd[i].woken || again(&s, &crowd[i]) != BUDGET_HELD) continue;
            assert_true(i < first_waiting + 12); /* not before those who came long before */
            served++;
            budget_void(s.b, &crowd[i].hold);
            crowd[i].amount = 0;
            while (first_waiting < CROWD && crowd[first_waiting].amount == 0) first_waiting++;
        }
    }
    assert_int_equal(served, CROWD);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits_and_is_woken),
        cmocka_unit_test(test_order_of_arrival),
        cmocka_unit_test(test_a_small_newcomer_passes_for_a_second),
        cmocka_unit_test(test_leaving_wakes_the_next),
        cmocka_unit_test(test_asking_less_lets_the_next_in),
        cmocka_unit_test(test_the_hopeless_are_told),
        cmocka_unit_test(test_moves_to_the_queue_that_blocks),
        cmocka_unit_test(test_a_waiter_pins_its_cell),
        cmocka_unit_test(test_everybody_gets_a_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
