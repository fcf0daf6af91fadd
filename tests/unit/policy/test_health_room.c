/* The limit of calls in flight against providers that are simulated: time, lengths of answers and failures are drawn
 * from a seed. A provider has so many places; whom it has none for it turns away with 503 at once, and some others for
 * no reason at all. */
#include "health_help.h"

/* Sanitizers are slow and look for other faults. Nothing here has a second thread. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { SEEDS = 1 };
#else
enum { SEEDS = 4 };
#endif
enum { CALLERS_MAX = 128 };
#define STEP      (5 * US_PER_MS)
#define TURNED    (10 * US_PER_MS) /* a refusal takes this long */
#define LENGTH_US (1000 * US_PER_MS)

struct provider {
    uint32_t places, busy;
    uint32_t fails_ppm; /* at random */
    int status;
};

struct caller {
    struct health_pass pass;
    int64_t ends_us, may_us;
    bool at_it, ok;
};

struct world {
    struct fixture f;
    struct provider provider;
    struct caller callers[CALLERS_MAX];
    uint32_t wanted; /* calls that would be in flight, were there no limit */
    struct rng rng;
    uint64_t ok, failed;          /* since watch() */
    uint32_t steps, narrow, most; /* with a limit below what is wanted; the highest one */
};

static void begin_world(struct world *w, uint64_t seed, struct provider provider, uint32_t wanted)
{
    *w = (struct world){.f = begin(), .provider = provider, .wanted = wanted};
    rng_seed(&w->rng, seed);
}

static uint32_t draw(struct world *w, uint32_t below)
{
    return (uint32_t)(rng_next(&w->rng) % below);
}

static void arrive(struct world *w, struct caller *c)
{
    struct provider *p = &w->provider;
    c->ok = p->busy < p->places && draw(w, 1000000) >= p->fails_ppm;
    p->busy += c->ok;
    c->at_it = true;
    c->ends_us = w->f.now_us + (c->ok ? LENGTH_US / 4 + draw(w, 3 * LENGTH_US / 2) : TURNED);
}

static void finish(struct world *w, struct caller *c)
{
    struct provider *p = &w->provider;
    p->busy -= c->ok;
    w->ok += c->ok;
    w->failed += !c->ok;
    c->at_it = false;
    c->may_us = w->f.now_us + draw(w, (uint32_t)(2 * STEP));
    health_leave(&c->pass, &(struct health_result){.outcome = c->ok              ? HEALTH_OK
                                                              : p->status == 429 ? HEALTH_LIMITED
                                                                                 : HEALTH_FAILED,
                                                   .status = c->ok ? 200 : p->status,
                                                   .now_us = w->f.now_us,
                                                   .random = rng_next(&w->rng)});
}

static void run(struct world *w, int seconds)
{
    for (int64_t end = w->f.now_us + seconds * US_PER_SECOND; w->f.now_us < end; w->f.now_us += STEP) {
        for (uint32_t i = 0; i < w->wanted; i++) {
            struct caller *c = &w->callers[i];
            if (c->at_it && w->f.now_us >= c->ends_us) finish(w, c);
            if (c->at_it || w->f.now_us < c->may_us) continue;
            if (enter(&w->f, &c->pass) == HEALTH_GO) arrive(w, c);
        }
        uint32_t limit = view(&w->f).limit;
        w->steps++;
        w->narrow += limit < w->wanted;
        w->most = limit > w->most ? limit : w->most;
    }
}

static void watch(struct world *w)
{
    w->ok = w->failed = 0;
    w->steps = w->narrow = w->most = 0;
}

/* Of the calls since watch(). */
static uint32_t percent_failed(const struct world *w)
{
    uint64_t all = (uint64_t)w->ok + w->failed;
    return all ? (uint32_t)(100 * (uint64_t)w->failed / all) : 100;
}

static void end_world(struct world *w)
{
    for (uint32_t i = 0; i < CALLERS_MAX; i++)
        if (w->callers[i].at_it) leave(&w->f, &w->callers[i].pass, HEALTH_CANCELLED);
    end(&w->f);
}

/* Failures that have nothing to do with how many calls are in flight: fewer would not help. */
static void test_random_failures_narrow_nothing(void **state)
{
    (void)state;
    static const struct {
        uint32_t wanted, fails_ppm;
    } cases[] = {{2, 300000}, {3, 300000}, {4, 200000}, {8, 200000}, {40, 50000}, {100, 50000}, {100, 10000}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct world w;
            begin_world(&w, seed, (struct provider){1000, 0, cases[i].fails_ppm, 503}, cases[i].wanted);
            run(&w, 60);
            watch(&w);
            run(&w, 240);
            uint32_t narrow = 100 * w.narrow / w.steps;
            if (narrow > 3)
                fail_msg("%u calls of which %u ppm fail, seed %llu: the limit is in the way for %u %% of the time",
                         cases[i].wanted, cases[i].fails_ppm, (unsigned long long)seed, narrow);
            end_world(&w);
        }
    }
}

/* What a provider turns away for want of room: the limit finds how much it has. */
static void test_overload_narrows(void **state)
{
    (void)state;
    static const struct {
        uint32_t wanted, places;
        uint32_t fails_ppm;
        int status;
    } cases[] = {{100, 20, 0, 503}, {100, 20, 0, 429}, {100, 20, 20000, 503},
                 {100, 60, 0, 529}, {40, 8, 0, 503},   {128, 100, 0, 503}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct world w;
            begin_world(&w, seed, (struct provider){cases[i].places, 0, cases[i].fails_ppm, cases[i].status},
                        cases[i].wanted);
            run(&w, 60);
            watch(&w);
            run(&w, 240);
            uint32_t share = percent_failed(&w);
            uint32_t used = (uint32_t)(100 * w.ok * LENGTH_US / (240 * US_PER_SECOND * cases[i].places));
            if (share > 25 || used < 50)
                fail_msg("%u calls for %u places, %d, seed %llu: %u %% turned away, %u %% of the places used, limit up "
                         "to %u",
                         cases[i].wanted, cases[i].places, cases[i].status, (unsigned long long)seed, share, used,
                         w.most);
            end_world(&w);
        }
    }
}

/* What it bore an hour ago is no reason to believe that it bears it now. */
static void test_capacity_that_falls_is_found(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world w;
        begin_world(&w, seed, (struct provider){200, 0, 10000, 503}, 100);
        run(&w, 60);
        w.provider.places = 15;
        run(&w, 60);
        watch(&w);
        run(&w, 120);
        uint32_t share = percent_failed(&w);
        if (share > 25) fail_msg("seed %llu: %u %% turned away", (unsigned long long)seed, share);
        w.provider.places = 200;
        run(&w, 300);
        watch(&w);
        run(&w, 60);
        if (w.most < 60) fail_msg("seed %llu: the limit stays at %u", (unsigned long long)seed, w.most);
        end_world(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_failures_narrow_nothing),
        cmocka_unit_test(test_overload_narrows),
        cmocka_unit_test(test_capacity_that_falls_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
