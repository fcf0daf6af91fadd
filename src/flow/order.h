/* In which order a call tries its ways, and how long its client waits for all of them. */
#ifndef FLOW_ORDER_H
#define FLOW_ORDER_H

#include "flow/request.h"

/* By the model's `balance` and `sticky`; the ways for a mishap alone stay behind. */
void order_ways(struct request *r);
/* An attempt is posted: whom the model sticks to goes there again. */
void order_note(const struct attempt *a);
/* From x-purser-deadline-ms, else the timeout that an SDK tells of. False: it is malformed,
 * with the request failed. Only once the body is read: an SDK's timeout of a stream ends with
 * the answer's head, which purser may send late; so it counts for whole answers alone. */
bool order_deadline(struct request *r) MUST_CHECK;

#endif
