#include "plan/slo.h"

struct slo_state slo_judge(const struct slo *s, uint64_t counted, uint64_t over)
{
    struct slo_state out = {.counted = counted, .over = over, .over_share = ratio_share(over, counted)};
    out.allowed_share = (double)(1000 - s->share_permille) / 1000;
    out.met = (__int128)over * 1000 <= (__int128)counted * (1000 - s->share_permille);
    out.budget_left = 1 - out.over_share.share / out.allowed_share;
    return out;
}
