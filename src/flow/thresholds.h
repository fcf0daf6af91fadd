/* Budgets that are nearly spent, an event at each threshold, once a window; and those that are spent too fast.
 *
 * The clockwork looks at all counters; workers only tell of refusals, since a budget that has too little
 * left for a call is spent however far below its limit it stands. */
#ifndef FLOW_THRESHOLDS_H
#define FLOW_THRESHOLDS_H

#include "policy/burn.h"

struct ledger;
struct thresholds;

struct thresholds *thresholds_new(void);
void thresholds_drop(struct thresholds *t);
/* A call did not fit: 100 % is reached. Thread: any worker; never blocks for long. */
void thresholds_refused(struct thresholds *t, const struct budget_rule *rule, const struct payer *who, int64_t now_us);
/* The budget began to burn. Thread: as above. */
void thresholds_burning(struct thresholds *t, const struct budget_rule *rule, const struct payer *who,
                        const struct burn_state *state, int64_t now_us);
/* Raises what was reached since, and stores what workers told. Looks less often where there are very many
 * counters. Thread: clockwork. */
void thresholds_look(struct thresholds *t, struct budgets *b, const struct budget_rules *rules, struct ledger *l);
enum event_kind { EVENT_BUDGET, EVENT_BURN_RATE, EVENT_KINDS };
str event_kind_name(enum event_kind kind);
/* Events stored since the start. Thread: any. */
uint64_t thresholds_raised(const struct thresholds *t, enum event_kind kind);

#endif
