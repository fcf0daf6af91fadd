/* Answers without a provider: a set reply in the client's protocol where one fits the call, else a
 * clean 503. Nothing is spent, so no attempt is recorded; access log and metrics count it. */
#ifndef FLOW_DEGRADE_H
#define FLOW_DEGRADE_H

#include "flow/request.h"

/* "switch", "budget": in the header `x-purser-degraded`, metrics and access log. */
str degrade_name(enum degrade_reason why);
/* Is AI switched off for this call, now? A read of a pointer where nothing is. */
bool degrade_asked(const struct request *r);
/* A reply is set for the call, by its feature or its model: it could be answered without a provider. */
bool degrade_may(const struct request *r);
/* Answers the call; nothing may have gone to the client yet. Jumps to `record`.
 * `message` is told where no reply fits; `retry_after_s` 0: not known. */
struct degrading {
    enum degrade_reason why;
    enum err err; /* of the 503; ERR_NONE: what `why` says */
    str message;
    int64_t retry_after_s;
};
enum verdict degrade_answer(struct request *r, const struct degrading *d);
/* A rule of the model's ladder answers, with a reply that fits the call. */
void degrade_reply(struct request *r, str reply);
/* The same for a switch, with its own words. */
enum verdict degrade_switched_off(struct request *r);
/* Behind the last attempt. Fails: false where what it met, or got, is what the client should see. */
bool degrade_after(struct request *r, const struct attempt *last);

#endif
