/* What follows a budget that has too little left for a call: `on_exceed`. */
#ifndef FLOW_EXCEED_H
#define FLOW_EXCEED_H

#include "flow/request.h"

/* The hold was refused for good by `why->rule`. */
void exceed_note(struct attempt *a, const struct budget_refusal *why);
/* The rule that ended the attempt; NULL where none did. Lives as long as the request's lease. */
const struct budget_rule *exceed_rule(const struct attempt *a);
/* Whether the call is to be answered without a provider for it; how long until the budget starts over (0: never). */
bool exceed_degrades(const struct attempt *a, int64_t *retry_after_s);
/* The budget hands the call on, once: the plan is the cheaper model's now. */
bool exceed_downgrade(struct request *r);

#endif
