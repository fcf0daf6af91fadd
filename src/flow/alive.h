/* A stream that is held back while its answer is tested: its client sees that it lives. The first sign sends the
 * head; from then on what else becomes of the call must be told within the stream. */
#ifndef FLOW_ALIVE_H
#define FLOW_ALIVE_H

#include "flow/request.h"

/* Nothing where the protocol's framing has no sign. */
void alive_show(struct request *r);
/* Where `answer.opened`: the whole of the stream, or an error that is all that comes. */
void alive_send(struct request *r, str body);
void alive_error(struct request *r, enum err e, str message);

#endif
