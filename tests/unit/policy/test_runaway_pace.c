/* Pace and tasks: what is usual, and what leaves it far behind; and all of it with threads. */
#include "runaway_help.h"

#include "base/rng.h"

#include <pthread.h>
#include <stdatomic.h>

/* Minutes of `calls` calls, each of `tokens`; the worst that was said. */
static enum runaway_action minutes(struct fixture *f, int n, int calls, int64_t tokens)
{
    static uint64_t message;
    enum runaway_action worst = RUNAWAY_NONE;
    for (int i = 0; i < n * calls; i++, f->now_us += US_PER_MINUTE / calls) {
        enum runaway_action a = ask(f, ++message, tokens);
        if (a > worst) worst = a;
    }
    return worst;
}

static void test_pace_of_a_session(void **state)
{
    (void)state;
    struct fixture f = begin();
    f.limits.pace_floor = 1000;
    assert_int_equal(minutes(&f, 20, 10, 200), RUNAWAY_NONE); /* 2,000 a minute */
    assert_int_equal(minutes(&f, 1, 10, 1900), RUNAWAY_NONE); /* not ten times as much */
    f.now_us += US_PER_HOUR;
    assert_int_equal(minutes(&f, 1, 10, 2500), RUNAWAY_WARN);
    assert_int_equal(f.v.reason, RUNAWAY_PACE);
    assert_int_equal(f.v.limit, 20000);
    f.now_us += US_PER_HOUR;
    assert_int_equal(minutes(&f, 1, 20, 3000), RUNAWAY_SLOW);
    f.now_us += US_PER_HOUR;
    assert_int_equal(minutes(&f, 10, 10, 0), RUNAWAY_NONE); /* minutes of nothing are no minutes */
    assert_int_equal(ask(&f, 1, 20000), RUNAWAY_NONE);
    f.now_us += US_PER_HOUR + 59 * US_PER_SECOND;
    assert_int_equal(ask(&f, 1, 15000), RUNAWAY_NONE);
    f.now_us += 2 * US_PER_SECOND;
    assert_int_equal(ask(&f, 1, 15000), RUNAWAY_WARN); /* a minute is any minute */
    f.now_us += US_PER_HOUR - US_PER_SECOND;
    assert_int_equal(ask(&f, 1, 300000), RUNAWAY_BLOCK); /* in a session that is named */
    assert_int_equal(f.v.retry_after_us, US_PER_MINUTE);
    assert_true(says(&f, "used 300000 tokens within a minute; up to 20000 is usual there"));
    assert_int_equal(ask(&f, 2, 1000), RUNAWAY_NONE); /* what was blocked was not used */
    end(&f);
}

static void test_pace_of_a_stream(void **state)
{
    (void)state;
    struct fixture f = begin();
    f.where.session = STR_NONE;
    assert_int_equal(minutes(&f, 4, 10, 1000000), RUNAWAY_NONE); /* after a start nothing is known */
    f.now_us += US_PER_HOUR;
    assert_int_equal(minutes(&f, 20, 10, 20000), RUNAWAY_NONE);
    assert_int_equal(ask(&f, 1, 500 * 200000), RUNAWAY_SLOW); /* never blocks here */
    assert_true(f.v.delay_us <= f.limits.delay_max_us);
    end(&f);
}

static void test_growth_becomes_normal(void **state)
{
    (void)state;
    struct fixture f = begin();
    f.where.session = STR_NONE;
    f.limits.pace_floor = 100;
    assert_int_equal(minutes(&f, 20, 10, 100), RUNAWAY_NONE);
    assert_int_equal(minutes(&f, 2, 10, 1500), RUNAWAY_WARN);
    minutes(&f, 10, 10, 1500);
    assert_int_equal(minutes(&f, 5, 10, 1500), RUNAWAY_NONE);
    minutes(&f, 10, 10, 1000000); /* but a thousandfold is not taken for normal in ten minutes */
    assert_true(minutes(&f, 1, 10, 1000000) >= RUNAWAY_SLOW);
    end(&f);
}

static void test_below_the_floor(void **state)
{
    (void)state;
    struct fixture f = begin();
    assert_int_equal(minutes(&f, 20, 10, 10), RUNAWAY_NONE);
    assert_int_equal(minutes(&f, 5, 10, 9000), RUNAWAY_NONE); /* a hundred times as much is still little */
    f.where.session = S("new");
    assert_int_equal(ask(&f, 1, 900000), RUNAWAY_NONE); /* a first big document */
    assert_int_equal(ask(&f, 2, 200000), RUNAWAY_WARN);
    end(&f);
}

static void test_truth_replaces_the_guess(void **state)
{
    (void)state;
    struct fixture f = begin();
    assert_int_equal(ask(&f, 1, 900000), RUNAWAY_NONE);
    struct runaway_end e = {f.v.at, f.now_us, 1, 0, 900000, 1000, 0};
    runaway_note(f.r, &e);
    assert_int_equal(ask(&f, 2, 900000), RUNAWAY_NONE);
    e.tokens = 2000000; /* or more than was thought */
    runaway_note(f.r, &e);
    assert_int_equal(ask(&f, 3, 1), RUNAWAY_SLOW);
    f.where.session = S("s2");
    assert_int_equal(ask(&f, 1, 900000), RUNAWAY_NONE);
    f.now_us += 2 * US_PER_MINUTE;
    e = (struct runaway_end){f.v.at, f.now_us, 1, 0, 900000, 1000, 0};
    runaway_note(f.r, &e); /* minutes later: not taken out of those that did not have it */
    assert_int_equal(ask(&f, 2, 1100000), RUNAWAY_WARN);
    end(&f);
}

/* ---- tasks */

static char task_name[32];

static void name_task(struct fixture *f, int i)
{
    int n = snprintf(task_name, sizeof(task_name), "task %d", i);
    f->where.task = str_of(task_name, (size_t)n);
    f->where.session = STR_NONE;
}

/* A task of so many steps, each at this cost; the worst that was said. */
static enum runaway_action run_task(struct fixture *f, int i, int steps, picousd cost)
{
    enum runaway_action worst = RUNAWAY_NONE;
    name_task(f, i);
    for (int k = 0; k < steps; k++, f->now_us += US_PER_SECOND) {
        uint64_t message = (uint64_t)i * 10000 + (uint64_t)k + 1;
        if (ask(f, message, 1) > worst) worst = f->v.action;
        if (f->v.action != RUNAWAY_BLOCK) answer(f, message, message, 1, cost);
    }
    return worst;
}

static void learn_tasks(struct fixture *f, int n)
{
    for (int i = 0; i < n; i++) {
        assert_int_equal(run_task(f, i, 5 + i % 6, 10 * CENT), RUNAWAY_NONE); /* 5-10 steps, to $1 */
        f->now_us += 11 * US_PER_MINUTE;
        runaways_sweep(f->r, f->now_us);
    }
}

static void test_a_task_beyond_its_type(void **state)
{
    (void)state;
    struct fixture f = begin();
    f.limits.task_steps_floor = 5;
    f.limits.task_cost_floor = CENT;
    assert_int_equal(run_task(&f, 1000, 500, CENT), RUNAWAY_NONE); /* nothing is known */
    f.now_us += 11 * US_PER_MINUTE;
    runaways_sweep(f.r, f.now_us);
    struct runaways *with_outlier = f.r;
    f.r = runaways_new(TEST_KEY, &(struct runaways_ceilings){1000, 1000, 8});
    runaways_drop(with_outlier);
    learn_tasks(&f, 100);
    assert_int_equal(run_task(&f, 200, 30, CENT), RUNAWAY_NONE);
    assert_int_equal(run_task(&f, 201, 40, CENT), RUNAWAY_WARN);
    assert_int_equal(f.v.reason, RUNAWAY_TASK_STEPS);
    assert_true(f.v.limit >= 30 && f.v.limit <= 33);
    assert_int_equal(run_task(&f, 202, 55, CENT), RUNAWAY_SLOW);
    assert_int_equal(run_task(&f, 203, 80, CENT), RUNAWAY_BLOCK);
    assert_true(says(&f, "task \"task 203\" is at call "));
    assert_true(f.v.seen <= 2 * f.v.limit + 1); /* a blocked step is no step */
    assert_int_equal(run_task(&f, 204, 20, 40 * CENT), RUNAWAY_BLOCK);
    assert_int_equal(f.v.reason, RUNAWAY_TASK_COST);
    assert_true(says(&f, "has cost $6."));
    f.limits.task_steps_floor = 100;
    assert_int_equal(run_task(&f, 206, 90, CENT), RUNAWAY_NONE); /* few by any measure */
    f.where.feature = S("other");                                /* whose tasks nobody knows */
    assert_int_equal(run_task(&f, 205, 100, 40 * CENT), RUNAWAY_NONE);
    end(&f);
}

static void test_a_runaway_does_not_teach_its_type(void **state)
{
    (void)state;
    struct fixture f = begin();
    f.limits.task_steps_floor = 5;
    learn_tasks(&f, 100);
    run_task(&f, 500, 2000, 0);
    f.now_us += 11 * US_PER_MINUTE;
    runaways_sweep(f.r, f.now_us);
    run_task(&f, 501, 2000, 0);
    f.now_us += 11 * US_PER_MINUTE;
    runaways_sweep(f.r, f.now_us);
    run_task(&f, 502, 2000, 0);
    assert_int_equal(f.v.action, RUNAWAY_BLOCK);
    assert_true(f.v.limit < 120);
    end(&f);
}

static void test_an_old_name_begins_anew(void **state)
{
    (void)state;
    struct fixture f = begin();
    f.limits.task_steps_floor = 5;
    learn_tasks(&f, 100);
    assert_int_equal(run_task(&f, 300, 25, 0), RUNAWAY_NONE);
    f.now_us += 11 * US_PER_MINUTE; /* unswept */
    assert_int_equal(run_task(&f, 300, 25, 0), RUNAWAY_NONE);
    assert_int_equal(run_task(&f, 300, 15, 0), RUNAWAY_WARN);
    end(&f);
}

/* ---- threads */

enum { THREADS = 4, CALLS = 20000 };

struct shared {
    struct runaways *r;
    atomic_int let_through, seeds;
    atomic_bool stop;
};

static void *run_calls(void *arg)
{
    struct shared *s = arg;
    struct runaway_limits limits;
    struct rng r;
    runaway_limits_default(&limits);
    rng_seed(&r, (uint64_t)atomic_fetch_add(&s->seeds, 1));
    for (int i = 0; i < CALLS; i++) {
        char name[16];
        int n = snprintf(name, sizeof(name), "n%d", (int)rng_below(&r, 200));
        str label = str_of(name, (size_t)n);
        struct runaway_where where = {.key = S("k"), .feature = str_head(label, 2), .session = label, .task = label};
        struct runaway_ask a = {where, &limits, T0 + i, rng_below(&r, 3), 100};
        struct runaway_verdict v;
        runaway_check(s->r, &a, &v);
        struct runaway_end e = {v.at, T0 + i, a.message, rng_below(&r, 3), 100, 50, 10};
        runaway_note(s->r, &e);
        if (i % 512 == 0) runaway_lift(s->r, S("k"), label);
        a = (struct runaway_ask){{.key = S("k"), .session = S("one")}, &limits, T0, 1, 0};
        runaway_check(s->r, &a, &v);
        if (v.action != RUNAWAY_BLOCK) atomic_fetch_add(&s->let_through, 1);
    }
    return NULL;
}

static void *run_sweeps(void *arg)
{
    struct shared *s = arg;
    while (!atomic_load(&s->stop)) {
        struct runaways_view view;
        runaways_see(s->r, &view);
        runaways_sweep(s->r, T0 + 11 * US_PER_MINUTE); /* ends all tasks, again and again */
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct shared s = {.r = runaways_new(TEST_KEY, &(struct runaways_ceilings){256, 64, 4})};
    pthread_t thread[THREADS], sweeper;
    pthread_create(&sweeper, NULL, run_sweeps, &s);
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&thread[i], NULL, run_calls, &s), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    atomic_store(&s.stop, true);
    pthread_join(sweeper, NULL);
    /* Of eight places in its shard, four threads cannot take all others between two of its calls:
     * the table never lets the session go that loops. */
    assert_int_equal(atomic_load(&s.let_through), 19);
    runaways_drop(s.r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pace_of_a_session),
        cmocka_unit_test(test_pace_of_a_stream),
        cmocka_unit_test(test_growth_becomes_normal),
        cmocka_unit_test(test_below_the_floor),
        cmocka_unit_test(test_truth_replaces_the_guess),
        cmocka_unit_test(test_a_task_beyond_its_type),
        cmocka_unit_test(test_a_runaway_does_not_teach_its_type),
        cmocka_unit_test(test_an_old_name_begins_anew),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
