/* The limit of calls in flight, and who waits before it. */
#include "health_help.h"

enum { WAITERS = 64 };

struct caller {
    struct health_waiter waiter;
    struct health_pass pass;
    int woken;
};

static void wake(struct health_waiter *w)
{
    ((struct caller *)w->owner)->woken++;
}

static struct caller callers[WAITERS];

static void reset_callers(void)
{
    for (int i = 0; i < WAITERS; i++) {
        callers[i] = (struct caller){0};
        health_waiter_init(&callers[i].waiter, wake, &callers[i]);
    }
}

static struct fixture begin_at(uint32_t limit_max, uint32_t queue_max)
{
    struct fixture f = begin();
    struct health_rules rules;
    health_rules_default(&rules);
    rules.limit_max = limit_max;
    rules.queue_max = queue_max;
    health_set_rules(f.h, &rules, f.now_us);
    reset_callers();
    return f;
}

static enum health_verdict ask(struct fixture *f, int i, uint64_t key, enum feature_tier tier)
{
    struct health_ask a = {.now_us = f->now_us, .until_us = f->now_us + US_PER_SECOND, .key = key, .tier = tier};
    return health_enter(f->h, &a, &callers[i].waiter, &callers[i].pass);
}

static enum health_verdict collect(struct fixture *f, int i)
{
    return health_collect(&callers[i].waiter, f->now_us, &callers[i].pass);
}

static void overload(struct fixture *f, struct health_pass *p, int status)
{
    health_leave(p, &(struct health_result){.outcome = status == 429 ? HEALTH_LIMITED : HEALTH_FAILED,
                                            .status = status,
                                            .now_us = f->now_us});
}

static void test_limit_shrinks_once_for_one_overload(void **state)
{
    (void)state;
    struct fixture f = begin();
    struct health_pass p[100];
    for (int i = 0; i < 100; i++) assert_int_equal(enter(&f, &p[i]), HEALTH_GO);
    assert_int_equal(view(&f).limit, 4096);
    f.now_us += TOOK;
    overload(&f, &p[0], 429);
    assert_int_equal(view(&f).limit, 70); /* of the hundred that were in flight */
    overload(&f, &p[1], 503);
    overload(&f, &p[2], 529);
    leave(&f, &p[3], HEALTH_TIMED_OUT);
    assert_int_equal(view(&f).limit, 70);
    for (int i = 4; i < 100; i++) leave(&f, &p[i], HEALTH_CANCELLED);
    for (int i = 0; i < 70; i++) assert_int_equal(enter(&f, &p[i]), HEALTH_GO);
    assert_int_equal(health_look(f.h, f.now_us), HEALTH_WAIT);
    assert_int_equal(enter(&f, &p[70]), HEALTH_SHED); /* a hedge does not wait */
    overload(&f, &p[0], 429);                         /* admitted in the very moment of the shrinking: still old news */
    assert_int_equal(view(&f).limit, 70);
    f.now_us++;
    assert_int_equal(enter(&f, &p[0]), HEALTH_GO);
    overload(&f, &p[0], 429);
    assert_int_equal(view(&f).limit, 49);
    for (int i = 1; i < 70; i++) leave(&f, &p[i], HEALTH_CANCELLED);
    f.now_us += TOOK;
    assert_int_equal(enter(&f, &p[0]), HEALTH_GO);
    overload(&f, &p[0], 503);
    assert_int_equal(view(&f).limit, 49); /* it was alone: fewer at a time would not have helped it */
    for (int i = 0; i < 12; i++) {        /* down to the floor, not below */
        uint32_t most = view(&f).limit;
        f.now_us += TOOK;
        for (uint32_t n = 0; n < most; n++) assert_int_equal(enter(&f, &p[n]), HEALTH_GO);
        overload(&f, &p[0], 429);
        assert_int_equal(view(&f).limit, most * 7 / 10 > 1 ? most * 7 / 10 : 1);
        for (uint32_t n = 1; n < most; n++) leave(&f, &p[n], HEALTH_CANCELLED);
        call(&f, HEALTH_OK); /* keeps the breaker closed */
    }
    assert_true(view(&f).limit <= 2);
    end(&f);
}

/* A round of as many calls as the limit allows, all good. */
static void round_of_calls(struct fixture *f)
{
    struct health_pass p[256];
    uint32_t limit = view(f).limit;
    for (uint32_t i = 0; i < limit; i++) assert_int_equal(enter(f, &p[i]), HEALTH_GO);
    for (uint32_t i = 0; i < limit; i++) leave(f, &p[i], HEALTH_OK);
}

static void test_limit_grows_where_it_is_in_the_way(void **state)
{
    (void)state;
    struct fixture f = begin_at(100, 0);
    struct health_pass p[10];
    for (int i = 0; i < 10; i++) assert_int_equal(enter(&f, &p[i]), HEALTH_GO);
    overload(&f, &p[0], 429);
    for (int i = 1; i < 10; i++) leave(&f, &p[i], HEALTH_OK);
    uint32_t limit = view(&f).limit;
    assert_int_equal(limit, 7);
    for (int i = 0; i < 200; i++) call(&f, HEALTH_OK); /* one at a time: says nothing about eight */
    assert_int_equal(view(&f).limit, limit);
    for (int i = 0; i < 5; i++) {
        round_of_calls(&f);
        assert_true(view(&f).limit <= limit + 1);
        limit = view(&f).limit;
    }
    assert_true(limit >= 8 && limit <= 12);
    f.now_us += US_PER_MINUTE; /* quiet for long: faster */
    for (int i = 0; i < 40; i++) round_of_calls(&f);
    assert_int_equal(view(&f).limit, 100);
    end(&f);
}

static void test_comes_back_narrow(void **state)
{
    (void)state;
    struct fixture f = begin();
    calls_until_open(&f, HEALTH_FAILED, 10);
    f.now_us = view(&f).probe_us;
    call(&f, HEALTH_OK);
    call(&f, HEALTH_OK);
    assert_int_equal(view(&f).state, HEALTH_CLOSED);
    assert_int_equal(view(&f).limit, 8);
    end(&f);
}

static void test_room_is_given_in_turn(void **state)
{
    (void)state;
    struct fixture f = begin_at(1, 64);
    struct health_pass p;
    /* Key 1 has six waiting before keys 2 and 3 come; a critical call comes last of all. */
    static const uint64_t keys[] = {1, 1, 1, 1, 1, 1, 2, 2, 3};
    static const int order[] = {10, 0, 6, 8, 1, 7, 2, 3, 4, 5, 9};
    assert_int_equal(enter(&f, &p), HEALTH_GO);
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        assert_int_equal(ask(&f, (int)i, keys[i], FEATURE_TIER_NORMAL), HEALTH_WAIT);
    assert_int_equal(ask(&f, 9, 4, FEATURE_TIER_BACKGROUND), HEALTH_WAIT);
    assert_int_equal(ask(&f, 10, 4, FEATURE_TIER_CRITICAL), HEALTH_WAIT);
    assert_int_equal(view(&f).waiting, 11);
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        assert_int_equal(collect(&f, order[i]), HEALTH_WAIT);
        leave(&f, &p, HEALTH_OK);
        assert_int_equal(callers[order[i]].woken, 1);
        assert_int_equal(view(&f).in_flight, 1); /* given, not fought for */
        assert_int_equal(collect(&f, order[i]), HEALTH_GO);
        p = callers[order[i]].pass;
    }
    leave(&f, &p, HEALTH_OK);
    end(&f);
}

static void test_a_newcomer_joins_the_round_of_now(void **state)
{
    (void)state;
    struct fixture f = begin_at(1, 64);
    struct health_pass p;
    static const int order[] = {0, 1, 2, 6, 3, 7, 4, 5}; /* 6 and 7 come after 2 was served */
    assert_int_equal(enter(&f, &p), HEALTH_GO);
    for (int i = 0; i < 6; i++) assert_int_equal(ask(&f, i, 1, FEATURE_TIER_NORMAL), HEALTH_WAIT);
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        leave(&f, &p, HEALTH_OK);
        assert_int_equal(collect(&f, order[i]), HEALTH_GO);
        p = callers[order[i]].pass;
        if (i != 2) continue;
        assert_int_equal(ask(&f, 6, 2, FEATURE_TIER_NORMAL), HEALTH_WAIT);
        assert_int_equal(ask(&f, 7, 2, FEATURE_TIER_NORMAL), HEALTH_WAIT);
    }
    leave(&f, &p, HEALTH_OK);
    end(&f);
}

static void test_sheds_the_least_first(void **state)
{
    (void)state;
    struct fixture f = begin_at(1, 4);
    struct health_pass p;
    assert_int_equal(enter(&f, &p), HEALTH_GO);
    assert_int_equal(ask(&f, 0, 1, FEATURE_TIER_BACKGROUND), HEALTH_WAIT);
    assert_int_equal(ask(&f, 1, 1, FEATURE_TIER_NORMAL), HEALTH_WAIT);
    assert_int_equal(ask(&f, 2, 1, FEATURE_TIER_NORMAL), HEALTH_WAIT);
    assert_int_equal(ask(&f, 3, 1, FEATURE_TIER_NORMAL), HEALTH_WAIT);
    assert_int_equal(ask(&f, 4, 2, FEATURE_TIER_BACKGROUND), HEALTH_SHED); /* no better than the one that waits */
    assert_int_equal(ask(&f, 5, 1, FEATURE_TIER_NORMAL), HEALTH_WAIT);
    assert_int_equal(collect(&f, 0), HEALTH_SHED);
    assert_int_equal(callers[0].woken, 1);
    assert_int_equal(ask(&f, 6, 2, FEATURE_TIER_NORMAL),
                     HEALTH_WAIT); /* another key: in the place of the greedy one's last */
    assert_int_equal(collect(&f, 5), HEALTH_SHED);
    assert_int_equal(ask(&f, 7, 1, FEATURE_TIER_NORMAL), HEALTH_SHED);
    for (int i = 8; i < 12; i++) assert_int_equal(ask(&f, i, 3, FEATURE_TIER_CRITICAL), HEALTH_WAIT);
    assert_int_equal(ask(&f, 12, 9, FEATURE_TIER_NORMAL), HEALTH_SHED);
    assert_int_equal(view(&f).waiting, 4);
    assert_int_equal(view(&f).shed[FEATURE_TIER_BACKGROUND], 2);
    assert_int_equal(view(&f).shed[FEATURE_TIER_NORMAL], 7);
    assert_int_equal(view(&f).shed[FEATURE_TIER_CRITICAL], 0);
    for (int i = 8; i < 12; i++) health_quit(&callers[i].waiter, f.now_us);
    leave(&f, &p, HEALTH_OK);
    end(&f);
}

static void test_nobody_waits_for_ever(void **state)
{
    (void)state;
    struct fixture f = begin_at(1, 8);
    struct health_pass p;
    struct health_ask at_once = {.now_us = f.now_us, .until_us = f.now_us};
    assert_int_equal(enter(&f, &p), HEALTH_GO);
    assert_int_equal(health_enter(f.h, &at_once, &callers[0].waiter, &callers[0].pass), HEALTH_SHED);
    assert_int_equal(ask(&f, 1, 1, FEATURE_TIER_NORMAL), HEALTH_WAIT);
    assert_int_equal(ask(&f, 2, 1, FEATURE_TIER_NORMAL), HEALTH_WAIT);
    f.now_us += US_PER_SECOND - 1;
    assert_int_equal(ask(&f, 3, 1, FEATURE_TIER_NORMAL), HEALTH_WAIT);
    assert_int_equal(collect(&f, 1), HEALTH_WAIT);
    f.now_us++;
    assert_int_equal(collect(&f, 1), HEALTH_SHED); /* by its own timer */
    leave(&f, &p, HEALTH_OK);
    assert_int_equal(collect(&f, 2), HEALTH_SHED); /* passed over */
    assert_int_equal(collect(&f, 3), HEALTH_GO);
    leave(&f, &callers[3].pass, HEALTH_OK);
    end(&f);
}

static void test_quitting(void **state)
{
    (void)state;
    struct fixture f = begin_at(1, 8);
    struct health_pass p;
    assert_int_equal(enter(&f, &p), HEALTH_GO);
    for (int i = 0; i < 3; i++) assert_int_equal(ask(&f, i, 1, FEATURE_TIER_NORMAL), HEALTH_WAIT);
    health_quit(&callers[1].waiter, f.now_us);
    health_quit(&callers[1].waiter, f.now_us); /* harmless */
    leave(&f, &p, HEALTH_OK);
    assert_int_equal(callers[0].woken, 1);
    health_quit(&callers[0].waiter, f.now_us); /* what it was given goes on to the next */
    assert_int_equal(callers[1].woken, 0);
    assert_int_equal(view(&f).waiting, 0);
    assert_int_equal(collect(&f, 2), HEALTH_GO);
    leave(&f, &callers[2].pass, HEALTH_OK);
    assert_int_equal(ask(&f, 0, 1, FEATURE_TIER_NORMAL), HEALTH_GO);
    leave(&f, &callers[0].pass, HEALTH_OK);
    leave(&f, &callers[0].pass, HEALTH_OK); /* holds nothing: harmless */
    end(&f);
}

static void test_a_broken_target_sends_all_away(void **state)
{
    (void)state;
    struct fixture f = begin_at(10, 8);
    struct health_pass p[10];
    for (int i = 0; i < 10; i++) assert_int_equal(enter(&f, &p[i]), HEALTH_GO);
    for (int i = 0; i < 3; i++) assert_int_equal(ask(&f, i, 1, FEATURE_TIER_CRITICAL), HEALTH_WAIT);
    for (int i = 0; i < 5; i++) leave(&f, &p[i], HEALTH_TIMED_OUT);
    assert_int_equal(view(&f).state, HEALTH_OPEN);
    int refused = 0;
    for (int i = 0; i < 3; i++) {
        enum health_verdict v = collect(&f, i);
        assert_int_equal(callers[i].woken, 1);
        refused += v == HEALTH_REFUSED;
        if (v == HEALTH_REFUSED) assert_int_equal(callers[i].pass.until_us, view(&f).probe_us);
        leave(&f, &callers[i].pass, HEALTH_CANCELLED);
    }
    assert_true(refused >= 1);
    for (int i = 5; i < 10; i++) leave(&f, &p[i], HEALTH_CANCELLED);
    assert_int_equal(view(&f).waiting, 0);
    end(&f);
}

static void test_what_was_given_is_taken_back(void **state)
{
    (void)state;
    struct fixture f = begin_at(10, 8);
    struct health_pass p[10];
    for (int i = 0; i < 10; i++) assert_int_equal(enter(&f, &p[i]), HEALTH_GO);
    assert_int_equal(ask(&f, 0, 1, FEATURE_TIER_NORMAL), HEALTH_WAIT);
    assert_int_equal(ask(&f, 1, 1, FEATURE_TIER_NORMAL), HEALTH_WAIT);
    leave(&f, &p[0], HEALTH_OK);
    leave(&f, &p[1], HEALTH_OK);
    assert_int_equal(callers[0].woken + callers[1].woken, 2);
    assert_int_equal(collect(&f, 0), HEALTH_GO);
    for (int i = 2; i < 7; i++) leave(&f, &p[i], HEALTH_STALLED);
    assert_int_equal(view(&f).state, HEALTH_OPEN);
    assert_int_equal(view(&f).in_flight, 5);
    assert_int_equal(collect(&f, 1), HEALTH_REFUSED); /* given, not used yet, and the target broke meanwhile */
    assert_int_equal(callers[1].pass.until_us, view(&f).probe_us);
    assert_int_equal(view(&f).in_flight, 4);
    leave(&f, &callers[0].pass, HEALTH_OK);
    for (int i = 7; i < 10; i++) leave(&f, &p[i], HEALTH_OK);
    end(&f);
}

static void test_a_resting_target_sends_all_away(void **state)
{
    (void)state;
    struct fixture f = begin_at(2, 8);
    struct health_pass p[2];
    for (int i = 0; i < 2; i++) assert_int_equal(enter(&f, &p[i]), HEALTH_GO);
    assert_int_equal(ask(&f, 0, 1, FEATURE_TIER_CRITICAL), HEALTH_WAIT);
    health_leave(&p[0], &(struct health_result){.outcome = HEALTH_LIMITED,
                                                .status = 429,
                                                .now_us = f.now_us,
                                                .retry_after_us = US_PER_SECOND});
    assert_int_equal(collect(&f, 0), HEALTH_RESTING);
    assert_int_equal(callers[0].pass.until_us, f.now_us + US_PER_SECOND);
    leave(&f, &p[1], HEALTH_OK);
    end(&f);
}

static void test_a_higher_ceiling_lets_in(void **state)
{
    (void)state;
    struct fixture f = begin_at(1, 8);
    struct health_rules rules;
    struct health_pass p;
    assert_int_equal(enter(&f, &p), HEALTH_GO);
    assert_int_equal(ask(&f, 0, 1, FEATURE_TIER_NORMAL), HEALTH_WAIT);
    health_rules_default(&rules);
    health_set_rules(f.h, &rules, f.now_us); /* as a reload does */
    assert_int_equal(collect(&f, 0), HEALTH_GO);
    leave(&f, &callers[0].pass, HEALTH_OK);
    leave(&f, &p, HEALTH_OK);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit_shrinks_once_for_one_overload),
        cmocka_unit_test(test_limit_grows_where_it_is_in_the_way),
        cmocka_unit_test(test_comes_back_narrow),
        cmocka_unit_test(test_room_is_given_in_turn),
        cmocka_unit_test(test_a_newcomer_joins_the_round_of_now),
        cmocka_unit_test(test_sheds_the_least_first),
        cmocka_unit_test(test_nobody_waits_for_ever),
        cmocka_unit_test(test_quitting),
        cmocka_unit_test(test_a_broken_target_sends_all_away),
        cmocka_unit_test(test_what_was_given_is_taken_back),
        cmocka_unit_test(test_a_resting_target_sends_all_away),
        cmocka_unit_test(test_a_higher_ceiling_lets_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
