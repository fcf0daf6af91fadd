/* The call once more, for an answer whose JSON is not what was asked for: with that answer, and what is wrong with
 * it. It is said in the call's canonical form, so that every target can be told. */
#ifndef FLOW_REPAIR_H
#define FLOW_REPAIR_H

#include "flow/accept.h"
#include "flow/request.h"

struct repair {
    const struct way *way;
    struct canon_call call; /* the client's, and two messages more */
    int64_t bytes;          /* of those */
};

/* Whether the rung may be asked once more. `more_above`: another rung waits for the last attempt. */
bool repair_may(const struct attempt *a, bool more_above);
/* The body of the call must still be there. Lives in the request's arena. */
struct repair *repair_make(struct attempt *a, const struct accept_reading *reading, const struct accept_terms *terms);
/* Input tokens that a repair of an answer of so many bytes would add at most. */
int64_t repair_most(const struct attempt *a, size_t answer_bytes);
/* Input tokens that it adds at most; 0 where `a` is no repair. */
int64_t repair_bound(const struct attempt *a);

#endif
