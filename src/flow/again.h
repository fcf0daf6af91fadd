/* What comes behind an attempt that failed before anything went to the client: everything
 * that may try again draws from one budget a call, in count, time and money. */
#ifndef FLOW_AGAIN_H
#define FLOW_AGAIN_H

#include "flow/request.h"

struct again {
    const struct way *way;
    enum attempt_reason reason;
    int64_t wait_us; /* before it begins */
};

/* Fails: false where nothing may follow: the client is told what `failed` met. */
bool again_decide(struct request *r, const struct attempt *failed, struct again *out) MUST_CHECK;
/* Where the call goes first: the first target in order that is well. */
const struct way *again_first(const struct request *r);
/* Whether the call's budget has room for one more, once `spent` is counted. */
bool again_may(const struct request *r, picousd spent);
/* Until when an attempt without content is waited for where another target could have its turn: one that hangs must
 * not use up the call's time. INT64_MAX: the call has no limit. `*clients`: the client's own deadline sets it. */
int64_t again_give_up_us(const struct request *r, bool *clients);
/* Whether another target would have its turn if the running attempt were given up now. */
bool again_would_go_on(const struct request *r);
/* Whether the way's target is well. */
bool again_lets_in(const struct way *way);
/* Whether any attempt may still follow the running ones: then the client's request is kept. */
bool again_possible(const struct request *r);
/* The way of a second attempt beside a slow one, which is then under way; NULL where none may begin. */
const struct way *again_hedge(struct request *r, const struct attempt *slow);
/* It is under way no more. */
void again_hedge_over(const struct request *r);
/* An attempt of it is posted: hedges may cost a share of what all cost. */
void again_spent(const struct attempt *a);

/* How long the first attempt may be without content before a second one begins; INT64_MAX: for ever. */
int64_t again_hedge_after_us(const struct request *r);

#endif
