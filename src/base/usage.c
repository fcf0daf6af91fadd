#include "base/usage.h"

static const str unit_names[UNIT_COUNT] = {
#define UNIT(constant, name, text) [UNIT_##constant] = STR_INIT(name),
    USAGE_UNITS(UNIT)
#undef UNIT
};

static const str cost_state_names[COST_STATE_COUNT] = {
#define STATE(constant, name, text) [COST_##constant] = STR_INIT(name),
    COST_STATES(STATE)
#undef STATE
};

str unit_name(enum unit u)
{
    return unit_names[u];
}

bool unit_find(str name, enum unit *out)
{
    for (enum unit u = 0; u < UNIT_COUNT; u++) {
        if (!str_eq(unit_names[u], name)) continue;
        *out = u;
        return true;
    }
    return false;
}

str cost_state_name(enum cost_state s)
{
    return cost_state_names[s];
}
