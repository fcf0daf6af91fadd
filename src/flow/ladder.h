/* A model's ladder: rungs in order, cheapest first. The answer of a rung that is not the last is held back until
 * its tests are done; one that they do not accept is thrown away, paid for, and the next rung has its turn within
 * the call's budget of attempts. Where nothing may follow, the answer goes out as it is. */
#ifndef FLOW_LADDER_H
#define FLOW_LADDER_H

#include "flow/request.h"

/* The rungs that are for this call: models become ways, in order. The worker's document must be the call's body.
 * Fails: false with the request failed. */
bool ladder_add_ways(struct request *r) MUST_CHECK;
/* Before the first attempt: a rule answers, or no rung is for this call. False: neither. */
bool ladder_answers(struct request *r);

/* A new attempt: is its answer to be tested? */
void ladder_begin(struct attempt *a);
void ladder_free(struct attempt *a);
/* Nothing of its answer may go out yet. */
bool ladder_holds(const struct attempt *a);
/* One event of the stream, or the whole body, behind the tap (whose document still holds it). */
void ladder_read_event(struct attempt *a, const struct frame *e);
void ladder_read_whole(struct attempt *a);
/* Its cost is known: tests the answer. Where it is not accepted and something may follow, the attempt has failed. */
void ladder_judge(struct attempt *a);

/* What follows an answer that was not accepted: the next attempt, or NULL with the client answered. */
const struct way *ladder_follow(struct request *r);
/* A rule that stands between a model that failed and the next one (NULL: none follows) has answered the client. */
bool ladder_replies(struct request *r, const struct way *next);

#endif
