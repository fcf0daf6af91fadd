/* Since when each budget has counted every call without a gap: kept in the data
 * folder, so that a start knows which counters of the last run it may trust. A
 * budget that was added or left out in between is counted anew from the rows. */
#ifndef FLOW_KNOWN_BUDGETS_H
#define FLOW_KNOWN_BUDGETS_H

#include "policy/budgets.h"

struct known_budgets;

/* Never NULL; empty where the file is missing or damaged. */
struct known_budgets *known_budgets_load(str dir);
void known_budgets_drop(struct known_budgets *k);
/* Wall clock, or INT64_MAX where the budget was not in force at the end of the last run. */
int64_t known_budgets_since(const struct known_budgets *k, str cells);
/* Its counters hold everything that the rule's current window has seen. */
bool known_budgets_trusted(const struct known_budgets *k, const struct budget_rule *rule, int64_t now_us);
/* These rules are in force from now on: those that were stay known since when they were.
 * Written at once, by renaming. Fails: false; then the next start counts anew, which is only slower. */
bool known_budgets_store(struct known_budgets *k, str dir, const struct budget_rule *rules, size_t count,
                         int64_t now_us);

#endif
