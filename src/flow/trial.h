/* The answer of a rung under test. It is held back until its tests are done, or streams at once where they can be
 * told as it comes (`early`). One that they do not accept is thrown away, paid for, and what follows has its turn
 * within the call's budget of attempts: the same rung once more with what was wrong, a rule, the next rung. Where
 * nothing may follow, or what follows fails, it goes out after all. */
#ifndef FLOW_TRIAL_H
#define FLOW_TRIAL_H

#include "flow/request.h"

/* A new attempt: is its answer to be tested? */
void trial_begin(struct attempt *a);
void trial_free(struct attempt *a);
/* Nothing of its answer may go out yet. */
bool trial_holds(const struct attempt *a);
/* One event of the stream, behind the tap (whose document still holds it). The test that nothing which may follow
 * could make hold, where something better may come: then trial_refuse(); NULL: go on. */
const char *trial_read_event(struct attempt *a, const struct frame *e);
void trial_refuse(struct attempt *a, const char *test);
/* The whole body, likewise. */
void trial_read_whole(struct attempt *a);
/* Its cost is known: tests the answer. Where it is not accepted and something may follow, the attempt has failed. */
void trial_judge(struct attempt *a);
/* The test that an answer failed which goes out all the same; NULL: none. */
const char *trial_failed(const struct attempt *a);

/* A repair that there was no money for: the next rung may be cheaper, or paid by another budget. True: it is to
 * be followed like an answer that was not accepted. */
bool trial_passes_over(struct request *r);
/* What follows an answer that was not accepted: the next attempt; NULL with the client answered by a rule, or with
 * nothing left. `reason` is why it is made, `repair` what it is told (NULL: nothing). */
const struct way *trial_follow(struct request *r, enum attempt_reason *reason, struct repair **repair);
/* Its answer is whole, and may have to do after all. */
bool trial_keeps(const struct attempt *a);
/* What becomes of answers that are kept is known: rows that were put off are written. */
void trial_settle(const struct request *r);
/* Another attempt takes its place: it is freed, or kept for trial_fall_back(). */
void trial_put_away(struct attempt *a);
/* All that followed has failed: the last answer that was kept is the call's after all. */
void trial_fall_back(struct request *r);

#endif
