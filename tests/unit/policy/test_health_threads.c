/* Health from several threads: no place is lost, no probe goes out twice. */
#include "health_help.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 4, CALLS = 10000, LIMIT = 2, TARGETS = 3, EPOCHS = 256 };

struct shared {
    struct healths *all;
    _Atomic int64_t clock_us;
    atomic_int probing[TARGETS][EPOCHS]; /* one that began before the last break may still be under way */
    atomic_int most_probing, inside[TARGETS], most_inside;
    _Atomic uint64_t verdicts[HEALTH_RESTING + 1];
};

struct thread {
    struct shared *shared;
    pthread_t id;
    uint64_t seed;
    atomic_int woken;
};

static void wake(struct health_waiter *w)
{
    atomic_fetch_add(&((struct thread *)w->owner)->woken, 1);
}

static void note_most(atomic_int *most, int n)
{
    int old = atomic_load(most);
    while (n > old && !atomic_compare_exchange_weak(most, &old, n)) continue;
}

static int64_t tick(struct shared *s)
{
    return atomic_fetch_add(&s->clock_us, 500) + 500;
}

/* Good times and bad ones, in turn. */
static enum health_outcome outcome_at(int64_t now_us, struct rng *r)
{
    if (now_us / (US_PER_SECOND / 2) % 2) return (enum health_outcome)rng_below(r, HEALTH_OUTCOMES);
    return rng_below(r, 50) ? HEALTH_OK : HEALTH_CANCELLED;
}

static enum health_verdict enter_and_wait(struct thread *t, struct health *h, struct health_waiter *w, struct rng *r,
                                          struct health_pass *p)
{
    struct shared *s = t->shared;
    int64_t now_us = tick(s);
    struct health_ask ask = {.now_us = now_us,
                             .until_us = now_us + 20 * US_PER_MS,
                             .key = t->seed,
                             .tier = (enum feature_tier)rng_below(r, FEATURE_TIER_COUNT)};
    enum health_verdict v = health_enter(h, &ask, rng_below(r, 8) ? w : NULL, p);
    atomic_fetch_add(&s->verdicts[v], 1);
    for (int turns = 0; v == HEALTH_WAIT; turns++) {
        if (turns > 3 && rng_below(r, 4) == 0) {
            health_quit(w, tick(s));
            return HEALTH_SHED;
        }
        sched_yield();
        v = health_collect(w, tick(s), p);
    }
    return v;
}

static void use(struct shared *s, size_t target, struct health_pass *p, struct rng *r)
{
    bool probe = p->probe;
    atomic_int *probing = &s->probing[target][p->epoch % EPOCHS];
    if (probe) note_most(&s->most_probing, atomic_fetch_add(probing, 1) + 1);
    note_most(&s->most_inside, atomic_fetch_add(&s->inside[target], 1) + 1 - probe);
    sched_yield();
    int64_t now_us = tick(s);
    /* before the pass is given back: the next one may have the token at once */
    atomic_fetch_sub(&s->inside[target], 1);
    if (probe) atomic_fetch_sub(probing, 1);
    if (rng_below(r, 2)) health_first_token(p, now_us);
    health_leave(p, &(struct health_result){.outcome = outcome_at(now_us, r),
                                            .now_us = now_us,
                                            .retry_after_us = rng_below(r, 200) ? 0 : 5 * US_PER_MS,
                                            .random = rng_next(r)});
}

static void *run_calls(void *arg)
{
    struct thread *t = arg;
    struct shared *s = t->shared;
    struct rng r;
    struct health_waiter w;
    rng_seed(&r, t->seed);
    health_waiter_init(&w, wake, t);
    for (int i = 0; i < CALLS; i++) {
        static const str names[TARGETS] = {STR_INIT("a/1"), STR_INIT("a/2"), STR_INIT("b/1")};
        size_t target = rng_below(&r, TARGETS);
        struct health *h = health_find(s->all, names[target]);
        struct health_pass p;
        if (enter_and_wait(t, h, &w, &r, &p) == HEALTH_GO) use(s, target, &p, &r);
        if (health_may_repeat(h)) (void)health_look(h, tick(s));
        if (i % 64 == 0) {
            struct health_view is;
            health_see(h, tick(s), &is);
            assert_true(is.limit >= 1 && is.limit <= LIMIT);
            assert_true(health_in_flight(h) <= THREADS);
        }
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct shared s = {.all = healths_new(8), .clock_us = T0};
    struct thread thread[THREADS];
    struct health_rules rules;
    health_rules_default(&rules);
    rules.limit_max = LIMIT;
    rules.queue_max = 2;
    rules.open_us = 20 * US_PER_MS;
    rules.open_max_us = 100 * US_PER_MS;
    health_set_rules(health_find(s.all, S("a/1")), &rules, T0);
    health_set_rules(health_find(s.all, S("a/2")), &rules, T0);
    health_set_rules(health_find(s.all, S("b/1")), &rules, T0);
    for (int i = 0; i < THREADS; i++) {
        thread[i].shared = &s;
        thread[i].seed = (uint64_t)i + 1;
        atomic_init(&thread[i].woken, 0);
        assert_int_equal(pthread_create(&thread[i].id, NULL, run_calls, &thread[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(thread[i].id, NULL);
    assert_int_equal(healths_in_flight(s.all), 0);
    assert_int_equal(atomic_load(&s.most_probing), 1);
    assert_true(atomic_load(&s.most_inside) <= LIMIT);
    print_message("go %llu, wait %llu, shed %llu, refused %llu, resting %llu\n",
                  (unsigned long long)s.verdicts[HEALTH_GO], (unsigned long long)s.verdicts[HEALTH_WAIT],
                  (unsigned long long)s.verdicts[HEALTH_SHED], (unsigned long long)s.verdicts[HEALTH_REFUSED],
                  (unsigned long long)s.verdicts[HEALTH_RESTING]);
    for (int v = 0; v <= HEALTH_RESTING; v++) assert_true(atomic_load(&s.verdicts[v]) > 0);
    struct health_view is;
    health_see(health_find(s.all, S("a/1")), atomic_load(&s.clock_us), &is);
    assert_int_equal(is.waiting, 0);
    healths_drop(s.all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
