/* Errors in the words of each family: status, body, headers. */
#ifndef SIMULATE_SIM_ERROR_H
#define SIMULATE_SIM_ERROR_H

#include "simulate/sim_request.h"

/* The status that this family gives to it: Anthropic overloaded is 529, AWS refuses keys with 403. */
int sim_problem_status(enum sim_kind kind, const struct sim_problem *p);
/* The body. `request_id` stands in those that carry one. */
void sim_problem_print(enum sim_kind kind, const struct sim_problem *p, uint64_t request_id, struct buf *out);
/* Its header lines: rate limits, what AWS calls it. */
str sim_problem_headers(enum sim_kind kind, const struct sim_problem *p, struct arena *arena);

#endif
