/* Budgets that are nearly spent: an event at each threshold, once a window.
 *
 * The clockwork looks at all counters; workers only tell of refusals, since a budget that has too little
 * left for a call is spent however far below its limit it stands. */
#ifndef FLOW_THRESHOLDS_H
#define FLOW_THRESHOLDS_H

#include "policy/budgets.h"

struct ledger;
struct thresholds;

struct thresholds *thresholds_new(void);
void thresholds_drop(struct thresholds *t);
/* A call did not fit: 100 % is reached. Thread: any worker; never blocks for long. */
void thresholds_refused(struct thresholds *t, const struct budget_rule *rule, const struct payer *who, int64_t now_us);
/* Raises what was reached since, and stores what workers told. Looks less often where there are very many
 * counters. Thread: clockwork. */
void thresholds_look(struct thresholds *t, struct budgets *b, const struct budget_rules *rules, struct ledger *l);
/* Events stored since the start. Thread: any. */
uint64_t thresholds_raised(const struct thresholds *t);

#endif
