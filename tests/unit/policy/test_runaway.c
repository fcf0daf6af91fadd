/* Loops: the same message, two in turn, no progress; and where they block. */
#include "runaway_help.h"

static void test_a_loop_is_stopped_within_twenty_calls(void **state)
{
    (void)state;
    struct fixture f = begin();
    static const enum runaway_action ladder[20] = {
        RUNAWAY_NONE, RUNAWAY_NONE, RUNAWAY_WARN, RUNAWAY_WARN, RUNAWAY_WARN, RUNAWAY_WARN,  RUNAWAY_WARN,
        RUNAWAY_WARN, RUNAWAY_WARN, RUNAWAY_SLOW, RUNAWAY_SLOW, RUNAWAY_SLOW, RUNAWAY_SLOW,  RUNAWAY_SLOW,
        RUNAWAY_SLOW, RUNAWAY_SLOW, RUNAWAY_SLOW, RUNAWAY_SLOW, RUNAWAY_SLOW, RUNAWAY_BLOCK,
    };
    int64_t delay_us = 0;
    for (int i = 0; i < 20; i++, f.now_us += 50 * US_PER_MS) {
        assert_int_equal(ask(&f, 7, 100), ladder[i]);
        if (f.v.action == RUNAWAY_NONE) continue;
        assert_int_equal(f.v.reason, RUNAWAY_REPEAT);
        assert_int_equal(f.v.seen, i + 1);
        if (f.v.action != RUNAWAY_SLOW) continue;
        assert_true(f.v.delay_us > delay_us || f.v.delay_us == f.limits.delay_max_us);
        delay_us = f.v.delay_us;
    }
    assert_int_equal(delay_us, f.limits.delay_max_us);
    assert_int_equal(f.v.retry_after_us, 10 * US_PER_MINUTE);
    assert_true(says(&f, "the same message came 20 times within 10m in session \"s1\""));
    assert_true(says(&f, "a new session or `purser runaway lift` starts anew"));
    for (int i = 0; i < 100; i++, f.now_us += 20 * US_PER_SECOND) assert_int_equal(ask(&f, 7, 100), RUNAWAY_BLOCK);
    assert_int_equal(ask(&f, 8, 100), RUNAWAY_NONE); /* another message goes */
    f.now_us += 10 * US_PER_MINUTE;
    assert_int_equal(ask(&f, 7, 100), RUNAWAY_NONE); /* long enough without it */
    end(&f);
}

static void test_only_lately_counts(void **state)
{
    (void)state;
    struct fixture f = begin();
    for (int i = 0; i < 200; i++, f.now_us += 6 * US_PER_MINUTE) assert_int_equal(ask(&f, 7, 1), RUNAWAY_NONE);
    for (int i = 0; i < 100; i++, f.now_us += 90 * US_PER_SECOND) /* 7 in ten minutes */
        assert_true(ask(&f, 7, 1) <= RUNAWAY_WARN);
    assert_int_equal(f.v.action, RUNAWAY_WARN);
    end(&f);
}

static void test_sessions_and_keys_are_apart(void **state)
{
    (void)state;
    struct fixture f = begin();
    for (int i = 0; i < 25; i++) ask(&f, 7, 1);
    assert_int_equal(f.v.action, RUNAWAY_BLOCK);
    f.where.session = S("s2");
    assert_int_equal(ask(&f, 7, 1), RUNAWAY_NONE);
    f.where.session = S("s1");
    f.where.key = S("mobile"); /* whose session has the same name */
    assert_int_equal(ask(&f, 7, 1), RUNAWAY_NONE);
    f.where.key = S("web");
    f.where.session = STR_NONE;
    f.where.task = S("s1");
    assert_int_equal(ask(&f, 7, 1), RUNAWAY_NONE);
    for (int i = 0; i < 25; i++) ask(&f, 7, 1); /* a task that is named blocks, too */
    assert_int_equal(f.v.action, RUNAWAY_BLOCK);
    assert_true(says(&f, "in task \"s1\""));
    end(&f);
}

static void test_a_batch_may_ask_the_same(void **state)
{
    (void)state;
    struct fixture f = begin();
    f.where.session = STR_NONE;
    for (int i = 1; i <= 1000; i++) {
        assert_int_equal(ask(&f, 7, 1), i < 10 ? RUNAWAY_NONE : RUNAWAY_WARN);
        answer(&f, 7, 5, 1, 0);
    }
    assert_true(says(&f, "in the calls of key \"web\""));
    end(&f);
}

static void test_longer_loops(void **state)
{
    (void)state;
    for (uint64_t steps = 3; steps <= 16; steps++) { /* A B C A B C ... */
        struct fixture f = begin();
        uint64_t i = 0;
        while (i < 1000 && ask(&f, 1 + i % steps, 1) != RUNAWAY_BLOCK) i++;
        assert_int_equal(i / steps + 1, 20);
        end(&f);
    }
    struct fixture f = begin();
    for (uint64_t i = 1; i < 1000; i++) assert_int_equal(ask(&f, i, 1), RUNAWAY_NONE); /* no loop at all */
    end(&f);
}

static void test_ping_pong(void **state)
{
    (void)state;
    struct fixture f = begin();
    f.limits.repeat_warn = 1000; /* alone */
    for (int i = 1; i <= 20; i++) {
        enum runaway_action a = ask(&f, 1 + (uint64_t)i % 2, 1);
        assert_int_equal(a, i < 6 ? RUNAWAY_NONE : i < 10 ? RUNAWAY_WARN : i < 20 ? RUNAWAY_SLOW : RUNAWAY_BLOCK);
        if (a != RUNAWAY_NONE && i != 19) assert_int_equal(f.v.reason, RUNAWAY_PING_PONG);
    }
    assert_true(says(&f, "two messages came in turn for 20 calls"));
    assert_int_equal(ask(&f, 3, 1), RUNAWAY_NONE); /* it ends with any third */
    assert_int_equal(ask(&f, 1, 1), RUNAWAY_SLOW); /* which has come eleven times by now */
    f.now_us += 11 * US_PER_MINUTE;
    for (int i = 0; i < 40; i++, f.now_us += 11 * US_PER_MINUTE) /* seldom: no hurry, no loop */
        assert_int_equal(ask(&f, 1 + (uint64_t)i % 2, 1), RUNAWAY_NONE);
    end(&f);
}

static void test_no_progress(void **state)
{
    (void)state;
    struct fixture f = begin();
    for (uint64_t i = 1; i <= 3; i++) { /* a classifier that says "no" to everything */
        assert_int_equal(ask(&f, i, 1), RUNAWAY_NONE);
        answer(&f, i, 99, 1, 0);
    }
    for (uint64_t i = 10; i < 100; i++) {
        assert_int_equal(ask(&f, i, 1), RUNAWAY_WARN);
        assert_int_equal(f.v.reason, RUNAWAY_NO_PROGRESS);
        answer(&f, i, 99, 1, 0);
    }
    ask(&f, 100, 1);
    answer(&f, 100, 98, 1, 0);
    assert_int_equal(ask(&f, 101, 1), RUNAWAY_NONE);
    for (int i = 0; i < 3; i++) { /* the same question with the same answer is slowed sooner */
        assert_true(ask(&f, 200, 1) <= RUNAWAY_WARN);
        answer(&f, 200, 97, 1, 0);
    }
    assert_int_equal(ask(&f, 200, 1), RUNAWAY_SLOW);
    assert_int_equal(f.v.reason, RUNAWAY_NO_PROGRESS);
    answer(&f, 200, 96, 1, 0);
    assert_int_equal(ask(&f, 200, 1), RUNAWAY_WARN);
    assert_int_equal(f.v.reason, RUNAWAY_REPEAT);
    for (int i = 0; i < 3; i++) {
        ask(&f, 300, 1);
        answer(&f, 300, 95, 1, 0);
    }
    f.now_us += 11 * US_PER_MINUTE;
    assert_int_equal(ask(&f, 300, 1), RUNAWAY_WARN); /* not asked for long: no repeat */
    end(&f);
}

static void test_lifting(void **state)
{
    (void)state;
    struct fixture f = begin();
    for (int i = 0; i < 25; i++) ask(&f, 7, 1);
    assert_int_equal(f.v.action, RUNAWAY_BLOCK);
    assert_false(runaway_lift(f.r, S("mobile"), S("s1")));
    assert_false(runaway_lift(f.r, S("web"), S("s2")));
    assert_true(runaway_knows(f.r, S("web"), S("s1")) && !runaway_knows(f.r, S("mobile"), S("s1")));
    assert_true(runaway_lift(f.r, S("web"), S("s1")));
    assert_false(runaway_lift(f.r, S("web"), S("s1")));
    assert_false(runaway_knows(f.r, S("web"), S("s1")));
    f.where.task = S("t1");
    ask(&f, 7, 1);
    assert_true(runaway_knows(f.r, S("web"), S("t1")) && runaway_lift(f.r, S("web"), S("t1")));
    assert_true(runaway_lift(f.r, S("web"), S("s1")));
    assert_int_equal(ask(&f, 7, 1), RUNAWAY_NONE);
    struct runaways_view view;
    runaways_see(f.r, &view);
    assert_int_equal(view.counts[RUNAWAY_REPEAT][RUNAWAY_BLOCK], 6);
    assert_int_equal(view.counts[RUNAWAY_REPEAT][RUNAWAY_WARN], 7);
    end(&f);
}

static void test_no_more_than_asked_for(void **state)
{
    (void)state;
    static const enum runaway_action most[] = {RUNAWAY_WARN, RUNAWAY_SLOW};
    for (size_t m = 0; m < COUNT_OF(most); m++) {
        struct fixture f = begin();
        struct runaways_view seen;
        for (int i = 0; i < 30; i++) {
            struct runaway_ask a = {
                .where = f.where, .limits = &f.limits, .now_us = f.now_us, .message = 7, .most = most[m]};
            runaway_check(f.r, &a, &f.v);
            assert_true(f.v.action <= most[m]);
        }
        assert_int_equal(f.v.action, most[m]);
        assert_int_equal(f.v.delay_us, most[m] == RUNAWAY_SLOW ? f.limits.delay_max_us : 0);
        runaways_see(f.r, &seen);
        assert_int_equal(seen.counts[RUNAWAY_REPEAT][RUNAWAY_BLOCK], 0);
        end(&f);
    }
}

static void test_all_off(void **state)
{
    (void)state;
    struct fixture f = begin();
    f.limits = (struct runaway_limits){0};
    f.where.task = S("t");
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(ask(&f, 1 + (uint64_t)(i / 500 && i % 2), 1000000), RUNAWAY_NONE);
        answer(&f, 1, 1, 1, 1);
    }
    end(&f);
}

static void test_tables_are_bounded(void **state)
{
    (void)state;
    struct fixture f = begin();
    struct runaways_view view;
    char name[32];
    for (int i = 0; i < 5000; i++, f.now_us += US_PER_MS) {
        int n = snprintf(name, sizeof(name), "n%d", i);
        f.where.session = f.where.task = f.where.feature = str_of(name, (size_t)n);
        ask(&f, 7, 1);
    }
    f.where.session = S("kept");
    for (int i = 0; i < 5000; i++) {
        int n = snprintf(name, sizeof(name), "m%d", i);
        f.where.session = str_of(name, (size_t)n);
        ask(&f, 7, 1);
        f.where.session = S("kept");
        if (i < 100 || i % 10 == 0) ask(&f, 7, 1);
    }
    assert_int_equal(ask(&f, 7, 1), RUNAWAY_BLOCK); /* what is in use stays */
    f.where.session = S("n4999");
    runaways_see(f.r, &view);
    assert_true(view.sessions <= 1024 && view.tasks <= 1024);
    assert_int_equal(view.features, 7); /* and one that the others share */
    f.now_us += 2 * US_PER_HOUR;
    runaways_sweep(f.r, f.now_us);
    runaways_see(f.r, &view);
    assert_int_equal(view.sessions, 0);
    assert_int_equal(view.tasks, 0);
    end(&f);
}

static void test_odd_names(void **state)
{
    (void)state;
    struct fixture f = begin();
    char name[1000];
    memset(name, '"', sizeof(name));
    f.where.session = str_of(name, sizeof(name));
    for (int i = 0; i < 25; i++) ask(&f, 7, 1);
    assert_int_equal(f.v.action, RUNAWAY_BLOCK);
    assert_true(says(&f, "raise the limit")); /* to the last word */
    end(&f);
}

struct stopped_seen {
    size_t count;
    struct runaway_stopped last;
    char text[600];
};

static void see_stopped(void *ctx, const struct runaway_stopped *s)
{
    struct stopped_seen *seen = ctx;
    seen->count++;
    snprintf(seen->text, sizeof(seen->text), "%s %.*s of %.*s, %.*s: %.*s", s->task ? "task" : "session",
             (int)s->name.n, s->name.p, (int)s->key.n, s->key.p, (int)s->feature.n, s->feature.p, (int)s->seen.n,
             s->seen.p);
    seen->last = *s;
}

static struct stopped_seen stopped(struct fixture *f, int64_t since_us)
{
    struct stopped_seen seen = {0};
    runaways_each_stopped(f->r, since_us, see_stopped, &seen);
    return seen;
}

static void test_what_was_stopped_is_told(void **state)
{
    (void)state;
    struct fixture f = begin();
    for (int i = 0; i < 19; i++) ask(&f, 7, 1);
    assert_int_equal(stopped(&f, 0).count, 0); /* slowed down is not stopped */
    for (int i = 0; i < 3; i++, f.now_us++) assert_int_equal(ask(&f, 7, 1), RUNAWAY_BLOCK);
    struct stopped_seen seen = stopped(&f, 0);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.text,
                        "session s1 of web, chat: the same message came 22 times within 10m in session \"s1\"");
    assert_int_equal(seen.last.blocked, 3);
    assert_int_equal(stopped(&f, f.now_us - 1).count, 1);
    assert_int_equal(stopped(&f, f.now_us).count, 0);
    f.where.session = STR_NONE;
    f.where.task = S("s1"); /* of that name, and another thing */
    for (int i = 0; i < 20; i++) ask(&f, 7, 1);
    assert_int_equal(stopped(&f, 0).count, 2);
    assert_int_equal(strncmp(stopped(&f, f.now_us).text, "task s1 of web, chat: ", 22), 0);
    assert_true(runaway_lift(f.r, S("web"), S("s1")));
    assert_int_equal(stopped(&f, 0).count, 0);
    end(&f);
}

static void test_what_is_forgotten_is_no_longer_told_as_stopped(void **state)
{
    (void)state;
    struct fixture f = begin();
    char name[16];
    for (int n = 0; n < 60; n++) { /* so many tasks must be known, here of one step each */
        f.where.task = str_of(name, (size_t)snprintf(name, sizeof(name), "t%d", n));
        ask(&f, 0, 1);
    }
    f.now_us += 11 * US_PER_MINUTE;
    runaways_sweep(f.r, f.now_us);
    f.limits.task_steps_floor = 2;
    f.where.task = S("long");
    for (int i = 0; i < 30; i++) ask(&f, 0, 1);
    assert_int_equal(f.v.action, RUNAWAY_BLOCK);
    assert_int_equal(f.v.reason, RUNAWAY_TASK_STEPS);
    f.where.task = STR_NONE;
    for (int i = 0; i < 20; i++) ask(&f, 7, 1);
    assert_int_equal(f.v.reason, RUNAWAY_REPEAT);
    assert_int_equal(stopped(&f, 0).count, 2);
    f.now_us += 11 * US_PER_MINUTE;
    runaways_sweep(f.r, f.now_us - 2 * US_PER_MINUTE);
    assert_int_equal(stopped(&f, 0).count, 2);
    runaways_sweep(f.r, f.now_us);             /* asking for them kept none alive */
    assert_int_equal(stopped(&f, 0).count, 1); /* the task rested: it begins anew */
    assert_false(stopped(&f, 0).last.task);
    f.now_us += US_PER_HOUR;
    runaways_sweep(f.r, f.now_us);
    assert_int_equal(stopped(&f, 0).count, 0);
    end(&f);
}

static void test_of_many_stopped_the_latest_are_told(void **state)
{
    (void)state;
    struct fixture f = begin();
    char name[400];
    for (int n = 0; n < 2 * RUNAWAY_STOPPED_MAX; n++, f.now_us += US_PER_MS) {
        memset(name, 'x', sizeof(name));
        snprintf(name, 8, "%03d", n);
        name[3] = '-';
        f.where.session = f.where.feature = str_of(name, sizeof(name));
        for (int i = 0; i < 20; i++) ask(&f, 7, 1);
        if (n == RUNAWAY_STOPPED_MAX / 2) assert_true(runaway_lift(f.r, S("web"), f.where.session));
    }
    struct stopped_seen seen = stopped(&f, 0);
    assert_int_equal(seen.count, RUNAWAY_STOPPED_MAX);
    assert_int_equal(seen.last.name.n, RUNAWAY_NAME_MAX);
    assert_int_equal(stopped(&f, f.now_us - RUNAWAY_STOPPED_MAX * US_PER_MS).count, RUNAWAY_STOPPED_MAX);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_loop_is_stopped_within_twenty_calls),
        cmocka_unit_test(test_only_lately_counts),
        cmocka_unit_test(test_sessions_and_keys_are_apart),
        cmocka_unit_test(test_a_batch_may_ask_the_same),
        cmocka_unit_test(test_longer_loops),
        cmocka_unit_test(test_ping_pong),
        cmocka_unit_test(test_no_progress),
        cmocka_unit_test(test_lifting),
        cmocka_unit_test(test_no_more_than_asked_for),
        cmocka_unit_test(test_all_off),
        cmocka_unit_test(test_tables_are_bounded),
        cmocka_unit_test(test_odd_names),
        cmocka_unit_test(test_what_was_stopped_is_told),
        cmocka_unit_test(test_what_is_forgotten_is_no_longer_told_as_stopped),
        cmocka_unit_test(test_of_many_stopped_the_latest_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
