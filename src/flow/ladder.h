/* A model's ladder: rungs in order, cheapest first. Which of them are for a call, and what its rules answer; what
 * becomes of a rung's answer says trial.h. */
#ifndef FLOW_LADDER_H
#define FLOW_LADDER_H

#include "flow/request.h"

/* The rungs that are for this call: models and services become ways, in order. The worker's document must be the
 * call's body. Fails: false with the request failed. */
bool ladder_add_ways(struct request *r) MUST_CHECK;
/* Before the first attempt: a rule answers, or no rung is for this call. False: neither. */
bool ladder_answers(struct request *r);
/* Only of calls that talk there is a text to look at. */
bool ladder_may_test(const struct request *r);
const struct setting_rung *ladder_end(const struct request *r);
/* The first rule that answers this call, of the rungs [from, end); NULL: none does. */
const struct setting_rung *ladder_find_reply(const struct request *r, const struct setting_rung *from,
                                             const struct setting_rung *end);
/* A rule that stands between a model that failed and the next one (NULL: none follows) has answered the client. */
bool ladder_replies(struct request *r, const struct way *next);

#endif
