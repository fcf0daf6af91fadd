/* The most that an attempt can cost, and how low its output limit would have to be for less. */
#ifndef FLOW_BOUND_H
#define FLOW_BOUND_H

#include "flow/request.h"

enum { BOUND_LEAST_OUTPUT = 256 }; /* tokens: a missing limit is not lowered below this */

/* One attempt, as far as its bound goes. */
struct bound {
    const struct request *request;
    const struct way *way;
    int64_t at_us;        /* wall clock: prices change */
    int64_t input_tokens; /* upper bound of the text */
    int64_t max_output;   /* tokens a choice; -1: the kind has none */
};
/* Of one that has not begun, at this output limit. */
struct bound bound_of_way(const struct request *r, const struct way *way, int64_t max_output);
struct bound bound_of(const struct attempt *a);

picousd bound_money(const struct bound *b);
void bound_amounts(const struct bound *b, struct budget_amounts *out);
/* The largest output limit whose bound fits in this room, at most its own; below zero: none does. */
int64_t bound_output_fitting(const struct bound *b, const struct budget_amounts *room);
/* The lowest output limit that the call may be given without the client's leave. */
int64_t bound_least_output(const struct way *way);
/* The same bound if the text's tokens were counted, at best. Fails: false where counting is no help. */
bool bound_at_best(const struct bound *b, struct bound *out) MUST_CHECK;

/* ---- what a call may cost in all (`attempts.money_usd`) */

/* What is left of it for one attempt more, all that run taken at their bounds; INT64_MAX: there is no such limit.
 * `but`: the attempt that asks, whose own bound does not count; NULL: none does. */
picousd bound_left(const struct request *r, const struct attempt *but);
/* Whether an attempt on this way may begin. */
bool bound_allows(const struct request *r, const struct way *way);
/* The same once `a` is over, whose answer is judged and whose cost, `spent`, is not booked yet. `more_tokens`: that
 * the way's input is longer than the call's. */
bool bound_allows_after(const struct attempt *a, picousd spent, const struct way *way, int64_t more_tokens);
/* Whether it may turn out so once its text is counted. */
bool bound_may_allow(const struct request *r, const struct way *way);

#endif
