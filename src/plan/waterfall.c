/* The cost of a unit u of group g (a model of a provider) in feature f is taken apart into
 *
 *   calls * calls_f / calls * paid_f * used_fc * share_gc * part_gc * blend_gu * price_gu
 *
 *   paid_f     all that was paid, for each dollar whose result was used: retries
 *   used_fc    units of u's measure (tokens, searches, seconds ...) for each call, as if nothing was paid twice
 *   share_gc   the group's share of the feature's units of that measure: which models
 *   part_gc    of a group's tokens, those of the prompt, or those of the answer: tokens per call
 *   blend_gu   of a prompt's tokens, those that came from or went into a cache
 *
 * and each factor's effect is L(after, before) * ln(factor after / factor before) with the logarithmic mean L. As the
 * factors' product is the cost, their effects' sum is the difference. The share of calls and the share of units are
 * both mix. Models are weighed by units, not by calls: an attempt that a provider refused for its rate has neither
 * tokens nor a price, and must not look like a move to that model.
 *
 * Where one end is zero there are no logarithms: the whole difference belongs to the outermost factor that is zero
 * (a new feature or model is mix), which is what the formula tends to. */
#include "plan/waterfall.h"

#include "base/arena.h"

#include <math.h>
#include <stdlib.h>

/* What the units are compared with: a share of tokens is one of all kinds of tokens. */
enum measure { MEASURE_TOKENS, MEASURE_TOOL_CALLS, MEASURE_SEARCHES, MEASURE_SECONDS, MEASURE_REQUESTS, MEASURE_COUNT };

enum part { PART_PROMPT, PART_ANSWER, PART_COUNT };

static const enum measure measure_of[UNIT_COUNT] = {
    [UNIT_TOOL_CALLS] = MEASURE_TOOL_CALLS,
    [UNIT_SEARCHES] = MEASURE_SEARCHES,
    [UNIT_SECONDS] = MEASURE_SECONDS,
    [UNIT_REQUESTS] = MEASURE_REQUESTS,
};

static enum part part_of(enum unit u)
{
    return u <= UNIT_CACHE_WRITE_1H || u == UNIT_AUDIO_IN ? PART_PROMPT : PART_ANSWER;
}
_Static_assert(UNIT_INPUT == 0 && UNIT_CACHE_WRITE_1H == 3, "a prompt's units come first");

/* Above this a feature's waste counts as more tokens per call: where nothing was of use there is no ratio. */
static const long double paid_max = 10;

static const str effect_names[WATERFALL_EFFECT_COUNT] = {
#define EFFECT(constant, name, what) [WATERFALL_##constant] = STR_INIT(name),
    WATERFALL_EFFECTS(EFFECT)
#undef EFFECT
};

str waterfall_effect_name(enum waterfall_effect e)
{
    return effect_names[e];
}

/* ---- sums */

/* A feature in one period. */
struct whole {
    __int128 calls, cost, wasted, units[MEASURE_COUNT];
};

static void add_use(struct whole *w, const struct waterfall_use *use)
{
    w->calls += use->calls;
    w->cost += use->cost_picousd;
    w->wasted += use->wasted_picousd;
    for (int u = 0; u < UNIT_COUNT; u++) w->units[measure_of[u]] += use->units[u];
}

static long double paid_of(const struct whole *w)
{
    long double cost = (long double)w->cost, used = (long double)(w->cost - w->wasted);
    if (cost <= 0 || used >= cost) return 1;
    return used * paid_max > cost ? cost / used : paid_max;
}

/* ---- one unit of one group */

/* In the order of the formula. */
enum factor {
    FACTOR_CALLS,
    FACTOR_FEATURE,
    FACTOR_PAID,
    FACTOR_USED,
    FACTOR_SHARE,
    FACTOR_PART,
    FACTOR_BLEND,
    FACTOR_PRICE,
    FACTOR_COUNT
};

static const enum waterfall_effect effect_of[FACTOR_COUNT] = {
    [FACTOR_CALLS] = WATERFALL_VOLUME, [FACTOR_FEATURE] = WATERFALL_MIX, [FACTOR_PAID] = WATERFALL_RETRIES,
    [FACTOR_USED] = WATERFALL_TOKENS,  [FACTOR_SHARE] = WATERFALL_MIX,   [FACTOR_PART] = WATERFALL_TOKENS,
    [FACTOR_BLEND] = WATERFALL_CACHE,  [FACTOR_PRICE] = WATERFALL_PRICE,
};

/* One end of an item: what it cost, and the factors whose product that is. */
struct end {
    long double cost, factor[FACTOR_COUNT];
};

static long double ratio(__int128 part, __int128 of)
{
    return of > 0 ? (long double)part / (long double)of : 0;
}

/* What is paid for without a call (an idle machine) has none to be compared with. */
struct scale {
    __int128 all_calls;
    bool by_calls;
};

static void set_outer(struct end *e, const struct whole *w, const struct scale *s)
{
    e->factor[FACTOR_CALLS] = s->by_calls ? (long double)s->all_calls : 1;
    e->factor[FACTOR_FEATURE] = s->by_calls ? ratio(w->calls, s->all_calls) : 1;
    e->factor[FACTOR_PAID] = paid_of(w);
}

static long double used_of(const struct end *e, __int128 amount)
{
    long double calls = e->factor[FACTOR_CALLS] * e->factor[FACTOR_FEATURE] * e->factor[FACTOR_PAID];
    return calls > 0 ? (long double)amount / calls : 0;
}

static void set_unit(struct end *e, const struct whole *w, const struct waterfall_use *use, enum unit u)
{
    enum measure measure = measure_of[u];
    __int128 group = 0, part = 0;
    for (int k = 0; k < UNIT_COUNT; k++) {
        if (measure_of[k] != measure) continue;
        group += use->units[k];
        if (part_of((enum unit)k) == part_of(u)) part += use->units[k];
    }
    /* what is part of an answer is all of it tokens per call: reasoning is no cache */
    bool blends = part_of(u) == PART_PROMPT;
    e->cost = (long double)use->cost_by_unit[u];
    e->factor[FACTOR_USED] = used_of(e, w->units[measure]);
    e->factor[FACTOR_SHARE] = ratio(group, w->units[measure]);
    e->factor[FACTOR_PART] = ratio(blends ? part : use->units[u], group);
    e->factor[FACTOR_BLEND] = blends ? ratio(use->units[u], part) : 1;
    e->factor[FACTOR_PRICE] = ratio(use->cost_by_unit[u], use->units[u]);
}

/* What the units do not account for, as of some estimates. */
static void set_rest(struct end *e, const struct waterfall_use *use)
{
    __int128 rest = use->cost_picousd;
    for (int u = 0; u < UNIT_COUNT; u++) rest -= use->cost_by_unit[u];
    e->cost = (long double)rest;
    e->factor[FACTOR_USED] = used_of(e, rest);
    for (int f = FACTOR_USED + 1; f < FACTOR_COUNT; f++) e->factor[f] = 1;
}

/* (a - b) / ln(a / b), the logarithmic mean of two numbers above zero. */
static long double log_mean(long double a, long double b)
{
    long double ln = log1pl((a - b) / b);
    return fabsl(ln) < 1e-9L ? b * (1 + ln / 2) : (a - b) / ln;
}

typedef long double effects[WATERFALL_EFFECT_COUNT];

static void add_item(const struct end end[WATERFALL_PERIODS], effects out)
{
    const struct end *from = &end[WATERFALL_BEFORE], *to = &end[WATERFALL_AFTER];
    if (from->cost == to->cost && from->cost == 0) return;
    long double mean = from->cost > 0 && to->cost > 0 ? log_mean(to->cost, from->cost) : 0;
    long double left = to->cost - from->cost;
    for (int f = 0; f < FACTOR_COUNT; f++) {
        bool gone = from->factor[f] <= 0 || to->factor[f] <= 0;
        if (gone) { /* with all that is left: the factors behind it say nothing */
            out[effect_of[f]] += left;
            return;
        }
        if (mean <= 0) continue;
        long double effect = mean * logl(to->factor[f] / from->factor[f]);
        out[effect_of[f]] += effect;
        left -= effect;
    }
    out[WATERFALL_PRICE] += left; /* what rounding has left */
}

/* ---- a feature */

static void add_group(const struct waterfall_group *g, const struct whole *w, const struct scale *s, effects out)
{
    struct end end[WATERFALL_PERIODS];
    for (int p = 0; p < WATERFALL_PERIODS; p++) set_outer(&end[p], &w[p], &s[p]);
    for (int u = 0; u < UNIT_COUNT; u++) {
        for (int p = 0; p < WATERFALL_PERIODS; p++) set_unit(&end[p], &w[p], &g->use[p], (enum unit)u);
        add_item(end, out);
    }
    for (int p = 0; p < WATERFALL_PERIODS; p++) set_rest(&end[p], &g->use[p]);
    add_item(end, out);
}

static void round_effects(const effects in, struct waterfall_sum *sum)
{
    __int128 rest = sum->after_picousd - sum->before_picousd;
    int largest = 0;
    for (int e = 0; e < WATERFALL_EFFECT_COUNT; e++) {
        sum->effect_picousd[e] = (__int128)roundl(in[e]);
        rest -= sum->effect_picousd[e];
        if (fabsl(in[e]) > fabsl(in[largest])) largest = e;
    }
    sum->effect_picousd[largest] += rest;
}

static void make_feature(const struct waterfall_group *groups, size_t count, const __int128 all_calls[],
                         struct waterfall_feature *out)
{
    struct whole whole[WATERFALL_PERIODS] = {0};
    struct scale scale[WATERFALL_PERIODS];
    effects sums = {0};
    for (size_t i = 0; i < count; i++) {
        for (int p = 0; p < WATERFALL_PERIODS; p++) add_use(&whole[p], &groups[i].use[p]);
    }
    bool known[WATERFALL_PERIODS]; /* calls; also where there is nothing at all */
    for (int p = 0; p < WATERFALL_PERIODS; p++) known[p] = whole[p].calls > 0 || whole[p].cost == 0;
    for (int p = 0; p < WATERFALL_PERIODS; p++)
        scale[p] = (struct scale){all_calls[p], known[WATERFALL_BEFORE] && known[WATERFALL_AFTER]};
    for (size_t i = 0; i < count; i++) add_group(&groups[i], whole, scale, sums);
    out->name = groups[0].feature;
    out->sum.before_picousd = whole[WATERFALL_BEFORE].cost;
    out->sum.after_picousd = whole[WATERFALL_AFTER].cost;
    round_effects(sums, &out->sum);
}

static int compare_features(const void *a, const void *b)
{
    return str_cmp(((const struct waterfall_group *)a)->feature, ((const struct waterfall_group *)b)->feature);
}

static void add_sum(struct waterfall_sum *to, const struct waterfall_sum *from)
{
    to->before_picousd += from->before_picousd;
    to->after_picousd += from->after_picousd;
    for (int e = 0; e < WATERFALL_EFFECT_COUNT; e++) to->effect_picousd[e] += from->effect_picousd[e];
}

void waterfall_make(struct waterfall_group *groups, size_t count, struct waterfall *out)
{
    __int128 all_calls[WATERFALL_PERIODS] = {0};
    *out = (struct waterfall){0};
    if (!count) return;
    out->features = mem_zalloc(count * sizeof(*out->features));
    qsort(groups, count, sizeof(*groups), compare_features);
    for (size_t i = 0; i < count; i++) {
        for (int p = 0; p < WATERFALL_PERIODS; p++) all_calls[p] += groups[i].use[p].calls;
    }
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && str_eq(groups[to].feature, groups[from].feature);) to++;
        struct waterfall_feature *f = &out->features[out->feature_count++];
        make_feature(groups + from, to - from, all_calls, f);
        add_sum(&out->sum, &f->sum);
    }
}

void waterfall_free(struct waterfall *w)
{
    free(w->features);
    *w = (struct waterfall){0};
}
