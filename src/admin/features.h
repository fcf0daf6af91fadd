/* What a feature's card tells beside its sums, as pieces of JSON. Thread: any that may wait. */
#ifndef ADMIN_FEATURES_H
#define ADMIN_FEATURES_H

#include "admin/api.h"
#include "ledger/mix.h"
#include "ledger/report.h"

/* {"latency":{...},"first_token":{...}} of what is promised; nothing is written where nothing is. */
void feature_add_slo(struct buf *out, const struct setting_feature *f, const struct report *r, size_t row);
/* [{segment, before, after, change}] a call; `before` or `after` NULL: there were no calls. */
void feature_add_growth(struct buf *out, const struct mix_sums *before, const struct mix_sums *after);
/* The same from day to day: [{segment, days, share_per_day, chance}]; `days` are rows of one feature by day. */
void feature_add_trend(struct buf *out, const struct mix *days);
/* [{budget, ...}] of money whose scope names the feature. */
void feature_add_budgets(struct buf *out, struct api_call *c, str feature);

#endif
