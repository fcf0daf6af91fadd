/* Breaker, rest, and whose fault it was. */
#include "health_help.h"

static void test_whose_fault(void **state)
{
    (void)state;
    static const struct {
        enum err err;
        int status;
        enum health_outcome is;
    } cases[] = {
        {ERR_NONE, 200, HEALTH_OK},
        {ERR_PROVIDER_ERROR, 500, HEALTH_FAILED},
        {ERR_PROVIDER_ERROR, 503, HEALTH_FAILED},
        {ERR_PROVIDER_ERROR, 529, HEALTH_FAILED},
        {ERR_PROVIDER_ERROR, 429, HEALTH_LIMITED},
        {ERR_NONE, 400, HEALTH_CLIENT},
        {ERR_PROVIDER_ERROR, 400, HEALTH_CLIENT},
        {ERR_PROVIDER_ERROR, 403, HEALTH_CLIENT},
        {ERR_PROVIDER_ERROR, 404, HEALTH_CLIENT},
        {ERR_PROVIDER_ERROR, 401, HEALTH_FAILED},
        {ERR_PROVIDER_ERROR, 408, HEALTH_TIMED_OUT},
        {ERR_PROVIDER_CONNECT, 0, HEALTH_FAILED},
        {ERR_PROVIDER_TLS, 0, HEALTH_FAILED},
        {ERR_PROVIDER_CUT, 200, HEALTH_FAILED},
        {ERR_PROVIDER_STREAM_ERROR, 200, HEALTH_FAILED},
        {ERR_PROVIDER_TIMEOUT, 0, HEALTH_TIMED_OUT},
        {ERR_PROVIDER_TIMEOUT, 200, HEALTH_TIMED_OUT},
        {ERR_STALE, 0, HEALTH_CANCELLED},
        {ERR_CLIENT_GONE, 200, HEALTH_CANCELLED},
        {ERR_SHUTTING_DOWN, 0, HEALTH_CANCELLED},
        {ERR_NO_CREDENTIAL, 0, HEALTH_CANCELLED},
        {ERR_BUDGET_SPENT, 0, HEALTH_CANCELLED},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum health_outcome is = health_outcome_of(cases[i].err, cases[i].status);
        if (is != cases[i].is) print_error("case %zu\n", i);
        assert_int_equal(is, cases[i].is);
    }
}

static void test_opens_by_failures_in_a_row(void **state)
{
    (void)state;
    static const struct {
        enum health_outcome outcome;
        int calls;
    } cases[] = {
        {HEALTH_FAILED, 10}, {HEALTH_TIMED_OUT, 5},  {HEALTH_STALLED, 5},
        {HEALTH_CLIENT, -1}, {HEALTH_CANCELLED, -1}, {HEALTH_OK, -1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f = begin();
        for (int k = 0; k < 100; k++) call(&f, HEALTH_OK);
        assert_int_equal(calls_until_open(&f, cases[i].outcome, 200), cases[i].calls);
        end(&f);
    }
    struct fixture f = begin();
    for (int i = 0; i < 9; i++) call(&f, HEALTH_FAILED);
    call(&f, HEALTH_CLIENT); /* says nothing either way */
    call(&f, HEALTH_CANCELLED);
    call(&f, HEALTH_FAILED);
    assert_int_equal(view(&f).state, HEALTH_OPEN);
    assert_int_equal(view(&f).opened_by, ERR_PROVIDER_ERROR);
    end(&f);
}

/* How often a target with random failures opens in a thousand calls. */
static unsigned openings(uint64_t seed, unsigned failing_percent)
{
    struct fixture f = begin();
    struct rng r;
    rng_seed(&r, seed);
    for (int i = 0; i < 1000; i++) {
        f.now_us += AGAIN; /* long enough for an open one to be probed */
        call(&f, rng_below(&r, 100) < failing_percent ? HEALTH_FAILED : HEALTH_OK);
    }
    unsigned n = (unsigned)view(&f).openings;
    end(&f);
    return n;
}

static void test_tells_flapping_from_broken(void **state)
{
    (void)state;
    unsigned opened[2] = {0, 0};
    for (uint64_t seed = 1; seed <= 100; seed++) {
        opened[0] += openings(seed, 30) > 0;
        opened[1] += openings(seed, 60) > 0;
    }
    print_message("of 100 runs of 1,000 calls opened: %u at 30 %% failures, %u at 60 %%\n", opened[0], opened[1]);
    assert_true(opened[0] <= 3);
    assert_true(opened[1] >= 99);
}

static void test_probes(void **state)
{
    (void)state;
    struct fixture f = begin();
    struct health_pass old, probe, other;
    assert_int_equal(enter(&f, &old), HEALTH_GO);
    assert_int_equal(calls_until_open(&f, HEALTH_FAILED, 10), 10);
    assert_int_equal(enter(&f, &other), HEALTH_REFUSED);
    assert_int_equal(other.until_us, f.now_us + 5 * US_PER_SECOND);
    assert_null(other.health);
    assert_int_equal(view(&f).probe_us, other.until_us);
    f.now_us = other.until_us - 1;
    assert_int_equal(health_look(f.h, f.now_us), HEALTH_REFUSED);
    assert_int_equal(enter(&f, &other), HEALTH_REFUSED);
    f.now_us++;
    assert_int_equal(health_look(f.h, f.now_us), HEALTH_GO);
    assert_int_equal(view(&f).state, HEALTH_OPEN); /* looking changes nothing */
    assert_int_equal(enter(&f, &probe), HEALTH_GO);
    assert_true(probe.probe);
    assert_int_equal(enter(&f, &other), HEALTH_REFUSED); /* one at a time */
    leave(&f, &old, HEALTH_OK);                          /* from before: no say */
    assert_int_equal(enter(&f, &other), HEALTH_REFUSED);
    leave(&f, &probe, HEALTH_CANCELLED); /* the token comes back, nothing is learned */
    assert_int_equal(view(&f).state, HEALTH_HALF_OPEN);
    assert_int_equal(call(&f, HEALTH_CLIENT), HEALTH_GO);
    assert_int_equal(view(&f).state, HEALTH_HALF_OPEN);
    assert_int_equal(call(&f, HEALTH_OK), HEALTH_GO);
    assert_int_equal(view(&f).state, HEALTH_HALF_OPEN);
    assert_int_equal(call(&f, HEALTH_OK), HEALTH_GO);
    assert_int_equal(view(&f).state, HEALTH_CLOSED);
    assert_int_equal(call(&f, HEALTH_FAILED), HEALTH_GO); /* begins to count anew */
    assert_int_equal(view(&f).state, HEALTH_CLOSED);
    end(&f);
}

static void test_a_late_probe_gives_no_second_token(void **state)
{
    (void)state;
    struct fixture f = begin();
    struct health_rules rules;
    struct health_pass p[3];
    health_rules_default(&rules);
    rules.probes = 2;
    health_set_rules(f.h, &rules, f.now_us);
    calls_until_open(&f, HEALTH_FAILED, 10);
    f.now_us = view(&f).probe_us;
    assert_int_equal(enter(&f, &p[0]), HEALTH_GO);
    assert_int_equal(enter(&f, &p[1]), HEALTH_GO);
    assert_int_equal(enter(&f, &p[2]), HEALTH_REFUSED);
    leave(&f, &p[0], HEALTH_FAILED);
    f.now_us = view(&f).probe_us;
    assert_int_equal(enter(&f, &p[0]), HEALTH_GO);
    leave(&f, &p[1], HEALTH_FAILED); /* of the round before: neither opens nor frees a token */
    assert_int_equal(view(&f).state, HEALTH_HALF_OPEN);
    assert_int_equal(enter(&f, &p[1]), HEALTH_GO);
    assert_int_equal(enter(&f, &p[2]), HEALTH_REFUSED);
    leave(&f, &p[0], HEALTH_OK);
    leave(&f, &p[1], HEALTH_OK);
    assert_int_equal(view(&f).state, HEALTH_CLOSED);
    end(&f);
}

static void test_backs_off(void **state)
{
    (void)state;
    struct fixture f = begin();
    calls_until_open(&f, HEALTH_FAILED, 10);
    static const int seconds[] = {5, 10, 20, 40, 60, 60};
    for (size_t i = 0; i < COUNT_OF(seconds); i++) {
        assert_int_equal(view(&f).probe_us - f.now_us, seconds[i] * US_PER_SECOND);
        f.now_us = view(&f).probe_us;
        assert_int_equal(call(&f, HEALTH_FAILED), HEALTH_GO);
        assert_int_equal(view(&f).state, HEALTH_OPEN);
    }
    f.now_us = view(&f).probe_us;
    call(&f, HEALTH_OK);
    call(&f, HEALTH_OK);
    calls_until_open(&f, HEALTH_FAILED, 10); /* soon after: goes on where it was */
    assert_int_equal(view(&f).probe_us - f.now_us, 60 * US_PER_SECOND);
    f.now_us = view(&f).probe_us;
    call(&f, HEALTH_OK);
    call(&f, HEALTH_OK);
    f.now_us += US_PER_MINUTE; /* it held: from the start */
    struct health_pass p;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(enter(&f, &p), HEALTH_GO);
        health_leave(&p, &(struct health_result){.outcome = HEALTH_FAILED, .now_us = f.now_us, .random = UINT64_MAX});
    }
    int64_t open_us = view(&f).probe_us - f.now_us;
    assert_true(open_us >= 4 * US_PER_SECOND && open_us < 5 * US_PER_SECOND);
    end(&f);
}

static void test_first_token_of_a_probe(void **state)
{
    (void)state;
    struct fixture f = begin();
    struct health_pass a, b;
    calls_until_open(&f, HEALTH_FAILED, 10);
    f.now_us = view(&f).probe_us;
    assert_int_equal(enter(&f, &a), HEALTH_GO);
    f.now_us += TOOK;
    health_first_token(&a, f.now_us);
    health_first_token(&a, f.now_us);           /* said twice, counted once */
    assert_int_equal(enter(&f, &b), HEALTH_GO); /* the token is free while the first one still streams */
    leave(&f, &a, HEALTH_OK);                   /* its end does not count again */
    assert_int_equal(view(&f).state, HEALTH_HALF_OPEN);
    health_first_token(&b, f.now_us);
    assert_int_equal(view(&f).state, HEALTH_CLOSED);
    leave(&f, &b, HEALTH_OK);
    calls_until_open(&f, HEALTH_FAILED, 10);
    f.now_us = view(&f).probe_us;
    assert_int_equal(enter(&f, &a), HEALTH_GO);
    health_first_token(&a, f.now_us);
    leave(&f, &a, HEALTH_STALLED); /* after a good beginning */
    assert_int_equal(view(&f).state, HEALTH_OPEN);
    end(&f);
}

static void test_slow_answers(void **state)
{
    (void)state;
    struct fixture f = begin();
    struct health_rules rules;
    struct health_pass p;
    health_rules_default(&rules);
    rules.slow_us = US_PER_SECOND;
    health_set_rules(f.h, &rules, f.now_us);
    int calls = 0;
    while (view(&f).state == HEALTH_CLOSED && calls < 100) {
        calls++;
        assert_int_equal(enter(&f, &p), HEALTH_GO);
        f.now_us += 2 * US_PER_SECOND;
        if (calls % 2) health_first_token(&p, f.now_us);
        leave(&f, &p, HEALTH_OK);
    }
    assert_int_equal(calls, 20);
    assert_int_equal(view(&f).slow, 20);
    f.now_us = view(&f).probe_us;
    assert_int_equal(enter(&f, &p), HEALTH_GO);
    f.now_us += 2 * US_PER_SECOND;
    leave(&f, &p, HEALTH_OK); /* a slow probe does not close what slowness opened */
    assert_int_equal(view(&f).state, HEALTH_OPEN);
    f.now_us = view(&f).probe_us;
    assert_int_equal(call(&f, HEALTH_OK), HEALTH_GO);
    assert_int_equal(call(&f, HEALTH_OK), HEALTH_GO);
    for (int i = 0; i < 200; i++) { /* every second one slow: works */
        assert_int_equal(enter(&f, &p), HEALTH_GO);
        f.now_us += i % 2 ? 2 * US_PER_SECOND : TOOK;
        leave(&f, &p, HEALTH_OK);
    }
    assert_int_equal(view(&f).state, HEALTH_CLOSED);
    end(&f);
}

static void limited(struct fixture *f, int64_t retry_after_us)
{
    struct health_pass p;
    assert_int_equal(enter(f, &p), HEALTH_GO);
    health_leave(&p, &(struct health_result){.outcome = HEALTH_LIMITED,
                                             .status = 429,
                                             .now_us = f->now_us,
                                             .retry_after_us = retry_after_us});
}

static void test_rests(void **state)
{
    (void)state;
    struct fixture f = begin();
    struct health_pass p;
    limited(&f, 30 * US_PER_SECOND);
    assert_int_equal(enter(&f, &p), HEALTH_RESTING);
    assert_int_equal(p.until_us, f.now_us + 30 * US_PER_SECOND);
    assert_int_equal(view(&f).resting_us, p.until_us);
    assert_int_equal(health_look(f.h, f.now_us), HEALTH_RESTING);
    f.now_us = p.until_us;
    assert_int_equal(view(&f).resting_us, 0);
    assert_int_equal(call(&f, HEALTH_OK), HEALTH_GO);
    limited(&f, 3 * US_PER_DAY); /* nobody is believed for days */
    assert_int_equal(view(&f).resting_us, f.now_us + US_PER_HOUR);
    f.now_us += US_PER_HOUR;
    assert_int_equal(call(&f, HEALTH_OK), HEALTH_GO);
    for (int i = 0; i < 4; i++) limited(&f, 0);
    assert_int_equal(view(&f).resting_us, 0);
    static const int seconds[] = {1, 2, 4, 8, 16, 32, 60, 60};
    for (size_t i = 0; i < COUNT_OF(seconds); i++) { /* a used-up quota that names no time */
        limited(&f, 0);
        assert_int_equal(view(&f).resting_us - f.now_us, seconds[i] * US_PER_SECOND);
        f.now_us = view(&f).resting_us;
    }
    assert_int_equal(view(&f).state, HEALTH_CLOSED); /* limits never open the breaker */
    assert_int_equal(call(&f, HEALTH_OK), HEALTH_GO);
    limited(&f, 0);
    assert_int_equal(view(&f).resting_us, 0);
    end(&f);
}

/* ---- the table */

static void count_view(void *ctx, const struct health_view *is)
{
    (void)is;
    ++*(int *)ctx;
}

static void test_records(void **state)
{
    (void)state;
    struct healths *all = healths_new(2);
    struct health *a = health_find(all, S("openai/a")), *b = health_find(all, S("azure/b"));
    assert_ptr_equal(health_find(all, S("openai/a")), a);
    assert_ptr_not_equal(a, b);
    struct health *c = health_find(all, S("openai/c")), *d = health_find(all, S("openai/d"));
    assert_ptr_equal(c, d); /* at the ceiling: by provider */
    assert_true(str_eq(health_name(c), S("openai/(other)")));
    assert_ptr_not_equal(health_find(all, S("azure/e")), c);
    assert_ptr_equal(health_find(all, S("azure/b")), b);
    char name[400];
    for (int i = 0; i < 2000; i++) {
        int n = snprintf(name, sizeof(name), "%d/%0300d", i, i);
        health_find(all, str_of(name, (size_t)n));
    }
    int count = 0;
    healths_each(all, T0, count_view, &count);
    assert_int_equal(count, 2 + 256 + 1);
    healths_drop(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whose_fault),
        cmocka_unit_test(test_opens_by_failures_in_a_row),
        cmocka_unit_test(test_tells_flapping_from_broken),
        cmocka_unit_test(test_probes),
        cmocka_unit_test(test_a_late_probe_gives_no_second_token),
        cmocka_unit_test(test_backs_off),
        cmocka_unit_test(test_first_token_of_a_probe),
        cmocka_unit_test(test_slow_answers),
        cmocka_unit_test(test_rests),
        cmocka_unit_test(test_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
