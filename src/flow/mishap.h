/* What went wrong with an attempt, as far as it decides what may be tried next. */
#ifndef FLOW_MISHAP_H
#define FLOW_MISHAP_H

#include "settings/settings.h"

struct attempt;

/* MISHAP_COUNT: the client's own fault, or nobody's: nothing else would help. */
enum mishap mishap_of(const struct attempt *a);
/* The answer's status; where that is good and the answer is an error all the same, the one that the error tells: 0
 * where it tells none. */
int mishap_status(const struct attempt *a);
/* It says with 400 that purser's key is wrong. */
bool mishap_is_bad_key(const struct attempt *a);
/* Might the same call succeed at the same target a moment later? Not where purser's key, its account or the model is
 * refused; what the provider says of it (x-should-retry) counts first. */
bool mishap_may_pass(const struct attempt *a);
/* How long its provider asked to be left alone; 0: it said nothing. */
int64_t mishap_retry_after_us(const struct attempt *a, int64_t now_us);
/* Money is out at the provider: trying again does not help. */
bool mishap_is_quota(const struct attempt *a);
/* The provider does not let purser in: its credentials are wrong, or may not do this. */
bool mishap_is_refusal(const struct attempt *a);
/* Complete, by its protocol, and nothing in it. */
bool mishap_is_empty(const struct attempt *a);

#endif
