#include "price/price.h"

static const str tier_names[TIER_COUNT] = {
    [TIER_STANDARD] = STR_INIT("standard"),
    [TIER_BATCH] = STR_INIT("batch"),
    [TIER_FLEX] = STR_INIT("flex"),
    [TIER_PRIORITY] = STR_INIT("priority"),
};

str price_tier_name(enum price_tier t)
{
    return tier_names[t];
}

bool price_tier_find(str name, enum price_tier *out)
{
    *out = TIER_STANDARD;
    if (!name.n || str_eq(name, S("default")) || str_eq(name, S("auto")) || str_eq(name, S("scale"))) return true;
    for (enum price_tier t = 0; t < TIER_COUNT; t++) {
        if (!str_eq(name, tier_names[t])) continue;
        *out = t;
        return true;
    }
    return false;
}
