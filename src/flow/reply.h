/* An answer that no provider gave: a text as the client's protocol has it. The call must have been read
 * (translate_read()), and be of a kind that generates. */
#ifndef FLOW_REPLY_H
#define FLOW_REPLY_H

#include "flow/request.h"

/* The text of the last turn of the user's, for rules that look at it. The body must still be there. */
str reply_question(struct request *r);
/* Would a client take this text for an answer to what it asked? JSON, a schema, a forced tool. */
bool reply_fits(const struct request *r, str text);
/* The whole body, as events where the call wants a stream; its usage is zero. */
void reply_write(struct request *r, str text, struct buf *out);
/* A provider's answer of which only this text is left: with its model and usage. */
void reply_write_mended(const struct attempt *a, str text, struct buf *out);
/* Its content type, as a header line. */
str reply_type(const struct request *r);

#endif
