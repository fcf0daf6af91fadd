/* Budgets that are spent too fast (`burn`): what follows for calls, and who is told. */
#ifndef FLOW_BURN_H
#define FLOW_BURN_H

#include "flow/degrade.h"

struct purser;

/* Before an attempt holds. False: a budget that it would count in burns, and the attempt has failed. */
bool burn_allows(struct attempt *a) MUST_CHECK;
/* What it used is booked. */
void burn_note(const struct attempt *a, const struct budget_amounts *used);
/* Whether that ended the attempt: then what the client is told. */
bool burn_degrades(const struct attempt *a, struct degrading *out);

/* Spending of before, from the ledger's rows, for the rules whose pace was not looked at before; `before` NULL: for
 * all. `generation`: rows of this boot from it on are none of these. Thread: one at a time, no worker. */
void burn_restore(struct purser *p, const struct settings *now, const struct settings *before, uint32_t generation);

#endif
