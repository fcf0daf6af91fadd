/* Rates by GCRA, concurrency, and what the headers say. */
#include "help.h"

#include "base/rng.h"
#include "policy/limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define T0 (INT64_C(1000) * US_PER_SECOND)

struct fixture {
    struct limits *l;
    struct limit_rules *rules;
    struct limit_take take;
    struct limit_state state;
};

static struct fixture begin(const struct limit_rule *rules, size_t count)
{
    return (struct fixture){.l = limits_new(TEST_KEY, 100), .rules = limit_rules_new(rules, count)};
}

static void end(struct fixture *f)
{
    assert_int_equal(limits_in_flight(f->l), 0);
    limit_rules_drop(f->rules);
    limits_drop(f->l);
}

static bool take(struct fixture *f, str user, int64_t tokens, int64_t at_us)
{
    struct payer who = payer_user(user);
    return limits_take(f->l, f->rules, &who, tokens, at_us, &f->take, &f->state);
}

/* Takes, and gives back at once what it took. */
static bool call(struct fixture *f, str user, int64_t tokens, int64_t at_us)
{
    if (!take(f, user, tokens, at_us)) return false;
    limits_give_at(f->l, &f->take, tokens, at_us);
    return true;
}

static void test_requests(void **state)
{
    (void)state;
    struct limit_rule rule = {.name = S("r"), .requests_per_minute = 60};
    struct fixture f = begin(&rule, 1);
    for (int i = 0; i < 60; i++) {
        assert_true(call(&f, S("ann"), 0, T0));
        assert_int_equal(f.state.limit_requests, 60);
        assert_int_equal(f.state.remaining_requests, 59 - i);
        assert_int_equal(f.state.reset_requests_us, (i + 1) * US_PER_SECOND);
        assert_int_equal(f.state.limit_tokens, 0);
    }
    assert_false(call(&f, S("ann"), 0, T0));
    assert_true(str_eq(f.state.refused->name, S("r")));
    assert_int_equal(f.state.kind, LIMIT_REQUESTS);
    assert_int_equal(f.state.retry_after_us, US_PER_SECOND);
    assert_int_equal(f.state.remaining_requests, 0);
    assert_false(f.state.never);
    assert_false(call(&f, S("ann"), 0, T0 + US_PER_SECOND - 1));
    assert_true(call(&f, S("ann"), 0, T0 + US_PER_SECOND));
    assert_false(call(&f, S("ann"), 0, T0 + US_PER_SECOND));
    for (int i = 0; i < 60; i++) assert_true(call(&f, S("ann"), 0, T0 + 10 * US_PER_MINUTE)); /* full, not fuller */
    assert_false(call(&f, S("ann"), 0, T0 + 10 * US_PER_MINUTE));
    end(&f);
}

static void test_tokens_are_corrected(void **state)
{
    (void)state;
    struct limit_rule rule = {.name = S("t"), .tokens_per_minute = 6000};
    struct fixture f = begin(&rule, 1);
    assert_true(take(&f, S("ann"), 5000, T0));
    assert_int_equal(f.state.remaining_tokens, 1000);
    assert_int_equal(f.state.reset_tokens_us, 50 * US_PER_SECOND);
    struct limit_take first = f.take;
    assert_false(take(&f, S("ann"), 1001, T0));
    assert_int_equal(f.state.kind, LIMIT_TOKENS);
    assert_int_equal(f.state.retry_after_us, 10000);
    limits_give_at(f.l, &first, 1000, T0); /* 4,000 come back */
    assert_true(call(&f, S("ann"), 5000, T0));
    assert_false(call(&f, S("ann"), 1, T0));
    assert_true(take(&f, S("ann"), 100, T0 + US_PER_MINUTE));
    limits_give_at(f.l, &f.take, 6000, T0 + US_PER_MINUTE); /* more than bound: charged */
    assert_false(call(&f, S("ann"), 1, T0 + US_PER_MINUTE));
    assert_false(take(&f, S("ann"), 6001, T0 + US_PER_DAY));
    assert_true(f.state.never);
    end(&f);
}

static void test_time_does_not_give_back_twice(void **state)
{
    (void)state;
    struct limit_rule rule = {.name = S("t"), .tokens_per_minute = 6000};
    struct fixture f = begin(&rule, 1);
    assert_true(take(&f, S("ann"), 6000, T0));
    struct limit_take slow = f.take;
    assert_true(call(&f, S("ann"), 6000, T0 + US_PER_MINUTE)); /* by now, time has given all of it back */
    limits_give_at(f.l, &slow, 0, T0 + US_PER_MINUTE);
    assert_false(call(&f, S("ann"), 1, T0 + US_PER_MINUTE)); /* the second call's stay taken */
    assert_true(take(&f, S("ann"), 6000, T0 + 2 * US_PER_MINUTE));
    limits_give_at(f.l, &f.take, 0, T0 + 2 * US_PER_MINUTE + 45 * US_PER_SECOND); /* a quarter is still out */
    assert_true(call(&f, S("ann"), 6000, T0 + 2 * US_PER_MINUTE + 45 * US_PER_SECOND));
    assert_false(call(&f, S("ann"), 1, T0 + 2 * US_PER_MINUTE + 45 * US_PER_SECOND));
    end(&f);
}

static void test_concurrency(void **state)
{
    (void)state;
    struct limit_rule rule = {.name = S("c"), .concurrency = 2};
    struct fixture f = begin(&rule, 1);
    assert_true(take(&f, S("ann"), 0, T0));
    struct limit_take first = f.take;
    assert_true(take(&f, S("ann"), 0, T0));
    struct limit_take second = f.take;
    assert_false(take(&f, S("ann"), 0, T0));
    assert_int_equal(f.state.kind, LIMIT_CONCURRENCY);
    assert_true(f.state.retry_after_us > 0);
    limits_give(f.l, &first, 0);
    assert_true(take(&f, S("ann"), 0, T0));
    limits_give(f.l, &f.take, 0);
    limits_give(f.l, &second, 0);
    end(&f);
}

static void test_all_or_nothing_and_the_tightest(void **state)
{
    (void)state;
    struct limit_rule rules[3] = {
        {.name = S("wide"), .requests_per_minute = 600, .tokens_per_minute = 100000, .concurrency = 50},
        {.name = S("user"), .requests_per_minute = 6, .tokens_per_minute = 50000},
        {.name = S("tight"), .tokens_per_minute = 1000},
    };
    rules[1].scope.want[SCOPE_USER] = S("*");
    rules[2].scope.want[SCOPE_USER] = S("bob");
    struct fixture f = begin(rules, 3);
    assert_true(call(&f, S("bob"), 900, T0));
    assert_int_equal(f.state.limit_requests, 6);
    assert_int_equal(f.state.remaining_requests, 5);
    assert_int_equal(f.state.limit_tokens, 1000);
    assert_int_equal(f.state.remaining_tokens, 100);
    assert_false(call(&f, S("bob"), 200, T0));
    assert_true(str_eq(f.state.refused->name, S("tight")));
    assert_true(call(&f, S("ann"), 0, T0));
    assert_int_equal(f.state.remaining_requests, 5); /* a counter of her own */
    assert_int_equal(f.state.limit_tokens, 50000);
    assert_true(call(&f, S("bob"), 100, T0));
    assert_int_equal(f.state.remaining_requests, 4); /* the refused call took nothing */
    for (int i = 0; i < 4; i++) assert_true(call(&f, S("bob"), 0, T0));
    assert_false(call(&f, S("bob"), 1, T0)); /* two refuse: the longer wait is told */
    assert_int_equal(f.state.kind, LIMIT_REQUESTS);
    assert_int_equal(f.state.retry_after_us, 10 * US_PER_SECOND);
    end(&f);
}

static void test_twins_count_apart(void **state)
{
    (void)state;
    struct limit_rule rules[2] = {{.requests_per_minute = 2}, {.concurrency = 1}};
    struct fixture f = begin(rules, 2);
    assert_true(take(&f, S("ann"), 0, T0)); /* in one cell, the call would be two at a time */
    limits_give(f.l, &f.take, 0);
    end(&f);
}

static void test_sweep_and_ceiling(void **state)
{
    (void)state;
    struct limit_rule rule = {.name = S("r"), .requests_per_minute = 2};
    rule.scope.want[SCOPE_USER] = S("*");
    struct fixture f = begin(&rule, 1);
    limits_drop(f.l);
    f.l = limits_new(TEST_KEY, 2);
    assert_true(call(&f, S("a"), 0, T0));
    assert_true(take(&f, S("b"), 0, T0));
    struct limit_take open = f.take;
    assert_true(call(&f, S("c"), 0, T0));
    assert_true(call(&f, S("d"), 0, T0));
    assert_false(call(&f, S("e"), 0, T0)); /* c, d and e are "(other)" */
    limits_sweep(f.l, T0);                 /* nothing is full again */
    assert_true(call(&f, S("a"), 0, T0));
    assert_false(call(&f, S("a"), 0, T0));
    limits_sweep(f.l, T0 + US_PER_MINUTE);
    limits_sweep(f.l, T0 + US_PER_MINUTE);
    assert_true(call(&f, S("e"), 0, T0 + US_PER_MINUTE)); /* has a's place */
    assert_true(call(&f, S("e"), 0, T0 + US_PER_MINUTE));
    assert_true(call(&f, S("f"), 0, T0 + US_PER_MINUTE));
    limits_give_at(f.l, &open, 0, T0 + US_PER_MINUTE);
    end(&f);
}

static void test_large_numbers(void **state)
{
    (void)state;
    struct limit_rule rule = {.name = S("t"), .tokens_per_minute = INT64_C(2000000000)};
    struct fixture f = begin(&rule, 1);
    assert_true(call(&f, S(""), INT64_C(2000000000), T0));
    assert_false(call(&f, S(""), 1000000, T0));
    assert_false(take(&f, S(""), INT64_MAX, T0));
    assert_true(f.state.never);
    end(&f);
}

/* ---- with threads: a minute's worth goes through, not one more */

enum { THREADS = 4, CALLS = 20000, PER_MINUTE = 1000 };

struct shared {
    struct limits *l;
    struct limit_rules *rules;
    _Atomic int64_t admitted;
    _Atomic int32_t inside, most;
    atomic_bool stop;
};

static void *run_calls(void *arg)
{
    struct shared *s = arg;
    struct payer who = payer_user(S("ann"));
    for (int i = 0; i < CALLS; i++) {
        struct limit_take t;
        struct limit_state state;
        if (!limits_take(s->l, s->rules, &who, 1, T0, &t, &state)) continue;
        int32_t inside = atomic_fetch_add(&s->inside, 1) + 1, most = atomic_load(&s->most);
        while (inside > most && !atomic_compare_exchange_weak(&s->most, &most, inside)) continue;
        atomic_fetch_add(&s->admitted, 1);
        atomic_fetch_sub(&s->inside, 1);
        limits_give_at(s->l, &t, 1, T0);
    }
    return NULL;
}

static void *run_sweeps(void *arg)
{
    struct shared *s = arg;
    while (!atomic_load(&s->stop)) {
        limits_sweep(s->l, T0);
        sched_yield();
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct limit_rule rules[3] = {{.name = S("all"), .requests_per_minute = PER_MINUTE},
                                  {.name = S("one"), .concurrency = 1},
                                  {.name = S("user"), .concurrency = 4}};
    rules[2].scope.want[SCOPE_USER] = S("*");
    struct shared s = {.l = limits_new(TEST_KEY, 100), .rules = limit_rules_new(rules, 3)};
    pthread_t thread[THREADS], sweeper;
    pthread_create(&sweeper, NULL, run_sweeps, &s);
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&thread[i], NULL, run_calls, &s), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    atomic_store(&s.stop, true);
    pthread_join(sweeper, NULL);
    assert_int_equal(atomic_load(&s.admitted), PER_MINUTE);
    assert_int_equal(atomic_load(&s.most), 1);
    assert_int_equal(limits_in_flight(s.l), 0);
    limit_rules_drop(s.rules);
    limits_drop(s.l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_tokens_are_corrected),
        cmocka_unit_test(test_time_does_not_give_back_twice),
        cmocka_unit_test(test_concurrency),
        cmocka_unit_test(test_all_or_nothing_and_the_tightest),
        cmocka_unit_test(test_twins_count_apart),
        cmocka_unit_test(test_sweep_and_ceiling),
        cmocka_unit_test(test_large_numbers),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
