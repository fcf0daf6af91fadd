/* A call for a target that speaks another dialect, and its answer on the way back.
 * Where client and target speak the same, nothing of this runs. */
#ifndef FLOW_TRANSLATE_H
#define FLOW_TRANSLATE_H

#include "base/text.h"
#include "flow/frames.h"

struct request;
struct attempt;
struct way;

/* The call in canonical form, once for all who need it: `plan.canon`. The worker's document must be its body's.
 * Fails: false with the request failed. */
bool translate_read(struct request *r) MUST_CHECK;
/* How an answer is shown to the client, as events or whole. `seed` must live as long as what comes back. */
struct canon_encoder translate_encoder(struct request *r, char seed[TEXT_NUMBER_MAX], struct event_sink *sink);
struct canon_client translate_client(const struct request *r, char seed[TEXT_NUMBER_MAX]);
/* What the target is asked, in a dialect that it speaks: the client's own where it can.
 * Decodes the call where that is another one.
 * Fails: false with the request failed. */
bool translate_plan(struct request *r, struct way *way) MUST_CHECK;
/* The body for the target. Fails: false with request and attempt failed. */
bool translate_call(struct attempt *a, struct buf *out) MUST_CHECK;
/* One event of the stream, behind the tap (whose document still holds it); what the client gets is gathered. */
void translate_event(struct attempt *a, const struct frame *e);
/* What was gathered goes to the client. */
void translate_flush(struct attempt *a);
/* The stream is complete: its end in the client's protocol, to be withheld until the post. */
void translate_end(struct attempt *a, str cost_usd, struct buf *withheld);
/* A whole answer as the client's protocol has it. Fails: false where it is none. */
bool translate_whole(struct attempt *a, struct buf *out) MUST_CHECK;
/* The same for a client that asked for a stream and a provider that gave none. */
bool translate_replay(struct attempt *a, str cost_usd, struct buf *out) MUST_CHECK;
/* Whether the stream cannot be translated any further; why, for people. */
const char *translate_broken(const struct attempt *a);
/* The number of the next event, where they are numbered. */
int64_t translate_sequence(const struct attempt *a);
void translate_free(struct attempt *a);

#endif
