/* Budgets that come to be while there is a past: at a reload, and at a start with
 * other settings than before. */
#ifndef FLOW_PAST_H
#define FLOW_PAST_H

#include "flow/purser.h"

/* Counts what the ledger's rows, posted under generations below `generation`, mean for
 * `rule`'s current windows. Blocks; control threads only. */
bool past_count(struct purser *p, const struct budget_rule *rule, uint32_t generation);
/* What was spent in a rule's scope from `from_us` on, by value of its `*`s and by steps (0: in one, whose start means
 * nothing). */
struct past_ask {
    const struct budget_rule *rule;
    int64_t from_us, step_us;
    uint32_t generation; /* as above */
};
typedef void past_visit(void *ctx, const struct budget_rule *rule, str value, int64_t step_start_us, int64_t amount);
bool past_each(struct purser *p, const struct past_ask *ask, past_visit *visit, void *ctx) MUST_CHECK;
/* Two rules that count the same into the same cells. */
bool past_same_cells(const struct budget_rule *a, const struct budget_rule *b);

#endif
