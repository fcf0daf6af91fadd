/* What failures cost, and where latency lies. */
#include "health_help.h"

/* ---- the price of failures: a primary, and a fallback that always works */

static void test_wholly_down(void **state)
{
    (void)state;
    struct fixture f = begin();
    int attempts = 0;
    enum { CALLS = 1000 };
    for (int i = 0; i < CALLS; i++, f.now_us += 50 * US_PER_MS) {
        bool at_primary = call(&f, HEALTH_FAILED) == HEALTH_GO;
        attempts += at_primary;
        for (int again = 0; at_primary && again < 3 && health_may_repeat(f.h); again++)
            attempts += call(&f, HEALTH_FAILED) == HEALTH_GO;
        attempts++; /* the fallback */
    }
    print_message("wholly down: %.3f attempts a call\n", (double)attempts / CALLS);
    assert_true(attempts <= CALLS * 11 / 10);
    assert_int_equal(view(&f).counts[HEALTH_FAILED], attempts - CALLS);
    end(&f);
}

static void test_repeats_are_free_at_a_third(void **state)
{
    (void)state;
    struct fixture f = begin();
    struct rng r;
    rng_seed(&r, 7);
    int refused = 0, wanted = 0;
    for (int i = 0; i < 20000; i++, f.now_us += AGAIN) {
        bool failed = rng_below(&r, 100) < 30;
        if (call(&f, failed ? HEALTH_FAILED : HEALTH_OK) != HEALTH_GO || !failed) continue;
        if (view(&f).state != HEALTH_CLOSED) continue;
        wanted++;
        refused += !health_may_repeat(f.h);
    }
    print_message("30 %% failures: %d of %d repeats refused\n", refused, wanted);
    assert_true(refused * 50 < wanted);
    end(&f);
}

static void test_bucket(void **state)
{
    (void)state;
    struct fixture f = begin();
    for (int i = 0; i < 20; i++) assert_true(health_may_repeat(f.h));
    assert_false(health_may_repeat(f.h));
    call(&f, HEALTH_OK);
    assert_false(health_may_repeat(f.h)); /* half a token */
    call(&f, HEALTH_OK);
    assert_true(health_may_repeat(f.h));
    for (int i = 0; i < 1000; i++) call(&f, HEALTH_OK);
    assert_int_equal(view(&f).repeat_tokens, 20);
    f.now_us += US_PER_DAY; /* time alone refills nothing */
    for (int i = 0; i < 20; i++) assert_true(health_may_repeat(f.h));
    assert_false(health_may_repeat(f.h));
    assert_int_equal(view(&f).repeats, 41);
    assert_int_equal(view(&f).repeats_refused, 3);
    for (int i = 0; i < 100; i++) call(&f, HEALTH_OK);
    calls_until_open(&f, HEALTH_FAILED, 10);
    assert_false(health_may_repeat(f.h)); /* open */
    end(&f);
}

/* ---- latency */

static void test_quantiles(void **state)
{
    (void)state;
    struct fixture f = begin();
    struct health_pass p;
    for (int i = 1; i <= 19; i++) {
        assert_int_equal(enter(&f, &p), HEALTH_GO);
        health_first_token(&p, f.now_us + TOOK);
        leave(&f, &p, HEALTH_OK);
    }
    assert_int_equal(health_first_token_p95_us(f.h), 0);
    for (int i = 1; i <= 1000; i++) { /* 1 ms ... 1 s */
        assert_int_equal(enter(&f, &p), HEALTH_GO);
        int64_t began_us = f.now_us;
        health_first_token(&p, began_us + (i * 7919 % 1000 + 1) * US_PER_MS);
        f.now_us = began_us + 2 * (i * 7919 % 1000 + 1) * US_PER_MS;
        leave(&f, &p, HEALTH_OK);
        f.now_us = began_us;
    }
    assert_true(llabs(health_first_token_p95_us(f.h) - 950 * US_PER_MS) < 80 * US_PER_MS);
    assert_true(llabs(health_first_token_p50_us(f.h) - 500 * US_PER_MS) < 60 * US_PER_MS);
    assert_true(llabs(health_total_p95_us(f.h) - 1900 * US_PER_MS) < 160 * US_PER_MS);
    end(&f);
}

/* Hedging cancels whoever is above the p95: their times must not be lost. */
static void test_hedging_keeps_its_p95(void **state)
{
    (void)state;
    struct fixture f = begin();
    struct health_pass p;
    struct rng r;
    rng_seed(&r, 3);
    int hedged = 0;
    for (int i = 0; i < 5000; i++) {
        int64_t first_us = (int64_t)(1 + rng_below(&r, 1000)) * US_PER_MS;
        int64_t began_us = f.now_us, p95 = health_first_token_p95_us(f.h);
        assert_int_equal(enter(&f, &p), HEALTH_GO);
        bool given_up = p95 && first_us > p95;
        f.now_us += given_up ? p95 : first_us;
        if (!given_up) health_first_token(&p, f.now_us);
        leave(&f, &p, given_up ? HEALTH_CANCELLED : HEALTH_OK);
        hedged += given_up;
        f.now_us = began_us + US_PER_MS;
    }
    print_message("hedged: %d of 5000, p95 %lld ms\n", hedged, (long long)health_first_token_p95_us(f.h) / 1000);
    assert_true(hedged > 100 && hedged < 500);
    assert_true(health_first_token_p95_us(f.h) > 850 * US_PER_MS);
    end(&f);
}

static void test_forgets(void **state)
{
    (void)state;
    struct fixture f = begin();
    struct health_pass p;
    for (int part = 0; part < 2; part++) {
        for (int i = 0; i < 200; i++) {
            assert_int_equal(enter(&f, &p), HEALTH_GO);
            health_first_token(&p, f.now_us + (part ? 10 : 2000) * US_PER_MS);
            leave(&f, &p, HEALTH_OK);
        }
        if (!part) assert_true(health_first_token_p95_us(f.h) > US_PER_SECOND);
        f.now_us += US_PER_HOUR;
    }
    assert_true(health_first_token_p95_us(f.h) < 20 * US_PER_MS); /* an hour later, the old load says little */
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wholly_down),
        cmocka_unit_test(test_repeats_are_free_at_a_third),
        cmocka_unit_test(test_bucket),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_hedging_keeps_its_p95),
        cmocka_unit_test(test_forgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
