/* Why spending of one period differs from that of another: what volume, tokens per call, price, mix, cache and
 * retries did to it. A log-mean Divisia index, so that nothing is left over: the effects of a feature add up to the
 * difference of the feature's cost, those of all features to the difference of all cost, to the pico-dollar.
 *
 * Source: B. W. Ang, "The LMDI approach to decomposition analysis: a practical guide", Energy Policy 33 (2005). */
#ifndef PLAN_WATERFALL_H
#define PLAN_WATERFALL_H

#include "base/usage.h"

/* EFFECT(constant, name, what it says) */
#define WATERFALL_EFFECTS(EFFECT)                                                                                      \
    EFFECT(VOLUME, "volume", "more calls or fewer")                                                                    \
    EFFECT(TOKENS, "tokens", "more or less used for each call: longer prompts, longer answers")                        \
    EFFECT(PRICE, "price", "dearer or cheaper units of the same model")                                                \
    EFFECT(MIX, "mix", "other features and other models than before, new and gone ones among them")                    \
    EFFECT(CACHE, "cache", "another share of the prompts read from or written to the provider's cache")                \
    EFFECT(RETRIES, "retries", "more or less paid for results that were not used")

enum waterfall_effect {
#define EFFECT(constant, name, what) WATERFALL_##constant,
    WATERFALL_EFFECTS(EFFECT)
#undef EFFECT
        WATERFALL_EFFECT_COUNT
};
str waterfall_effect_name(enum waterfall_effect e);

/* One model of one provider, as one feature used it in one of the periods. All >= 0. */
struct waterfall_use {
    int64_t calls; /* of these only the feature's sum counts */
    __int128 units[UNIT_COUNT];
    __int128 cost_by_unit[UNIT_COUNT];
    __int128 cost_picousd; /* may differ from the units' sum, as of estimates */
    __int128 wasted_picousd;
};

enum { WATERFALL_BEFORE, WATERFALL_AFTER, WATERFALL_PERIODS };

struct waterfall_group {
    str feature, model, provider;
    struct waterfall_use use[WATERFALL_PERIODS];
};

/* before + the effects' sum == after. */
struct waterfall_sum {
    __int128 before_picousd, after_picousd;
    __int128 effect_picousd[WATERFALL_EFFECT_COUNT];
};

struct waterfall_feature {
    str name; /* as the groups have it */
    struct waterfall_sum sum;
};

struct waterfall {
    struct waterfall_sum sum;
    struct waterfall_feature *features; /* in the order of their names. Owns: waterfall_free() */
    size_t feature_count;
};

/* Sorts `groups` by feature. A combination of feature, model and provider stands once.
 * Effects are worked out in floating point and rounded; what that leaves of a feature's difference, some
 * pico-dollars, goes to the largest of its effects. Owns: `*out`, waterfall_free(). */
void waterfall_make(struct waterfall_group *groups, size_t count, struct waterfall *out);
void waterfall_free(struct waterfall *w);

#endif
