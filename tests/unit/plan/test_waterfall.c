/* What moved a bill: each effect alone, all together, to the pico-dollar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "plan/waterfall.h"

#include <stdlib.h>

enum { CALLS = 1000, IN = 2000, OUT = 400, CENTS = 100 };

/* 1,000 calls of 2,000 tokens at 3 and 400 at 15 million pico-dollars: $12. */
static struct waterfall_use use_plain(void)
{
    struct waterfall_use u = {.calls = CALLS};
    u.units[UNIT_INPUT] = (__int128)CALLS * IN;
    u.units[UNIT_OUTPUT] = (__int128)CALLS * OUT;
    u.cost_by_unit[UNIT_INPUT] = u.units[UNIT_INPUT] * 3000000;
    u.cost_by_unit[UNIT_OUTPUT] = u.units[UNIT_OUTPUT] * 15000000;
    u.cost_picousd = u.cost_by_unit[UNIT_INPUT] + u.cost_by_unit[UNIT_OUTPUT];
    return u;
}

static void scale_use(struct waterfall_use *u, int num, int den)
{
    u->cost_picousd = 0;
    for (int k = 0; k < UNIT_COUNT; k++) {
        u->units[k] = u->units[k] * num / den;
        u->cost_by_unit[k] = u->cost_by_unit[k] * num / den;
        u->cost_picousd += u->cost_by_unit[k];
    }
}

static struct waterfall_group group_of(const char *feature, const char *model)
{
    return (struct waterfall_group){.feature = str_from(feature), .model = str_from(model), .provider = S("p")};
}

static __int128 effects_of(const struct waterfall_sum *s)
{
    __int128 sum = 0;
    for (int e = 0; e < WATERFALL_EFFECT_COUNT; e++) sum += s->effect_picousd[e];
    return sum;
}

static void check_exact(const struct waterfall *w)
{
    struct waterfall_sum all = {0};
    assert_true(w->sum.before_picousd + effects_of(&w->sum) == w->sum.after_picousd);
    for (size_t f = 0; f < w->feature_count; f++) {
        const struct waterfall_sum *s = &w->features[f].sum;
        assert_true(s->before_picousd + effects_of(s) == s->after_picousd);
        all.before_picousd += s->before_picousd;
        all.after_picousd += s->after_picousd;
    }
    assert_true(all.before_picousd == w->sum.before_picousd && all.after_picousd == w->sum.after_picousd);
}

/* Nothing but `only` has an effect: that one is all of the difference. */
static void check_only(struct waterfall_group *groups, size_t n, enum waterfall_effect only)
{
    struct waterfall w;
    waterfall_make(groups, n, &w);
    check_exact(&w);
    __int128 all = w.sum.after_picousd - w.sum.before_picousd;
    assert_true(all != 0);
    for (int e = 0; e < WATERFALL_EFFECT_COUNT; e++) {
        __int128 want = e == (int)only ? all : 0, off = w.sum.effect_picousd[e] - want;
        if (off > 8 || off < -8)
            fail_msg("%.*s: %lld instead of %lld", STR_ARG(waterfall_effect_name(e)),
                     (long long)w.sum.effect_picousd[e], (long long)want);
    }
    waterfall_free(&w);
}

static void each_effect_alone(void **state)
{
    (void)state;
    struct waterfall_group g = group_of("f", "m");
    g.use[0] = g.use[1] = use_plain();
    g.use[1].calls *= 3;
    scale_use(&g.use[1], 3, 1);
    check_only(&g, 1, WATERFALL_VOLUME);

    g.use[1] = use_plain();
    scale_use(&g.use[1], 5, 4);
    check_only(&g, 1, WATERFALL_TOKENS);

    g.use[1] = use_plain(); /* longer answers alone */
    g.use[1].units[UNIT_OUTPUT] *= 2;
    g.use[1].cost_by_unit[UNIT_OUTPUT] *= 2;
    g.use[1].cost_picousd += g.use[0].cost_by_unit[UNIT_OUTPUT];
    check_only(&g, 1, WATERFALL_TOKENS);

    g.use[1] = use_plain();
    g.use[1].cost_by_unit[UNIT_INPUT] /= 2;
    g.use[1].cost_picousd -= g.use[1].cost_by_unit[UNIT_INPUT];
    check_only(&g, 1, WATERFALL_PRICE);

    g.use[1] = use_plain(); /* each answer is paid twice: one of two goes to nobody */
    scale_use(&g.use[1], 2, 1);
    g.use[1].wasted_picousd = g.use[1].cost_picousd / 2;
    check_only(&g, 1, WATERFALL_RETRIES);
}

/* Half of the prompts come from a cache, at a tenth of the price: cheaper by the cache alone. */
static void cache_alone(void **state)
{
    (void)state;
    struct waterfall_group g = group_of("f", "m");
    for (int p = 0; p < WATERFALL_PERIODS; p++) {
        struct waterfall_use *u = &g.use[p];
        *u = use_plain();
        __int128 cached = u->units[UNIT_INPUT] * (p ? 5 : 1) / 10;
        u->units[UNIT_INPUT] -= cached;
        u->units[UNIT_CACHE_READ] = cached;
        u->cost_by_unit[UNIT_INPUT] = u->units[UNIT_INPUT] * 3000000;
        u->cost_by_unit[UNIT_CACHE_READ] = cached * 300000;
        u->cost_picousd = u->cost_by_unit[UNIT_INPUT] + u->cost_by_unit[UNIT_CACHE_READ] + u->cost_by_unit[UNIT_OUTPUT];
    }
    check_only(&g, 1, WATERFALL_CACHE);
    g.use[0] = use_plain(); /* no cache at all before: the same */
    check_only(&g, 1, WATERFALL_CACHE);
}

/* What is new, gone or moved is mix; that another feature came makes the old one no cheaper. */
static void mix_alone(void **state)
{
    (void)state;
    struct waterfall_group g[2] = {group_of("f", "cheap"), group_of("f", "dear")};
    g[0].use[0] = g[1].use[1] = use_plain(); /* all calls go to the dear model, and it stays with its tokens */
    for (int k = 0; k < UNIT_COUNT; k++) g[1].use[1].cost_by_unit[k] *= 4;
    g[1].use[1].cost_picousd *= 4;
    check_only(g, 2, WATERFALL_MIX);

    struct waterfall w;
    struct waterfall_group two[2] = {group_of("new", "m"), group_of("old", "m")};
    two[1].use[0] = two[0].use[1] = two[1].use[1] = use_plain();
    waterfall_make(two, 2, &w);
    check_exact(&w);
    assert_int_equal(w.feature_count, 2);
    assert_true(str_eq(w.features[0].name, S("new")));
    __int128 cost = use_plain().cost_picousd;
    assert_true(w.features[0].sum.effect_picousd[WATERFALL_MIX] == cost);
    /* the old feature costs what it did: twice the calls, half of all */
    const __int128 *old = w.features[1].sum.effect_picousd;
    assert_true(old[WATERFALL_VOLUME] > 0 && old[WATERFALL_VOLUME] == -old[WATERFALL_MIX]);
    waterfall_free(&w);
}

/* An attempt that a provider refused is no move to its model: it has no tokens. */
static void refused_is_no_mix(void **state)
{
    (void)state;
    struct waterfall_group g[2] = {group_of("f", "down"), group_of("f", "up")};
    g[1].use[0] = g[1].use[1] = use_plain();
    g[1].use[1].calls = 0; /* first attempts all go to the model that is down */
    g[0].use[1].calls = CALLS;
    scale_use(&g[1].use[1], 3, 2);
    check_only(g, 2, WATERFALL_TOKENS);
}

/* No traffic in one of the periods: volume. A machine's idle hours: no calls to compare with. */
static void ends_without_calls(void **state)
{
    (void)state;
    struct waterfall_group g = group_of("f", "m");
    g.use[1] = use_plain();
    check_only(&g, 1, WATERFALL_VOLUME);
    g.use[0] = use_plain();
    g.use[1] = (struct waterfall_use){0};
    check_only(&g, 1, WATERFALL_VOLUME);

    struct waterfall_group idle = group_of("f", "gpu");
    for (int p = 0; p < WATERFALL_PERIODS; p++) {
        idle.use[p].units[UNIT_SECONDS] = 3600 * (p + 1);
        idle.use[p].cost_picousd = idle.use[p].cost_by_unit[UNIT_SECONDS] = idle.use[p].units[UNIT_SECONDS] * 7;
        idle.use[p].wasted_picousd = idle.use[p].cost_picousd;
    }
    check_only(&idle, 1, WATERFALL_TOKENS);
    idle.use[0].cost_by_unit[UNIT_SECONDS] = 0; /* a cost that no unit accounts for */
    idle.use[1] = idle.use[0];
    idle.use[1].cost_picousd *= 3;
    idle.use[1].wasted_picousd *= 3;
    check_only(&idle, 1, WATERFALL_TOKENS);
}

/* Ang's two-step check with figures worked out by hand: volume 1000 -> 1500, tokens +10 %, price -20 %.
 * L = (15.84 - 12) / ln(1.32) = 13.8312...; volume L ln 1.5, tokens L ln 1.1, price L ln 0.8. */
static void figures_by_hand(void **state)
{
    (void)state;
    struct waterfall w;
    struct waterfall_group g = group_of("f", "m");
    g.use[0] = g.use[1] = use_plain();
    g.use[1].calls = 1500;
    scale_use(&g.use[1], 33, 20);
    for (int k = 0; k < UNIT_COUNT; k++) g.use[1].cost_by_unit[k] = g.use[1].cost_by_unit[k] * 4 / 5;
    g.use[1].cost_picousd = g.use[1].cost_picousd * 4 / 5;
    waterfall_make(&g, 1, &w);
    check_exact(&w);
    assert_true(w.sum.after_picousd == (__int128)1584 * PICOUSD_PER_USD / CENTS);
    const __int128 *e = w.sum.effect_picousd;
    assert_int_equal(e[WATERFALL_VOLUME] / 1000000, 5608098);
    assert_int_equal(e[WATERFALL_TOKENS] / 1000000, 1318260);
    assert_int_equal(e[WATERFALL_PRICE] / 1000000, -3086359);
    assert_true(e[WATERFALL_MIX] == 0 && e[WATERFALL_CACHE] == 0 && e[WATERFALL_RETRIES] == 0);
    waterfall_free(&w);
}

static struct waterfall_use random_use(struct rng *r)
{
    struct waterfall_use u = {0};
    if (rng_below(r, 8) == 0) return u;
    u.calls = (int64_t)rng_below(r, 100000);
    for (int k = 0; k < UNIT_COUNT; k++) {
        if (rng_below(r, 3)) continue;
        u.units[k] = (__int128)rng_below(r, 1000000000000);
        u.cost_by_unit[k] = u.units[k] * (__int128)rng_below(r, 100000000);
        u.cost_picousd += u.cost_by_unit[k];
    }
    u.wasted_picousd = u.cost_picousd * (__int128)rng_below(r, 101) / 100;
    if (rng_below(r, 4) == 0) u.cost_picousd += (__int128)rng_below(r, 1000000000000);
    return u;
}

/* Whatever comes, also beyond 64 bits: it adds up, and no effect is beyond all reason. */
static void sums_are_exact(void **state)
{
    enum { ROUNDS = 300, GROUPS = 40 };
    static const char *const names[] = {"", "a", "b", "c", "support-bot"};
    struct rng rng;
    (void)state;
    rng_seed(&rng, 7);
    for (int round = 0; round < ROUNDS; round++) {
        struct waterfall_group g[GROUPS];
        struct waterfall w;
        size_t n = rng_below(&rng, GROUPS + 1);
        __int128 before = 0, after = 0;
        for (size_t i = 0; i < n; i++) {
            g[i] = group_of(names[rng_below(&rng, COUNT_OF(names))], names[rng_below(&rng, COUNT_OF(names))]);
            for (int p = 0; p < WATERFALL_PERIODS; p++) g[i].use[p] = random_use(&rng);
            before += g[i].use[0].cost_picousd;
            after += g[i].use[1].cost_picousd;
        }
        waterfall_make(g, n, &w);
        assert_true(w.sum.before_picousd == before && w.sum.after_picousd == after);
        check_exact(&w);
        for (int e = 0; e < WATERFALL_EFFECT_COUNT; e++) {
            __int128 size = w.sum.effect_picousd[e] < 0 ? -w.sum.effect_picousd[e] : w.sum.effect_picousd[e];
            assert_true(size <= (before + after) * 60);
        }
        waterfall_free(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_effect_alone), cmocka_unit_test(cache_alone),        cmocka_unit_test(mix_alone),
        cmocka_unit_test(refused_is_no_mix), cmocka_unit_test(ends_without_calls), cmocka_unit_test(figures_by_hand),
        cmocka_unit_test(sums_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
