/* Budgets that come to be while there is a past: at a reload, and at a start with
 * other settings than before. */
#ifndef FLOW_PAST_H
#define FLOW_PAST_H

#include "flow/purser.h"

/* Counts what the ledger's rows, posted under generations below `generation`, mean for
 * `rule`'s current windows. Blocks; control threads only. */
bool past_count(struct purser *p, const struct budget_rule *rule, uint32_t generation);
/* Two rules that count the same into the same cells. */
bool past_same_cells(const struct budget_rule *a, const struct budget_rule *b);

#endif
