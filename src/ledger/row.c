#include "ledger/row.h"

static const str reason_names[REASON_COUNT] = {
#define R(constant, name) [REASON_##constant] = STR_INIT(name),
    ATTEMPT_REASONS(R)
#undef R
};

str attempt_reason_name(enum attempt_reason r)
{
    return r < REASON_COUNT ? reason_names[r] : S("unknown");
}
