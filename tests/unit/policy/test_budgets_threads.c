/* Promise 1 with real threads: never above the limit, all of it used, every hold
 * back, nobody forgotten; sweeps run under load. Run it under MODE=tsan and asan. */
#include "help.h"

#include "base/rng.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 8, CALLERS = 125 }; /* 1,000 callers */

struct shared {
    struct budgets *b;
    struct budget_rules *rules;
    _Atomic int64_t spent;  /* what was posted, by our own count */
    _Atomic uint32_t above; /* moments at which the limit was seen broken */
    atomic_bool stop;
};

/* A caller that waits: woken by a flag, as a worker's mailbox would. */
struct caller {
    struct budget_waiter waiter;
    atomic_bool woken;
    bool waiting, done, holding;
    struct hold hold;
    int64_t amount;
};

static void wake_caller(struct budget_waiter *w)
{
    struct caller *c = w->owner;
    atomic_store(&c->woken, true);
}

struct thread {
    struct shared *shared;
    pthread_t id;
    struct rng rng;
    struct caller caller[CALLERS];
};

static void step_call(struct thread *t, struct caller *c)
{
    struct shared *s = t->shared;
    if (c->holding) { /* the answer has come: it cost some of the bound */
        struct budget_amounts used = money((int64_t)rng_below(&t->rng, (uint64_t)c->amount + 1));
        atomic_fetch_add(&s->spent, used.of[BUDGET_MONEY]);
        budget_expect_post(&c->hold);
        budget_post(s->b, &c->hold, &used);
        c->holding = false;
        return;
    }
    if (c->waiting && !atomic_exchange(&c->woken, false)) return;
    struct payer who = payer_user(S("ann"));
    if (!c->waiting) c->amount = 1 + (int64_t)rng_below(&t->rng, 2 * CENT);
    struct budget_ask ask = money_ask(&who, NOON, c->amount);
    struct budget_refusal why;
    struct budget_expected expected;
    budgets_expect(s->b, s->rules, &who, NOON, &expected);
    budgets_expect_soon(s->b, &expected);
    switch (c->waiting ? budget_retry(s->b, s->rules, &ask, &c->waiter, &c->hold, &why)
                       : budget_hold(s->b, s->rules, &ask, &c->waiter, &c->hold, &why)) {
    case BUDGET_HELD:
        c->waiting = false;
        c->holding = true;
        break;
    case BUDGET_WAIT:
        c->waiting = true;
        break;
    case BUDGET_SPENT:
        c->waiting = false;
        c->done = why.left < CENT / 10; /* a large call was refused: small ones may go on */
        break;
    }
}

static void *run_callers(void *arg)
{
    struct thread *t = arg;
    for (size_t done = 0; done < CALLERS;) {
        done = 0;
        for (size_t i = 0; i < CALLERS; i++) {
            if (t->caller[i].done) {
                done++;
            } else {
                step_call(t, &t->caller[i]);
            }
        }
    }
    return NULL;
}

static void check_limit(void *ctx, const struct budget_state *state)
{
    struct shared *s = ctx;
    if (state->spent + state->held > state->rule->limit) atomic_fetch_add(&s->above, 1);
}

/* Looks on from outside and sweeps all the while. */
static void *run_watch(void *arg)
{
    struct shared *s = arg;
    while (!atomic_load(&s->stop)) {
        budgets_each(s->b, s->rules, NOON, check_limit, s);
        budgets_sweep(s->b, s->rules, NOON);
        sched_yield();
    }
    return NULL;
}

static void spend_a_dollar(const struct budget_rule *rules, size_t count, uint64_t seed)
{
    struct shared shared = {.b = budgets_new(TEST_KEY, 100), .rules = budget_rules_new(rules, count, 1)};
    struct thread *thread = calloc(THREADS, sizeof(*thread));
    pthread_t watch;
    assert_int_equal(pthread_create(&watch, NULL, run_watch, &shared), 0);
    for (size_t i = 0; i < THREADS; i++) {
        thread[i].shared = &shared;
        rng_seed(&thread[i].rng, seed + i);
        for (size_t c = 0; c < CALLERS; c++)
            budget_waiter_init(&thread[i].caller[c].waiter, wake_caller, &thread[i].caller[c]);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i].id, NULL, run_callers, &thread[i]), 0);
    for (size_t i = 0; i < THREADS; i++) pthread_join(thread[i].id, NULL);
    atomic_store(&shared.stop, true);
    pthread_join(watch, NULL);

    assert_int_equal(atomic_load(&shared.above), 0);
    assert_int_equal(budgets_held(shared.b), 0);
    struct seen seen =
        look(shared.b, shared.rules, NOON, rules[0].name, rules[0].scope.want[SCOPE_USER].p ? S("user=ann") : S(""));
    assert_int_equal(seen.state.spent, atomic_load(&shared.spent));
    assert_int_equal(seen.state.waiting, 0);
    assert_true(seen.state.spent <= 100 * CENT);
    assert_true(seen.state.spent >= 95 * CENT);
    free(thread);
    budget_rules_drop(shared.rules);
    budgets_drop(shared.b);
}

static void test_one_dollar(void **state)
{
    (void)state;
    struct budget_rule rule = money_rule(S("dollar"), 100 * CENT, WINDOW_DAY);
    for (uint64_t round = 0; round < 5; round++) spend_a_dollar(&rule, 1, round * 100);
}

static void test_one_dollar_of_four(void **state)
{
    (void)state;
    struct budget_rule rules[4] = {user_rule(S("user"), 100 * CENT, WINDOW_DAY),
                                   money_rule(S("all"), 101 * CENT, WINDOW_DAY),
                                   money_rule(S("roll"), 102 * CENT, WINDOW_ROLLING),
                                   money_rule(S("much"), 10000 * CENT, WINDOW_MONTH)};
    rules[2].window.rolling_us = US_PER_DAY;
    for (uint64_t round = 0; round < 5; round++) spend_a_dollar(rules, 4, round * 100 + 50);
}

/* ---- many at once at a limit that lets one in */

enum { TIGHT = 1, TIGHT_CALLS = 50000 };

struct tight {
    struct shared *shared;
    pthread_t id;
};

static void *run_tight(void *arg)
{
    struct shared *s = ((struct tight *)arg)->shared;
    for (int i = 0; i < TIGHT_CALLS; i++) {
        struct hold h;
        if (hold_at(s->b, s->rules, S("ann"), NOON, 1, &h) != BUDGET_HELD) continue;
        if (atomic_fetch_add(&s->spent, 1) >= TIGHT) atomic_fetch_add(&s->above, 1);
        for (volatile int spin = 0; spin < 100;) spin = spin + 1; /* long enough to be met here */
        atomic_fetch_sub(&s->spent, 1);
        budget_void(s->b, &h);
    }
    return NULL;
}

static void test_races_at_the_limit(void **state)
{
    (void)state;
    struct budget_rule rules[3] = {user_rule(S("wide"), 100 * CENT, WINDOW_DAY),
                                   money_rule(S("tight"), TIGHT, WINDOW_DAY),
                                   money_rule(S("wider"), 100 * CENT, WINDOW_ROLLING)};
    rules[2].window.rolling_us = US_PER_DAY;
    struct shared shared = {.b = budgets_new(TEST_KEY, 100), .rules = budget_rules_new(rules, 3, 1)};
    struct tight thread[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        thread[i].shared = &shared;
        assert_int_equal(pthread_create(&thread[i].id, NULL, run_tight, &thread[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) pthread_join(thread[i].id, NULL);
    assert_int_equal(atomic_load(&shared.above), 0);
    assert_int_equal(budgets_held(shared.b), 0);
    budget_rules_drop(shared.rules);
    budgets_drop(shared.b);
}

/* ---- sweeps, windows that end, and users that come and go, all at once */

enum { CHURN_CALLS = 30000, CHURN_USERS = 40, CHURN_OPEN = 8 };

struct churn {
    struct shared *shared;
    pthread_t id;
    struct rng rng;
    _Atomic int64_t *clock;
};

static void *run_churn(void *arg)
{
    struct churn *t = arg;
    struct shared *s = t->shared;
    struct hold open[CHURN_OPEN];
    bool is_open[CHURN_OPEN] = {false};
    for (int i = 0; i < CHURN_CALLS; i++) {
        size_t slot = rng_below(&t->rng, CHURN_OPEN);
        if (is_open[slot]) {
            struct budget_amounts used = money((int64_t)rng_below(&t->rng, 150)); /* above the hold, too */
            budget_post(s->b, &open[slot], &used);
            is_open[slot] = false;
            continue;
        }
        char name[16];
        int n = snprintf(name, sizeof(name), "u%d", (int)rng_below(&t->rng, CHURN_USERS));
        int64_t at_us = atomic_fetch_add(t->clock, 20000);
        enum budget_verdict v =
            hold_at(s->b, s->rules, str_of(name, (size_t)n), at_us, (int64_t)rng_below(&t->rng, 101), &open[slot]);
        is_open[slot] = v == BUDGET_HELD;
    }
    for (size_t slot = 0; slot < CHURN_OPEN; slot++) {
        if (is_open[slot]) budget_void(s->b, &open[slot]);
    }
    return NULL;
}

static void *run_sweeps(void *arg)
{
    struct churn *t = arg;
    while (!atomic_load(&t->shared->stop)) {
        budgets_sweep(t->shared->b, t->shared->rules, atomic_load(t->clock));
        sched_yield();
    }
    return NULL;
}

static void test_sweep_under_load(void **state)
{
    (void)state;
    struct budget_rule rules[3] = {user_rule(S("minute"), 1000 * CENT, WINDOW_MINUTE),
                                   user_rule(S("roll"), 1000 * CENT, WINDOW_ROLLING),
                                   money_rule(S("all"), 1000 * CENT, WINDOW_HOUR)};
    rules[0].wait_us = rules[1].wait_us = rules[2].wait_us = 0;
    rules[1].window.rolling_us = 2 * US_PER_MINUTE;
    struct shared shared = {.b = budgets_new(TEST_KEY, 100000), .rules = budget_rules_new(rules, 3, 1)};
    _Atomic int64_t clock = NOON;
    struct churn churn[4], sweeper = {.shared = &shared, .clock = &clock};
    for (size_t i = 0; i < COUNT_OF(churn); i++) {
        churn[i] = (struct churn){.shared = &shared, .clock = &clock};
        rng_seed(&churn[i].rng, i);
        assert_int_equal(pthread_create(&churn[i].id, NULL, run_churn, &churn[i]), 0);
    }
    assert_int_equal(pthread_create(&sweeper.id, NULL, run_sweeps, &sweeper), 0);
    for (size_t i = 0; i < COUNT_OF(churn); i++) pthread_join(churn[i].id, NULL);
    atomic_store(&shared.stop, true);
    pthread_join(sweeper.id, NULL);
    assert_int_equal(budgets_held(shared.b), 0);
    /* A day later all of it is over: the rolling window counts nothing any more. */
    int64_t later = atomic_load(&clock) + US_PER_DAY;
    budgets_sweep(shared.b, shared.rules, later);
    assert_int_equal(look(shared.b, shared.rules, later, S("roll"), S("user=u1")).state.spent, 0);
    budget_rules_drop(shared.rules);
    budgets_drop(shared.b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_dollar),
        cmocka_unit_test(test_one_dollar_of_four),
        cmocka_unit_test(test_races_at_the_limit),
        cmocka_unit_test(test_sweep_under_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
