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

/* Before `next` is in force: spending of the past, from the ledger's rows, for those of its rules whose pace is not
 * looked at now; `now` NULL: for all. What is posted in between is missed. Thread: one at a time, no worker. */
void burn_restore(struct purser *p, const struct settings *next, const struct settings *now);

#endif
